//! The volumes of instances: each has one, of its root device, for as long as it lives. There is nothing on it.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html>

use crate::{
    describing::{check_ids, check_page, page},
    engine::Ec2,
    filters::{ShownFilters, of_tags},
    permissions,
    rows::{DesiredState, Instance},
    state::{Kind, State},
    tags, zones,
};
use cloudlet_api_ec2::{self as api, DescribeVolumes};
use cloudlet_aws::{Scope, TimestampFormat};
use cloudlet_engine::{Cx, handler, paging::Paging};
use std::collections::BTreeMap;

pub const VOLUME: Kind = Kind {
    prefix: "vol",
    name: "volume",
    missing: "InvalidVolume.NotFound",
    says: ("The volume '", "' does not exist."),
    malformed: "InvalidParameterValue",
};
/// GiB, and what a `gp3` volume has at least.
const SIZE: i32 = 8;
const OPERATIONS: i32 = 3_000;
const THROUGHPUT: i32 = 125;

pub fn has_volume(state: &State, scope: &Scope, id: &str) -> bool {
    state.all::<Instance>(scope).any(|(_, row)| row.root_volume == id && row.wanted != DesiredState::Terminated)
}

fn shown(state: &State, cx: &Cx, instance: &str, row: &Instance) -> api::Volume {
    let attachment = api::VolumeAttachment {
        attach_time: Some(row.launched),
        delete_on_termination: Some(true),
        device: Some("/dev/xvda".to_owned()),
        instance_id: Some(instance.to_owned()),
        state: Some("attached".to_owned()),
        volume_id: Some(row.root_volume.clone()),
        ..Default::default()
    };
    api::Volume {
        attachments: Some(vec![attachment]),
        availability_zone: Some(row.zone.clone()),
        availability_zone_id: zones::id_of(cx.scope.region.as_str(), &row.zone),
        create_time: Some(row.launched),
        encrypted: Some(false),
        iops: Some(OPERATIONS),
        multi_attach_enabled: Some(false),
        size: Some(SIZE),
        // AWS: empty for a volume of no snapshot.
        snapshot_id: Some(String::new()),
        state: Some("in-use".to_owned()),
        tags: tags::answered(state.tags_of(&cx.scope, &row.root_volume)),
        throughput: Some(THROUGHPUT),
        volume_id: Some(row.root_volume.clone()),
        volume_type: Some("gp3".to_owned()),
        ..Default::default()
    }
}

fn values(of: &api::Volume, filter: &str) -> Option<Vec<String>> {
    let attachment = of.attachments.iter().flatten().next();
    let text = match filter {
        "attachment.attach-time" => attachment.and_then(|it| it.attach_time).map(|at| at.text(TimestampFormat::DateTime)),
        "attachment.delete-on-termination" => attachment.and_then(|it| it.delete_on_termination).map(|it| it.to_string()),
        "attachment.device" => attachment.and_then(|it| it.device.clone()),
        "attachment.instance-id" => attachment.and_then(|it| it.instance_id.clone()),
        "attachment.status" => attachment.and_then(|it| it.state.clone()),
        "availability-zone" => of.availability_zone.clone(),
        "availability-zone-id" => of.availability_zone_id.clone(),
        "create-time" => of.create_time.map(|at| at.text(TimestampFormat::DateTime)),
        "encrypted" => of.encrypted.map(|it| it.to_string()),
        "fast-restored" => Some("false".to_owned()),
        "multi-attach-enabled" => of.multi_attach_enabled.map(|it| it.to_string()),
        "size" => of.size.map(|it| it.to_string()),
        "snapshot-id" => of.snapshot_id.clone(),
        "status" => of.state.clone(),
        "volume-id" => of.volume_id.clone(),
        "volume-type" => of.volume_type.clone(),
        _ => return of_tags(of.tags.as_ref(), filter),
    };
    Some(text.into_iter().collect())
}

handler!(Ec2, DescribeVolumes, |ec2, cx, input| Ok(permissions::describe::<DescribeVolumes>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribeVolumes>(cx, &input);
    check_ids(input.max_results, input.volume_ids.as_ref(), "volume_ids")?;
    check_page(input.max_results, 5, 1_000)?;
    let filters = ShownFilters::read(input.filters, values)?;
    let wanted = input.volume_ids.unwrap_or_default();
    let page = ec2.store.read(|state| {
        wanted.iter().try_for_each(|id| VOLUME.check(id))?;
        let live = state.all::<Instance>(&cx.scope).filter(|(_, row)| row.wanted != DesiredState::Terminated);
        let all = live.filter(|(_, row)| wanted.is_empty() || wanted.contains(&row.root_volume));
        let found: BTreeMap<_, _> = all.map(|(id, row)| (row.root_volume.clone(), shown(state, cx, id, row))).collect();
        if let Some(missing) = wanted.iter().find(|id| !found.contains_key(*id)) {
            return Err(VOLUME.is_missing(missing));
        }
        page(&list, found.into_iter().filter(|(_, volume)| filters.pass(volume)))
    })?;
    Ok(api::DescribeVolumesResult { volumes: Some(page.items), next_token: page.next_token })
});

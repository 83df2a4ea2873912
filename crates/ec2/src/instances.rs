//! Instances as records: they have interfaces, groups, an instance profile and states, and no machine behind them.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>

mod attributes;
mod credits;
mod launching;
mod states;
pub mod volumes;

use crate::{
    describing::{self, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    groups, interfaces, lookups, permissions,
    rows::{DesiredState, Instance, Interface},
    state::{At, FilterOf, Kind, Resource, State, in_table, is_over},
    tags, zones,
};
use cloudlet_api_ec2::{self as api, DescribeInstanceStatus, DescribeInstances};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, handler, paging::Paging};

/// How long one is pending, stopping, and shutting down.
const CHANGE: i64 = 5_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    code: i32,
    name: &'static str,
}

const PENDING: Phase = Phase { code: 0, name: "pending" };
const RUNNING: Phase = Phase { code: 16, name: "running" };
const SHUTTING_DOWN: Phase = Phase { code: 32, name: "shutting-down" };
const TERMINATED: Phase = Phase { code: 48, name: "terminated" };
const STOPPING: Phase = Phase { code: 64, name: "stopping" };
const STOPPED: Phase = Phase { code: 80, name: "stopped" };

/// The state at a time.
pub fn phase(instance: &Instance, now: Timestamp) -> Phase {
    let is_done = now.0 >= instance.since.0 + CHANGE;
    match (instance.wanted, is_done) {
        (DesiredState::Running, false) => PENDING,
        (DesiredState::Running, true) => RUNNING,
        (DesiredState::Stopped, false) => STOPPING,
        (DesiredState::Stopped, true) => STOPPED,
        (DesiredState::Terminated, false) => SHUTTING_DOWN,
        (DesiredState::Terminated, true) => TERMINATED,
    }
}

impl Phase {
    fn shown(self) -> api::InstanceState {
        api::InstanceState { code: Some(self.code), name: Some(self.name.to_owned()) }
    }
}

impl Resource for Instance {
    const KIND: Kind = Kind {
        prefix: "i",
        name: "instance",
        missing: "InvalidInstanceID.NotFound",
        says: ("The instance ID '", "' does not exist"),
        malformed: "InvalidInstanceID.Malformed",
    };
    const FILTERS: &'static [FilterOf<Instance>] = &[
        ("architecture", |_, _| vec!["x86_64".to_owned()]),
        ("availability-zone", |instance, _| vec![instance.zone.clone()]),
        ("client-token", |instance, _| vec![instance.client_token.clone()]),
        ("dns-name", |instance, at| instance.shown(at).public_dns_name.into_iter().collect()),
        ("group-id", |_, at| group_ids(at)),
        ("group-name", |_, at| groups::identifiers(at.state, at.scope, &group_ids(at)).into_iter().filter_map(|group| group.group_name).collect()),
        ("iam-instance-profile.arn", |instance, _| instance.profile.iter().map(|profile| profile.arn.clone()).collect()),
        ("iam-instance-profile.id", |instance, _| instance.profile.iter().map(|profile| profile.profile_id.clone()).collect()),
        ("image-id", |instance, _| vec![instance.image.clone()]),
        ("instance-id", |_, at| vec![at.id.to_owned()]),
        ("instance-state-code", |instance, at| vec![phase(instance, at.now).code.to_string()]),
        ("instance-state-name", |instance, at| vec![phase(instance, at.now).name.to_owned()]),
        ("instance-type", |instance, _| vec![instance.instance_type.clone()]),
        ("instance.group-id", |_, at| group_ids(at)),
        ("ip-address", |instance, at| instance.shown(at).public_ip_address.into_iter().collect()),
        ("key-name", |instance, _| instance.key_name.iter().cloned().collect()),
        ("launch-index", |instance, _| vec![instance.launch_index.to_string()]),
        ("network-interface.network-interface-id", |_, at| own_interfaces(at).map(|(id, _)| id.to_owned()).collect()),
        ("network-interface.group-id", |_, at| group_ids(at)),
        ("network-interface.subnet-id", |_, at| own_interfaces(at).map(|(_, row)| row.subnet.clone()).collect()),
        ("network-interface.vpc-id", |_, at| own_interfaces(at).map(|(_, row)| row.vpc.clone()).collect()),
        ("network-interface.addresses.private-ip-address", |_, at| {
            own_interfaces(at).flat_map(|(_, row)| row.addresses.iter().map(|known| known.address.to_string())).collect()
        }),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
        ("private-dns-name", |instance, at| instance.shown(at).private_dns_name.into_iter().collect()),
        ("private-ip-address", |instance, at| instance.shown(at).private_ip_address.into_iter().collect()),
        ("reservation-id", |instance, _| vec![instance.reservation.clone()]),
        ("source-dest-check", |instance, at| instance.shown(at).source_dest_check.map(|check| check.to_string()).into_iter().collect()),
        ("subnet-id", |instance, _| vec![instance.subnet.clone()]),
        ("tenancy", |instance, _| vec![instance.tenancy.clone()]),
        ("vpc-id", |instance, _| vec![instance.vpc.clone()]),
    ];
    type Shown = api::Instance;

    in_table!(instances, Instance);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn is_visible(&self, now: Timestamp) -> bool {
        !is_over((self.wanted == DesiredState::Terminated).then_some(self.since), now)
    }

    fn shown(&self, at: &At<'_>) -> api::Instance {
        let mut own: Vec<(&str, &Interface)> = own_interfaces(at).collect();
        own.sort_by_key(|(_, row)| row.attachment.as_ref().map(|of| of.index));
        let primary = own.first().copied();
        let association = primary.and_then(|(id, row)| interfaces::association(row.addresses.first()?, &At { id, ..copy(at) }));
        let private = primary.and_then(|(_, row)| row.addresses.first()).map(|known| known.address);
        let phase = phase(self, at.now);
        let is_live = self.wanted != DesiredState::Terminated;
        let groups = primary.map(|(_, row)| groups::identifiers(at.state, at.scope, &row.groups));
        api::Instance {
            instance_id: Some(at.id.to_owned()),
            image_id: Some(self.image.clone()),
            state: Some(phase.shown()),
            instance_type: Some(self.instance_type.clone()),
            key_name: self.key_name.clone(),
            ami_launch_index: Some(self.launch_index),
            client_token: Some(self.client_token.clone()),
            launch_time: Some(self.launched),
            placement: Some(api::Placement {
                availability_zone: Some(self.zone.clone()),
                availability_zone_id: zones::id_of(at.scope.region.as_str(), &self.zone),
                group_name: Some(String::new()),
                tenancy: Some(self.tenancy.clone()),
                ..Default::default()
            }),
            monitoring: Some(api::Monitoring { state: Some(if self.monitoring { "enabled" } else { "disabled" }.to_owned()), ..Default::default() }),
            subnet_id: is_live.then(|| self.subnet.clone()),
            vpc_id: is_live.then(|| self.vpc.clone()),
            private_ip_address: private.map(|address| address.to_string()),
            private_dns_name: Some(private.and_then(|address| interfaces::name_of(address, at)).unwrap_or_default()),
            public_dns_name: Some(association.as_ref().and_then(|of| of.public_dns_name.clone()).unwrap_or_default()),
            public_ip_address: association.and_then(|of| of.public_ip),
            ipv6_address: primary.and_then(|(_, row)| row.ipv6.first()).map(ToString::to_string),
            architecture: Some("x86_64".to_owned()),
            hypervisor: Some("xen".to_owned()),
            virtualization_type: Some("hvm".to_owned()),
            platform_details: Some("Linux/UNIX".to_owned()),
            usage_operation: Some("RunInstances".to_owned()),
            usage_operation_update_time: Some(self.launched),
            root_device_name: Some("/dev/xvda".to_owned()),
            root_device_type: Some("ebs".to_owned()),
            block_device_mappings: Some(
                is_live
                    .then(|| api::InstanceBlockDeviceMapping {
                        device_name: Some("/dev/xvda".to_owned()),
                        ebs: Some(api::EbsInstanceBlockDevice {
                            attach_time: Some(self.launched),
                            delete_on_termination: Some(true),
                            status: Some("attached".to_owned()),
                            volume_id: Some(self.root_volume.clone()),
                            ..Default::default()
                        }),
                    })
                    .into_iter()
                    .collect(),
            ),
            ebs_optimized: Some(self.ebs_optimized),
            ena_support: Some(true),
            iam_instance_profile: self
                .profile
                .as_ref()
                .map(|profile| api::IamInstanceProfile { arn: Some(profile.arn.clone()), id: Some(profile.profile_id.clone()) }),
            security_groups: Some(groups.unwrap_or_default()),
            source_dest_check: primary.map(|(_, row)| row.source_dest_check),
            state_transition_reason: Some(self.reason.clone()),
            state_reason: (!self.reason.is_empty()).then(|| api::StateReason {
                code: Some("Client.UserInitiatedShutdown".to_owned()),
                message: Some("Client.UserInitiatedShutdown: User initiated shutdown".to_owned()),
            }),
            product_codes: Some(vec![]),
            cpu_options: Some(api::CpuOptions { core_count: Some(1), threads_per_core: Some(1), ..Default::default() }),
            capacity_reservation_specification: Some(api::CapacityReservationSpecificationResponse {
                capacity_reservation_preference: Some("open".to_owned()),
                ..Default::default()
            }),
            hibernation_options: Some(api::HibernationOptions { configured: Some(false) }),
            enclave_options: Some(api::EnclaveOptions { enabled: Some(false) }),
            maintenance_options: Some(api::InstanceMaintenanceOptions { auto_recovery: Some("default".to_owned()), ..Default::default() }),
            metadata_options: Some(api::InstanceMetadataOptionsResponse {
                state: Some("applied".to_owned()),
                http_tokens: Some(self.metadata_tokens.clone()),
                http_put_response_hop_limit: Some(self.metadata_hops),
                http_endpoint: Some(self.metadata_endpoint.clone()),
                http_protocol_ipv6: Some("disabled".to_owned()),
                instance_metadata_tags: Some("disabled".to_owned()),
            }),
            network_interfaces: Some(own.iter().filter_map(|(id, row)| shown_interface(row, &At { id, ..copy(at) })).collect()),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

fn copy<'a>(at: &At<'a>) -> At<'a> {
    At { state: at.state, scope: at.scope, id: at.id, now: at.now }
}

fn own_interfaces<'a>(at: &At<'a>) -> impl Iterator<Item = (&'a str, &'a Interface)> + Clone {
    lookups::of_instance(at.state, at.scope, at.id)
}

fn group_ids(at: &At<'_>) -> Vec<String> {
    own_interfaces(at).flat_map(|(_, row)| row.groups.iter().cloned()).collect()
}

/// The interface in the shape that instances have.
fn shown_interface(row: &Interface, at: &At<'_>) -> Option<api::InstanceNetworkInterface> {
    let whole = row.shown(at);
    let association = |of: api::NetworkInterfaceAssociation| api::InstanceNetworkInterfaceAssociation {
        ip_owner_id: of.ip_owner_id,
        public_dns_name: Some(of.public_dns_name.unwrap_or_default()),
        public_ip: of.public_ip,
        ..Default::default()
    };
    let attachment = whole.attachment?;
    Some(api::InstanceNetworkInterface {
        association: whole.association.map(association),
        attachment: Some(api::InstanceNetworkInterfaceAttachment {
            attach_time: attachment.attach_time,
            attachment_id: attachment.attachment_id,
            delete_on_termination: attachment.delete_on_termination,
            device_index: attachment.device_index,
            status: attachment.status,
            network_card_index: Some(0),
            ..Default::default()
        }),
        description: whole.description,
        groups: whole.groups,
        ipv6_addresses: Some(
            row.ipv6.iter().map(|address| api::InstanceIpv6Address { ipv6_address: Some(address.to_string()), is_primary_ipv6: None }).collect(),
        ),
        mac_address: whole.mac_address,
        network_interface_id: whole.network_interface_id,
        owner_id: whole.owner_id,
        private_dns_name: whole.private_dns_name,
        private_ip_address: whole.private_ip_address,
        private_ip_addresses: whole.private_ip_addresses.map(|all| {
            let each = |one: api::NetworkInterfacePrivateIpAddress| api::InstancePrivateIpAddress {
                association: one.association.map(association),
                primary: one.primary,
                private_dns_name: one.private_dns_name,
                private_ip_address: one.private_ip_address,
            };
            all.into_iter().map(each).collect()
        }),
        source_dest_check: whole.source_dest_check,
        status: whole.status,
        subnet_id: whole.subnet_id,
        vpc_id: whole.vpc_id,
        interface_type: whole.interface_type,
        ..Default::default()
    })
}

/// All of them, or AWS's fault that names each that is unknown.
fn find_all(state: &State, cx: &Cx, ids: &[String]) -> Result<(), Fault> {
    if ids.is_empty() || ids.iter().any(String::is_empty) {
        return Err(faults::missing("InstanceId"));
    }
    ids.iter().try_for_each(|id| Instance::KIND.check(id))?;
    let missing: Vec<&str> = ids.iter().filter(|id| lookups::find_instance(state, cx, id).is_err()).map(String::as_str).collect();
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(Instance::KIND.is_missing(one)),
        many => Err(refuse("InvalidInstanceID.NotFound", format!("The instance IDs '{}' do not exist", many.join(", ")))),
    }
}

/// The ids of a `Describe…`: none with a page, and all that are unknown in one fault.
fn check_asked(state: &State, cx: &Cx, size: Option<i32>, ids: Option<&Vec<String>>) -> Result<(), Fault> {
    describing::check_ids(size, ids, "instance_ids")?;
    ids.filter(|ids| !ids.is_empty()).map_or(Ok(()), |ids| find_all(state, cx, ids))
}

/// `t3.micro`: a family, a dot and a size. AWS has a list of them.
fn check_type(given: &str) -> Result<(), Fault> {
    let is_word = |word: &str| {
        !word.is_empty() && word.len() <= 24 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    match given.split_once('.') {
        Some((family, size)) if is_word(family) && is_word(size) => Ok(()),
        _ => Err(invalid_value(format!("Invalid value '{given}' for InstanceType."))),
    }
}

fn reserved(state: &State, cx: &Cx, reservation: &str) -> api::Reservation {
    let of = state.all::<Instance>(&cx.scope).filter(|(_, row)| row.reservation == reservation);
    let mut instances: Vec<api::Instance> = of.filter_map(|(id, _)| shown::<Instance>(state, cx, id)).collect();
    instances.sort_by_key(|instance| instance.ami_launch_index);
    api::Reservation {
        reservation_id: Some(reservation.to_owned()),
        owner_id: Some(cx.scope.account.to_string()),
        groups: Some(vec![]),
        instances: Some(instances),
        ..Default::default()
    }
}

handler!(Ec2, DescribeInstances, |ec2, cx, input| Ok(permissions::describe::<DescribeInstances>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribeInstances>(cx, &input);
    let page = ec2.store.read(|state| {
        check_asked(state, cx, input.max_results, input.instance_ids.as_ref())?;
        let asked = describing::Asked {
            ids: input.instance_ids,
            member: "instance_ids",
            filters: input.filters,
            size: input.max_results,
            smallest: 5,
            largest: 1_000,
        };
        let page = describing::describe::<Instance>(state, cx, &list, asked)?;
        let mut reservations: Vec<api::Reservation> = Vec::new();
        for instance in page.items {
            let id = instance.instance_id.as_deref().unwrap_or_default();
            let of = state.get::<Instance>(&cx.scope, id).map(|row| row.reservation.clone());
            let known = reservations.iter_mut().find(|known| known.reservation_id == of);
            match known.and_then(|known| known.instances.as_mut()) {
                Some(instances) => instances.push(instance),
                None => reservations.push(api::Reservation {
                    reservation_id: of,
                    owner_id: Some(cx.scope.account.to_string()),
                    groups: Some(vec![]),
                    instances: Some(vec![instance]),
                    ..Default::default()
                }),
            }
        }
        Ok::<_, Fault>((reservations, page.next_token))
    })?;
    Ok(api::DescribeInstancesResult { reservations: Some(page.0), next_token: page.1 })
});

handler!(Ec2, DescribeInstanceStatus, |ec2, cx, input| Ok(permissions::describe::<DescribeInstanceStatus>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribeInstanceStatus>(cx, &input);
    let all = input.include_all_instances == Some(true);
    let page = ec2.store.read(|state| {
        check_asked(state, cx, input.max_results, input.instance_ids.as_ref())?;
        let asked = describing::Asked {
            ids: input.instance_ids,
            member: "instance_ids",
            filters: input.filters,
            size: input.max_results,
            smallest: 5,
            largest: 1_000,
        };
        describing::describe::<Instance>(state, cx, &list, asked)
    })?;
    let statuses = page.items.into_iter().filter(|instance| all || instance.state.as_ref().is_some_and(|state| state.code == Some(RUNNING.code)));
    let summary = |is_running: bool| api::InstanceStatusSummary {
        status: Some(if is_running { "ok" } else { "not-applicable" }.to_owned()),
        details: is_running.then(|| {
            vec![api::InstanceStatusDetails { name: Some("reachability".to_owned()), status: Some("passed".to_owned()), impaired_since: None }]
        }),
    };
    let shown = statuses.map(|instance| {
        let is_running = instance.state.as_ref().is_some_and(|state| state.code == Some(RUNNING.code));
        let placement = instance.placement.unwrap_or_default();
        api::InstanceStatus {
            availability_zone: placement.availability_zone,
            availability_zone_id: placement.availability_zone_id,
            instance_id: instance.instance_id,
            instance_state: instance.state,
            instance_status: Some(summary(is_running)),
            system_status: Some(summary(is_running)),
            ..Default::default()
        }
    });
    Ok(api::DescribeInstanceStatusResult { instance_statuses: Some(shown.collect()), next_token: page.next_token })
});

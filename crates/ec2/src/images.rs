//! DescribeImages: the images that AWS and others publish, a chosen set. An account has none of its own.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html>

use crate::{
    describing,
    engine::Ec2,
    faults::{check_id, refuse},
    filters::ShownFilters,
    permissions,
};
use cloudlet_api_ec2::{self as api, DescribeImages};
use cloudlet_aws::Region;
use cloudlet_engine::{
    handler,
    paging::Paging,
    public_images::{self, PublicImage, image_id},
};

fn shown(id: String, image: PublicImage) -> api::Image {
    let root = api::EbsBlockDevice {
        delete_on_termination: Some(true),
        // AWS: as ids of images, they name nothing.
        snapshot_id: Some(id.replacen("ami-", "snap-", 1)),
        volume_size: Some(image.gigabytes),
        volume_type: Some("gp3".into()),
        encrypted: Some(false),
        iops: Some(3_000),
        throughput: Some(125),
        ..Default::default()
    };
    api::Image {
        platform: image.is_windows.then(|| "windows".into()),
        platform_details: Some(if image.is_windows { "Windows" } else { "Linux/UNIX" }.into()),
        usage_operation: Some(if image.is_windows { "RunInstances:0002" } else { "RunInstances" }.into()),
        block_device_mappings: Some(vec![api::BlockDeviceMapping {
            device_name: Some(image.root_device.into()),
            ebs: Some(root),
            ..Default::default()
        }]),
        description: Some(image.description),
        ena_support: Some(true),
        hypervisor: Some("xen".into()),
        image_owner_alias: image.owner_alias.map(Into::into),
        image_location: Some(format!("{}/{}", image.owner_alias.unwrap_or(image.owner), image.name)),
        name: Some(image.name),
        root_device_name: Some(image.root_device.into()),
        root_device_type: Some("ebs".into()),
        sriov_net_support: Some("simple".into()),
        virtualization_type: Some("hvm".into()),
        boot_mode: Some(if image.architecture == "arm64" { "uefi" } else { "uefi-preferred" }.into()),
        image_id: Some(id),
        state: Some("available".into()),
        owner_id: Some(image.owner.into()),
        creation_date: Some(image.created.into()),
        public: Some(true),
        architecture: Some(image.architecture.into()),
        image_type: Some("machine".into()),
        ..Default::default()
    }
}

/// What `Filter.N` calls a value of an image.
fn value(image: &api::Image, filter: &str) -> Option<Vec<String>> {
    let device = image.block_device_mappings.as_ref().and_then(|all| all.first());
    let ebs = device.and_then(|device| device.ebs.as_ref());
    let text = match filter {
        "architecture" => image.architecture.clone(),
        "block-device-mapping.delete-on-termination" => ebs.and_then(|ebs| ebs.delete_on_termination).map(|it| it.to_string()),
        "block-device-mapping.device-name" => device.and_then(|device| device.device_name.clone()),
        "block-device-mapping.encrypted" => ebs.and_then(|ebs| ebs.encrypted).map(|it| it.to_string()),
        "block-device-mapping.snapshot-id" => ebs.and_then(|ebs| ebs.snapshot_id.clone()),
        "block-device-mapping.volume-size" => ebs.and_then(|ebs| ebs.volume_size).map(|it| it.to_string()),
        "block-device-mapping.volume-type" => ebs.and_then(|ebs| ebs.volume_type.clone()),
        "creation-date" => image.creation_date.clone(),
        "description" => image.description.clone(),
        "ena-support" => image.ena_support.map(|it| it.to_string()),
        "hypervisor" => image.hypervisor.clone(),
        "image-allowed" => Some("true".into()),
        "image-id" => image.image_id.clone(),
        "image-type" => image.image_type.clone(),
        "is-public" => image.public.map(|it| it.to_string()),
        "manifest-location" => image.image_location.clone(),
        "name" => image.name.clone(),
        "owner-alias" => image.image_owner_alias.clone(),
        "owner-id" => image.owner_id.clone(),
        "platform" => image.platform.clone(),
        "root-device-name" => image.root_device_name.clone(),
        "root-device-type" => image.root_device_type.clone(),
        "sriov-net-support" => image.sriov_net_support.clone(),
        "state" => image.state.clone(),
        "virtualization-type" => image.virtualization_type.clone(),
        "kernel-id"
        | "product-code"
        | "product-code.type"
        | "ramdisk-id"
        | "source-instance-id"
        | "state-reason-code"
        | "state-reason-message"
        | "tag-key" => None,
        other if other.starts_with("tag:") => None,
        _ => return None,
    };
    Some(text.into_iter().collect())
}

fn all(region: &Region) -> Vec<api::Image> {
    public_images::all().into_iter().map(|image| shown(image_id(region, &image.key), image)).collect()
}

handler!(Ec2, DescribeImages, |ec2, cx, input| Ok(permissions::describe::<DescribeImages>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribeImages>(cx, &input);
    describing::check_ids(input.max_results, input.image_ids.as_ref(), "image_ids")?;
    describing::check_page(input.max_results, 1, 1_000)?;
    let all = all(&cx.scope.region);
    let filters = ShownFilters::read(input.filters, value)?;
    let ids = input.image_ids.unwrap_or_default();
    for id in &ids {
        check_id(id, "ami", "InvalidAMIID.Malformed")?;
        if !all.iter().any(|image| image.image_id.as_ref() == Some(id)) {
            return Err(refuse("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist")));
        }
    }
    let owners = input.owners.unwrap_or_default();
    let users = input.executable_users.unwrap_or_default();
    let mut found = Vec::new();
    for image in all {
        let is_asked = (ids.is_empty() || image.image_id.as_ref().is_some_and(|id| ids.contains(id)))
            && (owners.is_empty() || image.owner_id.iter().chain(&image.image_owner_alias).any(|owner| owners.contains(owner)))
            // All of them are public; none is shared with somebody by name.
            && (users.is_empty() || users.iter().any(|user| user == "all"));
        if is_asked && filters.pass(&image) {
            found.push((image.image_id.clone().unwrap_or_default(), image));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let page = describing::page(&list, found.into_iter())?;
    Ok(api::DescribeImagesResult { images: Some(page.items), next_token: page.next_token })
});

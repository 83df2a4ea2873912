//! DescribeRegions, DescribeAvailabilityZones and DescribeAccountAttributes.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html>

use crate::{
    engine::Ec2,
    faults::{invalid_value, refuse},
    filters::ShownFilters,
    limits, permissions, zones,
};
use cloudlet_api_ec2::{self as api, DescribeAccountAttributes, DescribeAvailabilityZones, DescribeRegions};
use cloudlet_engine::handler;

fn opt_in(of: Option<&zones::KnownRegion>) -> &'static str {
    if of.is_some_and(|region| region.opt_in) { "not-opted-in" } else { "opt-in-not-required" }
}

handler!(Ec2, DescribeRegions, |ec2, cx, input| Ok(permissions::describe::<DescribeRegions>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let partition = cx.scope.partition();
    let own = zones::known(cx.scope.region.as_str()).is_none().then(|| cx.scope.region.to_string());
    let known = zones::REGIONS.iter().filter(|region| cloudlet_aws::Region::new(region.name).partition() == partition);
    let all: Vec<(String, &str)> =
        known.map(|region| (region.name.to_owned(), opt_in(Some(region)))).chain(own.map(|name| (name, opt_in(None)))).collect();
    let wanted = input.region_names.unwrap_or_default();
    for name in &wanted {
        if !all.iter().any(|(known, _)| known == name) {
            // AWS: unverified wording.
            return Err(invalid_value(format!("Invalid region names: [{name}]")));
        }
    }
    let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let filters = ShownFilters::read(input.filters, region_values)?;
    let every = input.all_regions == Some(true);
    let asked = all.into_iter().filter(|(name, status)| if wanted.is_empty() { every || *status != "not-opted-in" } else { wanted.contains(name) });
    let shown = asked.map(|(name, status)| api::Region {
        endpoint: Some(format!("ec2.{name}.{suffix}")),
        region_name: Some(name),
        opt_in_status: Some(status.to_owned()),
        ..Default::default()
    });
    Ok(api::DescribeRegionsResult { regions: Some(shown.filter(|region| filters.pass(region)).collect()) })
});

fn region_values(of: &api::Region, filter: &str) -> Option<Vec<String>> {
    let value = match filter {
        "endpoint" => &of.endpoint,
        "opt-in-status" => &of.opt_in_status,
        "region-name" => &of.region_name,
        _ => return None,
    };
    Some(value.iter().cloned().collect())
}

handler!(Ec2, DescribeAvailabilityZones, |ec2, cx, input| Ok(permissions::describe::<DescribeAvailabilityZones>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let region = cx.scope.region.as_str();
    let all = zones::of(region);
    let (names, ids) = (input.zone_names.unwrap_or_default(), input.zone_ids.unwrap_or_default());
    if let Some(name) = names.iter().find(|name| !all.iter().any(|zone| zone.name == **name)) {
        // AWS: unverified wording.
        return Err(invalid_value(format!("Invalid availability zone: [{name}]")));
    }
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|zone| zone.id == **id)) {
        // AWS: unverified wording.
        return Err(invalid_value(format!("Invalid availability zone-id: [{id}]")));
    }
    let words = zones::known(region).map_or(region, |known| known.words);
    let filters = ShownFilters::read(input.filters, zone_values)?;
    let asked = all.into_iter().filter(|zone| (names.is_empty() || names.contains(&zone.name)) && (ids.is_empty() || ids.contains(&zone.id)));
    let shown = asked.map(|zone| api::AvailabilityZone {
        // AWS: recorded so.
        group_long_name: Some(format!("{words} 1")),
        group_name: Some(format!("{region}-zg-1")),
        messages: Some(vec![]),
        network_border_group: Some(region.to_owned()),
        opt_in_status: Some("opt-in-not-required".to_owned()),
        region_name: Some(region.to_owned()),
        state: Some("available".to_owned()),
        zone_id: Some(zone.id),
        zone_name: Some(zone.name),
        zone_type: Some("availability-zone".to_owned()),
        ..Default::default()
    });
    Ok(api::DescribeAvailabilityZonesResult { availability_zones: Some(shown.filter(|zone| filters.pass(zone)).collect()) })
});

fn zone_values(of: &api::AvailabilityZone, filter: &str) -> Option<Vec<String>> {
    let value = match filter {
        "group-long-name" => &of.group_long_name,
        "group-name" => &of.group_name,
        "message" => &None,
        "opt-in-status" => &of.opt_in_status,
        "parent-zone-id" => &of.parent_zone_id,
        "parent-zone-name" => &of.parent_zone_name,
        "region-name" => &of.region_name,
        "state" => &of.state,
        "zone-id" => &of.zone_id,
        "zone-name" => &of.zone_name,
        "zone-type" => &of.zone_type,
        _ => return None,
    };
    Some(value.iter().cloned().collect())
}

handler!(Ec2, DescribeAccountAttributes, |ec2, cx, input| Ok(permissions::describe::<DescribeAccountAttributes>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let default_vpc = ec2.store.read(|state| state.default_vpc(&cx.scope).map(str::to_owned));
    let all = [
        ("supported-platforms", "VPC".to_owned()),
        ("vpc-max-security-groups-per-interface", limits::GROUPS_OF_INTERFACE.to_string()),
        ("max-elastic-ips", limits::ADDRESSES.to_string()),
        ("max-instances", limits::INSTANCES.to_string()),
        ("vpc-max-elastic-ips", limits::ADDRESSES.to_string()),
        ("default-vpc", default_vpc.unwrap_or_else(|| "none".to_owned())),
    ];
    let wanted = input.attribute_names.unwrap_or_default();
    if let Some(name) = wanted.iter().find(|name| !all.iter().any(|(known, _)| known == name)) {
        return Err(refuse("InvalidParameterValue", format!("Value ({name}) for parameter attributeName is invalid.")));
    }
    let shown = all.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name));
    let shown = shown.map(|(name, value)| api::AccountAttribute {
        attribute_name: Some(name.to_owned()),
        attribute_values: Some(vec![api::AccountAttributeValue { attribute_value: Some(value) }]),
    });
    Ok(api::DescribeAccountAttributesResult { account_attributes: Some(shown.collect()) })
});

//! DescribeInstanceTypes: the usual ones.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html>

mod facts;

use crate::{describing, engine::Ec2, faults::refuse, filters::ShownFilters, permissions};
use cloudlet_api_ec2::{self as api, DescribeInstanceTypes};
use cloudlet_engine::{handler, paging::Paging};
use facts::{FAMILIES, Family, Size};

const MOST_INTERFACES: usize = 15;

fn texts(all: &[&str]) -> Option<Vec<String>> {
    Some(all.iter().map(|one| (*one).to_owned()).collect())
}

fn network(of: &Family, (_, _, _, performance, interfaces, addresses): &Size) -> api::NetworkInfo {
    let card = api::NetworkCardInfo {
        network_card_index: Some(0),
        network_performance: Some((*performance).to_owned()),
        maximum_network_interfaces: Some(*interfaces),
        ..Default::default()
    };
    api::NetworkInfo {
        network_performance: Some((*performance).to_owned()),
        maximum_network_interfaces: Some(*interfaces),
        maximum_network_cards: Some(1),
        default_network_card_index: Some(0),
        network_cards: Some(vec![card]),
        ipv4_addresses_per_interface: Some(*addresses),
        ipv6_addresses_per_interface: Some(*addresses),
        ipv6_supported: Some(true),
        ena_support: Some(if of.is_nitro { "required" } else { "unsupported" }.into()),
        efa_supported: Some(false),
        ena_srd_supported: Some(false),
        ..Default::default()
    }
}

fn shown(of: &Family, size: &Size) -> api::InstanceTypeInfo {
    let (name, processors, memory, ..) = size;
    let instance_type = format!("{}.{name}", of.name);
    api::InstanceTypeInfo {
        current_generation: Some(of.is_current),
        free_tier_eligible: Some(matches!(instance_type.as_str(), "t2.micro" | "t3.micro" | "t3.small" | "t4g.micro" | "t4g.small")),
        instance_type: Some(instance_type),
        supported_usage_classes: texts(&["on-demand", "spot"]),
        supported_root_device_types: texts(&["ebs"]),
        supported_virtualization_types: texts(&["hvm"]),
        bare_metal: Some(false),
        hypervisor: Some(if of.is_nitro { "nitro" } else { "xen" }.into()),
        processor_info: Some(api::ProcessorInfo {
            supported_architectures: texts(of.architectures),
            sustained_clock_speed_in_ghz: Some(of.gigahertz),
            manufacturer: Some(of.manufacturer.into()),
            ..Default::default()
        }),
        vcpu_info: Some(api::VCpuInfo {
            default_vcpus: Some(*processors),
            default_cores: Some(processors / of.threads_per_core),
            default_threads_per_core: Some(of.threads_per_core),
            ..Default::default()
        }),
        memory_info: Some(api::MemoryInfo { size_in_mi_b: Some(*memory) }),
        instance_storage_supported: Some(false),
        ebs_info: Some(api::EbsInfo {
            ebs_optimized_support: Some(if of.is_nitro { "default" } else { "unsupported" }.into()),
            encryption_support: Some("supported".into()),
            nvme_support: Some(if of.is_nitro { "required" } else { "unsupported" }.into()),
            ..Default::default()
        }),
        network_info: Some(network(of, size)),
        placement_group_info: Some(api::PlacementGroupInfo {
            supported_strategies: texts(if of.is_burstable { &["partition", "spread"] } else { &["cluster", "partition", "spread"] }),
        }),
        burstable_performance_supported: Some(of.is_burstable),
        dedicated_hosts_supported: Some(!of.is_burstable || of.name == "t3"),
        auto_recovery_supported: Some(true),
        supported_boot_modes: texts(match (of.architectures, of.is_nitro) {
            (["arm64"], _) => &["uefi"],
            (_, true) => &["legacy-bios", "uefi"],
            _ => &["legacy-bios"],
        }),
        ..Default::default()
    }
}

/// What `Filter.N` calls a value of a type.
fn value(of: &api::InstanceTypeInfo, filter: &str) -> Option<Vec<String>> {
    let processor = of.processor_info.as_ref();
    let network = of.network_info.as_ref();
    let cpus = of.vcpu_info.as_ref();
    let flag = |value: Option<bool>| value.map(|value| value.to_string());
    let text = match filter {
        "auto-recovery-supported" => flag(of.auto_recovery_supported),
        "bare-metal" => flag(of.bare_metal),
        "burstable-performance-supported" => flag(of.burstable_performance_supported),
        "current-generation" => flag(of.current_generation),
        "dedicated-hosts-supported" => flag(of.dedicated_hosts_supported),
        "ebs-info.ebs-optimized-support" => of.ebs_info.as_ref().and_then(|ebs| ebs.ebs_optimized_support.clone()),
        "ebs-info.encryption-support" => of.ebs_info.as_ref().and_then(|ebs| ebs.encryption_support.clone()),
        "ebs-info.nvme-support" => of.ebs_info.as_ref().and_then(|ebs| ebs.nvme_support.clone()),
        "free-tier-eligible" => flag(of.free_tier_eligible),
        "hypervisor" => of.hypervisor.clone(),
        "instance-storage-supported" => flag(of.instance_storage_supported),
        "instance-type" => of.instance_type.clone(),
        "memory-info.size-in-mib" => of.memory_info.as_ref().and_then(|memory| memory.size_in_mi_b).map(|size| size.to_string()),
        "network-info.ena-support" => network.and_then(|network| network.ena_support.clone()),
        "network-info.ipv4-addresses-per-interface" => network.and_then(|network| network.ipv4_addresses_per_interface).map(|it| it.to_string()),
        "network-info.ipv6-addresses-per-interface" => network.and_then(|network| network.ipv6_addresses_per_interface).map(|it| it.to_string()),
        "network-info.ipv6-supported" => network.and_then(|network| flag(network.ipv6_supported)),
        "network-info.maximum-network-interfaces" => network.and_then(|network| network.maximum_network_interfaces).map(|it| it.to_string()),
        "network-info.network-performance" => network.and_then(|network| network.network_performance.clone()),
        "processor-info.supported-architecture" => {
            return Some(processor.and_then(|processor| processor.supported_architectures.clone()).unwrap_or_default());
        }
        "processor-info.sustained-clock-speed-in-ghz" => {
            processor.and_then(|processor| processor.sustained_clock_speed_in_ghz).map(|speed| speed.to_string())
        }
        "supported-boot-mode" => return Some(of.supported_boot_modes.clone().unwrap_or_default()),
        "supported-root-device-type" => return Some(of.supported_root_device_types.clone().unwrap_or_default()),
        "supported-usage-class" => return Some(of.supported_usage_classes.clone().unwrap_or_default()),
        "supported-virtualization-type" => return Some(of.supported_virtualization_types.clone().unwrap_or_default()),
        "vcpu-info.default-cores" => cpus.and_then(|cpus| cpus.default_cores).map(|it| it.to_string()),
        "vcpu-info.default-threads-per-core" => cpus.and_then(|cpus| cpus.default_threads_per_core).map(|it| it.to_string()),
        "vcpu-info.default-vcpus" => cpus.and_then(|cpus| cpus.default_vcpus).map(|it| it.to_string()),
        _ => return None,
    };
    Some(text.into_iter().collect())
}

fn all() -> impl Iterator<Item = api::InstanceTypeInfo> {
    FAMILIES.iter().flat_map(|family| family.sizes.iter().map(|size| shown(family, size)))
}

/// Of a type that is not known here, as many as of the largest.
pub fn most_interfaces(name: &str) -> usize {
    let (family, size) = name.split_once('.').unwrap_or_default();
    let known = FAMILIES.iter().find(|known| known.name == family).and_then(|known| known.sizes.iter().find(|known| known.0 == size));
    known.and_then(|(_, _, _, _, interfaces, _)| usize::try_from(*interfaces).ok()).unwrap_or(MOST_INTERFACES)
}

handler!(Ec2, DescribeInstanceTypes, |ec2, cx, input| Ok(permissions::describe::<DescribeInstanceTypes>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribeInstanceTypes>(cx, &input);
    describing::check_ids(input.max_results, input.instance_types.as_ref(), "instance_types")?;
    describing::check_page(input.max_results, 5, 100)?;
    let filters = ShownFilters::read(input.filters, value)?;
    let wanted = input.instance_types.unwrap_or_default();
    let unknown: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|name| !all().any(|known| known.instance_type.as_deref() == Some(name))).collect();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(refuse("InvalidInstanceType", message));
    }
    let mut found = Vec::new();
    for one in all() {
        let name = one.instance_type.clone().unwrap_or_default();
        if (wanted.is_empty() || wanted.contains(&name)) && filters.pass(&one) {
            found.push((name, one));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let page = list.page_of(list.length(100, 100), found.into_iter()).map_err(|_| describing::invalid_token())?;
    Ok(api::DescribeInstanceTypesResult { instance_types: Some(page.items), next_token: page.next_token })
});

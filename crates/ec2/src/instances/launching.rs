//! RunInstances: which subnet, which groups, which interfaces, and the rows of it.

use super::{check_type, credits, reserved};
use crate::{
    client_tokens::ClientToken,
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    groups, instance_types,
    interfaces::{self, Wish},
    launch_templates, limits, lookups, permissions,
    region::new_association,
    rows::{Attachment, DesiredState, Instance, Interface, Subnet},
    state::{Resource, State},
    tags,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_ec2::{self as api, RunInstances};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, handler};
use std::collections::BTreeSet;

handler!(
    Ec2,
    RunInstances,
    |ec2, cx, input| {
        let mut all = permissions::create::<RunInstances>(cx, "instance", tags::requested_of(input.tag_specifications.as_ref(), "instance"));
        let image = permissions::arn(&cx.scope, "image", input.image_id.as_deref().unwrap_or("*"));
        all.push(cloudlet_engine::Permission::of::<RunInstances>(image).with_key("ec2:Region", cx.scope.region.as_str()));
        all.extend(input.subnet_id.as_deref().map(|id| ec2.on::<RunInstances, Subnet>(cx, id)));
        let groups = input.security_group_ids.iter().flatten();
        all.extend(groups.map(|id| ec2.on::<RunInstances, std::sync::Arc<crate::rows::Group>>(cx, id)));
        Ok(all)
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<RunInstances>(cx, &input, input.client_token.as_deref())?;
        if let Some(template) = input.launch_template.clone() {
            input = ec2.store.read(|state| launch_templates::applied(state, cx, &template, input))?;
        }
        let unbuilt = input.instance_market_options.is_some()
            || input.secondary_interfaces.is_some()
            || input.hibernation_options.as_ref().is_some_and(|options| options.configured == Some(true))
            || input.enclave_options.as_ref().is_some_and(|options| options.enabled == Some(true))
            || input.block_device_mappings.as_ref().is_some_and(|mappings| mappings.len() > 1)
            || input.elastic_gpu_specification.as_ref().is_some_and(|all| !all.is_empty())
            || input.elastic_inference_accelerators.as_ref().is_some_and(|all| !all.is_empty())
            || input.license_specifications.as_ref().is_some_and(|all| !all.is_empty())
            || input.kernel_id.is_some()
            || input.ramdisk_id.is_some()
            || input.enable_primary_ipv6 == Some(true)
            || input.placement.as_ref().is_some_and(is_unbuilt);
        if unbuilt {
            return Err(faults::not_implemented(
                "spot instances, hibernation, enclaves, licenses, placement groups and hosts, and further volumes of an instance",
            ));
        }
        check_data(input.user_data.as_deref())?;
        if let Some(given) = input.instance_initiated_shutdown_behavior.as_deref().filter(|given| !matches!(*given, "stop" | "terminate")) {
            return Err(invalid_value(format!("Value ({given}) for parameter instanceInitiatedShutdownBehavior is invalid.")));
        }
        if input.security_groups.as_ref().is_some_and(|names| !names.is_empty()) && input.subnet_id.is_some() {
            // <https://github.com/aws/aws-cli/issues/2453>
            return Err(refuse("InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet"));
        }
        if input.security_group_ids.iter().flatten().any(String::is_empty) {
            return Err(invalid_value("Value () for parameter groupId is invalid. The value cannot be empty"));
        }
        let image = input.image_id.clone().ok_or_else(|| faults::missing("ImageId"))?;
        faults::check_id(&image, "ami", "InvalidAMIID.Malformed")?;
        let instance_type = input.instance_type.clone().unwrap_or_else(|| "m1.small".to_owned());
        check_type(&instance_type)?;
        let (least, most) = (input.min_count, input.max_count);
        if least < 1 || most < least {
            // AWS: unverified wording.
            return Err(invalid_value(format!("Value ({least}) for parameter minCount is invalid. It must be between 1 and maxCount.")));
        }
        if most > limits::INSTANCES {
            let message = format!("You have requested more instances ({most}) than your current instance limit of {} allows.", limits::INSTANCES);
            return Err(refuse("InstanceLimitExceeded", message));
        }
        const KINDS: [&str; 3] = ["instance", "network-interface", "volume"];
        let tags = tags::of_new_among(input.tag_specifications.as_ref(), "instance", &KINDS)?;
        let of_interfaces = tags::of_new_among(input.tag_specifications.as_ref(), "network-interface", &KINDS)?;
        let of_volume = tags::of_new_among(input.tag_specifications.as_ref(), "volume", &KINDS)?;
        credits::check_asked(&instance_type, input.credit_specification.as_ref().map(|given| given.cpu_credits.as_str()))?;
        let profile = match &input.iam_instance_profile {
            Some(given) => Some(crate::instance_profiles::find(cx, given).await?),
            None => None,
        };
        let specified = input.network_interfaces.clone().unwrap_or_default();
        if !specified.is_empty() && (input.subnet_id.is_some() || input.security_group_ids.is_some() || input.security_groups.is_some()) {
            let message = "Network interfaces and an instance-level subnet ID may not be specified on the same request";
            let groups = "Network interfaces and an instance-level security groups may not be specified on the same request";
            return Err(refuse("InvalidParameterCombination", if input.subnet_id.is_some() { message } else { groups }));
        }
        let most_interfaces = instance_types::most_interfaces(&instance_type);
        if specified.len() > most_interfaces {
            // AWS: unverified wording.
            return Err(refuse("AttachmentLimitExceeded", format!("Interface count {} exceeds the limit for {instance_type}", specified.len())));
        }
        ec2.store.write(|state| {
            if let Some(reservation) = token.known(state, cx)? {
                return launched(state, cx, &reservation);
            }
            let groups = wanted_groups(state, cx, &input)?;
            let reservation = new_association(cx.ids(), "r");
            token.remember(state, cx, &reservation);
            for index in 0..most {
                launch(
                    state,
                    cx,
                    &input,
                    &specified,
                    Launch {
                        reservation: &reservation,
                        groups: groups.as_ref(),
                        index,
                        image: &image,
                        instance_type: &instance_type,
                        profile: profile.as_ref(),
                        tags: &tags,
                        of_interfaces: &of_interfaces,
                        of_volume: &of_volume,
                    },
                )?;
            }
            Ok(reserved(state, cx, &reservation))
        })
    }
);

fn is_unbuilt(placement: &api::Placement) -> bool {
    let of = [&placement.group_name, &placement.group_id, &placement.host_id, &placement.host_resource_group_arn, &placement.spread_domain];
    of.iter().any(|given| given.as_ref().is_some_and(|given| !given.is_empty())) || placement.partition_number.is_some()
}

/// Most bytes of user data, before it is in base64.
const LONGEST_DATA: usize = 16_384;

fn check_data(given: Option<&str>) -> Result<(), Fault> {
    let Some(given) = given else { return Ok(()) };
    match STANDARD.decode(given) {
        Err(_) => Err(invalid_value("Invalid BASE64 encoding of user data")),
        Ok(data) if data.len() > LONGEST_DATA => Err(invalid_value("User data is limited to 16384 bytes")),
        Ok(_) => Ok(()),
    }
}

/// What a token launched before.
fn launched(state: &State, cx: &Cx, reservation: &str) -> Result<api::Reservation, Fault> {
    let is_live = |row: &Instance| row.reservation == reservation && row.wanted != DesiredState::Terminated;
    if state.all::<Instance>(&cx.scope).any(|(_, row)| is_live(row)) {
        return Ok(reserved(state, cx, reservation));
    }
    // <https://github.com/boto/boto3/issues/4406>
    let message = "The client token you have provided is associated with a terminated instance. Please use a different client token.";
    Err(refuse("IdempotentInstanceTerminated", message))
}

struct Launch<'a> {
    reservation: &'a str,
    groups: Option<&'a Vec<String>>,
    index: i32,
    image: &'a str,
    instance_type: &'a str,
    profile: Option<&'a crate::instance_profiles::Found>,
    tags: &'a tags::Tags,
    of_interfaces: &'a tags::Tags,
    of_volume: &'a tags::Tags,
}

/// One interface of a new instance: one that there is, or one that is made.
struct Plan {
    device: i32,
    deletes: bool,
    public: Option<bool>,
    given: Option<String>,
    wish: Option<Wish>,
}

/// The groups that a request names by id, or by name in the default VPC.
fn wanted_groups(state: &State, cx: &Cx, input: &api::RunInstancesRequest) -> Result<Option<Vec<String>>, Fault> {
    let mut ids = input.security_group_ids.clone().unwrap_or_default();
    for name in input.security_groups.iter().flatten().collect::<BTreeSet<_>>() {
        ids.push(groups::find(state, cx, None, Some(name))?);
    }
    Ok((!ids.is_empty()).then_some(ids))
}

/// The subnet of a request, or the default one of its zone.
fn wanted_subnet(state: &State, cx: &Cx, input: &api::RunInstancesRequest) -> Result<String, Fault> {
    let zone = input.placement.as_ref().and_then(|placement| placement.availability_zone.as_deref()).filter(|zone| !zone.is_empty());
    if let Some(zone) = zone.filter(|zone| crate::zones::id_of(cx.scope.region.as_str(), zone).is_none()) {
        // <https://github.com/newsapps/beeswithmachineguns/issues/90>
        return Err(faults::invalid_value(format!("Invalid availability zone: [{zone}]")));
    }
    if let Some(id) = &input.subnet_id {
        let subnet = state.find::<Subnet>(&cx.scope, id)?;
        if let Some(zone) = zone.filter(|zone| *zone != subnet.zone) {
            // <https://github.com/InQuicker/kaws/pull/11>
            let message =
                format!("Value ({zone}) for parameter availabilityZone is invalid. Subnet '{id}' is in the availability zone {}", subnet.zone);
            return Err(faults::invalid_value(message));
        }
        return Ok(id.clone());
    }
    let of_zone = |subnet: &Subnet| subnet.default_for_zone && zone.is_none_or(|zone| zone == subnet.zone);
    let mut found: Vec<(&str, &Subnet)> = state.all::<Subnet>(&cx.scope).filter(|(_, subnet)| of_zone(subnet)).collect();
    found.sort_by(|(_, one), (_, other)| one.zone.cmp(&other.zone));
    let first = found.first().map(|(id, _)| (*id).to_owned());
    first.ok_or_else(|| match state.default_vpc(&cx.scope) {
        None => faults::no_default_vpc(),
        // AWS: unverified wording.
        Some(vpc) => refuse("MissingInput", format!("No default subnet for availability zone: '{}' in {vpc}.", zone.unwrap_or("null"))),
    })
}

fn launch(
    state: &mut State,
    cx: &Cx,
    input: &api::RunInstancesRequest,
    specified: &[api::InstanceNetworkInterfaceSpecification],
    of: Launch<'_>,
) -> Result<(), Fault> {
    let scope = &cx.scope;
    let mut plans: Vec<Plan> = Vec::new();
    if specified.is_empty() {
        let wish = Wish {
            subnet: wanted_subnet(state, cx, input)?,
            address: input.private_ip_address.clone(),
            ipv6: input.ipv6_addresses.clone().unwrap_or_default(),
            ipv6_count: input.ipv6_address_count.unwrap_or_default(),
            groups: of.groups.cloned(),
            ..Wish::default()
        };
        plans.push(Plan { device: 0, deletes: true, public: None, given: None, wish: Some(wish) });
    }
    for (index, given) in specified.iter().enumerate() {
        let device = given.device_index.unwrap_or_else(|| i32::try_from(index).unwrap_or_default());
        let deletes = given.delete_on_termination.unwrap_or(given.network_interface_id.is_none());
        let wish = match &given.network_interface_id {
            Some(_) => None,
            None => Some(Wish {
                subnet: match &given.subnet_id {
                    Some(id) => id.clone(),
                    None => wanted_subnet(state, cx, input)?,
                },
                description: given.description.clone().unwrap_or_default(),
                address: given.private_ip_address.clone(),
                addresses: given.private_ip_addresses.clone().unwrap_or_default(),
                more: given.secondary_private_ip_address_count.unwrap_or_default(),
                ipv6: given.ipv6_addresses.clone().unwrap_or_default(),
                ipv6_count: given.ipv6_address_count.unwrap_or_default(),
                groups: given.groups.clone(),
            }),
        };
        let public = given.associate_public_ip_address;
        plans.push(Plan { device, deletes, public, given: given.network_interface_id.clone(), wish });
    }
    if !plans.iter().any(|plan| plan.device == 0) {
        // AWS: unverified wording.
        return Err(invalid_value("The associated network interface at device index 0 must be specified."));
    }
    let id = Instance::KIND.new_id(cx.ids());
    let mut primary = None;
    for Plan { device, deletes, public, given, wish } in plans {
        let interface = match (given, wish) {
            (Some(interface), _) => {
                if state.find::<Interface>(scope, &interface)?.attachment.is_some() || of.index > 0 {
                    return Err(refuse("InvalidNetworkInterface.InUse", format!("Interface: [{interface}] in use.")));
                }
                interface
            }
            (None, Some(wish)) => {
                let row = interfaces::make(state, cx, wish)?;
                let subnet = state.find::<Subnet>(scope, &row.subnet)?;
                let gets_ipv6 = subnet.ipv6_addresses && row.ipv6.is_empty();
                let is_public = device == 0 && public.unwrap_or(subnet.public_addresses);
                let (subnet_id, subnet) = (row.subnet.clone(), subnet.clone());
                let ipv6 = match gets_ipv6 {
                    true => crate::subnets::free_ipv6_addresses(state, scope, &subnet_id, &subnet, 1, || cx.ids().number())?,
                    false => vec![],
                };
                let launched = is_public.then(|| lookups::new_public(state, cx.ids()));
                let interface = state.add(scope, cx.ids(), row, of.of_interfaces.clone());
                interfaces::set_launched(state, scope, &interface, launched);
                state.find_mut::<Interface>(scope, &interface)?.ipv6.extend(ipv6);
                interface
            }
            (None, None) => continue,
        };
        let attachment = Attachment {
            id: new_association(cx.ids(), "eni-attach"),
            instance: Some(id.clone()),
            index: device,
            at: cx.now,
            delete_on_termination: deletes,
        };
        let row = state.find_mut::<Interface>(scope, &interface)?;
        row.attachment = Some(attachment);
        if device == 0 {
            primary = Some((row.subnet.clone(), row.vpc.clone()));
        }
    }
    let (subnet, vpc) = primary.unwrap_or_default();
    let zone = state.find::<Subnet>(scope, &subnet)?.zone.clone();
    let metadata = input.metadata_options.clone().unwrap_or_default();
    let row = Instance {
        reservation: of.reservation.to_owned(),
        launch_index: of.index,
        image: of.image.to_owned(),
        instance_type: of.instance_type.to_owned(),
        key_name: input.key_name.clone(),
        client_token: input.client_token.clone().unwrap_or_default(),
        user_data: input.user_data.clone(),
        subnet,
        vpc,
        zone,
        tenancy: input.placement.as_ref().and_then(|placement| placement.tenancy.clone()).unwrap_or_else(|| "default".to_owned()),
        launched: cx.now,
        wanted: DesiredState::Running,
        since: cx.now,
        reason: String::new(),
        profile: of.profile.map(|found| found.association(cx)),
        protected_from_termination: input.disable_api_termination.unwrap_or_default(),
        protected_from_stop: input.disable_api_stop.unwrap_or_default(),
        shutdown_behavior: input.instance_initiated_shutdown_behavior.clone().unwrap_or_else(|| "stop".to_owned()),
        monitoring: input.monitoring.as_ref().is_some_and(|monitoring| monitoring.enabled),
        ebs_optimized: input.ebs_optimized.unwrap_or_default(),
        metadata_tokens: metadata.http_tokens.unwrap_or_else(|| "required".to_owned()),
        metadata_endpoint: metadata.http_endpoint.unwrap_or_else(|| "enabled".to_owned()),
        metadata_hops: metadata.http_put_response_hop_limit.unwrap_or(2),
        root_volume: new_association(cx.ids(), "vol"),
        credits: input.credit_specification.as_ref().map(|given| given.cpu_credits.clone()),
    };
    state.set_tags(scope, &row.root_volume, of.of_volume.clone());
    state.put(scope, &id, row);
    state.set_tags(scope, &id, of.tags.clone());
    Ok(())
}

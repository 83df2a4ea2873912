//! Instances as records: they have interfaces, groups, an instance profile and states, and no machine behind them.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>

use crate::{
    describing::{self, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    groups,
    interfaces::{self, Wish},
    launch_templates, limits, lookups, permissions,
    region::new_association,
    rows::{Attachment, DesiredState, Instance, Interface, Subnet},
    state::{At, FilterOf, Kind, Resource, State, in_table, is_over},
    tags, zones,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_ec2::{
    self as api, DescribeInstanceAttribute, DescribeInstanceStatus, DescribeInstances, ModifyInstanceAttribute, RebootInstances, RunInstances,
    StartInstances, StopInstances, TerminateInstances,
};
use cloudlet_aws::{Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, Operation, Permissions, handler, paging::Paging};

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
    if ids.is_empty() {
        return Err(refuse("MissingParameter", "The request must contain the parameter InstanceId"));
    }
    ids.iter().try_for_each(|id| Instance::KIND.check(id))?;
    let missing: Vec<&str> = ids.iter().filter(|id| lookups::find_instance(state, cx, id).is_err()).map(String::as_str).collect();
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(Instance::KIND.is_missing(one)),
        many => Err(refuse("InvalidInstanceID.NotFound", format!("The instance IDs '{}' do not exist", many.join(", ")))),
    }
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
        if let Some(template) = input.launch_template.clone() {
            input = ec2.store.read(|state| launch_templates::applied(state, cx, &template, input))?;
        }
        let unbuilt = input.instance_market_options.is_some()
            || input.secondary_interfaces.is_some()
            || input.hibernation_options.as_ref().is_some_and(|options| options.configured == Some(true))
            || input.block_device_mappings.as_ref().is_some_and(|mappings| mappings.len() > 1);
        if unbuilt {
            return Err(faults::not_implemented("spot instances, hibernation and further volumes of an instance"));
        }
        let image = input.image_id.clone().ok_or_else(|| refuse("MissingParameter", "The request must contain the parameter ImageId"))?;
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
        ec2.store.write(|state| {
            if let Some(token) = input.client_token.as_deref().filter(|token| !token.is_empty()) {
                let known = state.all::<Instance>(&cx.scope).find(|(_, row)| row.client_token == token).map(|(_, row)| row.reservation.clone());
                if let Some(reservation) = known {
                    return Ok(reserved(state, cx, &reservation));
                }
            }
            let reservation = new_association(cx.ids(), "r");
            for index in 0..most {
                launch(
                    state,
                    cx,
                    &input,
                    &specified,
                    Launch {
                        reservation: &reservation,
                        index,
                        image: &image,
                        instance_type: &instance_type,
                        profile: profile.as_ref(),
                        tags: &tags,
                        of_interfaces: &of_interfaces,
                    },
                )?;
            }
            Ok(reserved(state, cx, &reservation))
        })
    }
);

struct Launch<'a> {
    reservation: &'a str,
    index: i32,
    image: &'a str,
    instance_type: &'a str,
    profile: Option<&'a crate::instance_profiles::Found>,
    tags: &'a tags::Tags,
    of_interfaces: &'a tags::Tags,
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
    for name in input.security_groups.iter().flatten() {
        ids.push(groups::find(state, cx, None, Some(name))?);
    }
    Ok((!ids.is_empty()).then_some(ids))
}

/// The subnet of a request, or the default one of its zone.
fn wanted_subnet(state: &State, cx: &Cx, input: &api::RunInstancesRequest) -> Result<String, Fault> {
    if let Some(id) = &input.subnet_id {
        return state.find::<Subnet>(&cx.scope, id).map(|_| id.clone());
    }
    let zone = input.placement.as_ref().and_then(|placement| placement.availability_zone.as_deref());
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
    let groups = wanted_groups(state, cx, input)?;
    let mut plans: Vec<Plan> = Vec::new();
    if specified.is_empty() {
        let wish = Wish {
            subnet: wanted_subnet(state, cx, input)?,
            address: input.private_ip_address.clone(),
            ipv6: input.ipv6_addresses.clone().unwrap_or_default(),
            ipv6_count: input.ipv6_address_count.unwrap_or_default(),
            groups,
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
    };
    state.put(scope, &id, row);
    state.set_tags(scope, &id, of.tags.clone());
    Ok(())
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
        if let Some(ids) = input.instance_ids.as_ref().filter(|ids| !ids.is_empty()) {
            find_all(state, cx, ids)?;
        }
        let asked = describing::Asked { ids: input.instance_ids, filters: input.filters, size: input.max_results, smallest: 5, largest: 1_000 };
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
        if let Some(ids) = input.instance_ids.as_ref().filter(|ids| !ids.is_empty()) {
            find_all(state, cx, ids)?;
        }
        let asked = describing::Asked { ids: input.instance_ids, filters: input.filters, size: input.max_results, smallest: 5, largest: 1_000 };
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

fn on_all<O: Operation>(ec2: &Ec2, cx: &Cx, ids: &[String]) -> Permissions {
    let all: Permissions = ids.iter().map(|id| ec2.on::<O, Instance>(cx, id)).collect();
    if all.is_empty() { permissions::describe::<O>(cx) } else { all }
}

/// Changes what is wanted of instances, and says what each was and is.
fn change(
    state: &mut State,
    cx: &Cx,
    ids: &[String],
    check: impl Fn(&str, &Instance) -> Result<(), Fault>,
    wanted: DesiredState,
) -> Result<Vec<api::InstanceStateChange>, Fault> {
    find_all(state, cx, ids)?;
    for id in ids {
        check(id, lookups::find_instance(state, cx, id)?)?;
    }
    let mut changes = Vec::new();
    for id in ids {
        let instance = state.find_mut::<Instance>(&cx.scope, id)?;
        let before = phase(instance, cx.now);
        if instance.wanted != wanted {
            instance.wanted = wanted;
            instance.since = cx.now;
            instance.reason = match wanted {
                DesiredState::Running => String::new(),
                // `User initiated (2026-11-29 12:00:00 GMT)`
                _ => {
                    let text = cx.now.text(cloudlet_aws::TimestampFormat::DateTime);
                    format!("User initiated ({} GMT)", text.get(..19).unwrap_or_default().replace('T', " "))
                }
            };
        }
        let after = phase(instance, cx.now);
        changes.push(api::InstanceStateChange {
            instance_id: Some(id.clone()),
            current_state: Some(after.shown()),
            previous_state: Some(before.shown()),
        });
        settle_interfaces(state, cx, id, wanted)?;
    }
    Ok(changes)
}

/// Public addresses that came with the launch go when an instance stops, and new ones come when it starts.
fn settle_interfaces(state: &mut State, cx: &Cx, id: &str, wanted: DesiredState) -> Result<(), Fault> {
    let own = lookups::of_instance(state, &cx.scope, id).map(|(interface, row)| (interface.to_owned(), row.clone()));
    let own: Vec<(String, Interface)> = own.collect();
    for (interface, row) in own {
        let is_primary = row.attachment.as_ref().is_some_and(|of| of.index == 0);
        match wanted {
            DesiredState::Terminated if row.attachment.as_ref().is_some_and(|of| of.delete_on_termination) => {
                interfaces::release(state, &cx.scope, &interface)
            }
            DesiredState::Terminated => state.find_mut::<Interface>(&cx.scope, &interface)?.attachment = None,
            DesiredState::Stopped => interfaces::set_launched(state, &cx.scope, &interface, None),
            DesiredState::Running => {
                let subnet = state.get::<Subnet>(&cx.scope, &row.subnet);
                let has_none = row.addresses.first().is_some_and(|primary| lookups::public_of(state, &cx.scope, &interface, primary).is_none());
                if is_primary && has_none && subnet.is_some_and(|subnet| subnet.public_addresses) {
                    let public = lookups::new_public(state, cx.ids());
                    interfaces::set_launched(state, &cx.scope, &interface, Some(public));
                }
            }
        }
    }
    Ok(())
}

fn wrong_state(id: &str, verb: &str) -> Fault {
    refuse("IncorrectInstanceState", format!("The instance '{id}' is not in a state from which it can be {verb}."))
}

handler!(Ec2, StopInstances, |ec2, cx, input| Ok(on_all::<StopInstances>(ec2, cx, &input.instance_ids)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    if input.hibernate == Some(true) {
        return Err(faults::not_implemented("hibernation"));
    }
    ec2.store.write(|state| {
        let check = |id: &str, row: &Instance| match (phase(row, cx.now), row.protected_from_stop) {
            (_, true) => {
                let message = format!("The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.");
                Err(refuse("OperationNotPermitted", message))
            }
            (PENDING, _) if row.since != row.launched => Ok(()),
            (RUNNING | PENDING | STOPPING | STOPPED, _) => Ok(()),
            _ => Err(wrong_state(id, "stopped")),
        };
        let stopping_instances = Some(change(state, cx, &input.instance_ids, check, DesiredState::Stopped)?);
        Ok(api::StopInstancesResult { stopping_instances })
    })
});

handler!(Ec2, StartInstances, |ec2, cx, input| Ok(on_all::<StartInstances>(ec2, cx, &input.instance_ids)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let check = |id: &str, row: &Instance| match phase(row, cx.now) {
            RUNNING | PENDING | STOPPED => Ok(()),
            _ => Err(wrong_state(id, "started")),
        };
        let starting_instances = Some(change(state, cx, &input.instance_ids, check, DesiredState::Running)?);
        Ok(api::StartInstancesResult { starting_instances })
    })
});

handler!(Ec2, RebootInstances, |ec2, cx, input| Ok(on_all::<RebootInstances>(ec2, cx, &input.instance_ids)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.read(|state| {
        find_all(state, cx, &input.instance_ids)?;
        for id in &input.instance_ids {
            if phase(lookups::find_instance(state, cx, id)?, cx.now) != RUNNING {
                return Err(wrong_state(id, "rebooted"));
            }
        }
        Ok(Default::default())
    })
});

handler!(Ec2, TerminateInstances, |ec2, cx, input| Ok(on_all::<TerminateInstances>(ec2, cx, &input.instance_ids)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let check = |id: &str, row: &Instance| match row.protected_from_termination {
            true => {
                let message =
                    format!("The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.");
                Err(refuse("OperationNotPermitted", message))
            }
            false => Ok(()),
        };
        let terminating_instances = Some(change(state, cx, &input.instance_ids, check, DesiredState::Terminated)?);
        // Those whose hour is over.
        let over: Vec<String> = state.all::<Instance>(&cx.scope).filter(|(_, row)| !row.is_visible(cx.now)).map(|(id, _)| id.to_owned()).collect();
        over.iter().for_each(|id| drop(state.remove::<Instance>(&cx.scope, id)));
        Ok(api::TerminateInstancesResult { terminating_instances })
    })
});

fn primary_of(state: &State, scope: &Scope, id: &str) -> Option<String> {
    let primary = lookups::of_instance(state, scope, id).min_by_key(|(_, row)| row.attachment.as_ref().map(|of| of.index));
    primary.map(|(interface, _)| interface.to_owned())
}

handler!(
    Ec2,
    ModifyInstanceAttribute,
    |ec2, cx, input| {
        let mut all = vec![ec2.on::<ModifyInstanceAttribute, Instance>(cx, &input.instance_id)];
        let groups = input.groups.iter().flatten();
        all.extend(groups.map(|id| ec2.on::<ModifyInstanceAttribute, std::sync::Arc<crate::rows::Group>>(cx, id)));
        Ok(all.into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let unbuilt = input.kernel.is_some()
            || input.ramdisk.is_some()
            || input.sriov_net_support.is_some()
            || input.enclave_options.is_some()
            || input.block_device_mappings.is_some();
        if unbuilt {
            return Err(faults::not_implemented("kernels, enclaves and volumes of an instance"));
        }
        let value = |given: Option<api::AttributeBooleanValue>| given.and_then(|given| given.value);
        let text = |given: Option<api::AttributeValue>| given.and_then(|given| given.value);
        ec2.store.write(|state| {
            let id = &input.instance_id;
            let mut row = lookups::find_instance(state, cx, id)?.clone();
            let is_stopped = phase(&row, cx.now) == STOPPED;
            let needs_stop = |what: &str| refuse("IncorrectInstanceState", format!("The instance '{id}' must be stopped to modify its {what}"));
            // The older form: an attribute by its name.
            if let (Some(name), Some(given)) = (input.attribute.as_deref(), input.value.clone()) {
                let flag = given == "true";
                match name {
                    "disableApiTermination" => row.protected_from_termination = flag,
                    "disableApiStop" => row.protected_from_stop = flag,
                    "ebsOptimized" => row.ebs_optimized = flag,
                    "instanceInitiatedShutdownBehavior" => row.shutdown_behavior = given,
                    "instanceType" if is_stopped => {
                        check_type(&given)?;
                        row.instance_type = given;
                    }
                    "instanceType" => return Err(needs_stop("instanceType")),
                    "userData" if is_stopped => row.user_data = Some(given),
                    "userData" => return Err(needs_stop("userData")),
                    "sourceDestCheck" => {
                        if let Some(primary) = primary_of(state, &cx.scope, id) {
                            state.find_mut::<Interface>(&cx.scope, &primary)?.source_dest_check = flag;
                        }
                    }
                    other => return Err(invalid_value(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute."))),
                }
            }
            row.protected_from_termination = value(input.disable_api_termination).unwrap_or(row.protected_from_termination);
            row.protected_from_stop = value(input.disable_api_stop).unwrap_or(row.protected_from_stop);
            row.ebs_optimized = value(input.ebs_optimized).unwrap_or(row.ebs_optimized);
            if let Some(behavior) = text(input.instance_initiated_shutdown_behavior) {
                if !matches!(behavior.as_str(), "stop" | "terminate") {
                    return Err(invalid_value(format!("Value ({behavior}) for parameter instanceInitiatedShutdownBehavior is invalid.")));
                }
                row.shutdown_behavior = behavior;
            }
            if let Some(given) = text(input.instance_type) {
                check_type(&given)?;
                if !is_stopped && given != row.instance_type {
                    return Err(needs_stop("instanceType"));
                }
                row.instance_type = given;
            }
            if let Some(data) = input.user_data.and_then(|given| given.value) {
                if !is_stopped {
                    return Err(needs_stop("userData"));
                }
                // It is kept as it is shown.
                row.user_data = Some(STANDARD.encode(&data));
            }
            if input.groups.is_some() || input.source_dest_check.is_some() {
                // AWS: unverified wording.
                let none = || {
                    refuse(
                        "InvalidInstanceID",
                        format!(
                            "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
                        ),
                    )
                };
                if lookups::of_instance(state, &cx.scope, id).count() != 1 {
                    return Err(none());
                }
                let primary = primary_of(state, &cx.scope, id).ok_or_else(none)?;
                let wanted = input.groups.map(|ids| groups::for_interface(state, &cx.scope, &row.vpc, Some(ids))).transpose()?;
                let interface = state.find_mut::<Interface>(&cx.scope, &primary)?;
                interface.groups = wanted.unwrap_or_else(|| interface.groups.clone());
                interface.source_dest_check = value(input.source_dest_check).unwrap_or(interface.source_dest_check);
            }
            state.put(&cx.scope, id, row);
            Ok(Default::default())
        })
    }
);

handler!(
    Ec2,
    DescribeInstanceAttribute,
    |ec2, cx, input| Ok(ec2.on::<DescribeInstanceAttribute, Instance>(cx, &input.instance_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.read(|state| {
            let row = lookups::find_instance(state, cx, &input.instance_id)?;
            let primary = primary_of(state, &cx.scope, &input.instance_id).and_then(|id| state.get::<Interface>(&cx.scope, &id));
            let mut result = api::InstanceAttribute { instance_id: Some(input.instance_id.clone()), ..Default::default() };
            let flag = |value| Some(api::AttributeBooleanValue { value: Some(value) });
            let text = |value: Option<String>| Some(api::AttributeValue { value });
            match input.attribute.as_str() {
                "disableApiTermination" => result.disable_api_termination = flag(row.protected_from_termination),
                "disableApiStop" => result.disable_api_stop = flag(row.protected_from_stop),
                "ebsOptimized" => result.ebs_optimized = flag(row.ebs_optimized),
                "enaSupport" => result.ena_support = flag(true),
                "enclaveOptions" => result.enclave_options = Some(api::EnclaveOptions { enabled: Some(false) }),
                "groupSet" => result.groups = primary.map(|primary| groups::identifiers(state, &cx.scope, &primary.groups)),
                "instanceInitiatedShutdownBehavior" => result.instance_initiated_shutdown_behavior = text(Some(row.shutdown_behavior.clone())),
                "instanceType" => result.instance_type = text(Some(row.instance_type.clone())),
                "kernel" => result.kernel_id = text(None),
                "productCodes" => result.product_codes = Some(vec![]),
                "ramdisk" => result.ramdisk_id = text(None),
                "rootDeviceName" => result.root_device_name = text(Some("/dev/xvda".to_owned())),
                "sourceDestCheck" => result.source_dest_check = flag(primary.is_some_and(|primary| primary.source_dest_check)),
                "sriovNetSupport" => result.sriov_net_support = text(None),
                "userData" => result.user_data = text(row.user_data.clone()),
                "blockDeviceMapping" => {
                    let at = At { state, scope: &cx.scope, id: &input.instance_id, now: cx.now };
                    result.block_device_mappings = row.shown(&at).block_device_mappings;
                }
                other => return Err(invalid_value(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute."))),
            }
            Ok(result)
        })
    }
);

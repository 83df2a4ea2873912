//! Network interfaces: groups hang on them.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html>

mod assigning;
mod attaching;
mod attributes;

use crate::{
    addresses,
    client_tokens::ClientToken,
    describing::{describes, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    groups, lookups,
    region::new_association,
    rows::{Attachment, Interface, PrivateAddress, Subnet, Vpc, in_words},
    state::{At, FilterOf, Kind, Resource, State, in_table, key},
    subnets, tags, zones,
};
use cloudlet_api_ec2::{self as api, CreateNetworkInterface, DeleteNetworkInterface, DescribeNetworkInterfaces};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::{Cx, Ids, handler};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most addresses that one call assigns. AWS: by the type of the instance.
const MOST_ADDRESSES: usize = 50;

impl Resource for Interface {
    const KIND: Kind = Kind {
        prefix: "eni",
        name: "network-interface",
        missing: "InvalidNetworkInterfaceID.NotFound",
        says: ("The networkInterface ID '", "' does not exist"),
        malformed: "InvalidNetworkInterfaceId.Malformed",
    };
    const FILTERS: &'static [FilterOf<Interface>] = &[
        ("addresses.association.owner-id", |row, at| publics(row, at).iter().map(|_| "amazon".to_owned()).collect()),
        ("addresses.association.public-ip", publics),
        ("addresses.primary", |row, _| (0..row.addresses.len()).map(|index| (index == 0).to_string()).collect()),
        ("addresses.private-ip-address", |row, _| privates(row)),
        ("association.allocation-id", |row, at| associations(row, at, |of| of.allocation_id)),
        ("association.association-id", |row, at| associations(row, at, |of| of.association_id)),
        ("association.ip-owner-id", |row, at| associations(row, at, |of| of.ip_owner_id)),
        ("association.public-ip", publics),
        ("association.public-dns-name", |row, at| associations(row, at, |of| of.public_dns_name)),
        ("attachment.attach-time", |row, _| row.attachment.iter().map(|of| of.at.text(cloudlet_aws::TimestampFormat::DateTime)).collect()),
        ("attachment.attachment-id", |row, _| row.attachment.iter().map(|of| of.id.clone()).collect()),
        ("attachment.delete-on-termination", |row, _| row.attachment.iter().map(|of| of.delete_on_termination.to_string()).collect()),
        ("attachment.device-index", |row, _| row.attachment.iter().map(|of| of.index.to_string()).collect()),
        ("attachment.instance-id", |row, _| row.attachment.iter().filter_map(|of| of.instance.clone()).collect()),
        ("attachment.instance-owner-id", |row, at| row.attachment.iter().map(|_| at.scope.account.to_string()).collect()),
        ("attachment.status", |row, _| row.attachment.iter().map(|_| "attached".to_owned()).collect()),
        ("availability-zone", |row, at| zone(row, at).into_iter().collect()),
        ("description", |row, _| vec![row.description.clone()]),
        ("group-id", |row, _| row.groups.clone()),
        ("group-name", |row, at| row.groups.iter().filter_map(|id| at.state.group(at.scope, id)).map(|group| group.name.clone()).collect()),
        ("interface-type", |row, _| vec![row.kind.clone()]),
        ("ipv6-addresses.ipv6-address", |row, _| row.ipv6.iter().map(ToString::to_string).collect()),
        ("mac-address", |row, _| vec![row.mac.clone()]),
        ("network-interface-id", |_, at| vec![at.id.to_owned()]),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
        ("private-dns-name", |row, at| private_name(row, at).into_iter().collect()),
        ("private-ip-address", |row, _| privates(row)),
        ("requester-id", |row, _| row.requester.iter().cloned().collect()),
        ("requester-managed", |row, _| vec![row.requester.is_some().to_string()]),
        ("source-dest-check", |row, _| vec![row.source_dest_check.to_string()]),
        ("status", |row, _| vec![status(row).to_owned()]),
        ("subnet-id", |row, _| vec![row.subnet.clone()]),
        ("vpc-id", |row, _| vec![row.vpc.clone()]),
    ];
    type Shown = api::NetworkInterface;

    in_table!(interfaces, Interface);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn shown(&self, at: &At<'_>) -> api::NetworkInterface {
        let addresses = self.addresses.iter().enumerate().map(|(index, address)| api::NetworkInterfacePrivateIpAddress {
            association: association(address, at),
            primary: Some(index == 0),
            private_dns_name: name_of(address.address, at),
            private_ip_address: Some(address.address.to_string()),
        });
        let zone = zone(self, at);
        api::NetworkInterface {
            network_interface_id: Some(at.id.to_owned()),
            owner_id: Some(at.scope.account.to_string()),
            vpc_id: Some(self.vpc.clone()),
            subnet_id: Some(self.subnet.clone()),
            availability_zone_id: zone.as_deref().and_then(|zone| zones::id_of(at.scope.region.as_str(), zone)),
            availability_zone: zone,
            description: Some(self.description.clone()),
            interface_type: Some(self.kind.clone()),
            mac_address: Some(self.mac.clone()),
            groups: Some(groups::identifiers(at.state, at.scope, &self.groups)),
            private_dns_name: private_name(self, at),
            private_ip_address: self.addresses.first().map(|address| address.address.to_string()),
            private_ip_addresses: Some(addresses.collect()),
            association: self.addresses.first().and_then(|address| association(address, at)),
            attachment: self.attachment.as_ref().map(|of| shown_attachment(of, at)),
            ipv6_addresses: Some(
                self.ipv6
                    .iter()
                    .map(|address| api::NetworkInterfaceIpv6Address {
                        ipv6_address: Some(address.to_string()),
                        is_primary_ipv6: Some(false),
                        ..Default::default()
                    })
                    .collect(),
            ),
            ipv6_address: self.ipv6.first().map(ToString::to_string),
            requester_id: self.requester.clone(),
            requester_managed: Some(self.requester.is_some()),
            source_dest_check: Some(self.source_dest_check),
            status: Some(status(self).to_owned()),
            tag_set: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

fn privates(row: &Interface) -> Vec<String> {
    row.addresses.iter().map(|address| address.address.to_string()).collect()
}

fn publics(row: &Interface, at: &At<'_>) -> Vec<String> {
    row.addresses.iter().filter_map(|address| lookups::public_of(at.state, at.scope, at.id, address)).map(|address| address.to_string()).collect()
}

fn associations(row: &Interface, at: &At<'_>, value: impl Fn(api::NetworkInterfaceAssociation) -> Option<String>) -> Vec<String> {
    row.addresses.iter().filter_map(|address| association(address, at)).filter_map(value).collect()
}

fn zone(row: &Interface, at: &At<'_>) -> Option<String> {
    at.state.get::<Subnet>(at.scope, &row.subnet).map(|subnet| subnet.zone.clone())
}

pub fn status(row: &Interface) -> &'static str {
    if row.attachment.is_some() { "in-use" } else { "available" }
}

/// `ip-10-0-0-5.ec2.internal`
pub fn name_of(address: Ipv4Addr, at: &At<'_>) -> Option<String> {
    let domain = match at.scope.region.as_str() {
        "us-east-1" => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    };
    Some(format!("ip-{}.{domain}", in_words(IpAddr::V4(address))))
}

/// `ec2-54-1-2-3.compute-1.amazonaws.com`
pub fn public_name_of(address: Ipv4Addr, scope: &Scope) -> String {
    let domain = match scope.region.as_str() {
        "us-east-1" => "compute-1".to_owned(),
        region => format!("{region}.compute"),
    };
    format!("ec2-{}.{domain}.amazonaws.com", in_words(IpAddr::V4(address)))
}

fn has_names(row: &Interface, at: &At<'_>) -> bool {
    at.state.get::<Vpc>(at.scope, &row.vpc).is_some_and(|vpc| vpc.dns_hostnames && vpc.dns_support)
}

fn private_name(row: &Interface, at: &At<'_>) -> Option<String> {
    name_of(row.addresses.first()?.address, at)
}

pub fn association(address: &PrivateAddress, at: &At<'_>) -> Option<api::NetworkInterfaceAssociation> {
    let elastic = lookups::elastic_of(at.state, at.scope, at.id, address.address);
    let public = elastic.map(|(_, row)| row.public).or(address.launched)?;
    let has_names = at.state.get::<Interface>(at.scope, at.id).is_some_and(|row| has_names(row, at));
    Some(api::NetworkInterfaceAssociation {
        allocation_id: elastic.map(|(id, _)| id.to_owned()),
        association_id: elastic.and_then(|(_, row)| row.association.as_ref()).map(|of| of.id.clone()),
        ip_owner_id: Some(if elastic.is_some() { at.scope.account.to_string() } else { "amazon".to_owned() }),
        public_dns_name: has_names.then(|| public_name_of(public, at.scope)),
        public_ip: Some(public.to_string()),
        ..Default::default()
    })
}

fn shown_attachment(of: &Attachment, at: &At<'_>) -> api::NetworkInterfaceAttachment {
    api::NetworkInterfaceAttachment {
        attach_time: Some(of.at),
        attachment_id: Some(of.id.clone()),
        delete_on_termination: Some(of.delete_on_termination),
        device_index: Some(of.index),
        network_card_index: of.instance.as_ref().map(|_| 0),
        instance_id: of.instance.clone(),
        instance_owner_id: Some(if of.instance.is_some() { at.scope.account.to_string() } else { "amazon-aws".to_owned() }),
        status: Some("attached".to_owned()),
        ..Default::default()
    }
}

pub fn new_mac(ids: &Ids) -> String {
    let [a, b, c, d, e, ..] = ids.number().to_le_bytes();
    format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
}

/// An interface of a service.
pub fn managed(subnet: &Subnet, subnet_id: &str, address: Ipv4Addr, kind: &str, description: &str, groups: Vec<String>, cx: &Cx) -> Interface {
    let attachment = Attachment { id: new_association(cx.ids(), "ela-attach"), instance: None, index: 1, at: cx.now, delete_on_termination: false };
    Interface {
        vpc: subnet.vpc.clone(),
        subnet: subnet_id.to_owned(),
        description: description.to_owned(),
        addresses: vec![PrivateAddress { address, launched: None }],
        ipv6: vec![],
        groups,
        source_dest_check: kind != "nat_gateway",
        mac: new_mac(cx.ids()),
        attachment: Some(attachment),
        kind: kind.to_owned(),
        requester: Some("amazon-aws".to_owned()),
    }
}

/// Removes an interface with its addresses.
pub fn release(state: &mut State, scope: &Scope, id: &str) {
    addresses::release(state, scope, id, None);
    state.remove::<Interface>(scope, id);
}

/// What a new interface is to have, of CreateNetworkInterface and RunInstances.
#[derive(Default)]
pub struct Wish {
    pub subnet: String,
    pub description: String,
    pub address: Option<String>,
    pub addresses: Vec<api::PrivateIpAddressSpecification>,
    pub more: i32,
    pub ipv6: Vec<api::InstanceIpv6Address>,
    pub ipv6_count: i32,
    pub groups: Option<Vec<String>>,
}

fn parse_v4(text: &str) -> Result<Ipv4Addr, Fault> {
    text.parse().map_err(|_| invalid_value(format!("invalid value for parameter address: {text}")))
}

fn parse_v6(text: &str) -> Result<Ipv6Addr, Fault> {
    text.parse().map_err(|_| invalid_value(format!("invalid value for parameter address: {text}")))
}

fn check_free(state: &State, scope: &Scope, id: &str, subnet: &Subnet, address: Ipv4Addr) -> Result<(), Fault> {
    if !subnet.cidr.contains(IpAddr::V4(address)) {
        return Err(invalid_value("Address does not fall within the subnet's address range"));
    }
    if subnets::is_free(state, scope, id, subnet, address) {
        return Ok(());
    }
    let is_taken = state.interfaces_in(scope, id).any(|(_, row)| row.addresses.iter().any(|known| known.address == address));
    match is_taken {
        true => Err(refuse("InvalidIPAddress.InUse", format!("Address {address} is in use."))),
        // AWS: unverified wording.
        false => Err(invalid_value("Address is in subnet's reserved address range")),
    }
}

/// The interface that a wish describes.
pub fn make(state: &State, cx: &Cx, wish: Wish) -> Result<Interface, Fault> {
    let scope = &cx.scope;
    let subnet = state.find::<Subnet>(scope, &wish.subnet)?;
    let groups = groups::for_interface(state, scope, &subnet.vpc, wish.groups)?;
    let mut found: Vec<Ipv4Addr> = Vec::new();
    let primaries = wish.addresses.iter().filter(|given| given.primary == Some(true));
    let primary = match (&wish.address, primaries.clone().count()) {
        (Some(address), 0) => Some(address.clone()),
        (None, 0 | 1) => primaries.filter_map(|given| given.private_ip_address.clone()).next(),
        // AWS: unverified wording.
        _ => return Err(refuse("InvalidParameterCombination", "Only one primary private IP address can be specified.")),
    };
    if let Some(primary) = primary {
        found.push(parse_v4(&primary)?);
    }
    let others = wish.addresses.iter().filter(|given| given.primary != Some(true)).filter_map(|given| given.private_ip_address.as_deref());
    let others = others.map(parse_v4).collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() && others.is_empty() || found.is_empty() {
        found.extend(subnets::free_addresses(state, scope, &wish.subnet, subnet, 1, &others)?);
    }
    found.extend(others);
    for address in &found {
        check_free(state, scope, &wish.subnet, subnet, *address)?;
    }
    let more = usize::try_from(wish.more).unwrap_or_default();
    if found.len() + more > MOST_ADDRESSES {
        // AWS: unverified wording.
        return Err(refuse("PrivateIpAddressLimitExceeded", format!("Number of private addresses will exceed limit of {MOST_ADDRESSES}.")));
    }
    let more = subnets::free_addresses(state, scope, &wish.subnet, subnet, more, &found)?;
    found.extend(more);
    let given = wish.ipv6.iter().filter_map(|given| given.ipv6_address.as_deref()).map(parse_v6).collect::<Result<Vec<_>, _>>()?;
    let ipv6 = take_ipv6(state, cx, &wish.subnet, subnet, given, usize::try_from(wish.ipv6_count).unwrap_or_default())?;
    Ok(Interface {
        vpc: subnet.vpc.clone(),
        subnet: wish.subnet,
        description: wish.description,
        addresses: found.into_iter().map(|address| PrivateAddress { address, launched: None }).collect(),
        ipv6,
        groups,
        source_dest_check: true,
        mac: new_mac(cx.ids()),
        attachment: None,
        kind: "interface".to_owned(),
        requester: None,
    })
}

/// Addresses of IPv6 that are given, and so many others.
fn take_ipv6(state: &State, cx: &Cx, id: &str, subnet: &Subnet, given: Vec<Ipv6Addr>, count: usize) -> Result<Vec<Ipv6Addr>, Fault> {
    if given.len() + count > MOST_ADDRESSES {
        // AWS: unverified wording.
        return Err(refuse("InvalidParameterValue", format!("Number of IPv6 addresses will exceed limit of {MOST_ADDRESSES}.")));
    }
    for address in &given {
        if !subnet.ipv6.as_ref().is_some_and(|block| block.cidr.contains(IpAddr::V6(*address))) {
            return Err(invalid_value("Address does not fall within the subnet's address range"));
        }
        if state.interfaces_in(&cx.scope, id).any(|(_, row)| row.ipv6.contains(address)) {
            return Err(refuse("InvalidIPAddress.InUse", format!("Address {address} is in use.")));
        }
    }
    let mut all = given;
    if count > 0 {
        all.extend(subnets::free_ipv6_addresses(state, &cx.scope, id, subnet, count, || cx.ids().number())?);
    }
    Ok(all)
}

handler!(
    Ec2,
    CreateNetworkInterface,
    |ec2, cx, input| {
        let tags = tags::requested(input.tag_specifications.as_ref());
        let mut all = ec2.create_in::<CreateNetworkInterface, Interface, Subnet>(cx, tags, &input.subnet_id);
        let groups = input.groups.iter().flatten();
        all.extend(groups.map(|group| ec2.on::<CreateNetworkInterface, std::sync::Arc<crate::rows::Group>>(cx, group)));
        Ok(all)
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateNetworkInterface>(cx, &input, input.client_token.as_deref())?;
        let unbuilt = input.ipv4_prefixes.is_some()
            || input.ipv4_prefix_count.is_some()
            || input.ipv6_prefixes.is_some()
            || input.ipv6_prefix_count.is_some()
            || input.enable_primary_ipv6 == Some(true)
            || input.connection_tracking_specification.is_some()
            || input.operator.is_some()
            || input.interface_type.as_deref().is_some_and(|kind| kind != "interface");
        if unbuilt {
            return Err(faults::not_implemented("prefixes, primary IPv6 addresses, connection tracking timeouts and types of an interface"));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "network-interface")?;
        ec2.store.write(|state| {
            let wish = Wish {
                subnet: input.subnet_id,
                description: input.description.unwrap_or_default(),
                address: input.private_ip_address,
                addresses: input.private_ip_addresses.unwrap_or_default(),
                more: input.secondary_private_ip_address_count.unwrap_or_default(),
                ipv6: input.ipv6_addresses.unwrap_or_default(),
                ipv6_count: input.ipv6_address_count.unwrap_or_default(),
                groups: input.groups,
            };
            let id = token.once::<Interface>(state, cx, |state| {
                let row = make(state, cx, wish)?;
                Ok(state.add(&cx.scope, cx.ids(), row, tags))
            })?;
            let interface = shown::<Interface>(state, cx, &id);
            let interface = interface.map(|shown| api::NetworkInterface { status: Some("pending".to_owned()), ..shown });
            Ok(api::CreateNetworkInterfaceResult { network_interface: interface, client_token: input.client_token })
        })
    }
);

handler!(
    Ec2,
    DeleteNetworkInterface,
    |ec2, cx, input| Ok(ec2.on::<DeleteNetworkInterface, Interface>(cx, &input.network_interface_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.network_interface_id;
            if state.find::<Interface>(&cx.scope, id)?.attachment.is_some() {
                return Err(refuse("InvalidParameterValue", format!("Network interface '{id}' is currently in use.")));
            }
            release(state, &cx.scope, id);
            Ok(Default::default())
        })
    }
);

describes!(DescribeNetworkInterfaces, Interface, network_interface_ids, filters, DescribeNetworkInterfacesResult { network_interfaces });

/// Gives each of an instance's primary addresses a public one, or takes them, as it starts and stops.
pub fn set_launched(state: &mut State, scope: &Scope, id: &str, public: Option<Ipv4Addr>) {
    if let Some(primary) = state.interfaces.get_mut(&key(scope, id)).and_then(|row| row.addresses.first_mut()) {
        primary.launched = public;
    }
}

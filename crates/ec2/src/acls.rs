//! Network ACLs and their entries.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html>

use crate::{
    client_tokens::ClientToken,
    describing::{describes, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    limits,
    region::{LAST_ENTRY, new_association},
    rows::{Acl, AclDirection, AclEntry, Subnet, Vpc},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags,
};
use cloudlet_api_ec2::{
    self as api, CreateNetworkAcl, CreateNetworkAclEntry, DeleteNetworkAcl, DeleteNetworkAclEntry, DescribeNetworkAcls, ReplaceNetworkAclAssociation,
    ReplaceNetworkAclEntry,
};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::handler;
use cloudlet_reach::{Cidr, Family};

impl Resource for Acl {
    const KIND: Kind = Kind {
        prefix: "acl",
        name: "network-acl",
        missing: "InvalidNetworkAclID.NotFound",
        says: ("The networkAcl ID '", "' does not exist"),
        malformed: "InvalidNetworkAclId.Malformed",
    };
    const FILTERS: &'static [FilterOf<Acl>] = &[
        ("association.association-id", |_, at| associated(at).map(|(_, subnet)| subnet.acl_association.clone()).collect()),
        ("association.network-acl-id", |_, at| vec![at.id.to_owned()]),
        ("association.subnet-id", |_, at| associated(at).map(|(id, _)| id.to_owned()).collect()),
        ("default", |acl, _| vec![acl.is_default.to_string()]),
        ("entry.cidr", |acl, _| blocks(acl, Family::V4)),
        ("entry.ipv6-cidr", |acl, _| blocks(acl, Family::V6)),
        ("entry.icmp.code", |acl, _| acl.entries.iter().filter_map(|entry| entry.icmp).map(|(_, code)| code.to_string()).collect()),
        ("entry.icmp.type", |acl, _| acl.entries.iter().filter_map(|entry| entry.icmp).map(|(kind, _)| kind.to_string()).collect()),
        ("entry.port-range.from", |acl, _| acl.entries.iter().filter_map(|entry| entry.ports).map(|(from, _)| from.to_string()).collect()),
        ("entry.port-range.to", |acl, _| acl.entries.iter().filter_map(|entry| entry.ports).map(|(_, to)| to.to_string()).collect()),
        ("entry.protocol", |acl, _| acl.entries.iter().flat_map(|entry| protocol_names(entry.protocol)).collect()),
        ("entry.rule-action", |acl, _| acl.entries.iter().map(|entry| action(entry.allow).to_owned()).chain(["deny".to_owned()]).collect()),
        ("entry.egress", |acl, _| acl.entries.iter().map(|entry| (entry.direction == AclDirection::Egress).to_string()).collect()),
        ("entry.rule-number", |acl, _| acl.entries.iter().map(|entry| entry.number).chain([LAST_ENTRY]).map(|number| number.to_string()).collect()),
        ("network-acl-id", |_, at| vec![at.id.to_owned()]),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
        ("vpc-id", |acl, _| vec![acl.vpc.clone()]),
    ];
    type Shown = api::NetworkAcl;

    in_table!(acls, Acl);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn shown(&self, at: &At<'_>) -> api::NetworkAcl {
        let association = |(subnet, row): (&str, &Subnet)| api::NetworkAclAssociation {
            network_acl_association_id: Some(row.acl_association.clone()),
            network_acl_id: Some(at.id.to_owned()),
            subnet_id: Some(subnet.to_owned()),
        };
        let has_ipv6 = at.state.get::<Vpc>(at.scope, &self.vpc).is_some_and(|vpc| !vpc.ipv6_blocks.is_empty());
        let mut entries = self.entries.clone();
        for direction in [AclDirection::Egress, AclDirection::Ingress] {
            entries.push(last(direction, LAST_ENTRY, Cidr::ALL_V4));
            if has_ipv6 {
                entries.push(last(direction, LAST_ENTRY + 1, Cidr::ALL_V6));
            }
        }
        // AWS: those of the way out come first.
        entries.sort_by_key(|entry| (entry.direction == AclDirection::Ingress, entry.number));
        api::NetworkAcl {
            network_acl_id: Some(at.id.to_owned()),
            vpc_id: Some(self.vpc.clone()),
            owner_id: Some(at.scope.account.to_string()),
            is_default: Some(self.is_default),
            associations: Some(associated(at).map(association).collect()),
            entries: Some(entries.iter().map(shown_entry).collect()),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

fn last(direction: AclDirection, number: i32, cidr: Cidr) -> AclEntry {
    AclEntry { direction, number, protocol: -1, allow: false, cidr, ports: None, icmp: None }
}

fn associated<'a>(at: &'a At<'_>) -> impl Iterator<Item = (&'a str, &'a Subnet)> {
    at.state.all::<Subnet>(at.scope).filter(|(_, subnet)| subnet.acl == at.id)
}

fn blocks(acl: &Acl, family: Family) -> Vec<String> {
    acl.entries.iter().filter(|entry| entry.cidr.family() == family).map(|entry| entry.cidr.to_string()).collect()
}

fn protocol_names(number: i32) -> Vec<String> {
    let name = match number {
        6 => Some("tcp"),
        17 => Some("udp"),
        1 => Some("icmp"),
        58 => Some("icmpv6"),
        _ => None,
    };
    [number.to_string()].into_iter().chain(name.map(str::to_owned)).collect()
}

fn action(allow: bool) -> &'static str {
    if allow { "allow" } else { "deny" }
}

fn shown_entry(entry: &AclEntry) -> api::NetworkAclEntry {
    let mut shown = api::NetworkAclEntry {
        egress: Some(entry.direction == AclDirection::Egress),
        rule_number: Some(entry.number),
        protocol: Some(entry.protocol.to_string()),
        rule_action: Some(action(entry.allow).to_owned()),
        port_range: entry.ports.map(|(from, to)| api::PortRange { from: Some(from), to: Some(to) }),
        icmp_type_code: entry.icmp.map(|(kind, code)| api::IcmpTypeCode { r#type: Some(kind), code: Some(code) }),
        ..Default::default()
    };
    match entry.cidr.family() {
        Family::V4 => shown.cidr_block = Some(entry.cidr.to_string()),
        Family::V6 => shown.ipv6_cidr_block = Some(entry.cidr.to_string()),
    }
    shown
}

handler!(
    Ec2,
    CreateNetworkAcl,
    |ec2, cx, input| Ok(ec2.create_in::<CreateNetworkAcl, Acl, Vpc>(cx, tags::requested(input.tag_specifications.as_ref()), &input.vpc_id)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateNetworkAcl>(cx, &input, input.client_token.as_deref())?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "network-acl")?;
        ec2.store.write(|state| {
            let id = token.once::<Acl>(state, cx, |state| {
                state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
                if state.all::<Acl>(&cx.scope).filter(|(_, acl)| acl.vpc == input.vpc_id).count() >= limits::ACLS {
                    // AWS: unverified wording.
                    return Err(refuse("NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached."));
                }
                Ok(state.add(&cx.scope, cx.ids(), Acl { vpc: input.vpc_id, is_default: false, entries: vec![] }, tags))
            })?;
            Ok(api::CreateNetworkAclResult { network_acl: shown::<Acl>(state, cx, &id), client_token: input.client_token })
        })
    }
);

handler!(Ec2, DeleteNetworkAcl, |ec2, cx, input| Ok(ec2.on::<DeleteNetworkAcl, Acl>(cx, &input.network_acl_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let id = &input.network_acl_id;
        if state.find::<Acl>(&cx.scope, id)?.is_default {
            return Err(invalid_value(format!("cannot delete default network ACL {id}")));
        }
        if state.all::<Subnet>(&cx.scope).any(|(_, subnet)| subnet.acl == *id) {
            return Err(refuse("DependencyViolation", format!("The networkAcl '{id}' has dependencies and cannot be deleted.")));
        }
        state.remove::<Acl>(&cx.scope, id);
        Ok(Default::default())
    })
});

describes!(DescribeNetworkAcls, Acl, network_acl_ids, filters, DescribeNetworkAclsResult { network_acls });

/// An entry as a request has it: Create and Replace have the same members.
struct Given {
    number: i32,
    protocol: String,
    action: String,
    egress: bool,
    cidr: Option<String>,
    ipv6_cidr: Option<String>,
    icmp: Option<api::IcmpTypeCode>,
    ports: Option<api::PortRange>,
}

macro_rules! given {
    ($input:ident) => {
        Given {
            number: $input.rule_number,
            protocol: $input.protocol,
            action: $input.rule_action,
            egress: $input.egress,
            cidr: $input.cidr_block,
            ipv6_cidr: $input.ipv6_cidr_block,
            icmp: $input.icmp_type_code,
            ports: $input.port_range,
        }
    };
}

fn direction(egress: bool) -> AclDirection {
    if egress { AclDirection::Egress } else { AclDirection::Ingress }
}

impl Given {
    fn read(self) -> Result<AclEntry, Fault> {
        if !(1..LAST_ENTRY).contains(&self.number) {
            // AWS: unverified wording.
            return Err(invalid_value(format!("Value ({}) for parameter ruleNumber is invalid. Must be between 1 and 32766.", self.number)));
        }
        let protocol = match self.protocol.to_ascii_lowercase().as_str() {
            "-1" | "all" => -1,
            "tcp" => 6,
            "udp" => 17,
            "icmp" => 1,
            "icmpv6" | "ipv6-icmp" => 58,
            other => match other.parse::<u8>() {
                Ok(number) => i32::from(number),
                Err(_) => return Err(invalid_value(format!("Invalid value '{}' for IP protocol. Unknown protocol.", self.protocol))),
            },
        };
        let allow = match self.action.as_str() {
            "allow" => true,
            "deny" => false,
            other => return Err(invalid_value(format!("Value ({other}) for parameter ruleAction is invalid."))),
        };
        let malformed =
            |given: &str, name| invalid_value(format!("Value ({given}) for parameter {name} is invalid. This is not a valid CIDR block."));
        let cidr = match (&self.cidr, &self.ipv6_cidr) {
            (Some(given), None) => Cidr::parse(given, Family::V4).ok_or_else(|| malformed(given, "cidrBlock"))?,
            (None, Some(given)) => Cidr::parse(given, Family::V6).ok_or_else(|| malformed(given, "ipv6CidrBlock"))?,
            // AWS: unverified wording.
            _ => return Err(faults::missing("cidrBlock or ipv6CidrBlock")),
        };
        let mut entry = AclEntry { direction: direction(self.egress), number: self.number, protocol, allow, cidr, ports: None, icmp: None };
        match protocol {
            6 | 17 => {
                let range = self.ports.and_then(|range| Some((range.from?, range.to?)));
                // AWS: unverified wording.
                let (from, to) = range.ok_or_else(|| faults::missing("portRange"))?;
                let is_valid = (0..=65_535).contains(&from) && (0..=65_535).contains(&to) && from <= to;
                if !is_valid {
                    return Err(invalid_value(format!("Invalid value '{from}-{to}' for portRange.")));
                }
                entry.ports = Some((from, to));
            }
            1 | 58 => {
                let icmp = self.icmp.and_then(|icmp| Some((icmp.r#type?, icmp.code?)));
                // AWS: unverified wording.
                let (kind, code) = icmp.ok_or_else(|| faults::missing("icmpTypeCode"))?;
                if !(-1..=255).contains(&kind) || !(-1..=255).contains(&code) {
                    return Err(invalid_value(format!("Invalid value '{kind}/{code}' for icmpTypeCode.")));
                }
                entry.icmp = Some((kind, code));
            }
            _ => {}
        }
        Ok(entry)
    }
}

handler!(
    Ec2,
    CreateNetworkAclEntry,
    |ec2, cx, input| Ok(ec2.on::<CreateNetworkAclEntry, Acl>(cx, &input.network_acl_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let id = input.network_acl_id.clone();
        let entry = given!(input).read()?;
        ec2.store.write(|state| {
            let acl = state.find_mut::<Acl>(&cx.scope, &id)?;
            let same = |known: &&AclEntry| known.direction == entry.direction;
            if acl.entries.iter().filter(same).any(|known| known.number == entry.number) {
                let message = format!("The network acl entry identified by {} already exists.", entry.number);
                return Err(refuse("NetworkAclEntryAlreadyExists", message));
            }
            if acl.entries.iter().filter(same).count() >= limits::ACL_ENTRIES {
                // AWS: unverified wording.
                return Err(refuse("NetworkAclEntryLimitExceeded", "The maximum number of network acl entries has been reached."));
            }
            acl.entries.push(entry);
            Ok(Default::default())
        })
    }
);

fn no_entry(direction: AclDirection, number: i32, acl: &str) -> Fault {
    let words = if direction == AclDirection::Egress { "egress" } else { "ingress" };
    // AWS: unverified wording.
    refuse("InvalidNetworkAclEntry.NotFound", format!("The network acl entry identified by {number} ({words}) does not exist in {acl}."))
}

handler!(
    Ec2,
    ReplaceNetworkAclEntry,
    |ec2, cx, input| Ok(ec2.on::<ReplaceNetworkAclEntry, Acl>(cx, &input.network_acl_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let id = input.network_acl_id.clone();
        let entry = given!(input).read()?;
        ec2.store.write(|state| {
            let acl = state.find_mut::<Acl>(&cx.scope, &id)?;
            let known = acl.entries.iter_mut().find(|known| known.direction == entry.direction && known.number == entry.number);
            let missing = no_entry(entry.direction, entry.number, &id);
            *known.ok_or(missing)? = entry;
            Ok(Default::default())
        })
    }
);

handler!(
    Ec2,
    DeleteNetworkAclEntry,
    |ec2, cx, input| Ok(ec2.on::<DeleteNetworkAclEntry, Acl>(cx, &input.network_acl_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let (number, direction) = (input.rule_number, direction(input.egress));
            let acl = state.find_mut::<Acl>(&cx.scope, &input.network_acl_id)?;
            let at = acl.entries.iter().position(|known| known.direction == direction && known.number == number);
            acl.entries.remove(at.ok_or_else(|| no_entry(direction, number, &input.network_acl_id))?);
            Ok(Default::default())
        })
    }
);

fn of_association(state: &State, scope: &Scope, association: &str) -> Option<(String, Subnet)> {
    state.all::<Subnet>(scope).find(|(_, subnet)| subnet.acl_association == association).map(|(id, subnet)| (id.to_owned(), subnet.clone()))
}

handler!(
    Ec2,
    ReplaceNetworkAclAssociation,
    |ec2, cx, input| {
        let subnet = ec2.store.read(|state| of_association(state, &cx.scope, &input.association_id));
        let subnet = ec2.on::<ReplaceNetworkAclAssociation, Subnet>(cx, subnet.as_ref().map_or("*", |(id, _)| id));
        Ok([ec2.on::<ReplaceNetworkAclAssociation, Acl>(cx, &input.network_acl_id), subnet].into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.association_id;
            let missing = || refuse("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"));
            let (subnet, row) = of_association(state, &cx.scope, id).ok_or_else(missing)?;
            let acl = state.find::<Acl>(&cx.scope, &input.network_acl_id)?;
            if acl.vpc != row.vpc {
                return Err(invalid_value(format!("network acl {} and subnet {subnet} belong to different networks", input.network_acl_id)));
            }
            let new = new_association(cx.ids(), "aclassoc");
            let row = state.find_mut::<Subnet>(&cx.scope, &subnet)?;
            row.acl = input.network_acl_id;
            row.acl_association.clone_from(&new);
            Ok(api::ReplaceNetworkAclAssociationResult { new_association_id: Some(new) })
        })
    }
);

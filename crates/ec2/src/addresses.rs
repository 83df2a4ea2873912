//! Elastic IP addresses, and which public address a private one has.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html>

use crate::{
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    filters::Filters,
    limits, lookups, permissions,
    region::new_association,
    rows::{Address, AddressAssociation, Instance, Interface, InternetGateway},
    state::{At, FilterOf, Kind, Resource, State, in_table, key},
    tags,
};
use cloudlet_api_ec2::{
    self as api, AllocateAddress, AssociateAddress, DescribeAddresses, DescribeAddressesAttribute, DisassociateAddress, ReleaseAddress,
};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::handler;
use std::net::Ipv4Addr;

impl Resource for Address {
    const KIND: Kind = Kind {
        prefix: "eipalloc",
        name: "elastic-ip",
        missing: "InvalidAllocationID.NotFound",
        says: ("The allocation ID '", "' does not exist"),
        malformed: "InvalidAllocationID.Malformed",
    };
    const FILTERS: &'static [FilterOf<Address>] = &[
        ("allocation-id", |_, at| vec![at.id.to_owned()]),
        ("association-id", |address, _| address.association.iter().map(|of| of.id.clone()).collect()),
        ("domain", |_, _| vec!["vpc".to_owned()]),
        ("instance-id", |address, at| instance_of(address, at.state, at.scope).into_iter().collect()),
        ("network-border-group", |_, at| vec![at.scope.region.to_string()]),
        ("network-interface-id", |address, _| address.association.iter().map(|of| of.interface.clone()).collect()),
        ("network-interface-owner-id", |address, at| address.association.iter().map(|_| at.scope.account.to_string()).collect()),
        ("private-ip-address", |address, _| address.association.iter().map(|of| of.private.to_string()).collect()),
        ("public-ip", |address, _| vec![address.public.to_string()]),
    ];
    type Shown = api::Address;

    in_table!(addresses, Address);

    fn shown(&self, at: &At<'_>) -> api::Address {
        let association = self.association.as_ref();
        api::Address {
            allocation_id: Some(at.id.to_owned()),
            public_ip: Some(self.public.to_string()),
            domain: Some("vpc".to_owned()),
            public_ipv4_pool: Some("amazon".to_owned()),
            network_border_group: Some(at.scope.region.to_string()),
            association_id: association.map(|of| of.id.clone()),
            network_interface_id: association.map(|of| of.interface.clone()),
            network_interface_owner_id: association.map(|_| at.scope.account.to_string()),
            private_ip_address: association.map(|of| of.private.to_string()),
            instance_id: instance_of(self, at.state, at.scope),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

fn instance_of(address: &Address, state: &State, scope: &Scope) -> Option<String> {
    let interface = state.get::<Interface>(scope, &address.association.as_ref()?.interface)?;
    interface.attachment.as_ref()?.instance.clone()
}

handler!(
    Ec2,
    AllocateAddress,
    |ec2, cx, input| Ok(permissions::create::<AllocateAddress>(cx, "elastic-ip", tags::requested(input.tag_specifications.as_ref()))),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.customer_owned_ipv4_pool.is_some()
            || input.ipam_pool_id.is_some()
            || input.public_ipv4_pool.as_deref().is_some_and(|pool| pool != "amazon")
        {
            return Err(faults::not_implemented("pools of your own addresses"));
        }
        if let Some(other) = input.domain.as_deref().filter(|domain| *domain != "vpc") {
            // AWS: EC2-Classic is no more. Unverified wording.
            return Err(invalid_value(format!("Value ({other}) for parameter domain is invalid.")));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "elastic-ip")?;
        ec2.store.write(|state| {
            if state.count::<Address>(&cx.scope) >= limits::ADDRESSES {
                return Err(refuse("AddressLimitExceeded", "The maximum number of addresses has been reached."));
            }
            let public = match input.address.as_deref() {
                // AWS: an address that was released can be had again. Unverified wording.
                Some(given) => {
                    let address: Ipv4Addr = given.parse().map_err(|_| invalid_value(format!("Invalid value '{given}' for address.")))?;
                    if state.addresses.values().any(|known| known.public == address) {
                        return Err(refuse("InvalidAddress.Locked", format!("The address '{given}' is allocated already.")));
                    }
                    address
                }
                None => lookups::new_public(state, cx.ids()),
            };
            let id = state.add(&cx.scope, cx.ids(), Address { public, association: None }, tags);
            Ok(api::AllocateAddressResult {
                allocation_id: Some(id),
                public_ip: Some(public.to_string()),
                public_ipv4_pool: Some("amazon".to_owned()),
                network_border_group: Some(cx.scope.region.to_string()),
                domain: Some("vpc".to_owned()),
                ..Default::default()
            })
        })
    }
);

/// The allocation that a request names by its id or its address.
fn find(state: &State, scope: &Scope, allocation: Option<&str>, public: Option<&str>) -> Result<String, Fault> {
    match (allocation, public) {
        (Some(id), _) => state.find::<Address>(scope, id).map(|_| id.to_owned()),
        (None, Some(public)) => {
            let address: Ipv4Addr = public.parse().map_err(|_| invalid_value(format!("Invalid value '{public}' for PublicIp.")))?;
            let found = state.all::<Address>(scope).find(|(_, known)| known.public == address);
            found.map(|(id, _)| id.to_owned()).ok_or_else(|| refuse("InvalidAddress.NotFound", format!("Address '{public}' not found.")))
        }
        (None, None) => Err(refuse("MissingParameter", "Either public IP or allocation id must be specified")),
    }
}

handler!(
    Ec2,
    ReleaseAddress,
    |ec2, cx, input| {
        let id = ec2.store.read(|state| find(state, &cx.scope, input.allocation_id.as_deref(), input.public_ip.as_deref()));
        Ok(ec2.on::<ReleaseAddress, Address>(cx, id.as_deref().unwrap_or("*")).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = find(state, &cx.scope, input.allocation_id.as_deref(), input.public_ip.as_deref())?;
            let address = state.find::<Address>(&cx.scope, &id)?;
            if address.association.is_some() {
                return Err(refuse("InvalidIPAddress.InUse", format!("Address {} is in use.", address.public)));
            }
            state.remove::<Address>(&cx.scope, &id);
            Ok(Default::default())
        })
    }
);

handler!(
    Ec2,
    AssociateAddress,
    |ec2, cx, input| {
        let id = ec2.store.read(|state| find(state, &cx.scope, input.allocation_id.as_deref(), input.public_ip.as_deref()));
        let mut all = vec![ec2.on::<AssociateAddress, Address>(cx, id.as_deref().unwrap_or("*"))];
        all.extend(input.instance_id.as_deref().map(|id| ec2.on::<AssociateAddress, Instance>(cx, id)));
        all.extend(input.network_interface_id.as_deref().map(|id| ec2.on::<AssociateAddress, Interface>(cx, id)));
        Ok(all.into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let scope = &cx.scope;
            let id = find(state, scope, input.allocation_id.as_deref(), input.public_ip.as_deref())?;
            let interface = match (&input.network_interface_id, &input.instance_id) {
                (Some(interface), _) => {
                    state.find::<Interface>(scope, interface)?;
                    interface.clone()
                }
                (None, Some(instance)) => {
                    state.find::<Instance>(scope, instance)?;
                    let primary = lookups::of_instance(state, scope, instance).min_by_key(|(_, row)| row.attachment.as_ref().map(|at| at.index));
                    // AWS: unverified wording.
                    let none = || refuse("InvalidInstanceID", format!("The instance '{instance}' has no interface."));
                    primary.map(|(id, _)| id.to_owned()).ok_or_else(none)?
                }
                (None, None) => return Err(refuse("MissingParameter", "Either instance ID or network interface id must be specified")),
            };
            let row = state.find::<Interface>(scope, &interface)?;
            let given = input.private_ip_address.as_deref();
            let private = match given {
                Some(given) => given.parse().ok().filter(|address| row.addresses.iter().any(|known| known.address == *address)),
                None => row.addresses.first().map(|known| known.address),
            };
            let private = private.ok_or_else(|| {
                let message = format!("Private IP address {} does not belong to the interface {interface}", given.unwrap_or_default());
                refuse("InvalidParameterValue", message)
            })?;
            if !state.all::<InternetGateway>(scope).any(|(_, gateway)| gateway.vpc.as_deref() == Some(row.vpc.as_str())) {
                return Err(refuse("Gateway.NotAttached", format!("Network {} is not attached to any internet gateway", row.vpc)));
            }
            let other = state.find::<Address>(scope, &id)?.association.clone();
            if let Some(other) = other.filter(|other| other.interface != interface || other.private != private)
                && input.allow_reassociation == Some(false)
            {
                let message = format!("resource {id} is already associated with associate-id {}", other.id);
                return Err(refuse("Resource.AlreadyAssociated", message));
            }
            // The address that it had goes.
            let had = lookups::elastic_of(state, scope, &interface, private).map(|(had, _)| had.to_owned()).filter(|had| *had != id);
            if let Some(had) = had {
                if input.allow_reassociation != Some(true) {
                    let message = format!("resource {interface} is already associated with an Elastic IP address");
                    return Err(refuse("Resource.AlreadyAssociated", message));
                }
                state.find_mut::<Address>(scope, &had)?.association = None;
            }
            let association = new_association(cx.ids(), "eipassoc");
            let with = AddressAssociation { id: association.clone(), interface: interface.clone(), private };
            state.find_mut::<Address>(scope, &id)?.association = Some(with);
            for address in &mut state.find_mut::<Interface>(scope, &interface)?.addresses {
                if address.address == private {
                    address.launched = None;
                }
            }
            Ok(api::AssociateAddressResult { association_id: Some(association) })
        })
    }
);

fn of_association(state: &State, scope: &Scope, association: Option<&str>, public: Option<&str>) -> Result<String, Fault> {
    let Some(association) = association else { return find(state, scope, None, public) };
    faults::check_id(association, "eipassoc", "InvalidAssociationID.Malformed")?;
    let found = state.all::<Address>(scope).find(|(_, address)| address.association.as_ref().is_some_and(|of| of.id == association));
    let missing = || refuse("InvalidAssociationID.NotFound", format!("The association ID '{association}' does not exist"));
    found.map(|(id, _)| id.to_owned()).ok_or_else(missing)
}

handler!(
    Ec2,
    DisassociateAddress,
    |ec2, cx, input| {
        let id = ec2.store.read(|state| of_association(state, &cx.scope, input.association_id.as_deref(), input.public_ip.as_deref()));
        Ok(ec2.on::<DisassociateAddress, Address>(cx, id.as_deref().unwrap_or("*")).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = of_association(state, &cx.scope, input.association_id.as_deref(), input.public_ip.as_deref())?;
            let address = state.find_mut::<Address>(&cx.scope, &id)?;
            let of_nat = address.association.take().map(|of| of.interface);
            let is_nat = of_nat.is_some_and(|interface| state.get::<Interface>(&cx.scope, &interface).is_some_and(|row| row.kind == "nat_gateway"));
            if is_nat {
                return Err(refuse("AuthFailure", "You do not have permission to access the specified resource."));
            }
            Ok(Default::default())
        })
    }
);

handler!(Ec2, DescribeAddresses, |ec2, cx, input| Ok(permissions::describe::<DescribeAddresses>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let filters = Filters::read(input.filters, Address::FILTERS)?;
    let ids = input.allocation_ids.unwrap_or_default();
    let publics = input.public_ips.unwrap_or_default();
    ec2.store.read(|state| {
        let mut wanted = ids;
        wanted.iter().try_for_each(|id| state.find::<Address>(&cx.scope, id).map(drop))?;
        for public in &publics {
            wanted.push(find(state, &cx.scope, None, Some(public))?);
        }
        let rows = state.all::<Address>(&cx.scope).filter(|(id, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == id));
        let at = |id| At { state, scope: &cx.scope, id, now: cx.now };
        let passing = rows.filter(|(id, row)| filters.pass(row, &at(id), state.tags_of(&cx.scope, id)));
        Ok(api::DescribeAddressesResult { addresses: Some(passing.map(|(id, row)| row.shown(&at(id))).collect()) })
    })
});

// No address has a name of its own in reverse look-ups: to give it one (ModifyAddressAttribute) is not built.
handler!(Ec2, DescribeAddressesAttribute, |ec2, cx, input| Ok(permissions::describe::<DescribeAddressesAttribute>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let ids = input.allocation_ids.unwrap_or_default();
    ec2.store.read(|state| ids.iter().try_for_each(|id| state.find::<Address>(&cx.scope, id).map(drop)))?;
    // AWS: an address whose name was never changed is not in the list.
    Ok(api::DescribeAddressesAttributeResult { addresses: Some(vec![]), next_token: None })
});

/// Takes the Elastic IP addresses from an interface that goes, and from addresses that it loses.
pub fn release(state: &mut State, scope: &Scope, interface: &str, private: Option<Ipv4Addr>) {
    let is = |of: &AddressAssociation| of.interface == interface && private.is_none_or(|private| of.private == private);
    let held = state.all::<Address>(scope).filter(|(_, address)| address.association.as_ref().is_some_and(is));
    let held: Vec<String> = held.map(|(id, _)| id.to_owned()).collect();
    for id in held {
        if let Some(address) = state.addresses.get_mut(&key(scope, &id)) {
            address.association = None;
        }
    }
}

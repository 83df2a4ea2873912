//! Addresses that an interface is given later, or no longer has.

use super::{MOST_ADDRESSES, check_free, parse_v4, parse_v6, take_ipv6};
use crate::{
    addresses,
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    rows::{Interface, PrivateAddress, Subnet},
    subnets,
};
use cloudlet_api_ec2::{self as api, AssignIpv6Addresses, AssignPrivateIpAddresses, UnassignIpv6Addresses, UnassignPrivateIpAddresses};
use cloudlet_engine::handler;

handler!(
    Ec2,
    AssignPrivateIpAddresses,
    |ec2, cx, input| Ok(ec2.on::<AssignPrivateIpAddresses, Interface>(cx, &input.network_interface_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        if input.ipv4_prefixes.is_some() || input.ipv4_prefix_count.is_some() {
            return Err(faults::not_implemented("prefixes of an interface"));
        }
        let given = input.private_ip_addresses.unwrap_or_default().iter().map(|text| parse_v4(text)).collect::<Result<Vec<_>, _>>()?;
        let count = usize::try_from(input.secondary_private_ip_address_count.unwrap_or_default()).unwrap_or_default();
        ec2.store.write(|state| {
            let id = &input.network_interface_id;
            let row = state.find::<Interface>(&cx.scope, id)?.clone();
            let subnet = state.find::<Subnet>(&cx.scope, &row.subnet)?.clone();
            if row.addresses.len() + given.len() + count > MOST_ADDRESSES {
                // AWS: unverified wording.
                return Err(refuse("PrivateIpAddressLimitExceeded", format!("Number of private addresses will exceed limit of {MOST_ADDRESSES}.")));
            }
            let mut new = given.clone();
            for address in &given {
                let holder =
                    state.interfaces_in(&cx.scope, &row.subnet).find(|(_, other)| other.addresses.iter().any(|known| known.address == *address));
                let holder =
                    holder.map(|(holder, other)| (holder.to_owned(), other.addresses.first().is_some_and(|primary| primary.address == *address)));
                match holder {
                    // A secondary address may be taken from another interface.
                    Some((holder, false)) if input.allow_reassignment == Some(true) => {
                        addresses::release(state, &cx.scope, &holder, Some(*address));
                        state.find_mut::<Interface>(&cx.scope, &holder)?.addresses.retain(|known| known.address != *address);
                    }
                    _ => check_free(state, &cx.scope, &row.subnet, &subnet, *address)?,
                }
            }
            new.extend(subnets::free_addresses(state, &cx.scope, &row.subnet, &subnet, count, &given)?);
            let added = new.iter().map(|address| PrivateAddress { address: *address, launched: None });
            state.find_mut::<Interface>(&cx.scope, id)?.addresses.extend(added);
            let assigned = new.iter().map(|address| api::AssignedPrivateIpAddress { private_ip_address: Some(address.to_string()) });
            Ok(api::AssignPrivateIpAddressesResult {
                network_interface_id: Some(id.clone()),
                assigned_private_ip_addresses: Some(assigned.collect()),
                ..Default::default()
            })
        })
    }
);

handler!(
    Ec2,
    UnassignPrivateIpAddresses,
    |ec2, cx, input| Ok(ec2.on::<UnassignPrivateIpAddresses, Interface>(cx, &input.network_interface_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        let given = input.private_ip_addresses.unwrap_or_default().iter().map(|text| parse_v4(text)).collect::<Result<Vec<_>, _>>()?;
        ec2.store.write(|state| {
            let id = &input.network_interface_id;
            let row = state.find::<Interface>(&cx.scope, id)?;
            for address in &given {
                match row.addresses.iter().position(|known| known.address == *address) {
                    // AWS: unverified wording.
                    Some(0) => return Err(invalid_value(format!("{address} is the primary private IP address of {id} and cannot be unassigned."))),
                    Some(_) => {}
                    None => return Err(invalid_value(format!("Some of the requested addresses are not assigned to interface {id}"))),
                }
            }
            given.iter().for_each(|address| addresses::release(state, &cx.scope, id, Some(*address)));
            state.find_mut::<Interface>(&cx.scope, id)?.addresses.retain(|known| !given.contains(&known.address));
            Ok(Default::default())
        })
    }
);

handler!(
    Ec2,
    AssignIpv6Addresses,
    |ec2, cx, input| Ok(ec2.on::<AssignIpv6Addresses, Interface>(cx, &input.network_interface_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        if input.ipv6_prefixes.is_some() || input.ipv6_prefix_count.is_some() {
            return Err(faults::not_implemented("prefixes of an interface"));
        }
        let given = input.ipv6_addresses.unwrap_or_default().iter().map(|text| parse_v6(text)).collect::<Result<Vec<_>, _>>()?;
        let count = usize::try_from(input.ipv6_address_count.unwrap_or_default()).unwrap_or_default();
        ec2.store.write(|state| {
            let id = &input.network_interface_id;
            let row = state.find::<Interface>(&cx.scope, id)?;
            let subnet = state.find::<Subnet>(&cx.scope, &row.subnet)?;
            if row.ipv6.len() + given.len() + count > MOST_ADDRESSES {
                return Err(refuse("InvalidParameterValue", format!("Number of IPv6 addresses will exceed limit of {MOST_ADDRESSES}.")));
            }
            let new = take_ipv6(state, cx, &row.subnet.clone(), subnet, given, count)?;
            let assigned = new.iter().map(ToString::to_string).collect();
            state.find_mut::<Interface>(&cx.scope, id)?.ipv6.extend(new);
            Ok(api::AssignIpv6AddressesResult {
                network_interface_id: Some(id.clone()),
                assigned_ipv6_addresses: Some(assigned),
                ..Default::default()
            })
        })
    }
);

handler!(
    Ec2,
    UnassignIpv6Addresses,
    |ec2, cx, input| Ok(ec2.on::<UnassignIpv6Addresses, Interface>(cx, &input.network_interface_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        let given = input.ipv6_addresses.unwrap_or_default().iter().map(|text| parse_v6(text)).collect::<Result<Vec<_>, _>>()?;
        ec2.store.write(|state| {
            let id = &input.network_interface_id;
            let row = state.find_mut::<Interface>(&cx.scope, id)?;
            if given.iter().any(|address| !row.ipv6.contains(address)) {
                return Err(invalid_value(format!("Some of the requested addresses are not assigned to interface {id}")));
            }
            row.ipv6.retain(|known| !given.contains(known));
            let unassigned = given.iter().map(ToString::to_string).collect();
            Ok(api::UnassignIpv6AddressesResult {
                network_interface_id: Some(id.clone()),
                unassigned_ipv6_addresses: Some(unassigned),
                ..Default::default()
            })
        })
    }
);

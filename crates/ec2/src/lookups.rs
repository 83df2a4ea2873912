//! What several kinds of resources look up in each other's rows.

use crate::{
    rows::{Address, AddressAssociation, Associated, Attachment, DesiredState, Destination, Instance, Interface, PrivateAddress, RouteTable, Vpc},
    state::{Resource, State},
};
use cloudlet_aws::{Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, Ids};
use cloudlet_reach::Cidr;
use std::net::Ipv4Addr;

/// The interfaces that an instance has.
pub fn of_instance<'s>(state: &'s State, scope: &'s Scope, instance: &'s str) -> impl Iterator<Item = (&'s str, &'s Interface)> + Clone {
    let is = move |of: &Attachment| of.instance.as_deref() == Some(instance);
    state.all::<Interface>(scope).filter(move |(_, row)| row.attachment.as_ref().is_some_and(is))
}

/// The Elastic IP address of a private address.
pub fn elastic_of<'s>(state: &'s State, scope: &'s Scope, interface: &str, private: Ipv4Addr) -> Option<(&'s str, &'s Address)> {
    let is = |of: &AddressAssociation| of.interface == interface && of.private == private;
    state.all::<Address>(scope).find(|(_, address)| address.association.as_ref().is_some_and(is))
}

/// The public address of a private one: an Elastic IP address, or the one it was launched with.
pub fn public_of(state: &State, scope: &Scope, interface: &str, private: &PrivateAddress) -> Option<Ipv4Addr> {
    elastic_of(state, scope, interface, private.address).map(|(_, address)| address.public).or(private.launched)
}

/// Addresses that look like AWS's.
pub fn new_public(state: &State, ids: &Ids) -> Ipv4Addr {
    loop {
        let number = ids.number().to_le_bytes();
        let [second, third, fourth, ..] = number;
        let address = Ipv4Addr::new(54, second, third, fourth.clamp(1, 254));
        let is_launched = |row: &Interface| row.addresses.iter().any(|known| known.launched == Some(address));
        if !state.addresses.values().any(|known| known.public == address) && !state.interfaces.values().any(is_launched) {
            return address;
        }
    }
}

/// An instance that is still shown.
pub fn find_instance<'s>(state: &'s State, cx: &Cx, id: &str) -> Result<&'s Instance, Fault> {
    let instance = state.find::<Instance>(&cx.scope, id)?;
    if instance.is_visible(cx.now) { Ok(instance) } else { Err(Instance::KIND.is_missing(id)) }
}

/// Whether packets reach it: pending instances answer soon enough.
pub fn is_up(instance: &Instance, _now: Timestamp) -> bool {
    instance.wanted == DesiredState::Running
}

/// All blocks of a VPC, of both families.
pub fn blocks(vpc: &Vpc) -> impl Iterator<Item = Cidr> {
    vpc.blocks.iter().chain(&vpc.ipv6_blocks).map(|block| block.cidr)
}

pub fn is_main(table: &RouteTable) -> bool {
    table.associations.iter().any(|known| known.with == Associated::Main)
}

/// Whether routes lead to a prefix list.
pub fn lead_to(state: &State, scope: &Scope, list: &str) -> Vec<String> {
    let leads = |table: &RouteTable| table.routes.iter().any(|route| route.destination == Destination::PrefixList(list.to_owned()));
    state.all::<RouteTable>(scope).filter(|(_, table)| leads(table)).map(|(id, _)| id.to_owned()).collect()
}

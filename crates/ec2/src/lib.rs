//! EC2's networking.
//!
//! Built are VPCs, each with its default group, and security groups with their rules. A region has a default VPC from the first call on.

mod describing;
mod faults;
mod filters;
mod limits;
mod permissions;
mod rules;
mod security_groups;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod vpcs;

use cloudlet_api_ec2 as api;
use cloudlet_engine::Service;
use cloudlet_store::{Journal, Store};
use state::State;
use std::sync::Arc;

pub struct Ec2 {
    store: Arc<Store<State>>,
}

pub fn service(journal: &Journal) -> Service {
    let store = Arc::new(Store::new("ec2", journal, State::default()));
    Service::of(&api::SERVICE, Arc::new(Ec2 { store: store.clone() }))
        .store(store)
        // VPCs
        .handles::<api::CreateVpc>()
        .handles::<api::DeleteVpc>()
        .handles::<api::DescribeVpcs>()
        // security groups
        .handles::<api::CreateSecurityGroup>()
        .handles::<api::DeleteSecurityGroup>()
        .handles::<api::DescribeSecurityGroups>()
        .handles::<api::DescribeSecurityGroupRules>()
        .handles::<api::AuthorizeSecurityGroupIngress>()
        .handles::<api::AuthorizeSecurityGroupEgress>()
        .handles::<api::RevokeSecurityGroupIngress>()
        .handles::<api::RevokeSecurityGroupEgress>()
        .build()
}

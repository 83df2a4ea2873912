//! The tables: VPCs, security groups with their rules, and the default VPC of each region.

use crate::{rules::Rule, tags::Tags};
use cloudlet_aws::Scope;
use cloudlet_engine::Ids;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{ops::Bound, sync::Arc};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vpc {
    pub cidr: String,
    pub association: String,
    pub dhcp_options: String,
    pub tenancy: String,
    pub tags: Tags,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub description: String,
    pub vpc: String,
    pub tags: Tags,
    /// In the order of their creation.
    pub rules: Vec<Rule>,
}

impl Group {
    pub fn is_default(&self) -> bool {
        self.name == "default"
    }
}

/// What an account has in a region from the first call on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InRegion {
    pub default_vpc: Option<String>,
    pub dhcp_options: String,
}

#[derive(Default)]
pub struct State {
    pub regions: Table<Scope, InRegion>,
    pub vpcs: Table<(Scope, String), Vpc>,
    pub groups: Table<(Scope, String), Arc<Group>>,
}

tables!(State { regions, vpcs, groups });

impl State {
    pub fn vpc(&self, scope: &Scope, id: &str) -> Option<&Vpc> {
        self.vpcs.get(&(scope.clone(), id.to_owned()))
    }

    pub fn group(&self, scope: &Scope, id: &str) -> Option<&Arc<Group>> {
        self.groups.get(&(scope.clone(), id.to_owned()))
    }

    pub fn default_vpc(&self, scope: &Scope) -> Option<&str> {
        self.regions.get(scope)?.default_vpc.as_deref()
    }

    pub fn vpcs_of<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s str, &'s Vpc)> {
        let from = (Bound::Included((scope.clone(), String::new())), Bound::Unbounded);
        self.vpcs.range(from).take_while(move |((of, _), _)| of == scope).map(|((_, id), vpc)| (id.as_str(), vpc))
    }

    pub fn groups_of<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s str, &'s Arc<Group>)> {
        let from = (Bound::Included((scope.clone(), String::new())), Bound::Unbounded);
        self.groups.range(from).take_while(move |((of, _), _)| of == scope).map(|((_, id), group)| (id.as_str(), group))
    }

    /// Adds a VPC with its default group.
    pub fn add_vpc(&mut self, scope: &Scope, ids: &Ids, cidr: String, tenancy: String, tags: Tags) -> String {
        let id = format!("vpc-{}", ids.hex(17));
        let dhcp_options = self.regions.get(scope).map(|region| region.dhcp_options.clone()).unwrap_or_default();
        let association = format!("vpc-cidr-assoc-{}", ids.hex(17));
        self.vpcs.insert((scope.clone(), id.clone()), Vpc { cidr, association, dhcp_options, tenancy, tags });
        let group = format!("sg-{}", ids.hex(17));
        let rules = vec![Rule::from_itself(ids, scope, &group), Rule::to_everywhere(ids)];
        let description = "default VPC security group".to_owned();
        let default = Group { name: "default".to_owned(), description, vpc: id.clone(), tags: Tags::new(), rules };
        self.groups.insert((scope.clone(), group), Arc::new(default));
        id
    }
}

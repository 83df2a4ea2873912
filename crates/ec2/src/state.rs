//! The tables, and what all kinds of resources have in common: ids, tags, and how they are found.

use crate::{
    faults::{self, refuse},
    rows::{
        AccessScope, AccessScopeAnalysis, Acl, Address, Associated, DhcpOptions, EgressOnlyInternetGateway, Endpoint, FlowLog, Group, InRegion,
        InsightsAnalysis, InsightsPath, Instance, Interface, InternetGateway, LaunchTemplate, Made, NatGateway, Peering, PrefixList, RouteTable,
        Subnet, Vpc,
    },
    rules::Rule,
    tags::Tags,
};
use cloudlet_aws::{Fault, Scope, Timestamp};
use cloudlet_engine::Ids;
use cloudlet_store::{ExpiringTable, Row, Table, tables};
use std::{collections::BTreeSet, ops::Bound, sync::Arc};

pub type Key = (Scope, String);

/// What AWS calls a kind of resource.
pub struct Kind {
    /// `vpc` of `vpc-…`
    pub prefix: &'static str,
    /// In ARNs and in tag specifications.
    pub name: &'static str,
    /// The code of "does not exist".
    pub missing: &'static str,
    /// What it says, around the id: `The subnet ID '`, `' does not exist`.
    pub says: (&'static str, &'static str),
    pub malformed: &'static str,
}

impl Kind {
    pub fn new_id(&self, ids: &Ids) -> String {
        format!("{}-{}", self.prefix, ids.hex(17))
    }

    pub fn check(&self, id: &str) -> Result<(), Fault> {
        if id.is_empty() {
            // <https://github.com/systeminit/si/issues/3042>
            return Err(refuse(self.malformed, format!("The {} ID '' is malformed", self.name)));
        }
        faults::check_id(id, self.prefix, self.malformed)
    }

    pub fn is_missing(&self, id: &str) -> Fault {
        let (before, after) = self.says;
        refuse(self.missing, format!("{before}{id}{after}"))
    }
}

/// A resource where it is shown or filtered.
pub struct At<'a> {
    pub state: &'a State,
    pub scope: &'a Scope,
    pub id: &'a str,
    pub now: Timestamp,
}

/// What `Filter.N` calls a value of a resource, and its values.
pub type FilterOf<R> = (&'static str, fn(&R, &At<'_>) -> Vec<String>);

/// A kind of resource: what it takes to be created with tags, found by id, described by filters and pages.
pub trait Resource: Row {
    const KIND: Kind;
    const FILTERS: &'static [FilterOf<Self>];
    /// What `Describe…` shows.
    type Shown;

    fn table(state: &State) -> &Table<Key, Self>;
    fn table_mut(state: &mut State) -> &mut Table<Key, Self>;
    fn shown(&self, at: &At<'_>) -> Self::Shown;

    /// The VPC it is in, for the condition key.
    fn vpc(&self) -> Option<&str> {
        None
    }

    /// Whether it is still shown: what was deleted is for an hour.
    fn is_visible(&self, _now: Timestamp) -> bool {
        true
    }
}

/// `in_table!(subnets, Subnet)`: where the rows of a kind are.
macro_rules! in_table {
    ($table:ident, $row:ty) => {
        fn table(state: &$crate::state::State) -> &cloudlet_store::Table<$crate::state::Key, $row> {
            &state.$table
        }

        fn table_mut(state: &mut $crate::state::State) -> &mut cloudlet_store::Table<$crate::state::Key, $row> {
            &mut state.$table
        }
    };
}
pub(crate) use in_table;

/// How long a deleted gateway, instance or peering is shown.
pub const AFTERLIFE: i64 = 3_600_000;

pub fn is_over(ended: Option<Timestamp>, now: Timestamp) -> bool {
    ended.is_some_and(|ended| now.0 >= ended.0 + AFTERLIFE)
}

#[derive(Default)]
pub struct State {
    pub regions: Table<Scope, InRegion>,
    pub tags: Table<Key, Tags>,
    pub vpcs: Table<Key, Vpc>,
    pub subnets: Table<Key, Subnet>,
    pub route_tables: Table<Key, RouteTable>,
    pub internet_gateways: Table<Key, InternetGateway>,
    pub egress_only_gateways: Table<Key, EgressOnlyInternetGateway>,
    pub nat_gateways: Table<Key, NatGateway>,
    pub acls: Table<Key, Acl>,
    pub prefix_lists: Table<Key, PrefixList>,
    pub dhcp_options: Table<Key, DhcpOptions>,
    pub interfaces: Table<Key, Interface>,
    pub addresses: Table<Key, Address>,
    pub peerings: Table<Key, Peering>,
    pub endpoints: Table<Key, Endpoint>,
    pub groups: Table<Key, Arc<Group>>,
    pub instances: Table<Key, Instance>,
    pub launch_templates: Table<Key, LaunchTemplate>,
    pub flow_logs: Table<Key, FlowLog>,
    pub paths: Table<Key, InsightsPath>,
    pub analyses: Table<Key, InsightsAnalysis>,
    pub access_scopes: Table<Key, AccessScope>,
    pub access_scope_analyses: Table<Key, AccessScopeAnalysis>,
    /// What was made with which client token: operation and token.
    pub tokens: ExpiringTable<Key, Made>,
    /// The group of each rule. Ids are compared alone, since there may be many and all of one region.
    pub rules: Table<String, Key>,
}

tables!(State {
    regions, tags, vpcs, subnets, route_tables, internet_gateways, egress_only_gateways, nat_gateways, acls, prefix_lists, dhcp_options,
    interfaces, addresses, peerings, endpoints, groups, instances, flow_logs, paths, analyses,
    launch_templates, access_scopes, access_scope_analyses, tokens } indexes(State::reindex) { rules });

pub fn key(scope: &Scope, id: &str) -> Key {
    (scope.clone(), id.to_owned())
}

fn of_scope<'s, R>(table: &'s Table<Key, R>, scope: &'s Scope) -> impl Iterator<Item = (&'s str, &'s R)> + Clone {
    from(table, scope, Bound::Included(String::new()))
}

/// The rows of an account in a region from an id on.
fn from<'s, R>(table: &'s Table<Key, R>, scope: &'s Scope, start: Bound<String>) -> impl Iterator<Item = (&'s str, &'s R)> + Clone {
    let start = start.map(|id| (scope.clone(), id));
    table.range((start, Bound::Unbounded)).take_while(move |((of, _), _)| of == scope).map(|((_, id), row)| (id.as_str(), row))
}

impl State {
    fn reindex(&mut self) {
        for ((scope, id), group) in &self.groups {
            for rule in &group.rules {
                self.rules.insert(rule.id.clone(), key(scope, id));
            }
        }
    }

    pub fn get<R: Resource>(&self, scope: &Scope, id: &str) -> Option<&R> {
        R::table(self).get(&key(scope, id))
    }

    /// The resource, or AWS's fault for an id that is malformed or unknown.
    pub fn find<R: Resource>(&self, scope: &Scope, id: &str) -> Result<&R, Fault> {
        R::KIND.check(id)?;
        self.get(scope, id).ok_or_else(|| R::KIND.is_missing(id))
    }

    /// The same, to be changed.
    pub fn find_mut<R: Resource>(&mut self, scope: &Scope, id: &str) -> Result<&mut R, Fault> {
        R::KIND.check(id)?;
        R::table_mut(self).get_mut(&key(scope, id)).ok_or_else(|| R::KIND.is_missing(id))
    }

    /// The resources of an account in a region, by id.
    pub fn all<'s, R: Resource>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s str, &'s R)> + Clone {
        of_scope(R::table(self), scope)
    }

    /// Those whose ids come after this one.
    pub fn all_after<'s, R: Resource>(&'s self, scope: &'s Scope, after: Option<&str>) -> impl Iterator<Item = (&'s str, &'s R)> + Clone {
        let start = after.map_or(Bound::Included(String::new()), |after| Bound::Excluded(after.to_owned()));
        from(R::table(self), scope, start)
    }

    pub fn count<R: Resource>(&self, scope: &Scope) -> usize {
        self.all::<R>(scope).count()
    }

    /// Adds a resource under a new id.
    pub fn add<R: Resource>(&mut self, scope: &Scope, ids: &Ids, row: R, tags: Tags) -> String {
        let id = R::KIND.new_id(ids);
        R::table_mut(self).insert(key(scope, &id), row);
        self.set_tags(scope, &id, tags);
        id
    }

    pub fn put<R: Resource>(&mut self, scope: &Scope, id: &str, row: R) {
        R::table_mut(self).insert(key(scope, id), row);
    }

    /// Removes a resource with its tags.
    pub fn remove<R: Resource>(&mut self, scope: &Scope, id: &str) -> Option<R> {
        self.tags.remove(&key(scope, id));
        R::table_mut(self).remove(&key(scope, id))
    }

    pub fn tags_of(&self, scope: &Scope, id: &str) -> Option<&Tags> {
        self.tags.get(&key(scope, id))
    }

    /// No row without a tag.
    pub fn set_tags(&mut self, scope: &Scope, id: &str, tags: Tags) {
        match tags.is_empty() {
            true => drop(self.tags.remove(&key(scope, id))),
            false => self.tags.insert(key(scope, id), tags),
        }
    }

    pub fn default_vpc(&self, scope: &Scope) -> Option<&str> {
        self.regions.get(scope)?.default_vpc.as_deref()
    }

    pub fn group(&self, scope: &Scope, id: &str) -> Option<&Arc<Group>> {
        self.groups.get(&key(scope, id))
    }

    pub fn groups_of<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s str, &'s Arc<Group>)> {
        of_scope(&self.groups, scope)
    }

    /// Writes a group, and in which group its rules are found.
    pub fn put_group(&mut self, scope: &Scope, id: &str, group: Group) {
        let of = key(scope, id);
        let old = self.groups.get(&of).cloned();
        let (before, after) = differing(old.as_ref().map_or(&[], |old| &old.rules), &group.rules);
        let ids = |rules: &[Arc<Rule>]| rules.iter().map(|rule| rule.id.clone()).collect::<BTreeSet<String>>();
        let (before, after) = (ids(before), ids(after));
        for gone in before.difference(&after) {
            self.rules.remove(gone.as_str());
            self.tags.remove(&key(scope, gone));
        }
        for new in after.difference(&before) {
            self.rules.insert(new.clone(), of.clone());
        }
        self.groups.insert(of, Arc::new(group));
    }

    pub fn remove_group(&mut self, scope: &Scope, id: &str) {
        if let Some(group) = self.remove::<Arc<Group>>(scope, id) {
            for rule in &group.rules {
                self.rules.remove(rule.id.as_str());
                self.tags.remove(&key(scope, &rule.id));
            }
        }
    }

    /// A rule with the group that has it.
    pub fn rule(&self, scope: &Scope, id: &str) -> Option<(&str, &Rule)> {
        let (_, group) = self.rules.get(id).filter(|(of, _)| of == scope)?;
        let rule = self.group(scope, group)?.rules.iter().find(|rule| rule.id == id)?.as_ref();
        Some((group, rule))
    }

    pub fn interfaces_in<'s>(&'s self, scope: &'s Scope, subnet: &'s str) -> impl Iterator<Item = (&'s str, &'s Interface)> {
        of_scope(&self.interfaces, scope).filter(move |(_, interface)| interface.subnet == subnet)
    }

    /// The route table of a subnet: its own, or the VPC's main one.
    pub fn route_table_of<'s>(&'s self, scope: &'s Scope, vpc: &str, subnet: &str) -> Option<(&'s str, &'s RouteTable)> {
        let of_vpc = |with: Associated| {
            of_scope(&self.route_tables, scope).find(|(_, table)| table.vpc == vpc && table.associations.iter().any(|known| known.with == with))
        };
        of_vpc(Associated::Subnet(subnet.to_owned())).or_else(|| of_vpc(Associated::Main))
    }
}

/// Two lists of rules without those with which both begin and end: a change of few rules looks up few.
fn differing<'r>(mut old: &'r [Arc<Rule>], mut new: &'r [Arc<Rule>]) -> (&'r [Arc<Rule>], &'r [Arc<Rule>]) {
    let is_same = |one: &Arc<Rule>, other: &Arc<Rule>| Arc::ptr_eq(one, other) || one.id == other.id;
    while let (Some((first, rest)), Some((other, others))) = (old.split_first(), new.split_first())
        && is_same(first, other)
    {
        (old, new) = (rest, others);
    }
    while let (Some((last, rest)), Some((other, others))) = (old.split_last(), new.split_last())
        && is_same(last, other)
    {
        (old, new) = (rest, others);
    }
    (old, new)
}

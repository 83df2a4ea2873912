//! The tables: groups with their filters, policies, destinations, tasks and queries in one store; streams and events of each group in a store of
//! its own, so that writers of two groups do not wait for each other.

use crate::{
    blocks::{BLOCKS_TO_MERGE, Block, Position},
    limits,
    scan::Source,
};
use cloudlet_api_logs as api;
use cloudlet_aws::{Arn, Scope, Timestamp};
use cloudlet_engine::{StoredPolicy, StoredShape};
use cloudlet_policy::{Document, Kind};
use cloudlet_shape::Map;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{ops::Bound, sync::Arc};

/// A group: where it is, and its name.
pub type GroupKey = (Scope, Arc<str>);
/// Something with a name in an account and region.
pub type Named = (Scope, Arc<str>);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub created: Timestamp,
    pub class: GroupClass,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<GroupKeyAssociation>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deletion_protected: bool,
}

/// The KMS key of a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupKeyAssociation {
    pub key: String,
    /// A data key under it: whether it can be decrypted says whether the group can be read.
    #[serde(with = "cloudlet_store::as_base64")]
    pub data_key: bytes::Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupClass {
    Standard,
    InfrequentAccess,
    Delivery,
}

impl GroupClass {
    pub fn parse(text: &str) -> Option<GroupClass> {
        match text {
            "STANDARD" => Some(GroupClass::Standard),
            "INFREQUENT_ACCESS" => Some(GroupClass::InfrequentAccess),
            "DELIVERY" => Some(GroupClass::Delivery),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            GroupClass::Standard => "STANDARD",
            GroupClass::InfrequentAccess => "INFREQUENT_ACCESS",
            GroupClass::Delivery => "DELIVERY",
        }
    }
}

impl Group {
    /// Events before this time are gone.
    pub fn oldest(&self, now: Timestamp) -> i64 {
        let days = if self.class == GroupClass::Delivery { Some(limits::DELIVERY_RETENTION_DAYS) } else { self.retention_days };
        days.map_or(i64::MIN, |days| now.millis().saturating_sub(i64::from(days) * limits::DAY))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourcePolicy {
    pub policy: StoredPolicy,
    pub updated: Timestamp,
    pub revision: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Destination {
    pub target: Arn,
    pub role: Arn,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<StoredPolicy>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportTask {
    pub created: Timestamp,
    pub name: Option<String>,
    pub group: Arc<str>,
    pub stream_prefix: Option<String>,
    pub from: i64,
    pub to: i64,
    pub bucket: String,
    pub prefix: String,
    pub status: ExportStatus,
    pub completed: Option<Timestamp>,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportStatus {
    Pending,
    Completed,
    Cancelled,
    Failed,
}

impl ExportStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            ExportStatus::Pending => "PENDING",
            ExportStatus::Completed => "COMPLETED",
            ExportStatus::Cancelled => "CANCELLED",
            ExportStatus::Failed => "FAILED",
        }
    }
}

/// A row of results: fields and their values, in the order of the query.
pub type ResultRow = Vec<(Arc<str>, String)>;

/// A query that was run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Query {
    pub text: String,
    pub groups: Vec<Arc<str>>,
    pub created: Timestamp,
    pub results: Arc<Vec<ResultRow>>,
    pub matched: u64,
    pub scanned: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryDestination {
    pub shape: StoredShape<api::DeliveryDestination>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

#[derive(Default)]
pub struct State {
    pub groups: Table<GroupKey, Arc<Group>>,
    pub metric_filters: Table<(GroupKey, Arc<str>), StoredShape<api::MetricFilter>>,
    pub subscription_filters: Table<(GroupKey, Arc<str>), StoredShape<api::SubscriptionFilter>>,
    pub resource_policies: Table<Named, Arc<ResourcePolicy>>,
    pub group_policies: Table<GroupKey, Arc<ResourcePolicy>>,
    pub destinations: Table<Named, Arc<Destination>>,
    pub export_tasks: Table<Named, Arc<ExportTask>>,
    pub query_definitions: Table<Named, StoredShape<api::QueryDefinition>>,
    pub queries: Table<Named, Arc<Query>>,
    pub delivery_destinations: Table<Named, DeliveryDestination>,
    /// The resource policies of an account and region as one.
    pub account_policies: Table<Scope, StoredPolicy>,
}

tables!(State {
    groups, metric_filters, subscription_filters, resource_policies, group_policies, destinations, export_tasks, query_definitions, queries,
    delivery_destinations
} indexes(State::reindex) { account_policies });

impl State {
    fn reindex(&mut self) {
        let mut scopes: Vec<Scope> = self.resource_policies.keys().map(|(scope, _)| scope.clone()).collect();
        scopes.dedup();
        for scope in scopes {
            self.join_policies(&scope);
        }
    }

    /// Makes one policy of the resource policies of an account and region, after one of them has changed.
    pub fn join_policies(&mut self, scope: &Scope) {
        let rows = of_scope(&self.resource_policies, scope, "", None).map(|(_, row)| row.policy.clone());
        match joined(rows) {
            Some(policy) => self.account_policies.insert(scope.clone(), policy),
            None => drop(self.account_policies.remove(scope)),
        }
    }
}

/// Several policies as one: it allows and denies what they do.
pub fn joined(policies: impl Iterator<Item = StoredPolicy>) -> Option<StoredPolicy> {
    let policies: Vec<StoredPolicy> = policies.collect();
    if policies.len() < 2 {
        return policies.into_iter().next();
    }
    let statements = |policy: &StoredPolicy| -> Option<Vec<serde_json::Value>> {
        let mut text: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&policy.text).ok()?;
        match text.remove("Statement")? {
            serde_json::Value::Array(list) => Some(list),
            one => Some(vec![one]),
        }
    };
    let statements: Vec<_> = policies.iter().filter_map(statements).flatten().collect();
    let text = serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Some(StoredPolicy { document: Document::stored(&text, Kind::Resource), text: text.into() })
}

/// The rows of a scope whose names begin with a text, those after a name only.
pub fn of_scope<'t, V>(
    table: &'t Table<Named, V>,
    scope: &Scope,
    prefix: &str,
    after: Option<Arc<str>>,
) -> impl Iterator<Item = (&'t Arc<str>, &'t V)> + use<'t, V> {
    let first = match after {
        Some(after) if *after >= *prefix => Bound::Excluded((scope.clone(), after)),
        _ => Bound::Included((scope.clone(), prefix.into())),
    };
    let (scope, prefix) = (scope.clone(), prefix.to_owned());
    let rows = table.range((first, Bound::Unbounded));
    rows.take_while(move |((of, name), _)| *of == scope && name.starts_with(&prefix)).map(|((_, name), row)| (name, row))
}

/// The filters of a group, in the order of their names.
pub fn of_group<'t, V>(table: &'t Table<(GroupKey, Arc<str>), V>, group: &GroupKey) -> impl Iterator<Item = (&'t Arc<str>, &'t V)> + use<'t, V> {
    let first = (Bound::Included((group.clone(), "".into())), Bound::Unbounded);
    let group = group.clone();
    table.range(first).take_while(move |((of, _), _)| *of == group).map(|((_, name), row)| (name, row))
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stream {
    /// Blocks have it in their keys.
    pub number: u32,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ingestion: Option<i64>,
    /// After its last write.
    #[serde(default)]
    pub next_number: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub bytes: i64,
    pub next_number: u64,
    pub next_stream: u32,
}

/// Streams and events of one group.
#[derive(Default)]
pub struct GroupEvents {
    pub streams: Table<Arc<str>, Arc<Stream>>,
    /// By stream and first number.
    pub blocks: Table<(u32, u64), Arc<Block>>,
    pub names: Table<u32, Arc<str>>,
    /// A stream without events comes first.
    pub by_last_event: Table<(i64, Arc<str>), ()>,
    pub totals: Table<(), Totals>,
}

tables!(GroupEvents { streams, blocks } indexes(GroupEvents::reindex) { names, by_last_event, totals });

fn bytes_of(block: &Block) -> i64 {
    i64::try_from(block.text_len() + block.len() * limits::EVENT_OVERHEAD).unwrap_or(i64::MAX)
}

impl GroupEvents {
    fn reindex(&mut self) {
        for (name, stream) in &self.streams {
            self.names.insert(stream.number, name.clone());
            self.by_last_event.insert((stream.last_event.unwrap_or(i64::MIN), name.clone()), ());
        }
        let bytes = self.blocks.values().map(|block| bytes_of(block)).fold(0i64, i64::saturating_add);
        self.set_totals(bytes);
    }

    /// Counts on from the streams that are there.
    fn set_totals(&mut self, bytes: i64) {
        let mut totals = Totals { bytes, ..Totals::default() };
        for stream in self.streams.values() {
            totals.next_number = totals.next_number.max(stream.next_number);
            totals.next_stream = totals.next_stream.max(stream.number + 1);
        }
        if totals == Totals::default() {
            self.totals.remove(&());
        } else {
            self.totals.insert((), totals);
        }
    }

    pub fn total(&self) -> Totals {
        self.totals.get(&()).copied().unwrap_or_default()
    }

    fn totals_mut(&mut self) -> &mut Totals {
        self.totals.get_or_insert_with((), Totals::default)
    }

    pub fn add_stream(&mut self, name: Arc<str>, created: Timestamp) {
        let totals = self.totals_mut();
        let number = totals.next_stream;
        totals.next_stream += 1;
        let stream = Stream { number, created, first_event: None, last_event: None, last_ingestion: None, next_number: 0 };
        self.names.insert(number, name.clone());
        self.by_last_event.insert((i64::MIN, name.clone()), ());
        self.streams.insert(name, Arc::new(stream));
    }

    /// False: there is no such stream.
    pub fn remove_stream(&mut self, name: &str) -> bool {
        let Some(stream) = self.streams.remove(name) else { return false };
        let keys: Vec<_> = self.blocks_of(stream.number).map(|(key, _)| *key).collect();
        for key in keys {
            self.remove_block(key);
        }
        self.names.remove(&stream.number);
        self.by_last_event.remove(&(stream.last_event.unwrap_or(i64::MIN), Arc::from(name)));
        // As after a restart.
        self.set_totals(self.total().bytes);
        true
    }

    fn remove_block(&mut self, key: (u32, u64)) {
        if let Some(block) = self.blocks.remove(&key) {
            let totals = self.totals_mut();
            totals.bytes = totals.bytes.saturating_sub(bytes_of(&block));
        }
    }

    fn blocks_of(&self, stream: u32) -> impl DoubleEndedIterator<Item = (&(u32, u64), &Arc<Block>)> {
        self.blocks.range((stream, 0)..=(stream, u64::MAX))
    }

    /// Adds events, in the order of their times, to a stream. Blocks that are older than `oldest` go. `None`: there is no such stream.
    pub fn append<'e>(
        &mut self,
        name: &str,
        now: Timestamp,
        oldest: i64,
        events: impl IntoIterator<Item = (i64, &'e str)>,
    ) -> Option<Option<Arc<Block>>> {
        let number = self.total().next_number;
        let stream = self.streams.get_mut(name)?;
        let Some(block) = Block::of(number, now.millis(), events) else { return Some(None) };
        let stream = Arc::make_mut(stream);
        let (old, last) = (stream.last_event, block.last().time);
        stream.first_event = Some(stream.first_event.map_or(block.first().time, |first| first.min(block.first().time)));
        stream.last_event = Some(old.map_or(last, |old| old.max(last)));
        stream.last_ingestion = Some(now.millis());
        stream.next_number = block.next_number();
        let (of, new) = (stream.number, stream.last_event);
        if old != new {
            let name: Arc<str> = name.into();
            self.by_last_event.remove(&(old.unwrap_or(i64::MIN), name.clone()));
            self.by_last_event.insert((new.unwrap_or_default(), name), ());
        }
        let totals = self.totals_mut();
        totals.next_number = block.next_number();
        totals.bytes = totals.bytes.saturating_add(bytes_of(&block));
        let block = Arc::new(block);
        self.blocks.insert((of, number), block.clone());
        self.merge(of);
        self.expire(of, oldest);
        Some(Some(block))
    }

    /// Makes one block of the last ones of a stream where enough of them are of like size.
    fn merge(&mut self, stream: u32) {
        loop {
            let Some(level) = self.blocks_of(stream).next_back().map(|(_, block)| block.level()) else { return };
            let alike = self.blocks_of(stream).rev().take_while(|(_, block)| block.level() == level).take(BLOCKS_TO_MERGE);
            let mut alike: Vec<_> = alike.map(|(key, block)| (*key, block.clone())).collect();
            if alike.len() < BLOCKS_TO_MERGE {
                return;
            }
            alike.reverse();
            let blocks: Vec<&Block> = alike.iter().map(|(_, block)| block.as_ref()).collect();
            let Some(merged) = Block::merged(&blocks) else { return };
            for (key, _) in &alike {
                self.blocks.remove(key);
            }
            self.blocks.insert((stream, merged.first_number()), Arc::new(merged));
        }
    }

    fn expire(&mut self, stream: u32, oldest: i64) {
        let expired: Vec<_> = self.blocks_of(stream).take_while(|(_, block)| block.last().time < oldest).map(|(key, _)| *key).collect();
        for key in expired {
            self.remove_block(key);
        }
    }

    /// The blocks that have events between two places, of the streams that `includes` says.
    pub fn sources(&self, from: Position, to: Position, includes: &dyn Fn(&str) -> bool) -> Vec<Source> {
        let mut sources = Vec::new();
        // Blocks are in the order of streams: each is asked about once.
        let mut current: Option<(u32, Option<&Arc<str>>)> = None;
        for ((stream, _), block) in &self.blocks {
            if current.is_none_or(|(of, _)| of != *stream) {
                current = Some((*stream, self.names.get(stream).filter(|name| includes(name))));
            }
            let Some((_, Some(name))) = current else { continue };
            if block.last() >= from && block.first() < to {
                sources.push(Source { stream: name.clone(), block: block.clone() });
            }
        }
        sources
    }

    /// The same of one stream.
    pub fn sources_of(&self, name: &str, from: Position, to: Position) -> Option<Vec<Source>> {
        let (name, stream) = self.streams.range::<str, _>((Bound::Included(name), Bound::Included(name))).next()?;
        let blocks = self.blocks_of(stream.number).map(|(_, block)| block);
        let blocks = blocks.filter(|block| block.last() >= from && block.first() < to);
        Some(blocks.map(|block| Source { stream: name.clone(), block: block.clone() }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_writes_are_few_rows() {
        let mut events = GroupEvents::default();
        events.add_stream("s".into(), Timestamp(0));
        for time in 0..10_000 {
            events.append("s", Timestamp(time), 0, [(time, "text")]).unwrap().unwrap();
        }
        assert!(events.blocks.len() < 64, "{} blocks", events.blocks.len());
        assert_eq!(events.total().bytes, 10_000 * 30);
        let sources = events.sources_of("s", Position::default(), Position::LAST).unwrap();
        assert_eq!(sources.iter().map(|source| source.block.len()).sum::<usize>(), 10_000);
        events.append("s", Timestamp(20_000), 9_000, [(20_000, "text")]).unwrap();
        assert!(events.total().bytes < 10_000 * 30, "blocks beyond the retention are gone");
        assert!(events.remove_stream("s") && events.blocks.is_empty() && events.totals.is_empty());
    }

    #[test]
    fn filters_of_a_group_are_its_own() {
        let scope = Scope::new(cloudlet_aws::Account::default(), cloudlet_aws::Region::new("us-east-1"));
        let mut table: Table<(GroupKey, Arc<str>), u8> = Table::default();
        for (group, name) in [("a", "x"), ("a/b", "y"), ("b", "z")] {
            table.insert(((scope.clone(), group.into()), name.into()), 0);
        }
        let names: Vec<_> = of_group(&table, &(scope, "a".into())).map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["x"]);
    }
}

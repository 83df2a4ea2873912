//! CloudWatch Logs.
//!
//! A group is a row with its settings; its streams and events are a store of its own (`state`). Events are kept in blocks, the events of one write
//! or of several (`blocks`), and are read in one order over any streams by a merge (`scan`). Filter patterns (`patterns`) and the query language of
//! Insights (`insights`) are languages without I/O. What matches a subscription is sent on by the scheduler (`subscriptions`, `delivery`); a Live
//! Tail session is told of each write (`live_tail`). Deliberately no metrics: metric filters are stored and tried, and nothing is published.

mod blocks;
mod deliveries;
mod delivery;
mod destinations;
mod encryption;
mod export_tasks;
mod faults;
mod filter_events;
mod get_events;
mod groups;
pub mod insights;
mod limits;
mod live_tail;
mod metric_filters;
mod names;
mod pages;
mod pattern_cache;
pub mod patterns;
mod permissions;
mod put_events;
mod queries;
mod query_definitions;
mod resource_policies;
mod scan;
mod state;
mod streams;
mod subscriptions;
mod tags;
#[cfg(test)]
mod tests;
mod vended;

use cloudlet_api_logs as api;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Dialect, Service, Validation, vended_logs::DeliverLogs};
use cloudlet_store::{Journal, Store, StoreMap};
use live_tail::Tail;
use pattern_cache::PatternCache;
use patterns::Pattern;
use state::{GroupEvents, GroupKey, State};
use std::sync::Arc;

/// The principal of this service.
const PRINCIPAL: &str = "logs.amazonaws.com";

pub struct Logs {
    store: Arc<Store<State>>,
    events: Arc<StoreMap<GroupKey, GroupEvents>>,
    patterns: PatternCache,
    tail: Tail,
}

impl Logs {
    /// A filter pattern.
    fn pattern(&self, text: &str) -> Result<Arc<Pattern>, Fault> {
        self.patterns.get(text).map_err(|invalid| faults::invalid(invalid.0))
    }
}

pub fn service(journal: &Journal) -> Service {
    let store = Arc::new(Store::new("logs", journal, State::default()));
    let events = Arc::new(StoreMap::new("logs/groups", journal));
    let engine = Logs { store: store.clone(), events: events.clone(), patterns: PatternCache::default(), tail: Tail::default() };
    Service::of(&api::SERVICE, Arc::new(engine))
        .dialect(Dialect { validation: Validation::Modelled(FaultKind::sender("InvalidParameterException", 400)), ..Dialect::JSON })
        .store(store)
        .store(events)
        .handles::<subscriptions::SendToSubscription>()
        .handles::<export_tasks::Export>()
        .handles::<DeliverLogs>()
        // groups
        .handles::<api::CreateLogGroup>()
        .handles::<api::DeleteLogGroup>()
        .handles::<api::DescribeLogGroups>()
        .handles::<api::ListLogGroups>()
        .handles::<api::PutRetentionPolicy>()
        .handles::<api::DeleteRetentionPolicy>()
        .handles::<api::PutLogGroupDeletionProtection>()
        .handles::<api::AssociateKmsKey>()
        .handles::<api::DisassociateKmsKey>()
        .handles::<api::TagResource>()
        .handles::<api::UntagResource>()
        .handles::<api::ListTagsForResource>()
        .handles::<api::TagLogGroup>()
        .handles::<api::UntagLogGroup>()
        .handles::<api::ListTagsLogGroup>()
        // streams and events
        .handles::<api::CreateLogStream>()
        .handles::<api::DeleteLogStream>()
        .handles::<api::DescribeLogStreams>()
        .handles::<api::PutLogEvents>()
        .handles::<api::GetLogEvents>()
        .handles::<api::FilterLogEvents>()
        .handles::<api::StartLiveTail>()
        // filters and where they send to
        .handles::<api::PutMetricFilter>()
        .handles::<api::DescribeMetricFilters>()
        .handles::<api::DeleteMetricFilter>()
        .handles::<api::TestMetricFilter>()
        .handles::<api::PutSubscriptionFilter>()
        .handles::<api::DescribeSubscriptionFilters>()
        .handles::<api::DeleteSubscriptionFilter>()
        .handles::<api::PutDestination>()
        .handles::<api::PutDestinationPolicy>()
        .handles::<api::DescribeDestinations>()
        .handles::<api::DeleteDestination>()
        .handles::<api::PutResourcePolicy>()
        .handles::<api::DescribeResourcePolicies>()
        .handles::<api::DeleteResourcePolicy>()
        .handles::<api::CreateExportTask>()
        .handles::<api::CancelExportTask>()
        .handles::<api::DescribeExportTasks>()
        // queries
        .handles::<api::PutQueryDefinition>()
        .handles::<api::DescribeQueryDefinitions>()
        .handles::<api::DeleteQueryDefinition>()
        .handles::<api::StartQuery>()
        .handles::<api::GetQueryResults>()
        .handles::<api::StopQuery>()
        .handles::<api::DescribeQueries>()
        .handles::<api::ListLogGroupsForQuery>()
        .handles::<api::GetLogRecord>()
        .handles::<api::GetLogGroupFields>()
        // vended logs
        .handles::<api::PutDeliveryDestination>()
        .handles::<api::GetDeliveryDestination>()
        .handles::<api::DescribeDeliveryDestinations>()
        .handles::<api::DeleteDeliveryDestination>()
        .handles::<api::PutDeliveryDestinationPolicy>()
        .handles::<api::GetDeliveryDestinationPolicy>()
        .handles::<api::DeleteDeliveryDestinationPolicy>()
        .build()
}

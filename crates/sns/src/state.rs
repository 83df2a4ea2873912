//! The tables: one store for topics, subscriptions and what seldom changes, and a store of its own for each FIFO topic.

mod delivery;
mod message;
mod subscription;
mod topic;

pub use delivery::{Delivery, MessageType};
pub use message::{Attribute, AttributeValue, Content, Message};
pub use subscription::{
    Confirmation, ConfirmationToken, Protocol, RedrivePolicy, Replay, ReplayStatus, Subscription, SubscriptionAttributes, ThrottleWindow,
};
pub use topic::{FifoAttributes, ThroughputScope, Topic};

use crate::limits;
use cloudlet_aws::{Account, Arn, Region, Timestamp};
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::roles::RoleSession;
use cloudlet_shape::Map;
use cloudlet_store::{Expires, ExpiringTable, Secret, Table, tables};
use serde::{Deserialize, Serialize};
use std::{ops::Bound, sync::Arc};

/// A platform application.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Application {
    pub arn: Arn,
    pub platform: String,
    /// Those that AWS shows.
    pub attributes: Map<String>,
    /// The attributes `PlatformCredential` and `PlatformPrincipal`.
    pub credentials: Map<Secret<String>>,
}

/// A platform endpoint: one device of an application.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    pub arn: Arn,
    pub application: Arn,
    pub token: String,
    pub attributes: Map<String>,
}

/// A phone number of the SMS sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxNumber {
    pub verified: bool,
    pub one_time_password: Secret<String>,
}

/// The key of what belongs to a phone number of an account in a region.
pub type PhoneKey = (Account, Region, String);

#[derive(Default)]
pub struct State {
    pub topics: Table<Arn, Arc<Topic>>,
    /// By their ARNs, which begin with those of their topics.
    pub subscriptions: Table<Arn, Arc<Subscription>>,
    /// By the SHA-256 of the token.
    pub confirmation_tokens: ExpiringTable<Arc<str>, ConfirmationToken>,
    /// By the subscription.
    pub throttle_windows: Table<Arn, ThrottleWindow>,
    pub applications: Table<Arn, Application>,
    pub endpoints: Table<Arn, Endpoint>,
    pub sms_attributes: Table<(Account, Region), Map<String>>,
    /// Since when.
    pub opted_out_numbers: Table<PhoneKey, Timestamp>,
    pub sandbox_numbers: Table<PhoneKey, SandboxNumber>,
    /// Subscriptions by the account that subscribed.
    pub by_owner: Table<(Account, Region, Arn), ()>,
    pub by_endpoint: Table<(Arn, Protocol, String), Arn>,
    pub by_device_token: Table<(Arn, String), Arn>,
    /// Sessions of roles that put records into Firehose, by the role and the topic. They are used again, and forgotten by a restart.
    pub role_sessions: ExpiringTable<(Arn, Arn), SessionRow>,
}

#[derive(Clone, Debug)]
pub struct SessionRow(pub RoleSession);

impl Expires for SessionRow {
    fn expires_at(&self) -> i64 {
        self.0.usable_until.millis()
    }
}

tables!(State {
    topics, subscriptions, confirmation_tokens, throttle_windows, applications, endpoints, sms_attributes, opted_out_numbers, sandbox_numbers
} indexes(State::reindex) { by_owner, by_endpoint, by_device_token, role_sessions });

fn hash_of(token: &str) -> Arc<str> {
    digest(Algorithm::Sha256, token.as_bytes()).hex().into()
}

impl State {
    fn reindex(&mut self) {
        for (arn, subscription) in &self.subscriptions {
            self.by_owner.insert((subscription.owner, subscription.region.clone(), arn.clone()), ());
            self.by_endpoint.insert((subscription.topic.clone(), subscription.protocol, subscription.endpoint.clone()), arn.clone());
        }
        for (arn, endpoint) in &self.endpoints {
            self.by_device_token.insert((endpoint.application.clone(), endpoint.token.clone()), arn.clone());
        }
    }

    /// The subscriptions of a topic, in the order of their ARNs, after one of them.
    pub fn subscriptions_of<'a>(&'a self, topic: &Arn, after: Option<&str>) -> impl Iterator<Item = &'a Arc<Subscription>> + use<'a> {
        let prefix = [topic.as_str(), ":"].concat();
        let from = match after {
            Some(after) if after >= prefix.as_str() => Bound::Excluded(after),
            _ => Bound::Included(prefix.as_str()),
        };
        let range = self.subscriptions.range::<str, _>((from, Bound::Unbounded));
        range.take_while(move |(arn, _)| arn.as_str().starts_with(&prefix)).map(|(_, subscription)| subscription)
    }

    pub fn insert_subscription(&mut self, subscription: Subscription) {
        let arn = subscription.arn.clone();
        self.by_owner.insert((subscription.owner, subscription.region.clone(), arn.clone()), ());
        self.by_endpoint.insert((subscription.topic.clone(), subscription.protocol, subscription.endpoint.clone()), arn.clone());
        self.subscriptions.insert(arn, Arc::new(subscription));
    }

    pub fn remove_subscription(&mut self, arn: &str) -> Option<Arc<Subscription>> {
        let removed = self.subscriptions.remove(arn)?;
        self.by_owner.remove(&(removed.owner, removed.region.clone(), removed.arn.clone()));
        self.by_endpoint.remove(&(removed.topic.clone(), removed.protocol, removed.endpoint.clone()));
        self.throttle_windows.remove(arn);
        Some(removed)
    }

    /// What a token confirms.
    pub fn confirmation(&self, token: &str, now: Timestamp) -> Option<&ConfirmationToken> {
        self.confirmation_tokens.get_live(&*hash_of(token), now.millis())
    }

    /// Stores a token, and removes those that have expired.
    pub fn insert_token(&mut self, token: &str, row: ConfirmationToken, now: Timestamp) {
        self.confirmation_tokens.purge(now.millis(), usize::MAX);
        self.confirmation_tokens.insert(hash_of(token), row);
    }

    /// Changes a topic, if it exists.
    pub fn change_topic<R>(&mut self, arn: &str, change: impl FnOnce(&mut Topic) -> R) -> Option<R> {
        self.topics.get_mut(arn).map(|topic| change(Arc::make_mut(topic)))
    }

    /// Changes a subscription, if it exists.
    pub fn change_subscription<R>(&mut self, arn: &str, change: impl FnOnce(&mut Subscription) -> R) -> Option<R> {
        self.subscriptions.get_mut(arn).map(|subscription| change(Arc::make_mut(subscription)))
    }
}

/// A message remembered by its deduplication id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeduplicationEntry {
    pub message_id: Arc<str>,
    pub sequence_number: u64,
    pub at: Timestamp,
}

impl Expires for DeduplicationEntry {
    fn expires_at(&self) -> i64 {
        self.at.plus_secs(limits::DEDUPLICATION).millis()
    }
}

/// The group within which a deduplication id counts (empty: the whole topic), and the id.
pub type DeduplicationKey = (String, String);

/// What a FIFO topic has beside its attributes.
#[derive(Default)]
pub struct FifoState {
    /// One row.
    pub last_sequence_number: Table<(), u64>,
    pub deduplication: ExpiringTable<DeduplicationKey, DeduplicationEntry>,
    /// By sequence number.
    pub archive: Table<u64, Arc<Message>>,
    /// Deliveries that wait for a retry, and those that wait behind them: by subscription, message group, and sequence number.
    pub waiting: Table<(Arn, String, u64), Delivery>,
}

tables!(FifoState { last_sequence_number, deduplication, archive, waiting });

impl FifoState {
    /// The first delivery that waits in a message group of a subscription.
    pub fn first_waiting(&self, subscription: &Arn, group: &str) -> Option<&Delivery> {
        let key = |number| (subscription.clone(), group.to_owned(), number);
        self.waiting.range(key(0)..=key(u64::MAX)).next().map(|(_, delivery)| delivery)
    }
}

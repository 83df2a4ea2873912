//! The tables: one store for topics, subscriptions and all that is seldom changed; and for each FIFO topic a ledger of its own.

use crate::{
    delivery_policy::DeliveryPolicy,
    filter::{FilterPolicy, FilterScope},
    limits,
    policy::TopicPolicy,
    signing::SignatureVersion,
};
use cloudlet_api_sns::MessageAttributeValue;
use cloudlet_aws::{Account, Arn, Region, Timestamp};
use cloudlet_shape::{Blob, Map};
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

pub type Name = Arc<str>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    Http,
    Https,
    Email,
    EmailJson,
    Sms,
    Sqs,
    Application,
    Lambda,
    Firehose,
}

impl Protocol {
    const ALL: [Protocol; 9] = [
        Protocol::Http,
        Protocol::Https,
        Protocol::Email,
        Protocol::EmailJson,
        Protocol::Sms,
        Protocol::Sqs,
        Protocol::Application,
        Protocol::Lambda,
        Protocol::Firehose,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Email => "email",
            Protocol::EmailJson => "email-json",
            Protocol::Sms => "sms",
            Protocol::Sqs => "sqs",
            Protocol::Application => "application",
            Protocol::Lambda => "lambda",
            Protocol::Firehose => "firehose",
        }
    }

    pub fn read(name: &str) -> Option<Protocol> {
        Protocol::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    pub fn is_http(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Https)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThroughputScope {
    #[default]
    Topic,
    MessageGroup,
}

/// What only a FIFO topic has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fifo {
    pub content_based: bool,
    /// As it was set; never set, it is not shown.
    pub scope: Option<ThroughputScope>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Topic {
    pub arn: Arn,
    pub owner: Account,
    pub display_name: String,
    pub policy: TopicPolicy,
    pub delivery: Option<DeliveryPolicy>,
    pub fifo: Option<Fifo>,
    pub signature: Option<SignatureVersion>,
    pub kms_key: Option<String>,
    pub tracing: Option<String>,
    pub message_size: Option<usize>,
    /// Days for which messages are archived.
    pub archive: Option<u32>,
    pub archive_since: Option<Timestamp>,
    /// `SQSSuccessFeedbackRoleArn` and its like.
    pub feedback: Map<String>,
    pub tags: Map<String>,
    pub data_protection: Option<String>,
    /// Subscriptions that there were.
    pub deleted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    Pending,
    /// By whom: a signed call, or a visit to a link.
    Authenticated,
    Unauthenticated,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    pub arn: Arn,
    pub topic: Arn,
    pub owner: Account,
    pub region: Region,
    pub principal: String,
    pub protocol: Protocol,
    pub endpoint: String,
    pub confirmation: Confirmation,
    /// It was confirmed by somebody who wants signatures.
    pub guarded: bool,
    pub settings: Settings,
}

/// What is set of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub raw: bool,
    pub filter: Option<FilterPolicy>,
    pub scope: Option<FilterScope>,
    pub delivery: Option<DeliveryPolicy>,
    pub redrive: Option<Redrive>,
    pub role: Option<String>,
    pub replay: Option<Replay>,
}

/// Where go what cannot be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redrive {
    pub text: String,
    pub target: Arn,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    pub text: String,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    pub status: ReplayStatus,
    /// The last archived message that has been handed out again.
    pub reached: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayStatus {
    Pending,
    InProgress,
    Completed,
}

impl Topic {
    pub fn is_fifo(&self) -> bool {
        self.fifo.is_some()
    }

    /// Whether it takes messages that not every endpoint can.
    pub fn takes_large(&self) -> bool {
        self.message_size.is_some_and(|size| size > limits::MESSAGE)
    }

    pub fn signature(&self) -> SignatureVersion {
        self.signature.unwrap_or_default()
    }
}

impl Subscription {
    pub fn is_confirmed(&self) -> bool {
        self.confirmation != Confirmation::Pending
    }

    /// Whether only who signs may end it. AWS: always so of a queue's, as its API reference said until 2025.
    pub fn is_guarded(&self) -> bool {
        self.guarded || self.protocol == Protocol::Sqs
    }
}

/// What a token stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Token {
    pub until: Timestamp,
    /// As it is to be: confirmed, or back again.
    pub subscription: Subscription,
}

/// How many deliveries an endpoint has had in a second.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Pace {
    pub second: i64,
    pub used: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Application {
    pub arn: Arn,
    pub platform: String,
    pub attributes: Map<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    pub arn: Arn,
    pub application: Arn,
    pub token: String,
    pub attributes: Map<String>,
}

/// A phone number of the sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxNumber {
    pub verified: bool,
    pub code: String,
}

#[derive(Default)]
pub struct State {
    pub topics: Table<Arn, Arc<Topic>>,
    /// By their ARNs, which begin with those of their topics.
    pub subscriptions: Table<Arn, Arc<Subscription>>,
    pub tokens: Table<Name, Token>,
    pub paces: Table<Arn, Pace>,
    pub applications: Table<Arn, Application>,
    pub endpoints: Table<Arn, Endpoint>,
    pub sms: Table<(Account, Region), Map<String>>,
    pub opted_out: Table<(Account, Region, String), Timestamp>,
    pub sandbox: Table<(Account, Region, String), SandboxNumber>,
    /// By who subscribed.
    pub owned: Table<(Account, Region, Arn), ()>,
    pub by_endpoint: Table<(Arn, Protocol, String), Arn>,
    pub by_device: Table<(Arn, String), Arn>,
    pub expiring: Table<(Timestamp, Name), ()>,
}

tables!(State { topics, subscriptions, tokens, paces, applications, endpoints, sms, opted_out, sandbox }
    indexes(State::reindex) { owned, by_endpoint, by_device, expiring });

impl State {
    fn reindex(&mut self) {
        for (arn, subscription) in &self.subscriptions {
            self.owned.insert((subscription.owner, subscription.region.clone(), arn.clone()), ());
            self.by_endpoint.insert((subscription.topic.clone(), subscription.protocol, subscription.endpoint.clone()), arn.clone());
        }
        for (arn, endpoint) in &self.endpoints {
            self.by_device.insert((endpoint.application.clone(), endpoint.token.clone()), arn.clone());
        }
        for (name, token) in &self.tokens {
            self.expiring.insert((token.until, name.clone()), ());
        }
    }

    /// The subscriptions of a topic, after one of them.
    pub fn of_topic<'a>(&'a self, topic: &Arn, after: Option<&str>) -> impl Iterator<Item = &'a Arc<Subscription>> + use<'a> {
        let prefix = [topic.as_str(), ":"].concat();
        let from = match after {
            Some(after) if after >= prefix.as_str() => std::ops::Bound::Excluded(after),
            _ => std::ops::Bound::Included(prefix.as_str()),
        };
        let range = self.subscriptions.range::<str, _>((from, std::ops::Bound::Unbounded));
        range.take_while(move |(arn, _)| arn.as_str().starts_with(&prefix)).map(|(_, subscription)| subscription)
    }

    pub fn put_subscription(&mut self, subscription: Subscription) {
        let arn = subscription.arn.clone();
        self.owned.insert((subscription.owner, subscription.region.clone(), arn.clone()), ());
        self.by_endpoint.insert((subscription.topic.clone(), subscription.protocol, subscription.endpoint.clone()), arn.clone());
        self.subscriptions.insert(arn, Arc::new(subscription));
    }

    pub fn drop_subscription(&mut self, arn: &str) -> Option<Arc<Subscription>> {
        let gone = self.subscriptions.remove(arn)?;
        self.owned.remove(&(gone.owner, gone.region.clone(), gone.arn.clone()));
        self.by_endpoint.remove(&(gone.topic.clone(), gone.protocol, gone.endpoint.clone()));
        self.paces.remove(arn);
        Some(gone)
    }

    /// Puts a token down, and forgets those whose time is over.
    pub fn put_token(&mut self, name: Name, token: Token, now: Timestamp) {
        while let Some((at, old)) = self.expiring.first().map(|(key, ())| key.clone()).filter(|(at, _)| *at <= now) {
            self.expiring.remove(&(at, old.clone()));
            self.tokens.remove(&old);
        }
        self.expiring.insert((token.until, name.clone()), ());
        self.tokens.insert(name, token);
    }

    /// Changes a topic, if there is one.
    pub fn change_topic<R>(&mut self, arn: &str, change: impl FnOnce(&mut Topic) -> R) -> Option<R> {
        self.topics.get_mut(arn).map(|topic| change(Arc::make_mut(topic)))
    }

    pub fn change_subscription<R>(&mut self, arn: &str, change: impl FnOnce(&mut Subscription) -> R) -> Option<R> {
        self.subscriptions.get_mut(arn).map(|subscription| change(Arc::make_mut(subscription)))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    pub kind: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Binary(#[serde(with = "cloudlet_store::as_base64")] Blob),
}

impl Attribute {
    pub fn of(value: MessageAttributeValue) -> Attribute {
        let content = match value.binary_value {
            Some(bytes) => AttributeValue::Binary(bytes),
            None => AttributeValue::Text(value.string_value.unwrap_or_default()),
        };
        Attribute { kind: value.data_type, value: content }
    }
}

/// What is said: one text for all, or one for each protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Content {
    Plain(String),
    PerProtocol { default: String, others: BTreeMap<String, String> },
}

impl Content {
    pub fn text(&self, protocol: &str) -> &str {
        match self {
            Content::Plain(text) => text,
            Content::PerProtocol { default, others } => others.get(protocol).unwrap_or(default),
        }
    }
}

/// A message as it was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: Name,
    pub content: Content,
    pub subject: Option<String>,
    pub attributes: Map<Attribute>,
    pub at: Timestamp,
    pub group: Option<String>,
    pub deduplication: Option<String>,
    /// In a FIFO topic.
    pub sequence: Option<u64>,
}

/// A message remembered by its deduplication id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    pub id: Name,
    pub sequence: u64,
    pub at: Timestamp,
}

/// The group in which a deduplication id counts (empty: the whole topic), and the id.
pub type TwinKey = (String, String);

/// A FIFO topic's own books.
#[derive(Default)]
pub struct Ledger {
    /// One row: the last sequence number.
    pub last: Table<(), u64>,
    pub twins: Table<TwinKey, Twin>,
    pub archive: Table<u64, Arc<Message>>,
    /// What waits behind a delivery that failed: by subscription, group, and sequence.
    pub waiting: Table<(Arn, String, u64), crate::deliveries::Delivery>,
    pub ages: Table<(Timestamp, TwinKey), ()>,
}

tables!(Ledger { last, twins, archive, waiting } indexes(Ledger::reindex) { ages });

impl Ledger {
    fn reindex(&mut self) {
        for (key, twin) in &self.twins {
            self.ages.insert((twin.at, key.clone()), ());
        }
    }
}

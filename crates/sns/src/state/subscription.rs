//! A subscription, its attributes, and the tokens that confirm it.

use crate::{
    delivery_policy::DeliveryPolicy,
    filter::{FilterPolicy, FilterScope},
};
use cloudlet_aws::{Account, Arn, Region, Timestamp};
use cloudlet_engine::without_password;
use cloudlet_store::{Expires, unless_inspected};
use serde::{Deserialize, Serialize, Serializer};

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

    pub fn is_email(self) -> bool {
        matches!(self, Protocol::Email | Protocol::EmailJson)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    Pending,
    /// By a signed call.
    Authenticated,
    /// By the link, without a signature.
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
    #[serde(serialize_with = "endpoint_without_password")]
    pub endpoint: String,
    pub confirmation: Confirmation,
    /// It was confirmed with `AuthenticateOnUnsubscribe`.
    pub authenticate_on_unsubscribe: bool,
    pub attributes: SubscriptionAttributes,
}

impl Subscription {
    pub fn is_confirmed(&self) -> bool {
        self.confirmation != Confirmation::Pending
    }

    /// Whether only a signed call may end it. AWS: always so for a queue, as its API reference said until 2025.
    pub fn needs_signed_unsubscribe(&self) -> bool {
        self.authenticate_on_unsubscribe || self.protocol == Protocol::Sqs
    }
}

/// The attributes of a subscription that can be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionAttributes {
    pub raw_message_delivery: bool,
    pub filter_policy: Option<FilterPolicy>,
    pub filter_policy_scope: Option<FilterScope>,
    pub delivery_policy: Option<DeliveryPolicy>,
    pub redrive_policy: Option<RedrivePolicy>,
    pub role: Option<String>,
    pub replay: Option<Replay>,
}

/// Where messages go that cannot be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RedrivePolicy {
    pub text: String,
    pub dead_letter_target: Arn,
}

/// A replay policy, and how far its replay has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    pub text: String,
    pub starting_point: Timestamp,
    pub ending_point: Option<Timestamp>,
    pub status: ReplayStatus,
    /// The sequence number of the last archived message that was replayed.
    pub last_replayed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayStatus {
    Pending,
    InProgress,
    Completed,
}

/// What a confirmation token confirms.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfirmationToken {
    pub expires: Timestamp,
    /// The subscription as it will be: confirmed, or restored after Unsubscribe.
    pub subscription: Subscription,
}

impl Expires for ConfirmationToken {
    fn expires_at(&self) -> i64 {
        self.expires.millis()
    }
}

/// The deliveries that were due for a subscription in one second, for `maxReceivesPerSecond`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ThrottleWindow {
    pub second: i64,
    pub deliveries: u32,
}

/// The journal has an endpoint's password, inspection has not.
pub fn endpoint_without_password<S: Serializer>(endpoint: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&unless_inspected(|| endpoint.to_owned(), || without_password(endpoint)))
}

//! SNS: topics, subscriptions, and the messages that are published.
//!
//! A message is matched against each subscription's filter policy, rendered for its protocol, and delivered: to queues, functions and
//! streams by internal dispatch, as `sns.amazonaws.com` for the topic; to HTTP endpoints by the HTTP client; mail, text messages and
//! pushes go into the mailbox. A delivery that fails is scheduled for a retry, and ends in the dead-letter queue. A FIFO topic numbers,
//! deduplicates and archives its messages.

mod access;
mod archive;
mod arns;
mod confirmations;
mod data_protection;
mod deliveries;
mod delivery_policy;
mod delivery_status;
mod encryption;
mod events;
mod fan_out;
mod faults;
mod fifo;
mod filter;
mod firehose;
mod json;
mod limits;
mod message_filter;
mod messages;
mod notifications;
mod pages;
mod permissions;
mod phones;
mod platforms;
mod policy;
mod publishing;
mod scheduled;
mod signing;
mod sms;
mod state;
mod subscription_attributes;
mod subscriptions;
mod tags;
#[cfg(test)]
mod tests;
mod topic_attributes;
mod topics;

pub use notifications::CertificateHost;

use cloudlet_api_sns as api;
use cloudlet_aws::Arn;
use cloudlet_engine::{Anonymous, Denial, Dialect, Service, Validation};
use cloudlet_mailbox::Mailbox;
use cloudlet_store::{Journal, Store, StoreMap};
use state::{FifoState, State};
use std::sync::Arc;

/// The settings of the service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub certificate_host: CertificateHost,
}

pub struct Sns {
    store: Arc<Store<State>>,
    fifo_topics: Arc<StoreMap<Arn, FifoState>>,
    mailbox: Arc<Mailbox>,
    options: Options,
    /// Locks for message groups, which are spread over them.
    lanes: Vec<tokio::sync::Mutex<()>>,
    first_lane: tokio::sync::Mutex<()>,
}

const LANES: usize = 256;

/// AWS: a denial is an AuthorizationError; missing members are reported by SNS itself (see `faults::check_missing`).
const DIALECT: Dialect = Dialect {
    access_denied: api::faults::AUTHORIZATION_ERROR,
    denial: Denial::Named,
    validation: Validation::Present(faults::VALIDATION_ERROR),
    anonymous: Anonymous::AllowedByPolicy,
    ..Dialect::QUERY
};

pub fn service(journal: &Journal, mailbox: Arc<Mailbox>, options: Options) -> Service {
    let store = Arc::new(Store::new("sns", journal, State::default()));
    let fifo_topics = Arc::new(StoreMap::new("sns/fifo_topics", journal));
    let engine = Sns {
        store: store.clone(),
        fifo_topics: fifo_topics.clone(),
        mailbox,
        options,
        lanes: std::iter::repeat_with(tokio::sync::Mutex::default).take(LANES).collect(),
        first_lane: tokio::sync::Mutex::default(),
    };
    Service::of(&api::SERVICE, Arc::new(engine))
        .dialect(DIALECT)
        .store(store)
        .store(fifo_topics)
        .public_files(Arc::new(signing::Certificate))
        .unsigned::<api::ConfirmSubscription>()
        .unsigned::<api::Unsubscribe>()
        .handles::<scheduled::Deliver>()
        .handles::<scheduled::ReplayMessages>()
        .handles::<scheduled::ExpireUnconfirmed>()
        // topics
        .handles::<api::CreateTopic>()
        .handles::<api::DeleteTopic>()
        .handles::<api::GetTopicAttributes>()
        .handles::<api::SetTopicAttributes>()
        .handles::<api::ListTopics>()
        .handles::<api::AddPermission>()
        .handles::<api::RemovePermission>()
        .handles::<api::PutDataProtectionPolicy>()
        .handles::<api::GetDataProtectionPolicy>()
        .handles::<api::TagResource>()
        .handles::<api::UntagResource>()
        .handles::<api::ListTagsForResource>()
        // subscriptions
        .handles::<api::Subscribe>()
        .handles::<api::ConfirmSubscription>()
        .handles::<api::Unsubscribe>()
        .handles::<api::GetSubscriptionAttributes>()
        .handles::<api::SetSubscriptionAttributes>()
        .handles::<api::ListSubscriptions>()
        .handles::<api::ListSubscriptionsByTopic>()
        // messages
        .handles::<api::Publish>()
        .handles::<api::PublishBatch>()
        // SMS
        .handles::<api::SetSMSAttributes>()
        .handles::<api::GetSMSAttributes>()
        .handles::<api::CheckIfPhoneNumberIsOptedOut>()
        .handles::<api::ListPhoneNumbersOptedOut>()
        .handles::<api::OptInPhoneNumber>()
        .handles::<api::ListOriginationNumbers>()
        .handles::<api::GetSMSSandboxAccountStatus>()
        .handles::<api::CreateSMSSandboxPhoneNumber>()
        .handles::<api::VerifySMSSandboxPhoneNumber>()
        .handles::<api::DeleteSMSSandboxPhoneNumber>()
        .handles::<api::ListSMSSandboxPhoneNumbers>()
        // mobile push
        .handles::<api::CreatePlatformApplication>()
        .handles::<api::DeletePlatformApplication>()
        .handles::<api::GetPlatformApplicationAttributes>()
        .handles::<api::SetPlatformApplicationAttributes>()
        .handles::<api::ListPlatformApplications>()
        .handles::<api::CreatePlatformEndpoint>()
        .handles::<api::DeleteEndpoint>()
        .handles::<api::GetEndpointAttributes>()
        .handles::<api::SetEndpointAttributes>()
        .handles::<api::ListEndpointsByPlatformApplication>()
        .build()
}

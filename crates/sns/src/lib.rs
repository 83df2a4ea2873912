//! SNS: topics, subscriptions, and what is published to them.
//!
//! A message that is published is held against each subscription's filter, put into the envelope that its protocol wants, and
//! delivered: queues and functions by a call through the inner door, as `sns.amazonaws.com` for the topic; endpoints by a letter that
//! leaves the house; mail, text messages and pushes into the mailbox. What fails waits on the agenda for its next attempt, and ends in a
//! dead-letter queue. FIFO topics keep books: sequence, twins, archive.

mod access;
mod archive;
mod arns;
mod data_protection;
mod deliveries;
mod delivery_policy;
mod encryption;
mod events;
mod faults;
mod filter;
mod firehose;
mod limits;
mod messages;
mod notifications;
mod pages;
mod permissions;
mod phones;
mod platforms;
mod policy;
mod publishing;
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
use cloudlet_engine::{Denial, Dialect, Service, Validation};
use cloudlet_mailbox::Mailbox;
use cloudlet_store::{Journal, Store, StoreMap};
use state::{Ledger, State};
use std::sync::Arc;

/// What can be set of the service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub certificate_host: CertificateHost,
}

pub struct Sns {
    store: Arc<Store<State>>,
    ledgers: Arc<StoreMap<Arn, Ledger>>,
    mailbox: Arc<Mailbox>,
    options: Options,
    /// Message groups are dealt out over these.
    lanes: Vec<tokio::sync::Mutex<()>>,
    first_lane: tokio::sync::Mutex<()>,
}

const LANES: usize = 256;

/// AWS: denials are AuthorizationErrors; of what is missing, texts are missed in SNS's own words.
const DIALECT: Dialect = Dialect {
    access_denied: api::faults::AUTHORIZATION_ERROR,
    denial: Denial::Named,
    validation: Validation::Present(faults::VALIDATION_ERROR),
    ..Dialect::QUERY
};

pub fn service(journal: &Journal, mailbox: Arc<Mailbox>, options: Options) -> Service {
    let store = Arc::new(Store::new("sns", journal, State::default()));
    let ledgers = Arc::new(StoreMap::new("sns/ledgers", journal));
    let engine = Sns {
        store: store.clone(),
        ledgers: ledgers.clone(),
        mailbox,
        options,
        lanes: std::iter::repeat_with(tokio::sync::Mutex::default).take(LANES).collect(),
        first_lane: tokio::sync::Mutex::default(),
    };
    Service::of(&api::SERVICE, Arc::new(engine))
        .dialect(DIALECT)
        .store(store)
        .store(ledgers)
        .public_files(Arc::new(signing::Certificate))
        .admits_anonymous()
        .unsigned::<api::ConfirmSubscription>()
        .unsigned::<api::Unsubscribe>()
        .handles::<deliveries::Deliver>()
        .handles::<deliveries::ReplayMessages>()
        .handles::<deliveries::ForgetUnconfirmed>()
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
        // phones
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
        // devices
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

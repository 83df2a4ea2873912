//! The tables. Everything belongs to an account in a region.

mod jobs;
mod tenants;

use crate::limits;
use cloudlet_api_ses::ReceiptRule;
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_engine::{StoredPolicy, StoredShape};
use cloudlet_shape::Map;
use cloudlet_store::{Blob, Expires, ExpiringTable, Secret, Table, tables};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

pub use jobs::{ImportJob, JobStatus};
pub use tenants::{Endpoint, Tenant, TenantStatus};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verification {
    Pending,
    Verified { at: Timestamp },
}

/// How a domain's mail is signed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Dkim {
    pub enabled: bool,
    /// Of Easy DKIM. Empty: it was not asked for.
    pub tokens: Vec<String>,
    /// `RSA_1024_BIT` or `RSA_2048_BIT`, of the next key of Easy DKIM.
    pub key_length: Option<String>,
    /// Of a key of one's own.
    pub selector: Option<String>,
    /// PKCS #8 in base64. Easy DKIM makes its key when it is first needed.
    pub key: Option<Secret<String>>,
    /// What the record of a key of one's own has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

impl Dkim {
    pub fn key_length(&self) -> &str {
        self.key_length.as_deref().unwrap_or("RSA_2048_BIT")
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailFrom {
    pub domain: String,
    /// As the first API writes it: `UseDefaultValue`, `RejectMessage`.
    pub on_mx_failure: String,
}

/// The topic of a kind of feedback, and whether its notifications have the headers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Feedback {
    pub topic: Option<String>,
    pub headers: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    pub created: Timestamp,
    pub verification: Verification,
    /// What a domain's TXT record has to be.
    pub token: String,
    pub dkim: Dkim,
    pub mail_from: Option<MailFrom>,
    /// By kind: `Bounce`, `Complaint`, `Delivery`.
    pub feedback: BTreeMap<String, Feedback>,
    pub forwarding: bool,
    pub policies: BTreeMap<String, StoredPolicy>,
    pub configuration_set: Option<String>,
    pub tags: Map<String>,
}

impl Identity {
    pub fn unverified(created: Timestamp) -> Identity {
        Identity {
            created,
            verification: Verification::Pending,
            token: String::new(),
            dkim: Dkim::default(),
            mail_from: None,
            feedback: BTreeMap::new(),
            forwarding: true,
            policies: BTreeMap::new(),
            configuration_set: None,
            tags: Map::new(),
        }
    }

    pub fn is_verified(&self) -> bool {
        matches!(self.verification, Verification::Verified { .. })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Template {
    pub subject: Option<String>,
    pub text: Option<String>,
    pub html: Option<String>,
    pub created: Timestamp,
    pub tags: Map<String>,
}

/// Where a configuration set sends its events. Members that name a target are those of the second API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventDestination {
    pub enabled: bool,
    /// As the second API writes them: `SEND`.
    pub events: Vec<String>,
    pub topic: Option<String>,
    /// The role, and the stream.
    pub stream: Option<(String, String)>,
    pub bus: Option<String>,
    /// The name, the source of the value, and the default of each dimension.
    pub dimensions: Option<Vec<(String, String, String)>>,
    /// Of Pinpoint: none is stored.
    #[serde(skip)]
    pub application: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ConfigurationSet {
    pub destinations: BTreeMap<String, EventDestination>,
    /// As the second API writes it: `REQUIRE`, `OPTIONAL`.
    pub tls_policy: Option<String>,
    /// Seconds that a delivery may take.
    pub max_delivery_seconds: Option<i64>,
    pub paused: bool,
    pub reputation_metrics: bool,
    /// When sending was last turned on again.
    pub fresh_start: Option<Timestamp>,
    pub tracking_domain: Option<String>,
    pub https_policy: Option<String>,
    pub suppressed_reasons: Option<Vec<String>>,
    /// Whose suppression list counts: `ACCOUNT`, `TENANT`.
    pub suppression_scope: Option<String>,
    pub tags: Map<String>,
}

/// What an account wrote to leave the sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Details {
    pub mail_type: String,
    pub website: String,
    pub language: Option<String>,
    pub use_case: Option<String>,
    pub contacts: Option<Vec<String>>,
    pub case_id: String,
    /// When production access was asked for.
    pub requested: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    pub sending_paused: bool,
    pub details: Option<Details>,
    /// Production access is granted at once.
    pub granted: bool,
    pub suppressed_reasons: Option<Vec<String>>,
    pub pricing_plan: Option<String>,
}

/// What a link in a mail does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    pub scope: Scope,
    pub identity: String,
    pub expires: Timestamp,
    /// Where the visitor is led, and where when the link has expired.
    pub redirects: Option<(String, String)>,
    /// It ends the subscription of a contact, and verifies nothing.
    pub unsubscribes: Option<Unsubscribes>,
}

/// What a link to unsubscribe ends, and who is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unsubscribes {
    pub list: String,
    pub topic: Option<String>,
    /// The configuration set, and the member `mail` of its event.
    pub tell: Option<(String, String)>,
}

/// A mail of one's own that asks people to verify their address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerificationTemplate {
    pub from: String,
    pub subject: String,
    pub content: String,
    pub success: String,
    pub failure: String,
    pub tags: Map<String>,
}

/// What a contact may be subscribed to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Topic {
    pub name: String,
    pub display_name: String,
    pub description: Option<String>,
    /// `OPT_IN` or `OPT_OUT`
    pub default_status: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactList {
    pub topics: Vec<Topic>,
    pub description: Option<String>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub tags: Map<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contact {
    /// As it was given.
    pub address: String,
    /// The status of each topic that the contact has chosen.
    pub topics: BTreeMap<String, String>,
    pub unsubscribed: bool,
    pub attributes: Option<String>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Expires for Link {
    fn expires_at(&self) -> i64 {
        self.expires.millis()
    }
}

/// A mail whose opens and clicks are told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tracked {
    pub scope: Scope,
    pub configuration_set: String,
    /// The member `mail` of its events.
    pub mail: String,
    /// Where each link leads, and its tags.
    pub links: Vec<(String, Vec<(String, String)>)>,
    pub expires: Timestamp,
}

impl Expires for Tracked {
    fn expires_at(&self) -> i64 {
        self.expires.millis()
    }
}

/// An address that the account does not send to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Suppressed {
    /// `BOUNCE` or `COMPLAINT`.
    pub reason: String,
    pub at: Timestamp,
    pub message_id: Option<String>,
    pub feedback_id: Option<String>,
}

/// Of 15 minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub attempts: i64,
    pub bounces: i64,
    pub complaints: i64,
    pub rejects: i64,
}

/// Rules for mail that comes in, in their order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleSet {
    pub created: Timestamp,
    pub rules: Vec<StoredShape<ReceiptRule>>,
}

/// Addresses that may bring mail, or may not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Filter {
    pub allows: bool,
    pub cidr: String,
}

/// What was found about a mail that came in: `PASS`, `FAIL`, `GRAY`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Verdicts {
    pub spam: String,
    pub virus: String,
    pub spf: String,
    pub dkim: String,
    pub dmarc: String,
    /// Of the author's domain, where its check failed.
    pub dmarc_policy: Option<String>,
}

/// A mail that came in. It is kept for a day, so that it can be bounced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Received {
    pub scope: Scope,
    pub at: Timestamp,
    /// Of the envelope; empty for a bounce.
    pub from: String,
    pub recipients: Vec<String>,
    pub encrypted: bool,
    pub verdicts: Verdicts,
    /// With the fields that SES adds. None once the rules are done.
    pub raw: Option<Blob>,
    pub expires: Timestamp,
}

impl Expires for Received {
    fn expires_at(&self) -> i64 {
        self.expires.millis()
    }
}

pub type Named = (Scope, String);

#[derive(Default)]
pub struct State {
    pub identities: Table<Named, Arc<Identity>>,
    pub templates: Table<Named, Arc<Template>>,
    pub configuration_sets: Table<Named, Arc<ConfigurationSet>>,
    pub accounts: Table<Scope, Account>,
    /// By the SHA-256 of the token.
    pub links: ExpiringTable<Arc<str>, Link>,
    /// Recipients of each second of the last day.
    pub sent: Table<(Scope, i64), u64>,
    /// When the next mail may be sent, in milliseconds.
    pub next_send: Table<Scope, i64>,
    pub statistics: Table<(Scope, i64), Point>,
    /// The sum of `sent`.
    pub sent_totals: Table<Scope, u64>,
    pub suppressed: Table<Named, Suppressed>,
    /// By the mail's id.
    pub tracked: ExpiringTable<Arc<str>, Arc<Tracked>>,
    pub rule_sets: Table<Named, Arc<RuleSet>>,
    /// The name of the rule set that counts.
    pub active_rule_sets: Table<Scope, String>,
    pub filters: Table<Named, Filter>,
    /// By the mail's id.
    pub received: ExpiringTable<Arc<str>, Arc<Received>>,
    pub verification_templates: Table<Named, Arc<VerificationTemplate>>,
    pub contact_lists: Table<Named, Arc<ContactList>>,
    /// Of the one list that an account has, by their addresses without case.
    pub contacts: Table<Named, Arc<Contact>>,
    pub tenants: Table<Named, Arc<Tenant>>,
    /// By the tenant's id and the address.
    pub tenant_suppressed: Table<(Scope, String, String), Suppressed>,
    pub endpoints: Table<Named, Arc<Endpoint>>,
    /// By their ids.
    pub import_jobs: Table<Named, Arc<ImportJob>>,
}

tables!(State {
    identities, templates, configuration_sets, accounts, links, sent, next_send, statistics, suppressed, tracked, rule_sets,
    active_rule_sets, filters, received, verification_templates, contact_lists, contacts, tenants, tenant_suppressed,
    endpoints, import_jobs
} indexes(State::reindex) { sent_totals });

impl State {
    fn reindex(&mut self) {
        for ((scope, _), count) in &self.sent {
            *self.sent_totals.get_or_insert_with(scope.clone(), || 0) += count;
        }
    }

    pub fn identity(&self, scope: &Scope, name: &str) -> Option<&Arc<Identity>> {
        self.identities.get(&(scope.clone(), name.to_owned()))
    }

    /// The rows of an account in a region, after a name.
    pub fn rows<'t, V>(table: &'t Table<Named, V>, scope: &'t Scope, after: Option<String>) -> impl Iterator<Item = (&'t str, &'t V)> + 't
    where
        V: cloudlet_store::Row,
    {
        let after_name = after.clone();
        table
            .range((scope.clone(), after.unwrap_or_default())..)
            .take_while(move |((of, _), _)| of == scope)
            .skip_while(move |((_, name), _)| after_name.as_ref().is_some_and(|after| name == after))
            .map(|((_, name), row)| (name.as_str(), row))
    }

    pub fn count<V: cloudlet_store::Row>(table: &Table<Named, V>, scope: &Scope) -> usize {
        State::rows(table, scope, None).count()
    }

    /// Recipients of the last day.
    pub fn sent_in_last_day(&self, scope: &Scope, now: Timestamp) -> u64 {
        let total = self.sent_totals.get(scope).copied().unwrap_or_default();
        let past: u64 = self.sent.range((scope.clone(), 0)..=(scope.clone(), now.secs() - limits::DAY_SECONDS)).map(|(_, count)| count).sum();
        total.saturating_sub(past)
    }

    /// Counts recipients, and forgets those of more than a day ago.
    pub fn count_sent(&mut self, scope: &Scope, now: Timestamp, recipients: u64) {
        let past = (scope.clone(), 0)..=(scope.clone(), now.secs() - limits::DAY_SECONDS);
        let past: Vec<(Scope, i64)> = self.sent.range(past).map(|(key, _)| key.clone()).collect();
        let removed: u64 = past.iter().filter_map(|key| self.sent.remove(key)).sum();
        *self.sent.get_or_insert_with((scope.clone(), now.secs()), || 0) += recipients;
        let total = self.sent_totals.get_or_insert_with(scope.clone(), || 0);
        *total = (*total).saturating_sub(removed).saturating_add(recipients);
    }

    /// Changes the point of the statistics that is now, and forgets those that are no longer shown.
    pub fn count_statistics(&mut self, scope: &Scope, now: Timestamp, change: impl FnOnce(&mut Point)) {
        let oldest = now.secs() - limits::STATISTICS_SECONDS;
        let past: Vec<_> = self.statistics.range((scope.clone(), 0)..(scope.clone(), oldest)).map(|(key, _)| key.clone()).collect();
        for key in past {
            self.statistics.remove(&key);
        }
        let point = now.secs().div_euclid(limits::POINT_SECONDS) * limits::POINT_SECONDS;
        change(self.statistics.get_or_insert_with((scope.clone(), point), Point::default));
    }
}

//! Simple Email Service: two APIs over one store.
//!
//! `v1` and `v2` are the operations of the two APIs; everything else is shared. A mail (`envelope`) that passes the checks (`sending`) is
//! built or taken apart (`mime`), and lies in the mailbox. Nothing leaves the machine, unless a relay is named.

mod access;
mod account;
mod addresses;
mod configuration_sets;
mod contacts;
mod destinations;
mod dns_checks;
mod envelope;
mod events;
mod feedback;
mod header_fields;
mod identities;
mod identity_settings;
mod imports;
mod limits;
mod links;
mod lists;
mod mime;
mod outcomes;
mod policies;
mod receiving;
mod refusal;
mod relaying;
mod render;
mod sending;
mod signing;
mod state;
mod status;
mod suppression;
mod templates;
mod tenants;
#[cfg(test)]
mod tests;
mod tracking;
mod v1;
mod v2;
mod verification_mails;

use cloudlet_dns::Dns;
use cloudlet_engine::{Dialect, MailRelay, Quotes, Service, Validation};
use cloudlet_mail::Resolver;
use cloudlet_mailbox::Mailbox;
use cloudlet_store::{Blobs, Journal, Store};
use state::State;
use std::sync::Arc;

pub use imports::importable_lines;
pub use receiving::{AcceptRecipient, AcceptRecipientRequest, ReceiveMail, ReceiveMailRequest, ReceiveMailResponse};

/// Whether accounts begin in the sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sandbox {
    #[default]
    On,
    Off,
}

/// Which identities are verified as soon as they are created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoVerify {
    #[default]
    Off,
    /// Domains, whatever their DNS says.
    Domains,
    All,
}

/// The settings of the service.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub sandbox: Sandbox,
    pub auto_verify: AutoVerify,
    /// How long the review of a request for production access takes.
    pub review_seconds: i64,
    /// Recipients in 24 hours, outside of the sandbox.
    pub daily: u64,
    /// Recipients in a second, outside of the sandbox. Above 1,000 they are not counted.
    pub rate: u64,
}

impl Options {
    pub const DEFAULT: Options = Options {
        sandbox: Sandbox::On,
        auto_verify: AutoVerify::Off,
        review_seconds: limits::DAY_SECONDS,
        daily: limits::GRANTED_DAILY,
        rate: limits::GRANTED_RATE,
    };
}

impl Default for Options {
    fn default() -> Self {
        Options::DEFAULT
    }
}

pub struct Ses {
    store: Arc<Store<State>>,
    mailbox: Arc<Mailbox>,
    /// Where mail that came in lies until the rules are done with it.
    blobs: Blobs,
    dns: Arc<Dns>,
    options: Options,
    /// Where mail goes that leaves, if it does.
    relay: Option<Arc<dyn MailRelay>>,
}

/// The principal of SES.
const PRINCIPAL: &str = "ses.amazonaws.com";

/// Requests are up to 40 MB, which base64 makes longer.
const MAX_REQUEST: usize = 64 << 20;

/// Both APIs.
pub fn services(
    journal: &Journal,
    mailbox: Arc<Mailbox>,
    blobs: Blobs,
    dns: Arc<Dns>,
    relay: Option<Arc<dyn MailRelay>>,
    options: Options,
) -> [Service; 2] {
    let store = Arc::new(Store::new("ses", journal, State::default()));
    let ses = Arc::new(Ses { store: store.clone(), mailbox, blobs, dns: dns.clone(), options, relay });
    let publisher: Arc<dyn Resolver + Send + Sync> = ses.clone();
    dns.add_publisher(Arc::downgrade(&publisher));
    let dialect = |dialect: Dialect| Dialect { max_request: MAX_REQUEST, quotes: Quotes::Sets, ..dialect };
    // AWS: measured (<https://github.com/floci-io/floci>, `SesSuppressionService.java`).
    let validation = Validation::Whole(cloudlet_api_sesv2::faults::BAD_REQUEST);
    let v1 = v1::service(ses.clone()).dialect(dialect(Dialect::QUERY)).store(store).store(dns.store()).build();
    let v2 =
        v2::service(ses.clone()).dialect(dialect(Dialect { validation, ..Dialect::REST_JSON })).admin_page("/_cloudlet/ses/import-jobs", ses).build();
    [v1, v2]
}

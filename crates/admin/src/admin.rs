//! What the handlers of the admin API share.

use crate::response::{Refusal, bad_request};
use cloudlet_aws::{Account, Region};
use cloudlet_cloud::Cloud;
use cloudlet_dns::Dns;
use cloudlet_engine::Workers;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;

/// What the admin API shows and changes.
#[derive(Clone)]
pub struct Admin {
    pub cloud: Arc<Cloud>,
    pub version: &'static str,
    /// The CA's certificate as PEM, if the server speaks TLS. That of mail is made after the start.
    pub certificate: Option<watch::Receiver<Option<Arc<str>>>>,
    /// The region of requests that name none.
    pub region: Region,
    pub dns: Arc<Dns>,
    pub mail_listeners: MailListeners,
    /// What runs the code of functions.
    pub workers: Arc<dyn Workers>,
}

/// The ports of mail.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MailListeners {
    /// Submission, with STARTTLS.
    pub starttls: Vec<u16>,
    /// Submission over TLS.
    pub tls: Vec<u16>,
    /// Where other servers bring mail.
    pub mx: Vec<u16>,
}

/// The parameter of what is done for all accounts or for one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountParameter {
    account: Option<String>,
}

impl AccountParameter {
    /// The account whose state is meant; none for all.
    pub fn account(&self) -> Result<Option<Account>, Refusal> {
        self.account.as_deref().map(str::parse).transpose().map_err(|error: String| bad_request(error))
    }
}

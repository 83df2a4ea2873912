//! Temporary credentials. They are rows of a store of their own, so that assuming a role disturbs nothing that is cached of the rest.

use crate::{Secret, state::Tags, stored_policy::listed};
use cloudlet_aws::{Account, Caller, Timestamp};
use cloudlet_engine::Ids;
use cloudlet_policy::Policy;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How a session came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    AssumeRole,
    WebIdentity,
    Saml,
    FederationToken,
    SessionToken,
    AssumeRoot,
    /// GetDelegatedAccessToken: a partner in the place of whoever approved.
    Delegation,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Whom it stands for, with its access key.
    pub caller: Caller,
    /// Who asked for it, where the caller is not the same: the user behind a federated user.
    pub issuer: Option<Caller>,
    pub secret: Secret,
    pub token: Secret,
    pub origin: Origin,
    pub issued: Timestamp,
    pub expires: Timestamp,
    #[serde(with = "listed")]
    pub policies: Arc<[Policy]>,
    pub tags: Tags,
    /// Keys of the tags that go on to the next role.
    pub transitive: Vec<Arc<str>>,
    pub source_identity: Option<Arc<str>>,
    /// When MFA was last given, if it was.
    pub mfa: Option<Timestamp>,
    /// `aws:FederatedProvider`
    pub provider: Option<Arc<str>>,
    /// What the provider's token said, under the names of condition keys.
    pub claims: Vec<(Arc<str>, Vec<Arc<str>>)>,
    /// The session policies of whoever delegated, where those limit the session too.
    #[serde(default, with = "listed")]
    pub within: Arc<[Policy]>,
    /// The account that acts in the caller's place.
    #[serde(default)]
    pub delegate: Option<Account>,
}

impl Session {
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires
    }
}

/// What is new about a session: an access key, a secret, a token.
pub struct Fresh {
    pub access_key: Arc<str>,
    pub secret: Secret,
    pub token: Secret,
}

/// How real tokens begin: base 64 of `!`, a length, `origin_ec`.
const TOKEN_HEAD: &str = "IQoJb3JpZ2luX2Vj";
/// A usual token's length.
const TOKEN_LENGTH: usize = 356;
/// The longest a client may ask for.
pub const LONGEST_TOKEN: usize = 4096;

impl Fresh {
    /// A token is opaque: random letters. `at_least` is what the client wants to see its buffers bear.
    pub fn new(ids: &Ids, account: Account, at_least: usize) -> Fresh {
        let mut random = vec![0; TOKEN_LENGTH.max(at_least.min(LONGEST_TOKEN)) - TOKEN_HEAD.len()];
        ids.fill_secret(&mut random);
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut token = String::with_capacity(TOKEN_HEAD.len() + random.len());
        token.push_str(TOKEN_HEAD);
        token.extend(random.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63))).map(|letter| char::from(*letter)));
        Fresh { access_key: ids.access_key("ASIA", account).into(), secret: Secret::new(ids.secret_key()), token: Secret::new(token) }
    }
}

#[derive(Default)]
pub(crate) struct Sessions {
    pub sessions: Table<Arc<str>, Arc<Session>>,
    pub by_expiry: Table<(Timestamp, Arc<str>), ()>,
}

tables!(Sessions { sessions } indexes(Sessions::reindex) { by_expiry });

/// How long a session that is over is remembered, so that its bearer is told that it expired and not that it never was.
const REMEMBERED_SECONDS: i64 = 86_400;

impl Sessions {
    fn reindex(&mut self) {
        for (key, session) in &self.sessions {
            self.by_expiry.insert((session.expires, key.clone()), ());
        }
    }

    pub fn add(&mut self, key: Arc<str>, session: Session) {
        self.forget_old(session.issued);
        self.by_expiry.insert((session.expires, key.clone()), ());
        self.sessions.insert(key, Arc::new(session));
    }

    /// A few at a time: more than come in, so that they do not pile up.
    fn forget_old(&mut self, now: Timestamp) {
        let before = now.plus_secs(-REMEMBERED_SECONDS);
        for _ in 0..4 {
            let Some(oldest) = self.by_expiry.first().map(|(key, ())| key.clone()).filter(|(expires, _)| *expires < before) else { return };
            self.by_expiry.remove(&oldest);
            self.sessions.remove(&oldest.1);
        }
    }
}

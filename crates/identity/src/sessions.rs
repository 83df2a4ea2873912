//! Temporary credentials. They have a store of their own, so that a new session does not invalidate what is cached of IAM.

use crate::{Secret, Tags, session_policies};
use cloudlet_aws::{Account, Caller, Timestamp};
use cloudlet_engine::Ids;
use cloudlet_policy::Policy;
use cloudlet_store::{Expires, ExpiringTable, tables};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The operation that created a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionKind {
    AssumeRole,
    WebIdentity,
    Saml,
    FederationToken,
    SessionToken,
    AssumeRoot,
    /// GetDelegatedAccessToken: a partner acts for the principal that approved.
    Delegation,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// The principal of the session, with its access key.
    pub caller: Caller,
    /// The user that called GetFederationToken, for a federated user.
    pub issuer: Option<Caller>,
    pub secret: Secret,
    pub token: Secret,
    pub kind: SessionKind,
    pub issued: Timestamp,
    pub expires: Timestamp,
    /// Session policies.
    #[serde(with = "session_policies")]
    pub policies: Arc<[Policy]>,
    pub tags: Tags,
    pub transitive_tag_keys: Vec<Arc<str>>,
    pub source_identity: Option<Arc<str>>,
    /// When the principal last authenticated with MFA.
    pub mfa_at: Option<Timestamp>,
    /// `aws:FederatedProvider`
    pub federated_provider: Option<Arc<str>>,
    /// Claims of the identity provider, under the names of their condition keys.
    pub claims: Vec<(Arc<str>, Vec<Arc<str>>)>,
    /// The session policies of the session that approved a delegation: they limit the delegated session too.
    #[serde(default, with = "session_policies")]
    pub approver_policies: Arc<[Policy]>,
    /// The partner's account that acts for the caller.
    #[serde(default)]
    pub delegate: Option<Account>,
}

impl Session {
    /// A session without policies, tags and claims.
    pub fn new(caller: Caller, credentials: &SessionCredentials, kind: SessionKind, now: Timestamp, seconds: i64) -> Session {
        let issued = now.whole_secs();
        Session {
            caller: Caller { access_key: Some(credentials.access_key.clone()), ..caller },
            issuer: None,
            secret: credentials.secret.clone(),
            token: credentials.token.clone(),
            kind,
            issued,
            expires: issued.plus_secs(seconds),
            policies: Arc::default(),
            tags: Tags::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            mfa_at: None,
            federated_provider: None,
            claims: Vec::new(),
            approver_policies: Arc::default(),
            delegate: None,
        }
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }
}

/// The credentials of a new session.
pub struct SessionCredentials {
    pub access_key: Arc<str>,
    pub secret: Secret,
    pub token: Secret,
}

/// How the tokens of AWS begin: base64 of `!`, a length, `origin_ec`.
const TOKEN_HEAD: &str = "IQoJb3JpZ2luX2Vj";
/// The usual length of a token.
const TOKEN_LENGTH: usize = 356;
/// The largest `MinimumSessionTokenSize`.
pub const LONGEST_TOKEN: usize = 4096;

impl SessionCredentials {
    /// A token is opaque: random characters, at least `MinimumSessionTokenSize` of them.
    pub fn new(ids: &Ids, account: Account, minimum_token_size: usize) -> SessionCredentials {
        let mut random = vec![0; TOKEN_LENGTH.max(minimum_token_size.min(LONGEST_TOKEN)) - TOKEN_HEAD.len()];
        ids.fill_secret(&mut random);
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut token = String::with_capacity(TOKEN_HEAD.len() + random.len());
        token.push_str(TOKEN_HEAD);
        token.extend(random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63))).map(|byte| char::from(*byte)));
        SessionCredentials { access_key: ids.access_key("ASIA", account).into(), secret: Secret::new(ids.secret_key()), token: Secret::new(token) }
    }
}

#[derive(Default)]
pub(crate) struct Sessions {
    pub sessions: ExpiringTable<Arc<str>, Arc<Session>>,
}

tables!(Sessions { sessions });

/// How long an expired session stays, so that its credentials are answered with "expired" and not with "invalid".
const RETENTION_SECONDS: i64 = 86_400;
/// Rows that one new session purges: more than are added, so that they do not accumulate.
const PURGED: usize = 4;

impl Expires for Session {
    fn expires_at(&self) -> i64 {
        self.expires.millis()
    }
}

impl Sessions {
    pub fn add(&mut self, key: Arc<str>, session: Session) {
        self.sessions.purge(session.issued.plus_secs(-RETENTION_SECONDS).millis(), PURGED);
        self.sessions.insert(key, Arc::new(session));
    }
}

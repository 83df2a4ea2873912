//! The state behind IAM, STS and Organizations: principals, their credentials and their policies. The gateway looks up access keys in it,
//! `cloud` the policies that apply to a caller. Deliberately no HTTP, no signatures, no decisions, no shapes of AWS's API.

pub mod catalogue;
mod credentials;
pub mod delegations;
mod effective_policies;
mod last_calls;
mod last_used;
pub mod messages;
pub mod mfa;
pub mod organization;
pub mod outbound;
mod partners;
mod policy_size;
mod secret;
mod session_policies;
mod sessions;
pub mod state;
mod tags;
pub mod templates;

pub use cloudlet_engine::StoredPolicy;
pub use credentials::{Credential, CredentialError, Root};
pub use effective_policies::{EffectivePolicies, identity_policies, managed_policy};
pub use last_calls::CalledAction;
pub use last_used::{LastUsed, Usage};
pub use organization::Membership;
pub use partners::{Partners, RegisteredTemplate};
pub use policy_size::policy_size;
pub use secret::Secret;
pub use sessions::{LONGEST_TOKEN, Session, SessionCredentials, SessionKind};
pub use state::{EntityKey, State};
pub use tags::Tags;

/// For crates that write a trust policy and do not depend on the policy language.
pub const TRUST: cloudlet_policy::Kind = cloudlet_policy::Kind::Trust;

use cloudlet_aws::{Account, Arn, Caller, Identity as Who, Timestamp};
use cloudlet_store::{Journal, Json, Listing, Page, Persistent, Record, Selection, Store, Unreadable};
use credentials::CachedKey;
use foldhash::HashMap;
use last_calls::LastCalls;
use parking_lot::RwLock;
use sessions::Sessions;
use state::{AccessKeyOwner, CredentialStatus};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// All principals, credentials and policies of the server. Cheap to clone; all clones share their state.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    root: Root,
    /// The principal of the root key, which makes most calls.
    root_caller: Caller,
    store: Store<State>,
    sessions: Store<Sessions>,
    /// Counts the changes of IAM; the cache is valid for one revision.
    revision: AtomicU64,
    cache: RwLock<Cache>,
    last_calls: LastCalls,
}

/// What was derived from the tables at one revision.
#[derive(Default)]
struct Cache {
    revision: u64,
    keys: HashMap<Arc<str>, CachedKey>,
    effective_policies: HashMap<Arc<str>, Arc<EffectivePolicies>>,
    memberships: HashMap<Account, Option<Arc<Membership>>>,
}

/// Entries of the cache; a full cache is emptied.
const MOST_CACHED: usize = 20_000;

impl Identity {
    /// Without a journal: for tests.
    pub fn new(root: Root) -> Identity {
        Identity::with_journal(root, &Journal::off())
    }

    pub fn with_journal(root: Root, journal: &Journal) -> Identity {
        Identity::with_partners(root, journal, Partners::default())
    }

    pub fn with_partners(root: Root, journal: &Journal, partners: impl Into<Arc<Partners>>) -> Identity {
        let partners = partners.into();
        Identity(Arc::new(Inner {
            root_caller: Caller::root(root.account, root.partition, Some(&root.access_key)),
            root,
            store: Store::new("iam", journal, State { partners, ..State::default() }),
            sessions: Store::new("sts/sessions", journal, Sessions::default()),
            revision: AtomicU64::new(1),
            cache: RwLock::default(),
            last_calls: LastCalls::default(),
        }))
    }

    /// The account of the root credentials with which the server was started.
    pub fn account(&self) -> Account {
        self.0.root.account
    }

    pub fn partition(&self) -> &'static str {
        self.0.root.partition
    }

    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.0.store.read(look)
    }

    /// Changes rows, all or none, and invalidates the cache.
    pub fn write<R, E>(&self, change: impl FnOnce(&mut State) -> Result<R, E>) -> Result<R, E> {
        let result = self.0.store.write(change);
        self.0.invalidate();
        result
    }

    /// The stores, for snapshots, reset and recovery.
    pub fn stores(&self) -> Vec<Arc<dyn Persistent>> {
        vec![Arc::new(IamStore(self.0.clone())), Arc::new(SessionStore(self.0.clone()))]
    }

    /// The principal and the secret of an access key.
    ///
    /// The server's root key belongs to the server's account. A key of twelve digits, with the root secret, is the root of that account.
    /// No other key exists until it is created.
    pub fn credential(&self, access_key: &str, session_token: Option<&str>, now: Timestamp) -> Result<Credential, CredentialError> {
        let token = session_token.filter(|token| !token.is_empty());
        let root = &self.0.root;
        let caller = if access_key == &*root.access_key {
            Some(self.0.root_caller.clone())
        } else {
            Account::parse(access_key).map(|account| Caller::root(account, root.partition, Some(access_key)))
        };
        if let Some(caller) = caller {
            return if token.is_some() { Err(CredentialError::Token) } else { Ok(Credential { caller, secret: root.secret.clone() }) };
        }
        if let Some(session) = self.session(access_key) {
            return match token {
                Some(token) if session.token.is(token) && session.is_expired(now) => Err(CredentialError::Expired),
                Some(token) if session.token.is(token) => Ok(Credential { caller: session.caller.clone(), secret: session.secret.clone() }),
                _ => Err(CredentialError::Token),
            };
        }
        match self.long_term_key(access_key, |key| key.credential.clone()) {
            Some(_) if token.is_some() => Err(CredentialError::Token),
            found => found.ok_or(CredentialError::Key),
        }
    }

    fn long_term_key<R>(&self, access_key: &str, look: impl Fn(&CachedKey) -> R) -> Option<R> {
        let revision = self.0.revision();
        {
            let cache = self.0.cache.read();
            if cache.revision == revision
                && let Some(key) = cache.keys.get(access_key)
            {
                return Some(look(key));
            }
        }
        let key = self.0.store.read(|state| self.0.find_key(state, access_key))?;
        let result = look(&key);
        self.0.add_to_cache(revision, |cache| {
            cache.keys.insert(access_key.into(), key);
        });
        Some(result)
    }

    /// Records the use of an access key or a role.
    pub fn record_use(&self, caller: &Caller, service: &str, region: &str, now: Timestamp) {
        match (&caller.identity, &caller.access_key) {
            (Who::AssumedRole { role, .. }, _) => {
                let due = self.0.store.read(|state| {
                    let (account, role) = state.role_by_arn(role.as_str())?;
                    role.last_used.record(now, service, region).then(|| EntityKey::new(account, &role.name))
                });
                if let Some(key) = due {
                    self.0.store.update(|state| state.roles.get_mut(&key).is_some());
                }
            }
            (_, Some(key)) if key.starts_with("AKIA") && self.long_term_key(key, |key| key.last_used.record(now, service, region)) == Some(true) => {
                self.0.store.update(|state| state.access_keys.get_mut(key).is_some());
            }
            _ => {}
        }
    }

    /// Records the call of an action by a principal of an account, whatever its result.
    pub fn record_call(&self, caller: &Caller, action: &'static str, region: &str, now: Timestamp) {
        let id = match &caller.identity {
            Who::User { .. } | Who::Root => &*caller.unique_id,
            Who::AssumedRole { .. } => caller.unique_id.split(':').next().unwrap_or_default(),
            Who::FederatedUser { .. } | Who::Service { .. } | Who::Anonymous => return,
        };
        if let Some(account) = caller.account {
            self.0.last_calls.record(id, account, action, region, now);
        }
    }

    /// The actions that the user or role of a unique id called since the server started.
    pub fn actions_called_by(&self, id: &str) -> Vec<CalledAction> {
        self.0.last_calls.of(id)
    }

    /// The actions that users, roles and root of an account called since the server started.
    pub fn actions_called_in(&self, account: Account) -> Vec<CalledAction> {
        self.0.last_calls.in_account(account)
    }

    /// The temporary credentials of an access key, expired ones included.
    pub fn session(&self, access_key: &str) -> Option<Arc<Session>> {
        if !access_key.starts_with("ASIA") {
            return None;
        }
        self.0.sessions.read(|rows| rows.sessions.get(access_key).cloned())
    }

    pub fn session_of(&self, caller: &Caller) -> Option<Arc<Session>> {
        self.session(caller.access_key.as_deref()?)
    }

    pub fn add_session(&self, access_key: Arc<str>, session: Session) {
        self.0.sessions.update(|rows| rows.add(access_key, session));
    }

    /// The policies that apply to a caller, cached for each principal.
    pub fn effective_policies(&self, caller: &Caller, session: Option<&Session>) -> Arc<EffectivePolicies> {
        let key: &str = match &caller.identity {
            Who::User { .. } => &caller.unique_id,
            Who::AssumedRole { .. } => caller.unique_id.split(':').next().unwrap_or_default(),
            // Many sessions may have the name of one federated user.
            Who::FederatedUser { .. } => caller.access_key.as_deref().unwrap_or(&caller.unique_id),
            Who::Root => &caller.unique_id,
            Who::Service { .. } => {
                let Some(membership) = caller.account.and_then(|account| self.membership(account)) else { return Arc::default() };
                return Arc::new(EffectivePolicies { source_membership: Some(membership), ..EffectivePolicies::default() });
            }
            Who::Anonymous => return Arc::default(),
        };
        let revision = self.0.revision();
        {
            let cache = self.0.cache.read();
            if cache.revision == revision
                && let Some(effective_policies) = cache.effective_policies.get(key)
            {
                return effective_policies.clone();
            }
        }
        let membership = caller.account.and_then(|account| self.membership(account));
        let effective_policies = Arc::new(self.read(|state| EffectivePolicies::of(state, caller, session, membership)));
        self.0.add_to_cache(revision, |cache| {
            cache.effective_policies.insert(key.into(), effective_policies.clone());
        });
        effective_policies
    }

    /// The membership of an account in the organization, if it is a member.
    pub fn membership(&self, account: Account) -> Option<Arc<Membership>> {
        let revision = self.0.revision();
        {
            let cache = self.0.cache.read();
            if cache.revision == revision
                && let Some(membership) = cache.memberships.get(&account)
            {
                return membership.clone();
            }
        }
        let membership =
            self.read(|state| state.organization.get(&()).and_then(|organization| organization.membership(account, self.0.root.partition)));
        let membership = membership.map(Arc::new);
        self.0.add_to_cache(revision, |cache| {
            cache.memberships.insert(account, membership.clone());
        });
        membership
    }

    /// The principal of a key that is not verified: with `--auth off` an unknown key is root.
    pub fn unchecked(&self, access_key: &str) -> Caller {
        let root = &self.0.root;
        if let Some(session) = self.session(access_key) {
            return session.caller.clone();
        }
        if let Some(caller) = self.long_term_key(access_key, |key| key.credential.caller.clone()) {
            return caller;
        }
        Caller::root(Account::parse(access_key).unwrap_or(root.account), root.partition, Some(access_key))
    }
}

impl Inner {
    fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    fn invalidate(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// Adds an entry that was derived after `revision` was read, unless IAM has changed since.
    fn add_to_cache(&self, revision: u64, add: impl FnOnce(&mut Cache)) {
        let mut cache = self.cache.write();
        if cache.revision > revision {
            return;
        }
        let full = cache.keys.len() + cache.effective_policies.len() + cache.memberships.len() > MOST_CACHED;
        if cache.revision < revision || full {
            *cache = Cache { revision, ..Cache::default() };
        }
        add(&mut cache);
    }

    fn find_key(&self, state: &State, access_key: &str) -> Option<CachedKey> {
        let key = state.access_keys.get(access_key).filter(|key| key.status == CredentialStatus::Active)?;
        let caller = match &key.owner {
            AccessKeyOwner::Root => Caller::root(key.account, self.root.partition, Some(access_key)),
            AccessKeyOwner::User(name) => {
                let user = state.user(key.account, name)?;
                let arn = user_arn(self.root.partition, key.account, &user.path, &user.name);
                Caller {
                    account: Some(key.account),
                    identity: Who::User { name: user.name.as_str().into() },
                    arn: arn.as_str().into(),
                    unique_id: user.id.clone(),
                    access_key: Some(access_key.into()),
                }
            }
        };
        Some(CachedKey { credential: Credential { caller, secret: key.secret.clone() }, last_used: key.last_used.clone() })
    }
}

pub fn user_arn(partition: &str, account: Account, path: &str, name: &str) -> Arn {
    Arn::build(partition, "iam", "", account.as_str(), &format!("user{path}{name}"))
}

/// The stores as recovery and reset see them: both invalidate the cache.
struct IamStore(Arc<Inner>);
struct SessionStore(Arc<Inner>);

macro_rules! persistent {
    ($rows:ident, $store:ident) => {
        impl Persistent for $rows {
            fn path(&self) -> &Arc<str> {
                self.0.$store.path()
            }
            fn listings(&self) -> Vec<Listing> {
                self.0.$store.listings()
            }
            fn page(&self, instance: Option<&Json>, table: &str, after: Option<&Json>, limit: usize) -> Result<Page, Unreadable> {
                self.0.$store.page(instance, table, after, limit)
            }
            fn snapshot(&self, each: &mut dyn FnMut(Record)) {
                self.0.$store.snapshot(each);
            }
            fn reset(&self) {
                self.0.$store.reset();
                self.0.last_calls.clear();
                self.0.invalidate();
            }
            fn apply(&self, record: &Record) -> Result<(), Unreadable> {
                let applied = self.0.$store.apply(record);
                self.0.invalidate();
                applied
            }
            fn finish_recovery(&self) {
                self.0.$store.finish_recovery();
                self.0.invalidate();
            }
            fn indexes(&self) -> Vec<String> {
                self.0.$store.indexes()
            }
            fn check(&self, records: &[Record]) -> Result<(), Unreadable> {
                self.0.$store.check(records)
            }
            fn replace(&self, records: &[Record], selection: Selection<'_>) -> Result<(), Unreadable> {
                let replaced = self.0.$store.replace(records, selection);
                self.0.invalidate();
                replaced
            }
        }
    };
}

persistent!(IamStore, store);
persistent!(SessionStore, sessions);

#[cfg(test)]
mod tests;

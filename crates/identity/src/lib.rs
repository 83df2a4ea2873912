//! Who exists and what they may do. IAM and STS are its two faces; the doors ask it whose key signed, and what applies to a caller.
//! Deliberately no HTTP, no signatures, no decisions, no words of AWS's API.

mod accesses;
pub mod catalogue;
mod credentials;
pub mod delegations;
mod effective_policies;
mod last_used;
pub mod messages;
pub mod mfa;
pub mod organization;
pub mod outbound;
mod partners;
mod secret;
mod sessions;
pub mod state;
mod stored_policy;
pub mod templates;

pub use accesses::Access;
pub use credentials::{Credential, Root, Unknown};
pub use effective_policies::{EffectivePolicies, held, managed};
pub use last_used::{LastUsed, Place};
pub use organization::Membership;
pub use partners::{Partners, Registered};
pub use secret::Secret;
pub use sessions::{Fresh, LONGEST_TOKEN, Origin, Session};
pub use state::{Of, State, Tags};
pub use stored_policy::{StoredPolicy, size};

/// The kind of a trust policy, for who writes one without knowing the language.
pub const TRUST: cloudlet_policy::Kind = cloudlet_policy::Kind::Trust;

use accesses::Accesses;
use cloudlet_aws::{Account, Arn, Caller, Identity as Who, Timestamp};
use cloudlet_store::{Journal, Json, Listing, Page, Persistent, Record, Store, Unreadable};
use credentials::Holder;
use foldhash::HashMap;
use parking_lot::RwLock;
use sessions::Sessions;
use state::{KeyOwner, Status};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Everybody the house knows. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    root: Root,
    /// Whom the root key stands for: the caller of most calls of most days.
    root_caller: Caller,
    store: Store<State>,
    sessions: Store<Sessions>,
    /// Counts the changes of IAM: what is remembered of an older state is not looked at.
    revision: AtomicU64,
    remembered: RwLock<Remembered>,
    accesses: Accesses,
}

/// What was gathered from the tables at one revision.
#[derive(Default)]
struct Remembered {
    revision: u64,
    holders: HashMap<Arc<str>, Holder>,
    effective_policies_of: HashMap<Arc<str>, Arc<EffectivePolicies>>,
    memberships: HashMap<Account, Option<Arc<Membership>>>,
}

/// Enough for every principal of a test run; a server with more begins anew.
const MOST_REMEMBERED: usize = 20_000;

impl Identity {
    /// Without a journal: for tests.
    pub fn new(root: Root) -> Identity {
        Identity::kept_in(root, &Journal::off())
    }

    pub fn kept_in(root: Root, journal: &Journal) -> Identity {
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
            remembered: RwLock::default(),
            accesses: Accesses::default(),
        }))
    }

    /// The account of the root credentials the server was started with.
    pub fn account(&self) -> Account {
        self.0.root.account
    }

    pub fn partition(&self) -> &'static str {
        self.0.root.partition
    }

    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.0.store.read(look)
    }

    /// Changes rows, whole or not at all; what was remembered of them is forgotten.
    pub fn write<R, E>(&self, change: impl FnOnce(&mut State) -> Result<R, E>) -> Result<R, E> {
        let result = self.0.store.write(change);
        self.0.forget();
        result
    }

    /// What a snapshot keeps and a reset empties.
    pub fn stores(&self) -> Vec<Arc<dyn Persistent>> {
        vec![Arc::new(Rows(self.0.clone())), Arc::new(SessionRows(self.0.clone()))]
    }

    /// Whose key it is, and what it must have been signed with.
    ///
    /// The server's root key belongs to the server's account. A 12-digit key with the root secret is the root of that account.
    /// Nothing else exists until it is created.
    pub fn credential(&self, access_key: &str, session_token: Option<&str>, now: Timestamp) -> Result<Credential, Unknown> {
        let token = session_token.filter(|token| !token.is_empty());
        let root = &self.0.root;
        let caller = if access_key == &*root.access_key {
            Some(self.0.root_caller.clone())
        } else {
            Account::parse(access_key).map(|account| Caller::root(account, root.partition, Some(access_key)))
        };
        if let Some(caller) = caller {
            return if token.is_some() { Err(Unknown::Token) } else { Ok(Credential { caller, secret: root.secret.clone() }) };
        }
        if let Some(session) = self.session(access_key) {
            return match token {
                Some(token) if session.token.is(token) && session.is_over(now) => Err(Unknown::Expired),
                Some(token) if session.token.is(token) => Ok(Credential { caller: session.caller.clone(), secret: session.secret.clone() }),
                _ => Err(Unknown::Token),
            };
        }
        match self.holder(access_key, |holder| holder.credential.clone()) {
            Some(_) if token.is_some() => Err(Unknown::Token),
            found => found.ok_or(Unknown::Key),
        }
    }

    fn holder<R>(&self, access_key: &str, look: impl Fn(&Holder) -> R) -> Option<R> {
        let revision = self.0.revision();
        {
            let remembered = self.0.remembered.read();
            if remembered.revision == revision
                && let Some(holder) = remembered.holders.get(access_key)
            {
                return Some(look(holder));
            }
        }
        let holder = self.0.store.read(|state| self.0.find_holder(state, access_key))?;
        let result = look(&holder);
        self.0.remember(revision, |remembered| {
            remembered.holders.insert(access_key.into(), holder);
        });
        Some(result)
    }

    /// Notes that a key or a role was used.
    pub fn note_use(&self, caller: &Caller, service: &str, region: &str, now: Timestamp) {
        match (&caller.identity, &caller.access_key) {
            (Who::AssumedRole { role, .. }, _) => self.0.store.read(|state| {
                if let Some((_, role)) = state.role_by_arn(role.as_str()) {
                    role.used.note(now, service, region);
                }
            }),
            (_, Some(key)) if key.starts_with("AKIA") => drop(self.holder(key, |holder| holder.used.note(now, service, region))),
            _ => {}
        }
    }

    /// Notes what a principal of an account called, whatever came of it.
    pub fn note_access(&self, caller: &Caller, action: &'static str, region: &str, now: Timestamp) {
        let id = match &caller.identity {
            Who::User { .. } | Who::Root => &*caller.unique_id,
            Who::AssumedRole { .. } => caller.unique_id.split(':').next().unwrap_or_default(),
            Who::FederatedUser { .. } | Who::Service { .. } | Who::Anonymous => return,
        };
        if let Some(account) = caller.account {
            self.0.accesses.note(id, account, action, region, now);
        }
    }

    /// What the user or role of this unique id called since the server started.
    pub fn accesses_of(&self, id: &str) -> Vec<Access> {
        self.0.accesses.of(id)
    }

    /// What users, roles and root of an account called since the server started.
    pub fn accesses_in(&self, account: Account) -> Vec<Access> {
        self.0.accesses.in_account(account)
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

    pub fn begin(&self, access_key: Arc<str>, session: Session) {
        self.0.sessions.update(|rows| rows.add(access_key, session));
    }

    /// What applies to a caller, gathered once for each principal.
    pub fn effective_policies(&self, caller: &Caller, session: Option<&Session>) -> Arc<EffectivePolicies> {
        let key: &str = match &caller.identity {
            Who::User { .. } => &caller.unique_id,
            Who::AssumedRole { .. } => caller.unique_id.split(':').next().unwrap_or_default(),
            // A federated user's name may be given to many sessions.
            Who::FederatedUser { .. } => caller.access_key.as_deref().unwrap_or(&caller.unique_id),
            Who::Root => &caller.unique_id,
            Who::Service { .. } => {
                let source = caller.account.and_then(|account| self.membership(account));
                return source
                    .map_or_else(Arc::default, |source| Arc::new(EffectivePolicies { source: Some(source), ..EffectivePolicies::default() }));
            }
            Who::Anonymous => return Arc::default(),
        };
        let revision = self.0.revision();
        {
            let remembered = self.0.remembered.read();
            if remembered.revision == revision
                && let Some(effective_policies) = remembered.effective_policies_of.get(key)
            {
                return effective_policies.clone();
            }
        }
        let membership = caller.account.and_then(|account| self.membership(account));
        let effective_policies = Arc::new(self.read(|state| EffectivePolicies::of(state, caller, session, membership)));
        self.0.remember(revision, |remembered| {
            remembered.effective_policies_of.insert(key.into(), effective_policies.clone());
        });
        effective_policies
    }

    /// An account's place in the organization, if it has one.
    pub fn membership(&self, account: Account) -> Option<Arc<Membership>> {
        let revision = self.0.revision();
        {
            let remembered = self.0.remembered.read();
            if remembered.revision == revision
                && let Some(membership) = remembered.memberships.get(&account)
            {
                return membership.clone();
            }
        }
        let membership =
            self.read(|state| state.organization.get(&()).and_then(|organization| organization.membership(account, self.0.root.partition)));
        let membership = membership.map(Arc::new);
        self.0.remember(revision, |remembered| {
            remembered.memberships.insert(account, membership.clone());
        });
        membership
    }

    /// Somebody whose key nobody checks: how `--auth off` sees an unknown key.
    pub fn unchecked(&self, access_key: &str) -> Caller {
        let root = &self.0.root;
        if let Some(session) = self.session(access_key) {
            return session.caller.clone();
        }
        if let Some(caller) = self.holder(access_key, |holder| holder.credential.caller.clone()) {
            return caller;
        }
        Caller::root(Account::parse(access_key).unwrap_or(root.account), root.partition, Some(access_key))
    }
}

impl Inner {
    fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    fn forget(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// Keeps what was gathered, unless IAM has changed since `revision` was read, which was before the gathering.
    fn remember(&self, revision: u64, keep: impl FnOnce(&mut Remembered)) {
        let mut remembered = self.remembered.write();
        if remembered.revision > revision {
            return;
        }
        let full = remembered.holders.len() + remembered.effective_policies_of.len() + remembered.memberships.len() > MOST_REMEMBERED;
        if remembered.revision < revision || full {
            *remembered = Remembered { revision, ..Remembered::default() };
        }
        keep(&mut remembered);
    }

    fn find_holder(&self, state: &State, access_key: &str) -> Option<Holder> {
        let key = state.access_keys.get(access_key).filter(|key| key.status == Status::Active)?;
        let caller = match &key.owner {
            KeyOwner::Root => Caller::root(key.account, self.root.partition, Some(access_key)),
            KeyOwner::User(name) => {
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
        Some(Holder { credential: Credential { caller, secret: key.secret.clone() }, used: key.used.clone() })
    }
}

pub fn user_arn(partition: &str, account: Account, path: &str, name: &str) -> Arn {
    Arn::build(partition, "iam", "", account.as_str(), &format!("user{path}{name}"))
}

/// The tables with an ear for what goes past `write`: recovery and reset.
struct Rows(Arc<Inner>);
struct SessionRows(Arc<Inner>);

macro_rules! kept {
    ($rows:ident, $store:ident) => {
        impl Persistent for $rows {
            fn path(&self) -> &Arc<str> {
                self.0.$store.path()
            }
            fn listings(&self) -> Vec<Listing> {
                self.0.$store.listings()
            }
            fn page(&self, of: Option<&Json>, table: &str, after: Option<&Json>, limit: usize) -> Result<Page, Unreadable> {
                self.0.$store.page(of, table, after, limit)
            }
            fn snapshot(&self, each: &mut dyn FnMut(Record)) {
                self.0.$store.snapshot(each);
            }
            fn reset(&self) {
                self.0.$store.reset();
                self.0.accesses.forget();
                self.0.forget();
            }
            fn take(&self, record: &Record) -> Result<(), Unreadable> {
                let taken = self.0.$store.take(record);
                self.0.forget();
                taken
            }
            fn taken(&self) {
                self.0.$store.taken();
                self.0.forget();
            }
        }
    };
}

kept!(Rows, store);
kept!(SessionRows, sessions);

#[cfg(test)]
mod tests;

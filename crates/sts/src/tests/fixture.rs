//! A cloud with STS alone. Users and roles are written to the tables directly.

use crate::{ProviderKeys, service};
use cloudlet_aws::{Account, Caller, Fault, Identity as Who, Region, Scope, Timestamp};
use cloudlet_cloud::{Cloud, EntryPoint, Settings};
use cloudlet_engine::{Call, Clock, Ids, Origin, Runtime};
use cloudlet_identity::{EntityKey, Identity, LastUsed, Root, Secret, StoredPolicy, Tags, state};
use cloudlet_policy::Kind;
use cloudlet_shape::Operation;
use cloudlet_store::Journal;
use std::sync::Arc;

pub struct TestCloud {
    pub inner: Arc<Cloud>,
    pub identity: Identity,
    pub root: Caller,
}

pub fn account() -> Account {
    Account::parse("123456789012").unwrap()
}

pub const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A trust policy.
pub fn trust(principal: &str, action: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":{action},"Condition":{condition}}}}}"#
    )
}

impl TestCloud {
    pub fn new() -> TestCloud {
        TestCloud::with_keys(ProviderKeys::none())
    }

    pub fn with_keys(keys: ProviderKeys) -> TestCloud {
        let root = Root { account: account(), partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
        let identity = Identity::new(root);
        let runtime = Runtime::new(Clock::stopped_at(Timestamp::from_secs(1_800_000_000)), Ids::seeded(7));
        let cloud = Cloud::new(runtime, identity.clone(), vec![service(identity.clone(), keys, &Journal::off())], Settings::default());
        TestCloud { inner: cloud, identity, root: Caller::root(account(), "aws", Some("test")) }
    }

    pub fn now(&self) -> Timestamp {
        self.inner.runtime.clock.now()
    }

    pub async fn call<O: Operation>(&self, caller: &Caller, input: O::Input) -> Result<O::Output, Fault> {
        let scope = Scope::new(caller.account.unwrap_or(account()), Region::new("eu-west-1"));
        let call = Call::of::<O>(caller.clone(), scope, Origin::default(), input);
        let answer = self.inner.perform(call, "request".into(), EntryPoint::Gateway).await.answer?;
        Ok(*answer.into_any().downcast::<O::Output>().unwrap())
    }

    pub fn put(&self, change: impl FnOnce(&mut cloudlet_identity::State)) {
        let done: Result<(), ()> = self.identity.write(|state| {
            change(state);
            Ok(())
        });
        done.unwrap();
    }

    pub fn user(&self, name: &str, policy: Option<&str>) -> Caller {
        let mut policies = state::IdentityPolicies::default();
        if let Some(text) = policy {
            policies.inline.insert("p".into(), StoredPolicy::parse(text, Kind::Identity).unwrap());
        }
        let row = state::User {
            name: name.into(),
            path: "/".into(),
            id: format!("AIDA{}", name.to_uppercase()).into(),
            created: self.now(),
            tags: Tags::new(),
            permissions_boundary: None,
            policies,
            groups: vec![],
            login_profile: None,
            mfa_devices: vec![],
            password_last_used: None,
        };
        let caller = Caller {
            account: Some(account()),
            identity: Who::User { name: name.into() },
            arn: format!("arn:aws:iam::123456789012:user/{name}").into(),
            unique_id: row.id.clone(),
            access_key: None,
        };
        self.put(|state| state.users.insert(EntityKey::new(account(), name), row));
        caller
    }

    pub fn role(&self, name: &str, trust: &str, policy: Option<&str>) -> String {
        let mut policies = state::IdentityPolicies::default();
        if let Some(text) = policy {
            policies.inline.insert("p".into(), StoredPolicy::parse(text, Kind::Identity).unwrap());
        }
        let row = state::Role {
            name: name.into(),
            path: "/".into(),
            id: format!("AROA{}", name.to_uppercase()).into(),
            created: self.now(),
            trust_policy: StoredPolicy::parse(trust, Kind::Trust).unwrap(),
            description: None,
            max_session_duration: 3600,
            tags: Tags::new(),
            permissions_boundary: None,
            policies,
            last_used: LastUsed::default(),
            linked_service: None,
        };
        self.put(|state| state.roles.insert(EntityKey::new(account(), name), row));
        format!("arn:aws:iam::123456789012:role/{name}")
    }

    /// The caller of credentials, as the gateway finds it.
    pub fn caller_of(&self, credentials: &cloudlet_api_sts::Credentials) -> Result<Caller, cloudlet_identity::CredentialError> {
        let found = self.identity.credential(&credentials.access_key_id, Some(&credentials.session_token), self.now());
        found.map(|credential| credential.caller)
    }
}

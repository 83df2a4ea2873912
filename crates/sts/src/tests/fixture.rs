//! A cloud with STS alone; users and roles are put into the tables directly.

use crate::{ProviderKeys, service};
use cloudlet_aws::{Account, Caller, Timestamp};
use cloudlet_identity::{LastUsed, Of, StoredPolicy, Tags, state};
use cloudlet_policy::Kind;
use std::ops::Deref;

pub struct TestCloud(cloudlet_testing::TestCloud);

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

pub fn account() -> Account {
    Account::parse("123456789012").unwrap()
}

pub const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A trust policy: who, what, and under which condition.
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
        let builder = cloudlet_testing::TestCloud::builder().account(account()).region("eu-west-1");
        let builder = builder.start(Timestamp::from_secs(1_800_000_000)).seed(7);
        TestCloud(builder.service(move |parts| service(parts.identity.clone(), keys.clone(), &parts.journal)).build())
    }

    pub fn put(&self, change: impl FnOnce(&mut cloudlet_identity::State)) {
        let done: Result<(), ()> = self.identity.write(|state| {
            change(state);
            Ok(())
        });
        done.unwrap();
    }

    pub fn user(&self, name: &str, policy: Option<&str>) -> Caller {
        let mut holds = state::Holdings::default();
        if let Some(text) = policy {
            holds.inline.insert("p".into(), StoredPolicy::parse(text, Kind::Identity).unwrap());
        }
        let row = state::User {
            name: name.into(),
            path: "/".into(),
            id: format!("AIDA{}", name.to_uppercase()).into(),
            created: self.now(),
            tags: Tags::new(),
            boundary: None,
            holds,
            groups: vec![],
            login: None,
            mfa: vec![],
            password_used: None,
        };
        let caller = Caller { unique_id: row.id.clone(), ..cloudlet_testing::user(account(), name) };
        self.put(|state| state.users.insert(Of::new(account(), name), row));
        caller
    }

    pub fn role(&self, name: &str, trust: &str, policy: Option<&str>) -> String {
        let mut holds = state::Holdings::default();
        if let Some(text) = policy {
            holds.inline.insert("p".into(), StoredPolicy::parse(text, Kind::Identity).unwrap());
        }
        let row = state::Role {
            name: name.into(),
            path: "/".into(),
            id: format!("AROA{}", name.to_uppercase()).into(),
            created: self.now(),
            trust: StoredPolicy::parse(trust, Kind::Trust).unwrap(),
            description: None,
            max_session: 3600,
            tags: Tags::new(),
            boundary: None,
            holds,
            used: LastUsed::default(),
            linked_to: None,
        };
        self.put(|state| state.roles.insert(Of::new(account(), name), row));
        format!("arn:aws:iam::123456789012:role/{name}")
    }

    /// The caller of a key, as the gateway looks it up.
    pub fn bearer(&self, credentials: &cloudlet_api_sts::Credentials) -> Result<Caller, cloudlet_identity::Unknown> {
        let found = self.identity.credential(&credentials.access_key_id, Some(&credentials.session_token), self.now());
        found.map(|credential| credential.caller)
    }
}

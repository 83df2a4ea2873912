//! A cloud with STS alone. Users and roles are written to the tables directly.

use crate::{ProviderKeys, service};
use cloudlet_aws::Caller;
use cloudlet_identity::{EntityKey, LastUsed, StoredPolicy, Tags, state};
use cloudlet_policy::Kind;
pub use cloudlet_testing::{ALLOW_ALL, account};
use std::ops::Deref;

pub struct TestCloud(cloudlet_testing::TestCloud);

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

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
        let builder = cloudlet_testing::TestCloud::builder().for_principals().region("eu-west-1");
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
        let caller = Caller { unique_id: row.id.clone(), ..cloudlet_testing::user(account(), name) };
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

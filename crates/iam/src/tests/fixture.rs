//! A cloud with IAM alone.

use cloudlet_aws::{Account, Caller, Fault, Identity as Who, Region, Scope, Timestamp};
use cloudlet_cloud::{Cloud, EntryPoint, Settings};
use cloudlet_engine::{Call, Clock, Ids, Origin, Runtime};
use cloudlet_identity::{Identity, Root, Secret};
use cloudlet_shape::Operation;
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
pub const LAMBDA_TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

impl TestCloud {
    pub fn new() -> TestCloud {
        let root = Root { account: account(), partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
        let identity = Identity::new(root);
        let runtime = Runtime::new(Clock::stopped_at(Timestamp::from_secs(1_800_000_000)), Ids::seeded(7));
        let cloud = Cloud::new(runtime, identity.clone(), vec![crate::service(identity.clone())], Settings::default());
        TestCloud { inner: cloud, identity, root: Caller::root(account(), "aws", Some("test")) }
    }

    pub async fn call<O: Operation>(&self, caller: &Caller, input: O::Input) -> Result<O::Output, Fault> {
        let scope = Scope::new(caller.account.unwrap_or(account()), Region::new("us-east-1"));
        let call = Call::of::<O>(caller.clone(), scope, Origin::default(), input);
        let answer = self.inner.perform(call, "request".into(), EntryPoint::Gateway).await.answer?;
        Ok(*answer.into_any().downcast::<O::Output>().unwrap())
    }

    /// As root, and it must succeed.
    pub async fn does<O: Operation>(&self, input: O::Input) -> O::Output {
        self.call::<O>(&self.root, input).await.unwrap()
    }

    /// As root, and it must fail.
    pub async fn fails<O: Operation>(&self, input: O::Input) -> (String, String) {
        match self.call::<O>(&self.root, input).await {
            Ok(_) => panic!("{} succeeded", O::SCHEMA.name),
            Err(fault) => (fault.code().to_owned(), fault.message().to_owned()),
        }
    }

    pub async fn user(&self, name: &str) -> Caller {
        use cloudlet_api_iam::{CreateUser, CreateUserRequest};
        let user = self.does::<CreateUser>(CreateUserRequest { user_name: name.into(), ..Default::default() }).await.user.unwrap();
        Caller {
            account: Some(account()),
            identity: Who::User { name: name.into() },
            arn: user.arn.as_str().into(),
            unique_id: user.user_id.as_str().into(),
            access_key: None,
        }
    }

    pub async fn role(&self, name: &str, trust: &str) -> cloudlet_api_iam::Role {
        use cloudlet_api_iam::{CreateRole, CreateRoleRequest};
        let input = CreateRoleRequest { role_name: name.into(), assume_role_policy_document: trust.into(), ..Default::default() };
        self.does::<CreateRole>(input).await.role
    }
}

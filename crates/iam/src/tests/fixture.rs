//! A cloud with IAM alone.

use cloudlet_aws::{Account, Caller, Timestamp};
use cloudlet_engine::Service;
use cloudlet_shape::Operation;
use cloudlet_testing::Builder;
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
pub const LAMBDA_TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

/// With IAM in it.
pub fn builder() -> Builder {
    let builder = cloudlet_testing::TestCloud::builder().account(account()).start(Timestamp::from_secs(1_800_000_000)).seed(7);
    builder.service(|parts| crate::service(parts.identity.clone()))
}

impl TestCloud {
    pub fn new() -> TestCloud {
        TestCloud(builder().build())
    }

    pub fn iam(&self) -> &Service {
        self.service("iam").unwrap()
    }

    /// As root, and it must fail: code and message.
    pub async fn fails<O: Operation>(&self, input: O::Input) -> (String, String) {
        let fault = self.expect_fault::<O>(input).await;
        (fault.code().to_owned(), fault.message().to_owned())
    }

    pub async fn user(&self, name: &str) -> Caller {
        use cloudlet_api_iam::{CreateUser, CreateUserRequest};
        let user = self.ok::<CreateUser>(CreateUserRequest { user_name: name.into(), ..Default::default() }).await.user.unwrap();
        Caller { arn: user.arn.as_str().into(), unique_id: user.user_id.as_str().into(), ..cloudlet_testing::user(account(), name) }
    }

    pub async fn role(&self, name: &str, trust: &str) -> cloudlet_api_iam::Role {
        use cloudlet_api_iam::{CreateRole, CreateRoleRequest};
        let input = CreateRoleRequest { role_name: name.into(), assume_role_policy_document: trust.into(), ..Default::default() };
        self.ok::<CreateRole>(input).await.role
    }
}

//! A cloud with IAM alone.

use cloudlet_aws::Caller;
use cloudlet_engine::Service;
use cloudlet_shape::Operation;
use cloudlet_testing::Builder;
pub use cloudlet_testing::{ALLOW_ALL, account};
use std::ops::Deref;

pub struct TestCloud(cloudlet_testing::TestCloud);

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

pub const LAMBDA_TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

/// With IAM in it.
pub fn builder() -> Builder {
    cloudlet_testing::TestCloud::builder().for_principals().service(|parts| crate::service(parts.identity.clone()))
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

    /// The code of a virtual device in a step of thirty seconds.
    pub fn mfa_code(&self, serial_number: &str, step: i64) -> String {
        self.identity.read(|state| state.mfa_devices.get(serial_number).unwrap().code(step).unwrap())
    }

    /// Gives a user a virtual device.
    pub async fn enable_mfa(&self, user: &str) {
        use cloudlet_api_iam::{CreateVirtualMFADevice, CreateVirtualMFADeviceRequest, EnableMFADevice, EnableMFADeviceRequest};
        let input = CreateVirtualMFADeviceRequest { virtual_mfa_device_name: user.into(), ..Default::default() };
        let serial_number = self.ok::<CreateVirtualMFADevice>(input).await.virtual_mfa_device.serial_number;
        let step = self.now().secs() / 30;
        let input = EnableMFADeviceRequest {
            user_name: user.into(),
            authentication_code1: self.mfa_code(&serial_number, step - 1),
            authentication_code2: self.mfa_code(&serial_number, step),
            serial_number,
        };
        self.ok::<EnableMFADevice>(input).await;
    }
}

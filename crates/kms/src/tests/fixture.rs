//! A cloud with KMS and IAM-less users, and short helpers for what its tests do.

use crate::service;
use cloudlet_api_kms::*;
use cloudlet_aws::{Account, Caller, Fault, FaultKind};
use cloudlet_shape::{Blob, Map, Operation};
use cloudlet_testing::{Builder, Request};
pub use cloudlet_testing::{OTHER_ACCOUNT, other_account, user};
use std::ops::Deref;

pub const DAY: u64 = 24 * 60 * 60;

pub struct TestCloud(pub cloudlet_testing::TestCloud);

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

pub fn builder() -> Builder {
    cloudlet_testing::TestCloud::builder().service(|parts| service(&parts.journal))
}

pub fn map(pairs: &[(&str, &str)]) -> Map<String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The fault's name and message.
pub fn said(fault: &Fault) -> (String, String) {
    (fault.name().to_owned(), fault.message().to_owned())
}

pub fn key(id: &str) -> String {
    id.to_owned()
}

impl TestCloud {
    pub fn new() -> TestCloud {
        TestCloud(builder().build())
    }

    pub fn journaled() -> TestCloud {
        TestCloud(builder().journaled().build())
    }

    pub fn owner(&self) -> Account {
        self.account()
    }

    pub async fn create(&self, input: CreateKeyRequest) -> KeyMetadata {
        self.ok::<CreateKey>(input).await.key_metadata.unwrap()
    }

    /// The ARN of a new symmetric key.
    pub async fn symmetric(&self) -> String {
        self.create(CreateKeyRequest::default()).await.arn.unwrap()
    }

    /// The ARN of a new key.
    pub async fn of_spec(&self, spec: &str, usage: &str) -> String {
        let input = CreateKeyRequest { key_spec: Some(spec.into()), key_usage: Some(usage.into()), ..Default::default() };
        self.create(input).await.arn.unwrap()
    }

    pub async fn with_policy(&self, policy: &str) -> String {
        let input = CreateKeyRequest { policy: Some(policy.into()), bypass_policy_lockout_safety_check: Some(true), ..Default::default() };
        self.create(input).await.arn.unwrap()
    }

    pub async fn describe(&self, id: &str) -> KeyMetadata {
        self.ok::<DescribeKey>(DescribeKeyRequest { key_id: id.into(), ..Default::default() }).await.key_metadata.unwrap()
    }

    pub async fn state_of(&self, id: &str) -> String {
        self.describe(id).await.key_state.unwrap()
    }

    pub async fn encrypt(&self, id: &str, text: &str) -> Blob {
        self.try_encrypt(self.root(), id, text, None).await.unwrap()
    }

    pub async fn try_encrypt(&self, caller: Caller, id: &str, text: &str, context: Option<Map<String>>) -> Result<Blob, Fault> {
        let input = EncryptRequest { key_id: id.into(), plaintext: text.to_owned().into(), encryption_context: context, ..Default::default() };
        Ok(self.call_as::<Encrypt>(caller, input).await?.ciphertext_blob.unwrap())
    }

    pub async fn decrypt(&self, blob: &Blob) -> Result<String, Fault> {
        self.try_decrypt(self.root(), blob, None).await
    }

    pub async fn try_decrypt(&self, caller: Caller, blob: &Blob, context: Option<Map<String>>) -> Result<String, Fault> {
        let input = DecryptRequest { ciphertext_blob: Some(blob.clone()), encryption_context: context, ..Default::default() };
        let plaintext = self.call_as::<Decrypt>(caller, input).await?.plaintext.unwrap();
        Ok(String::from_utf8(plaintext.to_vec()).unwrap())
    }

    pub async fn disable(&self, id: &str) {
        self.ok::<DisableKey>(DisableKeyRequest { key_id: id.into() }).await;
    }

    pub async fn enable(&self, id: &str) {
        self.ok::<EnableKey>(EnableKeyRequest { key_id: id.into() }).await;
    }

    pub async fn delete(&self, id: &str, days: i32) -> ScheduleKeyDeletionResponse {
        self.ok::<ScheduleKeyDeletion>(ScheduleKeyDeletionRequest { key_id: id.into(), pending_window_in_days: Some(days) }).await
    }

    pub async fn alias(&self, name: &str, target: &str) {
        self.ok::<CreateAlias>(CreateAliasRequest { alias_name: name.into(), target_key_id: target.into() }).await;
    }

    /// A request of root in another region.
    pub fn in_region(&self, region: &str) -> Request {
        let mut request = self.request(&self.root());
        request.scope.region = cloudlet_aws::Region::new(region);
        request
    }

    pub async fn call_in<O: Operation>(&self, region: &str, input: O::Input) -> Result<O::Output, Fault> {
        self.answer::<O>(self.in_region(region), input).await.map(|answer| answer.output)
    }
}

pub fn assert_fault<T>(answer: Result<T, Fault>, kind: &FaultKind, message: &str) {
    match answer {
        Ok(_) => panic!("it succeeded; expected {}", kind.name),
        Err(fault) => assert_eq!(said(&fault), (kind.name.to_owned(), message.to_owned())),
    }
}

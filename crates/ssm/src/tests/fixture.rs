//! A cloud with Systems Manager and a KMS that marks what it encrypts, and short helpers for what its tests do.

use crate::{Options, service};
use cloudlet_api_kms::{
    Decrypt, DecryptRequest, DecryptResponse, Encrypt, EncryptRequest, EncryptResponse, GenerateDataKey, GenerateDataKeyRequest,
    GenerateDataKeyResponse,
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, NoWorkers, Permission, Permissions, Service};
use cloudlet_shape::{Map, Operation};
use cloudlet_testing::Builder;
pub use cloudlet_testing::{other_account, user};
use parking_lot::Mutex;
use std::{ops::Deref, sync::Arc};

pub const DAY: u64 = 24 * 60 * 60;
const KMS_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/k";

/// Encrypts by writing the key and the context in front of the plaintext.
#[derive(Default)]
pub struct Kms {
    /// What every call answers.
    pub fault: Mutex<Option<(&'static str, &'static str)>>,
}

const DATA_KEY: [u8; 32] = [9; 32];

impl Kms {
    fn check(&self, cx: &Cx, context: Option<Map<String>>) -> Result<String, Fault> {
        assert_eq!(cx.origin.via.last().map(AsRef::as_ref), Some("ssm.amazonaws.com"));
        if let Some((name, message)) = *self.fault.lock() {
            return Err(FaultKind::sender(name, 400).says(message));
        }
        Ok(context.unwrap_or_default().get("PARAMETER_ARN").cloned().unwrap_or_default())
    }
}

fn allowed<O: Operation>() -> Result<Permissions, Fault> {
    Ok(Permission::of::<O>(Arn::parse(KMS_KEY).unwrap()).into())
}

impl Handle<Encrypt> for Kms {
    fn permissions(&self, _: &Cx, _: &EncryptRequest) -> Result<Permissions, Fault> {
        allowed::<Encrypt>()
    }
    async fn handle(&self, cx: &Cx, input: EncryptRequest) -> Result<EncryptResponse, Fault> {
        let context = self.check(cx, input.encryption_context)?;
        let sealed = [format!("{}|{context}|", input.key_id).as_bytes(), &input.plaintext].concat();
        Ok(EncryptResponse { ciphertext_blob: Some(sealed.into()), ..Default::default() })
    }
}

impl Handle<Decrypt> for Kms {
    fn permissions(&self, _: &Cx, _: &DecryptRequest) -> Result<Permissions, Fault> {
        allowed::<Decrypt>()
    }
    async fn handle(&self, cx: &Cx, input: DecryptRequest) -> Result<DecryptResponse, Fault> {
        let context = self.check(cx, input.encryption_context)?;
        let blob = input.ciphertext_blob.unwrap();
        let parts: Vec<&[u8]> = blob.splitn(3, |byte| *byte == b'|').collect();
        assert_eq!(parts[1], context.as_bytes(), "the context of the encryption");
        Ok(DecryptResponse { plaintext: Some(parts[2].to_vec().into()), ..Default::default() })
    }
}

impl Handle<GenerateDataKey> for Kms {
    fn permissions(&self, _: &Cx, _: &GenerateDataKeyRequest) -> Result<Permissions, Fault> {
        allowed::<GenerateDataKey>()
    }
    async fn handle(&self, cx: &Cx, input: GenerateDataKeyRequest) -> Result<GenerateDataKeyResponse, Fault> {
        let context = self.check(cx, input.encryption_context)?;
        let sealed = [format!("{}|{context}|", input.key_id).as_bytes(), &DATA_KEY].concat();
        let plaintext = Some(DATA_KEY.to_vec().into());
        Ok(GenerateDataKeyResponse { ciphertext_blob: Some(sealed.into()), plaintext, key_id: Some(KMS_KEY.into()), ..Default::default() })
    }
}

pub struct TestCloud {
    pub cloud: cloudlet_testing::TestCloud,
    pub kms: Arc<Kms>,
}

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud;

    fn deref(&self) -> &Self::Target {
        &self.cloud
    }
}

pub fn builder(kms: &Arc<Kms>) -> Builder {
    let kms = kms.clone();
    cloudlet_testing::TestCloud::builder().service(|parts| service(&parts.journal, Arc::new(NoWorkers), Options::default())).service(move |_| {
        Service::of(&cloudlet_api_kms::SERVICE, kms.clone()).handles::<Encrypt>().handles::<Decrypt>().handles::<GenerateDataKey>().build()
    })
}

/// The fault's name and message.
pub fn said(fault: &Fault) -> (String, String) {
    (fault.name().to_owned(), fault.message().to_owned())
}

/// A new String.
pub fn string(name: &str, value: &str) -> PutParameterRequest {
    PutParameterRequest { name: name.into(), value: value.into(), r#type: Some("String".into()), ..Default::default() }
}

/// A new SecureString.
pub fn secure(name: &str, value: &str) -> PutParameterRequest {
    PutParameterRequest { r#type: Some("SecureString".into()), ..string(name, value) }
}

/// A new value of one that exists.
pub fn overwrite(name: &str, value: &str) -> PutParameterRequest {
    PutParameterRequest { name: name.into(), value: value.into(), overwrite: Some(true), ..Default::default() }
}

pub fn advanced(input: PutParameterRequest) -> PutParameterRequest {
    PutParameterRequest { tier: Some("Advanced".into()), ..input }
}

pub fn with_policies(input: PutParameterRequest, policies: &str) -> PutParameterRequest {
    PutParameterRequest { policies: Some(policies.into()), ..advanced(input) }
}

pub fn filter(key: &str, option: Option<&str>, values: &[&str]) -> ParameterStringFilter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    ParameterStringFilter { key: key.into(), option: option.map(Into::into), values: Some(values) }
}

pub fn by_path(path: &str) -> GetParametersByPathRequest {
    GetParametersByPathRequest { path: path.into(), ..Default::default() }
}

pub fn recursively(path: &str) -> GetParametersByPathRequest {
    GetParametersByPathRequest { recursive: Some(true), ..by_path(path) }
}

pub fn names(parameters: Option<Vec<Parameter>>) -> Vec<String> {
    parameters.unwrap().into_iter().map(|parameter| parameter.name.unwrap()).collect()
}

impl TestCloud {
    pub fn new() -> TestCloud {
        let kms = Arc::new(Kms::default());
        TestCloud { cloud: builder(&kms).build(), kms }
    }

    pub fn journaled() -> TestCloud {
        let kms = Arc::new(Kms::default());
        TestCloud { cloud: builder(&kms).journaled().build(), kms }
    }

    pub async fn put(&self, input: PutParameterRequest) -> PutParameterResult {
        self.ok::<PutParameter>(input).await
    }

    pub async fn put_fault(&self, input: PutParameterRequest) -> (String, String) {
        said(&self.expect_fault::<PutParameter>(input).await)
    }

    pub async fn get(&self, name: &str) -> Parameter {
        self.ok::<GetParameter>(GetParameterRequest { name: name.into(), with_decryption: Some(true) }).await.parameter.unwrap()
    }

    pub async fn value(&self, name: &str) -> String {
        self.get(name).await.value.unwrap()
    }

    pub async fn get_fault(&self, name: &str) -> (String, String) {
        said(&self.expect_fault::<GetParameter>(GetParameterRequest { name: name.into(), with_decryption: None }).await)
    }

    pub async fn history(&self, name: &str) -> Vec<ParameterHistory> {
        let input = GetParameterHistoryRequest { name: name.into(), ..Default::default() };
        let mut all = vec![];
        let mut token = None;
        loop {
            let page = self.ok::<GetParameterHistory>(GetParameterHistoryRequest { next_token: token, ..input.clone() }).await;
            all.extend(page.parameters.unwrap());
            token = page.next_token;
            if token.is_none() {
                return all;
            }
        }
    }

    pub async fn label(&self, name: &str, version: i64, labels: &[&str]) -> Result<LabelParameterVersionResult, Fault> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.call::<LabelParameterVersion>(LabelParameterVersionRequest { name: name.into(), parameter_version: Some(version), labels }).await
    }

    /// All pages.
    pub async fn all_by_path(&self, input: GetParametersByPathRequest) -> Vec<String> {
        let mut all = vec![];
        let mut token = None;
        loop {
            let page = self.ok::<GetParametersByPath>(GetParametersByPathRequest { next_token: token, ..input.clone() }).await;
            all.extend(names(page.parameters));
            token = page.next_token;
            if token.is_none() {
                return all;
            }
        }
    }

    pub async fn described(&self, filters: Vec<ParameterStringFilter>) -> Result<Vec<String>, Fault> {
        let input = DescribeParametersRequest { parameter_filters: Some(filters), max_results: Some(50), ..Default::default() };
        let parameters = self.call::<DescribeParameters>(input).await?.parameters.unwrap();
        Ok(parameters.into_iter().map(|parameter| parameter.name.unwrap()).collect())
    }
}

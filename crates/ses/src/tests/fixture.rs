//! A cloud with SES, and short helpers for what its tests do.

use crate::{Options, services};
use cloudlet_api_kms::{GenerateDataKey, GenerateDataKeyRequest, GenerateDataKeyResponse};
use cloudlet_api_lambda::{InvocationRequest, InvocationResponse, Invoke};
use cloudlet_api_s3::{GetObject, GetObjectOutput, GetObjectRequest, PutObject, PutObjectOutput, PutObjectRequest};
use cloudlet_api_ses::*;
use cloudlet_api_sns::{GetTopicAttributes, GetTopicAttributesInput, GetTopicAttributesResponse, Publish, PublishInput, PublishResponse};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, MailRelay, Permission, Permissions, Service};
use cloudlet_mailbox::{Mail, MailFilter};
use cloudlet_shape::BodyContent;
use cloudlet_testing::Builder;
pub use cloudlet_testing::{TestCloud, other_account, user};
use std::sync::Arc;

pub const DAY: u64 = 24 * 60 * 60;

pub fn builder(options: Options) -> Builder {
    builder_with_dns(options).0
}

/// Where the DNS of the newest cloud is.
pub type DnsOf = Arc<std::sync::Mutex<Option<Arc<cloudlet_dns::Dns>>>>;

pub fn builder_with_dns(options: Options) -> (Builder, DnsOf) {
    builder_with(options, None)
}

pub fn builder_with(options: Options, relay: Option<Arc<dyn MailRelay>>) -> (Builder, DnsOf) {
    let dns = DnsOf::default();
    let shown = dns.clone();
    // Both services are made together: they have one store.
    let second: Arc<std::sync::Mutex<Option<Service>>> = Arc::default();
    let made = second.clone();
    let first = move |parts: &cloudlet_testing::Parts| {
        let dns = Arc::new(cloudlet_dns::Dns::new(&parts.journal, vec![]));
        *shown.lock().unwrap() = Some(dns.clone());
        let [v1, v2] = services(&parts.journal, parts.mailbox.clone(), parts.blobs.clone(), dns, relay.clone(), options);
        *made.lock().unwrap() = Some(v2);
        v1
    };
    (TestCloud::builder().service(first).service(move |_| second.lock().unwrap().take().unwrap()), dns)
}

/// A stand-in for SNS, which remembers what it is told to publish.
#[derive(Default)]
pub struct Topics(std::sync::Mutex<Vec<PublishInput>>);

impl Topics {
    /// The messages that are JSON, in their order; each is given once.
    pub fn take(&self) -> Vec<serde_json::Value> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap());
        taken.iter().filter_map(|published| serde_json::from_str(&published.message).ok()).collect()
    }
}

impl Handle<Publish> for Topics {
    fn permissions(&self, _: &Cx, _: &PublishInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: PublishInput) -> Result<PublishResponse, Fault> {
        self.0.lock().unwrap().push(input);
        Ok(PublishResponse::default())
    }
}

impl Handle<GetTopicAttributes> for Topics {
    fn permissions(&self, _: &Cx, _: &GetTopicAttributesInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, _: GetTopicAttributesInput) -> Result<GetTopicAttributesResponse, Fault> {
        Ok(GetTopicAttributesResponse::default())
    }
}

/// A stand-in for S3: the objects by their keys. The bucket `closed` lets nobody write.
#[derive(Default)]
pub struct Objects(std::sync::Mutex<std::collections::BTreeMap<String, String>>, std::sync::Mutex<Option<cloudlet_shape::Map<String>>>);

impl Objects {
    pub fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    pub fn put(&self, key: &str, text: &str) {
        self.0.lock().unwrap().insert(key.to_owned(), text.to_owned());
    }

    /// The metadata of the newest object.
    pub fn metadata(&self) -> Option<cloudlet_shape::Map<String>> {
        self.1.lock().unwrap().clone()
    }

    pub fn get(&self, key: &str) -> String {
        self.0.lock().unwrap().get(key).cloned().unwrap_or_default()
    }
}

impl Handle<PutObject> for Objects {
    fn permissions(&self, _: &Cx, _: &PutObjectRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: PutObjectRequest) -> Result<PutObjectOutput, Fault> {
        if input.bucket == "closed" {
            return Err(cloudlet_aws::FaultKind::sender("AccessDenied", 403).says("no"));
        }
        let body = match input.body.unwrap_or_default().take() {
            // What is no text stays whole, a letter for each byte.
            BodyContent::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect()),
            BodyContent::Stream(_) => panic!("a stream"),
        };
        self.0.lock().unwrap().insert(format!("{}/{}", input.bucket, input.key), body);
        *self.1.lock().unwrap() = input.metadata;
        Ok(PutObjectOutput::default())
    }
}

impl Handle<GetObject> for Objects {
    fn permissions(&self, _: &Cx, _: &GetObjectRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: GetObjectRequest) -> Result<GetObjectOutput, Fault> {
        let found = self.0.lock().unwrap().get(&format!("{}/{}", input.bucket, input.key)).cloned();
        let text = found.ok_or_else(|| cloudlet_aws::FaultKind::sender("NoSuchKey", 404).says("The specified key does not exist."))?;
        Ok(GetObjectOutput { body: Some(cloudlet_shape::Body::whole(text.into_bytes())), ..Default::default() })
    }
}

/// A stand-in for KMS, whose data keys are all alike. The key `closed` is nobody's to use.
pub struct Keys;

impl Handle<GenerateDataKey> for Keys {
    fn permissions(&self, _: &Cx, _: &GenerateDataKeyRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: GenerateDataKeyRequest) -> Result<GenerateDataKeyResponse, Fault> {
        if input.key_id.ends_with("closed") {
            return Err(cloudlet_aws::FaultKind::sender("AccessDeniedException", 400).says("no"));
        }
        let (plaintext, ciphertext_blob) = (Some(vec![7; 32].into()), Some(b"sealed".to_vec().into()));
        Ok(GenerateDataKeyResponse { plaintext, ciphertext_blob, ..Default::default() })
    }
}

/// A stand-in for Lambda: the function `stop` stops the rule set.
pub struct Functions;

impl Handle<Invoke> for Functions {
    fn permissions(&self, _: &Cx, _: &InvocationRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: InvocationRequest) -> Result<InvocationResponse, Fault> {
        if input.function_name.ends_with(":missing") {
            return Err(cloudlet_aws::FaultKind::sender("ResourceNotFoundException", 404).says("no"));
        }
        let disposition = if input.function_name.ends_with(":stop") { "STOP_RULE_SET" } else { "CONTINUE" };
        let payload = serde_json::json!({ "disposition": disposition }).to_string().into_bytes();
        Ok(InvocationResponse { payload: Some(payload.into()), ..Default::default() })
    }
}

pub const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:topic";

/// With topics.
pub fn with_topics(options: Options) -> (Builder, Arc<Topics>) {
    let topics = Arc::<Topics>::default();
    let given = topics.clone();
    let sns = move |_: &cloudlet_testing::Parts| {
        Service::of(&cloudlet_api_sns::SERVICE, given.clone()).handles::<Publish>().handles::<GetTopicAttributes>().build()
    };
    (builder(options).service(sns), topics)
}

/// With topics, objects and functions, and with the DNS of the newest cloud.
pub fn with_targets(options: Options) -> (Builder, Arc<Topics>, Arc<Objects>, DnsOf) {
    let (builder, dns) = builder_with_dns(options);
    let (topics, objects) = (Arc::<Topics>::default(), Arc::<Objects>::default());
    let (given, stored) = (topics.clone(), objects.clone());
    let builder = builder
        .service(move |_| Service::of(&cloudlet_api_sns::SERVICE, given.clone()).handles::<Publish>().handles::<GetTopicAttributes>().build())
        .service(move |_| Service::of(&cloudlet_api_s3::SERVICE, stored.clone()).handles::<PutObject>().handles::<GetObject>().build())
        .service(|_| Service::of(&cloudlet_api_kms::SERVICE, Arc::new(Keys)).handles::<GenerateDataKey>().build())
        .service(|_| Service::of(&cloudlet_api_lambda::SERVICE, Arc::new(Functions)).handles::<Invoke>().build());
    (builder, topics, objects, dns)
}

/// Outside of the sandbox, where every identity is verified.
pub const FREE: Options = Options { sandbox: crate::Sandbox::Off, auto_verify: crate::AutoVerify::All, review_seconds: 0, daily: 50_000, rate: 14 };

pub fn cloud() -> TestCloud {
    builder(Options::default()).build()
}

pub fn newest_mail(cloud: &TestCloud) -> Arc<Mail> {
    cloud.mailbox.list(&MailFilter::default(), 1).remove(0).1
}

/// The token of the newest mail's link.
pub fn token(cloud: &TestCloud) -> String {
    let mail = newest_mail(cloud);
    let (_, rest) = mail.body.split_once("/_cloudlet/mail-links/").expect("a link");
    rest.split_whitespace().next().unwrap().to_owned()
}

pub async fn verified(cloud: &TestCloud, address: &str) {
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: address.into() }).await;
    let token = token(cloud);
    cloud.ok::<crate::links::VisitLink>(crate::links::VisitLinkRequest { token, ..Default::default() }).await;
}

pub fn mail(from: &str, to: &[&str]) -> SendEmailRequest {
    let content = |data: &str| Content { data: data.into(), charset: None };
    SendEmailRequest {
        source: from.into(),
        destination: Destination { to_addresses: Some(to.iter().map(|to| (*to).to_owned()).collect()), ..Destination::default() },
        message: Message { subject: content("Grüße"), body: Body { text: Some(content("hello")), html: Some(content("<b>hello</b>")) } },
        ..SendEmailRequest::default()
    }
}

pub async fn send(cloud: &TestCloud, from: &str, to: &[&str]) -> Result<String, Fault> {
    cloud.call::<SendEmail>(mail(from, to)).await.map(|sent| sent.message_id)
}

pub fn error(fault: &Fault) -> (String, String) {
    (fault.code().to_owned(), fault.message().to_owned())
}

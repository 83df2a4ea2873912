//! With a KMS of one key, which can be disabled.

use super::fixture::{TestCloud, bodies, builder, message, receive};
use cloudlet_api_kms::{Decrypt, DecryptRequest, DecryptResponse, GenerateDataKey, GenerateDataKeyRequest, GenerateDataKeyResponse, SERVICE};
use cloudlet_api_sqs::*;
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/k";

#[derive(Default)]
struct Kms {
    disabled: AtomicBool,
}

impl Kms {
    fn check(&self, cx: &Cx) -> Result<(), Fault> {
        assert_eq!(cx.origin.via.first().map(AsRef::as_ref), Some("sqs.amazonaws.com"));
        let disabled = self.disabled.load(Ordering::Relaxed);
        if disabled { Err(FaultKind::sender("DisabledException", 400).says(format!("{KEY} is disabled."))) } else { Ok(()) }
    }
}

impl Handle<GenerateDataKey> for Kms {
    fn permissions(&self, _: &Cx, _: &GenerateDataKeyRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<GenerateDataKey>(Arn::parse(KEY).unwrap()).into())
    }
    async fn handle(&self, cx: &Cx, input: GenerateDataKeyRequest) -> Result<GenerateDataKeyResponse, Fault> {
        self.check(cx)?;
        assert_eq!(input.encryption_context.unwrap()["aws:sqs:arn"], "arn:aws:sqs:us-east-1:000000000000:q");
        Ok(GenerateDataKeyResponse { ciphertext_blob: Some("sealed".into()), ..Default::default() })
    }
}

impl Handle<Decrypt> for Kms {
    fn permissions(&self, _: &Cx, _: &DecryptRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<Decrypt>(Arn::parse(KEY).unwrap()).into())
    }
    async fn handle(&self, cx: &Cx, input: DecryptRequest) -> Result<DecryptResponse, Fault> {
        self.check(cx)?;
        assert_eq!(input.ciphertext_blob.as_deref(), Some(&b"sealed"[..]));
        Ok(DecryptResponse::default())
    }
}

#[tokio::test]
async fn a_disabled_key_stops_sending_and_receiving() {
    let kms = Arc::new(Kms::default());
    let fake = kms.clone();
    let cloud =
        TestCloud::of(builder().service(move |_| Service::of(&SERVICE, fake.clone()).handles::<GenerateDataKey>().handles::<Decrypt>().build()));
    let url = cloud.create("q", &[("KmsMasterKeyId", KEY)]).await;
    cloud.send(&url, "m").await;
    kms.disabled.store(true, Ordering::Relaxed);
    let fault = cloud.call::<SendMessage>(message(&url, "n")).await.unwrap_err();
    assert_eq!((fault.name(), fault.code()), ("KmsDisabled", "KMS.DisabledException"));
    let fault = cloud.call::<ReceiveMessage>(receive(&url)).await.unwrap_err();
    assert_eq!(fault.name(), "KmsDisabled");
    kms.disabled.store(false, Ordering::Relaxed);
    let input = ReceiveMessageRequest { attribute_names: Some(vec!["ApproximateReceiveCount".into()]), ..receive(&url) };
    let seen = cloud.receive_with(input).await;
    assert_eq!(bodies(&seen), ["m"]);
    assert_eq!(seen[0].attributes.as_ref().unwrap()["ApproximateReceiveCount"], "1", "the failed receive is not counted");
}

#[tokio::test]
async fn without_kms_a_queue_with_a_key_works() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("KmsMasterKeyId", "alias/aws/sqs")]).await;
    cloud.send(&url, "m").await;
    assert_eq!(cloud.receive(&url).await.len(), 1);
}

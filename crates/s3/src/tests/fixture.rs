//! A house with S3 alone, and short words for what tests do with it.

use crate::{S3, api::*};
use bytes::Bytes;
use cloudlet_aws::{Account, Caller, Fault, Region, Scope, Timestamp};
use cloudlet_cloud::{Cloud, EntryPoint, Settings};
use cloudlet_engine::{Call, Clock, Ids, Origin, Runtime};
use cloudlet_identity::{Identity, Root, Secret};
use cloudlet_shape::{Body, BodyContent, BodyError, Operation};
use cloudlet_store::{Blobs, Journal};
use futures_util::{StreamExt, stream};
use std::{sync::Arc, time::Duration};

pub const START: Timestamp = Timestamp(1_764_000_000_500);
pub const BUCKET: &str = "test-bucket";

pub struct TestCloud {
    pub inner: Arc<Cloud>,
    pub s3: Arc<S3>,
}

/// An answer, with what it says beyond its output.
pub struct Answered<T> {
    pub output: T,
    pub status: Option<u16>,
}

impl TestCloud {
    pub fn new() -> TestCloud {
        TestCloud::with(&Journal::off(), Blobs::memory())
    }

    pub fn with(journal: &Journal, blobs: Blobs) -> TestCloud {
        let root = Root { account: Account::default(), partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
        let s3 = S3::new(journal, blobs);
        let runtime = Runtime::new(Clock::stopped_at(START), Ids::seeded(1));
        TestCloud { inner: Cloud::new(runtime, Identity::new(root), vec![s3.service()], Settings::default()), s3 }
    }

    /// With a bucket in it.
    pub async fn with_bucket() -> TestCloud {
        let cloud = TestCloud::new();
        cloud.create(BUCKET).await;
        cloud
    }

    pub fn pass(&self, seconds: u64) {
        self.inner.runtime.clock.advance(Duration::from_secs(seconds));
    }

    pub async fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        self.answered::<O>(input).await.map(|answered| answered.output)
    }

    pub async fn answered<O: Operation>(&self, input: O::Input) -> Result<Answered<O::Output>, Fault> {
        self.as_caller::<O>(root(Account::default()), "us-east-1", input).await
    }

    pub async fn as_caller<O: Operation>(&self, caller: Caller, region: &str, input: O::Input) -> Result<Answered<O::Output>, Fault> {
        let scope = Scope::new(caller.account.unwrap_or_default(), Region::new(region));
        let call = Call::of::<O>(caller, scope, Origin::default(), input);
        let performed = self.inner.perform(call, "REQUEST".into(), EntryPoint::Gateway).await;
        let output = performed.answer?.into_any().downcast::<O::Output>().unwrap();
        Ok(Answered { output: *output, status: performed.status })
    }

    pub async fn create(&self, bucket: &str) {
        self.call::<CreateBucket>(CreateBucketRequest { bucket: bucket.into(), ..Default::default() }).await.unwrap();
    }

    pub async fn put(&self, key: &str, body: &str) -> PutObjectOutput {
        self.call::<PutObject>(put(key, body)).await.unwrap()
    }

    pub async fn get(&self, key: &str) -> Result<GetObjectOutput, Fault> {
        self.call::<GetObject>(get(key)).await
    }

    /// The bytes of an object.
    pub async fn text(&self, key: &str) -> String {
        text(self.get(key).await.unwrap().body).await
    }

    pub async fn head(&self, key: &str) -> HeadObjectOutput {
        self.call::<HeadObject>(head(key)).await.unwrap()
    }

    pub async fn delete(&self, key: &str) {
        self.call::<DeleteObject>(DeleteObjectRequest { bucket: BUCKET.into(), key: key.into(), ..Default::default() }).await.unwrap();
    }

    pub async fn keys(&self) -> Vec<String> {
        let listed = self.call::<ListObjectsV2>(ListObjectsV2Request { bucket: BUCKET.into(), ..Default::default() }).await.unwrap();
        listed.contents.into_iter().flatten().filter_map(|object| object.key).collect()
    }

    /// How many bodies are kept apart from rows.
    pub fn bodies(&self) -> usize {
        self.s3.blob_ids().len()
    }
}

pub fn root(account: Account) -> Caller {
    Caller::root(account, "aws", None)
}

pub fn account(id: &str) -> Account {
    Account::parse(id).unwrap()
}

pub fn put(key: &str, body: &str) -> PutObjectRequest {
    PutObjectRequest { bucket: BUCKET.into(), key: key.into(), body: Some(Body::whole(body.as_bytes().to_vec())), ..Default::default() }
}

pub fn get(key: &str) -> GetObjectRequest {
    GetObjectRequest { bucket: BUCKET.into(), key: key.into(), ..Default::default() }
}

pub fn head(key: &str) -> HeadObjectRequest {
    HeadObjectRequest { bucket: BUCKET.into(), key: key.into(), ..Default::default() }
}

pub fn copy(from: &str, to: &str) -> CopyObjectRequest {
    CopyObjectRequest { bucket: BUCKET.into(), key: to.into(), copy_source: format!("{BUCKET}/{from}"), ..Default::default() }
}

/// A body that comes in pieces, some of which may be the end of it.
pub fn flowing(pieces: Vec<Result<&'static [u8], BodyError>>, length: Option<u64>) -> Body {
    Body::stream(Box::pin(stream::iter(pieces).map(|piece| piece.map(Bytes::from_static))), length)
}

pub async fn bytes(body: Option<Body>) -> Vec<u8> {
    match body.unwrap_or_default().take() {
        BodyContent::Whole(bytes) => bytes.to_vec(),
        BodyContent::Stream(mut stream) => {
            let mut whole = Vec::new();
            while let Some(piece) = stream.next().await {
                whole.extend_from_slice(&piece.unwrap());
            }
            whole
        }
    }
}

pub async fn text(body: Option<Body>) -> String {
    String::from_utf8(bytes(body).await).unwrap()
}

/// Code, status and message.
pub fn refusal<T>(outcome: Result<T, Fault>) -> (String, u16, String) {
    match outcome {
        Ok(_) => panic!("nothing was refused"),
        Err(fault) => (fault.code().to_owned(), fault.status(), fault.message().to_owned()),
    }
}

/// The code, and one further member.
pub fn refused_with<T>(outcome: Result<T, Fault>, member: &str) -> (String, String) {
    match outcome {
        Ok(_) => panic!("nothing was refused"),
        Err(fault) => {
            let value = fault.members().iter().find(|(name, _)| *name == member).map(|(_, value)| value.clone());
            (fault.code().to_owned(), value.unwrap_or_default())
        }
    }
}

pub fn code<T>(outcome: Result<T, Fault>) -> String {
    refusal(outcome).0
}

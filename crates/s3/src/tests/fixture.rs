//! A cloud with S3 alone, and short helpers for what its tests do.

use crate::{Options, S3, api::*};
use bytes::Bytes;
use cloudlet_aws::{Account, Caller, Fault, Region, Timestamp};
use cloudlet_shape::{Body, BodyContent, BodyError, Operation};
use cloudlet_store::known_bodies;
use cloudlet_testing::Answer;
use futures_util::{StreamExt, stream};
use std::{ops::Deref, path::Path, sync::Arc};

pub const START: Timestamp = Timestamp(1_764_000_000_500);
pub const BUCKET: &str = "test-bucket";

pub fn builder() -> cloudlet_testing::Builder<Arc<S3>> {
    cloudlet_testing::TestCloud::builder().start(START).engine(|parts| {
        let s3 = S3::new(
            &parts.journal,
            parts.blobs.clone(),
            parts.identity.clone(),
            cloudlet_s3_access::AccessSettings::new(&parts.journal),
            Options::default(),
        );
        (s3.clone(), s3.service())
    })
}

/// The engine of a cloud without buckets.
pub fn engine() -> Arc<S3> {
    TestCloud::new().engine.clone()
}

pub struct TestCloud(cloudlet_testing::TestCloud<Arc<S3>>);

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud<Arc<S3>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<cloudlet_testing::TestCloud<Arc<S3>>> for TestCloud {
    fn from(cloud: cloudlet_testing::TestCloud<Arc<S3>>) -> TestCloud {
        TestCloud(cloud)
    }
}

impl TestCloud {
    pub fn of(builder: cloudlet_testing::Builder<Arc<S3>>) -> TestCloud {
        TestCloud(builder.build())
    }

    pub fn new() -> TestCloud {
        TestCloud(builder().journaled().build())
    }

    /// With a data folder.
    pub fn in_folder(folder: &Path) -> TestCloud {
        TestCloud(builder().in_folder(folder).build())
    }

    pub fn reopen(self) -> TestCloud {
        TestCloud(self.0.reopen())
    }

    /// With a bucket in it.
    pub async fn with_bucket() -> TestCloud {
        let cloud = TestCloud::new();
        cloud.create(BUCKET).await;
        cloud
    }

    pub async fn answered<O: Operation>(&self, input: O::Input) -> Result<Answer<O::Output>, Fault> {
        self.answer::<O>(self.request(&root(Account::default())), input).await
    }

    pub async fn as_caller<O: Operation>(&self, caller: Caller, region: &str, input: O::Input) -> Result<Answer<O::Output>, Fault> {
        let mut request = self.request(&caller);
        request.scope.region = Region::new(region);
        self.answer::<O>(request, input).await
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
        known_bodies(|| self.state()).1.len()
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

//! The few operations of S3 that an agent needs, by hand: S3 speaks in paths and XML.

use crate::service::{Request, Service};
use bytes::Bytes;
use cloudlet_api_s3::{
    GetBucketEncryption, GetBucketEncryptionOutput, GetBucketEncryptionRequest, GetObject, GetObjectOutput, GetObjectRequest, ListObjectsV2,
    ListObjectsV2Output, ListObjectsV2Request, Object, PutObject, PutObjectOutput, PutObjectRequest,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Input, Output};
use cloudlet_shape::{Body, BodyContent, Operation, OperationSchema};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

fn path(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", utf8_percent_encode(key, PATH))
}

fn is<O: Operation>(operation: &OperationSchema) -> bool {
    std::ptr::eq(O::SCHEMA, operation)
}

fn request<'r>(method: &'static str, path: &'r str, query: &'r str, body: Bytes) -> Request<'r> {
    Request { service: "s3", method, path, query, headers: vec![], body }
}

/// What an agent writes is whole.
fn whole(body: Option<Body>) -> Bytes {
    match body.map(|body| body.take()) {
        Some(BodyContent::Whole(bytes)) => bytes,
        _ => Bytes::new(),
    }
}

/// The keys of a list.
fn keys(text: &str) -> Result<Vec<Object>, Fault> {
    let document = roxmltree::Document::parse(text).map_err(Fault::internal)?;
    let contents = document.descendants().filter(|node| node.tag_name().name() == "Key");
    Ok(contents.map(|node| Object { key: node.text().map(str::to_owned), ..Object::default() }).collect())
}

impl Service {
    /// `None`: it is no operation of S3's that is called.
    pub async fn object_call(&self, operation: &OperationSchema, input: &Input) -> Option<Result<Output, Fault>> {
        let any = input.as_any();
        if is::<GetObject>(operation) {
            let input = any.downcast_ref::<GetObjectRequest>()?;
            let path = path(&input.bucket, &input.key);
            let got = self.send(request("GET", &path, "", Bytes::new())).await;
            return Some(got.map(|response| Box::new(GetObjectOutput { body: Some(Body::whole(response.body)), ..Default::default() }) as Output));
        }
        if is::<PutObject>(operation) {
            let input = any.downcast_ref::<PutObjectRequest>()?;
            let path = path(&input.bucket, &input.key);
            let put = self.send(request("PUT", &path, "", whole(input.body.clone()))).await;
            return Some(put.map(|_| Box::new(PutObjectOutput::default()) as Output));
        }
        if is::<ListObjectsV2>(operation) {
            let input = any.downcast_ref::<ListObjectsV2Request>()?;
            let prefix = utf8_percent_encode(input.prefix.as_deref().unwrap_or_default(), COMPONENT);
            let query = format!("list-type=2&max-keys={}&prefix={prefix}", input.max_keys.unwrap_or(1_000));
            let listed = self.send(request("GET", &path(&input.bucket, ""), &query, Bytes::new())).await;
            let listed = listed.and_then(|response| keys(&String::from_utf8_lossy(&response.body)));
            return Some(listed.map(|keys| Box::new(ListObjectsV2Output { contents: Some(keys), ..Default::default() }) as Output));
        }
        if is::<GetBucketEncryption>(operation) {
            let input = any.downcast_ref::<GetBucketEncryptionRequest>()?;
            let got = self.send(request("GET", &path(&input.bucket, ""), "encryption=", Bytes::new())).await;
            return Some(got.map(|_| Box::new(GetBucketEncryptionOutput::default()) as Output));
        }
        None
    }
}

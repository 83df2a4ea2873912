//! Where a call came from: what condition keys and returned URLs need to know of the request.

use cloudlet_aws::Region;
use cloudlet_policy::Policy;
use cloudlet_shape::Protocol;
use std::{net::IpAddr, sync::Arc};

/// The request behind a call. Internal calls have none: `Origin::default()`.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub source_ip: Option<IpAddr>,
    /// `http://localhost:4566`: the address the client used, for URLs it is given back.
    pub endpoint: Option<Arc<str>>,
    pub secure: bool,
    /// What the connection is encrypted with.
    pub tls: Option<TlsSession>,
    pub user_agent: Option<Arc<str>>,
    pub referer: Option<Arc<str>>,
    pub signed: Option<Signed>,
    /// The service that makes the call on its caller's behalf (`s3.amazonaws.com`), innermost last: `aws:CalledVia`.
    pub via: Vec<Arc<str>>,
    /// How the call came over the wire, for the few answers that depend on it.
    pub protocol: Option<Protocol>,
    /// The path of the request's URL where it is not `/` and says more than which operation is meant: SQS's query form is posted to a queue.
    pub path: Option<Arc<str>>,
    /// S3's second id of the request: `x-amz-id-2`.
    pub host_id: Option<Arc<str>>,
    /// The trace the call belongs to: `X-Amzn-Trace-Id`.
    pub trace: Option<Arc<str>>,
    /// Required members the client left out (`queueUrl`, `entries.1.member.id`), for services that check their inputs themselves.
    pub missing: Vec<String>,
    /// The id of the VPC endpoint that the request came through, as its sender says it.
    pub endpoint_id: Option<Arc<str>>,
    /// The same endpoint, once it is found.
    pub vpc_endpoint: Option<Arc<ThroughEndpoint>>,
    /// The caller reads nothing of the output: a service may leave out what it costs to make.
    pub output_ignored: bool,
}

/// A VPC endpoint through which a request came, for its policy and for `aws:SourceVpce`.
#[derive(Clone, Debug)]
pub struct ThroughEndpoint {
    pub id: Arc<str>,
    pub vpc: Arc<str>,
    /// Without one everything may pass.
    pub policy: Option<Policy>,
}

/// Who knows the VPC endpoints.
pub trait VpcEndpoints: Send + Sync {
    /// The endpoint of a service (`s3`) in a region.
    fn find(&self, region: &Region, id: &str, service: &str) -> Option<ThroughEndpoint>;
}

/// The version and the cipher suite of a connection, as AWS's logs name them: `TLSv1.3`, `TLS_AES_128_GCM_SHA256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsSession {
    pub version: &'static str,
    pub cipher_suite: &'static str,
}

/// How a request was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    pub kind: SignatureKind,
    /// `AWS4-HMAC-SHA256`, `AWS4-ECDSA-P256-SHA256`, `AWS`.
    pub version: &'static str,
    /// How long ago it was signed, in milliseconds.
    pub age: i64,
    /// What the signature covers in place of the body's hash: `UNSIGNED-PAYLOAD`, `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`.
    pub payload: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    Header,
    /// A presigned URL.
    Query,
    /// A form with a policy.
    Post,
}

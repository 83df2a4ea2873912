//! How services differ in what the pipeline answers (codes and messages) and takes (ids, anonymous callers, signatures).
//! A protocol gives the usual values (`Dialect::of`); a service names those in which it differs.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html> and requirements recorded from AWS.

use cloudlet_aws::{Fault, FaultKind};
use cloudlet_shape::{OperationSchema, Protocol};

/// How a denial is worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// `User: … is not authorized to perform: sqs:SendMessage on resource: arn:… because …`
    Named,
    /// SQS: the same, with the action in lower case.
    Small,
    /// S3: the resource is in quotes, and an anonymous caller gets `Access Denied`.
    Quoted,
    /// EC2: `You are not authorized to perform this operation. User: … Encoded authorization failure message: …`
    Encoded,
}

/// What a validation error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// `Value 'x' at 'name' …`
    Values,
    /// `Value at 'name' …`
    Names,
    /// `Value at 'name' failed to satisfy constraint: Member must satisfy enum value set: [A, B]`
    Sets,
}

/// Whether a signature's scope must name a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeRegion {
    Named,
    /// The service is one for all regions, and clients that know none reach it: an empty name is the server's own region.
    /// AWS refuses them; ceph/s3-tests signs so for IAM and STS.
    MayBeEmpty,
}

/// Where an input is validated against its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// In the gateway, under this code.
    Whole(FaultKind),
    /// In the gateway, under this code or, where an operation's model has `ValidationException` and not this one, under that (CloudWatch Logs).
    Modelled(FaultKind),
    /// In the gateway, but for required members that are missing (`Origin::missing`), about which the service has messages of its own (SNS).
    Present(FaultKind),
    /// In the service, with messages of its own (S3, SQS, EC2).
    Own,
}

impl Validation {
    /// The code of a validation error, if the gateway validates.
    pub fn of(self, operation: &OperationSchema, missing: &[String]) -> Option<FaultKind> {
        match self {
            Validation::Whole(kind) => Some(kind),
            Validation::Modelled(kind) => {
                let modelled = |name: &str| operation.faults.iter().find(|fault| fault.name == name).copied();
                Some(modelled(kind.name).or_else(|| modelled("ValidationException")).unwrap_or(kind))
            }
            Validation::Present(kind) => missing.is_empty().then_some(kind),
            Validation::Own => None,
        }
    }
}

/// An action whose denial says that the resource does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    pub action: &'static str,
    pub fault: FaultKind,
    pub sentence: &'static str,
}

/// How a request without a signature is treated, unless its operation needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anonymous {
    /// It is refused: the authentication token is missing.
    Refused,
    /// The policy of the resource may allow it; if none does, the authentication token is missing. SQS, SNS.
    AllowedByPolicy,
    /// It is authorized like any other, and denied like any other. S3.
    Authorized,
}

/// The form of a request's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestIds {
    /// `x-amzn-requestid`: a UUID.
    Uuid,
    /// `x-amz-request-id` and `x-amz-id-2`.
    S3,
}

/// The rules of signatures, which S3 has of its own: payload hashes, escaping, faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureRules {
    Common,
    S3,
}

/// What the query of a presigned URL may have beside the signature and the operation's own parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresignedQuery {
    Parameters,
    /// Header fields too: `x-amz-meta-color=blue`.
    ParametersAndHeaders,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub access_denied: FaultKind,
    pub denial: Denial,
    pub unseen: Option<Unseen>,
    pub validation: Validation,
    pub quotes: Quotes,
    /// No signature at all, where one is needed.
    pub missing_token: FaultKind,
    pub unknown_key: FaultKind,
    pub bad_signature: FaultKind,
    pub incomplete_signature: FaultKind,
    pub expired_token: FaultKind,
    pub throttled: FaultKind,
    pub throttled_message: &'static str,
    /// The `Server` field of every answer; most services send none.
    pub server: &'static str,
    /// Documents of faults come in chunks, without a Content-Length.
    pub chunked_faults: bool,
    pub scope_region: ScopeRegion,
    pub anonymous: Anonymous,
    pub request_ids: RequestIds,
    pub signature_rules: SignatureRules,
    pub presigned_query: PresignedQuery,
    /// Operations whose model demands a checksum of the body, while the service does without.
    pub checksum_optional: &'static [&'static str],
    /// The largest request in bytes, where the body does not stream.
    pub max_request: usize,
}

/// Most requests are at most 1 MiB; escaped for a form or for JSON they grow to three times that.
const MAX_REQUEST: usize = 4 << 20;

const RATE_EXCEEDED: &str = "Rate exceeded";

impl Dialect {
    pub const QUERY: Dialect = Dialect {
        access_denied: FaultKind::sender("AccessDenied", 403),
        denial: Denial::Named,
        unseen: None,
        validation: Validation::Whole(FaultKind::sender("ValidationError", 400)),
        quotes: Quotes::Values,
        missing_token: FaultKind::sender("MissingAuthenticationToken", 403),
        unknown_key: FaultKind::sender("InvalidClientTokenId", 403),
        bad_signature: FaultKind::sender("SignatureDoesNotMatch", 403),
        incomplete_signature: FaultKind::sender("IncompleteSignature", 400),
        expired_token: FaultKind::sender("ExpiredToken", 403),
        throttled: FaultKind::sender("Throttling", 400),
        throttled_message: RATE_EXCEEDED,
        server: "",
        chunked_faults: false,
        scope_region: ScopeRegion::Named,
        anonymous: Anonymous::Refused,
        request_ids: RequestIds::Uuid,
        signature_rules: SignatureRules::Common,
        presigned_query: PresignedQuery::Parameters,
        checksum_optional: &[],
        max_request: MAX_REQUEST,
    };

    pub const JSON: Dialect = Dialect {
        access_denied: FaultKind::sender("AccessDeniedException", 400),
        validation: Validation::Whole(FaultKind::sender("ValidationException", 400)),
        missing_token: FaultKind::sender("MissingAuthenticationTokenException", 400),
        unknown_key: FaultKind::sender("UnrecognizedClientException", 400),
        bad_signature: FaultKind::sender("InvalidSignatureException", 400),
        incomplete_signature: FaultKind::sender("IncompleteSignatureException", 400),
        expired_token: FaultKind::sender("ExpiredTokenException", 400),
        throttled: FaultKind::sender("ThrottlingException", 400),
        ..Dialect::QUERY
    };

    pub const REST_JSON: Dialect = Dialect {
        access_denied: FaultKind::sender("AccessDeniedException", 403),
        missing_token: FaultKind::sender("MissingAuthenticationTokenException", 403),
        unknown_key: FaultKind::sender("UnrecognizedClientException", 403),
        bad_signature: FaultKind::sender("InvalidSignatureException", 403),
        incomplete_signature: FaultKind::sender("IncompleteSignatureException", 403),
        expired_token: FaultKind::sender("ExpiredTokenException", 403),
        throttled: FaultKind::sender("ThrottlingException", 429),
        ..Dialect::JSON
    };

    /// CloudFront and Route 53 speak it with the common faults of the query protocol.
    pub const REST_XML: Dialect = Dialect::QUERY;

    pub const S3: Dialect = Dialect {
        access_denied: FaultKind::sender("AccessDenied", 403),
        denial: Denial::Quoted,
        validation: Validation::Own,
        missing_token: FaultKind::sender("AccessDenied", 403),
        unknown_key: FaultKind::sender("InvalidAccessKeyId", 403),
        bad_signature: FaultKind::sender("SignatureDoesNotMatch", 403),
        incomplete_signature: FaultKind::sender("AuthorizationHeaderMalformed", 400),
        expired_token: FaultKind::sender("ExpiredToken", 400),
        throttled: FaultKind::receiver("SlowDown", 503),
        throttled_message: "Please reduce your request rate.",
        server: "AmazonS3",
        // AWS: recorded.
        chunked_faults: true,
        anonymous: Anonymous::Authorized,
        request_ids: RequestIds::S3,
        signature_rules: SignatureRules::S3,
        presigned_query: PresignedQuery::ParametersAndHeaders,
        // AWS: so s3cmd puts them since before the model demands checksums (<https://github.com/s3tools/s3cmd>, `S3/S3.py`).
        checksum_optional: &["PutBucketAcl", "PutObjectAcl", "PutBucketPolicy", "PutBucketWebsite", "PutBucketRequestPayment", "PutBucketLogging"],
        ..Dialect::QUERY
    };

    /// S3's control plane signs like S3 and has its ids; it has no anonymous callers.
    pub const S3_CONTROL: Dialect =
        Dialect { denial: Denial::Named, anonymous: Anonymous::Refused, presigned_query: PresignedQuery::Parameters, ..Dialect::S3 };

    pub const EC2: Dialect = Dialect {
        access_denied: FaultKind::sender("UnauthorizedOperation", 403),
        denial: Denial::Encoded,
        validation: Validation::Own,
        missing_token: FaultKind::sender("AuthFailure", 401),
        unknown_key: FaultKind::sender("AuthFailure", 401),
        bad_signature: FaultKind::sender("AuthFailure", 401),
        incomplete_signature: FaultKind::sender("AuthFailure", 401),
        expired_token: FaultKind::sender("RequestExpired", 400),
        throttled: FaultKind::receiver("RequestLimitExceeded", 503),
        throttled_message: "Request limit exceeded.",
        ..Dialect::QUERY
    };

    /// What services of a protocol answer, unless one differs.
    pub const fn of(protocol: Protocol) -> Dialect {
        match protocol {
            Protocol::Query => Dialect::QUERY,
            Protocol::Ec2Query => Dialect::EC2,
            Protocol::AwsJson10 | Protocol::AwsJson11 => Dialect::JSON,
            Protocol::RestJson => Dialect::REST_JSON,
            Protocol::RestXml => Dialect::REST_XML,
        }
    }

    /// The answer to a request for which the server has no memory now.
    pub fn throttle(&self) -> Fault {
        self.throttled.says(self.throttled_message)
    }
}

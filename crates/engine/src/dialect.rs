//! How a service spells the faults that all services share.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html> and requirements recorded from AWS.

use cloudlet_aws::FaultKind;
use cloudlet_shape::Protocol;

/// How a denial is worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// `User: … is not authorized to perform: sqs:SendMessage on resource: arn:… because …`
    Named,
    /// SQS: the same, with the action in small letters.
    Small,
    /// S3: the resource stands in quotes, and who did not sign reads `Access Denied`.
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
}

/// Whether a signature's scope must name a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeRegion {
    Named,
    /// The service is one for all regions, and clients that know none reach it: an empty name stands for the house's own region.
    /// AWS refuses them; ceph/s3-tests asks IAM and STS so.
    MayBeEmpty,
}

/// Who says what of its model an input breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// The house, under this code.
    Whole(FaultKind),
    /// The house, of what is there; what is missing (`Origin::missing`) the service tells in words of its own (SNS).
    Present(FaultKind),
    /// The service, all of it in words of its own (S3, SQS, EC2).
    Own,
}

impl Validation {
    /// The code under which an input is held to its model, if it is.
    pub fn of(self, missing: &[String]) -> Option<FaultKind> {
        match self {
            Validation::Whole(kind) => Some(kind),
            Validation::Present(kind) => missing.is_empty().then_some(kind),
            Validation::Own => None,
        }
    }
}

/// An action that is denied as if there were nothing to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    pub action: &'static str,
    pub fault: FaultKind,
    pub sentence: &'static str,
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
    /// What the service calls its server in every answer; most say nothing.
    pub server: &'static str,
    pub scope_region: ScopeRegion,
}

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
        server: "",
        scope_region: ScopeRegion::Named,
    };

    pub const JSON: Dialect = Dialect {
        access_denied: FaultKind::sender("AccessDeniedException", 400),
        denial: Denial::Named,
        unseen: None,
        validation: Validation::Whole(FaultKind::sender("ValidationException", 400)),
        quotes: Quotes::Values,
        missing_token: FaultKind::sender("MissingAuthenticationTokenException", 400),
        unknown_key: FaultKind::sender("UnrecognizedClientException", 400),
        bad_signature: FaultKind::sender("InvalidSignatureException", 400),
        incomplete_signature: FaultKind::sender("IncompleteSignatureException", 400),
        expired_token: FaultKind::sender("ExpiredTokenException", 400),
        server: "",
        scope_region: ScopeRegion::Named,
    };

    pub const REST_JSON: Dialect = Dialect {
        access_denied: FaultKind::sender("AccessDeniedException", 403),
        denial: Denial::Named,
        unseen: None,
        validation: Validation::Whole(FaultKind::sender("ValidationException", 400)),
        quotes: Quotes::Values,
        missing_token: FaultKind::sender("MissingAuthenticationTokenException", 403),
        unknown_key: FaultKind::sender("UnrecognizedClientException", 403),
        bad_signature: FaultKind::sender("InvalidSignatureException", 403),
        incomplete_signature: FaultKind::sender("IncompleteSignatureException", 403),
        expired_token: FaultKind::sender("ExpiredTokenException", 403),
        server: "",
        scope_region: ScopeRegion::Named,
    };

    /// S3 and its control plane.
    pub const REST_XML: Dialect = Dialect {
        access_denied: FaultKind::sender("AccessDenied", 403),
        denial: Denial::Quoted,
        unseen: None,
        validation: Validation::Own,
        quotes: Quotes::Values,
        missing_token: FaultKind::sender("AccessDenied", 403),
        unknown_key: FaultKind::sender("InvalidAccessKeyId", 403),
        bad_signature: FaultKind::sender("SignatureDoesNotMatch", 403),
        incomplete_signature: FaultKind::sender("AuthorizationHeaderMalformed", 400),
        expired_token: FaultKind::sender("ExpiredToken", 400),
        server: "AmazonS3",
        scope_region: ScopeRegion::Named,
    };

    pub const EC2: Dialect = Dialect {
        access_denied: FaultKind::sender("UnauthorizedOperation", 403),
        denial: Denial::Encoded,
        unseen: None,
        validation: Validation::Own,
        quotes: Quotes::Values,
        missing_token: FaultKind::sender("AuthFailure", 401),
        unknown_key: FaultKind::sender("AuthFailure", 401),
        bad_signature: FaultKind::sender("AuthFailure", 401),
        incomplete_signature: FaultKind::sender("AuthFailure", 401),
        expired_token: FaultKind::sender("RequestExpired", 400),
        server: "",
        scope_region: ScopeRegion::Named,
    };

    /// What services of a protocol say, unless one differs.
    pub const fn of(protocol: Protocol) -> Dialect {
        match protocol {
            Protocol::Query => Dialect::QUERY,
            Protocol::Ec2Query => Dialect::EC2,
            Protocol::AwsJson10 | Protocol::AwsJson11 => Dialect::JSON,
            Protocol::RestJson => Dialect::REST_JSON,
            Protocol::RestXml => Dialect::REST_XML,
        }
    }
}

//! Operations and services of the AWS model, as const data.

use crate::{schema::Schema, value::Shape};
use cloudlet_aws::FaultKind;

/// An operation of the AWS model. Generated, one marker type each: `sqs::SendMessage`.
pub trait Operation: Send + Sync + 'static {
    const SCHEMA: &'static OperationSchema;
    type Input: Shape;
    type Output: Shape;
}

/// Does something for each operation of a service, with its types known: `cloudlet_api_sqs::each(&mut visitor)`.
pub trait OperationVisitor {
    fn visit<O: Operation>(&mut self);
}

#[derive(Debug)]
pub struct OperationSchema {
    pub name: &'static str,
    pub service: &'static ServiceSchema,
    pub method: &'static str,
    /// The URI template, with its literal query: `/{Bucket}/{Key+}?acl`.
    pub uri: &'static str,
    /// Methods and URI templates of earlier models, which older clients still send. What is in the document now may be in their query.
    pub earlier: &'static [(&'static str, &'static str)],
    /// The status of a success.
    pub status: u16,
    pub input: &'static Schema,
    pub output: &'static Schema,
    /// `QueueUrlResult` in `<SendMessageResult>`: the element around a query-protocol answer; empty if there is none.
    pub result_wrapper: &'static str,
    /// The root element the model gives a restXml input, if it differs from the shape's name.
    pub input_root: &'static str,
    /// The root element of a restXml answer without payload. Empty: the answer's one member is the root (S3's GetBucketLocation).
    pub output_root: &'static str,
    pub faults: &'static [FaultKind],
    /// `sync-` or `{AccountId}.`: the client puts it before the endpoint's host.
    pub host_prefix: &'static str,
    /// AWS takes the call without a signature (`AssumeRoleWithWebIdentity`).
    pub unsigned: bool,
    pub checksum: Option<Checksum>,
    pub pages: Option<Pages>,
    /// The IAM actions the call may need, from the published action tables: the usual action first.
    pub access: &'static [Access],
}

impl OperationSchema {
    /// An operation with defaults for everything else.
    pub const fn new(name: &'static str, service: &'static ServiceSchema, input: &'static Schema, output: &'static Schema) -> OperationSchema {
        OperationSchema {
            name,
            service,
            method: "POST",
            uri: "/",
            earlier: &[],
            status: 200,
            input,
            output,
            result_wrapper: "",
            input_root: "",
            output_root: output.name,
            faults: &[],
            host_prefix: "",
            unsigned: false,
            checksum: None,
            pages: None,
            access: &[],
        }
    }
}

/// Declares the operations of a service: marker types, their schemas, and the list of them, as data and as types. Used by the
/// generated crates.
///
/// A schema is a static, so that it is built once, in the crate that declares it; statics may also point at each other in a ring.
#[macro_export]
macro_rules! operations {
    ($service:path; $($name:ident($input:ty) -> $output:ty { $($field:ident: $value:expr),* $(,)? })*) => {
        $(
            pub enum $name {}
            impl $crate::Operation for $name {
                const SCHEMA: &'static $crate::OperationSchema = &schemas::$name;
                type Input = $input;
                type Output = $output;
            }
        )*
        #[expect(non_upper_case_globals, reason = "a schema is named as its operation")]
        mod schemas {
            use super::*;
            $(
                pub static $name: $crate::OperationSchema = $crate::OperationSchema {
                    $($field: $value,)*
                    ..$crate::OperationSchema::new(stringify!($name), &$service, <$input as $crate::Shape>::SCHEMA, <$output as $crate::Shape>::SCHEMA)
                };
            )*
        }
        pub(crate) static OPERATIONS: [&$crate::OperationSchema; [$(stringify!($name)),*].len()] = [$(&schemas::$name),*];
        /// Visits all operations, in the order of their names.
        pub fn each<V: $crate::OperationVisitor>(visitor: &mut V) {
            $(visitor.visit::<$name>();)*
        }
    };
}

/// How an operation pages: member names, or paths such as `NextMarker || Contents[-1].Key`.
#[derive(Debug)]
pub struct Pages {
    pub input: &'static [&'static str],
    pub output: &'static [&'static str],
    pub limit: &'static str,
    pub results: &'static [&'static str],
    pub more: &'static str,
}

/// How an operation's body is checked (the `httpChecksum` trait).
#[derive(Debug)]
pub struct Checksum {
    pub required: bool,
    /// The member that names the request's algorithm.
    pub algorithm_member: &'static str,
    /// The member that asks for checksums in the answer.
    pub mode_member: &'static str,
    pub response_algorithms: &'static [&'static str],
}

/// An IAM action, the resource types it applies to, and the service's own condition keys.
#[derive(Debug)]
pub struct Access {
    pub action: &'static str,
    pub resources: &'static [ResourceKind],
    pub keys: &'static [&'static str],
}

/// A resource type with its ARN templates: `arn:${Partition}:sqs:${Region}:${Account}:${QueueName}`.
#[derive(Debug)]
pub struct ResourceKind {
    pub name: &'static str,
    pub arns: &'static [&'static str],
    pub required: bool,
}

impl ResourceKind {
    pub const fn new(name: &'static str, arns: &'static [&'static str]) -> ResourceKind {
        ResourceKind { name, arns, required: false }
    }

    pub const fn required(self) -> ResourceKind {
        ResourceKind { required: true, ..self }
    }
}

#[derive(Debug)]
pub struct ServiceSchema {
    /// Cloudlet's name and folder: `sqs`, `states`.
    pub name: &'static str,
    /// The service id of the model (`Step Functions`).
    pub id: &'static str,
    pub version: &'static str,
    pub protocol: Protocol,
    /// Further protocols that the service speaks (SQS: query beside JSON).
    pub also: &'static [Protocol],
    /// The name in the signing scope (`ses` for sesv2, `s3` for s3control).
    pub signing_name: &'static str,
    /// The first label of the service's host name.
    pub endpoint_prefix: &'static str,
    /// The part before the dot in `X-Amz-Target`.
    pub target_prefix: &'static str,
    pub xml_namespace: &'static str,
    pub operations: &'static [&'static OperationSchema],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    AwsJson10,
    AwsJson11,
    RestJson,
    RestXml,
    Query,
    Ec2Query,
}

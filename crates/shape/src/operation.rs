//! Operations and services of the AWS model, as const data.

use crate::{FaultKind, Schema, Shape};

/// An operation of the AWS model. Generated, one marker type each: `sqs::SendMessage`.
pub trait Operation: Send + Sync + 'static {
    const SCHEMA: &'static OperationSchema;
    type Input: Shape;
    type Output: Shape;
}

#[derive(Debug)]
pub struct OperationSchema {
    pub name: &'static str,
    pub service: &'static ServiceSchema,
    pub method: &'static str,
    /// The URI template, with its literal query: `/{Bucket}/{Key+}?acl`.
    pub uri: &'static str,
    /// The status of a success.
    pub status: u16,
    pub input: &'static Schema,
    pub output: &'static Schema,
    /// `QueueUrlResult` in `<SendMessageResult>`: the element around a query-protocol answer; empty if there is none.
    pub result_wrapper: &'static str,
    /// The root element the model gives a restXml input, if it differs from the shape's name.
    pub input_root: &'static str,
    pub faults: &'static [FaultKind],
    /// `sync-` or `{AccountId}.`: what the client puts before the endpoint's host.
    pub host_prefix: &'static str,
    /// AWS takes the call without a signature (`AssumeRoleWithWebIdentity`).
    pub unsigned: bool,
    pub checksum: Option<Checksum>,
    /// What IAM is asked, from the published service reference.
    pub access: &'static [Access],
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

#[derive(Debug)]
pub struct ServiceSchema {
    /// Cloudlet's name and folder: `sqs`, `states`.
    pub name: &'static str,
    /// The service id of the model (`Step Functions`).
    pub id: &'static str,
    pub version: &'static str,
    pub protocol: Protocol,
    /// Protocols the service also answers (SQS: query beside JSON).
    pub also: &'static [Protocol],
    /// The name in the signing scope (`ses` for sesv2, `s3` for s3control).
    pub signing_name: &'static str,
    /// The first label of the service's host name.
    pub endpoint_prefix: &'static str,
    /// What stands before the dot in `X-Amz-Target`.
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

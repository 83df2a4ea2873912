//! What the generated crates must say, whatever the next models bring.

use cloudlet_api_ec2 as ec2;
use cloudlet_api_s3 as s3;
use cloudlet_api_s3control as s3control;
use cloudlet_api_sqs as sqs;
use cloudlet_api_sts as sts;
use cloudlet_shape::{At, Flags, Kind, Operation, ServiceSchema, Shape};

const SERVICES: &[&ServiceSchema] = &[
    &cloudlet_api_firehose::SERVICE,
    &cloudlet_api_iam::SERVICE,
    &cloudlet_api_kms::SERVICE,
    &cloudlet_api_lambda::SERVICE,
    &cloudlet_api_logs::SERVICE,
    &cloudlet_api_ses::SERVICE,
    &cloudlet_api_sesv2::SERVICE,
    &cloudlet_api_sns::SERVICE,
    &cloudlet_api_ssm::SERVICE,
    &cloudlet_api_states::SERVICE,
    &ec2::SERVICE,
    &s3::SERVICE,
    &s3control::SERVICE,
    &sqs::SERVICE,
    &sts::SERVICE,
];

#[test]
fn every_operation_knows_its_service_and_asks_iam_for_something() {
    for service in SERVICES {
        assert!(!service.operations.is_empty(), "{} has operations", service.name);
        for operation in service.operations {
            assert_eq!(operation.service.name, service.name, "{}", operation.name);
            assert!(!operation.access.is_empty(), "{}:{} asks for no action", service.name, operation.name);
        }
    }
}

#[test]
fn sqs_keeps_the_names_of_its_query_protocol() {
    let (_, attributes) = sqs::CreateQueueRequest::SCHEMA.member("Attributes").expect("the member");
    assert_eq!((attributes.wire, attributes.query, attributes.of.key_name, attributes.of.item_name), ("Attributes", "Attribute", "Name", "Value"));
    assert!(attributes.flattened());
    assert_eq!(sqs::SendMessage::SCHEMA.result_wrapper, "SendMessageResult");
    assert_eq!(sqs::faults::QUEUE_DOES_NOT_EXIST.code, "AWS.SimpleQueueService.NonExistentQueue");
}

#[test]
fn an_object_streams_and_its_metadata_are_headers() {
    let request = s3::PutObjectRequest::SCHEMA;
    let (_, body) = request.payload().expect("a payload");
    assert_eq!(body.of.kind, Kind::Body);
    let (_, metadata) = request.member("Metadata").expect("the member");
    assert_eq!((metadata.at, metadata.wire), (At::PrefixHeaders, "x-amz-meta-"));
    assert_eq!((s3::PutObject::SCHEMA.method, s3::PutObject::SCHEMA.uri), ("PUT", "/{Bucket}/{Key+}"));
}

#[test]
fn answers_of_s3_have_the_roots_that_clients_know() {
    assert_eq!(s3::ListObjectsV2::SCHEMA.output_root, "ListBucketResult");
    assert_eq!(s3::GetBucketLocation::SCHEMA.output_root, "");
}

#[test]
fn selected_rows_are_events() {
    let (_, payload) = s3::SelectObjectContentOutput::SCHEMA.payload().expect("a payload");
    assert_eq!(payload.of.kind, Kind::Events);
    assert!(s3::SelectObjectContentEventStream::SCHEMA.flags.has(Flags::UNION));
    assert!(s3::RecordsEvent::SCHEMA.flags.has(Flags::EVENT));
}

#[test]
fn a_web_identity_needs_no_signature() {
    assert!(sts::AssumeRoleWithWebIdentity::SCHEMA.unsigned);
    assert!(!sts::AssumeRole::SCHEMA.unsigned);
}

#[test]
fn an_account_is_part_of_the_host_of_s3control() {
    let schema = s3control::GetPublicAccessBlock::SCHEMA;
    let (_, account) = schema.input.member("AccountId").expect("the member");
    assert_eq!((schema.host_prefix, account.at, account.flags.has(Flags::HOST_LABEL)), ("{AccountId}.", At::Header, true));
    assert_eq!(s3control::SERVICE.signing_name, "s3");
}

#[test]
fn lists_of_ec2_hold_items_and_their_forms_have_names_of_their_own() {
    let (_, groups) = ec2::DescribeSecurityGroupsResult::SCHEMA.member("SecurityGroups").expect("the member");
    assert_eq!((groups.wire, groups.of.item_name), ("securityGroupInfo", "item"));
    let (_, tags) = ec2::CreateVpcRequest::SCHEMA.member("TagSpecifications").expect("the member");
    assert_eq!(tags.wire, "TagSpecification");
}

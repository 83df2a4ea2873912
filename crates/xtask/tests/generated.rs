//! What the generated crates must say, whatever the next models bring.

use cloudlet_api_s3 as s3;
use cloudlet_api_sqs as sqs;
use cloudlet_api_sts as sts;
use cloudlet_shape::{At, Flags, Kind, Operation, ServiceSchema, Shape};

const SERVICES: &[&ServiceSchema] = &[&s3::SERVICE, &sqs::SERVICE, &sts::SERVICE];

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

//! How each protocol says that something went wrong.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use cloudlet_aws::{Blame, Fault, FaultKind};
use cloudlet_shape::{BodyContent, ServiceSchema};
use cloudlet_wire::{Answer, Asked, Ids, codec};

const NO_QUEUE: FaultKind = FaultKind::sender("QueueDoesNotExist", 400).coded("AWS.SimpleQueueService.NonExistentQueue");
const IDS: Ids<'_> = Ids { request_id: "11111111-2222", extended_id: "host-id=" };

fn answer(service: &'static ServiceSchema, fault: &Fault, query_mode: bool) -> Answer {
    codec(service.protocol).fault(service, fault, &IDS, &Asked { query_mode })
}

fn text(answer: &Answer) -> String {
    match answer.body.take() {
        BodyContent::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        BodyContent::Stream(_) => panic!("a stream"),
    }
}

fn no_queue() -> Fault {
    NO_QUEUE.says("The specified queue does not exist.").in_query("The specified queue does not exist for this wsdl version.")
}

#[test]
fn sqs_says_it_in_json_with_the_whole_shape_id() {
    let answer = answer(&cloudlet_api_sqs::SERVICE, &no_queue(), true);
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/x-amz-json-1.0")));
    assert_eq!(answer.header("x-amzn-query-error"), Some("AWS.SimpleQueueService.NonExistentQueue;Sender"));
    assert_eq!(answer.header("x-amzn-requestid"), Some("11111111-2222"));
    assert_eq!(text(&answer), r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#);
}

#[test]
fn the_query_code_comes_only_to_those_who_ask() {
    assert_eq!(answer(&cloudlet_api_sqs::SERVICE, &no_queue(), false).header("x-amzn-query-error"), None);
    let kms = FaultKind::sender("NotFoundException", 400).says("Key 'x' does not exist");
    let answer = answer(&cloudlet_api_kms::SERVICE, &kms, true);
    assert_eq!(answer.header("x-amzn-query-error"), None);
    assert_eq!(text(&answer), r#"{"__type":"NotFoundException","message":"Key 'x' does not exist"}"#);
}

#[test]
fn sqs_says_it_otherwise_in_query() {
    let codec = codec(cloudlet_shape::Protocol::Query);
    let answer = codec.fault(&cloudlet_api_sqs::SERVICE, &no_queue(), &IDS, &Asked::default());
    assert_eq!(
        text(&answer),
        "<ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>Sender</Type>\
         <Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist for this wsdl version.</Message><Detail></Detail></Error>\
         <RequestId>11111111-2222</RequestId></ErrorResponse>"
    );
}

#[test]
fn a_receivers_mistake_is_named_as_such() {
    let answer = answer(&cloudlet_api_sts::SERVICE, &Fault::internal("a secret cause"), false);
    let body = text(&answer);
    assert_eq!(answer.status, 500);
    assert!(body.contains("<Type>Receiver</Type><Code>InternalFailure</Code>") && !body.contains("secret"), "{body}");
}

#[test]
fn ec2_has_a_list_of_errors() {
    let fault = FaultKind::sender("InvalidGroup.NotFound", 400).says("The security group 'sg-1' does not exist");
    assert_eq!(
        text(&answer(&cloudlet_api_ec2::SERVICE, &fault, false)),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidGroup.NotFound</Code>\
         <Message>The security group 'sg-1' does not exist</Message></Error></Errors><RequestID>11111111-2222</RequestID></Response>"
    );
}

#[test]
fn s3_writes_bare_errors_with_members_in_their_order() {
    let fault =
        FaultKind::sender("NoSuchKey", 404).says("The specified key does not exist.").with("Key", "a&b").with_header("x-amz-delete-marker", "true");
    let answer = answer(&cloudlet_api_s3::SERVICE, &fault, false);
    assert_eq!((answer.status, answer.header("x-amz-delete-marker")), (404, Some("true")));
    assert_eq!((answer.header("x-amz-request-id"), answer.header("x-amz-id-2")), (Some("11111111-2222"), Some("host-id=")));
    assert_eq!(
        text(&answer),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>\
         <Key>a&amp;b</Key><RequestId>11111111-2222</RequestId><HostId>host-id=</HostId></Error>"
    );
}

#[test]
fn s3_control_wraps_its_errors() {
    let fault = FaultKind::sender("NoSuchPublicAccessBlockConfiguration", 404).says("The public access block configuration was not found");
    let body = text(&answer(&cloudlet_api_s3control::SERVICE, &fault, false));
    assert!(
        body.contains("<ErrorResponse") && body.contains("<Error><Type>Sender</Type><Code>NoSuchPublicAccessBlockConfiguration</Code>"),
        "{body}"
    );
}

#[test]
fn not_modified_has_no_body() {
    let fault = Fault::named("NotModified", 304, Blame::Sender, "Not Modified").with_header("etag", "\"e\"");
    let answer = answer(&cloudlet_api_s3::SERVICE, &fault, false);
    assert_eq!((answer.status, answer.header("etag"), text(&answer).as_str()), (304, Some("\"e\""), ""));
}

#[test]
fn rest_json_names_its_error_in_a_header() {
    let fault = FaultKind::sender("ResourceNotFoundException", 404).says("Function not found: f").with("Type", "User");
    let answered = answer(&cloudlet_api_lambda::SERVICE, &fault, false);
    assert_eq!(answered.header("x-amzn-errortype"), Some("ResourceNotFoundException"));
    assert_eq!(text(&answered), r#"{"message":"Function not found: f","Type":"User"}"#);
    let spelled = fault.with("Message", "Function not found: f");
    assert_eq!(text(&answer(&cloudlet_api_lambda::SERVICE, &spelled, false)), r#"{"Type":"User","Message":"Function not found: f"}"#);
}

#[test]
fn the_location_of_a_bucket_is_the_whole_answer() {
    use cloudlet_api_s3::{GetBucketLocation, GetBucketLocationOutput};
    use cloudlet_shape::Operation;
    let codec = codec(cloudlet_shape::Protocol::RestXml);
    let there = GetBucketLocationOutput { location_constraint: Some("eu-west-1".into()) };
    let prolog = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let namespace = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
    let body = text(&codec.encode(GetBucketLocation::SCHEMA, &there, &IDS));
    assert_eq!(body, format!("{prolog}<LocationConstraint {namespace}>eu-west-1</LocationConstraint>"));
    let nowhere = text(&codec.encode(GetBucketLocation::SCHEMA, &GetBucketLocationOutput::default(), &IDS));
    assert_eq!(nowhere, format!("{prolog}<LocationConstraint {namespace}/>"));
}

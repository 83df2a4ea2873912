//! How each protocol says that something went wrong.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use cloudlet_api_sqs::{
    GetQueueAttributes, GetQueueAttributesResult, ListQueues, ListQueuesResult, ReceiveMessage, ReceiveMessageResult, SendMessage, SendMessageResult,
};
use cloudlet_aws::{Blame, Fault, FaultKind};
use cloudlet_shape::{BodyContent, Operation, Protocol, ServiceSchema};
use cloudlet_wire::{Answer, Ids, codec, codec_for};

const NO_QUEUE: FaultKind = FaultKind::sender("QueueDoesNotExist", 400).coded("AWS.SimpleQueueService.NonExistentQueue");
const IDS: Ids<'_> = Ids { request_id: "11111111-2222", extended_id: "host-id=" };

fn answer(service: &'static ServiceSchema, fault: &Fault) -> Answer {
    codec(service.protocol).fault(service, fault, &IDS)
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
    let answer = answer(&cloudlet_api_sqs::SERVICE, &no_queue());
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/x-amz-json-1.0")));
    assert_eq!(answer.header("x-amzn-query-error"), Some("AWS.SimpleQueueService.NonExistentQueue;Sender"));
    assert_eq!(answer.header("x-amzn-requestid"), Some("11111111-2222"));
    assert_eq!(text(&answer), r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#);
}

#[test]
fn services_without_the_query_protocol_send_no_query_code() {
    let kms = FaultKind::sender("NotFoundException", 400).says("Key 'x' does not exist");
    let answer = answer(&cloudlet_api_kms::SERVICE, &kms);
    assert_eq!(answer.header("x-amzn-query-error"), None);
    assert_eq!(text(&answer), r#"{"__type":"NotFoundException","message":"Key 'x' does not exist"}"#);
}

#[test]
fn a_member_may_be_a_document() {
    let fault = FaultKind::sender("MalformedQueryException", 400).says("no").with("Type", "a \"b\"").with_document("error", r#"{"at":1}"#);
    assert_eq!(
        text(&answer(&cloudlet_api_kms::SERVICE, &fault)),
        r#"{"__type":"MalformedQueryException","message":"no","Type":"a \"b\"","error":{"at":1}}"#
    );
}

#[test]
fn sqs_says_it_otherwise_in_query() {
    let codec = codec(cloudlet_shape::Protocol::Query);
    let answer = codec.fault(&cloudlet_api_sqs::SERVICE, &no_queue(), &IDS);
    assert_eq!(
        text(&answer),
        "<ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>Sender</Type>\
         <Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist for this wsdl version.</Message><Detail/></Error>\
         <RequestId>11111111-2222</RequestId></ErrorResponse>"
    );
}

#[test]
fn a_receivers_mistake_is_named_as_such() {
    let answer = answer(&cloudlet_api_sts::SERVICE, &Fault::internal("a secret cause"));
    let body = text(&answer);
    assert_eq!(answer.status, 500);
    assert!(body.contains("<Type>Receiver</Type><Code>InternalFailure</Code>") && !body.contains("secret"), "{body}");
}

#[test]
fn ec2_has_a_list_of_errors() {
    let fault = FaultKind::sender("InvalidGroup.NotFound", 400).says("The security group 'sg-1' does not exist");
    assert_eq!(
        text(&answer(&cloudlet_api_ec2::SERVICE, &fault)),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidGroup.NotFound</Code>\
         <Message>The security group 'sg-1' does not exist</Message></Error></Errors><RequestID>11111111-2222</RequestID></Response>"
    );
}

#[test]
fn s3_writes_bare_errors_with_members_in_their_order() {
    let fault =
        FaultKind::sender("NoSuchKey", 404).says("The specified key does not exist.").with("Key", "a&b").with_header("x-amz-delete-marker", "true");
    let answer = answer(&cloudlet_api_s3::SERVICE, &fault);
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
    let body = text(&answer(&cloudlet_api_s3control::SERVICE, &fault));
    assert!(body.contains("<ErrorResponse") && body.contains("<Error><Code>NoSuchPublicAccessBlockConfiguration</Code>"), "{body}");
}

#[test]
fn not_modified_has_no_body() {
    let fault = Fault::named("NotModified", 304, Blame::Sender, "Not Modified").with_header("etag", "\"e\"");
    let answer = answer(&cloudlet_api_s3::SERVICE, &fault);
    assert_eq!((answer.status, answer.header("etag"), text(&answer).as_str()), (304, Some("\"e\""), ""));
}

#[test]
fn rest_json_names_its_error_in_a_header() {
    let fault = FaultKind::sender("ResourceNotFoundException", 404).says("Function not found: f").with("Type", "User");
    let answered = answer(&cloudlet_api_lambda::SERVICE, &fault);
    assert_eq!(answered.header("x-amzn-errortype"), Some("ResourceNotFoundException"));
    assert_eq!(text(&answered), r#"{"message":"Function not found: f","Type":"User"}"#);
    let spelled = fault.with("Message", "Function not found: f");
    assert_eq!(text(&answer(&cloudlet_api_lambda::SERVICE, &spelled)), r#"{"Type":"User","Message":"Function not found: f"}"#);
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

#[test]
fn the_query_protocol_answers_json_to_clients_that_accept_it() {
    let codec = codec_for(Protocol::Query, Some("application/json"));
    let fault = FaultKind::sender("InvalidAction", 400).says("The action ListQueues is not valid for this endpoint.");
    let refused = codec.fault(&cloudlet_api_sqs::SERVICE, &fault, &IDS);
    assert_eq!((refused.status, refused.header("content-type")), (400, Some("application/json")));
    assert_eq!(
        text(&refused),
        r#"{"Error":{"Code":"InvalidAction","Message":"The action ListQueues is not valid for this endpoint.","Type":"Sender"},"RequestId":"11111111-2222"}"#
    );
    let metadata = r#""ResponseMetadata":{"RequestId":"11111111-2222"}"#;
    let queues = codec.encode(ListQueues::SCHEMA, &ListQueuesResult::default(), &IDS);
    let expected = format!(r#"{{"ListQueuesResponse":{{"ListQueuesResult":{{"NextToken":null,"queueUrls":null}},{metadata}}}}}"#);
    assert_eq!((queues.header("content-type"), text(&queues)), (Some("application/json"), expected));
    let message = cloudlet_api_sqs::Message { body: Some("hello".into()), ..Default::default() };
    let messages = codec.encode(ReceiveMessage::SCHEMA, &ReceiveMessageResult { messages: Some(vec![message]) }, &IDS);
    let expected = r#"{"Attributes":null,"Body":"hello","MD5OfBody":null,"MD5OfMessageAttributes":null,"MessageAttributes":null,"MessageId":null,"ReceiptHandle":null}"#;
    assert_eq!(text(&messages), format!(r#"{{"ReceiveMessageResponse":{{"ReceiveMessageResult":{{"messages":[{expected}]}},{metadata}}}}}"#));
    let attributes = Some([("DelaySeconds".to_owned(), "0".to_owned())].into());
    let attributes = codec.encode(GetQueueAttributes::SCHEMA, &GetQueueAttributesResult { attributes }, &IDS);
    let expected = r#"{"Attributes":[{"Name":"DelaySeconds","Value":"0"}]}"#;
    assert_eq!(text(&attributes), format!(r#"{{"GetQueueAttributesResponse":{{"GetQueueAttributesResult":{expected},{metadata}}}}}"#));
    let sent = text(&codec.encode(SendMessage::SCHEMA, &SendMessageResult::default(), &IDS));
    assert!(sent.starts_with(&format!(r#"{{"SendMessageResponse":{{{metadata},"SendMessageResult":{{"MD5OfMessageAttributes":null,"#)), "{sent}");
}

#[test]
fn an_sns_map_in_json_is_an_object() {
    let attributes = Some([("TopicArn".to_owned(), "arn".to_owned())].into());
    let output = cloudlet_api_sns::GetTopicAttributesResponse { attributes };
    let answer = codec_for(Protocol::Query, Some("application/json")).encode(cloudlet_api_sns::GetTopicAttributes::SCHEMA, &output, &IDS);
    assert!(text(&answer).contains(r#"{"GetTopicAttributesResult":{"Attributes":{"TopicArn":"arn"}},"#));
}

#[test]
fn the_query_protocol_answers_xml_to_other_clients() {
    for accept in [None, Some("*/*"), Some("text/xml"), Some("text/xml, application/json")] {
        let answer = codec_for(Protocol::Query, accept).encode(ReceiveMessage::SCHEMA, &ReceiveMessageResult::default(), &IDS);
        assert_eq!(answer.header("content-type"), Some("text/xml"));
        let body = text(&answer);
        assert!(body.contains("><ReceiveMessageResult/><ResponseMetadata>"), "{body}");
    }
}

#[test]
fn an_unknown_operation_in_the_query_protocol_is_xml_whatever_is_accepted() {
    let unknown = FaultKind::sender("UnknownOperationException", 404).says("");
    for accept in [None, Some("application/json")] {
        let answer = codec_for(Protocol::Query, accept).fault(&cloudlet_api_sqs::SERVICE, &unknown, &IDS);
        assert_eq!((answer.status, answer.header("content-type"), text(&answer).as_str()), (404, None, "<UnknownOperationException/>\n"));
    }
}

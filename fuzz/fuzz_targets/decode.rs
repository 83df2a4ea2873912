//! The decoder of every protocol, into generated shapes; what was read is the same after a round trip through the neutral JSON.
#![no_main]

use bytes::Bytes;
use cloudlet_api_ec2 as ec2;
use cloudlet_api_iam as iam;
use cloudlet_api_lambda as lambda;
use cloudlet_api_s3 as s3;
use cloudlet_api_sesv2 as sesv2;
use cloudlet_api_sns as sns;
use cloudlet_api_sqs as sqs;
use cloudlet_api_ssm as ssm;
use cloudlet_api_states as states;
use cloudlet_api_sts as sts;
use cloudlet_fuzz::{Request, SERVICES, names};
use cloudlet_shape::{Operation, Typed};
use cloudlet_wire::{Content, Incoming, Recognizer, codec, from_json, to_json, validate};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static RECOGNIZER: LazyLock<Recognizer> = LazyLock::new(|| Recognizer::new(&SERVICES, &names()));

fn decode<O: Operation>(request: &Request<'_>)
where
    O::Input: Typed,
{
    let head = request.head();
    // The path's labels, if the path is one of this operation.
    let labels = RECOGNIZER.service(&head).and_then(|recognized| RECOGNIZER.operation(&recognized, &head, request.path, Some(request.body)).ok());
    let labels = labels.map(|routed| routed.labels).unwrap_or_default();
    for protocol in [O::SCHEMA.service.protocol].iter().chain(O::SCHEMA.service.also) {
        let mut input = None;
        let body = Content::Whole(Bytes::copy_from_slice(request.body));
        let decoded = codec(*protocol).decode(O::SCHEMA, Incoming { head: &head, labels: &labels, body }, &mut |reader| {
            input = Some(<O::Input as Typed>::read(reader, <O::Input as Typed>::TARGET)?);
            Ok(())
        });
        let (Ok(missing), Some(input)) = (decoded, input) else { continue };
        validate(O::SCHEMA.input, &input, &missing);
        let text = to_json(&input);
        let again: O::Input = from_json(&text).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        assert_eq!(to_json(&again), text);
    }
}

macro_rules! operations {
    ($($operation:path),* $(,)?) => { [$(decode::<$operation>),*] };
}

fuzz_target!(|bytes: &[u8]| {
    let operations = operations![
        sqs::SendMessageBatch,
        sqs::ReceiveMessage,
        sqs::SetQueueAttributes,
        sts::AssumeRole,
        iam::CreateUser,
        iam::SimulateCustomPolicy,
        sns::PublishBatch,
        ssm::PutParameter,
        ssm::CreateMaintenanceWindow,
        states::CreateStateMachine,
        states::StartExecution,
        ec2::AuthorizeSecurityGroupIngress,
        ec2::CreateSecurityGroup,
        lambda::CreateFunction,
        lambda::ListFunctions,
        sesv2::SendEmail,
        s3::DeleteObjects,
        s3::CompleteMultipartUpload,
        s3::PutBucketLifecycleConfiguration,
        s3::PutBucketAcl,
        s3::PutBucketNotificationConfiguration,
        s3::CopyObject,
        s3::ListObjectsV2,
        s3::CreateBucket,
        s3::SelectObjectContent,
    ];
    let Some((which, rest)) = bytes.split_first() else { return };
    if let Some(request) = Request::read(rest) {
        operations[usize::from(*which) % operations.len()](&request);
    }
});

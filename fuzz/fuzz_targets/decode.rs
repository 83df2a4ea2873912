//! The decoder of every protocol, into generated shapes; what was read is the same after a round trip through the neutral JSON.
#![no_main]

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
use cloudlet_fuzz::{Request, operations};
use libfuzzer_sys::fuzz_target;

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

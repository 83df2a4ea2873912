//! A cloud with Logs, and stand-ins for the services that it calls.

use crate::service;
use cloudlet_api_kms::{self as kms, Decrypt, DecryptRequest, DecryptResponse, GenerateDataKey, GenerateDataKeyRequest, GenerateDataKeyResponse};
use cloudlet_api_lambda::{self as lambda, InvocationRequest, InvocationResponse, Invoke};
use cloudlet_api_logs::*;
use cloudlet_api_s3::{self as s3, GetBucketAcl, GetBucketAclOutput, GetBucketAclRequest, PutObject, PutObjectOutput, PutObjectRequest};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use cloudlet_shape::BodyContent;
pub use cloudlet_testing::{Builder, other_account, user};
use flate2::read::GzDecoder;
use parking_lot::Mutex;
use std::{io::Read, ops::Deref, sync::Arc};

pub const DAY: u64 = 24 * 60 * 60;

/// Stands in for Lambda, KMS and S3: notes who asked for what, and refuses what it is told to.
#[derive(Default)]
pub struct Others {
    pub seen: Mutex<Vec<String>>,
    pub refuses: Mutex<bool>,
}

pub const REFUSED: FaultKind = FaultKind::sender("AccessDeniedException", 403);

impl Others {
    fn note(&self, line: String) -> Result<(), Fault> {
        if *self.refuses.lock() {
            return Err(REFUSED.says("no"));
        }
        self.seen.lock().push(line);
        Ok(())
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock())
    }
}

pub fn unzipped(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

macro_rules! stand_in {
    ($operation:ty, $input:ty, $output:ty, |$others:ident, $cx:ident, $given:ident| $result:expr) => {
        #[allow(unused_variables, reason = "not every stand-in needs all three")]
        impl Handle<$operation> for Others {
            fn permissions(&self, _: &Cx, _: &$input) -> Result<Permissions, Fault> {
                Ok(Permission::none())
            }

            async fn handle(&self, $cx: &Cx, $given: $input) -> Result<$output, Fault> {
                let $others = self;
                $result
            }
        }
    };
}

stand_in!(Invoke, InvocationRequest, InvocationResponse, |others, cx, input| {
    let payload = input.payload.map(|payload| String::from_utf8(payload.to_vec()).unwrap()).unwrap_or_default();
    others.note(format!("{} {} {} {payload}", cx.caller.arn, input.invocation_type.unwrap_or_default(), input.function_name))?;
    Ok(InvocationResponse::default())
});
stand_in!(GenerateDataKey, GenerateDataKeyRequest, GenerateDataKeyResponse, |others, cx, input| {
    others.note(format!("{} {:?}", cx.caller.arn, input.encryption_context))?;
    Ok(GenerateDataKeyResponse { ciphertext_blob: Some("key".into()), ..Default::default() })
});
stand_in!(Decrypt, DecryptRequest, DecryptResponse, |others, cx, input| {
    others.note(format!("{} decrypts", cx.caller.arn))?;
    Ok(DecryptResponse::default())
});
stand_in!(GetBucketAcl, GetBucketAclRequest, GetBucketAclOutput, |others, cx, input| {
    if input.bucket == "none" {
        return Err(FaultKind::sender("NoSuchBucket", 404).says("no"));
    }
    others.note(format!("acl of {}", input.bucket))?;
    Ok(GetBucketAclOutput::default())
});
stand_in!(PutObject, PutObjectRequest, PutObjectOutput, |others, cx, input| {
    let BodyContent::Whole(body) = input.body.unwrap().take() else { panic!("a body that streams") };
    let text = if input.key.ends_with(".gz") { unzipped(&body) } else { String::from_utf8(body.to_vec()).unwrap() };
    others.note(format!("{}/{}: {text}", input.bucket, input.key))?;
    Ok(PutObjectOutput::default())
});

pub struct TestCloud {
    pub cloud: cloudlet_testing::TestCloud,
    pub others: Arc<Others>,
}

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud;

    fn deref(&self) -> &Self::Target {
        &self.cloud
    }
}

fn builder(others: &Arc<Others>) -> Builder {
    let builder = cloudlet_testing::TestCloud::builder().service(|parts| service(&parts.journal));
    let (for_lambda, for_kms, for_s3) = (others.clone(), others.clone(), others.clone());
    builder
        .service(move |_| Service::of(&lambda::SERVICE, for_lambda.clone()).handles::<Invoke>().build())
        .service(move |_| Service::of(&kms::SERVICE, for_kms.clone()).handles::<GenerateDataKey>().handles::<Decrypt>().build())
        .service(move |_| Service::of(&s3::SERVICE, for_s3.clone()).handles::<GetBucketAcl>().handles::<PutObject>().build())
}

impl TestCloud {
    pub fn new() -> TestCloud {
        let others = Arc::new(Others::default());
        TestCloud { cloud: builder(&others).build(), others }
    }

    pub fn journaled() -> TestCloud {
        let others = Arc::new(Others::default());
        TestCloud { cloud: builder(&others).journaled().build(), others }
    }

    pub fn restarted(&self) -> TestCloud {
        TestCloud { cloud: self.cloud.restart(), others: self.others.clone() }
    }

    pub async fn group(&self, name: &str) {
        self.ok::<CreateLogGroup>(CreateLogGroupRequest { log_group_name: name.into(), ..Default::default() }).await;
    }

    pub async fn stream(&self, group: &str, name: &str) {
        self.ok::<CreateLogStream>(CreateLogStreamRequest { log_group_name: group.into(), log_stream_name: name.into() }).await;
    }

    /// A cloud with a group `g` and its stream `s`.
    pub async fn with_stream() -> TestCloud {
        let cloud = TestCloud::new();
        cloud.group("g").await;
        cloud.stream("g", "s").await;
        cloud
    }

    pub async fn try_put(&self, group: &str, stream: &str, events: &[(i64, &str)]) -> Result<PutLogEventsResponse, Fault> {
        self.call::<PutLogEvents>(put(group, stream, events)).await
    }

    pub async fn put(&self, group: &str, stream: &str, events: &[(i64, &str)]) {
        self.try_put(group, stream, events).await.unwrap();
    }

    pub async fn get(&self, input: GetLogEventsRequest) -> GetLogEventsResponse {
        let group = Some("g".to_owned());
        self.ok::<GetLogEvents>(GetLogEventsRequest { log_group_name: group, log_stream_name: "s".into(), ..input }).await
    }

    pub async fn filter(&self, pattern: &str) -> Vec<String> {
        let input = FilterLogEventsRequest { log_group_name: Some("g".into()), filter_pattern: Some(pattern.into()), ..Default::default() };
        let events = self.ok::<FilterLogEvents>(input).await.events.unwrap();
        events.into_iter().map(|event| event.message.unwrap()).collect()
    }

    pub async fn streams(&self, input: DescribeLogStreamsRequest) -> Vec<String> {
        let input = DescribeLogStreamsRequest { log_group_name: Some("g".into()), ..input };
        self.ok::<DescribeLogStreams>(input).await.log_streams.unwrap().into_iter().map(|stream| stream.log_stream_name.unwrap()).collect()
    }
}

/// Events at so many milliseconds from the start of the test's clock.
pub fn put(group: &str, stream: &str, events: &[(i64, &str)]) -> PutLogEventsRequest {
    let event = |(time, message): &(i64, &str)| InputLogEvent { timestamp: cloudlet_testing::START.millis() + time, message: (*message).into() };
    PutLogEventsRequest {
        log_group_name: group.into(),
        log_stream_name: stream.into(),
        log_events: events.iter().map(event).collect(),
        ..Default::default()
    }
}

pub fn messages(response: &GetLogEventsResponse) -> Vec<&str> {
    response.events.as_ref().unwrap().iter().map(|event| event.message.as_deref().unwrap()).collect()
}

pub fn said(fault: &Fault) -> (&str, &str) {
    (fault.name(), fault.message())
}

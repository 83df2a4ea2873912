//! Delivery: the events of a bucket go to their targets in the order in which they happened, at least once.
//!
//! An event is a row of its bucket, written together with the change that it tells of, and removed when it is delivered.

use crate::{
    S3,
    access::{BucketHandle, gone},
    names,
    scheduled::{BucketInput, DeliverEvents},
    state::{Bucket, PendingEvent, TargetKind},
};
use bytes::Bytes;
use cloudlet_api_lambda::{InvocationRequest, Invoke};
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_api_sqs::{SendMessage, SendMessageRequest};
use cloudlet_aws::{Arn, Caller, Fault, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;
use std::sync::Arc;

pub const PRINCIPAL: &str = "s3.amazonaws.com";
/// Events that are delivered between two writes.
const BATCH: usize = 100;
/// After these a delivery is given up. AWS: does not say how often it tries.
const ATTEMPTS: u32 = 8;

pub struct Destination {
    pub kind: TargetKind,
    pub arn: Arn,
}

/// S3, acting for a bucket: `aws:SourceArn` is the bucket, `aws:SourceAccount` its owner.
fn caller(cx: &Cx, found: &BucketHandle) -> Caller {
    Caller { account: Some(found.bucket.owner), ..Caller::service(PRINCIPAL, Some(names::bucket_arn(cx, &found.name))) }
}

/// Sends a document to a queue, a topic or a function.
pub async fn send_to(cx: &Cx, found: &BucketHandle, destination: &Destination, body: &str) -> Result<(), Fault> {
    let arn = &destination.arn;
    let scope = arn.scope().ok_or_else(|| Fault::internal("a target without an account"))?;
    match destination.kind {
        TargetKind::Queue => {
            let queue_url = ["/", arn.account(), "/", arn.resource()].concat();
            let input = SendMessageRequest { queue_url, message_body: body.to_owned(), ..SendMessageRequest::default() };
            cx.call_ignoring_output::<SendMessage>(caller(cx, found), scope, input).await
        }
        TargetKind::Topic => {
            let input = PublishInput {
                topic_arn: Some(arn.to_string()),
                message: body.to_owned(),
                subject: Some("Amazon S3 Notification".to_owned()),
                ..PublishInput::default()
            };
            cx.call_ignoring_output::<Publish>(caller(cx, found), scope, input).await
        }
        TargetKind::Function => invoke(cx, found, destination, "Event", body).await,
    }
}

pub async fn invoke(cx: &Cx, found: &BucketHandle, destination: &Destination, invocation_type: &str, body: &str) -> Result<(), Fault> {
    let scope = destination.arn.scope().ok_or_else(|| Fault::internal("a function without an account"))?;
    let input = InvocationRequest {
        function_name: destination.arn.to_string(),
        invocation_type: Some(invocation_type.to_owned()),
        payload: Some(Bytes::from(body.to_owned())),
        ..InvocationRequest::default()
    };
    cx.call::<Invoke>(caller(cx, found), scope, input).await.map(drop)
}

impl S3 {
    /// Has the events of a bucket delivered: called after the write that added the first.
    pub fn schedule_events(&self, cx: &Cx, name: &str, bucket: &Bucket) {
        self.schedule_events_in(cx, name, bucket, 0);
    }

    fn schedule_events_in(&self, cx: &Cx, name: &str, bucket: &Bucket, seconds: i64) {
        let (scope, source) = (Scope::new(bucket.owner, bucket.region.clone()), names::bucket_arn(cx, name));
        let input = BucketInput { bucket: name.to_owned() };
        let due = cx.clock().now().plus_secs(seconds);
        if let Err(fault) = cx.schedule_keyed::<DeliverEvents>(format!("events/{name}"), due, PRINCIPAL, source, scope, input) {
            tracing::error!(%fault, bucket = name, "the events of a bucket are not scheduled");
        }
    }

    async fn deliver_events(&self, cx: &Cx, found: &BucketHandle) -> Result<(), Fault> {
        let _turn = self.turns.of(&found.name).await;
        loop {
            let batch: Vec<(u64, Arc<PendingEvent>)> = found
                .tables
                .read(|tables| tables.events.iter().take(BATCH).map(|(number, event)| (*number, event.clone())).collect())
                .ok_or_else(gone(&found.name))?;
            if batch.is_empty() {
                return Ok(());
            }
            let mut delivered = Vec::with_capacity(batch.len());
            let mut failed = None;
            for (number, event) in batch {
                match deliver(cx, found, &event).await {
                    None => delivered.push(number),
                    Some(left) => {
                        failed = Some((number, left));
                        break;
                    }
                }
            }
            let retry_in = failed.as_ref().map(|(_, left)| 1i64 << left.failed_attempts.min(8));
            found.tables.update(|tables| {
                for number in delivered {
                    tables.events.remove(&number);
                }
                if let Some((number, left)) = failed {
                    tables.events.insert(number, Arc::new(left));
                }
            });
            if let Some(seconds) = retry_in {
                self.schedule_events_in(cx, &found.name, &found.bucket, seconds);
                return Ok(());
            }
        }
    }
}

/// Delivers one event. Answers what is left of it when a service failed.
async fn deliver(cx: &Cx, found: &BucketHandle, event: &PendingEvent) -> Option<PendingEvent> {
    let mut left = PendingEvent { targets: vec![], failed_attempts: event.failed_attempts + 1 };
    for target in &event.targets {
        let Some(arn) = Arn::parse(&target.arn) else { continue };
        let destination = Destination { kind: target.kind, arn };
        let Err(fault) = send_to(cx, found, &destination, &target.body).await else { continue };
        let is_temporary = fault.status() >= 500 && fault.status() != 501;
        if is_temporary && left.failed_attempts < ATTEMPTS {
            left.targets.push(target.clone());
        } else {
            tracing::warn!(bucket = &*found.name, target = &*target.arn, %fault, "an event could not be delivered");
        }
    }
    (!left.targets.is_empty()).then_some(left)
}

impl Handle<DeliverEvents> for S3 {
    /// None for S3 itself; the service that it calls decides.
    fn permissions(&self, _: &Cx, _: &BucketInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: BucketInput) -> Result<Empty, Fault> {
        // A bucket that is gone took its events with it.
        if let Ok(found) = self.find_in_any_region(&input.bucket, None) {
            self.deliver_events(cx, &found).await?;
        }
        Ok(Empty {})
    }
}

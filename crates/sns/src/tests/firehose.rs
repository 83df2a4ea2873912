use super::fixture::*;
use cloudlet_api_firehose::{self as firehose, PutRecord, PutRecordInput, PutRecordOutput};
use cloudlet_api_sqs as sqs;
use cloudlet_api_sts::{self as sts, AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use parking_lot::Mutex;
use std::sync::Arc;

const STREAM: &str = "arn:aws:firehose:us-east-1:000000000000:deliverystream/stream";
const ROLE: &str = "arn:aws:iam::000000000000:role/feeder";

/// Stands in for Firehose and STS: records who put what, and who assumed which role.
#[derive(Default)]
struct Streams(Mutex<Vec<String>>);

impl Handle<PutRecord> for Streams {
    fn permissions(&self, _: &Cx, _: &PutRecordInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: PutRecordInput) -> Result<PutRecordOutput, Fault> {
        let text = String::from_utf8(input.record.data.to_vec()).unwrap();
        self.0.lock().push(format!("{} into {}: {text}", cx.caller.arn, input.delivery_stream_name));
        Ok(PutRecordOutput::default())
    }
}

impl Handle<AssumeRole> for Streams {
    fn permissions(&self, _: &Cx, _: &AssumeRoleRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        self.0.lock().push(format!("{} assumes {}", cx.caller.arn, input.role_arn));
        let user = AssumedRoleUser { arn: "arn:aws:sts::000000000000:assumed-role/feeder/sns".into(), assumed_role_id: "AROAX:sns".into() };
        let credentials = Credentials { access_key_id: "ASIAX".into(), ..Credentials::default() };
        Ok(AssumeRoleResponse { credentials: Some(credentials), assumed_role_user: Some(user), ..AssumeRoleResponse::default() })
    }
}

fn cloud() -> (TestCloud, Arc<Streams>) {
    let (queues, streams) = (Arc::new(Queues::default()), Arc::new(Streams::default()));
    let others = vec![
        Service::of(&firehose::SERVICE, streams.clone()).handles::<PutRecord>().build(),
        Service::of(&sts::SERVICE, streams.clone()).handles::<AssumeRole>().build(),
    ];
    let sqs = Service::of(&sqs::SERVICE, queues.clone()).handles::<sqs::SendMessage>().build();
    (TestCloud { queues, ..TestCloud::among(sqs, others) }, streams)
}

#[tokio::test]
async fn a_delivery_stream_receives_a_record_from_a_session_of_the_subscriptions_role() {
    let (cloud, streams) = cloud();
    let topic = cloud.topic("t", &[]).await;
    let subscription = cloud.subscribe(&topic, "firehose", STREAM, &[("SubscriptionRoleArn", ROLE)]).await;
    let id = cloud.publish(&topic, "hello").await.message_id.unwrap();
    let seen = std::mem::take(&mut *streams.0.lock());
    assert_eq!(seen[0], format!("sns.amazonaws.com assumes {ROLE}"));
    let line = format!(
        r#"{{"Type":"Notification","MessageId":"{id}","TopicArn":"{topic}","Message":"hello","Timestamp":"2025-11-24T16:00:00.000Z","UnsubscribeURL":"http://localhost:4566/?Action=Unsubscribe&SubscriptionArn={subscription}"}}"#
    );
    assert_eq!(seen[1], format!("arn:aws:sts::000000000000:assumed-role/feeder/sns into stream: {line}\n"));

    cloud.set(&subscription, "RawMessageDelivery", "true").await.unwrap();
    cloud.publish(&topic, "raw").await;
    // The session is used again.
    assert_eq!(*streams.0.lock(), ["arn:aws:sts::000000000000:assumed-role/feeder/sns into stream: raw"]);
    streams.0.lock().clear();
    cloud.pass(3_600).await;
    cloud.publish(&topic, "later").await;
    assert_eq!(streams.0.lock().len(), 2, "a new session, and the record");
}

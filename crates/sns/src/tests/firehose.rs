use super::fixture::*;
use cloudlet_api_firehose::{self as firehose, PutRecord, PutRecordInput, PutRecordOutput};
use cloudlet_api_sns::Subscribe;
use cloudlet_api_sts::{self as sts, AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use cloudlet_aws::{Fault, Identity};
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
        let Identity::Service { source: Some(source), .. } = &cx.caller.identity else { panic!("{:?}", cx.caller) };
        self.0.lock().push(format!("{} assumes {} for {source}", cx.caller.arn, input.role_arn));
        let user = AssumedRoleUser { arn: "arn:aws:sts::000000000000:assumed-role/feeder/sns".into(), assumed_role_id: "AROAX:sns".into() };
        let credentials = Credentials { access_key_id: "ASIAX".into(), ..Credentials::default() };
        Ok(AssumeRoleResponse { credentials: Some(credentials), assumed_role_user: Some(user), ..AssumeRoleResponse::default() })
    }
}

fn cloud() -> (TestCloud, Arc<Streams>) {
    let streams = Arc::new(Streams::default());
    let (firehose, sts) = (streams.clone(), streams.clone());
    let builder = builder().service(move |_| Service::of(&firehose::SERVICE, firehose.clone()).handles::<PutRecord>().build());
    let builder = builder.service(move |_| Service::of(&sts::SERVICE, sts.clone()).handles::<AssumeRole>().build());
    (TestCloud::with_queues(builder), streams)
}

#[tokio::test]
async fn a_delivery_stream_receives_a_record_from_a_session_of_the_subscriptions_role() {
    let (cloud, streams) = cloud();
    let topic = cloud.topic("t", &[]).await;
    let subscription = cloud.subscribe(&topic, "firehose", STREAM, &[("SubscriptionRoleArn", ROLE)]).await;
    let id = cloud.publish(&topic, "hello").await.message_id.unwrap();
    let seen = std::mem::take(&mut *streams.0.lock());
    assert_eq!(seen[0], format!("sns.amazonaws.com assumes {ROLE} for {topic}"));
    let line = format!(
        r#"{{"Type":"Notification","MessageId":"{id}","TopicArn":"{topic}","Message":"hello","Timestamp":"2025-11-24T16:00:00.000Z","UnsubscribeURL":"http://localhost:4566/?Action=Unsubscribe&SubscriptionArn={subscription}"}}"#
    );
    assert_eq!(seen[1], format!("arn:aws:sts::000000000000:assumed-role/feeder/sns into stream: {line}\n"));

    cloud.set(&subscription, "RawMessageDelivery", "true").await.unwrap();
    cloud.publish(&topic, "raw").await;
    assert_eq!(std::mem::take(&mut *streams.0.lock()), ["arn:aws:sts::000000000000:assumed-role/feeder/sns into stream: raw"]);
}

#[tokio::test]
async fn a_session_is_used_again_until_shortly_before_its_end_and_forgotten_by_a_reset() {
    let (cloud, streams) = cloud();
    let assumed = || std::mem::take(&mut *streams.0.lock()).iter().filter(|line| line.contains(" assumes ")).count();
    let subscribe = async || {
        let topic = cloud.topic("t", &[]).await;
        cloud.subscribe(&topic, "firehose", STREAM, &[("SubscriptionRoleArn", ROLE)]).await;
        topic
    };
    let topic = subscribe().await;
    for (seconds, expected) in [(0, 1), (0, 0), (839, 0), (1, 1), (839, 0), (100, 1)] {
        cloud.advance(seconds);
        cloud.publish(&topic, "hello").await;
        assert_eq!(assumed(), expected);
    }
    cloud.reset(None).await.unwrap();
    let topic = subscribe().await;
    cloud.publish(&topic, "hello").await;
    assert_eq!(assumed(), 1);
}

#[tokio::test]
async fn each_topic_assumes_the_role_for_itself() {
    let (cloud, streams) = cloud();
    for name in ["one", "two"] {
        let topic = cloud.topic(name, &[]).await;
        cloud.subscribe(&topic, "firehose", STREAM, &[("SubscriptionRoleArn", ROLE)]).await;
        cloud.publish(&topic, "hello").await;
        let seen = std::mem::take(&mut *streams.0.lock());
        assert_eq!(seen[0], format!("sns.amazonaws.com assumes {ROLE} for {topic}"));
    }
}

#[tokio::test]
async fn a_role_must_be_passed_to_sns() {
    let (cloud, _) = cloud();
    let topic = cloud.topic("t", &[]).await;
    let arn = cloud.subscribe(&topic, "firehose", STREAM, &[("SubscriptionRoleArn", ROLE)]).await;
    let policy =
        |actions: &str| format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":{actions},"Resource":"{topic}"}}]}}"#);
    cloud.set_topic(&topic, "Policy", &policy(r#"["SNS:Subscribe","SNS:GetTopicAttributes"]"#)).await.unwrap();
    let with_role = subscription(&topic, "firehose", STREAM, &[("SubscriptionRoleArn", ROLE)]);
    let fault = cloud.expect_fault_as::<Subscribe>(bob(), with_role).await;
    assert!(fault.message().contains(&format!("is not authorized to perform: iam:PassRole on resource: {ROLE}")), "{fault}");
    let without = subscription(&topic, "sqs", &queue_arn("q"), &[]);
    cloud.call_as::<Subscribe>(bob(), without).await.unwrap();
    cloud.set(&arn, "SubscriptionRoleArn", ROLE).await.unwrap();
    let passed = cloud.calls().into_iter().filter(|call| call.auth_records.iter().any(|record| record.action == "iam:PassRole"));
    assert_eq!(passed.map(|call| call.operation).collect::<Vec<_>>(), ["SetSubscriptionAttributes", "Subscribe", "Subscribe"]);
}

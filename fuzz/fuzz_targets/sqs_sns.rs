//! What SQS and SNS parse themselves: receipt handles, URLs, page tokens, and the policies in their attributes. The first byte selects one;
//! a text is split by `|` where an operation needs two. Any input is accepted or refused, and never a 5xx.
#![no_main]

use cloudlet_api_sns as sns;
use cloudlet_api_sqs as sqs;
use cloudlet_aws::Fault;
use cloudlet_cloud::Mode;
use cloudlet_shape::{Map, Operation};
use cloudlet_sqs::Urls;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

const QUEUE: &str = "/000000000000/queue";
const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:topic";
/// After this many inputs the cloud is built anew: messages are never removed, and subscribers accumulate.
const AGE: u32 = 1_000;

struct TestCloud {
    cloud: cloudlet_testing::TestCloud,
    runtime: tokio::runtime::Runtime,
    subscription: String,
    in_order: String,
    age: u32,
}

impl TestCloud {
    fn new() -> TestCloud {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let cloud = cloudlet_testing::TestCloud::builder()
            .service(|parts| cloudlet_sqs::service(&parts.journal, Urls::Endpoint))
            .service(|parts| cloudlet_sns::service(&parts.journal, parts.mailbox.clone(), cloudlet_sns::Options::default()))
            .mode(Mode::Off)
            .calls(0)
            .build();
        let mut cloud = TestCloud { cloud, runtime, subscription: String::new(), in_order: String::new(), age: 0 };
        for (name, fifo) in [("queue", false), ("dead", false), ("queue.fifo", true)] {
            let attributes = fifo.then(|| Map::from([("FifoQueue".to_owned(), "true".to_owned())])).unwrap_or_default();
            let input = sqs::CreateQueueRequest { queue_name: name.into(), attributes: Some(attributes), ..Default::default() };
            cloud.call::<sqs::CreateQueue>(input).unwrap();
        }
        cloud.call::<sqs::SendMessage>(sqs::SendMessageRequest { queue_url: QUEUE.into(), message_body: "m".into(), ..Default::default() }).unwrap();
        cloud.subscription = cloud.topic("topic", "queue", Map::new());
        let fifo = [("FifoTopic", "true"), ("ArchivePolicy", r#"{"MessageRetentionPeriod":1}"#)];
        cloud.in_order = cloud.topic("topic.fifo", "queue.fifo", fifo.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect());
        cloud
    }

    /// A topic with a subscribed queue; returns the subscription.
    fn topic(&self, topic: &str, queue: &str, attributes: Map<String>) -> String {
        let input = sns::CreateTopicInput { name: topic.into(), attributes: Some(attributes), ..Default::default() };
        let topic_arn = self.call::<sns::CreateTopic>(input).unwrap().topic_arn.unwrap();
        let endpoint = Some(format!("arn:aws:sqs:us-east-1:000000000000:{queue}"));
        let input = sns::SubscribeInput { topic_arn, protocol: "sqs".into(), endpoint, ..Default::default() };
        self.call::<sns::Subscribe>(input).unwrap().subscription_arn.unwrap()
    }

    fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        let answer = self.runtime.block_on(self.cloud.call::<O>(input));
        if let Err(fault) = &answer {
            assert!(fault.status() < 500, "{}: {fault:?}", O::SCHEMA.name);
        }
        answer
    }

    fn set_queue(&self, name: &str, value: &str) {
        let attributes = Map::from([(name.to_owned(), value.to_owned())]);
        let _ = self.call::<sqs::SetQueueAttributes>(sqs::SetQueueAttributesRequest { queue_url: QUEUE.into(), attributes });
        let all = Some(vec!["All".to_owned()]);
        self.call::<sqs::GetQueueAttributes>(sqs::GetQueueAttributesRequest { queue_url: QUEUE.into(), attribute_names: all }).unwrap();
    }

    fn set_topic(&self, topic: &str, name: &str, value: &str) {
        let (topic_arn, attribute_value) = (topic.to_owned(), Some(value.to_owned()));
        let _ = self.call::<sns::SetTopicAttributes>(sns::SetTopicAttributesInput { topic_arn, attribute_name: name.into(), attribute_value });
    }

    fn set_subscription(&self, subscription: &str, name: &str, value: &str) {
        let (subscription_arn, attribute_value) = (subscription.to_owned(), Some(value.to_owned()));
        let input = sns::SetSubscriptionAttributesInput { subscription_arn, attribute_name: name.into(), attribute_value };
        let _ = self.call::<sns::SetSubscriptionAttributes>(input);
        let input = sns::GetSubscriptionAttributesInput { subscription_arn: subscription.to_owned() };
        self.call::<sns::GetSubscriptionAttributes>(input).unwrap();
    }

    fn publish(&self, message: &str, attributes: &[(&str, &str)], structure: Option<&str>) {
        let attributes = attributes.iter().map(|(kind, value)| {
            let value = sns::MessageAttributeValue { data_type: (*kind).to_owned(), string_value: Some((*value).to_owned()), ..Default::default() };
            ("key".to_owned(), value)
        });
        let input = sns::PublishInput {
            topic_arn: Some(TOPIC.into()),
            message: message.into(),
            message_structure: structure.map(Into::into),
            message_attributes: Some(attributes.collect()),
            ..Default::default()
        };
        let _ = self.call::<sns::Publish>(input);
    }

    fn run(&self, which: u8, text: &str) {
        let (one, two) = text.split_once('|').unwrap_or((text, text));
        let (own, other) = (|| one.to_owned(), || two.to_owned());
        match which % 20 {
            0 => drop(self.call::<sqs::DeleteMessage>(sqs::DeleteMessageRequest { queue_url: QUEUE.into(), receipt_handle: own() })),
            1 => drop(self.call::<sqs::ReceiveMessage>(sqs::ReceiveMessageRequest { queue_url: own(), ..Default::default() })),
            2 => self.set_queue("RedrivePolicy", text),
            3 => self.set_queue("RedriveAllowPolicy", text),
            4 => self.set_queue(one, two),
            5 => {
                let input = sqs::ListQueuesRequest { next_token: Some(own()), queue_name_prefix: Some(other()), max_results: Some(1) };
                drop(self.call::<sqs::ListQueues>(input));
            }
            6 => drop(self.call::<sqs::CancelMessageMoveTask>(sqs::CancelMessageMoveTaskRequest { task_handle: own() })),
            7 => {
                let input = sqs::StartMessageMoveTaskRequest { source_arn: own(), destination_arn: Some(other()), ..Default::default() };
                drop(self.call::<sqs::StartMessageMoveTask>(input));
            }
            8 => {
                self.set_subscription(&self.subscription, "FilterPolicyScope", "MessageAttributes");
                self.set_subscription(&self.subscription, "FilterPolicy", one);
                for kind in ["String", "String.Array", "Number"] {
                    self.publish("m", &[(kind, two)], None);
                }
            }
            9 => {
                self.set_subscription(&self.subscription, "FilterPolicyScope", "MessageBody");
                self.set_subscription(&self.subscription, "FilterPolicy", one);
                self.publish(two, &[], None);
            }
            10 => self.set_subscription(&self.subscription, "DeliveryPolicy", text),
            11 => self.set_topic(TOPIC, "DeliveryPolicy", text),
            12 => self.set_subscription(&self.subscription, "RedrivePolicy", text),
            13 => self.set_subscription(&self.in_order, "ReplayPolicy", text),
            14 => self.set_topic("arn:aws:sns:us-east-1:000000000000:topic.fifo", "ArchivePolicy", text),
            15 => self.publish(text, &[], Some("json")),
            16 => drop(self.call::<sns::ListSubscriptionsByTopic>(sns::ListSubscriptionsByTopicInput { topic_arn: TOPIC.into(), next_token: Some(own()) })),
            17 => {
                let input = sns::ConfirmSubscriptionInput { topic_arn: other(), token: own(), ..Default::default() };
                drop(self.call::<sns::ConfirmSubscription>(input));
            }
            18 => {
                let input = sns::SubscribeInput { topic_arn: TOPIC.into(), protocol: own(), endpoint: Some(other()), ..Default::default() };
                drop(self.call::<sns::Subscribe>(input));
            }
            _ => {
                let input = sns::PublishInput { phone_number: Some(own()), message: other(), ..Default::default() };
                drop(self.call::<sns::Publish>(input));
            }
        }
    }
}

thread_local! {
    static CLOUD: RefCell<TestCloud> = RefCell::new(TestCloud::new());
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    CLOUD.with_borrow_mut(|cloud| {
        cloud.run(*which, text);
        cloud.age += 1;
        if cloud.age > AGE {
            *cloud = TestCloud::new();
        }
    });
});

//! Deliveries: one attempt, its outcome, and what follows: another attempt later, a dead letter, or nothing.
//!
//! What waits is on the agenda as a call of `Deliver`, an operation that no client can name.

use crate::{
    Sns, delivery_policy,
    notifications::Question,
    state::{Attribute, AttributeValue, Message, Name, Pace, Protocol, Subscription, Topic},
};
use bytes::Bytes;
use cloudlet_api_lambda::{InvocationRequest, Invoke};
use cloudlet_api_sqs::{MessageAttributeValue, SendMessage, SendMessageRequest};
use cloudlet_aws::{Arn, Caller, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, HttpRequest, Permission, Permissions, SendError};
use cloudlet_mailbox::{Channel, Mail};
use cloudlet_shape::{Empty, Map, Shape};
use delivery_policy::Retries;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub const PRINCIPAL: &str = "sns.amazonaws.com";

/// How long an HTTP endpoint may take. <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

/// Everything one attempt needs, the same for each of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub kind: Kind,
    pub topic: Arn,
    pub subscription: Arn,
    pub protocol: Protocol,
    pub endpoint: String,
    pub message_id: Name,
    pub raw: bool,
    pub body: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<Attribute>,
    pub subject: Option<String>,
    /// Who sends, as mail and text messages show it.
    pub sender: String,
    pub group: Option<String>,
    pub deduplication: Option<String>,
    pub sequence: Option<u64>,
    /// Attempts that failed.
    pub failed: u32,
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Outcome {
    Delivered,
    /// The other side's fault: another attempt may do.
    Later(String),
    /// Nothing that another attempt would change.
    Never(String),
}

impl Delivery {
    /// A notification on its way to a subscriber, with the body that it is due.
    pub fn notification(topic: &Topic, message: &Message, to: &Subscription, body: String) -> Delivery {
        let carries = to.settings.raw && to.protocol == Protocol::Sqs;
        Delivery {
            kind: Kind::Notification,
            topic: topic.arn.clone(),
            subscription: to.arn.clone(),
            protocol: to.protocol,
            endpoint: to.endpoint.clone(),
            message_id: message.id.clone(),
            raw: to.settings.raw,
            body,
            attributes: if carries { message.attributes.clone() } else { Map::new() },
            subject: message.subject.clone(),
            sender: topic.display_name.clone(),
            group: message.group.clone(),
            deduplication: message.deduplication.clone(),
            sequence: message.sequence,
            failed: 0,
        }
    }

    pub fn question(question: Question, id: &str, to: &Subscription, body: String) -> Delivery {
        Delivery {
            kind: match question {
                Question::Subscribe => Kind::SubscriptionConfirmation,
                Question::Unsubscribe => Kind::UnsubscribeConfirmation,
            },
            topic: to.topic.clone(),
            subscription: to.arn.clone(),
            protocol: to.protocol,
            endpoint: to.endpoint.clone(),
            message_id: id.into(),
            raw: false,
            body,
            attributes: Map::new(),
            subject: None,
            sender: String::new(),
            group: None,
            deduplication: None,
            sequence: None,
            failed: 0,
        }
    }

    fn caller(&self) -> Caller {
        Caller::service(PRINCIPAL, Some(self.topic.clone()))
    }

    fn http_request(&self, content_type: &str) -> HttpRequest {
        let kind = match self.kind {
            Kind::Notification => "Notification",
            Kind::SubscriptionConfirmation => Question::Subscribe.name(),
            Kind::UnsubscribeConfirmation => Question::Unsubscribe.name(),
        };
        let mut headers = vec![
            ("x-amz-sns-message-type", kind.to_owned()),
            ("x-amz-sns-message-id", self.message_id.to_string()),
            ("x-amz-sns-topic-arn", self.topic.to_string()),
            ("content-type", content_type.to_owned()),
            ("user-agent", "Amazon Simple Notification Service Agent".to_owned()),
            ("accept-encoding", "gzip,deflate".to_owned()),
        ];
        if self.kind != Kind::SubscriptionConfirmation {
            headers.push(("x-amz-sns-subscription-arn", self.subscription.to_string()));
        }
        if self.raw {
            headers.push(("x-amz-sns-rawdelivery", "true".to_owned()));
        }
        HttpRequest { method: "POST", to: self.endpoint.clone(), headers, body: Bytes::from(self.body.clone()), timeout: PATIENCE }
    }

    fn message(&self, queue: &Arn) -> SendMessageRequest {
        let to_fifo = queue.resource().ends_with(".fifo");
        SendMessageRequest {
            // AWS: of a FIFO topic, the groups reach FIFO queues only (observed by LocalStack).
            message_group_id: self.group.clone().filter(|_| to_fifo || self.sequence.is_none()),
            message_deduplication_id: self.deduplication.clone().filter(|_| to_fifo),
            ..queued(queue, self.body.clone(), &self.attributes)
        }
    }

    /// For a human: it stays in the mailbox.
    pub fn mail(&self, at: Timestamp) -> Mail {
        let (channel, from) = match self.protocol {
            Protocol::Sms => (Channel::Sms, if self.sender.is_empty() { "NOTICE".to_owned() } else { self.sender.clone() }),
            Protocol::Application => (Channel::Push, self.topic.to_string()),
            Protocol::Http | Protocol::Https => (Channel::Chat, self.topic.to_string()),
            _ if self.sender.is_empty() => (Channel::Email, "AWS Notifications <no-reply@sns.amazonaws.com>".to_owned()),
            _ => (Channel::Email, format!("{} <no-reply@sns.amazonaws.com>", self.sender)),
        };
        let subject = (channel == Channel::Email).then(|| match self.kind {
            Kind::SubscriptionConfirmation => "AWS Notification - Subscription Confirmation".to_owned(),
            Kind::UnsubscribeConfirmation => "AWS Notification - Unsubscribe Confirmation".to_owned(),
            Kind::Notification => self.subject.clone().unwrap_or_else(|| "AWS Notification Message".to_owned()),
        });
        Mail {
            at,
            channel,
            service: "sns".to_owned(),
            source: Some(self.topic.to_string()),
            from,
            to: vec![self.endpoint.clone()],
            subject,
            body: self.body.clone(),
            html: None,
            fields: vec![("MessageId".to_owned(), self.message_id.to_string())],
        }
    }
}

/// What a queue is sent.
fn queued(queue: &Arn, body: String, attributes: &Map<Attribute>) -> SendMessageRequest {
    let attributes: Map<_> = attributes.iter().map(|(name, attribute)| (name.clone(), carried(attribute))).collect();
    SendMessageRequest {
        queue_url: ["/", queue.account(), "/", queue.resource()].concat(),
        message_body: body,
        message_attributes: Some(attributes).filter(|attributes| !attributes.is_empty()),
        ..SendMessageRequest::default()
    }
}

fn carried(attribute: &Attribute) -> MessageAttributeValue {
    let (string_value, binary_value) = match &attribute.value {
        AttributeValue::Text(text) => (Some(text.clone()), None),
        AttributeValue::Binary(bytes) => (None, Some(bytes.clone())),
    };
    MessageAttributeValue { string_value, binary_value, data_type: attribute.kind.clone(), ..MessageAttributeValue::default() }
}

/// AWS Chatbot's address: its posts are shown in the mailbox instead of leaving for the internet.
pub fn is_chatbot(endpoint: &str) -> bool {
    endpoint.starts_with("https://global.sns-api.chatbot.amazonaws.com")
}

/// A fault of the other side may pass; a refusal does not.
pub fn outcome<T>(answer: Result<T, Fault>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Delivered,
        // What this house does not have, it will not have in 23 days either.
        Err(fault) if fault.status() == 501 => Outcome::Never(fault.to_string()),
        Err(fault) if fault.status() >= 500 || fault.status() == 429 => Outcome::Later(fault.to_string()),
        Err(fault) => Outcome::Never(fault.to_string()),
    }
}

fn too_many_attributes() -> Outcome {
    Outcome::Never("a raw delivery to SQS carries ten attributes at most".to_owned())
}

impl Sns {
    /// One attempt.
    pub async fn attempt(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        match delivery.protocol {
            Protocol::Http | Protocol::Https if !is_chatbot(&delivery.endpoint) => self.post(cx, delivery).await,
            Protocol::Sqs => match Arn::parse(&delivery.endpoint).and_then(|queue| Some((queue.scope()?, queue))) {
                Some((scope, queue)) => {
                    if delivery.attributes.len() > crate::limits::RAW_ATTRIBUTES {
                        return too_many_attributes();
                    }
                    outcome(cx.call_ignoring_output::<SendMessage>(delivery.caller(), scope, delivery.message(&queue)).await)
                }
                None => Outcome::Never("the endpoint is no queue".to_owned()),
            },
            Protocol::Lambda => match Arn::parse(&delivery.endpoint).and_then(|function| function.scope()) {
                Some(scope) => {
                    let input = InvocationRequest {
                        function_name: delivery.endpoint.clone(),
                        invocation_type: Some("Event".to_owned()),
                        payload: Some(Bytes::from(delivery.body.clone())),
                        ..InvocationRequest::default()
                    };
                    outcome(cx.call::<Invoke>(delivery.caller(), scope, input).await)
                }
                None => Outcome::Never("the endpoint is no function".to_owned()),
            },
            Protocol::Firehose => Box::pin(self.put_record(cx, delivery)).await,
            Protocol::Application => self.push(cx, delivery),
            Protocol::Http | Protocol::Https | Protocol::Email | Protocol::EmailJson | Protocol::Sms => {
                self.mailbox.put(delivery.mail(cx.clock().now()));
                Outcome::Delivered
            }
        }
    }

    async fn post(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        // AWS: a policy's type is that of notifications (observed by LocalStack).
        let asked_for = (delivery.kind == Kind::Notification).then(|| self.manners(delivery).1).flatten();
        let kind = asked_for.unwrap_or_else(|| delivery_policy::CONTENT_TYPE.to_owned());
        match cx.send(delivery.http_request(&kind)).await {
            Ok(response) if (200..300).contains(&response.status) => Outcome::Delivered,
            Ok(response) if response.status >= 500 || response.status == 429 => Outcome::Later(format!("status {}", response.status)),
            Ok(response) => Outcome::Never(format!("status {}", response.status)),
            Err(SendError::InvalidAddress(why)) => Outcome::Never(why),
            Err(lost) => Outcome::Later(lost.to_string()),
        }
    }

    /// How an endpoint wants to be treated: how often at most, with which content type, and how often again.
    fn manners(&self, delivery: &Delivery) -> (Option<u32>, Option<String>, Retries) {
        self.store.read(|state| {
            let topic = state.topics.get(&delivery.topic).and_then(|topic| topic.delivery.as_ref());
            let own = state.subscriptions.get(&delivery.subscription).and_then(|subscription| subscription.settings.delivery.as_ref());
            let effective = delivery_policy::effective(topic, own);
            (effective.manners.most_per_second, effective.manners.content_type, effective.retries)
        })
    }

    /// Puts a delivery on the agenda, not before an instant, and not in a second that has had its share.
    pub fn schedule(&self, cx: &Cx, delivery: &Delivery, due: Timestamp) {
        let due = if delivery.protocol.is_http() { self.paced(delivery, due) } else { due };
        let Ok(text) = serde_json::to_string(delivery) else { return };
        let scope = delivery.topic.scope().unwrap_or_else(|| cx.scope.clone());
        if let Err(fault) = cx.schedule::<Deliver>(due, PRINCIPAL, delivery.topic.clone(), scope, DeliverInput { delivery: text }) {
            tracing::error!(%fault, "a delivery is not scheduled");
        }
    }

    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy>: `maxReceivesPerSecond`
    fn paced(&self, delivery: &Delivery, due: Timestamp) -> Timestamp {
        let Some(most) = self.manners(delivery).0 else { return due };
        self.store.update(|state| {
            if !state.subscriptions.contains(&delivery.subscription) {
                return due;
            }
            let pace = state.paces.get_or_insert_with(delivery.subscription.clone(), Pace::default);
            if pace.second < due.secs() {
                *pace = Pace { second: due.secs(), used: 0 };
            } else if pace.used >= most {
                *pace = Pace { second: pace.second + 1, used: 0 };
            }
            pace.used += 1;
            due.max(Timestamp::from_secs(pace.second))
        })
    }

    /// The first attempt to bring a message of a standard topic to a queue: what nearly always happens to a message, and so
    /// done without a delivery that could be kept. Says how it failed, if it did.
    pub async fn hand_over(&self, cx: &Cx, caller: &Caller, message: &Message, to: &Subscription, body: String) -> Option<Outcome> {
        let none = Map::new();
        let attributes = if to.settings.raw { &message.attributes } else { &none };
        let Some((scope, queue)) = Arn::parse(&to.endpoint).and_then(|queue| Some((queue.scope()?, queue))) else {
            return Some(Outcome::Never("the endpoint is no queue".to_owned()));
        };
        if attributes.len() > crate::limits::RAW_ATTRIBUTES {
            return Some(too_many_attributes());
        }
        let input = SendMessageRequest {
            message_group_id: message.group.clone(),
            message_deduplication_id: message.deduplication.clone().filter(|_| queue.resource().ends_with(".fifo")),
            ..queued(&queue, body, attributes)
        };
        match outcome(cx.call_ignoring_output::<SendMessage>(caller.clone(), scope, input).await) {
            Outcome::Delivered => None,
            failed => Some(failed),
        }
    }

    /// An attempt, and what follows from it.
    pub async fn deliver(&self, cx: &Cx, delivery: Delivery) {
        let outcome = self.attempt(cx, &delivery).await;
        self.follow(cx, delivery, outcome).await;
    }

    /// What follows from an attempt.
    pub async fn follow(&self, cx: &Cx, mut delivery: Delivery, outcome: Outcome) {
        match outcome {
            Outcome::Delivered => {}
            Outcome::Later(why) => match self.delay(&delivery) {
                Some(delay) => {
                    delivery.failed += 1;
                    let due = cx.clock().now().plus_millis(delay);
                    self.schedule(cx, &delivery, due);
                }
                None => self.bury(cx, &delivery, &why).await,
            },
            Outcome::Never(why) => self.bury(cx, &delivery, &why).await,
        }
    }

    /// Milliseconds until the next attempt.
    pub fn delay(&self, delivery: &Delivery) -> Option<i64> {
        let retries = if delivery.protocol.is_http() { self.manners(delivery).2 } else { Retries::AWS_MANAGED };
        retries.delay(delivery.failed)
    }

    /// A dead letter, if the subscription has a queue for them.
    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html>
    pub async fn bury(&self, cx: &Cx, delivery: &Delivery, why: &str) {
        tracing::warn!(subscription = %delivery.subscription, message = &*delivery.message_id, why, "a delivery failed for good");
        if delivery.kind != Kind::Notification {
            return;
        }
        let target = self.store.read(|state| Some(state.subscriptions.get(&delivery.subscription)?.settings.redrive.as_ref()?.target.clone()));
        let Some((scope, queue)) = target.and_then(|queue| Some((queue.scope()?, queue))) else { return };
        let mut input = delivery.message(&queue);
        // AWS: unverified which; more a queue cannot be sent, and the letter is not lost for them.
        if let Some(attributes) = input.message_attributes.take() {
            input.message_attributes = Some(attributes.into_iter().take(crate::limits::RAW_ATTRIBUTES).collect());
        }
        if queue.resource().ends_with(".fifo") && input.message_deduplication_id.is_none() {
            input.message_deduplication_id = Some(delivery.message_id.to_string());
        }
        if let Err(fault) = cx.call_ignoring_output::<SendMessage>(delivery.caller(), scope, input).await {
            tracing::warn!(queue = %queue, %fault, "a dead letter was refused");
        }
    }

    /// Whether a delivery that waited is still wanted.
    fn is_wanted(&self, delivery: &Delivery) -> bool {
        self.store.read(|state| match (&delivery.kind, state.subscriptions.get(&delivery.subscription)) {
            (Kind::UnsubscribeConfirmation, _) => true,
            (Kind::SubscriptionConfirmation, Some(subscription)) => !subscription.is_confirmed(),
            (Kind::Notification, Some(subscription)) => subscription.is_confirmed(),
            (_, None) => false,
        })
    }
}

/// A delivery that waits, as the agenda keeps it.
#[derive(Shape, Clone, Default)]
pub struct DeliverInput {
    /// JSON.
    pub delivery: String,
}

/// Something that is due of a subscription.
#[derive(Shape, Clone, Default)]
pub struct SubscriptionInput {
    pub subscription: String,
}

/// The operations that only the agenda calls. They are in no model, so no request is recognized as one.
mod own {
    use super::{DeliverInput, SubscriptionInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_sns::SERVICE;
        Deliver(DeliverInput) -> Empty {}
        ReplayMessages(SubscriptionInput) -> Empty {}
        ForgetUnconfirmed(SubscriptionInput) -> Empty {}
    }
}

pub use own::{Deliver, ForgetUnconfirmed, ReplayMessages};

impl Handle<Deliver> for Sns {
    /// SNS asks nobody to go on with what it has begun; whom it calls asks.
    fn permissions(&self, _: &Cx, _: &DeliverInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: DeliverInput) -> Result<Empty, Fault> {
        let delivery: Delivery = serde_json::from_str(&input.delivery).map_err(Fault::internal)?;
        if delivery.sequence.is_some() {
            self.go_on(cx, &delivery).await;
        } else if self.is_wanted(&delivery) {
            self.deliver(cx, delivery).await;
        }
        Ok(Empty {})
    }
}

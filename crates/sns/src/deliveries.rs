//! Delivery attempts: one attempt, its outcome, and what follows from it: a retry, the dead-letter queue, or nothing.
//! A retry is a scheduled call of `Deliver`.

use crate::{
    Sns,
    access::PRINCIPAL,
    delivery_policy::{self, EffectivePolicy, Retries},
    limits,
    scheduled::{Deliver, DeliverInput},
    state::{Attribute, AttributeValue, Delivery, MessageType, Protocol, ThrottleWindow},
};
use bytes::Bytes;
use cloudlet_api_lambda::{InvocationRequest, Invoke};
use cloudlet_api_sqs::{MessageAttributeValue, MessageSystemAttributeValue, SendMessage, SendMessageRequest};
use cloudlet_aws::{Arn, Caller, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, HttpRequest, Permission, Permissions, SendError};
use cloudlet_mailbox::{Channel, Mail};
use cloudlet_shape::{Empty, Map};
use std::time::Duration;

/// How long an HTTP endpoint may take to answer. <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>
const HTTP_TIMEOUT: Duration = Duration::from_secs(15);

/// The outcome of one attempt, with AWS's distinction: only server-side errors are retried.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>
#[derive(Debug)]
pub enum Outcome {
    Delivered,
    ServerError(String),
    ClientError(String),
}

impl Outcome {
    pub fn of<T>(answer: Result<T, Fault>) -> Outcome {
        match answer {
            Ok(_) => Outcome::Delivered,
            // A service that this server does not have will not appear within 23 days.
            Err(fault) if fault.status() == 501 => Outcome::ClientError(fault.to_string()),
            Err(fault) if is_server_error(fault.status()) => Outcome::ServerError(fault.to_string()),
            Err(fault) => Outcome::ClientError(fault.to_string()),
        }
    }
}

fn trace_attribute(header: &str) -> Map<MessageSystemAttributeValue> {
    let value = MessageSystemAttributeValue {
        data_type: "String".to_owned(),
        string_value: Some(header.to_owned()),
        ..MessageSystemAttributeValue::default()
    };
    [("AWSTraceHeader".to_owned(), value)].into()
}

fn is_server_error(status: u16) -> bool {
    status >= 500 || status == 429
}

/// AWS Chatbot's address: its posts are shown in the mailbox instead of being sent.
pub fn is_chatbot(endpoint: &str) -> bool {
    endpoint.starts_with("https://global.sns-api.chatbot.amazonaws.com")
}

impl Delivery {
    fn caller(&self) -> Caller {
        Caller::service(PRINCIPAL, Some(self.topic.clone()))
    }

    /// Whether it is sent to an HTTP endpoint of somebody, who may be slow.
    fn is_sent_by_http(&self) -> bool {
        self.protocol.is_http() && !is_chatbot(&self.endpoint)
    }

    fn http_request(&self, content_type: &str) -> HttpRequest {
        let mut headers = vec![
            ("x-amz-sns-message-type", self.message_type.name().to_owned()),
            ("x-amz-sns-message-id", self.message_id.to_string()),
            ("x-amz-sns-topic-arn", self.topic.to_string()),
            ("content-type", content_type.to_owned()),
            ("user-agent", "Amazon Simple Notification Service Agent".to_owned()),
            ("accept-encoding", "gzip,deflate".to_owned()),
        ];
        if self.message_type != MessageType::SubscriptionConfirmation {
            headers.push(("x-amz-sns-subscription-arn", self.subscription.to_string()));
        }
        if self.raw {
            headers.push(("x-amz-sns-rawdelivery", "true".to_owned()));
        }
        HttpRequest { method: "POST", to: self.endpoint.clone(), headers, body: Bytes::from(self.body.clone()), timeout: HTTP_TIMEOUT }
    }

    /// The message for a queue: the endpoint, or a dead-letter queue.
    fn queue_message(&self, queue: &Arn) -> SendMessageRequest {
        let to_fifo = queue.resource().ends_with(".fifo");
        let attribute = |attribute: &Attribute| {
            let (string_value, binary_value) = match &attribute.value {
                AttributeValue::Text(text) => (Some(text.clone()), None),
                AttributeValue::Binary(bytes) => (None, Some(bytes.clone())),
            };
            MessageAttributeValue { string_value, binary_value, data_type: attribute.data_type.clone(), ..MessageAttributeValue::default() }
        };
        let attributes = || self.attributes.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        SendMessageRequest {
            queue_url: ["/", queue.account(), "/", queue.resource()].concat(),
            message_body: self.body.clone(),
            message_attributes: (!self.attributes.is_empty()).then(attributes),
            message_system_attributes: self.trace_header.as_deref().map(trace_attribute),
            // AWS: the message groups of a FIFO topic reach FIFO queues only (observed by LocalStack).
            message_group_id: self.group.clone().filter(|_| to_fifo || self.sequence_number.is_none()),
            message_deduplication_id: self.deduplication_id.clone().filter(|_| to_fifo),
            ..SendMessageRequest::default()
        }
    }

    /// The entry of the mailbox, for what AWS would send to a person or a device.
    pub fn mail(&self, at: Timestamp) -> Mail {
        let (channel, from) = match self.protocol {
            Protocol::Sms => (Channel::Sms, if self.sender.is_empty() { "NOTICE".to_owned() } else { self.sender.clone() }),
            Protocol::Application => (Channel::Push, self.topic.to_string()),
            Protocol::Http | Protocol::Https => (Channel::Chat, self.topic.to_string()),
            _ if self.sender.is_empty() => (Channel::Email, "AWS Notifications <no-reply@sns.amazonaws.com>".to_owned()),
            _ => (Channel::Email, format!("{} <no-reply@sns.amazonaws.com>", self.sender)),
        };
        let subject = (channel == Channel::Email).then(|| match self.message_type {
            MessageType::SubscriptionConfirmation => "AWS Notification - Subscription Confirmation".to_owned(),
            MessageType::UnsubscribeConfirmation => "AWS Notification - Unsubscribe Confirmation".to_owned(),
            MessageType::Notification => self.subject.clone().unwrap_or_else(|| "AWS Notification Message".to_owned()),
        });
        Mail {
            source: Some(self.topic.to_string()),
            from,
            to: vec![self.endpoint.clone()],
            subject,
            body: self.body.clone(),
            fields: vec![("MessageId".to_owned(), self.message_id.to_string())],
            ..Mail::new(at, channel, "sns")
        }
    }
}

impl Sns {
    /// Begins a delivery. HTTP endpoints may be slow, so the publisher does not wait for them.
    pub async fn start_delivery(&self, cx: &Cx, delivery: Delivery) {
        if delivery.is_sent_by_http() {
            self.schedule_delivery(cx, &delivery, cx.clock().now());
        } else if delivery.sequence_number.is_some() {
            self.deliver_in_order(cx, delivery).await;
        } else {
            self.deliver(cx, delivery).await;
        }
    }

    /// An attempt, and its retry if it needs one.
    async fn deliver(&self, cx: &Cx, delivery: Delivery) {
        if let Some((delivery, due)) = self.attempt(cx, delivery).await {
            self.schedule_delivery(cx, &delivery, due);
        }
    }

    /// An attempt. Answers what is to be retried, and when; after the last failure the message goes to the dead-letter queue.
    pub async fn attempt(&self, cx: &Cx, mut delivery: Delivery) -> Option<(Delivery, Timestamp)> {
        let outcome = self.send(cx, &delivery).await;
        Box::pin(self.log_status(cx, &delivery, &outcome)).await;
        let error = match outcome {
            Outcome::Delivered => return None,
            Outcome::ClientError(error) => error,
            Outcome::ServerError(error) => match self.retry_delay(&delivery) {
                Some(delay) => {
                    delivery.failed_attempts += 1;
                    return Some((delivery, cx.clock().now().plus_millis(delay)));
                }
                None => error,
            },
        };
        Box::pin(self.send_to_dead_letter_queue(cx, &delivery, &error)).await;
        None
    }

    async fn send(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        match delivery.protocol {
            Protocol::Sqs => self.send_to_queue(cx, delivery).await,
            Protocol::Lambda => Box::pin(self.invoke(cx, delivery)).await,
            Protocol::Firehose => Box::pin(self.put_record(cx, delivery)).await,
            Protocol::Application => self.push(cx, delivery),
            Protocol::Http | Protocol::Https if delivery.is_sent_by_http() => Box::pin(self.post(cx, delivery)).await,
            Protocol::Http | Protocol::Https | Protocol::Email | Protocol::EmailJson | Protocol::Sms => {
                self.mailbox.put(delivery.mail(cx.clock().now()));
                Outcome::Delivered
            }
        }
    }

    async fn send_to_queue(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        let Some((scope, queue)) = Arn::parse(&delivery.endpoint).and_then(|queue| Some((queue.scope()?, queue))) else {
            return Outcome::ClientError("the endpoint is no queue".to_owned());
        };
        if delivery.attributes.len() > limits::RAW_ATTRIBUTES {
            return Outcome::ClientError("a raw delivery to SQS carries ten attributes at most".to_owned());
        }
        Outcome::of(cx.call_ignoring_output::<SendMessage>(delivery.caller(), scope, delivery.queue_message(&queue)).await)
    }

    async fn invoke(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        let Some(scope) = Arn::parse(&delivery.endpoint).and_then(|function| function.scope()) else {
            return Outcome::ClientError("the endpoint is no function".to_owned());
        };
        let input = InvocationRequest {
            function_name: delivery.endpoint.clone(),
            invocation_type: Some("Event".to_owned()),
            payload: Some(Bytes::from(delivery.body.clone())),
            ..InvocationRequest::default()
        };
        Outcome::of(cx.call::<Invoke>(delivery.caller(), scope, input).await)
    }

    async fn post(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        // AWS: the policy's content type is for notifications only (observed by LocalStack).
        let is_notification = delivery.message_type == MessageType::Notification;
        let content_type = is_notification.then(|| self.effective_policy(delivery).content_type).flatten();
        match cx.send(delivery.http_request(content_type.as_deref().unwrap_or(delivery_policy::CONTENT_TYPE))).await {
            Ok(response) if (200..300).contains(&response.status) => Outcome::Delivered,
            Ok(response) if is_server_error(response.status) => Outcome::ServerError(format!("status {}", response.status)),
            Ok(response) => Outcome::ClientError(format!("status {}", response.status)),
            Err(SendError::InvalidAddress(why)) => Outcome::ClientError(why),
            Err(error) => Outcome::ServerError(error.to_string()),
        }
    }

    fn effective_policy(&self, delivery: &Delivery) -> EffectivePolicy {
        self.store.read(|state| {
            let topic = state.topics.get(&delivery.topic).and_then(|topic| topic.delivery_policy.as_ref());
            let subscription = state.subscriptions.get(&delivery.subscription);
            EffectivePolicy::of(topic, subscription.and_then(|subscription| subscription.attributes.delivery_policy.as_ref()))
        })
    }

    /// Schedules an attempt: not before an instant, and not in a second that has had its number of deliveries.
    pub fn schedule_delivery(&self, cx: &Cx, delivery: &Delivery, due: Timestamp) {
        let due = if delivery.protocol.is_http() { self.throttled(delivery, due) } else { due };
        let Ok(text) = serde_json::to_string(delivery) else { return };
        let scope = delivery.topic.scope().unwrap_or_else(|| cx.scope.clone());
        if let Err(fault) = cx.schedule::<Deliver>(due, PRINCIPAL, delivery.topic.clone(), scope, DeliverInput { delivery: text }) {
            tracing::error!(%fault, "a delivery is not scheduled");
        }
    }

    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy>: `maxReceivesPerSecond`
    fn throttled(&self, delivery: &Delivery, due: Timestamp) -> Timestamp {
        let Some(most) = self.effective_policy(delivery).max_receives_per_second else { return due };
        self.store.update(|state| {
            if !state.subscriptions.contains(&delivery.subscription) {
                return due;
            }
            let window = state.throttle_windows.get_or_insert_with(delivery.subscription.clone(), ThrottleWindow::default);
            if window.second < due.secs() {
                *window = ThrottleWindow { second: due.secs(), deliveries: 0 };
            } else if window.deliveries >= most {
                *window = ThrottleWindow { second: window.second + 1, deliveries: 0 };
            }
            window.deliveries += 1;
            due.max(Timestamp::from_secs(window.second))
        })
    }

    /// Milliseconds until the next attempt.
    fn retry_delay(&self, delivery: &Delivery) -> Option<i64> {
        let retries = if delivery.protocol.is_http() { self.effective_policy(delivery).retries } else { Retries::AWS_MANAGED };
        retries.delay(delivery.failed_attempts)
    }

    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html>
    async fn send_to_dead_letter_queue(&self, cx: &Cx, delivery: &Delivery, error: &str) {
        tracing::warn!(subscription = %delivery.subscription, message = &*delivery.message_id, error, "a message could not be delivered");
        if delivery.message_type != MessageType::Notification {
            return;
        }
        let policy = |state: &crate::state::State| state.subscriptions.get(&delivery.subscription)?.attributes.redrive_policy.clone();
        let Some(queue) = self.store.read(policy).map(|policy| policy.dead_letter_target) else { return };
        let Some(scope) = queue.scope() else { return };
        let mut input = delivery.queue_message(&queue);
        // AWS: unverified which ten. A queue takes no more, and the message is not lost for them.
        if let Some(attributes) = input.message_attributes.take() {
            input.message_attributes = Some(attributes.into_iter().take(limits::RAW_ATTRIBUTES).collect());
        }
        if queue.resource().ends_with(".fifo") && input.message_deduplication_id.is_none() {
            input.message_deduplication_id = Some(delivery.message_id.to_string());
        }
        if let Err(fault) = cx.call_ignoring_output::<SendMessage>(delivery.caller(), scope, input).await {
            tracing::warn!(queue = %queue, %fault, "a dead-letter queue refused a message");
        }
    }

    /// Whether a delivery that waited is still to be made.
    pub fn is_wanted(&self, delivery: &Delivery) -> bool {
        self.store.read(|state| match (delivery.message_type, state.subscriptions.get(&delivery.subscription)) {
            (MessageType::UnsubscribeConfirmation, _) => true,
            (MessageType::SubscriptionConfirmation, Some(subscription)) => !subscription.is_confirmed(),
            (MessageType::Notification, Some(subscription)) => subscription.is_confirmed(),
            (_, None) => false,
        })
    }
}

impl Handle<Deliver> for Sns {
    /// None for SNS itself; the service that it calls decides.
    fn permissions(&self, _: &Cx, _: &DeliverInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: DeliverInput) -> Result<Empty, Fault> {
        let delivery: Delivery = serde_json::from_str(&input.delivery).map_err(Fault::internal)?;
        if delivery.sequence_number.is_some() {
            self.resume_group(cx, &delivery).await;
        } else if self.is_wanted(&delivery) {
            self.deliver(cx, delivery).await;
        }
        Ok(Empty {})
    }
}

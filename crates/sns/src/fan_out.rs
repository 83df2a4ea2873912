//! From a message to its deliveries: which subscriptions take it, and what each of them is sent.

use crate::{
    Sns, archive,
    filter::FilterScope,
    notifications::{MessageSource, Renderer},
    platforms, sms,
    state::{Content, Delivery, Message, Protocol, Subscription, Topic},
};
use cloudlet_engine::Cx;
use serde_json::Value;
use std::sync::Arc;

impl Sns {
    /// Begins the delivery of a message to every subscription that takes it.
    pub async fn fan_out(&self, cx: &Cx, topic: &Topic, message: &Message) {
        let confirmed = |subscription: &&Arc<Subscription>| subscription.is_confirmed();
        let subscriptions: Vec<Arc<Subscription>> =
            self.store.read(|state| state.subscriptions_of(&topic.arn, None).filter(confirmed).cloned().collect());
        let mut filter = MessageFilter::new(message);
        let mut renderer = Renderer::new(self, cx, topic, message, MessageSource::Published);
        for subscription in subscriptions {
            if filter.accepts(&subscription)
                && !archive::is_replayed_to(&subscription, message)
                && let Some(delivery) = self.delivery(cx, &mut renderer, topic, message, &subscription)
            {
                self.start_delivery(cx, delivery).await;
            }
        }
    }

    /// The delivery of a message to a subscription; none to a phone that has opted out.
    pub fn delivery(&self, cx: &Cx, renderer: &mut Renderer<'_>, topic: &Topic, message: &Message, to: &Subscription) -> Option<Delivery> {
        match to.protocol {
            Protocol::Sms => sms::delivery(self, cx, topic, message, to),
            Protocol::Application => Some(platforms::delivery(topic, message, to)),
            _ => Some(Delivery::of_message(topic, message, to, renderer.body(to))),
        }
    }
}

/// Matches one message against the filter policies of subscriptions. Its body is parsed, and its attributes collected, at most once.
pub struct MessageFilter<'a> {
    message: &'a Message,
    attributes: Option<Value>,
    body: Option<Option<Value>>,
}

impl<'a> MessageFilter<'a> {
    pub fn new(message: &'a Message) -> MessageFilter<'a> {
        MessageFilter { message, attributes: None, body: None }
    }

    pub fn accepts(&mut self, subscription: &Subscription) -> bool {
        let Some(policy) = &subscription.attributes.filter_policy else { return true };
        match (policy.scope(), &self.message.content) {
            (FilterScope::MessageAttributes, _) => policy.matches(self.attributes.get_or_insert_with(|| self.message.attributes_for_filters())),
            (FilterScope::MessageBody, Content::Plain(text)) => {
                let body = self.body.get_or_insert_with(|| serde_json::from_str(text).ok());
                body.as_ref().is_some_and(|body| policy.matches(body))
            }
            (FilterScope::MessageBody, content) => {
                serde_json::from_str(content.text(subscription.protocol.name())).is_ok_and(|body| policy.matches(&body))
            }
        }
    }
}

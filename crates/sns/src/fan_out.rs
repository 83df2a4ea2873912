//! From a message to its deliveries: which subscriptions take it, and what each of them is sent.

use crate::{
    Sns, archive,
    message_filter::MessageFilter,
    notifications::{MessageSource, Renderer},
    platforms, sms,
    state::{Delivery, Message, Protocol, Subscription, Topic},
};
use cloudlet_engine::Cx;
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

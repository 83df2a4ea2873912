//! Replays from the archive of a FIFO topic.
//! <https://docs.aws.amazon.com/sns/latest/dg/fifo-message-archiving-replay.html>
//!
//! While a replay runs, its subscription receives messages from the archive only, in order. New messages are archived, too, and come
//! last. The replay is complete when it has caught up with them.

use crate::{
    Sns,
    access::PRINCIPAL,
    message_filter::MessageFilter,
    notifications::{MessageSource, Renderer},
    scheduled::{ReplayMessages, SubscriptionInput},
    state::{Message, ReplayStatus, Subscription},
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;
use std::sync::Arc;

/// Messages that are read from the archive at once.
const STEP: usize = 50;

/// Whether a subscription receives a message by a replay, and so must not receive it otherwise.
pub fn is_replayed_to(subscription: &Subscription, message: &Message) -> bool {
    let Some(replay) = &subscription.attributes.replay else { return false };
    let was_replayed = message.sequence_number.is_some_and(|number| number <= replay.last_replayed);
    replay.status != ReplayStatus::Completed || was_replayed
}

impl Sns {
    /// Begins the replay of a subscription's replay policy, if it has one and is confirmed.
    pub fn begin_replay(&self, cx: &Cx, subscription: &Arn) {
        let pending = self.store.read(|state| {
            let subscription = state.subscriptions.get(subscription)?;
            let replay = subscription.attributes.replay.as_ref()?;
            (subscription.is_confirmed() && replay.status == ReplayStatus::Pending).then(|| subscription.topic.clone())
        });
        let Some(topic) = pending else { return };
        let scope = topic.scope().unwrap_or_else(|| cx.scope.clone());
        if let Err(fault) =
            cx.schedule::<ReplayMessages>(cx.clock().now(), PRINCIPAL, topic, scope, SubscriptionInput { subscription: subscription.to_string() })
        {
            tracing::error!(%fault, "a replay is not scheduled");
        }
    }

    fn set_replay_status(&self, subscription: &str, status: ReplayStatus, last_replayed: Option<u64>) {
        self.store.update(|state| {
            state.change_subscription(subscription, |subscription| {
                if let Some(replay) = &mut subscription.attributes.replay {
                    replay.status = status;
                    replay.last_replayed = last_replayed.unwrap_or(replay.last_replayed);
                }
            })
        });
    }
}

impl Handle<ReplayMessages> for Sns {
    fn permissions(&self, _: &Cx, _: &SubscriptionInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: SubscriptionInput) -> Result<Empty, Fault> {
        let arn = input.subscription.as_str();
        // What is published after the replay began is delivered whatever its time.
        let mut last_before_replay = None;
        self.set_replay_status(arn, ReplayStatus::InProgress, None);
        loop {
            let found = self.store.read(|state| {
                let subscription = state.subscriptions.get(arn)?.clone();
                let topic = state.topics.get(&subscription.topic)?.clone();
                let replay = subscription.attributes.replay.clone().filter(|replay| replay.status == ReplayStatus::InProgress)?;
                Some((subscription, topic, replay))
            });
            let Some((subscription, topic, replay)) = found else { return Ok(Empty {}) };
            let batch = self.fifo_topics.read(&topic.arn, |fifo| {
                let last = fifo.last_sequence_number.get(&()).copied().unwrap_or_default();
                let batch: Vec<Arc<Message>> =
                    fifo.archive.range(replay.last_replayed + 1..).take(STEP).map(|(_, message)| message.clone()).collect();
                (last, batch)
            });
            let Some((last, batch)) = batch else { return Ok(Empty {}) };
            let last_before_replay = *last_before_replay.get_or_insert(last);
            if batch.is_empty() {
                // A message may have been published since.
                let done = self.store.update(|state| {
                    let caught_up = self.fifo_topics.read(&topic.arn, |fifo| fifo.archive.range(replay.last_replayed + 1..).next().is_none());
                    if caught_up != Some(false) {
                        state.change_subscription(arn, |subscription| {
                            if let Some(replay) = &mut subscription.attributes.replay {
                                replay.status = ReplayStatus::Completed;
                            }
                        });
                    }
                    caught_up != Some(false)
                });
                if done {
                    return Ok(Empty {});
                }
                continue;
            }
            for message in batch {
                let number = message.sequence_number.unwrap_or_default();
                let is_new = number > last_before_replay;
                let within = message.at >= replay.starting_point && replay.ending_point.is_none_or(|end| message.at <= end);
                if (within || is_new) && MessageFilter::new(&message).accepts(&subscription) {
                    let source = if is_new { MessageSource::Published } else { MessageSource::Archive };
                    let mut renderer = Renderer::new(self, cx, &topic, &message, source);
                    if let Some(delivery) = self.delivery(cx, &mut renderer, &topic, &message, &subscription) {
                        self.deliver_in_order(cx, delivery).await;
                    }
                }
                self.set_replay_status(arn, ReplayStatus::InProgress, Some(number));
            }
        }
    }
}

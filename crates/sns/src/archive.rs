//! The archive of a FIFO topic, and replays out of it.
//! <https://docs.aws.amazon.com/sns/latest/dg/fifo-message-archiving-replay.html>
//!
//! While a replay runs, its subscription gets nothing but what comes out of the archive, in order: new messages are archived too, and
//! come last. It ends when it has caught up.

use crate::{
    Sns,
    deliveries::{PRINCIPAL, ReplayMessages, SubscriptionInput},
    delivery_policy,
    notifications::{Freshness, Signatures},
    publishing::Judge,
    state::{Message, Replay, ReplayStatus, Subscription},
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Empty, TimestampFormat};
use std::sync::Arc;

/// Messages handed out at once.
const STEP: usize = 50;

/// Reads a replay policy. An error lacks AWS's `Invalid parameter: `. AWS: unverified sentences.
pub fn read(text: &str) -> Result<Replay, String> {
    let map = delivery_policy::object(text).map_err(|why| format!("ReplayPolicy: {why}"))?;
    let known = ["PointType", "StartingPoint", "EndingPoint"];
    if let Some(name) = map.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("ReplayPolicy: Unexpected JSON member: {name}"));
    }
    if map.get("PointType").and_then(|kind| kind.as_str()) != Some("Timestamp") {
        return Err("ReplayPolicy: PointType must be Timestamp".to_owned());
    }
    let point = |name: &str| {
        let Some(value) = map.get(name) else { return Ok(None) };
        let read = value.as_str().and_then(|text| Timestamp::parse(text, TimestampFormat::DateTime));
        read.map(Some).ok_or_else(|| format!("ReplayPolicy: {name} must be a timestamp"))
    };
    let from = point("StartingPoint")?.ok_or("ReplayPolicy: StartingPoint is required")?;
    let until = point("EndingPoint")?;
    if until.is_some_and(|until| until <= from) {
        return Err("ReplayPolicy: EndingPoint must be later than StartingPoint".to_owned());
    }
    Ok(Replay { text: text.to_owned(), from, until, status: ReplayStatus::Pending, reached: 0 })
}

/// Whether a message reaches a subscription by a replay, so that it must not reach it otherwise.
pub fn is_replayed_to(subscription: &Subscription, message: &Message) -> bool {
    let Some(replay) = &subscription.settings.replay else { return false };
    let reached = message.sequence.is_some_and(|sequence| sequence <= replay.reached);
    replay.status != ReplayStatus::Completed || reached
}

impl Sns {
    /// Begins the replay that a subscription was set, if it can have one by now.
    pub fn begin_replay(&self, cx: &Cx, subscription: &Arn) {
        let pending = self.store.read(|state| {
            let subscription = state.subscriptions.get(subscription)?;
            let replay = subscription.settings.replay.as_ref()?;
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

    fn mark(&self, subscription: &str, status: ReplayStatus, reached: Option<u64>) {
        self.store.update(|state| {
            state.change_subscription(subscription, |subscription| {
                if let Some(replay) = &mut subscription.settings.replay {
                    replay.status = status;
                    replay.reached = reached.unwrap_or(replay.reached);
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
        // What is published after this is no part of the past, and comes whatever its time.
        let mut past = None;
        self.mark(arn, ReplayStatus::InProgress, None);
        loop {
            let found = self.store.read(|state| {
                let subscription = state.subscriptions.get(arn)?.clone();
                let topic = state.topics.get(&subscription.topic)?.clone();
                let replay = subscription.settings.replay.clone().filter(|replay| replay.status == ReplayStatus::InProgress)?;
                Some((subscription, topic, replay))
            });
            let Some((subscription, topic, replay)) = found else { return Ok(Empty {}) };
            let batch = self.ledgers.read(&topic.arn, |ledger| {
                let last = ledger.last.get(&()).copied().unwrap_or_default();
                let batch: Vec<Arc<Message>> = ledger.archive.range(replay.reached + 1..).take(STEP).map(|(_, message)| message.clone()).collect();
                (last, batch)
            });
            let Some((last, batch)) = batch else { return Ok(Empty {}) };
            let past = *past.get_or_insert(last);
            if batch.is_empty() {
                // Without an archive nothing follows; with one, only if nothing has come in since.
                let done = self.store.update(|state| {
                    let caught_up = self.ledgers.read(&topic.arn, |ledger| ledger.archive.range(replay.reached + 1..).next().is_none());
                    if caught_up != Some(false) {
                        state.change_subscription(arn, |subscription| {
                            if let Some(replay) = &mut subscription.settings.replay {
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
                let mut signatures = Signatures::new(self, cx);
                let sequence = message.sequence.unwrap_or_default();
                let within = message.at >= replay.from && replay.until.is_none_or(|until| message.at <= until);
                let freshness = if sequence <= past { Freshness::Replayed } else { Freshness::New };
                if (within || sequence > past) && Judge::new(&message).passes(&subscription) {
                    let delivery = self.address(cx, &mut signatures, &topic, &message, &subscription, freshness);
                    if let Some(delivery) = delivery {
                        self.deliver_in_order(cx, delivery).await;
                    }
                }
                self.mark(arn, ReplayStatus::InProgress, Some(sequence));
            }
        }
    }
}

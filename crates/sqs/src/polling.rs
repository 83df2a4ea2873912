//! ReceiveMessage: what is asked for, the wait for it, and how it is shown.

use crate::{
    Open, Sqs,
    addresses::Kind,
    contents, faults, limits,
    receipts::Receipt,
    receiving::{Flown, Wish},
    settings::Settings,
    state::{Attribute, Message, Queue},
};
use cloudlet_api_sqs::{self as api, MessageAttributeValue, ReceiveMessage, ReceiveMessageRequest, ReceiveMessageResult};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::{Map, Protocol};
use std::sync::Arc;
use tokio::sync::Notify;

/// The system attributes there are, in the words of the API.
const SYSTEM_ATTRIBUTES: &[&str] = &[
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

/// Which attributes of a message are to be shown.
#[derive(Debug)]
pub struct View {
    system: Vec<String>,
    attributes: Vec<String>,
}

impl View {
    pub fn everything() -> View {
        View { system: vec!["All".into()], attributes: vec!["All".into()] }
    }

    fn of(cx: &Cx, input: &mut ReceiveMessageRequest) -> Result<View, Fault> {
        let older = input.attribute_names.take().unwrap_or_default();
        let newer = input.message_system_attribute_names.take().unwrap_or_default();
        // AWS: given both, the query protocol looks at the older name, JSON at the newer one (recorded).
        let query = cx.origin.protocol == Some(Protocol::Query);
        let system = match (older.is_empty(), newer.is_empty()) {
            (false, false) => {
                if query {
                    older
                } else {
                    newer
                }
            }
            (_, true) => older,
            (true, false) => newer,
        };
        if let Some(unknown) = system.iter().find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str())) {
            return Err(faults::unknown_attribute(unknown));
        }
        Ok(View { system, attributes: input.message_attribute_names.take().unwrap_or_default() })
    }

    fn shows(&self, name: &str) -> bool {
        self.system.iter().any(|wanted| wanted == name || wanted == "All")
    }

    /// `All`, a name, or `prefix.*`.
    fn shows_attribute(&self, name: &str) -> bool {
        self.attributes.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => wanted == name || wanted == "All" || wanted == "*",
        })
    }

    pub fn message(&self, queue: &Arn, kind: Kind, flown: &Flown) -> api::Message {
        let Flown { message, .. } = flown;
        let attributes = self.system_attributes(kind, flown);
        let shown: Vec<(&String, &Attribute)> = message.attributes.iter().filter(|(name, _)| self.shows_attribute(name)).collect();
        // The digest is of what is shown: SDKs compute it again.
        let md5 = contents::md5(shown.iter().copied().map(contents::digestible));
        let shown: Map<MessageAttributeValue> = shown.into_iter().map(|(name, attribute)| (name.clone(), attribute.shown())).collect();
        api::Message {
            message_id: Some(message.id.text()),
            receipt_handle: Some(Receipt::new(flown.place, message, &flown.flight).handle(queue)),
            md5_of_body: Some(message.md5().text()),
            body: Some(message.body.to_string()),
            attributes: (!attributes.is_empty()).then_some(attributes),
            md5_of_message_attributes: md5,
            message_attributes: (!shown.is_empty()).then_some(shown),
        }
    }

    fn system_attributes(&self, kind: Kind, Flown { place, message, flight }: &Flown) -> Map<String> {
        let Message { sent, sender, group, deduplication, trace, past, .. } = message.as_ref();
        let mut shown = Map::new();
        if self.system.is_empty() {
            return shown;
        }
        let mut show = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|_| self.shows(name)) {
                shown.insert(name.to_owned(), value);
            }
        };
        // A dead letter counts on.
        let receives = flight.receives.saturating_add(past.as_ref().map_or(0, |past| past.receives));
        let first = past.as_ref().map_or(flight.first, |past| past.first);
        let first = (receives > 0).then(|| first.millis().to_string());
        let fifo = kind == Kind::Fifo;
        show("SenderId", Some(sender.to_string()));
        show("SentTimestamp", Some(sent.millis().to_string()));
        show("ApproximateReceiveCount", Some(receives.to_string()));
        show("ApproximateFirstReceiveTimestamp", first);
        show("SequenceNumber", fifo.then(|| place.to_string()));
        show("MessageDeduplicationId", deduplication.as_ref().filter(|_| fifo).map(ToString::to_string));
        show("MessageGroupId", group.as_ref().map(ToString::to_string));
        show("AWSTraceHeader", trace.as_ref().map(ToString::to_string));
        show("DeadLetterQueueSourceArn", past.as_ref().map(|past| past.source.to_string()));
        shown
    }
}

/// A receive as it is asked for, once the queue's settings are known.
struct Poll {
    arn: Arn,
    kind: Kind,
    /// The dead-letter queue, if there is one.
    dead_letters: Option<Arn>,
    wish: Wish,
    wait: u32,
    bell: Arc<Notify>,
}

/// What a look into a queue finds.
enum Look {
    Messages(Vec<Flown>),
    /// Only dead letters, which are buried now. What was behind them may be ready.
    Again,
    /// Nothing, before then at least.
    Nothing(Option<Timestamp>),
}

impl Sqs {
    fn poll(&self, queue: &Open, input: &ReceiveMessageRequest) -> Result<Poll, Fault> {
        let look = |queue: &Queue| queue.profile().map(|profile| (profile.arn.clone(), profile.settings.clone(), queue.bell.listen()));
        let (arn, settings, bell) = queue.look(look)?.ok_or_else(faults::no_such_queue)?;
        // AWS: a message stays, and is received on and on, if its dead-letter queue is gone.
        let redrive = settings.redrive.as_ref().filter(|redrive| self.queues.contains(&redrive.target));
        let attempt = attempt_id(input.receive_request_attempt_id.as_deref(), &settings)?;
        let wish = Wish {
            most: most(input.max_number_of_messages)?,
            visibility: visibility(input.visibility_timeout)?.unwrap_or(settings.visibility),
            max_receives: redrive.map(|redrive| redrive.max_receives),
            attempt,
        };
        let wait = wait(input.wait_time_seconds)?.unwrap_or(settings.wait);
        Ok(Poll { arn, kind: settings.kind(), dead_letters: redrive.map(|redrive| redrive.target.clone()), wish, wait, bell })
    }

    /// One look into the queue.
    fn look_once(&self, queue: &Open, poll: &Poll, now: Timestamp) -> Result<Look, Fault> {
        let (taken, next) = queue.change(|queue| {
            let before = queue.next_landing();
            let taken = queue.receive(&poll.wish, now)?;
            queue.alarm(before, now);
            Ok((taken, queue.next_change()))
        })?;
        if let Some(target) = &poll.dead_letters
            && !taken.dead.is_empty()
        {
            self.bury(&poll.arn, queue, target, taken.dead, now)?;
            if taken.messages.is_empty() {
                return Ok(Look::Again);
            }
        }
        // AWS: short polling only: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
        if taken.over_limit && poll.kind == Kind::Standard && poll.wait == 0 {
            // AWS: seen at https://github.com/Cbsoftware/pressureNET-server/issues/74.
            return Err(faults::OVER_LIMIT.says(
                "Too many messages have been received without being deleted. Please delete your received messages or let them timeout before receiving more.",
            ));
        }
        Ok(if taken.messages.is_empty() { Look::Nothing(next) } else { Look::Messages(taken.messages) })
    }

    /// Waits until there is something, or the time is over. It ends with its client, for then nobody asks on.
    async fn receive(&self, cx: &Cx, queue: &Open, poll: &Poll) -> Result<Vec<Flown>, Fault> {
        let deadline = cx.now.plus_secs(i64::from(poll.wait));
        loop {
            let rung = poll.bell.notified();
            tokio::pin!(rung);
            // Before the look, so that nothing is missed in between.
            rung.as_mut().enable();
            let now = cx.clock().now().max(cx.now);
            if self.has_moves() {
                Box::pin(self.move_on(cx, now)).await;
            }
            let next = match self.look_once(queue, poll, now)? {
                Look::Messages(messages) => return Ok(messages),
                Look::Again => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Look::Nothing(_) if now >= deadline => return Ok(vec![]),
                Look::Nothing(next) => next,
            };
            let until = next.into_iter().chain(self.next_move(now)).filter(|next| *next > now).fold(deadline, Timestamp::min);
            tokio::select! {
                () = rung => {}
                () = cx.clock().sleep_until(until) => {}
            }
        }
    }
}

impl Handle<ReceiveMessage> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ReceiveMessageRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<ReceiveMessage>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, mut input: ReceiveMessageRequest) -> Result<ReceiveMessageResult, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        let view = View::of(cx, &mut input)?;
        let poll = self.poll(&queue, &input)?;
        drop(input);
        let flown = self.receive(cx, &queue, &poll).await?;
        if flown.iter().any(|flown| flown.message.data_key.is_some()) {
            // Boxed: who waits for a message is not to hold room for it.
            Box::pin(self.unseal(cx, &queue, &poll.arn, &flown, cx.clock().now())).await?;
        }
        let messages: Vec<api::Message> = flown.iter().map(|flown| view.message(&poll.arn, poll.kind, flown)).collect();
        Ok(ReceiveMessageResult { messages: (!messages.is_empty()).then_some(messages) })
    }
}

fn most(asked: Option<i32>) -> Result<usize, Fault> {
    let most = asked.unwrap_or(1);
    let fits = usize::try_from(most).ok().filter(|most| (1..=limits::BATCH).contains(most));
    fits.ok_or_else(|| faults::invalid(most, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."))
}

fn wait(asked: Option<i32>) -> Result<Option<u32>, Fault> {
    let Some(wait) = asked else { return Ok(None) };
    let fits = u32::try_from(wait).ok().filter(|wait| limits::WAIT.contains(wait));
    fits.map(Some).ok_or_else(|| faults::invalid(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."))
}

pub fn visibility(asked: Option<i32>) -> Result<Option<u32>, Fault> {
    let Some(visibility) = asked else { return Ok(None) };
    let fits = u32::try_from(visibility).ok().filter(|visibility| limits::VISIBILITY.contains(visibility));
    // AWS: unverified sentence.
    fits.map(Some).ok_or_else(|| faults::invalid(visibility, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided."))
}

fn attempt_id(asked: Option<&str>, settings: &Settings) -> Result<Option<Arc<str>>, Fault> {
    let Some(id) = asked else { return Ok(None) };
    if settings.kind() == Kind::Standard {
        // AWS: unverified for this parameter.
        return Err(faults::not_for_this_type(id, "ReceiveRequestAttemptId"));
    }
    contents::check_fifo_id(id, "ReceiveRequestAttemptId")?;
    Ok(Some(id.into()))
}

//! ReceiveMessage: its parameters, and the wait for messages.

use crate::{
    QueueRef, Sqs,
    addresses::Kind,
    attribute_selection::AttributeSelection,
    contents, faults, limits,
    receiving::{ReceiveOptions, ReceivedMessage},
    settings::Settings,
    state::Queue,
};
use cloudlet_api_sqs::{self as api, ReceiveMessage, ReceiveMessageRequest, ReceiveMessageResult};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;
use tokio::sync::Notify;

/// A ReceiveMessage with the queue's settings applied.
struct Poll {
    arn: Arn,
    kind: Kind,
    dead_letter_queue: Option<Arn>,
    options: ReceiveOptions,
    /// Seconds.
    wait: u32,
    waiters: Arc<Notify>,
}

enum PollResult {
    Messages(Vec<ReceivedMessage>),
    /// Only dead letters, which are moved now. The messages behind them may be ready.
    OnlyDeadLetters,
    /// Nothing, and nothing changes by itself before then.
    Nothing(Option<Timestamp>),
}

impl Sqs {
    fn poll(&self, queue: &QueueRef, input: &ReceiveMessageRequest) -> Result<Poll, Fault> {
        let read = |queue: &Queue| {
            let properties = queue.properties()?;
            Some((properties.arn.clone(), properties.settings.clone(), queue.waiters.subscribe()))
        };
        let (arn, settings, waiters) = queue.read(read)?.ok_or_else(faults::no_such_queue)?;
        // AWS: while the dead-letter queue is deleted, messages stay and are received again and again.
        let redrive = settings.redrive_policy.as_ref().filter(|redrive| self.queues.contains(&redrive.target));
        let attempt_id = attempt_id(input.receive_request_attempt_id.as_deref(), &settings)?;
        let options = ReceiveOptions {
            max_messages: max_messages(input.max_number_of_messages)?,
            visibility_timeout: visibility_timeout(input.visibility_timeout)?.unwrap_or(settings.visibility_timeout),
            max_receive_count: redrive.map(|redrive| redrive.max_receive_count),
            attempt_id,
        };
        let wait = wait_time(input.wait_time_seconds)?.unwrap_or(settings.receive_wait_time);
        let dead_letter_queue = redrive.map(|redrive| redrive.target.clone());
        Ok(Poll { arn, kind: settings.kind(), dead_letter_queue, options, wait, waiters })
    }

    fn poll_once(&self, queue: &QueueRef, poll: &Poll, now: Timestamp) -> Result<PollResult, Fault> {
        let (received, next) = queue.write(|queue| {
            let before = queue.next_visible();
            let received = queue.receive(&poll.options, now)?;
            queue.wake_if_earlier(before, now);
            Ok((received, queue.next_change()))
        })?;
        if let Some(target) = &poll.dead_letter_queue
            && !received.dead_letters.is_empty()
        {
            self.move_dead_letters(&poll.arn, queue, target, received.dead_letters, now)?;
            if received.messages.is_empty() {
                return Ok(PollResult::OnlyDeadLetters);
            }
        }
        // AWS: short polling only: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
        if received.over_limit && poll.kind == Kind::Standard && poll.wait == 0 {
            // AWS: seen at https://github.com/Cbsoftware/pressureNET-server/issues/74.
            return Err(faults::OVER_LIMIT.says(
                "Too many messages have been received without being deleted. Please delete your received messages or let them timeout before receiving more.",
            ));
        }
        Ok(if received.messages.is_empty() { PollResult::Nothing(next) } else { PollResult::Messages(received.messages) })
    }

    /// Waits until there are messages, or the time is over. The wait ends when its client goes away.
    async fn receive(&self, cx: &Cx, queue: &QueueRef, poll: &Poll) -> Result<Vec<ReceivedMessage>, Fault> {
        let deadline = cx.now.plus_secs(i64::from(poll.wait));
        loop {
            let woken = poll.waiters.notified();
            tokio::pin!(woken);
            // Before the queue is read, so that nothing is missed in between.
            woken.as_mut().enable();
            let now = cx.clock().now().max(cx.now);
            if self.has_running_move_tasks() {
                Box::pin(self.advance_move_tasks(cx, now)).await;
            }
            let next = match self.poll_once(queue, poll, now)? {
                PollResult::Messages(messages) => return Ok(messages),
                PollResult::OnlyDeadLetters => {
                    tokio::task::yield_now().await;
                    continue;
                }
                PollResult::Nothing(_) if now >= deadline => return Ok(vec![]),
                PollResult::Nothing(next) => next,
            };
            let until = next.into_iter().chain(self.next_move(now)).filter(|next| *next > now).fold(deadline, Timestamp::min);
            tokio::select! {
                () = woken => {}
                () = cx.clock().sleep_until(until) => {}
            }
        }
    }
}

impl Handle<ReceiveMessage> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ReceiveMessageRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<ReceiveMessage>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, mut input: ReceiveMessageRequest) -> Result<ReceiveMessageResult, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        let selection = AttributeSelection::take_from(&mut input, cx)?;
        let poll = self.poll(&queue, &input)?;
        drop(input);
        let received = self.receive(cx, &queue, &poll).await?;
        if received.iter().any(|received| received.message.data_key.is_some()) {
            // Boxed, so that waiting receives need no memory for it.
            Box::pin(self.decrypt_data_keys(cx, &queue, &poll.arn, &received, cx.clock().now())).await?;
        }
        let messages: Vec<api::Message> = received.iter().map(|received| selection.message(&poll.arn, poll.kind, received)).collect();
        Ok(ReceiveMessageResult { messages: (!messages.is_empty()).then_some(messages) })
    }
}

fn max_messages(given: Option<i32>) -> Result<usize, Fault> {
    let most = given.unwrap_or(1);
    let valid = usize::try_from(most).ok().filter(|most| (1..=limits::BATCH).contains(most));
    valid.ok_or_else(|| faults::invalid(most, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."))
}

fn wait_time(given: Option<i32>) -> Result<Option<u32>, Fault> {
    let Some(wait) = given else { return Ok(None) };
    let valid = u32::try_from(wait).ok().filter(|wait| limits::WAIT.contains(wait));
    valid.map(Some).ok_or_else(|| faults::invalid(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."))
}

pub fn visibility_timeout(given: Option<i32>) -> Result<Option<u32>, Fault> {
    let Some(timeout) = given else { return Ok(None) };
    let valid = u32::try_from(timeout).ok().filter(|timeout| limits::VISIBILITY.contains(timeout));
    // AWS: unverified message.
    valid.map(Some).ok_or_else(|| faults::invalid(timeout, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided."))
}

fn attempt_id(given: Option<&str>, settings: &Settings) -> Result<Option<Arc<str>>, Fault> {
    let Some(id) = given else { return Ok(None) };
    if settings.kind() == Kind::Standard {
        // AWS: unverified for this parameter.
        return Err(faults::not_for_this_type(id, "ReceiveRequestAttemptId"));
    }
    contents::check_fifo_id(id, "ReceiveRequestAttemptId")?;
    Ok(Some(id.into()))
}

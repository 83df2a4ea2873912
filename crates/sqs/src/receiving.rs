//! What one receive takes out of a queue: the next messages, those that go to the dead-letter queue now, and those that have expired.

use crate::{
    faults,
    ids::SequenceNumber,
    lanes::SequenceNumbers,
    limits,
    state::{Flight, Message, Queue, ReceiveAttempt},
};
use cloudlet_aws::{Fault, Timestamp};
use smallvec::smallvec;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct ReceiveOptions {
    pub max_messages: usize,
    /// Seconds.
    pub visibility_timeout: u32,
    /// After how many receives a message goes to the dead-letter queue. Nothing where there is none.
    pub max_receive_count: Option<u32>,
    pub attempt_id: Option<Arc<str>>,
}

/// A message with its flight, at the time of a receive.
#[derive(Clone, Debug)]
pub struct ReceivedMessage {
    pub number: SequenceNumber,
    pub message: Arc<Message>,
    pub flight: Flight,
}

#[derive(Debug, Default)]
pub struct Received {
    pub messages: Vec<ReceivedMessage>,
    /// Invisible for half a minute, until they are in the dead-letter queue.
    pub dead_letters: Vec<ReceivedMessage>,
    /// Nothing can be received: the limit of messages in flight is reached.
    pub over_limit: bool,
}

/// For how many seconds a dead letter is invisible while it is moved. Moving takes no time, unless the process ends meanwhile.
const MOVE_TIMEOUT: i64 = 30;

/// What a receive does with the next message.
enum Disposition {
    Deliver,
    DeadLetter,
    Expire,
}

impl Queue {
    pub fn receive(&mut self, options: &ReceiveOptions, now: Timestamp) -> Result<Received, Fault> {
        self.expire(now);
        self.forget_old(now);
        if let Some(attempt) = options.attempt_id.as_deref()
            && let Some(messages) = self.repeat_receive(attempt, options.visibility_timeout, now)?
        {
            return Ok(Received { messages, ..Received::default() });
        }
        let mut received = Received::default();
        loop {
            let settled = self.settle(now);
            let expired = self.receive_ready(options, now, &mut received);
            // Nothing was received: what has settled may be blocked or expired, and more may settle behind it.
            let empty = received.messages.is_empty() && received.dead_letters.is_empty();
            if !empty || (settled == 0 && expired == 0) {
                break;
            }
            received.over_limit = false;
        }
        if let Some(id) = &options.attempt_id
            && !received.messages.is_empty()
        {
            let flights = received.messages.iter().map(|message| (message.number, message.flight)).collect();
            self.remember_receive(id.clone(), ReceiveAttempt { received: now, flights });
        }
        Ok(received)
    }

    /// Returns how many messages had expired.
    fn receive_ready(&mut self, options: &ReceiveOptions, now: Timestamp, received: &mut Received) -> usize {
        let free = limits::IN_FLIGHT.saturating_sub(self.in_flight.len());
        let most = options.max_messages.min(free);
        if most == 0 {
            received.over_limit = true;
            return 0;
        }
        let expired_until = self.expired_until(now).map(SequenceNumber::last_of);
        let fifo = self.is_fifo();
        let (mut deliver, mut dead, mut expired) = (SequenceNumbers::new(), SequenceNumbers::new(), SequenceNumbers::new());
        // All are taken out before flights start: without a visibility timeout they would be taken twice otherwise.
        while deliver.len() < most && dead.len() < limits::BATCH && expired.len() < limits::BATCH {
            let Some((key, group)) = self.next_ready(now) else { break };
            let numbers = match &group {
                Some(group) if fifo => self.ready_of_group(group, most - deliver.len()),
                _ => smallvec![key.1],
            };
            self.take_ready(key, group.as_ref());
            for number in numbers {
                match self.disposition(number, options, expired_until) {
                    Disposition::Deliver => deliver.push(number),
                    Disposition::DeadLetter => dead.push(number),
                    Disposition::Expire => expired.push(number),
                }
            }
        }
        for number in dead {
            if let Some(flight) = self.flights.get(&number).copied() {
                let flight = Flight { invisible_until: now.plus_secs(MOVE_TIMEOUT), ..flight };
                received.dead_letters.extend(self.start_receive(number, flight, now));
            }
        }
        for number in deliver {
            let before = self.flights.get(&number);
            let flight = Flight {
                receive_count: before.map_or(0, |flight| flight.receive_count).saturating_add(1),
                // A message that was only held for a move, or put back, has never been received.
                first_received: before.filter(|flight| flight.receive_count > 0).map_or(now, |flight| flight.first_received),
                last_received: now,
                invisible_until: now.plus_secs(i64::from(options.visibility_timeout)),
            };
            received.messages.extend(self.start_receive(number, flight, now));
        }
        // Last, so that the tenant of a group with messages in flight is not forgotten.
        for number in &expired {
            self.remove(*number, now);
        }
        expired.len()
    }

    fn disposition(&self, number: SequenceNumber, options: &ReceiveOptions, expired_until: Option<SequenceNumber>) -> Disposition {
        if expired_until.is_some_and(|until| number <= until) {
            return Disposition::Expire;
        }
        let receive_count = self.flights.get(&number).map_or(0, |flight| flight.receive_count);
        if options.max_receive_count.is_some_and(|most| receive_count >= most) { Disposition::DeadLetter } else { Disposition::Deliver }
    }

    fn start_receive(&mut self, number: SequenceNumber, flight: Flight, now: Timestamp) -> Option<ReceivedMessage> {
        let message = self.messages.get(&number)?.clone();
        self.start_flight(number, flight, now);
        Some(ReceivedMessage { number, message, flight })
    }

    /// Repeats a receive by its attempt id: the same messages under the same handles, unless one was deleted, received again or given
    /// another visibility timeout since. Nothing once they are visible again.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
    fn repeat_receive(&mut self, id: &str, visibility_timeout: u32, now: Timestamp) -> Result<Option<Vec<ReceivedMessage>>, Fault> {
        let Some(ReceiveAttempt { received, flights }) = self.receive_attempt(id, now).cloned() else { return Ok(None) };
        if !flights.iter().all(|(number, flight)| self.flights.get(number) == Some(flight)) {
            // AWS: seen at https://github.com/aws/aws-sdk-java/issues/2613.
            let reason = "The receiveRequestAttemptId is not valid anymore since the receive call is not retryable.";
            return Err(faults::invalid(id, "ReceiveRequestAttemptId", reason));
        }
        if flights.iter().any(|(_, flight)| flight.invisible_until <= now) {
            return Ok(None);
        }
        let until = now.plus_secs(i64::from(visibility_timeout));
        let mut messages = vec![];
        for (number, flight) in flights {
            let Some(message) = self.messages.get(&number).cloned() else { continue };
            self.set_invisible_until(number, flight, until, now);
            messages.push(ReceivedMessage { number, message, flight: Flight { invisible_until: until, ..flight } });
        }
        let flights = messages.iter().map(|message| (message.number, message.flight)).collect();
        self.remember_receive(id.into(), ReceiveAttempt { received, flights });
        Ok(Some(messages))
    }
}

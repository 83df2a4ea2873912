//! PutLogEvents: which events of a batch are taken, and who is told of them.

use crate::{Logs, blocks::Position, encryption, faults, limits, live_tail::NewEvents, names::digits, names::own_group};
use cloudlet_api_logs::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::handler;
use std::ops::Range;

/// Sequence tokens are answered and not read. <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
pub fn sequence_token(number: u64) -> String {
    digits(Position::new(limits::DAY, number))
}

/// What is wrong with a batch as a whole.
fn check(events: &[InputLogEvent]) -> Result<(), Fault> {
    let bytes: usize = events.iter().map(|event| event.message.len() + limits::EVENT_OVERHEAD).sum();
    if bytes > limits::BATCH_BYTES {
        return Err(faults::invalid(format!("Upload too large: {bytes} bytes exceeds limit of {}", limits::BATCH_BYTES)));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(faults::invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    if let (Some(first), Some(last)) = (events.first(), events.last())
        && last.timestamp - first.timestamp > limits::BATCH_SPAN
    {
        return Err(faults::invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours."));
    }
    Ok(())
}

/// The events that are taken, and why the others are not. Events are in the order of their times.
fn accepted(events: &[InputLogEvent], now: Timestamp, oldest: i64) -> (Range<usize>, Option<RejectedLogEventsInfo>) {
    let before = |time: i64| events.partition_point(|event| event.timestamp < time);
    let too_old = before(now.millis() - limits::OLDEST);
    let expired = before(oldest);
    let too_new = events.partition_point(|event| event.timestamp <= now.millis() + limits::NEWEST);
    let index = |index: usize| i32::try_from(index).ok();
    let info = RejectedLogEventsInfo {
        too_new_log_event_start_index: index(too_new).filter(|_| too_new < events.len()),
        too_old_log_event_end_index: index(too_old).filter(|_| too_old > 0),
        expired_log_event_end_index: index(expired).filter(|_| expired > 0),
    };
    let taken = too_old.max(expired)..too_new;
    (taken.clone(), (taken != (0..events.len())).then_some(info))
}

handler!(
    Logs,
    PutLogEvents,
    |logs, cx, input| Ok(logs.on_stream::<PutLogEvents>(&own_group(cx, &input.log_group_name), &input.log_stream_name).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        check(&input.log_events)?;
        let group = logs.group(&key)?;
        encryption::check(cx, &key, &group).await?;
        let oldest = group.oldest(cx.now);
        let (taken, rejected) = accepted(&input.log_events, cx.now, oldest);
        let events = input.log_events.get(taken).unwrap_or_default();
        let written = logs.events.update(&key, |stored| {
            let block = stored.append(&input.log_stream_name, cx.now, oldest, events.iter().map(|event| (event.timestamp, event.message.as_str())));
            block.map(|block| (block, stored.total().next_number))
        });
        let (block, next) = written.ok_or_else(faults::no_such_group)?.ok_or_else(faults::no_such_stream)?;
        if let Some(block) = block {
            logs.tail.tell(|| NewEvents { group: key.clone(), stream: input.log_stream_name.as_str().into(), block: block.clone() });
            logs.send_to_subscriptions(cx, &key, &input.log_stream_name, &block)?;
        }
        Ok(PutLogEventsResponse { next_sequence_token: Some(sequence_token(next)), rejected_log_events_info: rejected, rejected_entity_info: None })
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    fn events(times: &[i64]) -> Vec<InputLogEvent> {
        times.iter().map(|time| InputLogEvent { timestamp: *time, message: "x".into() }).collect()
    }

    #[test]
    fn events_that_are_too_old_too_new_or_expired_are_not_taken() {
        let now = Timestamp(100 * limits::DAY);
        let day = limits::DAY;
        let times = [now.0 - 20 * day, now.0 - 10 * day, now.0 - 2 * day, now.0, now.0 + limits::NEWEST, now.0 + limits::NEWEST + 1];
        let (taken, info) = accepted(&events(&times), now, i64::MIN);
        let info = info.unwrap();
        assert_eq!((taken, info.too_old_log_event_end_index, info.too_new_log_event_start_index), (1..5, Some(1), Some(5)));
        assert_eq!(info.expired_log_event_end_index, None);
        let (taken, info) = accepted(&events(&times), now, now.0 - 7 * day);
        assert_eq!((taken, info.unwrap().expired_log_event_end_index), (2..5, Some(2)));
        assert!(accepted(&events(&[now.0]), now, i64::MIN).1.is_none());
        let (taken, info) = accepted(&events(&[0, 1]), now, i64::MIN);
        assert_eq!((taken, info.unwrap().too_old_log_event_end_index), (2..2, Some(2)));
    }
}

//! What a consumer does with a message in flight: DeleteMessage, ChangeMessageVisibility, and both in batches.

use crate::{
    Sqs,
    batches::{self, non_empty},
    faults, limits,
    polling::visibility_timeout,
    receipt_handles::ReceiptHandle,
    state::{Flight, Queue},
};
use cloudlet_api_sqs::{
    ChangeMessageVisibility, ChangeMessageVisibilityBatch, ChangeMessageVisibilityBatchRequest, ChangeMessageVisibilityBatchResult,
    ChangeMessageVisibilityBatchResultEntry, ChangeMessageVisibilityRequest, DeleteMessage, DeleteMessageBatch, DeleteMessageBatchRequest,
    DeleteMessageBatchResult, DeleteMessageBatchResultEntry, DeleteMessageRequest,
};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

fn unavailable(handle: &str) -> Fault {
    faults::invalid(handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
}

/// The handle of a message that is in the queue, but belongs to an earlier receive.
struct ExpiredHandle;

impl ExpiredHandle {
    fn fault(self, handle: &str) -> Fault {
        faults::invalid(handle, "ReceiptHandle", "The receipt handle has expired.")
    }

    /// AWS: another error for an entry of a batch (seen at https://github.com/smaskalik/sqsmover/issues/54).
    fn fault_in_batch(self) -> Fault {
        faults::RECEIPT_HANDLE_IS_INVALID.says("The receipt handle has expired")
    }
}

impl Queue {
    /// The flight of the message that a handle names, whether or not the handle belongs to the latest receive.
    fn flight_of(&self, handle: &ReceiptHandle) -> Option<Flight> {
        let message = self.messages.get(&handle.number)?;
        self.flights.get(&handle.number).copied().filter(|_| handle.is_of(message))
    }

    fn delete(&mut self, handle: &ReceiptHandle, now: Timestamp) -> Result<(), ExpiredHandle> {
        let Some(flight) = self.flight_of(handle) else { return Ok(()) };
        // AWS: a standard queue accepts any handle of the message, a FIFO queue only the latest one until its timeout (recorded).
        if self.is_fifo() && (flight.receive_count != handle.receive_count || flight.invisible_until <= now) {
            return Err(ExpiredHandle);
        }
        self.remove(handle.number, now);
        Ok(())
    }

    fn change_visibility(&mut self, text: &str, handle: &ReceiptHandle, seconds: u32, now: Timestamp) -> Result<(), Fault> {
        let flight = self.flight_of(handle).ok_or_else(|| unavailable(text))?;
        let over = flight.invisible_until <= now;
        if self.is_fifo() && (over || flight.receive_count != handle.receive_count) {
            return Err(unavailable(text));
        }
        if over {
            // AWS: the call succeeds and changes nothing; no way is known to get a MessageNotInflight
            // (tried at https://github.com/localstack/localstack/pull/9632 and https://github.com/getmoto/moto/pull/4655).
            return Ok(());
        }
        let until = now.plus_secs(i64::from(seconds));
        if until > flight.last_received.plus_secs(i64::from(*limits::VISIBILITY.end())) {
            let reason = format_args!("Total VisibilityTimeout for the message is beyond the limit [{} seconds].", limits::VISIBILITY.end());
            return Err(faults::invalid(seconds, "VisibilityTimeout", reason));
        }
        let before = self.next_visible();
        self.set_invisible_until(handle.number, flight, until, now);
        if until <= now {
            self.waiters.wake_one();
        } else {
            self.wake_if_earlier(before, now);
        }
        Ok(())
    }
}

fn check_present(handle: &str) -> Result<(), Fault> {
    if handle.is_empty() { Err(faults::missing("ReceiptHandle")) } else { Ok(()) }
}

impl Handle<DeleteMessage> for Sqs {
    fn permissions(&self, cx: &Cx, input: &DeleteMessageRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<DeleteMessage>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: DeleteMessageRequest) -> Result<Empty, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        check_present(&input.receipt_handle)?;
        let handle = ReceiptHandle::parse(&input.receipt_handle, &queue.arn()?)?;
        queue.write(|queue| {
            queue.settle(cx.now);
            queue.delete(&handle, cx.now).map_err(|expired| expired.fault(&input.receipt_handle))
        })?;
        Ok(Empty {})
    }
}

impl Handle<DeleteMessageBatch> for Sqs {
    fn permissions(&self, cx: &Cx, input: &DeleteMessageBatchRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<DeleteMessageBatch>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: DeleteMessageBatchRequest) -> Result<DeleteMessageBatchResult, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        batches::check("DeleteMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let arn = queue.arn()?;
        queue.write(|queue| {
            queue.settle(cx.now);
            let (mut successful, mut failed) = (vec![], vec![]);
            for entry in input.entries {
                let outcome = check_present(&entry.receipt_handle)
                    .and_then(|()| ReceiptHandle::parse(&entry.receipt_handle, &arn))
                    .and_then(|handle| queue.delete(&handle, cx.now).map_err(ExpiredHandle::fault_in_batch));
                match outcome {
                    Ok(()) => successful.push(DeleteMessageBatchResultEntry { id: entry.id }),
                    Err(fault) => failed.push(batches::failed_entry(entry.id, &fault)),
                }
            }
            Ok(DeleteMessageBatchResult { successful: non_empty(successful), failed: non_empty(failed) })
        })
    }
}

impl Handle<ChangeMessageVisibility> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ChangeMessageVisibilityRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<ChangeMessageVisibility>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: ChangeMessageVisibilityRequest) -> Result<Empty, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        check_present(&input.receipt_handle)?;
        if cx.origin.missing.iter().any(|path| path == "visibilityTimeout") {
            return Err(faults::missing("VisibilityTimeout"));
        }
        let seconds = visibility_timeout(Some(input.visibility_timeout))?.unwrap_or_default();
        let handle = ReceiptHandle::parse(&input.receipt_handle, &queue.arn()?)?;
        queue.write(|queue| {
            queue.settle(cx.now);
            queue.change_visibility(&input.receipt_handle, &handle, seconds, cx.now)
        })?;
        Ok(Empty {})
    }
}

impl Handle<ChangeMessageVisibilityBatch> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ChangeMessageVisibilityBatchRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<ChangeMessageVisibilityBatch>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: ChangeMessageVisibilityBatchRequest) -> Result<ChangeMessageVisibilityBatchResult, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        batches::check("ChangeMessageVisibilityBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let arn = queue.arn()?;
        queue.write(|queue| {
            queue.settle(cx.now);
            let (mut successful, mut failed) = (vec![], vec![]);
            for entry in input.entries {
                let outcome = check_present(&entry.receipt_handle).and_then(|()| {
                    let seconds = visibility_timeout(entry.visibility_timeout)?.ok_or_else(|| faults::missing("VisibilityTimeout"))?;
                    let handle = ReceiptHandle::parse(&entry.receipt_handle, &arn)?;
                    queue.change_visibility(&entry.receipt_handle, &handle, seconds, cx.now)
                });
                match outcome {
                    Ok(()) => successful.push(ChangeMessageVisibilityBatchResultEntry { id: entry.id }),
                    Err(fault) => failed.push(batches::failed_entry(entry.id, &fault)),
                }
            }
            Ok(ChangeMessageVisibilityBatchResult { successful: non_empty(successful), failed: non_empty(failed) })
        })
    }
}

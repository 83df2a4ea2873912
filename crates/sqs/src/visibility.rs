//! What a consumer does with a message it holds: DeleteMessage, ChangeMessageVisibility, and both in batches.

use crate::{
    Open, Sqs,
    batches::{self, said},
    faults, limits,
    polling::visibility,
    receipts::Receipt,
    state::{Flight, Queue},
};
use cloudlet_api_sqs::{
    ChangeMessageVisibility, ChangeMessageVisibilityBatch, ChangeMessageVisibilityBatchRequest, ChangeMessageVisibilityBatchResult,
    ChangeMessageVisibilityBatchResultEntry, ChangeMessageVisibilityRequest, DeleteMessage, DeleteMessageBatch, DeleteMessageBatchRequest,
    DeleteMessageBatchResult, DeleteMessageBatchResultEntry, DeleteMessageRequest,
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

impl Open {
    fn arn(&self) -> Result<Arn, Fault> {
        self.look(|queue| queue.profile().map(|profile| profile.arn.clone()))?.ok_or_else(faults::no_such_queue)
    }
}

fn unavailable(handle: &str) -> Fault {
    faults::invalid(handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
}

/// The handle of a message that is in the queue, but no longer its holder's.
struct Expired;

impl Expired {
    fn alone(self, handle: &str) -> Fault {
        faults::invalid(handle, "ReceiptHandle", "The receipt handle has expired.")
    }

    /// AWS: said otherwise of an entry of a batch (seen at https://github.com/smaskalik/sqsmover/issues/54).
    fn in_batch(self) -> Fault {
        faults::RECEIPT_HANDLE_IS_INVALID.says("The receipt handle has expired")
    }
}

impl Queue {
    /// The flight that a receipt was given for, whatever has become of it since.
    fn flight_of(&self, receipt: &Receipt) -> Option<Flight> {
        let message = self.messages.get(&receipt.place)?;
        self.flights.get(&receipt.place).copied().filter(|_| receipt.is_of(message))
    }

    fn delete(&mut self, receipt: &Receipt, now: Timestamp) -> Result<(), Expired> {
        let Some(flight) = self.flight_of(receipt) else { return Ok(()) };
        // AWS: a standard queue takes any handle of the message, a FIFO queue the latest one in its time (recorded).
        if self.is_fifo() && (flight.receives != receipt.receives || flight.until <= now) {
            return Err(Expired);
        }
        self.withdraw(receipt.place, now);
        Ok(())
    }

    fn change_visibility(&mut self, handle: &str, receipt: &Receipt, seconds: u32, now: Timestamp) -> Result<(), Fault> {
        let flight = self.flight_of(receipt).ok_or_else(|| unavailable(handle))?;
        let over = flight.until <= now;
        if self.is_fifo() && (over || flight.receives != receipt.receives) {
            return Err(unavailable(handle));
        }
        if over {
            // AWS: nothing happens and all is well, and nobody has found out how to make it say MessageNotInflight
            // (tried at https://github.com/localstack/localstack/pull/9632 and https://github.com/getmoto/moto/pull/4655).
            return Ok(());
        }
        let until = now.plus_secs(i64::from(seconds));
        if until > flight.latest.plus_secs(i64::from(*limits::VISIBILITY.end())) {
            let reason = format_args!("Total VisibilityTimeout for the message is beyond the limit [{} seconds].", limits::VISIBILITY.end());
            return Err(faults::invalid(seconds, "VisibilityTimeout", reason));
        }
        let before = self.next_landing();
        self.divert(receipt.place, flight, until, now);
        if until <= now {
            self.bell.ring();
        } else {
            self.alarm(before, now);
        }
        Ok(())
    }
}

fn required(handle: &str) -> Result<(), Fault> {
    if handle.is_empty() { Err(faults::missing("ReceiptHandle")) } else { Ok(()) }
}

impl Handle<DeleteMessage> for Sqs {
    fn permissions(&self, cx: &Cx, input: &DeleteMessageRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<DeleteMessage>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: DeleteMessageRequest) -> Result<Empty, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        required(&input.receipt_handle)?;
        let receipt = Receipt::read(&input.receipt_handle, &queue.arn()?)?;
        queue.change(|queue| {
            queue.settle(cx.now);
            queue.delete(&receipt, cx.now).map_err(|expired| expired.alone(&input.receipt_handle))
        })?;
        Ok(Empty {})
    }
}

impl Handle<DeleteMessageBatch> for Sqs {
    fn permissions(&self, cx: &Cx, input: &DeleteMessageBatchRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<DeleteMessageBatch>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: DeleteMessageBatchRequest) -> Result<DeleteMessageBatchResult, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        batches::check("DeleteMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let arn = queue.arn()?;
        queue.change(|queue| {
            queue.settle(cx.now);
            let (mut successful, mut failed) = (vec![], vec![]);
            for entry in input.entries {
                let outcome = required(&entry.receipt_handle)
                    .and_then(|()| Receipt::read(&entry.receipt_handle, &arn))
                    .and_then(|receipt| queue.delete(&receipt, cx.now).map_err(Expired::in_batch));
                match outcome {
                    Ok(()) => successful.push(DeleteMessageBatchResultEntry { id: entry.id }),
                    Err(fault) => failed.push(batches::failed(entry.id, &fault)),
                }
            }
            Ok(DeleteMessageBatchResult { successful: said(successful), failed: said(failed) })
        })
    }
}

impl Handle<ChangeMessageVisibility> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ChangeMessageVisibilityRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<ChangeMessageVisibility>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: ChangeMessageVisibilityRequest) -> Result<Empty, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        required(&input.receipt_handle)?;
        if cx.origin.missing.iter().any(|path| path == "visibilityTimeout") {
            return Err(faults::missing("VisibilityTimeout"));
        }
        let seconds = visibility(Some(input.visibility_timeout))?.unwrap_or_default();
        let receipt = Receipt::read(&input.receipt_handle, &queue.arn()?)?;
        queue.change(|queue| {
            queue.settle(cx.now);
            queue.change_visibility(&input.receipt_handle, &receipt, seconds, cx.now)
        })?;
        Ok(Empty {})
    }
}

impl Handle<ChangeMessageVisibilityBatch> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ChangeMessageVisibilityBatchRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<ChangeMessageVisibilityBatch>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: ChangeMessageVisibilityBatchRequest) -> Result<ChangeMessageVisibilityBatchResult, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        batches::check("ChangeMessageVisibilityBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let arn = queue.arn()?;
        queue.change(|queue| {
            queue.settle(cx.now);
            let (mut successful, mut failed) = (vec![], vec![]);
            for entry in input.entries {
                let outcome = required(&entry.receipt_handle).and_then(|()| {
                    let seconds = visibility(entry.visibility_timeout)?.ok_or_else(|| faults::missing("VisibilityTimeout"))?;
                    let receipt = Receipt::read(&entry.receipt_handle, &arn)?;
                    queue.change_visibility(&entry.receipt_handle, &receipt, seconds, cx.now)
                });
                match outcome {
                    Ok(()) => successful.push(ChangeMessageVisibilityBatchResultEntry { id: entry.id }),
                    Err(fault) => failed.push(batches::failed(entry.id, &fault)),
                }
            }
            Ok(ChangeMessageVisibilityBatchResult { successful: said(successful), failed: said(failed) })
        })
    }
}

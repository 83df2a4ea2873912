//! `/_aws/sqs/messages`: the messages of a queue, without receiving them.

use crate::{
    Sqs,
    addresses::Address,
    attribute_selection::AttributeSelection,
    faults,
    ids::SequenceNumber,
    receiving::ReceivedMessage,
    state::{Flight, Queue},
};
use cloudlet_api_sqs::{ReceiveMessage, ReceiveMessageResult};
use cloudlet_aws::{Account, Arn, Fault, Region, Timestamp};
use cloudlet_engine::{DeveloperEndpoint, DeveloperRequest, Output};
use cloudlet_shape::{Operation, OperationSchema};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

impl DeveloperEndpoint for Sqs {
    /// Parameters: `QueueUrl`, or `/region/account/name` in the path; `ShowInvisible`, `ShowDelayed`; `Limit`.
    fn view(&self, request: &DeveloperRequest) -> Result<(&'static OperationSchema, Output), Fault> {
        let queue = self.queue_by_arn(&queue_arn(request)?)?;
        let limit = request.parameter("Limit").and_then(|limit| limit.parse().ok()).unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
        let include = Include { invisible: request.flag("ShowInvisible"), delayed: request.flag("ShowDelayed") };
        let peeked = queue.read(|queue| {
            let properties = queue.properties().ok_or_else(faults::no_such_queue)?;
            let messages: Vec<ReceivedMessage> = queue.peek(request.now, include).take(limit).collect();
            Ok::<_, Fault>((properties.arn.clone(), properties.settings.kind(), messages))
        })?;
        let (arn, kind, messages) = peeked?;
        let selection = AttributeSelection::everything();
        let messages = messages.iter().map(|received| {
            let mut message = selection.message(&arn, kind, received);
            // Without a handle: the message was not received.
            message.receipt_handle = None;
            message
        });
        Ok((ReceiveMessage::SCHEMA, Box::new(ReceiveMessageResult { messages: Some(messages.collect()) })))
    }
}

/// Which messages to include beside those that can be received.
#[derive(Clone, Copy)]
struct Include {
    invisible: bool,
    delayed: bool,
}

fn queue_arn(request: &DeveloperRequest) -> Result<Arn, Fault> {
    let url = request.parameter("QueueUrl").map(str::to_owned).unwrap_or_else(|| format!("/queue{}", request.rest));
    let address = Address::parse(&url).ok_or_else(faults::no_such_queue)?;
    let region = Region::new(address.region.unwrap_or(&request.region));
    let account = address.account.unwrap_or_else(Account::default);
    Ok(Arn::build(region.partition(), "sqs", region.as_str(), account.as_str(), address.name))
}

impl Queue {
    /// Messages in the order of sending.
    fn peek(&self, now: Timestamp, include: Include) -> impl Iterator<Item = ReceivedMessage> {
        let expired = self.expired_until(now).map_or(SequenceNumber(0), SequenceNumber::last_of);
        self.messages.range(expired.next()..).filter_map(move |(number, message)| {
            let flight = self.flights.get(number).copied();
            let included = match flight {
                Some(flight) => include.invisible || flight.invisible_until <= now,
                None => include.delayed || self.delay_end(message) <= now,
            };
            let never = Flight { receive_count: 0, first_received: Timestamp(0), last_received: Timestamp(0), invisible_until: Timestamp(0) };
            included.then(|| ReceivedMessage { number: *number, message: message.clone(), flight: flight.unwrap_or(never) })
        })
    }
}

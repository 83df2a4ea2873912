//! `/_aws/sqs/messages`: what is in a queue, without receiving it.

use crate::{
    Sqs,
    addresses::Address,
    faults,
    polling::View,
    receiving::Flown,
    state::{Flight, Place, Queue},
};
use cloudlet_api_sqs::{ReceiveMessage, ReceiveMessageResult};
use cloudlet_aws::{Account, Arn, Fault, Region, Timestamp};
use cloudlet_engine::{DeveloperEndpoint, DeveloperRequest, Output};
use cloudlet_shape::{Operation, OperationSchema};

/// Messages of one look, unless asked otherwise; and at most.
const USUAL: usize = 100;
const MOST: usize = 1_000;

impl DeveloperEndpoint for Sqs {
    /// Parameters: `QueueUrl`, or `/region/account/name` in the path; `ShowInvisible`, `ShowDelayed`; `Limit`.
    fn view(&self, request: &DeveloperRequest) -> Result<(&'static OperationSchema, Output), Fault> {
        let queue = self.open(&named(request)?)?;
        let limit = request.parameter("Limit").and_then(|limit| limit.parse().ok()).unwrap_or(USUAL).min(MOST);
        let also = Also { invisible: request.flag("ShowInvisible"), delayed: request.flag("ShowDelayed") };
        let seen = queue.look(|queue| {
            let profile = queue.profile().ok_or_else(faults::no_such_queue)?;
            let seen: Vec<Flown> = queue.seen(request.now, also).take(limit).collect();
            Ok::<_, Fault>((profile.arn.clone(), profile.settings.kind(), seen))
        })?;
        let (arn, kind, seen) = seen?;
        let view = View::everything();
        let messages = seen.iter().map(|flown| {
            let mut message = view.message(&arn, kind, flown);
            // A look gives no right to delete.
            message.receipt_handle = None;
            message
        });
        Ok((ReceiveMessage::SCHEMA, Box::new(ReceiveMessageResult { messages: Some(messages.collect()) })))
    }
}

/// What is shown beside messages that could be received.
#[derive(Clone, Copy)]
struct Also {
    invisible: bool,
    delayed: bool,
}

fn named(request: &DeveloperRequest) -> Result<Arn, Fault> {
    let url = request.parameter("QueueUrl").map(str::to_owned).unwrap_or_else(|| format!("/queue{}", request.rest));
    let address = Address::read(&url).ok_or_else(faults::no_such_queue)?;
    let region = Region::new(address.region.unwrap_or(&request.region));
    let account = address.account.unwrap_or_else(Account::default);
    Ok(Arn::build(region.partition(), "sqs", region.as_str(), account.as_str(), address.name))
}

impl Queue {
    /// Messages in the order in which they were sent, as they are now.
    fn seen(&self, now: Timestamp, also: Also) -> impl Iterator<Item = Flown> {
        let expired = self.expired_until(now).map_or(Place(0), Place::last_of);
        self.messages.range(expired.next()..).filter_map(move |(place, message)| {
            let flight = self.flights.get(place).copied();
            let shown = match flight {
                Some(flight) => also.invisible || flight.until <= now,
                None => also.delayed || self.due_of(message) <= now,
            };
            let never = Flight { receives: 0, first: Timestamp(0), latest: Timestamp(0), until: Timestamp(0) };
            shown.then(|| Flown { place: *place, message: message.clone(), flight: flight.unwrap_or(never) })
        })
    }
}

//! Application events: what topics are told of the devices of a platform application.
//! An event is published like any message, by SNS for the application: the topic's policy decides, and subscribers read it as ever.
//! <https://docs.aws.amazon.com/sns/latest/dg/application-event-notifications.html>

use crate::{
    Sns, arns,
    deliveries::PRINCIPAL,
    faults, limits,
    state::{Endpoint, State},
};
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use serde::Serialize;

/// The attributes of an application that name the topics.
const ATTRIBUTES: [&str; 4] = ["EventEndpointCreated", "EventEndpointDeleted", "EventEndpointUpdated", "EventDeliveryFailure"];

/// Why nothing can be pushed to a device any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    EndpointNotFound,
    EndpointDisabled,
}

impl Failure {
    fn kind(self) -> &'static str {
        match self {
            // AWS: recorded in <https://pastebin.com/jwmdfVQE>, with its message.
            Failure::EndpointNotFound => "EndpointNotFound",
            // AWS: unverified; the code with which Publish refuses such a device.
            Failure::EndpointDisabled => "EndpointDisabled",
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Failure::EndpointNotFound => "Endpoint was not found",
            Failure::EndpointDisabled => "Endpoint is disabled",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    EndpointCreated,
    EndpointUpdated,
    EndpointDeleted,
    DeliveryFailure { failure: Failure, message_id: &'a str, attempts: u32 },
}

impl Event<'_> {
    fn kind(self) -> &'static str {
        match self {
            Event::EndpointCreated => "EndpointCreated",
            Event::EndpointUpdated => "EndpointUpdated",
            Event::EndpointDeleted => "EndpointDeleted",
            Event::DeliveryFailure { .. } => "DeliveryFailure",
        }
    }
}

/// An event as topics are told of it.
///
/// AWS: a delivery failure is written as recorded in <https://pastebin.com/jwmdfVQE>, its members in that order. The other
/// events are unverified: they have those of its members that are not about a failure.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_attempts: Option<u32>,
    endpoint_arn: &'a str,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    resource: &'a str,
    service: &'static str,
    time: String,
}

impl<'a> Told<'a> {
    fn of(event: Event<'a>, device: &'a Arn, application: &'a Arn, time: String) -> Told<'a> {
        let told =
            Told { endpoint_arn: device.as_str(), event_type: event.kind(), resource: application.as_str(), service: "SNS", time, ..Told::default() };
        match event {
            Event::DeliveryFailure { failure, message_id, attempts } => Told {
                delivery_attempts: Some(attempts),
                failure_message: Some(failure.message()),
                failure_type: Some(failure.kind()),
                message_id: Some(message_id),
                ..told
            },
            _ => told,
        }
    }
}

/// `DeliveryFailure event for app name (GCM)`, as long as a subject can be.
fn subject(event: Event<'_>, application: &Arn) -> String {
    let mut parts = application.resource().splitn(3, '/').skip(1);
    let (platform, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let around = format!("{} event for app  ({platform})", event.kind()).len();
    // AWS: unverified, what becomes of a name that is too long for a subject.
    let name: String = name.chars().take(limits::SUBJECT.saturating_sub(around)).collect();
    format!("{} event for app {name} ({platform})", event.kind())
}

/// The application of a device, whether there is one still or not.
pub fn application_of(device: &Arn) -> Option<Arn> {
    let (tail, _) = device.resource().strip_prefix("endpoint/")?.rsplit_once('/')?;
    Some(Arn::new("sns", &device.scope()?, &format!("app/{tail}")))
}

/// Each must be the ARN of a topic that there is. <https://docs.aws.amazon.com/sns/latest/dg/mobile-push-api-error.html>
pub fn check(cx: &Cx, state: &State, given: &Map<String>) -> Result<(), Fault> {
    for name in ATTRIBUTES {
        let Some(text) = given.get(name).filter(|text| !text.is_empty()) else { continue };
        // AWS: the faults are documented, their sentences not: unverified.
        let Ok(topic) = arns::topic(cx, name, text) else {
            return Err(faults::reason("Attributes", format_args!("{name} has invalid ARN format")));
        };
        if !state.topics.contains(&topic) {
            return Err(faults::reason("Attributes", format_args!("{name} is not an existing topic")));
        }
    }
    Ok(())
}

/// AWS: an event that is set to nothing is told to nobody any more (so do infrastructure tools take it back).
pub fn drop_unset(attributes: &mut Map<String>) {
    attributes.retain(|name, value| !value.is_empty() || !ATTRIBUTES.contains(&name.as_str()));
}

impl Sns {
    /// Tells the topic that an application names for an event, if it names one.
    pub fn tell_of(&self, cx: &Cx, event: Event<'_>, device: &Endpoint) {
        self.tell(cx, event, &device.arn, &device.application);
    }

    pub fn tell(&self, cx: &Cx, event: Event<'_>, device: &Arn, application: &Arn) {
        let attribute = ["Event", event.kind()].concat();
        let topic = self.store.read(|state| state.applications.get(application)?.attributes.get(&attribute).cloned());
        let Some((scope, topic)) = topic.and_then(|topic| Some((Arn::parse(&topic)?.scope()?, topic))) else { return };
        let now = cx.clock().now();
        let told = Told::of(event, device, application, now.with_millis());
        let Ok(message) = serde_json::to_string(&told) else { return };
        let input = PublishInput { topic_arn: Some(topic), subject: Some(subject(event, application)), message, ..PublishInput::default() };
        // Later, which is at once: what is told of a call neither delays nor fails it.
        if let Err(fault) = cx.schedule::<Publish>(now, PRINCIPAL, application.clone(), scope, input) {
            tracing::error!(%fault, "an event notification is not scheduled");
        }
    }
}

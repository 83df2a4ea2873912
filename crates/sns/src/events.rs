//! Application events: messages about the devices of a platform application, published to the topics that the application names.
//! An event is published like any message, by SNS for the application, if the topic's policy allows it.
//! <https://docs.aws.amazon.com/sns/latest/dg/application-event-notifications.html>

use crate::{
    Sns,
    access::PRINCIPAL,
    arns, faults, limits,
    state::{Endpoint, State},
};
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use serde::Serialize;

/// The attributes of an application that name the topics.
const ATTRIBUTES: [&str; 4] = ["EventEndpointCreated", "EventEndpointDeleted", "EventEndpointUpdated", "EventDeliveryFailure"];

/// Why a message cannot be pushed to a device.
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
            // AWS: unverified; Publish to such a device is refused with this code.
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

/// The message of an event.
///
/// AWS: that of a delivery failure is recorded in <https://pastebin.com/jwmdfVQE>, with its members in that order. Those of the
/// other events are unverified: they have the members that are not about a failure.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventMessage<'a> {
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

impl<'a> EventMessage<'a> {
    fn of(event: Event<'a>, device: &'a Arn, application: &'a Arn, time: String) -> EventMessage<'a> {
        let message = EventMessage {
            endpoint_arn: device.as_str(),
            event_type: event.kind(),
            resource: application.as_str(),
            service: "SNS",
            time,
            ..EventMessage::default()
        };
        match event {
            Event::DeliveryFailure { failure, message_id, attempts } => EventMessage {
                delivery_attempts: Some(attempts),
                failure_message: Some(failure.message()),
                failure_type: Some(failure.kind()),
                message_id: Some(message_id),
                ..message
            },
            _ => message,
        }
    }
}

/// `DeliveryFailure event for app name (GCM)`, cut to the length of a subject.
fn subject(event: Event<'_>, application: &Arn) -> String {
    let mut parts = application.resource().splitn(3, '/').skip(1);
    let (platform, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let around = format!("{} event for app  ({platform})", event.kind()).len();
    // AWS: unverified how a name is shortened that is too long for a subject.
    let name: String = name.chars().take(limits::SUBJECT.saturating_sub(around)).collect();
    format!("{} event for app {name} ({platform})", event.kind())
}

/// The application of a device, by its ARN.
pub fn application_of(device: &Arn) -> Option<Arn> {
    let (tail, _) = device.resource().strip_prefix("endpoint/")?.rsplit_once('/')?;
    Some(Arn::new("sns", &device.scope()?, &format!("app/{tail}")))
}

/// Each must be the ARN of an existing topic. <https://docs.aws.amazon.com/sns/latest/dg/mobile-push-api-error.html>
pub fn check(cx: &Cx, state: &State, given: &Map<String>) -> Result<(), Fault> {
    for name in ATTRIBUTES {
        let Some(text) = given.get(name).filter(|text| !text.is_empty()) else { continue };
        // AWS: the faults are documented, their messages are unverified.
        let Ok(topic) = arns::topic(cx, name, text) else {
            return Err(faults::reason("Attributes", format_args!("{name} has invalid ARN format")));
        };
        if !state.topics.contains(&topic) {
            return Err(faults::reason("Attributes", format_args!("{name} is not an existing topic")));
        }
    }
    Ok(())
}

/// AWS: an event attribute is removed by setting it to the empty string, as infrastructure tools do.
pub fn remove_unset(attributes: &mut Map<String>) {
    attributes.retain(|name, value| !value.is_empty() || !ATTRIBUTES.contains(&name.as_str()));
}

impl Sns {
    /// Publishes an event of a device to the topic that its application names for it, if any.
    pub fn publish_device_event(&self, cx: &Cx, event: Event<'_>, device: &Endpoint) {
        self.publish_event(cx, event, &device.arn, &device.application);
    }

    pub fn publish_event(&self, cx: &Cx, event: Event<'_>, device: &Arn, application: &Arn) {
        let attribute = ["Event", event.kind()].concat();
        let topic = self.store.read(|state| state.applications.get(application)?.attributes.get(&attribute).cloned());
        let Some((scope, topic)) = topic.and_then(|topic| Some((Arn::parse(&topic)?.scope()?, topic))) else { return };
        let now = cx.clock().now();
        let message = EventMessage::of(event, device, application, now.with_millis());
        let Ok(message) = serde_json::to_string(&message) else { return };
        let input = PublishInput { topic_arn: Some(topic), subject: Some(subject(event, application)), message, ..PublishInput::default() };
        // Scheduled, since the event must neither delay nor fail the call.
        if let Err(fault) = cx.schedule::<Publish>(now, PRINCIPAL, application.clone(), scope, input) {
            tracing::error!(%fault, "an event notification is not scheduled");
        }
    }
}

//! Where the events of a configuration set go: a topic, a delivery stream, the default bus.
//! <https://docs.aws.amazon.com/ses/latest/dg/monitor-sending-using-event-publishing-setup.html>

use crate::{
    Ses,
    refusal::Refusal,
    state::{ConfigurationSet, EventDestination},
};
use cloudlet_api_firehose::{PutRecord, PutRecordInput, Record};
use cloudlet_api_ses::faults as v1;
use cloudlet_api_sesv2::faults as v2;
use cloudlet_api_sns as sns;
use cloudlet_aws::{Arn, Caller, Scope};
use cloudlet_engine::{Cx, Permission, ServiceEvent, handler, roles};
use cloudlet_shape::{Empty, Shape, operations};
use serde_json::Value;

pub use own::PutEvent;

/// An event on its way to a delivery stream.
#[derive(Shape, Clone, Default)]
pub struct PutEventRequest {
    pub role: String,
    pub stream: String,
    /// The configuration set's ARN.
    pub source: String,
    pub event: String,
}

mod own {
    use super::{Empty, PutEventRequest, operations};

    operations! { cloudlet_api_ses::SERVICE;
        PutEvent(PutEventRequest) -> Empty {}
    }
}

pub fn set_arn(scope: &Scope, set: &str) -> Arn {
    Arn::new("ses", scope, &format!("configuration-set/{set}"))
}

/// A delivery stream's account and region, and its name.
fn stream_of(arn: &str) -> Option<(Scope, String)> {
    let arn = Arn::parse(arn).filter(|arn| arn.service() == "firehose")?;
    Some((arn.scope()?, arn.resource().strip_prefix("deliverystream/")?.to_owned()))
}

/// What EventBridge calls an event of a type (`Send`).
/// <https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html>
fn detail_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "Send" => "Email Sent",
        "Reject" => "Email Rejected",
        "Bounce" => "Email Bounced",
        "Complaint" => "Email Complaint Received",
        "Delivery" => "Email Delivered",
        "Open" => "Email Opened",
        "Click" => "Email Clicked",
        "Rendering Failure" => "Email Rendering Failed",
        "Subscription" => "Email Subscribed",
        _ => return None,
    })
}

impl Ses {
    /// Checks what a destination names: it has to exist, and to let SES deliver, which is tried.
    pub async fn check_destination(&self, cx: &Cx, set: &str, destination: &EventDestination) -> Result<(), Refusal> {
        if let Some(topic) = &destination.topic {
            return self.check_topic(cx, set, topic).await;
        }
        if let Some((role, stream)) = &destination.stream {
            return self.check_stream(cx, set, role, stream).await;
        }
        if let Some(bus) = &destination.bus {
            let default = Arn::new("events", &cx.scope, "event-bus/default");
            if *bus == default.as_str() {
                return Ok(());
            }
            // AWS: unverified message.
            return Err(Refusal::invalid(format!("Invalid event bus ARN {bus}: only the default bus of the account is supported.")));
        }
        let kind = if destination.application.is_some() { "event destinations of Pinpoint" } else { "event destinations of CloudWatch" };
        Err(Refusal::NotBuilt(kind))
    }

    /// A topic has to exist, and to let SES publish.
    async fn check_topic(&self, cx: &Cx, set: &str, topic: &str) -> Result<(), Refusal> {
        let no_topic = || Refusal::NoTopic(topic.to_owned());
        let scope = Arn::parse(topic).filter(|arn| arn.service() == "sns").and_then(|arn| arn.scope()).ok_or_else(no_topic)?;
        let input = sns::GetTopicAttributesInput { topic_arn: topic.to_owned() };
        cx.forward::<sns::GetTopicAttributes>(crate::PRINCIPAL, scope.clone(), input).await.map_err(|_| no_topic())?;
        let input = sns::PublishInput {
            topic_arn: Some(topic.to_owned()),
            message: "Successfully validated SNS topic for Amazon SES event publishing.".into(),
            ..Default::default()
        };
        let published = cx.call::<sns::Publish>(Caller::service(crate::PRINCIPAL, Some(set_arn(&cx.scope, set))), scope, input).await;
        // AWS: unverified message.
        let message = format!("Could not publish to SNS topic <{topic}>.");
        published.map(drop).map_err(|_| Refusal::As { v1: v1::INVALID_SNS_DESTINATION, v2: v2::BAD_REQUEST, message })
    }

    /// The role has to let SES assume it, and the stream has to be one.
    async fn check_stream(&self, cx: &Cx, set: &str, role: &str, stream: &str) -> Result<(), Refusal> {
        if !cx.is_built::<PutRecord>() {
            return Err(Refusal::NotBuilt("delivery streams of Firehose"));
        }
        // AWS: unverified messages.
        let invalid = |message: String| Refusal::As { v1: v1::INVALID_FIREHOSE_DESTINATION, v2: v2::BAD_REQUEST, message };
        stream_of(stream).ok_or_else(|| invalid(format!("Invalid delivery stream ARN <{stream}>.")))?;
        let arn = Arn::parse(role).ok_or_else(|| invalid(format!("Invalid IAM role ARN <{role}>.")))?;
        let session = roles::assume_role(cx, &arn, "ses-event-publishing", crate::PRINCIPAL, &set_arn(&cx.scope, set)).await;
        session.map(drop).map_err(|_| invalid(format!("Could not assume IAM role <{role}>.")))
    }
}

/// Has a topic told, as soon as what is being written is: at least once, also after a restart.
pub fn publish(cx: &Cx, topic: &str, source: Arn, subject: Option<&str>, message: String) {
    let Some(scope) = Arn::parse(topic).and_then(|arn| arn.scope()) else { return };
    let input = sns::PublishInput { topic_arn: Some(topic.to_owned()), subject: subject.map(str::to_owned), message, ..sns::PublishInput::default() };
    if let Err(fault) = cx.schedule::<sns::Publish>(cx.now, crate::PRINCIPAL, source, scope, input) {
        tracing::warn!(%fault, topic, "an event of a mail is lost");
    }
}

/// Tells the destinations that want events of a type (`SEND`, `Send`), as soon as what is being written is.
pub fn tell(cx: &Cx, scope: &Scope, set: &str, settings: &ConfigurationSet, (upper, name): (&str, &str), event: impl FnOnce() -> Value) {
    let mut wanting = settings.destinations_for(upper).peekable();
    if wanting.peek().is_none() {
        return;
    }
    let (event, source) = (event(), set_arn(scope, set));
    let text = event.to_string();
    for destination in wanting {
        if let Some(topic) = &destination.topic {
            // AWS: recorded.
            publish(cx, topic, source.clone(), Some("Amazon SES Email Event Notification"), text.clone());
        } else if let Some((role, stream)) = &destination.stream {
            let input = PutEventRequest { role: role.clone(), stream: stream.clone(), source: source.to_string(), event: format!("{text}\n") };
            if let Err(fault) = cx.schedule::<PutEvent>(cx.now, crate::PRINCIPAL, source.clone(), scope.clone(), input) {
                tracing::warn!(%fault, stream, "an event of a mail is lost");
            }
        } else if let (Some(_), Some(detail_type)) = (&destination.bus, detail_type(name)) {
            let (detail, resources) = (event.clone(), vec![source.clone()]);
            cx.emit(|| ServiceEvent { source: "aws.ses", detail_type, resources, detail, scope: scope.clone(), time: cx.now });
        }
    }
}

handler!(Ses, PutEvent, |ses, cx, input| Ok(Permission::none()), |ses, cx, input| {
    let (Some((scope, name)), Some(role), Some(source)) = (stream_of(&input.stream), Arn::parse(&input.role), Arn::parse(&input.source)) else {
        return Ok(Empty {});
    };
    let put = async {
        let session = roles::assume_role(cx, &role, "ses-event-publishing", crate::PRINCIPAL, &source).await?;
        let record = Record { data: input.event.into_bytes().into() };
        cx.call::<PutRecord>(session.caller, scope, PutRecordInput { delivery_stream_name: name, record }).await
    };
    if let Err(fault) = put.await {
        tracing::warn!(%fault, stream = input.stream, "an event of a mail is lost");
    }
    Ok(Empty {})
});

impl ConfigurationSet {
    /// What is told of events of a type (`SEND`).
    pub fn destinations_for(&self, event: &str) -> impl Iterator<Item = &EventDestination> {
        let wants = move |destination: &&EventDestination| destination.enabled && destination.events.iter().any(|known| known == event);
        self.destinations.values().filter(wants)
    }

    pub fn wants(&self, event: &str) -> bool {
        self.destinations_for(event).next().is_some()
    }
}

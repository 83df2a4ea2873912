//! What becomes of a mail, told to the event destinations of its configuration set.
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use crate::{Ses, addresses::Address, envelope::Envelope, identities};
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_aws::{Arn, Caller, Timestamp};
use cloudlet_engine::Cx;
use serde_json::{Value, json};

/// One thing that happened to a mail.
pub enum Happened {
    Sent,
    Delivered,
    RenderingFailed { template: String },
}

impl Happened {
    /// Its type as the second API writes it, and as the event does.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Happened::Sent => ("SEND", "Send"),
            Happened::Delivered => ("DELIVERY", "Delivery"),
            Happened::RenderingFailed { .. } => ("RENDERING_FAILURE", "Rendering Failure"),
        }
    }
}

fn iso(at: Timestamp) -> String {
    at.with_millis()
}

/// The members `mail` of all events of a mail.
fn mail(cx: &Cx, envelope: &Envelope, id: &str, subject: Option<&str>) -> Value {
    let from = match &envelope.from {
        Address { name: Some(name), address } => format!("{name} <{address}>"),
        Address { name: None, address } => address.clone(),
    };
    let mut headers = vec![json!({ "name": "From", "value": from })];
    let mut common = json!({ "from": [from], "messageId": id });
    for (name, key, texts) in [("Reply-To", "replyTo", &envelope.reply_to), ("To", "to", &envelope.to), ("Cc", "cc", &envelope.cc)] {
        if !texts.is_empty() {
            headers.push(json!({ "name": name, "value": texts.join(", ") }));
            if let Some(common) = common.as_object_mut() {
                common.insert(key.to_owned(), json!(texts));
            }
        }
    }
    if let Some(subject) = subject {
        headers.push(json!({ "name": "Subject", "value": subject }));
        if let Some(common) = common.as_object_mut() {
            common.insert("subject".to_owned(), subject.into());
        }
    }
    let mut tags = json!({
        "ses:source-tls-version": [cx.origin.tls.map_or("TLSv1.3", |tls| tls.version)],
        "ses:configuration-set": [envelope.configuration_set],
        "ses:source-ip": [cx.origin.source_ip.map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_string())],
        "ses:from-domain": [envelope.from.domain()],
        "ses:caller-identity": [cx.caller.arn.rsplit(['/', ':']).next()],
    });
    if let Some(tags) = tags.as_object_mut() {
        tags.extend(envelope.tags.iter().map(|(name, value)| (name.clone(), json!([value]))));
    }
    json!({
        "timestamp": iso(cx.now),
        "source": from,
        "sourceArn": identities::arn_of(&cx.scope, &identities::name_of(&envelope.from.address)),
        "sendingAccountId": cx.scope.account.as_str(),
        "messageId": id,
        "destination": envelope.recipients().collect::<Vec<_>>(),
        "headersTruncated": false,
        "headers": headers,
        "commonHeaders": common,
        "tags": tags,
    })
}

impl Ses {
    /// Tells the destinations of the mail's configuration set. A destination that cannot be told is left out: the mail is sent.
    pub async fn tell(&self, cx: &Cx, envelope: &Envelope, id: &str, subject: Option<&str>, happened: Happened) {
        let Some(name) = &envelope.configuration_set else { return };
        let Ok(set) = self.configuration_set(&cx.scope, name) else { return };
        let (upper, event_type) = happened.names();
        let topics: Vec<&String> = set
            .destinations
            .values()
            .filter(|destination| destination.enabled && destination.events.iter().any(|event| event == upper))
            .filter_map(|destination| destination.topic.as_ref())
            .collect();
        if topics.is_empty() {
            return;
        }
        let mut event = json!({ "eventType": event_type, "mail": mail(cx, envelope, id, subject) });
        let details = match &happened {
            Happened::Sent => ("send", json!({})),
            Happened::Delivered => (
                "delivery",
                json!({
                    "timestamp": iso(cx.now),
                    "processingTimeMillis": 0,
                    "recipients": envelope.recipients().collect::<Vec<_>>(),
                    // Our own, in the form of AWS's.
                    "smtpResponse": "250 2.6.0 Message received",
                    "reportingMTA": "mta.cloudlet.local",
                }),
            ),
            Happened::RenderingFailed { template } => {
                ("failure", json!({ "templateName": template, "errorMessage": "Attribute is not present in the rendering data." }))
            }
        };
        if let Some(event) = event.as_object_mut() {
            event.insert(details.0.to_owned(), details.1);
        }
        let source = Arn::new("ses", &cx.scope, &format!("configuration-set/{name}"));
        for topic in topics {
            let Some(scope) = Arn::parse(topic).and_then(|arn| arn.scope()) else { continue };
            let input = PublishInput {
                topic_arn: Some(topic.clone()),
                // AWS: recorded.
                subject: Some("Amazon SES Email Event Notification".into()),
                message: event.to_string(),
                ..PublishInput::default()
            };
            let caller = Caller::service(crate::PRINCIPAL, Some(source.clone()));
            // A refusal is in the log of calls.
            let _ = cx.call_ignoring_output::<Publish>(caller, scope, input).await;
        }
    }
}

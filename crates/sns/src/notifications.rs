//! What subscribers are sent: the JSON of notifications and confirmations, their signatures, and the addresses in them.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>

use crate::{
    Sns,
    signing::{self, Certificate},
    state::{AttributeValue, Message, MessageType, Protocol, Subscription, Topic},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::{Arn, json_text};
use cloudlet_engine::Cx;
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write};

/// The host in `SigningCertURL`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateHost {
    /// This server: following the link gives the certificate.
    #[default]
    Own,
    /// `https://sns.<region>.amazonaws.com`, the only one that the validators of the SDKs take; that name must then lead here.
    Aws,
}

fn certificate_url(sns: &Sns, cx: &Cx, topic: &Arn) -> String {
    let path = Certificate::path();
    match sns.options.certificate_host {
        CertificateHost::Own => [server_address(cx), path].concat(),
        CertificateHost::Aws => {
            let tail = if topic.partition() == "aws-cn" { ".cn" } else { "" };
            format!("https://sns.{}.amazonaws.com{tail}{path}", topic.region())
        }
    }
}

fn server_address(cx: &Cx) -> &str {
    cx.endpoint().trim_end_matches('/')
}

fn unsubscribe_url(cx: &Cx, subscription: &Arn) -> String {
    [server_address(cx), "/?Action=Unsubscribe&SubscriptionArn=", subscription.as_str()].concat()
}

fn subscribe_url(cx: &Cx, topic: &Arn, token: &str) -> String {
    format!("{}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}", server_address(cx))
}

/// The members of a JSON object, each on a line of its own, as AWS prints them.
#[derive(Default)]
struct Members(String);

impl Members {
    fn put(&mut self, name: &str, value: &str) {
        if json_text::is_plain(value) {
            self.0.extend([",\n  \"", name, "\" : \"", value, "\""]);
        } else {
            self.put_json(name, &Value::from(value).to_string());
        }
    }

    fn put_json(&mut self, name: &str, json: &str) {
        self.0.extend([",\n  \"", name, "\" : ", json]);
    }

    /// The object that has all these members.
    fn object(parts: &[&Members]) -> String {
        let mut out = String::with_capacity(3 + parts.iter().map(|part| part.0.len()).sum::<usize>());
        out.push('{');
        for (index, part) in parts.iter().enumerate() {
            // Before the first member there is no comma.
            out.push_str(if index == 0 { part.0.strip_prefix(',').unwrap_or_default() } else { &part.0 });
        }
        out.push_str("\n}");
        out
    }
}

/// `Key\nValue\n` of each pair that has a value.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html>
fn string_to_sign(pairs: &[(&str, Option<&str>)]) -> String {
    let length = pairs.iter().map(|(name, value)| name.len() + value.map_or(0, str::len) + 2).sum();
    pairs.iter().fold(String::with_capacity(length), |mut out, (name, value)| {
        if let Some(value) = value {
            out.extend([name, "\n", value, "\n"]);
        }
        out
    })
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Binary(bytes) => BASE64_STANDARD.encode(bytes),
    }
}

/// AWS: 20 digits that grow.
pub fn sequence_number(number: u64) -> String {
    (10_000_000_000_000_000_000_u128 + u128::from(number)).to_string()
}

/// Whether a message was just published, or comes from the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageSource {
    Published,
    Archive,
}

/// Renders one message for its subscribers. What is the same for all of them is made once.
pub struct Renderer<'a> {
    sns: &'a Sns,
    cx: &'a Cx,
    topic: &'a Topic,
    message: &'a Message,
    source: MessageSource,
    /// By the text that is signed.
    signatures: Vec<(String, String)>,
    /// By the text of the message.
    notifications: Vec<(String, SharedMembers)>,
}

/// The members of a notification that come before those for one subscriber, and those that come after.
struct SharedMembers {
    before: Members,
    after: Members,
}

impl<'a> Renderer<'a> {
    pub fn new(sns: &'a Sns, cx: &'a Cx, topic: &'a Topic, message: &'a Message, source: MessageSource) -> Renderer<'a> {
        Renderer { sns, cx, topic, message, source, signatures: vec![], notifications: vec![] }
    }

    /// The body of a delivery to a queue, a function, a stream, an HTTP endpoint, or a mail address.
    pub fn body(&mut self, to: &Subscription) -> String {
        let text = self.message.content.text(to.protocol.name());
        match to.protocol {
            Protocol::Lambda => self.lambda_event(to, text),
            Protocol::Email => email(text, &unsubscribe_url(self.cx, &to.arn)),
            _ if to.attributes.raw_message_delivery => text.to_owned(),
            Protocol::Firehose => self.firehose_record(to, text),
            _ => self.notification(to, text),
        }
    }

    fn signature(&mut self, text: &str) -> String {
        if let Some((_, signature)) = self.signatures.iter().find(|(known, _)| known == text) {
            return signature.clone();
        }
        let to_sign = string_to_sign(&[
            ("Message", Some(text)),
            ("MessageId", Some(&self.message.id)),
            ("Subject", self.message.subject.as_deref()),
            ("Timestamp", Some(&self.message.at.with_millis())),
            ("TopicArn", Some(self.topic.arn.as_str())),
            ("Type", Some(MessageType::Notification.name())),
        ]);
        let signature = signing::sign(self.topic.signature_version(), &to_sign);
        self.signatures.push((text.to_owned(), signature.clone()));
        signature
    }

    fn notification(&mut self, to: &Subscription, text: &str) -> String {
        let mut own = Members::default();
        own.put("UnsubscribeURL", &unsubscribe_url(self.cx, &to.arn));
        if self.source == MessageSource::Archive {
            // AWS: unverified where it stands. https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-subscriber.html
            own.put_json("Replayed", "true");
        }
        let index = self.notifications.iter().position(|(known, _)| known == text).unwrap_or_else(|| {
            let shared = SharedMembers { before: self.members_before(text), after: self.members_after() };
            self.notifications.push((text.to_owned(), shared));
            self.notifications.len() - 1
        });
        match self.notifications.get(index) {
            Some((_, SharedMembers { before, after })) => Members::object(&[before, &own, after]),
            None => String::new(),
        }
    }

    fn members_before(&mut self, text: &str) -> Members {
        let (topic, message) = (self.topic, self.message);
        // The signature and the names take more than half a kilobyte.
        let mut members = Members(String::with_capacity(1024 + text.len()));
        members.put("Type", MessageType::Notification.name());
        members.put("MessageId", &message.id);
        if let Some(number) = message.sequence_number {
            members.put("SequenceNumber", &sequence_number(number));
        }
        members.put("TopicArn", topic.arn.as_str());
        if let Some(subject) = &message.subject {
            members.put("Subject", subject);
        }
        members.put("Message", text);
        members.put("Timestamp", &message.at.with_millis());
        // AWS: messages of FIFO topics are not signed.
        if !topic.is_fifo() {
            members.put("SignatureVersion", topic.signature_version().name());
            members.put("Signature", &self.signature(text));
            members.put("SigningCertURL", &certificate_url(self.sns, self.cx, &topic.arn));
        }
        members
    }

    fn members_after(&self) -> Members {
        let mut members = Members::default();
        if !self.message.attributes.is_empty() {
            let mut attributes = String::from("{");
            for (index, (name, attribute)) in self.message.attributes.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let (name, data_type) = (Value::from(name.as_str()), Value::from(attribute.data_type.as_str()));
                let value = Value::from(shown(&attribute.value));
                let _ = write!(attributes, "{comma}\n    {name} : {{\"Type\":{data_type},\"Value\":{value}}}");
            }
            attributes.push_str("\n  }");
            members.put_json("MessageAttributes", &attributes);
        }
        members
    }

    /// One line, without a signature. <https://docs.aws.amazon.com/sns/latest/dg/firehose-archived-message-format-S3.html>
    fn firehose_record(&self, to: &Subscription, text: &str) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Attribute<'a> {
            r#type: &'a str,
            value: String,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Record<'a> {
            r#type: &'a str,
            message_id: &'a str,
            topic_arn: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            subject: Option<&'a str>,
            message: &'a str,
            timestamp: String,
            #[serde(rename = "UnsubscribeURL")]
            unsubscribe_url: String,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            message_attributes: BTreeMap<&'a str, Attribute<'a>>,
        }
        let attributes = self.message.attributes.iter();
        let record = Record {
            r#type: MessageType::Notification.name(),
            message_id: &self.message.id,
            topic_arn: self.topic.arn.as_str(),
            subject: self.message.subject.as_deref(),
            message: text,
            timestamp: self.message.at.with_millis(),
            unsubscribe_url: unsubscribe_url(self.cx, &to.arn),
            message_attributes: attributes
                .map(|(name, one)| (name.as_str(), Attribute { r#type: &one.data_type, value: shown(&one.value) }))
                .collect(),
        };
        let mut line = serde_json::to_string(&record).unwrap_or_default();
        line.push('\n');
        line
    }

    /// The event for a function. <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>
    fn lambda_event(&mut self, to: &Subscription, text: &str) -> String {
        let (topic, message) = (self.topic, self.message);
        let attributes: serde_json::Map<String, Value> =
            message.attributes.iter().map(|(name, one)| (name.clone(), json!({ "Type": one.data_type, "Value": shown(&one.value) }))).collect();
        json!({ "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": to.arn.as_str(),
            "Sns": {
                "Type": MessageType::Notification.name(),
                "MessageId": &*message.id,
                "TopicArn": topic.arn.as_str(),
                "Subject": message.subject,
                "Message": text,
                "Timestamp": message.at.with_millis(),
                // AWS: 1 even where the signature is of version 2 (recorded).
                "SignatureVersion": "1",
                "Signature": self.signature(text),
                "SigningCertUrl": certificate_url(self.sns, self.cx, &topic.arn),
                "UnsubscribeUrl": unsubscribe_url(self.cx, &to.arn),
                "MessageAttributes": attributes,
            },
        }]})
        .to_string()
    }
}

fn email(text: &str, unsubscribe_url: &str) -> String {
    format!(
        "{text}\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:\n\
         {unsubscribe_url}\n\n\
         Please do not reply directly to this email. If you have any questions or comments regarding this email, please contact us at \
         https://aws.amazon.com/support"
    )
}

/// The body of a request to confirm a subscription, or its end: a text for mail, JSON for the others.
pub fn confirmation(sns: &Sns, cx: &Cx, message_type: MessageType, id: &str, topic: &Topic, to: &Subscription, token: &str) -> String {
    let url = subscribe_url(cx, &topic.arn, token);
    match to.protocol {
        Protocol::Email => confirmation_mail(message_type, topic, &url),
        _ => {
            let text = confirmation_text(message_type, topic, to);
            let at = cx.now.with_millis();
            let to_sign = string_to_sign(&[
                ("Message", Some(&text)),
                ("MessageId", Some(id)),
                ("SubscribeURL", Some(&url)),
                ("Timestamp", Some(&at)),
                ("Token", Some(token)),
                ("TopicArn", Some(topic.arn.as_str())),
                ("Type", Some(message_type.name())),
            ]);
            let mut members = Members::default();
            members.put("Type", message_type.name());
            members.put("MessageId", id);
            members.put("Token", token);
            members.put("TopicArn", topic.arn.as_str());
            members.put("Message", &text);
            members.put("SubscribeURL", &url);
            members.put("Timestamp", &at);
            members.put("SignatureVersion", topic.signature_version().name());
            members.put("Signature", &signing::sign(topic.signature_version(), &to_sign));
            members.put("SigningCertURL", &certificate_url(sns, cx, &topic.arn));
            Members::object(&[&members])
        }
    }
}

fn confirmation_mail(message_type: MessageType, topic: &Topic, url: &str) -> String {
    let topic = &topic.arn;
    match message_type {
        MessageType::UnsubscribeConfirmation => format!(
            "Your subscription to the topic below has been deactivated:\n{topic}\n\nIf this was in error, click or visit the link below \
             to resubscribe:\n{url}\n"
        ),
        _ => format!(
            "You have chosen to subscribe to the topic:\n{topic}\n\nTo confirm this subscription, click or visit the link below \
             (If this was in error no action is necessary):\n{url}\n"
        ),
    }
}

fn confirmation_text(message_type: MessageType, topic: &Topic, to: &Subscription) -> String {
    match message_type {
        MessageType::UnsubscribeConfirmation => format!(
            "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.",
            to.arn
        ),
        _ => format!(
            "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
            topic.arn
        ),
    }
}

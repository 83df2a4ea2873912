//! What a subscriber is sent: the JSON of notifications and confirmations, their signatures, and the addresses in them.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>

use crate::{
    Sns,
    signing::{self, Certificate, SignatureVersion},
    state::{AttributeValue, Message, Subscription, Topic},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::{Arn, json_text};
use cloudlet_engine::Cx;
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write};

/// From which address the certificate is to be fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateHost {
    /// The address of this server: whoever follows the link gets the certificate.
    #[default]
    Own,
    /// `https://sns.<region>.amazonaws.com`, the only one that the validators of the SDKs take; that name must then lead here.
    Aws,
}

/// What all subscribers of one message are sent alike, made once: a signature for each text it has, and the notification around it.
pub struct Signatures<'a> {
    sns: &'a Sns,
    cx: &'a Cx,
    made: Vec<(String, String)>,
    /// By text.
    envelopes: Vec<(String, Envelope)>,
}

/// A notification but for what its subscriber is told alone: the lines before that, and the lines after.
struct Envelope {
    head: Sheet,
    tail: Sheet,
}

impl<'a> Signatures<'a> {
    pub fn new(sns: &'a Sns, cx: &'a Cx) -> Signatures<'a> {
        Signatures { sns, cx, made: vec![], envelopes: vec![] }
    }

    fn of(&mut self, version: SignatureVersion, text: &str, sign: impl FnOnce() -> String) -> String {
        if let Some((_, signature)) = self.made.iter().find(|(known, _)| known == text) {
            return signature.clone();
        }
        let signature = signing::sign(version, &sign());
        self.made.push((text.to_owned(), signature.clone()));
        signature
    }

    pub fn certificate_url(&self, topic: &Arn) -> String {
        let path = Certificate::path();
        match self.sns.options.certificate_host {
            CertificateHost::Own => [address(self.cx), path].concat(),
            CertificateHost::Aws => {
                let tail = if topic.partition() == "aws-cn" { ".cn" } else { "" };
                format!("https://sns.{}.amazonaws.com{tail}{path}", topic.region())
            }
        }
    }
}

fn address(cx: &Cx) -> &str {
    cx.endpoint().trim_end_matches('/')
}

pub fn unsubscribe_url(cx: &Cx, subscription: &Arn) -> String {
    [address(cx), "/?Action=Unsubscribe&SubscriptionArn=", subscription.as_str()].concat()
}

pub fn subscribe_url(cx: &Cx, topic: &Arn, token: &str) -> String {
    format!("{}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}", address(cx))
}

/// A JSON object as AWS prints it: its lines.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
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

    /// The object of these lines.
    fn whole(sheets: &[&Sheet]) -> String {
        let mut out = String::with_capacity(3 + sheets.iter().map(|sheet| sheet.0.len()).sum::<usize>());
        out.push('{');
        for (at, sheet) in sheets.iter().enumerate() {
            // The brace stands in the place of the comma before the first line.
            out.push_str(if at == 0 { sheet.0.strip_prefix(',').unwrap_or_default() } else { &sheet.0 });
        }
        out.push_str("\n}");
        out
    }
}

/// `Key\nValue\n`, of what is there. <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html>
fn string_to_sign(pairs: &[(&str, Option<&str>)]) -> String {
    let length = pairs.iter().map(|(name, value)| name.len() + value.map_or(0, str::len) + 2).sum();
    pairs.iter().fold(String::with_capacity(length), |mut out, (name, value)| {
        if let Some(value) = value {
            out.extend([name, "\n", value, "\n"]);
        }
        out
    })
}

fn to_sign(message: &Message, text: &str, topic: &Topic, timestamp: &str) -> String {
    string_to_sign(&[
        ("Message", Some(text)),
        ("MessageId", Some(&message.id)),
        ("Subject", message.subject.as_deref()),
        ("Timestamp", Some(timestamp)),
        ("TopicArn", Some(topic.arn.as_str())),
        ("Type", Some("Notification")),
    ])
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Binary(bytes) => BASE64_STANDARD.encode(bytes),
    }
}

/// AWS: 20 digits that grow.
pub fn sequence(number: u64) -> String {
    (10_000_000_000_000_000_000_u128 + u128::from(number)).to_string()
}

/// Whether a message comes from the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    New,
    Replayed,
}

/// A notification in its envelope.
pub fn notification(signatures: &mut Signatures<'_>, message: &Message, topic: &Topic, to: &Subscription, freshness: Freshness) -> String {
    let text = message.content.text(to.protocol.name());
    let mut own = Sheet::default();
    own.put("UnsubscribeURL", &unsubscribe_url(signatures.cx, &to.arn));
    if freshness == Freshness::Replayed {
        // AWS: unverified where it stands. https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-subscriber.html
        own.put_json("Replayed", "true");
    }
    let found = signatures.envelopes.iter().position(|(known, _)| known == text).unwrap_or_else(|| {
        let envelope = Envelope { head: head(signatures, message, topic, text), tail: tail(message) };
        signatures.envelopes.push((text.to_owned(), envelope));
        signatures.envelopes.len() - 1
    });
    match signatures.envelopes.get(found) {
        Some((_, Envelope { head, tail })) => Sheet::whole(&[head, &own, tail]),
        None => String::new(),
    }
}

fn head(signatures: &mut Signatures<'_>, message: &Message, topic: &Topic, text: &str) -> Sheet {
    // Half a kilobyte and more are the signature and the names.
    let mut sheet = Sheet(String::with_capacity(1024 + text.len()));
    let timestamp = message.at.with_millis();
    sheet.put("Type", "Notification");
    sheet.put("MessageId", &message.id);
    if let Some(number) = message.sequence {
        sheet.put("SequenceNumber", &sequence(number));
    }
    sheet.put("TopicArn", topic.arn.as_str());
    if let Some(subject) = &message.subject {
        sheet.put("Subject", subject);
    }
    sheet.put("Message", text);
    sheet.put("Timestamp", &timestamp);
    // AWS: messages of FIFO topics are not signed.
    if !topic.is_fifo() {
        let version = topic.signature();
        sheet.put("SignatureVersion", version.name());
        sheet.put("Signature", &signatures.of(version, text, || to_sign(message, text, topic, &timestamp)));
        sheet.put("SigningCertURL", &signatures.certificate_url(&topic.arn));
    }
    sheet
}

fn tail(message: &Message) -> Sheet {
    let mut sheet = Sheet::default();
    if !message.attributes.is_empty() {
        let mut attributes = String::from("{");
        for (index, (name, attribute)) in message.attributes.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let one = format!("{{\"Type\":{},\"Value\":{}}}", Value::from(attribute.kind.as_str()), Value::from(shown(&attribute.value)));
            let _ = write!(attributes, "{comma}\n    {} : {one}", Value::from(name.as_str()));
        }
        attributes.push_str("\n  }");
        sheet.put_json("MessageAttributes", &attributes);
    }
    sheet
}

/// A notification as Firehose is given it: one line, without a signature.
/// <https://docs.aws.amazon.com/sns/latest/dg/firehose-archived-message-format-S3.html>
pub fn record(cx: &Cx, message: &Message, topic: &Topic, to: &Subscription) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Attribute<'a> {
        r#type: &'a str,
        value: String,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Line<'a> {
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
    let attributes = message.attributes.iter();
    let line = Line {
        r#type: "Notification",
        message_id: &message.id,
        topic_arn: topic.arn.as_str(),
        subject: message.subject.as_deref(),
        message: message.content.text(to.protocol.name()),
        timestamp: message.at.with_millis(),
        unsubscribe_url: unsubscribe_url(cx, &to.arn),
        message_attributes: attributes.map(|(name, one)| (name.as_str(), Attribute { r#type: &one.kind, value: shown(&one.value) })).collect(),
    };
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

/// The event a Lambda function is given.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>
pub fn lambda_event(signatures: &mut Signatures<'_>, message: &Message, topic: &Topic, to: &Subscription) -> String {
    let text = message.content.text(to.protocol.name());
    let attributes: serde_json::Map<String, Value> =
        message.attributes.iter().map(|(name, one)| (name.clone(), json!({ "Type": one.kind, "Value": shown(&one.value) }))).collect();
    let signature = signatures.of(topic.signature(), text, || to_sign(message, text, topic, &message.at.with_millis()));
    json!({ "Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": to.arn.as_str(),
        "Sns": {
            "Type": "Notification",
            "MessageId": &*message.id,
            "TopicArn": topic.arn.as_str(),
            "Subject": message.subject,
            "Message": text,
            "Timestamp": message.at.with_millis(),
            // AWS: says 1 even where the signature is of version 2 (recorded).
            "SignatureVersion": "1",
            "Signature": signature,
            "SigningCertUrl": signatures.certificate_url(&topic.arn),
            "UnsubscribeUrl": unsubscribe_url(signatures.cx, &to.arn),
            "MessageAttributes": attributes,
        },
    }]})
    .to_string()
}

/// Asks for a confirmation: of a subscription, or of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Subscribe,
    Unsubscribe,
}

impl Question {
    pub fn name(self) -> &'static str {
        match self {
            Question::Subscribe => "SubscriptionConfirmation",
            Question::Unsubscribe => "UnsubscribeConfirmation",
        }
    }
}

pub fn confirmation(sns: &Sns, cx: &Cx, question: Question, id: &str, version: SignatureVersion, to: &Subscription, token: &str) -> String {
    let signatures = Signatures::new(sns, cx);
    let (topic, url, at) = (to.topic.as_str(), subscribe_url(cx, &to.topic, token), cx.now.with_millis());
    let text = match question {
        Question::Subscribe => {
            format!(
                "You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message."
            )
        }
        Question::Unsubscribe => format!(
            "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.",
            to.arn
        ),
    };
    let signature = signing::sign(
        version,
        &string_to_sign(&[
            ("Message", Some(&text)),
            ("MessageId", Some(id)),
            ("SubscribeURL", Some(&url)),
            ("Timestamp", Some(&at)),
            ("Token", Some(token)),
            ("TopicArn", Some(topic)),
            ("Type", Some(question.name())),
        ]),
    );
    let mut sheet = Sheet::default();
    sheet.put("Type", question.name());
    sheet.put("MessageId", id);
    sheet.put("Token", token);
    sheet.put("TopicArn", topic);
    sheet.put("Message", &text);
    sheet.put("SubscribeURL", &url);
    sheet.put("Timestamp", &at);
    sheet.put("SignatureVersion", version.name());
    sheet.put("Signature", &signature);
    sheet.put("SigningCertURL", &signatures.certificate_url(&to.topic));
    Sheet::whole(&[&sheet])
}

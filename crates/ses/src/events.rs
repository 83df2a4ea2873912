//! What becomes of a mail, told to topics: those of its identity as notifications, those of its configuration set as events.
//! <https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html>
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use crate::{
    Ses, destinations,
    envelope::Envelope,
    identities, mime,
    state::{ConfigurationSet, Identity},
};
use cloudlet_aws::{Arn, Scope, Timestamp};
use cloudlet_engine::Cx;
use mail_parser::{HeaderValue, MessageParser};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Why a mail did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// `Permanent`, `Transient`, `Undetermined`.
    pub kind: &'static str,
    pub sub_kind: &'static str,
    pub status: &'static str,
    pub diagnostic: Option<String>,
}

/// One thing that happened to a mail.
pub enum Happened {
    Sent,
    Delivered {
        recipients: Vec<String>,
        response: &'static str,
    },
    Bounced {
        recipients: Vec<String>,
        bounce: Bounce,
    },
    /// With a subtype: the mail was not sent, since the recipient had complained before.
    Complained {
        recipients: Vec<String>,
        sub_kind: Option<&'static str>,
    },
    Rejected {
        reason: &'static str,
    },
    RenderingFailed {
        template: String,
        why: String,
    },
    Opened {
        visitor: LinkClient,
    },
    Clicked {
        visitor: LinkClient,
        link: String,
        tags: Vec<(String, String)>,
    },
    Subscribed {
        list: String,
        source: String,
        unsubscribed_all: bool,
        topics: Vec<(String, String)>,
    },
}

/// Who visits a link of a mail.
#[derive(Clone, Debug, Default)]
pub struct LinkClient {
    pub ip: String,
    pub user_agent: String,
}

impl Happened {
    /// Its type as the second API writes it, as events and notifications do, and the member that has its details.
    fn names(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Happened::Sent => ("SEND", "Send", "send"),
            Happened::Delivered { .. } => ("DELIVERY", "Delivery", "delivery"),
            Happened::Bounced { .. } => ("BOUNCE", "Bounce", "bounce"),
            Happened::Complained { .. } => ("COMPLAINT", "Complaint", "complaint"),
            Happened::Rejected { .. } => ("REJECT", "Reject", "reject"),
            Happened::RenderingFailed { .. } => ("RENDERING_FAILURE", "Rendering Failure", "failure"),
            Happened::Opened { .. } => ("OPEN", "Open", "open"),
            Happened::Clicked { .. } => ("CLICK", "Click", "click"),
            Happened::Subscribed { .. } => ("SUBSCRIPTION", "Subscription", "subscription"),
        }
    }

    fn details(&self, cx: &Cx, feedback_id: &str) -> Value {
        let now = iso(cx.now);
        let addresses = |recipients: &[String]| recipients.iter().map(|address| json!({ "emailAddress": address })).collect::<Vec<_>>();
        let mta = reporting_mta(&cx.scope);
        match self {
            Happened::Sent => json!({}),
            Happened::Delivered { recipients, response } => json!({
                "timestamp": now,
                "processingTimeMillis": 0,
                "recipients": recipients,
                "smtpResponse": response,
                "reportingMTA": mta,
                "remoteMtaIp": REMOTE_MTA,
            }),
            Happened::Bounced { recipients, bounce } => {
                let was_tried = !matches!(bounce.sub_kind, "OnAccountSuppressionList" | "Suppressed" | "UnsubscribedRecipient");
                let recipient = |address: &String| {
                    let mut recipient = json!({ "emailAddress": address, "action": "failed", "status": bounce.status });
                    if let (Some(map), Some(diagnostic)) = (recipient.as_object_mut(), &bounce.diagnostic) {
                        map.insert("diagnosticCode".into(), diagnostic.as_str().into());
                    }
                    recipient
                };
                let mut details = json!({
                    "feedbackId": feedback_id,
                    "bounceType": bounce.kind,
                    "bounceSubType": bounce.sub_kind,
                    "bouncedRecipients": recipients.iter().map(recipient).collect::<Vec<_>>(),
                    "timestamp": now,
                    "reportingMTA": if was_tried { format!("dns; {mta}") } else { "dns; amazonses.com".to_owned() },
                });
                if let Some(details) = details.as_object_mut().filter(|_| was_tried) {
                    details.insert("remoteMtaIp".into(), REMOTE_MTA.into());
                }
                details
            }
            Happened::Complained { recipients, sub_kind } => json!({
                "feedbackId": feedback_id,
                "complaintSubType": sub_kind,
                "complainedRecipients": addresses(recipients),
                "timestamp": now,
                "userAgent": "Amazon SES Mailbox Simulator",
                "complaintFeedbackType": "abuse",
                "arrivalDate": now,
            }),
            Happened::Rejected { reason } => json!({ "reason": reason }),
            Happened::RenderingFailed { template, why } => json!({ "templateName": template, "errorMessage": why }),
            Happened::Opened { visitor } => json!({ "timestamp": now, "userAgent": visitor.user_agent, "ipAddress": visitor.ip }),
            Happened::Clicked { visitor, link, tags } => {
                let tags: Option<Map<String, Value>> =
                    (!tags.is_empty()).then(|| tags.iter().map(|(name, value)| (name.clone(), json!([value]))).collect());
                json!({ "timestamp": now, "ipAddress": visitor.ip, "userAgent": visitor.user_agent, "link": link, "linkTags": tags })
            }
            Happened::Subscribed { list, source, unsubscribed_all, topics } => {
                let topics: Vec<Value> = topics.iter().map(|(topic, status)| json!({ "topicName": topic, "subscriptionStatus": status })).collect();
                json!({
                    "contactList": list,
                    "timestamp": now,
                    "source": source,
                    "newTopicPreferences": { "unsubscribeAll": unsubscribed_all, "topicSubscriptionStatus": topics },
                })
            }
        }
    }
}

/// The address of the server that the mail was given to: none was.
const REMOTE_MTA: &str = "127.0.0.1";

fn reporting_mta(scope: &Scope) -> String {
    match scope.region.as_str() {
        "us-east-1" => "a8-50.smtp-out.amazonses.com".to_owned(),
        region => format!("a8-50.smtp-out.{region}.amazonses.com"),
    }
}

pub fn iso(at: Timestamp) -> String {
    at.with_millis()
}

/// Headers of more than this are shown in part.
/// <https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#mail-object>
const HEADERS_SHOWN: usize = 10 << 10;

/// The members `headersTruncated`, `headers` and `commonHeaders` of a message.
pub fn headers_of(raw: &[u8], message_id: &str, leave_out: fn(&str) -> bool) -> Map<String, Value> {
    let mut shown: Vec<Value> = vec![];
    let mut common = Map::new();
    let (mut size, mut is_truncated) = (0, false);
    if let Some(message) = MessageParser::new().parse_headers(raw) {
        for (name, value) in message.headers_raw().filter(|(name, _)| !leave_out(&name.to_ascii_lowercase())) {
            let value = value.trim().replace("\r\n", "").replace('\n', "");
            size += name.len() + value.len();
            if size > HEADERS_SHOWN {
                is_truncated = true;
                break;
            }
            shown.push(json!({ "name": name, "value": value }));
        }
        let addresses = |value: &HeaderValue<'_>| {
            let list = value.as_address().map(|address| address.iter().filter_map(mime::shown_address).collect::<Vec<_>>());
            list.filter(|list| !list.is_empty())
        };
        for (name, key) in [("From", "from"), ("Reply-To", "replyTo"), ("Sender", "sender"), ("To", "to"), ("Cc", "cc")] {
            if let Some(list) = message.header(name).and_then(addresses) {
                common.insert(key.to_owned(), if key == "sender" { list.first().cloned().into() } else { json!(list) });
            }
        }
        if let Some(subject) = message.subject() {
            common.insert("subject".into(), subject.into());
        }
    }
    common.insert("messageId".into(), message_id.into());
    let mut members = Map::new();
    members.insert("headersTruncated".into(), is_truncated.into());
    members.insert("headers".into(), shown.into());
    members.insert("commonHeaders".into(), common.into());
    members
}

/// What SES itself adds when it sends.
fn is_added(name: &str) -> bool {
    matches!(name, "message-id" | "date" | "dkim-signature" | "feedback-id" | "x-ses-outgoing")
}

/// A mail that something happens to.
pub struct About<'a> {
    pub envelope: &'a Envelope,
    pub id: &'a str,
    pub raw: &'a [u8],
    /// What sends: its account, its name, and its settings.
    pub owner: Scope,
    pub identity: Option<(String, Arc<Identity>)>,
    pub set: Option<(String, Arc<ConfigurationSet>)>,
}

impl About<'_> {
    fn identity_arn(&self) -> Arn {
        let name = self.identity.as_ref().map_or_else(|| identities::name_of(&self.envelope.from.address), |(name, _)| name.clone());
        identities::arn_of(&self.owner, &name)
    }

    /// The members that events and notifications share.
    fn mail(&self, cx: &Cx, source: String) -> Map<String, Value> {
        let mut mail = Map::new();
        mail.insert("timestamp".into(), iso(cx.now).into());
        mail.insert("source".into(), source.into());
        mail.insert("sourceArn".into(), self.identity_arn().to_string().into());
        mail.insert("sendingAccountId".into(), cx.scope.account.as_str().into());
        mail.insert("messageId".into(), self.id.into());
        mail.insert("destination".into(), json!(self.envelope.recipients().collect::<Vec<_>>()));
        mail
    }

    /// The member `mail` of events.
    pub fn of_event(&self, cx: &Cx) -> Map<String, Value> {
        let mut mail = self.mail(cx, self.envelope.from.shown());
        mail.extend(headers_of(self.raw, self.id, is_added));
        let mut tags = json!({
            "ses:source-tls-version": [cx.origin.tls.map_or("TLSv1.3", |tls| tls.version)],
            "ses:operation": [self.envelope.operation],
            "ses:configuration-set": [self.envelope.configuration_set],
            "ses:source-ip": [source_ip(cx)],
            "ses:from-domain": [self.envelope.from.domain()],
            "ses:caller-identity": [caller_name(cx)],
        });
        if let Some(tags) = tags.as_object_mut() {
            tags.extend(self.envelope.tags.iter().map(|(name, value)| (name.clone(), json!([value]))));
        }
        mail.insert("tags".into(), tags);
        mail
    }

    fn of_notification(&self, cx: &Cx, with_headers: bool) -> Map<String, Value> {
        let mut mail = self.mail(cx, self.envelope.from.address.clone());
        mail.insert("sourceIp".into(), source_ip(cx).into());
        mail.insert("callerIdentity".into(), caller_name(cx).into());
        if with_headers {
            mail.extend(headers_of(self.raw, self.id, is_added));
        }
        mail
    }
}

fn source_ip(cx: &Cx) -> String {
    cx.origin.source_ip.map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_string())
}

fn caller_name(cx: &Cx) -> String {
    cx.caller.arn.rsplit(['/', ':']).next().unwrap_or_default().to_owned()
}

impl Ses {
    /// Tells all who want to know. The id of the feedback, for those who forward it.
    pub fn tell(&self, cx: &Cx, about: &About<'_>, happened: &Happened) -> String {
        let feedback_id = mime::message_id(cx);
        let (upper, name, member) = happened.names();
        let details = || happened.details(cx, &feedback_id);
        if let Some((identity, settings)) = &about.identity
            && let Some(feedback) = settings.feedback.get(name)
            && let Some(topic) = &feedback.topic
        {
            let mut message = Map::new();
            message.insert("notificationType".into(), name.into());
            message.insert(member.into(), details());
            message.insert("mail".into(), about.of_notification(cx, feedback.headers).into());
            destinations::publish(cx, topic, identities::arn_of(&about.owner, identity), None, Value::from(message).to_string());
        }
        if let Some((set, settings)) = &about.set {
            destinations::tell(cx, &cx.scope, set, settings, (upper, name), || event(cx, happened, &feedback_id, about.of_event(cx).into()));
        }
        feedback_id
    }

    /// Tells the destinations of a configuration set of what happens to a mail that was sent before.
    pub fn tell_later(&self, cx: &Cx, scope: &Scope, set: &str, mail: &str, happened: &Happened) {
        let Ok(settings) = self.configuration_set(scope, set) else { return };
        let feedback_id = mime::message_id(cx);
        let (upper, name, _) = happened.names();
        let mail = || serde_json::from_str(mail).unwrap_or_default();
        destinations::tell(cx, scope, set, &settings, (upper, name), || event(cx, happened, &feedback_id, mail()));
    }
}

fn event(cx: &Cx, happened: &Happened, feedback_id: &str, mail: Value) -> Value {
    let (_, name, member) = happened.names();
    let mut event = Map::new();
    event.insert("eventType".into(), name.into());
    event.insert("mail".into(), mail);
    event.insert(member.into(), happened.details(cx, feedback_id));
    event.into()
}

//! `/_cloudlet/mailbox`: what AWS would have sent to people.

use crate::{
    admin::Admin,
    response::{Answer, Parameters, Refusal, not_found, written},
};
use axum::{
    Json,
    extract::{Path, State},
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use cloudlet_aws::TimestampFormat;
use cloudlet_mailbox::{Channel, Mail, MailFilter, Number};
use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Mail of a page, unless the request says how much; and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
/// Bytes of a piece as it is shown, mostly.
const USUAL_SIZE: usize = 1 << 10;
/// Seconds that a caller may wait.
const LONGEST_WAIT: u64 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    to: Option<String>,
    /// `email`, `sms`, `push`, `chat`.
    channel: Option<Channel>,
    service: Option<String>,
    /// A text in it.
    search: Option<String>,
    /// Seconds to wait until there is one.
    wait: Option<u64>,
    /// The number of the piece that the page precedes.
    before: Option<Number>,
    limit: Option<usize>,
}

/// The newest first. A caller that waits gets its answer as soon as there is something.
pub async fn list(State(admin): State<Admin>, Parameters(selection): Parameters<Selection>) -> Response {
    let Selection { to, channel, service, search, wait, before, limit } = selection;
    let (filter, limit) = (MailFilter { to, channel, service, search, before }, limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT));
    let mut arrivals = admin.cloud.mailbox.arrivals();
    let look = || admin.cloud.mailbox.list(&filter, limit);
    let mut mail = look();
    if let Some(seconds) = wait.filter(|_| mail.is_empty()) {
        let arrived = async {
            while mail.is_empty() && arrivals.changed().await.is_ok() {
                mail = look();
            }
        };
        // By the time of the machine: a stopped clock must not hold a test.
        let _ = tokio::time::timeout(Duration::from_secs(seconds.min(LONGEST_WAIT)), arrived).await;
    }
    // A page may be long: no tree of it is made first.
    let page = PageOfMail { mail: mail.iter().map(|(number, mail)| piece(*number, mail)).collect() };
    written(&page, mail.len() * USUAL_SIZE)
}

fn found(admin: &Admin, number: &str) -> Result<(Number, Arc<Mail>), Refusal> {
    let found = number.parse().ok().and_then(|number| Some((number, admin.cloud.mailbox.get(number)?)));
    found.ok_or_else(|| not_found("There is no such mail."))
}

pub async fn remove(State(admin): State<Admin>, Path(number): Path<String>) -> Answer {
    let (number, _) = found(&admin, &number)?;
    admin.cloud.mailbox.remove(number);
    Ok(Json(json!({ "removed": number })))
}

/// The message as it went over the wire, with its signatures.
pub async fn raw(State(admin): State<Admin>, Path(number): Path<String>) -> Result<impl IntoResponse, Refusal> {
    let (_, mail) = found(&admin, &number)?;
    let raw = admin.cloud.mailbox.raw(&mail).await.ok_or_else(|| not_found("This piece has no source: it is no MIME message."))?;
    Ok(([(CONTENT_TYPE, "message/rfc822")], raw))
}

/// The decoded content of one part. A browser is not to run what a mail has in it.
pub async fn part(State(admin): State<Admin>, Path((number, index)): Path<(String, usize)>) -> Result<impl IntoResponse, Refusal> {
    let (_, mail) = found(&admin, &number)?;
    let raw = admin.cloud.mailbox.source(&mail).await;
    let message = raw.as_deref().and_then(|raw| MessageParser::new().parse(raw));
    let content = message.as_ref().and_then(|message| message.parts.get(index)).map(|part| Bytes::copy_from_slice(part.contents()));
    let content = content.ok_or_else(|| not_found("The message has no such part."))?;
    Ok(([(CONTENT_TYPE, "application/octet-stream"), (CONTENT_DISPOSITION, "attachment")], content))
}

/// The texts of a mail whose row holds only their beginnings.
pub fn whole_texts(raw: &[u8]) -> (Option<String>, Option<String>) {
    let Some(message) = MessageParser::new().parse(raw) else { return (None, None) };
    let first = |wanted: fn(&PartType<'_>) -> Option<String>| message.parts.iter().find_map(|part| wanted(&part.body));
    let text = first(|body| if let PartType::Text(text) = body { Some(text.to_string()) } else { None });
    let html = first(|body| if let PartType::Html(html) = body { Some(html.to_string()) } else { None });
    (text, html)
}

/// The parts of a message: what each is, and which the numbers of those within it are.
fn parts(raw: &[u8]) -> Vec<Value> {
    let Some(message) = MessageParser::new().parse(raw) else { return vec![] };
    let part = |(index, part): (usize, &MessagePart<'_>)| {
        let kind = part.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("*")));
        let within = part.sub_parts();
        json!({
            "part": index,
            "content_type": kind,
            "file_name": part.attachment_name(),
            "content_id": part.content_id(),
            "size": if within.is_some() { 0 } else { part.contents().len() },
            "text": part.text_contents().filter(|_| part.is_text()),
            "parts": within,
        })
    };
    message.parts.iter().enumerate().map(part).collect()
}

pub async fn show(State(admin): State<Admin>, Path(number): Path<String>) -> Answer {
    let (number, mail) = found(&admin, &number)?;
    let mut shown = json!(piece(number, &mail));
    if let (Some(map), Some(raw)) = (shown.as_object_mut(), admin.cloud.mailbox.source(&mail).await) {
        map.insert("parts".into(), parts(&raw).into());
        if mail.shortened {
            let (text, html) = whole_texts(&raw);
            map.remove("shortened");
            map.insert("body".into(), text.unwrap_or_default().into());
            map.insert("html".into(), html.into());
        }
    }
    Ok(Json(shown))
}

pub async fn clear(State(admin): State<Admin>) -> Answer {
    admin.cloud.mailbox.clear();
    Ok(Json(json!({ "cleared": true })))
}

#[derive(Serialize)]
struct PageOfMail<'a> {
    mail: Vec<Piece<'a>>,
}

/// A piece as it is shown: all but its source. Its lists are written as they are walked.
#[derive(Serialize)]
struct Piece<'a> {
    number: Number,
    at: String,
    channel: Channel,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    from: &'a str,
    to: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    fields: Fields<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shortened: bool,
    links: Links<'a>,
}

struct Fields<'a>(&'a [(String, String)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|(name, value)| Field { name, value }))
    }
}

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
}

fn piece(number: Number, mail: &Mail) -> Piece<'_> {
    Piece {
        number,
        at: mail.at.text(TimestampFormat::DateTime),
        channel: mail.channel,
        service: &mail.service,
        source: mail.source.as_deref(),
        from: &mail.from,
        to: &mail.to,
        subject: mail.subject.as_deref(),
        body: &mail.body,
        html: mail.html.as_deref(),
        fields: Fields(&mail.fields),
        shortened: mail.shortened,
        links: Links(&mail.body),
    }
}

/// The links of a text.
struct Links<'a>(&'a str);

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(links(self.0))
    }
}

/// Addresses in a text: those that a human would click.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = |character: char| character.is_whitespace() || matches!(character, '"' | '<' | '>' | '\'');
    text.match_indices("http").filter_map(move |(at, _)| {
        let rest = text.get(at..)?;
        let link = rest.split(ends).next()?;
        (link.starts_with("http://") || link.starts_with("https://")).then_some(link)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_plain_text_and_in_json() {
        let text = "visit http://localhost:4566/?Action=ConfirmSubscription&Token=1\nor \"https://aws.amazon.com/support\", http is no link";
        assert_eq!(links(text).collect::<Vec<_>>(), ["http://localhost:4566/?Action=ConfirmSubscription&Token=1", "https://aws.amazon.com/support"]);
    }
}

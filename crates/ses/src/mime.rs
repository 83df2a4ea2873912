//! Messages: built from what a call gives, and read from what it gives raw.
//! <https://docs.aws.amazon.com/ses/latest/dg/send-email-raw.html>

use crate::{
    addresses::{self, Address},
    header_fields::SeenFields,
};
use cloudlet_engine::Cx;
use mail_builder::{
    MessageBuilder,
    headers::{address::Address as Mailbox, content_type::ContentType, date::Date, raw::Raw, text::Text},
    mime::MimePart,
};
use mail_parser::{Message, MessageParser, PartType};
use memchr::memmem;

/// A file that a message carries.
#[derive(Clone, Debug, Default)]
pub struct Attachment {
    pub name: String,
    pub content_type: Option<String>,
    pub content_id: Option<String>,
    pub description: Option<String>,
    pub is_inline: bool,
    pub bytes: Vec<u8>,
}

/// What a message says, apart from its addresses.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
    pub headers: Vec<(String, String)>,
    pub attachments: Vec<Attachment>,
}

/// Whom a message names.
#[derive(Clone, Debug, Default)]
pub struct Addressing<'a> {
    pub from: Option<&'a Address>,
    pub to: &'a [String],
    pub cc: &'a [String],
    pub reply_to: &'a [String],
}

fn multipart<'x>(cx: &Cx, kind: &str, parts: Vec<MimePart<'x>>) -> MimePart<'x> {
    let boundary = format!("----=_Part_{}", cx.ids().hex(24));
    MimePart::new(ContentType::new(format!("multipart/{kind}")).attribute("boundary", boundary), parts)
}

fn mailboxes(texts: &[String]) -> Mailbox<'_> {
    let mailbox = |text: &String| match Address::parse(text) {
        Ok(Address { name: Some(name), address }) => Mailbox::new_address(Some(name), address),
        Ok(Address { name: None, address }) => Mailbox::new_address(None::<String>, address),
        Err(_) => Mailbox::new_address(None::<String>, text.clone()),
    };
    Mailbox::new_list(texts.iter().map(mailbox).collect())
}

/// `0100019ab1c2d3e4-6f2a…`: the region's number, the time, and chance.
/// AWS: unverified which numbers all regions have.
pub fn message_id(cx: &Cx) -> String {
    let region = match cx.scope.region.as_str() {
        "us-east-1" => "0100",
        "us-west-2" => "0101",
        "eu-west-1" => "0102",
        "ap-northeast-1" => "0106",
        "eu-central-1" => "0107",
        "ap-southeast-2" => "0108",
        "ap-south-1" => "0109",
        "ap-southeast-1" => "010e",
        _ => "010f",
    };
    let uuid = cx.ids().uuid();
    format!("{region}{:012x}-{uuid}-000000", cx.now.millis())
}

/// The domain of the `Message-ID` header.
fn message_domain(cx: &Cx) -> String {
    match cx.scope.region.as_str() {
        "us-east-1" => "email.amazonses.com".to_owned(),
        region => format!("{region}.amazonses.com"),
    }
}

pub fn build(cx: &Cx, id: &str, addressing: &Addressing<'_>, content: &Content) -> Vec<u8> {
    let mut builder = MessageBuilder::new();
    if let Some(from) = addressing.from {
        builder = builder.from(Mailbox::new_address(from.name.clone(), from.address.clone()));
    }
    if !addressing.reply_to.is_empty() {
        builder = builder.reply_to(mailboxes(addressing.reply_to));
    }
    if !addressing.to.is_empty() {
        builder = builder.to(mailboxes(addressing.to));
    }
    if !addressing.cc.is_empty() {
        builder = builder.cc(mailboxes(addressing.cc));
    }
    builder = builder
        .message_id(format!("{id}@{}", message_domain(cx)))
        .date(Date::new(cx.now.secs()))
        .header("Subject", Text::new(content.subject.as_str()))
        .header("MIME-Version", Raw::new("1.0"));
    for (name, value) in &content.headers {
        // An encoded word would hide the address in a `List-Unsubscribe`.
        builder = if value.is_ascii() {
            builder.header(name.as_str(), Raw::new(value.as_str()))
        } else {
            builder.header(name.as_str(), Text::new(value.as_str()))
        };
    }
    let text = content.text.as_deref().map(|text| MimePart::new("text/plain", text));
    let html = content.html.as_deref().map(|html| MimePart::new("text/html", html));
    let body = match (text, html) {
        (Some(text), Some(html)) => multipart(cx, "alternative", vec![text, html]),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => MimePart::new("text/plain", ""),
    };
    let body = if content.attachments.is_empty() {
        body
    } else {
        let attached = content.attachments.iter().map(|attachment| {
            let kind = attachment.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
            let part = MimePart::new(ContentType::new(kind), attachment.bytes.as_slice());
            let disposition = if attachment.is_inline { "inline" } else { "attachment" };
            let mut part = part.header("Content-Disposition", ContentType::new(disposition).attribute("filename", attachment.name.clone()));
            if let Some(id) = &attachment.content_id {
                part = part.cid(id.clone());
            }
            if let Some(description) = &attachment.description {
                part = part.header("Content-Description", Text::new(description.clone()));
            }
            part
        });
        let parts = std::iter::once(body).chain(attached).collect();
        multipart(cx, "mixed", parts)
    };
    builder.body(body).write_to_vec().unwrap_or_default()
}

/// Header fields that SES reads or writes itself, and does not send on.
/// <https://docs.aws.amazon.com/ses/latest/dg/header-fields.html>
fn is_removed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "bcc" | "date" | "message-id" | "return-path" | "resent-bcc") || name.starts_with("x-ses-")
}

/// A raw message as a call gives it.
#[derive(Clone, Debug, Default)]
pub struct RawMail {
    pub from: Vec<Address>,
    pub sender: Option<String>,
    pub return_path: Option<String>,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    /// `X-SES-…`, by their names in small letters.
    pub directives: Vec<(String, String)>,
    /// A field that may be there once and is there twice.
    pub twice: Option<&'static str>,
    /// All that is sent on but the fields that are written anew.
    pub rest: Vec<u8>,
}

impl RawMail {
    pub fn directive(&self, name: &str) -> Option<&str> {
        self.directives.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn parse(bytes: &[u8]) -> Option<RawMail> {
        let message = MessageParser::new().parse_headers(bytes)?;
        let mut raw = RawMail::default();
        let (mut at, mut seen) = (0, SeenFields::default());
        for header in message.headers() {
            let (start, end) = (header.offset_field() as usize, header.offset_end() as usize);
            let name = header.name().to_ascii_lowercase();
            let value =
                bytes.get(header.offset_start() as usize..end).map(|value| String::from_utf8_lossy(value).trim().to_owned()).unwrap_or_default();
            raw.twice = raw.twice.or_else(|| seen.add(&name));
            let addresses = || addresses::of_header(&value).into_iter().map(|address| address.address);
            match name.as_str() {
                "from" => raw.from.extend(addresses::of_header(&value)),
                "sender" => raw.sender = addresses().next(),
                "return-path" => raw.return_path = addresses().next(),
                "to" => raw.to.extend(addresses()),
                "cc" => raw.cc.extend(addresses()),
                "bcc" => raw.bcc.extend(addresses()),
                _ if name.starts_with("x-ses-") => raw.directives.push((name.clone(), value)),
                _ => {}
            }
            if is_removed(&name) && start >= at {
                raw.rest.extend_from_slice(bytes.get(at..start).unwrap_or_default());
                at = end;
            }
        }
        raw.rest.extend_from_slice(bytes.get(at..).unwrap_or_default());
        Some(raw)
    }

    /// The message as it is sent: with its own id and date, and with line ends as the protocol has them.
    pub fn sent(&self, cx: &Cx, id: &str) -> Vec<u8> {
        let date = Date::new(cx.now.secs()).to_rfc822();
        let mut out = format!("Message-ID: <{id}@{}>\r\nDate: {date}\r\n", message_domain(cx)).into_bytes();
        out.extend_from_slice(&with_line_ends(&self.rest));
        out
    }
}

/// `Ann <ann@example.com>`, as events and notifications show it.
pub fn shown_address(one: &mail_parser::Addr<'_>) -> Option<String> {
    let address = one.address()?;
    Some(match one.name() {
        Some(name) => format!("{name} <{address}>"),
        None => address.to_owned(),
    })
}

/// The address of the author.
pub fn author_of(raw: &[u8]) -> Option<String> {
    let message = MessageParser::new().parse_headers(raw)?;
    message.from()?.first()?.address().map(str::to_owned)
}

/// A field as it stands, on one line.
pub fn header_of(raw: &[u8], name: &str) -> Option<String> {
    let message = MessageParser::new().parse_headers(raw)?;
    message.headers_raw().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().replace("\r\n", ""))
}

pub fn date(at: cloudlet_aws::Timestamp) -> String {
    Date::new(at.secs()).to_rfc822()
}

/// With the line ends that the protocol has.
pub fn with_line_ends(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut last = 0;
    for byte in text {
        if *byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        last = *byte;
    }
    out
}

pub fn subject_of(raw: &[u8]) -> Option<String> {
    MessageParser::new().parse_headers(raw)?.subject().map(str::to_owned)
}

/// The text by which virus scanners are tried out: <https://www.eicar.org/download-anti-malware-testfile/>
/// In two halves, lest the program be taken for infected.
const EICAR: [&str; 2] = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

fn has_virus(message: &Message<'_>) -> bool {
    let [first, second] = EICAR.map(str::as_bytes);
    let is_infected = |bytes: &[u8]| memmem::find_iter(bytes, second).any(|at| bytes.get(..at).is_some_and(|before| before.ends_with(first)));
    message.parts.iter().any(|part| !matches!(part.body, PartType::Multipart(_)) && is_infected(part.contents()))
}

/// What people see of a message.
#[derive(Debug, Default)]
pub struct Visible {
    pub subject: Option<String>,
    pub text: Option<String>,
    pub html: Option<String>,
    pub has_virus: bool,
}

impl Visible {
    pub fn of(raw: &[u8]) -> Visible {
        let Some(message) = MessageParser::new().parse(raw) else { return Visible::default() };
        let first = |wanted: fn(&PartType<'_>) -> Option<String>| message.parts.iter().find_map(|part| wanted(&part.body));
        Visible {
            subject: Message::subject(&message).map(str::to_owned),
            text: first(|body| if let PartType::Text(text) = body { Some(text.to_string()) } else { None }),
            html: first(|body| if let PartType::Html(html) = body { Some(html.to_string()) } else { None }),
            has_virus: has_virus(&message),
        }
    }
}

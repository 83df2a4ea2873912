//! The mailbox: what AWS would have sent to humans.
//!
//! `GET /_cloudlet/mailbox` lists, the newest first (`?to=`, `channel=email|sms|push|chat`, `service=`, `before=`, `limit=`);
//! `GET /_cloudlet/mailbox/7` shows one; `DELETE /_cloudlet/mailbox` throws everything away.

use crate::routes::{refusal, shown};
use cloudlet_aws::TimestampFormat;
use cloudlet_gateway::Plain;
use cloudlet_mailbox::{Channel, Mail, MailFilter, Mailbox, Number};
use serde_json::{Value, json};

pub fn answer(mailbox: &Mailbox, method: &str, path: &str, asked: impl Fn(&str) -> Option<String>) -> Plain {
    let number = path.strip_prefix("/_cloudlet/mailbox").map(|rest| rest.trim_start_matches('/')).filter(|rest| !rest.is_empty());
    match (method, number) {
        ("GET", None) => list(mailbox, asked),
        ("GET", Some(number)) => match number.parse().ok().and_then(|number| Some((number, mailbox.get(number)?))) {
            Some((number, mail)) => shown(piece(number, &mail)),
            None => refusal(404, "there is no such mail"),
        },
        ("DELETE", None) => {
            mailbox.clear();
            shown(json!({ "cleared": true }))
        }
        _ => refusal(405, "mail can be read, and thrown away all at once"),
    }
}

fn list(mailbox: &Mailbox, asked: impl Fn(&str) -> Option<String>) -> Plain {
    let channel = match asked("channel").as_deref() {
        None => None,
        Some("email") => Some(Channel::Email),
        Some("sms") => Some(Channel::Sms),
        Some("push") => Some(Channel::Push),
        Some("chat") => Some(Channel::Chat),
        Some(_) => return refusal(400, "a channel is email, sms, push or chat"),
    };
    let wanted = MailFilter { to: asked("to"), channel, service: asked("service"), before: asked("before").and_then(|number| number.parse().ok()) };
    let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100).min(1_000);
    let mail = mailbox.list(&wanted, limit);
    shown(json!({ "mail": mail.iter().map(|(number, mail)| piece(*number, mail)).collect::<Vec<_>>() }))
}

fn piece(number: Number, mail: &Mail) -> Value {
    let mut value = json!(mail);
    if let Some(map) = value.as_object_mut() {
        map.insert("number".into(), number.into());
        map.insert("at".into(), mail.at.text(TimestampFormat::DateTime).into());
        map.insert("fields".into(), mail.fields.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect());
        map.insert("links".into(), links(&mail.body).map(Value::from).collect());
    }
    value
}

/// Addresses in a text: those that a human would click.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '<' | '>' | '\'');
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

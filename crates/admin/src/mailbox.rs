//! `/_cloudlet/mailbox`: what AWS would have sent to people.

use crate::{
    admin::Admin,
    response::{Answer, Parameters, not_found},
};
use axum::{
    Json,
    extract::{Path, State},
};
use cloudlet_aws::TimestampFormat;
use cloudlet_mailbox::{Channel, Mail, MailFilter, Number};
use serde::Deserialize;
use serde_json::{Value, json};

/// Mail of a page, unless the request says how much; and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    to: Option<String>,
    /// `email`, `sms`, `push`, `chat`.
    channel: Option<Channel>,
    service: Option<String>,
    /// The number of the piece that the page precedes.
    before: Option<Number>,
    limit: Option<usize>,
}

/// The newest first.
pub async fn list(State(admin): State<Admin>, Parameters(selection): Parameters<Selection>) -> Answer {
    let Selection { to, channel, service, before, limit } = selection;
    let mail = admin.cloud.mailbox.list(&MailFilter { to, channel, service, before }, limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT));
    Ok(Json(json!({ "mail": mail.iter().map(|(number, mail)| piece(*number, mail)).collect::<Vec<_>>() })))
}

pub async fn show(State(admin): State<Admin>, Path(number): Path<String>) -> Answer {
    let found = number.parse().ok().and_then(|number| Some((number, admin.cloud.mailbox.get(number)?)));
    let (number, mail) = found.ok_or_else(|| not_found("There is no such mail."))?;
    Ok(Json(piece(number, &mail)))
}

pub async fn clear(State(admin): State<Admin>) -> Answer {
    admin.cloud.mailbox.clear();
    Ok(Json(json!({ "cleared": true })))
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

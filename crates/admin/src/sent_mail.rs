//! `/_aws/ses`: the mails that SES has sent, as LocalStack shows them: their source is what the sender had, before SES signed it.
//! <https://docs.localstack.cloud/aws/services/ses/>

use crate::{
    admin::Admin,
    mailbox::whole_texts,
    response::{Answer, Parameters},
};
use axum::{Json, extract::State};
use cloudlet_aws::TimestampFormat;
use cloudlet_mailbox::{Mail, MailFilter, Number};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The mail's id.
    id: Option<String>,
    /// Its sender.
    email: Option<String>,
}

fn field<'a>(mail: &'a Mail, name: &'a str) -> impl Iterator<Item = &'a str> {
    mail.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn selected(admin: &Admin, selection: &Selection) -> Vec<(Number, Arc<Mail>)> {
    let filter = MailFilter { service: Some("ses".into()), ..MailFilter::default() };
    let fits = |mail: &Mail| {
        let is_sender = |email: &String| mail.from == *email || mail.from.ends_with(&format!("<{email}>"));
        let mut ids = field(mail, "MessageId");
        let id = ids.next();
        id.is_some() && selection.id.as_deref().is_none_or(|wanted| id == Some(wanted)) && selection.email.as_ref().is_none_or(is_sender)
    };
    let mut mails = admin.cloud.mailbox.list(&filter, usize::MAX);
    mails.retain(|(_, mail)| fits(mail));
    mails.reverse();
    mails
}

pub async fn list(State(admin): State<Admin>, Parameters(selection): Parameters<Selection>) -> Answer {
    let mut messages = vec![];
    for (_, mail) in selected(&admin, &selection) {
        messages.push(shown(&mail, admin.cloud.mailbox.source(&mail).await.as_deref()));
    }
    Ok(Json(json!({ "messages": messages })))
}

pub async fn remove(State(admin): State<Admin>, Parameters(selection): Parameters<Selection>) -> Answer {
    for (number, _) in selected(&admin, &selection) {
        admin.cloud.mailbox.remove(number);
    }
    Ok(Json(json!({})))
}

fn shown(mail: &Mail, raw: Option<&[u8]>) -> Value {
    let whole = raw.filter(|_| mail.shortened).map(whole_texts);
    let (text, html) = whole.unwrap_or_else(|| (Some(mail.body.clone()), mail.html.clone()));
    let addresses = |name| field(mail, name).collect::<Vec<_>>();
    json!({
        "Id": field(mail, "MessageId").next(),
        "Region": field(mail, "Region").next(),
        "Timestamp": mail.at.text(TimestampFormat::DateTime),
        "Source": mail.from,
        "Destination": { "ToAddresses": addresses("To"), "CcAddresses": addresses("Cc"), "BccAddresses": addresses("Bcc") },
        "Subject": mail.subject,
        "Body": { "text_part": text.unwrap_or_default(), "html_part": html },
        "RawData": raw.map(|raw| String::from_utf8_lossy(raw).into_owned()),
    })
}

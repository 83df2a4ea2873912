//! Sending.

use crate::{
    Ses, access, contacts,
    envelope::{Body, Envelope, RawOptions, raw_draft},
    limits,
    mime::{Attachment, Content},
    refusal::Refusal,
    state, templates,
};
use cloudlet_api_sesv2::*;
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use std::sync::Arc;

/// What a mail is filled with once its call is allowed.
enum Filling {
    Body(Body),
    Template { data: String, headers: Vec<(String, String)>, attachments: Vec<Attachment> },
}

/// A mail as a call gives it, read once for its permission and its sending.
struct Draft {
    envelope: Envelope,
    filling: Filling,
}

fn tags(tags: Option<&[MessageTag]>) -> Vec<(String, String)> {
    tags.unwrap_or_default().iter().map(|tag| (tag.name.clone(), tag.value.clone())).collect()
}

/// Header fields of a call may not break out of their line.
fn headers(given: Option<&[MessageHeader]>) -> Result<Vec<(String, String)>, Refusal> {
    let field = |header: &MessageHeader| {
        if header.name.contains(|c: char| !c.is_ascii_graphic() || c == ':') || header.value.contains(['\r', '\n']) {
            // AWS: unverified message.
            return Err(Refusal::invalid(format!("Invalid header {}.", header.name)));
        }
        Ok((header.name.clone(), header.value.clone()))
    };
    given.unwrap_or_default().iter().map(field).collect()
}

fn attachments(given: Option<&[Attachment_]>) -> Vec<Attachment> {
    let attachment = |one: &Attachment_| Attachment {
        name: one.file_name.clone(),
        content_type: one.content_type.clone(),
        content_id: one.content_id.clone(),
        description: one.content_description.clone(),
        is_inline: one.content_disposition.as_deref() == Some("INLINE"),
        bytes: one.raw_content.to_vec(),
    };
    given.unwrap_or_default().iter().map(attachment).collect()
}

use cloudlet_api_sesv2::Attachment as Attachment_;

/// The name of a template, which an ARN may give instead.
fn template_name(template: &Template) -> Option<String> {
    let by_arn = || Arn::parse(template.template_arn.as_deref()?)?.resource().strip_prefix("template/").map(str::to_owned);
    template.template_name.clone().or_else(by_arn)
}

fn list(given: Option<&ListManagementOptions>) -> Option<(String, Option<String>)> {
    given.map(|given| (given.contact_list_name.clone(), given.topic_name.clone()))
}

fn read(input: &SendEmailRequest) -> Result<Draft, Refusal> {
    let content = &input.content;
    let given = [content.simple.is_some(), content.raw.is_some(), content.template.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        // AWS: unverified message.
        return Err(Refusal::invalid("Exactly one of Simple, Raw and Template must be given."));
    }
    let destination = input.destination.clone().unwrap_or_default();
    let all =
        || [&destination.to_addresses, &destination.cc_addresses, &destination.bcc_addresses].into_iter().flatten().flatten().cloned().collect();
    if let Some(raw) = &content.raw {
        let destinations: Vec<String> = all();
        let options = RawOptions {
            source: input.from_email_address.as_deref(),
            destinations: Some(&destinations),
            source_arn: input.from_email_address_identity_arn.as_deref(),
            return_path: input.feedback_forwarding_email_address.as_deref(),
            configuration_set: input.configuration_set_name.as_deref(),
            tenant: input.tenant_name.as_deref(),
            tags: tags(input.email_tags.as_deref()),
        };
        let (mut envelope, body) = raw_draft(&raw.data, options)?;
        envelope.list = list(input.list_management_options.as_ref());
        return Ok(Draft { envelope, filling: Filling::Body(body) });
    }
    let mut envelope = Envelope::new(input.from_email_address.as_deref().unwrap_or_default())?;
    envelope.source_arn = input.from_email_address_identity_arn.clone();
    envelope.return_path = input.feedback_forwarding_email_address.clone();
    envelope.to = destination.to_addresses.clone().unwrap_or_default();
    envelope.cc = destination.cc_addresses.clone().unwrap_or_default();
    envelope.bcc = destination.bcc_addresses.clone().unwrap_or_default();
    envelope.reply_to = input.reply_to_addresses.clone().unwrap_or_default();
    envelope.configuration_set = input.configuration_set_name.clone();
    envelope.tenant = input.tenant_name.clone();
    envelope.tags = tags(input.email_tags.as_deref());
    envelope.list = list(input.list_management_options.as_ref());
    let filling = match (&content.simple, &content.template) {
        (Some(simple), _) => Filling::Body(Body::Built(Content {
            subject: simple.subject.data.replace(['\r', '\n'], " "),
            text: simple.body.text.as_ref().map(|text| text.data.clone()),
            html: simple.body.html.as_ref().map(|html| html.data.clone()),
            headers: headers(simple.headers.as_deref())?,
            attachments: attachments(simple.attachments.as_deref()),
        })),
        (None, template) => {
            let template = template.clone().unwrap_or_default();
            envelope.template = template_name(&template);
            Filling::Template {
                data: template.template_data.clone().unwrap_or_else(|| "{}".into()),
                headers: headers(template.headers.as_deref())?,
                attachments: attachments(template.attachments.as_deref()),
            }
        }
    };
    Ok(Draft { envelope, filling })
}

impl Ses {
    /// The template of a call: one that is stored, or one that the call has in it.
    fn template_of(&self, cx: &Cx, name: Option<&str>, inline: Option<&EmailTemplateContent>) -> Result<Arc<state::Template>, Refusal> {
        match (name, inline) {
            (Some(name), _) => self.template(&cx.scope, name),
            (None, Some(EmailTemplateContent { subject, text, html })) => Ok(Arc::new(state::Template {
                subject: subject.clone(),
                text: text.clone(),
                html: html.clone(),
                created: Timestamp(0),
                tags: Map::new(),
            })),
            // AWS: unverified message.
            (None, None) => Err(Refusal::invalid("The template name must be specified.")),
        }
    }
}

operation!(
    SendEmail,
    |ses, cx, input| {
        let draft = cx.subject(|| read(input).map(Arc::new).map_err(Refusal::v2)).ok();
        Ok(match draft {
            Some(draft) => access::sending::<SendEmail>(
                ses,
                cx,
                if matches!(draft.filling, Filling::Body(Body::Raw(_))) { "ses:SendRawEmail" } else { "ses:SendEmail" },
                &draft.envelope,
            ),
            None => access::any::<SendEmail>(cx).into(),
        })
    },
    |ses, cx, input| {
        ses.check_endpoint(cx, input.endpoint_id.as_deref())?;
        let draft = cx.subject(|| read(&input).map(Arc::new).map_err(Refusal::v2))?;
        draft.envelope.check()?;
        let sent = match &draft.filling {
            Filling::Body(body) => ses.send(cx, &draft.envelope, body, limits::MESSAGE_BYTES_V2).await,
            Filling::Template { data, headers, attachments } => {
                let inline = input.content.template.as_ref().and_then(|template| template.template_content.as_ref());
                let template = ses.template_of(cx, draft.envelope.template.as_deref(), inline)?;
                let mut data = templates::data(data)?;
                if draft.envelope.list.is_some() {
                    // The link is put in its place once it is made.
                    data.insert("amazonSESUnsubscribeUrl".into(), contacts::PLACEHOLDER.into());
                }
                let body = templates::body(&template, &data, headers.clone(), attachments.clone());
                ses.send(cx, &draft.envelope, &body, limits::MESSAGE_BYTES_V2).await
            }
        };
        Ok(SendEmailResponse { message_id: Some(sent?) })
    },
);

fn bulk(input: &SendBulkEmailRequest) -> Result<Envelope, Refusal> {
    let mut envelope = Envelope::new(input.from_email_address.as_deref().unwrap_or_default())?;
    envelope.source_arn = input.from_email_address_identity_arn.clone();
    envelope.return_path = input.feedback_forwarding_email_address.clone();
    envelope.reply_to = input.reply_to_addresses.clone().unwrap_or_default();
    envelope.configuration_set = input.configuration_set_name.clone();
    envelope.template = input.default_content.template.as_ref().and_then(template_name);
    envelope.tenant = input.tenant_name.clone();
    envelope.tags = tags(input.default_email_tags.as_deref());
    Ok(envelope)
}

/// `MessageRejected` as this API writes it.
fn status_text(status: &str) -> String {
    let mut text = String::new();
    for letter in status.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    // AWS: the only one that differs by more than its letters.
    if text == "INVALID_PARAMETER_VALUE" { "INVALID_PARAMETER".into() } else { text.replace("DOES_NOT_EXIST", "NOT_FOUND") }
}

operation!(
    SendBulkEmail,
    |ses, cx, input| {
        Ok(match bulk(input) {
            Ok(envelope) => access::sending::<SendBulkEmail>(ses, cx, "ses:SendBulkEmail", &envelope),
            Err(_) => access::any::<SendBulkEmail>(cx).into(),
        })
    },
    |ses, cx, input| {
        ses.check_endpoint(cx, input.endpoint_id.as_deref())?;
        let common = bulk(&input)?;
        let count = input.bulk_email_entries.len();
        if count == 0 || count > limits::BULK_DESTINATIONS {
            // AWS: unverified message.
            return Err(Refusal::invalid(format!("There must be 1 to {} entries.", limits::BULK_DESTINATIONS)));
        }
        let given = input.default_content.template.clone().unwrap_or_default();
        let template = ses.template_of(cx, common.template.as_deref(), given.template_content.as_ref())?;
        let default = templates::data(given.template_data.as_deref().unwrap_or("{}"))?;
        let default_headers = headers(given.headers.as_deref())?;
        let files = attachments(given.attachments.as_deref());
        let mut results = Vec::with_capacity(count);
        for entry in input.bulk_email_entries {
            let mut envelope = common.clone();
            envelope.to = entry.destination.to_addresses.unwrap_or_default();
            envelope.cc = entry.destination.cc_addresses.unwrap_or_default();
            envelope.bcc = entry.destination.bcc_addresses.unwrap_or_default();
            if let Some(replacement) = &entry.replacement_tags {
                envelope.tags = tags(Some(replacement));
            }
            let replacement = entry.replacement_email_content.and_then(|content| content.replacement_template);
            let replacement = replacement.and_then(|template| template.replacement_template_data).unwrap_or_else(|| "{}".into());
            let fields = entry.replacement_headers.as_deref().map_or_else(|| Ok(default_headers.clone()), |given| headers(Some(given)));
            let ready = envelope.check().and_then(|()| {
                let data = templates::merged(&default, &replacement)?;
                Ok(templates::body(&template, &data, fields?, files.clone()))
            });
            let sent = match ready {
                Ok(body) => ses.send(cx, &envelope, &body, limits::MESSAGE_BYTES_V2).await,
                Err(refusal) => Err(refusal),
            };
            results.push(match sent {
                Ok(id) => BulkEmailEntryResult { status: Some("SUCCESS".into()), error: None, message_id: Some(id) },
                Err(refusal) => {
                    BulkEmailEntryResult { status: Some(status_text(refusal.status())), error: Some(refusal.message()), message_id: None }
                }
            });
        }
        Ok(SendBulkEmailResponse { bulk_email_entry_results: results })
    },
);

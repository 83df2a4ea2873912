//! Sending.

use crate::{
    Ses, access,
    envelope::{Body, Envelope, RawOptions, raw_draft},
    limits,
    mime::Content,
    refusal::Refusal,
    templates,
};
use cloudlet_api_ses::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Operation, Permissions};
use std::sync::Arc;

/// A mail as a call gives it, read once for its permissions and its sending.
struct Draft {
    envelope: Envelope,
    body: Body,
}

fn draft(cx: &Cx, read: impl FnOnce() -> Result<(Envelope, Body), Refusal>) -> Result<Arc<Draft>, Fault> {
    cx.subject(|| read().map(|(envelope, body)| Arc::new(Draft { envelope, body })).map_err(Refusal::v1))
}

/// A mail that cannot be read needs the permission as such, and is refused by its handler.
fn permissions<O: Operation>(ses: &Ses, cx: &Cx, action: &'static str, envelope: Option<&Envelope>) -> Permissions {
    match envelope {
        Some(envelope) => access::sending::<O>(ses, cx, action, envelope),
        None => access::any::<O>(cx).into(),
    }
}

fn tags(tags: Option<Vec<MessageTag>>) -> Vec<(String, String)> {
    tags.unwrap_or_default().into_iter().map(|tag| (tag.name, tag.value)).collect()
}

fn addressed(mut envelope: Envelope, destination: &Destination) -> Envelope {
    envelope.to = destination.to_addresses.clone().unwrap_or_default();
    envelope.cc = destination.cc_addresses.clone().unwrap_or_default();
    envelope.bcc = destination.bcc_addresses.clone().unwrap_or_default();
    envelope
}

fn simple(input: &SendEmailRequest) -> Result<(Envelope, Body), Refusal> {
    let mut envelope = addressed(Envelope::new(&input.source)?, &input.destination);
    envelope.source_arn = input.source_arn.clone();
    envelope.return_path = input.return_path.clone();
    envelope.reply_to = input.reply_to_addresses.clone().unwrap_or_default();
    envelope.configuration_set = input.configuration_set_name.clone();
    envelope.tags = tags(input.tags.clone());
    let text = input.message.body.text.as_ref().map(|text| text.data.clone());
    let html = input.message.body.html.as_ref().map(|html| html.data.clone());
    let subject = input.message.subject.data.replace(['\r', '\n'], " ");
    Ok((envelope, Body::Built(Content { subject, text, html, ..Content::default() })))
}

operation!(
    SendEmail,
    |ses, cx, input| {
        let draft = draft(cx, || simple(input)).ok();
        Ok(permissions::<SendEmail>(ses, cx, "ses:SendEmail", draft.as_ref().map(|draft| &draft.envelope)))
    },
    |ses, cx, input| {
        let draft = draft(cx, || simple(&input))?;
        draft.envelope.check()?;
        let message_id = ses.send(cx, &draft.envelope, &draft.body, limits::MESSAGE_BYTES).await?;
        Ok(SendEmailResponse { message_id })
    },
);

fn raw(input: &SendRawEmailRequest) -> Result<(Envelope, Body), Refusal> {
    let options = RawOptions {
        source: input.source.as_deref(),
        destinations: input.destinations.as_deref(),
        source_arn: input.source_arn.as_deref().or(input.from_arn.as_deref()),
        return_path: None,
        configuration_set: input.configuration_set_name.as_deref(),
        tenant: None,
        tags: tags(input.tags.clone()),
    };
    raw_draft(&input.raw_message.data, options)
}

operation!(
    SendRawEmail,
    |ses, cx, input| {
        let draft = draft(cx, || raw(input)).ok();
        Ok(permissions::<SendRawEmail>(ses, cx, "ses:SendRawEmail", draft.as_ref().map(|draft| &draft.envelope)))
    },
    |ses, cx, input| {
        let draft = draft(cx, || raw(&input))?;
        draft.envelope.check()?;
        let message_id = ses.send(cx, &draft.envelope, &draft.body, limits::MESSAGE_BYTES).await?;
        Ok(SendRawEmailResponse { message_id })
    },
);

fn templated(input: &SendTemplatedEmailRequest) -> Result<Envelope, Refusal> {
    let mut envelope = addressed(Envelope::new(&input.source)?, &input.destination);
    envelope.source_arn = input.source_arn.clone();
    envelope.return_path = input.return_path.clone();
    envelope.reply_to = input.reply_to_addresses.clone().unwrap_or_default();
    envelope.configuration_set = input.configuration_set_name.clone();
    envelope.template = Some(input.template.clone());
    envelope.tags = tags(input.tags.clone());
    Ok(envelope)
}

operation!(
    SendTemplatedEmail,
    |ses, cx, input| Ok(permissions::<SendTemplatedEmail>(ses, cx, "ses:SendTemplatedEmail", templated(input).ok().as_ref())),
    |ses, cx, input| {
        let envelope = templated(&input)?;
        envelope.check()?;
        let template = ses.template(&cx.scope, &input.template)?;
        let data = templates::data(&input.template_data)?;
        let body = templates::body(&template, &data, vec![], vec![]);
        let message_id = ses.send(cx, &envelope, &body, limits::MESSAGE_BYTES).await?;
        Ok(SendTemplatedEmailResponse { message_id })
    },
);

fn bulk(input: &SendBulkTemplatedEmailRequest) -> Result<Envelope, Refusal> {
    let mut envelope = Envelope::new(&input.source)?;
    envelope.source_arn = input.source_arn.clone();
    envelope.return_path = input.return_path.clone();
    envelope.reply_to = input.reply_to_addresses.clone().unwrap_or_default();
    envelope.configuration_set = input.configuration_set_name.clone();
    envelope.template = Some(input.template.clone());
    envelope.tags = tags(input.default_tags.clone());
    Ok(envelope)
}

operation!(
    SendBulkTemplatedEmail,
    |ses, cx, input| Ok(permissions::<SendBulkTemplatedEmail>(ses, cx, "ses:SendBulkTemplatedEmail", bulk(input).ok().as_ref())),
    |ses, cx, input| {
        let common = bulk(&input)?;
        let count = input.destinations.len();
        if count == 0 || count > limits::BULK_DESTINATIONS {
            // AWS: unverified message.
            return Err(Refusal::invalid(format!("There must be 1 to {} destinations.", limits::BULK_DESTINATIONS)));
        }
        let template = ses.template(&cx.scope, &input.template)?;
        let default = templates::data(&input.default_template_data)?;
        let mut status = Vec::with_capacity(count);
        for destination in input.destinations {
            let mut envelope = addressed(common.clone(), &destination.destination);
            if let Some(replacement) = destination.replacement_tags {
                envelope.tags = tags(Some(replacement));
            }
            let ready = envelope.check().and_then(|()| {
                let data = templates::merged(&default, destination.replacement_template_data.as_deref().unwrap_or("{}"))?;
                Ok(templates::body(&template, &data, vec![], vec![]))
            });
            let sent = match ready {
                Ok(body) => ses.send(cx, &envelope, &body, limits::MESSAGE_BYTES).await,
                Err(refusal) => Err(refusal),
            };
            status.push(match sent {
                Ok(id) => BulkEmailDestinationStatus { status: Some("Success".into()), error: None, message_id: Some(id) },
                Err(refusal) => {
                    BulkEmailDestinationStatus { status: Some(refusal.status().into()), error: Some(refusal.message()), message_id: None }
                }
            });
        }
        Ok(SendBulkTemplatedEmailResponse { status })
    },
);

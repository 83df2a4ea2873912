//! SendMessage and SendMessageBatch.

use crate::{
    Open, Sqs,
    addresses::Kind,
    batches::{self, said},
    contents, encryption, faults, limits,
    memories::twin_key,
    names::MessageId,
    settings::Settings,
    state::{Attribute, Message, Queue},
};
use cloudlet_api_sqs::{
    MessageAttributeValue, MessageSystemAttributeValue, SendMessage, SendMessageBatch, SendMessageBatchRequest, SendMessageBatchResult,
    SendMessageBatchResultEntry, SendMessageRequest, SendMessageResult,
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Map;
use std::{
    fmt::Display,
    sync::{Arc, OnceLock},
};

/// A message as a request says it.
struct Draft {
    body: String,
    delay: Option<i32>,
    attributes: Option<Map<MessageAttributeValue>>,
    system_attributes: Option<Map<MessageSystemAttributeValue>>,
    group: Option<String>,
    deduplication: Option<String>,
}

/// A message that is fit to be put into a queue.
struct Letter {
    message: Message,
    attributes_md5: Option<String>,
    system_md5: Option<String>,
}

/// What the sender is told.
struct Sent {
    id: MessageId,
    sequence: Option<String>,
}

/// Whether an entry of a batch or a whole request is at fault: AWS says it in other words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Single,
    Batch,
}

impl Form {
    /// AWS: of an entry of a batch it says the reason alone (seen at https://github.com/aws/aws-sdk-js/issues/3187).
    fn not_for_this_type(self, value: impl Display, parameter: &str, reason: &str) -> Fault {
        match self {
            Form::Single => faults::invalid(value, parameter, format_args!("{reason}.")),
            Form::Batch => faults::INVALID_PARAMETER_VALUE.says(reason),
        }
    }
}

impl Draft {
    /// What has to be said for this kind of queue; checked for all entries before any is sent.
    fn check_fifo(&self, settings: &Settings, form: Form) -> Result<(), Fault> {
        let Some(fifo) = &settings.fifo else { return Ok(()) };
        if self.group.is_none() {
            return Err(match form {
                Form::Single => faults::missing("MessageGroupId"),
                Form::Batch => faults::INVALID_PARAMETER_VALUE.says(faults::lacks("MessageGroupId")),
            });
        }
        if self.deduplication.is_none() && !fifo.content_based {
            return Err(faults::INVALID_PARAMETER_VALUE
                .says("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"));
        }
        Ok(())
    }

    /// Of a body that is fit.
    fn into_letter(self, cx: &Cx, settings: &Settings, attributes: Map<Attribute>, form: Form) -> Result<Letter, Fault> {
        if contents::size(&self.body, &attributes) > usize::try_from(settings.message_size).unwrap_or(usize::MAX) {
            return Err(contents::too_long(settings.message_size));
        }
        let delay = self.delay(settings, form)?;
        if let Some(group) = &self.group {
            contents::check_fifo_id(group, "MessageGroupId")?;
        }
        if let Some(id) = &self.deduplication {
            if settings.kind() == Kind::Standard {
                // AWS: another grammar than for DelaySeconds.
                let reason = "The request includes a parameter that is not valid for this queue type";
                return Err(form.not_for_this_type(id, "MessageDeduplicationId", reason));
            }
            contents::check_fifo_id(id, "MessageDeduplicationId")?;
        }
        let said = contents::trace(self.system_attributes.as_ref())?;
        let system_md5 = said.as_deref().and_then(contents::md5_of_trace);
        let deduplication = settings.fifo.map(|_| match self.deduplication {
            Some(id) => id,
            None => digest(Algorithm::Sha256, self.body.as_bytes()).hex(),
        });
        let message = Message {
            id: MessageId::new(cx.ids()),
            md5: OnceLock::new(),
            body: self.body.into(),
            sent: cx.now,
            due: cx.now.plus_secs(i64::from(delay)),
            sender: sender(cx),
            group: self.group.map(Into::into),
            deduplication: deduplication.map(Into::into),
            trace: said.or_else(|| cx.origin.trace.clone()),
            data_key: None,
            past: None,
            attributes,
        };
        let attributes_md5 = contents::md5(message.attributes.iter().map(contents::digestible));
        Ok(Letter { message, attributes_md5, system_md5 })
    }

    fn delay(&self, settings: &Settings, form: Form) -> Result<u32, Fault> {
        let Some(delay) = self.delay else { return Ok(settings.delay) };
        // AWS: a FIFO queue takes 0, which is no delay of its own, and refuses others (recorded).
        if settings.kind() == Kind::Fifo {
            let reason = "The request include parameter that is not valid for this queue type";
            return if delay == 0 { Ok(settings.delay) } else { Err(form.not_for_this_type(delay, "DelaySeconds", reason)) };
        }
        let fits = u32::try_from(delay).ok().filter(|delay| limits::DELAY.contains(delay));
        fits.ok_or_else(|| faults::invalid(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."))
    }
}

impl Queue {
    /// Takes a message, unless it is the twin of one sent in the last five minutes.
    fn accept(&mut self, message: Message, now: Timestamp) -> Sent {
        let fifo = self.profile().and_then(|profile| profile.settings.fifo);
        let key = match (&fifo, &message.group, &message.deduplication) {
            (Some(fifo), Some(group), Some(id)) => Some(twin_key(fifo, group, id.clone())),
            _ => None,
        };
        if let Some(twin) = key.as_ref().and_then(|key| self.twin(key, now)) {
            return Sent { id: twin.id, sequence: Some(twin.place.to_string()) };
        }
        let place = self.next_place(now);
        let id = message.id;
        if let Some(key) = key {
            self.remember_twin(key, id, place, now);
        }
        let (due, before) = (self.due_of(&message), self.next_landing());
        self.put(place, message, now);
        if due > now {
            self.alarm(before, now);
        } else {
            self.bell.ring();
        }
        Sent { id, sequence: fifo.map(|_| place.to_string()) }
    }

    /// Some of the work that is always left to others.
    fn tidy(&mut self, now: Timestamp) {
        self.expire(now);
        self.forget(now);
        self.settle(now);
    }
}

impl Open {
    fn settings(&self) -> Result<(Arn, Arc<Settings>), Fault> {
        self.look(|queue| queue.profile().map(|profile| (profile.arn.clone(), profile.settings.clone())))?.ok_or_else(faults::no_such_queue)
    }
}

/// `SenderId`. AWS: the address of whoever does not sign.
fn sender(cx: &Cx) -> Arc<str> {
    match cx.origin.source_ip {
        Some(address) if cx.caller.is_anonymous() => address.to_canonical().to_string().into(),
        _ => cx.caller.unique_id.clone(),
    }
}

impl Handle<SendMessage> for Sqs {
    fn permissions(&self, cx: &Cx, input: &SendMessageRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<SendMessage>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: SendMessageRequest) -> Result<SendMessageResult, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        let (arn, settings) = queue.settings()?;
        let mut draft = Draft {
            body: input.message_body,
            delay: input.delay_seconds,
            attributes: input.message_attributes,
            system_attributes: input.message_system_attributes,
            group: input.message_group_id,
            deduplication: input.message_deduplication_id,
        };
        let attributes = contents::attributes(draft.attributes.take())?;
        contents::check_body(&draft.body)?;
        draft.check_fifo(&settings, Form::Single)?;
        let Letter { mut message, attributes_md5, system_md5 } = draft.into_letter(cx, &settings, attributes, Form::Single)?;
        message.data_key = encryption::seal(cx, &arn, &settings.encryption).await?;
        // Long bodies take long to digest.
        let md5 = (!cx.origin.output_ignored).then(|| message.md5().text());
        let sent = queue.change(|queue| {
            queue.tidy(cx.now);
            Ok(queue.accept(message, cx.now))
        })?;
        Ok(SendMessageResult {
            md5_of_message_body: md5,
            md5_of_message_attributes: attributes_md5,
            md5_of_message_system_attributes: system_md5,
            message_id: Some(sent.id.text()),
            sequence_number: sent.sequence,
        })
    }
}

impl Handle<SendMessageBatch> for Sqs {
    fn permissions(&self, cx: &Cx, input: &SendMessageBatchRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<SendMessageBatch>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: SendMessageBatchRequest) -> Result<SendMessageBatchResult, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        let (arn, settings) = queue.settings()?;
        batches::check("SendMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let mut failed = vec![];
        let mut letters = vec![];
        let mut bytes = 0;
        let mut drafts = vec![];
        for entry in input.entries {
            let mut draft = Draft {
                body: entry.message_body,
                delay: entry.delay_seconds,
                attributes: entry.message_attributes,
                system_attributes: entry.message_system_attributes,
                group: entry.message_group_id,
                deduplication: entry.message_deduplication_id,
            };
            draft.check_fifo(&settings, Form::Batch)?;
            let attributes = contents::attributes(draft.attributes.take());
            bytes += attributes.as_ref().map_or(draft.body.len(), |attributes| contents::size(&draft.body, attributes));
            drafts.push((entry.id, draft, attributes));
        }
        if bytes > limits::BATCH_BYTES {
            let sentence = format!("Batch requests cannot be longer than {} bytes. You have sent {bytes} bytes.", limits::BATCH_BYTES);
            return Err(faults::BATCH_REQUEST_TOO_LONG.says(sentence));
        }
        for (id, draft, attributes) in drafts {
            let fit = attributes.and_then(|attributes| contents::check_body(&draft.body).map(|()| attributes));
            match fit.and_then(|attributes| draft.into_letter(cx, &settings, attributes, Form::Batch)) {
                Ok(letter) => letters.push((id, letter)),
                Err(fault) => failed.push(batches::failed(id, &fault)),
            }
        }
        let data_key = encryption::seal(cx, &arn, &settings.encryption).await?;
        let successful: Vec<SendMessageBatchResultEntry> = queue.change(|queue| {
            queue.tidy(cx.now);
            let entry = |(id, mut letter): (String, Letter)| {
                letter.message.data_key.clone_from(&data_key);
                let md5 = letter.message.md5().text();
                let sent = queue.accept(letter.message, cx.now);
                SendMessageBatchResultEntry {
                    id,
                    message_id: sent.id.text(),
                    md5_of_message_body: md5,
                    md5_of_message_attributes: letter.attributes_md5,
                    md5_of_message_system_attributes: letter.system_md5,
                    sequence_number: sent.sequence,
                }
            };
            Ok(letters.into_iter().map(entry).collect())
        })?;
        Ok(SendMessageBatchResult { successful: said(successful), failed: said(failed) })
    }
}

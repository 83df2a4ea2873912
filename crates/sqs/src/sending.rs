//! SendMessage and SendMessageBatch.

use crate::{
    QueueRef, Sqs,
    addresses::Kind,
    batches::{self, non_empty},
    contents,
    deduplication::deduplication_key,
    encryption, faults,
    ids::MessageId,
    limits,
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

/// A message as a request or an entry of a batch gives it.
struct Draft {
    body: String,
    delay: Option<i32>,
    attributes: Option<Map<MessageAttributeValue>>,
    system_attributes: Option<Map<MessageSystemAttributeValue>>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
}

/// A checked message, with the digests for the answer.
struct PreparedMessage {
    message: Message,
    attributes_md5: Option<String>,
    system_attributes_md5: Option<String>,
}

struct Sent {
    message_id: MessageId,
    sequence_number: Option<String>,
}

/// AWS: the messages about an entry of a batch differ from those about a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SendKind {
    Single,
    BatchEntry,
}

impl SendKind {
    /// AWS: recorded for both.
    fn too_long(self, most: u32) -> Fault {
        let problem = match self {
            SendKind::Single => "are invalid",
            SendKind::BatchEntry => "cannot be validated",
        };
        faults::INVALID_PARAMETER_VALUE.says(format!("One or more parameters {problem}. Reason: Message must be shorter than {most} bytes."))
    }

    /// AWS: for an entry of a batch the message is the reason alone (seen at https://github.com/aws/aws-sdk-js/issues/3187).
    fn not_for_this_type(self, value: impl Display, parameter: &str, reason: &str) -> Fault {
        match self {
            SendKind::Single => faults::invalid(value, parameter, format_args!("{reason}.")),
            SendKind::BatchEntry => faults::INVALID_PARAMETER_VALUE.says(reason),
        }
    }
}

impl Draft {
    /// Checks the parameters that a FIFO queue requires. In a batch all entries are checked before any is sent.
    fn check_fifo(&self, settings: &Settings, kind: SendKind) -> Result<(), Fault> {
        let Some(fifo) = &settings.fifo else { return Ok(()) };
        if self.group_id.is_none() {
            return Err(match kind {
                SendKind::Single => faults::missing("MessageGroupId"),
                SendKind::BatchEntry => faults::INVALID_PARAMETER_VALUE.says(faults::missing_message("MessageGroupId")),
            });
        }
        if self.deduplication_id.is_none() && !fifo.content_based_deduplication {
            return Err(faults::INVALID_PARAMETER_VALUE
                .says("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"));
        }
        Ok(())
    }

    /// Makes the message. The body and the attributes are checked already.
    fn prepare(self, cx: &Cx, settings: &Settings, attributes: Map<Attribute>, kind: SendKind) -> Result<PreparedMessage, Fault> {
        if contents::size(&self.body, &attributes) > usize::try_from(settings.max_message_size).unwrap_or(usize::MAX) {
            return Err(kind.too_long(settings.max_message_size));
        }
        let delay = self.delay(settings, kind)?;
        if let Some(group) = &self.group_id {
            contents::check_fifo_id(group, "MessageGroupId")?;
        }
        if let Some(id) = &self.deduplication_id {
            if settings.kind() == Kind::Standard {
                // AWS: not the same grammar as for DelaySeconds.
                let reason = "The request includes a parameter that is not valid for this queue type";
                return Err(kind.not_for_this_type(id, "MessageDeduplicationId", reason));
            }
            contents::check_fifo_id(id, "MessageDeduplicationId")?;
        }
        let trace_header = contents::trace_header(self.system_attributes.as_ref())?;
        let system_attributes_md5 = trace_header.as_deref().and_then(contents::md5_of_trace_header);
        let deduplication_id = settings.fifo.map(|_| match self.deduplication_id {
            Some(id) => id,
            None => digest(Algorithm::Sha256, self.body.as_bytes()).hex(),
        });
        let message = Message {
            id: MessageId::new(cx.ids()),
            md5: OnceLock::new(),
            body: self.body.into(),
            sent: cx.now,
            visible_from: cx.now.plus_secs(i64::from(delay)),
            sender_id: sender_id(cx),
            group_id: self.group_id.map(Into::into),
            deduplication_id: deduplication_id.map(Into::into),
            trace_header: trace_header.or_else(|| cx.origin.trace.clone()),
            data_key: None,
            dead_letter: None,
            attributes,
        };
        let attributes_md5 = contents::md5(message.attributes.iter().map(contents::md5_input));
        Ok(PreparedMessage { message, attributes_md5, system_attributes_md5 })
    }

    fn delay(&self, settings: &Settings, kind: SendKind) -> Result<u32, Fault> {
        let Some(delay) = self.delay else { return Ok(settings.delay) };
        // AWS: a FIFO queue accepts 0, which leaves the queue's delay, and refuses others (recorded).
        if settings.kind() == Kind::Fifo {
            let reason = "The request include parameter that is not valid for this queue type";
            return if delay == 0 { Ok(settings.delay) } else { Err(kind.not_for_this_type(delay, "DelaySeconds", reason)) };
        }
        let valid = u32::try_from(delay).ok().filter(|delay| limits::DELAY.contains(delay));
        valid.ok_or_else(|| faults::invalid(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."))
    }
}

impl Queue {
    /// Adds a message, unless it is a duplicate of one sent in the last five minutes.
    fn accept(&mut self, message: Message, now: Timestamp) -> Sent {
        let scope = self.properties().and_then(|properties| properties.deduplication_scope(now));
        let key = match (scope, &message.group_id, &message.deduplication_id) {
            (Some(scope), Some(group), Some(id)) => Some(deduplication_key(scope, group, id.clone())),
            _ => None,
        };
        if let Some(entry) = key.as_ref().and_then(|key| self.duplicate_of(key, now)) {
            return Sent { message_id: entry.message_id, sequence_number: Some(entry.sequence_number.to_string()) };
        }
        let number = self.next_sequence_number(now);
        let message_id = message.id;
        if let Some(key) = key {
            self.remember_sent(key, message_id, number, now);
        }
        let (delay_end, before) = (self.delay_end(&message), self.next_visible());
        self.insert(number, message, now);
        if delay_end > now {
            self.wake_if_earlier(before, now);
        } else {
            self.waiters.wake_one();
        }
        Sent { message_id, sequence_number: scope.map(|_| number.to_string()) }
    }

    /// Does a part of what is due, so that it does not pile up in a queue without receivers.
    fn clean_up(&mut self, now: Timestamp) {
        self.expire(now);
        self.forget_old(now);
        self.settle(now);
    }
}

impl QueueRef {
    fn settings(&self) -> Result<(Arn, Arc<Settings>), Fault> {
        let settings = |queue: &Queue| queue.properties().map(|properties| (properties.arn.clone(), properties.settings.clone()));
        self.read(settings)?.ok_or_else(faults::no_such_queue)
    }
}

/// AWS: the sender id of an anonymous caller is its address.
fn sender_id(cx: &Cx) -> Arc<str> {
    match cx.origin.source_ip {
        Some(address) if cx.caller.is_anonymous() => address.to_canonical().to_string().into(),
        _ => cx.caller.unique_id.clone(),
    }
}

impl Handle<SendMessage> for Sqs {
    fn permissions(&self, cx: &Cx, input: &SendMessageRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<SendMessage>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: SendMessageRequest) -> Result<SendMessageResult, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        let (arn, settings) = queue.settings()?;
        let mut draft = Draft {
            body: input.message_body,
            delay: input.delay_seconds,
            attributes: input.message_attributes,
            system_attributes: input.message_system_attributes,
            group_id: input.message_group_id,
            deduplication_id: input.message_deduplication_id,
        };
        let attributes = contents::attributes(draft.attributes.take())?;
        contents::check_body(&draft.body)?;
        draft.check_fifo(&settings, SendKind::Single)?;
        let PreparedMessage { mut message, attributes_md5, system_attributes_md5 } = draft.prepare(cx, &settings, attributes, SendKind::Single)?;
        message.data_key = encryption::data_key(cx, &arn, &settings.encryption).await?;
        // A long body takes long to digest, so it is done before the queue is locked.
        let md5 = (!cx.origin.output_ignored).then(|| message.md5().text());
        let sent = queue.write(|queue| {
            queue.clean_up(cx.now);
            Ok(queue.accept(message, cx.now))
        })?;
        Ok(SendMessageResult {
            md5_of_message_body: md5,
            md5_of_message_attributes: attributes_md5,
            md5_of_message_system_attributes: system_attributes_md5,
            message_id: Some(sent.message_id.text()),
            sequence_number: sent.sequence_number,
        })
    }
}

impl Handle<SendMessageBatch> for Sqs {
    fn permissions(&self, cx: &Cx, input: &SendMessageBatchRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<SendMessageBatch>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: SendMessageBatchRequest) -> Result<SendMessageBatchResult, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        let (arn, settings) = queue.settings()?;
        batches::check("SendMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let mut failed = vec![];
        let mut prepared = vec![];
        let mut bytes = 0;
        let mut drafts = vec![];
        for entry in input.entries {
            let mut draft = Draft {
                body: entry.message_body,
                delay: entry.delay_seconds,
                attributes: entry.message_attributes,
                system_attributes: entry.message_system_attributes,
                group_id: entry.message_group_id,
                deduplication_id: entry.message_deduplication_id,
            };
            draft.check_fifo(&settings, SendKind::BatchEntry)?;
            let attributes = contents::attributes(draft.attributes.take());
            bytes += attributes.as_ref().map_or(draft.body.len(), |attributes| contents::size(&draft.body, attributes));
            drafts.push((entry.id, draft, attributes));
        }
        if bytes > limits::BATCH_BYTES {
            let message = format!("Batch requests cannot be longer than {} bytes. You have sent {bytes} bytes.", limits::BATCH_BYTES);
            return Err(faults::BATCH_REQUEST_TOO_LONG.says(message));
        }
        for (id, draft, attributes) in drafts {
            let checked = attributes.and_then(|attributes| contents::check_body(&draft.body).map(|()| attributes));
            match checked.and_then(|attributes| draft.prepare(cx, &settings, attributes, SendKind::BatchEntry)) {
                Ok(message) => prepared.push((id, message)),
                Err(fault) => failed.push(batches::failed_entry(id, &fault)),
            }
        }
        let data_key = encryption::data_key(cx, &arn, &settings.encryption).await?;
        let successful: Vec<SendMessageBatchResultEntry> = queue.write(|queue| {
            queue.clean_up(cx.now);
            let send = |(id, mut prepared): (String, PreparedMessage)| {
                prepared.message.data_key.clone_from(&data_key);
                let md5 = prepared.message.md5().text();
                let sent = queue.accept(prepared.message, cx.now);
                SendMessageBatchResultEntry {
                    id,
                    message_id: sent.message_id.text(),
                    md5_of_message_body: md5,
                    md5_of_message_attributes: prepared.attributes_md5,
                    md5_of_message_system_attributes: prepared.system_attributes_md5,
                    sequence_number: sent.sequence_number,
                }
            };
            Ok(prepared.into_iter().map(send).collect())
        })?;
        Ok(SendMessageBatchResult { successful: non_empty(successful), failed: non_empty(failed) })
    }
}

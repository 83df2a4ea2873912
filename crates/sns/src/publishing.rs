//! Publish and PublishBatch.
//!
//! Queues, functions and the mailbox have the message before the call is answered; HTTP endpoints and retries are scheduled.

use crate::{
    Sns, access, arns, encryption, faults, fifo::Sequenced, limits, messages::PublishEntry, notifications, phones, platforms, sms, state::Topic,
};
use cloudlet_api_sns::{
    BatchResultErrorEntry, Publish, PublishBatch, PublishBatchInput, PublishBatchResponse, PublishBatchResultEntry, PublishInput, PublishResponse,
};
use cloudlet_aws::{Arn, Blame, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use std::{collections::BTreeSet, sync::Arc};

/// Where a message is published to.
enum Target {
    Topic(Arn),
    Endpoint(Arn),
    Phone(String),
}

fn target(cx: &Cx, input: &PublishInput) -> Result<Target, Fault> {
    match (&input.topic_arn, &input.target_arn, &input.phone_number) {
        (Some(topic), None, None) => Ok(Target::Topic(arns::topic(cx, "TopicArn", topic)?)),
        (None, Some(arn), None) => {
            let any = arns::any("TargetArn", arn)?;
            if any.resource().starts_with("endpoint/") {
                return Ok(Target::Endpoint(arns::platform(cx, "TargetArn", arn, "endpoint/", 3)?));
            }
            Ok(Target::Topic(arns::topic(cx, "TargetArn", arn)?))
        }
        (None, None, Some(number)) => {
            if !phones::is_e164(number) {
                return Err(faults::reason("PhoneNumber", format_args!("{number} is not valid to publish to")));
            }
            Ok(Target::Phone(phones::plain(number)))
        }
        (None, None, None) => Err(faults::reason("TopicArn or TargetArn", "no value for required parameter")),
        // AWS: unverified message.
        _ => Err(faults::invalid("Only one of TopicArn, TargetArn and PhoneNumber can be given")),
    }
}

struct Published {
    id: String,
    sequence_number: Option<u64>,
}

impl Published {
    fn sequence_number(&self) -> Option<String> {
        self.sequence_number.map(notifications::sequence_number)
    }
}

impl Sns {
    fn topic(&self, arn: &Arn) -> Result<Arc<Topic>, Fault> {
        self.store.read(|state| state.topics.get(arn).cloned()).ok_or_else(faults::no_topic)
    }

    /// Publishes what has been checked.
    async fn publish(&self, cx: &Cx, topic: &Topic, entry: PublishEntry) -> Result<Published, Fault> {
        let message = entry.into_message(cx, Some(topic))?;
        if !topic.is_fifo() {
            self.fan_out(cx, topic, &message).await;
            return Ok(Published { id: message.id.to_string(), sequence_number: None });
        }
        // INVARIANT: one lane holds a whole group, so that messages are delivered in the order of their sequence numbers.
        let _lane = self.lane(&topic.arn, message.group.as_deref()).lock().await;
        match self.sequence(cx, topic, message)? {
            Sequenced::Duplicate(entry) => Ok(Published { id: entry.message_id.to_string(), sequence_number: Some(entry.sequence_number) }),
            Sequenced::New(message) => {
                self.fan_out(cx, topic, &message).await;
                Ok(Published { id: message.id.to_string(), sequence_number: message.sequence_number })
            }
        }
    }
}

impl Handle<Publish> for Sns {
    fn permissions(&self, cx: &Cx, input: &PublishInput) -> Result<Permissions, Fault> {
        faults::check_missing(cx)?;
        Ok(match target(cx, input)? {
            Target::Topic(arn) => access::on_topic(self, cx, "SNS:Publish", arn).into(),
            Target::Endpoint(arn) => Permission::action("SNS:Publish", arn).into(),
            Target::Phone(_) => Permission::action("SNS:Publish", Arn::any()).owned_by(cx.scope.account).into(),
        })
    }

    async fn handle(&self, cx: &Cx, input: PublishInput) -> Result<PublishResponse, Fault> {
        let target = target(cx, &input)?;
        let entry = PublishEntry::from(input);
        entry.check()?;
        let published = match target {
            Target::Topic(arn) => {
                let topic = self.topic(&arn)?;
                if entry.size() > topic.message_size_limit() {
                    return Err(faults::invalid("Message too long"));
                }
                entry.content()?;
                entry.check_for(&topic)?;
                encryption::check(cx, &topic).await?;
                self.publish(cx, &topic, entry).await?
            }
            Target::Endpoint(arn) => Published { id: platforms::publish(self, cx, &arn, entry)?, sequence_number: None },
            Target::Phone(number) => Published { id: sms::publish(self, cx, &number, entry)?, sequence_number: None },
        };
        Ok(PublishResponse { sequence_number: published.sequence_number(), message_id: Some(published.id) })
    }
}

fn check_batch(input: &PublishBatchInput) -> Result<(), Fault> {
    let entries = &input.publish_batch_request_entries;
    if entries.is_empty() {
        return Err(faults::EMPTY_BATCH_REQUEST.says("The batch request doesn't contain any entries."));
    }
    if entries.len() > limits::BATCH {
        return Err(faults::TOO_MANY_ENTRIES_IN_BATCH_REQUEST.says("The batch request contains more entries than permissible."));
    }
    let mut ids = BTreeSet::new();
    for entry in entries {
        let id = entry.id.as_str();
        if id.len() > limits::BATCH_ID {
            return Err(faults::INVALID_BATCH_ENTRY_ID.says(format!("The Id of a batch entry in the batch request is too long: {id}")));
        }
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            let message = format!("The Id of a batch entry in the batch request contains an impermissible character: {id}");
            return Err(faults::INVALID_BATCH_ENTRY_ID.says(message));
        }
        if !ids.insert(id) {
            return Err(faults::BATCH_ENTRY_IDS_NOT_DISTINCT.says("Two or more batch entries in the request have the same Id."));
        }
    }
    Ok(())
}

/// Whether AWS answers an entry's fault for the whole batch (recorded).
fn fails_batch(fault: &Fault, topic: &Topic) -> bool {
    topic.is_fifo() || fault.is(&faults::INVALID_PARAMETER_VALUE)
}

impl Handle<PublishBatch> for Sns {
    fn permissions(&self, cx: &Cx, input: &PublishBatchInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:Publish", &input.topic_arn)
    }

    async fn handle(&self, cx: &Cx, input: PublishBatchInput) -> Result<PublishBatchResponse, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        check_batch(&input)?;
        let topic = self.topic(&arn)?;
        let entries: Vec<(String, PublishEntry)> =
            input.publish_batch_request_entries.into_iter().map(|mut entry| (std::mem::take(&mut entry.id), PublishEntry::from(entry))).collect();
        if entries.iter().map(|(_, entry)| entry.size()).sum::<usize>() > topic.message_size_limit() {
            return Err(faults::BATCH_REQUEST_TOO_LONG.says("The length of all the messages put together is more than the limit."));
        }
        let check = |entry: &PublishEntry| entry.check().and_then(|()| entry.content().map(drop)).and_then(|()| entry.check_for(&topic));
        let checked: Vec<_> = entries.into_iter().map(|(id, entry)| (id, check(&entry).map(|()| entry))).collect();
        if let Some(fault) = checked.iter().find_map(|(_, checked)| checked.as_ref().err().filter(|fault| fails_batch(fault, &topic))) {
            return Err(fault.clone());
        }
        encryption::check(cx, &topic).await?;
        let (mut successful, mut failed) = (vec![], vec![]);
        for (id, entry) in checked {
            let published = match entry {
                Ok(entry) => self.publish(cx, &topic, entry).await,
                Err(fault) => Err(fault),
            };
            match published {
                Ok(published) => successful.push(PublishBatchResultEntry {
                    id: Some(id),
                    sequence_number: published.sequence_number(),
                    message_id: Some(published.id),
                }),
                Err(fault) => failed.push(BatchResultErrorEntry {
                    id,
                    code: fault.code().to_owned(),
                    message: Some(fault.message().to_owned()),
                    sender_fault: fault.blame() == Blame::Sender,
                }),
            }
        }
        Ok(PublishBatchResponse { successful: Some(successful), failed: Some(failed) })
    }
}

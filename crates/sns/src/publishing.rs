//! Publish and PublishBatch: a message comes in, and goes to whoever subscribed and wants it.
//!
//! Queues, functions and the mailbox are reached before the answer, so that a client that has its answer finds its message;
//! what lies outside of the house, and what fails, goes on the agenda.

use crate::{
    Sns, access, arns,
    deliveries::{Delivery, Outcome, PRINCIPAL},
    encryption, faults, limits,
    messages::Draft,
    notifications::{Freshness, Signatures, lambda_event, notification, record},
    phones, platforms, sms,
    state::{Content, Message, Protocol, Subscription, ThroughputScope, Topic, Twin},
};
use cloudlet_api_sns::{
    BatchResultErrorEntry, Publish, PublishBatch, PublishBatchInput, PublishBatchResponse, PublishBatchResultEntry, PublishInput, PublishResponse,
};
use cloudlet_aws::{Arn, Blame, Caller, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

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
        // AWS: unverified sentence.
        _ => Err(faults::invalid("Only one of TopicArn, TargetArn and PhoneNumber can be given")),
    }
}

/// What became of a message that was published.
struct Published {
    id: String,
    sequence: Option<u64>,
}

impl Published {
    fn sequence(&self) -> Option<String> {
        self.sequence.map(crate::notifications::sequence)
    }
}

impl Sns {
    /// The lock under which the messages of a group, or of a topic, are ordered.
    fn lane(&self, topic: &Arn, group: Option<&str>) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        (topic, group).hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % self.lanes.len() as u64).unwrap_or_default();
        self.lanes.get(index).unwrap_or(&self.first_lane)
    }

    fn topic(&self, arn: &Arn) -> Result<Arc<Topic>, Fault> {
        self.store.read(|state| state.topics.get(arn).cloned()).ok_or_else(faults::no_topic)
    }

    /// Publishes what has been checked.
    async fn publish(&self, cx: &Cx, topic: &Arc<Topic>, draft: Draft) -> Result<Published, Fault> {
        let message = draft.into_message(cx.ids().uuid(), cx.now, Some(topic))?;
        if !topic.is_fifo() {
            let id = message.id.to_string();
            self.distribute(cx, topic, &message).await;
            return Ok(Published { id, sequence: None });
        }
        // INVARIANT: one lane holds a whole group, so that what is counted first arrives first.
        let _lane = self.lane(&topic.arn, message.group.as_deref()).lock().await;
        let (message, twin) = self.enter(cx, topic, message)?;
        if let Some(twin) = twin {
            return Ok(Published { id: twin.id.to_string(), sequence: Some(twin.sequence) });
        }
        self.distribute(cx, topic, &message).await;
        Ok(Published { id: message.id.to_string(), sequence: message.sequence })
    }

    /// Enters a message into the books of its FIFO topic: its twin if it has one, else its place in the order.
    fn enter(&self, cx: &Cx, topic: &Topic, mut message: Message) -> Result<(Message, Option<Twin>), Fault> {
        let per_group = topic.fifo.and_then(|fifo| fifo.scope) == Some(ThroughputScope::MessageGroup);
        let group = message.group.clone().filter(|_| per_group).unwrap_or_default();
        let key = (group, message.deduplication.clone().unwrap_or_default());
        let oldest = cx.now.plus_secs(-limits::DEDUPLICATION);
        let entered = self.ledgers.update(&topic.arn, |ledger| {
            while let Some(age) = ledger.ages.first().map(|(age, ())| age.clone()).filter(|(at, _)| *at <= oldest) {
                ledger.ages.remove(&age);
                ledger.twins.remove(&age.1);
            }
            if let Some(twin) = ledger.twins.get(&key) {
                return (message, Some(twin.clone()));
            }
            let sequence = ledger.last.get(&()).copied().unwrap_or_default() + 1;
            ledger.last.insert((), sequence);
            message.sequence = Some(sequence);
            ledger.ages.insert((cx.now, key.clone()), ());
            ledger.twins.insert(key, Twin { id: message.id.clone(), sequence, at: cx.now });
            if let Some(days) = topic.archive {
                let expired = cx.now.plus_secs(-i64::from(days) * 86_400);
                while let Some(number) = ledger.archive.first().filter(|(_, old)| old.at <= expired).map(|(number, _)| *number) {
                    ledger.archive.remove(&number);
                }
                ledger.archive.insert(sequence, Arc::new(message.clone()));
            }
            (message, None)
        });
        entered.ok_or_else(faults::no_topic)
    }

    /// Sends a message to every subscription that wants it.
    async fn distribute(&self, cx: &Cx, topic: &Arc<Topic>, message: &Message) {
        let subscriptions: Vec<Arc<Subscription>> =
            self.store.read(|state| state.of_topic(&topic.arn, None).filter(|subscription| subscription.is_confirmed()).cloned().collect());
        let mut judge = Judge::new(message);
        let mut signatures = Signatures::new(self, cx);
        let caller = Caller::service(PRINCIPAL, Some(topic.arn.clone()));
        for subscription in subscriptions {
            if !judge.passes(&subscription) || crate::archive::is_replayed_to(&subscription, message) {
                continue;
            }
            if subscription.protocol == Protocol::Sqs && message.sequence.is_none() {
                let body = self.body(cx, &mut signatures, topic, message, &subscription, Freshness::New);
                if let Some(failure) = self.hand_over(cx, &caller, message, &subscription, body).await {
                    let body = self.body(cx, &mut signatures, topic, message, &subscription, Freshness::New);
                    Box::pin(self.follow(cx, Delivery::notification(topic, message, &subscription, body), failure)).await;
                }
                continue;
            }
            let delivery = self.address(cx, &mut signatures, topic, message, &subscription, Freshness::New);
            let Some(delivery) = delivery else { continue };
            if subscription.protocol.is_http() && !crate::deliveries::is_chatbot(&subscription.endpoint) {
                self.schedule(cx, &delivery, cx.clock().now());
            } else if delivery.sequence.is_some() {
                self.deliver_in_order(cx, delivery).await;
            } else {
                self.deliver(cx, delivery).await;
            }
        }
    }

    /// What a subscription is sent of a message.
    pub fn address(
        &self,
        cx: &Cx,
        signatures: &mut Signatures<'_>,
        topic: &Topic,
        message: &Message,
        to: &Subscription,
        freshness: Freshness,
    ) -> Option<Delivery> {
        match to.protocol {
            Protocol::Sms => sms::delivery(self, cx, topic, message, to),
            Protocol::Application => Some(platforms::delivery(topic, message, to)),
            _ => Some(Delivery::notification(topic, message, to, self.body(cx, signatures, topic, message, to, freshness))),
        }
    }

    /// What a subscription is to read.
    fn body(&self, cx: &Cx, signatures: &mut Signatures<'_>, topic: &Topic, message: &Message, to: &Subscription, freshness: Freshness) -> String {
        let text = || message.content.text(to.protocol.name());
        match to.protocol {
            Protocol::Lambda => lambda_event(signatures, message, topic, to),
            Protocol::Email => format!(
                "{}\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:\n{}\n\n\
                 Please do not reply directly to this email. If you have any questions or comments regarding this email, please contact us at \
                 https://aws.amazon.com/support",
                text(),
                crate::notifications::unsubscribe_url(cx, &to.arn)
            ),
            _ if to.settings.raw => text().to_owned(),
            Protocol::Firehose => record(cx, message, topic, to),
            _ => notification(signatures, message, topic, to, freshness),
        }
    }

    /// A delivery of a FIFO topic: behind those of its group that wait, if any do.
    pub async fn deliver_in_order(&self, cx: &Cx, delivery: Delivery) {
        let key = |sequence| (delivery.subscription.clone(), delivery.group.clone().unwrap_or_default(), sequence);
        let number = delivery.sequence.unwrap_or_default();
        let waits = self.ledgers.update(&delivery.topic, |ledger| {
            let behind = ledger.waiting.range(key(0)..=key(u64::MAX)).next().is_some();
            if behind {
                ledger.waiting.insert(key(number), delivery.clone());
            }
            behind
        });
        if waits == Some(true) {
            return;
        }
        match self.attempt(cx, &delivery).await {
            Outcome::Delivered => {}
            Outcome::Never(why) => self.bury(cx, &delivery, &why).await,
            Outcome::Later(_) => {
                let due = cx.clock().now().plus_millis(self.delay(&delivery).unwrap_or_default());
                let failed = Delivery { failed: delivery.failed + 1, ..delivery.clone() };
                self.ledgers.update(&delivery.topic, |ledger| ledger.waiting.insert(key(number), failed.clone()));
                self.schedule(cx, &failed, due);
            }
        }
    }

    /// Goes on with the group of a delivery that waits.
    pub async fn go_on(&self, cx: &Cx, delivery: &Delivery) {
        let _lane = self.lane(&delivery.topic, delivery.group.as_deref()).lock().await;
        let key = |sequence| (delivery.subscription.clone(), delivery.group.clone().unwrap_or_default(), sequence);
        loop {
            let next = self.ledgers.read(&delivery.topic, |ledger| ledger.waiting.range(key(0)..=key(u64::MAX)).next().map(|(_, next)| next.clone()));
            let Some(mut next) = next.flatten() else { return };
            let gone = key(next.sequence.unwrap_or_default());
            match self.attempt(cx, &next).await {
                Outcome::Delivered => {}
                Outcome::Never(why) => self.bury(cx, &next, &why).await,
                Outcome::Later(why) => match self.delay(&next) {
                    Some(delay) => {
                        next.failed += 1;
                        self.ledgers.update(&delivery.topic, |ledger| ledger.waiting.insert(gone, next.clone()));
                        return self.schedule(cx, &next, cx.clock().now().plus_millis(delay));
                    }
                    None => self.bury(cx, &next, &why).await,
                },
            }
            self.ledgers.update(&delivery.topic, |ledger| ledger.waiting.remove(&gone));
        }
    }
}

/// Holds a message against filter policies. Its body is read, and its attributes gathered, once, when one asks.
pub struct Judge<'a> {
    message: &'a Message,
    attributes: Option<Value>,
    body: Option<Option<Value>>,
}

impl<'a> Judge<'a> {
    pub fn new(message: &'a Message) -> Judge<'a> {
        Judge { message, attributes: None, body: None }
    }

    pub fn passes(&mut self, subscription: &Subscription) -> bool {
        use crate::filter::FilterScope;
        let Some(filter) = &subscription.settings.filter else { return true };
        match filter.scope() {
            FilterScope::MessageAttributes => filter.takes(self.attributes.get_or_insert_with(|| self.message.attributes_for_filters())),
            FilterScope::MessageBody => {
                let read = || match &self.message.content {
                    Content::Plain(text) => serde_json::from_str(text).ok(),
                    Content::PerProtocol { .. } => serde_json::from_str(self.message.content.text(subscription.protocol.name())).ok(),
                };
                // A text for each protocol is read for each.
                if matches!(self.message.content, Content::PerProtocol { .. }) {
                    return read().is_some_and(|body: Value| filter.takes(&body));
                }
                self.body.get_or_insert_with(read).as_ref().is_some_and(|body| filter.takes(body))
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
        let draft = Draft::from(input);
        let published = match target {
            Target::Topic(arn) => {
                draft.check()?;
                let topic = self.topic(&arn)?;
                if draft.size() > topic.message_size.unwrap_or(limits::MESSAGE) {
                    return Err(faults::invalid("Message too long"));
                }
                draft.check_for(&topic)?;
                encryption::check(cx, &topic).await?;
                self.publish(cx, &topic, draft).await?
            }
            Target::Endpoint(arn) => {
                draft.check()?;
                Published { id: platforms::publish(self, cx, &arn, draft)?, sequence: None }
            }
            Target::Phone(number) => {
                draft.check()?;
                Published { id: sms::publish(self, cx, &number, draft)?, sequence: None }
            }
        };
        Ok(PublishResponse { sequence_number: published.sequence(), message_id: Some(published.id) })
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
        if id.is_empty() || !id.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_')) {
            let sentence = format!("The Id of a batch entry in the batch request contains an impermissible character: {id}");
            return Err(faults::INVALID_BATCH_ENTRY_ID.says(sentence));
        }
        if !ids.insert(id) {
            return Err(faults::BATCH_ENTRY_IDS_NOT_DISTINCT.says("Two or more batch entries in the request have the same Id."));
        }
    }
    Ok(())
}

/// Errors of an entry that AWS answers for the whole batch (recorded).
fn is_whole(fault: &Fault) -> bool {
    fault.is(&faults::INVALID_PARAMETER_VALUE)
}

impl Handle<PublishBatch> for Sns {
    fn permissions(&self, cx: &Cx, input: &PublishBatchInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:Publish", &input.topic_arn)
    }

    async fn handle(&self, cx: &Cx, input: PublishBatchInput) -> Result<PublishBatchResponse, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        check_batch(&input)?;
        let topic = self.topic(&arn)?;
        let entries: Vec<(String, Draft)> =
            input.publish_batch_request_entries.into_iter().map(|mut entry| (std::mem::take(&mut entry.id), Draft::from(entry))).collect();
        let size: usize = entries.iter().map(|(_, draft)| draft.size()).sum();
        if size > topic.message_size.unwrap_or(limits::MESSAGE) {
            return Err(faults::BATCH_REQUEST_TOO_LONG.says("The length of all the messages put together is more than the limit."));
        }
        let checked: Vec<_> = entries
            .into_iter()
            .map(|(id, draft)| (id, draft.check().and_then(|()| draft.check_for(&topic)).and_then(|()| draft.content().map(drop)).map(|()| draft)))
            .collect();
        // AWS: what the topic's kind demands of a message fails the whole batch, as wrong attributes do.
        if let Some(fault) = checked.iter().find_map(|(_, checked)| checked.as_ref().err().filter(|fault| is_whole(fault) || topic.is_fifo())) {
            return Err(fault.clone());
        }
        encryption::check(cx, &topic).await?;
        let (mut successful, mut failed) = (vec![], vec![]);
        for (id, draft) in checked {
            let published = match draft {
                Ok(draft) => self.publish(cx, &topic, draft).await,
                Err(fault) => Err(fault),
            };
            match published {
                Ok(published) => {
                    successful.push(PublishBatchResultEntry { id: Some(id), sequence_number: published.sequence(), message_id: Some(published.id) })
                }
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

//! GetQueueAttributes and SetQueueAttributes.

use crate::{
    Sqs,
    addresses::Kind,
    dead_letters, faults,
    lanes::Counts,
    settings::{COMPUTED, SETTABLE, Settings, Stage},
    state::{Queue, QueueProperties},
};
use cloudlet_api_sqs::{GetQueueAttributes, GetQueueAttributesRequest, GetQueueAttributesResult, SetQueueAttributes, SetQueueAttributesRequest};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::{Empty, Map};
use std::sync::Arc;

impl Handle<GetQueueAttributes> for Sqs {
    fn permissions(&self, cx: &Cx, input: &GetQueueAttributesRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<GetQueueAttributes>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: GetQueueAttributesRequest) -> Result<GetQueueAttributesResult, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        let requested = input.attribute_names.unwrap_or_default();
        let is_known = |name: &str| name == "All" || COMPUTED.contains(&name) || SETTABLE.contains(&name);
        // AWS: for a standard queue these are unknown: https://github.com/aws/aws-sdk-ruby/issues/1350
        let is_standard = !queue.read(Queue::is_fifo)?;
        let is_fifo_only = |name: &str| is_standard && ["FifoQueue", "ContentBasedDeduplication"].contains(&name);
        if let Some(unknown) = requested.iter().find(|name| !is_known(name) || is_fifo_only(name)) {
            return Err(faults::unknown_attribute(unknown));
        }
        self.advance_move_tasks(cx, cx.now).await;
        // Expired messages are not counted.
        while queue.read(|queue| queue.has_expired(cx.now))? {
            queue.write(|queue| Ok(queue.expire(cx.now)))?;
            tokio::task::yield_now().await;
        }
        let all = requested.iter().any(|name| name == "All");
        let names = COMPUTED.iter().chain(SETTABLE).filter(|name| all || requested.iter().any(|requested| requested == *name));
        let attributes: Map<String> = queue.read(|queue| {
            let properties = queue.properties().ok_or_else(faults::no_such_queue)?;
            let counts = queue.counts(cx.now);
            Ok::<_, Fault>(names.filter_map(|name| Some(((*name).to_owned(), value(properties, counts, name)?))).collect())
        })??;
        Ok(GetQueueAttributesResult { attributes: (!attributes.is_empty()).then_some(attributes) })
    }
}

fn value(properties: &QueueProperties, counts: Counts, name: &str) -> Option<String> {
    match name {
        "ApproximateNumberOfMessages" => Some(counts.visible.to_string()),
        "ApproximateNumberOfMessagesDelayed" => Some(counts.delayed.to_string()),
        "ApproximateNumberOfMessagesNotVisible" => Some(counts.in_flight.to_string()),
        "CreatedTimestamp" => Some(properties.created.secs().to_string()),
        "LastModifiedTimestamp" => Some(properties.modified.secs().to_string()),
        "QueueArn" => Some(properties.arn.to_string()),
        name => properties.settings.get(name),
    }
}

impl Handle<SetQueueAttributes> for Sqs {
    fn permissions(&self, cx: &Cx, input: &SetQueueAttributesRequest) -> Result<Permissions, Fault> {
        self.owner_permissions::<SetQueueAttributes>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: SetQueueAttributesRequest) -> Result<Empty, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        if input.attributes.is_empty() {
            return Err(faults::missing("Attribute.Name"));
        }
        let before = queue.read(|queue| queue.properties().cloned())?.ok_or_else(faults::no_such_queue)?;
        if input.attributes.contains_key("RedrivePolicy") {
            let changed = before.settings.with(&input.attributes, Stage::Change)?;
            self.check_redrive(&changed, &before.arn)?;
        }
        queue.write(|queue| {
            let properties = queue.properties().ok_or_else(faults::no_such_queue)?;
            let settings = properties.settings.with(&input.attributes, Stage::Change)?;
            queue.set_settings(settings, cx.now)
        })?;
        Ok(Empty {})
    }
}

impl Queue {
    pub fn set_settings(&mut self, settings: Settings, now: Timestamp) -> Result<(), Fault> {
        let properties = self.properties.get_mut(&()).ok_or_else(faults::no_such_queue)?;
        let (before, delay, kind) = (properties.settings.delay, settings.delay, settings.kind());
        properties.remember_scope(settings.fifo.map(|fifo| fifo.deduplication_scope), now);
        properties.settings = Arc::new(settings);
        properties.modified = now;
        // AWS: a new delay applies to messages that are in the queue already, but in FIFO queues only:
        // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
        if before != delay && kind == Kind::Fifo {
            self.apply_new_delay(before, now);
        }
        self.waiters.wake_all();
        Ok(())
    }
}

impl Sqs {
    /// Checks the dead-letter queue in a queue's settings.
    pub(crate) fn check_redrive(&self, settings: &Settings, queue: &cloudlet_aws::Arn) -> Result<(), Fault> {
        let Some(redrive) = &settings.redrive_policy else { return Ok(()) };
        dead_letters::check_target(&self.queues, queue, settings.kind(), &redrive.target).map_err(|error| redrive.target_fault(error))
    }
}

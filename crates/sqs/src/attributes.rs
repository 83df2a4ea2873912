//! GetQueueAttributes and SetQueueAttributes.

use crate::{
    Sqs,
    addresses::Kind,
    dead_letters, faults,
    lanes::Counts,
    settings::{COMPUTED, SETTABLE, Settings, Stage},
    state::{Profile, Queue},
};
use cloudlet_api_sqs::{GetQueueAttributes, GetQueueAttributesRequest, GetQueueAttributesResult, SetQueueAttributes, SetQueueAttributesRequest};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::{Empty, Map};
use std::sync::Arc;

impl Handle<GetQueueAttributes> for Sqs {
    fn permissions(&self, cx: &Cx, input: &GetQueueAttributesRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<GetQueueAttributes>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: GetQueueAttributesRequest) -> Result<GetQueueAttributesResult, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        let asked = input.attribute_names.unwrap_or_default();
        let is_known = |name: &str| name == "All" || COMPUTED.contains(&name) || SETTABLE.contains(&name);
        // AWS: a standard queue does not even know these: https://github.com/aws/aws-sdk-ruby/issues/1350
        let is_standard = !queue.look(Queue::is_fifo)?;
        let is_foreign = |name: &str| is_standard && ["FifoQueue", "ContentBasedDeduplication"].contains(&name);
        if let Some(unknown) = asked.iter().find(|name| !is_known(name) || is_foreign(name)) {
            return Err(faults::unknown_attribute(unknown));
        }
        self.move_on(cx, cx.now).await;
        // What is beyond its retention does not count.
        while queue.look(|queue| queue.has_expired(cx.now))? {
            queue.change(|queue| Ok(queue.expire(cx.now)))?;
            tokio::task::yield_now().await;
        }
        let all = asked.iter().any(|name| name == "All");
        let names = COMPUTED.iter().chain(SETTABLE).filter(|name| all || asked.iter().any(|asked| asked == *name));
        let attributes: Map<String> = queue.look(|queue| {
            let profile = queue.profile().ok_or_else(faults::no_such_queue)?;
            let counts = queue.counts(cx.now);
            Ok::<_, Fault>(names.filter_map(|name| Some(((*name).to_owned(), shown(profile, counts, name)?))).collect())
        })??;
        Ok(GetQueueAttributesResult { attributes: (!attributes.is_empty()).then_some(attributes) })
    }
}

fn shown(profile: &Profile, counts: Counts, name: &str) -> Option<String> {
    match name {
        "ApproximateNumberOfMessages" => Some(counts.visible.to_string()),
        "ApproximateNumberOfMessagesDelayed" => Some(counts.delayed.to_string()),
        "ApproximateNumberOfMessagesNotVisible" => Some(counts.in_flight.to_string()),
        "CreatedTimestamp" => Some(profile.created.secs().to_string()),
        "LastModifiedTimestamp" => Some(profile.modified.secs().to_string()),
        "QueueArn" => Some(profile.arn.to_string()),
        name => profile.settings.get(name),
    }
}

impl Handle<SetQueueAttributes> for Sqs {
    fn permissions(&self, cx: &Cx, input: &SetQueueAttributesRequest) -> Result<Permissions, Fault> {
        self.asks_owner::<SetQueueAttributes>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: SetQueueAttributesRequest) -> Result<Empty, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        if input.attributes.is_empty() {
            return Err(faults::missing("Attribute.Name"));
        }
        let before = queue.look(|queue| queue.profile().cloned())?.ok_or_else(faults::no_such_queue)?;
        if input.attributes.contains_key("RedrivePolicy") {
            let wanted = before.settings.with(&input.attributes, Stage::Change, &before.arn)?;
            self.check_redrive(&wanted, &before.arn)?;
        }
        queue.change(|queue| {
            let profile = queue.profile().ok_or_else(faults::no_such_queue)?;
            let settings = profile.settings.with(&input.attributes, Stage::Change, &profile.arn)?;
            queue.set(settings, cx.now)
        })?;
        Ok(Empty {})
    }
}

impl Queue {
    pub fn set(&mut self, settings: Settings, now: Timestamp) -> Result<(), Fault> {
        let profile = self.profile.get_mut(&()).ok_or_else(faults::no_such_queue)?;
        let (before, delay, kind) = (profile.settings.delay, settings.delay, settings.kind());
        profile.settings = Arc::new(settings);
        profile.modified = now;
        // AWS: a new delay counts for messages that wait already, but in FIFO queues only:
        // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
        if before != delay && kind == Kind::Fifo {
            self.delay_anew(before, now);
        }
        self.bell.toll();
        Ok(())
    }
}

impl Sqs {
    /// Whether a queue may have the dead-letter queue it names.
    pub(crate) fn check_redrive(&self, settings: &Settings, queue: &cloudlet_aws::Arn) -> Result<(), Fault> {
        let Some(redrive) = &settings.redrive else { return Ok(()) };
        dead_letters::fits(&self.queues, queue, settings.kind(), &redrive.target).map_err(|why| redrive.refused(why))
    }
}

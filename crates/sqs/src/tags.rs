//! TagQueue, UntagQueue, ListQueueTags.

use crate::{Sqs, faults};
use cloudlet_api_sqs::{ListQueueTags, ListQueueTagsRequest, ListQueueTagsResult, TagQueue, TagQueueRequest, UntagQueue, UntagQueueRequest};
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx, Handle, Permissions,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_shape::{Empty, Map};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html>. AWS advises against more than 50
/// tags, but does not refuse them.
const RULES: TagRules = TagRules { most: usize::MAX, keys: KeyCase::Sensitive, characters: TagCharacters::Any };

/// AWS: unverified messages.
pub fn check(tags: &Map<String>) -> Result<(), Fault> {
    let checked = RULES.check(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    checked.map_err(|invalid| {
        faults::INVALID_PARAMETER_VALUE.says(match invalid {
            InvalidTag::Key { .. } => "Tag keys must be between 1 and 128 characters in length.",
            InvalidTag::Value { .. } => "Tag values must be between 0 and 256 characters in length.",
            InvalidTag::Reserved { .. } => "System tags cannot be added/updated by requester.",
            InvalidTag::TooMany | InvalidTag::Duplicate { .. } => "Tags are invalid.",
        })
    })
}

impl Handle<TagQueue> for Sqs {
    fn permissions(&self, cx: &Cx, input: &TagQueueRequest) -> Result<Permissions, Fault> {
        let mut permissions = self.owner_permissions::<TagQueue>(cx, &input.queue_url)?;
        permissions.iter_mut().for_each(|permission| permission.keys.set_request_tags(input.tags.iter().map(|(key, value)| (key, value.clone()))));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: TagQueueRequest) -> Result<Empty, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        if input.tags.is_empty() {
            return Err(faults::missing("Tags"));
        }
        check(&input.tags)?;
        queue.write(|queue| {
            let properties = queue.properties.get_mut(&()).ok_or_else(faults::no_such_queue)?;
            properties.tags.extend(input.tags);
            Ok(Empty {})
        })
    }
}

impl Handle<UntagQueue> for Sqs {
    fn permissions(&self, cx: &Cx, input: &UntagQueueRequest) -> Result<Permissions, Fault> {
        let mut permissions = self.owner_permissions::<UntagQueue>(cx, &input.queue_url)?;
        permissions.iter_mut().for_each(|permission| permission.keys.set_tag_keys(&input.tag_keys));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: UntagQueueRequest) -> Result<Empty, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        if input.tag_keys.is_empty() {
            return Err(faults::missing("TagKeys"));
        }
        queue.write(|queue| {
            let properties = queue.properties.get_mut(&()).ok_or_else(faults::no_such_queue)?;
            for key in &input.tag_keys {
                properties.tags.remove(key);
            }
            Ok(Empty {})
        })
    }
}

impl Handle<ListQueueTags> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ListQueueTagsRequest) -> Result<Permissions, Fault> {
        self.owner_permissions::<ListQueueTags>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: ListQueueTagsRequest) -> Result<ListQueueTagsResult, Fault> {
        let tags = self.queue_by_url(cx, &input.queue_url)?.read(|queue| queue.properties().map(|properties| properties.tags.clone()))?;
        Ok(ListQueueTagsResult { tags: tags.filter(|tags| !tags.is_empty()) })
    }
}

//! Tags of topics.

use crate::{Sns, arns, faults, limits};
use cloudlet_api_sns::{
    ListTagsForResource, ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResource, TagResourceRequest, TagResourceResponse,
    UntagResource, UntagResourceRequest, UntagResourceResponse,
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_shape::Map;

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Sensitive, characters: TagCharacters::Any };

/// Adds tags, replacing those with the same keys.
pub fn add(tags: &mut Map<String>, given: &[Tag]) -> Result<(), Fault> {
    // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
    let too_many = || faults::TAG_LIMIT_EXCEEDED.says("Could not complete request: tag quota of per resource exceeded");
    let checked = RULES.check(given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
    checked.map_err(|invalid| match invalid {
        InvalidTag::TooMany => too_many(),
        InvalidTag::Duplicate { .. } => faults::invalid("Duplicated keys are not allowed."),
        // AWS: unverified messages.
        InvalidTag::Reserved { .. } => faults::invalid("Tag keys beginning with aws: are reserved for system use."),
        InvalidTag::Key { .. } => faults::invalid("Tag key"),
        InvalidTag::Value { .. } => faults::invalid("Tag value"),
    })?;
    tags.extend(given.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
    if tags.len() > limits::TAGS { Err(too_many()) } else { Ok(()) }
}

fn no_resource() -> Fault {
    faults::RESOURCE_NOT_FOUND.says("Resource does not exist")
}

fn permission(sns: &Sns, cx: &Cx, action: &'static str, arn: &str) -> Result<Permission, Fault> {
    faults::check_missing_strings(cx)?;
    let arn = arns::topic(cx, "ResourceArn", arn)?;
    faults::check_missing(cx)?;
    Ok(crate::access::on_topic(sns, cx, action, arn))
}

impl Sns {
    fn change_tags<R>(&self, arn: &Arn, change: impl FnOnce(&mut Map<String>) -> Result<R, Fault>) -> Result<R, Fault> {
        self.store.write(|state| state.change_topic(arn.as_str(), |topic| change(&mut topic.tags)).unwrap_or_else(|| Err(no_resource())))
    }
}

impl Handle<TagResource> for Sns {
    fn permissions(&self, cx: &Cx, input: &TagResourceRequest) -> Result<Permissions, Fault> {
        let permission = permission(self, cx, "SNS:TagResource", &input.resource_arn)?;
        Ok(permission.with_request_tags(input.tags.iter().map(|tag| (&tag.key, tag.value.clone()))).into())
    }

    async fn handle(&self, cx: &Cx, input: TagResourceRequest) -> Result<TagResourceResponse, Fault> {
        let arn = arns::topic(cx, "ResourceArn", &input.resource_arn)?;
        self.change_tags(&arn, |tags| add(tags, &input.tags))?;
        Ok(TagResourceResponse {})
    }
}

impl Handle<UntagResource> for Sns {
    fn permissions(&self, cx: &Cx, input: &UntagResourceRequest) -> Result<Permissions, Fault> {
        Ok(permission(self, cx, "SNS:UntagResource", &input.resource_arn)?.with_tag_keys(&input.tag_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: UntagResourceRequest) -> Result<UntagResourceResponse, Fault> {
        let arn = arns::topic(cx, "ResourceArn", &input.resource_arn)?;
        self.change_tags(&arn, |tags| {
            tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(())
        })?;
        Ok(UntagResourceResponse {})
    }
}

impl Handle<ListTagsForResource> for Sns {
    fn permissions(&self, cx: &Cx, input: &ListTagsForResourceRequest) -> Result<Permissions, Fault> {
        Ok(permission(self, cx, "SNS:ListTagsForResource", &input.resource_arn)?.into())
    }

    async fn handle(&self, cx: &Cx, input: ListTagsForResourceRequest) -> Result<ListTagsForResourceResponse, Fault> {
        let arn = arns::topic(cx, "ResourceArn", &input.resource_arn)?;
        let tags = self.store.read(|state| state.topics.get(&arn).map(|topic| topic.tags.clone())).ok_or_else(no_resource)?;
        Ok(ListTagsForResourceResponse { tags: Some(tags.into_iter().map(|(key, value)| Tag { key, value }).collect()) })
    }
}

//! Tags of state machines and activities.

use crate::{
    States, arns,
    arns::on_machine,
    faults, limits,
    state::{Activity, StateMachine},
};
use cloudlet_api_states::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Permission, handler,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_shape::Map;
use std::sync::Arc;

const RULES: TagRules = TagRules { most: limits::TAGS_PER_RESOURCE, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };

pub fn pairs(tags: Option<&[Tag]>) -> impl Iterator<Item = (String, String)> {
    tags.unwrap_or_default().iter().map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default()))
}

/// The tags of a request.
pub fn checked(tags: &[Tag]) -> Result<Map<String>, Fault> {
    let given: Vec<(String, String)> = pairs(Some(tags)).collect();
    RULES.check(given.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|invalid| match invalid {
        InvalidTag::TooMany => too_many(),
        // AWS: unverified wordings.
        InvalidTag::Reserved { key } => faults::VALIDATION.says(format!("Tag keys must not begin with aws: '{key}'")),
        InvalidTag::Duplicate { key } => faults::VALIDATION.says(format!("Duplicate tag key '{key}'")),
        InvalidTag::Key { key } => faults::VALIDATION.says(format!("Invalid tag key '{key}'")),
        InvalidTag::Value { key, .. } => faults::VALIDATION.says(format!("Invalid value of the tag '{key}'")),
    })?;
    Ok(given.into_iter().collect())
}

fn too_many() -> Fault {
    faults::TOO_MANY_TAGS.says(format!("A resource has at most {} tags", limits::TAGS_PER_RESOURCE))
}

fn shown(tags: &Map<String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

fn on_resource<O: cloudlet_shape::Operation>(arn: &str) -> Result<Permission, Fault> {
    match arns::kind(arn)?.as_str() {
        "activity" => Ok(Permission::of::<O>(arns::activity(arn)?.activity_arn())),
        _ => on_machine::<O>(arn),
    }
}

impl States {
    fn tags_of(&self, arn: &str) -> Result<Map<String>, Fault> {
        let absent = || faults::no_resource(arn);
        if arns::kind(arn)? == "activity" {
            let key = arns::activity(arn)?;
            return self.store.read(|state| state.activities.get(&key).map(|activity| activity.tags.clone())).ok_or_else(absent);
        }
        let key = arns::plain_machine(arn).map_err(|_| absent())?;
        self.store.read(|state| state.machines.get(&key).map(|machine| machine.tags.clone())).ok_or_else(absent)
    }

    fn change_tags(&self, arn: &str, change: impl FnOnce(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut tags = self.tags_of(arn)?;
        change(&mut tags)?;
        if arns::kind(arn)? == "activity" {
            let key = arns::activity(arn)?;
            self.store.update(|state| {
                if let Some(activity) = state.activities.get(&key).cloned() {
                    state.activities.insert(key, Arc::new(Activity { tags, ..Activity::clone(&activity) }));
                }
            });
        } else {
            let key = arns::plain_machine(arn)?;
            self.store.update(|state| {
                if let Some(machine) = state.machines.get(&key).cloned() {
                    state.machines.insert(key, Arc::new(StateMachine { tags, ..StateMachine::clone(&machine) }));
                }
            });
        }
        Ok(())
    }
}

handler!(
    States,
    TagResource,
    |states, cx, input| Ok(on_resource::<TagResource>(&input.resource_arn)?.with_request_tags(pairs(Some(&input.tags))).into()),
    |states, cx, input| {
        let added = checked(&input.tags)?;
        states.change_tags(&input.resource_arn, |tags| {
            tags.extend(added);
            if tags.len() > limits::TAGS_PER_RESOURCE { Err(too_many()) } else { Ok(()) }
        })?;
        Ok(TagResourceOutput {})
    }
);

handler!(
    States,
    UntagResource,
    |states, cx, input| Ok(on_resource::<UntagResource>(&input.resource_arn)?.with_tag_keys(&input.tag_keys).into()),
    |states, cx, input| {
        states.change_tags(&input.resource_arn, |tags| {
            input.tag_keys.iter().for_each(|key| drop(tags.remove(key)));
            Ok(())
        })?;
        Ok(UntagResourceOutput {})
    }
);

handler!(
    States,
    ListTagsForResource,
    |states, cx, input| Ok(on_resource::<ListTagsForResource>(&input.resource_arn)?.into()),
    |states, cx, input| Ok(ListTagsForResourceOutput { tags: Some(shown(&states.tags_of(&input.resource_arn)?)) })
);

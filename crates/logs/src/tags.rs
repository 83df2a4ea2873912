//! Tags of groups and destinations, under the old operations (by name) and the new ones (by ARN).

use crate::{
    Logs, faults, limits,
    names::{group_of_arn, name_of_arn, own_group},
    permissions::on_resource,
    state::{GroupKey, Named, State},
};
use cloudlet_api_logs::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission, handler,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_shape::{Empty, Map, Operation};
use std::sync::Arc;

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };

/// AWS: unverified messages.
pub fn check(tags: &Map<String>) -> Result<(), Fault> {
    RULES.check(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|invalid| match invalid {
        InvalidTag::TooMany => too_many(),
        InvalidTag::Reserved { .. } => faults::invalid("Tag keys starting with aws: are reserved for system use"),
        InvalidTag::Key { key } | InvalidTag::Duplicate { key } => faults::invalid(format!("Invalid tag key: {key}")),
        InvalidTag::Value { value, .. } => faults::invalid(format!("Invalid tag value: {value}")),
    })
}

fn too_many() -> Fault {
    faults::TOO_MANY_TAGS.says("The maximum number of tags per resource is 50")
}

/// What has tags.
#[derive(Clone)]
enum Tagged {
    Group(GroupKey),
    Destination(Named),
    DeliveryDestination(Named),
}

fn tagged(arn: &str) -> Result<Tagged, Fault> {
    let invalid = || faults::invalid(format!("Invalid resource ARN: {arn}"));
    let arn = Arn::parse(arn).ok_or_else(invalid)?;
    if let Some(group) = group_of_arn(&arn) {
        return Ok(Tagged::Group(group));
    }
    let scope = arn.scope().ok_or_else(invalid)?;
    let named = |kind: &str| name_of_arn(&arn, kind).map(|name: Arc<str>| (scope.clone(), name));
    named("destination").map(Tagged::Destination).or_else(|| named("delivery-destination").map(Tagged::DeliveryDestination)).ok_or_else(invalid)
}

/// The tags of a resource. `None`: there is no such resource.
fn tags_of(state: &State, of: &Tagged) -> Option<Map<String>> {
    match of {
        Tagged::Group(key) => Some(state.groups.get(key)?.tags.clone()),
        Tagged::Destination(key) => Some(state.destinations.get(key)?.tags.clone()),
        Tagged::DeliveryDestination(key) => Some(state.delivery_destinations.get(key)?.shape.tags.clone().unwrap_or_default()),
    }
}

fn set_tags(state: &mut State, of: &Tagged, tags: Map<String>) {
    use cloudlet_engine::StoredShape;
    let some = Some(tags.clone()).filter(|tags| !tags.is_empty());
    match of {
        Tagged::Group(key) => drop(state.groups.get_mut(key).map(|row| Arc::make_mut(row).tags = tags)),
        Tagged::Destination(key) => drop(state.destinations.get_mut(key).map(|row| Arc::make_mut(row).tags = tags)),
        Tagged::DeliveryDestination(key) => drop(
            state.delivery_destinations.get_mut(key).map(|row| row.shape = StoredShape::new(DeliveryDestination { tags: some, ..row.shape.shape() })),
        ),
    }
}

fn missing(of: &Tagged) -> Fault {
    match of {
        Tagged::Group(_) => faults::no_such_group(),
        _ => faults::RESOURCE_NOT_FOUND.says("The specified resource does not exist."),
    }
}

impl Logs {
    fn on_tagged<O: Operation>(&self, cx: &Cx, arn: &str) -> Result<Permission, Fault> {
        let of = tagged(arn)?;
        Ok(match &of {
            Tagged::Group(group) => self.on_group_itself::<O>(group),
            other => {
                let resource = Arn::parse(arn).unwrap_or_else(Arn::any);
                let tags = self.store.read(|state| tags_of(state, other)).unwrap_or_default();
                on_resource::<O>(resource).owned_by(cx.scope.account).with_resource_tags(tags)
            }
        })
    }

    fn add_tags(&self, of: &Tagged, added: Map<String>) -> Result<Empty, Fault> {
        check(&added)?;
        self.store.write(|state| {
            let mut tags = tags_of(state, of).ok_or_else(|| missing(of))?;
            tags.extend(added);
            if tags.len() > limits::TAGS {
                return Err(too_many());
            }
            set_tags(state, of, tags);
            Ok(Empty {})
        })
    }

    fn remove_tags(&self, of: &Tagged, names: &[String]) -> Result<Empty, Fault> {
        self.store.write(|state| {
            let mut tags = tags_of(state, of).ok_or_else(|| missing(of))?;
            tags.retain(|name, _| !names.contains(name));
            set_tags(state, of, tags);
            Ok(Empty {})
        })
    }

    fn list_tags(&self, of: &Tagged) -> Result<Map<String>, Fault> {
        self.store.read(|state| tags_of(state, of)).ok_or_else(|| missing(of))
    }
}

handler!(
    Logs,
    TagResource,
    |logs, cx, input| {
        let permission = logs.on_tagged::<TagResource>(cx, &input.resource_arn)?;
        Ok(permission.with_request_tags(input.tags.iter().map(|(name, value)| (name, value.clone()))).into())
    },
    |logs, cx, input| logs.add_tags(&tagged(&input.resource_arn)?, input.tags)
);

handler!(
    Logs,
    UntagResource,
    |logs, cx, input| Ok(logs.on_tagged::<UntagResource>(cx, &input.resource_arn)?.with_tag_keys(&input.tag_keys).into()),
    |logs, cx, input| logs.remove_tags(&tagged(&input.resource_arn)?, &input.tag_keys)
);

handler!(
    Logs,
    ListTagsForResource,
    |logs, cx, input| Ok(logs.on_tagged::<ListTagsForResource>(cx, &input.resource_arn)?.into()),
    |logs, cx, input| Ok(ListTagsForResourceResponse { tags: Some(logs.list_tags(&tagged(&input.resource_arn)?)?) })
);

handler!(
    Logs,
    TagLogGroup,
    |logs, cx, input| {
        let permission = logs.on_group::<TagLogGroup>(&own_group(cx, &input.log_group_name));
        Ok(permission.with_request_tags(input.tags.iter().map(|(name, value)| (name, value.clone()))).into())
    },
    |logs, cx, input| logs.add_tags(&Tagged::Group(own_group(cx, &input.log_group_name)), input.tags)
);

handler!(
    Logs,
    UntagLogGroup,
    |logs, cx, input| Ok(logs.on_group::<UntagLogGroup>(&own_group(cx, &input.log_group_name)).with_tag_keys(&input.tags).into()),
    |logs, cx, input| logs.remove_tags(&Tagged::Group(own_group(cx, &input.log_group_name)), &input.tags)
);

handler!(
    Logs,
    ListTagsLogGroup,
    |logs, cx, input| Ok(logs.on_group::<ListTagsLogGroup>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| Ok(ListTagsLogGroupResponse { tags: Some(logs.list_tags(&Tagged::Group(own_group(cx, &input.log_group_name)))?) })
);

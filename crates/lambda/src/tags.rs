//! Tags of functions.

use crate::{Lambda, faults, limits, names};
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx, Permission, handler,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_shape::{Empty, Map, Operation};

use crate::{functions::of_function, state::FunctionKey};

const RULES: TagRules = TagRules { most: limits::TAGS, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };

fn too_many() -> Fault {
    faults::invalid("Number of tags exceeds resource tag limit.")
}

/// The tags of a request.
pub fn checked(tags: Map<String>) -> Result<Map<String>, Fault> {
    RULES.check(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|invalid| match invalid {
        InvalidTag::TooMany => too_many(),
        // AWS: unverified wordings.
        InvalidTag::Reserved { key } => faults::invalid(format!("aws: prefixed tag key names are not allowed for external use: {key}")),
        InvalidTag::Duplicate { key } | InvalidTag::Key { key } => faults::invalid(format!("Invalid tag key: {key}")),
        InvalidTag::Value { key, .. } => faults::invalid(format!("Invalid value of the tag {key}")),
    })?;
    Ok(tags)
}

/// The function that an ARN names.
fn function(cx: &Cx, arn: &str) -> Result<FunctionKey, Fault> {
    if !arn.contains(":function:") {
        return Err(faults::not_built("tags of what is no function"));
    }
    let named = names::function(cx, arn, None)?;
    if named.qualifier.is_some() {
        return Err(faults::invalid("Tags on function aliases and versions are not supported. Please specify a function ARN."));
    }
    Ok(named.key)
}

fn permission<O: Operation>(lambda: &Lambda, cx: &Cx, arn: &str) -> Result<Permission, Fault> {
    Ok(of_function::<O>(lambda, &function(cx, arn)?))
}

handler!(
    Lambda,
    TagResource,
    |lambda, cx, input| Ok(permission::<TagResource>(lambda, cx, &input.resource)?.with_request_tags(input.tags.clone()).into()),
    |lambda, cx, input| {
        let key = function(cx, &input.resource)?;
        if input.tags.is_empty() {
            return Err(faults::invalid("An error occurred and the request cannot be processed."));
        }
        let added = checked(input.tags)?;
        lambda.change_function(&key, |function| {
            function.tags.extend(added);
            if function.tags.len() > limits::TAGS { Err(too_many()) } else { Ok(()) }
        })?;
        Ok(Empty {})
    }
);

handler!(
    Lambda,
    UntagResource,
    |lambda, cx, input| Ok(permission::<UntagResource>(lambda, cx, &input.resource)?.with_tag_keys(&input.tag_keys).into()),
    |lambda, cx, input| {
        let key = function(cx, &input.resource)?;
        lambda.change_function(&key, |function| {
            input.tag_keys.iter().for_each(|key| drop(function.tags.remove(key)));
            Ok(())
        })?;
        Ok(Empty {})
    }
);

handler!(
    Lambda,
    ListTags,
    |lambda, cx, input| Ok(permission::<ListTags>(lambda, cx, &input.resource)?.into()),
    |lambda, cx, input| {
        let key = function(cx, &input.resource)?;
        let tags = lambda.store.read(|state| state.functions.get(&key).map(|function| function.tags.clone()));
        Ok(ListTagsResponse { tags: Some(tags.ok_or_else(|| faults::no_function(key.arn()))?) })
    }
);

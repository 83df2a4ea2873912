//! Tags of functions and mappings.

use crate::{
    Lambda, code_signing, faults,
    functions::of_function,
    limits,
    mappings::on_mapping,
    names,
    state::{FunctionKey, Mapping},
    tag_rules::{checked, too_many},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission, handler};
use cloudlet_shape::{Empty, Map, Operation};
use std::sync::Arc;

/// What has tags.
enum Tagged {
    Function(FunctionKey),
    Mapping(String),
    /// A code signing configuration, by its ARN.
    Signing(String),
}

fn tagged(cx: &Cx, arn: &str) -> Result<Tagged, Fault> {
    if let Some((_, id)) = arn.split_once(":event-source-mapping:") {
        return Ok(Tagged::Mapping(id.to_owned()));
    }
    if arn.contains(":code-signing-config:") {
        return Ok(Tagged::Signing(arn.to_owned()));
    }
    if !arn.contains(":function:") {
        return Err(faults::not_built("tags of what is no function and no mapping"));
    }
    let named = names::function(cx, arn, None)?;
    if named.qualifier.is_some() {
        return Err(faults::invalid("Tags on function aliases and versions are not supported. Please specify a function ARN."));
    }
    Ok(Tagged::Function(named.key))
}

fn permission<O: Operation>(lambda: &Lambda, cx: &Cx, arn: &str) -> Result<Permission, Fault> {
    Ok(match tagged(cx, arn)? {
        Tagged::Function(key) => of_function::<O>(lambda, &key),
        Tagged::Mapping(id) => on_mapping::<O>(lambda, cx, &id),
        Tagged::Signing(arn) => code_signing::on_config::<O>(lambda, cx, &arn),
    })
}

impl Lambda {
    fn change_tags(&self, cx: &Cx, arn: &str, change: impl FnOnce(&mut Map<String>) -> Result<(), Fault>) -> Result<(), Fault> {
        match tagged(cx, arn)? {
            Tagged::Function(key) => {
                self.change_function(&key, |function| change(&mut function.tags))?;
                // AWS: recorded: the function is another revision then.
                self.store.update(|state| {
                    if let Some(latest) = state.versions.get(&(key.clone(), 0)).cloned() {
                        state.versions.insert((key, 0), Arc::new(latest.revised(cx.ids().uuid())));
                    }
                });
                Ok(())
            }
            Tagged::Signing(arn) => self.change_signing_config(cx, &arn, |config| change(&mut config.tags)).map(drop),
            Tagged::Mapping(id) => self.store.write(|state| {
                let mut mapping = Mapping::clone(state.mappings.get(&id).ok_or_else(|| no_mapping(arn))?);
                change(&mut mapping.tags)?;
                state.mappings.insert(id, Arc::new(mapping));
                Ok(())
            }),
        }
    }
}

fn no_mapping(arn: &str) -> Fault {
    faults::not_found(format!("Event source mapping not found: {arn}"))
}

handler!(
    Lambda,
    TagResource,
    |lambda, cx, input| Ok(permission::<TagResource>(lambda, cx, &input.resource)?.with_request_tags(input.tags.clone()).into()),
    |lambda, cx, input| {
        tagged(cx, &input.resource)?;
        if input.tags.is_empty() {
            return Err(faults::invalid("An error occurred and the request cannot be processed."));
        }
        let added = checked(input.tags)?;
        lambda.change_tags(cx, &input.resource, |tags| {
            tags.extend(added);
            if tags.len() > limits::TAGS { Err(too_many()) } else { Ok(()) }
        })?;
        Ok(Empty {})
    }
);

handler!(
    Lambda,
    UntagResource,
    |lambda, cx, input| Ok(permission::<UntagResource>(lambda, cx, &input.resource)?.with_tag_keys(&input.tag_keys).into()),
    |lambda, cx, input| {
        lambda.change_tags(cx, &input.resource, |tags| {
            input.tag_keys.iter().for_each(|key| drop(tags.remove(key)));
            Ok(())
        })?;
        Ok(Empty {})
    }
);

handler!(Lambda, ListTags, |lambda, cx, input| Ok(permission::<ListTags>(lambda, cx, &input.resource)?.into()), |lambda, cx, input| {
    let tags = match tagged(cx, &input.resource)? {
        Tagged::Function(key) => {
            let tags = lambda.store.read(|state| state.functions.get(&key).map(|function| function.tags.clone()));
            tags.ok_or_else(|| faults::no_function(key.arn()))?
        }
        Tagged::Signing(arn) => code_signing::tags(lambda, cx, &arn)?,
        Tagged::Mapping(id) => {
            let tags = lambda.store.read(|state| state.mappings.get(&id).map(|mapping| mapping.tags.clone()));
            tags.ok_or_else(|| no_mapping(&input.resource))?
        }
    };
    Ok(ListTagsResponse { tags: Some(tags) })
});

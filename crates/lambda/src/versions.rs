//! Versions and aliases.

use crate::{
    Lambda,
    configuration::Shown,
    faults,
    functions::on_function,
    limits,
    names::{self, LATEST},
    state::{Alias, FunctionKey, Provisioned, ProvisionedStatus, State},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    handler,
    paging::{InvalidToken, Paging},
};
use cloudlet_shape::{Empty, Map};
use std::sync::Arc;

handler!(
    Lambda,
    PublishVersion,
    |lambda, cx, input| Ok(on_function::<PublishVersion>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.changeable()?;
        if input.publish_to.is_some() {
            return Err(faults::not_built("PublishTo of functions"));
        }
        let latest = lambda.latest(&key)?;
        if let Some(sha256) = input.code_sha256.as_deref().filter(|sha256| !sha256.is_empty() && *sha256 != latest.sha256()) {
            let text = format!("CodeSHA256 ({sha256}) is different from current CodeSHA256 in $LATEST ({}).", latest.sha256());
            return Err(faults::invalid(format!("{text} Please try again with the CodeSHA256 in $LATEST.")));
        }
        if input.revision_id.as_deref().is_some_and(|revision| revision != latest.revision()) {
            return Err(faults::wrong_revision("GetFunction/GetAlias"));
        }
        let copy = lambda.copy_code(cx, &latest.code).await?;
        let (number, version) = lambda.store.write(|state| {
            let latest = state.versions.get(&(key.clone(), 0)).cloned().ok_or_else(|| faults::no_function(key.arn()))?;
            // AWS: what has not changed since the last version makes no new one.
            if let Some(found) = latest.published.and_then(|number| Some((number, state.versions.get(&(key.clone(), number))?.clone()))) {
                return Ok(found);
            }
            state.publish(cx, &key, input.description.take(), copy.blob().clone())
        })?;
        if version.code == *copy.blob() {
            copy.commit();
        }
        Ok(lambda.shown(cx, &version, (&key, number), &key.qualified_arn(&number.to_string()), Shown::Alone).await)
    }
);

handler!(
    Lambda,
    ListVersionsByFunction,
    |lambda, cx, input| Ok(on_function::<ListVersionsByFunction>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.key;
        lambda.latest(&key)?;
        let paging = Paging::of::<ListVersionsByFunction>(cx, &input);
        let page = lambda.store.read(|state| {
            let rows = state.versions_of(&key).map(|(number, version)| (number, (number, version.clone())));
            paging.page_of(paging.length(limits::LIST_PAGE, limits::LIST_PAGE), rows)
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        let mut versions = Vec::new();
        for (number, version) in page.items {
            let qualifier = if number == 0 { LATEST.to_owned() } else { number.to_string() };
            versions.push(lambda.shown(cx, &version, (&key, number), &key.qualified_arn(&qualifier), Shown::Listed).await);
        }
        Ok(ListVersionsByFunctionResponse { next_marker: page.next_token, versions: Some(versions) })
    }
);

fn shown(key: &FunctionKey, name: &str, alias: &Alias) -> AliasConfiguration {
    let weights = alias.second.map(|(second, weight)| Map::from([(second.to_string(), weight)]));
    AliasConfiguration {
        alias_arn: Some(key.qualified_arn(name).to_string()),
        name: Some(name.to_owned()),
        function_version: Some(if alias.version == 0 { LATEST.to_owned() } else { alias.version.to_string() }),
        description: Some(alias.description.clone()),
        routing_config: weights.map(|weights| AliasRoutingConfiguration { additional_version_weights: Some(weights) }),
        revision_id: Some(alias.revision.clone()),
    }
}

fn no_alias(key: &FunctionKey, name: &str) -> Fault {
    faults::not_found(format!("Cannot find alias arn: {}", key.qualified_arn(name)))
}

/// A version that an alias may have: it exists.
fn version(state: &State, key: &FunctionKey, text: &str) -> Result<u64, Fault> {
    let number = names::version(text).filter(|number| state.versions.contains(&(key.clone(), *number)));
    number.ok_or_else(|| faults::no_function(key.qualified_arn(text)))
}

fn latest_is_alone() -> Fault {
    // AWS: unverified which of the two it names.
    faults::invalid("$LATEST is not supported for an alias pointing to more than 1 version")
}

fn already_included(number: u64) -> Fault {
    faults::invalid(format!("Invalid function version {number}. Function version {number} is already included in routing configuration."))
}

/// The other version of an alias, and its share.
fn second(state: &State, key: &FunctionKey, first: u64, routing: Option<AliasRoutingConfiguration>) -> Result<Option<(u64, f64)>, Fault> {
    let weights = routing.and_then(|routing| routing.additional_version_weights).unwrap_or_default();
    if weights.len() > 1 {
        return Err(faults::invalid("Number of items in AdditionalVersionWeights cannot be greater than 1"));
    }
    let Some((text, weight)) = weights.into_iter().next() else { return Ok(None) };
    let number = version(state, key, &text)?;
    if first == 0 || number == 0 {
        return Err(latest_is_alone());
    }
    if number == first {
        return Err(already_included(number));
    }
    if !(0.0..=1.0).contains(&weight) {
        let text = format!("Member must have value less than or equal to 1, Member must have value greater than or equal to 0, got {weight}");
        return Err(faults::validation(weight, "routingConfig.additionalVersionWeights", text));
    }
    Ok(Some((number, weight)))
}

handler!(Lambda, CreateAlias, |lambda, cx, input| Ok(on_function::<CreateAlias>(lambda, cx, &input.function_name)?.into()), |lambda, cx, input| {
    let key = names::function(cx, &input.function_name, None)?.whole()?;
    let alias = lambda.store.write(|state| {
        if !state.functions.contains(&key) {
            return Err(faults::no_function(key.arn()));
        }
        let of = (key.clone(), input.name.clone());
        if state.aliases.contains(&of) {
            return Err(faults::conflict(format!("Alias already exists: {}", key.qualified_arn(&input.name))));
        }
        let number = version(state, &key, &input.function_version)?;
        let second = second(state, &key, number, input.routing_config.take())?;
        let alias = Alias { version: number, description: input.description.take().unwrap_or_default(), second, revision: cx.ids().uuid() };
        state.aliases.insert(of, Arc::new(alias.clone()));
        Ok(alias)
    })?;
    Ok(shown(&key, &input.name, &alias))
});

handler!(Lambda, UpdateAlias, |lambda, cx, input| Ok(on_function::<UpdateAlias>(lambda, cx, &input.function_name)?.into()), |lambda, cx, input| {
    let key = names::function(cx, &input.function_name, None)?.whole()?;
    let mut is_provisioned = false;
    let alias = lambda.store.write(|state| {
        if !state.functions.contains(&key) {
            return Err(faults::no_function(key.arn()));
        }
        let of = (key.clone(), input.name.clone());
        // AWS: here the absent alias is named in another way than by GetAlias.
        let absent = || faults::not_found(format!("Alias not found: {}", key.qualified_arn(&input.name)));
        let mut alias = Alias::clone(state.aliases.get(&of).ok_or_else(absent)?);
        if input.revision_id.as_ref().is_some_and(|revision| *revision != alias.revision) {
            return Err(faults::wrong_revision("GetFunction/GetAlias"));
        }
        if let Some(text) = &input.function_version {
            alias.version = version(state, &key, text)?;
        }
        alias.second = match (input.routing_config.take(), alias.second) {
            (Some(routing), _) => second(state, &key, alias.version, Some(routing))?,
            // AWS: unverified that it looks at the routing that stays.
            (None, Some((number, _))) if number == alias.version => return Err(already_included(number)),
            (None, Some(_)) if alias.version == 0 => return Err(latest_is_alone()),
            (None, stays) => stays,
        };
        if let Some(description) = input.description.take() {
            alias.description = description;
        }
        alias.revision = cx.ids().uuid();
        state.aliases.insert(of.clone(), Arc::new(alias.clone()));
        // What is kept ready for an alias is that of its version.
        if let Some(provisioned) = state.provisioned.get(&of).cloned().filter(|_| input.function_version.is_some()) {
            let again = Provisioned { status: ProvisionedStatus::InProgress, modified: cx.clock().now(), ..Provisioned::clone(&provisioned) };
            state.provisioned.insert(of, Arc::new(again));
            is_provisioned = true;
        }
        Ok(alias)
    })?;
    if is_provisioned {
        lambda.schedule_provision(cx, &key, &input.name)?;
    }
    Ok(shown(&key, &input.name, &alias))
});

handler!(Lambda, GetAlias, |lambda, cx, input| Ok(on_function::<GetAlias>(lambda, cx, &input.function_name)?.into()), |lambda, cx, input| {
    let key = names::function(cx, &input.function_name, None)?.whole()?;
    let alias = lambda.store.read(|state| state.aliases.get(&(key.clone(), input.name.clone())).cloned());
    let alias = alias.ok_or_else(|| no_alias(&key, &input.name))?;
    Ok(shown(&key, &input.name, &alias))
});

handler!(Lambda, DeleteAlias, |lambda, cx, input| Ok(on_function::<DeleteAlias>(lambda, cx, &input.function_name)?.into()), |lambda, cx, input| {
    let key = names::function(cx, &input.function_name, None)?.whole()?;
    lambda.store.write(|state| {
        if !state.functions.contains(&key) {
            return Err(faults::no_function(key.arn()));
        }
        // AWS: an absent alias is deleted without a fault.
        if state.aliases.remove(&(key.clone(), input.name.clone())).is_some() {
            state.remove_qualifier(&key, &input.name);
        }
        Ok(Empty {})
    })
});

handler!(Lambda, ListAliases, |lambda, cx, input| Ok(on_function::<ListAliases>(lambda, cx, &input.function_name)?.into()), |lambda, cx, input| {
    let key = names::function(cx, &input.function_name, None)?.whole()?;
    lambda.latest(&key)?;
    let paging = Paging::of::<ListAliases>(cx, &input);
    let version = input.function_version.as_deref().and_then(names::version);
    let page = lambda.store.read(|state| {
        let rows = state
            .aliases_of(&key)
            .filter(|(_, alias)| version.is_none_or(|version| alias.version == version || alias.second.is_some_and(|(second, _)| second == version)));
        let rows = rows.map(|(name, alias)| (name.to_owned(), shown(&key, name, alias)));
        paging.page_of(paging.length(limits::LIST_PAGE, limits::LIST_PAGE), rows)
    });
    let page = page.map_err(|InvalidToken| faults::invalid_page())?;
    Ok(ListAliasesResponse { next_marker: page.next_token, aliases: Some(page.items) })
});

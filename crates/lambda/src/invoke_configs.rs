//! How asynchronous events are tried again, how old they may grow, and where their outcomes go.

use crate::{
    Lambda, faults,
    functions::on_function,
    names::{self, LATEST, Named},
    sending,
    state::{FunctionKey, InvokeConfig, rows_of},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, StoredShape, handler,
    paging::{InvalidToken, Paging},
};
use cloudlet_shape::Empty;
use std::sync::Arc;

const PAGE: usize = 50;

/// Where the configuration of a request lies: under `$LATEST` where it names none.
fn place(named: &Named) -> (FunctionKey, String) {
    (named.key.clone(), named.qualifier.clone().unwrap_or_else(|| LATEST.to_owned()))
}

fn shown_arn((key, qualifier): &(FunctionKey, String)) -> Arn {
    key.qualified_arn(qualifier)
}

fn shown(of: &(FunctionKey, String), config: &InvokeConfig) -> FunctionEventInvokeConfig {
    FunctionEventInvokeConfig {
        last_modified: Some(config.modified),
        function_arn: Some(shown_arn(of).to_string()),
        maximum_retry_attempts: config.retries,
        maximum_event_age_in_seconds: config.age,
        destination_config: config.destinations.as_ref().map(StoredShape::shape),
    }
}

fn absent(of: &(FunctionKey, String)) -> Fault {
    faults::not_found(format!("The function {} doesn't have an EventInvokeConfig", shown_arn(of)))
}

fn check_destinations(config: &DestinationConfig, function: &FunctionKey) -> Result<(), Fault> {
    let success = config.on_success.as_ref().and_then(|to| to.destination.as_deref());
    let failure = config.on_failure.as_ref().and_then(|to| to.destination.as_deref());
    for destination in [success, failure].into_iter().flatten() {
        let arn = Arn::parse(destination);
        if arn.as_ref().is_some_and(|arn| arn.as_str() == function.arn().as_str() || arn.as_str().starts_with(&format!("{}:", function.arn()))) {
            return Err(faults::invalid("You can't specify the function as a destination for itself."));
        }
        // AWS: buckets take failures alone: <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html>.
        let is_bucket_of_successes = success == Some(destination) && arn.as_ref().is_some_and(|arn| arn.service() == "s3");
        if is_bucket_of_successes || !arn.is_some_and(|arn| matches!(arn.service(), "lambda" | "sns" | "sqs" | "events" | "s3")) {
            let part = |to: Option<&str>, name: &str| to.map_or("null".to_owned(), |to| format!("{name}(destination={to})"));
            let (success, failure) = (part(success, "OnSuccess"), part(failure, "OnFailure"));
            let text = format!("The provided destination config DestinationConfig(onSuccess={success}, onFailure={failure}) is invalid.");
            return Err(faults::invalid(text));
        }
    }
    Ok(())
}

/// A destination without an ARN is none.
fn cleaned(mut config: DestinationConfig) -> DestinationConfig {
    if config.on_success.as_ref().is_some_and(|to| to.destination.as_ref().is_some_and(String::is_empty)) {
        config.on_success = Some(OnSuccess::default());
    }
    if config.on_failure.as_ref().is_some_and(|to| to.destination.as_ref().is_some_and(String::is_empty)) {
        config.on_failure = Some(OnFailure::default());
    }
    // AWS: recorded: both are shown, as empty objects where there is none.
    DestinationConfig { on_success: Some(config.on_success.unwrap_or_default()), on_failure: Some(config.on_failure.unwrap_or_default()) }
}

/// What a request configures, once it is known to say something, and nothing wrong.
async fn named(
    lambda: &Lambda,
    cx: &Cx,
    (name, qualifier): (&str, Option<&str>),
    destinations: Option<&DestinationConfig>,
    is_empty: bool,
) -> Result<Named, Fault> {
    let named = names::function(cx, name, qualifier)?;
    match destinations {
        Some(config) => {
            check_destinations(config, &named.key)?;
            let success = config.on_success.as_ref().and_then(|to| to.destination.as_deref());
            let failure = config.on_failure.as_ref().and_then(|to| to.destination.as_deref());
            if let Ok((found, _)) = lambda.resolved(cx, &named) {
                for target in [success, failure].into_iter().flatten().filter_map(Arn::parse) {
                    sending::check_destination(cx, found.version.role(), &named.key, &target).await?;
                }
            }
        }
        None if is_empty => return Err(faults::invalid("You must specify at least one of error handling or destination setting.")),
        None => {}
    }
    Ok(named)
}

handler!(
    Lambda,
    PutFunctionEventInvokeConfig,
    |lambda, cx, input| Ok(on_function::<PutFunctionEventInvokeConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let is_empty = input.maximum_retry_attempts.is_none() && input.maximum_event_age_in_seconds.is_none();
        let named = named(lambda, cx, (&input.function_name, input.qualifier.as_deref()), input.destination_config.as_ref(), is_empty).await?;
        let of = place(&named);
        let config = InvokeConfig {
            modified: cx.now,
            retries: input.maximum_retry_attempts,
            age: input.maximum_event_age_in_seconds,
            destinations: Some(StoredShape::new(cleaned(input.destination_config.take().unwrap_or_default()))),
        };
        lambda.store.write(|state| {
            if state.resolve(&named, 0).is_none() {
                return Err(faults::not_found("The function doesn't exist."));
            }
            state.invoke_configs.insert(of.clone(), Arc::new(config.clone()));
            Ok(())
        })?;
        Ok(shown(&of, &config))
    }
);

handler!(
    Lambda,
    UpdateFunctionEventInvokeConfig,
    |lambda, cx, input| Ok(on_function::<UpdateFunctionEventInvokeConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let is_empty = input.maximum_retry_attempts.is_none() && input.maximum_event_age_in_seconds.is_none();
        let named = named(lambda, cx, (&input.function_name, input.qualifier.as_deref()), input.destination_config.as_ref(), is_empty).await?;
        let of = place(&named);
        let config = lambda.store.write(|state| {
            let mut config = InvokeConfig::clone(state.invoke_configs.get(&of).ok_or_else(|| absent(&of))?);
            config.modified = cx.now;
            config.retries = input.maximum_retry_attempts.or(config.retries);
            config.age = input.maximum_event_age_in_seconds.or(config.age);
            config.destinations = input.destination_config.take().map(|to| StoredShape::new(cleaned(to))).or(config.destinations);
            state.invoke_configs.insert(of.clone(), Arc::new(config.clone()));
            Ok::<_, Fault>(config)
        })?;
        Ok(shown(&of, &config))
    }
);

handler!(
    Lambda,
    GetFunctionEventInvokeConfig,
    |lambda, cx, input| Ok(on_function::<GetFunctionEventInvokeConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let of = place(&names::function(cx, &input.function_name, input.qualifier.as_deref())?);
        let config = lambda.store.read(|state| state.invoke_configs.get(&of).cloned()).ok_or_else(|| absent(&of))?;
        Ok(shown(&of, &config))
    }
);

handler!(
    Lambda,
    DeleteFunctionEventInvokeConfig,
    |lambda, cx, input| Ok(on_function::<DeleteFunctionEventInvokeConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let of = place(&names::function(cx, &input.function_name, input.qualifier.as_deref())?);
        lambda.store.write(|state| state.invoke_configs.remove(&of).map(drop).ok_or_else(|| absent(&of)))?;
        Ok(Empty {})
    }
);

handler!(
    Lambda,
    ListFunctionEventInvokeConfigs,
    |lambda, cx, input| Ok(on_function::<ListFunctionEventInvokeConfigs>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.key;
        let paging = Paging::of::<ListFunctionEventInvokeConfigs>(cx, &input);
        let page = lambda.store.read(|state| {
            if !state.functions.contains(&key) {
                return Err(faults::not_found("The function doesn't exist."));
            }
            let rows = rows_of(&state.invoke_configs, &key).map(|(qualifier, config)| {
                let of = (key.clone(), qualifier.to_owned());
                (qualifier.to_owned(), shown(&of, config))
            });
            paging.page_of(paging.length(PAGE, PAGE), rows).map_err(|InvalidToken| faults::invalid_page())
        })?;
        Ok(ListFunctionEventInvokeConfigsResponse { function_event_invoke_configs: Some(page.items), next_marker: page.next_token })
    }
);

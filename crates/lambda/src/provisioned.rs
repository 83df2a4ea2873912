//! Provisioned concurrency: environments that are started before anybody calls.
//! <https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html>

use crate::{
    Lambda,
    code::PRINCIPAL,
    configuration::modified,
    environment::{EnvironmentKey, Initialization},
    environments::{EnvironmentRequest, NotReady},
    faults,
    functions::{Resolved, on_function},
    limits,
    names::{self, LATEST, Named},
    scheduled::{Provision, ProvisionInput},
    state::{FunctionKey, Provisioned, ProvisionedStatus, State, rows_of},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::{
    Cx, Permission, handler,
    paging::{InvalidToken, Paging},
};
use cloudlet_shape::Empty;
use std::{sync::Arc, time::Duration};

const PAGE: usize = 50;
/// Environments that are really started beforehand; the others of a configuration are started when they are needed.
const STARTED: i32 = 16;

impl State {
    pub fn provisioned_of(&self, key: &FunctionKey) -> impl Iterator<Item = (&str, &Arc<Provisioned>)> {
        rows_of(&self.provisioned, key)
    }

    /// What all versions and aliases of a function have together.
    pub fn provisioned_total(&self, key: &FunctionKey) -> i32 {
        self.provisioned_of(key).map(|(_, provisioned)| provisioned.requested).sum()
    }

    /// What a version has that is ready: its own, or that of an alias of it.
    pub fn provisioned_for(&self, key: &FunctionKey, number: u64) -> i32 {
        let of_version = |qualifier: &str| match names::version(qualifier) {
            Some(of) => of == number,
            None => self.aliases.get(&(key.clone(), qualifier.to_owned())).is_some_and(|alias| alias.version == number),
        };
        let ready = self.provisioned_of(key).filter(|(_, provisioned)| provisioned.status == ProvisionedStatus::Ready);
        ready.filter(|(qualifier, _)| of_version(qualifier)).map(|(_, provisioned)| provisioned.requested).sum()
    }

    /// The concurrency of an account and region that no function has for itself.
    pub fn unreserved(&self, scope: &Scope) -> i32 {
        let taken = self.functions_of(scope).map(|(key, function)| function.reserved.unwrap_or_else(|| self.provisioned_total(key)));
        limits::CONCURRENCY - taken.sum::<i32>()
    }
}

fn absent() -> Fault {
    faults::PROVISIONED_CONCURRENCY_CONFIG_NOT_FOUND.says("No Provisioned Concurrency Config found for this function").with("Type", "User")
}

/// The version or alias that a request names.
fn named(cx: &Cx, name: &str, qualifier: &str) -> Result<(Named, String), Fault> {
    let named = names::function(cx, name, Some(qualifier))?;
    if qualifier == LATEST {
        return Err(faults::invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions."));
    }
    Ok((named, qualifier.to_owned()))
}

fn find(state: &State, named: &Named, qualifier: &str) -> Result<Arc<Provisioned>, Fault> {
    if state.resolve(named, 0).is_none() {
        return Err(no_qualifier(named, qualifier));
    }
    state.provisioned.get(&(named.key.clone(), qualifier.to_owned())).cloned().ok_or_else(absent)
}

fn no_qualifier(named: &Named, qualifier: &str) -> Fault {
    match names::version(qualifier) {
        Some(_) => faults::no_function(named.arn()),
        None => faults::not_found(format!("Cannot find alias arn: {}", named.arn())),
    }
}

/// What answers say of it, in the order of their members.
struct Shown {
    requested: i32,
    ready: i32,
    status: String,
    reason: Option<String>,
    modified: String,
}

fn shown(of: &Provisioned) -> Shown {
    let (status, ready, reason) = match of.status {
        ProvisionedStatus::InProgress => ("IN_PROGRESS", 0, None),
        ProvisionedStatus::Ready => ("READY", of.requested, None),
        ProvisionedStatus::Failed => ("FAILED", 0, Some("FUNCTION_ERROR_INIT_FAILURE".to_owned())),
    };
    Shown { requested: of.requested, ready, status: status.to_owned(), reason, modified: modified(of.modified) }
}

/// Whether an account and a function have concurrency left for a configuration.
fn check(state: &State, named: &Named, qualifier: &str, wanted: i32) -> Result<(), Fault> {
    let key = &named.key;
    let Some(Resolved { number, alias, .. }) = state.resolve(named, 0) else { return Err(no_qualifier(named, qualifier)) };
    if alias.is_some() {
        let of = state.aliases.get(&(key.clone(), qualifier.to_owned()));
        if of.is_some_and(|alias| alias.second.is_some()) {
            // AWS: so reported in hashicorp/terraform#24957.
            return Err(faults::invalid("Alias with weights can not be used with Provisioned Concurrency"));
        }
        if state.provisioned.contains(&(key.clone(), number.to_string())) {
            return Err(faults::invalid("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"));
        }
    } else {
        let points = |(name, _): &(&str, &Arc<Provisioned>)| {
            state.aliases.get(&(key.clone(), (*name).to_owned())).is_some_and(|alias| alias.version == number)
        };
        if state.provisioned_of(key).any(|row| points(&row)) {
            return Err(faults::invalid("Version is pointed by a Provisioned Concurrency alias"));
        }
    }
    let own = state.provisioned.get(&(key.clone(), qualifier.to_owned())).map_or(0, |own| own.requested);
    let others = state.provisioned_total(key) - own;
    if let Some(reserved) = state.functions.get(key).and_then(|function| function.reserved) {
        if others + wanted > reserved {
            let text = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function";
            return Err(faults::invalid(text));
        }
        return Ok(());
    }
    let unreserved = state.unreserved(&key.scope()) + own;
    // AWS: recorded without a type.
    let refused = |text: String| Err(faults::INVALID_PARAMETER_VALUE.says(text));
    if wanted > unreserved {
        return refused(format!("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{unreserved}]."));
    }
    if unreserved - wanted < limits::UNRESERVED {
        let text = "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of";
        return refused(format!("{text} [{}].", limits::UNRESERVED));
    }
    Ok(())
}

impl Lambda {
    pub fn schedule_provision(&self, cx: &Cx, key: &FunctionKey, qualifier: &str) -> Result<(), Fault> {
        let input = ProvisionInput { function: key.name.to_string(), qualifier: qualifier.to_owned() };
        cx.schedule_keyed::<Provision>(format!("provision/{}/{qualifier}", key.arn()), cx.clock().now(), PRINCIPAL, key.arn(), key.scope(), input)
    }

    /// Starts the environments of a configuration, and says what came of it.
    async fn provision(&self, cx: &Cx, key: &FunctionKey, qualifier: &str) -> Result<(), Fault> {
        let named = Named { key: key.clone(), qualifier: Some(qualifier.to_owned()) };
        let of = (key.clone(), qualifier.to_owned());
        let Some(provisioned) = self.store.read(|state| state.provisioned.get(&of).cloned()) else { return Ok(()) };
        let Some((resolved, function)) = self.found(cx, &named) else { return Ok(()) };
        let mut status = ProvisionedStatus::Ready;
        let mut started = Vec::new();
        for _ in 0..provisioned.requested.min(STARTED) {
            let wanted = EnvironmentRequest {
                fit: EnvironmentKey::of(self, &function, &named.key, &resolved, Initialization::Provisioned),
                version: &resolved.version,
                timeout: Duration::ZERO,
            };
            match self.fresh_environment(cx, &wanted).await {
                Ok((environment, ..)) => started.push(environment),
                Err(NotReady::Failed(failed)) => {
                    self.write_failed_start(cx, &named.key, &resolved.version, *failed).await;
                    status = ProvisionedStatus::Failed;
                    break;
                }
                Err(NotReady::Fault(fault)) => {
                    tracing::debug!(%fault, function = %key.name, "an environment cannot be provisioned");
                    status = ProvisionedStatus::Failed;
                    break;
                }
            }
        }
        let is_current = self.store.update(|state| {
            let current = state.provisioned.get(&of).filter(|current| current.modified == provisioned.modified).cloned();
            if let Some(current) = &current {
                state.provisioned.insert(of.clone(), Arc::new(Provisioned { status, ..Provisioned::clone(current) }));
            }
            current.is_some()
        });
        if is_current && status == ProvisionedStatus::Ready {
            started.into_iter().for_each(|environment| self.environments.put_back(environment));
        }
        Ok(())
    }
}

handler!(Lambda, Provision, |lambda, cx, input| Ok(Permission::none()), |lambda, cx, input| {
    let key = FunctionKey::new(&cx.scope, &input.function);
    lambda.provision(cx, &key, &input.qualifier).await?;
    Ok(Empty {})
});

handler!(
    Lambda,
    PutProvisionedConcurrencyConfig,
    |lambda, cx, input| Ok(on_function::<PutProvisionedConcurrencyConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let (named, qualifier) = named(cx, &input.function_name, &input.qualifier)?;
        let requested = input.provisioned_concurrent_executions;
        let provisioned = Provisioned { requested, modified: cx.clock().now(), status: ProvisionedStatus::InProgress };
        lambda.store.write(|state| {
            if !state.functions.contains(&named.key) {
                return Err(faults::no_function(named.arn()));
            }
            check(state, &named, &qualifier, requested)?;
            state.provisioned.insert((named.key.clone(), qualifier.clone()), Arc::new(provisioned.clone()));
            Ok(())
        })?;
        lambda.schedule_provision(cx, &named.key, &qualifier)?;
        let shown = shown(&provisioned);
        Ok(PutProvisionedConcurrencyConfigResponse {
            requested_provisioned_concurrent_executions: Some(shown.requested),
            allocated_provisioned_concurrent_executions: Some(shown.ready),
            available_provisioned_concurrent_executions: Some(shown.ready),
            status: Some(shown.status),
            status_reason: shown.reason,
            last_modified: Some(shown.modified),
        })
    }
);

handler!(
    Lambda,
    GetProvisionedConcurrencyConfig,
    |lambda, cx, input| Ok(on_function::<GetProvisionedConcurrencyConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let (named, qualifier) = named(cx, &input.function_name, &input.qualifier)?;
        let shown = shown(&*lambda.store.read(|state| find(state, &named, &qualifier))?);
        Ok(GetProvisionedConcurrencyConfigResponse {
            requested_provisioned_concurrent_executions: Some(shown.requested),
            allocated_provisioned_concurrent_executions: Some(shown.ready),
            available_provisioned_concurrent_executions: Some(shown.ready),
            status: Some(shown.status),
            status_reason: shown.reason,
            last_modified: Some(shown.modified),
        })
    }
);

handler!(
    Lambda,
    DeleteProvisionedConcurrencyConfig,
    |lambda, cx, input| Ok(on_function::<DeleteProvisionedConcurrencyConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let (named, qualifier) = named(cx, &input.function_name, &input.qualifier)?;
        lambda.store.write(|state| {
            if state.resolve(&named, 0).is_none() {
                return Err(no_qualifier(&named, &qualifier));
            }
            // AWS: an absent one is deleted without a fault.
            state.provisioned.remove(&(named.key.clone(), qualifier.clone()));
            Ok(())
        })?;
        lambda.environments.forget_provisioned(&named.key);
        Ok(Empty {})
    }
);

handler!(
    Lambda,
    ListProvisionedConcurrencyConfigs,
    |lambda, cx, input| Ok(on_function::<ListProvisionedConcurrencyConfigs>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.key;
        lambda.latest(&key)?;
        let paging = Paging::of::<ListProvisionedConcurrencyConfigs>(cx, &input);
        let page = lambda.store.read(|state| {
            let rows = state.provisioned_of(&key).map(|(qualifier, provisioned)| {
                let shown = shown(provisioned);
                let item = ProvisionedConcurrencyConfigListItem {
                    function_arn: Some(key.qualified_arn(qualifier).to_string()),
                    requested_provisioned_concurrent_executions: Some(shown.requested),
                    allocated_provisioned_concurrent_executions: Some(shown.ready),
                    available_provisioned_concurrent_executions: Some(shown.ready),
                    status: Some(shown.status),
                    status_reason: shown.reason,
                    last_modified: Some(shown.modified),
                };
                (qualifier.to_owned(), item)
            });
            paging.page_of(paging.length(PAGE, PAGE), rows)
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        Ok(ListProvisionedConcurrencyConfigsResponse { provisioned_concurrency_configs: Some(page.items), next_marker: page.next_token })
    }
);

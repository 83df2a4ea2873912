//! Automations on many targets: a parent, and a child for each, as many at once as may be, until too many have failed.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-scale-controls.html>

use super::{
    state::{Execution, Location, Rate, RateTarget},
    targets::{invalid, locations},
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::StartAutomationExecutionRequest;
use cloudlet_aws::{Caller, Fault};
use cloudlet_engine::Cx;
use cloudlet_runbook::Runbook;
use cloudlet_shape::Map;
use std::sync::Arc;

/// AWS: targets that run at once when the request does not say.
const MOST_RUNNING: usize = 10;
const MOST_TARGETS: usize = 10_000;

/// `10` or `10%` of so many.
fn amount(text: Option<&str>, of: usize, default: usize, least: usize) -> Result<usize, Fault> {
    let Some(text) = text else { return Ok(default) };
    let wrong = || faults::INVALID_AUTOMATION_EXECUTION_PARAMETERS.says(format!("The value {text} is not a number or a percentage."));
    let amount = match text.strip_suffix('%') {
        Some(percent) => of.saturating_mul(percent.parse::<usize>().map_err(|_| wrong())?) / 100,
        None => text.parse().map_err(|_| wrong())?,
    };
    Ok(amount.max(least))
}

/// What a request wants of many targets. `None`: it is an automation by itself.
pub async fn of(
    ssm: &Ssm,
    cx: &Cx,
    caller: &Caller,
    request: &StartAutomationExecutionRequest,
    runbook: &Runbook,
    values: &Map<Vec<String>>,
) -> Result<Option<Rate>, Fault> {
    let has_targets = request.targets.as_ref().is_some_and(|targets| !targets.is_empty());
    let has_maps = request.target_maps.as_ref().is_some_and(|maps| !maps.is_empty());
    let places = locations(request.target_locations.as_deref().unwrap_or_default())?;
    if request.target_locations_url.is_some() {
        return Err(invalid("Cloudlet does not read target locations from a URL."));
    }
    if !has_targets && !has_maps && places.is_empty() {
        // A child is given its value among its parameters.
        return Ok(None);
    }
    if has_targets && has_maps {
        return Err(invalid("Targets and TargetMaps can't be specified together."));
    }
    let mut targets: Vec<RateTarget> = Vec::new();
    if has_targets {
        let name = request.target_parameter_name.as_deref().ok_or_else(|| invalid("TargetParameterName is required with Targets."))?;
        if !runbook.parameters.contains_key(name) {
            return Err(invalid(format!("Parameter {name} is not defined in the document.")));
        }
        let found = ssm.targeted(cx, caller, request.targets.as_deref().unwrap_or_default()).await?;
        let one = |value: String| RateTarget { shown: value.clone(), parameters: Map::from([(name.to_owned(), vec![value])]), location: None };
        targets.extend(found.into_iter().map(one));
    }
    for map in request.target_maps.iter().flatten() {
        let shown = map.iter().map(|(name, values)| format!("{name}={}", values.join(","))).collect::<Vec<_>>().join(";");
        targets.push(RateTarget { shown, parameters: map.clone(), location: None });
    }
    if !places.is_empty() {
        let own = if targets.is_empty() { vec![RateTarget::default()] } else { std::mem::take(&mut targets) };
        for (scope, role_name) in places {
            for target in &own {
                let place = format!("{}:{}", scope.account, scope.region);
                let shown = if target.shown.is_empty() { place } else { format!("{place}:{}", target.shown) };
                let location = Some(Location { scope: scope.clone(), role_name: role_name.clone() });
                targets.push(RateTarget { shown, parameters: target.parameters.clone(), location });
            }
        }
    }
    if targets.len() > MOST_TARGETS {
        return Err(invalid(format!("The automation has more than {MOST_TARGETS} targets.")));
    }
    let missing = runbook
        .parameters
        .keys()
        .find(|name| !values.contains_key(name.as_str()) && targets.iter().any(|target| !target.parameters.contains_key(name.as_str())));
    if let Some(name) = missing {
        return Err(faults::INVALID_AUTOMATION_EXECUTION_PARAMETERS.says(format!("Missing required parameter: {name} in user inputs.")));
    }
    let most_running = amount(request.max_concurrency.as_deref(), targets.len(), MOST_RUNNING, 1)?;
    let most_errors = amount(request.max_errors.as_deref(), targets.len(), 0, 0)?;
    Ok(Some(Rate { targets, most_running, most_errors, ..Rate::default() }))
}

impl Rate {
    fn errors(&self) -> usize {
        self.failed + self.timed_out
    }

    fn is_spent(&self) -> bool {
        self.stopped.is_some() || self.errors() > self.most_errors || self.next >= self.targets.len()
    }
}

impl Ssm {
    /// Looks at the children of an automation on many targets, and begins as many more as may run.
    pub async fn run_targets(&self, cx: &Cx, id: &Arc<str>) -> Result<(), Fault> {
        let _turn = self.automations.turn(id).lock().await;
        loop {
            let Some(parent) = self.automations.store.read(|state| state.executions.get(id).filter(|parent| !parent.is_over()).cloned()) else {
                return Ok(());
            };
            let Some(rate) = self.counted(id, &parent) else { return Ok(()) };
            if rate.is_spent() {
                return if rate.running == 0 { self.end_targets(cx, id, &parent, rate) } else { Ok(()) };
            }
            if rate.running >= rate.most_running {
                return Ok(());
            }
            let Some(target) = rate.targets.get(rate.next).cloned() else { return Ok(()) };
            // The target counts as begun before it is: after a crash it is not begun twice.
            self.automations.store.update(|state| {
                state.put(id, Execution { rate: Some(Rate { next: rate.next + 1, ..rate.clone() }), ..(*parent).clone() });
            });
            let started = match &target.location {
                None => self.start_child(cx, id, &parent, &target.shown, &target.parameters, None).await,
                Some(location) => self.start_elsewhere(cx, id, &parent, &target, location).await,
            };
            if let Err(fault) = started {
                self.automations.store.update(|state| {
                    let Some(parent) = state.executions.get(id).cloned() else { return };
                    let Some(mut rate) = parent.rate.clone() else { return };
                    rate.failed += 1;
                    let failure = parent.failure.clone().or_else(|| Some(format!("{}: {}", target.shown, fault.message())));
                    state.put(id, Execution { rate: Some(rate), failure, ..(*parent).clone() });
                });
            }
        }
    }

    /// A child in another account or region is started there.
    async fn start_elsewhere(&self, cx: &Cx, id: &Arc<str>, parent: &Execution, target: &RateTarget, location: &Location) -> Result<Arc<str>, Fault> {
        let (runtime, caller) = (cx.runtime().clone(), cx.caller.clone());
        let there = Cx::new(runtime, location.scope.clone(), caller, cx.request_id.clone(), cloudlet_engine::Origin::default());
        // The document is the parent's, also where the other account does not know its name.
        let mut parent = parent.clone();
        if !parent.document.starts_with("arn:") && !parent.document.starts_with("AWS") {
            let arn = cloudlet_aws::Arn::new("ssm", &parent.scope, &format!("document/{}", parent.document));
            let mut request = parent.request.shape();
            request.document_name = arn.to_string();
            parent.request = cloudlet_engine::StoredShape::new(request);
        }
        self.start_child(&there, id, &parent, &target.shown, &target.parameters, Some(location)).await
    }

    /// The counts as they are now: what failed to begin is counted where it failed.
    fn counted(&self, id: &Arc<str>, parent: &Execution) -> Option<Rate> {
        let mut rate = parent.rate.clone()?;
        let refused = self.automations.store.read(|state| rate.next.saturating_sub(state.children(id).count()));
        (rate.running, rate.succeeded, rate.failed, rate.timed_out, rate.cancelled) = (0, 0, refused, 0, 0);
        self.automations.store.read(|state| {
            for child in state.children(id).filter_map(|child| state.executions.get(child)) {
                let count = match child.status.as_str() {
                    "Success" => &mut rate.succeeded,
                    "Failed" => &mut rate.failed,
                    "TimedOut" => &mut rate.timed_out,
                    "Cancelled" => &mut rate.cancelled,
                    _ => &mut rate.running,
                };
                *count += 1;
            }
        });
        Some(rate)
    }

    fn end_targets(&self, cx: &Cx, id: &Arc<str>, parent: &Execution, rate: Rate) -> Result<(), Fault> {
        let status = match &rate.stopped {
            Some(kind) if kind == "Cancel" => "Cancelled",
            _ if rate.errors() > rate.most_errors => "Failed",
            _ => "Success",
        };
        // AWS: unverified wording.
        let failure = (status == "Failed").then(|| {
            let first = parent.failure.clone().map(|first| format!(" {first}")).unwrap_or_default();
            format!("The number of errors exceeded the allowed maximum of {}.{first}", rate.most_errors)
        });
        let ended = Execution { status: status.to_owned(), ended: Some(cx.clock().now()), failure, rate: Some(rate), ..parent.clone() };
        self.automations.store.update(|state| state.put(id, ended.clone()));
        self.tell_end(cx, id, &ended)
    }

    /// No further targets are begun; those that run are stopped too if the automation is cancelled.
    pub fn stop_targets(&self, cx: &Cx, id: &Arc<str>, kind: &str) -> Result<Vec<Arc<str>>, Fault> {
        let children = self.automations.store.update(|state| {
            let Some(parent) = state.executions.get(id).cloned() else { return Vec::new() };
            let Some(mut rate) = parent.rate.clone() else { return Vec::new() };
            rate.stopped = Some(kind.to_owned());
            let status = if kind == "Cancel" { "Cancelling".to_owned() } else { parent.status.clone() };
            let children = state.children(id).cloned().collect();
            state.put(id, Execution { rate: Some(rate), status, ..(*parent).clone() });
            children
        });
        let scope = self.automations.store.read(|state| state.executions.get(id).map(|parent| parent.scope.clone()));
        if let Some(scope) = scope {
            self.schedule_targets(cx, &scope, id)?;
        }
        Ok(if kind == "Cancel" { children } else { Vec::new() })
    }
}

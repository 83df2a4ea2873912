//! Executions: started, stopped, shown and listed.

use crate::{
    States,
    arns::{self, Qualifier, on_machine},
    configurations,
    drive::Turn,
    faults, limits,
    machines::{page_length, references},
    names, notices,
    redrive::redrive_status,
    state::{Execution, NamedKey, Revision, State, Status, Type},
};
use cloudlet_api_states::*;
use cloudlet_asl::{
    definition::parse_json,
    machine::{self, Event, Machine, Mocks},
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission, handler,
    paging::{InvalidToken, Paging},
};
use std::{cmp::Reverse, sync::Arc};

/// The input as text, checked.
pub fn checked_input(input: Option<&String>) -> Result<Arc<str>, Fault> {
    let Some(text) = input else { return Ok("{}".into()) };
    if text.len() > limits::LARGEST_PAYLOAD {
        return Err(faults::invalid_input("The input exceeds the maximum number of bytes service limit."));
    }
    match parse_json(text) {
        Ok(_) => Ok(text.as_str().into()),
        Err(error) if error.message == "Unexpected end-of-input" => Err(faults::invalid_input("Invalid execution input.")),
        Err(error) => Err(faults::invalid_input(error.message)),
    }
}

impl Execution {
    pub fn machine_arn(&self) -> String {
        self.machine.machine_arn().to_string()
    }
}

/// A new execution.
pub struct NewExecution {
    pub arn: Arc<str>,
    pub execution: Execution,
    pub revision: Arc<Revision>,
    /// What stands in for its calls.
    pub mocks: Option<Mocks>,
}

impl States {
    /// The machine of a new execution, after its first step.
    pub fn started(&self, cx: &Cx, new: &NewExecution) -> Result<(Machine, Vec<machine::Effect>, Arc<cloudlet_asl::definition::Definition>), Fault> {
        let NewExecution { arn, execution, revision, .. } = new;
        let definition = self.definition(&execution.revision, revision)?;
        let about = machine::Execution {
            arn: arn.to_string(),
            name: execution.name.clone(),
            role_arn: revision.role_arn.clone(),
            machine_arn: match &revision.label {
                Some(label) => format!("{}/{label}", execution.machine_arn()),
                None => execution.machine_arn(),
            },
            machine_name: match &revision.label {
                Some(label) => format!("{}/{label}", execution.machine.name),
                None => execution.machine.name.to_string(),
            },
            version_arn: execution.version.map(|version| execution.machine.version_arn(version).to_string()),
            alias_arn: execution.alias.as_ref().map(|alias| execution.machine.alias_arn(alias).to_string()),
            region: execution.machine.region.to_string(),
            express: execution.r#type == Type::Express,
        };
        let (machine, effects) =
            Machine::start(&definition, about, &execution.input, cx.ids().number(), execution.started.millis()).map_err(faults::invalid_input)?;
        Ok((machine, effects, definition))
    }

    /// Starts an execution. `admit` may refuse it, or give what stands in its place.
    pub async fn begin<R>(&self, cx: &Cx, new: NewExecution, admit: impl FnOnce(&State) -> Result<Option<R>, Fault>) -> Result<Option<R>, Fault> {
        let _turn = self.turn(&new.arn).lock().await;
        if let Some(other) = self.store.read(admit)? {
            return Ok(Some(other));
        }
        let (machine, effects, definition) = self.started(cx, &new)?;
        notices::emit(cx, &new.arn, &new.execution);
        let now = new.execution.started;
        let turn: Turn = States::first_turn(new.arn, new.execution, machine, definition, new.mocks);
        self.go_on(cx, turn, effects.into(), now).await?;
        Ok(None)
    }

    pub fn execution(&self, arn: &str) -> Result<Arc<Execution>, Fault> {
        self.store.read(|state| state.executions.get(arn).cloned()).ok_or_else(|| faults::no_execution(arn))
    }

    /// The execution that an ARN names, which may be an EXPRESS child of a Map Run.
    pub fn shown_execution(&self, arn: &str) -> Result<Arc<Execution>, Fault> {
        if arns::kind(arn)? == "express" {
            let found = self.store.read(|state| state.executions.get(arn).cloned()).filter(|execution| execution.map_run.is_some());
            return found.ok_or_else(|| faults::wrong_resource("express"));
        }
        arns::execution(arn)?;
        self.execution(arn)
    }
}

impl State {
    /// The executions of a machine that run.
    pub fn running(&self, key: &NamedKey) -> Vec<Arc<str>> {
        let rows = self.by_machine.range((key.clone(), Reverse(i64::MAX), Arc::from(""))..).take_while(|((of, _, _), ())| of == key);
        let running = rows.filter(|((_, _, arn), ())| self.executions.get(arn).is_some_and(|execution| execution.status == Status::Running));
        running.map(|((_, _, arn), ())| arn.clone()).collect()
    }
}

pub fn execution_arn(key: &NamedKey, of: Type, name: &str, id: &str) -> Arc<str> {
    let resource = match of {
        Type::Standard => format!("execution:{}:{name}", key.name),
        Type::Express => format!("express:{}:{name}:{id}", key.name),
    };
    Arn::new("states", &key.scope(), &resource).as_str().into()
}

pub fn on_execution<O: cloudlet_shape::Operation>(arn: &str) -> Result<Permission, Fault> {
    arns::kind(arn)?;
    Ok(Permission::of::<O>(Arn::parse(arn).ok_or_else(|| faults::wrong_arn(arn))?))
}

handler!(States, StartExecution, |states, cx, input| Ok(on_machine::<StartExecution>(&input.state_machine_arn)?.into()), |states, cx, input| {
    let answer = states.start_execution(cx, input, None).await?;
    Ok(answer)
});

impl States {
    /// StartExecution. `parent` is the task that waits for the end.
    pub async fn start_execution(&self, cx: &Cx, input: StartExecutionInput, parent: Option<(Arc<str>, u64)>) -> Result<StartExecutionOutput, Fault> {
        if let Some(name) = &input.name {
            names::check(name)?;
        }
        let text = checked_input(input.input.as_ref())?;
        let (machine_arn, mocks) = self.mocked(&input.state_machine_arn)?;
        let found = self.store.read(|state| state.resolve(machine_arn, cx.ids().number()))?;
        if found.machine.deleting {
            return Err(faults::deleting(&input.state_machine_arn));
        }
        let name = input.name.clone().unwrap_or_else(|| cx.ids().uuid());
        let of = found.machine.r#type;
        let arn = execution_arn(&found.key, of, &name, &cx.ids().uuid());
        let execution = Execution {
            version: found.version,
            alias: found.alias,
            trace_header: input.trace_header.or_else(|| cx.origin.trace.as_deref().map(str::to_owned)),
            parent,
            ..Execution::new(found.key, name, found.id, of, text.clone(), cx.now)
        };
        let shown: Arc<str> = arn.clone();
        let new = NewExecution { arn: arn.clone(), execution, revision: found.revision, mocks };
        let other = self
            .begin(cx, new, |state| match state.executions.get(&arn) {
                Some(existing) if existing.status == Status::Running && existing.input == text => Ok(Some(existing.started)),
                Some(_) => Err(faults::EXECUTION_ALREADY_EXISTS.says(format!("Execution Already Exists: '{arn}'"))),
                None if state.progress.len() >= limits::OPEN_EXECUTIONS => {
                    Err(faults::EXECUTION_LIMIT_EXCEEDED.says("The maximum number of open executions has been reached"))
                }
                None => Ok(None),
            })
            .await?;
        Ok(StartExecutionOutput { execution_arn: shown.to_string(), start_date: other.unwrap_or(cx.now) })
    }
}

handler!(States, StopExecution, |states, cx, input| Ok(on_execution::<StopExecution>(&input.execution_arn)?.into()), |states, cx, input| {
    let execution = states.shown_execution(&input.execution_arn)?;
    let arn: Arc<str> = input.execution_arn.as_str().into();
    states.advance(cx, &arn, Event::Stopped { error: input.error, cause: input.cause }).await?;
    let stopped = states.store.read(|state| state.executions.get(&arn).and_then(|execution| execution.stopped));
    Ok(StopExecutionOutput { stop_date: stopped.or(execution.stopped).unwrap_or(cx.now) })
});

handler!(States, DescribeExecution, |states, cx, input| Ok(on_execution::<DescribeExecution>(&input.execution_arn)?.into()), |states, cx, input| {
    let execution = states.shown_execution(&input.execution_arn)?;
    let included = Some(CloudWatchEventsExecutionDataDetails { included: Some(true) });
    let with_data = input.included_data.as_deref() != Some("METADATA_ONLY");
    let deleting = states.store.read(|state| state.machines.get(&execution.machine).is_none_or(|machine| machine.deleting));
    let (redrive_status, redrive_reason) = redrive_status(&execution, cx.now, deleting);
    let label = states.store.read(|state| state.revisions.get(&execution.revision).and_then(|revision| revision.label.clone()));
    let machine_arn = execution.machine_arn();
    Ok(DescribeExecutionOutput {
        execution_arn: input.execution_arn,
        state_machine_arn: label.map_or(machine_arn.clone(), |label| format!("{machine_arn}/{label}")),
        name: Some(execution.name.clone()),
        status: execution.status_name().to_owned(),
        start_date: execution.started,
        stop_date: execution.stopped,
        input: with_data.then(|| execution.input.to_string()),
        input_details: with_data.then(|| included.clone()).flatten(),
        output: execution.output.as_ref().filter(|_| with_data).map(ToString::to_string),
        output_details: execution.output.as_ref().filter(|_| with_data).and(included),
        trace_header: execution.trace_header.clone(),
        map_run_arn: execution.map_run.as_ref().map(ToString::to_string),
        // AWS: none of an execution that timed out (recorded).
        error: execution.error.clone().filter(|_| with_data && execution.status != Status::TimedOut),
        cause: execution.cause.clone().filter(|_| with_data),
        state_machine_version_arn: execution.version.map(|version| execution.machine.version_arn(version).to_string()),
        state_machine_alias_arn: execution.alias.as_ref().map(|alias| execution.machine.alias_arn(alias).to_string()),
        redrive_count: Some(i32::try_from(execution.redrive_count).unwrap_or(i32::MAX)),
        redrive_date: execution.redriven,
        redrive_status: Some(redrive_status.to_owned()),
        redrive_status_reason: redrive_reason.map(str::to_owned),
    })
});

handler!(
    States,
    DescribeStateMachineForExecution,
    |states, cx, input| Ok(on_execution::<DescribeStateMachineForExecution>(&input.execution_arn)?.into()),
    |states, cx, input| {
        let execution = states.shown_execution(&input.execution_arn)?;
        let revision = states.store.read(|state| state.revisions.get(&execution.revision).cloned());
        let revision = revision.ok_or_else(|| faults::no_execution(&input.execution_arn))?;
        let first = states
            .store
            .read(|state| state.machines.get(&execution.machine).is_some_and(|machine| machine.initial && machine.revision == execution.revision));
        let definition = states.definition(&execution.revision, &revision)?;
        let name = revision.label.as_ref().map_or(execution.machine.name.to_string(), |label| format!("{}/{label}", execution.machine.name));
        Ok(DescribeStateMachineForExecutionOutput {
            state_machine_arn: revision.label.as_ref().map_or(execution.machine_arn(), |label| format!("{}/{label}", execution.machine_arn())),
            name,
            definition: revision.definition.to_string(),
            role_arn: revision.role_arn.clone(),
            update_date: revision.updated,
            logging_configuration: Some(configurations::logging(revision.logging.as_ref())),
            tracing_configuration: Some(TracingConfiguration { enabled: Some(revision.tracing) }),
            map_run_arn: execution.map_run.as_ref().map(ToString::to_string),
            label: revision.label.clone(),
            revision_id: (!first).then(|| execution.revision.to_string()),
            encryption_configuration: configurations::shown(revision.encryption.as_ref()),
            variable_references: references(&definition),
        })
    }
);

fn list_item(arn: &str, execution: &Execution) -> ExecutionListItem {
    ExecutionListItem {
        execution_arn: arn.to_owned(),
        state_machine_arn: execution.machine_arn(),
        name: execution.name.clone(),
        status: execution.status_name().to_owned(),
        start_date: execution.started,
        stop_date: execution.stopped,
        map_run_arn: execution.map_run.as_ref().map(ToString::to_string),
        item_count: execution.item_count,
        state_machine_version_arn: execution.version.map(|version| execution.machine.version_arn(version).to_string()),
        state_machine_alias_arn: execution.alias.as_ref().map(|alias| execution.machine.alias_arn(alias).to_string()),
        redrive_count: Some(i32::try_from(execution.redrive_count).unwrap_or(i32::MAX)),
        redrive_date: execution.redriven,
    }
}

handler!(
    States,
    ListExecutions,
    |states, cx, input| match (&input.state_machine_arn, &input.map_run_arn) {
        (Some(arn), None) => Ok(on_machine::<ListExecutions>(arn)?.into()),
        (None, Some(arn)) => Ok(Permission::of::<ListExecutions>(arns::map_run(arn)?).into()),
        _ => Err(faults::validation("MISSING_REQUIRED_PARAMETER", "Must provide a StateMachine ARN or MapRun ARN")),
    },
    |states, cx, input| {
        let list = Paging::of::<ListExecutions>(cx, &input);
        let length = page_length(input.max_results);
        let status = input.status_filter.as_deref();
        if status == Some("PENDING_REDRIVE") && input.map_run_arn.is_none() {
            return Err(faults::VALIDATION.says("PENDING_REDRIVE is only supported for executions of a Map Run"));
        }
        if input.redrive_filter.is_some() && input.map_run_arn.is_none() {
            return Err(faults::VALIDATION.says("The redriveFilter is only supported for executions of a Map Run"));
        }
        let wanted = |execution: &Execution| {
            let redriven = match input.redrive_filter.as_deref() {
                Some("REDRIVEN") => execution.redrive_count > 0,
                Some(_) => execution.redrive_count == 0,
                None => true,
            };
            redriven && status.is_none_or(|status| execution.status_name() == status)
        };
        let page = states.store.read(|state| match (&input.state_machine_arn, &input.map_run_arn) {
            (Some(text), _) => {
                let arn = arns::machine(text)?;
                let machine = state.machines.get(&arn.key).ok_or_else(|| faults::no_machine(text))?;
                if machine.r#type == Type::Express {
                    return Err(faults::wrong_type());
                }
                let exists = match &arn.qualifier {
                    Qualifier::None => true,
                    Qualifier::Version(version) => state.versions.contains(&(arn.key.clone(), *version)),
                    Qualifier::Alias(name) => state.aliases.contains(&(arn.key.clone(), name.clone())),
                    Qualifier::Label(_) => return Err(faults::labeled()),
                };
                if !exists {
                    return Err(faults::no_machine(text));
                }
                let of_qualifier = |execution: &Execution| match &arn.qualifier {
                    Qualifier::Version(version) => execution.version == Some(*version),
                    Qualifier::Alias(name) => execution.alias.as_ref() == Some(name),
                    _ => true,
                };
                let page = list.page(length, |after: Option<(i64, String)>| {
                    let from = match after {
                        None => (arn.key.clone(), Reverse(i64::MAX), Arc::from("")),
                        Some((start, execution)) => (arn.key.clone(), Reverse(start), Arc::from(execution + "\0")),
                    };
                    let key = arn.key.clone();
                    let rows = state.by_machine.range(from..).take_while(move |((of, _, _), ())| *of == key);
                    let rows = rows.filter_map(|((_, start, arn), ())| Some((start.0, arn, state.executions.get(arn)?)));
                    let rows = rows.filter(|(_, _, execution)| wanted(execution) && of_qualifier(execution));
                    rows.map(|(start, arn, execution)| ((start, arn.to_string()), list_item(arn, execution)))
                });
                page.map_err(|InvalidToken| faults::invalid_page())
            }
            (None, run) => {
                let run: Arc<str> = run.as_deref().unwrap_or_default().into();
                if !state.map_runs.contains(&run) {
                    return Err(faults::no_resource(&run));
                }
                let page = list.page(length, |after: Option<(i64, String)>| {
                    let from = match after {
                        None => (run.clone(), Reverse(i64::MAX), Arc::from("")),
                        Some((start, execution)) => (run.clone(), Reverse(start), Arc::from(execution + "\0")),
                    };
                    let key = run.clone();
                    let rows = state.by_map_run.range(from..).take_while(move |((of, _, _), ())| *of == key);
                    let rows = rows.filter_map(|((_, start, arn), ())| Some((start.0, arn, state.executions.get(arn)?)));
                    let rows = rows.filter(|(_, _, execution)| wanted(execution));
                    rows.map(|(start, arn, execution)| ((start, arn.to_string()), list_item(arn, execution)))
                });
                page.map_err(|InvalidToken| faults::invalid_page())
            }
        })?;
        Ok(ListExecutionsOutput { executions: page.items, next_token: page.next_token })
    }
);

handler!(States, RedriveExecution, |states, cx, input| Ok(on_execution::<RedriveExecution>(&input.execution_arn)?.into()), |states, cx, input| {
    arns::execution(&input.execution_arn)?;
    let execution = states.execution(&input.execution_arn)?;
    if let Some(token) = &input.client_token
        && let Some((_, at)) = execution.redrive_tokens.iter().find(|(known, at)| known == token && at.plus_secs(900) >= cx.now)
    {
        return Ok(RedriveExecutionOutput { redrive_date: *at });
    }
    let deleting = states.store.read(|state| state.machines.get(&execution.machine).is_none_or(|machine| machine.deleting));
    let (status, reason) = redrive_status(&execution, cx.now, deleting);
    if status != "REDRIVABLE" {
        return Err(faults::EXECUTION_NOT_REDRIVABLE.says(reason.unwrap_or("Execution cannot be redriven by itself")));
    }
    let token = input.client_token;
    let now = cx.clock().now();
    let arn: Arc<str> = input.execution_arn.as_str().into();
    states
        .redrive(cx, &arn, |execution| {
            execution.redrive_tokens.extend(token.map(|token| (token, now)));
            let surplus = execution.redrive_tokens.len().saturating_sub(10);
            execution.redrive_tokens.drain(..surplus);
        })
        .await?;
    Ok(RedriveExecutionOutput { redrive_date: now })
});

//! StartSyncExecution: an EXPRESS execution that runs while its client waits. It is in memory only.

use crate::{
    States,
    arns::on_machine,
    effects::{Effects, Ended},
    executions::{NewExecution, checked_input, execution_arn},
    faults, limits, names,
    state::{Execution, Status, Type},
    sync_output,
    tasks::{Outcome, Request},
};
use cloudlet_api_states::*;
use cloudlet_asl::{
    definition::Definition,
    machine::{Call, Effect, Event, Failure, Machine, Mocks},
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Boxed, Cx, handler};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// What a machine that runs in memory needs for its calls, and how long it may run.
pub struct Run<'r> {
    pub definition: &'r Definition,
    pub machine: &'r Arn,
    pub role: &'r str,
    pub session: &'r str,
    pub trace: Option<&'r str>,
    pub until: Timestamp,
}

impl States {
    fn call<'a>(&'a self, cx: &'a Cx, run: &'a Run<'a>, call: Call) -> Boxed<'a, Event> {
        Box::pin(async move {
            let request = Request {
                resource: &call.resource,
                input: &call.input,
                role_arn: call.role_arn.as_deref(),
                execution_role: run.role,
                machine: run.machine,
                session: run.session,
                trace: run.trace,
                task: None,
            };
            match self.request(cx, &request).await {
                Outcome::Answered(output) | Outcome::Submitted(output) | Outcome::Started(output, _) => Event::Answered { task: call.task, output },
                Outcome::Failed(failure) => Event::Failed { task: call.task, failure },
                // Nothing waits here for another execution.
                Outcome::Awaits(_) => Event::Heartbeat { task: call.task },
            }
        })
    }

    /// Runs a machine until it, or the test of one of its states, is over. Without an end: the time was up.
    pub async fn run_machine(
        &self,
        cx: &Cx,
        run: &Run<'_>,
        mut machine: Machine,
        effects: Vec<Effect>,
        mut mocks: Option<Mocks>,
    ) -> (Machine, Option<Ended>, Timestamp) {
        let mut calls: FuturesUnordered<Boxed<'_, Event>> = FuturesUnordered::new();
        let mut answers: VecDeque<Event> = VecDeque::new();
        let mut timers: BTreeMap<u64, i64> = BTreeMap::new();
        let mut effects: Effects = effects.into();
        loop {
            if effects.ended.is_some() || machine.test_outcome().is_some() {
                return (machine, effects.ended, cx.clock().now());
            }
            for call in effects.calls {
                match mocks.as_mut().and_then(|mocks| mocks.answer(&call)) {
                    Some(event) => answers.push_back(event),
                    None => calls.push(self.call(cx, run, call)),
                }
            }
            timers.extend(effects.timers);
            let wanted = machine.timers();
            timers.retain(|timer, _| wanted.contains(timer));
            let event = if effects.again {
                tokio::task::yield_now().await;
                Event::Continue
            } else if let Some(answer) = answers.pop_front() {
                answer
            } else {
                let next = timers.iter().min_by_key(|(_, due)| **due).map(|(timer, due)| (*timer, Timestamp::from_millis(*due)));
                let due = next.map_or(run.until, |(_, due)| due.min(run.until));
                tokio::select! {
                    Some(event) = calls.next(), if !calls.is_empty() => event,
                    () = cx.clock().sleep_until(due) => match next {
                        Some((timer, due)) if due <= run.until => {
                            timers.remove(&timer);
                            Event::Fired { timer }
                        }
                        _ => return (machine, None, run.until),
                    },
                }
            };
            effects = step(&mut machine, run.definition, event, cx.clock().now());
        }
    }

    /// Runs an execution to its end.
    async fn run_to_end(&self, cx: &Cx, new: &NewExecution) -> Result<(Ended, Timestamp), Fault> {
        let (machine, effects, definition) = self.started(cx, new)?;
        let execution = &new.execution;
        let run = Run {
            definition: &definition,
            machine: &execution.machine.machine_arn(),
            role: &new.revision.role_arn,
            session: &execution.name,
            trace: execution.trace_header.as_deref(),
            until: execution.started.plus_secs(limits::EXPRESS_SECONDS),
        };
        let (_, ended, stopped) = self.run_machine(cx, &run, machine, effects, new.mocks.clone()).await;
        Ok((ended.unwrap_or_else(timed_out), stopped))
    }
}

fn step(machine: &mut Machine, definition: &Definition, event: Event, now: Timestamp) -> Effects {
    machine.step(definition, event, now.millis()).into()
}

/// AWS: an EXPRESS execution runs for five minutes.
fn timed_out() -> Ended {
    let failure = Failure { error: Some("States.Timeout".to_owned()), ..Failure::default() };
    Ended { status: cloudlet_asl::machine::Status::TimedOut, output: None, failure: Some(failure) }
}

handler!(
    States,
    StartSyncExecution,
    |states, cx, input| Ok(on_machine::<StartSyncExecution>(&input.state_machine_arn)?.into()),
    |states, cx, input| {
        if let Some(name) = &input.name {
            names::check(name)?;
        }
        let text = checked_input(input.input.as_ref())?;
        let (machine_arn, mocks) = states.mocked(&input.state_machine_arn)?;
        let found = states.store.read(|state| state.resolve(machine_arn, cx.ids().number()))?;
        if found.machine.r#type != Type::Express {
            return Err(faults::wrong_type());
        }
        if found.machine.deleting {
            return Err(faults::deleting(&input.state_machine_arn));
        }
        let name = input.name.unwrap_or_else(|| cx.ids().uuid());
        let arn = execution_arn(&found.key, Type::Express, &name, &cx.ids().uuid());
        let trace_header = input.trace_header.or_else(|| cx.origin.trace.as_deref().map(str::to_owned));
        let execution = Execution {
            version: found.version,
            alias: found.alias,
            trace_header: trace_header.clone(),
            ..Execution::new(found.key, name.clone(), found.id, Type::Express, text.clone(), cx.clock().now())
        };
        let started = execution.started;
        let new = NewExecution { arn: arn.clone(), execution, revision: found.revision, mocks };
        let (ended, stopped) = states.run_to_end(cx, &new).await?;
        let mut execution = new.execution;
        crate::drive::end(&mut execution, &ended, stopped);
        let mut output = sync_output::of(&arn, &execution);
        output.state_machine_arn = Some(input.state_machine_arn);
        if input.included_data.as_deref() == Some("METADATA_ONLY") {
            (output.error, output.cause, output.input, output.input_details, output.output, output.output_details) =
                (None, None, None, None, None, None);
        }
        Ok(output)
    }
);

impl Execution {
    /// A running execution.
    pub fn new(machine: crate::state::NamedKey, name: String, revision: Arc<str>, of: Type, input: Arc<str>, started: Timestamp) -> Execution {
        Execution {
            machine,
            name,
            revision,
            r#type: of,
            status: Status::Running,
            input,
            started,
            version: None,
            alias: None,
            output: None,
            error: None,
            cause: None,
            stopped: None,
            trace_header: None,
            map_run: None,
            map_index: 0,
            item_count: None,
            parent: None,
            redrive_count: 0,
            redriven: None,
            redrive_tokens: vec![],
            events: 0,
            pending_redrive: false,
        }
    }
}

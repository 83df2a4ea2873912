//! Executions driven: an event is taken by the machine, and what it wants done is written down and scheduled.
//!
//! A step, its history and the calls that it wants are one record: after a crash, each is there or none.

use crate::{
    PRINCIPAL, States,
    effects::{Effects, Ended, event_json},
    faults, limits, map_run_rows, notices,
    scheduled::{ChildEnded, ChildInput, ExecutionInput, Forget, ForgetInput, MapRunInput, PerformTask, RunMapRun, StopChild, TaskInput, Wake},
    state::{Execution, Progress, State, Status, Task, TaskStatus, Type},
};
use cloudlet_api_logs::InputLogEvent;
use cloudlet_asl::{
    definition::Definition,
    machine::{Event, Failure, Machine, Mocks, Output},
    text::to_text,
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_store::Json;
use std::{collections::BTreeMap, sync::Arc};

/// An execution while its machine is in memory.
pub struct Turn {
    pub arn: Arc<str>,
    pub execution: Execution,
    pub machine: Machine,
    pub definition: Arc<Definition>,
    timers: BTreeMap<u64, i64>,
    map_runs: BTreeMap<u64, Arc<str>>,
    /// What is to be written to the machine's log.
    log: Vec<InputLogEvent>,
    mocks: Option<Mocks>,
}

pub fn key_of(arn: &str) -> Arn {
    Arn::parse(arn).unwrap_or_else(Arn::any)
}

impl States {
    /// An execution as it stands. `None`: it does not run, and cannot be redriven.
    pub fn load(&self, arn: &Arc<str>) -> Result<Option<Turn>, Fault> {
        let found = self.store.read(|state| {
            let execution = state.executions.get(arn)?;
            let revision = state.revisions.get(&execution.revision)?;
            Some((execution.clone(), revision.clone(), state.progress.get(arn)?.clone()))
        });
        let Some((execution, revision, progress)) = found else { return Ok(None) };
        let definition = self.definition(&execution.revision, &revision)?;
        let machine = progress.machine.read().map_err(Fault::internal)?;
        let (timers, map_runs) = (progress.timers.clone(), progress.map_runs.clone());
        let mocks = progress.mocks.clone();
        Ok(Some(Turn { arn: arn.clone(), execution: Execution::clone(&execution), machine, definition, timers, map_runs, log: Vec::new(), mocks }))
    }

    /// A new execution takes its first step.
    pub fn first_turn(arn: Arc<str>, execution: Execution, machine: Machine, definition: Arc<Definition>, mocks: Option<Mocks>) -> Turn {
        Turn { arn, execution, machine, definition, timers: BTreeMap::new(), map_runs: BTreeMap::new(), log: Vec::new(), mocks }
    }

    /// An execution takes an event. False: it does not run.
    pub async fn advance(&self, cx: &Cx, arn: &Arc<str>, event: Event) -> Result<bool, Fault> {
        let _turn = self.turn(arn).lock().await;
        let Some(mut turn) = self.load(arn)? else { return Ok(false) };
        if turn.execution.status != Status::Running {
            return Ok(false);
        }
        let now = cx.clock().now();
        let effects = turn.machine.step(&turn.definition.clone(), event, now.millis());
        self.go_on(cx, turn, effects.into(), now).await?;
        Ok(true)
    }

    /// Writes a step down, and takes the steps that follow from it.
    pub async fn go_on(&self, cx: &Cx, mut turn: Turn, effects: Effects, now: Timestamp) -> Result<(), Fault> {
        let mut effects = effects;
        loop {
            let (again, ended) = (effects.again, effects.ended.is_some());
            let events = self.record(cx, &mut turn, effects, now)?;
            if ended || (events.is_empty() && !again) {
                return Ok(());
            }
            let mut more = Vec::new();
            for event in events.into_iter().chain(again.then_some(Event::Continue)) {
                more.extend(turn.machine.step(&turn.definition, event, cx.clock().now().millis()));
            }
            effects = more.into();
            tokio::task::yield_now().await;
        }
    }

    /// One step becomes rows and scheduled calls. Gives events that the machine must take next.
    pub fn record(&self, cx: &Cx, turn: &mut Turn, effects: Effects, now: Timestamp) -> Result<Vec<Event>, Fault> {
        let Effects { history, calls, cancelled, timers, map_runs, cancelled_runs, again, ended } = effects;
        let standard = turn.execution.r#type == Type::Standard;
        let had_timers = !turn.timers.is_empty();
        turn.timers.extend(timers);
        let wanted = turn.machine.timers();
        turn.timers.retain(|timer, _| wanted.contains(timer));
        turn.execution.events += u64::try_from(history.len()).unwrap_or(0);
        let (revision, redrives) = (turn.execution.revision.clone(), turn.execution.redrive_count);
        turn.log.extend(self.log_entries(&revision, &turn.arn, redrives, || history.iter().map(event_json).collect()));
        let first = history.first().map_or(0, |event| event.id);
        // EXPRESS executions have no history but their log.
        let events = if standard && !history.is_empty() {
            Some(Json::of(&history.iter().map(event_json).collect::<Vec<_>>()).map_err(Fault::internal)?)
        } else {
            None
        };
        // What a mock answers is no call.
        let (mut next, mut made) = (Vec::new(), Vec::new());
        for call in calls {
            match turn.mocks.as_mut().and_then(|mocks| mocks.answer(&call)) {
                Some(event) => next.push(event),
                None => made.push(call),
            }
        }
        let calls = made;
        let mut started_runs = Vec::new();
        for request in map_runs {
            let (arn, row) = self.new_map_run(cx, turn, &request, now)?;
            next.push(Event::MapRunStarted { run: request.run, arn: arn.to_string() });
            turn.map_runs.insert(request.run, arn.clone());
            started_runs.push((arn, row));
        }
        let stopped_runs: Vec<Arc<str>> = cancelled_runs.iter().filter_map(|run| turn.map_runs.get(run).cloned()).collect();
        if let Some(ended) = &ended {
            end(&mut turn.execution, ended, now);
        }
        let over = ended.is_some();
        // An EXPRESS execution between two steps need not outlive a crash: it is started again.
        let redrivable = standard && turn.execution.status != Status::Succeeded;
        let is_kept = if over { redrivable } else { standard || !again };
        let machine = if is_kept { Some(Json::of(&turn.machine).map_err(Fault::internal)?) } else { None };
        let arn = turn.arn.clone();
        let (children, queued) = self.store.update(|state| {
            if let Some(events) = events {
                state.history.insert((arn.clone(), first), events);
            }
            let mut children: Vec<Arc<str>> = Vec::new();
            let gone: Vec<u64> = if over { tasks_of(state, &arn) } else { cancelled };
            children.extend(gone.iter().filter_map(|task| state.remove_task(&(arn.clone(), *task))?.child.clone()));
            let mut queued = false;
            for call in &calls {
                let activity = call.resource.contains(":activity:").then(|| call.resource.clone());
                queued |= activity.is_some();
                let task = Task {
                    resource: call.resource.clone(),
                    state: call.state.clone(),
                    input: to_text(&call.input).into(),
                    scheduled: now,
                    status: TaskStatus::New,
                    activity,
                    token: call.token.clone(),
                    role_arn: call.role_arn.clone(),
                    child: None,
                };
                state.put_task((arn.clone(), call.task), task);
            }
            for (arn, row) in started_runs.clone() {
                state.put_map_run(&arn, row);
            }
            for run in &stopped_runs {
                map_run_rows::stop(state, run, now);
                children.extend(map_run_rows::running_children(state, run));
            }
            if over && !redrivable {
                state.progress.remove(&arn);
            } else if let Some(machine) = machine {
                let progress = Progress { machine, timers: turn.timers.clone(), map_runs: turn.map_runs.clone(), mocks: turn.mocks.clone() };
                state.progress.insert(arn.clone(), Arc::new(progress));
            }
            if over && !standard && turn.execution.map_run.is_none() && turn.execution.parent.is_none() {
                // AWS: an EXPRESS execution is seen in logs only.
                state.put_execution(&arn, turn.execution.clone());
                state.remove_execution(&arn);
            } else {
                state.put_execution(&arn, turn.execution.clone());
            }
            if over {
                map_run_rows::child_ended(state, &turn.execution, &arn);
            }
            (children, queued)
        });
        for call in &calls {
            if call.resource.contains(":activity:") {
                let exists = crate::arns::activity(&call.resource).is_ok_and(|key| self.store.read(|state| state.activities.contains(&key)));
                let cause = || format!("The activity {} does not exist.", call.resource);
                next.push(if exists {
                    Event::Queued { task: call.task }
                } else {
                    Event::NotStarted { task: call.task, failure: Failure::new("States.Runtime", cause()) }
                });
            } else {
                let input = TaskInput { execution_arn: arn.to_string(), task: i64::try_from(call.task).unwrap_or(0) };
                self.schedule::<PerformTask>(cx, format!("task/{arn}/{}", call.task), now, &arn, input)?;
            }
        }
        for (run, _) in &started_runs {
            self.schedule_map_run(cx, run)?;
        }
        for child in children {
            self.schedule::<StopChild>(cx, format!("stop/{child}"), now, &child, ExecutionInput { execution_arn: child.to_string() })?;
        }
        match turn.timers.values().min() {
            Some(due) if !over => {
                let input = ExecutionInput { execution_arn: arn.to_string() };
                self.schedule::<Wake>(cx, format!("wake/{arn}"), Timestamp::from_millis(*due), &arn, input)?;
            }
            _ if had_timers => {
                cx.cancel::<Wake>(format!("wake/{arn}"));
            }
            _ => {}
        }
        if (over || (next.is_empty() && !again)) && !turn.log.is_empty() {
            self.write_logs(cx, &turn.execution.revision, &turn.arn, std::mem::take(&mut turn.log));
        }
        if over {
            self.tell_end(cx, turn, now)?;
        }
        if queued {
            self.store.read(|state| state.arrived.clone()).notify_waiters();
        }
        Ok(next)
    }

    fn tell_end(&self, cx: &Cx, turn: &Turn, now: Timestamp) -> Result<(), Fault> {
        let execution = &turn.execution;
        if let Some((parent, task)) = &execution.parent {
            let input = ChildInput { execution_arn: parent.to_string(), task: i64::try_from(*task).unwrap_or(0), child_arn: turn.arn.to_string() };
            self.schedule::<ChildEnded>(cx, format!("child/{parent}/{task}"), now, parent, input)?;
        }
        if let Some(run) = &execution.map_run {
            self.schedule_map_run(cx, run)?;
        }
        notices::emit(cx, &turn.arn, execution);
        // The first that is over is already waited for.
        let is_first = self.store.read(|state| state.by_end.first().is_some_and(|((_, first), ())| *first == turn.arn));
        if execution.r#type == Type::Standard && is_first {
            self.schedule_forget(cx)?;
        }
        Ok(())
    }

    /// Has what is over for ninety days removed.
    pub fn schedule_forget(&self, cx: &Cx) -> Result<(), Fault> {
        let first = self.store.read(|state| state.by_end.first().map(|((end, arn), ())| (*end, arn.clone())));
        let Some((end, arn)) = first else { return Ok(()) };
        let due = Timestamp::from_millis(end).plus_secs(limits::RETENTION_DAYS * 86_400);
        self.schedule::<Forget>(cx, "forget".to_owned(), due, &arn, ForgetInput {})
    }

    /// Whether a Map Run is worked on; whoever does that looks once more.
    pub fn is_worked_on(&self, run: &Arc<str>) -> bool {
        let mut work = self.map_work.lock();
        let again = work.get_mut(run);
        again.map(|again| *again = true).is_some()
    }

    pub fn schedule_map_run(&self, cx: &Cx, run: &Arc<str>) -> Result<(), Fault> {
        // A million children that end do not ask a million times.
        if self.is_worked_on(run) {
            return Ok(());
        }
        let input = MapRunInput { map_run_arn: run.to_string() };
        self.schedule::<RunMapRun>(cx, format!("map/{run}"), cx.clock().now(), run, input)
    }

    /// Schedules an own operation for a resource, in the account and region of the resource.
    pub fn schedule<O: cloudlet_shape::Operation>(&self, cx: &Cx, key: String, due: Timestamp, source: &str, input: O::Input) -> Result<(), Fault> {
        let source = key_of(source);
        let scope = source.scope().unwrap_or_else(|| cx.scope.clone());
        cx.schedule_keyed::<O>(key, due, PRINCIPAL, source, scope, input)
    }

    /// All timers of an execution that are due.
    pub async fn wake(&self, cx: &Cx, arn: &Arc<str>) -> Result<(), Fault> {
        let _turn = self.turn(arn).lock().await;
        let Some(mut turn) = self.load(arn)? else { return Ok(()) };
        if turn.execution.status != Status::Running {
            return Ok(());
        }
        let now = cx.clock().now();
        let mut due: Vec<(i64, u64)> = turn.timers.iter().filter(|(_, due)| **due <= now.millis()).map(|(timer, due)| (*due, *timer)).collect();
        due.sort_unstable();
        let mut effects = Vec::new();
        for (_, timer) in due {
            turn.timers.remove(&timer);
            effects.extend(turn.machine.step(&turn.definition, Event::Fired { timer }, now.millis()));
        }
        self.go_on(cx, turn, effects.into(), now).await
    }

    /// Runs an execution that failed again from where it ended.
    pub async fn redrive(&self, cx: &Cx, arn: &Arc<str>, change: impl FnOnce(&mut Execution)) -> Result<(), Fault> {
        let _turn = self.turn(arn).lock().await;
        let mut turn = self.load(arn)?.ok_or_else(|| faults::no_execution(arn))?;
        let now = cx.clock().now();
        let effects = turn.machine.redrive(&turn.definition.clone(), now.millis());
        let execution = &mut turn.execution;
        execution.status = Status::Running;
        (execution.stopped, execution.error, execution.cause, execution.pending_redrive) = (None, None, None, false);
        execution.redrive_count += 1;
        execution.redriven = Some(now);
        change(execution);
        notices::emit(cx, arn, execution);
        self.go_on(cx, turn, effects.into(), now).await
    }
}

fn tasks_of(state: &State, arn: &Arc<str>) -> Vec<u64> {
    state.tasks.range((arn.clone(), 0)..=(arn.clone(), u64::MAX)).map(|((_, task), _)| *task).collect()
}

pub fn end(execution: &mut Execution, ended: &Ended, now: Timestamp) {
    execution.status = ended.status;
    execution.stopped = Some(now);
    execution.output = ended.output.clone().map(Output::into_text);
    execution.error = ended.failure.as_ref().and_then(|failure| failure.error.clone());
    execution.cause = ended.failure.as_ref().and_then(|failure| failure.cause.clone());
}

//! Executions driven: an event is taken by the machine, and what it wants is written down and scheduled.
//!
//! A step of the machine, its records, its timers and the tasks that it wants performed are one record: after a crash, each is there or none.

use super::{
    events,
    parameters::typed,
    scheduled::{AutomationInput, NoticeInput, NotifyApprovers, PokeAutomation, StopTask, TaskInput, WakeAutomation},
    state::{Execution, Progress, StepRow},
};
use crate::{Ssm, limits};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_runbook::{
    Runbook,
    machine::{About, Effect, Event, Failure, Machine, Notice, SignalProblem, Status, StepRecord, Task},
    types::texts,
};
use std::{collections::BTreeMap, sync::Arc};

/// An execution while its machine is in memory.
struct Turn {
    id: Arc<str>,
    execution: Execution,
    machine: Machine,
    timers: BTreeMap<u64, i64>,
    runbook: Arc<Runbook>,
}

/// The effects of steps of the machine, sorted.
#[derive(Default)]
struct Effects {
    task: Option<Task>,
    abandoned: Vec<Task>,
    timers: Vec<(u64, i64)>,
    records: Vec<StepRecord>,
    notices: Vec<Notice>,
    status: Option<Status>,
    ended: Option<(Status, Option<Failure>)>,
}

impl Effects {
    fn add(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Perform(task) => self.task = Some(*task),
                Effect::Abandon(task) => self.abandoned.push(*task),
                Effect::Timer { timer, due } => self.timers.push((timer, due)),
                Effect::Step(record) => self.records.push(*record),
                Effect::Notify(notice) => self.notices.push(*notice),
                Effect::Status(status) => self.status = Some(status),
                Effect::Ended { status, failure } => self.ended = Some((status, failure.map(|failure| *failure))),
            }
        }
    }
}

/// Which of the tasks that a step of the machine asks for are scheduled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Scheduled,
    /// Whoever took the step performs it.
    Here,
}

impl Ssm {
    fn load(&self, id: &Arc<str>) -> Result<Option<Turn>, Fault> {
        let found = self.automations.store.read(|state| Some((state.executions.get(id)?.clone(), state.progress.get(id)?.clone())));
        let Some((execution, progress)) = found else { return Ok(None) };
        let runbook = self.runbook_of(&execution.definition)?;
        let Progress { machine, timers, .. } = Progress::clone(&progress);
        Ok(Some(Turn { id: id.clone(), execution: Execution::clone(&execution), machine, timers, runbook }))
    }

    /// An execution takes its first step, if there is a place for it.
    pub async fn begin(&self, cx: &Cx, id: &Arc<str>) -> Result<(), Fault> {
        let _turn = self.automations.turn(id).lock().await;
        let found = self.automations.store.read(|state| {
            let execution = state.executions.get(id).filter(|execution| execution.status == "Pending")?;
            let has_place = execution.parent.is_some() || state.active(&execution.scope) < limits::RUNNING_AUTOMATIONS;
            has_place.then(|| execution.clone())
        });
        let Some(execution) = found else { return Ok(()) };
        let runbook = self.runbook_of(&execution.definition)?;
        let values = typed(&runbook, &execution.parameters)?;
        let about = About {
            id: id.to_string(),
            account: execution.scope.account.to_string(),
            region: execution.scope.region.to_string(),
            partition: execution.scope.partition().to_owned(),
            resource: execution.target.clone(),
        };
        let now = cx.clock().now();
        let interactive = execution.request.mode.as_deref() == Some("Interactive");
        let (machine, first) = Machine::start(&runbook, about, interactive, values, now.millis());
        let mut effects = Effects::default();
        effects.add(first);
        let turn = Turn { id: id.clone(), execution: Execution::clone(&execution), machine, timers: BTreeMap::new(), runbook };
        self.record(cx, turn, effects, now, Next::Scheduled)?;
        // Several places may have become free at once.
        self.fill_place(cx, &execution.scope)
    }

    /// An execution takes an event. A signal that does not fit is a problem.
    pub async fn advance(&self, cx: &Cx, id: &Arc<str>, event: Event) -> Result<Result<(), SignalProblem>, Fault> {
        self.take(cx, id, event, Next::Scheduled).await.map(|taken| taken.map(|_| ()))
    }

    /// Whether there is a task to perform.
    async fn take(&self, cx: &Cx, id: &Arc<str>, event: Event, next: Next) -> Result<Result<bool, SignalProblem>, Fault> {
        let _turn = self.automations.turn(id).lock().await;
        let Some(mut turn) = self.load(id)? else { return Ok(Err(SignalProblem::Over)) };
        let now = cx.clock().now();
        let mut effects = Effects::default();
        match turn.machine.step(&turn.runbook, event, now.millis()) {
            Ok(all) => effects.add(all),
            Err(problem) => return Ok(Err(problem)),
        }
        self.record(cx, turn, effects, now, next).map(Ok)
    }

    /// All timers of an execution that are due. Whether there is a task to perform.
    pub async fn wake(&self, cx: &Cx, id: &Arc<str>) -> Result<bool, Fault> {
        let _turn = self.automations.turn(id).lock().await;
        let Some(mut turn) = self.load(id)? else { return Ok(false) };
        let now = cx.clock().now();
        let mut due: Vec<(i64, u64)> = turn.timers.iter().filter(|(_, due)| **due <= now.millis()).map(|(timer, due)| (*due, *timer)).collect();
        due.sort_unstable();
        let mut effects = Effects::default();
        for (_, timer) in due {
            turn.timers.remove(&timer);
            if let Ok(all) = turn.machine.step(&turn.runbook, Event::Fired { timer }, now.millis()) {
                effects.add(all);
            }
        }
        self.record(cx, turn, effects, now, Next::Here)
    }

    /// What a step waits for has happened.
    pub async fn poke(&self, cx: &Cx, id: &Arc<str>) -> Result<(), Fault> {
        let number = self.automations.store.read(|state| state.progress.get(id).and_then(|progress| progress.machine.waiting_task()));
        if let Some(task) = number
            && self.take(cx, id, Event::Poked { task }, Next::Here).await? == Ok(true)
        {
            self.run_automation(cx, id).await?;
        }
        Ok(())
    }

    /// Performs the tasks of an execution, one after the other, until it waits or is over.
    pub async fn run_automation(&self, cx: &Cx, id: &Arc<str>) -> Result<(), Fault> {
        {
            let mut working = self.automations.working.lock();
            if let Some(again) = working.get_mut(id) {
                *again = true;
                return Ok(());
            }
            working.insert(id.clone(), false);
        }
        loop {
            let outcome = self.run_automation_on(cx, id).await;
            let again = {
                let mut working = self.automations.working.lock();
                let again = working.get(id).copied().unwrap_or(false) && outcome.is_ok();
                if again {
                    working.insert(id.clone(), false);
                } else {
                    working.remove(id);
                }
                again
            };
            if !again {
                return outcome;
            }
        }
    }

    async fn run_automation_on(&self, cx: &Cx, id: &Arc<str>) -> Result<(), Fault> {
        if self.automations.store.read(|state| state.executions.get(id).is_some_and(|execution| execution.status == "Pending")) {
            return self.begin(cx, id).await;
        }
        loop {
            let found = self.automations.store.read(|state| {
                let task = state.progress.get(id)?.machine.task()?;
                Some((task, state.executions.get(id)?.clone()))
            });
            let Some((task, execution)) = found else { return Ok(()) };
            let event = self.perform(cx, id, &execution, &task).await;
            if self.take(cx, id, event, Next::Here).await? != Ok(true) {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Writes down what the machine did. Whether there is a task to perform here.
    fn record(&self, cx: &Cx, mut turn: Turn, effects: Effects, now: Timestamp, next: Next) -> Result<bool, Fault> {
        let Effects { task, abandoned, timers, records, notices, status, ended } = effects;
        let (id, scope) = (turn.id.clone(), turn.execution.scope.clone());
        let had_timers = !turn.timers.is_empty();
        turn.timers.extend(timers);
        let wanted = turn.machine.timers();
        turn.timers.retain(|timer, _| wanted.contains(timer));
        let execution = &mut turn.execution;
        let status_before = execution.status.clone();
        execution.status = turn.machine.status().name().to_owned();
        execution.current_step = turn.machine.current_step().map(str::to_owned);
        execution.current_action =
            execution.current_step.as_deref().and_then(|step| turn.runbook.step(step)).map(|step| step.action.name().to_owned());
        execution.variables = turn.machine.variables().iter().map(|(name, value)| (name.clone(), texts(value))).collect();
        let over = ended.is_some();
        if let Some((_, failure)) = &ended {
            execution.ended = Some(now);
            execution.failure = failure.as_ref().map(|failure| failure.message.clone());
        }
        if over || !records.is_empty() {
            execution.outputs = turn.machine.document_outputs(&turn.runbook).into_iter().collect();
        }
        let mut rows: BTreeMap<u64, Arc<StepRow>> = BTreeMap::new();
        for record in records {
            let known = rows.get(&record.number).map(|row| row.id.clone());
            let known =
                known.or_else(|| self.automations.store.read(|state| state.steps.get(&(id.clone(), record.number)).map(|row| row.id.clone())));
            rows.insert(record.number, Arc::new(StepRow { account: scope.account, id: known.unwrap_or_else(|| cx.ids().uuid()), record }));
        }
        let performs = task.is_some() && !over;
        self.automations.store.update(|state| {
            for (number, row) in &rows {
                state.steps.insert((id.clone(), *number), row.clone());
            }
            if over {
                state.progress.remove(&id);
            } else {
                state
                    .progress
                    .insert(id.clone(), Arc::new(Progress { account: scope.account, machine: turn.machine.clone(), timers: turn.timers.clone() }));
            }
            state.put(&id, turn.execution.clone());
        });
        for row in rows.values() {
            events::step(cx, &id, &turn.execution, row);
        }
        if status.is_some() && !over && turn.execution.status != status_before {
            events::execution(cx, &id, &turn.execution);
        }
        if performs && next == Next::Scheduled {
            self.schedule_run(cx, &scope, &id)?;
        }
        match turn.timers.values().min() {
            Some(due) if !over => {
                let input = AutomationInput { execution_id: id.to_string() };
                self.schedule_own::<WakeAutomation>(cx, format!("automation/wake/{id}"), Timestamp::from_millis(*due), &scope, &id, input)?;
            }
            _ if had_timers => {
                cx.cancel::<WakeAutomation>(format!("automation/wake/{id}"));
            }
            _ => {}
        }
        for task in abandoned {
            let number = i64::try_from(task.number).unwrap_or(0);
            let memo = task.memo.as_ref().map(ToString::to_string);
            let input = TaskInput { execution_id: id.to_string(), number, action: task.action.name().to_owned(), memo };
            self.schedule_own::<StopTask>(cx, format!("automation/stop/{id}/{number}"), now, &scope, &id, input)?;
        }
        for notice in notices {
            let Notice { topic, step, message, approvers } = notice;
            let key = format!("automation/notify/{id}/{step}");
            let input = NoticeInput { execution_id: id.to_string(), topic, step, message, approvers };
            self.schedule_own::<NotifyApprovers>(cx, key, now, &scope, &id, input)?;
        }
        if over {
            self.tell_end(cx, &id, &turn.execution)?;
        } else if turn.execution.status == "Waiting" {
            self.fill_place(cx, &scope)?;
        }
        Ok(performs && next == Next::Here)
    }

    /// An execution is over: its parent, those that wait for its place, and whoever observes are told.
    pub fn tell_end(&self, cx: &Cx, id: &Arc<str>, execution: &Execution) -> Result<(), Fault> {
        self.automations.sessions.forget(id);
        events::execution(cx, id, execution);
        if let Some(parent) = &execution.parent {
            let of_parent = self.automations.store.read(|state| state.executions.get(parent).map(|parent| parent.scope.clone()));
            let scope = of_parent.unwrap_or_else(|| execution.scope.clone());
            if execution.waited_for {
                let input = AutomationInput { execution_id: parent.to_string() };
                self.schedule_own::<PokeAutomation>(cx, format!("automation/poke/{parent}/{id}"), cx.clock().now(), &scope, parent, input)?;
            } else {
                self.schedule_targets(cx, &scope, parent)?;
            }
        }
        self.fill_place(cx, &execution.scope)?;
        let is_first = self.automations.store.read(|state| state.by_end.first().is_some_and(|((_, first), ())| first == id));
        if is_first { self.schedule_forget(cx) } else { Ok(()) }
    }

    fn fill_place(&self, cx: &Cx, scope: &cloudlet_aws::Scope) -> Result<(), Fault> {
        let next = self.automations.store.read(|state| {
            let has_place = state.active(scope) < limits::RUNNING_AUTOMATIONS;
            has_place.then(|| state.pending(scope).next().cloned()).flatten()
        });
        next.map_or(Ok(()), |next| self.schedule_run(cx, scope, &next))
    }

    pub fn emit_status(&self, cx: &Cx, id: &Arc<str>) {
        if let Some(execution) = self.automations.store.read(|state| state.executions.get(id).cloned()) {
            events::execution(cx, id, &execution);
        }
    }
}

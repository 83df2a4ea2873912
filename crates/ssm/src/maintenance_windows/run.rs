//! How a window runs its tasks: by priority, those of one priority beside each other, until the cutoff.

use super::{
    events,
    invoke::{self, Outcome},
    schedule::reschedule,
    scheduled::{AdvanceWindow, StartWindow, WindowInput},
    state::{Execution, Invocation, Progress, State, Status, TaskRun, WindowKey},
};
use crate::{PRINCIPAL, Ssm};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;
use futures_util::future::join_all;
use std::sync::Arc;

const HOUR: i64 = 3_600;
/// What runs is looked at again after a second, then after twice as long, up to this.
const LONGEST_WAIT: i64 = 15;

fn advance_name(cx: &Cx, id: &str) -> String {
    format!("AdvanceWindow/{}/{}/{id}", cx.scope.account, cx.scope.region)
}

/// Schedules the next step of an execution, in place of what was scheduled for it before.
pub fn advance_at(cx: &Cx, key: &WindowKey, id: &str, at: Timestamp) -> Result<(), Fault> {
    let input = WindowInput { id: id.to_owned() };
    cx.schedule_keyed::<AdvanceWindow>(advance_name(cx, id), at, PRINCIPAL, key.arn(), cx.scope.clone(), input)
}

impl Handle<StartWindow> for Ssm {
    fn permissions(&self, _: &Cx, _: &WindowInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: WindowInput) -> Result<Empty, Fault> {
        let key = WindowKey::new(&cx.scope, &input.id);
        let id = cx.ids().uuid();
        let task_ids: Vec<String> = std::iter::repeat_with(|| cx.ids().uuid()).take(crate::limits::WINDOW_TASKS).collect();
        let begun = self.windows.write(|state| {
            let Some(window) = state.windows.get(&key).filter(|window| window.enabled).cloned() else { return Ok(None) };
            let overlaps = state.executions_of(&key).any(|(_, execution)| !execution.progress.is_over());
            let mut tasks: Vec<TaskRun> = state
                .tasks_of(&key)
                .zip(task_ids)
                .map(|((_, task), id)| TaskRun {
                    id,
                    task: task.shape.clone(),
                    caller: task.caller.clone(),
                    progress: Progress::pending(),
                    invocations: vec![],
                })
                .collect();
            tasks.sort_by_key(|run| run.task.priority);
            let mut execution = Execution {
                window: key.id.clone(),
                progress: Progress::pending(),
                cutoff: cx.now.plus_secs(i64::from(window.duration - window.cutoff) * HOUR),
                tasks,
                looks: 0,
            };
            execution.progress.begin(cx.now);
            if overlaps {
                execution.tasks.clear();
                // AWS: unverified details.
                execution.progress.end(
                    Status::SkippedOverlapping,
                    Some("An execution of the maintenance window is still running.".to_owned()),
                    cx.now,
                );
            } else if execution.tasks.is_empty() {
                execution.progress.end(Status::Success, Some("No tasks to execute.".to_owned()), cx.now);
            } else {
                advance_at(cx, &key, &id, cx.now)?;
            }
            let progress = execution.progress.clone();
            state.put_execution(&cx.scope, &id, execution);
            reschedule(cx, state, &key)?;
            Ok::<_, Fault>(Some(progress))
        })?;
        if let Some(progress) = begun {
            events::execution(cx, &key, &id, &progress);
        }
        Ok(Empty {})
    }
}

/// Something to do for an invocation, by the places of its task and of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// The invocations of a task are to be made.
    Prepare {
        task: usize,
    },
    Start {
        task: usize,
        at: usize,
    },
    Look {
        task: usize,
        at: usize,
    },
    /// The cutoff has come, and the task wants to be stopped then.
    Stop {
        task: usize,
        at: usize,
    },
}

/// `3`, `50%` of a number, at least `least`.
fn share(text: Option<&str>, of: usize, least: usize) -> usize {
    let text = text.unwrap_or("1");
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<usize>().unwrap_or(100).saturating_mul(of) / 100,
        None => text.parse().unwrap_or(least),
    };
    number.max(least)
}

impl TaskRun {
    pub fn kind(&self) -> &str {
        self.task.task_type.as_deref().unwrap_or_default()
    }

    fn failures(&self) -> usize {
        self.invocations.iter().filter(|invocation| matches!(invocation.progress.status, Status::Failed | Status::TimedOut)).count()
    }

    /// Ends what has not begun.
    fn give_up(&mut self, status: Status, details: &str, now: Timestamp) {
        for invocation in self.invocations.iter_mut().filter(|invocation| invocation.progress.status == Status::Pending) {
            invocation.progress.end(status, Some(details.to_owned()), now);
        }
        if self.progress.status == Status::Pending {
            self.progress.end(status, Some(details.to_owned()), now);
        }
    }

    /// Ends a task whose invocations have all ended.
    fn settle(&mut self, now: Timestamp) {
        let is_done =
            self.progress.status == Status::InProgress && !self.invocations.is_empty() && self.invocations.iter().all(|one| one.progress.is_over());
        if !is_done {
            return;
        }
        let of = |status: Status| self.invocations.iter().find(|one| one.progress.status == status);
        let (status, details) = match (of(Status::Cancelled), of(Status::TimedOut), of(Status::Failed)) {
            (_, _, Some(failed)) => (Status::Failed, failed.progress.details.clone()),
            (_, Some(late), None) => (Status::TimedOut, late.progress.details.clone()),
            (Some(_), None, None) => (Status::Cancelled, None),
            (None, None, None) => (Status::Success, None),
        };
        self.progress.end(status, details, now);
    }
}

const CUTOFF: &str = "The cutoff of the maintenance window was reached.";

impl Execution {
    /// Brings the rows up to date, and says what is to be done. Without work, nothing can be done until something that runs has ended.
    /// `fresh`: nobody else works on it, so that what was begun and has no id was lost in a crash and is begun again.
    fn next(&mut self, now: Timestamp, fresh: bool) -> Vec<Work> {
        if self.progress.is_over() {
            return vec![];
        }
        let cancelling = self.progress.status == Status::Cancelling;
        let late = now >= self.cutoff;
        for run in &mut self.tasks {
            if cancelling {
                run.give_up(Status::Cancelled, "The execution was cancelled.", now);
            } else if late {
                run.give_up(Status::TimedOut, CUTOFF, now);
            }
            let most = share(run.task.max_errors.as_deref(), run.invocations.len(), 0);
            if run.failures() > most {
                run.give_up(Status::Cancelled, "The number of errors exceeded MaxErrors.", now);
            }
            run.settle(now);
        }
        let open = self.tasks.iter().filter(|run| !run.progress.is_over()).map(|run| run.task.priority).min();
        let Some(priority) = open else {
            self.end(now);
            return vec![];
        };
        let mut work = vec![];
        for (task, run) in self.tasks.iter_mut().enumerate().filter(|(_, run)| !run.progress.is_over() && run.task.priority == priority) {
            if run.progress.status == Status::Pending {
                run.progress.begin(now);
            }
            if run.invocations.is_empty() {
                work.push(Work::Prepare { task });
                continue;
            }
            let stops = late && run.task.cutoff_behavior.as_deref() == Some("CANCEL_TASK") && run.kind() == "RUN_COMMAND";
            let mut running = 0;
            for (at, invocation) in
                run.invocations.iter().enumerate().filter(|(_, one)| matches!(one.progress.status, Status::InProgress | Status::Cancelling))
            {
                running += 1;
                match (&invocation.execution, invocation.progress.status) {
                    (Some(_), Status::InProgress) if stops => work.push(Work::Stop { task, at }),
                    (Some(_), _) => work.push(Work::Look { task, at }),
                    (None, _) if fresh => work.push(Work::Start { task, at }),
                    (None, _) => {}
                }
            }
            // AWS: the invocations of a command follow each other.
            let most = if run.kind() == "RUN_COMMAND" { 1 } else { share(run.task.max_concurrency.as_deref(), run.invocations.len(), 1) };
            for (at, invocation) in run.invocations.iter_mut().enumerate().filter(|(_, one)| one.progress.status == Status::Pending) {
                if running >= most {
                    break;
                }
                invocation.progress.begin(now);
                work.push(Work::Start { task, at });
                running += 1;
            }
        }
        work
    }

    fn end(&mut self, now: Timestamp) {
        let of = |status: Status| self.tasks.iter().find(|run| run.progress.status == status);
        let (status, details) = if self.progress.status == Status::Cancelling {
            (Status::Cancelled, None)
        } else if let Some(late) = of(Status::TimedOut) {
            (Status::TimedOut, late.progress.details.clone())
        } else if let Some(failed) = of(Status::Failed).or_else(|| of(Status::Cancelled)) {
            (Status::Failed, failed.progress.details.clone().or_else(|| Some("One or more tasks in the orchestration failed.".to_owned())))
        } else {
            (Status::Success, None)
        };
        self.progress.end(status, details, now);
    }

    fn invocation_mut(&mut self, task: usize, at: usize) -> Option<&mut Invocation> {
        self.tasks.get_mut(task)?.invocations.get_mut(at)
    }

    fn take(&mut self, work: Work, outcome: Outcome, now: Timestamp) {
        match (work, outcome) {
            (Work::Prepare { task }, Outcome::Prepared(invocations)) => {
                let Some(run) = self.tasks.get_mut(task) else { return };
                if invocations.is_empty() {
                    // AWS: unverified details.
                    run.progress.end(Status::Success, Some("No invocations to execute.".to_owned()), now);
                }
                run.invocations = invocations;
            }
            (Work::Prepare { task }, Outcome::Ended(status, details)) => {
                if let Some(run) = self.tasks.get_mut(task) {
                    run.progress.end(status, details, now);
                }
            }
            (Work::Start { task, at } | Work::Look { task, at } | Work::Stop { task, at }, outcome) => {
                let Some(invocation) = self.invocation_mut(task, at) else { return };
                match outcome {
                    Outcome::Started { execution, parameters } => (invocation.execution, invocation.parameters) = (Some(execution), Some(parameters)),
                    Outcome::Ended(status, details) => invocation.progress.end(status, details, now),
                    Outcome::Stopping => invocation.progress.status = Status::Cancelling,
                    Outcome::Runs | Outcome::Prepared(_) => {}
                }
            }
            (Work::Prepare { .. }, _) => {}
        }
    }
}

/// What observers are told: what is different now.
fn tell(cx: &Cx, key: &WindowKey, id: &str, before: &Execution, after: &Execution) {
    for (place, run) in after.tasks.iter().enumerate() {
        let old = before.tasks.get(place);
        for (at, invocation) in run.invocations.iter().enumerate() {
            let was = old.and_then(|old| old.invocations.get(at)).map_or(Status::Pending, |old| old.progress.status);
            if was != invocation.progress.status {
                events::invocation(cx, key, id, run, invocation);
            }
        }
        if old.is_some_and(|old| old.progress.status != run.progress.status) {
            events::task_run(cx, key, id, run);
        }
    }
    if before.progress.status != after.progress.status {
        events::execution(cx, key, id, &after.progress);
    }
}

/// Only one call works on an execution at a time.
struct Turn<'s> {
    ssm: &'s Ssm,
    id: String,
}

impl<'s> Turn<'s> {
    fn take(ssm: &'s Ssm, id: &str) -> Option<Turn<'s>> {
        ssm.advancing.lock().insert(id.to_owned()).then(|| Turn { ssm, id: id.to_owned() })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.ssm.advancing.lock().remove(&self.id);
    }
}

impl Ssm {
    fn change_window_execution<R>(&self, cx: &Cx, id: &str, change: impl FnOnce(&mut Execution) -> R) -> Option<(Arc<Execution>, Arc<Execution>, R)> {
        self.windows.update(|state: &mut State| {
            let before = state.execution(&cx.scope, id)?.clone();
            let mut execution = (*before).clone();
            let result = change(&mut execution);
            let after = Arc::new(execution);
            state.executions.insert((cx.scope.clone(), id.to_owned()), after.clone());
            Some((before, after, result))
        })
    }
}

impl Handle<AdvanceWindow> for Ssm {
    fn permissions(&self, _: &Cx, _: &WindowInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: WindowInput) -> Result<Empty, Fault> {
        let id = &input.id;
        let Some(execution) = self.windows.read(|state| state.execution(&cx.scope, id).cloned()) else { return Ok(Empty {}) };
        let key = WindowKey::new(&cx.scope, &execution.window);
        let Some(_turn) = Turn::take(self, id) else {
            advance_at(cx, &key, id, cx.now.plus_secs(1))?;
            return Ok(Empty {});
        };
        let mut fresh = true;
        loop {
            let now = cx.clock().now();
            let Some((before, after, work)) = self.change_window_execution(cx, id, |execution| execution.next(now, fresh)) else {
                return Ok(Empty {});
            };
            fresh = false;
            tell(cx, &key, id, &before, &after);
            if after.progress.is_over() {
                return Ok(Empty {});
            }
            let outcomes = join_all(work.iter().map(|work| self.perform_work(cx, &key, id, &after, *work))).await;
            let now = cx.clock().now();
            let changed = self.change_window_execution(cx, id, |execution| {
                let changed = outcomes.iter().any(|outcome| !matches!(outcome, Outcome::Runs | Outcome::Started { .. }));
                work.into_iter().zip(outcomes).for_each(|(work, outcome)| execution.take(work, outcome, now));
                execution.looks = if changed { 0 } else { execution.looks.saturating_add(1) };
                changed
            });
            let Some((before, after, changed)) = changed else { return Ok(Empty {}) };
            tell(cx, &key, id, &before, &after);
            if !changed {
                let wait = 1i64.checked_shl(after.looks.saturating_sub(1)).unwrap_or(LONGEST_WAIT).clamp(1, LONGEST_WAIT);
                let mut at = now.plus_secs(wait);
                if now < after.cutoff {
                    at = at.min(after.cutoff);
                }
                advance_at(cx, &key, id, at)?;
                return Ok(Empty {});
            }
        }
    }
}

impl Ssm {
    async fn perform_work(&self, cx: &Cx, key: &WindowKey, id: &str, execution: &Execution, work: Work) -> Outcome {
        let of = |task: usize, at: usize| {
            let run = execution.tasks.get(task)?;
            Some((run, run.invocations.get(at)?))
        };
        match work {
            Work::Prepare { task } => match execution.tasks.get(task) {
                Some(run) => invoke::prepare(self, cx, key, run).await,
                None => Outcome::Runs,
            },
            Work::Start { task, at } => match of(task, at) {
                Some((run, invocation)) => invoke::start(cx, key, id, run, invocation).await,
                None => Outcome::Runs,
            },
            Work::Look { task, at } => match of(task, at) {
                Some((run, invocation)) => invoke::look(cx, run, invocation).await,
                None => Outcome::Runs,
            },
            Work::Stop { task, at } => match of(task, at) {
                Some((_, invocation)) => invoke::stop(cx, invocation).await,
                None => Outcome::Runs,
            },
        }
    }
}

//! What a change does by itself: it asks the next level, waits for its time and for the calendar, runs its runbook and waits for the end of that. The
//! operation is in no model: the scheduler calls it.

pub use own::AdvanceChange;

use super::{
    notices, settings,
    state::{Change, Status, arn},
};
use crate::{
    PRINCIPAL, Ssm,
    automation::{Links, NewAutomation},
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Caller, Fault, Timestamp};
use cloudlet_calendar::ical::State as CalendarState;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Empty, Shape};

#[derive(Shape, Clone, Default)]
pub struct ChangeInput {
    pub id: String,
}

mod own {
    use crate::change_manager::advance::ChangeInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_ssm::SERVICE;
        AdvanceChange(ChangeInput) -> Empty {}
    }
}

/// The automation of a runbook is looked at again after a second, then after twice as long, up to this.
const LONGEST_WAIT: i64 = 15;

/// Who has a change go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A request, which does not wait for runbooks.
    Request,
    Scheduled,
}

/// What is to be done outside of the row.
#[derive(Clone, Debug, PartialEq)]
enum Next {
    /// The level that is open is asked.
    Ask {
        until: Timestamp,
    },
    /// Nothing before an instant.
    Wait {
        until: Timestamp,
    },
    /// The runbook may begin if the calendar is open.
    AskCalendar,
    Run,
    Look,
    Nothing,
}

impl Change {
    /// Goes as far as it can, and says what is next.
    fn step(&mut self, now: Timestamp) -> Next {
        loop {
            match self.status {
                Status::PendingApproval => {
                    let Some(at) = self.open_level() else {
                        self.status = Status::Approved;
                        continue;
                    };
                    let Some(run) = self.levels.get_mut(at) else { return Next::Nothing };
                    let Some(began) = run.began else {
                        (run.began, run.status) = (Some(now), "Waiting".to_owned());
                        return Next::Ask { until: now.plus_secs(run.level.timeout_seconds) };
                    };
                    let until = began.plus_secs(run.level.timeout_seconds);
                    if run.level.is_approved(&run.decisions) {
                        (run.ended, run.status) = (Some(now), "Success".to_owned());
                    } else if now >= until {
                        (run.ended, run.status) = (Some(now), "TimedOut".to_owned());
                        self.end(Status::TimedOut, Some("The change request was not approved in time."), now);
                    } else {
                        return Next::Wait { until };
                    }
                }
                Status::Approved | Status::Scheduled => match self.scheduled.filter(|at| *at > now) {
                    Some(until) => {
                        self.status = Status::Scheduled;
                        return Next::Wait { until };
                    }
                    None if self.emergency || self.overrides_calendar => return Next::Run,
                    None => return Next::AskCalendar,
                },
                Status::PendingChangeCalendarOverride => return Next::AskCalendar,
                Status::ChangeCalendarOverrideApproved => return Next::Run,
                Status::RunbookInProgress | Status::Cancelling if self.child.is_none() => return Next::Run,
                Status::RunbookInProgress | Status::Cancelling => return Next::Look,
                _ => return Next::Nothing,
            }
        }
    }

    pub fn end(&mut self, status: Status, failure: Option<&str>, now: Timestamp) {
        self.status = status;
        self.failure = failure.map(str::to_owned).or(self.failure.take());
        self.ended = Some(now);
    }
}

impl Ssm {
    /// Changes a change, and shows its new status to all who want to know.
    pub fn change_change<R>(&self, cx: &Cx, id: &str, change: impl FnOnce(&mut Change) -> R) -> Option<(Change, R)> {
        let (before, after, result) = self.changes.update(|state| {
            let before = state.change(&cx.scope, id)?.clone();
            let mut after = (*before).clone();
            let result = change(&mut after);
            state.put(&cx.scope, id, after.clone());
            Some((before, after, result))
        })?;
        if before.status != after.status {
            self.mirror(cx, id, &after);
            if after.status != Status::PendingApproval {
                notices::status(cx, id, &after);
            }
        }
        self.mirror_automation(cx, id, &after);
        if before.status != after.status {
            self.emit_status(cx, &id.into());
        }
        Some((after, result))
    }

    pub fn wake_change(&self, cx: &Cx, id: &str, at: Timestamp) -> Result<(), Fault> {
        let name = format!("AdvanceChange/{id}");
        cx.schedule_keyed::<AdvanceChange>(name, at, PRINCIPAL, arn(&cx.scope, id), cx.scope.clone(), ChangeInput { id: id.to_owned() })
    }

    /// Does what can be done for a change now.
    pub async fn advance_change(&self, cx: &Cx, id: &str, turn: Turn) -> Result<(), Fault> {
        loop {
            let now = cx.clock().now();
            let Some((change, next)) = self.change_change(cx, id, |change| change.step(now)) else { return Ok(()) };
            match next {
                Next::Nothing => return Ok(()),
                Next::Ask { until } => {
                    notices::level(cx, id, &change);
                    return self.wake_change(cx, id, until);
                }
                Next::Wait { until } => return self.wake_change(cx, id, until),
                // A runbook is begun by the scheduler, so that it begins also when the server stops here.
                Next::Run | Next::Look if turn == Turn::Request => return self.wake_change(cx, id, now),
                Next::AskCalendar => {
                    if !self.ask_calendar(cx, id, &change, now)? {
                        return Ok(());
                    }
                }
                Next::Run => self.run_change(cx, id, &change, now).await,
                Next::Look => {
                    if !self.look_at_change(cx, id, &change, now).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether the change goes on. When the calendar opens, or its approvers say so, it goes on too.
    fn ask_calendar(&self, cx: &Cx, id: &str, change: &Change, now: Timestamp) -> Result<bool, Fault> {
        let (name, topic) = self
            .store
            .read(|state| (settings::text(state, &cx.scope, settings::CALENDAR), settings::text(state, &cx.scope, settings::CALENDAR_TOPIC)));
        // A calendar that is gone closes nothing.
        let calendar = name.and_then(|name| self.calendar(cx, &name).ok());
        let Some(calendar) = calendar.filter(|calendar| calendar.state(now) == CalendarState::Closed) else {
            self.change_change(cx, id, |change| {
                change.overrides_calendar = true;
                if change.status == Status::PendingChangeCalendarOverride {
                    change.status = Status::Approved;
                }
            });
            return Ok(true);
        };
        if change.status != Status::PendingChangeCalendarOverride {
            self.change_change(cx, id, |change| change.status = Status::PendingChangeCalendarOverride);
            if let Some(topic) = topic {
                notices::calendar(cx, id, change, &topic);
            }
        }
        if let Some(opens) = calendar.next_change(now) {
            self.wake_change(cx, id, opens)?;
        }
        Ok(false)
    }

    async fn run_change(&self, cx: &Cx, id: &str, change: &Change, now: Timestamp) {
        self.change_change(cx, id, |change| {
            change.run_started = change.run_started.or(Some(now));
            if change.status != Status::Cancelling {
                change.status = Status::RunbookInProgress;
            }
        });
        let outcome = self.start_runbook(cx, id, change).await;
        let now = cx.clock().now();
        self.change_change(cx, id, |change| match outcome {
            Ok(child) => change.child = Some(child),
            Err(fault) => {
                change.run_ended = Some(now);
                change.end(Status::CompletedWithFailure, Some(&format!("{}: {}", fault.name(), fault.message())), now);
            }
        });
    }

    /// Whether something is different.
    async fn look_at_change(&self, cx: &Cx, id: &str, change: &Change, now: Timestamp) -> Result<bool, Fault> {
        let child = change.child.clone().unwrap_or_default();
        let root = Caller::root(cx.scope.account, cx.scope.partition(), None);
        let input = GetAutomationExecutionRequest { automation_execution_id: child };
        let found = cx.call::<GetAutomationExecution>(root, cx.scope.clone(), input).await;
        let (status, failure) = match found {
            Ok(found) => {
                let execution = found.automation_execution.unwrap_or_default();
                (execution.automation_execution_status.unwrap_or_default(), execution.failure_message)
            }
            Err(fault) => ("Failed".to_owned(), Some(fault.message().to_owned())),
        };
        let ended = match status.as_str() {
            "Success" | "CompletedWithSuccess" => Some(Status::CompletedWithSuccess),
            "Cancelled" => Some(if change.status == Status::Cancelling { Status::Cancelled } else { Status::CompletedWithFailure }),
            "Failed" | "TimedOut" | "CompletedWithFailure" | "Rejected" | "Exited" => Some(Status::CompletedWithFailure),
            _ => None,
        };
        if let Some(status) = ended {
            self.change_change(cx, id, |change| {
                if !change.status.is_over() {
                    change.run_ended = Some(now);
                    change.end(status, failure.as_deref(), now);
                }
            });
            return Ok(true);
        }
        let looked = self.change_change(cx, id, |change| {
            change.looks = change.looks.saturating_add(1);
            change.looks
        });
        let looks = looked.map_or(1, |(_, looks)| looks);
        let wait = 1i64.checked_shl(looks - 1).unwrap_or(LONGEST_WAIT).clamp(1, LONGEST_WAIT);
        self.wake_change(cx, id, now.plus_secs(wait))?;
        Ok(false)
    }

    /// The runbook, as whoever asked for the change. Begun once, also when it is asked for again after a restart.
    async fn start_runbook(&self, cx: &Cx, id: &str, change: &Change) -> Result<String, Fault> {
        let request = StartAutomationExecutionRequest { client_token: Some(id.to_owned()), ..run_of(change.runbook.shape()) };
        // AWS: nobody but Change Manager needs to be allowed to run the runbook. Its role is passed by whoever asked for the change.
        let links = Links {
            parent: Some(id.into()),
            waited_for: true,
            subtype: Some("ChangeRequest".to_owned()),
            ops_item_id: Some(change.ops_item.clone()),
            change_request_name: Some(change.name.clone()),
            ..Links::default()
        };
        let started = self.start_automation(cx, NewAutomation { request, caller: change.requester.clone(), links }).await?;
        Ok(started.to_string())
    }
}

/// The automation that runs the runbook of a change.
pub fn run_of(runbook: Runbook) -> StartAutomationExecutionRequest {
    StartAutomationExecutionRequest {
        document_name: runbook.document_name,
        document_version: runbook.document_version,
        parameters: runbook.parameters,
        target_parameter_name: runbook.target_parameter_name,
        targets: runbook.targets,
        target_maps: runbook.target_maps,
        max_concurrency: runbook.max_concurrency,
        max_errors: runbook.max_errors,
        target_locations: runbook.target_locations,
        ..StartAutomationExecutionRequest::default()
    }
}

impl Handle<AdvanceChange> for Ssm {
    fn permissions(&self, _: &Cx, _: &ChangeInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: ChangeInput) -> Result<Empty, Fault> {
        self.advance_change(cx, &input.id, Turn::Scheduled).await?;
        Ok(Empty {})
    }
}

//! What people decide about a change: SendAutomationSignal and StopAutomationExecution of its automation.

use super::{
    advance::Turn,
    approvals::{Decision, Person},
    settings,
    state::{Change, Status},
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Caller, Fault, Scope, Timestamp};
use cloudlet_engine::Cx;

/// AWS: unverified messages.
fn invalid(message: impl Into<String>) -> Fault {
    faults::INVALID_AUTOMATION_SIGNAL.says(message)
}

fn not_approver() -> Fault {
    invalid("The caller is not an approver of the change request.")
}

impl Change {
    /// Takes a decision about the level that is open, or about the calendar.
    fn decide(&mut self, decision: Decision, calendar_approvers: &[String], now: Timestamp) -> Result<(), Fault> {
        match self.status {
            Status::PendingApproval => {
                let open = self.open_level();
                let Some(run) = open.and_then(|at| self.levels.get_mut(at)) else {
                    return Err(invalid("The change request does not wait for an approval."));
                };
                if !run.level.may(&decision.by) {
                    return Err(not_approver());
                }
                run.decisions.retain(|other| other.by.arn != decision.by.arn);
                let (approves, comment) = (decision.approves, decision.comment.clone());
                run.decisions.push(decision);
                if !approves {
                    // AWS: one rejection ends it.
                    (run.ended, run.status) = (Some(now), "Rejected".to_owned());
                    self.end(Status::Rejected, comment.as_deref(), now);
                }
                Ok(())
            }
            Status::PendingChangeCalendarOverride => {
                if !decision.by.is_one_of(calendar_approvers) {
                    return Err(not_approver());
                }
                if decision.approves {
                    self.status = Status::ChangeCalendarOverrideApproved;
                    self.overrides_calendar = true;
                } else {
                    self.end(Status::ChangeCalendarOverrideRejected, decision.comment.as_deref(), now);
                }
                Ok(())
            }
            _ => Err(invalid("The change request does not wait for an approval.")),
        }
    }

    /// Takes an approval back. When the change is approved already and has not begun, it does not begin.
    fn revoke(&mut self, person: &Person, now: Timestamp) -> Result<(), Fault> {
        let had = self.levels.iter().any(|run| run.decisions.iter().any(|decision| decision.by.arn == person.arn && decision.approves));
        if !had || !self.status.waits() {
            return Err(invalid("There is no approval of the caller to revoke."));
        }
        for run in &mut self.levels {
            run.decisions.retain(|decision| decision.by.arn != person.arn);
        }
        let closed = self.levels.iter().any(|run| run.ended.is_some() && !run.level.is_approved(&run.decisions));
        if self.status != Status::PendingApproval || closed {
            self.end(Status::Revoked, Some("An approval was revoked."), now);
        }
        Ok(())
    }
}

impl Ssm {
    /// Whether an execution is a change.
    pub fn is_change(&self, cx: &Cx, id: &str) -> bool {
        self.changes.read(|state| state.change(&cx.scope, id).is_some())
    }

    /// The automation of a change's runbook has ended.
    pub async fn poke_change(&self, cx: &Cx, id: &str) -> Result<(), Fault> {
        self.advance_change(cx, id, Turn::Scheduled).await
    }

    /// Changes whose automations are forgotten.
    pub fn forget_changes(&self, old: &[(Scope, String)]) {
        if self.changes.read(|state| old.iter().any(|key| state.changes.contains(key))) {
            self.changes.update(|state| old.iter().for_each(|(scope, id)| state.remove(scope, id)));
        }
    }

    /// A signal to a change.
    pub async fn signal_change(&self, cx: &Cx, input: &SendAutomationSignalRequest) -> Result<(), Fault> {
        let id = &input.automation_execution_id;
        let person = Person::of(cx).await;
        let comment = input.payload.as_ref().and_then(|payload| payload.get("Comment")).and_then(|values| values.first().cloned());
        let approvers = self.store.read(|state| settings::list(state, &cx.scope, settings::CALENDAR_APPROVERS));
        let changed = self.change_change(cx, id, |change| {
            // A signal that does not fit changes nothing.
            let before = change.clone();
            let outcome = match input.signal_type.as_str() {
                kind @ ("Approve" | "Reject") => {
                    change.decide(Decision { by: person, approves: kind == "Approve", comment, at: cx.now }, &approvers, cx.now)
                }
                "Revoke" => change.revoke(&person, cx.now),
                other => Err(invalid(format!("The signal {other} is not valid for a change request."))),
            };
            if outcome.is_err() {
                *change = before;
            }
            outcome
        });
        match changed {
            Some((_, outcome)) => outcome?,
            None => return Err(faults::AUTOMATION_EXECUTION_NOT_FOUND.says(format!("Couldn't find an automation execution with id {id}."))),
        }
        self.advance_change(cx, id, Turn::Request).await
    }

    /// Stops a change: before its runbook begins at once, else with the automation of the runbook.
    pub async fn stop_change(&self, cx: &Cx, id: &str) -> Result<(), Fault> {
        let changed = self.change_change(cx, id, |change| {
            if change.status.is_over() {
                return Err(faults::INVALID_AUTOMATION_STATUS_UPDATE.says("The change request has ended already."));
            }
            if change.status.waits() {
                change.end(Status::Cancelled, None, cx.now);
                return Ok(None);
            }
            change.status = Status::Cancelling;
            change.looks = 0;
            Ok(change.child.clone())
        });
        let child = match changed {
            Some((_, outcome)) => outcome?,
            None => return Ok(()),
        };
        if let Some(child) = child {
            let root = Caller::root(cx.scope.account, cx.scope.partition(), None);
            let input = StopAutomationExecutionRequest { automation_execution_id: child, r#type: Some("Cancel".to_owned()) };
            // It may have ended meanwhile.
            let _ = cx.call::<StopAutomationExecution>(root, cx.scope.clone(), input).await;
            self.wake_change(cx, id, cx.now)?;
        }
        Ok(())
    }
}

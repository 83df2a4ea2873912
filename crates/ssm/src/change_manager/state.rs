//! Changes as rows.

use super::{approvals::Decision, template::Level};
use cloudlet_api_ssm::{Runbook, StartChangeRequestExecutionRequest};
use cloudlet_aws::{Arn, Caller, Scope, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_shape::Map;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The statuses that an automation of the subtype ChangeRequest has, and its OpsItem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    PendingApproval,
    Approved,
    Rejected,
    Scheduled,
    PendingChangeCalendarOverride,
    ChangeCalendarOverrideApproved,
    ChangeCalendarOverrideRejected,
    RunbookInProgress,
    CompletedWithSuccess,
    CompletedWithFailure,
    TimedOut,
    Cancelling,
    Cancelled,
    Revoked,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::PendingApproval => "PendingApproval",
            Status::Approved => "Approved",
            Status::Rejected => "Rejected",
            Status::Scheduled => "Scheduled",
            Status::PendingChangeCalendarOverride => "PendingChangeCalendarOverride",
            Status::ChangeCalendarOverrideApproved => "ChangeCalendarOverrideApproved",
            Status::ChangeCalendarOverrideRejected => "ChangeCalendarOverrideRejected",
            Status::RunbookInProgress => "RunbookInProgress",
            Status::CompletedWithSuccess => "CompletedWithSuccess",
            Status::CompletedWithFailure => "CompletedWithFailure",
            Status::TimedOut => "TimedOut",
            Status::Cancelling => "Cancelling",
            Status::Cancelled => "Cancelled",
            Status::Revoked => "Revoked",
        }
    }

    pub fn is_over(self) -> bool {
        use Status::*;
        matches!(self, Rejected | ChangeCalendarOverrideRejected | CompletedWithSuccess | CompletedWithFailure | TimedOut | Cancelled | Revoked)
    }

    /// Whether the runbook is still to begin.
    pub fn waits(self) -> bool {
        use Status::*;
        matches!(self, PendingApproval | Approved | Scheduled | PendingChangeCalendarOverride | ChangeCalendarOverrideApproved)
    }
}

/// A level as it is for one change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelRun {
    pub id: String,
    pub level: Level,
    pub decisions: Vec<Decision>,
    pub began: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// `Approved`, `Rejected`, …: the status of the step.
    pub status: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    pub name: String,
    pub template: String,
    pub template_version: String,
    pub parameters: Map<Vec<String>>,
    pub runbook: StoredShape<Runbook>,
    pub details: String,
    pub tags: Map<String>,
    /// In whose name the runbook is started.
    pub requester: Caller,
    pub scheduled: Option<Timestamp>,
    pub scheduled_end: Option<Timestamp>,
    pub emergency: bool,
    /// Nobody is asked.
    pub auto_approved: bool,
    pub levels: Vec<LevelRun>,
    pub status: Status,
    /// That the calendar is closed does not matter.
    pub overrides_calendar: bool,
    pub ops_item: String,
    /// The automation of the runbook.
    pub child: Option<String>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub run_started: Option<Timestamp>,
    pub run_ended: Option<Timestamp>,
    pub failure: Option<String>,
    /// How often the automation was looked at.
    pub looks: u32,
    pub request: StoredShape<StartChangeRequestExecutionRequest>,
}

impl Change {
    /// The level that is asked, by its place.
    pub fn open_level(&self) -> Option<usize> {
        self.levels.iter().position(|run| run.ended.is_none())
    }
}

pub fn arn(scope: &Scope, id: &str) -> Arn {
    Arn::new("ssm", scope, &format!("automation-execution/{id}"))
}

#[derive(Default)]
pub struct ChangeState {
    pub changes: Table<(Scope, String), Arc<Change>>,
    /// By the client token.
    pub by_token: Table<(Scope, String), String>,
}

tables!(ChangeState { changes } indexes(ChangeState::reindex) { by_token });

impl ChangeState {
    fn reindex(&mut self) {
        let known: Vec<_> = self.changes.iter().filter_map(|((scope, id), change)| Some(((scope.clone(), token(change)?), id.clone()))).collect();
        known.into_iter().for_each(|(key, id)| self.by_token.insert(key, id));
    }

    pub fn change(&self, scope: &Scope, id: &str) -> Option<&Arc<Change>> {
        self.changes.get(&(scope.clone(), id.to_owned()))
    }

    pub fn remove(&mut self, scope: &Scope, id: &str) {
        let Some(change) = self.changes.remove(&(scope.clone(), id.to_owned())) else { return };
        if let Some(token) = token(&change) {
            self.by_token.remove(&(scope.clone(), token));
        }
    }

    pub fn put(&mut self, scope: &Scope, id: &str, change: Change) {
        if let Some(token) = token(&change) {
            self.by_token.insert((scope.clone(), token), id.to_owned());
        }
        self.changes.insert((scope.clone(), id.to_owned()), Arc::new(change));
    }
}

/// AWS: without regard to case.
fn token(change: &Change) -> Option<String> {
    change.request.client_token.as_deref().map(str::to_ascii_lowercase)
}

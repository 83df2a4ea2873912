//! How executions stand, which follows from their commands.

use super::rows::{Execution, Work};
use crate::{Ssm, commands::Progress};
use cloudlet_api_ssm::AssociationOverview;
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_shape::Map;
use std::sync::Arc;

/// An execution on one node.
#[derive(Clone, Debug)]
pub struct OnNode {
    pub node: Arc<str>,
    pub progress: Progress,
    pub at: Timestamp,
    pub command: Arc<str>,
}

#[derive(Clone, Debug)]
pub struct AssociationOutcome {
    pub progress: Progress,
    pub nodes: Vec<OnNode>,
}

/// The word of State Manager: it has three.
pub fn status(progress: Progress) -> &'static str {
    match progress {
        Progress::Pending | Progress::InProgress | Progress::Cancelling => "Pending",
        Progress::Success | Progress::NoInstancesInTag => "Success",
        _ => "Failed",
    }
}

pub fn detailed(progress: Progress) -> &'static str {
    match progress {
        Progress::InProgress | Progress::Cancelling => "InProgress",
        Progress::NoInstancesInTag => "Skipped",
        Progress::DeliveryTimedOut | Progress::ExecutionTimedOut => "TimedOut",
        other => status(other),
    }
}

impl AssociationOutcome {
    /// How many nodes there are of each word.
    pub fn counts(&self) -> Map<i32> {
        let mut counts: Map<i32> = Map::new();
        for node in &self.nodes {
            let word = detailed(node.progress).to_owned();
            let count = counts.get(&word).copied().unwrap_or_default() + 1;
            counts.insert(word, count);
        }
        counts
    }

    pub fn overview(&self) -> AssociationOverview {
        AssociationOverview {
            status: Some(status(self.progress).to_owned()),
            detailed_status: Some(detailed(self.progress).to_owned()),
            association_status_aggregated_count: Some(self.counts()),
        }
    }
}

impl Ssm {
    /// As the automation stands. One that is forgotten counts as done.
    fn automation_standing(&self, id: &Arc<str>) -> Progress {
        let status = self.automations.store.read(|state| state.executions.get(id).map(|execution| execution.status.clone()));
        match status.as_deref() {
            None | Some("Success" | "CompletedWithSuccess") => Progress::Success,
            Some("Failed" | "CompletedWithFailure" | "Rejected" | "Exited") => Progress::Failed,
            Some("TimedOut") => Progress::ExecutionTimedOut,
            Some("Cancelled") => Progress::Cancelled,
            Some("Pending") => Progress::Pending,
            Some(_) => Progress::InProgress,
        }
    }

    pub fn standing(&self, scope: &Scope, execution: &Execution) -> AssociationOutcome {
        let command = match &execution.work {
            Work::Command(command) => command,
            Work::Automation(id) => return AssociationOutcome { progress: self.automation_standing(id), nodes: vec![] },
            Work::Failed(_) => return AssociationOutcome { progress: Progress::Failed, nodes: vec![] },
        };
        let place = (scope.clone(), command.clone());
        self.commands.store.read(|state| {
            let Some(row) = state.commands.get(&place) else { return AssociationOutcome { progress: Progress::Success, nodes: vec![] } };
            let nodes = state.of_command(&place).map(|(node, invocation)| OnNode {
                node: node.clone(),
                progress: invocation.progress,
                at: invocation.finished.or(invocation.started).unwrap_or(row.requested),
                command: command.clone(),
            });
            AssociationOutcome { progress: row.progress, nodes: nodes.collect() }
        })
    }
}

//! What PutComplianceItems has said of nodes.

use cloudlet_api_ssm::{ComplianceExecutionSummary, ComplianceItemEntry};
use cloudlet_aws::Scope;
use cloudlet_engine::StoredShape;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{ops::Bound, sync::Arc};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub execution: StoredShape<ComplianceExecutionSummary>,
    pub hash: Option<String>,
    pub items: Vec<StoredShape<ComplianceItemEntry>>,
}

/// By node and type.
pub type ReportKey = (Scope, Arc<str>, Arc<str>);

#[derive(Default)]
pub struct State {
    pub reports: Table<ReportKey, Arc<Report>>,
}

tables!(State { reports });

impl State {
    /// The types of a node.
    pub fn of_node<'s>(&'s self, scope: &'s Scope, node: &'s str) -> impl Iterator<Item = (&'s Arc<str>, &'s Arc<Report>)> {
        let from = (Bound::Included((scope.clone(), Arc::from(node), Arc::from(""))), Bound::Unbounded);
        let rows = self.reports.range::<ReportKey, _>(from);
        rows.take_while(move |((of, id, _), _)| of == scope && &**id == node).map(|((_, _, kind), row)| (kind, row))
    }
}

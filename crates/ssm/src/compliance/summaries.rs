//! ListComplianceSummaries, which counts nodes, and ListResourceComplianceSummaries, which counts the items of each.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListComplianceSummaries.html>

use super::{filters::Filters, list::PAGE};
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::collections::BTreeMap;

/// From the worst.
const SEVERITIES: [&str; 6] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNSPECIFIED"];

#[derive(Clone, Copy, Default)]
struct Counts([i32; 6]);

impl Counts {
    fn add(&mut self, severity: usize) {
        if let Some(count) = self.0.get_mut(severity) {
            *count += 1;
        }
    }

    fn shown(self) -> (i32, SeveritySummary) {
        let [critical, high, medium, low, informational, unspecified] = self.0;
        let summary = SeveritySummary {
            critical_count: Some(critical),
            high_count: Some(high),
            medium_count: Some(medium),
            low_count: Some(low),
            informational_count: Some(informational),
            unspecified_count: Some(unspecified),
        };
        (self.0.iter().sum(), summary)
    }
}

/// The items of one type of a node, or its nodes, counted.
#[derive(Clone, Default)]
struct Summary {
    compliant: Counts,
    other: Counts,
    execution: Option<ComplianceExecutionSummary>,
}

impl Summary {
    fn is_compliant(&self) -> bool {
        self.other.0.iter().all(|count| *count == 0)
    }

    /// The worst of what counts: of a node that is not compliant, what it does not comply with.
    fn severity(&self) -> usize {
        let counts = if self.is_compliant() { self.compliant } else { self.other };
        counts.0.iter().position(|count| *count > 0).unwrap_or(SEVERITIES.len() - 1)
    }

    fn compliant(&self) -> CompliantSummary {
        let (count, summary) = self.compliant.shown();
        CompliantSummary { compliant_count: Some(count), severity_summary: Some(summary) }
    }

    fn non_compliant(&self) -> NonCompliantSummary {
        let (count, summary) = self.other.shown();
        NonCompliantSummary { non_compliant_count: Some(count), severity_summary: Some(summary) }
    }
}

fn severity(item: &ComplianceItem) -> usize {
    let own = item.severity.as_deref().unwrap_or_default();
    SEVERITIES.iter().position(|known| known.eq_ignore_ascii_case(own)).unwrap_or(SEVERITIES.len() - 1)
}

/// By type and node.
fn of_nodes(items: Vec<ComplianceItem>, filters: &Filters) -> BTreeMap<(String, String), Summary> {
    let mut all: BTreeMap<(String, String), Summary> = BTreeMap::new();
    for item in items.into_iter().filter(|item| filters.pass(item)) {
        let (Some(kind), Some(node)) = (item.compliance_type.clone(), item.resource_id.clone()) else { continue };
        let summary = all.entry((kind, node)).or_default();
        let counts = if item.status.as_deref() == Some("COMPLIANT") { &mut summary.compliant } else { &mut summary.other };
        counts.add(severity(&item));
        let is_later =
            |known: &ComplianceExecutionSummary| item.execution_summary.as_ref().is_some_and(|own| own.execution_time > known.execution_time);
        if summary.execution.as_ref().is_none_or(is_later) {
            summary.execution = item.execution_summary;
        }
    }
    all
}

impl Handle<ListComplianceSummaries> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListComplianceSummariesRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListComplianceSummaries>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListComplianceSummariesRequest) -> Result<ListComplianceSummariesResult, Fault> {
        let list = Paging::of::<ListComplianceSummaries>(cx, &input);
        let filters = Filters::of(input.filters, &[])?;
        let mut kinds: BTreeMap<String, Summary> = BTreeMap::new();
        for ((kind, _), node) in of_nodes(self.compliance_items(cx, None).await?, &filters) {
            let summary = kinds.entry(kind).or_default();
            let counts = if node.is_compliant() { &mut summary.compliant } else { &mut summary.other };
            counts.add(node.severity());
        }
        let rows = kinds.into_iter().map(|(kind, summary)| {
            let shown = ComplianceSummaryItem {
                compliance_type: Some(kind.clone()),
                compliant_summary: Some(summary.compliant()),
                non_compliant_summary: Some(summary.non_compliant()),
            };
            (kind, shown)
        });
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(ListComplianceSummariesResult { compliance_summary_items: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<ListResourceComplianceSummaries> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListResourceComplianceSummariesRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListResourceComplianceSummaries>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListResourceComplianceSummariesRequest) -> Result<ListResourceComplianceSummariesResult, Fault> {
        let list = Paging::of::<ListResourceComplianceSummaries>(cx, &input);
        let filters = Filters::of(input.filters, &[])?;
        let rows = of_nodes(self.compliance_items(cx, None).await?, &filters).into_iter().map(|((kind, node), summary)| {
            let status = if summary.is_compliant() { "COMPLIANT" } else { "NON_COMPLIANT" };
            let shown = ResourceComplianceSummaryItem {
                compliance_type: Some(kind.clone()),
                resource_type: Some("ManagedInstance".to_owned()),
                resource_id: Some(node.clone()),
                status: Some(status.to_owned()),
                overall_severity: SEVERITIES.get(summary.severity()).map(|severity| (*severity).to_owned()),
                compliant_summary: Some(summary.compliant()),
                non_compliant_summary: Some(summary.non_compliant()),
                execution_summary: summary.execution,
            };
            ((kind, node), shown)
        });
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(ListResourceComplianceSummariesResult { resource_compliance_summary_items: Some(page.items), next_token: page.next_token })
    }
}

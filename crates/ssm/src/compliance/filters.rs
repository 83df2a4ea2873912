//! Filters of compliance.

use crate::{faults, nodes::Operator};
use cloudlet_api_ssm::{ComplianceItem, ComplianceStringFilter};
use cloudlet_aws::Fault;

pub struct Filters(Vec<(String, Vec<String>, Operator)>);

/// AWS: unverified list; these are in its examples.
const KEYS: [&str; 9] = ["ComplianceType", "ResourceType", "ResourceId", "Id", "Title", "Status", "Severity", "OverallSeverity", "ExecutionType"];

fn value<'i>(item: &'i ComplianceItem, key: &str) -> Option<&'i str> {
    match key {
        "ComplianceType" => item.compliance_type.as_deref(),
        "ResourceType" => item.resource_type.as_deref(),
        "ResourceId" => item.resource_id.as_deref(),
        "Id" => item.id.as_deref(),
        "Title" => item.title.as_deref(),
        "Status" => item.status.as_deref(),
        "Severity" | "OverallSeverity" => item.severity.as_deref(),
        "ExecutionType" => item.execution_summary.as_ref().and_then(|summary| summary.execution_type.as_deref()),
        // What an item has of its own: `PatchState`, `DocumentName`.
        detail => item.details.as_ref().and_then(|details| details.get(detail)).map(String::as_str),
    }
}

impl Filters {
    pub fn of(filters: Option<Vec<ComplianceStringFilter>>, details: &[&str]) -> Result<Filters, Fault> {
        let read = |filter: ComplianceStringFilter| {
            let key = filter.key.unwrap_or_default();
            if !KEYS.contains(&key.as_str()) && !details.contains(&key.as_str()) {
                return Err(faults::INVALID_FILTER.says("The filter name isn't valid. Verify that you entered the correct name and try again."));
            }
            let operator = match filter.r#type.as_deref() {
                Some("NOT_EQUAL") => Operator::NotEqual,
                Some("BEGIN_WITH") => Operator::BeginWith,
                Some("LESS_THAN") => Operator::LessThan,
                Some("GREATER_THAN") => Operator::GreaterThan,
                _ => Operator::Equal,
            };
            Ok((key, filter.values.unwrap_or_default(), operator))
        };
        Ok(Filters(filters.unwrap_or_default().into_iter().map(read).collect::<Result<_, Fault>>()?))
    }

    pub fn pass(&self, item: &ComplianceItem) -> bool {
        self.0.iter().all(|(key, values, operator)| {
            let own: Vec<String> = value(item, key).map(str::to_owned).into_iter().collect();
            operator.passes(&own, values)
        })
    }
}

//! The events of automations and of their steps.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html>

use super::state::{Execution, StepRow, execution_arn};
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_engine::{Cx, ServiceEvent};
use serde_json::{Map, Value, json};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Nov 29, 2016 7:43:25 PM`
fn date(at: Timestamp) -> String {
    let text = at.with_millis();
    let part = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<usize>().ok()).unwrap_or_default();
    let month = MONTHS.get(part(5, 7).saturating_sub(1)).copied().unwrap_or_default();
    let (hour, year) = (part(11, 13), text.get(..4).unwrap_or_default());
    let shown = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{month} {}, {year} {shown}:{:02}:{:02} {}", part(8, 10), part(14, 16), part(17, 19), if hour < 12 { "AM" } else { "PM" })
}

fn detail(id: &str, execution: &Execution, status: &str, started: Timestamp, ended: Option<Timestamp>) -> Map<String, Value> {
    let version = execution.version.parse::<f64>().map_or_else(|_| json!(execution.version), |version| json!(version));
    let mut detail = Map::new();
    let mut put = |name: &str, value: Value| drop(detail.insert(name.to_owned(), value));
    put("ExecutionId", id.into());
    put("Definition", execution.document.as_str().into());
    put("DefinitionVersion", version);
    put("Status", status.into());
    if let Some(ended) = ended {
        put("EndTime", date(ended).into());
    }
    put("StartTime", date(started).into());
    if let Some(ended) = ended {
        put("Time", json!((ended.millis() - started.millis()) as f64));
    }
    detail
}

fn emit(cx: &Cx, id: &str, execution: &Execution, detail_type: &'static str, detail: Map<String, Value>) {
    let scope = execution.scope.clone();
    let definition = Arn::new("ssm", &scope, &format!("automation-definition/{}:{}", execution.document, execution.version));
    let resources = vec![execution_arn(&scope, id), definition];
    cx.emit(|| ServiceEvent { source: "aws.ssm", detail_type, resources, detail: Value::Object(detail), scope, time: cx.clock().now() });
}

pub fn execution(cx: &Cx, id: &str, of: &Execution) {
    let mut detail = detail(id, of, &of.status, of.started, of.ended);
    detail.insert("ExecutedBy".to_owned(), of.caller.arn.as_ref().into());
    emit(cx, id, of, "EC2 Automation Execution Status-change Notification", detail);
}

pub fn step(cx: &Cx, id: &str, of: &Execution, row: &StepRow) {
    let record = &row.record;
    let mut detail = detail(id, of, record.status.name(), Timestamp::from_millis(record.started), record.ended.map(Timestamp::from_millis));
    detail.insert("StepName".to_owned(), record.step.as_str().into());
    detail.insert("Action".to_owned(), record.action.name().into());
    emit(cx, id, of, "EC2 Automation Step Status-change Notification", detail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_java() {
        assert_eq!(date(Timestamp::from_millis(1_480_448_605_000)), "Nov 29, 2016 7:43:25 PM");
        assert_eq!(date(Timestamp::from_millis(0)), "Jan 1, 1970 12:00:00 AM");
    }
}

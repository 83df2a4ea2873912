//! The events of executions whose status changes.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>

use crate::{
    redrive::redrive_status,
    state::{Execution, Type},
};
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, ServiceEvent};
use serde_json::{Value, json};

/// Bytes of input and output together, above which they are left out.
const LARGEST: usize = 248 * 1024;

pub fn emit(cx: &Cx, arn: &str, execution: &Execution) {
    if execution.r#type == Type::Express {
        return;
    }
    let Some(source) = Arn::parse(arn) else { return };
    let now = cx.clock().now();
    let fits = execution.input.len() + execution.output.as_ref().map_or(0, |output| output.len()) <= LARGEST;
    let (redrive_status, redrive_reason) = redrive_status(execution, now, false);
    cx.emit(|| ServiceEvent {
        source: "aws.states",
        detail_type: "Step Functions Execution Status Change",
        resources: vec![source],
        detail: json!({
            "executionArn": arn,
            "stateMachineArn": execution.machine_arn(),
            "name": execution.name,
            "status": execution.status.name(),
            "startDate": execution.started.millis(),
            "stopDate": execution.stopped.map(|stopped| stopped.millis()),
            "input": fits.then(|| execution.input.to_string()),
            "output": execution.output.as_ref().filter(|_| fits).map(|output| output.to_string()),
            "inputDetails": {"included": fits},
            "outputDetails": execution.output.as_ref().map_or(Value::Null, |_| json!({"included": fits})),
            "stateMachineVersionArn": execution.version.map(|version| execution.machine.version_arn(version).to_string()),
            "stateMachineAliasArn": execution.alias.as_ref().map(|alias| execution.machine.alias_arn(alias).to_string()),
            "redriveCount": execution.redrive_count,
            "redriveDate": execution.redriven.map(|redriven| redriven.millis()),
            "redriveStatus": redrive_status,
            "redriveStatusReason": redrive_reason,
            "error": execution.error,
            "cause": execution.cause,
        }),
        scope: cx.scope.clone(),
        time: now,
    });
}

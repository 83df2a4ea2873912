//! What scripts write, in CloudWatch Logs where the account's setting says so.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-logging.html>

use crate::automation::work::Work;
use serde_json::json;

const DESTINATION: &str = "/ssm/automation/customer-script-log-destination";
const GROUP: &str = "/ssm/automation/customer-script-log-group-name";

pub async fn write(work: &Work<'_>, output: &str) {
    let setting = |name: &str, default: &str| {
        let key = (work.execution.scope.clone(), name.to_owned());
        work.ssm.store.read(|state| state.settings.get(&key).map_or(default.to_owned(), |setting| setting.value.clone()))
    };
    if output.is_empty() || setting(DESTINATION, "None") != "CloudWatch" {
        return;
    }
    let group = setting(GROUP, "/aws/ssm/automation/executeScript");
    // AWS: unverified name of the stream.
    let stream = format!("{}/{}", work.id, work.task.step);
    let now = work.cx.clock().now().millis();
    let events: Vec<_> = output.lines().filter(|line| !line.trim().is_empty()).map(|line| json!({"timestamp": now, "message": line})).collect();
    let _ = work.call("logs", "CreateLogGroup", &json!({"logGroupName": group})).await;
    let _ = work.call("logs", "CreateLogStream", &json!({"logGroupName": group, "logStreamName": stream})).await;
    for batch in events.chunks(1_000) {
        let put = json!({"logGroupName": group, "logStreamName": stream, "logEvents": batch});
        if let Err(problem) = work.call("logs", "PutLogEvents", &put).await {
            return tracing::debug!(problem = problem.text(), "the lines of a script are not kept");
        }
    }
}

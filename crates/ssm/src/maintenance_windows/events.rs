//! The events of maintenance windows.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html#EC2_maintenance_windows_event_types>

use super::state::{Invocation, Progress, TaskRun, WindowKey};
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, ServiceEvent};
use serde_json::{Value, json};

fn emit(cx: &Cx, detail_type: &'static str, resources: Vec<Arn>, detail: Value) {
    cx.emit(|| ServiceEvent { source: "aws.ssm", detail_type, resources, detail, scope: cx.scope.clone(), time: cx.now });
}

pub fn window(cx: &Cx, key: &WindowKey, enabled: bool) {
    let detail = json!({ "window-id": key.id, "status": if enabled { "ENABLED" } else { "DISABLED" } });
    emit(cx, "Maintenance Window State-change Notification", vec![key.arn()], detail);
}

pub fn target(cx: &Cx, key: &WindowKey, id: &str, status: &str) {
    let detail = json!({ "window-target-id": id, "window-id": key.id, "status": status });
    let resources = vec![key.arn(), Arn::new("ssm", &key.scope, &format!("windowtarget/{id}"))];
    emit(cx, "Maintenance Window Target Registration Notification", resources, detail);
}

pub fn task(cx: &Cx, key: &WindowKey, id: &str, status: &str) {
    let detail = json!({ "window-task-id": id, "window-id": key.id, "status": status });
    let resources = vec![key.arn(), Arn::new("ssm", &key.scope, &format!("windowtask/{id}"))];
    emit(cx, "Maintenance Window Task Registration Notification", resources, detail);
}

fn detail(key: &WindowKey, execution: &str, progress: &Progress, more: Value) -> Value {
    let mut detail = json!({ "window-id": key.id, "window-execution-id": execution, "status": progress.status.as_str() });
    if let (Some(detail), Value::Object(more)) = (detail.as_object_mut(), more) {
        let times = [("start-time", progress.start), ("end-time", progress.end)];
        detail.extend(times.into_iter().filter_map(|(name, time)| Some((name.to_owned(), json!(time?.with_millis())))));
        detail.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    detail
}

pub fn execution(cx: &Cx, key: &WindowKey, id: &str, progress: &Progress) {
    let detail = detail(key, id, progress, json!({}));
    emit(cx, "Maintenance Window Execution State-change Notification", vec![key.arn()], detail);
}

pub fn task_run(cx: &Cx, key: &WindowKey, execution: &str, run: &TaskRun) {
    let detail = detail(key, execution, &run.progress, json!({ "task-execution-id": run.id }));
    emit(cx, "Maintenance Window Task Execution State-change Notification", vec![key.arn()], detail);
}

pub fn invocation(cx: &Cx, key: &WindowKey, execution: &str, run: &TaskRun, invocation: &Invocation) {
    let more = json!({
        "task-execution-id": run.id,
        "window-target-id": invocation.window_target,
        "owner-information": invocation.owner,
    });
    let detail = detail(key, execution, &invocation.progress, more);
    emit(cx, "Maintenance Window Task Target Invocation State-change Notification", vec![key.arn()], detail);
}

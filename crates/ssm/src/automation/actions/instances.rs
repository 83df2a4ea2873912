//! Instances: `aws:changeInstanceState`, `aws:runInstances`.

use crate::automation::{
    call::CallProblem,
    work::{Outcome, Work},
};
use cloudlet_runbook::machine::{Stage, failed};
use serde_json::{Map, Value, json};

/// The states of instances, in their order.
async fn states(work: &Work<'_>, ids: &[String]) -> Result<Vec<String>, CallProblem> {
    let answer = work.call("ec2", "DescribeInstances", &json!({"InstanceIds": ids})).await?;
    let mut states = Vec::new();
    for id in ids {
        let reservations = answer.get("Reservations").and_then(Value::as_array).into_iter().flatten();
        let mut instances = reservations.flat_map(|reservation| reservation.get("Instances").and_then(Value::as_array).into_iter().flatten());
        let instance = instances.find(|instance| instance.get("InstanceId").and_then(Value::as_str) == Some(id));
        let state = instance.and_then(|instance| instance.get("State")?.get("Name")?.as_str());
        states.push(state.unwrap_or("terminated").to_owned());
    }
    Ok(states)
}

/// AWS: recorded for RunInstances.
fn launching(work: &Work<'_>, problem: &CallProblem) -> Outcome {
    let what = match problem {
        CallProblem::Fault(_, fault) => format!(
            "Get Exception from RunInstances API of ec2 Service. Exception Message from RunInstances API: [{} (Service: AmazonEC2; Status Code: {}; Error Code: {}; Request ID: {})]",
            fault.message(),
            fault.status(),
            fault.code(),
            work.cx.ids().uuid()
        ),
        other => other.text(),
    };
    Outcome::failed(failed("launching the instance(s)", &what, Stage::Invocation, problem.kind()))
}

/// Whether instances have reached a state; one that cannot reach it any more is a failure.
async fn reached(work: &Work<'_>, ids: &[String], desired: &str, outputs: Value) -> Outcome {
    let states = match states(work, ids).await {
        Ok(states) => states,
        Err(problem) => return work.refused(&problem),
    };
    if states.iter().all(|state| state == desired) {
        let mut outputs = outputs;
        if let Some(outputs) = outputs.as_object_mut() {
            outputs.insert("InstanceStates".to_owned(), json!(states));
        }
        return Work::done(outputs, None);
    }
    let gone = states.iter().position(|state| matches!(state.as_str(), "terminated" | "shutting-down") && desired != "terminated");
    if let Some(at) = gone {
        let (id, state) = (ids.get(at).map_or("", String::as_str), states.get(at).map_or("", String::as_str));
        // AWS: recorded.
        return work.fails(&format!("Instance {id} entered unexpected state: {state}"));
    }
    Outcome::Again(json!({"InstanceIds": ids}))
}

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-changestate.html>
pub async fn change_state(work: &Work<'_>) -> Outcome {
    let ids = work.texts("InstanceIds");
    let desired = work.text("DesiredState").unwrap_or_default();
    if ids.is_empty() {
        return work.fails("InstanceIds is empty");
    }
    if work.task.memo.is_none() && !work.flag("CheckStateOnly").unwrap_or(false) {
        let mut input = Map::new();
        input.insert("InstanceIds".to_owned(), json!(ids));
        let api = match desired.as_str() {
            "running" => "StartInstances",
            "stopped" => {
                input.extend(work.flag("Force").map(|force| ("Force".to_owned(), force.into())));
                "StopInstances"
            }
            "terminated" => "TerminateInstances",
            other => return work.fails(&format!("DesiredState must be running, stopped or terminated: {other}")),
        };
        if let Err(problem) = work.call("ec2", api, &Value::Object(input)).await {
            return work.refused(&problem);
        }
    }
    reached(work, &ids, &desired, json!({})).await
}

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-runinstance.html>
pub async fn run(work: &Work<'_>) -> Outcome {
    if let Some(ids) = work.memo("InstanceIds").and_then(Value::as_array) {
        let ids: Vec<String> = ids.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        return reached(work, &ids, "running", json!({"InstanceIds": ids})).await;
    }
    let mut input = Map::new();
    const SAME: [&str; 17] = [
        "ImageId",
        "AdditionalInfo",
        "BlockDeviceMappings",
        "ClientToken",
        "InstanceInitiatedShutdownBehavior",
        "InstanceType",
        "KernelId",
        "KeyName",
        "MetadataOptions",
        "NetworkInterfaces",
        "Placement",
        "PrivateIpAddress",
        "RamdiskId",
        "SecurityGroupIds",
        "SecurityGroups",
        "SubnetId",
        "TagSpecifications",
    ];
    for name in SAME {
        input.extend(work.value(name).filter(|value| value.as_str() != Some("")).map(|value| (name.to_owned(), value.clone())));
    }
    input.extend(work.text("UserData").map(|data| ("UserData".to_owned(), data.into())));
    input.extend(work.flag("DisableApiTermination").map(|flag| ("DisableApiTermination".to_owned(), flag.into())));
    input.extend(work.flag("EbsOptimized").map(|flag| ("EbsOptimized".to_owned(), flag.into())));
    input.extend(work.flag("Monitoring").map(|flag| ("Monitoring".to_owned(), json!({"Enabled": flag}))));
    let least = work.number("MinInstanceCount").unwrap_or(1);
    input.insert("MinCount".to_owned(), least.into());
    input.insert("MaxCount".to_owned(), work.number("MaxInstanceCount").unwrap_or(least).into());
    let profile = work.text("IamInstanceProfileArn").map(|arn| json!({"Arn": arn}));
    let profile = profile.or_else(|| work.text("IamInstanceProfileName").map(|name| json!({"Name": name})));
    input.extend(profile.map(|profile| ("IamInstanceProfile".to_owned(), profile)));
    let answer = match work.call("ec2", "RunInstances", &Value::Object(input)).await {
        Ok(answer) => answer,
        Err(problem) => return launching(work, &problem),
    };
    let instances = answer.get("Instances").and_then(Value::as_array).into_iter().flatten();
    let ids: Vec<String> = instances.filter_map(|instance| instance.get("InstanceId")?.as_str()).map(str::to_owned).collect();
    reached(work, &ids, "running", json!({"InstanceIds": ids})).await
}

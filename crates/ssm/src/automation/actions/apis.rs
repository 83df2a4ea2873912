//! Calls of APIs: `aws:executeAwsApi`, `aws:assertAwsResourceProperty`, `aws:waitForAwsResourceProperty`.

use crate::automation::work::{Outcome, Work};
use cloudlet_runbook::{
    machine::{Done, Stage, failed},
    selector::Selector,
    types::shown,
};
use serde_json::{Map, Value, json};

/// The inputs that are not the API's.
const OWN: [&str; 4] = ["Service", "Api", "PropertySelector", "DesiredValues"];

async fn answer(work: &Work<'_>) -> Result<Value, Outcome> {
    let (Some(service), Some(api)) = (work.text("Service"), work.text("Api")) else { return Err(work.fails("Service and Api are required")) };
    let input: Map<String, Value> = work
        .task
        .inputs
        .iter()
        .filter(|(name, value)| !OWN.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    work.call(&service, &api, &Value::Object(input)).await.map_err(|problem| work.refused(&problem))
}

pub async fn execute(work: &Work<'_>) -> Outcome {
    match answer(work).await {
        Ok(answer) => Outcome::done(Done { answer: Some(answer), ..Done::default() }),
        Err(outcome) => outcome,
    }
}

/// A value as the SDK for Python writes it: True and False.
fn written(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => shown(other),
    }
}

/// Whether the property has one of the desired values, and what it is.
fn property(work: &Work<'_>, answer: &Value) -> Result<(bool, String), Outcome> {
    let text = work.text("PropertySelector").unwrap_or_default();
    let Some(selector) = Selector::parse(&text) else {
        return Err(work.fails(&format!("The PropertySelector is not a JSONPath expression: {text}")));
    };
    let found = selector.select(answer);
    let desired: Vec<String> = match work.value("DesiredValues") {
        Some(Value::Array(items)) => items.iter().map(written).collect(),
        Some(other) => vec![written(other)],
        None => Vec::new(),
    };
    let is = |value: &Value| desired.iter().any(|one| *one == written(value) || value.is_boolean() && one.eq_ignore_ascii_case(&written(value)));
    let holds = match &found {
        Some(Value::Array(items)) => !items.is_empty() && items.iter().all(is),
        Some(value) => is(value),
        None => false,
    };
    Ok((holds, found.as_ref().map(written).unwrap_or_default()))
}

pub async fn assert_property(work: &Work<'_>) -> Outcome {
    let answer = match answer(work).await {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    match property(work, &answer) {
        Err(outcome) => outcome,
        Ok((true, _)) => Outcome::done(Done { answer: Some(answer), ..Done::default() }),
        Ok((false, found)) => {
            let desired = work.value("DesiredValues").map(shown).unwrap_or_default();
            // AWS: unverified wording.
            let what = format!("Property value from the API output: [{found}] is not in desired values: {desired}");
            Outcome::failed(failed("Execute/Cancelling action", &what, Stage::PostVerification, "Verification"))
        }
    }
}

pub async fn wait_for_property(work: &Work<'_>) -> Outcome {
    let answer = match answer(work).await {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    match property(work, &answer) {
        Err(outcome) => outcome,
        Ok((true, _)) => Outcome::done(Done { answer: Some(answer), ..Done::default() }),
        Ok((false, _)) => Outcome::Again(json!({})),
    }
}

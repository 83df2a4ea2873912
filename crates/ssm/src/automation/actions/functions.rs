//! `aws:invokeLambdaFunction`.

use crate::automation::work::{Outcome, Work};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_runbook::{machine::Done, types::shown};
use serde_json::{Map, Value, json};

/// AWS: bytes of a payload that are kept.
const LARGEST: usize = 200 * 1024;

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-lamb.html>
pub async fn invoke(work: &Work<'_>) -> Outcome {
    let mut input = Map::new();
    for name in ["FunctionName", "Qualifier", "InvocationType", "LogType", "ClientContext"] {
        input.extend(work.text(name).map(|text| (name.to_owned(), text.into())));
    }
    // AWS: InputPayload wins.
    let payload = work.value("InputPayload").map(ToString::to_string).or_else(|| work.text("Payload"));
    input.extend(payload.map(|payload| ("Payload".to_owned(), STANDARD.encode(payload).into())));
    let answer = match work.call("lambda", "Invoke", &Value::Object(input)).await {
        Ok(answer) => answer,
        Err(problem) => return work.refused(&problem),
    };
    let text = answer.get("Payload").map(shown).unwrap_or_default();
    let cut = (0..=LARGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let text = text.get(..cut).unwrap_or_default().to_owned();
    if let Some(error) = answer.get("FunctionError").map(shown) {
        // AWS: unverified wording.
        return work.fails(&format!("Lambda function returned an error: {error}. {text}"));
    }
    let inner: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
    let mut outputs = Map::new();
    outputs.extend(answer.get("StatusCode").map(|code| ("StatusCode".to_owned(), Value::String(shown(code)))));
    outputs.extend(answer.get("LogResult").map(|log| ("LogResult".to_owned(), log.clone())));
    outputs.insert("Payload".to_owned(), text.into());
    let selected = json!({"StatusCode": answer.get("StatusCode"), "LogResult": answer.get("LogResult"), "Payload": inner});
    Outcome::done(Done { outputs, answer: Some(selected), inner: Some(inner), response_code: answer.get("StatusCode").map(shown), ..Done::default() })
}

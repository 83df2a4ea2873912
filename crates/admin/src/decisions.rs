//! `/_cloudlet/iam/*`: why calls were allowed or denied, and the least policy that covers what a principal has called.
//! It is about decisions in general; no service is known here.

use crate::{
    admin::Admin,
    calls::outcome,
    response::{Answer, Parameters, Refusal, bad_request, not_found},
};
use axum::{
    Json,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use cloudlet_aws::TimestampFormat;
use cloudlet_cloud::DecisionRecord;
use cloudlet_engine::{AuthOutcome, without_password};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Decisions of a page, unless the request says how many.
const DEFAULT_LIMIT: usize = 100;

const OUTCOMES: [AuthOutcome; 4] = [AuthOutcome::Allowed, AuthOutcome::Denied, AuthOutcome::Tolerated, AuthOutcome::NotChecked];

/// Each but `limit` and `format` may hold `*`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    request: Option<String>,
    principal: Option<String>,
    action: Option<String>,
    resource: Option<String>,
    /// `allowed`, `denied`, `tolerated`, `not checked`.
    effect: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    /// For people.
    Text,
}

impl Filter {
    fn matches(&self, decision: &DecisionRecord) -> bool {
        let matches = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| is_like(pattern, text));
        matches(&self.request, &decision.request.request_id)
            && matches(&self.principal, decision.principal())
            && matches(&self.action, decision.permission.action)
            && matches(&self.resource, decision.permission.resource.as_str())
            && matches(&self.effect, outcome(decision.outcome))
    }
}

/// The decisions that match, the newest first.
pub async fn list(State(admin): State<Admin>, Parameters(filter): Parameters<Filter>) -> Result<Response, Refusal> {
    if let Some(effect) = filter.effect.as_ref().filter(|effect| !OUTCOMES.map(outcome).contains(&effect.as_str())) {
        return Err(bad_request(format!("effect={effect} is none of {}", OUTCOMES.map(outcome).join(", "))));
    }
    let found = admin.cloud.decisions().into_iter().filter(|decision| filter.matches(decision));
    let found: Vec<DecisionRecord> = found.take(filter.limit.unwrap_or(DEFAULT_LIMIT)).collect();
    if filter.format == Format::Json {
        return Ok(Json::<Value>(found.iter().map(as_json).collect()).into_response());
    }
    if found.is_empty() {
        return Err(not_found("No remembered decision matches. The log holds the latest calls, and a few operations need no permission."));
    }
    let text: String = found.iter().rev().map(as_text).collect();
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyOf {
    /// The ARN of a user or a role.
    principal: Option<String>,
}

/// The least policy for a principal.
pub async fn policy(State(admin): State<Admin>, Parameters(of): Parameters<PolicyOf>) -> Answer {
    let principal = of.principal.ok_or_else(|| bad_request("The parameter principal is missing: ?principal=arn:aws:iam::…"))?;
    let policy = admin.cloud.least_policy(&principal);
    policy.map(Json).ok_or_else(|| not_found("This principal has called nothing since the start."))
}

/// The condition keys of the request. A value may be an endpoint with a password.
fn context(decision: &DecisionRecord) -> Map<String, Value> {
    let keys = decision.keys();
    let value = |values: &[cloudlet_engine::Value]| match values {
        [one] => Value::from(without_password(one)),
        many => many.iter().map(|value| Value::from(without_password(value))).collect(),
    };
    keys.iter().map(|(name, values)| (name.to_owned(), value(values))).collect()
}

fn as_json(decision: &DecisionRecord) -> Value {
    json!({
        "request_id": &*decision.request.request_id,
        "at": decision.request.now.text(TimestampFormat::DateTime),
        "principal": decision.principal(),
        "action": decision.permission.action,
        "resource": decision.permission.resource.as_str(),
        "effect": outcome(decision.outcome),
        "reason": decision.reason,
        "context": context(decision),
        "explanation": decision.explain(),
    })
}

fn as_text(decision: &DecisionRecord) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{} {}", decision.request.now.text(TimestampFormat::DateTime), decision.request.request_id);
    let _ = writeln!(text, "{} needed {} on {}", decision.principal(), decision.permission.action, decision.permission.resource.as_str());
    let _ = writeln!(text, "{}: {}", outcome(decision.outcome), decision.reason);
    let _ = writeln!(text, "{}", decision.explain());
    let _ = writeln!(text, "the request's condition keys:");
    for (name, value) in context(decision) {
        let _ = writeln!(text, "  {name} = {value}");
    }
    text.push('\n');
    text
}

/// Whether a text matches a pattern, in which `*` stands for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else { return false };
    let mut last = None;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
        last = Some(part);
    }
    match last {
        None => rest.is_empty(),
        Some(tail) => rest.is_empty() || tail.is_empty() || text.ends_with(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text) in [("a*c", "abbc"), ("*", "x"), ("s3:Get*", "s3:GetObject"), ("*user/bob", "arn:aws:iam::1:user/bob"), ("a", "a")] {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("s3:*", "sqs:x"), ("*bob", "bobby")] {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }
}

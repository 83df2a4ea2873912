//! `/_cloudlet/iam/*`: why calls were allowed or denied, and the least policy that covers what a principal has called.
//! Of decisions in general; no service is known here.

use crate::routes::{refusal, shown};
use cloudlet_aws::{Arn, TimestampFormat};
use cloudlet_cloud::{Cloud, DecisionRecord};
use cloudlet_engine::AuthOutcome;
use cloudlet_gateway::Plain;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// A page of decisions, unless asked for more.
const USUAL: usize = 100;

const TEXT: &str = "text/plain; charset=utf-8";
const EFFECTS: [AuthOutcome; 4] = [AuthOutcome::Allowed, AuthOutcome::Denied, AuthOutcome::Tolerated, AuthOutcome::NotChecked];
/// What can be asked of decisions.
pub const FILTERS: &[&str] = &["request", "principal", "action", "resource", "effect", "limit", "format"];

/// The decisions that fit, the newest first: by `request`, `principal`, `action`, `resource` (each may hold `*`), and
/// `effect` (`allowed`, `denied`, `tolerated`, `unasked`). `format=text` is for people.
pub fn decisions(cloud: &Cloud, asked: impl Fn(&str) -> Option<String>) -> Plain {
    let (request, principal, action, resource) = (asked("request"), asked("principal"), asked("action"), asked("resource"));
    let effect = asked("effect");
    if let Some(effect) = effect.as_ref().filter(|effect| !EFFECTS.map(word).contains(&effect.as_str())) {
        return refusal(400, &format!("effect={effect} is none of {}", EFFECTS.map(word).join(", ")));
    }
    let limit = match asked("limit").map(|limit| limit.parse()) {
        None => USUAL,
        Some(Ok(limit)) => limit,
        Some(Err(_)) => return refusal(400, "limit is a number"),
    };
    let fits = |decided: &DecisionRecord| {
        let like = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| is_like(pattern, text));
        like(&request, &decided.request.request_id)
            && like(&principal, decided.principal())
            && like(&action, decided.permission.action)
            && like(&resource, decided.permission.resource.as_str())
            && effect.as_ref().is_none_or(|wanted| wanted == word(decided.outcome))
    };
    let found: Vec<DecisionRecord> = cloud.decisions().into_iter().filter(fits).take(limit).collect();
    if asked("format").as_deref() == Some("text") {
        if found.is_empty() {
            let why = "no decision that is remembered fits: the log holds the latest calls, and a few operations ask nobody";
            return Plain { status: 404, content_type: TEXT.into(), body: why.into() };
        }
        let text: String = found.iter().rev().map(for_people).collect();
        return Plain { status: 200, content_type: TEXT.into(), body: text.into() };
    }
    shown(found.iter().map(for_machines).collect())
}

/// The least policy for `principal`, the ARN of a user or a role.
pub fn policy(cloud: &Cloud, asked: impl Fn(&str) -> Option<String>) -> Plain {
    match asked("principal") {
        None => refusal(400, "say whose: ?principal=arn:aws:iam::…"),
        Some(principal) => match cloud.least_policy(&principal) {
            Some(policy) => shown(policy),
            None => refusal(404, "this principal has called nothing since the start"),
        },
    }
}

fn word(effect: AuthOutcome) -> &'static str {
    match effect {
        AuthOutcome::Allowed => "allowed",
        AuthOutcome::Denied => "denied",
        AuthOutcome::Tolerated => "tolerated",
        AuthOutcome::NotChecked => "unasked",
    }
}

fn on(arn: &Arn) -> &str {
    arn.as_str()
}

fn context(decided: &DecisionRecord) -> Map<String, Value> {
    let keys = decided.keys();
    let value = |values: &[cloudlet_engine::Value]| match values {
        [one] => Value::from(&**one),
        many => many.iter().map(|value| Value::from(&**value)).collect(),
    };
    keys.iter().map(|(name, values)| (name.to_owned(), value(values))).collect()
}

fn for_machines(decided: &DecisionRecord) -> Value {
    json!({
        "request_id": &*decided.request.request_id,
        "at": decided.request.now.text(TimestampFormat::DateTime),
        "principal": decided.principal(),
        "action": decided.permission.action,
        "resource": on(&decided.permission.resource),
        "effect": word(decided.outcome),
        "reason": decided.reason,
        "context": context(decided),
        "explanation": decided.explain(),
    })
}

fn for_people(decided: &DecisionRecord) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{} {}", decided.request.now.text(TimestampFormat::DateTime), decided.request.request_id);
    let _ = writeln!(text, "{} asked for {} on {}", decided.principal(), decided.permission.action, on(&decided.permission.resource));
    let _ = writeln!(text, "{}: {}", word(decided.outcome), decided.reason);
    let _ = writeln!(text, "{}", decided.explain());
    let _ = writeln!(text, "the request's keys:");
    for (name, value) in context(decided) {
        let _ = writeln!(text, "  {name} = {value}");
    }
    text.push('\n');
    text
}

/// `*` stands for anything.
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

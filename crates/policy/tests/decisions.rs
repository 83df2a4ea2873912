//! The cases of `cases/*.json`: a request, its policies, and what AWS says to it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::{Map, Value};
use support::{Actor, Setting};

#[test]
fn every_case_is_decided_as_written() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/decisions");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut count, mut wrong) = (0, Vec::new());
    for file in files {
        let content: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let shared = content["documents"].as_object().cloned().unwrap_or_default();
        for case in content["cases"].as_array().unwrap() {
            count += 1;
            if let Err(text) = check(case.as_object().unwrap(), &shared) {
                wrong.push(format!("{}: {}: {text}", file.file_name().unwrap().to_string_lossy(), case["name"].as_str().unwrap()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 150, "only {count} cases");
}

fn check(case: &Map<String, Value>, shared: &Map<String, Value>) -> Result<(), String> {
    const FIELDS: [&str; 22] = [
        "name",
        "as",
        "do",
        "on",
        "owner",
        "keys",
        "identity",
        "groups",
        "boundary",
        "session",
        "resource",
        "trust",
        "key",
        "grant",
        "vpc_endpoint",
        "scp",
        "rcp",
        "expect",
        "sid",
        "message",
        "source",
        "misses",
    ];
    if let Some(field) = case.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        return Err(format!("what is '{field}'?"));
    }
    let text = |field: &str| case.get(field).and_then(Value::as_str);
    let setting = Setting::of(case, shared);
    let actor = Actor::parse(text("as").unwrap_or("user alice"));
    let answer = setting.ask(&actor, text("do").unwrap(), text("on").unwrap_or("*"), text("owner"));
    let expected = text("expect").unwrap();
    if answer.short() != expected {
        return Err(format!("expected {expected}, got {}\n{}", answer.short(), answer.explanation));
    }
    if let Some(sid) = text("sid")
        && answer.sid.as_deref() != Some(sid)
    {
        return Err(format!("expected statement {sid}, got {:?}", answer.sid));
    }
    if let Some(message) = text("message")
        && answer.message != message
    {
        return Err(format!("expected message\n  {message}\ngot\n  {}", answer.message));
    }
    Ok(())
}

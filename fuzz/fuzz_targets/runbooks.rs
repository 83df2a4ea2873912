//! Automation documents, their variables and selectors: whatever is accepted can be started, and the machine survives any events.
#![no_main]

use cloudlet_runbook::{
    Runbook, Type,
    approvals::{Principal, names},
    machine::{About, Done, Effect, Event, Machine, Stage, failed},
    selector::Selector,
    template::{member, references, resolve, whole},
    time,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

/// Answers what is asked, as the bytes say, until nothing is.
fn drive(runbook: &Runbook, interactive: bool, bytes: &[u8]) {
    let mut parameters = Map::new();
    for (name, parameter) in &runbook.parameters {
        parameters.insert(name.clone(), parameter.default.clone().unwrap_or_else(|| json!("x")));
    }
    let (mut machine, mut effects) = Machine::start(runbook, About::default(), interactive, parameters, 0);
    let by = Principal { arn: "a".into(), user: Some("a".into()), ..Principal::default() };
    let mut now = 0;
    for byte in bytes.iter().take(64) {
        let task = effects.iter().rev().find_map(|effect| if let Effect::Perform(task) = effect { Some(task.number) } else { None });
        let timer = machine.timers().first().copied().unwrap_or(1);
        now += 1_000;
        let event = match (byte % 12, task) {
            (0..=3, Some(task)) => {
                Event::Done { task, done: Box::new(Done { answer: Some(json!({"a": [1, {"b": "c"}], "d": "e"})), ..Done::default() }) }
            }
            (4, Some(task)) => Event::Failed { task, failure: Box::new(failed("x", "y", Stage::Invocation, "Action")) },
            (5, Some(task)) => Event::Again { task, memo: json!({}), after: 10 },
            (6, _) => Event::Approve { by: by.clone(), comment: None },
            (7, _) => Event::Resume { step: None },
            (8, _) => Event::StartStep { step: None },
            (9, _) => Event::Cancel,
            (10, _) => Event::Complete,
            _ => Event::Fired { timer },
        };
        if let Ok(more) = machine.step(runbook, event, now) {
            effects = more;
        }
        let text = serde_json::to_string(&machine).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&text).unwrap(), machine);
        if machine.status().is_over() {
            assert!(machine.timers().is_empty() && machine.task().is_none());
            let _ = machine.document_outputs(runbook);
            return;
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(document) = serde_json::from_str::<Value>(text)
        && let Ok(runbook) = Runbook::read(&document)
    {
        drive(&runbook, bytes.len() % 2 == 0, bytes);
        for step in runbook.all_steps() {
            let _ = runbook.valid_next_steps(step);
        }
    }
    for reference in references(text) {
        assert_eq!(text.get(reference.at.clone()).and_then(whole), Some(reference.name));
    }
    let value = json!({"a": [1, {"b": "c"}], "d": "e"});
    let _ = resolve(&json!({ text: [text] }), &|name| if name.len() % 2 == 0 { Some(json!(["a", {"b": name}])) } else { None });
    let _ = member(&value, text);
    if let Some(selector) = Selector::parse(text) {
        let _ = selector.select(&value);
    }
    for of in [Type::String, Type::StringList, Type::Boolean, Type::Integer, Type::StringMap, Type::MapList] {
        if let Some(value) = of.read(&[text.to_owned()]) {
            assert!(of.fits(&value));
        }
    }
    let _ = (time::duration(text), time::instant(text), Type::parse(text), names(text, &Principal::default()));
});

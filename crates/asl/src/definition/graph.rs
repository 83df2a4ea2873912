//! Transitions: targets that do not exist, states that nothing leads to, scopes without an end.

use super::{
    diagnostics::Code,
    fields::{Checker, Fields},
    types::{Detail, Language, State, States},
};
use serde_json::Value;
use std::collections::HashSet;

/// Checks one scope; those inside it are checked when they are read.
pub(super) fn check(checker: &mut Checker<'_>, scope: &States, location: &str) {
    let missing = |checker: &mut Checker<'_>, target: &str, at: String| {
        checker.note(Code::MissingTransitionTarget, format!("Missing 'Next' target: {target}"), Some(at));
    };
    if !scope.states.contains_key(&scope.start_at) && !scope.start_at.is_empty() {
        missing(checker, &scope.start_at, format!("{location}/StartAt"));
    }
    let mut ends = false;
    for state in scope.states.values() {
        let transitions = transitions(state);
        ends |= is_terminal(state);
        for (target, field) in &transitions {
            if !scope.states.contains_key(target) {
                missing(checker, target, format!("{location}/States/{}/{field}", state.name));
            }
        }
    }
    if !ends && !scope.states.is_empty() {
        // AWS: says nothing of unreachable states then, and has no location.
        if !checker.diagnostics.iter().any(|diagnostic| diagnostic.code == Code::MissingEndState) {
            checker.note(Code::MissingEndState, "Workflow has no terminal state", None);
        }
        return;
    }
    let mut reached: HashSet<&str> = HashSet::new();
    let mut pending = vec![scope.start_at.clone()];
    while let Some(name) = pending.pop() {
        let Some(state) = scope.states.get(&name) else { continue };
        if reached.insert(&state.name) {
            pending.extend(transitions(state).into_iter().map(|(target, _)| target));
        }
    }
    for state in scope.states.values().filter(|state| !reached.contains(state.name.as_str())) {
        let at = format!("{location}/States/{}", state.name);
        checker.note(Code::MissingTransitionTarget, format!("State \"{}\" is not reachable.", state.name), Some(at));
    }
}

fn is_terminal(state: &State) -> bool {
    match &state.detail {
        Detail::Succeed | Detail::Fail { .. } => true,
        Detail::Choice { .. } => false,
        _ => state.next.is_none(),
    }
}

/// Where a state can lead, and in which field it says so.
fn transitions(state: &State) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = state.next.iter().map(|next| (next.clone(), "Next".to_owned())).collect();
    if let Detail::Choice { rules, default } = &state.detail {
        out.extend(rules.iter().enumerate().map(|(index, rule)| (rule.next.clone(), format!("Choices[{index}]/Next"))));
        out.extend(default.iter().map(|default| (default.clone(), "Default".to_owned())));
    }
    out.extend(state.catch.iter().enumerate().map(|(index, catcher)| (catcher.next.clone(), format!("Catch[{index}]/Next"))));
    out.retain(|(target, _)| !target.is_empty());
    out
}

/// The variables that the states of a scope assign, without those of the scopes inside.
pub(super) fn assigned_names(members: &Fields, language: Language) -> Vec<String> {
    let mut out = Vec::new();
    for state in members.values() {
        let own = match state.get("QueryLanguage").and_then(Value::as_str) {
            Some("JSONata") => Language::Jsonata,
            Some(_) => Language::JsonPath,
            None => language,
        };
        let lists = ["Catch", "Choices"].into_iter().filter_map(|name| state.get(name)).filter_map(Value::as_array).flatten();
        for names in std::iter::once(state).chain(lists).filter_map(|holder| holder.get("Assign")).filter_map(Value::as_object) {
            let name = |name: &String| if own == Language::JsonPath { name.strip_suffix(".$").unwrap_or(name).to_owned() } else { name.clone() };
            out.extend(names.keys().map(name));
        }
    }
    out
}

//! What the text of a state may refer to, so that large values are copied only where they are wanted.

use super::types::{ContextUse, Language};

pub(super) struct Usage {
    pub context: ContextUse,
    pub input: bool,
}

/// Parts of the context object that do not hold the execution's input.
const SMALL: [&str; 10] = [
    ".Map",
    ".StateMachine",
    ".State.",
    ".Task",
    ".Execution.Id",
    ".Execution.Name",
    ".Execution.RoleArn",
    ".Execution.StartTime",
    ".Execution.RedriveCount",
    ".Execution.RedriveTime",
];

pub(super) fn of(text: &str, language: Language) -> Usage {
    let marker = if language == Language::Jsonata { "context" } else { "$$" };
    let mut context = ContextUse::Nothing;
    // A machine in JSONPath may have states in JSONata.
    for marker in [marker, "$$", "context"] {
        for (at, _) in text.match_indices(marker) {
            let rest = text.get(at + marker.len()..).unwrap_or_default();
            if !SMALL.iter().any(|part| rest.starts_with(part)) {
                return Usage { context: ContextUse::Whole, input: uses_input(text) };
            }
            context = ContextUse::WithoutInput;
        }
    }
    // `$states` as a whole holds the context too.
    if text.match_indices("$states").any(|(at, name)| !text.get(at + name.len()..).unwrap_or_default().starts_with('.')) {
        context = ContextUse::Whole;
    }
    Usage { context, input: uses_input(text) }
}

fn uses_input(text: &str) -> bool {
    text.match_indices("$states").any(|(at, name)| {
        let rest = text.get(at + name.len()..).unwrap_or_default();
        !["result", "errorOutput", "context"].iter().any(|field| rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(field)))
    })
}

//! Which state type has which fields, in which query language.

use super::types::{Language, StateType};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Both,
    JsonPath,
    Jsonata,
}

use StateType::{Choice, Fail, Map, Parallel, Pass, Succeed, Task, Wait};

const ANY: &[StateType] = StateType::ALL;
const FLOW: &[StateType] = &[Task, Parallel, Map, Pass, Wait];
const WORK: &[StateType] = &[Task, Parallel, Map];
const PATHS: &[StateType] = &[Task, Parallel, Map, Pass, Wait, Choice, Succeed];

const FIELDS: &[(&str, Of, &[StateType])] = &[
    ("Type", Of::Both, ANY),
    ("Comment", Of::Both, ANY),
    ("QueryLanguage", Of::Both, ANY),
    ("Next", Of::Both, FLOW),
    ("End", Of::Both, FLOW),
    ("InputPath", Of::JsonPath, PATHS),
    ("OutputPath", Of::JsonPath, PATHS),
    ("Parameters", Of::JsonPath, &[Task, Parallel, Map, Pass]),
    ("ResultSelector", Of::JsonPath, WORK),
    ("ResultPath", Of::JsonPath, &[Task, Parallel, Map, Pass]),
    ("Result", Of::JsonPath, &[Pass]),
    ("Arguments", Of::Jsonata, &[Task, Parallel]),
    ("Output", Of::Jsonata, PATHS),
    ("Assign", Of::Both, &[Task, Parallel, Map, Pass, Wait, Choice]),
    ("Retry", Of::Both, WORK),
    ("Catch", Of::Both, WORK),
    ("Resource", Of::Both, &[Task]),
    ("TimeoutSeconds", Of::Both, &[Task]),
    ("TimeoutSecondsPath", Of::JsonPath, &[Task]),
    ("HeartbeatSeconds", Of::Both, &[Task]),
    ("HeartbeatSecondsPath", Of::JsonPath, &[Task]),
    ("Credentials", Of::Both, &[Task]),
    ("Seconds", Of::Both, &[Wait]),
    ("SecondsPath", Of::JsonPath, &[Wait]),
    ("Timestamp", Of::Both, &[Wait]),
    ("TimestampPath", Of::JsonPath, &[Wait]),
    ("Error", Of::Both, &[Fail]),
    ("ErrorPath", Of::JsonPath, &[Fail]),
    ("Cause", Of::Both, &[Fail]),
    ("CausePath", Of::JsonPath, &[Fail]),
    ("Choices", Of::Both, &[Choice]),
    ("Default", Of::Both, &[Choice]),
    ("Branches", Of::Both, &[Parallel]),
    ("ItemProcessor", Of::Both, &[Map]),
    ("Iterator", Of::Both, &[Map]),
    ("ItemsPath", Of::JsonPath, &[Map]),
    ("Items", Of::Jsonata, &[Map]),
    ("ItemSelector", Of::Both, &[Map]),
    ("MaxConcurrency", Of::Both, &[Map]),
    ("MaxConcurrencyPath", Of::JsonPath, &[Map]),
    ("Label", Of::Both, &[Map]),
    ("ItemReader", Of::Both, &[Map]),
    ("ItemBatcher", Of::Both, &[Map]),
    ("ResultWriter", Of::Both, &[Map]),
    ("ToleratedFailureCount", Of::Both, &[Map]),
    ("ToleratedFailureCountPath", Of::JsonPath, &[Map]),
    ("ToleratedFailurePercentage", Of::Both, &[Map]),
    ("ToleratedFailurePercentagePath", Of::JsonPath, &[Map]),
];

/// What AWS says of a field that a state may not have.
pub(super) fn refusal(field: &str, kind: StateType, language: Language) -> Option<String> {
    let entry = FIELDS.iter().find(|(name, _, kinds)| *name == field && kinds.contains(&kind));
    match entry {
        None => Some(format!("Field '{field}' is not supported")),
        Some((_, of, _)) => wrong_language(field, *of, language),
    }
}

fn wrong_language(field: &str, of: Of, language: Language) -> Option<String> {
    let only = match (of, language) {
        (Of::Jsonata, Language::JsonPath) => Language::Jsonata,
        (Of::JsonPath, Language::Jsonata) => Language::JsonPath,
        _ => return None,
    };
    Some(format!("The QueryLanguage is set to '{}', but field '{field}' is only supported for the '{}' QueryLanguage", language.name(), only.name()))
}

/// The same for a field of something inside a state, such as a catcher.
pub(super) fn language_refusal(field: &str, only: Language, language: Language) -> Option<String> {
    wrong_language(field, if only == Language::Jsonata { Of::Jsonata } else { Of::JsonPath }, language)
}

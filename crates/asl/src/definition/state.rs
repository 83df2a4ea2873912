//! Reads machines, scopes and states.

use super::{
    choice,
    diagnostics::Code,
    fields::{Checker, Fields},
    graph, map, parameters,
    resource::{Pattern, Resource},
    table::{language_refusal, refusal},
    types::{Amount, Catcher, ContextUse, Definition, Detail, Language, PathField, Retrier, State, StateType, States, WaitFor, WorkflowType},
    usage,
};
use crate::{jsonata::expression_text, template::Template, text::to_text, time};
use indexmap::IndexMap;
use serde_json::{Value, json};

/// AWS: the longest wait and the longest timeout.
const LONGEST_SECONDS: i64 = 99_999_999;
const MACHINE_FIELDS: [&str; 6] = ["Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"];
const LONGEST_NAME: usize = 80;
/// AWS: the name of a state that is tested by itself.
pub const ALONE: &str = "StateName";

pub(super) fn read_definition(checker: &mut Checker<'_>, value: &Value) -> Option<Definition> {
    let fields = checker.object(value, "")?;
    for name in fields.keys().filter(|name| !MACHINE_FIELDS.contains(&name.as_str())) {
        checker.refuse(format!("Field '{name}' is not supported"), "/");
    }
    checker.language = language(checker, fields, "").unwrap_or(Language::JsonPath);
    if let Some(version) = checker.string(fields, "Version", "").filter(|version| version != "1.0") {
        checker.refuse(format!("Version '{version}' is not supported"), "/Version");
    }
    let comment = checker.string(fields, "Comment", "");
    let timeout_seconds = checker.whole(fields, "TimeoutSeconds", 1, LONGEST_SECONDS, "");
    let states = checker.states(fields, "")?;
    graph::check(checker, &states, "");
    Some(Definition { comment, timeout_seconds, language: checker.language, states })
}

/// A state by itself, which may lead anywhere.
pub(super) fn read_alone(checker: &mut Checker<'_>, value: &Value) -> Option<Definition> {
    let mut scope = Fields::new();
    scope.insert("StartAt".to_owned(), ALONE.into());
    scope.insert("States".to_owned(), json!({ALONE: value}));
    let states = checker.states(&scope, "")?;
    Some(Definition { comment: None, timeout_seconds: None, language: checker.language, states })
}

fn language(checker: &mut Checker<'_>, fields: &Fields, location: &str) -> Option<Language> {
    match fields.get("QueryLanguage")?.as_str() {
        Some("JSONata") => Some(Language::Jsonata),
        Some("JSONPath") => Some(Language::JsonPath),
        _ => {
            checker.refuse("The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]", format!("{location}/QueryLanguage"));
            None
        }
    }
}

impl Checker<'_> {
    /// StartAt and States of a machine, a branch or an item processor.
    pub fn states(&mut self, fields: &Fields, location: &str) -> Option<States> {
        self.require(fields, &["StartAt", "States"], location);
        let start_at = self.string(fields, "StartAt", location).unwrap_or_default();
        let here = format!("{location}/States");
        let members = self.object(fields.get("States")?, &here)?;
        if members.is_empty() {
            self.refuse("Value cannot be empty", here.clone());
        }
        // What this scope assigns is outside of the scopes in it.
        let own = graph::assigned_names(members, self.language);
        let around = self.outer.len();
        let mut states = IndexMap::new();
        for (name, value) in members {
            let location = format!("{here}/{name}");
            if name.is_empty() || name.chars().count() > LONGEST_NAME {
                self.note(Code::InvalidStateName, "State name must have 1 to 80 characters", Some(location.clone()));
            }
            if self.names.contains(name) {
                self.note(Code::DuplicateStateName, format!("Duplicate State name: {name}"), Some(location.clone()));
            }
            self.names.push(name.clone());
            if let Some(state) = read_state(self, name, value, &location, &own) {
                states.insert(name.clone(), state);
            }
        }
        self.outer.truncate(around);
        Some(States { start_at, states })
    }
}

fn read_state(checker: &mut Checker<'_>, name: &str, value: &Value, location: &str, own: &[String]) -> Option<State> {
    let fields = checker.object(value, location)?;
    if !fields.contains_key("Type") {
        checker.require(fields, &["Type"], location);
        return None;
    }
    let type_name = fields.get("Type").and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = StateType::ALL.iter().copied().find(|kind| kind.name() == type_name) else {
        let names: Vec<_> = StateType::ALL.iter().map(|kind| kind.name()).collect();
        checker.refuse(format!("The field 'Type' should have one of these values: [{}]", names.join(", ")), format!("{location}/Type"));
        return None;
    };
    let language = match (language(checker, fields, location), checker.language) {
        (Some(Language::JsonPath), Language::Jsonata) => {
            checker.refuse("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", location);
            Language::JsonPath
        }
        (own, machine) => own.unwrap_or(machine),
    };
    for field in fields.keys() {
        if let Some(message) = refusal(field, kind, language) {
            checker.refuse(message, location);
        }
    }
    checker.variables.clear();
    let works = matches!(kind, StateType::Task | StateType::Parallel | StateType::Map);
    let results: &[&str] = if works { &["result"] } else { &[] };
    let own_fields: Fields = fields
        .iter()
        .filter(|(name, _)| !["Branches", "ItemProcessor", "Iterator"].contains(&name.as_str()))
        .map(|(name, field)| (name.clone(), field.clone()))
        .collect();
    let own_uses = usage::of(&to_text(&Value::Object(own_fields)), language);
    let mut state = State {
        name: name.to_owned(),
        kind,
        language,
        next: None,
        input_path: checker.path(fields, "InputPath", location),
        output_path: checker.path(fields, "OutputPath", location),
        result_path: checker.result_path(fields, location),
        parameters: if kind == StateType::Map { None } else { checker.payload(fields, "Parameters", language, &[], location) },
        result_selector: checker.payload(fields, "ResultSelector", language, &[], location),
        arguments: checker.payload(fields, "Arguments", language, &[], location),
        output: checker.payload(fields, "Output", language, results, location),
        assign: checker.assign(fields, language, results, location),
        retry: retriers(checker, fields, location),
        catch: catchers(checker, fields, language, location),
        detail: Detail::Succeed,
        variables: Vec::new(),
        context: own_uses.context,
        uses_input: own_uses.input,
        any_context: usage::of(&to_text(value), language).context != ContextUse::Nothing,
    };
    state.next = transition(checker, fields, kind, location);
    let (detail, variables) = {
        let simple = !matches!(kind, StateType::Parallel | StateType::Map);
        let detail = if simple { detail(checker, fields, kind, language, location) } else { None };
        let mut variables = std::mem::take(&mut checker.variables);
        match detail {
            Some(detail) => (Some(detail), variables),
            None if simple => (None, variables),
            None => {
                let around = checker.outer.len();
                let detail = match kind {
                    StateType::Parallel => {
                        checker.outer.extend(own.iter().cloned());
                        parallel(checker, fields, location)
                    }
                    _ => map::read(checker, fields, language, location, own),
                };
                checker.outer.truncate(around);
                if let Some(Detail::Map(map)) = &detail {
                    variables.extend(map.variables.iter().filter(|name| !variables.contains(name)).cloned().collect::<Vec<_>>());
                }
                (detail, variables)
            }
        }
    };
    (state.detail, state.variables) = (detail?, variables);
    Some(state)
}

fn transition(checker: &mut Checker<'_>, fields: &Fields, kind: StateType, location: &str) -> Option<String> {
    if matches!(kind, StateType::Choice | StateType::Succeed | StateType::Fail) {
        return None;
    }
    let next = checker.string(fields, "Next", location);
    let end = match fields.get("End") {
        Some(Value::Bool(end)) => *end,
        Some(_) => {
            checker.refuse("Expected value of type Boolean", format!("{location}/End"));
            true
        }
        None => false,
    };
    // AWS: unverified wording of both.
    if end && next.is_some() {
        checker.refuse("Only one of these fields is allowed: [Next, End]", location);
    } else if !end && !fields.contains_key("Next") {
        checker.refuse("One of these fields is required: [Next, End]", location);
    }
    next
}

fn detail(checker: &mut Checker<'_>, fields: &Fields, kind: StateType, language: Language, location: &str) -> Option<Detail> {
    match kind {
        StateType::Task => task(checker, fields, language, location),
        StateType::Wait => wait(checker, fields, language, location).map(Detail::Wait),
        StateType::Pass => {
            let result = fields.get("Result").cloned();
            if result.as_ref().and_then(Value::as_str).is_some_and(|text| text.starts_with("$.") || text == "$") {
                checker.note(Code::PassResultIsStatic, "The Result of a Pass state is not a path", Some(format!("{location}/Result")));
            }
            Some(Detail::Pass { result })
        }
        StateType::Succeed => Some(Detail::Succeed),
        StateType::Fail => Some(fail(checker, fields, language, location)),
        StateType::Choice => choice::read(checker, fields, language, location),
        StateType::Parallel | StateType::Map => None,
    }
}

fn task(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<Detail> {
    checker.require(fields, &["Resource"], location);
    let arn = checker.string(fields, "Resource", location)?;
    let here = format!("{location}/Resource");
    let Some(resource) = Resource::parse(&arn) else {
        checker.refuse("Value is not a valid resource ARN", here);
        return None;
    };
    let express = checker.workflow == WorkflowType::Express;
    match &resource {
        Resource::Activity(_) if express => checker.refuse("Express state machine does not support Activity ARN", here),
        Resource::Service(integration) => {
            if !(checker.lookup)(integration) {
                let message = format!(
                    "The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
                );
                checker.refuse(message, here);
            } else if express {
                // AWS: the second has a space too many.
                match integration.pattern {
                    Pattern::Sync | Pattern::Sync2 => checker.refuse("Express state machine does not support '.sync' service integration", here),
                    Pattern::WaitForTaskToken => {
                        checker.refuse("Express state machine does not support '.waitForTaskToken' service integration ", here)
                    }
                    Pattern::RequestResponse => {}
                }
            }
        }
        _ => {}
    }
    if let Resource::Service(integration) = &resource {
        parameters::check(checker, integration, fields, language, location);
    }
    let timeout = checker.amount(fields, "TimeoutSeconds", (1, LONGEST_SECONDS), language, location);
    let heartbeat = checker.amount(fields, "HeartbeatSeconds", (1, LONGEST_SECONDS), language, location);
    if let (Amount::Number(timeout), Amount::Number(heartbeat)) = (&timeout, &heartbeat)
        && heartbeat.as_i64() >= timeout.as_i64()
    {
        checker.refuse("HeartbeatSeconds must be smaller than TimeoutSeconds", location);
    }
    Some(Detail::Task { resource, arn, timeout, heartbeat, credentials: credentials(checker, fields, language, location) })
}

fn credentials(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<Template> {
    let here = format!("{location}/Credentials");
    let members = checker.object(fields.get("Credentials")?, &here)?;
    if !members.contains_key("RoleArn") && !members.contains_key("RoleArn.$") {
        checker.refuse("The field 'RoleArn' is required but was missing", here);
        return None;
    }
    checker.payload(fields, "Credentials", language, &[], location)
}

fn wait(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<WaitFor> {
    const FORMS: [&str; 4] = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
    let given: Vec<&str> = FORMS.into_iter().filter(|name| fields.contains_key(*name)).collect();
    let [form] = given.as_slice() else {
        checker.refuse(format!("Exactly one of these fields is required: [{}]", FORMS.join(", ")), location);
        return None;
    };
    let here = format!("{location}/{form}");
    let value = fields.get(*form)?;
    let expression = value.as_str().and_then(expression_text).filter(|_| language == Language::Jsonata);
    match *form {
        "Seconds" => {
            match expression {
                Some(text) => {
                    checker.expression(text, &[], &here)?;
                }
                None => {
                    checker.whole(fields, form, 0, LONGEST_SECONDS, location)?;
                }
            }
            Some(WaitFor::Seconds(Template::jsonata(value)))
        }
        "Timestamp" => {
            let text = checker.string(fields, form, location)?;
            match expression {
                Some(text) => {
                    checker.expression(text, &[], &here)?;
                }
                None if time::parse(&text).is_none() => checker.refuse("String does not match RFC3339 timestamp", here),
                None => {}
            }
            Some(WaitFor::Timestamp(Template::jsonata(value)))
        }
        _ => {
            let text = checker.string(fields, form, location)?;
            let path = checker.path_text(&text, &here)?;
            Some(if *form == "SecondsPath" { WaitFor::SecondsPath(path) } else { WaitFor::TimestampPath(path) })
        }
    }
}

fn fail(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Detail {
    let mut literal = |name: &str| {
        checker.string(fields, name, location)?;
        match language {
            Language::Jsonata => checker.payload(fields, name, language, &[], location),
            Language::JsonPath => fields.get(name).cloned().map(Template::Literal),
        }
    };
    let (error, cause) = (literal("Error"), literal("Cause"));
    let mut pointed = |name: &str| {
        let text = checker.string(fields, name, location)?;
        if !checker.path_or_call(&text) {
            checker.refuse("Value is not a valid JSONPath or a valid intrinsic function call", format!("{location}/{name}"));
        }
        Template::path_or_call(name, &text)
    };
    let (error_path, cause_path) = (pointed("ErrorPath"), pointed("CausePath"));
    for name in ["Error", "Cause"] {
        if fields.contains_key(name) && fields.contains_key(&format!("{name}Path")) {
            checker.refuse(format!("Only one of these fields is allowed: [{name}, {name}Path]"), location);
        }
    }
    Detail::Fail { error, error_path, cause, cause_path }
}

fn parallel(checker: &mut Checker<'_>, fields: &Fields, location: &str) -> Option<Detail> {
    checker.require(fields, &["Branches"], location);
    let here = format!("{location}/Branches");
    let Some(branches) = fields.get("Branches")?.as_array() else {
        checker.refuse("Expected value of type Array", here);
        return None;
    };
    if branches.is_empty() {
        checker.refuse("Value cannot be empty", here.clone());
    }
    let mut out = Vec::new();
    for (index, branch) in branches.iter().enumerate() {
        let location = format!("{here}[{index}]");
        let Some(fields) = checker.object(branch, &location) else { continue };
        for name in fields.keys().filter(|name| !["Comment", "StartAt", "States"].contains(&name.as_str())) {
            checker.refuse(format!("Field '{name}' is not supported"), location.clone());
        }
        if let Some(states) = checker.states(fields, &location) {
            graph::check(checker, &states, &location);
            out.push(states);
        }
    }
    Some(Detail::Parallel { branches: out })
}

fn list<'v>(checker: &mut Checker<'_>, fields: &'v Fields, name: &str, location: &str) -> &'v [Value] {
    match fields.get(name) {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(_) => {
            checker.refuse("Expected value of type Array", format!("{location}/{name}"));
            &[]
        }
    }
}

/// ErrorEquals; States.ALL must stand alone, and in the last entry.
fn errors(checker: &mut Checker<'_>, fields: &Fields, last: bool, location: &str) -> Vec<String> {
    checker.require(fields, &["ErrorEquals"], location);
    let here = format!("{location}/ErrorEquals");
    let names: Vec<String> = list(checker, fields, "ErrorEquals", location).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if fields.contains_key("ErrorEquals") && names.is_empty() {
        checker.refuse("Value cannot be empty", here.clone());
    }
    if names.iter().any(|name| name == "States.ALL") && (names.len() > 1 || !last) {
        // AWS: unverified wording.
        checker.refuse("States.ALL must appear alone, and in the last entry", here);
    }
    names
}

fn retriers(checker: &mut Checker<'_>, fields: &Fields, location: &str) -> Vec<Retrier> {
    let entries = list(checker, fields, "Retry", location);
    let mut out = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let here = format!("{location}/Retry[{index}]");
        let Some(fields) = checker.object(entry, &here) else { continue };
        const KNOWN: [&str; 7] = ["ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"];
        for name in fields.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
            checker.refuse(format!("Field '{name}' is not supported"), here.clone());
        }
        let backoff = fields.get("BackoffRate").map(Value::as_f64);
        if backoff.is_some_and(|rate| rate.is_none_or(|rate| rate < 1.0)) {
            checker.refuse("Value must be greater than or equal to 1.0", format!("{here}/BackoffRate"));
        }
        let interval = checker.whole(fields, "IntervalSeconds", 1, LONGEST_SECONDS, &here).unwrap_or(1);
        let max_delay = checker.whole(fields, "MaxDelaySeconds", 1, 31_622_400, &here);
        if max_delay.is_some_and(|most| most <= interval) {
            checker.refuse("MaxDelaySeconds must be greater than IntervalSeconds", here.clone());
        }
        let jitter = checker.string(fields, "JitterStrategy", &here);
        if jitter.as_deref().is_some_and(|jitter| !["FULL", "NONE"].contains(&jitter)) {
            checker.refuse("The field 'JitterStrategy' should have one of these values: [FULL, NONE]", format!("{here}/JitterStrategy"));
        }
        out.push(Retrier {
            errors: errors(checker, fields, index + 1 == entries.len(), &here),
            interval_seconds: interval,
            max_attempts: checker.whole(fields, "MaxAttempts", 0, LONGEST_SECONDS, &here).unwrap_or(3),
            backoff_rate: backoff.flatten().unwrap_or(2.0),
            max_delay_seconds: max_delay,
            full_jitter: jitter.as_deref() == Some("FULL"),
        });
    }
    out
}

fn catchers(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Vec<Catcher> {
    let entries = list(checker, fields, "Catch", location);
    let mut out = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let here = format!("{location}/Catch[{index}]");
        let Some(fields) = checker.object(entry, &here) else { continue };
        for name in fields.keys() {
            match name.as_str() {
                "ErrorEquals" | "Next" | "Assign" | "Comment" => {}
                "ResultPath" | "Output" => {
                    let only = if name == "Output" { Language::Jsonata } else { Language::JsonPath };
                    if let Some(message) = language_refusal(name, only, language) {
                        checker.refuse(message, here.clone());
                    }
                }
                _ => checker.refuse(format!("Field '{name}' is not supported"), here.clone()),
            }
        }
        checker.require(fields, &["Next"], &here);
        out.push(Catcher {
            errors: errors(checker, fields, index + 1 == entries.len(), &here),
            next: checker.string(fields, "Next", &here).unwrap_or_default(),
            result_path: if language == Language::JsonPath { checker.result_path(fields, &here) } else { PathField::Absent },
            output: checker.payload(fields, "Output", language, &["errorOutput"], &here),
            assign: checker.assign(fields, language, &["errorOutput"], &here),
        });
    }
    out
}

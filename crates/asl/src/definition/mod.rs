//! Definitions: read and checked once, with AWS's diagnostics, and then run.

mod choice;
mod diagnostics;
mod fields;
mod graph;
mod json;
mod map;
mod parameters;
mod resource;
mod rules;
mod state;
mod table;
mod types;
mod usage;

pub use diagnostics::{Code, Diagnostic, Severity, sentence};
pub use json::{JsonError, parse_json};
pub use resource::{Integration, Lookup, Pattern, Resource};
pub use rules::{Comparison, Operand, Operation, Order, Rule, Test};
pub use state::ALONE;
pub use types::{
    Amount, Catcher, ContextUse, Definition, Detail, ItemBatcher, ItemReader, Language, MapFields, PathField, ResultWriter, Retrier, State,
    StateType, States, WaitFor, WorkflowType,
};

use fields::Checker;
use serde_json::Value;

/// Definition and diagnostics of a text. There is a definition when no diagnostic is an error.
pub fn check(text: &str, workflow: WorkflowType, lookup: Lookup<'_>) -> (Option<Definition>, Vec<Diagnostic>) {
    check_with(text, workflow, lookup, state::read_definition)
}

/// The same for the text of one state, as TestState takes it: it becomes the only state of a definition, and may lead anywhere.
pub fn check_state(text: &str, workflow: WorkflowType, lookup: Lookup<'_>) -> (Option<Definition>, Vec<Diagnostic>) {
    check_with(text, workflow, lookup, state::read_alone)
}

fn check_with(
    text: &str,
    workflow: WorkflowType,
    lookup: Lookup<'_>,
    read: fn(&mut Checker<'_>, &Value) -> Option<Definition>,
) -> (Option<Definition>, Vec<Diagnostic>) {
    let value = match parse_json(text) {
        Ok(value) => value,
        Err(error) => {
            let message = format!("{} at [line: {}, column: {}]", error.message, error.line, error.column);
            let mut diagnostic = Diagnostic::new(Code::InvalidJsonDescription, message, None);
            (diagnostic.line, diagnostic.column) = (error.line, error.column);
            return (None, vec![diagnostic]);
        }
    };
    let mut checker = Checker::new(workflow, lookup);
    let definition = read(&mut checker, &value);
    let mut diagnostics = checker.diagnostics;
    // Transitions are looked at when the fields are right.
    if diagnostics.iter().any(|diagnostic| diagnostic.code == Code::SchemaValidationFailed) {
        diagnostics.retain(|diagnostic| !matches!(diagnostic.code, Code::MissingTransitionTarget | Code::MissingEndState));
    }
    for diagnostic in &mut diagnostics {
        let location = diagnostic.location.as_deref().unwrap_or("/");
        (diagnostic.line, diagnostic.column) = json::position(text, location);
    }
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    (definition.filter(|_| !failed), diagnostics)
}

/// The definition of a text, or the sentence of CreateStateMachine's InvalidDefinition.
pub fn read(text: &str, workflow: WorkflowType, lookup: Lookup<'_>) -> Result<Definition, String> {
    let (definition, diagnostics) = check(text, workflow, lookup);
    definition.ok_or_else(|| sentence(&diagnostics))
}

impl Definition {
    /// The variables that each state refers to: `variableReferences` of DescribeStateMachine.
    pub fn variable_references(&self) -> Vec<(String, Vec<String>)> {
        let mut out = Vec::new();
        collect_references(&self.states, &mut out);
        out
    }
}

fn collect_references(states: &States, out: &mut Vec<(String, Vec<String>)>) {
    for state in states.states.values() {
        if !state.variables.is_empty() {
            out.push((state.name.clone(), state.variables.clone()));
        }
        for nested in state.nested() {
            collect_references(nested, out);
        }
    }
}

#[cfg(test)]
mod tests;

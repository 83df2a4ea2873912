//! A document as it was read.

use super::{Body, Parameter, Route, Step};
use crate::types::Type;
use indexmap::IndexMap;
use serde_json::Value;

/// A runbook, or the part of a change template that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    pub description: Option<String>,
    /// As it is written, with variables.
    pub assume_role: Option<String>,
    pub parameters: IndexMap<String, Parameter>,
    pub variables: IndexMap<String, Variable>,
    pub steps: Vec<Step>,
    /// `step.Output`, or `variable:name`.
    pub outputs: Vec<String>,
}

/// A variable of the document, which `aws:updateVariable` changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    pub of: Type,
    pub default: Option<Value>,
}

impl Runbook {
    /// The step of this name, in a loop or not.
    pub fn step(&self, name: &str) -> Option<&Step> {
        find(&self.steps, name)
    }

    /// All steps with those in loops.
    pub fn all_steps(&self) -> Vec<&Step> {
        let mut all = Vec::new();
        collect(&self.steps, &mut all);
        all
    }

    /// The steps that may follow a step of the main list: where a person may go on in interactive mode.
    pub fn valid_next_steps(&self, step: &Step) -> Vec<String> {
        valid_next(&self.steps, step)
    }
}

fn find<'s>(steps: &'s [Step], name: &str) -> Option<&'s Step> {
    steps.iter().find_map(|step| if step.name == name { Some(step) } else { find(step.inner(), name) })
}

fn collect<'s>(steps: &'s [Step], all: &mut Vec<&'s Step>) {
    for step in steps {
        all.push(step);
        collect(step.inner(), all);
    }
}

/// The step behind a step, as the list is written.
pub fn successor<'s>(steps: &'s [Step], name: &str) -> Option<&'s Step> {
    let at = steps.iter().position(|step| step.name == name)?;
    steps.get(at + 1)
}

fn valid_next(steps: &[Step], step: &Step) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    let sequential = || if step.is_end { None } else { step.next.as_deref().or_else(|| successor(steps, &step.name).map(|step| step.name.as_str())) };
    if let Body::Branch { choices, default } = &step.body {
        choices.iter().for_each(|choice| add(&choice.next));
        match default {
            Some(default) => add(default),
            None => sequential().into_iter().for_each(&mut add),
        }
    } else {
        sequential().into_iter().for_each(&mut add);
    }
    if let Some(Route::Step(other)) = &step.on_failure {
        add(other);
    }
    names
}

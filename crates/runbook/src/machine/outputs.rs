//! Outputs of steps and of the document.

use super::{
    events::Done,
    failures::{Failure, Stage, doing, failed},
    state::Machine,
};
use crate::{
    definition::{Runbook, Step},
    types::texts,
};
use serde_json::{Map, Value};

/// AWS: recorded.
const NONE_YET: &str = "No output available yet because the step is not successfully executed";

/// What a step gives: what its action has by itself, and what its document asks for.
pub(super) fn outputs(step: &Step, done: &Done) -> Result<Map<String, Value>, Failure> {
    let mut out = done.outputs.clone();
    for output in &step.outputs {
        let found = done.answer.as_ref().and_then(|answer| output.selector.select(answer));
        let found = found.or_else(|| done.inner.as_ref().and_then(|inner| output.selector.select(inner)));
        let value = match found {
            None => Value::Null,
            Some(found) => output.of.convert(found).ok_or_else(|| {
                // AWS: unverified wording.
                let what = format!("The value of output {} at {} is not of type {}", output.name, output.selector.text(), output.of.name());
                failed(doing(step.action), &what, Stage::PostVerification, "Verification")
            })?,
        };
        out.insert(output.name.clone(), value);
    }
    Ok(out)
}

impl Machine {
    /// The outputs of the document as the API shows them.
    pub fn document_outputs(&self, runbook: &Runbook) -> Vec<(String, Vec<String>)> {
        let shown = |name: &String| {
            let value = match name.split_once('.') {
                Some((step, output)) if !name.starts_with("variable:") => {
                    self.outputs.get(step).and_then(|outputs| outputs.get(output).cloned()).or_else(|| self.value(name, 0))
                }
                _ => self.value(name, 0),
            };
            (name.clone(), value.map_or_else(|| vec![NONE_YET.to_owned()], |value| texts(&value)))
        };
        runbook.outputs.iter().map(shown).collect()
    }
}

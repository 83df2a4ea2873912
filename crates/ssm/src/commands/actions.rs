//! What steps do on a node.

mod document;
mod download;
pub mod execution;
mod inventory;
mod script;

use super::rows::Progress;
use crate::nodes;
use cloudlet_ssm_document::{OnFailure, Parameters, Platform, Step, Steps, Values, substitute, substituted_text};
use execution::{Ended, Execution, environment_of};
use serde_json::Value;
use std::collections::BTreeMap;

/// How deep documents may run documents.
const DEEPEST: usize = 3;

impl Execution<'_> {
    /// Takes a step whose inputs have their values.
    pub async fn take(&self, step: &Step, inputs: &Value, values: &Values, environment: &[(String, String)]) -> Ended {
        if let Some(logs) = &self.logs {
            logs.restart();
        }
        let ended = self.act(step, inputs, values, environment).await;
        // The steps of another document have written theirs.
        if let Some(logs) = self.logs.as_ref().filter(|logs| step.action != "aws:runDocument" || logs.is_empty()) {
            logs.add_rest(&ended.output, &ended.error);
        }
        ended
    }

    async fn act(&self, step: &Step, inputs: &Value, values: &Values, environment: &[(String, String)]) -> Ended {
        if let Some(skipped) = skipped(step, values) {
            return skipped;
        }
        match step.action.as_str() {
            "aws:runShellScript" => self.script(script::Shell::Posix, step, inputs, environment).await,
            "aws:runPowerShellScript" => self.script(script::Shell::PowerShell, step, inputs, environment).await,
            "aws:downloadContent" => self.download(inputs).await,
            "aws:runDocument" => self.document(inputs, 0).await,
            "aws:softwareInventory" => self.software_inventory(inputs).await,
            "aws:updateSsmAgent" | "aws:updateAgent" => {
                Ended::success(format!("amazon-ssm-agent {} is part of the server and up to date\n", nodes::AGENT_VERSION))
            }
            "aws:refreshAssociation" => Ended::failed("associations are refreshed by StartAssociationsOnce"),
            "aws:configurePackage" => Ended::failed("this server has no packages of Distributor: nothing was installed or removed"),
            other => Ended::failed(format!("Plugin with name {other} is not supported in current platform. Step name: {}", step.name)),
        }
    }

    /// The steps of a document that another one runs. Boxed, as documents nest.
    fn nested<'s>(&'s self, document: &'s Value, given: &'s BTreeMap<String, Vec<String>>, depth: usize) -> cloudlet_engine::Boxed<'s, Vec<Ended>> {
        Box::pin(async move {
            if depth >= DEEPEST {
                return vec![Ended::failed(format!("documents run documents at most {DEEPEST} deep"))];
            }
            let parameters = Parameters::of(document);
            let values = match parameters.values(given) {
                Ok(values) => self.with_parameter_store(document, values).await,
                Err(invalid) => Err(invalid.to_string()),
            };
            let mut values = match values {
                Ok(values) => values,
                Err(why) => return vec![Ended::failed(why)],
            };
            let Some(steps) = Steps::of(document) else { return vec![Ended::failed("the document has no steps that run on nodes")] };
            let environment = environment_of(&parameters, &mut values);
            let mut ended = Vec::new();
            for step in &steps.steps {
                let inputs = substitute(&step.inputs, &|name| values.get(name).cloned());
                let one = match step.action.as_str() {
                    "aws:runDocument" if skipped(step, &values).is_none() => self.document(&inputs, depth + 1).await,
                    _ => self.take(step, &inputs, &values, &environment).await,
                };
                let (is_last, has_failed) = (one.ends, one.progress != Progress::Success);
                ended.push(one);
                if is_last || has_failed && step.on_failure != OnFailure::Continue || self.run.is_stopped() {
                    break;
                }
            }
            ended
        })
    }
}

/// A step whose precondition does not hold, or whose action is of another platform.
fn skipped(step: &Step, values: &Values) -> Option<Ended> {
    let text = |text: &str| match text {
        "platformType" => Platform::Linux.as_str().to_owned(),
        other => substituted_text(other, &|name| match name {
            "platformType" => Some(Value::String(Platform::Linux.as_str().to_owned())),
            _ => values.get(name).cloned(),
        }),
    };
    let unmet = step.preconditions.iter().find(|condition| text(&condition.left) != text(&condition.right))?;
    Some(Ended::success(format!(
        "Step execution skipped due to unsatisfied preconditions: '\"StringEquals\": [{}, {}]'. Step name: {}",
        unmet.left, unmet.right, step.name
    )))
}

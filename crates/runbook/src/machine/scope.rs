//! The values of variables.

use super::state::Machine;
use crate::{template::member, time};
use serde_json::Value;

impl Machine {
    /// The value of what stands between braces.
    pub fn value(&self, name: &str, now: i64) -> Option<Value> {
        if let Some(global) = name.strip_prefix("global:") {
            return match global {
                "ACCOUNT_ID" => Some(self.about.account.as_str().into()),
                "REGION" => Some(self.about.region.as_str().into()),
                "AWS_PARTITION" => Some(self.about.partition.as_str().into()),
                "DATE" => Some(time::date(now).into()),
                "DATE_TIME" => Some(time::date_time(now).into()),
                _ => None,
            };
        }
        if name == "automation:EXECUTION_ID" {
            return Some(self.about.id.as_str().into());
        }
        if let Some(variable) = name.strip_prefix("variable:") {
            let (base, rest) = split(variable);
            return member(self.variables.get(base)?, rest);
        }
        if let Some(value) = self.parameters.get(name) {
            return Some(value.clone());
        }
        let (base, rest) = split(name);
        if rest.is_empty() {
            let target = matches!(name, "RESOURCE_ID" | "TARGET_ID").then_some(self.about.resource.as_deref()).flatten();
            return target.map(Value::from);
        }
        if let Some(value) = self.looping_value(base, rest).or_else(|| self.output(base, rest)) {
            return Some(value);
        }
        member(self.parameters.get(base)?, rest)
    }

    fn output(&self, step: &str, rest: &str) -> Option<Value> {
        let (output, rest) = split(rest.strip_prefix('.')?);
        let value = self.outputs.get(step)?.get(output)?;
        match value {
            // AWS: a selector that has found nothing is no failure, and compares like an empty text.
            Value::Null => Some(Value::from("")),
            value => member(value, rest),
        }
    }

    /// Where a loop is that is under way.
    fn looping_value(&self, step: &str, rest: &str) -> Option<Value> {
        let (name, rest) = split(rest.strip_prefix('.')?);
        let looping = self.frames.iter().rev().filter_map(|frame| frame.looping.as_ref()).find(|looping| looping.record.step == step)?;
        let value = match name {
            "CurrentIteration" => Value::from(looping.iteration),
            "CurrentIteratorValue" => looping.item()?.clone(),
            _ => return None,
        };
        member(&value, rest)
    }
}

/// A name and what follows it.
fn split(name: &str) -> (&str, &str) {
    name.split_at_checked(name.find(['.', '[']).unwrap_or(name.len())).unwrap_or((name, ""))
}

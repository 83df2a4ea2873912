//! A document written back, always in the same way.

use super::{Document, Listing, StatementEffect};
use serde_json::{Map, Value, json};

pub(super) fn document(document: &Document) -> String {
    let mut top = Map::new();
    top.insert("Version".into(), document.version().as_str().into());
    if let Some(id) = document.id() {
        top.insert("Id".into(), id.into());
    }
    top.insert("Statement".into(), document.statements().iter().map(statement).collect());
    Value::Object(top).to_string()
}

fn statement(statement: &super::Statement) -> Value {
    let mut out = Map::new();
    if let Some(sid) = statement.sid() {
        out.insert("Sid".into(), sid.into());
    }
    out.insert("Effect".into(), if statement.effect() == StatementEffect::Allow { "Allow" } else { "Deny" }.into());
    let named = |name: &str, listing: Listing| if listing == Listing::Only { name.to_owned() } else { format!("Not{name}") };
    if let Some((listing, principals)) = statement.principals() {
        let mut by_type: Map<String, Value> = Map::new();
        for principal in principals {
            let (key, text) = principal.written();
            if let Some(list) = by_type.entry(key).or_insert_with(|| json!([])).as_array_mut() {
                list.push(text.into());
            }
        }
        out.insert(named("Principal", listing), Value::Object(by_type));
    }
    let (listing, actions) = statement.actions();
    out.insert(named("Action", listing), actions.collect());
    if let Some((listing, resources)) = statement.resources() {
        out.insert(named("Resource", listing), resources.collect());
    }
    if !statement.conditions().is_empty() {
        let mut operators: Map<String, Value> = Map::new();
        for condition in statement.conditions() {
            let keys = operators.entry(condition.operator()).or_insert_with(|| json!({}));
            if let Some(keys) = keys.as_object_mut() {
                keys.insert(condition.key().to_owned(), condition.values().collect());
            }
        }
        out.insert("Condition".into(), Value::Object(operators));
    }
    Value::Object(out)
}

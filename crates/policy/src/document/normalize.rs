//! A document written back in one normal form.

use super::{Document, Listing, Statement, StatementEffect};
use std::fmt;

impl Document {
    /// The document in its normal form: lists wherever lists are allowed, elements in AWS's order, no white space.
    pub fn normalized(&self) -> String {
        document(self)
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.normalized())
    }
}

fn document(document: &Document) -> String {
    let mut members = vec![member("Version", string(document.version().as_str()))];
    members.extend(document.id().map(|id| member("Id", string(id))));
    members.push(member("Statement", list(document.statements().iter().map(statement))));
    object(members)
}

fn statement(statement: &Statement) -> String {
    let mut members = Vec::new();
    members.extend(statement.sid().map(|sid| member("Sid", string(sid))));
    members.push(member("Effect", string(if statement.effect() == StatementEffect::Allow { "Allow" } else { "Deny" })));
    if let Some((listing, principals)) = statement.principals() {
        let named: Vec<(&str, &str)> = principals.iter().map(|principal| principal.written()).collect();
        members.push(member(&element("Principal", listing), object(grouped(&named).into_iter().map(|(key, values)| member(key, strings(values))))));
    }
    let (listing, actions) = statement.actions();
    members.push(member(&element("Action", listing), strings(actions)));
    if let Some((listing, resources)) = statement.resources() {
        members.push(member(&element("Resource", listing), strings(resources)));
    }
    if !statement.conditions().is_empty() {
        let tests: Vec<(&str, String)> =
            statement.conditions().iter().map(|condition| (condition.operator(), member(condition.key(), strings(condition.values())))).collect();
        members.push(member("Condition", object(grouped(&tests).into_iter().map(|(operator, keys)| member(operator, object(keys))))));
    }
    object(members)
}

fn element(name: &str, listing: Listing) -> String {
    if listing == Listing::Only { name.to_owned() } else { format!("Not{name}") }
}

/// Values grouped by key, in order of the first occurrence of each key.
fn grouped<'a, T: Clone>(pairs: &[(&'a str, T)]) -> Vec<(&'a str, Vec<T>)> {
    let mut groups: Vec<(&str, Vec<T>)> = Vec::new();
    for (key, value) in pairs {
        match groups.iter_mut().find(|(known, _)| known == key) {
            Some((_, values)) => values.push(value.clone()),
            None => groups.push((key, vec![value.clone()])),
        }
    }
    groups
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    list(texts.into_iter().map(string))
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

fn member(key: &str, value: String) -> String {
    format!("{}:{value}", string(key))
}

fn object(members: impl IntoIterator<Item = String>) -> String {
    format!("{{{}}}", members.into_iter().collect::<Vec<_>>().join(","))
}

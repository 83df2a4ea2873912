//! The elements of a statement as they are in the JSON: their names and JSON types are checked, their values are not.

use crate::conditions::Operation;
use crate::document::{Kind, Listing};
use crate::json::{Object, scalars, text, texts};
use crate::malformed::{Malformed, Reason};
use crate::values::instant;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// A statement's elements, before they are checked.
pub(super) struct Elements<'a> {
    pub raw: &'a RawValue,
    pub sid: Option<String>,
    pub effect: Option<String>,
    pub principal: Option<(Listing, &'a RawValue)>,
    pub actions: Option<(Listing, Vec<String>)>,
    pub resources: Option<(Listing, Vec<String>)>,
    pub conditions: Vec<Test>,
}

/// One operator on one key.
pub(super) struct Test {
    pub name: String,
    pub operation: Operation,
    pub key: String,
    pub values: Vec<String>,
}

/// The wording of a kind's errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wording {
    Identity,
    /// Trust policies and all others that are attached to resources.
    Resource,
    Organizations,
}

impl Kind {
    pub(super) fn wording(self) -> Wording {
        match self {
            Kind::Identity => Wording::Identity,
            Kind::Resource | Kind::Trust | Kind::Key | Kind::VpcEndpoint => Wording::Resource,
            Kind::ServiceControl | Kind::ResourceControl => Wording::Organizations,
        }
    }

    pub(super) fn names_principals(self) -> bool {
        !matches!(self, Kind::Identity | Kind::ServiceControl)
    }
}

pub(super) fn read_elements(raw: &RawValue, wording: Wording) -> Result<Elements<'_>, Malformed> {
    let object = Object::of(raw).ok_or_else(Malformed::syntax)?;
    let mut out = Elements { raw, sid: None, effect: None, principal: None, actions: None, resources: None, conditions: Vec::new() };
    for (key, value) in object.0 {
        let once = |free: bool| if free { Ok(()) } else { Err(Malformed::syntax()) };
        match key.as_str() {
            "Sid" => out.sid = Some(text(value).ok_or_else(Malformed::syntax)?),
            "Effect" => out.effect = Some(text(value).ok_or_else(Malformed::syntax)?),
            "Principal" | "NotPrincipal" => {
                once(out.principal.is_none())?;
                out.principal = Some((listing(&key), value));
            }
            "Action" | "NotAction" => {
                once(out.actions.is_none())?;
                out.actions = Some((listing(&key), texts(value).ok_or_else(Malformed::syntax)?));
            }
            "Resource" | "NotResource" => {
                once(out.resources.is_none())?;
                out.resources = Some((listing(&key), texts(value).ok_or_else(Malformed::syntax)?));
            }
            "Condition" => out.conditions = conditions(value, wording)?,
            _ => return Err(Malformed::syntax()),
        }
    }
    Ok(out)
}

fn listing(key: &str) -> Listing {
    if key.starts_with("Not") { Listing::AllBut } else { Listing::Only }
}

fn conditions(raw: &RawValue, wording: Wording) -> Result<Vec<Test>, Malformed> {
    let syntax = || Malformed { reason: Reason::Condition, ..Malformed::syntax() };
    let mut out = Vec::new();
    for (name, keys) in Object::of(raw).ok_or_else(syntax)?.0 {
        // AWS: an unknown operator without keys is ignored.
        for (key, values) in Object::of(keys).ok_or_else(syntax)?.0 {
            // AWS: operators are case-sensitive. S3 names the unknown one; IAM's answer for identity policies is recorded too.
            let unknown = || match wording {
                Wording::Resource => Malformed::new(Reason::Condition, format!("Invalid Condition type : {name}")),
                Wording::Identity | Wording::Organizations => syntax(),
            };
            let operation = Operation::parse(&name).ok_or_else(unknown)?;
            out.push(Test { name: name.clone(), operation, key, values: scalars(values).ok_or_else(syntax)? });
        }
    }
    Ok(out)
}

/// Sids must differ within a policy.
pub(super) fn sids_differ(statements: &[Elements<'_>]) -> bool {
    let mut seen = HashSet::new();
    statements.iter().filter_map(|statement| statement.sid.as_deref()).filter(|sid| !sid.is_empty()).all(|sid| seen.insert(sid))
}

pub(super) fn dates_are_readable(statement: &Elements<'_>) -> bool {
    statement.conditions.iter().filter(|test| test.operation.is_date()).flat_map(|test| &test.values).all(|text| instant(text).is_some())
}

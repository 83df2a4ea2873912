//! The policy of a bucket or an access point: what it may be, and the principals that it names.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>

use crate::actions::{On, kinds_of};
use cloudlet_aws::{Account, ArnParts};
use cloudlet_identity::{Identity, State};
use cloudlet_policy::{Document, Kind, Listing, Malformed, Named, Policy, Reason, Statement, fits, rewrite_principals};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::BTreeMap, sync::Arc};

/// AWS: 20 KB. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html>
const MOST_BYTES: usize = 20 * 1024;

/// What a policy is attached to. Its resources must be this one, or be in it.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    Bucket(&'a str),
    /// By its ARN.
    AccessPoint(&'a str),
}

/// AWS's message for a text that is no policy for its target: `MalformedPolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPolicy(pub String);

/// A policy as it was put, and what it means. AWS stores users and roles by their unique ids, so that a later namesake has no access, and shows
/// the ARN as long as the principal exists.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
#[derive(Clone, Debug)]
pub struct ResourcePolicy {
    /// Byte for byte.
    text: Arc<str>,
    /// The unique ids of the users and roles that the text names by ARN.
    ids: BTreeMap<String, String>,
    document: Document,
    /// Its explicit denies.
    denies: Document,
    is_public: bool,
}

impl ResourcePolicy {
    pub fn parse(text: &str, target: Target<'_>, identity: &Identity) -> Result<ResourcePolicy, InvalidPolicy> {
        let invalid = |message: &str| Err(InvalidPolicy(message.to_owned()));
        if !text.starts_with('{') || serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
            return invalid("Policies must be valid JSON and the first byte must be '{'");
        }
        if text.len() > MOST_BYTES {
            return invalid("Policy exceeds the maximum allowed document size.");
        }
        if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok_and(|policy| !policy.contains_key("Statement")) {
            return invalid("Missing required field Statement");
        }
        let document = Document::parse(text, Kind::Resource).map_err(|malformed| InvalidPolicy(message(&malformed)))?;
        document.statements().iter().try_for_each(|statement| check_statement(statement, target))?;
        let ids = identity.read(|state| ids_of(&document, state, identity.account()))?;
        Ok(ResourcePolicy::of(text.into(), ids))
    }

    fn of(text: Arc<str>, ids: BTreeMap<String, String>) -> ResourcePolicy {
        let with_ids = if ids.is_empty() { text.to_string() } else { rewrite_principals(&text, |arn| ids.get(arn).cloned()) };
        let document = Document::stored(&with_ids, Kind::Resource);
        ResourcePolicy { text, ids, is_public: crate::is_public(&document), denies: document.only_denies(), document }
    }

    /// As it is shown: byte for byte, but with the new ARN of a principal that was renamed and the id of one that was deleted.
    pub fn shown(&self, identity: &Identity) -> String {
        identity.read(|state| rewrite_principals(&self.text, |arn| self.ids.get(arn).and_then(|id| renamed(arn, id, state, identity.partition()))))
    }

    pub fn is_public(&self) -> bool {
        self.is_public
    }

    /// For the evaluator.
    pub fn named(&self, resource: impl Into<Arc<str>>) -> Policy {
        Policy { name: resource.into(), document: self.document.clone() }
    }

    /// Its explicit denies, where what it allows does not count.
    pub fn denies(&self, resource: impl Into<Arc<str>>) -> Policy {
        Policy { name: resource.into(), document: self.denies.clone() }
    }
}

impl PartialEq for ResourcePolicy {
    fn eq(&self, other: &ResourcePolicy) -> bool {
        (&self.text, &self.ids) == (&other.text, &other.ids)
    }
}

impl Serialize for ResourcePolicy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (&*self.text, &self.ids).serialize(to)
    }
}

impl<'de> Deserialize<'de> for ResourcePolicy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (text, ids) = <(String, BTreeMap<String, String>)>::deserialize(from)?;
        Ok(ResourcePolicy::of(text.into(), ids))
    }
}

/// S3's words. It does not say which principal is invalid.
fn message(malformed: &Malformed) -> String {
    match malformed.reason {
        Reason::Principal if malformed.message.starts_with("Invalid principal") => "Invalid principal in policy".to_owned(),
        Reason::Syntax if malformed.message.starts_with("Syntax errors") => "Invalid policy syntax.".to_owned(),
        Reason::Action if !malformed.message.starts_with("Missing") => "Policy has invalid action".to_owned(),
        _ => malformed.message.clone(),
    }
}

fn check_statement(statement: &Statement, target: Target<'_>) -> Result<(), InvalidPolicy> {
    let invalid = |message: &str| Err(InvalidPolicy(message.to_owned()));
    let Some((listing, resources)) = statement.resources() else { return invalid("Missing required field Resource") };
    let mut on: Vec<On> = Vec::new();
    for resource in resources {
        match kind_of(resource, target) {
            Some(kinds) => on.extend(kinds),
            // What is not this resource may be listed as what a statement does not apply to.
            None if listing == Listing::AllBut => on.extend([On::Container, On::Object]),
            None => return invalid("Policy has invalid resource"),
        }
    }
    if listing == Listing::AllBut {
        on.extend([On::Container, On::Object]);
    }
    let (listing, actions) = statement.actions();
    for action in actions {
        let kinds = kinds_of(action);
        if kinds.is_empty() {
            return invalid("Policy has invalid action");
        }
        if listing == Listing::Only && !kinds.iter().any(|kind| on.contains(kind)) {
            return invalid("Action does not apply to any resource(s) in statement");
        }
    }
    Ok(())
}

/// What a resource of a policy names in the target; it may have wildcards. None: something else.
fn kind_of(resource: &str, target: Target<'_>) -> Option<Vec<On>> {
    let parts = ArnParts::parse(resource)?;
    if parts.service != "s3" {
        return None;
    }
    let (container, object) = match target {
        Target::Bucket(bucket) => {
            if !parts.region.is_empty() || !parts.account.is_empty() {
                return None;
            }
            let (container, object) = parts.resource.split_once('/').map_or((parts.resource, None), |(bucket, key)| (bucket, Some(key)));
            // A wildcard in place of the slash names both: `bucket*`.
            let whole = object.is_none() && container.ends_with('*');
            if !fits(container, bucket) {
                return None;
            }
            return Some(match (object, whole) {
                (Some(_), _) => vec![On::Object],
                (None, true) => vec![On::Container, On::Object],
                (None, false) => vec![On::Container],
            });
        }
        Target::AccessPoint(arn) => {
            let (container, object) = resource.split_once("/object/").map_or((resource, None), |(container, key)| (container, Some(key)));
            (fits(container, arn), object)
        }
    };
    container.then(|| vec![if object.is_some() { On::Object } else { On::Container }])
}

/// The unique ids of the users and roles that a policy names. Those of accounts that this server knows must exist.
fn ids_of(document: &Document, state: &State, own: Account) -> Result<BTreeMap<String, String>, InvalidPolicy> {
    let mut ids = BTreeMap::new();
    let named = document.statements().iter().filter_map(Statement::principals).flat_map(|(_, named)| named);
    for named in named {
        let Named::Arn(arn) = named else { continue };
        let Some(parts) = ArnParts::parse(arn) else { continue };
        let Some(account) = Account::parse(parts.account) else { continue };
        let id = match parts.resource.split('/').next() {
            Some("user") => state.user_by_arn(arn).map(|(_, user)| user.id.to_string()),
            Some("role") => state.role_by_arn(arn).map(|(_, role)| role.id.to_string()),
            _ => continue,
        };
        match id {
            Some(id) => drop(ids.insert(arn.to_string(), id)),
            // IAM Identity Center creates these roles.
            None if parts.resource.starts_with("role/aws-reserved/") => {}
            None if account == own || state.has_principals(account) => return Err(InvalidPolicy("Invalid principal in policy".to_owned())),
            None => {}
        }
    }
    Ok(ids)
}

/// What is shown in place of an ARN whose principal had this id when the policy was put.
fn renamed(arn: &str, id: &str, state: &State, partition: &str) -> Option<String> {
    let is_same = state.user_by_arn(arn).is_some_and(|(_, user)| *user.id == *id) || state.role_by_arn(arn).is_some_and(|(_, role)| *role.id == *id);
    if is_same {
        return None;
    }
    let account = ArnParts::parse(arn).and_then(|parts| Account::parse(parts.account))?;
    let user = cloudlet_identity::state::rows_of_account(&state.users, account).find(|user| *user.id == *id);
    Some(user.map_or_else(|| id.to_owned(), |user| cloudlet_identity::user_arn(partition, account, &user.path, &user.name).to_string()))
}

#[cfg(test)]
mod tests;

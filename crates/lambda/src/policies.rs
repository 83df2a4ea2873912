//! Resource policies of functions, versions and aliases: who else may call them.
//! <https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html>

use crate::{
    Lambda, faults,
    functions::on_function,
    limits,
    names::{self, LATEST, Named},
    state::{FunctionKey, Policy, State},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::{Cx, PolicyStatements, StoredPolicy, handler};
use cloudlet_policy::Kind;
use cloudlet_shape::Empty;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What a statement says, beside its label.
#[derive(Default)]
pub struct Grant<'r> {
    pub principal: &'r str,
    pub action: &'r str,
    pub conditions: Vec<(&'static str, &'static str, String)>,
}

/// The principal of a statement.
fn principal(text: &str, partition: &str) -> Value {
    if text == "*" {
        return json!("*");
    }
    if let Some(account) = Account::parse(text) {
        return json!({ "AWS": format!("arn:{partition}:iam::{account}:root") });
    }
    if Arn::parse(text).is_some() { json!({ "AWS": text }) } else { json!({ "Service": text }) }
}

fn is_principal(text: &str) -> bool {
    let is_service = text.contains('.')
        && !text.contains(':')
        && (text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn") || text.ends_with(".amazon.com"));
    let is_arn = Arn::parse(text).is_some_and(|arn| matches!(arn.service(), "iam" | "sts") && Account::parse(arn.account()).is_some());
    text == "*" || Account::parse(text).is_some() || is_arn || is_service
}

/// One statement as AWS writes it: recorded, in this order of members.
pub fn statement(label: &str, grant: &Grant<'_>, resource: &Arn) -> Result<Value, Fault> {
    if !is_principal(grant.principal) {
        return Err(faults::invalid("The provided principal was invalid. Please check the principal and try again."));
    }
    let mut statement = Map::new();
    statement.insert("Sid".into(), json!(label));
    statement.insert("Effect".into(), json!("Allow"));
    statement.insert("Principal".into(), principal(grant.principal, resource.partition()));
    statement.insert("Action".into(), json!(grant.action));
    statement.insert("Resource".into(), json!(resource.as_str()));
    let mut conditions = Map::new();
    for (operator, key, value) in &grant.conditions {
        let entry = conditions.entry((*operator).to_owned()).or_insert_with(|| json!({}));
        if let Value::Object(keys) = entry {
            keys.insert((*key).to_owned(), json!(value));
        }
    }
    if !conditions.is_empty() {
        statement.insert("Condition".into(), conditions.into());
    }
    Ok(statement.into())
}

/// A policy with one more statement.
pub fn added(cx: &Cx, current: Option<&Policy>, label: &str, statement: &Value) -> Result<Policy, Fault> {
    let text = current
        .map_or_else(|| json!({ "Version": "2012-10-17", "Id": "default", "Statement": [] }).to_string(), |policy| policy.policy.text.to_string());
    if PolicyStatements::of(&text).is_some_and(|statements| statements.contains(label)) {
        let text =
            format!("The statement id ({label}) provided already exists. Please provide a new statement id, or remove the existing statement.");
        return Err(faults::conflict(text));
    }
    let mut policy: Map<String, Value> = serde_json::from_str(&text).map_err(Fault::internal)?;
    if let Some(Value::Array(statements)) = policy.get_mut("Statement") {
        statements.push(statement.clone());
    }
    let text = Value::Object(policy).to_string();
    if text.len() > limits::POLICY_BYTES {
        let text = format!("The final policy size ({}) is bigger than the limit ({}).", text.len(), limits::POLICY_BYTES);
        return Err(faults::POLICY_LENGTH_EXCEEDED.says(text).with("Type", "User"));
    }
    // AWS: unverified for what else of a statement may be wrong.
    let policy = StoredPolicy::parse(&text, Kind::Resource).map_err(|malformed| faults::invalid(malformed.message))?;
    Ok(Policy { policy, revision: cx.ids().uuid() })
}

/// A policy without a statement. `None`: it was the last.
pub fn removed(cx: &Cx, current: &Policy, label: &str) -> Result<Option<Policy>, Fault> {
    let mut statements = PolicyStatements::of(&current.policy.text).ok_or_else(|| Fault::internal("a policy that is none"))?;
    if !statements.remove(label) {
        return Err(faults::not_found(format!("Statement {label} is not found in resource policy.")));
    }
    if statements.is_empty() {
        return Ok(None);
    }
    let policy = StoredPolicy::parse(&statements.text(), Kind::Resource).map_err(|malformed| Fault::internal(malformed.message))?;
    Ok(Some(Policy { policy, revision: cx.ids().uuid() }))
}

pub fn check_revision(current: Option<&Policy>, given: Option<&String>, api: &str) -> Result<(), Fault> {
    match given {
        Some(given) if current.is_none_or(|policy| policy.revision != *given) => Err(faults::wrong_revision(api)),
        _ => Ok(()),
    }
}

/// Where a policy of a request lies: that of `$LATEST` is the function's own.
fn place(named: &Named) -> String {
    named.qualifier.clone().filter(|qualifier| qualifier != LATEST).unwrap_or_default()
}

/// A version or alias that a request names must exist.
fn check_exists(state: &State, named: &Named) -> Result<(), Fault> {
    if state.resolve(named, 0).is_some() { Ok(()) } else { Err(faults::no_function(named.arn())) }
}

impl State {
    /// The revision of what a request names.
    fn revision(&self, named: &Named) -> Option<String> {
        let alias = named.qualifier.as_ref().and_then(|name| self.aliases.get(&(named.key.clone(), name.clone())));
        match alias {
            Some(alias) => Some(alias.revision.clone()),
            None => self.resolve(named, 0).map(|found| found.version.revision().to_owned()),
        }
    }
}

impl Lambda {
    /// For the evaluator: the policy of a function, or of a version or alias of it.
    pub fn policy_of(&self, key: &FunctionKey, qualifier: &str) -> Option<cloudlet_policy::Policy> {
        let arn = if qualifier.is_empty() { key.arn() } else { key.qualified_arn(qualifier) };
        self.store.read(|state| state.policies.get(&(key.clone(), qualifier.to_owned())).map(|policy| policy.policy.named(&arn)))
    }
}

handler!(
    Lambda,
    AddPermission,
    |lambda, cx, input| Ok(on_function::<AddPermission>(lambda, cx, &input.function_name)?
        .with_key("lambda:Principal", input.principal.clone())
        .into()),
    |lambda, cx, input| {
        let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
        if named.qualifier.as_deref() == Some(LATEST) {
            return Err(faults::invalid("We currently do not support adding policies for $LATEST."));
        }
        if input.function_url_auth_type.is_some() && input.action != "lambda:InvokeFunctionUrl" {
            // AWS: so reported in RJPearson94/terraform-aws-open-next#73.
            return Err(faults::invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"));
        }
        let mut conditions = Vec::new();
        let mut condition = |operator, key, value: Option<String>| conditions.extend(value.map(|value| (operator, key, value)));
        condition("StringEquals", "lambda:FunctionUrlAuthType", input.function_url_auth_type.take());
        condition("Bool", "lambda:InvokedViaFunctionUrl", input.invoked_via_function_url.map(|via| via.to_string()));
        condition("StringEquals", "AWS:SourceAccount", input.source_account.take());
        condition("StringEquals", "lambda:EventSourceToken", input.event_source_token.take());
        condition("StringEquals", "aws:PrincipalOrgID", input.principal_org_id.take());
        condition("ArnLike", "AWS:SourceArn", input.source_arn.take());
        let grant = Grant { principal: &input.principal, action: &input.action, conditions };
        let statement = statement(&input.statement_id, &grant, &named.arn())?;
        lambda.store.write(|state| {
            check_exists(state, &named)?;
            let of = (named.key.clone(), place(&named));
            let current = state.policies.get(&of).cloned();
            // AWS: recorded: before there is a policy, the revision is that of the alias or version.
            let is_of_resource = current.is_none() && state.revision(&named) == input.revision_id;
            if !is_of_resource {
                check_revision(current.as_deref(), input.revision_id.as_ref(), "GetPolicy")?;
            }
            let policy = added(cx, current.as_deref(), &input.statement_id, &statement)?;
            state.policies.insert(of, Arc::new(policy));
            Ok::<_, Fault>(())
        })?;
        Ok(AddPermissionResponse { statement: Some(statement.to_string()) })
    }
);

handler!(
    Lambda,
    RemovePermission,
    |lambda, cx, input| Ok(on_function::<RemovePermission>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
        lambda.store.write(|state| {
            if !state.functions.contains(&named.key) {
                return Err(faults::not_found(format!("No policy found for: {}", named.key.arn())));
            }
            let of = (named.key.clone(), place(&named));
            let current = state.policies.get(&of).cloned();
            let current = current.ok_or_else(|| faults::not_found("No policy is associated with the given resource."))?;
            check_revision(Some(&current), input.revision_id.as_ref(), "GetPolicy")?;
            match removed(cx, &current, &input.statement_id)? {
                Some(policy) => state.policies.insert(of, Arc::new(policy)),
                None => drop(state.policies.remove(&of)),
            }
            Ok(Empty {})
        })
    }
);

handler!(Lambda, GetPolicy, |lambda, cx, input| Ok(on_function::<GetPolicy>(lambda, cx, &input.function_name)?.into()), |lambda, cx, input| {
    let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
    let policy = lambda.store.read(|state| state.policies.get(&(named.key.clone(), place(&named))).cloned());
    let policy = policy.ok_or_else(faults::no_resource)?;
    Ok(GetPolicyResponse { policy: Some(policy.policy.text.to_string()), revision_id: Some(policy.revision.clone()) })
});

//! Resource policies: of an account in a region, and of single groups. They let services, and other accounts, write here.

use crate::{
    Logs,
    destinations::checked_policy,
    faults, limits,
    names::{group_arn, group_of_arn},
    pages::page,
    permissions::on_account,
    state::{self, GroupKey, of_scope},
};
use cloudlet_api_logs::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, handler};
use cloudlet_shape::Empty;
use serde_json::Value;
use std::sync::Arc;

fn shown(name: Option<&str>, group: Option<&GroupKey>, row: &state::ResourcePolicy) -> ResourcePolicy {
    ResourcePolicy {
        policy_name: name.map(str::to_owned),
        policy_document: Some(row.policy.text.to_string()),
        last_updated_time: Some(row.updated.millis()),
        policy_scope: Some(if group.is_some() { "RESOURCE" } else { "ACCOUNT" }.to_owned()),
        resource_arn: group.map(|group| group_arn(group).to_string()),
        revision_id: group.map(|_| row.revision.clone()),
    }
}

/// AWS: recorded: a list of one principal is listed as that principal, though it was put as a list.
fn listed(policy: ResourcePolicy) -> ResourcePolicy {
    ResourcePolicy { policy_document: policy.policy_document.map(|text| with_single_principals(&text).unwrap_or(text)), ..policy }
}

/// `None`: the text is the same.
fn with_single_principals(text: &str) -> Option<String> {
    let mut policy: Value = serde_json::from_str(text).ok()?;
    let statements = match policy.get_mut("Statement")? {
        Value::Array(list) => list.iter_mut().collect(),
        one => vec![one],
    };
    let mut is_changed = false;
    for principals in statements.into_iter().filter_map(|statement| statement.get_mut("Principal")?.as_object_mut()) {
        for principal in principals.values_mut() {
            if let Value::Array(list) = principal
                && list.len() == 1
                && let Some(only) = list.pop()
            {
                *principal = only;
                is_changed = true;
            }
        }
    }
    is_changed.then(|| policy.to_string())
}

fn group_of(cx: &Cx, arn: &str) -> Result<GroupKey, Fault> {
    let group = Arn::parse(arn).as_ref().and_then(group_of_arn).filter(|(scope, _)| *scope == cx.scope);
    group.ok_or_else(|| faults::invalid("Invalid resourceArn"))
}

fn check_revision(row: Option<&Arc<state::ResourcePolicy>>, expected: Option<&str>) -> Result<(), Fault> {
    match (row, expected) {
        (Some(row), Some(expected)) if row.revision != expected => {
            // AWS: unverified message.
            Err(faults::OPERATION_ABORTED.says("The expected revision id is not the current one."))
        }
        _ => Ok(()),
    }
}

handler!(Logs, PutResourcePolicy, |logs, cx, input| Ok(on_account::<PutResourcePolicy>(cx).into()), |logs, cx, input| {
    let Some(document) = input.policy_document else { return Err(faults::invalid("policyDocument is required")) };
    if document.len() > limits::POLICY_BYTES {
        return Err(faults::limit_exceeded());
    }
    let row = Arc::new(state::ResourcePolicy { policy: checked_policy(&document)?, updated: cx.now, revision: cx.ids().number().to_string() });
    if let Some(arn) = &input.resource_arn {
        let group = group_of(cx, arn)?;
        return logs.store.write(|state| {
            if !state.groups.contains(&group) {
                return Err(faults::no_such_group());
            }
            check_revision(state.group_policies.get(&group), input.expected_revision_id.as_deref())?;
            let resource_policy = shown(input.policy_name.as_deref(), Some(&group), &row);
            let revision_id = Some(row.revision.clone());
            state.group_policies.insert(group, row);
            Ok(PutResourcePolicyResponse { resource_policy: Some(resource_policy), revision_id })
        });
    }
    let Some(name) = input.policy_name else { return Err(faults::invalid("policyName is required")) };
    let key = (cx.scope.clone(), Arc::<str>::from(name.as_str()));
    logs.store.write(|state| {
        let is_new = !state.resource_policies.contains(&key);
        if is_new && of_scope(&state.resource_policies, &cx.scope, "", None).count() >= limits::RESOURCE_POLICIES {
            return Err(faults::limit_exceeded());
        }
        let resource_policy = shown(Some(&name), None, &row);
        state.resource_policies.insert(key, row);
        state.join_policies(&cx.scope);
        Ok(PutResourcePolicyResponse { resource_policy: Some(resource_policy), revision_id: None })
    })
});

handler!(Logs, DescribeResourcePolicies, |logs, cx, input| Ok(on_account::<DescribeResourcePolicies>(cx).into()), |logs, cx, input| {
    let group = input.resource_arn.as_deref().map(|arn| group_of(cx, arn)).transpose()?;
    let of_groups = input.policy_scope.as_deref() == Some("RESOURCE") || group.is_some();
    let page = logs.store.read(|state| {
        page::<DescribeResourcePolicies, _, _, _>(cx, &input, input.limit, |after: Option<Arc<str>>| {
            let rows: Box<dyn Iterator<Item = (Arc<str>, ResourcePolicy)>> = if of_groups {
                let rows = of_scope(&state.group_policies, &cx.scope, "", after);
                let rows = rows.map(|(name, row)| ((cx.scope.clone(), name.clone()), row));
                let rows = rows.filter(|(key, _)| group.as_ref().is_none_or(|group| group == key));
                Box::new(rows.map(|(key, row)| (key.1.clone(), listed(shown(None, Some(&key), row)))))
            } else {
                let rows = of_scope(&state.resource_policies, &cx.scope, "", after);
                Box::new(rows.map(|(name, row)| (name.clone(), listed(shown(Some(name), None, row)))))
            };
            rows
        })
    })?;
    Ok(DescribeResourcePoliciesResponse { resource_policies: Some(page.items), next_token: page.next_token })
});

handler!(Logs, DeleteResourcePolicy, |logs, cx, input| Ok(on_account::<DeleteResourcePolicy>(cx).into()), |logs, cx, input| {
    let missing = |name: &str| faults::RESOURCE_NOT_FOUND.says(format!("Policy with name [{name}] does not exist."));
    if let Some(arn) = &input.resource_arn {
        let group = group_of(cx, arn)?;
        return logs.store.write(|state| {
            check_revision(state.group_policies.get(&group), input.expected_revision_id.as_deref())?;
            state.group_policies.remove(&group).map(|_| Empty {}).ok_or_else(|| missing(arn))
        });
    }
    let name = input.policy_name.unwrap_or_default();
    logs.store.write(|state| {
        state.resource_policies.remove(&(cx.scope.clone(), name.as_str().into())).ok_or_else(|| missing(&name))?;
        state.join_policies(&cx.scope);
        Ok(Empty {})
    })
});

#[cfg(test)]
mod tests {
    use super::with_single_principals;

    #[test]
    fn a_list_of_one_principal_is_that_principal() {
        let text = r#"{"Statement":[{"Principal":{"Service":["a"],"AWS":["b","c"]},"Action":["x"]},{"Principal":"*"}]}"#;
        let listed = r#"{"Statement":[{"Principal":{"Service":"a","AWS":["b","c"]},"Action":["x"]},{"Principal":"*"}]}"#;
        assert_eq!(with_single_principals(text).as_deref(), Some(listed));
        assert_eq!(with_single_principals(listed), None);
    }
}

//! Resource policies: they share a resource with other accounts.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutResourcePolicy.html>

use crate::{
    Ssm, faults, limits,
    parameters::{
        names::{ParameterKey, Reference},
        parameter::Tier,
        permissions::Sharing,
    },
    state::{ResourcePolicy, State},
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredPolicy, paging::Paging};
use cloudlet_policy::Kind;
use cloudlet_shape::Operation;
use sha2::{Digest, Sha256};

const LONGEST_PAGE: usize = 50;

/// What a parameter's policy may allow.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-shared-parameters.html>
const SHARED_ACTIONS: [&str; 4] = ["ssm:DescribeParameters", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory"];

fn no_such_resource() -> Fault {
    faults::RESOURCE_NOT_FOUND.says("The specified parameter to be shared could not be found.")
}

fn no_such_policy() -> Fault {
    faults::RESOURCE_POLICY_NOT_FOUND.says("No policies with the specified policy ID and hash could be found.")
}

fn conflict() -> Fault {
    faults::RESOURCE_POLICY_CONFLICT
        .says("The hash provided in the call doesn't match the stored hash. This exception is thrown when trying to update an obsolete policy version or when multiple requests to update a policy are sent.")
}

/// A resource that can be shared, by its ARN. Resources of other kinds cannot be made yet: there is none.
fn parse(cx: &Cx, arn: &str) -> Result<Reference, Fault> {
    let is_parameter = Arn::parse(arn).is_some_and(|arn| arn.service() == "ssm" && arn.resource().starts_with("parameter/"));
    if !is_parameter {
        return Err(no_such_resource());
    }
    Reference::parse(&cx.scope, arn)
}

impl Ssm {
    /// Only the resource's own account may look at its policies and change them.
    fn policy_permission<O: Operation>(&self, cx: &Cx, arn: &str) -> Result<Permission, Fault> {
        Ok(self.permission::<O>(cx, &parse(cx, arn)?, Sharing::No))
    }
}

fn check_shareable(state: &State, cx: &Cx, key: &ParameterKey) -> Result<(), Fault> {
    let parameter = state.parameter(key, cx.now).ok_or_else(no_such_resource)?;
    if parameter.current.tier == Tier::Advanced {
        return Ok(());
    }
    // AWS: unverified message.
    Err(faults::RESOURCE_POLICY_INVALID_PARAMETER.says("Only parameters of the advanced-parameter tier can be shared."))
}

/// A policy that only shares what can be shared.
fn parse_policy(text: &str, arn: &Arn) -> Result<ResourcePolicy, Fault> {
    let malformed = |why: &str| faults::MALFORMED_RESOURCE_POLICY_DOCUMENT.says(why);
    let policy = StoredPolicy::parse(text, Kind::Resource).map_err(|refused| malformed(&refused.message))?;
    let json: serde_json::Value = serde_json::from_str(text).map_err(|_| malformed("The policy is not valid JSON."))?;
    let statements = match json.get("Statement") {
        Some(serde_json::Value::Array(statements)) => statements.clone(),
        Some(single) => vec![single.clone()],
        None => vec![],
    };
    for statement in &statements {
        // AWS: unverified messages.
        if !all(statement.get("Action"), |action| SHARED_ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action))) {
            return Err(malformed(&format!("The policy may only have these actions: {}.", SHARED_ACTIONS.join(", "))));
        }
        if !all(statement.get("Resource"), |resource| resource == arn.as_str()) {
            return Err(malformed("The resource of each statement must be the parameter."));
        }
    }
    Ok(ResourcePolicy { hash: hex::encode(Sha256::digest(text.as_bytes())), policy })
}

/// Whether an element, which is a text or a list of texts, is there and all its texts are right.
fn all(element: Option<&serde_json::Value>, is_right: impl Fn(&str) -> bool) -> bool {
    match element {
        Some(serde_json::Value::String(text)) => is_right(text),
        Some(serde_json::Value::Array(texts)) => texts.iter().all(|text| text.as_str().is_some_and(&is_right)),
        _ => false,
    }
}

impl Handle<PutResourcePolicy> for Ssm {
    fn permissions(&self, cx: &Cx, input: &PutResourcePolicyRequest) -> Result<Permissions, Fault> {
        Ok(self.policy_permission::<PutResourcePolicy>(cx, &input.resource_arn)?.into())
    }

    async fn handle(&self, cx: &Cx, input: PutResourcePolicyRequest) -> Result<PutResourcePolicyResponse, Fault> {
        let reference = parse(cx, &input.resource_arn)?;
        let arn = &reference.arn;
        let policy = parse_policy(&input.policy, arn)?;
        let hash = policy.hash.clone();
        let new_id = cx.ids().uuid();
        let id = self.store.write(|state| {
            check_shareable(state, cx, &reference.key)?;
            let id = match (&input.policy_id, &input.policy_hash) {
                (None, None) if state.policies_of(arn).count() >= limits::RESOURCE_POLICIES => {
                    return Err(faults::RESOURCE_POLICY_LIMIT_EXCEEDED
                        .says("The PutResourcePolicy API action enforces two limits. A policy can't be greater than 1024 bytes in size. And only one policy can be attached to OpsItemGroup. Verify these limits and try again."));
                }
                (None, None) => new_id,
                (Some(id), hash) => {
                    let known = state.resource_policies.get(&(arn.clone(), id.clone())).ok_or_else(no_such_policy)?;
                    if hash.as_ref() != Some(&known.hash) {
                        return Err(conflict());
                    }
                    id.clone()
                }
                (None, Some(_)) => {
                    // AWS: unverified message.
                    return Err(faults::RESOURCE_POLICY_INVALID_PARAMETER.says("PolicyHash needs PolicyId."));
                }
            };
            state.resource_policies.insert((arn.clone(), id.clone()), policy);
            Ok(id)
        })?;
        Ok(PutResourcePolicyResponse { policy_id: Some(id), policy_hash: Some(hash) })
    }
}

impl Handle<GetResourcePolicies> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetResourcePoliciesRequest) -> Result<Permissions, Fault> {
        Ok(self.policy_permission::<GetResourcePolicies>(cx, &input.resource_arn)?.into())
    }

    async fn handle(&self, cx: &Cx, input: GetResourcePoliciesRequest) -> Result<GetResourcePoliciesResponse, Fault> {
        let reference = parse(cx, &input.resource_arn)?;
        let list = Paging::of::<GetResourcePolicies>(cx, &input);
        let page = self.store.read(|state| {
            state.parameter(&reference.key, cx.now).ok_or_else(no_such_resource)?;
            let entries = state.policies_of(&reference.arn).map(|(id, policy)| {
                let entry = GetResourcePoliciesResponseEntry {
                    policy_id: Some(id.to_owned()),
                    policy_hash: Some(policy.hash.clone()),
                    policy: Some(policy.policy.text.to_string()),
                };
                (id.to_owned(), entry)
            });
            list.page_of(list.length(LONGEST_PAGE, LONGEST_PAGE), entries).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(GetResourcePoliciesResponse { policies: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<DeleteResourcePolicy> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeleteResourcePolicyRequest) -> Result<Permissions, Fault> {
        Ok(self.policy_permission::<DeleteResourcePolicy>(cx, &input.resource_arn)?.into())
    }

    async fn handle(&self, cx: &Cx, input: DeleteResourcePolicyRequest) -> Result<DeleteResourcePolicyResponse, Fault> {
        let reference = parse(cx, &input.resource_arn)?;
        self.store.write(|state| {
            state.parameter(&reference.key, cx.now).ok_or_else(no_such_resource)?;
            let row = (reference.arn.clone(), input.policy_id.clone());
            let known = state.resource_policies.get(&row).ok_or_else(no_such_policy)?;
            if known.hash != input.policy_hash {
                return Err(conflict());
            }
            state.resource_policies.remove(&row);
            Ok(DeleteResourcePolicyResponse {})
        })
    }
}

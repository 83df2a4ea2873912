//! Resource policies as whole documents. They are the same that AddPermission adds statements to.

use crate::{
    Lambda, faults,
    functions::of_function,
    limits,
    names::{self, LATEST, Named},
    policies::check_revision,
    state::Policy,
};
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission, StoredPolicy, handler};
use cloudlet_policy::Kind;
use cloudlet_shape::{Empty, Operation};
use std::sync::Arc;

fn named(cx: &Cx, arn: &str) -> Result<Named, Fault> {
    if !arn.contains(":function:") {
        return Err(faults::not_built("resource policies of what is no function"));
    }
    names::function(cx, arn, None)
}

fn permission<O: Operation>(lambda: &Lambda, cx: &Cx, arn: &str) -> Result<Permission, Fault> {
    Ok(of_function::<O>(lambda, &named(cx, arn)?.key))
}

fn place(named: &Named) -> String {
    named.qualifier.clone().filter(|qualifier| qualifier != LATEST).unwrap_or_default()
}

impl Lambda {
    fn policy(&self, named: &Named) -> Result<Option<Arc<Policy>>, Fault> {
        self.store.read(|state| {
            if state.resolve(named, 0).is_none() {
                return Err(faults::no_function(named.arn()));
            }
            Ok(state.policies.get(&(named.key.clone(), place(named))).cloned())
        })
    }
}

handler!(
    Lambda,
    PutResourcePolicy,
    |lambda, cx, input| Ok(permission::<PutResourcePolicy>(lambda, cx, &input.resource_arn)?.into()),
    |lambda, cx, input| {
        let named = named(cx, &input.resource_arn)?;
        if input.policy.len() > limits::POLICY_BYTES {
            let text = format!("The final policy size ({}) is bigger than the limit ({}).", input.policy.len(), limits::POLICY_BYTES);
            return Err(faults::POLICY_LENGTH_EXCEEDED.says(text).with("Type", "User"));
        }
        // AWS: unverified for the words of what is wrong with a policy.
        let policy = StoredPolicy::parse(&input.policy, Kind::Resource).map_err(|malformed| faults::invalid(malformed.message))?;
        let policy = Arc::new(Policy { policy, revision: cx.ids().uuid() });
        let current = lambda.policy(&named)?;
        check_revision(current.as_deref(), input.revision_id.as_ref(), "GetResourcePolicy")?;
        lambda.store.update(|state| state.policies.insert((named.key.clone(), place(&named)), policy.clone()));
        Ok(PutResourcePolicyResponse { policy: Some(policy.policy.text.to_string()), revision_id: Some(policy.revision.clone()) })
    }
);

handler!(
    Lambda,
    GetResourcePolicy,
    |lambda, cx, input| Ok(permission::<GetResourcePolicy>(lambda, cx, &input.resource_arn)?.into()),
    |lambda, cx, input| {
        let policy = lambda.policy(&named(cx, &input.resource_arn)?)?.ok_or_else(faults::no_resource)?;
        Ok(GetResourcePolicyResponse { policy: Some(policy.policy.text.to_string()), revision_id: Some(policy.revision.clone()) })
    }
);

handler!(
    Lambda,
    DeleteResourcePolicy,
    |lambda, cx, input| Ok(permission::<DeleteResourcePolicy>(lambda, cx, &input.resource_arn)?.into()),
    |lambda, cx, input| {
        let named = named(cx, &input.resource_arn)?;
        let current = lambda.policy(&named)?.ok_or_else(faults::no_resource)?;
        check_revision(Some(&current), input.revision_id.as_ref(), "GetResourcePolicy")?;
        lambda.store.update(|state| drop(state.policies.remove(&(named.key.clone(), place(&named)))));
        Ok(Empty {})
    }
);

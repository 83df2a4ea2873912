//! What the policies of parameters do when they are due. The operation is in no model: only the scheduler calls it.

pub use own::ApplyPolicies;

use super::{
    events,
    names::ParameterKey,
    parameter::Parameter,
    policies::{Rule, Status, due},
};
use crate::{PRINCIPAL, Ssm, state::State};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Empty, Shape};
use std::sync::Arc;

#[derive(Shape, Clone, Default)]
pub struct ParameterInput {
    /// The name without the slash in front.
    pub name: String,
}

mod own {
    use super::ParameterInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_ssm::SERVICE;
        ApplyPolicies(ParameterInput) -> Empty {}
    }
}

fn schedule_name(key: &ParameterKey) -> String {
    format!("ApplyPolicies/{}", key.arn())
}

/// Schedules the next policy of a parameter that is due, in place of what was scheduled for it before.
pub fn reschedule(cx: &Cx, state: &State, key: &ParameterKey) -> Result<(), Fault> {
    let next = state.parameters.get(key).and_then(|parameter| {
        let version = &parameter.current;
        due(&version.policies, version.modified).map(|(_, at)| at).min()
    });
    match next {
        Some(at) => {
            let input = ParameterInput { name: key.bare() };
            cx.schedule_keyed::<ApplyPolicies>(schedule_name(key), at.max(cx.now), PRINCIPAL, key.arn(), key.scope.clone(), input)
        }
        None => {
            cancel(cx, key);
            Ok(())
        }
    }
}

pub fn cancel(cx: &Cx, key: &ParameterKey) {
    cx.cancel::<ApplyPolicies>(schedule_name(key));
}

impl Handle<ApplyPolicies> for Ssm {
    fn permissions(&self, _: &Cx, _: &ParameterInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: ParameterInput) -> Result<Empty, Fault> {
        let key = ParameterKey::of(cx.scope.clone(), &input.name);
        self.store.write(|state| {
            let Some(parameter) = state.parameters.get(&key).cloned() else { return Ok(Empty {}) };
            let version = &parameter.current;
            let now_due: Vec<usize> = due(&version.policies, version.modified).filter(|(_, at)| *at <= cx.now).map(|(index, _)| index).collect();
            let mut changed = (**version).clone();
            for (_, policy) in changed.policies.iter_mut().enumerate().filter(|(index, _)| now_due.contains(index)) {
                policy.status = Status::Finished;
                events::policy_applied(cx, &key, &parameter, policy);
            }
            let expired = now_due.iter().any(|index| version.policies.get(*index).is_some_and(|policy| matches!(policy.rule, Rule::Expiration(_))));
            if expired {
                state.remove_parameter(&key);
            } else if !now_due.is_empty() {
                let changed = Parameter { current: Arc::new(changed), ..(*parameter).clone() };
                state.put_parameter(key.clone(), changed);
            }
            reschedule(cx, state, &key)?;
            Ok(Empty {})
        })
    }
}

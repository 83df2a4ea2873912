//! Activations: the codes with which machines outside of EC2 are registered.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html>

use super::rows::Activation;
use crate::{
    Ssm, faults,
    parameters::permissions::{on_all, set_request_tags},
    tags,
};
use cloudlet_api_iam::{GetRole, GetRoleRequest};
use cloudlet_api_ssm::{self as api, *};
use cloudlet_aws::{Arn, Caller, Fault, Region, Scope, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging, roles};
use std::{cmp::Reverse, sync::Arc};

const PAGE: usize = 50;
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html>
const USUAL_LIFE: i64 = 24 * 3_600;
const LONGEST_LIFE: i64 = 30 * 24 * 3_600;

/// A role by the name that requests give, with or without its path.
pub async fn find_role(cx: &Cx, name: &str) -> Result<Option<Arn>, Fault> {
    let name = name.rsplit('/').next().unwrap_or(name).to_owned();
    let root = Caller::root(cx.scope.account, cx.scope.partition(), None);
    let scope = Scope::new(cx.scope.account, Region::new("us-east-1"));
    let found = Box::pin(cx.call::<GetRole>(root, scope, GetRoleRequest { role_name: name.clone() })).await;
    match found {
        Ok(found) => Ok(Arn::parse(&found.role.arn)),
        // A server without IAM knows no roles: any will do.
        Err(fault) if fault.status() >= 500 => {
            Ok(Some(Arn::build(cx.scope.partition(), "iam", "", cx.scope.account.as_str(), &format!("role/{name}"))))
        }
        Err(_) => Ok(None),
    }
}

/// The role of a machine, which the caller must be allowed to pass.
pub async fn passed_role<O: cloudlet_shape::Operation>(cx: &Cx, name: &str) -> Result<(), Fault> {
    let Some(role) = find_role(cx, name).await? else {
        // AWS: unverified message.
        return Err(faults::validation("Nonexistent role or missing ssm service principal in trust policy"));
    };
    cx.check::<O>(&roles::pass_role(role, crate::PRINCIPAL, None))
}

impl Handle<CreateActivation> for Ssm {
    fn permissions(&self, cx: &Cx, input: &CreateActivationRequest) -> Result<Permissions, Fault> {
        let mut permission = on_all::<CreateActivation>(cx);
        set_request_tags(&mut permission, input.tags.as_deref().unwrap_or_default());
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: CreateActivationRequest) -> Result<CreateActivationResult, Fault> {
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        passed_role::<CreateActivation>(cx, &input.iam_role).await?;
        let expires = input.expiration_date.unwrap_or_else(|| cx.now.plus_secs(USUAL_LIFE));
        if expires <= cx.now || expires > cx.now.plus_secs(LONGEST_LIFE) {
            // AWS: unverified message.
            return Err(faults::validation("The expiration date must be in the future, and at most 30 days from now."));
        }
        let (id, code) = (cx.ids().uuid(), cx.ids().alphanumeric(20));
        let activation = Activation {
            code: code.as_str().into(),
            description: input.description.map(Into::into),
            default_name: input.default_instance_name.map(Into::into),
            role: input.iam_role.into(),
            limit: input.registration_limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(1),
            count: 0,
            created: cx.now,
            expires,
            tags,
        };
        self.nodes.store.update(|state| state.activations.insert((cx.scope.clone(), id.as_str().into()), Arc::new(activation)));
        Ok(CreateActivationResult { activation_id: Some(id), activation_code: Some(code) })
    }
}

fn shown(id: &str, activation: &Activation, now: Timestamp) -> api::Activation {
    api::Activation {
        activation_id: Some(id.to_owned()),
        description: activation.description.as_deref().map(str::to_owned),
        default_instance_name: activation.default_name.as_deref().map(str::to_owned),
        iam_role: Some(activation.role.to_string()),
        registration_limit: i32::try_from(activation.limit).ok(),
        registrations_count: i32::try_from(activation.count).ok(),
        expiration_date: Some(activation.expires),
        expired: Some(activation.expires <= now),
        created_date: Some(activation.created),
        tags: Some(tags::listed(&activation.tags)).filter(|tags| !tags.is_empty()),
    }
}

impl Handle<DescribeActivations> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DescribeActivationsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DescribeActivations>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeActivationsRequest) -> Result<DescribeActivationsResult, Fault> {
        let list = Paging::of::<DescribeActivations>(cx, &input);
        let filters = input.filters.unwrap_or_default();
        let selects = |id: &str, activation: &Activation| {
            filters.iter().all(|filter| {
                let value = match filter.filter_key.as_deref() {
                    Some("ActivationIds") => id,
                    Some("IamRole") => &activation.role,
                    _ => activation.default_name.as_deref().unwrap_or_default(),
                };
                filter.filter_values.iter().flatten().any(|wanted| wanted == value)
            })
        };
        let page = self.nodes.store.read(|state| {
            let mut rows: Vec<_> = state.activations_of(&cx.scope).filter(|(id, activation)| selects(id, activation)).collect();
            rows.sort_by_key(|(id, activation)| (Reverse(activation.created), (*id).clone()));
            let rows = rows.into_iter().map(|(id, activation)| ((Reverse(activation.created), id.to_string()), shown(id, activation, cx.now)));
            list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(DescribeActivationsResult { activation_list: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<DeleteActivation> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DeleteActivationRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DeleteActivation>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DeleteActivationRequest) -> Result<DeleteActivationResult, Fault> {
        let place = (cx.scope.clone(), input.activation_id.as_str().into());
        let removed = self.nodes.store.update(|state| state.activations.remove(&place));
        removed.map(|_| DeleteActivationResult {}).ok_or_else(|| {
            // AWS: unverified message.
            faults::INVALID_ACTIVATION_ID
                .says("The activation ID isn't valid. Verify the you entered the correct ActivationId or ActivationCode and try again.")
        })
    }
}

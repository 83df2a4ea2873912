//! Reputation entities: whether a tenant may send, by the word of its account. SES itself has no objections here.

use super::PAGE;
use crate::{
    access,
    state::{self, TenantStatus},
    tenants::arn_of,
};
use cloudlet_api_sesv2::*;
use cloudlet_aws::{Arn, Fault, Scope};
use cloudlet_engine::{Cx, Operation, Permission};
use std::sync::Arc;

/// The tenant that a reference names.
fn tenant_named(cx: &Cx, reference: &str) -> Result<String, Fault> {
    let arn = Arn::parse(reference).filter(|arn| arn.service() == "ses" && arn.scope().as_ref() == Some(&cx.scope));
    let name = arn.as_ref().and_then(|arn| arn.resource().strip_prefix("tenant/")?.split_once('/')).map(|(name, _)| name.to_owned());
    // AWS: unverified message.
    name.ok_or_else(|| faults::BAD_REQUEST.says(format!("Invalid reputation entity reference {reference}.")))
}

fn permission<O: Operation>(cx: &Cx, reference: &str) -> Result<Permission, Fault> {
    tenant_named(cx, reference)?;
    Ok(access::resource::<O>(cx, Arn::parse(reference).as_ref().map(Arn::resource).unwrap_or_default()))
}

fn policy_arn(scope: &Scope, policy: &str) -> String {
    format!("arn:{}:ses:{}:aws:reputation-policy/{policy}", scope.region.partition(), scope.region)
}

fn shown(scope: &Scope, name: &str, tenant: &state::Tenant) -> ReputationEntity {
    let record = |status: &str, at| StatusRecord { status: Some(status.to_owned()), cause: None, last_updated_timestamp: Some(at) };
    ReputationEntity {
        reputation_entity_reference: Some(arn_of(scope, name, &tenant.id).to_string()),
        reputation_entity_type: Some("RESOURCE".into()),
        reputation_management_policy: Some(policy_arn(scope, &tenant.policy)),
        customer_managed_status: Some(match &tenant.status {
            Some(given) => record(&given.status, given.at),
            None => record("ENABLED", tenant.created),
        }),
        aws_ses_managed_status: Some(record("ENABLED", tenant.created)),
        sending_status_aggregate: Some(tenant.sending_status().to_owned()),
        reputation_impact: None,
    }
}

operation!(
    GetReputationEntity,
    |ses, cx, input| Ok(permission::<GetReputationEntity>(cx, &input.reputation_entity_reference)?.into()),
    |ses, cx, input| {
        let name = tenant_named(cx, &input.reputation_entity_reference)?;
        let tenant = ses.tenant(&cx.scope, &name)?;
        Ok(GetReputationEntityResponse { reputation_entity: Some(shown(&cx.scope, &name, &tenant)) })
    },
);

operation!(ListReputationEntities, |ses, cx, input| Ok(access::any::<ListReputationEntities>(cx).into()), |ses, cx, input| {
    let filter = input.filter.clone().unwrap_or_default();
    let fits = |name: &str, tenant: &state::Tenant| {
        filter.get("ENTITY_TYPE").is_none_or(|kind| kind == "RESOURCE")
            && filter.get("SENDING_STATUS").is_none_or(|status| tenant.sending_status() == status)
            && !filter.contains_key("REPUTATION_IMPACT")
            && filter.get("ENTITY_REFERENCE_PREFIX").is_none_or(|prefix| arn_of(&cx.scope, name, &tenant.id).as_str().starts_with(prefix.as_str()))
    };
    let shown_entity = |name: &str, tenant: &Arc<state::Tenant>| {
        fits(name, tenant).then_some(())?;
        Some(shown(&cx.scope, name, tenant))
    };
    let page = ses.list::<ListReputationEntities, _, _>(cx, &input, PAGE, |state| &state.tenants, shown_entity)?;
    Ok(ListReputationEntitiesResponse { reputation_entities: Some(page.items), next_token: page.next_token })
});

operation!(
    UpdateReputationEntityCustomerManagedStatus,
    |ses, cx, input| Ok(permission::<UpdateReputationEntityCustomerManagedStatus>(cx, &input.reputation_entity_reference)?.into()),
    |ses, cx, input| {
        let name = tenant_named(cx, &input.reputation_entity_reference)?;
        let changed = ses.change_tenant(&cx.scope, &name, |tenant| {
            tenant.status = Some(TenantStatus { status: input.sending_status, at: cx.now });
            Ok(())
        });
        // AWS: the operation has no fault for what is not there.
        changed.map_err(|refusal| faults::BAD_REQUEST.says(refusal.message()))?;
        Ok(UpdateReputationEntityCustomerManagedStatusResponse {})
    },
);

operation!(
    UpdateReputationEntityPolicy,
    |ses, cx, input| Ok(permission::<UpdateReputationEntityPolicy>(cx, &input.reputation_entity_reference)?.into()),
    |ses, cx, input| {
        let name = tenant_named(cx, &input.reputation_entity_reference)?;
        let policy = ["none", "standard", "strict"].into_iter().find(|policy| policy_arn(&cx.scope, policy) == input.reputation_entity_policy);
        // AWS: unverified message.
        let policy = policy.ok_or_else(|| faults::BAD_REQUEST.says(format!("Invalid reputation policy {}.", input.reputation_entity_policy)))?;
        let changed = ses.change_tenant(&cx.scope, &name, |tenant| {
            tenant.policy = policy.to_owned();
            Ok(())
        });
        changed.map_err(|refusal| faults::BAD_REQUEST.says(refusal.message()))?;
        Ok(UpdateReputationEntityPolicyResponse {})
    },
);

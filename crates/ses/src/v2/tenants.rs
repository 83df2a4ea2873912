//! Tenants and the resources that belong to them.

use super::{PAGE, tags};
use crate::{
    Ses, access, limits,
    refusal::Refusal,
    state::{self, State},
    tenants::{arn_of, check_name, kind_of, no_tenant},
};
use cloudlet_api_sesv2::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Operation, Permission, Permissions, paging::Paging};
use std::{collections::BTreeMap, sync::Arc};

fn permission<O: Operation>(ses: &Ses, cx: &Cx, name: &str) -> Permission {
    let permission = access::resource::<O>(cx, &ses.tenant_resource(&cx.scope, name));
    match ses.tenant(&cx.scope, name) {
        Ok(tenant) => permission.with_resource_tags(tenant.tags.iter().map(|(key, value)| (key, value.clone()))),
        Err(_) => permission,
    }
}

/// A resource of the account that can belong to a tenant.
fn resource(cx: &Cx, arn: &str) -> Result<Arn, Fault> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service() == "ses" && arn.scope().as_ref() == Some(&cx.scope) && kind_of(arn).is_some());
    // AWS: unverified message.
    parsed.ok_or_else(|| faults::BAD_REQUEST.says(format!("Invalid resource ARN {arn}.")))
}

/// To associate something one must be allowed to for the tenant and for the resource.
fn association<O: Operation>(ses: &Ses, cx: &Cx, tenant: &str, arn: &str) -> Result<Permissions, Fault> {
    let resource = resource(cx, arn)?;
    Ok([permission::<O>(ses, cx, tenant), access::resource::<O>(cx, resource.resource())].into_iter().collect())
}

fn suppression(tenant: &state::Tenant) -> TenantSuppressionAttributes {
    TenantSuppressionAttributes {
        suppressed_reasons: tenant.suppressed_reasons.clone(),
        suppression_scope: Some(if tenant.has_own_list { "TENANT".into() } else { "ACCOUNT".into() }),
    }
}

operation!(
    CreateTenant,
    |ses, cx, input| Ok(tags::requested(permission::<CreateTenant>(ses, cx, &input.tenant_name), input.tags.as_deref())),
    |ses, cx, input| {
        check_name(&input.tenant_name)?;
        let given = input.suppression_attributes.unwrap_or_default();
        let tenant = state::Tenant {
            // AWS: unverified form.
            id: format!("tn-{}", cx.ids().hex(30)),
            created: cx.now,
            tags: tags::checked(input.tags.as_deref().unwrap_or_default())?,
            suppressed_reasons: given.suppressed_reasons,
            has_own_list: given.suppression_scope.as_deref() == Some("TENANT"),
            resources: BTreeMap::new(),
            // AWS: unverified. The policy of a new tenant.
            policy: "standard".into(),
            status: None,
        };
        ses.store.write(|state| {
            let key = (cx.scope.clone(), input.tenant_name.clone());
            if state.tenants.contains(&key) {
                // AWS: unverified message.
                return Err(Refusal::Exists(format!("Tenant {} already exists.", input.tenant_name)));
            }
            if State::count(&state.tenants, &cx.scope) >= limits::TENANTS {
                // AWS: unverified message.
                return Err(Refusal::Limit("The number of tenants is at its limit.".to_owned()));
            }
            state.tenants.insert(key, Arc::new(tenant.clone()));
            Ok(())
        })?;
        Ok(CreateTenantResponse {
            tenant_arn: Some(arn_of(&cx.scope, &input.tenant_name, &tenant.id).to_string()),
            tenant_name: Some(input.tenant_name),
            created_timestamp: Some(tenant.created),
            tags: Some(tags::shown(&tenant.tags)),
            sending_status: Some(tenant.sending_status().to_owned()),
            suppression_attributes: Some(suppression(&tenant)),
            tenant_id: Some(tenant.id),
        })
    },
);

operation!(GetTenant, |ses, cx, input| Ok(permission::<GetTenant>(ses, cx, &input.tenant_name).into()), |ses, cx, input| {
    let tenant = ses.tenant(&cx.scope, &input.tenant_name)?;
    let shown = Tenant {
        tenant_arn: Some(arn_of(&cx.scope, &input.tenant_name, &tenant.id).to_string()),
        tenant_name: Some(input.tenant_name),
        tenant_id: Some(tenant.id.clone()),
        created_timestamp: Some(tenant.created),
        tags: Some(tags::shown(&tenant.tags)),
        sending_status: Some(tenant.sending_status().to_owned()),
        suppression_attributes: Some(suppression(&tenant)),
    };
    Ok(GetTenantResponse { tenant: Some(shown) })
});

operation!(DeleteTenant, |ses, cx, input| Ok(permission::<DeleteTenant>(ses, cx, &input.tenant_name).into()), |ses, cx, input| {
    ses.store.write(|state| {
        let removed = state.tenants.remove(&(cx.scope.clone(), input.tenant_name.clone()));
        let removed = removed.ok_or_else(|| no_tenant(&input.tenant_name))?;
        state.forget_list(&cx.scope, &removed.id);
        Ok::<_, Refusal>(())
    })?;
    Ok(DeleteTenantResponse {})
});

operation!(ListTenants, |ses, cx, input| Ok(access::any::<ListTenants>(cx).into()), |ses, cx, input| {
    let filter = input.filter.clone().unwrap_or_default();
    let fits = |name: &str, tenant: &state::Tenant| {
        filter.get("TENANT_NAME_CONTAINS").is_none_or(|part| name.contains(part.as_str()))
            && filter.get("SENDING_STATUS").is_none_or(|status| tenant.sending_status() == status)
    };
    let shown = |name: &str, row: &Arc<state::Tenant>| {
        fits(name, row).then_some(())?;
        Some(TenantInfo {
            tenant_name: Some(name.to_owned()),
            tenant_id: Some(row.id.clone()),
            tenant_arn: Some(arn_of(&cx.scope, name, &row.id).to_string()),
            created_timestamp: Some(row.created),
            sending_status: Some(row.sending_status().to_owned()),
        })
    };
    let page = ses.list::<ListTenants, _, _>(cx, &input, PAGE, |state| &state.tenants, shown)?;
    Ok(ListTenantsResponse { tenants: Some(page.items), next_token: page.next_token })
});

operation!(
    CreateTenantResourceAssociation,
    |ses, cx, input| association::<CreateTenantResourceAssociation>(ses, cx, &input.tenant_name, &input.resource_arn),
    |ses, cx, input| {
        let arn = resource(cx, &input.resource_arn)?;
        if !ses.store.read(|state| state.has_resource(&cx.scope, &arn)) {
            return Err(tags::no_resource(&input.resource_arn).into());
        }
        ses.change_tenant(&cx.scope, &input.tenant_name, |tenant| {
            if tenant.resources.contains_key(arn.as_str()) {
                // AWS: unverified message.
                return Err(Refusal::Exists(format!("{} is already associated with tenant {}.", input.resource_arn, input.tenant_name)));
            }
            tenant.resources.insert(arn.to_string(), cx.now);
            Ok(())
        })?;
        Ok(CreateTenantResourceAssociationResponse {})
    },
);

operation!(
    DeleteTenantResourceAssociation,
    |ses, cx, input| association::<DeleteTenantResourceAssociation>(ses, cx, &input.tenant_name, &input.resource_arn),
    |ses, cx, input| {
        ses.change_tenant(&cx.scope, &input.tenant_name, |tenant| {
            // AWS: unverified message.
            let missing = || Refusal::NotFound(format!("{} is not associated with tenant {}.", input.resource_arn, input.tenant_name));
            tenant.resources.remove(&input.resource_arn).ok_or_else(missing)
        })?;
        Ok(DeleteTenantResourceAssociationResponse {})
    },
);

operation!(ListTenantResources, |ses, cx, input| Ok(permission::<ListTenantResources>(ses, cx, &input.tenant_name).into()), |ses, cx, input| {
    let list = Paging::of::<ListTenantResources>(cx, &input);
    let tenant = ses.tenant(&cx.scope, &input.tenant_name)?;
    let wanted = input.filter.clone().unwrap_or_default().get("RESOURCE_TYPE").cloned();
    let rows = tenant.resources.keys().filter_map(|arn| Some((arn.clone(), kind_of(&Arn::parse(arn)?)?)));
    let rows = rows.filter(|(_, kind)| wanted.as_ref().is_none_or(|wanted| wanted == kind)).map(|(arn, kind)| {
        let shown = TenantResource { resource_type: Some(kind.into()), resource_arn: Some(arn.clone()) };
        (arn, shown)
    });
    let page = list.page_of(list.length(100, 1_000), rows)?;
    Ok(ListTenantResourcesResponse { tenant_resources: Some(page.items), next_token: page.next_token })
},);

operation!(
    ListResourceTenants,
    |ses, cx, input| Ok(access::resource::<ListResourceTenants>(cx, resource(cx, &input.resource_arn)?.resource()).into()),
    |ses, cx, input| {
        let arn = resource(cx, &input.resource_arn)?;
        if !ses.store.read(|state| state.has_resource(&cx.scope, &arn)) {
            return Err(tags::no_resource(&input.resource_arn).into());
        }
        let shown = |name: &str, row: &Arc<state::Tenant>| {
            Some(ResourceTenantMetadata {
                tenant_name: Some(name.to_owned()),
                tenant_id: Some(row.id.clone()),
                resource_arn: Some(arn.to_string()),
                associated_timestamp: Some(*row.resources.get(arn.as_str())?),
            })
        };
        let page = ses.list::<ListResourceTenants, _, _>(cx, &input, PAGE, |state| &state.tenants, shown)?;
        Ok(ListResourceTenantsResponse { resource_tenants: Some(page.items), next_token: page.next_token })
    },
);

operation!(
    PutTenantSuppressionAttributes,
    |ses, cx, input| Ok(permission::<PutTenantSuppressionAttributes>(ses, cx, &input.tenant_name).into()),
    |ses, cx, input| {
        let changed = ses.change_tenant(&cx.scope, &input.tenant_name, |tenant| {
            tenant.suppressed_reasons = input.suppressed_reasons;
            tenant.has_own_list = input.suppression_scope.as_deref() == Some("TENANT");
            Ok(())
        });
        changed?;
        Ok(PutTenantSuppressionAttributesResponse {})
    },
);

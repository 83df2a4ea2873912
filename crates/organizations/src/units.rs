//! The organization, its root and its organizational units.

use crate::{constraint, is_parent, not_in_use, operation, page, read_organization, target_arn, write_organization};
use cloudlet_api_organizations::{
    faults::{
        ALREADY_IN_ORGANIZATION, CHILD_NOT_FOUND, DUPLICATE_ORGANIZATIONAL_UNIT, ORGANIZATION_NOT_EMPTY, ORGANIZATIONAL_UNIT_NOT_EMPTY,
        ORGANIZATIONAL_UNIT_NOT_FOUND, PARENT_NOT_FOUND,
    },
    *,
};
use cloudlet_aws::{Account as AccountId, Arn, Fault};
use cloudlet_identity::organization::{self, PolicyKind};
use cloudlet_shape::Empty;

fn policy_types(organization: &organization::Organization) -> Vec<PolicyTypeSummary> {
    let summary = |kind: &PolicyKind| PolicyTypeSummary { r#type: Some(kind.as_str().into()), status: Some("ENABLED".into()) };
    organization.enabled_policy_types.iter().map(summary).collect()
}

pub(crate) fn shown_root(organization: &organization::Organization, partition: &str) -> Root {
    Root {
        id: Some(organization.root.clone()),
        arn: Some(target_arn(organization, partition, &organization.root)),
        name: Some("Root".into()),
        policy_types: Some(policy_types(organization)),
    }
}

fn shown(organization: &organization::Organization, partition: &str) -> Organization {
    let email = organization.accounts.get(&organization.management).map(|member| member.email.clone());
    Organization {
        id: Some(organization.id.clone()),
        arn: Some(organization.arn(partition, &format!("organization/{}", organization.id)).to_string()),
        feature_set: Some("ALL".into()),
        master_account_arn: Some(target_arn(organization, partition, organization.management.as_str())),
        master_account_id: Some(organization.management.to_string()),
        master_account_email: email,
        available_policy_types: Some(vec![PolicyTypeSummary {
            r#type: Some(PolicyKind::ServiceControl.as_str().into()),
            status: Some("ENABLED".into()),
        }]),
    }
}

fn shown_unit(organization: &organization::Organization, partition: &str, id: &str, unit: &organization::OrganizationalUnit) -> OrganizationalUnit {
    OrganizationalUnit { id: Some(id.into()), arn: Some(target_arn(organization, partition, id)), name: Some(unit.name.clone()), path: None }
}

operation!(CreateOrganization, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| {
    let lower = |length| cx.ids().alphanumeric(length).to_ascii_lowercase();
    let (id, root) = (format!("o-{}", lower(10)), format!("r-{}", lower(4)));
    organizations.identity.write(|state| {
        if let Some(organization) = state.organization.get(&()) {
            return Err(match organization.accounts.contains_key(&cx.scope.account) {
                true => ALREADY_IN_ORGANIZATION.says("The AWS account is already a member of an organization."),
                false => constraint("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", "A Cloudlet server has one organization, and it exists already."),
            });
        }
        let mut organization = organization::Organization::new(id, root, cx.scope.account, cx.now.whole_secs());
        if let Some(member) = organization.accounts.get_mut(&cx.scope.account) {
            member.email = format!("{}@example.com", cx.scope.account);
        }
        let shown = shown(&organization, organizations.identity.partition());
        state.organization.insert((), organization);
        Ok(CreateOrganizationResponse { organization: Some(shown) })
    })
});

operation!(DescribeOrganization, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| organizations.identity.read(|state| {
    let organization =
        state.organization.get(&()).filter(|organization| organization.accounts.contains_key(&cx.scope.account)).ok_or_else(not_in_use)?;
    Ok(DescribeOrganizationResponse { organization: Some(shown(organization, organizations.identity.partition())) })
}));

operation!(DeleteOrganization, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| organizations.identity.write(|state| {
    if read_organization(state, cx)?.accounts.len() > 1 {
        return Err(ORGANIZATION_NOT_EMPTY
            .says("The organization isn't empty. To delete an organization, you must first remove all accounts except the management account."));
    }
    state.organization.remove(&());
    Ok(Empty {})
}));

operation!(ListRoots, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| organizations.identity.read(|state| {
    let organization = read_organization(state, cx)?;
    Ok(ListRootsResponse { roots: Some(vec![shown_root(organization, organizations.identity.partition())]), next_token: None })
}));

fn no_parent() -> Fault {
    PARENT_NOT_FOUND.says("You specified a parent that doesn't exist.")
}

fn no_unit() -> Fault {
    ORGANIZATIONAL_UNIT_NOT_FOUND.says("You specified an organizational unit that doesn't exist.")
}

/// Levels of units under the root.
const MOST_UNIT_LEVELS: usize = 5;

fn depth(organization: &organization::Organization, id: &str) -> usize {
    std::iter::successors(organization.units.get(id), |unit| organization.units.get(&unit.parent)).take(16).count()
}

operation!(CreateOrganizationalUnit, |organizations, cx, input| organizations.arns(&[&input.parent_id]), |organizations, cx, input| {
    let tail = cx.ids().alphanumeric(8).to_ascii_lowercase();
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        if !is_parent(organization, &input.parent_id) {
            return Err(no_parent());
        }
        if organization.units.values().any(|unit| unit.parent == input.parent_id && unit.name == input.name) {
            return Err(DUPLICATE_ORGANIZATIONAL_UNIT.says("An OU with the same name already exists."));
        }
        if depth(organization, &input.parent_id) >= MOST_UNIT_LEVELS {
            return Err(constraint("OU_DEPTH_LIMIT_EXCEEDED", "You have exceeded the allowed organizational unit depth."));
        }
        let id = format!("ou-{}-{tail}", organization.root.trim_start_matches("r-"));
        let unit = organization::OrganizationalUnit { name: input.name, parent: input.parent_id };
        let organizational_unit = shown_unit(organization, organizations.identity.partition(), &id, &unit);
        organization.attach_full_access(&id);
        organization.units.insert(id, unit);
        Ok(CreateOrganizationalUnitResponse { organizational_unit: Some(organizational_unit) })
    })
});

operation!(
    DescribeOrganizationalUnit,
    |organizations, cx, input| organizations.arns(&[&input.organizational_unit_id]),
    |organizations, cx, input| organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        let unit = organization.units.get(&input.organizational_unit_id).ok_or_else(no_unit)?;
        let shown = shown_unit(organization, organizations.identity.partition(), &input.organizational_unit_id, unit);
        Ok(DescribeOrganizationalUnitResponse { organizational_unit: Some(shown) })
    })
);

operation!(UpdateOrganizationalUnit, |organizations, cx, input| organizations.arns(&[&input.organizational_unit_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        let id = input.organizational_unit_id;
        let mut unit = organization.units.get(&id).cloned().ok_or_else(no_unit)?;
        if let Some(name) = input.name {
            if organization.units.iter().any(|(other, known)| *other != id && known.parent == unit.parent && known.name == name) {
                return Err(DUPLICATE_ORGANIZATIONAL_UNIT.says("An OU with the same name already exists."));
            }
            unit.name = name;
        }
        let shown = shown_unit(organization, organizations.identity.partition(), &id, &unit);
        organization.units.insert(id, unit);
        Ok(UpdateOrganizationalUnitResponse { organizational_unit: Some(shown) })
    })
});

operation!(DeleteOrganizationalUnit, |organizations, cx, input| organizations.arns(&[&input.organizational_unit_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        let id = &input.organizational_unit_id;
        if !organization.units.contains_key(id) {
            return Err(no_unit());
        }
        let full = organization.units.values().any(|unit| unit.parent == *id) || organization.accounts.values().any(|member| member.parent == *id);
        if full {
            return Err(ORGANIZATIONAL_UNIT_NOT_EMPTY.says("The organizational unit is not empty."));
        }
        organization.units.remove(id);
        organization.attached.remove(id);
        Ok(Empty {})
    })
});

operation!(ListOrganizationalUnitsForParent, |organizations, cx, input| organizations.arns(&[&input.parent_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        if !is_parent(organization, &input.parent_id) {
            return Err(no_parent());
        }
        let partition = organizations.identity.partition();
        let units = organization
            .units
            .iter()
            .filter(|(_, unit)| unit.parent == input.parent_id)
            .map(|(id, unit)| (id.to_string(), shown_unit(organization, partition, id, unit)));
        let (units, next_token) = page::<ListOrganizationalUnitsForParent, _>(cx, &input, units)?;
        Ok(ListOrganizationalUnitsForParentResponse { organizational_units: Some(units), next_token })
    })
});

operation!(ListParents, |organizations, cx, input| organizations.arns(&[&input.child_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        let rows_of_account = AccountId::parse(&input.child_id).and_then(|account| organization.accounts.get(&account)).map(|member| &member.parent);
        let parent = rows_of_account.or_else(|| organization.units.get(&input.child_id).map(|unit| &unit.parent));
        let parent = parent.ok_or_else(|| CHILD_NOT_FOUND.says("You specified a child that doesn't exist."))?;
        let kind = if *parent == organization.root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
        let parents = vec![Parent { id: Some(parent.clone()), r#type: Some(kind.into()) }];
        Ok(ListParentsResponse { parents: Some(parents), next_token: None })
    })
});

operation!(ListChildren, |organizations, cx, input| organizations.arns(&[&input.parent_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        if !is_parent(organization, &input.parent_id) {
            return Err(no_parent());
        }
        let ids: Vec<String> = match input.child_type.as_str() {
            "ACCOUNT" => organization.accounts.iter().filter(|(_, row)| row.parent == input.parent_id).map(|(id, _)| id.to_string()).collect(),
            _ => organization.units.iter().filter(|(_, row)| row.parent == input.parent_id).map(|(id, _)| id.clone()).collect(),
        };
        let children = ids.into_iter().map(|id| (id.clone(), Child { id: Some(id), r#type: Some(input.child_type.clone()) }));
        let (children, next_token) = page::<ListChildren, _>(cx, &input, children)?;
        Ok(ListChildrenResponse { children: Some(children), next_token })
    })
});

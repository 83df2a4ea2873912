//! The organization itself, its root, and its units.

use crate::{constraint, is_parent, managed, managed_mut, not_in_use, operation, page, target_arn};
use cloudlet_api_organizations::{
    faults::{
        ALREADY_IN_ORGANIZATION, CHILD_NOT_FOUND, DUPLICATE_ORGANIZATIONAL_UNIT, ORGANIZATION_NOT_EMPTY, ORGANIZATIONAL_UNIT_NOT_EMPTY,
        ORGANIZATIONAL_UNIT_NOT_FOUND, PARENT_NOT_FOUND,
    },
    *,
};
use cloudlet_aws::{Account as AccountId, Arn, Fault};
use cloudlet_identity::organization::{self, PolicyKind, Unit};
use cloudlet_shape::Empty;

fn policy_types(one: &organization::Organization) -> Vec<PolicyTypeSummary> {
    let summary = |kind: &PolicyKind| PolicyTypeSummary { r#type: Some(kind.as_str().into()), status: Some("ENABLED".into()) };
    one.enabled.iter().map(summary).collect()
}

pub(crate) fn shown_root(one: &organization::Organization, partition: &str) -> Root {
    Root {
        id: Some(one.root.clone()),
        arn: Some(target_arn(one, partition, &one.root)),
        name: Some("Root".into()),
        policy_types: Some(policy_types(one)),
    }
}

fn shown(one: &organization::Organization, partition: &str) -> Organization {
    let email = one.accounts.get(&one.management).map(|member| member.email.clone());
    Organization {
        id: Some(one.id.clone()),
        arn: Some(one.arn(partition, &format!("organization/{}", one.id)).to_string()),
        feature_set: Some("ALL".into()),
        master_account_arn: Some(target_arn(one, partition, one.management.as_str())),
        master_account_id: Some(one.management.to_string()),
        master_account_email: email,
        available_policy_types: Some(vec![PolicyTypeSummary {
            r#type: Some(PolicyKind::ServiceControl.as_str().into()),
            status: Some("ENABLED".into()),
        }]),
    }
}

fn shown_unit(one: &organization::Organization, partition: &str, id: &str, unit: &Unit) -> OrganizationalUnit {
    OrganizationalUnit { id: Some(id.into()), arn: Some(target_arn(one, partition, id)), name: Some(unit.name.clone()), path: None }
}

operation!(CreateOrganization, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| {
    let lower = |letters| cx.ids().alphanumeric(letters).to_ascii_lowercase();
    let (id, root) = (format!("o-{}", lower(10)), format!("r-{}", lower(4)));
    organizations.identity.write(|state| {
        if let Some(one) = state.organization.get(&()) {
            return Err(match one.accounts.contains_key(&cx.scope.account) {
                true => ALREADY_IN_ORGANIZATION.says("The AWS account is already a member of an organization."),
                false => constraint("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", "Cloudlet keeps one organization for each server, and there is one."),
            });
        }
        let mut one = organization::Organization::new(id, root, cx.scope.account, cx.now.whole_secs());
        if let Some(member) = one.accounts.get_mut(&cx.scope.account) {
            member.email = format!("{}@example.com", cx.scope.account);
        }
        let organization = shown(&one, organizations.identity.partition());
        state.organization.insert((), one);
        Ok(CreateOrganizationResponse { organization: Some(organization) })
    })
});

operation!(DescribeOrganization, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| organizations.identity.read(|state| {
    let one = state.organization.get(&()).filter(|one| one.accounts.contains_key(&cx.scope.account)).ok_or_else(not_in_use)?;
    Ok(DescribeOrganizationResponse { organization: Some(shown(one, organizations.identity.partition())) })
}));

operation!(DeleteOrganization, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| organizations.identity.write(|state| {
    if managed(state, cx)?.accounts.len() > 1 {
        return Err(ORGANIZATION_NOT_EMPTY
            .says("The organization isn't empty. To delete an organization, you must first remove all accounts except the management account."));
    }
    state.organization.remove(&());
    Ok(Empty {})
}));

operation!(ListRoots, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| organizations.identity.read(|state| {
    let one = managed(state, cx)?;
    Ok(ListRootsResponse { roots: Some(vec![shown_root(one, organizations.identity.partition())]), next_token: None })
}));

fn no_parent() -> Fault {
    PARENT_NOT_FOUND.says("You specified a parent that doesn't exist.")
}

fn no_unit() -> Fault {
    ORGANIZATIONAL_UNIT_NOT_FOUND.says("You specified an organizational unit that doesn't exist.")
}

/// Units may stand five deep under the root.
const DEEPEST: usize = 5;

fn depth(one: &organization::Organization, id: &str) -> usize {
    std::iter::successors(one.units.get(id), |unit| one.units.get(&unit.parent)).take(16).count()
}

operation!(CreateOrganizationalUnit, |organizations, cx, input| organizations.arns(&[&input.parent_id]), |organizations, cx, input| {
    let tail = cx.ids().alphanumeric(8).to_ascii_lowercase();
    organizations.identity.write(|state| {
        let one = managed_mut(state, cx)?;
        if !is_parent(one, &input.parent_id) {
            return Err(no_parent());
        }
        if one.units.values().any(|unit| unit.parent == input.parent_id && unit.name == input.name) {
            return Err(DUPLICATE_ORGANIZATIONAL_UNIT.says("An OU with the same name already exists."));
        }
        if depth(one, &input.parent_id) >= DEEPEST {
            return Err(constraint("OU_DEPTH_LIMIT_EXCEEDED", "You have exceeded the allowed organizational unit depth."));
        }
        let id = format!("ou-{}-{tail}", one.root.trim_start_matches("r-"));
        let unit = Unit { name: input.name, parent: input.parent_id };
        let organizational_unit = shown_unit(one, organizations.identity.partition(), &id, &unit);
        one.attach_full_access(&id);
        one.units.insert(id, unit);
        Ok(CreateOrganizationalUnitResponse { organizational_unit: Some(organizational_unit) })
    })
});

operation!(
    DescribeOrganizationalUnit,
    |organizations, cx, input| organizations.arns(&[&input.organizational_unit_id]),
    |organizations, cx, input| organizations.identity.read(|state| {
        let one = managed(state, cx)?;
        let unit = one.units.get(&input.organizational_unit_id).ok_or_else(no_unit)?;
        let shown = shown_unit(one, organizations.identity.partition(), &input.organizational_unit_id, unit);
        Ok(DescribeOrganizationalUnitResponse { organizational_unit: Some(shown) })
    })
);

operation!(UpdateOrganizationalUnit, |organizations, cx, input| organizations.arns(&[&input.organizational_unit_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let one = managed_mut(state, cx)?;
        let id = input.organizational_unit_id;
        let mut unit = one.units.get(&id).cloned().ok_or_else(no_unit)?;
        if let Some(name) = input.name {
            if one.units.iter().any(|(other, known)| *other != id && known.parent == unit.parent && known.name == name) {
                return Err(DUPLICATE_ORGANIZATIONAL_UNIT.says("An OU with the same name already exists."));
            }
            unit.name = name;
        }
        let shown = shown_unit(one, organizations.identity.partition(), &id, &unit);
        one.units.insert(id, unit);
        Ok(UpdateOrganizationalUnitResponse { organizational_unit: Some(shown) })
    })
});

operation!(DeleteOrganizationalUnit, |organizations, cx, input| organizations.arns(&[&input.organizational_unit_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let one = managed_mut(state, cx)?;
        let id = &input.organizational_unit_id;
        if !one.units.contains_key(id) {
            return Err(no_unit());
        }
        let full = one.units.values().any(|unit| unit.parent == *id) || one.accounts.values().any(|member| member.parent == *id);
        if full {
            return Err(ORGANIZATIONAL_UNIT_NOT_EMPTY.says("The organizational unit is not empty."));
        }
        one.units.remove(id);
        one.attached.remove(id);
        Ok(Empty {})
    })
});

operation!(ListOrganizationalUnitsForParent, |organizations, cx, input| organizations.arns(&[&input.parent_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let one = managed(state, cx)?;
        if !is_parent(one, &input.parent_id) {
            return Err(no_parent());
        }
        let partition = organizations.identity.partition();
        let units = one.units.iter().filter(|(_, unit)| unit.parent == input.parent_id).map(|(id, unit)| shown_unit(one, partition, id, unit));
        let (units, next_token) = page(units, input.next_token.as_deref(), input.max_results)?;
        Ok(ListOrganizationalUnitsForParentResponse { organizational_units: Some(units), next_token })
    })
});

operation!(ListParents, |organizations, cx, input| organizations.arns(&[&input.child_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let one = managed(state, cx)?;
        let of_account = AccountId::parse(&input.child_id).and_then(|account| one.accounts.get(&account)).map(|member| &member.parent);
        let parent = of_account.or_else(|| one.units.get(&input.child_id).map(|unit| &unit.parent));
        let parent = parent.ok_or_else(|| CHILD_NOT_FOUND.says("You specified a child that doesn't exist."))?;
        let kind = if *parent == one.root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
        let parents = vec![Parent { id: Some(parent.clone()), r#type: Some(kind.into()) }];
        Ok(ListParentsResponse { parents: Some(parents), next_token: None })
    })
});

operation!(ListChildren, |organizations, cx, input| organizations.arns(&[&input.parent_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let one = managed(state, cx)?;
        if !is_parent(one, &input.parent_id) {
            return Err(no_parent());
        }
        let ids: Vec<String> = match input.child_type.as_str() {
            "ACCOUNT" => one.accounts.iter().filter(|(_, row)| row.parent == input.parent_id).map(|(id, _)| id.to_string()).collect(),
            _ => one.units.iter().filter(|(_, row)| row.parent == input.parent_id).map(|(id, _)| id.clone()).collect(),
        };
        let children = ids.into_iter().map(|id| Child { id: Some(id), r#type: Some(input.child_type.clone()) });
        let (children, next_token) = page(children, input.next_token.as_deref(), input.max_results)?;
        Ok(ListChildrenResponse { children: Some(children), next_token })
    })
});

//! Service control and resource control policies, and the targets they are attached to.

use crate::{constraint, operation, page, read_organization, target_arn, units::shown_root, write_organization};
use cloudlet_api_organizations::{
    faults::{
        DUPLICATE_POLICY, DUPLICATE_POLICY_ATTACHMENT, INVALID_INPUT, MALFORMED_POLICY_DOCUMENT, POLICY_IN_USE, POLICY_NOT_ATTACHED,
        POLICY_NOT_FOUND, POLICY_TYPE_ALREADY_ENABLED, POLICY_TYPE_NOT_ENABLED, ROOT_NOT_FOUND, TARGET_NOT_FOUND,
    },
    *,
};
use cloudlet_aws::{Account as AccountId, Arn, Fault};
use cloudlet_identity::{
    StoredPolicy,
    organization::{self, OrganizationPolicy, PolicyKind},
};
use cloudlet_shape::Empty;

/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const LARGEST_POLICY: usize = 5_120;
const MOST_ATTACHED: usize = 5;
const MOST_POLICIES: usize = 10_000;

fn kind(text: &str) -> Result<PolicyKind, Fault> {
    PolicyKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
        INVALID_INPUT
            .says(format!("Cloudlet supports service control and resource control policies, not {text}."))
            .with("Reason", "INVALID_ENUM_POLICY_TYPE")
    })
}

fn no_policy() -> Fault {
    POLICY_NOT_FOUND.says("You specified a policy that doesn't exist.")
}

fn no_target() -> Fault {
    TARGET_NOT_FOUND.says("You specified a target that doesn't exist.")
}

fn content(text: &str, kind: PolicyKind) -> Result<StoredPolicy, Fault> {
    if text.chars().count() > LARGEST_POLICY {
        return Err(constraint("POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the allowed maximum policy content length."));
    }
    StoredPolicy::parse(text, kind.document()).map_err(|error| MALFORMED_POLICY_DOCUMENT.says(error.message))
}

fn summary(organization: &organization::Organization, partition: &str, id: &str, policy: &OrganizationPolicy) -> PolicySummary {
    PolicySummary {
        id: Some(id.to_owned()),
        arn: Some(organization.policy_arn(partition, id)),
        name: Some(policy.name.clone()),
        description: Some(policy.description.clone()),
        r#type: Some(policy.kind.as_str().into()),
        aws_managed: Some(policy.aws_managed),
    }
}

fn whole(organization: &organization::Organization, partition: &str, id: &str, policy: &OrganizationPolicy) -> Policy {
    Policy { policy_summary: Some(summary(organization, partition, id, policy)), content: Some(policy.content.text.to_string()) }
}

/// A policy that is not AWS managed.
fn customer_policy<'o>(organization: &'o mut organization::Organization, id: &str) -> Result<&'o mut OrganizationPolicy, Fault> {
    let policy = organization.policies.get_mut(id).ok_or_else(no_policy)?;
    if policy.aws_managed {
        return Err(INVALID_INPUT.says("You can't change an AWS managed policy.").with("Reason", "IMMUTABLE_POLICY"));
    }
    Ok(policy)
}

operation!(CreatePolicy, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| {
    let kind = kind(&input.r#type)?;
    let content = content(&input.content, kind)?;
    let id = format!("p-{}", cx.ids().alphanumeric(8).to_ascii_lowercase());
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        if organization.policies.values().any(|policy| policy.name == input.name && policy.kind == kind) {
            return Err(DUPLICATE_POLICY.says("A policy with the same name already exists."));
        }
        if organization.policies.len() >= MOST_POLICIES {
            return Err(constraint("POLICY_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of policies."));
        }
        let policy = OrganizationPolicy { name: input.name, description: input.description, kind, content, aws_managed: false };
        organization.policies.insert(id.clone(), policy.clone());
        Ok(CreatePolicyResponse { policy: Some(whole(organization, organizations.identity.partition(), &id, &policy)) })
    })
});

operation!(DescribePolicy, |organizations, cx, input| organizations.arns(&[&input.policy_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        let policy = organization.policies.get(&input.policy_id).ok_or_else(no_policy)?;
        Ok(DescribePolicyResponse { policy: Some(whole(organization, organizations.identity.partition(), &input.policy_id, policy)) })
    })
});

operation!(UpdatePolicy, |organizations, cx, input| organizations.arns(&[&input.policy_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        let policy = customer_policy(organization, &input.policy_id)?;
        if let Some(text) = input.content {
            policy.content = content(&text, policy.kind)?;
        }
        policy.name = input.name.unwrap_or(std::mem::take(&mut policy.name));
        policy.description = input.description.unwrap_or(std::mem::take(&mut policy.description));
        let policy = policy.clone();
        Ok(UpdatePolicyResponse { policy: Some(whole(organization, organizations.identity.partition(), &input.policy_id, &policy)) })
    })
});

operation!(DeletePolicy, |organizations, cx, input| organizations.arns(&[&input.policy_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        customer_policy(organization, &input.policy_id)?;
        if organization.attached.values().any(|list| list.contains(&input.policy_id)) {
            return Err(POLICY_IN_USE.says("The policy is attached to one or more entities."));
        }
        organization.policies.remove(&input.policy_id);
        Ok(Empty {})
    })
});

fn is_target(organization: &organization::Organization, id: &str) -> bool {
    crate::is_parent(organization, id) || AccountId::parse(id).is_some_and(|account| organization.accounts.contains_key(&account))
}

/// How many policies of a kind are attached to a target.
fn count(organization: &organization::Organization, target: &str, kind: PolicyKind) -> usize {
    let of_kind = |id: &&String| organization.policies.get(*id).is_some_and(|policy| policy.kind == kind);
    organization.attached.get(target).into_iter().flatten().filter(of_kind).count()
}

operation!(AttachPolicy, |organizations, cx, input| organizations.arns(&[&input.policy_id, &input.target_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        let kind = organization.policies.get(&input.policy_id).ok_or_else(no_policy)?.kind;
        if !is_target(organization, &input.target_id) {
            return Err(no_target());
        }
        if !organization.enabled_policy_types.contains(&kind) {
            return Err(POLICY_TYPE_NOT_ENABLED.says("This operation can be performed only for enabled policy types."));
        }
        if count(organization, &input.target_id, kind) >= MOST_ATTACHED {
            return Err(constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You have attached the maximum number of policies of this type."));
        }
        let list = organization.attached.entry(input.target_id).or_default();
        if list.contains(&input.policy_id) {
            return Err(DUPLICATE_POLICY_ATTACHMENT.says("A policy with the specified name and type already exists."));
        }
        list.push(input.policy_id);
        Ok(Empty {})
    })
});

operation!(DetachPolicy, |organizations, cx, input| organizations.arns(&[&input.policy_id, &input.target_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        let policy = organization.policies.get(&input.policy_id).ok_or_else(no_policy)?;
        let kind = policy.kind;
        if !is_target(organization, &input.target_id) {
            return Err(no_target());
        }
        if !organization.attached.get(&input.target_id).is_some_and(|list| list.contains(&input.policy_id)) {
            return Err(POLICY_NOT_ATTACHED.says("The policy isn't attached to the specified target in the specified root."));
        }
        // AWS: every root, unit and account keeps at least one SCP; RCPFullAWSAccess cannot be detached.
        if count(organization, &input.target_id, kind) == 1 || input.policy_id == PolicyKind::ResourceControl.full_access_id() {
            return Err(constraint(
                "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
                "You cannot remove the last policy attached to the specified target.",
            ));
        }
        if let Some(list) = organization.attached.get_mut(&input.target_id) {
            list.retain(|id| *id != input.policy_id);
        }
        Ok(Empty {})
    })
});

operation!(ListPolicies, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| {
    let kind = kind(&input.filter)?;
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        let partition = organizations.identity.partition();
        let policies = organization.policies.iter().filter(|(_, policy)| policy.kind == kind);
        let policies = policies.map(|(id, policy)| (id.to_string(), summary(organization, partition, id, policy)));
        let (policies, next_token) = page::<ListPolicies, _>(cx, &input, policies)?;
        Ok(ListPoliciesResponse { policies: Some(policies), next_token })
    })
});

operation!(ListPoliciesForTarget, |organizations, cx, input| organizations.arns(&[&input.target_id]), |organizations, cx, input| {
    let kind = kind(&input.filter)?;
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        if !is_target(organization, &input.target_id) {
            return Err(no_target());
        }
        let mut ids: Vec<_> = organization.attached.get(&input.target_id).into_iter().flatten().collect();
        ids.sort();
        let found = ids.into_iter().filter_map(|id| {
            organization
                .policies
                .get(id)
                .filter(|policy| policy.kind == kind && organization.enabled_policy_types.contains(&kind))
                .map(|policy| (id, policy))
        });
        let policies = found.map(|(id, policy)| (id.to_string(), summary(organization, organizations.identity.partition(), id, policy)));
        let (policies, next_token) = page::<ListPoliciesForTarget, _>(cx, &input, policies)?;
        Ok(ListPoliciesForTargetResponse { policies: Some(policies), next_token })
    })
});

operation!(ListTargetsForPolicy, |organizations, cx, input| organizations.arns(&[&input.policy_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        organization.policies.get(&input.policy_id).ok_or_else(no_policy)?;
        let shown = |id: &String| {
            let account = AccountId::parse(id).and_then(|account| organization.accounts.get(&account));
            let (name, kind) = match (account, organization.units.get(id)) {
                (Some(member), _) => (member.name.clone(), "ACCOUNT"),
                (None, Some(unit)) => (unit.name.clone(), "ORGANIZATIONAL_UNIT"),
                (None, None) => ("Root".to_owned(), "ROOT"),
            };
            PolicyTargetSummary {
                target_id: Some(id.clone()),
                arn: Some(target_arn(organization, organizations.identity.partition(), id)),
                name: Some(name),
                r#type: Some(kind.into()),
            }
        };
        let targets = organization.attached.iter().filter(|(_, list)| list.contains(&input.policy_id)).map(|(id, _)| (id.to_string(), shown(id)));
        let (targets, next_token) = page::<ListTargetsForPolicy, _>(cx, &input, targets)?;
        Ok(ListTargetsForPolicyResponse { targets: Some(targets), next_token })
    })
});

operation!(EnablePolicyType, |organizations, cx, input| organizations.arns(&[&input.root_id]), |organizations, cx, input| {
    let kind = kind(&input.policy_type)?;
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        if organization.root != input.root_id {
            return Err(ROOT_NOT_FOUND.says("You specified a root that doesn't exist."));
        }
        if organization.enabled_policy_types.contains(&kind) {
            return Err(POLICY_TYPE_ALREADY_ENABLED.says("The specified policy type is already enabled in the specified root."));
        }
        organization.enabled_policy_types.push(kind);
        Ok(EnablePolicyTypeResponse { root: Some(shown_root(organization, organizations.identity.partition())) })
    })
});

operation!(DisablePolicyType, |organizations, cx, input| organizations.arns(&[&input.root_id]), |organizations, cx, input| {
    let kind = kind(&input.policy_type)?;
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        if organization.root != input.root_id {
            return Err(ROOT_NOT_FOUND.says("You specified a root that doesn't exist."));
        }
        if !organization.enabled_policy_types.contains(&kind) {
            return Err(POLICY_TYPE_NOT_ENABLED.says("The specified policy type isn't currently enabled in this root."));
        }
        organization.enabled_policy_types.retain(|known| *known != kind);
        // AWS: all policies of the type are detached; when it is enabled again, only full access is attached.
        let customer_policies: Vec<String> =
            organization.policies.iter().filter(|(_, policy)| policy.kind == kind && !policy.aws_managed).map(|(id, _)| id.clone()).collect();
        for list in organization.attached.values_mut() {
            list.retain(|id| !customer_policies.contains(id));
            if !list.iter().any(|id| id == kind.full_access_id()) {
                list.push(kind.full_access_id().to_owned());
            }
        }
        Ok(DisablePolicyTypeResponse { root: Some(shown_root(organization, organizations.identity.partition())) })
    })
});

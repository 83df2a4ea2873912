//! Which services policies allow, for IAM's access reports. As with AWS, only actions count: not conditions, resources and boundaries.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>

use crate::{
    faults::{no_such, validation_error},
    operation::{RequiredPermission, operation},
    policies::parse_arn,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault};
use cloudlet_identity::{
    State, catalogue, identity_policies, managed_policy,
    state::{self, IdentityPolicies, rows_of_account},
};
use cloudlet_policy::{Document, Listing, Statement, StatementEffect, fits};
use std::sync::LazyLock;

/// One line for each service: namespace, name. From the published tables of actions (NOTICE).
static SERVICES: LazyLock<Vec<(&'static str, &'static str)>> =
    LazyLock::new(|| include_str!("services.tsv").lines().filter_map(|line| line.split_once('\t')).collect());

/// The namespaces of all services, sorted.
pub(crate) fn namespaces() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|(namespace, _)| *namespace)
}

/// `Amazon S3`
pub(crate) fn name_of(namespace: &str) -> String {
    SERVICES.iter().find(|(known, _)| *known == namespace).map_or(namespace, |(_, name)| name).to_owned()
}

/// Whether an action pattern of a policy matches any action of the service.
fn matches_service(action: &str, namespace: &str) -> bool {
    let service = action.split_once(':').map_or(action, |(service, _)| service);
    fits(&service.to_ascii_lowercase(), namespace)
}

/// Whether it matches every action of the service.
fn matches_all_of_service(action: &str, namespace: &str) -> bool {
    let every = action.split_once(':').is_none_or(|(_, name)| name.bytes().all(|byte| byte == b'*'));
    every && matches_service(action, namespace)
}

fn is_about_service(statement: &Statement, namespace: &str) -> bool {
    match statement.actions() {
        (Listing::Only, mut actions) => actions.any(|action| matches_service(action, namespace)),
        (Listing::AllBut, mut actions) => !actions.any(|action| matches_all_of_service(action, namespace)),
    }
}

/// Whether a policy allows any action of a service.
pub(crate) fn allows_service(document: &Document, namespace: &str) -> bool {
    document.statements().iter().any(|statement| statement.effect() == StatementEffect::Allow && is_about_service(statement, namespace))
}

/// Whether a policy denies all actions of a service, without conditions and on all resources.
pub(crate) fn denies_service(document: &Document, namespace: &str) -> bool {
    let everywhere = |statement: &Statement| match statement.resources() {
        Some((Listing::Only, mut resources)) => resources.any(|resource| resource == "*"),
        Some((Listing::AllBut, _)) => false,
        None => true,
    };
    let is_complete = |statement: &Statement| match statement.actions() {
        (Listing::Only, mut actions) => actions.any(|action| matches_all_of_service(action, namespace)),
        (Listing::AllBut, mut actions) => !actions.any(|action| matches_service(action, namespace)),
    };
    let denies = |statement: &&Statement| statement.effect() == StatementEffect::Deny && statement.conditions().is_empty();
    document.statements().iter().filter(denies).any(|statement| is_complete(statement) && everywhere(statement))
}

/// A user, group or role, which has policies.
pub(crate) enum PolicyOwner<'a> {
    User(&'a state::User),
    Group(&'a state::Group),
    Role(&'a state::Role),
}

pub(crate) fn policy_owner<'a>(state: &'a State, account: Account, arn: &str) -> Option<PolicyOwner<'a>> {
    let is_own = |found: &Account| *found == account;
    let user = state.user_by_arn(arn).filter(|(account, _)| is_own(account)).map(|(_, user)| PolicyOwner::User(user));
    let role = || state.role_by_arn(arn).filter(|(account, _)| is_own(account)).map(|(_, role)| PolicyOwner::Role(role));
    let group = || state.group_by_arn(arn).filter(|(account, _)| is_own(account)).map(|(_, group)| PolicyOwner::Group(group));
    user.or_else(role).or_else(group)
}

pub(crate) fn no_such_arn(arn: &str) -> Fault {
    // AWS: unverified text
    no_such(format!("ARN {arn} does not exist."))
}

/// The identity-based policies of a user, group or role. Of a user, those of its groups too.
pub(crate) fn all_policies(state: &State, account: Account, owner: &PolicyOwner<'_>) -> Vec<cloudlet_policy::Policy> {
    match owner {
        PolicyOwner::User(user) => {
            let groups = rows_of_account(&state.groups, account).filter(|group| user.groups.contains(&group.name));
            identity_policies(state, &user.policies).into_iter().chain(groups.flat_map(|group| identity_policies(state, &group.policies))).collect()
        }
        PolicyOwner::Group(group) => identity_policies(state, &group.policies),
        PolicyOwner::Role(role) => identity_policies(state, &role.policies),
    }
}

fn policies_of(state: &State, policies: &IdentityPolicies, kind: &str, owner: &str, namespace: &str) -> Vec<PolicyGrantingServiceAccess> {
    let attached =
        policies.attached.iter().filter(|arn| managed_policy(state, arn.as_str()).is_some_and(|policy| allows_service(&policy.document, namespace)));
    let attached = attached.map(|arn| {
        let own = || state.policy_by_arn(arn.as_str()).map(|(_, policy)| policy.name.clone());
        let name = catalogue::by_arn(arn.as_str()).map(|policy| policy.name.clone()).or_else(own);
        PolicyGrantingServiceAccess {
            policy_name: name.unwrap_or_default(),
            policy_type: "MANAGED".into(),
            policy_arn: Some(arn.to_string()),
            ..Default::default()
        }
    });
    let inline =
        policies.inline.iter().filter(|(_, policy)| allows_service(&policy.document, namespace)).map(|(name, _)| PolicyGrantingServiceAccess {
            policy_name: name.clone(),
            policy_type: "INLINE".into(),
            policy_arn: None,
            entity_type: Some(kind.to_owned()),
            entity_name: Some(owner.to_owned()),
        });
    attached.chain(inline).collect()
}

// AWS: "1 to 200 namespaces". Here all fit one page.
operation!(
    ListPoliciesGrantingServiceAccess,
    |iam, cx, input| RequiredPermission::on(cloudlet_aws::Arn::parse(&input.arn).unwrap_or_else(cloudlet_aws::Arn::any)),
    |iam, cx, input| {
        let account = cx.scope.account;
        parse_arn(&input.arn)?;
        if input.marker.is_some() {
            return Err(validation_error("Invalid Marker."));
        }
        iam.identity.read(|state| {
            let owner = policy_owner(state, account, &input.arn).ok_or_else(|| no_such_arn(&input.arn))?;
            let of = |namespace: &str| match &owner {
                PolicyOwner::User(user) => {
                    let mut all = policies_of(state, &user.policies, "USER", &user.name, namespace);
                    for group in rows_of_account(&state.groups, account).filter(|group| user.groups.contains(&group.name)) {
                        all.extend(policies_of(state, &group.policies, "GROUP", &group.name, namespace));
                    }
                    all
                }
                PolicyOwner::Group(group) => policies_of(state, &group.policies, "GROUP", &group.name, namespace),
                PolicyOwner::Role(role) => policies_of(state, &role.policies, "ROLE", &role.name, namespace),
            };
            let entries = input.service_namespaces.iter().map(|namespace| ListPoliciesGrantingServiceAccessEntry {
                service_namespace: Some(namespace.clone()),
                policies: Some(of(&namespace.to_ascii_lowercase())),
            });
            Ok(ListPoliciesGrantingServiceAccessResponse {
                policies_granting_service_access: entries.collect(),
                is_truncated: Some(false),
                marker: None,
            })
        })
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_policy::Kind;

    fn statement(body: &str) -> Document {
        Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{{{body}}}}}"#), Kind::Identity).unwrap()
    }

    #[test]
    fn a_policy_allows_the_services_of_its_actions() {
        let some = statement(r#""Effect":"Allow","Action":["S3:Get*","ec2:*"],"Resource":"arn:aws:s3:::one/*""#);
        assert!(allows_service(&some, "s3") && allows_service(&some, "ec2") && !allows_service(&some, "sqs"));
        assert!(allows_service(&statement(r#""Effect":"Allow","Action":"*","Resource":"*""#), "sqs"));
        let but = statement(r#""Effect":"Allow","NotAction":["iam:*","s3:GetObject"],"Resource":"*""#);
        assert!(!allows_service(&but, "iam") && allows_service(&but, "s3") && allows_service(&but, "sqs"));
        assert!(!allows_service(&statement(r#""Effect":"Deny","Action":"*","Resource":"*""#), "s3"));
    }

    #[test]
    fn only_an_unconditional_deny_of_all_actions_denies_a_service() {
        assert!(denies_service(&statement(r#""Effect":"Deny","Action":"s3:*","Resource":"*""#), "s3"));
        assert!(!denies_service(&statement(r#""Effect":"Deny","Action":"s3:Get*","Resource":"*""#), "s3"));
        assert!(!denies_service(&statement(r#""Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::one""#), "s3"));
        let sometimes = r#""Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#;
        assert!(!denies_service(&statement(sometimes), "s3"));
        let others = statement(r#""Effect":"Deny","NotAction":["s3:*"],"Resource":"*""#);
        assert!(denies_service(&others, "sqs") && !denies_service(&others, "s3"));
    }

    #[test]
    fn services_have_names() {
        assert_eq!(name_of("s3"), "Amazon S3");
        assert!(namespaces().count() > 400 && namespaces().is_sorted());
    }
}

//! Which services policies speak of: what IAM's access advisor goes by. It looks at actions alone: conditions, resources and
//! boundaries are left aside, as AWS leaves them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>

use crate::{
    faults::{gone, invalid},
    operation::{Want, operation},
    policies::parse_arn,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault};
use cloudlet_identity::{
    State, catalogue, held, managed,
    state::{self, Holdings, of_account},
};
use cloudlet_policy::{Document, Listing, Statement, StatementEffect, fits};
use std::sync::LazyLock;

/// One line each: namespace, name. From the published tables of actions (NOTICE).
static SERVICES: LazyLock<Vec<(&'static str, &'static str)>> =
    LazyLock::new(|| include_str!("services.tsv").lines().filter_map(|line| line.split_once('\t')).collect());

/// All services of AWS, in the order of their namespaces.
pub(crate) fn namespaces() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|(namespace, _)| *namespace)
}

/// `Amazon S3`
pub(crate) fn name_of(namespace: &str) -> String {
    SERVICES.iter().find(|(known, _)| *known == namespace).map_or(namespace, |(_, name)| name).to_owned()
}

/// Whether an action, as a policy writes it, may be one of the service's.
fn touches(action: &str, namespace: &str) -> bool {
    let service = action.split_once(':').map_or(action, |(service, _)| service);
    fits(&service.to_ascii_lowercase(), namespace)
}

/// Whether it is every action of the service.
fn covers(action: &str, namespace: &str) -> bool {
    let every = action.split_once(':').is_none_or(|(_, name)| name.bytes().all(|byte| byte == b'*'));
    every && touches(action, namespace)
}

fn speaks_of(statement: &Statement, namespace: &str) -> bool {
    match statement.actions() {
        (Listing::Only, mut actions) => actions.any(|action| touches(action, namespace)),
        (Listing::AllBut, mut actions) => !actions.any(|action| covers(action, namespace)),
    }
}

/// Whether a policy allows anything of a service.
pub(crate) fn grants(document: &Document, namespace: &str) -> bool {
    document.statements().iter().any(|statement| statement.effect() == StatementEffect::Allow && speaks_of(statement, namespace))
}

/// Whether a policy denies all of a service, always and everywhere.
pub(crate) fn shuts(document: &Document, namespace: &str) -> bool {
    let everywhere = |statement: &Statement| match statement.resources() {
        Some((Listing::Only, mut resources)) => resources.any(|resource| resource == "*"),
        Some((Listing::AllBut, _)) => false,
        None => true,
    };
    let whole = |statement: &Statement| match statement.actions() {
        (Listing::Only, mut actions) => actions.any(|action| covers(action, namespace)),
        (Listing::AllBut, mut actions) => !actions.any(|action| touches(action, namespace)),
    };
    let denies = |statement: &&Statement| statement.effect() == StatementEffect::Deny && statement.conditions().is_empty();
    document.statements().iter().filter(denies).any(|statement| whole(statement) && everywhere(statement))
}

/// Who holds policies, by ARN.
pub(crate) enum Holder<'a> {
    User(&'a state::User),
    Group(&'a state::Group),
    Role(&'a state::Role),
}

pub(crate) fn holder<'a>(state: &'a State, account: Account, arn: &str) -> Option<Holder<'a>> {
    let own = |found: &Account| *found == account;
    let user = state.user_by_arn(arn).filter(|(account, _)| own(account)).map(|(_, user)| Holder::User(user));
    let role = || state.role_by_arn(arn).filter(|(account, _)| own(account)).map(|(_, role)| Holder::Role(role));
    let group = || state.group_by_arn(arn).filter(|(account, _)| own(account)).map(|(_, group)| Holder::Group(group));
    user.or_else(role).or_else(group)
}

pub(crate) fn no_such(arn: &str) -> Fault {
    // AWS: unverified text
    gone(format!("ARN {arn} does not exist."))
}

/// The policies that make up what a holder may do, a user's groups included.
pub(crate) fn documents(state: &State, account: Account, holder: &Holder<'_>) -> Vec<cloudlet_policy::Policy> {
    match holder {
        Holder::User(user) => {
            let groups = of_account(&state.groups, account).filter(|group| user.groups.contains(&group.name));
            held(state, &user.holds).into_iter().chain(groups.flat_map(|group| held(state, &group.holds))).collect()
        }
        Holder::Group(group) => held(state, &group.holds),
        Holder::Role(role) => held(state, &role.holds),
    }
}

fn policies_of(state: &State, holds: &Holdings, kind: &str, owner: &str, namespace: &str) -> Vec<PolicyGrantingServiceAccess> {
    let attached = holds.attached.iter().filter(|arn| managed(state, arn.as_str()).is_some_and(|policy| grants(&policy.document, namespace)));
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
    let inline = holds.inline.iter().filter(|(_, policy)| grants(&policy.document, namespace)).map(|(name, _)| PolicyGrantingServiceAccess {
        policy_name: name.clone(),
        policy_type: "INLINE".into(),
        policy_arn: None,
        entity_type: Some(kind.to_owned()),
        entity_name: Some(owner.to_owned()),
    });
    attached.chain(inline).collect()
}

// AWS: "1 to 200 namespaces"; a page holds as many here as one can ask for, so there is one page.
operation!(
    ListPoliciesGrantingServiceAccess,
    |iam, cx, input| Want::on(cloudlet_aws::Arn::parse(&input.arn).unwrap_or_else(cloudlet_aws::Arn::any)),
    |iam, cx, input| {
        let account = cx.scope.account;
        parse_arn(&input.arn)?;
        if input.marker.is_some() {
            return Err(invalid("Invalid Marker."));
        }
        iam.identity.read(|state| {
            let holder = holder(state, account, &input.arn).ok_or_else(|| no_such(&input.arn))?;
            let of = |namespace: &str| match &holder {
                Holder::User(user) => {
                    let mut all = policies_of(state, &user.holds, "USER", &user.name, namespace);
                    for group in of_account(&state.groups, account).filter(|group| user.groups.contains(&group.name)) {
                        all.extend(policies_of(state, &group.holds, "GROUP", &group.name, namespace));
                    }
                    all
                }
                Holder::Group(group) => policies_of(state, &group.holds, "GROUP", &group.name, namespace),
                Holder::Role(role) => policies_of(state, &role.holds, "ROLE", &role.name, namespace),
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
    fn a_policy_grants_the_services_whose_actions_it_names() {
        let some = statement(r#""Effect":"Allow","Action":["S3:Get*","ec2:*"],"Resource":"arn:aws:s3:::one/*""#);
        assert!(grants(&some, "s3") && grants(&some, "ec2") && !grants(&some, "sqs"));
        assert!(grants(&statement(r#""Effect":"Allow","Action":"*","Resource":"*""#), "sqs"));
        let but = statement(r#""Effect":"Allow","NotAction":["iam:*","s3:GetObject"],"Resource":"*""#);
        assert!(!grants(&but, "iam") && grants(&but, "s3") && grants(&but, "sqs"));
        assert!(!grants(&statement(r#""Effect":"Deny","Action":"*","Resource":"*""#), "s3"));
    }

    #[test]
    fn only_an_unconditional_deny_of_all_shuts_a_service() {
        assert!(shuts(&statement(r#""Effect":"Deny","Action":"s3:*","Resource":"*""#), "s3"));
        assert!(!shuts(&statement(r#""Effect":"Deny","Action":"s3:Get*","Resource":"*""#), "s3"));
        assert!(!shuts(&statement(r#""Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::one""#), "s3"));
        let sometimes = r#""Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#;
        assert!(!shuts(&statement(sometimes), "s3"));
        let others = statement(r#""Effect":"Deny","NotAction":["s3:*"],"Resource":"*""#);
        assert!(shuts(&others, "sqs") && !shuts(&others, "s3"));
    }

    #[test]
    fn services_have_names() {
        assert_eq!(name_of("s3"), "Amazon S3");
        assert!(namespaces().count() > 400 && namespaces().is_sorted());
    }
}

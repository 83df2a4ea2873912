//! Checks of the elements of a statement, by kind of policy.

use super::elements::{Elements, Wording, dates_are_readable, sids_differ};
use super::principals;
use crate::document::{Kind, Listing};
use crate::malformed::{Malformed, Reason};

pub(super) fn statements(statements: &[Elements<'_>], kind: Kind) -> Result<(), Malformed> {
    match kind.wording() {
        Wording::Resource => on_resources(statements, kind),
        Wording::Identity | Wording::Organizations => {
            for statement in statements {
                match &statement.effect {
                    Some(effect) if effect.eq_ignore_ascii_case("allow") || effect.eq_ignore_ascii_case("deny") => {}
                    _ => return Err(Malformed { reason: Reason::Effect, ..Malformed::syntax() }),
                }
                if kind.names_principals() != statement.principal.is_some() {
                    return Err(Malformed::new(Reason::Principal, "Policy document should not specify a principal."));
                }
            }
            on_identities(statements)?;
            if kind == Kind::ResourceControl { resource_control(statements) } else { Ok(()) }
        }
    }
}

fn on_identities(statements: &[Elements<'_>]) -> Result<(), Malformed> {
    let mut resource_error = None;
    for statement in statements {
        if !matches!(statement.effect.as_deref(), Some("Allow" | "Deny")) || !dates_are_readable(statement) {
            return Err(Malformed::legacy());
        }
    }
    for resource in statements.iter().flat_map(|statement| statement.resources.iter()).flat_map(|(_, resources)| resources) {
        if resource_error.is_none() {
            resource_error = resource_mistake(resource);
        }
        if resource_error.is_none() && !survives_legacy_parsing(resource) {
            return Err(Malformed::legacy());
        }
    }
    if !sids_differ(statements) {
        return Err(Malformed::new(Reason::Sid, "Statement IDs (SID) in a single policy must be unique."));
    }
    if statements.iter().any(|statement| !statement.sid.iter().all(|sid| sid.bytes().all(|b| b.is_ascii_alphanumeric()))) {
        let message = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*";
        return Err(Malformed::new(Reason::Sid, message));
    }
    if statements.iter().any(|statement| statement.actions.as_ref().is_none_or(|(_, actions)| actions.is_empty())) {
        return Err(Malformed::new(Reason::Action, "Policy statement must contain actions."));
    }
    if let Some(message) = resource_error {
        return Err(Malformed::new(Reason::Resource, message));
    }
    for action in statements.iter().flat_map(|statement| statement.actions.iter()).flat_map(|(_, actions)| actions) {
        if let Some(message) = action_mistake(action) {
            return Err(Malformed::new(Reason::Action, message));
        }
    }
    if statements.iter().any(|statement| statement.resources.as_ref().is_none_or(|(_, resources)| resources.is_empty())) {
        return Err(Malformed::new(Reason::Resource, "Policy statement must contain resources."));
    }
    Ok(())
}

fn action_mistake(action: &str) -> Option<String> {
    if action == "*" {
        return None;
    }
    let Some((vendor, rest)) = action.split_once(':') else {
        return Some("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned());
    };
    if rest.contains(':') {
        return Some("Actions/Condition can contain only one colon.".to_owned());
    }
    let valid = vendor == "*" || vendor.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    (!valid).then(|| format!("Vendor {vendor} is not valid"))
}

/// The beginnings of IAM's resource names.
const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

fn resource_mistake(resource: &str) -> Option<String> {
    if resource == "*" {
        return None;
    }
    let Some((_, rest)) = resource.split_once(':') else {
        return Some(format!("Resource {resource} must be in ARN format or \"*\"."));
    };
    let (partition, rest) = rest.split_once(':').map_or((rest, None), |(partition, rest)| (partition, Some(rest)));
    // Any partition that AWS has, not only the one of the caller; wildcards, because AWS's own managed policies use them.
    let known = partition == "aws" || partition.starts_with("aws-") || partition.contains(['*', '?']);
    if !known {
        // AWS: missing parts are shown as wildcards.
        let parts: Vec<&str> = rest.map(|rest| rest.splitn(4, ':').collect()).unwrap_or_default();
        let part = |n: usize| parts.get(n).copied().unwrap_or("*");
        return Some(format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{partition}:{}:{}:{}:{}\".",
            part(0),
            part(1),
            part(2),
            part(3)
        ));
    }
    let Some(rest) = rest else { return Some("Resource vendor must be fully qualified and cannot contain regexes.".to_owned()) };
    let parts: Vec<&str> = rest.splitn(4, ':').collect();
    let [service, region, account, path] = [0, 1, 2, 3].map(|n| parts.get(n).copied());
    match service {
        Some("iam") if region.is_some_and(|region| !region.is_empty() && region != "*") => {
            Some(format!("IAM resource {resource} cannot contain region information."))
        }
        // Access points, jobs and the like do have a region, and then an account.
        Some("s3") if region.is_some_and(|region| !region.is_empty() && region != "*") && account.is_none_or(str::is_empty) => {
            Some(format!("Resource {resource} can not contain region information."))
        }
        Some("iam") => {
            let starts = |path: &str| {
                path.starts_with('*')
                    || path == "root"
                    || path.starts_with("delegation-request/")
                    || IAM_PATHS.iter().any(|start| path.starts_with(start))
            };
            path.is_some_and(|path| !starts(path)).then(|| format!("IAM resource path must either be \"*\" or start with {}.", IAM_PATHS.join(", ")))
        }
        _ => None,
    }
}

/// AWS: an ARN may be cut short, but not in the middle of empty parts, and its service may not be empty.
fn survives_legacy_parsing(resource: &str) -> bool {
    resource == "*"
        || ((resource.matches(':').count() >= 5 || !resource.contains("::")) && resource.split(':').nth(2).is_some_and(|service| !service.is_empty()))
}

/// AWS: customers' RCPs only deny, for everyone, and never with a lone star as action; the one exception is the RCPFullAWSAccess that AWS attaches itself.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html>
fn resource_control(statements: &[Elements<'_>]) -> Result<(), Malformed> {
    let all = |list: &Option<(Listing, Vec<String>)>| matches!(list, Some((Listing::Only, texts)) if texts == &["*"]);
    for statement in statements {
        let everyone = matches!(statement.principal, Some((Listing::Only, raw)) if raw.get() == "\"*\"");
        let full = all(&statement.actions) && all(&statement.resources) && statement.conditions.is_empty();
        let listed = matches!(statement.actions, Some((Listing::Only, _)));
        let valid = match statement.effect.as_deref() {
            Some("Deny") => everyone && listed && !all(&statement.actions),
            _ => everyone && full,
        };
        if !valid {
            return Err(Malformed::new(Reason::PolicyType, ""));
        }
    }
    Ok(())
}

fn on_resources(statements: &[Elements<'_>], kind: Kind) -> Result<(), Malformed> {
    let missing = |field: &str, reason: Reason| Err(Malformed::new(reason, format!("Missing required field {field}")));
    for statement in statements {
        let deny = match statement.effect.as_deref() {
            None => return missing("Effect", Reason::Effect),
            Some("Allow") => false,
            Some("Deny") => true,
            Some(other) => return Err(Malformed::new(Reason::Effect, format!("Invalid effect: {other}"))),
        };
        match statement.principal {
            None => return missing("Principal", Reason::Principal),
            Some((Listing::AllBut, _)) if kind == Kind::Trust => {
                let message = if deny { "AssumeRole policy must not contain NotPrincipal field." } else { "Allow with NotPrincipal is not allowed." };
                return Err(Malformed::new(Reason::Principal, message));
            }
            Some((_, raw)) => drop(principals::named(raw)?),
        }
        let actions = match &statement.actions {
            Some((_, actions)) if !actions.is_empty() => actions,
            _ => return missing("Action", Reason::Action),
        };
        if kind == Kind::Trust {
            if actions.iter().any(|action| !action.to_ascii_lowercase().starts_with("sts:")) {
                return Err(Malformed::new(Reason::Action, "AssumeRole policy may only specify STS AssumeRole actions."));
            }
            match &statement.resources {
                None => {}
                Some((Listing::Only, _)) => return Err(Malformed::new(Reason::Resource, "Has prohibited field Resource")),
                Some((Listing::AllBut, _)) => return Err(Malformed::new(Reason::Resource, "AssumeRole policy must not contain resources.")),
            }
            let cognito = statement.raw.get().contains("\"cognito-identity.amazonaws.com\"");
            if cognito && statement.conditions.is_empty() {
                return Err(Malformed::new(Reason::Condition, "A condition block must be present for the Cognito provider"));
            }
        } else if let Some(message) = actions.iter().find_map(|action| action_mistake(action)) {
            return Err(Malformed::new(Reason::Action, message));
        }
        if let Some((_, resources)) = &statement.resources
            && (resources.is_empty() || resources.iter().any(|resource| resource != "*" && !resource.starts_with("arn:")))
        {
            return Err(Malformed::new(Reason::Resource, "Policy has invalid resource"));
        }
        if !dates_are_readable(statement) {
            return Err(Malformed { reason: Reason::Condition, ..Malformed::legacy() });
        }
    }
    if sids_differ(statements) { Ok(()) } else { Err(Malformed::new(Reason::Sid, "The Statement Ids in the policy are not unique")) }
}

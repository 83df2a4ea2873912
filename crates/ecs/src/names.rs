//! How clusters, tasks and task definitions are named: by names, or by ARNs.

use crate::{credentials::TASKS, faults};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, Permissions, roles::pass_role};

pub const DEFAULT_CLUSTER: &str = "default";

/// The name of a cluster, also from its ARN.
pub fn cluster(text: Option<&str>) -> &str {
    let text = text.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_CLUSTER);
    text.rsplit_once(":cluster/").map_or(text, |(_, name)| name)
}

/// The id of a task, also from its ARN.
pub fn task(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// The family and the revision of a task definition; without a revision, the latest active one is meant.
pub fn definition(text: &str) -> Result<(&str, Option<i32>), Fault> {
    let name = text.rsplit_once(":task-definition/").map_or(text, |(_, name)| name);
    match name.rsplit_once(':') {
        None => Ok((name, None)),
        Some((family, revision)) => match revision.parse() {
            Ok(revision) => Ok((family, Some(revision))),
            // AWS: unverified message.
            Err(_) => Err(faults::client(format!("Invalid revision number. Number: {revision}"))),
        },
    }
}

/// Letters, digits, hyphens and underscores.
pub fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

pub fn cluster_arn(cx: &Cx, name: &str) -> Arn {
    Arn::new("ecs", &cx.scope, &format!("cluster/{name}"))
}

pub fn task_arn(cx: &Cx, cluster: &str, id: &str) -> Arn {
    Arn::new("ecs", &cx.scope, &format!("task/{cluster}/{id}"))
}

pub fn definition_arn(cx: &Cx, family: &str, revision: i32) -> Arn {
    Arn::new("ecs", &cx.scope, &format!("task-definition/{family}:{revision}"))
}

/// What tells who may tag a new resource, beside who may make it.
pub fn with_tagging(permission: Permission, has_tags: bool, operation: &str) -> Permissions {
    let tagging = Permission { action: "ecs:TagResource", ..permission.clone() }.with_key("ecs:CreateAction", operation);
    std::iter::once(permission).chain(has_tags.then_some(tagging)).collect()
}

/// A role by its ARN, or by its name alone.
pub fn role(cx: &Cx, text: &str) -> Option<Arn> {
    match text {
        "" => None,
        text if text.starts_with("arn:") => Arn::parse(text),
        name => Some(Arn::build(cx.scope.partition(), "iam", "", cx.scope.account.as_str(), &format!("role/{name}"))),
    }
}

/// The roles of a task, which whoever names them must be allowed to pass.
pub fn passed(cx: &Cx, roles: [Option<&str>; 2]) -> Permissions {
    roles.into_iter().flatten().filter_map(|text| role(cx, text)).map(|role| pass_role(role, TASKS, None)).collect()
}

#[test]
fn names_and_arns_mean_the_same() {
    assert_eq!(cluster(None), "default");
    assert_eq!(cluster(Some("arn:aws:ecs:us-east-1:000000000000:cluster/a")), "a");
    assert_eq!(task("arn:aws:ecs:us-east-1:000000000000:task/a/0123"), "0123");
    assert_eq!(definition("arn:aws:ecs:us-east-1:000000000000:task-definition/web:3").unwrap(), ("web", Some(3)));
    assert_eq!(definition("web").unwrap(), ("web", None));
    assert!(definition("web:x").is_err());
}

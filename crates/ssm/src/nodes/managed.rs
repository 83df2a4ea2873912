//! What a node may do: it works under the role of its instance profile, or of its activation.

use super::{ManagedNode, Source, activations::find_role};
use crate::PRINCIPAL;
use cloudlet_api_iam::{GetInstanceProfile, GetInstanceProfileRequest};
use cloudlet_api_sts::Credentials;
use cloudlet_aws::{Arn, Caller, Fault, Region, Scope};
use cloudlet_engine::{Cx, roles};

const SESSION_SECONDS: i32 = 3_600;

async fn role_of(cx: &Cx, node: &ManagedNode) -> Result<Option<Arn>, Fault> {
    match &node.source {
        Source::Local => Ok(None),
        Source::Activation { role, .. } => find_role(cx, role).await,
        Source::Ec2(instance) => {
            let arn = instance.iam_instance_profile.as_ref().and_then(|profile| profile.arn.clone()).unwrap_or_default();
            let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
            let root = Caller::root(cx.scope.account, cx.scope.partition(), None);
            let scope = Scope::new(cx.scope.account, Region::new("us-east-1"));
            let found = Box::pin(cx.call::<GetInstanceProfile>(root, scope, GetInstanceProfileRequest { instance_profile_name: name })).await?;
            Ok(found.instance_profile.roles.first().and_then(|role| Arn::parse(&role.arn)))
        }
    }
}

/// Who a node is when it calls AWS, with keys for what runs on it. The server's own node has no role, and is the root of its account.
pub async fn role_session(cx: &Cx, node: &ManagedNode) -> Result<(Caller, Option<Credentials>), Fault> {
    let Some(role) = role_of(cx, node).await? else {
        return match node.source {
            Source::Local => Ok((Caller::root(cx.scope.account, cx.scope.partition(), None), None)),
            _ => Err(crate::faults::validation(format!("{} has no role", node.id))),
        };
    };
    let principal = if matches!(node.source, Source::Ec2(_)) { "ec2.amazonaws.com" } else { PRINCIPAL };
    let (session, keys) = roles::assume_role_with_keys(cx, &role, &node.id, principal, &node.arn, SESSION_SECONDS).await?;
    Ok((session.caller, Some(keys)))
}

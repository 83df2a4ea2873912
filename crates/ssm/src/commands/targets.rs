//! Which nodes a command is for: ids, or targets by tags.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/send-commands-multiple.html>

use crate::{Ssm, faults, nodes::ManagedNode};
use cloudlet_api_ssm::Target;
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;

/// Checks what targets name.
pub fn check(targets: &[Target]) -> Result<(), Fault> {
    for target in targets {
        let key = target.key.as_deref().unwrap_or_default();
        if key.starts_with("resource-groups:") {
            return Err(faults::not_implemented("targets by resource groups"));
        }
        if !(key == "InstanceIds" || key == "tag-key" || key.starts_with("tag:")) {
            // AWS: unverified message.
            return Err(faults::validation(format!("Targets: {key} is not a key: it is InstanceIds, tag:NAME or tag-key.")));
        }
        if target.values.as_ref().is_none_or(Vec::is_empty) {
            return Err(faults::validation(format!("Targets: {key} has no values.")));
        }
    }
    Ok(())
}

/// Whether a node has all that targets ask for.
pub fn is_target(node: &ManagedNode, targets: &[Target]) -> bool {
    targets.iter().all(|target| {
        let values = target.values.as_deref().unwrap_or_default();
        match target.key.as_deref().unwrap_or_default() {
            "InstanceIds" => values.iter().any(|id| *id == node.id || id == "*"),
            "tag-key" => values.iter().any(|key| node.tags.contains_key(key)),
            key => {
                let tag = key.strip_prefix("tag:").and_then(|name| node.tags.get(name));
                tag.is_some_and(|own| values.iter().any(|value| value == own || value == "*"))
            }
        }
    })
}

/// The nodes that targets select.
pub async fn select(ssm: &Ssm, cx: &Cx, targets: &[Target]) -> Result<Vec<ManagedNode>, Fault> {
    check(targets)?;
    Ok(ssm.nodes.all(cx).await?.into_iter().filter(|node| is_target(node, targets)).collect())
}

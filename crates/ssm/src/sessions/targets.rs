//! What sessions are started on: managed nodes, and containers of tasks.

use crate::{Ssm, faults};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Node, container_sessions::node_name};
use std::sync::Arc;

/// How many sessions a node may have at once. The agent's own limit.
pub const OF_NODE: usize = 1_000;
/// The same of a container. <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>
pub const OF_CONTAINER: usize = 2;

/// `ecs:cluster_task_runtime`: the parts.
pub fn container(target: &str) -> Option<(&str, &str, &str)> {
    let mut parts = target.strip_prefix("ecs:")?.rsplitn(3, '_');
    let (runtime, task, cluster) = (parts.next()?, parts.next()?, parts.next()?);
    (!cluster.is_empty() && !task.is_empty() && !runtime.is_empty()).then_some((cluster, task, runtime))
}

/// The ARN that a session on a target is authorized on.
pub fn arn(cx: &Cx, target: &str) -> Arn {
    match container(target) {
        Some((cluster, task, _)) => Arn::new("ecs", &cx.scope, &format!("task/{cluster}/{task}")),
        None if target.starts_with("mi-") => Arn::new("ssm", &cx.scope, &format!("managed-instance/{target}")),
        None => Arn::new("ec2", &cx.scope, &format!("instance/{target}")),
    }
}

pub fn not_connected(target: &str) -> Fault {
    faults::TARGET_NOT_CONNECTED.says(format!("{target} is not connected."))
}

impl Ssm {
    /// The container that a target names.
    pub fn container_node(&self, cx: &Cx, target: &str) -> Option<Arc<dyn Node>> {
        let (cluster, task, runtime) = container(target)?;
        self.sessions.workers.find_node(&node_name(&cx.scope, cluster, task, runtime))
    }

    /// Whether something answers at a target.
    pub async fn is_connected(&self, cx: &Cx, target: &str) -> Result<bool, Fault> {
        if target.starts_with("ecs:") {
            return Ok(self.container_node(cx, target).is_some());
        }
        Ok(self.nodes.find(cx, target).await?.is_some_and(|node| node.is_online))
    }
}

#[test]
fn containers_are_named_by_three_parts() {
    assert_eq!(container("ecs:my_cluster_0123_0123-456"), Some(("my_cluster", "0123", "0123-456")));
    assert_eq!(container("ecs:a_b"), None);
    assert_eq!(container("i-0123"), None);
}

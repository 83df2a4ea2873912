//! Sessions in containers: a service that runs containers has Session Manager start a session in one of them. The operation is AWS's own and in
//! no model.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>

pub use own::StartContainerSession;

use crate::fingerprint::Fingerprint;
use cloudlet_aws::Scope;
use cloudlet_shape::{Map, Shape};

/// The name of a container's node among the workers. It is found by all that its target names, and by nobody else's account.
pub fn node_name(scope: &Scope, cluster: &str, task: &str, runtime: &str) -> String {
    let digest = Fingerprint::of_texts(&[scope.account.as_str(), scope.region.as_str(), cluster, task, runtime]);
    let hex: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("ecs-{hex}")
}

#[derive(Shape, Clone, Default)]
pub struct StartContainerSessionInput {
    /// `ecs:cluster_task_runtime`
    pub target: String,
    pub command: String,
    /// The `inputs` of a document of sessions, in JSON.
    pub preferences: String,
    /// Variables of the container.
    pub environment: Map<String>,
    /// Where the container finds the keys of its role, and the role itself. Empty: it has none.
    pub credentials_path: String,
    pub role: String,
    /// The ARN of the caller whom the session is for, and its `aws:userid`.
    pub owner: String,
    pub owner_id: String,
    /// The address under which that caller knows the server.
    pub endpoint: String,
}

/// Empty if the container has as many sessions as it may have.
#[derive(Shape, Clone, Default)]
pub struct StartContainerSessionOutput {
    pub session_id: String,
    pub token_value: String,
    pub stream_url: String,
}

mod own {
    use super::{StartContainerSessionInput, StartContainerSessionOutput};
    use cloudlet_shape::operations;

    operations! { cloudlet_api_ssm::SERVICE;
        StartContainerSession(StartContainerSessionInput) -> StartContainerSessionOutput {}
    }
}

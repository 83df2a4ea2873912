//! Sessions in containers: a service that runs containers has Session Manager start a session in one of them. The operation is AWS's own and in
//! no model.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>

pub use own::StartContainerSession;

use cloudlet_shape::Shape;

/// The name of a container's node among the workers, by the container's runtime id.
pub fn node_name(runtime: &str) -> String {
    format!("ecs-{runtime}")
}

#[derive(Shape, Clone, Default)]
pub struct StartContainerSessionInput {
    /// `ecs:cluster_task_runtime`
    pub target: String,
    pub command: String,
    /// The `inputs` of a document of sessions, in JSON.
    pub preferences: String,
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

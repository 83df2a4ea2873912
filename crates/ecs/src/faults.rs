//! The faults of ECS, with AWS's messages.

pub use cloudlet_api_ecs::faults::*;
use cloudlet_aws::Fault;

pub fn invalid(message: impl Into<String>) -> Fault {
    INVALID_PARAMETER.says(message)
}

pub fn client(message: impl Into<String>) -> Fault {
    CLIENT.says(message)
}

pub fn no_such_cluster() -> Fault {
    CLUSTER_NOT_FOUND.says("Cluster not found.")
}

pub fn no_such_task() -> Fault {
    invalid("The referenced task was not found.")
}

pub fn invalid_token() -> Fault {
    // AWS: unverified message.
    invalid("Invalid token.")
}

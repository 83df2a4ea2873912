//! The operations that only the scheduler calls, that of function URLs, and that by which a role is asked what it may. They are in no model, so no request is recognized as one of them.

pub use own::{InvokeUrl, MaySend, PollQueue, Provision, RunEvent};

use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct EventInput {
    pub request_id: String,
}

#[derive(Shape, Clone, Default)]
pub struct MappingInput {
    pub id: String,
}

#[derive(Shape, Clone, Default)]
pub struct ProvisionInput {
    pub function: String,
    pub qualifier: String,
}

#[derive(Shape, Clone, Default)]
pub struct TargetInput {
    pub arn: String,
}

mod own {
    use crate::scheduled::{EventInput, MappingInput, ProvisionInput, TargetInput};
    use cloudlet_engine::{EndpointAnswer, EndpointRequest};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_lambda::SERVICE;
        RunEvent(EventInput) -> Empty {}
        InvokeUrl(EndpointRequest) -> EndpointAnswer {}
        PollQueue(MappingInput) -> Empty {}
        Provision(ProvisionInput) -> Empty {}
        MaySend(TargetInput) -> Empty {}
    }
}

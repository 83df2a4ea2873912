//! The operations that only the scheduler calls, and that of function URLs. They are in no model, so no request is recognized as one of them.

pub use own::{InvokeUrl, PollQueue, Provision, RunEvent};

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

mod own {
    use crate::scheduled::{EventInput, MappingInput, ProvisionInput};
    use cloudlet_engine::{EndpointAnswer, EndpointRequest};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_lambda::SERVICE;
        RunEvent(EventInput) -> Empty {}
        InvokeUrl(EndpointRequest) -> EndpointAnswer {}
        PollQueue(MappingInput) -> Empty {}
        Provision(ProvisionInput) -> Empty {}
    }
}

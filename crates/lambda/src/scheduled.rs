//! The operations that only the scheduler calls. They are in no model, so no request is recognized as one of them.

pub use own::{PollQueue, RunEvent};

use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct EventInput {
    pub request_id: String,
}

#[derive(Shape, Clone, Default)]
pub struct MappingInput {
    pub id: String,
}

mod own {
    use crate::scheduled::{EventInput, MappingInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_lambda::SERVICE;
        RunEvent(EventInput) -> Empty {}
        PollQueue(MappingInput) -> Empty {}
    }
}

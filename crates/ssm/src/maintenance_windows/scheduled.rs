//! What the scheduler calls. The operations are in no model.

pub use own::{AdvanceWindow, StartWindow};

use cloudlet_shape::Shape;

/// A window, or an execution.
#[derive(Shape, Clone, Default)]
pub struct WindowInput {
    pub id: String,
}

mod own {
    use crate::maintenance_windows::scheduled::WindowInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_ssm::SERVICE;
        StartWindow(WindowInput) -> Empty {}
        AdvanceWindow(WindowInput) -> Empty {}
    }
}

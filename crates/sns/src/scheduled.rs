//! The operations that only the scheduler calls. They are in no model, so no request is recognized as one of them.

pub use own::{Deliver, ExpireUnconfirmed, ReplayMessages};

use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct DeliverInput {
    /// A `Delivery` as JSON.
    pub delivery: String,
}

#[derive(Shape, Clone, Default)]
pub struct SubscriptionInput {
    pub subscription: String,
}

mod own {
    use super::{DeliverInput, SubscriptionInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_sns::SERVICE;
        Deliver(DeliverInput) -> Empty {}
        ReplayMessages(SubscriptionInput) -> Empty {}
        ExpireUnconfirmed(SubscriptionInput) -> Empty {}
    }
}

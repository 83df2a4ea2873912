//! The turn of an invocation: it is scheduled to run.

pub use own::RunInvocation;

use super::rows::RowKey;
use crate::PRINCIPAL;
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct InvocationInput {
    pub command: String,
    pub node: String,
}

mod own {
    use super::InvocationInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_ssm::SERVICE;
        RunInvocation(InvocationInput) -> Empty {}
    }
}

fn source(place: &RowKey) -> Arn {
    Arn::new("ssm", &place.0, &format!("command/{}", place.1))
}

fn key(what: &str, place: &RowKey, node: &str) -> String {
    format!("{what}/{}/{}/{}/{node}", place.0.account.as_str(), place.0.region.as_str(), place.1)
}

/// An invocation that is over has no turn to come.
pub fn forget(cx: &Cx, place: &RowKey, node: &str) {
    cx.cancel::<RunInvocation>(key("RunInvocation", place, node));
}

/// Has an invocation run.
pub fn run(cx: &Cx, place: &RowKey, node: &str, at: Timestamp) -> Result<(), Fault> {
    let input = InvocationInput { command: place.1.to_string(), node: node.to_owned() };
    cx.schedule_keyed::<RunInvocation>(key("RunInvocation", place, node), at, PRINCIPAL, source(place), place.0.clone(), input)
}

//! Calls of other services by name, with parameters and results as the AWS SDK for Java spells them.

pub mod integrations;
pub mod mock_result;
pub mod names;
mod style;

pub use cloudlet_engine::by_name::{Parameters, result};
pub use style::Style;

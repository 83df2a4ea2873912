//! Calls of other services by name, with parameters and results as the AWS SDK for Java spells them.

pub mod integrations;
pub mod mock_result;
pub mod names;
mod reader;
mod writer;

pub use reader::Parameters;
pub use writer::{Style, result};

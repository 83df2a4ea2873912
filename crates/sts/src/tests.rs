//! Through the cloud, with a stopped clock, no HTTP.

mod callers;
mod house;
mod roles;
mod tokens;
mod web_identity;

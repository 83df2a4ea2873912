//! Through the cloud, with a stopped clock, no HTTP.

mod callers;
mod delegated;
mod fixture;
mod outbound;
mod roles;
mod saml;
mod tokens;
mod web_identity;

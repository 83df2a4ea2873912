//! Calls through `Cloud`, with a stopped clock and without HTTP.

mod callers;
mod delegated;
mod fixture;
mod outbound;
mod roles;
mod saml;
mod tokens;
mod web_identity;

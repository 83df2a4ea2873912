//! Calls through `Cloud`, with a stopped clock and without HTTP.

mod fixture;

mod accounts;
mod credentials;
mod decisions;
mod delegations;
mod last_accessed;
mod matrix;
mod pages;
mod policies;
mod providers;
mod simulations;
mod users_and_roles;

//! Through the cloud, with a stopped clock, no HTTP.

mod fixture;

mod accounts;
mod credentials;
mod decisions;
mod delegations;
mod last_accessed;
mod matrix;
mod people;
mod policies;
mod providers;
mod simulations;

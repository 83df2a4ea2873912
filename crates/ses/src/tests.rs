mod account;
mod authorization;
mod fixture;
mod identities;
mod outcomes;
mod restart;
mod sending;
mod templates;

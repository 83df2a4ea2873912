mod account;
mod authorization;
mod fixture;
mod identities;
mod restart;
mod sending;
mod templates;

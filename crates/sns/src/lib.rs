//! SNS.
mod filter;
mod limits;

//! Mail over SMTP: submission, with the passwords of IAM users, and the server that other servers bring mail to.
//!
//! `session` is the protocol, without a socket; `listener` has the sockets; `submission` and `inbound` turn what arrives into calls; `relay` is
//! the way out. No rule of SES
//! lives here.

mod connection;
mod inbound;
mod listener;
mod relay;
pub mod session;
mod shared;
mod submission;

pub use listener::{Listener, serve};
pub use relay::Relay;
pub use shared::{Mail, Security};

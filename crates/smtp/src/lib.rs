//! Mail over SMTP: submission, with the passwords of IAM users, and the server that other servers bring mail to.
//!
//! `session` is the protocol, without a socket; `listener` has the sockets; `submission` and `inbound` turn what arrives into calls. No rule of SES
//! lives here.

mod connection;
mod inbound;
mod listener;
pub mod session;
mod shared;
mod submission;

pub use listener::{Listener, serve};
pub use shared::{Mail, Security};

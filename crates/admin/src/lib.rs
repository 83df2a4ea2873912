//! The admin API: health, services, state, calls, clock, decisions, mailbox and reset under `/_cloudlet/`, the developer endpoints of
//! services under `/_aws/`, and what tools expect of LocalStack under `/_localstack/`. It is generic; only
//! `sent_mail` is about one service.

mod admin;
mod admin_calls;
mod calls;
mod clock;
mod decisions;
mod developer_endpoints;
mod dns;
mod mail_links;
mod mailbox;
mod response;
mod router;
mod sent_mail;
mod services;
mod snapshot;
mod state;

pub use admin::{Admin, MailListeners};
pub use router::router;

//! Session Manager: shells, commands and forwarded ports on nodes, over a data channel of this server.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager.html>
//!
//! A session is a row, which stays for the history, and as long as it is active a task (`drive`), which is both the service and the agent of AWS. What
//! runs is in the process alone: after a restart the sessions of before are terminated.

pub mod backend;
mod connection;
mod containers;
mod describe;
pub mod drive;
mod encrypted;
mod handshake;
pub mod live;
pub mod plan;
mod port;
mod preferences;
mod relay;
mod resume;
mod shared;
mod shell;
mod socket;
mod start;
pub mod state;
mod targets;
mod terminate;
mod transcript;

use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::{Builder, container_sessions::StartContainerSession};
pub use shared::Sessions;
use socket::DataChannels;
use std::sync::Arc;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
        .store(ssm.sessions.store.clone())
        .socket_hooks(Arc::new(DataChannels(ssm.sessions.clone())))
        .handles::<StartContainerSession>()
        .handles::<api::StartSession>()
        .handles::<api::ResumeSession>()
        .handles::<api::TerminateSession>()
        .handles::<api::DescribeSessions>()
        .handles::<api::GetConnectionStatus>()
}

//! The agent of Systems Manager: `cloudlet agent`. It registers the machine that it runs on as a managed node, keeps its control channel open, and runs the
//! documents and serves the sessions that the server sends, by the code of `cloudlet-ssm` and `cloudlet-worker` that does it for the server's own nodes.
//!
//! It speaks as AWS's agent does: requests that are signed with the key of the machine, the API `ssmmessages`, JSON in frames over websockets.

mod calls;
mod channel;
mod commands;
mod identity;
mod journal;
mod objects;
mod options;
mod registration;
mod replies;
mod service;
mod sessions;
mod system;

pub use options::Options;
pub use system::System;

use channel::Agent;
use cloudlet_engine::{Clock, Ids, Runtime};
use std::sync::Arc;

/// Works until it is told to stop.
pub async fn run(options: Options, stop: impl Future<Output = ()>) -> Result<(), String> {
    let runtime = Arc::new(Runtime::new(Clock::ticking(), Ids::random()));
    runtime.set_address(options.endpoint.trim_end_matches('/'));
    tokio::pin!(stop);
    let agent = tokio::select! {
        () = &mut stop => return Ok(()),
        agent = Agent::of(options, runtime) => agent?,
    };
    tracing::info!(target: "cloudlet", node = %agent.node.id, "the agent of {} works for {}", agent.node.id, agent.service.endpoint);
    tokio::select! {
        () = &mut stop => {}
        () = agent.clone().stay_connected() => {}
    }
    agent.stop().await;
    tracing::info!(target: "cloudlet", "stopped");
    Ok(())
}

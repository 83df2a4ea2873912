//! Change Manager: a change is described by a template, which reviewers approve; a request for one is approved level by level, and then runs its
//! runbook, at once or at its time, unless a calendar is closed.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/change-manager.html>
//!
//! A change is a row (`state`). `advance` does what can be done now, `signals` takes what people decide, `mirror` shows it as an OpsItem.

mod advance;
mod approvals;
mod automation;
mod mirror;
mod notices;
mod reviews;
pub mod settings;
mod signals;
mod start;
pub mod state;
pub mod template;

use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder.store(ssm.changes.clone()).handles::<advance::AdvanceChange>().handles::<api::StartChangeRequestExecution>()
}

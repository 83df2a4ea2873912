//! What of this area is handled.

use super::{notices, turns};
use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
        .store(ssm.commands.store.clone())
        .handles::<turns::RunInvocation>()
        .handles::<notices::NotifyOfCommand>()
        .handles::<api::SendCommand>()
        .handles::<api::CancelCommand>()
        .handles::<api::GetCommandInvocation>()
        .handles::<api::ListCommands>()
        .handles::<api::ListCommandInvocations>()
}

//! OpsCenter: OpsItems with their related items and events, their counts, and the metadata of applications.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/OpsCenter.html>

mod create;
mod describe;
mod events;
mod filters;
pub mod item;
mod metadata;
mod related;
pub mod state;
mod summary;
mod tagging;
mod update;

pub use events::{Happened, publish};

use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
        .store(ssm.ops.clone())
        .handles::<api::CreateOpsItem>()
        .handles::<api::GetOpsItem>()
        .handles::<api::UpdateOpsItem>()
        .handles::<api::DeleteOpsItem>()
        .handles::<api::DescribeOpsItems>()
        .handles::<api::AssociateOpsItemRelatedItem>()
        .handles::<api::DisassociateOpsItemRelatedItem>()
        .handles::<api::ListOpsItemRelatedItems>()
        .handles::<api::ListOpsItemEvents>()
        .handles::<api::GetOpsSummary>()
        .handles::<api::CreateOpsMetadata>()
        .handles::<api::GetOpsMetadata>()
        .handles::<api::UpdateOpsMetadata>()
        .handles::<api::ListOpsMetadata>()
        .handles::<api::DeleteOpsMetadata>()
}

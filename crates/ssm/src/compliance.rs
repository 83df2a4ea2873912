//! Compliance: how associations stand on each node, and what nodes have been told about by PutComplianceItems.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/compliance-about.html>

mod filters;
mod items;
mod list;
mod put;
pub mod state;
mod summaries;

use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
        .store(ssm.compliance.clone())
        .handles::<api::PutComplianceItems>()
        .handles::<api::ListComplianceItems>()
        .handles::<api::ListComplianceSummaries>()
        .handles::<api::ListResourceComplianceSummaries>()
}

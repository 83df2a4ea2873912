//! What of this area is handled.

use super::scheduled;
use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
        .store(ssm.associations.store.clone())
        .handles::<scheduled::RunAssociation>()
        .handles::<api::CreateAssociation>()
        .handles::<api::CreateAssociationBatch>()
        .handles::<api::DescribeAssociation>()
        .handles::<api::UpdateAssociation>()
        .handles::<api::UpdateAssociationStatus>()
        .handles::<api::DeleteAssociation>()
        .handles::<api::ListAssociations>()
        .handles::<api::ListAssociationVersions>()
        .handles::<api::DescribeAssociationExecutions>()
        .handles::<api::DescribeAssociationExecutionTargets>()
        .handles::<api::StartAssociationsOnce>()
        .handles::<api::DescribeEffectiveInstanceAssociations>()
        .handles::<api::DescribeInstanceAssociationsStatus>()
}

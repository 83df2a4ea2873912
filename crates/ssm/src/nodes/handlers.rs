//! What of this area is handled.

use super::registration::RegisterManagedInstance;
use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;
use std::sync::Arc;

pub fn register(builder: Builder<Ssm>, ssm: &Arc<Ssm>) -> Builder<Ssm> {
    super::agents::register(builder, ssm)
        .store(ssm.nodes.store.clone())
        .handles::<api::CreateActivation>()
        .handles::<api::DescribeActivations>()
        .handles::<api::DeleteActivation>()
        .handles::<RegisterManagedInstance>()
        .unsigned::<RegisterManagedInstance>()
        .handles::<api::DeregisterManagedInstance>()
        .handles::<api::UpdateManagedInstanceRole>()
        .handles::<api::DescribeInstanceInformation>()
        .handles::<api::DescribeInstanceProperties>()
        .handles::<api::PutInventory>()
        .handles::<api::GetInventory>()
        .handles::<api::GetInventorySchema>()
        .handles::<api::ListInventoryEntries>()
}

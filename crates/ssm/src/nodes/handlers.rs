//! What of this area is handled.

use super::registration::RegisterManagedInstance;
use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
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

//! The engine: its store, and what every call begins with.

use crate::{faults, region, state::State};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_store::Store;
use std::sync::Arc;

pub struct Ec2 {
    pub store: Arc<Store<State>>,
}

/// What AWS calls a parameter that is missing: some by names that are in no model.
/// <https://github.com/boto/boto3/issues/347> <https://github.com/aws/aws-sdk-java/issues/1131>
fn name_of(member: &str) -> &str {
    match member {
        "description" => "GroupDescription",
        "instanceIds" => "InstanceId",
        "resources" => "resourceIdSet",
        "tags" => "tagSet",
        other => other,
    }
}

impl Ec2 {
    /// What the request lacks, then whether it wants to know only if it may.
    pub(crate) fn begin(&self, cx: &Cx, dry_run: Option<bool>) -> Result<(), Fault> {
        if let Some(missing) = cx.origin.missing.first() {
            return Err(faults::missing(name_of(missing)));
        }
        faults::check_dry_run(dry_run)?;
        self.ensure_region(cx)
    }

    /// Makes the default VPC of the region if nobody has looked at it yet.
    fn ensure_region(&self, cx: &Cx) -> Result<(), Fault> {
        if self.store.read(|state| state.regions.contains(&cx.scope)) {
            return Ok(());
        }
        self.store.write(|state| {
            if !state.regions.contains(&cx.scope) {
                region::settle(state, &cx.scope, cx.ids());
            }
            Ok(())
        })
    }
}

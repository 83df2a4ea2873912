//! S3 Control: Block Public Access of accounts, access points, S3 Access Grants, configurations of Storage Lens, tags, and jobs of S3 Batch
//! Operations. Objects are changed by calls of S3 under the role of the job; this crate holds no objects.

mod access_grants;
mod access_points;
mod jobs;
mod public_access;
mod state;
mod storage_lens;
mod tagging;
#[cfg(test)]
mod tests;

use cloudlet_api_s3control as api;
use cloudlet_aws::{Account, Arn, Fault, FaultKind};
use cloudlet_engine::{Cx, Dialect, Permission, Permissions, Service};
use cloudlet_identity::Identity;
use cloudlet_s3_access::AccessSettings;
use cloudlet_store::{Journal, Store};
use state::State;
use std::sync::Arc;

/// What the fuzz targets call.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::{access_grants::fuzzing::*, jobs::fuzzing::*};
}

/// The engine.
pub struct S3Control {
    store: Arc<Store<State>>,
    identity: Identity,
    settings: AccessSettings,
    /// Taken by who works on jobs: one call at a time.
    turn: tokio::sync::Mutex<()>,
}

impl S3Control {
    pub fn new(journal: &Journal, identity: Identity, settings: AccessSettings) -> Arc<S3Control> {
        Arc::new(S3Control {
            store: Arc::new(Store::new("s3control", journal, State::default())),
            identity,
            settings,
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// The table of handlers.
    pub fn service(self: &Arc<Self>) -> Service {
        Service::of(&api::SERVICE, self.clone())
            .dialect(Dialect::S3_CONTROL)
            .store(self.store.clone())
            .handles::<api::PutPublicAccessBlock>()
            .handles::<api::GetPublicAccessBlock>()
            .handles::<api::DeletePublicAccessBlock>()
            // access points
            .handles::<api::CreateAccessPoint>()
            .handles::<api::GetAccessPoint>()
            .handles::<api::DeleteAccessPoint>()
            .handles::<api::ListAccessPoints>()
            .handles::<api::PutAccessPointPolicy>()
            .handles::<api::GetAccessPointPolicy>()
            .handles::<api::DeleteAccessPointPolicy>()
            .handles::<api::GetAccessPointPolicyStatus>()
            // access grants
            .handles::<api::CreateAccessGrantsInstance>()
            .handles::<api::GetAccessGrantsInstance>()
            .handles::<api::DeleteAccessGrantsInstance>()
            .handles::<api::ListAccessGrantsInstances>()
            .handles::<api::GetAccessGrantsInstanceForPrefix>()
            .handles::<api::PutAccessGrantsInstanceResourcePolicy>()
            .handles::<api::GetAccessGrantsInstanceResourcePolicy>()
            .handles::<api::DeleteAccessGrantsInstanceResourcePolicy>()
            .handles::<api::CreateAccessGrantsLocation>()
            .handles::<api::GetAccessGrantsLocation>()
            .handles::<api::UpdateAccessGrantsLocation>()
            .handles::<api::DeleteAccessGrantsLocation>()
            .handles::<api::ListAccessGrantsLocations>()
            .handles::<api::CreateAccessGrant>()
            .handles::<api::GetAccessGrant>()
            .handles::<api::DeleteAccessGrant>()
            .handles::<api::ListAccessGrants>()
            .handles::<api::GetDataAccess>()
            .handles::<api::ListCallerAccessGrants>()
            // storage lens
            .handles::<api::PutStorageLensConfiguration>()
            .handles::<api::GetStorageLensConfiguration>()
            .handles::<api::DeleteStorageLensConfiguration>()
            .handles::<api::ListStorageLensConfigurations>()
            .handles::<api::PutStorageLensConfigurationTagging>()
            .handles::<api::GetStorageLensConfigurationTagging>()
            .handles::<api::DeleteStorageLensConfigurationTagging>()
            .handles::<api::CreateStorageLensGroup>()
            .handles::<api::GetStorageLensGroup>()
            .handles::<api::UpdateStorageLensGroup>()
            .handles::<api::DeleteStorageLensGroup>()
            .handles::<api::ListStorageLensGroups>()
            // tags
            .handles::<api::TagResource>()
            .handles::<api::UntagResource>()
            .handles::<api::ListTagsForResource>()
            // batch operations
            .handles::<api::CreateJob>()
            .handles::<api::DescribeJob>()
            .handles::<api::ListJobs>()
            .handles::<api::UpdateJobPriority>()
            .handles::<api::UpdateJobStatus>()
            .handles::<api::PutJobTagging>()
            .handles::<api::GetJobTagging>()
            .handles::<api::DeleteJobTagging>()
            .handles::<jobs::RunJobs>()
            .handles::<jobs::ExpireJob>()
            .build()
    }
}

/// The account of a request must be the caller's.
fn check_account(cx: &Cx, account: &str) -> Result<(), Fault> {
    match Account::parse(account) {
        Some(account) if account == cx.scope.account => Ok(()),
        _ => Err(FaultKind::sender("AccessDenied", 403).says("Access Denied")),
    }
}

/// An action on no particular resource of an account.
fn account_permission(cx: &Cx, account: &str, action: &'static str) -> Result<Permissions, Fault> {
    check_account(cx, account)?;
    Ok(Permission::action(action, Arn::any()).owned_by(cx.scope.account).into())
}

//! Systems Manager.
//!
//! Each area is a folder with tables of its own: Parameter Store (`parameters`), documents (`documents`). Tags, resource policies and service
//! settings belong to resources of all kinds, and each has a file of its own. Values of SecureString parameters rest encrypted by KMS, as the caller.

mod documents;
mod faults;
mod limits;
mod parameters;
mod resource_policies;
mod s3_urls;
mod service_settings;
mod state;
mod tags;
#[cfg(test)]
mod tests;

use cloudlet_api_ssm as api;
use cloudlet_engine::Service;
use cloudlet_store::{Journal, Store};
use documents::{AttachmentFiles, Documents};
use state::State;
use std::sync::Arc;

pub struct Ssm {
    store: Arc<Store<State>>,
    documents: Documents,
}

/// The principal of Systems Manager.
const PRINCIPAL: &str = "ssm.amazonaws.com";

pub fn service(journal: &Journal) -> Service {
    let store = Arc::new(Store::new("ssm", journal, State::default()));
    let documents = Documents::new(journal);
    let files = Arc::new(AttachmentFiles(documents.clone()));
    let builder = Service::of(&api::SERVICE, Arc::new(Ssm { store: store.clone(), documents: documents.clone() }))
        .store(store)
        .store(documents.store)
        .public_files(files);
    let builder = documents::handlers(builder);
    builder
        .handles::<parameters::scheduled::ApplyPolicies>()
        // parameters
        .handles::<api::PutParameter>()
        .handles::<api::GetParameter>()
        .handles::<api::GetParameters>()
        .handles::<api::GetParametersByPath>()
        .handles::<api::GetParameterHistory>()
        .handles::<api::DescribeParameters>()
        .handles::<api::DeleteParameter>()
        .handles::<api::DeleteParameters>()
        .handles::<api::LabelParameterVersion>()
        .handles::<api::UnlabelParameterVersion>()
        // of all resources
        .handles::<api::AddTagsToResource>()
        .handles::<api::ListTagsForResource>()
        .handles::<api::RemoveTagsFromResource>()
        .handles::<api::PutResourcePolicy>()
        .handles::<api::GetResourcePolicies>()
        .handles::<api::DeleteResourcePolicy>()
        .handles::<api::GetServiceSetting>()
        .handles::<api::UpdateServiceSetting>()
        .handles::<api::ResetServiceSetting>()
        .build()
}

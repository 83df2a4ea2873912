//! What of this area is handled.

use super::attachments::AttachmentFiles;
use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;
use std::sync::Arc;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
        .store(ssm.documents.store.clone())
        .public_files(Arc::new(AttachmentFiles(ssm.documents.clone())))
        .handles::<api::CreateDocument>()
        .handles::<api::GetDocument>()
        .handles::<api::DescribeDocument>()
        .handles::<api::UpdateDocument>()
        .handles::<api::UpdateDocumentDefaultVersion>()
        .handles::<api::DeleteDocument>()
        .handles::<api::ListDocuments>()
        .handles::<api::ListDocumentVersions>()
        .handles::<api::DescribeDocumentPermission>()
        .handles::<api::ModifyDocumentPermission>()
        .handles::<api::UpdateDocumentMetadata>()
        .handles::<api::ListDocumentMetadataHistory>()
}

//! GetDocument: the content of a document, in its own format or another.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetDocument.html>

use super::{VersionSelector, describe::requires, rows::Version};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_ssm_document::{Format, write};

/// The content in a format. JSON and YAML can be written as each other.
fn content(version: &Version, format: Format) -> Result<String, Fault> {
    if format == version.format {
        return Ok(version.content.to_string());
    }
    match (version.format, format) {
        (Format::Json | Format::Yaml, Format::Json | Format::Yaml) => Ok(write(format, &version.value())),
        _ => Err(faults::validation(format!("Invalid document format {}", format.as_str()))),
    }
}

impl Handle<GetDocument> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetDocumentRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<GetDocument>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: GetDocumentRequest) -> Result<GetDocumentResult, Fault> {
        let wanted = VersionSelector { version: input.document_version.as_deref(), version_name: input.version_name.as_deref() };
        let found = self.documents.resolve(cx, &input.name, wanted)?;
        let version = &found.version;
        // AWS: "JSON is the default format."
        let format = input.document_format.as_deref().and_then(Format::parse).unwrap_or(Format::Json);
        let attachments = version.attachments.iter().map(|attachment| AttachmentContent {
            name: Some(attachment.name.to_string()),
            size: i64::try_from(attachment.bytes.len()).ok(),
            hash: Some(attachment.hash.to_string()),
            hash_type: Some("Sha256".to_owned()),
            url: Some(format!("{}{}", cx.endpoint(), super::attachments::path(&attachment.id, &attachment.name))),
        });
        let attachments: Vec<AttachmentContent> = attachments.collect();
        Ok(GetDocumentResult {
            name: Some(found.shown_name(cx.scope.account)),
            created_date: Some(version.created),
            display_name: version.display_name.as_deref().map(str::to_owned),
            version_name: version.name.as_deref().map(str::to_owned),
            document_version: Some(version.number.to_string()),
            status: Some("Active".to_owned()),
            content: Some(content(version, format)?),
            document_type: Some(found.kind().as_str().to_owned()),
            document_format: Some(format.as_str().to_owned()),
            requires: requires(version),
            attachments_content: Some(attachments).filter(|attachments| !attachments.is_empty()),
            review_status: version.review.map(|status| status.as_str().to_owned()),
            ..GetDocumentResult::default()
        })
    }
}

//! DescribeDocument, and how a document is described in other answers.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeDocument.html>

use super::{
    Resolved, VersionSelector,
    rows::{ReviewStatus, Version, described},
    state::DocumentState,
};
use crate::{Ssm, tags};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Account, Fault};
use cloudlet_engine::{Cx, Handle, Permissions};

pub fn requires(version: &Version) -> Option<Vec<DocumentRequires>> {
    Some(version.requires.iter().map(cloudlet_engine::StoredShape::shape).collect::<Vec<_>>()).filter(|requires| !requires.is_empty())
}

pub fn platforms(version: &Version) -> Option<Vec<String>> {
    Some(version.platforms.iter().map(|platform| platform.as_str().to_owned()).collect())
}

/// The members of a description that follow from the version alone.
pub fn description(found: &Resolved, status: &str, account: Account) -> DocumentDescription {
    let (document, version) = (&found.document, &found.version);
    let tags = tags::listed(&document.tags);
    DocumentDescription {
        hash: Some(version.hash.to_string()),
        hash_type: Some("Sha256".to_owned()),
        name: Some(found.shown_name(account)),
        display_name: version.display_name.as_deref().map(str::to_owned),
        version_name: version.name.as_deref().map(str::to_owned),
        owner: Some(found.owner.shown()),
        created_date: Some(version.created),
        status: Some(status.to_owned()),
        document_version: Some(version.number.to_string()),
        description: version.description.as_deref().map(str::to_owned),
        parameters: described(&version.parameters()),
        platform_types: platforms(version),
        document_type: Some(document.kind.as_str().to_owned()),
        schema_version: version.schema_version.as_deref().map(str::to_owned),
        latest_version: Some(document.latest.to_string()),
        default_version: Some(document.default.to_string()),
        document_format: Some(version.format.as_str().to_owned()),
        target_type: version.target_type.as_deref().map(str::to_owned),
        tags: Some(tags),
        attachments_information: version.attachment_names(),
        requires: requires(version),
        author: version.review.map(|_| version.author.to_string()),
        approved_version: document.approved.map(|number| number.to_string()),
        pending_review_version: document.pending.map(|number| number.to_string()),
        review_status: version.review.map(|status| status.as_str().to_owned()),
        ..DocumentDescription::default()
    }
}

/// The last answer of each reviewer.
fn review_information(state: &DocumentState, found: &Resolved) -> Option<Vec<ReviewInformation>> {
    found.version.review?;
    let answers = state.reviews_of(&found.key, found.version.number).filter(|(_, review)| review.status != ReviewStatus::Pending);
    let shown = answers.map(|(_, review)| ReviewInformation {
        reviewed_time: Some(review.updated),
        status: Some(review.status.as_str().to_owned()),
        reviewer: Some(review.reviewer.to_string()),
    });
    Some(shown.collect())
}

impl Handle<DescribeDocument> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeDocumentRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<DescribeDocument>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeDocumentRequest) -> Result<DescribeDocumentResult, Fault> {
        let wanted = VersionSelector { version: input.document_version.as_deref(), version_name: input.version_name.as_deref() };
        let found = self.documents.resolve(cx, &input.name, wanted)?;
        let review_information = self.documents.store.read(|state| review_information(state, &found));
        let described = DocumentDescription { review_information, ..description(&found, "Active", cx.scope.account) };
        Ok(DescribeDocumentResult { document: Some(described) })
    }
}

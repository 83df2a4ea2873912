//! Reviews of the versions of documents: UpdateDocumentMetadata and ListDocumentMetadataHistory.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateDocumentMetadata.html>

use super::{
    VersionSelector,
    names::{no_such_document, person},
    rows::{DocumentKey, Review, ReviewStatus, Version},
    state::DocumentState,
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use cloudlet_ssm_document::DocumentType;
use std::sync::Arc;

const PAGE: usize = 50;

/// AWS: a change template that CreateDocument makes is pending review at once.
pub fn of_new(kind: DocumentType) -> Option<ReviewStatus> {
    (kind == DocumentType::ChangeTemplate).then_some(ReviewStatus::Pending)
}

pub fn is_pending(status: Option<ReviewStatus>) -> bool {
    status == Some(ReviewStatus::Pending)
}

impl DocumentState {
    /// Writes down a review of a version, and what the version is then.
    pub fn review(&mut self, key: &DocumentKey, number: u32, review: Review) {
        let Some(version) = self.version(key, number).cloned() else { return };
        let status = review.status;
        let index = self.reviews_of(key, number).map(|(index, _)| index + 1).max().unwrap_or(0);
        self.reviews.insert((key.clone(), number, index), review);
        self.versions.insert((key.clone(), number), Arc::new(Version { review: Some(status), ..(*version).clone() }));
        self.change(key, |document| {
            document.pending = document.pending.filter(|pending| *pending != number);
            match status {
                ReviewStatus::Approved => document.approved = Some(number),
                ReviewStatus::Pending => document.pending = Some(number),
                ReviewStatus::Rejected | ReviewStatus::NotReviewed => {}
            }
        });
    }
}

impl Handle<UpdateDocumentMetadata> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateDocumentMetadataRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<UpdateDocumentMetadata>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateDocumentMetadataRequest) -> Result<UpdateDocumentMetadataResponse, Fault> {
        let key = DocumentKey::new(cx.scope.clone(), &input.name);
        // AWS: "If a version isn't specified, the latest version is used." is not said; the default one is what others take. AWS: unverified
        let found = self.documents.resolve(cx, &input.name, VersionSelector::version(input.document_version.as_deref().or(Some("$LATEST"))))?;
        let version = found.version.clone();
        let comment = input.document_reviews.comment.unwrap_or_default().into_iter().find_map(|comment| comment.content);
        let status = match input.document_reviews.action.as_str() {
            "Approve" => ReviewStatus::Approved,
            "Reject" => ReviewStatus::Rejected,
            // SendForReview asks for it, UpdateReview changes what the request says.
            _ => ReviewStatus::Pending,
        };
        let is_answer = matches!(status, ReviewStatus::Approved | ReviewStatus::Rejected);
        if is_answer {
            self.check_reviewer(cx, found.kind()).await?;
        }
        self.documents.store.write(|state| {
            let document = state.documents.get(&key).ok_or_else(no_such_document)?;
            if is_answer && document.pending != Some(version.number) {
                // AWS: unverified message.
                return Err(faults::INVALID_DOCUMENT_OPERATION.says("The document version is not pending review."));
            }
            let review = Review { created: cx.now, updated: cx.now, status, comment: comment.map(Into::into), reviewer: person(cx) };
            state.review(&key, version.number, review);
            Ok(())
        })?;
        self.review_answered(cx, &found, status);
        Ok(UpdateDocumentMetadataResponse {})
    }
}

impl Handle<ListDocumentMetadataHistory> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ListDocumentMetadataHistoryRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<ListDocumentMetadataHistory>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: ListDocumentMetadataHistoryRequest) -> Result<ListDocumentMetadataHistoryResponse, Fault> {
        let found = self.documents.resolve(cx, &input.name, VersionSelector::version(input.document_version.as_deref()))?;
        let list = Paging::of::<ListDocumentMetadataHistory>(cx, &input);
        let page = self.documents.store.read(|state| {
            let rows = state.reviews_of(&found.key, found.version.number).map(|(index, review)| (index, shown(review)));
            list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(ListDocumentMetadataHistoryResponse {
            name: Some(input.name),
            document_version: Some(found.version.number.to_string()),
            author: Some(found.version.author.to_string()),
            metadata: Some(DocumentMetadataResponseInfo { reviewer_response: Some(page.items) }),
            next_token: page.next_token,
        })
    }
}

fn shown(review: &Review) -> DocumentReviewerResponseSource {
    let comment = |content: &Arc<str>| DocumentReviewCommentSource { r#type: Some("Comment".to_owned()), content: Some(content.to_string()) };
    DocumentReviewerResponseSource {
        create_time: Some(review.created),
        updated_time: Some(review.updated),
        review_status: Some(review.status.as_str().to_owned()),
        comment: review.comment.as_ref().map(|content| vec![comment(content)]),
        reviewer: Some(review.reviewer.to_string()),
    }
}

//! Who reviews change templates, who need not wait for it, and who is told.

use super::{approvals::Person, notices, settings};
use crate::{
    Ssm,
    documents::{
        Resolved,
        rows::{Review, ReviewStatus},
    },
    faults,
};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_ssm_document::DocumentType;

impl Ssm {
    /// A version of a document was made: a template waits for its reviewers, unless its author need not; a calendar is watched.
    pub async fn version_made(&self, cx: &Cx, found: &Resolved) {
        match found.kind() {
            DocumentType::ChangeCalendar => self.watch_calendar(cx, &found.key),
            DocumentType::ChangeTemplate => {
                let (bypass, topic) = self.store.read(|state| {
                    (settings::list(state, &cx.scope, settings::TEMPLATE_APPROVAL_BYPASS), settings::text(state, &cx.scope, settings::TEMPLATE_TOPIC))
                });
                if !bypass.is_empty() && Person::of(cx).await.is_one_of(&bypass) {
                    let review = Review {
                        created: cx.now,
                        updated: cx.now,
                        status: ReviewStatus::Approved,
                        comment: None,
                        reviewer: found.version.author.clone(),
                    };
                    self.documents.store.update(|state| state.review(&found.key, found.version.number, review));
                } else if let Some(topic) = topic {
                    notices::template(cx, &topic, &found.key.name, &found.version.number.to_string(), "waits for your review");
                }
            }
            _ => {}
        }
    }

    /// Whether the caller may answer a review of a change template.
    pub async fn check_reviewer(&self, cx: &Cx, kind: DocumentType) -> Result<(), Fault> {
        let reviewers = self.store.read(|state| settings::list(state, &cx.scope, settings::TEMPLATE_REVIEWERS));
        if kind != DocumentType::ChangeTemplate || reviewers.is_empty() || Person::of(cx).await.is_one_of(&reviewers) {
            return Ok(());
        }
        // AWS: unverified message.
        Err(faults::INVALID_DOCUMENT_OPERATION.says("The caller is not a reviewer of change templates."))
    }

    /// A template was approved or rejected.
    pub fn review_answered(&self, cx: &Cx, found: &Resolved, status: ReviewStatus) {
        let what = match status {
            ReviewStatus::Approved => "was approved",
            ReviewStatus::Rejected => "was rejected",
            ReviewStatus::Pending => "waits for your review",
            ReviewStatus::NotReviewed => return,
        };
        let topic = self.store.read(|state| settings::text(state, &cx.scope, settings::TEMPLATE_TOPIC));
        if let Some(topic) = topic.filter(|_| found.kind() == DocumentType::ChangeTemplate) {
            notices::template(cx, &topic, &found.key.name, &found.version.number.to_string(), what);
        }
    }
}

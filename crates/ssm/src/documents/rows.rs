//! A document and its versions, as rows.

use bytes::Bytes;
use cloudlet_api_ssm::{AttachmentInformation, DocumentParameter, DocumentRequires};
use cloudlet_aws::{Arn, Scope, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_shape::Map;
use cloudlet_ssm_document::{DocumentType, Format, Parameters, Platform, Validated};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentKey {
    pub scope: Scope,
    pub name: Arc<str>,
}

impl DocumentKey {
    pub fn new(scope: Scope, name: &str) -> DocumentKey {
        DocumentKey { scope, name: name.into() }
    }

    pub fn arn(&self) -> Arn {
        Arn::new("ssm", &self.scope, &format!("document/{}", self.name))
    }
}

/// What all versions of a document have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    pub kind: DocumentType,
    pub created: Timestamp,
    pub tags: Map<String>,
    pub default: u32,
    pub latest: u32,
    /// Accounts, or `all`, and the versions that each may use: `$DEFAULT`, `$LATEST`, `$ALL`.
    pub shares: BTreeMap<String, String>,
    /// The version that reviewers have approved last, and the one that they are asked about.
    pub approved: Option<u32>,
    pub pending: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReviewStatus {
    Approved,
    NotReviewed,
    Pending,
    Rejected,
}

impl ReviewStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            ReviewStatus::Approved => "APPROVED",
            ReviewStatus::NotReviewed => "NOT_REVIEWED",
            ReviewStatus::Pending => "PENDING",
            ReviewStatus::Rejected => "REJECTED",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    pub number: u32,
    pub name: Option<Arc<str>>,
    pub display_name: Option<Arc<str>>,
    pub target_type: Option<Arc<str>>,
    pub format: Format,
    pub content: Arc<str>,
    /// SHA-256 of the content.
    pub hash: Arc<str>,
    pub created: Timestamp,
    pub schema_version: Option<Arc<str>>,
    pub description: Option<Arc<str>>,
    pub platforms: Vec<Platform>,
    pub requires: Vec<StoredShape<DocumentRequires>>,
    pub attachments: Arc<Vec<Attachment>>,
    /// The name of who made it.
    pub author: Arc<str>,
    /// Of types that are reviewed.
    pub review: Option<ReviewStatus>,
}

impl Version {
    /// The content as a value; a text as a string.
    pub fn value(&self) -> serde_json::Value {
        cloudlet_ssm_document::read(self.format, &self.content).unwrap_or_default()
    }

    pub fn parameters(&self) -> Parameters {
        Parameters::of(&self.value())
    }

    /// What was found when the content was checked.
    pub fn take_facts(&mut self, validated: &Validated) {
        self.schema_version = validated.schema_version.as_deref().map(Into::into);
        self.description = validated.description.as_deref().map(Into::into);
        self.platforms.clone_from(&validated.platforms);
    }

    pub fn attachment_names(&self) -> Option<Vec<AttachmentInformation>> {
        let names = self.attachments.iter().map(|attachment| AttachmentInformation { name: Some(attachment.name.to_string()) });
        Some(names.collect::<Vec<_>>()).filter(|names| !names.is_empty())
    }
}

/// The parameters of a document, as descriptions have them.
pub fn described(parameters: &Parameters) -> Option<Vec<DocumentParameter>> {
    let described = parameters.0.iter().map(|(name, parameter)| DocumentParameter {
        name: Some(name.clone()),
        // AWS: unverified for types beside the two that the model names.
        r#type: Some(parameter.kind.name()),
        description: parameter.description.clone(),
        default_value: parameter.default.as_ref().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
    });
    Some(described.collect::<Vec<_>>()).filter(|parameters| !parameters.is_empty())
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attachment {
    /// Under which it can be fetched.
    pub id: Arc<str>,
    pub name: Arc<str>,
    #[serde(with = "cloudlet_store::as_base64")]
    pub bytes: Bytes,
    /// SHA-256.
    pub hash: Arc<str>,
}

/// One answer of a reviewer, or a request for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Review {
    pub created: Timestamp,
    pub updated: Timestamp,
    pub status: ReviewStatus,
    pub comment: Option<Arc<str>>,
    pub reviewer: Arc<str>,
}

/// SHA-256, as answers have it.
pub fn hash_of(content: &[u8]) -> Arc<str> {
    hex::encode(Sha256::digest(content)).into()
}

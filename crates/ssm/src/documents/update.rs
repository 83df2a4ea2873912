//! UpdateDocument and UpdateDocumentDefaultVersion.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateDocument.html>

use super::{
    Owner, Resolved, attachments, check, describe,
    names::{no_such_document, no_such_version, person},
    reviews,
    rows::{Document, DocumentKey, Version, hash_of},
    state::DocumentState,
};
use crate::{Ssm, faults, limits};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_ssm_document::Format;
use std::sync::Arc;

/// The latest version, which a request must mean to update.
fn latest(state: &DocumentState, key: &DocumentKey, named: Option<&str>) -> Result<(Arc<Document>, Arc<Version>), Fault> {
    let document = state.documents.get(key).ok_or_else(no_such_document)?;
    let is_latest = match named {
        // AWS: unverified. The guide says that it is required, the model does not.
        None | Some("$LATEST") => true,
        Some("$DEFAULT") => document.default == document.latest,
        Some(number) => number.parse() == Ok(document.latest),
    };
    let version = state.version(key, document.latest).filter(|_| is_latest).ok_or_else(no_such_version)?;
    Ok((document.clone(), version.clone()))
}

impl Handle<UpdateDocument> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateDocumentRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<UpdateDocument>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateDocumentRequest) -> Result<UpdateDocumentResult, Fault> {
        let key = DocumentKey::new(cx.scope.clone(), &input.name);
        let named = input.document_version.as_deref();
        let (document, before) = self.documents.store.read(|state| latest(state, &key, named))?;
        let format = input.document_format.as_deref().and_then(Format::parse).unwrap_or(Format::Json);
        if before.schema_version.as_deref() == Some("1.2") {
            return Err(faults::INVALID_DOCUMENT_SCHEMA_VERSION.says("Documents of schema version 1.2 can't be updated."));
        }
        let validated = check::content(document.kind, format, &input.content)?;
        let hash = hash_of(input.content.as_bytes());
        if hash == before.hash && input.attachments.is_none() {
            return Err(faults::DUPLICATE_DOCUMENT_CONTENT
                .says("The content of the association document matches another document. Change the content of the document and try again."));
        }
        let attached = match &input.attachments {
            Some(sources) => Arc::new(attachments::fetch(self, cx, sources, &validated.value).await?),
            None => before.attachments.clone(),
        };
        let mut version = Version {
            number: 0,
            name: input.version_name.as_deref().map(Into::into),
            display_name: input.display_name.as_deref().map(Into::into).or_else(|| before.display_name.clone()),
            target_type: input.target_type.as_deref().map(Into::into).or_else(|| before.target_type.clone()),
            format,
            hash,
            content: input.content.into(),
            created: cx.now,
            schema_version: None,
            description: None,
            platforms: vec![],
            requires: before.requires.clone(),
            attachments: attached,
            author: person(cx),
            review: reviews::of_new(document.kind),
        };
        version.take_facts(&validated);
        let found = self.documents.store.write(|state| {
            let (document, _) = latest(state, &key, named)?;
            if state.versions_of(&key).count() >= limits::DOCUMENT_VERSIONS {
                return Err(faults::DOCUMENT_VERSION_LIMIT_EXCEEDED
                    .says("The document has too many versions. Delete one or more document versions and try again."));
            }
            if version.name.is_some() && state.versions_of(&key).any(|known| known.name == version.name) {
                return Err(faults::DUPLICATE_DOCUMENT_VERSION_NAME
                    .says("The version name has already been used in this document. Specify a different version name, and then try again."));
            }
            version.number = document.latest + 1;
            let version = Arc::new(version);
            let pending = if reviews::is_pending(version.review) { Some(version.number) } else { document.pending };
            let document = Arc::new(Document { latest: version.number, pending, ..(*document).clone() });
            state.documents.insert(key.clone(), document.clone());
            state.versions.insert((key.clone(), version.number), version.clone());
            Ok(Resolved { key: key.clone(), owner: Owner::Account(cx.scope.account), document, version })
        })?;
        self.version_made(cx, &found).await;
        let described = describe::description(&found, "Updating", cx.scope.account);
        Ok(UpdateDocumentResult { document_description: Some(described) })
    }
}

impl Handle<UpdateDocumentDefaultVersion> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateDocumentDefaultVersionRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<UpdateDocumentDefaultVersion>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateDocumentDefaultVersionRequest) -> Result<UpdateDocumentDefaultVersionResult, Fault> {
        let key = DocumentKey::new(cx.scope.clone(), &input.name);
        let version = self.documents.store.write(|state| {
            if !state.documents.contains(&key) {
                return Err(no_such_document());
            }
            let number = input.document_version.parse().map_err(|_| no_such_version())?;
            let version = state.version(&key, number).cloned().ok_or_else(no_such_version)?;
            state.change(&key, |document| document.default = number);
            Ok(version)
        })?;
        self.watch_calendar(cx, &key);
        let description = DocumentDefaultVersionDescription {
            name: Some(input.name),
            default_version: Some(version.number.to_string()),
            default_version_name: version.name.as_deref().map(str::to_owned),
        };
        Ok(UpdateDocumentDefaultVersionResult { description: Some(description) })
    }
}

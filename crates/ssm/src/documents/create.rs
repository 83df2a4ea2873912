//! CreateDocument.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html>

use super::{
    Owner, Resolved, attachments, check, describe,
    names::{self, person},
    permissions, reviews,
    rows::{Document, DocumentKey, Version, hash_of},
};
use crate::{Ssm, faults, limits, parameters::permissions::set_request_tags, tags};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape};
use cloudlet_ssm_document::{DocumentType, Format};
use std::{collections::BTreeMap, sync::Arc};

/// The type of a request that names none.
const USUAL: DocumentType = DocumentType::Command;

fn kind_of(input: &CreateDocumentRequest) -> DocumentType {
    input.document_type.as_deref().and_then(DocumentType::parse).unwrap_or(USUAL)
}

impl Handle<CreateDocument> for Ssm {
    fn permissions(&self, cx: &Cx, input: &CreateDocumentRequest) -> Result<Permissions, Fault> {
        let mut permission = permissions::on_new::<CreateDocument>(cx, &input.name, kind_of(input).as_str());
        let tags = input.tags.as_deref().unwrap_or_default();
        set_request_tags(&mut permission, tags);
        Ok(permission.and([(!tags.is_empty()).then_some("ssm:AddTagsToResource")]))
    }

    async fn handle(&self, cx: &Cx, input: CreateDocumentRequest) -> Result<CreateDocumentResult, Fault> {
        names::check_new(&input.name)?;
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let kind = kind_of(&input);
        let format = input.document_format.as_deref().and_then(Format::parse).unwrap_or(Format::Json);
        let key = DocumentKey::new(cx.scope.clone(), &input.name);
        self.documents.store.read(|state| check_new(state, &key))?;
        let validated = check::content(kind, format, &input.content)?;
        let requires = input.requires.unwrap_or_default();
        for required in &requires {
            self.documents.resolve(
                cx,
                &required.name,
                super::VersionSelector { version: required.version.as_deref(), version_name: required.version_name.as_deref() },
            )?;
        }
        let attached = attachments::fetch(self, cx, input.attachments.as_deref().unwrap_or_default(), &validated.value).await?;
        let mut version = Version {
            number: 1,
            name: input.version_name.as_deref().map(Into::into),
            display_name: input.display_name.as_deref().map(Into::into),
            target_type: input.target_type.as_deref().map(Into::into),
            format,
            hash: hash_of(input.content.as_bytes()),
            content: input.content.into(),
            created: cx.now,
            schema_version: None,
            description: None,
            platforms: vec![],
            requires: requires.into_iter().map(StoredShape::new).collect(),
            attachments: Arc::new(attached),
            author: person(cx),
            review: reviews::of_new(kind),
        };
        version.take_facts(&validated);
        let document = Document {
            kind,
            created: cx.now,
            tags,
            default: 1,
            latest: 1,
            shares: BTreeMap::new(),
            approved: None,
            pending: reviews::is_pending(version.review).then_some(1),
        };
        let found = Resolved { key: key.clone(), owner: Owner::Account(cx.scope.account), document: Arc::new(document), version: Arc::new(version) };
        self.documents.store.write(|state| {
            check_new(state, &key)?;
            state.documents.insert(key.clone(), found.document.clone());
            state.versions.insert((key, 1), found.version.clone());
            Ok::<(), Fault>(())
        })?;
        self.version_made(cx, &found).await;
        let described = describe::description(&found, "Creating", cx.scope.account);
        Ok(CreateDocumentResult { document_description: Some(described) })
    }
}

fn check_new(state: &super::DocumentState, key: &DocumentKey) -> Result<(), Fault> {
    if state.documents.contains(key) {
        return Err(faults::DOCUMENT_ALREADY_EXISTS.says(format!("Document with same name {} already exists", key.name)));
    }
    if state.of_scope(&key.scope).count() >= limits::DOCUMENTS {
        return Err(faults::DOCUMENT_LIMIT_EXCEEDED.says("You can have at most 500 active SSM documents."));
    }
    Ok(())
}

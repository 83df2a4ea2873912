//! DeleteDocument: a version, or all of it.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteDocument.html>

use super::{
    names::{no_such_document, no_such_version},
    rows::DocumentKey,
    state::DocumentState,
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

impl Handle<DeleteDocument> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeleteDocumentRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<DeleteDocument>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: DeleteDocumentRequest) -> Result<DeleteDocumentResult, Fault> {
        let key = DocumentKey::new(cx.scope.clone(), &input.name);
        let is_whole = input.document_version.is_none() && input.version_name.is_none();
        if is_whole && self.is_associated(cx, &input.name) {
            return Err(faults::ASSOCIATED_INSTANCES.says("You must disassociate a document from all managed nodes before you can delete it."));
        }
        self.documents.store.write(|state| {
            let document = state.documents.get(&key).cloned().ok_or_else(no_such_document)?;
            match number_of(state, &key, &input)? {
                Some(number) if number == document.default => Err(operation("Default version of the document can't be deleted.")),
                Some(number) => {
                    state.remove_version(&key, number);
                    let latest = state.versions_of(&key).map(|version| version.number).max().unwrap_or(document.default);
                    state.change(&key, |document| {
                        document.latest = latest;
                        document.approved = document.approved.filter(|approved| *approved != number);
                        document.pending = document.pending.filter(|pending| *pending != number);
                    });
                    Ok(())
                }
                None if !document.shares.is_empty() => Err(operation(
                    "You attempted to delete a document while it is still shared. You must stop sharing the document before you can delete it.",
                )),
                None if input.force != Some(true) && is_required(state, &key) => {
                    // AWS: unverified message.
                    Err(operation("Other documents require this document. Delete them first, or force the deletion."))
                }
                None => {
                    state.remove(&key);
                    Ok(())
                }
            }
        })?;
        Ok(DeleteDocumentResult {})
    }
}

fn operation(message: &str) -> Fault {
    faults::INVALID_DOCUMENT_OPERATION.says(message)
}

/// The version that is to be deleted, if not all are.
fn number_of(state: &DocumentState, key: &DocumentKey, input: &DeleteDocumentRequest) -> Result<Option<u32>, Fault> {
    let document = state.documents.get(key).ok_or_else(no_such_document)?;
    let by_number = match input.document_version.as_deref() {
        None => None,
        Some("$DEFAULT") => Some(document.default),
        Some("$LATEST") => Some(document.latest),
        Some(number) => Some(number.parse().map_err(|_| no_such_version())?),
    };
    let by_name = match &input.version_name {
        None => None,
        Some(name) => {
            let named = state.versions_of(key).find(|version| version.name.as_deref() == Some(name.as_str()));
            Some(named.map(|version| version.number).ok_or_else(no_such_version)?)
        }
    };
    let number = match (by_number, by_name) {
        (Some(number), Some(named)) if number != named => return Err(no_such_version()),
        (number, named) => number.or(named),
    };
    if number.is_some_and(|number| state.version(key, number).is_none()) {
        return Err(no_such_version());
    }
    Ok(number)
}

fn is_required(state: &DocumentState, key: &DocumentKey) -> bool {
    let arn = key.arn();
    let requires = |name: &str| name == &*key.name || name == arn.as_str();
    let others = state.of_scope(&key.scope).filter(|(other, _)| *other != key);
    others.into_iter().any(|(other, _)| state.versions_of(other).any(|version| version.requires.iter().any(|required| requires(&required.name))))
}

//! ListDocuments: one's own documents, those of AWS, and those that others share.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListDocuments.html>

use super::{Documents, Owner, Resolved, describe, filters, owned, resolve::shared_with, rows::DocumentKey};
use crate::{Ssm, faults, parameters::permissions::on_all, tags};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};

const PAGE: usize = 50;

fn identifier(cx: &Cx, found: &Resolved) -> DocumentIdentifier {
    let version = &found.version;
    DocumentIdentifier {
        name: Some(found.shown_name(cx.scope.account)),
        created_date: Some(found.document.created),
        display_name: version.display_name.as_deref().map(str::to_owned),
        owner: Some(found.owner.shown()),
        version_name: version.name.as_deref().map(str::to_owned),
        platform_types: describe::platforms(version),
        document_version: Some(version.number.to_string()),
        document_type: Some(found.kind().as_str().to_owned()),
        schema_version: version.schema_version.as_deref().map(str::to_owned),
        document_format: Some(version.format.as_str().to_owned()),
        target_type: version.target_type.as_deref().map(str::to_owned),
        tags: Some(tags::listed(&found.document.tags)),
        requires: describe::requires(version),
        review_status: version.review.map(|status| status.as_str().to_owned()),
        author: version.review.map(|_| version.author.to_string()),
    }
}

impl Documents {
    /// The default versions of all documents that an account sees, by name.
    fn seen(&self, cx: &Cx, with_shared: bool) -> Vec<Resolved> {
        let account = cx.scope.account;
        let mut seen: Vec<Resolved> = self.store.read(|state| {
            let is_seen = |key: &DocumentKey, document: &super::rows::Document| {
                key.scope == cx.scope || with_shared && key.scope.region == cx.scope.region && shared_with(document, account).is_some()
            };
            let rows: Box<dyn Iterator<Item = _>> = if with_shared { Box::new(state.documents.iter()) } else { Box::new(state.of_scope(&cx.scope)) };
            let seen = rows.filter(|(key, document)| is_seen(key, document)).filter_map(|(key, document)| {
                let version = state.version(key, document.default)?.clone();
                Some(Resolved { key: key.clone(), owner: Owner::Account(key.scope.account), document: document.clone(), version })
            });
            seen.collect()
        });
        seen.extend(owned::all().map(|(name, owned)| Resolved {
            key: DocumentKey::new(cx.scope.clone(), name),
            owner: Owner::Amazon,
            document: owned.document.clone(),
            version: owned.version.clone(),
        }));
        seen.sort_by(|one, other| (one.name(), &one.key).cmp(&(other.name(), &other.key)));
        seen
    }
}

impl Handle<ListDocuments> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListDocumentsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListDocuments>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListDocumentsRequest) -> Result<ListDocumentsResult, Fault> {
        let filters = filters::parse(input.filters.as_deref().unwrap_or_default(), input.document_filter_list.as_deref().unwrap_or_default())?;
        let list = Paging::of::<ListDocuments>(cx, &input);
        let seen = self.documents.seen(cx, filters::wants_shared(&filters));
        let selected = seen.iter().filter(|found| filters.iter().all(|filter| filter.selects(found, cx.scope.account)));
        let rows = selected.map(|found| ((found.name().to_owned(), found.key.scope.account.as_str().to_owned()), identifier(cx, found)));
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(ListDocumentsResult { document_identifiers: Some(page.items), next_token: page.next_token })
    }
}

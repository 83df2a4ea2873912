//! ListDocumentVersions.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListDocumentVersions.html>

use super::{Owner, VersionSelector};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::cmp::Reverse;

const PAGE: usize = 50;

impl Handle<ListDocumentVersions> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ListDocumentVersionsRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<ListDocumentVersions>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: ListDocumentVersionsRequest) -> Result<ListDocumentVersionsResult, Fault> {
        let found = self.documents.resolve(cx, &input.name, VersionSelector::default())?;
        let list = Paging::of::<ListDocumentVersions>(cx, &input);
        let mut versions = match found.owner {
            Owner::Amazon => vec![found.version.clone()],
            Owner::Account(_) => self.documents.store.read(|state| state.versions_of(&found.key).cloned().collect()),
        };
        // AWS: the newest first.
        versions.reverse();
        let rows = versions.iter().map(|version| {
            let info = DocumentVersionInfo {
                name: Some(found.shown_name(cx.scope.account)),
                display_name: version.display_name.as_deref().map(str::to_owned),
                document_version: Some(version.number.to_string()),
                version_name: version.name.as_deref().map(str::to_owned),
                created_date: Some(version.created),
                is_default_version: Some(version.number == found.document.default),
                document_format: Some(version.format.as_str().to_owned()),
                status: Some("Active".to_owned()),
                review_status: version.review.map(|status| status.as_str().to_owned()),
                ..DocumentVersionInfo::default()
            };
            (Reverse(version.number), info)
        });
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(ListDocumentVersionsResult { document_versions: Some(page.items), next_token: page.next_token })
    }
}

//! DescribeDocumentPermission and ModifyDocumentPermission: who else may use a document.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-ssm-sharing.html>

use super::{names::no_such_document, rows::DocumentKey};
use crate::{Ssm, faults, limits, service_settings};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};

const PAGE: usize = 200;
const EVERYBODY: &str = "all";

impl Handle<DescribeDocumentPermission> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeDocumentPermissionRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<DescribeDocumentPermission>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeDocumentPermissionRequest) -> Result<DescribeDocumentPermissionResponse, Fault> {
        let key = DocumentKey::new(cx.scope.clone(), &input.name);
        let list = Paging::of::<DescribeDocumentPermission>(cx, &input);
        let document = self.documents.store.read(|state| state.documents.get(&key).cloned()).ok_or_else(no_such_document)?;
        let rows = document.shares.iter().map(|(account, version)| (account.clone(), (account.clone(), version.clone())));
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        let sharing = page
            .items
            .iter()
            .map(|(account, version)| AccountSharingInfo { account_id: Some(account.clone()), shared_document_version: Some(version.clone()) });
        Ok(DescribeDocumentPermissionResponse {
            account_ids: Some(page.items.iter().map(|(account, _)| account.clone()).collect()),
            account_sharing_info_list: Some(sharing.collect()),
            next_token: page.next_token,
        })
    }
}

impl Handle<ModifyDocumentPermission> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ModifyDocumentPermissionRequest) -> Result<Permissions, Fault> {
        Ok(self.documents.permission::<ModifyDocumentPermission>(cx, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: ModifyDocumentPermissionRequest) -> Result<ModifyDocumentPermissionResponse, Fault> {
        let key = DocumentKey::new(cx.scope.clone(), &input.name);
        let lower = |accounts: Option<Vec<String>>| accounts.unwrap_or_default().into_iter().map(|account| account.to_ascii_lowercase());
        let added: Vec<String> = lower(input.account_ids_to_add).collect();
        let removed: Vec<String> = lower(input.account_ids_to_remove).collect();
        let version = input.shared_document_version.unwrap_or_else(|| "$DEFAULT".to_owned());
        let is_blocked = self.store.read(|state| service_settings::blocks_public_documents(state, &cx.scope));
        if is_blocked && added.iter().any(|account| account == EVERYBODY) {
            // AWS: unverified message.
            return Err(faults::INVALID_DOCUMENT_OPERATION.says("Public sharing of documents is blocked for this account."));
        }
        self.documents.store.write(|state| {
            let mut shares = state.documents.get(&key).ok_or_else(no_such_document)?.shares.clone();
            shares.retain(|account, _| !removed.contains(account));
            // To be shared with oneself changes nothing.
            let others = added.into_iter().filter(|account| account != cx.scope.account.as_str());
            shares.extend(others.map(|account| (account, version.clone())));
            if shares.len() > limits::DOCUMENT_SHARES {
                return Err(faults::DOCUMENT_PERMISSION_LIMIT.says(
                    "The document can't be shared with more Amazon Web Services accounts. You can specify a maximum of 20 accounts per API \
                     operation to share a private document. By default, you can share a private document with a maximum of 1,000 accounts and \
                     publicly share up to five documents. If you need to increase the quota for privately or publicly shared Systems Manager \
                     documents, contact Amazon Web Services Support.",
                ));
            }
            state.change(&key, |document| document.shares = shares);
            Ok(ModifyDocumentPermissionResponse {})
        })
    }
}

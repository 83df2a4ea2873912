//! What the fuzz targets call.

use crate::acl::{AclHeaders, AclOf, AclPermission, RequestedAcl, of_document, shown};
use crate::{api, owners};
use cloudlet_aws::Account;

/// Reads an ACL from its headers, the canned one first. An ACL that is accepted is read from its document as it was from the headers.
pub fn acl(canned: Option<&str>, grants: &[&str]) -> bool {
    use AclPermission::{FullControl, Read, ReadAcp, Write, WriteAcp};
    let grant = |index: usize| grants.get(index).map(|grant| (*grant).to_owned());
    let grants = [
        (FullControl, "x-amz-grant-full-control", grant(0)),
        (Read, "x-amz-grant-read", grant(1)),
        (ReadAcp, "x-amz-grant-read-acp", grant(2)),
        (Write, "x-amz-grant-write", grant(3)),
        (WriteAcp, "x-amz-grant-write-acp", grant(4)),
    ];
    let headers = AclHeaders { canned: canned.map(str::to_owned), grants };
    let owner = Account::default();
    [AclOf::Bucket, AclOf::Object].into_iter().all(|of| {
        let Ok(requested) = headers.parse(of) else { return true };
        let is_default = requested == RequestedAcl::Default;
        let acl = requested.acl(owner, owner);
        let named = api::Owner { id: Some(owners::canonical_id(owner)), ..Default::default() };
        let document = api::AccessControlPolicy { owner: Some(named), grants: Some(shown(&acl)) };
        headers.is_empty() == is_default && of_document(&document, owner).is_ok_and(|read| read == acl)
    })
}

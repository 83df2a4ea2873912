//! What the fuzz targets call.

use crate::acl::{AclHeaders, AclOf, AclPermission, RequestedAcl, of_document, shown};
use crate::{api, owners};
use cloudlet_aws::Account;

/// Reads an ACL from its headers, the canned one first. An ACL that is accepted is read from its document as it was from the headers.
pub fn acl(canned: Option<&str>, grants: &[&str]) -> bool {
    const HEADERS: [(AclPermission, &str); 5] = [
        (AclPermission::FullControl, "x-amz-grant-full-control"),
        (AclPermission::Read, "x-amz-grant-read"),
        (AclPermission::ReadAcp, "x-amz-grant-read-acp"),
        (AclPermission::Write, "x-amz-grant-write"),
        (AclPermission::WriteAcp, "x-amz-grant-write-acp"),
    ];
    let each = HEADERS.iter().zip(grants).map(|((permission, header), grant)| (*permission, *header, Some((*grant).to_owned())));
    let headers = AclHeaders { canned: canned.map(str::to_owned), grants: each.collect() };
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

//! The ACL that a request names: a canned one, grants in headers, or an XML document.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/managing-acls.html>

use super::{ALL_USERS, AUTHENTICATED_USERS, Acl, AclPermission, Grant, Grantee, LOG_DELIVERY};
use crate::{api, faults, owners};
use cloudlet_aws::{Account, Fault, FaultKind};

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>
const MOST_GRANTS: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclOf {
    Bucket,
    Object,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canned {
    Private,
    PublicRead,
    PublicReadWrite,
    AuthenticatedRead,
    AwsExecRead,
    BucketOwnerRead,
    BucketOwnerFullControl,
    LogDeliveryWrite,
}

impl Canned {
    fn parse(name: &str, of: AclOf) -> Option<Canned> {
        Some(match (name, of) {
            ("private", _) => Canned::Private,
            ("public-read", _) => Canned::PublicRead,
            ("public-read-write", _) => Canned::PublicReadWrite,
            ("authenticated-read", _) => Canned::AuthenticatedRead,
            ("aws-exec-read", _) => Canned::AwsExecRead,
            // AWS: a bucket takes them too, and they mean its owner.
            ("bucket-owner-read", _) => Canned::BucketOwnerRead,
            ("bucket-owner-full-control", _) => Canned::BucketOwnerFullControl,
            ("log-delivery-write", AclOf::Bucket) => Canned::LogDeliveryWrite,
            _ => return None,
        })
    }

    fn grants(self, owner: Account, bucket_owner: Account) -> Acl {
        let Acl(mut grants) = Acl::private(owner);
        let mut add = |grantee, permission| grants.push(Grant::of(grantee, permission));
        match self {
            Canned::Private => {}
            Canned::PublicRead => add(Grantee::AllUsers, AclPermission::Read),
            Canned::PublicReadWrite => {
                add(Grantee::AllUsers, AclPermission::Read);
                add(Grantee::AllUsers, AclPermission::Write);
            }
            Canned::AuthenticatedRead => add(Grantee::AuthenticatedUsers, AclPermission::Read),
            Canned::AwsExecRead => add(Grantee::User(EC2.to_owned()), AclPermission::Read),
            Canned::BucketOwnerRead if owner != bucket_owner => add(Grantee::User(owners::canonical_id(bucket_owner)), AclPermission::Read),
            Canned::BucketOwnerFullControl if owner != bucket_owner => {
                add(Grantee::User(owners::canonical_id(bucket_owner)), AclPermission::FullControl);
            }
            Canned::BucketOwnerRead | Canned::BucketOwnerFullControl => {}
            Canned::LogDeliveryWrite => {
                add(Grantee::LogDelivery, AclPermission::Write);
                add(Grantee::LogDelivery, AclPermission::ReadAcp);
            }
        }
        Acl(grants)
    }
}

/// The canonical user of EC2, which reads bundles of images.
const EC2: &str = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c";

/// The ACL headers of a request.
#[derive(Clone, Debug)]
pub struct AclHeaders {
    pub canned: Option<String>,
    /// By permission and header.
    pub grants: [(AclPermission, &'static str, Option<String>); 5],
}

/// Takes them from an input. `grant_write` is a header of buckets, and of PutObjectAcl.
macro_rules! acl_headers {
    ($input:expr) => {
        $crate::acl::acl_headers!($input, None)
    };
    ($input:expr, write) => {
        $crate::acl::acl_headers!($input, $input.grant_write.clone())
    };
    ($input:expr, $write:expr) => {{
        use $crate::acl::AclPermission::{FullControl, Read, ReadAcp, Write, WriteAcp};
        $crate::acl::AclHeaders {
            canned: $input.acl.clone(),
            grants: [
                (FullControl, "x-amz-grant-full-control", $input.grant_full_control.clone()),
                (Read, "x-amz-grant-read", $input.grant_read.clone()),
                (ReadAcp, "x-amz-grant-read-acp", $input.grant_read_acp.clone()),
                (Write, "x-amz-grant-write", $write),
                (WriteAcp, "x-amz-grant-write-acp", $input.grant_write_acp.clone()),
            ],
        }
    }};
}
pub(crate) use acl_headers;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedAcl {
    /// The request names none.
    Default,
    Canned(Canned),
    Grants(Acl),
}

impl AclHeaders {
    pub fn is_empty(&self) -> bool {
        self.canned.is_none() && self.grants.iter().all(|(_, _, value)| value.is_none())
    }

    /// The further permission of a write with an ACL.
    pub fn permission(&self) -> Option<&'static str> {
        (!self.is_empty()).then_some("s3:PutObjectAcl")
    }

    pub fn parse(&self, of: AclOf) -> Result<RequestedAcl, Fault> {
        let mut grants = Vec::new();
        for (permission, header, value) in &self.grants {
            let Some(value) = value else { continue };
            for grantee in value.split(',') {
                grants.push(Grant::of(of_header(grantee, header, value)?, *permission));
            }
        }
        let canned = match self.canned.as_deref() {
            Some(_) if !grants.is_empty() => {
                return Err(faults::INVALID_REQUEST.says("Specifying both Canned ACLs and Header Grants is not allowed"));
            }
            Some(name) => Some(Canned::parse(name, of).ok_or_else(|| faults::invalid_argument("", "x-amz-acl", name))?),
            None => None,
        };
        match canned {
            Some(canned) => Ok(RequestedAcl::Canned(canned)),
            None if grants.is_empty() => Ok(RequestedAcl::Default),
            None => checked(grants).map(RequestedAcl::Grants),
        }
    }
}

impl RequestedAcl {
    /// Without an ACL in the request, that of a private one.
    pub fn acl(self, owner: Account, bucket_owner: Account) -> Acl {
        match self {
            RequestedAcl::Default => Acl::private(owner),
            RequestedAcl::Canned(canned) => canned.grants(owner, bucket_owner),
            RequestedAcl::Grants(acl) => acl,
        }
    }

    /// Whether it grants what a bucket without ACLs grants anyway. AWS: `private` too, which clients send by default.
    pub fn changes_nothing(&self, owner: Account) -> bool {
        match self {
            RequestedAcl::Default | RequestedAcl::Canned(Canned::BucketOwnerFullControl | Canned::Private) => true,
            RequestedAcl::Canned(_) => false,
            RequestedAcl::Grants(acl) => *acl == Acl::private(owner),
        }
    }
}

fn checked(grants: Vec<Grant>) -> Result<Acl, Fault> {
    if grants.len() > MOST_GRANTS { Err(faults::malformed_acl()) } else { Ok(Acl(grants)) }
}

/// `id="…"`, `uri="…"` or `emailAddress="…"`.
fn of_header(grantee: &str, header: &str, whole: &str) -> Result<Grantee, Fault> {
    let malformed = || faults::invalid_argument("Argument format not recognized", header, whole);
    let (kind, value) = grantee.split_once('=').ok_or_else(malformed)?;
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    match kind.trim().to_ascii_lowercase().as_str() {
        "id" => user(value, "id"),
        "uri" => group(value, "uri"),
        "emailaddress" => Err(unresolvable(value)),
        _ => Err(malformed()),
    }
}

fn user(id: &str, argument: &str) -> Result<Grantee, Fault> {
    let is_canonical = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_canonical { Ok(Grantee::User(id.to_ascii_lowercase())) } else { Err(faults::invalid_argument("Invalid id", argument, id)) }
}

fn group(uri: &str, argument: &str) -> Result<Grantee, Fault> {
    match uri {
        ALL_USERS => Ok(Grantee::AllUsers),
        AUTHENTICATED_USERS => Ok(Grantee::AuthenticatedUsers),
        LOG_DELIVERY => Ok(Grantee::LogDelivery),
        _ => Err(faults::invalid_argument("Invalid group uri", argument, uri)),
    }
}

/// No account is known by its mail address.
fn unresolvable(address: &str) -> Fault {
    FaultKind::sender("UnresolvableGrantByEmailAddress", 400)
        .says("The e-mail address you provided does not match any account on record.")
        .with("Email", address)
}

/// The grants of an XML document. It must name the owner, who cannot be changed.
pub fn of_document(document: &api::AccessControlPolicy, owner: Account) -> Result<Acl, Fault> {
    let (Some(named), Some(grants)) = (document.owner.as_ref().and_then(|owner| owner.id.as_deref()), &document.grants) else {
        return Err(faults::malformed_acl());
    };
    let mut parsed = Vec::with_capacity(grants.len());
    let Grantee::User(named) = user(named, "CanonicalUser/ID")? else { return Err(faults::malformed_acl()) };
    for grant in grants {
        let permission = grant.permission.as_deref().and_then(AclPermission::parse).ok_or_else(faults::malformed_acl)?;
        let grantee = grant.grantee.as_ref().ok_or_else(faults::malformed_acl)?;
        let grantee = match (grantee.r#type.as_str(), &grantee.id, &grantee.uri, &grantee.email_address) {
            ("CanonicalUser", Some(id), _, _) => user(id, "CanonicalUser/ID")?,
            ("Group", _, Some(uri), _) => group(uri, "Group/URI")?,
            ("AmazonCustomerByEmail", _, _, Some(address)) => return Err(unresolvable(address)),
            _ => return Err(faults::malformed_acl()),
        };
        parsed.push(Grant::of(grantee, permission));
    }
    if named != owners::canonical_id(owner) {
        return Err(faults::access_denied());
    }
    checked(parsed)
}

//! Access control lists: what they grant, and to whom.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

mod buckets;
mod grants;
mod objects;
mod requested;

pub use grants::{Needed, needed};
pub(crate) use requested::acl_headers;
pub use requested::{AclHeaders, AclOf, Canned, RequestedAcl, of_document};

use crate::api;
use cloudlet_aws::{Account, Caller, Identity};
use cloudlet_engine::Reach;
use cloudlet_s3_access::canonical_id;
use serde::{Deserialize, Serialize};

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    /// By canonical id.
    User(String),
    AllUsers,
    /// Every user of every account.
    AuthenticatedUsers,
    LogDelivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AclPermission {
    FullControl,
    Read,
    Write,
    ReadAcp,
    WriteAcp,
}

const PERMISSIONS: [(AclPermission, &str); 5] = [
    (AclPermission::FullControl, "FULL_CONTROL"),
    (AclPermission::Read, "READ"),
    (AclPermission::Write, "WRITE"),
    (AclPermission::ReadAcp, "READ_ACP"),
    (AclPermission::WriteAcp, "WRITE_ACP"),
];

impl AclPermission {
    pub fn parse(name: &str) -> Option<AclPermission> {
        PERMISSIONS.iter().find(|(_, known)| *known == name).map(|(permission, _)| *permission)
    }

    pub fn name(self) -> &'static str {
        PERMISSIONS.iter().find(|(permission, _)| *permission == self).map_or("", |(_, name)| name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grantee: Grantee,
    pub permission: AclPermission,
}

impl Grant {
    pub fn of(grantee: Grantee, permission: AclPermission) -> Grant {
        Grant { grantee, permission }
    }
}

/// The grants of a bucket or an object. Its owner is known from its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl(pub Vec<Grant>);

/// Which grants count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicGrants {
    Count,
    /// Block Public Access: IgnorePublicAcls.
    Ignored,
}

impl Acl {
    /// What a bucket or object has whose ACL was never set.
    pub fn private(owner: Account) -> Acl {
        Acl(vec![Grant::of(Grantee::User(canonical_id(owner)), AclPermission::FullControl)])
    }

    /// Whether it grants anything to everyone, or to everyone with an account.
    pub fn is_public(&self) -> bool {
        self.0.iter().any(|grant| matches!(grant.grantee, Grantee::AllUsers | Grantee::AuthenticatedUsers))
    }

    /// How closely a grant of a permission names the caller.
    pub fn reaches(&self, caller: &Caller, permission: AclPermission, public: PublicGrants) -> Option<Reach> {
        let granting = self.0.iter().filter(|grant| grant.permission == permission || grant.permission == AclPermission::FullControl);
        granting.filter_map(|grant| reach(&grant.grantee, caller, public)).max()
    }
}

fn reach(grantee: &Grantee, caller: &Caller, public: PublicGrants) -> Option<Reach> {
    let is_service = matches!(caller.identity, Identity::Service { .. });
    match grantee {
        Grantee::AllUsers => (public == PublicGrants::Count && !is_service).then_some(Reach::Direct),
        Grantee::AuthenticatedUsers => (public == PublicGrants::Count && !is_service && caller.account.is_some()).then_some(Reach::Direct),
        Grantee::LogDelivery => {
            let delivers = matches!(&caller.identity, Identity::Service { principal, .. } if &**principal == "logging.s3.amazonaws.com");
            delivers.then_some(Reach::Direct)
        }
        Grantee::User(_) if is_service => None,
        // An account's canonical user is the account: its users need policies of their own.
        Grantee::User(id) => caller.account.filter(|account| canonical_id(*account) == *id).map(|_| Reach::Account),
    }
}

/// As answers have it.
pub fn shown(acl: &Acl) -> Vec<api::Grant> {
    let grantee = |grantee: &Grantee| match grantee {
        Grantee::User(id) => api::Grantee { id: Some(id.clone()), r#type: "CanonicalUser".to_owned(), ..Default::default() },
        group => {
            let uri = match group {
                Grantee::AllUsers => ALL_USERS,
                Grantee::AuthenticatedUsers => AUTHENTICATED_USERS,
                _ => LOG_DELIVERY,
            };
            api::Grantee { uri: Some(uri.to_owned()), r#type: "Group".to_owned(), ..Default::default() }
        }
    };
    let each = acl.0.iter().map(|grant| api::Grant { grantee: Some(grantee(&grant.grantee)), permission: Some(grant.permission.name().to_owned()) });
    each.collect()
}

#[cfg(test)]
mod tests;

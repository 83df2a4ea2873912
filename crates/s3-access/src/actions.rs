//! The actions that policies of buckets and access points may have, and the kinds of resources that each applies to.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>

use cloudlet_api_s3::SERVICE;
use cloudlet_policy::fits;

/// What an ARN in a policy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// A bucket, or an access point.
    Container,
    Object,
}

/// Actions that are not the first of any operation of S3.
const OTHERS: [(&str, On); 16] = [
    ("s3:GetObjectVersionForReplication", On::Object),
    ("s3:InitiateReplication", On::Object),
    ("s3:ObjectOwnerOverrideToBucketOwner", On::Object),
    ("s3:ReplicateDelete", On::Object),
    ("s3:ReplicateObject", On::Object),
    ("s3:ReplicateTags", On::Object),
    ("s3:BypassGovernanceRetention", On::Object),
    ("s3:GetObjectVersionAttributes", On::Object),
    ("s3:PutObjectVersionTagging", On::Object),
    ("s3:AuditDeleteObject", On::Object),
    ("s3:TagResource", On::Container),
    ("s3:UntagResource", On::Container),
    ("s3:ListTagsForResource", On::Container),
    ("s3:PutBucketOwnershipControls", On::Container),
    ("s3:CreateAccessPoint", On::Container),
    ("s3:PauseReplication", On::Container),
];

fn known() -> impl Iterator<Item = (&'static str, On)> {
    let accesses = SERVICE.operations.iter().flat_map(|operation| operation.access);
    let of_operations = accesses.flat_map(|access| {
        access.resources.iter().filter_map(|kind| match kind.name {
            "bucket" => Some((access.action, On::Container)),
            "object" => Some((access.action, On::Object)),
            _ => None,
        })
    });
    of_operations.filter(|(action, _)| action.starts_with("s3:")).chain(OTHERS)
}

/// The kinds of resources that an action, which may have wildcards, applies to. None: S3 has no such action.
pub fn kinds_of(action: &str) -> Vec<On> {
    if action == "*" {
        return vec![On::Container, On::Object];
    }
    let pattern = action.to_ascii_lowercase();
    let mut kinds: Vec<On> = Vec::new();
    for (action, on) in known() {
        if !kinds.contains(&on) && fits(&pattern, &action.to_ascii_lowercase()) {
            kinds.push(on);
        }
    }
    kinds
}

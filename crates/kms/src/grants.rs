//! Grants: what a principal may do with a key beside the policies, and under which constraints.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/grants.html>

use crate::specs::named;
use cloudlet_aws::{Arn, Caller, Identity, Timestamp};
use cloudlet_engine::Reach;
use cloudlet_shape::Map;
use cloudlet_store::Secret;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

named! {
    GrantOperation {
        Decrypt = "Decrypt",
        Encrypt = "Encrypt",
        GenerateDataKey = "GenerateDataKey",
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext",
        ReEncryptFrom = "ReEncryptFrom",
        ReEncryptTo = "ReEncryptTo",
        Sign = "Sign",
        Verify = "Verify",
        GetPublicKey = "GetPublicKey",
        CreateGrant = "CreateGrant",
        RetireGrant = "RetireGrant",
        DescribeKey = "DescribeKey",
        GenerateDataKeyPair = "GenerateDataKeyPair",
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext",
        GenerateMac = "GenerateMac",
        VerifyMac = "VerifyMac",
        DeriveSharedSecret = "DeriveSharedSecret",
        Encapsulate = "Encapsulate",
        Decapsulate = "Decapsulate",
    }
}

/// 64 hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(pub Arc<str>);

/// A user, role, session or account by its ARN, or a service by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantPrincipal {
    Arn(Arc<str>),
    Service(Arc<str>),
}

impl GrantPrincipal {
    pub fn name(&self) -> &Arc<str> {
        match self {
            GrantPrincipal::Arn(name) | GrantPrincipal::Service(name) => name,
        }
    }

    pub fn arn(&self) -> Option<String> {
        if let GrantPrincipal::Arn(arn) = self { Some(arn.to_string()) } else { None }
    }

    pub fn service(&self) -> Option<String> {
        if let GrantPrincipal::Service(name) = self { Some(name.to_string()) } else { None }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_subset: Option<Map<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_equals: Option<Map<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_arn: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    pub key: Arn,
    pub id: GrantId,
    pub token: Secret<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub created: Timestamp,
    pub grantee: GrantPrincipal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retirer: Option<GrantPrincipal>,
    /// The ARN of the account that made it.
    pub issuing_account: String,
    pub operations: Vec<GrantOperation>,
    #[serde(default)]
    pub constraints: Constraints,
}

/// What a grant would be used for.
#[derive(Clone, Copy)]
pub enum GrantUse<'a> {
    /// An operation with an encryption context.
    Cryptographic(Option<&'a Map<String>>),
    /// CreateGrant: the new grant must not give more than the one it is made under.
    CreateGrant {
        operations: &'a [GrantOperation],
        constraints: &'a Constraints,
    },
    Other,
}

impl Constraints {
    fn allow_context(&self, context: Option<&Map<String>>) -> bool {
        let has = |name: &String, value: &String| context.and_then(|pairs| pairs.get(name)) == Some(value);
        let subset = self.context_subset.as_ref().is_none_or(|pairs| pairs.iter().all(|(name, value)| has(name, value)));
        let equals = self
            .context_equals
            .as_ref()
            .is_none_or(|pairs| pairs.len() == context.map_or(0, Map::len) && pairs.iter().all(|(name, value)| has(name, value)));
        subset && equals
    }

    fn allow_source(&self, caller: &Caller) -> bool {
        let Some(wanted) = &self.source_arn else { return true };
        matches!(&caller.identity, Identity::Service { source: Some(source), .. } if source.as_str() == wanted)
    }

    /// Whether whatever the other constraints let through, these do too.
    fn cover(&self, other: &Constraints) -> bool {
        let context = match (&self.context_equals, &other.context_equals, &other.context_subset) {
            (Some(mine), Some(theirs), _) => mine == theirs,
            (Some(_), None, _) => false,
            (None, Some(theirs), _) | (None, None, Some(theirs)) => self.allow_subset(theirs),
            (None, None, None) => self.context_subset.is_none(),
        };
        context && (self.source_arn.is_none() || self.source_arn == other.source_arn)
    }

    fn allow_subset(&self, pairs: &Map<String>) -> bool {
        self.context_subset.as_ref().is_none_or(|mine| mine.iter().all(|(name, value)| pairs.get(name) == Some(value)))
    }
}

impl Grant {
    pub fn allows(&self, caller: &Caller, operation: GrantOperation, purpose: GrantUse<'_>) -> bool {
        self.operations.contains(&operation)
            && self.constraints.allow_source(caller)
            && match purpose {
                GrantUse::Cryptographic(context) => self.constraints.allow_context(context),
                GrantUse::CreateGrant { operations, constraints } => {
                    operations.iter().all(|operation| self.operations.contains(operation)) && self.constraints.cover(constraints)
                }
                GrantUse::Other => true,
            }
    }
}

/// The names under which a principal may hold a grant, and how closely each names it.
pub fn names_of(caller: &Caller) -> Vec<(Arc<str>, Reach)> {
    let mut names = vec![];
    match &caller.identity {
        Identity::Anonymous => return names,
        Identity::Root => {}
        Identity::AssumedRole { role, .. } => {
            names.push((caller.arn.clone(), Reach::Direct));
            names.push((role.as_str().into(), Reach::Issuer));
        }
        Identity::Service { .. } => {
            names.push((caller.arn.clone(), Reach::Direct));
            return names;
        }
        Identity::User { .. } | Identity::FederatedUser { .. } => names.push((caller.arn.clone(), Reach::Direct)),
    }
    if let Some(account) = caller.account {
        let partition = caller.arn.split(':').nth(1).unwrap_or("aws");
        names.push((format!("arn:{partition}:iam::{account}:root").into(), Reach::Account));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(of: &[(&str, &str)]) -> Map<String> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn subset(of: &[(&str, &str)]) -> Constraints {
        Constraints { context_subset: Some(pairs(of)), ..Constraints::default() }
    }

    fn equals(of: &[(&str, &str)]) -> Constraints {
        Constraints { context_equals: Some(pairs(of)), ..Constraints::default() }
    }

    #[test]
    fn a_subset_may_have_more_and_equals_may_not() {
        let both = pairs(&[("a", "1"), ("b", "2")]);
        assert!(subset(&[("a", "1")]).allow_context(Some(&both)));
        assert!(!equals(&[("a", "1")]).allow_context(Some(&both)));
        assert!(equals(&[("b", "2"), ("a", "1")]).allow_context(Some(&both)));
        for constraints in [subset(&[("a", "2")]), equals(&[("a", "1"), ("b", "3")]), subset(&[("A", "1")])] {
            assert!(!constraints.allow_context(Some(&both)));
            assert!(!constraints.allow_context(None));
        }
        assert!(Constraints::default().allow_context(None));
    }

    #[test]
    fn a_grant_made_under_a_grant_cannot_have_weaker_constraints() {
        let one = &[("a", "1")][..];
        let two = &[("a", "1"), ("b", "2")][..];
        for (parent, child, covered) in [
            (Constraints::default(), Constraints::default(), true),
            (Constraints::default(), subset(one), true),
            (subset(one), Constraints::default(), false),
            (subset(one), subset(two), true),
            (subset(two), subset(one), false),
            (subset(one), equals(two), true),
            (equals(one), equals(one), true),
            (equals(one), equals(two), false),
            (equals(one), subset(one), false),
        ] {
            assert_eq!(parent.cover(&child), covered, "{parent:?} {child:?}");
        }
    }
}

//! What a call wants, in the words of IAM.

use crate::Circumstances;
use cloudlet_aws::{Account, Arn};
use cloudlet_policy::{Grant, Keys, Policy, Value};
use cloudlet_shape::Operation;
use smallvec::SmallVec;
use std::{borrow::Cow, sync::Arc};

/// One question to the policy evaluator. All asks of a call must be allowed.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `s3:GetObject`
    pub action: &'static str,
    pub on: Arn,
    /// The account that owns the resource, where its ARN does not say (`arn:aws:s3:::bucket`).
    pub owner: Option<Account>,
    /// The service's own condition keys; the global ones are added by the house.
    pub keys: Keys,
    /// Those of them that follow from the call itself, and are made only for a policy that reads them.
    pub derived: &'static [DerivedKey],
    /// The resource's own policy, handed over by the engine that owns it.
    pub resource_policy: Option<Policy>,
    /// Who asks is not the caller, but somebody for whom this identity provider vouches.
    pub federated: Option<Arc<str>>,
    /// An allow on the resource's side that is no policy: an ACL, a KMS grant.
    pub grant: Option<Grant<'static>>,
    /// The words for the resource in a denial, where they differ from the ARN (S3 quotes it).
    pub shown: Option<Cow<'static, str>>,
}

/// A condition key of a service that follows from how the call came: `s3:authType`.
#[derive(Clone, Copy, Debug)]
pub struct DerivedKey {
    pub name: &'static str,
    pub value: fn(&Circumstances, &Ask) -> Option<Value>,
}

/// Most calls ask one thing.
pub type Asks = SmallVec<[Ask; 1]>;

impl Ask {
    /// The operation's own action, from the generated table, on a resource.
    pub fn of<O: Operation>(on: Arn) -> Ask {
        Ask::action(O::SCHEMA.access.first().map_or("", |access| access.action), on)
    }

    /// Another action than the operation's first: `s3:GetObjectVersion`, `iam:PassRole`.
    pub fn action(action: &'static str, on: Arn) -> Ask {
        let owner = Account::parse(on.account());
        Ask { action, on, owner, keys: Keys::default(), derived: &[], resource_policy: None, federated: None, grant: None, shown: None }
    }

    #[must_use]
    pub fn owned_by(self, account: Account) -> Ask {
        Ask { owner: Some(account), ..self }
    }

    #[must_use]
    pub fn with_policy(self, policy: Option<Policy>) -> Ask {
        Ask { resource_policy: policy, ..self }
    }

    #[must_use]
    pub fn with_key(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.keys.set(name, value.into());
        self
    }

    /// The list of this one ask.
    pub fn alone(self) -> Asks {
        let mut asks = Asks::new();
        asks.push(self);
        asks
    }

    /// AWS asks nobody for these few operations (`sts:GetCallerIdentity`).
    pub fn nothing() -> Asks {
        Asks::new()
    }
}

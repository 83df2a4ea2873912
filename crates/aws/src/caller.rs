//! Who makes a call: what authentication has found.

use crate::{Account, Arn};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kinds of principal that AWS tells apart.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// The account itself.
    Root,
    User {
        name: Arc<str>,
    },
    AssumedRole {
        role: Arn,
        session: Arc<str>,
    },
    FederatedUser {
        name: Arc<str>,
    },
    /// An AWS service that acts on its own behalf, for the resource `source`.
    Service {
        principal: Arc<str>,
        source: Option<Arn>,
    },
    /// A request without a signature.
    Anonymous,
}

/// The caller of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The account the caller belongs to. Anonymous callers belong to none.
    pub account: Option<Account>,
    pub identity: Identity,
    /// `arn:aws:iam::…:user/x`, `arn:aws:sts::…:assumed-role/r/s`, `arn:aws:iam::…:root`; a service's principal name.
    pub arn: Arc<str>,
    /// `AIDA…`, `AROA…:session`, the account id for its root: IAM's `aws:userid`.
    pub unique_id: Arc<str>,
    /// The access key that signed, if one did.
    pub access_key: Option<Arc<str>>,
}

impl Caller {
    pub fn root(account: Account, partition: &str, access_key: Option<&str>) -> Caller {
        Caller {
            account: Some(account),
            identity: Identity::Root,
            arn: Arn::build(partition, "iam", "", account.as_str(), "root").as_str().into(),
            unique_id: account.as_str().into(),
            access_key: access_key.map(Into::into),
        }
    }

    pub fn service(principal: &str, source: Option<Arn>) -> Caller {
        let account = source.as_ref().and_then(|arn| Account::parse(arn.account()));
        Caller {
            account,
            identity: Identity::Service { principal: principal.into(), source },
            arn: principal.into(),
            unique_id: principal.into(),
            access_key: None,
        }
    }

    pub fn anonymous() -> Caller {
        Caller { account: None, identity: Identity::Anonymous, arn: "anonymous".into(), unique_id: "anonymous".into(), access_key: None }
    }

    pub fn is_anonymous(&self) -> bool {
        self.identity == Identity::Anonymous
    }
}

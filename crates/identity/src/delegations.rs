//! Requests for temporary delegation: a partner asks a customer for access for a while.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html>

use crate::{Secret, Session, StoredPolicy, templates::Parameter};
use cloudlet_aws::{Account, Arn, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    Unassigned,
    Assigned,
    PendingApproval,
    Accepted,
    Finalized,
    Rejected,
    Expired,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Unassigned => "UNASSIGNED",
            Stage::Assigned => "ASSIGNED",
            Stage::PendingApproval => "PENDING_APPROVAL",
            Stage::Accepted => "ACCEPTED",
            Stage::Finalized => "FINALIZED",
            Stage::Rejected => "REJECTED",
            Stage::Expired => "EXPIRED",
        }
    }
}

/// Whoever associated the request with the account: by name, and by id, so that a namesake does not inherit it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub arn: Arc<str>,
    pub unique_id: Arc<str>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delegation {
    pub id: Arc<str>,
    /// The partner's account.
    pub requestor: Account,
    pub requestor_name: String,
    /// The partner's own id of what it is about.
    pub workflow: String,
    pub owner_account: Option<Account>,
    pub owner: Option<Owner>,
    pub description: String,
    pub message: Option<String>,
    pub redirect_url: Option<String>,
    /// The topic that hears what becomes of it.
    pub channel: Arn,
    /// Seconds that the access lasts.
    pub duration: i32,
    pub only_send_by_owner: Option<bool>,
    pub template: String,
    pub parameters: Vec<Parameter>,
    pub policy: StoredPolicy,
    pub boundaries: Vec<String>,
    pub stage: Stage,
    /// When the stage ends by itself.
    pub expires: Timestamp,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub notes: Option<String>,
    pub rejection: Option<String>,
    /// The approver as it was when it accepted: the session that will be handed out, but for what is new about one.
    pub approved: Option<Box<Session>>,
    pub release: Option<Release>,
}

/// What was sent to the partner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    pub token: Secret,
    /// When the access ends, however late the token is exchanged.
    pub until: Timestamp,
}

/// What stands before the id of a request in a token.
const TOKEN_SEPARATOR: char = '.';

impl Delegation {
    /// The stage by the clock.
    pub fn stage(&self, now: Timestamp) -> Stage {
        if now >= self.expires { Stage::Expired } else { self.stage }
    }

    /// A token tells which request it is of, and holds a secret of 256 bits behind it.
    pub fn token(id: &str, random: &str) -> Secret {
        Secret::new(format!("{id}{TOKEN_SEPARATOR}{random}"))
    }

    /// The id of the request that a token claims to be of.
    pub fn of_token(token: &str) -> Option<&str> {
        token.split_once(TOKEN_SEPARATOR).map(|(id, _)| id)
    }
}

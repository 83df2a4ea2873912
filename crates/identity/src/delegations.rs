//! Delegation requests: a partner requests temporary access to the account of a customer.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html>

use crate::{Secret, Session, StoredPolicy, templates::Parameter};
use cloudlet_aws::{Account, Arn, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `DelegationRequest.State`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DelegationState {
    Unassigned,
    Assigned,
    PendingApproval,
    Accepted,
    Finalized,
    Rejected,
    Expired,
}

impl DelegationState {
    pub fn as_str(self) -> &'static str {
        match self {
            DelegationState::Unassigned => "UNASSIGNED",
            DelegationState::Assigned => "ASSIGNED",
            DelegationState::PendingApproval => "PENDING_APPROVAL",
            DelegationState::Accepted => "ACCEPTED",
            DelegationState::Finalized => "FINALIZED",
            DelegationState::Rejected => "REJECTED",
            DelegationState::Expired => "EXPIRED",
        }
    }
}

/// The principal that associated the request with the account. By id too: another principal of the same name does not own it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegationOwner {
    pub arn: Arc<str>,
    pub unique_id: Arc<str>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delegation {
    pub id: Arc<str>,
    /// The partner's account.
    pub requestor: Account,
    pub requestor_name: String,
    pub requestor_workflow_id: String,
    pub owner_account: Option<Account>,
    pub owner: Option<DelegationOwner>,
    pub description: String,
    pub message: Option<String>,
    pub redirect_url: Option<String>,
    /// The SNS topic that is notified of state changes.
    pub notification_channel: Arn,
    /// In seconds.
    pub session_duration: i32,
    pub only_send_by_owner: Option<bool>,
    pub policy_template_arn: String,
    pub parameters: Vec<Parameter>,
    pub policy: StoredPolicy,
    pub permissions_boundaries: Vec<String>,
    pub state: DelegationState,
    /// When the request expires in its current state.
    pub expires: Timestamp,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub notes: Option<String>,
    pub rejection_reason: Option<String>,
    /// The session of the approver when it accepted: delegated sessions are copies of it with credentials of their own.
    pub approved: Option<Box<Session>>,
    pub released_token: Option<ReleasedToken>,
}

/// The token that was sent to the partner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleasedToken {
    pub token: Secret,
    /// When the access ends, however late the token is exchanged.
    pub expires: Timestamp,
}

/// Between the request's id and the random part of a token.
const TOKEN_SEPARATOR: char = '.';

impl Delegation {
    /// The state at a time.
    pub fn state_at(&self, now: Timestamp) -> DelegationState {
        if now >= self.expires { DelegationState::Expired } else { self.state }
    }

    /// The id of the request, and a secret of 256 bits.
    pub fn token(id: &str, random: &str) -> Secret {
        Secret::new(format!("{id}{TOKEN_SEPARATOR}{random}"))
    }

    /// The id of the request in a token.
    pub fn id_in_token(token: &str) -> Option<&str> {
        token.split_once(TOKEN_SEPARATOR).map(|(id, _)| id)
    }
}

//! Notifications to the partner's topic, for every state change and for the token, and the expiry of requests.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html#temporary-delegation-configuring-notifications>

use crate::Iam;
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_identity::delegations::{Delegation, DelegationState};
use cloudlet_shape::{Empty, Shape};
use serde::Serialize;

const PRINCIPAL: &str = "iam.amazonaws.com";

/// How long an expired request is retained.
// AWS: unverified: "Expired requests are eventually deleted from the system after the retention period", which is not documented.
const RETENTION: i64 = 30 * 86_400;

/// In the order of AWS's examples.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StateNotification<'a> {
    requestor_workflow_id: &'a str,
    r#type: &'static str,
    request_id: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_account_id: Option<&'a str>,
    updated_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TokenNotification<'a> {
    request_id: &'a str,
    requestor_workflow_id: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_account_id: Option<&'a str>,
    exchange_token: &'a str,
    expires_at: String,
    updated_at: String,
    r#type: &'static str,
}

impl Iam {
    fn source(&self, request: &Delegation) -> Arn {
        self.delegation_arn(request.owner_account.unwrap_or(request.requestor), &request.id)
    }

    /// IAM publishes as a service. If the topic's policy denies it, the notification is lost, as with AWS.
    fn notify(&self, cx: &Cx, request: &Delegation, message: String) {
        let Some(scope) = request.notification_channel.scope() else { return };
        let input = PublishInput { topic_arn: Some(request.notification_channel.to_string()), message, ..PublishInput::default() };
        if let Err(fault) = cx.schedule::<Publish>(cx.now, PRINCIPAL, self.source(request), scope, input) {
            tracing::warn!(%fault, "a notice of a delegation request is not published");
        }
    }

    pub(super) fn notify_state(&self, cx: &Cx, request: &Delegation) {
        let notification = StateNotification {
            requestor_workflow_id: &request.requestor_workflow_id,
            r#type: "StateChange",
            request_id: &request.id,
            state: request.state.as_str(),
            owner_account_id: request.owner_account.as_ref().map(|account| account.as_str()),
            updated_at: request.updated.with_millis(),
        };
        self.notify(cx, request, serde_json::to_string(&notification).unwrap_or_default());
    }

    pub(super) fn notify_token(&self, cx: &Cx, request: &Delegation) {
        let Some(released) = &request.released_token else { return };
        let notification = TokenNotification {
            request_id: &request.id,
            requestor_workflow_id: &request.requestor_workflow_id,
            state: request.state.as_str(),
            owner_account_id: request.owner_account.as_ref().map(|account| account.as_str()),
            exchange_token: released.token.reveal(),
            expires_at: released.expires.with_millis(),
            updated_at: request.updated.with_millis(),
            r#type: "ExchangeToken",
        };
        self.notify(cx, request, serde_json::to_string(&notification).unwrap_or_default());
    }

    pub(super) fn schedule_expiry(&self, cx: &Cx, request: &Delegation, due: Timestamp) -> Result<(), Fault> {
        let input = ExpireDelegationInput { delegation_request_id: request.id.to_string() };
        cx.schedule::<ExpireDelegation>(due, PRINCIPAL, self.source(request), cx.scope.clone(), input)
    }
}

/// Expires a request if it is due.
#[derive(Shape, Clone, Default)]
pub struct ExpireDelegationInput {
    pub delegation_request_id: String,
}

/// An operation that only the scheduler calls. It is in no API model, so no HTTP request can name it.
mod internal {
    use super::ExpireDelegationInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_iam::SERVICE;
        ExpireDelegation(ExpireDelegationInput) -> Empty {}
    }
}

pub use internal::ExpireDelegation;

impl Handle<ExpireDelegation> for Iam {
    /// Expiry needs no permission; the notification needs that of the topic.
    fn permissions(&self, _: &Cx, _: &ExpireDelegationInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    /// Expires the request, or deletes it after its retention. Does nothing if the request has changed its state since this was scheduled.
    async fn handle(&self, cx: &Cx, input: ExpireDelegationInput) -> Result<Empty, Fault> {
        let id = &*input.delegation_request_id;
        let expired = self.identity.write(|state| {
            let Some(request) = state.delegation_requests.get(id).filter(|request| request.state_at(cx.now) == DelegationState::Expired) else {
                return Ok(None);
            };
            if request.state == DelegationState::Expired {
                if cx.now >= request.expires.plus_secs(RETENTION) {
                    state.delegation_requests.remove(id);
                }
                return Ok(None);
            }
            Ok::<_, Fault>(state.delegation_requests.get_mut(id).map(|request| {
                request.state = DelegationState::Expired;
                request.updated = cx.now;
                request.clone()
            }))
        })?;
        if let Some(request) = expired {
            self.notify_state(cx, &request);
            self.schedule_expiry(cx, &request, request.expires.plus_secs(RETENTION))?;
        }
        Ok(Empty {})
    }
}

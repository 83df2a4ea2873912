//! What happens to a request by itself: the partner's topic hears of every stage and of the token, and a stage that lasts too long ends.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html#temporary-delegation-configuring-notifications>

use crate::Iam;
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_identity::delegations::{Delegation, Stage};
use cloudlet_shape::{Empty, Shape};
use serde::Serialize;

const PRINCIPAL: &str = "iam.amazonaws.com";

/// How long a request that has expired is kept.
// AWS: unverified: "Expired requests are eventually deleted from the system after the retention period", which is not told.
const RETENTION: i64 = 30 * 86_400;

/// In the order of AWS's examples.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StageNotice<'a> {
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
struct TokenNotice<'a> {
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

    /// IAM publishes by itself; whether it may is for the topic's policy to say, and what it may not is lost, as at AWS.
    fn tell(&self, cx: &Cx, request: &Delegation, message: String) {
        let Some(scope) = request.channel.scope() else { return };
        let input = PublishInput { topic_arn: Some(request.channel.to_string()), message, ..PublishInput::default() };
        cx.schedule::<Publish>(cx.now, PRINCIPAL, self.source(request), scope, input);
    }

    pub(super) fn tell_stage(&self, cx: &Cx, request: &Delegation) {
        let notice = StageNotice {
            requestor_workflow_id: &request.workflow,
            r#type: "StateChange",
            request_id: &request.id,
            state: request.stage.as_str(),
            owner_account_id: request.owner_account.as_ref().map(|account| account.as_str()),
            updated_at: request.updated.with_millis(),
        };
        self.tell(cx, request, serde_json::to_string(&notice).unwrap_or_default());
    }

    pub(super) fn tell_token(&self, cx: &Cx, request: &Delegation) {
        let Some(release) = &request.release else { return };
        let notice = TokenNotice {
            request_id: &request.id,
            requestor_workflow_id: &request.workflow,
            state: request.stage.as_str(),
            owner_account_id: request.owner_account.as_ref().map(|account| account.as_str()),
            exchange_token: release.token.reveal(),
            expires_at: release.until.with_millis(),
            updated_at: request.updated.with_millis(),
            r#type: "ExchangeToken",
        };
        self.tell(cx, request, serde_json::to_string(&notice).unwrap_or_default());
    }

    pub(super) fn expire_later(&self, cx: &Cx, request: &Delegation, due: Timestamp) {
        let input = ExpireDelegationInput { delegation_request_id: request.id.to_string() };
        cx.schedule::<ExpireDelegation>(due, PRINCIPAL, self.source(request), cx.scope.clone(), input);
    }
}

/// A request that may have been in its stage for too long.
#[derive(Shape, Clone, Default)]
pub struct ExpireDelegationInput {
    pub delegation_request_id: String,
}

/// The operation that only the agenda calls. It is in no model, so no request is recognized as one.
mod own {
    use super::ExpireDelegationInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_iam::SERVICE;
        ExpireDelegation(ExpireDelegationInput) -> Empty {}
    }
}

pub use own::ExpireDelegation;

impl Handle<ExpireDelegation> for Iam {
    /// IAM asks nobody to look at the clock; the topic it tells is asked.
    fn permissions(&self, _: &Cx, _: &ExpireDelegationInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    /// Ends the stage, or the memory of the request, when its time has come; not when it has gone on since this was put on the agenda.
    async fn handle(&self, cx: &Cx, input: ExpireDelegationInput) -> Result<Empty, Fault> {
        let id = &*input.delegation_request_id;
        let expired = self.identity.write(|state| {
            let Some(request) = state.delegations.get(id).filter(|request| request.stage(cx.now) == Stage::Expired) else { return Ok(None) };
            if request.stage == Stage::Expired {
                if cx.now >= request.expires.plus_secs(RETENTION) {
                    state.delegations.remove(id);
                }
                return Ok(None);
            }
            Ok::<_, Fault>(state.delegations.get_mut(id).map(|request| {
                request.stage = Stage::Expired;
                request.updated = cx.now;
                request.clone()
            }))
        })?;
        if let Some(request) = expired {
            self.tell_stage(cx, &request);
            self.expire_later(cx, &request, request.expires.plus_secs(RETENTION));
        }
        Ok(Empty {})
    }
}

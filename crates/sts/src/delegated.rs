//! GetDelegatedAccessToken: a partner exchanges the token that a customer released for credentials in the customer's account.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html#temporary-delegation-exchange-tokens>

use crate::{Sts, sessions::VALIDATION};
use cloudlet_api_sts::*;
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_identity::{Session, SessionCredentials, delegations::Delegation};

/// AWS: the answer to an unknown token; that a token of another account has the same answer is unverified.
fn invalid() -> Fault {
    VALIDATION.says("Invalid trade-in token")
}

impl Handle<GetDelegatedAccessToken> for Sts {
    fn permissions(&self, _: &Cx, _: &GetDelegatedAccessTokenRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<GetDelegatedAccessToken>(Arn::any()).into())
    }

    async fn handle(&self, cx: &Cx, input: GetDelegatedAccessTokenRequest) -> Result<GetDelegatedAccessTokenResponse, Fault> {
        let token = &input.trade_in_token;
        let (approved, expires) = self.identity.read(|state| {
            let request = Delegation::id_in_token(token).and_then(|id| state.delegation_requests.get(id)).ok_or_else(invalid)?;
            let released = request.released_token.as_ref().filter(|released| released.token.is(token)).ok_or_else(invalid)?;
            // "The exchange token can only be redeemed by the product provider account that created the delegation request."
            if cx.caller.account != Some(request.requestor) {
                return Err(invalid());
            }
            Ok((request.approved.clone().ok_or_else(invalid)?, released.expires))
        })?;
        if cx.now >= expires {
            // AWS: unverified: the text.
            return Err(faults::EXPIRED_TRADE_IN_TOKEN.says("The trade-in token has expired."));
        }
        let account = approved.caller.account.ok_or_else(invalid)?;
        let new_credentials = SessionCredentials::new(cx.ids(), account, 0);
        // AWS: unverified: for a role's session, whether the principal is the session or the role.
        let principal = approved.caller.arn.to_string();
        let session = Session {
            caller: Caller { access_key: Some(new_credentials.access_key.clone()), ..approved.caller.clone() },
            secret: new_credentials.secret.clone(),
            token: new_credentials.token.clone(),
            issued: cx.now.whole_secs(),
            // "All credentials obtained from the same exchange token expire at the same time."
            expires,
            ..*approved
        };
        let credentials = self.start_session(new_credentials, session);
        // AWS: PackedPolicySize "is deprecated. It is not populated for GetDelegatedAccessToken."
        Ok(GetDelegatedAccessTokenResponse { credentials: Some(credentials), packed_policy_size: None, assumed_principal: Some(principal) })
    }
}

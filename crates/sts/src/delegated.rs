//! GetDelegatedAccessToken: a partner exchanges the token that a customer released for credentials in the customer's account.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html#temporary-delegation-exchange-tokens>
//! The request, and what its approver was when it accepted, are identity's; IAM leads them there.

use crate::{
    Sts,
    sessions::{VALIDATION, with_key},
};
use cloudlet_api_sts::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_identity::{Fresh, Session, delegations::Delegation};

/// AWS: what the API answers to a token that it did not make; that others' tokens get the same answer is unverified.
fn invalid() -> Fault {
    VALIDATION.says("Invalid trade-in token")
}

impl Handle<GetDelegatedAccessToken> for Sts {
    fn permissions(&self, _: &Cx, _: &GetDelegatedAccessTokenRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<GetDelegatedAccessToken>(Arn::any()).into())
    }

    async fn handle(&self, cx: &Cx, input: GetDelegatedAccessTokenRequest) -> Result<GetDelegatedAccessTokenResponse, Fault> {
        let token = &input.trade_in_token;
        let (approved, until) = self.identity.read(|state| {
            let request = Delegation::of_token(token).and_then(|id| state.delegations.get(id)).ok_or_else(invalid)?;
            let release = request.release.as_ref().filter(|release| release.token.is(token)).ok_or_else(invalid)?;
            // "The exchange token can only be redeemed by the product provider account that created the delegation request."
            if cx.caller.account != Some(request.requestor) {
                return Err(invalid());
            }
            Ok((request.approved.clone().ok_or_else(invalid)?, release.until))
        })?;
        if cx.now >= until {
            // AWS: unverified: the text.
            return Err(faults::EXPIRED_TRADE_IN_TOKEN.says("The trade-in token has expired."));
        }
        let account = approved.caller.account.ok_or_else(invalid)?;
        let fresh = Fresh::new(cx.ids(), account, 0);
        // AWS: unverified: of a role's session, whether the principal is told as the session or as the role.
        let principal = approved.caller.arn.to_string();
        let session = Session {
            caller: with_key(approved.caller.clone(), &fresh),
            secret: fresh.secret.clone(),
            token: fresh.token.clone(),
            issued: cx.now.whole_secs(),
            // "All credentials obtained from the same exchange token expire at the same time."
            expires: until,
            ..*approved
        };
        let credentials = self.open(fresh, session);
        // AWS: PackedPolicySize "is deprecated. It is not populated for GetDelegatedAccessToken."
        Ok(GetDelegatedAccessTokenResponse { credentials: Some(credentials), packed_policy_size: None, assumed_principal: Some(principal) })
    }
}

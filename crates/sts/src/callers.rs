//! GetCallerIdentity and GetAccessKeyInfo.

use crate::Sts;
use cloudlet_api_sts::{
    GetAccessKeyInfo, GetAccessKeyInfoRequest, GetAccessKeyInfoResponse, GetCallerIdentity, GetCallerIdentityRequest, GetCallerIdentityResponse,
};
use cloudlet_aws::{Account, Arn, Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, account_of_access_key};

impl Handle<GetCallerIdentity> for Sts {
    /// "No permissions are required to perform this operation", not even in the face of an explicit deny.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
    fn permissions(&self, _: &Cx, _: &GetCallerIdentityRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, _: GetCallerIdentityRequest) -> Result<GetCallerIdentityResponse, Fault> {
        Ok(GetCallerIdentityResponse {
            user_id: Some(cx.caller.unique_id.to_string()),
            account: cx.caller.account.map(|account| account.to_string()),
            arn: Some(cx.caller.arn.to_string()),
        })
    }
}

impl Handle<GetAccessKeyInfo> for Sts {
    fn permissions(&self, _: &Cx, _: &GetAccessKeyInfoRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<GetAccessKeyInfo>(Arn::any()).into())
    }

    /// The account is encoded in the id. Whether the key exists does not matter.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html>
    async fn handle(&self, _: &Cx, input: GetAccessKeyInfoRequest) -> Result<GetAccessKeyInfoResponse, Fault> {
        let account = account_of_access_key(&input.access_key_id).or_else(|| Account::parse(&input.access_key_id));
        match account {
            Some(account) => Ok(GetAccessKeyInfoResponse { account: Some(account.to_string()) }),
            // AWS: unverified
            None => Err(FaultKind::sender("ValidationError", 400).says("Invalid access key id.")),
        }
    }
}

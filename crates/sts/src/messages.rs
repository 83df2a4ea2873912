//! DecodeAuthorizationMessage: the encoded messages of EC2's denials.

use crate::Sts;
use cloudlet_api_sts::{
    DecodeAuthorizationMessage, DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse, faults::INVALID_AUTHORIZATION_MESSAGE,
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_identity::messages;

impl Handle<DecodeAuthorizationMessage> for Sts {
    fn permissions(&self, _: &Cx, _: &DecodeAuthorizationMessageRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<DecodeAuthorizationMessage>(Arn::any()).into())
    }

    async fn handle(&self, _: &Cx, input: DecodeAuthorizationMessageRequest) -> Result<DecodeAuthorizationMessageResponse, Fault> {
        match messages::decode(&input.encoded_message) {
            Some(text) => Ok(DecodeAuthorizationMessageResponse { decoded_message: Some(text) }),
            None => Err(INVALID_AUTHORIZATION_MESSAGE.says("Message cannot be decoded.")),
        }
    }
}

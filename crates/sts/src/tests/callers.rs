use super::fixture::*;
use cloudlet_api_sts::*;

#[tokio::test]
async fn get_caller_identity_needs_no_permission() {
    let cloud = TestCloud::new();
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let bob = cloud.user("bob", Some(deny));
    let answer = cloud.call_as::<GetCallerIdentity>(&bob, GetCallerIdentityRequest {}).await.unwrap();
    assert_eq!(
        (answer.account.as_deref(), answer.arn.as_deref(), answer.user_id.as_deref()),
        (Some("123456789012"), Some("arn:aws:iam::123456789012:user/bob"), Some("AIDABOB"))
    );
}

#[tokio::test]
async fn a_denial_has_the_message_of_aws() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", None);
    let input = GetAccessKeyInfoRequest { access_key_id: "ASIAY34FZKBOKMUTVV7A".into() };
    let fault = cloud.call_as::<GetAccessKeyInfo>(&bob, input.clone()).await.err().unwrap();
    assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
    assert_eq!(
        fault.message(),
        "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: sts:GetAccessKeyInfo on resource: * \
         because no identity-based policy allows the sts:GetAccessKeyInfo action"
    );
    assert!(cloud.call::<GetAccessKeyInfo>(input).await.is_ok());
    let log = cloud.calls();
    assert_eq!(log.iter().map(|call| call.fault.as_deref()).collect::<Vec<_>>(), [None, Some("AccessDenied")]);
    assert!(log.iter().all(|call| call.auth_records.len() == 1));
}

#[tokio::test]
async fn only_encoded_messages_can_be_decoded() {
    let cloud = TestCloud::new();
    let encoded = cloudlet_identity::messages::encode(&cloud.runtime.ids, r#"{"allowed":false}"#);
    let decode = |message: &str| DecodeAuthorizationMessageRequest { encoded_message: message.into() };
    let answer = cloud.call::<DecodeAuthorizationMessage>(decode(&encoded)).await.unwrap();
    assert_eq!(answer.decoded_message.as_deref(), Some(r#"{"allowed":false}"#));
    let fault = cloud.call::<DecodeAuthorizationMessage>(decode("garbage")).await.err().unwrap();
    assert_eq!((fault.code(), fault.status()), ("InvalidAuthorizationMessageException", 400));
}

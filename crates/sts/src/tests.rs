use crate::service;
use cloudlet_api_sts::{GetAccessKeyInfo, GetAccessKeyInfoRequest, GetCallerIdentity, GetCallerIdentityRequest, GetCallerIdentityResponse};
use cloudlet_aws::{Account, Caller, Identity as Who, Region, Scope, Timestamp};
use cloudlet_cloud::{Cloud, Entrance, Settings};
use cloudlet_engine::{Call, Clock, Frame, Ids, Origin};
use cloudlet_identity::{Identity, Root, Secret};
use std::sync::Arc;

fn cloud() -> Arc<Cloud> {
    let root = Root { account: Account::default(), partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
    let frame = Frame::new(Clock::stopped_at(Timestamp(0)), Ids::seeded(1));
    let identity = Identity::new(root);
    Cloud::new(frame, identity.clone(), vec![service(identity)], Settings::default())
}

fn scope() -> Scope {
    Scope::new(Account::default(), Region::new("eu-west-1"))
}

fn bob() -> Caller {
    Caller {
        identity: Who::User { name: "bob".into() },
        arn: "arn:aws:iam::000000000000:user/bob".into(),
        unique_id: "AIDABOB".into(),
        ..Caller::root(Account::default(), "aws", None)
    }
}

#[tokio::test]
async fn everybody_may_ask_who_they_are() {
    let call = Call::of::<GetCallerIdentity>(bob(), scope(), Origin::default(), GetCallerIdentityRequest {});
    let performed = cloud().perform(call, "r".into(), Entrance::Front).await;
    let answer = performed.answer.unwrap().into_any().downcast::<GetCallerIdentityResponse>().unwrap();
    assert_eq!(
        (answer.account.as_deref(), answer.arn.as_deref(), answer.user_id.as_deref()),
        (Some("000000000000"), Some("arn:aws:iam::000000000000:user/bob"), Some("AIDABOB"))
    );
}

#[tokio::test]
async fn a_user_without_permission_is_told_so_in_the_words_of_aws() {
    let input = GetAccessKeyInfoRequest { access_key_id: "ASIAY34FZKBOKMUTVV7A".into() };
    let call = |caller| Call::of::<GetAccessKeyInfo>(caller, scope(), Origin::default(), input.clone());
    let cloud = cloud();
    let fault = cloud.perform(call(bob()), "r".into(), Entrance::Front).await.answer.unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
    assert_eq!(
        fault.message(),
        "User: arn:aws:iam::000000000000:user/bob is not authorized to perform: sts:GetAccessKeyInfo on resource: * \
         because no identity-based policy allows the sts:GetAccessKeyInfo action"
    );
    let root = Caller::root(Account::default(), "aws", None);
    assert!(cloud.perform(call(root), "r".into(), Entrance::Front).await.answer.is_ok());
    let log = cloud.calls();
    assert_eq!(log.iter().map(|call| call.fault.as_deref()).collect::<Vec<_>>(), [None, Some("AccessDenied")]);
    assert!(log.iter().all(|call| call.verdicts.len() == 1));
}

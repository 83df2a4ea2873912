use super::fixture::*;
use crate::{AutoVerify, Options, Sandbox};
use cloudlet_api_ses::*;
use cloudlet_api_sesv2 as v2;

const ALL: Options = Options { sandbox: Sandbox::On, auto_verify: AutoVerify::All, review_seconds: 3_600, ..crate::Options::DEFAULT };

async fn ready(options: Options) -> TestCloud {
    let cloud = builder(options).build();
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: "a@example.com".into() }).await;
    cloud
}

#[tokio::test]
async fn the_sandbox_sends_one_a_second() {
    let cloud = ready(ALL).await;
    send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap();
    let fault = send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap_err();
    assert_eq!(error(&fault), ("Throttling".into(), "Maximum sending rate exceeded.".into()));
    cloud.pass(1).await;
    // All recipients count: what follows waits for them.
    send(&cloud, "a@example.com", &["a@example.com"; 5]).await.unwrap();
    cloud.pass(4).await;
    send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap_err();
    cloud.pass(1).await;
    send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap();
}

#[tokio::test]
async fn a_day_of_quota_passes() {
    let cloud = ready(ALL).await;
    for _ in 0..4 {
        send(&cloud, "a@example.com", &["a@example.com"; 50]).await.unwrap();
        cloud.pass(60).await;
    }
    let quota = cloud.ok::<GetSendQuota>(Default::default()).await;
    assert_eq!((quota.max24_hour_send, quota.max_send_rate, quota.sent_last24_hours), (Some(200.0), Some(1.0), Some(200.0)));
    let fault = send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap_err();
    assert_eq!(error(&fault), ("Throttling".into(), "Daily message quota exceeded.".into()));
    // The simulator does not count.
    send(&cloud, "a@example.com", &["success@simulator.amazonses.com"]).await.unwrap();
    cloud.pass(DAY - 4 * 60).await;
    send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap();
    assert_eq!(cloud.ok::<GetSendQuota>(Default::default()).await.sent_last24_hours, Some(151.0));
}

#[tokio::test]
async fn the_sandbox_is_left_after_a_review() {
    let cloud = ready(ALL).await;
    let ask = || v2::PutAccountDetailsRequest {
        mail_type: "TRANSACTIONAL".into(),
        website_url: "https://example.com".into(),
        production_access_enabled: Some(true),
        ..Default::default()
    };
    let recipients = ["x@other.com"];
    assert_eq!(send(&cloud, "a@example.com", &recipients).await.unwrap_err().code(), "MessageRejected");
    cloud.ok::<v2::PutAccountDetails>(ask()).await;
    assert_eq!(cloud.expect_fault::<v2::PutAccountDetails>(ask()).await.status(), 409);
    let review = |account: v2::GetAccountResponse| account.details.unwrap().review_details.unwrap().status;
    assert_eq!(review(cloud.ok::<v2::GetAccount>(Default::default()).await).as_deref(), Some("PENDING"));
    cloud.pass(3_600).await;
    let account = cloud.ok::<v2::GetAccount>(Default::default()).await;
    assert_eq!((account.production_access_enabled, account.send_quota.clone().unwrap().max_send_rate), (Some(true), Some(14.0)));
    assert_eq!(review(account).as_deref(), Some("GRANTED"));
    for _ in 0..14 {
        send(&cloud, "a@example.com", &recipients).await.unwrap();
    }
    assert_eq!(send(&cloud, "a@example.com", &recipients).await.unwrap_err().code(), "Throttling");
}

#[tokio::test]
async fn a_refused_mail_takes_no_quota() {
    let cloud = ready(ALL).await;
    send(&cloud, "other@unknown.com", &["a@example.com"]).await.unwrap_err();
    send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap();
    assert_eq!(cloud.ok::<GetSendQuota>(Default::default()).await.sent_last24_hours, Some(1.0));
}

#[tokio::test]
async fn statistics_are_points_of_a_quarter_of_an_hour() {
    let cloud = ready(ALL).await;
    send(&cloud, "a@example.com", &["a@example.com", "a@example.com"]).await.unwrap();
    cloud.pass(15 * 60).await;
    send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap();
    let points = cloud.ok::<GetSendStatistics>(Default::default()).await.send_data_points.unwrap();
    assert_eq!(points.iter().map(|point| point.delivery_attempts.unwrap()).collect::<Vec<_>>(), [2, 1]);
    assert!(points.iter().all(|point| point.timestamp.unwrap().secs() % 900 == 0));
    cloud.pass(15 * DAY).await;
    assert!(cloud.ok::<GetSendStatistics>(Default::default()).await.send_data_points.unwrap().is_empty());
}

#[tokio::test]
async fn a_paused_account_sends_nothing() {
    let cloud = ready(ALL).await;
    cloud.ok::<UpdateAccountSendingEnabled>(UpdateAccountSendingEnabledRequest { enabled: Some(false) }).await;
    assert_eq!(send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap_err().code(), "AccountSendingPausedException");
    cloud.ok::<v2::PutAccountSendingAttributes>(v2::PutAccountSendingAttributesRequest { sending_enabled: Some(true) }).await;
    send(&cloud, "a@example.com", &["a@example.com"]).await.unwrap();
}

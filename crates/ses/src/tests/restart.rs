use super::fixture::*;
use cloudlet_api_ses::*;

#[tokio::test]
async fn identities_templates_quota_and_mails_survive() {
    let cloud = builder(crate::Options::default()).journaled().build();
    verified(&cloud, "ann@example.com").await;
    let template = Template { template_name: "t".into(), subject_part: Some("s".into()), ..Template::default() };
    cloud.ok::<CreateTemplate>(CreateTemplateRequest { template }).await;
    cloud.ok::<CreateConfigurationSet>(CreateConfigurationSetRequest { configuration_set: ConfigurationSet { name: "set".into() } }).await;
    send(&cloud, "ann@example.com", &["ann@example.com"]).await.unwrap();
    let raw = newest_mail(&cloud).raw.clone();
    let again = cloud.restart();
    assert_eq!(newest_mail(&again).raw, raw);
    assert_eq!(again.ok::<GetSendQuota>(Default::default()).await.sent_last24_hours, Some(1.0));
    assert_eq!(send(&again, "ann@example.com", &["ann@example.com"]).await.unwrap_err().code(), "Throttling");
    again.pass(1).await;
    send(&again, "ann@example.com", &["ann@example.com"]).await.unwrap();
    again.ok::<GetTemplate>(GetTemplateRequest { template_name: "t".into() }).await;
    assert_eq!(format!("{:?}", again.restart().state()), format!("{:?}", again.state()));
}

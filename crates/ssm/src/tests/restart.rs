use super::fixture::*;
use cloudlet_api_ssm::*;

#[tokio::test]
async fn parameters_versions_labels_policies_and_settings_survive() {
    let cloud = TestCloud::journaled();
    cloud.put(secure("/a/secret", "one")).await;
    cloud.put(overwrite("/a/secret", "two")).await;
    cloud.label("/a/secret", 1, &["old"]).await.unwrap();
    let expiration = r#"[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2025-11-25T16:00:00Z"}}]"#;
    cloud.put(with_policies(string("/a/short", "v"), expiration)).await;
    let tags = Some(vec![Tag { key: "k".into(), value: "v".into() }]);
    cloud.put(advanced(PutParameterRequest { tags, ..secure("/a/large", "v") })).await;
    let setting = "/ssm/parameter-store/default-parameter-tier";
    cloud.ok::<UpdateServiceSetting>(UpdateServiceSettingRequest { setting_id: setting.into(), setting_value: "Advanced".into() }).await;

    let again = TestCloud { cloud: cloud.restart(), kms: cloud.kms.clone() };
    assert_eq!(again.value("/a/secret:old").await, "one");
    assert_eq!(again.value("/a/secret").await, "two");
    assert_eq!(again.value("/a/large").await, "v");
    assert_eq!(again.history("/a/secret").await.len(), 2);
    assert_eq!(again.described(vec![filter("tag:k", None, &["v"])]).await.unwrap(), ["/a/large"]);
    assert_eq!(again.put(string("b", "v")).await.tier.as_deref(), Some("Advanced"));
    again.pass(DAY).await;
    assert_eq!(again.get_fault("/a/short").await.0, "ParameterNotFound");
    assert_eq!(format!("{:?}", TestCloud { cloud: again.restart(), kms: again.kms.clone() }.state()), format!("{:?}", again.state()));
}

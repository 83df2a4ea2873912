use super::fixture::*;
use cloudlet_api_ssm::*;

const EXPIRATION: &str = r#"{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2025-12-04T16:00:00Z"}}"#;
const NOTIFICATION: &str = r#"{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"2","Unit":"Days"}}"#;
const NO_CHANGE: &str = r#"{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"12","Unit":"Hours"}}"#;

async fn statuses(cloud: &TestCloud, name: &str) -> Vec<String> {
    cloud.history(name).await.pop().unwrap().policies.unwrap().into_iter().map(|policy| policy.policy_status.unwrap()).collect()
}

#[tokio::test]
async fn a_parameter_expires_on_time() {
    let cloud = TestCloud::new();
    assert_eq!(cloud.now().secs(), 1_764_000_000, "2025-11-24T16:00:00Z");
    cloud.put(with_policies(string("a", "v"), &format!("[{EXPIRATION},{NOTIFICATION},{NO_CHANGE}]"))).await;
    let shown = cloud.history("a").await.remove(0).policies.unwrap();
    assert_eq!(shown[0].policy_text.as_deref(), Some(EXPIRATION));
    assert_eq!((shown[0].policy_type.as_deref(), shown[0].policy_status.as_deref()), (Some("Expiration"), Some("Pending")));
    cloud.pass(DAY / 2).await;
    assert_eq!(statuses(&cloud, "a").await, ["Pending", "Pending", "Finished"]);
    cloud.pass(DAY * 8).await;
    assert_eq!(statuses(&cloud, "a").await, ["Pending", "Finished", "Finished"]);
    cloud.pass(DAY + DAY / 2 - 1).await;
    assert_eq!(cloud.value("a").await, "v");
    // Without the scheduler: what depends on time is right at once.
    cloud.advance(1);
    assert_eq!(cloud.get_fault("a").await.0, "ParameterNotFound");
    assert!(cloud.described(vec![]).await.unwrap().is_empty());
    assert!(cloud.all_by_path(recursively("/")).await.is_empty());
    assert_eq!(cloud.put(string("a", "new")).await.version, Some(1), "the name is free");
    cloud.settle().await;
    assert_eq!(cloud.value("a").await, "new");
}

#[tokio::test]
async fn an_expired_parameter_is_removed() {
    let cloud = TestCloud::new();
    cloud.put(with_policies(string("a", "v"), &format!("[{EXPIRATION}]"))).await;
    cloud.put(overwrite("a", "w")).await;
    cloud.pass(DAY * 10).await;
    let rows: usize = cloud.state().iter().filter(|record| &*record.store == "ssm").map(|record| record.rows.len()).sum();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_change_begins_anew_and_policies_can_be_cleared() {
    let cloud = TestCloud::new();
    cloud.put(with_policies(string("a", "v"), &format!("[{NO_CHANGE}]"))).await;
    cloud.pass(DAY / 2 - 1).await;
    cloud.put(overwrite("a", "w")).await;
    cloud.pass(1).await;
    assert_eq!(statuses(&cloud, "a").await, ["Pending"]);
    cloud.pass(DAY / 2).await;
    assert_eq!(statuses(&cloud, "a").await, ["Finished"]);
    cloud.put(PutParameterRequest { policies: Some(format!("[{EXPIRATION}]")), ..overwrite("a", "x") }).await;
    cloud.put(PutParameterRequest { policies: Some("[{}]".into()), ..overwrite("a", "x") }).await;
    assert!(statuses(&cloud, "a").await.is_empty());
    cloud.pass(DAY * 30).await;
    assert_eq!(cloud.value("a").await, "x");
}

#[tokio::test]
async fn policies_that_are_refused() {
    let cloud = TestCloud::new();
    let eleven = format!("[{}]", [NOTIFICATION; 11].join(","));
    for (policies, name) in [
        ("nonsense", "InvalidPolicyAttributeException"),
        ("{}", "InvalidPolicyAttributeException"),
        ("[1]", "InvalidPolicyAttributeException"),
        (r#"[{"Type":"Other","Version":"1.0","Attributes":{}}]"#, "InvalidPolicyTypeException"),
        (r#"[{"Type":"Expiration","Version":"2.0","Attributes":{"Timestamp":"2030-01-01T00:00:00Z"}}]"#, "InvalidPolicyAttributeException"),
        (r#"[{"Type":"Expiration","Version":"1.0"}]"#, "InvalidPolicyAttributeException"),
        (r#"[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"tomorrow"}}]"#, "InvalidPolicyAttributeException"),
        (r#"[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2020-01-01T00:00:00Z"}}]"#, "InvalidPolicyAttributeException"),
        (r#"[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"0","Unit":"Days"}}]"#, "InvalidPolicyAttributeException"),
        (
            r#"[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"9223372036854775807","Unit":"Days"}}]"#,
            "InvalidPolicyAttributeException",
        ),
        (r#"[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Weeks"}}]"#, "InvalidPolicyAttributeException"),
        (&format!("[{NOTIFICATION}]"), "InvalidPolicyAttributeException"),
        (&format!("[{EXPIRATION},{EXPIRATION}]"), "IncompatiblePolicyException"),
        (&eleven, "PoliciesLimitExceededException"),
    ] {
        assert_eq!(cloud.put_fault(with_policies(string("a", "v"), policies)).await.0, name, "{policies}");
    }
    let standard = PutParameterRequest { policies: Some(format!("[{NO_CHANGE}]")), ..string("a", "v") };
    assert_eq!(cloud.put_fault(standard.clone()).await.0, "ValidationException");
    let intelligent = PutParameterRequest { tier: Some("Intelligent-Tiering".into()), ..standard };
    assert_eq!(cloud.put(intelligent).await.tier.as_deref(), Some("Advanced"));
}

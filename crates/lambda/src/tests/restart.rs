use super::fixture::*;
use cloudlet_api_lambda::*;
use cloudlet_shape::Map;

#[tokio::test]
async fn functions_versions_aliases_policies_and_settings_survive() {
    let cloud = builder().journaled().build();
    let environment = Some(Environment { variables: Some(Map::from([("SECRET".to_owned(), "hush".to_owned())])) });
    let tags = Some(Map::from([("k".to_owned(), "v".to_owned())]));
    cloud.ok::<CreateFunction>(CreateFunctionRequest { environment, tags, ..python("f") }).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    cloud.ok::<CreateAlias>(alias("f", "live", "1")).await;
    cloud.ok::<AddPermission>(permission("f", "s", "sns.amazonaws.com")).await;
    cloud.ok::<PutFunctionConcurrency>(PutFunctionConcurrencyRequest { function_name: "f".into(), reserved_concurrent_executions: 3 }).await;
    let provision = PutProvisionedConcurrencyConfigRequest { function_name: "f".into(), qualifier: "1".into(), provisioned_concurrent_executions: 1 };
    cloud.ok::<PutProvisionedConcurrencyConfig>(provision).await;
    cloud.settle().await;
    let publishers = AllowedPublishers { signing_profile_version_arns: vec!["arn:aws:signer:us-east-1:000000000000:/signing-profiles/p".into()] };
    let config = CreateCodeSigningConfigRequest { allowed_publishers: publishers, ..CreateCodeSigningConfigRequest::default() };
    let config = cloud.ok::<CreateCodeSigningConfig>(config).await.code_signing_config.code_signing_config_arn;
    let put = PutFunctionCodeSigningConfigRequest { code_signing_config_arn: config.clone(), function_name: "f".into() };
    cloud.ok::<PutFunctionCodeSigningConfig>(put).await;
    let stores = cloud.stores();
    let store = stores.iter().find(|store| &**store.path() == "lambda").unwrap();
    let shown = serde_json::to_string(&store.page(None, "versions", None, 10).unwrap()).unwrap();
    assert!(shown.contains("(redacted)") && !shown.contains("hush"), "an environment is a secret: {shown}");
    let again = cloud.restart();
    let found = again.ok::<GetFunction>(get("f", Some("live"))).await;
    let variables = found.configuration.unwrap().environment.unwrap().variables.unwrap();
    assert_eq!(variables["SECRET"], "hush");
    assert_eq!(found.concurrency.unwrap().reserved_concurrent_executions, Some(3));
    let ready = GetProvisionedConcurrencyConfigRequest { function_name: "f".into(), qualifier: "1".into() };
    assert_eq!(again.ok::<GetProvisionedConcurrencyConfig>(ready).await.status.as_deref(), Some("READY"));
    let signing = again.ok::<GetFunctionCodeSigningConfig>(GetFunctionCodeSigningConfigRequest { function_name: "f".into() }).await;
    assert_eq!(signing.code_signing_config_arn, config);
    again.ok::<GetPolicy>(GetPolicyRequest { function_name: "f".into(), qualifier: None }).await;
    assert_eq!(format!("{:?}", again.restart().state()), format!("{:?}", again.state()));
}

use super::fixture::*;
use cloudlet_api_lambda::*;
use cloudlet_shape::Map;

#[tokio::test]
async fn a_version_is_made_of_what_changed() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    let one = cloud.ok::<PublishVersion>(publish("f")).await;
    assert_eq!((one.version.as_deref(), one.function_arn.as_deref()), (Some("1"), Some(format!("{FUNCTION}:1").as_str())));
    let again = cloud.ok::<PublishVersion>(publish("f")).await;
    assert_eq!(again.version.as_deref(), Some("1"), "nothing has changed");
    cloud.ok::<UpdateFunctionCode>(update_code("f", "two")).await;
    let two = cloud.ok::<PublishVersion>(PublishVersionRequest { description: Some("second".into()), ..publish("f") }).await;
    assert_eq!((two.version.as_deref(), two.description.as_deref()), (Some("2"), Some("second")));
    let versions = cloud.ok::<ListVersionsByFunction>(ListVersionsByFunctionRequest { function_name: "f".into(), ..Default::default() }).await;
    let numbers: Vec<_> = versions.versions.unwrap().into_iter().filter_map(|version| version.version).collect();
    assert_eq!(numbers, ["$LATEST", "1", "2"]);
    let wrong = PublishVersionRequest { code_sha256: Some("no".into()), ..publish("f") };
    assert!(cloud.expect_fault::<PublishVersion>(wrong).await.message().starts_with("CodeSHA256 (no) is different from current CodeSHA256"));
}

#[tokio::test]
async fn a_function_may_be_published_as_it_is_made() {
    let cloud = cloud();
    let made = cloud.ok::<CreateFunction>(CreateFunctionRequest { publish: Some(true), ..python("f") }).await;
    assert_eq!((made.version.as_deref(), made.function_arn.as_deref()), (Some("1"), Some(FUNCTION)));
    assert_eq!(cloud.ok::<GetFunction>(get("f", Some("1"))).await.configuration.unwrap().version.as_deref(), Some("1"));
    assert_eq!(cloud.ok::<PublishVersion>(publish("f")).await.version.as_deref(), Some("1"));
}

#[tokio::test]
async fn aliases_name_one_version_or_two() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    cloud.ok::<UpdateFunctionCode>(update_code("f", "two")).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    let weights = |version: &str| {
        let weights = Map::from([(version.to_owned(), 0.5)]);
        Some(AliasRoutingConfiguration { additional_version_weights: Some(weights) })
    };
    let made = cloud.ok::<CreateAlias>(CreateAliasRequest { routing_config: weights("2"), ..alias("f", "live", "1") }).await;
    assert_eq!(made.routing_config.unwrap().additional_version_weights.unwrap()["2"], 0.5);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..64 {
        seen.insert(cloud.ok::<GetFunction>(get("f", Some("live"))).await.configuration.unwrap().version.unwrap());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["1", "2"]);
    let delete = |qualifier: &str| DeleteFunctionRequest { function_name: "f".into(), qualifier: Some(qualifier.into()) };
    let fault = cloud.expect_fault::<DeleteFunction>(delete("2")).await;
    let text = "Unable to delete version because the following aliases reference it: [live]";
    assert_eq!(said(&fault), ("ResourceConflictException", text));
    assert_eq!(cloud.expect_fault::<DeleteFunction>(delete("$LATEST")).await.status(), 400);
    for (input, message) in [
        (alias("f", "live", "1"), "Alias already exists: arn:aws:lambda:us-east-1:000000000000:function:f:live"),
        (alias("f", "other", "9"), "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:9"),
        (
            CreateAliasRequest { routing_config: weights("1"), ..alias("f", "other", "1") },
            "Invalid function version 1. Function version 1 is already included in routing configuration.",
        ),
        (
            CreateAliasRequest { routing_config: weights("1"), ..alias("f", "other", "$LATEST") },
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
    ] {
        assert_eq!(cloud.expect_fault::<CreateAlias>(input).await.message(), message);
    }
    cloud.ok::<DeleteAlias>(DeleteAliasRequest { function_name: "f".into(), name: "live".into() }).await;
    cloud.ok::<DeleteAlias>(DeleteAliasRequest { function_name: "f".into(), name: "live".into() }).await;
    cloud.ok::<DeleteFunction>(delete("2")).await;
    cloud.ok::<DeleteFunction>(delete("2")).await;
    let fault = cloud.expect_fault::<GetAlias>(GetAliasRequest { function_name: "f".into(), name: "live".into() }).await;
    assert_eq!(fault.message(), "Cannot find alias arn: arn:aws:lambda:us-east-1:000000000000:function:f:live");
}

#[tokio::test]
async fn what_changes_a_function_names_it_as_a_whole() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    let whole = "This operation is permitted on Lambda functions only.";
    let settings = |name: &str| UpdateFunctionConfigurationRequest { function_name: name.into(), timeout: Some(5), ..Default::default() };
    assert!(cloud.expect_fault::<UpdateFunctionConfiguration>(settings("f:1")).await.message().starts_with(whole));
    assert!(cloud.expect_fault::<UpdateFunctionCode>(update_code("f:1", "two")).await.message().starts_with(whole));
    assert!(cloud.expect_fault::<PublishVersion>(publish("f:1")).await.message().starts_with(whole));
    assert!(cloud.expect_fault::<CreateFunction>(python("g:1")).await.message().starts_with(whole));
    cloud.ok::<UpdateFunctionConfiguration>(settings("f:$LATEST")).await;
    for absent in ["0", "01"] {
        let fault = cloud.expect_fault::<GetFunction>(get("f", Some(absent))).await;
        assert_eq!(fault.message(), format!("Function not found: {FUNCTION}:{absent}"));
    }
}

#[tokio::test]
async fn an_alias_that_moves_does_not_name_a_version_twice() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    cloud.ok::<UpdateFunctionCode>(update_code("f", "two")).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    let weights = AliasRoutingConfiguration { additional_version_weights: Some(Map::from([("2".to_owned(), 0.5)])) };
    cloud.ok::<CreateAlias>(CreateAliasRequest { routing_config: Some(weights), ..alias("f", "live", "1") }).await;
    let to = |version: &str| UpdateAliasRequest {
        function_name: "f".into(),
        name: "live".into(),
        function_version: Some(version.into()),
        ..UpdateAliasRequest::default()
    };
    let fault = cloud.expect_fault::<UpdateAlias>(to("2")).await;
    assert_eq!(fault.message(), "Invalid function version 2. Function version 2 is already included in routing configuration.");
    let fault = cloud.expect_fault::<UpdateAlias>(to("$LATEST")).await;
    assert_eq!(fault.message(), "$LATEST is not supported for an alias pointing to more than 1 version");
    let alone = UpdateAliasRequest { routing_config: Some(AliasRoutingConfiguration::default()), ..to("2") };
    let moved = cloud.ok::<UpdateAlias>(alone).await;
    assert_eq!((moved.function_version.as_deref(), moved.routing_config.is_none()), (Some("2"), true));
    let stale = UpdateAliasRequest { revision_id: Some("1".into()), ..to("1") };
    assert_eq!(cloud.expect_fault::<UpdateAlias>(stale).await.status(), 412);
}

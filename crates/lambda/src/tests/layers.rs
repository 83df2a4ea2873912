use super::fixture::*;
use cloudlet_api_lambda::*;
use cloudlet_testing::other_account;

fn layer(name: &str) -> PublishLayerVersionRequest {
    let content = LayerVersionContentInput { zip_file: Some(zip_of(&[("python/a.py", b"x")]).into()), ..Default::default() };
    PublishLayerVersionRequest { layer_name: name.into(), content, ..PublishLayerVersionRequest::default() }
}

#[tokio::test]
async fn layers_have_versions_that_functions_use() {
    let cloud = cloud();
    let first = cloud.ok::<PublishLayerVersion>(layer("l")).await;
    let second = cloud.ok::<PublishLayerVersion>(layer("l")).await;
    assert_eq!((first.version, second.version), (Some(1), Some(2)));
    let (one, two) = (first.layer_version_arn.unwrap(), second.layer_version_arn.unwrap());
    let made = cloud.ok::<CreateFunction>(CreateFunctionRequest { layers: Some(vec![two.clone()]), ..python("f") }).await;
    assert_eq!(made.layers.unwrap()[0].arn.as_deref(), Some(two.as_str()));
    let both = CreateFunctionRequest { layers: Some(vec![one, two]), ..python("g") };
    let fault = cloud.expect_fault::<CreateFunction>(both).await;
    assert!(fault.message().starts_with("Two different versions of the same layer are not allowed"), "{fault}");
    let absent = CreateFunctionRequest { layers: Some(vec!["arn:aws:lambda:us-east-1:000000000000:layer:l:9".into()]), ..python("g") };
    let fault = cloud.expect_fault::<CreateFunction>(absent).await;
    assert_eq!(fault.message(), "Layer version arn:aws:lambda:us-east-1:000000000000:layer:l:9 does not exist.");
    let list = cloud.ok::<ListLayerVersions>(ListLayerVersionsRequest { layer_name: "l".into(), ..Default::default() }).await;
    assert_eq!(list.layer_versions.unwrap().iter().filter_map(|layer| layer.version).collect::<Vec<_>>(), [2, 1]);
    cloud.ok::<DeleteLayerVersion>(DeleteLayerVersionRequest { layer_name: "l".into(), version_number: 2 }).await;
    assert_eq!(cloud.ok::<PublishLayerVersion>(layer("l")).await.version, Some(3), "numbers are not used again");
}

#[tokio::test]
async fn another_account_needs_a_layers_policy() {
    let cloud = cloud();
    let arn = cloud.ok::<PublishLayerVersion>(layer("l")).await.layer_version_arn.unwrap();
    let by_arn = || GetLayerVersionByArnRequest { arn: arn.clone() };
    assert_eq!(cloud.expect_fault_as::<GetLayerVersionByArn>(other_account(), by_arn()).await.name(), "AccessDeniedException");
    let add = AddLayerVersionPermissionRequest {
        layer_name: "l".into(),
        version_number: 1,
        statement_id: "s".into(),
        action: "lambda:GetLayerVersion".into(),
        principal: "*".into(),
        ..Default::default()
    };
    cloud.ok::<AddLayerVersionPermission>(add).await;
    cloud.call_as::<GetLayerVersionByArn>(other_account(), by_arn()).await.unwrap();
}

#[tokio::test]
async fn a_deleted_layer_is_there_as_long_as_a_function_has_it() {
    let cloud = cloud();
    let arn = cloud.ok::<PublishLayerVersion>(layer("l")).await.layer_version_arn.unwrap();
    let with_layer = |name: &str| CreateFunctionRequest { layers: Some(vec![arn.clone()]), ..python(name) };
    cloud.ok::<CreateFunction>(with_layer("f")).await;
    cloud.ok::<CreateFunction>(with_layer("g")).await;
    cloud.ok::<DeleteLayerVersion>(DeleteLayerVersionRequest { layer_name: "l".into(), version_number: 1 }).await;
    let stored = || {
        let stores = cloud.stores();
        let store = stores.iter().find(|store| &**store.path() == "lambda").unwrap();
        serde_json::to_string(&store.page(None, "deleted_layers", None, 10).unwrap()).unwrap().contains("sha256")
    };
    let without = UpdateFunctionConfigurationRequest { function_name: "f".into(), layers: Some(vec![]), ..Default::default() };
    cloud.ok::<UpdateFunctionConfiguration>(without).await;
    assert!(stored(), "another function has it");
    cloud.ok::<DeleteFunction>(DeleteFunctionRequest { function_name: "g".into(), qualifier: None }).await;
    assert!(!stored());
}

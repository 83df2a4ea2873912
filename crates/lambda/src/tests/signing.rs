use super::fixture::*;
use cloudlet_api_lambda::*;

const PROFILE: &str = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p";

#[tokio::test]
async fn a_signing_configuration_belongs_to_functions() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    let publishers = AllowedPublishers { signing_profile_version_arns: vec![PROFILE.into()] };
    let create = CreateCodeSigningConfigRequest { allowed_publishers: publishers, ..CreateCodeSigningConfigRequest::default() };
    let made = cloud.ok::<CreateCodeSigningConfig>(create).await.code_signing_config;
    assert!(made.code_signing_config_id.starts_with("csc-0") && made.code_signing_config_id.len() == 21);
    assert_eq!(made.code_signing_policies.untrusted_artifact_on_deployment.as_deref(), Some("Warn"));
    let arn = made.code_signing_config_arn;
    let put = PutFunctionCodeSigningConfigRequest { code_signing_config_arn: arn.clone(), function_name: "f".into() };
    cloud.ok::<PutFunctionCodeSigningConfig>(put).await;
    let list = ListFunctionsByCodeSigningConfigRequest { code_signing_config_arn: arn.clone(), ..Default::default() };
    assert_eq!(cloud.ok::<ListFunctionsByCodeSigningConfig>(list).await.function_arns.unwrap(), [FUNCTION]);
    let delete = || DeleteCodeSigningConfigRequest { code_signing_config_arn: arn.clone() };
    assert_eq!(cloud.expect_fault::<DeleteCodeSigningConfig>(delete()).await.name(), "ResourceConflictException");
    let of_function = DeleteFunctionCodeSigningConfigRequest { function_name: "f".into() };
    cloud.ok::<DeleteFunctionCodeSigningConfig>(of_function).await;
    cloud.ok::<DeleteCodeSigningConfig>(delete()).await;
    let get = GetCodeSigningConfigRequest { code_signing_config_arn: arn.clone() };
    assert_eq!(cloud.expect_fault::<GetCodeSigningConfig>(get).await.name(), "CodeSigningConfigNotFoundException");
}

#[tokio::test]
async fn the_runtime_of_a_version_is_kept_up_to_date_as_it_says() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    let get = || GetRuntimeManagementConfigRequest { function_name: "f".into(), qualifier: None };
    assert_eq!(cloud.ok::<GetRuntimeManagementConfig>(get()).await.update_runtime_on.as_deref(), Some("Auto"));
    let put = |on: &str, version: Option<&str>| PutRuntimeManagementConfigRequest {
        function_name: "f".into(),
        update_runtime_on: on.into(),
        runtime_version_arn: version.map(Into::into),
        ..Default::default()
    };
    for (on, version) in
        [("Manual", None), ("Auto", Some("arn:aws:lambda:us-east-1::runtime:ab")), ("Manual", Some("arn:aws:lambda:us-east-1::runtime:ab"))]
    {
        let said = cloud.expect_fault::<PutRuntimeManagementConfig>(put(on, version)).await;
        assert_eq!(said.name(), "InvalidParameterValueException", "{on} {version:?}");
    }
    cloud.ok::<PutRuntimeManagementConfig>(put("FunctionUpdate", None)).await;
    let found = cloud.ok::<GetRuntimeManagementConfig>(get()).await;
    assert_eq!((found.update_runtime_on.as_deref(), found.function_arn.unwrap()), (Some("FunctionUpdate"), format!("{FUNCTION}:$LATEST")));
}

#[tokio::test]
async fn a_policy_is_put_and_read_as_a_document() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    cloud.ok::<AddPermission>(permission("f", "one", "sns.amazonaws.com")).await;
    let get = || GetResourcePolicyRequest { resource_arn: FUNCTION.into() };
    let found = cloud.ok::<GetResourcePolicy>(get()).await;
    assert!(found.policy.unwrap().contains("sns.amazonaws.com"));
    let text =
        r#"{"Version":"2012-10-17","Statement":{"Sid":"two","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"*"}}"#;
    let put =
        |text: &str, revision: Option<String>| PutResourcePolicyRequest { resource_arn: FUNCTION.into(), policy: text.into(), revision_id: revision };
    assert_eq!(cloud.expect_fault::<PutResourcePolicy>(put(text, Some("stale".into()))).await.name(), "PreconditionFailedException");
    assert_eq!(cloud.expect_fault::<PutResourcePolicy>(put("{}", None)).await.name(), "InvalidParameterValueException");
    cloud.ok::<PutResourcePolicy>(put(text, found.revision_id)).await;
    let shown = cloud.ok::<GetPolicy>(GetPolicyRequest { function_name: "f".into(), qualifier: None }).await.policy.unwrap();
    assert!(shown.contains("two") && !shown.contains("sns"));
    cloud.ok::<DeleteResourcePolicy>(DeleteResourcePolicyRequest { resource_arn: FUNCTION.into(), revision_id: None }).await;
    assert_eq!(cloud.expect_fault::<GetResourcePolicy>(get()).await.status(), 404);
}

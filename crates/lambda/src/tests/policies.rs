use super::fixture::*;
use cloudlet_api_lambda::*;
use serde_json::{Value, json};

fn policy(name: &str, qualifier: Option<&str>) -> GetPolicyRequest {
    GetPolicyRequest { function_name: name.into(), qualifier: qualifier.map(Into::into) }
}

#[tokio::test]
async fn statements_are_written_as_aws_writes_them() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    let source = AddPermissionRequest {
        source_arn: Some("arn:aws:s3:::b".into()),
        source_account: Some("000000000000".into()),
        ..permission("f", "s3", "s3.amazonaws.com")
    };
    let added = cloud.ok::<AddPermission>(source.clone()).await.statement.unwrap();
    let expected = r#"{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","Condition":{"StringEquals":{"AWS:SourceAccount":"000000000000"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}}"#;
    assert_eq!(added, expected);
    let text = cloud.ok::<GetPolicy>(policy("f", None)).await.policy.unwrap();
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["Version"], &shown["Id"]), (&json!("2012-10-17"), &json!("default")));
    let fault = cloud.expect_fault::<AddPermission>(source).await;
    assert_eq!(fault.name(), "ResourceConflictException");
    let fault = cloud.expect_fault::<AddPermission>(permission("f", "x", "nobody")).await;
    assert_eq!(fault.message(), "The provided principal was invalid. Please check the principal and try again.");
    let url = AddPermissionRequest { function_url_auth_type: Some("NONE".into()), ..permission("f", "x", "*") };
    let text = "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action";
    assert_eq!(cloud.expect_fault::<AddPermission>(url.clone()).await.message(), text);
    cloud.ok::<AddPermission>(AddPermissionRequest { action: "lambda:InvokeFunctionUrl".into(), ..url }).await;
    let latest = AddPermissionRequest { qualifier: Some("$LATEST".into()), ..permission("f", "x", "*") };
    assert_eq!(cloud.expect_fault::<AddPermission>(latest).await.message(), "We currently do not support adding policies for $LATEST.");
}

#[tokio::test]
async fn a_version_and_an_alias_have_policies_of_their_own() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    cloud.ok::<PublishVersion>(publish("f")).await;
    cloud.ok::<AddPermission>(AddPermissionRequest { qualifier: Some("1".into()), ..permission("f", "a", "sns.amazonaws.com") }).await;
    assert!(cloud.ok::<GetPolicy>(policy("f", Some("1"))).await.policy.unwrap().contains(&format!("{FUNCTION}:1")));
    let fault = cloud.expect_fault::<GetPolicy>(policy("f", None)).await;
    assert_eq!(said(&fault), ("ResourceNotFoundException", "The resource you requested does not exist."));
    let remove = RemovePermissionRequest {
        function_name: "f".into(),
        statement_id: "a".into(),
        qualifier: Some("1".into()),
        ..RemovePermissionRequest::default()
    };
    let stale = RemovePermissionRequest { revision_id: Some("1".into()), ..remove.clone() };
    assert_eq!(cloud.expect_fault::<RemovePermission>(stale).await.status(), 412);
    cloud.ok::<RemovePermission>(remove.clone()).await;
    assert_eq!(cloud.expect_fault::<RemovePermission>(remove).await.message(), "No policy is associated with the given resource.");
}

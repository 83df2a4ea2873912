use super::fixture::*;
use cloudlet_api_iam::*;

fn custom(policies: &[&str], actions: &[&str], resources: &[&str]) -> SimulateCustomPolicyRequest {
    SimulateCustomPolicyRequest {
        policy_input_list: policies.iter().map(|text| (*text).to_owned()).collect(),
        action_names: actions.iter().map(|text| (*text).to_owned()).collect(),
        resource_arns: Some(resources.iter().map(|text| (*text).to_owned()).collect()),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_custom_policy_simulation_has_matched_statements_and_missing_keys() {
    let cloud = TestCloud::new();
    let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/secret",
        "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}}"#;
    let mut input = custom(&[allow, deny], &["s3:GetObject", "s3:PutObject"], &["arn:aws:s3:::b/secret"]);
    let results = cloud.ok::<SimulateCustomPolicy>(input.clone()).await.evaluation_results.unwrap();
    let decisions: Vec<_> = results.iter().map(|one| one.eval_decision.as_str()).collect();
    assert_eq!(decisions, ["allowed", "implicitDeny"]);
    assert_eq!(results[0].missing_context_values.as_deref(), Some(["aws:MultiFactorAuthPresent".to_owned()].as_slice()));
    assert_eq!(results[0].matched_statements.as_ref().unwrap()[0].source_policy_id.as_deref(), Some("PolicyInputList.1"));
    input.context_entries = Some(vec![ContextEntry {
        context_key_name: Some("aws:MultiFactorAuthPresent".into()),
        context_key_values: Some(vec!["false".into()]),
        context_key_type: Some("boolean".into()),
    }]);
    let results = cloud.ok::<SimulateCustomPolicy>(input).await.evaluation_results.unwrap();
    assert_eq!(results[0].eval_decision, "explicitDeny");
    assert_eq!(results[0].matched_statements.as_ref().unwrap()[0].source_policy_id.as_deref(), Some("PolicyInputList.2"));
}

#[tokio::test]
async fn organization_policies_and_boundaries_are_simulated() {
    let cloud = TestCloud::new();
    let scp = |action: &str| OrderedOrganizationPolicyType {
        service_control_policy_input_list: Some(vec![ALLOW_ALL.replace("\"Action\":\"*\"", &format!("\"Action\":\"{action}\""))]),
    };
    let mut input = custom(&[ALLOW_ALL], &["sqs:SendMessage"], &["*"]);
    input.ordered_organization_policy_input_list = Some(vec![scp("*"), scp("s3:*")]);
    input.permissions_boundary_policy_input_list = Some(vec![ALLOW_ALL.to_owned()]);
    let result = cloud.ok::<SimulateCustomPolicy>(input).await.evaluation_results.unwrap().remove(0);
    assert_eq!(result.eval_decision, "implicitDeny");
    assert_eq!(result.organizations_decision_detail.unwrap().allowed_by_organizations, Some(false));
    assert_eq!(result.permissions_boundary_decision_detail.unwrap().allowed_by_permissions_boundary, Some(true));
}

#[tokio::test]
async fn a_principal_is_simulated_with_the_policies_of_its_groups() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: "g".into(), path: None }).await;
    cloud.ok::<AddUserToGroup>(AddUserToGroupRequest { group_name: "g".into(), user_name: "u".into() }).await;
    let input = PutGroupPolicyRequest { group_name: "g".into(), policy_name: "p".into(), policy_document: ALLOW_ALL.into() };
    cloud.ok::<PutGroupPolicy>(input).await;
    for arn in ["user/u", "group/g"] {
        let input = SimulatePrincipalPolicyRequest {
            policy_source_arn: format!("arn:aws:iam::123456789012:{arn}"),
            action_names: vec!["s3:PutObject".into()],
            ..Default::default()
        };
        let result = cloud.ok::<SimulatePrincipalPolicy>(input).await.evaluation_results.unwrap().remove(0);
        assert_eq!(result.eval_decision, "allowed");
        assert_eq!(result.matched_statements.unwrap()[0].source_policy_id.as_deref(), Some("group_g_p"));
    }
}

#[tokio::test]
async fn the_context_keys_of_a_policy_are_listed() {
    let cloud = TestCloud::new();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}",
        "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}"#;
    let input = GetContextKeysForCustomPolicyRequest { policy_input_list: vec![policy.into()] };
    let names = cloud.ok::<GetContextKeysForCustomPolicy>(input).await.context_key_names.unwrap();
    assert_eq!(names, ["aws:SourceIp", "aws:username"]);
}

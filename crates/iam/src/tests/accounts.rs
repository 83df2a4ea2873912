use super::fixture::*;
use cloudlet_api_iam::*;
use cloudlet_shape::Empty;

#[tokio::test]
async fn a_credential_report_lists_every_user_and_expires() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    assert_eq!(cloud.fails::<GetCredentialReport>(Empty {}).await.0, "ReportNotPresent");
    assert_eq!(cloud.ok::<GenerateCredentialReport>(Empty {}).await.state.as_deref(), Some("STARTED"));
    assert_eq!(cloud.ok::<GenerateCredentialReport>(Empty {}).await.state.as_deref(), Some("COMPLETE"));
    let report = cloud.ok::<GetCredentialReport>(Empty {}).await.content.unwrap();
    let text = String::from_utf8(report.to_vec()).unwrap();
    let columns: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(columns, [22, 22, 22]);
    assert!(text.contains("<root_account>,arn:aws:iam::123456789012:root") && text.contains("u,arn:aws:iam::123456789012:user/u"));
    cloud.advance(4 * 3600);
    assert_eq!(cloud.fails::<GetCredentialReport>(Empty {}).await.0, "ReportExpired");
}

#[tokio::test]
async fn the_account_summary_and_the_authorization_details_list_users_and_roles() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    cloud.role("r", LAMBDA_TRUST).await;
    let input = AttachRolePolicyRequest { role_name: "r".into(), policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".into() };
    cloud.ok::<AttachRolePolicy>(input).await;
    let summary = cloud.ok::<GetAccountSummary>(Empty {}).await.summary_map.unwrap();
    assert_eq!((summary["Users"], summary["Roles"], summary["UsersQuota"]), (1, 1, 5000));
    let details = cloud.ok::<GetAccountAuthorizationDetails>(GetAccountAuthorizationDetailsRequest::default()).await;
    assert_eq!((details.user_detail_list.unwrap().len(), details.role_detail_list.unwrap().len()), (1, 1));
    assert_eq!(details.policies.unwrap()[0].policy_name.as_deref(), Some("AdministratorAccess"));
}

#[tokio::test]
async fn an_alias_belongs_to_one_account() {
    let cloud = TestCloud::new();
    let alias = |name: &str| CreateAccountAliasRequest { account_alias: name.into() };
    cloud.ok::<CreateAccountAlias>(alias("acme")).await;
    assert_eq!(cloud.ok::<ListAccountAliases>(ListAccountAliasesRequest::default()).await.account_aliases, ["acme"]);
    let other = cloudlet_aws::Caller::root(cloudlet_aws::Account::parse("999988887777").unwrap(), "aws", None);
    let fault = cloud.call_as::<CreateAccountAlias>(&other, alias("acme")).await.err().unwrap();
    assert_eq!((fault.code(), fault.message()), ("EntityAlreadyExists", "The account alias acme already exists."));
    cloud.ok::<DeleteAccountAlias>(DeleteAccountAliasRequest { account_alias: "acme".into() }).await;
}

#[tokio::test]
async fn every_operation_has_an_action_and_records_a_decision() {
    let cloud = TestCloud::new();
    let service = cloud.iam();
    for (operation, handled) in service.operations().filter(|(_, handled)| *handled) {
        assert!(handled && operation.access.first().is_some_and(|access| access.action.starts_with("iam:")), "{}", operation.name);
    }
    cloud.ok::<ListUsers>(ListUsersRequest::default()).await;
    assert!(cloud.calls().iter().all(|call| !call.auth_records.is_empty()));
}

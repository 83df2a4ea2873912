//! Calls through `Cloud`, with a stopped clock and without HTTP.

use crate::service;
use cloudlet_api_organizations::*;
use cloudlet_aws::Account as AccountId;
use cloudlet_testing::TestCloud;

fn cloud() -> TestCloud {
    TestCloud::builder().for_principals().service(|parts| service(parts.identity.clone())).build()
}

#[tokio::test]
async fn an_attached_policy_limits_the_accounts_below() {
    let cloud = cloud();
    cloud.ok::<CreateOrganization>(CreateOrganizationRequest::default()).await;
    let root = cloud.ok::<ListRoots>(ListRootsRequest::default()).await.roots.unwrap().remove(0).id.unwrap();
    let unit = CreateOrganizationalUnitRequest { parent_id: root.clone(), name: "dev".into(), tags: None };
    let unit = cloud.ok::<CreateOrganizationalUnit>(unit).await.organizational_unit.unwrap().id.unwrap();
    let create = CreateAccountRequest { email: "m@example.com".into(), account_name: "member".into(), ..Default::default() };
    let request = cloud.ok::<CreateAccount>(create).await.create_account_status.unwrap().id.unwrap();
    let input = DescribeCreateAccountStatusRequest { create_account_request_id: request };
    let status = cloud.ok::<DescribeCreateAccountStatus>(input).await.create_account_status.unwrap();
    assert_eq!(status.state.as_deref(), Some("SUCCEEDED"));
    let id = status.account_id.unwrap();
    let member = AccountId::parse(&id).unwrap();
    assert!(cloud.identity.read(|state| state.role(member, "OrganizationAccountAccessRole").is_some()));
    let to = MoveAccountRequest { account_id: id, source_parent_id: root.clone(), destination_parent_id: unit.clone() };
    cloud.ok::<MoveAccount>(to).await;

    let describe = || cloud.call::<DescribeOrganization>(cloudlet_shape::Empty {});
    let as_member = cloudlet_testing::root(member);
    assert!(cloud.call_as::<DescribeOrganization>(&as_member, cloudlet_shape::Empty {}).await.is_ok());
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"organizations:*","Resource":"*"}}"#;
    let input = CreatePolicyRequest {
        content: deny.into(),
        description: String::new(),
        name: "deny".into(),
        r#type: "SERVICE_CONTROL_POLICY".into(),
        tags: None,
    };
    let policy = cloud.ok::<CreatePolicy>(input).await.policy.unwrap().policy_summary.unwrap().id.unwrap();
    let attach = AttachPolicyRequest { policy_id: policy.clone(), target_id: unit.clone() };
    assert_eq!(cloud.call::<AttachPolicy>(attach.clone()).await.err().unwrap().code(), "PolicyTypeNotEnabledException");
    let enable = EnablePolicyTypeRequest { root_id: root, policy_type: "SERVICE_CONTROL_POLICY".into() };
    cloud.ok::<EnablePolicyType>(enable).await;
    cloud.ok::<AttachPolicy>(attach).await;
    let fault = cloud.call_as::<DescribeOrganization>(&as_member, cloudlet_shape::Empty {}).await.err().unwrap();
    assert_eq!(fault.code(), "AccessDeniedException");
    assert!(fault.message().contains("with an explicit deny in a service control policy"), "{fault}");
    assert!(describe().await.is_ok(), "SCPs do not limit the management account");

    let listed = ListPoliciesForTargetRequest { target_id: unit.clone(), filter: "SERVICE_CONTROL_POLICY".into(), ..Default::default() };
    let names: Vec<_> = cloud.ok::<ListPoliciesForTarget>(listed).await.policies.unwrap().into_iter().filter_map(|one| one.name).collect();
    assert_eq!(names, ["FullAWSAccess", "deny"]);
    cloud.ok::<DetachPolicy>(DetachPolicyRequest { policy_id: policy, target_id: unit.clone() }).await;
    let last = DetachPolicyRequest { policy_id: "p-FullAWSAccess".into(), target_id: unit };
    assert_eq!(cloud.call::<DetachPolicy>(last).await.err().unwrap().code(), "ConstraintViolationException");
    assert!(cloud.call_as::<DescribeOrganization>(&as_member, cloudlet_shape::Empty {}).await.is_ok());
}

#[tokio::test]
async fn other_accounts_cannot_manage_the_organization() {
    let cloud = cloud();
    let other = cloudlet_testing::root(AccountId::parse("999988887777").unwrap());
    let fault = cloud.call::<DescribeOrganization>(cloudlet_shape::Empty {}).await;
    assert_eq!(fault.err().unwrap().code(), "AWSOrganizationsNotInUseException");
    cloud.ok::<CreateOrganization>(CreateOrganizationRequest::default()).await;
    let fault = cloud.call_as::<ListAccounts>(&other, ListAccountsRequest::default()).await.err().unwrap();
    assert_eq!(fault.code(), "AWSOrganizationsNotInUseException");
    let again = cloud.call::<CreateOrganization>(CreateOrganizationRequest::default()).await.err().unwrap();
    assert_eq!(again.code(), "AlreadyInOrganizationException");
}

#[tokio::test]
async fn pages_skip_no_unit_when_units_are_deleted_meanwhile() {
    let cloud = cloud();
    cloud.ok::<CreateOrganization>(CreateOrganizationRequest::default()).await;
    let root = cloud.ok::<ListRoots>(ListRootsRequest::default()).await.roots.unwrap().remove(0).id.unwrap();
    for number in 0..5 {
        let unit = CreateOrganizationalUnitRequest { parent_id: root.clone(), name: format!("unit{number}"), tags: None };
        cloud.ok::<CreateOrganizationalUnit>(unit).await;
    }
    let list = |next_token: Option<String>| ListOrganizationalUnitsForParentRequest { parent_id: root.clone(), next_token, max_results: Some(2) };
    let first = cloud.ok::<ListOrganizationalUnitsForParent>(list(None)).await;
    let mut seen = Vec::new();
    for unit in first.organizational_units.unwrap() {
        let delete = DeleteOrganizationalUnitRequest { organizational_unit_id: unit.id.clone().unwrap() };
        cloud.ok::<DeleteOrganizationalUnit>(delete).await;
        seen.push(unit.id.unwrap());
    }
    let mut next_token = first.next_token.clone();
    while next_token.is_some() {
        let page = cloud.ok::<ListOrganizationalUnitsForParent>(list(next_token)).await;
        seen.extend(page.organizational_units.unwrap().into_iter().filter_map(|unit| unit.id));
        next_token = page.next_token;
    }
    assert_eq!(seen.len(), 5);
    let other = ListAccountsRequest { next_token: first.next_token, max_results: None };
    assert_eq!(cloud.expect_fault::<ListAccounts>(other).await.code(), "InvalidInputException", "a token of another list");
}

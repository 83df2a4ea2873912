//! Calls through `Cloud`, with a stopped clock and without HTTP.

use crate::service;
use cloudlet_api_organizations::*;
use cloudlet_aws::{Account as AccountId, Caller, Fault, Region, Scope, Timestamp};
use cloudlet_cloud::{Cloud, EntryPoint, Settings};
use cloudlet_engine::{Call, Clock, Ids, Origin, Runtime};
use cloudlet_identity::{Identity, Root as RootKey, Secret};
use cloudlet_shape::Operation;
use std::sync::Arc;

struct TestCloud {
    inner: Arc<Cloud>,
    identity: Identity,
    root: Caller,
}

impl TestCloud {
    fn new() -> TestCloud {
        let account = AccountId::parse("123456789012").unwrap();
        let key = RootKey { account, partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
        let identity = Identity::new(key);
        let runtime = Runtime::new(Clock::stopped_at(Timestamp::from_secs(1_800_000_000)), Ids::seeded(7));
        let cloud = Cloud::new(runtime, identity.clone(), vec![service(identity.clone())], Settings::default());
        TestCloud { inner: cloud, identity, root: Caller::root(account, "aws", Some("test")) }
    }

    async fn call<O: Operation>(&self, caller: &Caller, input: O::Input) -> Result<O::Output, Fault> {
        let scope = Scope::new(caller.account.unwrap(), Region::new("us-east-1"));
        let call = Call::of::<O>(caller.clone(), scope, Origin::default(), input);
        let answer = self.inner.perform(call, "request".into(), EntryPoint::Gateway).await.answer?;
        Ok(*answer.into_any().downcast::<O::Output>().unwrap())
    }

    async fn does<O: Operation>(&self, input: O::Input) -> O::Output {
        self.call::<O>(&self.root, input).await.unwrap()
    }
}

#[tokio::test]
async fn an_attached_policy_limits_the_accounts_below() {
    let cloud = TestCloud::new();
    cloud.does::<CreateOrganization>(CreateOrganizationRequest::default()).await;
    let root = cloud.does::<ListRoots>(ListRootsRequest::default()).await.roots.unwrap().remove(0).id.unwrap();
    let unit = CreateOrganizationalUnitRequest { parent_id: root.clone(), name: "dev".into(), tags: None };
    let unit = cloud.does::<CreateOrganizationalUnit>(unit).await.organizational_unit.unwrap().id.unwrap();
    let create = CreateAccountRequest { email: "m@example.com".into(), account_name: "member".into(), ..Default::default() };
    let request = cloud.does::<CreateAccount>(create).await.create_account_status.unwrap().id.unwrap();
    let input = DescribeCreateAccountStatusRequest { create_account_request_id: request };
    let status = cloud.does::<DescribeCreateAccountStatus>(input).await.create_account_status.unwrap();
    assert_eq!(status.state.as_deref(), Some("SUCCEEDED"));
    let id = status.account_id.unwrap();
    let member = AccountId::parse(&id).unwrap();
    assert!(cloud.identity.read(|state| state.role(member, "OrganizationAccountAccessRole").is_some()));
    let to = MoveAccountRequest { account_id: id, source_parent_id: root.clone(), destination_parent_id: unit.clone() };
    cloud.does::<MoveAccount>(to).await;

    let describe = || cloud.call::<DescribeOrganization>(&cloud.root, cloudlet_shape::Empty {});
    let as_member = Caller::root(member, "aws", None);
    assert!(cloud.call::<DescribeOrganization>(&as_member, cloudlet_shape::Empty {}).await.is_ok());
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"organizations:*","Resource":"*"}}"#;
    let input = CreatePolicyRequest {
        content: deny.into(),
        description: String::new(),
        name: "deny".into(),
        r#type: "SERVICE_CONTROL_POLICY".into(),
        tags: None,
    };
    let policy = cloud.does::<CreatePolicy>(input).await.policy.unwrap().policy_summary.unwrap().id.unwrap();
    let attach = AttachPolicyRequest { policy_id: policy.clone(), target_id: unit.clone() };
    assert_eq!(cloud.call::<AttachPolicy>(&cloud.root, attach.clone()).await.err().unwrap().code(), "PolicyTypeNotEnabledException");
    let enable = EnablePolicyTypeRequest { root_id: root, policy_type: "SERVICE_CONTROL_POLICY".into() };
    cloud.does::<EnablePolicyType>(enable).await;
    cloud.does::<AttachPolicy>(attach).await;
    let fault = cloud.call::<DescribeOrganization>(&as_member, cloudlet_shape::Empty {}).await.err().unwrap();
    assert_eq!(fault.code(), "AccessDeniedException");
    assert!(fault.message().contains("with an explicit deny in a service control policy"), "{fault}");
    assert!(describe().await.is_ok(), "SCPs do not limit the management account");

    let listed = ListPoliciesForTargetRequest { target_id: unit.clone(), filter: "SERVICE_CONTROL_POLICY".into(), ..Default::default() };
    let names: Vec<_> = cloud.does::<ListPoliciesForTarget>(listed).await.policies.unwrap().into_iter().filter_map(|one| one.name).collect();
    assert_eq!(names, ["FullAWSAccess", "deny"]);
    cloud.does::<DetachPolicy>(DetachPolicyRequest { policy_id: policy, target_id: unit.clone() }).await;
    let last = DetachPolicyRequest { policy_id: "p-FullAWSAccess".into(), target_id: unit };
    assert_eq!(cloud.call::<DetachPolicy>(&cloud.root, last).await.err().unwrap().code(), "ConstraintViolationException");
    assert!(cloud.call::<DescribeOrganization>(&as_member, cloudlet_shape::Empty {}).await.is_ok());
}

#[tokio::test]
async fn other_accounts_cannot_manage_the_organization() {
    let cloud = TestCloud::new();
    let other = Caller::root(AccountId::parse("999988887777").unwrap(), "aws", None);
    let fault = cloud.call::<DescribeOrganization>(&cloud.root, cloudlet_shape::Empty {}).await;
    assert_eq!(fault.err().unwrap().code(), "AWSOrganizationsNotInUseException");
    cloud.does::<CreateOrganization>(CreateOrganizationRequest::default()).await;
    let fault = cloud.call::<ListAccounts>(&other, ListAccountsRequest::default()).await.err().unwrap();
    assert_eq!(fault.code(), "AWSOrganizationsNotInUseException");
    let again = cloud.call::<CreateOrganization>(&cloud.root, CreateOrganizationRequest::default()).await.err().unwrap();
    assert_eq!(again.code(), "AlreadyInOrganizationException");
}

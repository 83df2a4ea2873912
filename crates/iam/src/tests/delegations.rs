//! Temporary delegation from the request to the token, with a stand-in for SNS.

use super::fixture::builder;
use cloudlet_api_iam::*;
use cloudlet_api_sns::{Publish, PublishInput, PublishResponse};
use cloudlet_aws::{Account, Arn, Caller, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use cloudlet_identity::Partners;
use cloudlet_policy::{Document, Kind, Policy};
use cloudlet_shape::Operation;
use cloudlet_testing::root;
use serde_json::Value;
use std::{
    ops::Deref,
    sync::{Arc, Mutex},
};

const TEMPLATE: &str = "arn:aws:iam::partner:delegation-template/example.com/setup";
const BOUNDARY: &str = "arn:aws:iam::partner:policy/permissions-boundary/example.com/Worker_20250115";
const TOPIC: &str = "arn:aws:sns:us-east-1:222222222222:notices";
const DAY: u64 = 86_400;

fn partners() -> Partners {
    let text = format!(
        r#"[{{"name":"Example Corp","accounts":["222222222222"],
        "templates":{{"{TEMPLATE}":{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::@{{bucketNames}}/*"}},
            {{"@Enabled":"ROLES","Effect":"Allow","Action":"iam:CreateRole","Resource":"*",
              "Condition":{{"StringEquals":{{"iam:PermissionsBoundary":"{BOUNDARY}"}}}}}}]}}}},
        "boundaries":{{"{BOUNDARY}":{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}}}}}}}]"#
    );
    Partners::parse(&text).unwrap()
}

/// A stand-in for SNS: a topic whose policy allows IAM to publish.
#[derive(Default)]
struct Topic(Mutex<Vec<(Arc<str>, Value)>>);

impl Handle<Publish> for Topic {
    fn permissions(&self, _: &Cx, input: &PublishInput) -> Result<Permissions, Fault> {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"iam.amazonaws.com"},"Action":"SNS:Publish","Resource":"*"}}"#;
        let policy = Policy { name: "topic".into(), document: Document::parse(text, Kind::Resource).unwrap() };
        Ok(Permission::action("SNS:Publish", Arn::parse(input.topic_arn.as_deref().unwrap()).unwrap()).with_policy(Some(policy)).into())
    }

    async fn handle(&self, cx: &Cx, input: PublishInput) -> Result<PublishResponse, Fault> {
        assert_eq!((cx.scope.account.as_str(), input.topic_arn.as_deref()), ("222222222222", Some(TOPIC)));
        self.0.lock().unwrap().push((cx.caller.arn.clone(), serde_json::from_str(&input.message).unwrap()));
        Ok(PublishResponse::default())
    }
}

struct TestCloud {
    cloud: cloudlet_testing::TestCloud,
    topic: Arc<Topic>,
    partner: Caller,
    customer: Caller,
}

impl Deref for TestCloud {
    type Target = cloudlet_testing::TestCloud;

    fn deref(&self) -> &Self::Target {
        &self.cloud
    }
}

impl TestCloud {
    fn new() -> TestCloud {
        let topic = Arc::new(Topic::default());
        let sns = topic.clone();
        let builder = builder().partners(partners());
        let cloud = builder.service(move |_| Service::of(&cloudlet_api_sns::SERVICE, sns.clone()).handles::<Publish>().build()).build();
        TestCloud { partner: root(Account::parse("222222222222").unwrap()), customer: cloud.root(), cloud, topic }
    }

    async fn fails<O: Operation>(&self, caller: &Caller, input: O::Input) -> String {
        self.call_as::<O>(caller, input).await.err().map(|fault| fault.code().to_owned()).unwrap_or_else(|| "no fault".to_owned())
    }

    /// A user of the customer, with a policy or none.
    async fn user(&self, name: &str, policy: Option<&str>) -> Caller {
        let input = CreateUserRequest { user_name: name.into(), ..Default::default() };
        let user = self.call_as::<CreateUser>(&self.customer, input).await.unwrap().user.unwrap();
        if let Some(text) = policy {
            let input = PutUserPolicyRequest { user_name: name.into(), policy_name: "p".into(), policy_document: text.into() };
            self.call_as::<PutUserPolicy>(&self.customer, input).await.unwrap();
        }
        Caller { arn: user.arn.as_str().into(), unique_id: user.user_id.as_str().into(), ..cloudlet_testing::user(self.account(), name) }
    }

    async fn create_request(&self, input: CreateDelegationRequestRequest) -> String {
        self.call_as::<CreateDelegationRequest>(&self.partner, input).await.unwrap().delegation_request_id.unwrap()
    }

    async fn associate(&self, caller: &Caller, id: &str) {
        self.call_as::<AssociateDelegationRequest>(caller, AssociateDelegationRequestRequest { delegation_request_id: id.into() }).await.unwrap();
    }

    async fn get(&self, caller: &Caller, id: &str) -> DelegationRequest {
        self.call_as::<GetDelegationRequest>(caller, get(id)).await.unwrap().delegation_request.unwrap()
    }

    async fn state(&self, caller: &Caller, id: &str) -> String {
        self.get(caller, id).await.state.unwrap()
    }

    /// The type and state of the messages since the last call.
    async fn notifications(&self) -> Vec<String> {
        self.settle().await;
        let messages = std::mem::take(&mut *self.topic.0.lock().unwrap());
        assert!(messages.iter().all(|(who, _)| &**who == "iam.amazonaws.com"));
        messages.iter().map(|(_, message)| format!("{} {}", message["Type"].as_str().unwrap(), message["State"].as_str().unwrap())).collect()
    }
}

fn request(workflow: &str) -> CreateDelegationRequestRequest {
    let buckets =
        PolicyParameter { name: Some("bucketNames".into()), values: Some(vec!["one".into(), "two".into()]), r#type: Some("stringList".into()) };
    CreateDelegationRequestRequest {
        description: "sets things up".into(),
        permissions: DelegationPermission { policy_template_arn: Some(TEMPLATE.into()), parameters: Some(vec![buckets]) },
        requestor_workflow_id: workflow.into(),
        notification_channel: TOPIC.into(),
        session_duration: 3_600,
        ..Default::default()
    }
}

fn get(id: &str) -> GetDelegationRequestRequest {
    GetDelegationRequestRequest { delegation_request_id: id.into(), delegation_permission_check: None }
}

fn accept(id: &str) -> AcceptDelegationRequestRequest {
    AcceptDelegationRequestRequest { delegation_request_id: id.into() }
}

fn send(id: &str) -> SendDelegationTokenRequest {
    SendDelegationTokenRequest { delegation_request_id: id.into() }
}

fn update(id: &str) -> UpdateDelegationRequestRequest {
    UpdateDelegationRequestRequest { delegation_request_id: id.into(), notes: Some("please look".into()) }
}

fn reject(id: &str) -> RejectDelegationRequestRequest {
    RejectDelegationRequestRequest { delegation_request_id: id.into(), notes: Some("not now".into()) }
}

const MAY_ACCEPT: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:AcceptDelegationRequest","iam:SendDelegationToken",
    "iam:GetDelegationRequest","s3:*"],"Resource":"*"}}"#;

#[tokio::test]
async fn a_request_is_associated_updated_accepted_and_its_token_is_sent() {
    let cloud = TestCloud::new();
    let (owner, admin) = (cloud.user("owner", None).await, cloud.user("admin", Some(MAY_ACCEPT)).await);
    let id = cloud.create_request(request("workflow-1")).await;
    assert_eq!(cloud.state(&owner, &id).await, "UNASSIGNED");
    cloud.associate(&owner, &id).await;
    // The owner needs no policy to update the request, but has none to accept it.
    assert_eq!(cloud.fails::<AcceptDelegationRequest>(&owner, accept(&id)).await, "AccessDenied");
    cloud.call_as::<UpdateDelegationRequest>(&owner, update(&id)).await.unwrap();
    assert_eq!(cloud.fails::<SendDelegationToken>(&owner, send(&id)).await, "InvalidInput");
    cloud.call_as::<AcceptDelegationRequest>(&admin, accept(&id)).await.unwrap();
    cloud.advance(60);
    cloud.call_as::<SendDelegationToken>(&owner, send(&id)).await.unwrap();

    let shown = cloud.get(&owner, &id).await;
    assert_eq!((shown.state.as_deref(), shown.owner_id.as_deref()), (Some("FINALIZED"), Some("arn:aws:iam::123456789012:user/owner")));
    assert_eq!((shown.approver_id.as_deref(), shown.notes.as_deref()), (Some("arn:aws:iam::123456789012:user/admin"), Some("please look")));
    assert_eq!((shown.requestor_id.as_deref(), shown.requestor_name.as_deref()), (Some("222222222222"), Some("Example Corp")));
    assert_eq!(
        shown.permission_policy.as_deref(),
        Some(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::one/*","arn:aws:s3:::two/*"]}]}"#
        )
    );
    cloud.settle().await;
    let messages = cloud.topic.0.lock().unwrap().clone();
    let last = &messages.last().unwrap().1;
    assert_eq!((&last["RequestId"], &last["RequestorWorkflowId"]), (&Value::from(id.as_str()), &Value::from("workflow-1")));
    assert_eq!((&last["OwnerAccountId"], &last["UpdatedAt"]), (&Value::from("123456789012"), &Value::from("2027-01-15T08:01:00.000Z")));
    assert_eq!(last["ExpiresAt"], "2027-01-15T09:01:00.000Z");
    assert!(last["ExchangeToken"].as_str().unwrap().len() > 64);
    let notifications = cloud.notifications().await;
    let states = ["ASSIGNED", "PENDING_APPROVAL", "ACCEPTED", "FINALIZED"].map(|state| format!("StateChange {state}"));
    assert_eq!(notifications, [states.as_slice(), &["ExchangeToken FINALIZED".to_owned()]].concat());
}

#[tokio::test]
async fn each_operation_requires_the_documented_states() {
    let cloud = TestCloud::new();
    let root = cloud.customer.clone();
    let id = cloud.create_request(request("workflow-1")).await;
    for step in [cloud.fails::<AcceptDelegationRequest>(&root, accept(&id)).await, cloud.fails::<UpdateDelegationRequest>(&root, update(&id)).await] {
        // An unassigned request has no account, so the permission is on the caller's account.
        assert_eq!(step, "InvalidInput");
    }
    cloud.associate(&root, &id).await;
    let again = AssociateDelegationRequestRequest { delegation_request_id: id.clone() };
    assert_eq!(cloud.fails::<AssociateDelegationRequest>(&root, again).await, "InvalidInput");
    cloud.call_as::<AcceptDelegationRequest>(&root, accept(&id)).await.unwrap();
    assert_eq!(cloud.fails::<UpdateDelegationRequest>(&root, update(&id)).await, "InvalidInput");
    cloud.call_as::<RejectDelegationRequest>(&root, reject(&id)).await.unwrap();
    let shown = cloud.get(&root, &id).await;
    assert_eq!((shown.state.as_deref(), shown.rejection_reason.as_deref(), shown.approver_id), (Some("REJECTED"), Some("not now"), None));
    for step in [
        cloud.fails::<SendDelegationToken>(&root, send(&id)).await,
        cloud.fails::<AcceptDelegationRequest>(&root, accept(&id)).await,
        cloud.fails::<RejectDelegationRequest>(&root, reject(&id)).await,
    ] {
        assert_eq!(step, "InvalidInput");
    }
    assert_eq!(cloud.fails::<AcceptDelegationRequest>(&root, accept("dr-0123456789abcdef")).await, "NoSuchEntity");
    assert_eq!(cloud.notifications().await, ["StateChange ASSIGNED", "StateChange ACCEPTED", "StateChange REJECTED"]);
}

#[tokio::test]
async fn a_request_expires_and_the_partner_is_notified() {
    let cloud = TestCloud::new();
    let root = cloud.customer.clone();
    let (alone, owned) = (cloud.create_request(request("workflow-1")).await, cloud.create_request(request("workflow-2")).await);
    cloud.associate(&root, &owned).await;
    cloud.notifications().await;
    cloud.advance(DAY - 1);
    assert_eq!((cloud.state(&root, &alone).await.as_str(), cloud.notifications().await.len()), ("UNASSIGNED", 0));
    cloud.advance(1);
    assert_eq!(cloud.state(&root, &alone).await, "EXPIRED");
    assert_eq!(cloud.notifications().await, ["StateChange EXPIRED"]);
    cloud.advance(6 * DAY - 1);
    // A new state begins a new week.
    cloud.call_as::<AcceptDelegationRequest>(&root, accept(&owned)).await.unwrap();
    cloud.advance(7 * DAY - 1);
    assert_eq!((cloud.state(&root, &owned).await.as_str(), cloud.notifications().await), ("ACCEPTED", vec!["StateChange ACCEPTED".to_owned()]));
    cloud.advance(1);
    assert_eq!(cloud.fails::<SendDelegationToken>(&root, send(&owned)).await, "InvalidInput");
    assert_eq!((cloud.state(&root, &owned).await.as_str(), cloud.notifications().await), ("EXPIRED", vec!["StateChange EXPIRED".to_owned()]));
    cloud.advance(30 * DAY);
    cloud.settle().await;
    assert_eq!(cloud.fails::<GetDelegationRequest>(&root, get(&owned)).await, "NoSuchEntity");
}

#[tokio::test]
async fn only_the_named_account_and_then_the_owner_may_see_a_request() {
    let cloud = TestCloud::new();
    let (owner, other) = (cloud.user("owner", None).await, cloud.user("other", None).await);
    let id = cloud.create_request(CreateDelegationRequestRequest { owner_account_id: Some("123456789012".into()), ..request("workflow-1") }).await;
    let associate = || AssociateDelegationRequestRequest { delegation_request_id: id.clone() };
    for other_account in [&cloud.partner, &Caller::root(Account::parse("333333333333").unwrap(), "aws", None)] {
        assert_eq!(cloud.fails::<GetDelegationRequest>(other_account, get(&id)).await, "AccessDenied");
        assert_eq!(cloud.fails::<AssociateDelegationRequest>(other_account, associate()).await, "AccessDenied");
    }
    let list = |owner: Option<&Caller>| ListDelegationRequestsRequest { owner_id: owner.map(|owner| owner.arn.to_string()), ..Default::default() };
    let listed = |answer: ListDelegationRequestsResponse| answer.delegation_requests.unwrap().len();
    assert_eq!(listed(cloud.call_as::<ListDelegationRequests>(&cloud.customer, list(None)).await.unwrap()), 0);
    cloud.associate(&owner, &id).await;
    assert_eq!(cloud.fails::<GetDelegationRequest>(&other, get(&id)).await, "AccessDenied");
    assert_eq!(cloud.fails::<RejectDelegationRequest>(&other, reject(&id)).await, "AccessDenied");
    assert_eq!(listed(cloud.call_as::<ListDelegationRequests>(&owner, list(Some(&owner))).await.unwrap()), 1);
    assert_eq!(cloud.fails::<ListDelegationRequests>(&owner, list(None)).await, "AccessDenied");
    assert_eq!(cloud.fails::<ListDelegationRequests>(&other, list(Some(&owner))).await, "AccessDenied");
    assert_eq!(listed(cloud.call_as::<ListDelegationRequests>(&cloud.customer, list(None)).await.unwrap()), 1);
    assert_eq!(listed(cloud.call_as::<ListDelegationRequests>(&cloud.customer, list(Some(&other))).await.unwrap()), 0);
    // A policy can have a condition on the owner, and can deny what the owner is granted.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:RejectDelegationRequest","Resource":"*"},
        {"Effect":"Allow","Action":"iam:AcceptDelegationRequest","Resource":"arn:aws:iam::123456789012:delegation-request/*",
         "Condition":{"ArnEquals":{"iam:DelegationRequestOwner":"arn:aws:iam::123456789012:user/owner"}}}]}"#;
    let input = PutUserPolicyRequest { user_name: "owner".into(), policy_name: "p".into(), policy_document: policy.into() };
    cloud.call_as::<PutUserPolicy>(&cloud.customer, input).await.unwrap();
    assert_eq!(cloud.fails::<RejectDelegationRequest>(&owner, reject(&id)).await, "AccessDenied");
    cloud.call_as::<AcceptDelegationRequest>(&owner, accept(&id)).await.unwrap();
}

#[tokio::test]
async fn a_user_created_again_does_not_own_the_request() {
    let cloud = TestCloud::new();
    let owner = cloud.user("owner", None).await;
    let id = cloud.create_request(request("workflow-1")).await;
    cloud.associate(&owner, &id).await;
    cloud.call_as::<DeleteUser>(&cloud.customer, DeleteUserRequest { user_name: "owner".into() }).await.unwrap();
    let recreated = cloud.user("owner", None).await;
    assert_eq!(cloud.fails::<GetDelegationRequest>(&recreated, get(&id)).await, "AccessDenied");
}

#[tokio::test]
async fn only_send_by_owner_is_enforced_and_root_accepts_four_hours_at_most() {
    let cloud = TestCloud::new();
    let (owner, admin) = (cloud.user("owner", None).await, cloud.user("admin", Some(MAY_ACCEPT)).await);
    let long = CreateDelegationRequestRequest { only_send_by_owner: Some(true), session_duration: 14_401, ..request("workflow-1") };
    let id = cloud.create_request(long).await;
    cloud.associate(&owner, &id).await;
    assert_eq!(cloud.fails::<AcceptDelegationRequest>(&cloud.customer, accept(&id)).await, "InvalidInput");
    cloud.call_as::<AcceptDelegationRequest>(&admin, accept(&id)).await.unwrap();
    assert_eq!(cloud.fails::<SendDelegationToken>(&admin, send(&id)).await, "AccessDenied");
    assert_eq!(cloud.state(&owner, &id).await, "ACCEPTED");
    cloud.call_as::<SendDelegationToken>(&owner, send(&id)).await.unwrap();
    let short = cloud.create_request(CreateDelegationRequestRequest { session_duration: 14_400, ..request("workflow-2") }).await;
    cloud.associate(&cloud.customer, &short).await;
    cloud.call_as::<AcceptDelegationRequest>(&cloud.customer, accept(&short)).await.unwrap();
}

#[tokio::test]
async fn requests_of_unregistered_partners_are_refused() {
    let cloud = TestCloud::new();
    let code = async |change: &dyn Fn(&mut CreateDelegationRequestRequest)| {
        let mut input = request("workflow-x");
        change(&mut input);
        cloud.fails::<CreateDelegationRequest>(&cloud.partner, input).await
    };
    assert_eq!(code(&|input| input.permissions.policy_template_arn = None).await, "InvalidInput");
    assert_eq!(code(&|input| input.permissions.policy_template_arn = Some(format!("{TEMPLATE}-2"))).await, "InvalidInput");
    assert_eq!(code(&|input| input.permissions.parameters = None).await, "InvalidInput");
    assert_eq!(code(&|input| input.notification_channel = TOPIC.replace("222222222222", "123456789012")).await, "InvalidInput");
    assert_eq!(code(&|input| input.notification_channel = TOPIC.replace("us-east-1", "af-south-1")).await, "InvalidInput");
    assert_eq!(code(&|input| input.notification_channel = TOPIC.replace(":sns:", ":sqs:")).await, "InvalidInput");
    let long = |input: &mut CreateDelegationRequestRequest| {
        let parameter = &mut input.permissions.parameters.as_mut().unwrap()[0];
        parameter.values = Some(vec!["b".repeat(63); 40]);
    };
    assert_eq!(code(&long).await, "LimitExceeded");
    // An account that is not registered.
    assert_eq!(cloud.fails::<CreateDelegationRequest>(&cloud.customer, request("workflow-x")).await, "InvalidInput");
    cloud.create_request(request("workflow-1")).await;
    assert_eq!(cloud.fails::<CreateDelegationRequest>(&cloud.partner, request("workflow-1")).await, "EntityAlreadyExists");
}

#[tokio::test]
async fn the_permission_check_evaluates_the_callers_policies() {
    let cloud = TestCloud::new();
    let id = cloud.create_request(request("workflow-1")).await;
    let allow = |condition: &str| format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"*"{condition}}}}}"#);
    let all = cloud.user("all", Some(&allow(""))).await;
    let some = cloud.user("some", Some(&allow(r#","Condition":{"StringEquals":{"s3:prefix":"x"}}"#))).await;
    let none = cloud.user("none", None).await;
    for (who, result) in [(&all, "ALLOWED"), (&some, "UNSURE"), (&none, "DENIED"), (&cloud.customer, "ALLOWED")] {
        let input = GetDelegationRequestRequest { delegation_permission_check: Some(true), ..get(&id) };
        let answer = cloud.call_as::<GetDelegationRequest>(who, input).await.unwrap();
        assert_eq!(
            (answer.permission_check_status.as_deref(), answer.permission_check_result.as_deref()),
            (Some("COMPLETE"), Some(result)),
            "{}",
            who.arn
        );
    }
    assert_eq!(cloud.call_as::<GetDelegationRequest>(&all, get(&id)).await.unwrap().permission_check_status, None);
    let summary = |arn: &str| GetHumanReadableSummaryRequest { entity_arn: arn.into(), locale: Some("en".into()) };
    let arn = format!("arn:aws:iam::123456789012:delegation-request/{id}");
    let answer = cloud.call_as::<GetHumanReadableSummary>(&none, summary(&arn)).await.unwrap();
    assert_eq!((answer.summary_state.as_deref(), answer.summary_content), (Some("NOT_SUPPORTED"), None));
    assert_eq!(cloud.fails::<GetHumanReadableSummary>(&cloud.customer, summary(&arn.replace("dr-", "dr-x"))).await, "NoSuchEntity");
    assert_eq!(cloud.fails::<GetHumanReadableSummary>(&none, summary("arn:aws:iam::123456789012:user/none")).await, "InvalidInput");
}

#[tokio::test]
async fn a_partners_boundary_works_on_roles_and_is_listed_by_the_request() {
    let cloud = TestCloud::new();
    let mut input = request("workflow-1");
    let on = PolicyParameter { name: Some("ROLES".into()), values: Some(vec!["True".into()]), r#type: Some("string".into()) };
    input.permissions.parameters.as_mut().unwrap().push(on);
    let id = cloud.create_request(input).await;
    assert_eq!(cloud.get(&cloud.customer, &id).await.role_permission_restriction_arns, Some(vec![BOUNDARY.to_owned()]));
    let role = CreateRoleRequest {
        role_name: "worker".into(),
        assume_role_policy_document: super::fixture::LAMBDA_TRUST.into(),
        permissions_boundary: Some(BOUNDARY.into()),
        ..Default::default()
    };
    let role = cloud.call_as::<CreateRole>(&cloud.customer, role).await.unwrap().role;
    assert_eq!(role.permissions_boundary.unwrap().permissions_boundary_arn.as_deref(), Some(BOUNDARY));
    let bound = |arn: &str| PutRolePermissionsBoundaryRequest { role_name: "worker".into(), permissions_boundary: arn.into() };
    assert_eq!(cloud.fails::<PutRolePermissionsBoundary>(&cloud.customer, bound(TEMPLATE)).await, "NoSuchEntity");
}

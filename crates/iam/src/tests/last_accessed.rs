use super::fixture::*;
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Caller, Timestamp};
use cloudlet_identity::organization::{Organization, PolicyKind};

const READ_IAM: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:List*","s3:*"],"Resource":"*"}}"#;

async fn put_user_policy(cloud: &TestCloud, user: &str, name: &str, document: &str) {
    let input = PutUserPolicyRequest { user_name: user.into(), policy_name: name.into(), policy_document: document.into() };
    cloud.ok::<PutUserPolicy>(input).await;
}

async fn report(cloud: &TestCloud, arn: &str, granularity: Option<&str>) -> GetServiceLastAccessedDetailsResponse {
    let input = GenerateServiceLastAccessedDetailsRequest { arn: arn.into(), granularity: granularity.map(Into::into) };
    let job_id = cloud.ok::<GenerateServiceLastAccessedDetails>(input).await.job_id.unwrap();
    cloud.ok::<GetServiceLastAccessedDetails>(GetServiceLastAccessedDetailsRequest { job_id, ..Default::default() }).await
}

#[tokio::test]
async fn a_report_lists_allowed_services_and_their_last_use() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    put_user_policy(&cloud, "bob", "p", READ_IAM).await;
    let none = report(&cloud, &bob.arn, None).await;
    let names: Vec<&str> = none.services_last_accessed.iter().map(|service| service.service_namespace.as_str()).collect();
    assert_eq!(names, ["iam", "s3"]);
    assert!(none.services_last_accessed.iter().all(|service| service.last_authenticated.is_none()));

    cloud.call_as::<ListUsers>(&bob, ListUsersRequest::default()).await.unwrap();
    // A denied call counts too.
    cloud.call_as::<GetUser>(&bob, GetUserRequest::default()).await.err().unwrap();
    let now: Timestamp = cloud.now();
    let used = report(&cloud, &bob.arn, Some("ACTION_LEVEL")).await;
    assert_eq!((used.job_status.as_str(), used.job_type.as_deref()), ("COMPLETED", Some("ACTION_LEVEL")));
    let iam = &used.services_last_accessed[0];
    assert_eq!((iam.last_authenticated, iam.last_authenticated_entity.as_deref()), (Some(now), Some(&*bob.arn)));
    assert_eq!((iam.last_authenticated_region.as_deref(), iam.total_authenticated_entities), (Some("us-east-1"), Some(1)));
    let actions: Vec<&str> = iam.tracked_actions_last_accessed.iter().flatten().filter_map(|action| action.action_name.as_deref()).collect();
    assert_eq!(actions, ["GetUser", "ListUsers"]);
    assert!(used.services_last_accessed[1].last_authenticated.is_none());
}

#[tokio::test]
async fn the_report_of_a_policy_lists_its_entities() {
    let cloud = TestCloud::new();
    let (bob, eve) = (cloud.user("bob").await, cloud.user("eve").await);
    let input = CreatePolicyRequest { policy_name: "reads".into(), policy_document: READ_IAM.into(), ..Default::default() };
    let arn = cloud.ok::<CreatePolicy>(input).await.policy.unwrap().arn.unwrap();
    cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: "g".into(), ..Default::default() }).await;
    for user in ["bob", "eve"] {
        cloud.ok::<AddUserToGroup>(AddUserToGroupRequest { group_name: "g".into(), user_name: user.into() }).await;
    }
    cloud.ok::<AttachGroupPolicy>(AttachGroupPolicyRequest { group_name: "g".into(), policy_arn: arn.clone() }).await;
    cloud.call_as::<ListUsers>(&eve, ListUsersRequest::default()).await.unwrap();

    for about in [arn.as_str(), "arn:aws:iam::123456789012:group/g"] {
        let input = GenerateServiceLastAccessedDetailsRequest { arn: about.into(), granularity: None };
        let job_id = cloud.ok::<GenerateServiceLastAccessedDetails>(input).await.job_id.unwrap();
        let input = GetServiceLastAccessedDetailsWithEntitiesRequest { job_id, service_namespace: "iam".into(), ..Default::default() };
        let list = cloud.ok::<GetServiceLastAccessedDetailsWithEntities>(input).await.entity_details_list;
        let listed: Vec<(&str, bool)> = list.iter().map(|one| (one.entity_info.arn.as_str(), one.last_authenticated.is_some())).collect();
        assert_eq!(listed, [(&*eve.arn, true), (&*bob.arn, false)]);
    }
    let unknown = GenerateServiceLastAccessedDetailsRequest { arn: "arn:aws:iam::123456789012:user/nobody".into(), granularity: None };
    assert_eq!(cloud.fails::<GenerateServiceLastAccessedDetails>(unknown).await.0, "NoSuchEntity");
    let unknown = GetServiceLastAccessedDetailsRequest { job_id: "00000000-0000-0000-0000-000000000000".into(), ..Default::default() };
    assert_eq!(cloud.fails::<GetServiceLastAccessedDetails>(unknown).await.0, "NoSuchEntity");
}

#[tokio::test]
async fn policies_that_grant_access_to_a_service_are_listed() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob").await;
    put_user_policy(&cloud, "bob", "own", READ_IAM).await;
    cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: "g".into(), ..Default::default() }).await;
    cloud.ok::<AddUserToGroup>(AddUserToGroupRequest { group_name: "g".into(), user_name: "bob".into() }).await;
    let read_only = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    cloud.ok::<AttachGroupPolicy>(AttachGroupPolicyRequest { group_name: "g".into(), policy_arn: read_only.into() }).await;

    let namespaces = ["s3", "iam", "sqs"].map(str::to_owned).to_vec();
    let input = ListPoliciesGrantingServiceAccessRequest { arn: bob.arn.to_string(), service_namespaces: namespaces, marker: None };
    let answer = cloud.ok::<ListPoliciesGrantingServiceAccess>(input).await;
    let names = |at: usize| -> Vec<(String, String, Option<String>)> {
        let entry = &answer.policies_granting_service_access[at];
        entry.policies.iter().flatten().map(|policy| (policy.policy_name.clone(), policy.policy_type.clone(), policy.entity_name.clone())).collect()
    };
    let inline = ("own".to_owned(), "INLINE".to_owned(), Some("bob".to_owned()));
    assert_eq!(names(0), [inline.clone(), ("AmazonS3ReadOnlyAccess".into(), "MANAGED".into(), None)]);
    assert_eq!(names(1), [inline]);
    assert!(names(2).is_empty());
}

/// An organization of two accounts, whose policies deny S3 to the second.
fn with_organization(cloud: &TestCloud) -> (String, Account) {
    let member = Account::parse("111122223333").unwrap();
    let mut organization = Organization::new("o-a1b2c3d4e5".into(), "r-ab12".into(), account(), cloud.now());
    organization.enabled_policy_types.push(PolicyKind::ServiceControl);
    let row = cloudlet_identity::organization::MemberAccount {
        name: "m".into(),
        email: "m@example.com".into(),
        parent: "r-ab12".into(),
        joined: Timestamp(0),
    };
    organization.accounts.insert(member, row);
    organization.attach_full_access(member.as_str());
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#;
    let policy = cloudlet_identity::organization::OrganizationPolicy {
        name: "no-s3".into(),
        description: String::new(),
        kind: PolicyKind::ServiceControl,
        content: cloudlet_identity::StoredPolicy::parse(deny, cloudlet_policy::Kind::ServiceControl).unwrap(),
        aws_managed: false,
    };
    organization.policies.insert("p-12345678".into(), policy);
    organization.attached.get_mut(member.as_str()).unwrap().push("p-12345678".into());
    let done: Result<(), ()> = cloud.identity.write(|state| {
        state.organization.insert((), organization);
        Ok(())
    });
    done.unwrap();
    ("o-a1b2c3d4e5/r-ab12".to_owned(), member)
}

#[tokio::test]
async fn an_organizations_report_follows_its_policies() {
    let cloud = TestCloud::new();
    let (root, member) = with_organization(&cloud);
    let path = format!("{root}/{member}");
    let caller = Caller::root(member, "aws", None);
    cloud.call_as::<ListUsers>(&caller, ListUsersRequest::default()).await.unwrap();
    let input = GenerateOrganizationsAccessReportRequest { entity_path: path.clone(), organizations_policy_id: None };
    let job_id = cloud.ok::<GenerateOrganizationsAccessReport>(input).await.job_id.unwrap();
    let sort_key = Some("LAST_AUTHENTICATED_TIME_DESCENDING".to_owned());
    let report = cloud.ok::<GetOrganizationsAccessReport>(GetOrganizationsAccessReportRequest { job_id, sort_key, ..Default::default() }).await;
    let details = report.access_details.unwrap();
    assert_eq!((details[0].service_namespace.as_str(), details[0].entity_path.as_deref()), ("iam", Some(path.as_str())));
    assert_eq!(details[0].total_authenticated_entities, Some(1));
    assert!(report.is_truncated == Some(true) && details.len() == 100);
    let all = report.number_of_services_accessible.unwrap();
    assert_eq!(report.number_of_services_not_accessed, Some(all - 1));
    assert_eq!(usize::try_from(all).unwrap(), crate::service_access::namespaces().count() - 1, "all but S3");

    let unknown = GenerateOrganizationsAccessReportRequest { entity_path: format!("{root}/999999999999"), organizations_policy_id: None };
    assert_eq!(cloud.fails::<GenerateOrganizationsAccessReport>(unknown).await.0, "NoSuchEntity");
    let input = GenerateOrganizationsAccessReportRequest { entity_path: root, organizations_policy_id: None };
    assert_eq!(cloud.call_as::<GenerateOrganizationsAccessReport>(&caller, input).await.err().unwrap().code(), "AccessDenied");
}

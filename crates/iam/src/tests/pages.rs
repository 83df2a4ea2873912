use super::fixture::*;
use cloudlet_api_iam::*;

fn users(marker: Option<String>) -> ListUsersRequest {
    ListUsersRequest { marker, max_items: Some(2), ..Default::default() }
}

#[tokio::test]
async fn a_list_skips_nothing_when_what_was_listed_is_deleted() {
    let cloud = TestCloud::new();
    for name in ["a", "B", "c", "d"] {
        cloud.user(name).await;
    }
    let first = cloud.ok::<ListUsers>(users(None)).await;
    for user in &first.users {
        cloud.ok::<DeleteUser>(DeleteUserRequest { user_name: user.user_name.clone() }).await;
    }
    let second = cloud.ok::<ListUsers>(users(first.marker)).await;
    assert_eq!(second.users.iter().map(|user| user.user_name.as_str()).collect::<Vec<_>>(), ["c", "d"]);
    assert_eq!((second.is_truncated, second.marker), (Some(false), None));
}

#[tokio::test]
async fn what_a_user_has_is_listed_whole_when_it_shrinks() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    let user = || "u".to_owned();
    for name in ["z", "y", "x"] {
        let policy = CreatePolicyRequest { policy_name: name.into(), policy_document: ALLOW_ALL.into(), ..Default::default() };
        let arn = cloud.ok::<CreatePolicy>(policy).await.policy.unwrap().arn.unwrap();
        cloud.ok::<AttachUserPolicy>(AttachUserPolicyRequest { user_name: user(), policy_arn: arn }).await;
        cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: name.into(), path: None }).await;
        cloud.ok::<AddUserToGroup>(AddUserToGroupRequest { user_name: user(), group_name: name.into() }).await;
        cloud.ok::<TagUser>(TagUserRequest { user_name: user(), tags: vec![Tag { key: name.into(), value: String::new() }] }).await;
    }

    let list = |marker| ListAttachedUserPoliciesRequest { user_name: user(), marker, max_items: Some(1), ..Default::default() };
    let first = cloud.ok::<ListAttachedUserPolicies>(list(None)).await;
    let policy = first.attached_policies.unwrap().remove(0);
    cloud.ok::<DetachUserPolicy>(DetachUserPolicyRequest { user_name: user(), policy_arn: policy.policy_arn.unwrap() }).await;
    let second = cloud.ok::<ListAttachedUserPolicies>(list(first.marker)).await;
    assert_eq!((policy.policy_name.as_deref(), second.attached_policies.unwrap()[0].policy_name.as_deref()), (Some("x"), Some("y")));

    let list = |marker| ListGroupsForUserRequest { user_name: user(), marker, max_items: Some(1) };
    let first = cloud.ok::<ListGroupsForUser>(list(None)).await;
    cloud.ok::<RemoveUserFromGroup>(RemoveUserFromGroupRequest { user_name: user(), group_name: first.groups[0].group_name.clone() }).await;
    assert_eq!(cloud.ok::<ListGroupsForUser>(list(first.marker)).await.groups[0].group_name, "y");

    let list = |marker| ListUserTagsRequest { user_name: user(), marker, max_items: Some(1) };
    let first = cloud.ok::<ListUserTags>(list(None)).await;
    cloud.ok::<UntagUser>(UntagUserRequest { user_name: user(), tag_keys: vec![first.tags[0].key.clone()] }).await;
    assert_eq!(cloud.ok::<ListUserTags>(list(first.marker)).await.tags[0].key, "y");
}

#[tokio::test]
async fn a_list_of_several_kinds_goes_on_where_a_row_was_deleted() {
    let cloud = TestCloud::new();
    let policy = CreatePolicyRequest { policy_name: "p".into(), policy_document: ALLOW_ALL.into(), ..Default::default() };
    let arn = cloud.ok::<CreatePolicy>(policy).await.policy.unwrap().arn.unwrap();
    cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: "g".into(), path: None }).await;
    cloud.ok::<AttachGroupPolicy>(AttachGroupPolicyRequest { group_name: "g".into(), policy_arn: arn.clone() }).await;
    for name in ["u", "v"] {
        cloud.user(name).await;
        cloud.ok::<AttachUserPolicy>(AttachUserPolicyRequest { user_name: name.into(), policy_arn: arn.clone() }).await;
    }
    let list = |marker| ListEntitiesForPolicyRequest { policy_arn: arn.clone(), marker, max_items: Some(2), ..Default::default() };
    let first = cloud.ok::<ListEntitiesForPolicy>(list(None)).await;
    assert_eq!((first.policy_groups.unwrap().len(), first.policy_users.unwrap().len()), (1, 1));
    cloud.ok::<DetachUserPolicy>(DetachUserPolicyRequest { user_name: "u".into(), policy_arn: arn.clone() }).await;
    let second = cloud.ok::<ListEntitiesForPolicy>(list(first.marker)).await;
    assert_eq!(second.policy_users.unwrap()[0].user_name.as_deref(), Some("v"));
}

#[tokio::test]
async fn a_marker_of_another_list_is_refused() {
    let cloud = TestCloud::new();
    for name in ["a", "b", "c"] {
        cloud.user(name).await;
    }
    let marker = cloud.ok::<ListUsers>(users(None)).await.marker;
    let invalid = ("ValidationError".to_owned(), "Invalid Marker.".to_owned());
    let roles = ListRolesRequest { marker: marker.clone(), ..Default::default() };
    assert_eq!(cloud.fails::<ListRoles>(roles).await, invalid, "another operation");
    let far = ListUsersRequest { path_prefix: Some("/far/".into()), ..users(marker.clone()) };
    assert_eq!(cloud.fails::<ListUsers>(far).await, invalid, "another path prefix");
    assert_eq!(cloud.fails::<ListUsers>(users(Some("nonsense!".into()))).await, invalid);
    let larger = ListUsersRequest { max_items: Some(10), ..users(marker) };
    assert_eq!(cloud.ok::<ListUsers>(larger).await.users.len(), 1, "the size of a page may change");
}

//! Tags and service settings.

use super::fixture::*;
use cloudlet_api_ssm::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.into(), value: value.into() }
}

fn add(id: &str, tags: Vec<Tag>) -> AddTagsToResourceRequest {
    AddTagsToResourceRequest { resource_type: "Parameter".into(), resource_id: id.into(), tags }
}

async fn listed(cloud: &TestCloud, id: &str) -> Vec<(String, String)> {
    let input = ListTagsForResourceRequest { resource_type: "Parameter".into(), resource_id: id.into() };
    cloud.ok::<ListTagsForResource>(input).await.tag_list.unwrap().into_iter().map(|tag| (tag.key, tag.value)).collect()
}

#[tokio::test]
async fn tags_are_added_replaced_removed_and_gone_with_their_parameter() {
    let cloud = TestCloud::new();
    cloud.put(PutParameterRequest { tags: Some(vec![tag("a", "1")]), ..string("/p/x", "v") }).await;
    cloud.ok::<AddTagsToResource>(add("/p/x", vec![tag("a", "2"), tag("b", "")])).await;
    assert_eq!(listed(&cloud, "/p/x").await, [("a".to_owned(), "2".to_owned()), ("b".to_owned(), String::new())]);
    cloud.put(overwrite("/p/x", "w")).await;
    let remove =
        RemoveTagsFromResourceRequest { resource_type: "Parameter".into(), resource_id: "/p/x".into(), tag_keys: vec!["a".into(), "z".into()] };
    cloud.ok::<RemoveTagsFromResource>(remove).await;
    assert_eq!(listed(&cloud, "/p/x").await, [("b".to_owned(), String::new())]);
    cloud.ok::<DeleteParameter>(DeleteParameterRequest { name: "/p/x".into() }).await;
    cloud.put(string("/p/x", "v")).await;
    assert!(listed(&cloud, "/p/x").await.is_empty());
}

#[tokio::test]
async fn tags_that_are_refused() {
    let cloud = TestCloud::new();
    cloud.put(string("p", "v")).await;
    let fifty: Vec<Tag> = (0..50).map(|number| tag(&format!("k{number}"), "")).collect();
    cloud.ok::<AddTagsToResource>(add("p", fifty)).await;
    assert_eq!(cloud.expect_fault::<AddTagsToResource>(add("p", vec![tag("more", "")])).await.name(), "TooManyTagsError");
    assert_eq!(cloud.expect_fault::<AddTagsToResource>(add("p", vec![tag("aws:x", "")])).await.name(), "ValidationException");
    assert_eq!(cloud.expect_fault::<AddTagsToResource>(add("none", vec![tag("a", "")])).await.name(), "InvalidResourceId");
    let other = AddTagsToResourceRequest { resource_type: "Document".into(), ..add("doc", vec![tag("a", "")]) };
    assert_eq!(cloud.expect_fault::<AddTagsToResource>(other).await.name(), "InvalidResourceId");
}

#[tokio::test]
async fn a_setting_is_read_changed_and_reset() {
    let cloud = TestCloud::new();
    let id = "/ssm/parameter-store/high-throughput-enabled";
    let arn = format!("arn:aws:ssm:us-east-1:000000000000:servicesetting{id}");
    let get = async |id: &str| cloud.ok::<GetServiceSetting>(GetServiceSettingRequest { setting_id: id.into() }).await.service_setting.unwrap();
    let first = get(id).await;
    assert_eq!((first.setting_value.as_deref(), first.status.as_deref()), (Some("false"), Some("Default")));
    assert_eq!((first.arn.as_deref(), first.last_modified_user.as_deref()), (Some(&*arn), Some("System")));
    let update = |value: &str| UpdateServiceSettingRequest { setting_id: arn.clone(), setting_value: value.into() };
    cloud.ok::<UpdateServiceSetting>(update("true")).await;
    let changed = get(&arn).await;
    assert_eq!((changed.setting_value.as_deref(), changed.status.as_deref()), (Some("true"), Some("Customized")));
    assert_eq!((changed.last_modified_date, changed.setting_id.as_deref()), (Some(cloud.now()), Some(id)));
    assert_eq!(cloud.expect_fault::<UpdateServiceSetting>(update("maybe")).await.name(), "ValidationException");
    let reset = cloud.ok::<ResetServiceSetting>(ResetServiceSettingRequest { setting_id: id.into() }).await.service_setting.unwrap();
    assert_eq!(reset.setting_value.as_deref(), Some("false"));
    assert_eq!(get(id).await.status.as_deref(), Some("Default"));
    let unknown = GetServiceSettingRequest { setting_id: "/ssm/none".into() };
    assert_eq!(cloud.expect_fault::<GetServiceSetting>(unknown).await.name(), "ServiceSettingNotFound");
}

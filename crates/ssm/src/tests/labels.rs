use super::fixture::*;
use cloudlet_api_ssm::*;

#[tokio::test]
async fn a_label_names_one_version_and_moves() {
    let cloud = TestCloud::new();
    for value in ["1", "2", "3"] {
        cloud.put(PutParameterRequest { overwrite: Some(true), ..string("a", value) }).await;
    }
    let labelled = cloud.label("a", 1, &["prod", "1st", "aws-x", "SSM-y", "with space", "ok_.-"]).await.unwrap();
    assert_eq!(labelled.invalid_labels.unwrap(), ["1st", "aws-x", "SSM-y", "with space"]);
    assert_eq!(cloud.value("a:prod").await, "1");
    cloud.label("a", 3, &["prod"]).await.unwrap();
    assert_eq!(cloud.value("a:prod").await, "3");
    cloud.label("a", 2, &["prod"]).await.unwrap();
    let labels: Vec<Vec<String>> = cloud.history("a").await.into_iter().map(|entry| entry.labels.unwrap()).collect();
    assert_eq!(labels, [vec!["ok_.-".to_owned()], vec!["prod".to_owned()], vec![]]);
    // Without a version, the current one.
    let input = LabelParameterVersionRequest { name: "a".into(), parameter_version: None, labels: vec!["new".into()] };
    assert_eq!(cloud.ok::<LabelParameterVersion>(input).await.parameter_version, Some(3));
    cloud.put(overwrite("a", "4")).await;
    assert_eq!(cloud.value("a:new").await, "3", "a label stays with its version");
}

#[tokio::test]
async fn a_version_has_ten_labels_at_most() {
    let cloud = TestCloud::new();
    cloud.put(string("a", "v")).await;
    let ten: Vec<String> = (0..10).map(|number| format!("l{number}")).collect();
    let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
    cloud.label("a", 1, &ten).await.unwrap();
    cloud.label("a", 1, &["l0"]).await.unwrap();
    let fault = cloud.label("a", 1, &["l10"]).await.unwrap_err();
    let message = "A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.";
    assert_eq!(said(&fault), ("ParameterVersionLabelLimitExceeded".into(), message.into()));
    let removed = UnlabelParameterVersionRequest { name: "a".into(), parameter_version: 1, labels: vec!["l0".into(), "none".into()] };
    let removed = cloud.ok::<UnlabelParameterVersion>(removed).await;
    assert_eq!((removed.removed_labels.unwrap(), removed.invalid_labels.unwrap()), (vec!["l0".to_owned()], vec!["none".to_owned()]));
    cloud.label("a", 1, &["l10"]).await.unwrap();
    assert_eq!(cloud.label("a", 2, &["x"]).await.unwrap_err().name(), "ParameterVersionNotFound");
    assert_eq!(cloud.label("none", 1, &["x"]).await.unwrap_err().name(), "ParameterNotFound");
}

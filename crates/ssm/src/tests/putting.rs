use super::fixture::*;
use cloudlet_api_ssm::*;

#[tokio::test]
async fn a_parameter_is_put_read_overwritten_and_deleted() {
    let cloud = TestCloud::new();
    let put = cloud.put(PutParameterRequest { description: Some("first".into()), ..string("/app/url", "a") }).await;
    assert_eq!((put.version, put.tier.as_deref()), (Some(1), Some("Standard")));
    let read = cloud.get("/app/url").await;
    assert_eq!(read.arn.as_deref(), Some("arn:aws:ssm:us-east-1:000000000000:parameter/app/url"));
    assert_eq!((read.value.as_deref(), read.r#type.as_deref(), read.version), (Some("a"), Some("String"), Some(1)));
    assert_eq!((read.data_type.as_deref(), read.selector, read.last_modified_date), (Some("text"), None, Some(cloud.now())));
    let exists = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
    assert_eq!(cloud.put_fault(string("/app/url", "b")).await, ("ParameterAlreadyExists".into(), exists.into()));
    assert_eq!(cloud.put(overwrite("/app/url", "b")).await.version, Some(2));
    let history = cloud.history("/app/url").await;
    assert_eq!(history.iter().map(|entry| entry.value.as_deref().unwrap()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(history[1].description.as_deref(), Some("first"), "what is left out stays");
    assert_eq!(history[1].last_modified_user.as_deref(), Some("arn:aws:iam::000000000000:root"));
    cloud.ok::<DeleteParameter>(DeleteParameterRequest { name: "/app/url".into() }).await;
    assert_eq!(cloud.get_fault("/app/url").await, ("ParameterNotFound".into(), String::new()));
    let again = cloud.expect_fault::<DeleteParameter>(DeleteParameterRequest { name: "/app/url".into() }).await;
    assert_eq!(again.name(), "ParameterNotFound");
    assert_eq!(cloud.put(string("/app/url", "c")).await.version, Some(1), "it begins anew");
    assert_eq!(cloud.history("/app/url").await.len(), 1);
}

#[tokio::test]
async fn several_are_read_and_deleted_at_once() {
    let cloud = TestCloud::new();
    for name in ["a", "/b/c"] {
        cloud.put(string(name, name)).await;
    }
    let input = GetParametersRequest { names: ["a", "/b/c", "none", "a", "a:7"].map(Into::into).to_vec(), with_decryption: None };
    let read = cloud.ok::<GetParameters>(input).await;
    assert_eq!(names(read.parameters), ["a", "/b/c"]);
    assert_eq!(read.invalid_parameters.unwrap(), ["none", "a:7"]);
    let deleted = cloud.ok::<DeleteParameters>(DeleteParametersRequest { names: ["a", "none"].map(Into::into).to_vec() }).await;
    assert_eq!((deleted.deleted_parameters.unwrap(), deleted.invalid_parameters.unwrap()), (vec!["a".to_owned()], vec!["none".to_owned()]));
}

#[tokio::test]
async fn what_a_new_parameter_must_be() {
    let cloud = TestCloud::new();
    let no_type = PutParameterRequest { r#type: None, ..string("a", "v") };
    let tagged = PutParameterRequest { tags: Some(vec![Tag { key: "k".into(), value: "v".into() }]), ..overwrite("a", "v") };
    for (input, name, message) in [
        (no_type, "ValidationException", "A parameter type is required when you create a parameter."),
        (
            string("a", ""),
            "ValidationException",
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.",
        ),
        (string("a", "{{ssm:b}}"), "ValidationException", "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value."),
        (
            tagged,
            "ValidationException",
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags \
             for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
        ),
        (
            PutParameterRequest { data_type: Some("Text".into()), ..string("a", "v") },
            "ValidationException",
            "The following data type is not supported: Text (Data type names are all lowercase.)",
        ),
        (
            PutParameterRequest { allowed_pattern: Some(r"\d+".into()), ..string("a", "v") },
            "ParameterPatternMismatchException",
            r"Parameter value, cannot be validated against allowedPattern: \d+",
        ),
    ] {
        assert_eq!(cloud.put_fault(input).await, (name.to_owned(), message.to_owned()));
    }
    assert_eq!(cloud.get_fault("a").await.0, "ParameterNotFound");
}

#[tokio::test]
async fn a_pattern_goes_on_until_it_is_replaced() {
    let cloud = TestCloud::new();
    cloud.put(PutParameterRequest { allowed_pattern: Some(r"\d+".into()), ..string("a", "1") }).await;
    assert_eq!(cloud.put_fault(overwrite("a", "x")).await.0, "ParameterPatternMismatchException");
    cloud.put(PutParameterRequest { allowed_pattern: Some("x|y".into()), ..overwrite("a", "x") }).await;
    assert_eq!(cloud.put_fault(overwrite("a", "2")).await.0, "ParameterPatternMismatchException");
}

#[tokio::test]
async fn a_parameter_has_a_hundred_versions() {
    let cloud = TestCloud::new();
    cloud.put(string("a", "1")).await;
    for number in 2..=100 {
        cloud.put(overwrite("a", &number.to_string())).await;
    }
    assert_eq!(cloud.history("a").await.len(), 100);
    cloud.label("a", 2, &["safe"]).await.unwrap();
    assert_eq!(cloud.put(overwrite("a", "101")).await.version, Some(101));
    assert_eq!(cloud.get_fault("a:1").await.1, "Systems Manager could not find version 1 of a. Verify the version and try again.");
    let message = "You attempted to create a new version of a by calling the PutParameter API with the overwrite flag. Version 2, the oldest version, \
                   can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.";
    assert_eq!(cloud.put_fault(overwrite("a", "102")).await, ("ParameterMaxVersionLimitExceeded".into(), message.into()));
    assert_eq!(cloud.value("a").await, "101");
    cloud.label("a", 50, &["safe"]).await.unwrap();
    assert_eq!(cloud.put(overwrite("a", "102")).await.version, Some(102));
    let history = cloud.history("a").await;
    assert_eq!((history.len(), history[0].version, history[99].version), (100, Some(3), Some(102)));
}

#[tokio::test]
async fn a_tier_is_chosen_and_the_usual_one_is_a_setting() {
    let cloud = TestCloud::new();
    let large = "v".repeat(5_000);
    assert_eq!(cloud.put_fault(string("large", &large)).await.0, "ValidationException");
    let intelligent = PutParameterRequest { tier: Some("Intelligent-Tiering".into()), ..string("large", &large) };
    assert_eq!(cloud.put(intelligent).await.tier.as_deref(), Some("Advanced"));
    assert_eq!(cloud.put(overwrite("large", "v")).await.tier.as_deref(), Some("Advanced"), "it stays advanced");
    let downgrade = PutParameterRequest { tier: Some("Standard".into()), ..overwrite("large", "v") };
    let (name, message) = cloud.put_fault(downgrade).await;
    assert_eq!(name, "ValidationException");
    assert!(message.starts_with("This parameter uses the advanced-parameter tier. You can't downgrade"), "{message}");
    let setting = "/ssm/parameter-store/default-parameter-tier";
    cloud.ok::<UpdateServiceSetting>(UpdateServiceSettingRequest { setting_id: setting.into(), setting_value: "Advanced".into() }).await;
    assert_eq!(cloud.put(string("b", "v")).await.tier.as_deref(), Some("Advanced"));
    assert_eq!(cloud.put(PutParameterRequest { tier: Some("Standard".into()), ..string("c", "v") }).await.tier.as_deref(), Some("Standard"));
}

#[tokio::test]
async fn a_type_may_change_and_special_data_types_may_not() {
    let cloud = TestCloud::new();
    cloud.put(secure("a", "v")).await;
    cloud.put(PutParameterRequest { r#type: Some("String".into()), ..overwrite("a", "v") }).await;
    assert_eq!(cloud.get("a").await.r#type.as_deref(), Some("String"));
    let image = |name: &str, value: &str| PutParameterRequest { data_type: Some("aws:ec2:image".into()), ..string(name, value) };
    cloud.put(image("image", "ami-0123456789abcdef0")).await;
    assert_eq!(cloud.get("image").await.data_type.as_deref(), Some("aws:ec2:image"));
    let to_text = PutParameterRequest { data_type: Some("text".into()), ..overwrite("image", "v") };
    assert_eq!(cloud.put_fault(to_text).await.0, "ValidationException");
    let list = PutParameterRequest { r#type: Some("StringList".into()), ..image("list", "ami-0123456789abcdef0") };
    assert_eq!(cloud.put_fault(list).await.0, "ValidationException");
    // The call succeeds, and nothing is stored.
    assert_eq!(cloud.put(image("wrong", "not-an-image")).await.version, Some(1));
    assert_eq!(cloud.get_fault("wrong").await.0, "ParameterNotFound");
}

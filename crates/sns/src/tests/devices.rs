use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_mailbox::Channel;

async fn device(cloud: &TestCloud) -> (String, String) {
    let input = CreatePlatformApplicationInput { name: "app".into(), platform: "GCM".into(), attributes: map(&[("PlatformCredential", "key")]) };
    let application = cloud.call::<CreatePlatformApplication>(input).await.unwrap().platform_application_arn.unwrap();
    let arn = cloud.call::<CreatePlatformEndpoint>(endpoint(&application, "me")).await.unwrap().endpoint_arn.unwrap();
    (application, arn)
}

fn endpoint(application: &str, data: &str) -> CreatePlatformEndpointInput {
    CreatePlatformEndpointInput {
        platform_application_arn: application.into(),
        token: "device".into(),
        custom_user_data: Some(data.into()),
        attributes: None,
    }
}

#[tokio::test]
async fn a_message_is_pushed_to_a_device_directly_and_through_a_topic() {
    let cloud = TestCloud::new();
    let (_, arn) = device(&cloud).await;
    let text = r#"{"default": "to all", "GCM": "to phones"}"#;
    let input =
        PublishInput { target_arn: Some(arn.clone()), message: text.into(), message_structure: Some("json".into()), ..PublishInput::default() };
    cloud.call::<Publish>(input).await.unwrap();
    assert_eq!((cloud.mail()[0].channel, cloud.mail()[0].body.as_str()), (Channel::Push, "to phones"));
    let topic = cloud.topic("news", &[]).await;
    cloud.subscribe(&topic, "application", &arn, &[]).await;
    cloud.publish(&topic, "hello").await;
    assert_eq!(cloud.mail()[0].body, "hello");
}

#[tokio::test]
async fn creating_an_endpoint_again_answers_the_same_if_nothing_differs() {
    let cloud = TestCloud::new();
    let (application, arn) = device(&cloud).await;
    assert_eq!(cloud.call::<CreatePlatformEndpoint>(endpoint(&application, "me")).await.unwrap().endpoint_arn.as_ref(), Some(&arn));
    let fault = cloud.call::<CreatePlatformEndpoint>(endpoint(&application, "you")).await.unwrap_err();
    let expected = format!("Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes.");
    assert_eq!(fault.message(), expected);
    let fault = cloud.call::<CreatePlatformEndpoint>(endpoint(&application, &"x".repeat(2_049))).await.unwrap_err();
    assert!(fault.message().ends_with("must be at most 2048 bytes long in UTF-8 encoding"));
}

#[tokio::test]
async fn a_disabled_device_is_not_published_to() {
    let cloud = TestCloud::new();
    let (_, arn) = device(&cloud).await;
    let off = SetEndpointAttributesInput { endpoint_arn: arn.clone(), attributes: map(&[("Enabled", "false")]) };
    cloud.call::<SetEndpointAttributes>(off).await.unwrap();
    let push = PublishInput { target_arn: Some(arn.clone()), message: "hello".into(), ..PublishInput::default() };
    assert_eq!(cloud.call::<Publish>(push.clone()).await.unwrap_err().code(), "EndpointDisabled");
    cloud.call::<DeleteEndpoint>(DeleteEndpointInput { endpoint_arn: arn }).await.unwrap();
    let fault = cloud.call::<Publish>(push).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified");
}

#[tokio::test]
async fn invalid_applications_have_awss_messages_and_credentials_are_never_shown() {
    let cloud = TestCloud::new();
    let make = |name: &str, platform: &str, attributes: &[(&str, &str)]| CreatePlatformApplicationInput {
        name: name.into(),
        platform: platform.into(),
        attributes: map(attributes),
    };
    for (input, expected) in [
        (make("@name", "GCM", &[]), "Invalid parameter: @name Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"),
        (make("", "GCM", &[]), "Invalid parameter:  Reason: cannot be empty"),
        (make("app", "AAA", &[]), "Invalid parameter: Platform Reason: AAA is not supported"),
        (
            make("app", "APNS", &[("PlatformCredential", "x")]),
            "Invalid parameter: Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal",
        ),
        (make("app", "GCM", &[("InvalidKey", "x")]), "Invalid parameter: Attributes Reason: Invalid attribute name: InvalidKey"),
    ] {
        assert_eq!(cloud.call::<CreatePlatformApplication>(input).await.unwrap_err().message(), expected);
    }
    let (application, _) = device(&cloud).await;
    let input = GetPlatformApplicationAttributesInput { platform_application_arn: application };
    let shown = cloud.call::<GetPlatformApplicationAttributes>(input).await.unwrap().attributes.unwrap();
    assert_eq!(shown, map(&[("Enabled", "true")]));
}

#[tokio::test]
async fn creating_an_application_again_must_not_differ() {
    let cloud = TestCloud::new();
    let make =
        |attributes: &[(&str, &str)]| CreatePlatformApplicationInput { name: "app".into(), platform: "GCM".into(), attributes: map(attributes) };
    let credential = ("PlatformCredential", "key");
    let arn = cloud.call::<CreatePlatformApplication>(make(&[credential])).await.unwrap().platform_application_arn;
    assert_eq!(cloud.call::<CreatePlatformApplication>(make(&[credential])).await.unwrap().platform_application_arn, arn);
    let fault = cloud.call::<CreatePlatformApplication>(make(&[credential, ("SuccessFeedbackSampleRate", "5")])).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: Name Reason: An application with the same name but different properties already exists");
    let fault = cloud.call::<CreatePlatformApplication>(make(&[credential, ("SuccessFeedbackSampleRate", "101")])).await.unwrap_err();
    let expected = "Invalid parameter: Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate: 101 value provided is not an integer between 0-100";
    assert_eq!(fault.message(), expected);
}

#[tokio::test]
async fn an_endpoint_takes_its_user_data_from_the_attributes_first() {
    let cloud = TestCloud::new();
    let (application, arn) = device(&cloud).await;
    let other = CreatePlatformEndpointInput {
        token: "other".into(),
        attributes: Some(map(&[("CustomUserData", "by attribute")])),
        ..endpoint(&application, "by parameter")
    };
    let made = cloud.call::<CreatePlatformEndpoint>(other.clone()).await.unwrap().endpoint_arn.unwrap();
    let shown = cloud.call::<GetEndpointAttributes>(GetEndpointAttributesInput { endpoint_arn: made }).await.unwrap().attributes.unwrap();
    assert_eq!(shown["CustomUserData"], "by attribute");
    let fault = cloud.call::<CreatePlatformEndpoint>(CreatePlatformEndpointInput { attributes: Some(map(&[("Token", "")])), ..other }).await;
    assert_eq!(fault.unwrap_err().message(), "Invalid parameter: Attributes Reason: Invalid value for attribute: Token: cannot be empty");
    let fault = cloud.call::<DeleteEndpoint>(DeleteEndpointInput { endpoint_arn: format!("{arn}invalid") }).await.unwrap_err();
    let expected = "Invalid parameter: EndpointArn Reason: ARN specifies an invalid endpointId: UUID must be encoded in exactly 36 characters.";
    assert_eq!(fault.message(), expected);
}

use super::fixture::*;
use cloudlet_api_iam::*;

#[tokio::test]
async fn a_user_has_at_most_two_access_keys_and_each_can_be_deactivated() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    let create = CreateAccessKeyRequest { user_name: Some("u".into()) };
    let one = cloud.ok::<CreateAccessKey>(create.clone()).await.access_key;
    cloud.ok::<CreateAccessKey>(create.clone()).await;
    assert_eq!(cloud.fails::<CreateAccessKey>(create).await, ("LimitExceeded".into(), "Cannot exceed quota for AccessKeysPerUser: 2".into()));
    let now = cloud.now();
    assert!(cloud.identity.credential(&one.access_key_id, None, now).is_ok());
    let input = UpdateAccessKeyRequest { user_name: Some("u".into()), access_key_id: one.access_key_id.clone(), status: "Inactive".into() };
    cloud.ok::<UpdateAccessKey>(input).await;
    assert!(cloud.identity.credential(&one.access_key_id, None, now).is_err());
    let used = cloud.ok::<GetAccessKeyLastUsed>(GetAccessKeyLastUsedRequest { access_key_id: one.access_key_id }).await;
    assert_eq!(used.access_key_last_used.unwrap().service_name, "N/A");
}

#[tokio::test]
async fn a_virtual_mfa_device_is_enabled_with_two_codes() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    let input = CreateVirtualMFADeviceRequest { virtual_mfa_device_name: "phone".into(), ..Default::default() };
    let device = cloud.ok::<CreateVirtualMFADevice>(input).await.virtual_mfa_device;
    assert_eq!(device.serial_number, "arn:aws:iam::123456789012:mfa/phone");
    let step = cloud.now().secs() / 30;
    let code = |step| cloud.mfa_code(&device.serial_number, step);
    let enable = |one: String, two: String| EnableMFADeviceRequest {
        user_name: "u".into(),
        serial_number: device.serial_number.clone(),
        authentication_code1: one,
        authentication_code2: two,
    };
    assert_eq!(cloud.fails::<EnableMFADevice>(enable(code(step), code(step - 1))).await.0, "InvalidAuthenticationCode");
    cloud.ok::<EnableMFADevice>(enable(code(step - 1), code(step))).await;
    let listed = cloud.ok::<ListMFADevices>(ListMFADevicesRequest { user_name: Some("u".into()), ..Default::default() }).await.mfa_devices;
    assert_eq!(listed[0].serial_number, device.serial_number);
    let delete = DeleteVirtualMFADeviceRequest { serial_number: device.serial_number.clone() };
    assert_eq!(cloud.fails::<DeleteVirtualMFADevice>(delete.clone()).await.0, "DeleteConflict");
    let off = DeactivateMFADeviceRequest { user_name: Some("u".into()), serial_number: device.serial_number.clone() };
    cloud.ok::<DeactivateMFADevice>(off).await;
    cloud.ok::<DeleteVirtualMFADevice>(delete).await;
}

#[tokio::test]
async fn passwords_must_satisfy_the_password_policy() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    let create =
        |password: &str| CreateLoginProfileRequest { user_name: Some("u".into()), password: Some(password.into()), password_reset_required: None };
    assert_eq!(cloud.fails::<CreateLoginProfile>(create("weak")).await.0, "PasswordPolicyViolation");
    cloud
        .ok::<UpdateAccountPasswordPolicy>(UpdateAccountPasswordPolicyRequest {
            minimum_password_length: Some(10),
            require_symbols: Some(true),
            password_reuse_prevention: Some(2),
            ..Default::default()
        })
        .await;
    assert_eq!(cloud.fails::<CreateLoginProfile>(create("Secret12345")).await.1, "Password should have at least one symbol");
    cloud.ok::<CreateLoginProfile>(create("Secret12345!")).await;
    let update = |password: &str| UpdateLoginProfileRequest { user_name: "u".into(), password: Some(password.into()), ..Default::default() };
    cloud.ok::<UpdateLoginProfile>(update("Another12345!")).await;
    assert_eq!(cloud.fails::<UpdateLoginProfile>(update("Secret12345!")).await.0, "PasswordPolicyViolation");
}

#[tokio::test]
async fn the_second_service_specific_credential_has_a_number_in_its_name() {
    let cloud = TestCloud::new();
    cloud.user("u").await;
    let input =
        |service: &str| CreateServiceSpecificCredentialRequest { user_name: "u".into(), service_name: service.into(), credential_age_days: None };
    let name = |answer: CreateServiceSpecificCredentialResponse| answer.service_specific_credential.unwrap().service_user_name.unwrap();
    let one = cloud.ok::<CreateServiceSpecificCredential>(input("codecommit.amazonaws.com")).await;
    let two = cloud.ok::<CreateServiceSpecificCredential>(input("codecommit.amazonaws.com")).await;
    assert_eq!((name(one).as_str(), name(two).as_str()), ("u-at-123456789012", "u+1-at-123456789012"));
    assert_eq!(
        cloud.fails::<CreateServiceSpecificCredential>(input("nonexistentservice.amazonaws.com")).await,
        ("NoSuchEntity".into(), "No such service nonexistentservice.amazonaws.com is supported for Service Specific Credentials".into())
    );
}

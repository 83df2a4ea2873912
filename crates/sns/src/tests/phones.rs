use super::fixture::*;
use cloudlet_api_sns::*;
use cloudlet_mailbox::Channel;

#[tokio::test]
async fn a_text_message_goes_into_the_mailbox() {
    let cloud = TestCloud::new();
    cloud.call::<SetSMSAttributes>(SetSMSAttributesInput { attributes: map(&[("DefaultSenderID", "Cloudlet")]) }).await.unwrap();
    let input = PublishInput { phone_number: Some("+15550001111".into()), message: "hello".into(), ..PublishInput::default() };
    cloud.call::<Publish>(input).await.unwrap();
    let mail = cloud.mail().remove(0);
    assert_eq!((mail.channel, mail.from.as_str(), mail.to[0].as_str(), mail.body.as_str()), (Channel::Sms, "Cloudlet", "+15550001111", "hello"));
}

#[tokio::test]
async fn sms_attributes_are_checked() {
    let cloud = TestCloud::new();
    for (name, value, expected) in [
        ("DefaultSMSType", "Loud", "DefaultSMSType is invalid"),
        ("DefaultSendID", "x", "DefaultSendID is not a valid attribute"),
        ("InvalidAttribute", "x", "InvalidAttribute is not a valid attribute"),
        ("DefaultSenderID", "testSenderID", "DefaultSenderID is invalid"),
        ("DeliveryStatusSuccessSamplingRate", "101", "DeliveryStatusSuccessSamplingRate is not an integer between 0-100"),
    ] {
        let fault = cloud.call::<SetSMSAttributes>(SetSMSAttributesInput { attributes: map(&[(name, value)]) }).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidParameter", expected));
    }
    let shown = cloud.call::<GetSMSAttributes>(GetSMSAttributesInput::default()).await.unwrap().attributes.unwrap();
    assert_eq!(shown, map(&[("MonthlySpendLimit", "1")]));
}

#[tokio::test]
async fn a_sandbox_number_is_verified_by_its_one_time_password() {
    let cloud = TestCloud::new();
    let number = "+15550001111".to_owned();
    cloud.call::<CreateSMSSandboxPhoneNumber>(CreateSMSSandboxPhoneNumberInput { phone_number: number.clone(), language_code: None }).await.unwrap();
    let code = cloud.mail()[0].body.split(' ').next_back().unwrap().to_owned();
    let verify = |code: &str| VerifySMSSandboxPhoneNumberInput { phone_number: number.clone(), one_time_password: code.into() };
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert_eq!(cloud.call::<VerifySMSSandboxPhoneNumber>(verify(wrong)).await.unwrap_err().code(), "VerificationException");
    let status = || async { cloud.call::<ListSMSSandboxPhoneNumbers>(ListSMSSandboxPhoneNumbersInput::default()).await.unwrap().phone_numbers };
    assert_eq!(status().await[0].status.as_deref(), Some("Pending"));
    cloud.call::<VerifySMSSandboxPhoneNumber>(verify(&code)).await.unwrap();
    assert_eq!(status().await[0].status.as_deref(), Some("Verified"));
    cloud.call::<DeleteSMSSandboxPhoneNumber>(DeleteSMSSandboxPhoneNumberInput { phone_number: number }).await.unwrap();
    assert!(status().await.is_empty());
}

#[tokio::test]
async fn an_invalid_number_cannot_opt_in() {
    let cloud = TestCloud::new();
    let fault = cloud.call::<OptInPhoneNumber>(OptInPhoneNumberInput { phone_number: "invalid".into() }).await.unwrap_err();
    assert_eq!(fault.message(), "Invalid parameter: PhoneNumber Reason: input incorrectly formatted");
}

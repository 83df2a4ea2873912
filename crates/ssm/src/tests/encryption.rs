use super::fixture::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_ssm::*;

async fn undecrypted(cloud: &TestCloud, name: &str) -> String {
    cloud.ok::<GetParameter>(GetParameterRequest { name: name.into(), with_decryption: None }).await.parameter.unwrap().value.unwrap()
}

#[tokio::test]
async fn a_secure_string_is_ciphertext_unless_decrypted() {
    let cloud = TestCloud::new();
    cloud.put(secure("/app/password", "hush")).await;
    let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/app/password";
    let ciphertext = STANDARD.decode(undecrypted(&cloud, "/app/password").await).unwrap();
    assert_eq!(String::from_utf8(ciphertext).unwrap(), format!("alias/aws/ssm|{arn}|hush"));
    assert_eq!(cloud.value("/app/password").await, "hush");
    let input = GetParametersByPathRequest { with_decryption: Some(true), ..by_path("/app") };
    assert_eq!(cloud.ok::<GetParametersByPath>(input).await.parameters.unwrap()[0].value.as_deref(), Some("hush"));
    let history = GetParameterHistoryRequest { name: "/app/password".into(), with_decryption: Some(true), ..Default::default() };
    let entry = cloud.ok::<GetParameterHistory>(history).await.parameters.unwrap().remove(0);
    assert_eq!((entry.value.as_deref(), entry.key_id.as_deref()), (Some("hush"), Some("alias/aws/ssm")));
    // At rest too.
    assert!(!format!("{:?}", cloud.state()).contains("hush"));
}

#[tokio::test]
async fn an_advanced_secure_string_is_in_an_envelope() {
    let cloud = TestCloud::new();
    let value = "h".repeat(8_000);
    cloud.put(advanced(secure("a", &value))).await;
    let message = STANDARD.decode(undecrypted(&cloud, "a").await).unwrap();
    assert_eq!(message[..4], [1, 0x80, 1, 0x78], "a message of the AWS Encryption SDK");
    assert_eq!(cloud.value("a").await, value);
    // When a standard one becomes advanced, its old version stays as it was.
    cloud.put(secure("b", "one")).await;
    cloud.put(advanced(overwrite("b", "two"))).await;
    assert_eq!((cloud.value("b:1").await, cloud.value("b:2").await), ("one".to_owned(), "two".to_owned()));
}

#[tokio::test]
async fn faults_of_kms_are_answered_with_codes_of_systems_manager() {
    let cloud = TestCloud::new();
    cloud.put(secure("a", "v")).await;
    let key = "arn:aws:kms:us-east-1:000000000000:key/k";
    for (name, code) in [
        ("DisabledException", "InvalidKeyId"),
        ("NotFoundException", "InvalidKeyId"),
        ("KMSInvalidStateException", "InvalidKeyId"),
        ("AccessDeniedException", "AccessDeniedException"),
        ("ThrottlingException", "ThrottlingException"),
    ] {
        *cloud.kms.fault.lock() = Some((name, "arn:aws:kms:us-east-1:000000000000:key/k is disabled."));
        for fault in [
            said(&cloud.expect_fault::<GetParameter>(GetParameterRequest { name: "a".into(), with_decryption: Some(true) }).await),
            cloud.put_fault(secure("b", "v")).await,
            cloud.put_fault(advanced(secure("c", "v"))).await,
        ] {
            assert_eq!(fault.0, code);
            let start = format!("{key} is disabled. (Service: AWSKMS; Status Code: 400; Error Code: {name}; Request ID: ");
            assert!(name == "ThrottlingException" || fault.1.starts_with(&start) && fault.1.ends_with("; Proxy: null)"), "{fault:?}");
        }
        undecrypted(&cloud, "a").await;
    }
    *cloud.kms.fault.lock() = None;
    assert_eq!(cloud.value("a").await, "v");
    assert_eq!(cloud.get_fault("b").await.0, "ParameterNotFound", "nothing is half done");
}

use super::fixture::{TestCloud, assert_fault};
use crate::faults;
use cloudlet_api_kms::*;
use cloudlet_shape::Blob;

#[tokio::test]
async fn signatures_are_verified_and_others_raise() {
    let cloud = TestCloud::new();
    for (spec, algorithm) in [
        ("RSA_2048", "RSASSA_PSS_SHA_256"),
        ("ECC_NIST_P521", "ECDSA_SHA_512"),
        ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
        ("ML_DSA_65", "ML_DSA_SHAKE_256"),
    ] {
        let arn = cloud.of_spec(spec, "SIGN_VERIFY").await;
        let sign = SignRequest { key_id: arn.clone(), message: "text".into(), signing_algorithm: algorithm.into(), ..Default::default() };
        let signature = cloud.ok::<Sign>(sign).await.signature.unwrap();
        let verify = |message: &str, signature: Blob| VerifyRequest {
            key_id: arn.clone(),
            message: message.to_owned().into(),
            signature,
            signing_algorithm: algorithm.into(),
            ..Default::default()
        };
        assert_eq!(cloud.ok::<Verify>(verify("text", signature.clone())).await.signature_valid, Some(true), "{spec}");
        assert_fault(cloud.call::<Verify>(verify("other", signature)).await, &faults::KMS_INVALID_SIGNATURE, "");
        assert_fault(cloud.call::<Verify>(verify("text", "nonsense".into())).await, &faults::KMS_INVALID_SIGNATURE, "");
        let public = cloud.ok::<GetPublicKey>(GetPublicKeyRequest { key_id: arn, ..Default::default() }).await;
        assert!(public.public_key.is_some() && public.signing_algorithms.is_some() && public.encryption_algorithms.is_none());
    }
}

#[tokio::test]
async fn usages_algorithms_and_digests_are_checked() {
    let cloud = TestCloud::new();
    let sign = |key: &str, algorithm: &str, message: &[u8], kind: &str| SignRequest {
        key_id: key.into(),
        message: Blob::copy_from_slice(message),
        message_type: Some(kind.into()),
        signing_algorithm: algorithm.into(),
        ..Default::default()
    };
    let p256 = cloud.of_spec("ECC_NIST_P256", "SIGN_VERIFY").await;
    let short = cloud.call::<Sign>(sign(&p256, "ECDSA_SHA_256", &[1; 31], "DIGEST")).await;
    assert_fault(short, &faults::VALIDATION, "Digest is invalid length for algorithm ECDSA_SHA_256.");
    cloud.ok::<Sign>(sign(&p256, "ECDSA_SHA_256", &[1; 32], "DIGEST")).await;
    let other = cloud.call::<Sign>(sign(&p256, "ECDSA_SHA_384", b"text", "RAW")).await;
    assert_fault(other, &faults::INVALID_KEY_USAGE, "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256.");
    let symmetric = cloud.symmetric().await;
    let usage = format!("{symmetric} key usage is ENCRYPT_DECRYPT which is not valid for Sign.");
    assert_fault(cloud.call::<Sign>(sign(&symmetric, "ECDSA_SHA_256", b"text", "RAW")).await, &faults::INVALID_KEY_USAGE, &usage);
    assert_fault(
        cloud.call::<GetPublicKey>(GetPublicKeyRequest { key_id: symmetric, ..Default::default() }).await,
        &faults::UNSUPPORTED_OPERATION,
        "",
    );
}

#[tokio::test]
async fn macs_are_verified_and_others_raise() {
    let cloud = TestCloud::new();
    for (spec, algorithm, bytes) in [("HMAC_224", "HMAC_SHA_224", 28), ("HMAC_256", "HMAC_SHA_256", 32), ("HMAC_512", "HMAC_SHA_512", 64)] {
        let arn = cloud.of_spec(spec, "GENERATE_VERIFY_MAC").await;
        let generate = |algorithm: &str| GenerateMacRequest {
            key_id: arn.clone(),
            message: "text".into(),
            mac_algorithm: algorithm.into(),
            ..Default::default()
        };
        let mac = cloud.ok::<GenerateMac>(generate(algorithm)).await.mac.unwrap();
        assert_eq!(mac.len(), bytes);
        let verify = |message: &str| VerifyMacRequest {
            key_id: arn.clone(),
            message: message.to_owned().into(),
            mac: mac.clone(),
            mac_algorithm: algorithm.into(),
            ..Default::default()
        };
        assert_eq!(cloud.ok::<VerifyMac>(verify("text")).await.mac_valid, Some(true));
        assert_fault(cloud.call::<VerifyMac>(verify("other")).await, &faults::KMS_INVALID_MAC, "");
        let wrong = format!("Algorithm HMAC_SHA_384 is incompatible with key spec {spec}.");
        assert_fault(cloud.call::<GenerateMac>(generate("HMAC_SHA_384")).await, &faults::INVALID_KEY_USAGE, &wrong);
    }
}

#[tokio::test]
async fn two_sides_derive_the_same_secret() {
    let cloud = TestCloud::new();
    let (one, two) = (cloud.of_spec("ECC_NIST_P384", "KEY_AGREEMENT").await, cloud.of_spec("ECC_NIST_P384", "KEY_AGREEMENT").await);
    let public = |id: String| cloud.ok::<GetPublicKey>(GetPublicKeyRequest { key_id: id, ..Default::default() });
    let derive = |id: String, public_key: Blob| DeriveSharedSecretRequest {
        key_id: id,
        public_key,
        key_agreement_algorithm: "ECDH".into(),
        ..Default::default()
    };
    let first = cloud.ok::<DeriveSharedSecret>(derive(one.clone(), public(two.clone()).await.public_key.unwrap())).await;
    let second = cloud.ok::<DeriveSharedSecret>(derive(two, public(one.clone()).await.public_key.unwrap())).await;
    assert_eq!(first.shared_secret, second.shared_secret);
    assert!(cloud.call::<DeriveSharedSecret>(derive(one, "nonsense".into())).await.unwrap_err().is(&faults::VALIDATION));
}

#[tokio::test]
async fn an_encapsulated_secret_is_decapsulated() {
    let cloud = TestCloud::new();
    let arn = cloud.of_spec("ML_KEM_768", "ENCAPSULATE_DECAPSULATE").await;
    let made =
        cloud.ok::<Encapsulate>(EncapsulateRequest { key_id: arn.clone(), encapsulation_algorithm: "ML_KEM".into(), ..Default::default() }).await;
    let input = DecapsulateRequest {
        key_id: arn.clone(),
        shared_secret_ciphertext_blob: made.shared_secret_ciphertext_blob.unwrap(),
        encapsulation_algorithm: "ML_KEM".into(),
        ..Default::default()
    };
    assert_eq!(cloud.ok::<Decapsulate>(input).await.shared_secret, made.shared_secret);
    let short = DecapsulateRequest {
        key_id: arn,
        shared_secret_ciphertext_blob: "short".into(),
        encapsulation_algorithm: "ML_KEM".into(),
        ..Default::default()
    };
    assert!(cloud.call::<Decapsulate>(short).await.unwrap_err().is(&faults::INVALID_CIPHERTEXT));
}

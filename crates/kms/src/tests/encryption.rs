use super::fixture::{DAY, TestCloud, assert_fault, map};
use crate::faults;
use cloudlet_api_kms::*;
use cloudlet_shape::Blob;

#[tokio::test]
async fn a_ciphertext_opens_with_its_key_and_context_alone() {
    let cloud = TestCloud::new();
    let (one, two) = (cloud.symmetric().await, cloud.symmetric().await);
    let context = map(&[("a", "1"), ("b", "2")]);
    let blob = cloud.try_encrypt(cloud.root(), &one, "text", Some(context.clone())).await.unwrap();
    assert_eq!(cloud.try_decrypt(cloud.root(), &blob, Some(context.clone())).await.unwrap(), "text");
    assert_fault(cloud.decrypt(&blob).await, &faults::INVALID_CIPHERTEXT, "");
    let with_key = |key: &str| DecryptRequest {
        ciphertext_blob: Some(blob.clone()),
        key_id: Some(key.into()),
        encryption_context: Some(context.clone()),
        ..Default::default()
    };
    let decrypted = cloud.ok::<Decrypt>(with_key(&one)).await;
    assert_eq!((decrypted.key_id.as_deref(), decrypted.encryption_algorithm.as_deref()), (Some(&*one), Some("SYMMETRIC_DEFAULT")));
    assert_eq!(decrypted.key_material_id, cloud.describe(&one).await.current_key_material_id);
    let incorrect = "The key ID in the request does not identify a CMK that can perform this operation.";
    assert_fault(cloud.call::<Decrypt>(with_key(&two)).await, &faults::INCORRECT_KEY, incorrect);
}

#[tokio::test]
async fn a_ciphertext_of_nobody_is_invalid() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let blob = cloud.encrypt(&arn, "text").await;
    for bytes in [&b"x"[..], &blob[..50], &blob[..blob.len() - 1], &[0; 200]] {
        for key_id in [None, Some(arn.clone())] {
            let input = DecryptRequest { ciphertext_blob: Some(Blob::copy_from_slice(bytes)), key_id, ..Default::default() };
            assert_fault(cloud.call::<Decrypt>(input).await, &faults::INVALID_CIPHERTEXT, "");
        }
    }
    for at in 0..blob.len() {
        let mut changed = blob.to_vec();
        changed[at] ^= 0x80;
        assert_fault(cloud.decrypt(&changed.into()).await, &faults::INVALID_CIPHERTEXT, "");
    }
}

#[tokio::test]
async fn a_data_key_has_the_size_that_was_asked_for_and_opens() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let input = |spec: Option<&str>, bytes| GenerateDataKeyRequest {
        key_id: arn.clone(),
        key_spec: spec.map(Into::into),
        number_of_bytes: bytes,
        ..Default::default()
    };
    for (input, size) in [(input(Some("AES_256"), None), 32), (input(Some("AES_128"), None), 16), (input(None, Some(77)), 77)] {
        let generated = cloud.ok::<GenerateDataKey>(input).await;
        let plaintext = generated.plaintext.unwrap();
        assert_eq!(plaintext.len(), size);
        let decrypted = cloud.ok::<Decrypt>(DecryptRequest { ciphertext_blob: generated.ciphertext_blob, ..Default::default() }).await;
        assert_eq!(decrypted.plaintext, Some(plaintext));
        assert_eq!(generated.key_id.as_deref(), Some(&*arn));
    }
    assert!(cloud.call::<GenerateDataKey>(input(None, None)).await.unwrap_err().is(&faults::VALIDATION));
    assert!(cloud.call::<GenerateDataKey>(input(Some("AES_256"), Some(8))).await.unwrap_err().is(&faults::VALIDATION));
}

#[tokio::test]
async fn a_data_key_pair_is_one() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    for spec in ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_KEM_1024"] {
        let input = GenerateDataKeyPairRequest { key_id: arn.clone(), key_pair_spec: spec.into(), ..Default::default() };
        let pair = cloud.ok::<GenerateDataKeyPair>(input).await;
        let private = pair.private_key_plaintext.unwrap();
        let read = crate::private_key::PrivateKey::read(crate::specs::KeySpec::parse(spec).unwrap(), &private).unwrap();
        assert_eq!(read.public_key(), &pair.public_key.unwrap()[..]);
        let decrypted = cloud.ok::<Decrypt>(DecryptRequest { ciphertext_blob: pair.private_key_ciphertext_blob, ..Default::default() }).await;
        assert_eq!(decrypted.plaintext, Some(private));
    }
}

#[tokio::test]
async fn re_encryption_moves_a_ciphertext_to_another_key_and_context() {
    let cloud = TestCloud::new();
    let (one, two) = (cloud.symmetric().await, cloud.symmetric().await);
    let blob = cloud.try_encrypt(cloud.root(), &one, "text", Some(map(&[("a", "1")]))).await.unwrap();
    let input = ReEncryptRequest {
        ciphertext_blob: Some(blob),
        source_encryption_context: Some(map(&[("a", "1")])),
        destination_key_id: two.clone(),
        destination_encryption_context: Some(map(&[("b", "2")])),
        ..Default::default()
    };
    let moved = cloud.ok::<ReEncrypt>(input).await;
    assert_eq!((moved.source_key_id.as_deref(), moved.key_id.as_deref()), (Some(&*one), Some(&*two)));
    let blob = moved.ciphertext_blob.unwrap();
    cloud.delete(&one, 7).await;
    cloud.pass(7 * DAY).await;
    assert_eq!(cloud.try_decrypt(cloud.root(), &blob, Some(map(&[("b", "2")]))).await.unwrap(), "text");
}

#[tokio::test]
async fn rsa_encrypts_no_more_than_it_can() {
    let cloud = TestCloud::new();
    let arn = cloud.of_spec("RSA_2048", "ENCRYPT_DECRYPT").await;
    let encrypt = |bytes: usize, algorithm: &str| EncryptRequest {
        key_id: arn.clone(),
        plaintext: vec![7; bytes].into(),
        encryption_algorithm: Some(algorithm.into()),
        ..Default::default()
    };
    for (algorithm, longest) in [("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)] {
        let blob = cloud.ok::<Encrypt>(encrypt(longest, algorithm)).await.ciphertext_blob;
        let input =
            DecryptRequest { ciphertext_blob: blob, key_id: Some(arn.clone()), encryption_algorithm: Some(algorithm.into()), ..Default::default() };
        assert_eq!(cloud.ok::<Decrypt>(input).await.plaintext.unwrap().len(), longest);
        let message = format!("Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {longest} bytes.");
        assert_fault(cloud.call::<Encrypt>(encrypt(longest + 1, algorithm)).await, &faults::VALIDATION, &message);
    }
    let symmetric = cloud.call::<Encrypt>(encrypt(1, "SYMMETRIC_DEFAULT")).await;
    assert!(symmetric.unwrap_err().is(&faults::INVALID_KEY_USAGE));
}

#[tokio::test]
async fn a_dry_run_says_that_it_would_have_succeeded_and_other_faults_come_first() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let input = || EncryptRequest { key_id: arn.clone(), plaintext: "text".into(), dry_run: Some(true), ..Default::default() };
    let would = "The request would have succeeded, but the DryRun option is set.";
    assert_fault(cloud.call::<Encrypt>(input()).await, &faults::DRY_RUN_OPERATION, would);
    let ignoring = DecryptRequest {
        key_id: Some(arn.clone()),
        dry_run: Some(true),
        dry_run_modifiers: Some(vec!["IGNORE_CIPHERTEXT".into()]),
        ..Default::default()
    };
    assert_fault(cloud.call::<Decrypt>(ignoring).await, &faults::DRY_RUN_OPERATION, would);
    cloud.disable(&arn).await;
    assert!(cloud.call::<Encrypt>(input()).await.unwrap_err().is(&faults::DISABLED));
}

#[tokio::test]
async fn the_last_use_of_a_key_is_known() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let usage = || cloud.call::<GetKeyLastUsage>(GetKeyLastUsageRequest { key_id: arn.clone() });
    assert!(usage().await.unwrap().key_last_usage.is_none());
    cloud.encrypt(&arn, "text").await;
    cloud.advance(10);
    let _ = cloud.decrypt(&Blob::from_static(b"nonsense")).await;
    let last = usage().await.unwrap().key_last_usage.unwrap();
    assert_eq!((last.operation.as_deref(), last.timestamp), (Some("Encrypt"), Some(cloud.now().plus_secs(-10))));
}

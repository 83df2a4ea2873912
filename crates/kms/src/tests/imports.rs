use super::fixture::{DAY, TestCloud, assert_fault};
use crate::{faults, private_key, specs::EncryptionAlgorithm};
use aws_lc_rs::key_wrap::{AES_256, KeyEncryptionKey, KeyWrapPadded};
use cloudlet_api_kms::*;
use cloudlet_aws::Fault;
use cloudlet_shape::Blob;

const NEVER: &str = "KEY_MATERIAL_DOES_NOT_EXPIRE";

pub async fn external(cloud: &TestCloud, spec: &str, usage: &str) -> String {
    let input =
        CreateKeyRequest { origin: Some("EXTERNAL".into()), key_spec: Some(spec.into()), key_usage: Some(usage.into()), ..Default::default() };
    cloud.create(input).await.arn.unwrap()
}

async fn parameters(cloud: &TestCloud, key: &str, algorithm: &str) -> GetParametersForImportResponse {
    let input = GetParametersForImportRequest { key_id: key.into(), wrapping_algorithm: algorithm.into(), wrapping_key_spec: "RSA_2048".into() };
    cloud.ok::<GetParametersForImport>(input).await
}

/// An import of some material, wrapped as the algorithm says.
pub async fn import(cloud: &TestCloud, key: &str, algorithm: &str, material: &[u8]) -> ImportKeyMaterialRequest {
    let parameters = parameters(cloud, key, algorithm).await;
    let public = parameters.public_key.unwrap();
    let oaep = if algorithm.ends_with("SHA_1") { EncryptionAlgorithm::RsaesOaepSha1 } else { EncryptionAlgorithm::RsaesOaepSha256 };
    let wrapped = if algorithm.starts_with("RSAES") {
        private_key::encrypt_with(&public, oaep, material).unwrap()
    } else {
        let mut wrapped = private_key::encrypt_with(&public, oaep, &[5; 32]).unwrap();
        let mut out = vec![0; material.len() + 15];
        let length = KeyEncryptionKey::new(&AES_256, &[5; 32]).unwrap().wrap_with_padding(material, &mut out).unwrap().len();
        wrapped.extend(&out[..length]);
        wrapped
    };
    ImportKeyMaterialRequest {
        key_id: key.into(),
        import_token: parameters.import_token.unwrap(),
        encrypted_key_material: wrapped.into(),
        expiration_model: Some(NEVER.into()),
        ..Default::default()
    }
}

pub async fn try_import(cloud: &TestCloud, input: ImportKeyMaterialRequest) -> Result<ImportKeyMaterialResponse, Fault> {
    cloud.call::<ImportKeyMaterial>(input).await
}

#[tokio::test]
async fn material_is_imported_under_every_wrapping_algorithm() {
    let cloud = TestCloud::new();
    for algorithm in ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"] {
        let arn = external(&cloud, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT").await;
        let pending = format!("{arn} is pending import.");
        assert_fault(cloud.try_encrypt(cloud.root(), &arn, "text", None).await, &faults::KMS_INVALID_STATE, &pending);
        let imported = try_import(&cloud, import(&cloud, &arn, algorithm, &[7; 32]).await).await.unwrap();
        let described = cloud.describe(&arn).await;
        assert_eq!((described.key_state.as_deref(), described.expiration_model.as_deref()), (Some("Enabled"), Some(NEVER)));
        assert_eq!(described.current_key_material_id, imported.key_material_id);
        let blob = cloud.encrypt(&arn, "text").await;
        cloud.ok::<DeleteImportedKeyMaterial>(DeleteImportedKeyMaterialRequest { key_id: arn.clone(), ..Default::default() }).await;
        assert_fault(cloud.decrypt(&blob).await, &faults::KMS_INVALID_STATE, &pending);
        assert!(try_import(&cloud, import(&cloud, &arn, algorithm, &[8; 32]).await).await.unwrap_err().is(&faults::INCORRECT_KEY_MATERIAL));
        try_import(&cloud, import(&cloud, &arn, algorithm, &[7; 32]).await).await.unwrap();
        assert_eq!(cloud.decrypt(&blob).await.unwrap(), "text");
    }
}

#[tokio::test]
async fn a_private_key_is_imported_and_signs() {
    let cloud = TestCloud::new();
    for (spec, algorithm) in [("ECC_NIST_P256", "RSAES_OAEP_SHA_256"), ("RSA_2048", "RSA_AES_KEY_WRAP_SHA_256"), ("ML_DSA_44", "RSAES_OAEP_SHA_1")] {
        let arn = external(&cloud, spec, "SIGN_VERIFY").await;
        let parsed = crate::specs::KeySpec::parse(spec).unwrap();
        let stored = private_key::generate(parsed).unwrap();
        try_import(&cloud, import(&cloud, &arn, algorithm, &stored).await).await.unwrap();
        let public = cloud.ok::<GetPublicKey>(GetPublicKeyRequest { key_id: arn.clone(), ..Default::default() }).await.public_key.unwrap();
        assert_eq!(private_key::PrivateKey::read(parsed, &stored).unwrap().public_key(), &public[..]);
        assert_eq!(cloud.describe(&arn).await.current_key_material_id, None);
    }
    let arn = external(&cloud, "ECC_NIST_P384", "SIGN_VERIFY").await;
    let other = private_key::generate(crate::specs::KeySpec::NistP256).unwrap();
    let refused = try_import(&cloud, import(&cloud, &arn, "RSAES_OAEP_SHA_256", &other).await).await;
    assert!(refused.unwrap_err().is(&faults::INCORRECT_KEY_MATERIAL));
}

#[tokio::test]
async fn imported_material_expires() {
    let cloud = TestCloud::new();
    let arn = external(&cloud, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT").await;
    let needs = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES";
    let input = import(&cloud, &arn, "RSAES_OAEP_SHA_256", &[7; 32]).await;
    assert_fault(try_import(&cloud, ImportKeyMaterialRequest { expiration_model: None, ..input.clone() }).await, &faults::VALIDATION, needs);
    let valid_to = Some(cloud.now().plus_secs(DAY as i64 / 2));
    try_import(&cloud, ImportKeyMaterialRequest { expiration_model: None, valid_to, ..input }).await.unwrap();
    let blob = cloud.encrypt(&arn, "text").await;
    assert_eq!(cloud.describe(&arn).await.valid_to, valid_to);
    cloud.advance(DAY / 2);
    assert_eq!(cloud.state_of(&arn).await, "PendingImport");
    cloud.settle().await;
    assert!(cloud.decrypt(&blob).await.unwrap_err().is(&faults::KMS_INVALID_STATE));
    try_import(&cloud, import(&cloud, &arn, "RSAES_OAEP_SHA_256", &[7; 32]).await).await.unwrap();
    cloud.pass(10 * DAY).await;
    assert_eq!(cloud.decrypt(&blob).await.unwrap(), "text");
}

#[tokio::test]
async fn tokens_are_for_their_key_and_their_day() {
    let cloud = TestCloud::new();
    let arn = external(&cloud, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT").await;
    let other = external(&cloud, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT").await;
    let input = import(&cloud, &arn, "RSAES_OAEP_SHA_256", &[7; 32]).await;
    let to = |key_id: &str| ImportKeyMaterialRequest { key_id: key_id.into(), ..input.clone() };
    assert!(try_import(&cloud, to(&other)).await.unwrap_err().is(&faults::INVALID_IMPORT_TOKEN));
    let changed = ImportKeyMaterialRequest { encrypted_key_material: Blob::from_static(b"nonsense"), ..to(&arn) };
    assert!(try_import(&cloud, changed).await.unwrap_err().is(&faults::INVALID_CIPHERTEXT));
    cloud.advance(DAY);
    assert!(try_import(&cloud, to(&arn)).await.unwrap_err().is(&faults::EXPIRED_IMPORT_TOKEN));
    let own = cloud.symmetric().await;
    let input =
        GetParametersForImportRequest { key_id: own.clone(), wrapping_algorithm: "RSAES_OAEP_SHA_256".into(), wrapping_key_spec: "RSA_2048".into() };
    let message = format!("{own} origin is AWS_KMS which is not valid for this operation.");
    assert_fault(cloud.call::<GetParametersForImport>(input).await, &faults::UNSUPPORTED_OPERATION, &message);
}

#[tokio::test]
async fn imported_keys_rotate_on_demand_to_new_material() {
    let cloud = TestCloud::new();
    let arn = external(&cloud, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT").await;
    let first = try_import(&cloud, import(&cloud, &arn, "RSAES_OAEP_SHA_256", &[7; 32]).await).await.unwrap().key_material_id.unwrap();
    let blob = cloud.encrypt(&arn, "text").await;
    let rotate = || cloud.call::<RotateKeyOnDemand>(RotateKeyOnDemandRequest { key_id: arn.clone() });
    let none = format!("No available key material pending rotation for the key: {arn}.");
    assert_fault(rotate().await, &faults::KMS_INVALID_STATE, &none);
    let new = |material: [u8; 32]| {
        let (cloud, arn) = (&cloud, &arn);
        async move {
            let input = import(cloud, arn, "RSAES_OAEP_SHA_256", &material).await;
            try_import(cloud, ImportKeyMaterialRequest { import_type: Some("NEW_KEY_MATERIAL".into()), ..input }).await
        }
    };
    let second = new([8; 32]).await.unwrap().key_material_id.unwrap();
    assert_eq!(cloud.describe(&arn).await.current_key_material_id, Some(first));
    let third = new([9; 32]).await.unwrap_err();
    assert!(third.is(&faults::KMS_INVALID_STATE) && third.message().ends_with(&format!("(id: {second}) is pending rotation.")), "{third}");
    rotate().await.unwrap();
    assert_eq!(cloud.describe(&arn).await.current_key_material_id, Some(second));
    assert_eq!(cloud.decrypt(&blob).await.unwrap(), "text");
}

//! What KMS parses itself: ciphertexts, wrapped key material and what was wrapped, public keys, key ids and key policies. The first byte selects
//! one. Any input is accepted or refused, and never a 5xx; no ciphertext opens but the one that was made.
#![no_main]

use aws_lc_rs::{
    key_wrap::{AES_256, KeyEncryptionKey, KeyWrapPadded},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use bytes::Bytes;
use cloudlet_api_kms::*;
use cloudlet_aws::Fault;
use cloudlet_cloud::Mode;
use cloudlet_shape::Operation;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

/// After this many inputs the cloud is built anew.
const AGE: u32 = 10_000;
const AES_KEY: [u8; 32] = [5; 32];
const SPECS: [(&str, &str); 5] = [
    ("ECC_NIST_P256", "SIGN_VERIFY"),
    ("RSA_2048", "SIGN_VERIFY"),
    ("ML_DSA_44", "SIGN_VERIFY"),
    ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY"),
    ("HMAC_256", "GENERATE_VERIFY_MAC"),
];

struct TestCloud {
    cloud: cloudlet_testing::TestCloud,
    runtime: tokio::runtime::Runtime,
    symmetric: String,
    ciphertext: Bytes,
    agreeing: String,
    /// Keys without material, with the tokens and wrapped AES keys of their imports.
    external: Vec<(String, Bytes, Vec<u8>)>,
    age: u32,
}

impl TestCloud {
    fn new() -> TestCloud {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let cloud = cloudlet_testing::TestCloud::builder()
            .service(|parts| cloudlet_kms::service(&parts.journal))
            .mode(Mode::Off)
            .calls(0)
            .build();
        let mut cloud = TestCloud {
            cloud,
            runtime,
            symmetric: String::new(),
            ciphertext: Bytes::new(),
            agreeing: String::new(),
            external: vec![],
            age: 0,
        };
        cloud.symmetric = cloud.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS");
        let input = EncryptRequest { key_id: cloud.symmetric.clone(), plaintext: "text".into(), ..Default::default() };
        cloud.ciphertext = cloud.call::<Encrypt>(input).unwrap().ciphertext_blob.unwrap();
        cloud.agreeing = cloud.key("ECC_NIST_P256", "KEY_AGREEMENT", "AWS_KMS");
        for (spec, usage) in SPECS {
            let key_id = cloud.key(spec, usage, "EXTERNAL");
            let input = GetParametersForImportRequest {
                key_id: key_id.clone(),
                wrapping_algorithm: "RSA_AES_KEY_WRAP_SHA_256".into(),
                wrapping_key_spec: "RSA_2048".into(),
            };
            let parameters = cloud.call::<GetParametersForImport>(input).unwrap();
            let public = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&parameters.public_key.unwrap()).unwrap()).unwrap();
            let mut wrapped = vec![0; public.ciphertext_size()];
            public.encrypt(&OAEP_SHA256_MGF1SHA256, &AES_KEY, &mut wrapped, None).unwrap();
            cloud.external.push((key_id, parameters.import_token.unwrap(), wrapped));
        }
        cloud
    }

    fn key(&self, spec: &str, usage: &str, origin: &str) -> String {
        let input = CreateKeyRequest {
            key_spec: Some(spec.into()),
            key_usage: Some(usage.into()),
            origin: Some(origin.into()),
            ..Default::default()
        };
        self.call::<CreateKey>(input).unwrap().key_metadata.unwrap().key_id
    }

    fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        let answer = self.runtime.block_on(self.cloud.call::<O>(input));
        if let Err(fault) = &answer {
            assert!(fault.status() < 500, "{}: {fault:?}", O::SCHEMA.name);
        }
        answer
    }

    fn decrypt(&self, bytes: &[u8]) {
        for key_id in [None, Some(self.symmetric.clone())] {
            let input = DecryptRequest { ciphertext_blob: Some(Bytes::copy_from_slice(bytes)), key_id, ..Default::default() };
            match self.call::<Decrypt>(input) {
                Ok(_) => assert_eq!(bytes, &self.ciphertext[..], "another ciphertext opens"),
                Err(fault) => assert_eq!(fault.name(), "InvalidCiphertextException"),
            }
        }
    }

    fn import(&self, which: u8, wrapped: impl FnOnce(&[u8]) -> Vec<u8>) {
        let (key_id, token, aes_key) = &self.external[usize::from(which) % self.external.len()];
        let input = ImportKeyMaterialRequest {
            key_id: key_id.clone(),
            import_token: token.clone(),
            encrypted_key_material: wrapped(aes_key).into(),
            expiration_model: Some("KEY_MATERIAL_DOES_NOT_EXPIRE".into()),
            ..Default::default()
        };
        let _ = self.call::<ImportKeyMaterial>(input);
    }
}

/// Material under the AES key.
fn wrapped(material: &[u8]) -> Vec<u8> {
    let mut out = vec![0; material.len() + 15];
    let key = KeyEncryptionKey::new(&AES_256, &AES_KEY).unwrap();
    match key.wrap_with_padding(material, &mut out) {
        Ok(wrapped) => wrapped.to_vec(),
        Err(_) => vec![],
    }
}

thread_local! {
    static CLOUD: RefCell<TestCloud> = RefCell::new(TestCloud::new());
}

fuzz_target!(|bytes: &[u8]| {
    let [selector, which, bytes @ ..] = bytes else { return };
    CLOUD.with_borrow_mut(|cloud| {
        cloud.age += 1;
        if cloud.age > AGE {
            *cloud = TestCloud::new();
        }
        let text = || String::from_utf8_lossy(bytes).into_owned();
        match selector % 6 {
            0 => cloud.decrypt(bytes),
            1 => cloud.import(*which, |_| bytes.to_vec()),
            2 => cloud.import(*which, |aes_key| [aes_key, bytes].concat()),
            3 => cloud.import(*which, |aes_key| [aes_key, &wrapped(bytes)].concat()),
            4 => {
                let input = DeriveSharedSecretRequest {
                    key_id: cloud.agreeing.clone(),
                    key_agreement_algorithm: "ECDH".into(),
                    public_key: Bytes::copy_from_slice(bytes),
                    ..Default::default()
                };
                let _ = cloud.call::<DeriveSharedSecret>(input);
            }
            _ => {
                let _ = cloud.call::<DescribeKey>(DescribeKeyRequest { key_id: text(), ..Default::default() });
                let input = PutKeyPolicyRequest { key_id: cloud.symmetric.clone(), policy: text(), ..Default::default() };
                let _ = cloud.call::<PutKeyPolicy>(input);
            }
        }
    });
});

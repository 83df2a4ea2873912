//! Answers that others have published: `known_answers.txt`. Beside those in `private_key`.

use super::fixture::TestCloud;
use crate::{
    private_key::{PrivateKey, Signed},
    specs::{EncryptionAlgorithm, KeySpec, SigningAlgorithm},
    tests::imports::{external, import, try_import},
};
use cloudlet_api_kms::*;
use std::collections::BTreeMap;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// The key, whatever its kind.
fn read(pkcs8: &str) -> PrivateKey {
    KeySpec::ALL.iter().find_map(|spec| PrivateKey::read(*spec, &bytes(pkcs8))).unwrap()
}

#[tokio::test]
async fn answers_are_those_that_others_have_published() {
    let cloud = TestCloud::new();
    let mut keys = BTreeMap::new();
    let mut answers = 0;
    for line in include_str!("known_answers.txt").lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["key", name, pkcs8] => drop(keys.insert(name, read(pkcs8))),
            ["sign", key, algorithm, message, signature] => {
                let signed = keys[key].sign(SigningAlgorithm::parse(algorithm).unwrap(), Signed::Message(&bytes(message)));
                assert_eq!(signed, Ok(bytes(signature)), "{algorithm}");
            }
            ["verify", key, algorithm, message, signature] => {
                let (algorithm, signature) = (SigningAlgorithm::parse(algorithm).unwrap(), bytes(signature));
                assert_eq!(keys[key].verify(algorithm, Signed::Message(&bytes(message)), &signature), Ok(true), "{key}");
                assert_eq!(keys[key].verify(algorithm, Signed::Message(b"another"), &signature), Ok(false), "{key}");
            }
            ["decrypt", key, algorithm, ciphertext, plaintext] => {
                let decrypted = keys[key].decrypt(EncryptionAlgorithm::parse(algorithm).unwrap(), &bytes(ciphertext));
                assert_eq!(decrypted, Ok(bytes(plaintext)), "{algorithm}");
            }
            ["agree", key, "ECDH", peer, secret] => assert_eq!(keys[key].agree(&bytes(peer)), Ok(bytes(secret)), "{key}"),
            ["decapsulate", key, "ML_KEM", ciphertext, secret] => {
                assert_eq!(keys[key].decapsulate(&bytes(ciphertext)), Ok(bytes(secret)), "{key}");
            }
            ["mac", spec, algorithm, key, message, mac] => {
                let arn = external(&cloud, spec, "GENERATE_VERIFY_MAC").await;
                try_import(&cloud, import(&cloud, &arn, "RSAES_OAEP_SHA_256", &bytes(key)).await).await.unwrap();
                let input = GenerateMacRequest { key_id: arn, message: bytes(message).into(), mac_algorithm: algorithm.into(), ..Default::default() };
                assert_eq!(hex::encode(cloud.ok::<GenerateMac>(input).await.mac.unwrap()), mac, "{spec}");
            }
            _ => panic!("{line}"),
        }
        answers += 1;
    }
    assert!(answers > 30, "{answers}");
}

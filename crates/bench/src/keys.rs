//! KMS: ciphertexts and data keys of a symmetric key; signatures.

use crate::{
    cost,
    messaging::prepare,
    request::Signed,
    scenario::{Bench, many},
};

impl Bench<'_> {
    pub async fn keys(&self, host: &str) {
        let kms = Signed::new(host, "kms");
        let call = |operation: &str, body: &str| kms.json_1_1(&format!("TrentService.{operation}"), body);
        let mut made = Vec::new();
        for spec in [r#"{}"#, r#"{"KeySpec":"ECC_NIST_P256","KeyUsage":"SIGN_VERIFY"}"#, r#"{"KeySpec":"RSA_2048","KeyUsage":"SIGN_VERIFY"}"#] {
            made.push(member(&prepare(self.server.address, &call("CreateKey", spec)).await, "KeyId"));
        }
        let [symmetric, p256, rsa] = &made[..] else { panic!("three keys") };
        let encrypt = call("Encrypt", &format!(r#"{{"KeyId":"{symmetric}","Plaintext":"YSBwYXNzd29yZA==","EncryptionContext":{{"a":"1"}}}}"#));
        let blob = member(&prepare(self.server.address, &encrypt).await, "CiphertextBlob");
        self.compare("KMS Encrypt", encrypt).await;
        self.compare("KMS Decrypt", call("Decrypt", &format!(r#"{{"CiphertextBlob":"{blob}","EncryptionContext":{{"a":"1"}}}}"#))).await;
        self.compare("KMS GenerateDataKey", call("GenerateDataKey", &format!(r#"{{"KeyId":"{symmetric}","KeySpec":"AES_256"}}"#))).await;
        for (name, key, algorithm) in [("KMS Sign P-256", p256, "ECDSA_SHA_256"), ("KMS Sign RSA-2048", rsa, "RSASSA_PSS_SHA_256")] {
            let sign = format!(r#"{{"KeyId":"{key}","Message":"YSBtZXNzYWdl","SigningAlgorithm":"{algorithm}"}}"#);
            self.compare(name, call("Sign", &sign)).await;
            self.signing_cpu(name, call("Sign", &sign)).await;
        }
    }

    /// The CPU time of a call that signs, beside that of the signature alone.
    async fn signing_cpu(&self, name: &str, request: Vec<u8>) {
        if !self.includes(name) {
            return;
        }
        let alone = if name.contains("RSA") { cost::rsa_2048_signature() } else { cost::p256_signature() };
        let mut spent = f64::MAX;
        for _ in 0..4 {
            spent = spent.min(self.turn(many(&request)).await.1);
        }
        println!(
            "CPU of {name:<19} {:>7.0} µs; the signature alone {:.0} µs; ratio {:.2}",
            spent * 1e6,
            alone.as_secs_f64() * 1e6,
            spent / alone.as_secs_f64()
        );
    }
}

/// The text of a member in an answer.
fn member(answer: &str, name: &str) -> String {
    let rest = answer.split_once(&format!(r#""{name}":""#)).unwrap_or_else(|| panic!("no {name}: {answer}")).1;
    rest.split('"').next().expect("a text").to_owned()
}

//! GenerateMac and VerifyMac.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html>

use crate::{
    encryption::check_dry_run,
    faults,
    key_ids::Aliases,
    on_key,
    permissions::Reach,
    specs::{KeyUsage, MacAlgorithm},
    state::Key,
};
use aws_lc_rs::hmac;
use cloudlet_api_kms::*;
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;

impl Key {
    fn mac_key(&self, cx: &Cx, name: &str) -> Result<hmac::Key, Fault> {
        let algorithm = self.spec.mac_algorithm().filter(|algorithm| algorithm.as_str() == name);
        let algorithm = match algorithm {
            Some(MacAlgorithm::HmacSha224) => hmac::HMAC_SHA224,
            Some(MacAlgorithm::HmacSha256) => hmac::HMAC_SHA256,
            Some(MacAlgorithm::HmacSha384) => hmac::HMAC_SHA384,
            Some(MacAlgorithm::HmacSha512) => hmac::HMAC_SHA512,
            None => {
                return Err(faults::INVALID_KEY_USAGE.says(format!("Algorithm {name} is incompatible with key spec {}.", self.spec.as_str())));
            }
        };
        let (_, secret) = self.symmetric(cx)?;
        Ok(hmac::Key::new(algorithm, secret.as_slice()))
    }
}

on_key!(
    GenerateMac,
    Aliases::Taken,
    Reach::AnyAccount,
    |input, permission| permission.keys.set("kms:MacAlgorithm", input.mac_algorithm.clone()),
    |kms, cx, input, named| {
        let key = &named.key;
        kms.check_use::<GenerateMac>(cx, key, KeyUsage::GenerateVerifyMac, input.grant_tokens.as_deref())?;
        let mac_key = key.mac_key(cx, &input.mac_algorithm)?;
        check_dry_run(input.dry_run)?;
        let mac = hmac::sign(&mac_key, &input.message).as_ref().to_vec();
        kms.used::<GenerateMac>(cx, key);
        Ok(GenerateMacResponse { mac: Some(mac.into()), mac_algorithm: Some(input.mac_algorithm), key_id: Some(key.arn.to_string()) })
    }
);

on_key!(
    VerifyMac,
    Aliases::Taken,
    Reach::AnyAccount,
    |input, permission| permission.keys.set("kms:MacAlgorithm", input.mac_algorithm.clone()),
    |kms, cx, input, named| {
        let key = &named.key;
        kms.check_use::<VerifyMac>(cx, key, KeyUsage::GenerateVerifyMac, input.grant_tokens.as_deref())?;
        let mac_key = key.mac_key(cx, &input.mac_algorithm)?;
        check_dry_run(input.dry_run)?;
        hmac::verify(&mac_key, &input.message, &input.mac).map_err(|_| faults::KMS_INVALID_MAC.says(""))?;
        kms.used::<VerifyMac>(cx, key);
        Ok(VerifyMacResponse { key_id: Some(key.arn.to_string()), mac_valid: Some(true), mac_algorithm: Some(input.mac_algorithm) })
    }
);

//! Sign, Verify and GetPublicKey.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html>

use crate::{
    encryption::check_dry_run,
    faults,
    key_ids::Aliases,
    on_key,
    permissions::Reach,
    private_key::{Signed, digest_of},
    specs::{KeyUsage, SigningAlgorithm},
    state::Key,
};
use cloudlet_api_kms::*;
use cloudlet_aws::Fault;
use cloudlet_engine::Permission;

fn set_conditions(permission: &mut Permission, algorithm: &str, message_type: Option<&str>) {
    permission.keys.set("kms:SigningAlgorithm", algorithm.to_owned());
    permission.keys.set("kms:MessageType", message_type.unwrap_or("RAW").to_owned());
}

impl Key {
    fn signing_algorithm(&self, name: &str) -> Result<SigningAlgorithm, Fault> {
        let algorithm = SigningAlgorithm::parse(name).filter(|algorithm| self.spec.signing_algorithms().contains(algorithm));
        algorithm.ok_or_else(|| faults::INVALID_KEY_USAGE.says(format!("Algorithm {name} is incompatible with key spec {}.", self.spec.as_str())))
    }
}

/// What is signed, as the request's message type says.
fn signed<'a>(algorithm: SigningAlgorithm, message_type: Option<&str>, message: &'a [u8]) -> Result<Signed<'a>, Fault> {
    if algorithm == SigningAlgorithm::Ed25519PhSha512 {
        return Err(faults::not_implemented("kms:ED25519_PH_SHA_512"));
    }
    match (message_type, digest_of(algorithm)) {
        (None | Some("RAW"), _) => Ok(Signed::Message(message)),
        (Some("EXTERNAL_MU"), None) if algorithm == SigningAlgorithm::MlDsaShake256 => Err(faults::not_implemented("kms:EXTERNAL_MU")),
        (Some("DIGEST"), Some(digest)) if digest.output_len() == message.len() => Ok(Signed::Digest(message)),
        (Some("DIGEST"), Some(_)) => Err(faults::validation(format!("Digest is invalid length for algorithm {}.", algorithm.as_str()))),
        // AWS: unverified message.
        (Some(other), _) => Err(faults::validation(format!("MessageType {other} is not valid for algorithm {}.", algorithm.as_str()))),
    }
}

on_key!(
    Sign,
    Aliases::Taken,
    Reach::AnyAccount,
    |input, permission| set_conditions(&mut permission, &input.signing_algorithm, input.message_type.as_deref()),
    |kms, cx, input, named| {
        let key = &named.key;
        kms.check_use::<Sign>(cx, key, KeyUsage::SignVerify, input.grant_tokens.as_deref())?;
        let algorithm = key.signing_algorithm(&input.signing_algorithm)?;
        let what = signed(algorithm, input.message_type.as_deref(), &input.message)?;
        check_dry_run(input.dry_run)?;
        let signature = key.private_key(cx)?.sign(algorithm, what).map_err(|_| Fault::internal(format_args!("{} signed nothing", key.arn)))?;
        kms.used::<Sign>(cx, key);
        Ok(SignResponse { key_id: Some(key.arn.to_string()), signature: Some(signature.into()), signing_algorithm: Some(input.signing_algorithm) })
    }
);

on_key!(
    Verify,
    Aliases::Taken,
    Reach::AnyAccount,
    |input, permission| set_conditions(&mut permission, &input.signing_algorithm, input.message_type.as_deref()),
    |kms, cx, input, named| {
        let key = &named.key;
        kms.check_use::<Verify>(cx, key, KeyUsage::SignVerify, input.grant_tokens.as_deref())?;
        let algorithm = key.signing_algorithm(&input.signing_algorithm)?;
        let what = signed(algorithm, input.message_type.as_deref(), &input.message)?;
        check_dry_run(input.dry_run)?;
        let valid = key.private_key(cx)?.verify(algorithm, what, &input.signature);
        if !valid.map_err(|_| Fault::internal(format_args!("{} verified nothing", key.arn)))? {
            return Err(faults::KMS_INVALID_SIGNATURE.says(""));
        }
        kms.used::<Verify>(cx, key);
        Ok(VerifyResponse { key_id: Some(key.arn.to_string()), signature_valid: Some(true), signing_algorithm: Some(input.signing_algorithm) })
    }
);

on_key!(GetPublicKey, Aliases::Taken, Reach::AnyAccount, |kms, cx, input, named| {
    let key = &named.key;
    kms.check_grant_tokens(input.grant_tokens.as_deref())?;
    if !key.spec.is_asymmetric() {
        return Err(faults::unsupported());
    }
    key.check_usable(cx.now)?;
    let public_key = key.private_key(cx)?.public_key().to_vec();
    let metadata = key.metadata(cx.now);
    Ok(GetPublicKeyResponse {
        key_id: Some(key.arn.to_string()),
        public_key: Some(public_key.into()),
        customer_master_key_spec: metadata.customer_master_key_spec,
        key_spec: metadata.key_spec,
        key_usage: metadata.key_usage,
        encryption_algorithms: metadata.encryption_algorithms,
        signing_algorithms: metadata.signing_algorithms,
        key_agreement_algorithms: metadata.key_agreement_algorithms,
        encapsulation_algorithms: metadata.encapsulation_algorithms,
    })
});

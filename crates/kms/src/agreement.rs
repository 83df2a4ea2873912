//! DeriveSharedSecret, Encapsulate and Decapsulate.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DeriveSharedSecret.html>

use crate::{
    encryption::{check_dry_run, check_recipient},
    faults,
    key_ids::Aliases,
    on_key,
    permissions::Reach,
    specs::KeyUsage,
};
use cloudlet_api_kms::*;
use cloudlet_aws::Fault;

on_key!(
    DeriveSharedSecret,
    Aliases::Taken,
    Reach::AnyAccount,
    |input, permission| permission.keys.set("kms:KeyAgreementAlgorithm", input.key_agreement_algorithm.clone()),
    |kms, cx, input, named| {
        let key = &named.key;
        kms.check_use::<DeriveSharedSecret>(cx, key, KeyUsage::KeyAgreement, input.grant_tokens.as_deref())?;
        check_recipient(input.recipient.as_ref())?;
        // AWS: unverified message.
        let secret = key.private_key(cx)?.agree(&input.public_key);
        let secret = secret.map_err(|_| faults::validation(format!("The public key is not valid for key spec {}.", key.spec.as_str())))?;
        check_dry_run(input.dry_run)?;
        kms.used::<DeriveSharedSecret>(cx, key);
        Ok(DeriveSharedSecretResponse {
            key_id: Some(key.arn.to_string()),
            shared_secret: Some(secret.into()),
            ciphertext_for_recipient: None,
            key_agreement_algorithm: Some(input.key_agreement_algorithm),
            key_origin: Some(key.origin.as_str().to_owned()),
        })
    }
);

on_key!(
    Encapsulate,
    Aliases::Taken,
    Reach::AnyAccount,
    |input, permission| permission.keys.set("kms:EncapsulationAlgorithm", input.encapsulation_algorithm.clone()),
    |kms, cx, input, named| {
        let key = &named.key;
        kms.check_use::<Encapsulate>(cx, key, KeyUsage::EncapsulateDecapsulate, input.grant_tokens.as_deref())?;
        check_dry_run(input.dry_run)?;
        let pair = key.private_key(cx)?.encapsulate();
        let (secret, ciphertext) = pair.map_err(|_| Fault::internal(format_args!("{} encapsulated nothing", key.arn)))?;
        kms.used::<Encapsulate>(cx, key);
        Ok(EncapsulateResponse {
            key_id: Some(key.arn.to_string()),
            shared_secret: Some(secret.into()),
            shared_secret_ciphertext_blob: Some(ciphertext.into()),
            encapsulation_algorithm: Some(input.encapsulation_algorithm),
        })
    }
);

on_key!(
    Decapsulate,
    Aliases::Taken,
    Reach::AnyAccount,
    |input, permission| permission.keys.set("kms:EncapsulationAlgorithm", input.encapsulation_algorithm.clone()),
    |kms, cx, input, named| {
        let key = &named.key;
        kms.check_use::<Decapsulate>(cx, key, KeyUsage::EncapsulateDecapsulate, input.grant_tokens.as_deref())?;
        // A ciphertext of the right size that was changed has another secret, as FIPS 203 wants it.
        let secret = key.private_key(cx)?.decapsulate(&input.shared_secret_ciphertext_blob).map_err(|_| faults::invalid_ciphertext())?;
        check_dry_run(input.dry_run)?;
        kms.used::<Decapsulate>(cx, key);
        Ok(DecapsulateResponse {
            key_id: Some(key.arn.to_string()),
            shared_secret: Some(secret.into()),
            encapsulation_algorithm: Some(input.encapsulation_algorithm),
        })
    }
);

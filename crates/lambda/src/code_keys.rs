//! Archives under keys that their owners have chosen: who may not use the key does not get the code, and as long as Lambda may not use it, the code
//! is not run. Deliberately no encryption of the archives with it: the data folder is encrypted as a whole.
//! <https://docs.aws.amazon.com/lambda/latest/dg/encrypt-zip-package.html>

use crate::{
    code::PRINCIPAL,
    encryption::{KMS, context, not_decrypted, quoted},
    faults,
    state::{CodeKey, FunctionKey, Version},
};
use cloudlet_api_kms::{Decrypt, DecryptRequest};
use cloudlet_api_lambda::FunctionCodeLocationError;
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::Cx;

// AWS: unverified wording.
fn refused(fault: &Fault, operation: &str) -> Fault {
    let text = "Lambda was unable to encrypt your deployment package because the KMS key is invalid for";
    faults::invalid(format!("{text} {operation}. Please check your KMS key settings. {}", quoted(fault, " ")))
}

/// The key of a new archive, if the request names one. AWS: its policy must let Lambda use it; unverified that the caller is asked before that.
pub async fn made(cx: &Cx, key: Option<&str>, function: &FunctionKey) -> Result<Option<CodeKey>, Fault> {
    let Some(key) = key.filter(|key| !key.is_empty()) else { return Ok(None) };
    let data_key = KMS.data_key(cx, key, &function.arn()).await.map_err(|fault| refused(&fault, "GenerateDataKey"))?;
    let key = CodeKey { arn: data_key.key_arn, data_key: data_key.encrypted };
    decrypt_as_lambda(cx, &key, function).await.map_err(|fault| refused(&fault, "Decrypt"))?;
    Ok(Some(key))
}

async fn decrypt_as_lambda(cx: &Cx, key: &CodeKey, function: &FunctionKey) -> Result<(), Fault> {
    let lambda = Caller::service(PRINCIPAL, Some(function.arn()));
    let input = DecryptRequest {
        ciphertext_blob: Some(key.data_key.clone()),
        encryption_context: Some(context(&function.arn())),
        ..DecryptRequest::default()
    };
    cx.call::<Decrypt>(lambda, function.scope(), input).await.map(drop)
}

/// Whether the code of a version may be run.
pub async fn check(cx: &Cx, version: &Version, function: &FunctionKey) -> Result<(), Fault> {
    match &version.code_key {
        Some(key) => decrypt_as_lambda(cx, key, function).await.map_err(|fault| not_decrypted(fault, "the deployment package")),
        None => Ok(()),
    }
}

/// Why the caller does not get the code of a version.
pub async fn refusal(cx: &Cx, version: &Version, function: &Arn) -> Option<FunctionCodeLocationError> {
    let key = version.code_key.as_ref()?;
    let fault = KMS.decrypt(cx, key.data_key.clone(), function).await.err()?;
    let message = format!("KMS access is denied. Check your KMS permissions. {}", quoted(&fault, " "));
    Some(FunctionCodeLocationError { error_code: Some(fault.code().to_owned()), message: Some(message) })
}

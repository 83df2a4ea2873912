//! Variables of functions under keys that their owners have chosen. Whoever makes the function encrypts them, and lets its role decrypt them by
//! a grant; whoever looks at the function decrypts them; its environments decrypt them under the role.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html>

use crate::{
    Lambda,
    code::PRINCIPAL,
    configuration::Shown,
    faults,
    state::{FunctionKey, Sealed, Version},
};
use cloudlet_api_kms::{CreateGrant, CreateGrantRequest, Decrypt, DecryptRequest, GrantConstraints};
use cloudlet_api_lambda::{EnvironmentError, EnvironmentResponse, FunctionConfiguration};
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::{
    Cx,
    kms::{KmsClient, KmsFaults},
};
use cloudlet_shape::Map;

const CONTEXT_KEY: &str = "aws:lambda:FunctionArn";
pub const KMS: KmsClient = KmsClient { service: PRINCIPAL, context_key: CONTEXT_KEY, faults: KmsFaults::UNCHANGED };

/// In what an encrypted value of a function belongs.
pub fn context(function: &Arn) -> Map<String> {
    Map::from([(CONTEXT_KEY.to_owned(), function.to_string())])
}

/// What KMS says, as Lambda passes it on.
pub fn quoted(fault: &Fault, between: &str) -> String {
    format!("KMS Exception: {}{between}KMS Message: {}", fault.code(), fault.message())
}

/// AWS: recorded for a key that is named by an alias; unverified for a caller who may not use the key.
fn not_configured(fault: &Fault, operation: &str) -> Fault {
    let text = "Lambda was unable to configure access to your environment variables because the KMS key is invalid for";
    faults::invalid(format!("{text} {operation}. Please check your KMS key settings. {}", quoted(fault, " ")))
}

/// Whoever calls the function is told of a key that its role cannot use.
pub fn not_decrypted(fault: Fault, what: &str) -> Fault {
    let (kind, why) = match fault.name() {
        "AccessDeniedException" | "AccessDenied" | "UnrecognizedClientException" => (faults::KMS_ACCESS_DENIED, "KMS access was denied"),
        "DisabledException" => (faults::KMS_DISABLED, "the KMS key used is disabled"),
        "KMSInvalidStateException" => (faults::KMS_INVALID_STATE, "the state of the KMS key used is not valid for Decrypt"),
        "NotFoundException" => (faults::KMS_NOT_FOUND, "the KMS key was not found"),
        _ => return fault,
    };
    let text = format!("Lambda was unable to decrypt {what} because {why}. Please check the function's KMS key settings.");
    kind.says(format!("{text} {}", quoted(&fault, ""))).with("Type", "User")
}

fn variables(plaintext: &[u8]) -> Result<Map<String>, Fault> {
    serde_json::from_slice(plaintext).map_err(Fault::internal)
}

/// The variables of a function as they rest: plain, or under its key.
pub type StoredEnvironment = (Option<Map<String>>, Option<Sealed>);

/// AWS: unverified that a key without variables is not looked at.
pub async fn stored(cx: &Cx, key_arn: Option<&str>, role: &str, function: &Arn, variables: Option<Map<String>>) -> Result<StoredEnvironment, Fault> {
    match (key_arn.filter(|key| !key.is_empty()), variables) {
        (Some(key), Some(variables)) if !variables.is_empty() => {
            grant(cx, key, role, function).await?;
            let text = serde_json::to_vec(&variables).map_err(Fault::internal)?;
            let ciphertext = KMS.encrypt(cx, key, text.into(), function).await.map_err(|fault| not_configured(&fault, "Encrypt"))?;
            Ok((None, Some(Sealed { ciphertext })))
        }
        (_, variables) => Ok((variables, None)),
    }
}

/// Lets a function's role decrypt its variables.
pub async fn grant(cx: &Cx, key_arn: &str, role: &str, function: &Arn) -> Result<(), Fault> {
    let grant = CreateGrantRequest {
        key_id: key_arn.to_owned(),
        grantee_principal: Some(role.to_owned()),
        operations: vec!["Encrypt".into(), "Decrypt".into()],
        constraints: Some(GrantConstraints { encryption_context_equals: Some(context(function)), ..GrantConstraints::default() }),
        // The same again makes no second one.
        name: Some(function.resource().replace(|other: char| !other.is_ascii_alphanumeric(), "-")),
        ..CreateGrantRequest::default()
    };
    cx.forward::<CreateGrant>(PRINCIPAL, cx.scope.clone(), grant).await.map(drop).map_err(|fault| not_configured(&fault, "CreateGrant"))
}

/// The variables of a version, for somebody who changes them.
pub async fn open(cx: &Cx, version: &Version, function: &Arn) -> Result<Option<Map<String>>, Fault> {
    match &version.sealed {
        None => Ok(version.environment.clone()),
        Some(sealed) => {
            let opened = KMS.decrypt(cx, sealed.ciphertext.clone(), function).await;
            variables(&opened.map_err(|fault| not_configured(&fault, "Decrypt"))?).map(Some)
        }
    }
}

/// The same for an environment, whose role decrypts them.
pub async fn open_under(cx: &Cx, role: &Caller, version: &Version, key: &FunctionKey) -> Result<Option<Map<String>>, Fault> {
    let Some(sealed) = &version.sealed else { return Ok(version.environment.clone()) };
    let input = DecryptRequest {
        ciphertext_blob: Some(sealed.ciphertext.clone()),
        encryption_context: Some(context(&key.arn())),
        ..DecryptRequest::default()
    };
    let opened = cx.call::<Decrypt>(role.clone(), key.scope(), input).await.map_err(|fault| not_decrypted(fault, "the environment variables"))?;
    variables(&opened.plaintext.unwrap_or_default()).map(Some)
}

impl Lambda {
    /// A version as an answer shows it to the caller: who may not use its key sees why, in the place of the variables.
    pub async fn shown(&self, cx: &Cx, version: &Version, (key, number): (&FunctionKey, u64), arn: &Arn, shown: Shown) -> FunctionConfiguration {
        let mut configuration = version.shown(key, number, arn, shown);
        if let Some(sealed) = &version.sealed {
            let opened = KMS.decrypt(cx, sealed.ciphertext.clone(), &key.arn()).await;
            configuration.environment = Some(match opened.and_then(|text| variables(&text)) {
                Ok(variables) => EnvironmentResponse { variables: Some(variables), error: None },
                Err(fault) => {
                    let text = "Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your KMS permissions.";
                    let message = Some(format!("{text} {}", quoted(&fault, " ")));
                    EnvironmentResponse { variables: None, error: Some(EnvironmentError { error_code: Some(fault.code().to_owned()), message }) }
                }
            });
        }
        configuration
    }
}

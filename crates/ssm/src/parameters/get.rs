//! GetParameter and GetParameters.

use super::{
    encryption::{self, Decryption},
    lookup::Found,
    names::Reference,
    permissions::Sharing,
    public,
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

impl Ssm {
    /// The version that a request refers to: one of an account's parameters, or of those that AWS publishes.
    pub fn found(&self, cx: &Cx, reference: &Reference) -> Result<Found, Fault> {
        if reference.key.is_public() {
            return public::find(cx, reference);
        }
        self.store.read(|state| state.find(cx, reference))
    }

    async fn read(&self, cx: &Cx, reference: &Reference, decryption: Decryption) -> Result<Parameter, Fault> {
        if reference.key.is_secret() {
            return Err(no_such_secret(reference, decryption));
        }
        let found = self.found(cx, reference)?;
        let value = encryption::shown(cx, &reference.arn, &found.version, decryption).await?;
        Ok(found.version.answer(&found.name, &reference.arn, reference.selector.as_ref(), value))
    }
}

/// Secrets Manager is not built, so there is no secret.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html>
fn no_such_secret(reference: &Reference, decryption: Decryption) -> Fault {
    match decryption {
        Decryption::NotWanted => faults::validation("WithDecryption flag must be True for retrieving a Secret Manager secret."),
        Decryption::Wanted => faults::PARAMETER_NOT_FOUND
            .says(format!("An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {} not found.", reference.name)),
    }
}

impl Handle<GetParameter> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetParameterRequest) -> Result<Permissions, Fault> {
        let reference = cx.subject(|| Reference::parse(&cx.scope, &input.name).map(std::sync::Arc::new))?;
        Ok(self.permission::<GetParameter>(cx, &reference, Sharing::Counts).into())
    }

    async fn handle(&self, cx: &Cx, input: GetParameterRequest) -> Result<GetParameterResult, Fault> {
        let reference = cx.subject(|| Reference::parse(&cx.scope, &input.name).map(std::sync::Arc::new))?;
        let parameter = self.read(cx, &reference, Decryption::of(input.with_decryption)).await?;
        Ok(GetParameterResult { parameter: Some(parameter) })
    }
}

/// The parameters of a request, each once.
fn references(cx: &Cx, names: &[String]) -> Result<Vec<(String, Reference)>, Fault> {
    let mut references: Vec<(String, Reference)> = Vec::new();
    for name in names {
        if !references.iter().any(|(known, _)| known == name) {
            references.push((name.clone(), Reference::parse(&cx.scope, name)?));
        }
    }
    Ok(references)
}

impl Handle<GetParameters> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetParametersRequest) -> Result<Permissions, Fault> {
        let references = references(cx, &input.names)?;
        Ok(references.iter().map(|(_, reference)| self.permission::<GetParameters>(cx, reference, Sharing::Counts)).collect())
    }

    async fn handle(&self, cx: &Cx, input: GetParametersRequest) -> Result<GetParametersResult, Fault> {
        let (mut parameters, mut invalid) = (vec![], vec![]);
        for (name, reference) in references(cx, &input.names)? {
            match self.read(cx, &reference, Decryption::of(input.with_decryption)).await {
                Ok(parameter) => parameters.push(parameter),
                Err(fault) if fault.is(&faults::PARAMETER_NOT_FOUND) || fault.is(&faults::PARAMETER_VERSION_NOT_FOUND) => invalid.push(name),
                Err(fault) => return Err(fault),
            }
        }
        Ok(GetParametersResult { parameters: Some(parameters), invalid_parameters: Some(invalid) })
    }
}

//! GetParameter and GetParameters.

use super::{
    encryption::{self, Decryption},
    lookup::Requested,
    names::Reference,
    permissions::{Sharing, on_each},
    public,
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

impl Ssm {
    /// What a name refers to: one of an account's parameters, or of those that AWS publishes.
    fn requested(&self, cx: &Cx, name: &str) -> Result<Requested, Fault> {
        let reference = Reference::parse(&cx.scope, name)?;
        if reference.key.is_public() {
            let found = public::find(cx, &reference);
            return Ok(Requested { reference, parameter: None, found });
        }
        Ok(self.store.read(|state| state.requested(cx, reference)))
    }

    async fn read(&self, cx: &Cx, requested: &Requested, decryption: Decryption) -> Result<Parameter, Fault> {
        let reference = &requested.reference;
        if reference.key.is_secret() {
            return Err(no_such_secret(reference, decryption));
        }
        let found = requested.found.as_ref().map_err(Fault::clone)?;
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
        let requested = cx.subject(|| self.requested(cx, &input.name).map(Arc::new))?;
        Ok(self.permission_on::<GetParameter>(&requested.reference, requested.parameter.as_deref(), Sharing::Counts).into())
    }

    async fn handle(&self, cx: &Cx, input: GetParameterRequest) -> Result<GetParameterResult, Fault> {
        let requested = cx.subject(|| self.requested(cx, &input.name).map(Arc::new))?;
        let parameter = self.read(cx, &requested, Decryption::of(input.with_decryption)).await?;
        Ok(GetParameterResult { parameter: Some(parameter) })
    }
}

/// What the names of a request refer to, each name once.
struct AllRequested(Vec<(String, Requested)>);

impl Ssm {
    fn all_requested(&self, cx: &Cx, names: &[String]) -> Result<Arc<AllRequested>, Fault> {
        cx.subject(|| {
            let mut all: Vec<(String, Requested)> = Vec::with_capacity(names.len());
            for name in names {
                if !all.iter().any(|(known, _)| known == name) {
                    all.push((name.clone(), self.requested(cx, name)?));
                }
            }
            Ok(Arc::new(AllRequested(all)))
        })
    }
}

impl Handle<GetParameters> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetParametersRequest) -> Result<Permissions, Fault> {
        let all = self.all_requested(cx, &input.names)?;
        let permission =
            |requested: &Requested| self.permission_on::<GetParameters>(&requested.reference, requested.parameter.as_deref(), Sharing::Counts);
        on_each::<GetParameters>(cx, all.0.iter().map(|(_, requested)| Ok(permission(requested))))
    }

    async fn handle(&self, cx: &Cx, input: GetParametersRequest) -> Result<GetParametersResult, Fault> {
        let (mut parameters, mut invalid) = (vec![], vec![]);
        for (name, requested) in &self.all_requested(cx, &input.names)?.0 {
            match self.read(cx, requested, Decryption::of(input.with_decryption)).await {
                Ok(parameter) => parameters.push(parameter),
                Err(fault) if fault.is(&faults::PARAMETER_NOT_FOUND) || fault.is(&faults::PARAMETER_VERSION_NOT_FOUND) => {
                    invalid.push(name.clone());
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(GetParametersResult { parameters: Some(parameters), invalid_parameters: Some(invalid) })
    }
}

//! How the runtime of a version is kept up to date. Here a runtime is what the machine has: the setting is kept and shown.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html>

use crate::{
    Lambda, faults,
    functions::on_function,
    names::{self, LATEST, Named},
    runtimes,
    state::RuntimeUpdates,
};
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, handler};

const AUTO: &str = "Auto";
const MANUAL: &str = "Manual";

/// The version that a request means. AWS: an alias has no setting of its own.
fn version(lambda: &Lambda, cx: &Cx, name: &str, qualifier: Option<&str>) -> Result<(Named, u64, String), Fault> {
    let mut named = names::function(cx, name, qualifier)?;
    let qualifier = named.qualifier.get_or_insert_with(|| LATEST.to_owned());
    let number = names::version(qualifier).ok_or_else(|| {
        let text = "Alias is not supported for runtime management configuration. Specify a version or $LATEST.";
        // AWS: unverified wording.
        faults::invalid(text)
    })?;
    let (resolved, _) = lambda.resolved(cx, &named)?;
    let runtime = resolved.version.text(|configuration| configuration.runtime.as_ref()).to_owned();
    Ok((named, number, runtime))
}

handler!(
    Lambda,
    PutRuntimeManagementConfig,
    |lambda, cx, input| Ok(on_function::<PutRuntimeManagementConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let (named, number, runtime) = version(lambda, cx, &input.function_name, input.qualifier.as_deref())?;
        let version = match (input.update_runtime_on.as_str(), input.runtime_version_arn.take()) {
            (MANUAL, Some(arn)) if arn == runtimes::version_arn(&named.key.region, &runtime) => Some(arn),
            (MANUAL, None) => return Err(faults::invalid("RuntimeVersionArn is required when UpdateRuntimeOn is Manual.")),
            // AWS: unverified wordings.
            (MANUAL, Some(arn)) => return Err(faults::invalid(format!("The runtime version {arn} is not one of {runtime}."))),
            (_, Some(_)) => return Err(faults::invalid("RuntimeVersionArn can only be provided when UpdateRuntimeOn is Manual.")),
            (_, None) => None,
        };
        let updates = RuntimeUpdates { on: input.update_runtime_on, version };
        lambda.change_function(&named.key, |function| {
            function.runtime_updates.insert(number, updates.clone());
            Ok(())
        })?;
        Ok(PutRuntimeManagementConfigResponse {
            update_runtime_on: updates.on,
            function_arn: named.arn().to_string(),
            runtime_version_arn: updates.version,
        })
    }
);

handler!(
    Lambda,
    GetRuntimeManagementConfig,
    |lambda, cx, input| Ok(on_function::<GetRuntimeManagementConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let (named, number, _) = version(lambda, cx, &input.function_name, input.qualifier.as_deref())?;
        let function = lambda.function(&named.key)?;
        let updates = function.runtime_updates.get(&number).cloned().unwrap_or_else(|| RuntimeUpdates { on: AUTO.to_owned(), version: None });
        Ok(GetRuntimeManagementConfigResponse {
            update_runtime_on: Some(updates.on),
            function_arn: Some(named.arn().to_string()),
            runtime_version_arn: updates.version,
        })
    }
);

//! Whether a function's role may send to where its failed events are to go. AWS looks at the policies of the role alone.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use crate::{
    Lambda,
    code::PRINCIPAL,
    faults,
    scheduled::{MaySend, TargetInput},
    state::FunctionKey,
};
use cloudlet_api_lambda::Invoke;
use cloudlet_api_s3::PutObject;
use cloudlet_api_sns::Publish;
use cloudlet_api_sqs::SendMessage;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, handler, roles};
use cloudlet_shape::Empty;

/// The permission to send to a target, and the names of the operation and of the service.
fn needed(target: &Arn) -> Option<(Permission, &'static str, &'static str)> {
    match target.service() {
        "sqs" => Some((Permission::of::<SendMessage>(target.clone()), "SendMessage", "SQS")),
        "sns" => Some((Permission::of::<Publish>(target.clone()), "Publish", "SNS")),
        "lambda" => Some((Permission::of::<Invoke>(target.clone()), "Invoke", "Lambda")),
        "s3" => {
            let objects = Arn::parse(&format!("{target}/*"))?;
            Some((Permission::of::<PutObject>(objects), "PutObject", "S3"))
        }
        _ => None,
    }
}

async fn may_send(cx: &Cx, role: &str, function: &FunctionKey, target: &Arn) -> Result<bool, Fault> {
    let Some(role) = Arn::parse(role).filter(|role| target.account().is_empty() || role.account() == target.account()) else { return Ok(true) };
    let session = roles::assume_role(cx, &role, &function.name, PRINCIPAL, &function.arn()).await?;
    let input = TargetInput { arn: target.to_string() };
    match cx.call::<MaySend>(session.caller, function.scope(), input).await {
        Ok(_) => Ok(true),
        Err(fault) if fault.status() == 403 || fault.name().contains("AccessDenied") => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Refuses a queue or topic for dead letters that the role may not send to.
pub async fn check_dead_letters(cx: &Cx, role: &str, function: &FunctionKey, target: Option<&str>) -> Result<(), Fault> {
    let Some(target) = target.and_then(Arn::parse) else { return Ok(()) };
    if may_send(cx, role, function, &target).await? {
        return Ok(());
    }
    let (operation, service) = needed(&target).map_or(("SendMessage", "SQS"), |(_, operation, service)| (operation, service));
    Err(faults::invalid(format!("The provided execution role does not have permissions to call {operation} on {service}")))
}

/// Refuses a destination that the role may not send to.
pub async fn check_destination(cx: &Cx, role: &str, function: &FunctionKey, target: &Arn) -> Result<(), Fault> {
    match needed(target) {
        Some((_, operation, _)) if !may_send(cx, role, function, target).await? => {
            // AWS: unverified wording.
            Err(faults::invalid(format!("The function's execution role does not have permissions to call {operation} on {target}")))
        }
        _ => Ok(()),
    }
}

handler!(
    Lambda,
    MaySend,
    |lambda, cx, input| {
        let target = Arn::parse(&input.arn).ok_or_else(|| Fault::internal("a target without an ARN"))?;
        let (permission, ..) = needed(&target).ok_or_else(|| Fault::internal("a target that nothing is sent to"))?;
        Ok(permission.into())
    },
    |lambda, cx, input| Ok(Empty {})
);

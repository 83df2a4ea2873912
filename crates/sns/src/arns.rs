//! The ARNs in requests, and AWS's errors for invalid ones.

use crate::faults;
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::Cx;

fn parts(parameter: &str, text: &str) -> Result<Arn, Fault> {
    Arn::parse(text).ok_or_else(|| match text.split(':').count() {
        count @ ..6 => faults::reason(parameter, format_args!("An ARN must have at least 6 elements, not {count}")),
        // AWS: unverified message for an ARN with empty parts.
        _ => faults::invalid(parameter),
    })
}

/// A topic's ARN. It must be of the region of the call, and may be of any account.
pub fn topic(cx: &Cx, parameter: &str, text: &str) -> Result<Arn, Fault> {
    let arn = parts(parameter, text)?;
    let here = cx.caller.is_anonymous() || arn.region() == cx.scope.region.as_str();
    let is_valid = arn.service() == "sns" && here && Account::parse(arn.account()).is_some();
    if is_valid && !arn.resource().contains([':', '/']) { Ok(arn) } else { Err(faults::invalid(parameter)) }
}

/// A subscription's ARN, and its topic's.
pub fn subscription(cx: &Cx, text: &str) -> Result<(Arn, Arn), Fault> {
    let arn = parts("SubscriptionArn", text)?;
    let wrong = || faults::invalid("SubscriptionId");
    let (topic, _) = text.rsplit_once(':').ok_or_else(wrong)?;
    let here = cx.caller.is_anonymous() || arn.region() == cx.scope.region.as_str();
    match Arn::parse(topic) {
        Some(topic) if here && arn.service() == "sns" && text.split(':').count() == 7 => Ok((arn, topic)),
        _ => Err(wrong()),
    }
}

/// The ARN of a platform application (`app/GCM/name`) or of an endpoint (`endpoint/GCM/name/id`).
pub fn platform(cx: &Cx, parameter: &str, text: &str, kind: &str, slashes: usize) -> Result<Arn, Fault> {
    let arn = parts(parameter, text)?;
    if arn.service() != "sns" || arn.region() != cx.scope.region.as_str() || !arn.resource().starts_with(kind) {
        return Err(faults::invalid(parameter));
    }
    if arn.resource().matches('/').count() != slashes {
        return Err(faults::reason(parameter, "Wrong number of slashes in relative portion of the ARN."));
    }
    Ok(arn)
}

/// The ARN of a platform application.
pub fn application(cx: &Cx, text: &str) -> Result<Arn, Fault> {
    platform(cx, "PlatformApplicationArn", text, "app/", 2)
}

/// The ARN of an endpoint of a platform application, whose id is a UUID.
pub fn endpoint(cx: &Cx, text: &str) -> Result<Arn, Fault> {
    let arn = platform(cx, "EndpointArn", text, "endpoint/", 3)?;
    if arn.resource().rsplit('/').next().is_some_and(|id| id.len() == 36) {
        return Ok(arn);
    }
    // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
    Err(faults::reason("EndpointArn", "ARN specifies an invalid endpointId: UUID must be encoded in exactly 36 characters."))
}

/// Any ARN.
pub fn any(parameter: &str, text: &str) -> Result<Arn, Fault> {
    parts(parameter, text)
}

//! Functions from container images. The image runs elsewhere, beside this server: what runs it speaks the protocol of AWS's Runtime Interface
//! Emulator, and each event is one request to it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/images-test.html>

use crate::{Lambda, faults, limits, outcomes::End, state::Version};
use bytes::Bytes;
use cloudlet_api_lambda::{CreateFunctionRequest, FunctionCodeLocation, UpdateFunctionCodeRequest, UpdateFunctionConfigurationRequest};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, HttpRequest, SendError, WorkerEnd};
use std::time::Duration;

const PATH: &str = "/2015-03-31/functions/function/invocations";
/// The port of the emulator in AWS's base images.
const PORT: u16 = 8080;

fn is_any<T>(list: Option<&Vec<T>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

/// An image brings all of these itself. AWS: so reported in aws/aws-cdk#13037 and pulumi/pulumi-aws#5439.
fn brought() -> Fault {
    faults::invalid("Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")
}

/// What of a new function goes with images, and what without.
pub fn check(is_image: bool, input: &CreateFunctionRequest) -> Result<(), Fault> {
    match (is_image, &input.code.image_uri) {
        (true, None) => Err(faults::invalid("Please provide ImageUri when creating a function with packageType Image.")),
        (true, Some(_)) if input.runtime.is_some() || input.handler.is_some() || is_any(input.layers.as_ref()) => Err(brought()),
        (false, Some(_)) => Err(faults::invalid("Please don't provide ImageUri when creating a function with packageType Zip.")),
        (true, Some(_)) => check_key(input.code.source_kms_key_arn.as_deref()),
        (false, None) => Ok(()),
    }
}

/// Only archives are under keys. AWS: unverified wording.
fn check_key(key: Option<&str>) -> Result<(), Fault> {
    match key.filter(|key| !key.is_empty()) {
        Some(_) => Err(faults::invalid("Please don't provide SourceKMSKeyArn for a function with packageType Image.")),
        None => Ok(()),
    }
}

/// The same of a function whose settings are changed.
pub fn check_settings(latest: &Version, input: &UpdateFunctionConfigurationRequest) -> Result<(), Fault> {
    let has = input.runtime.is_some() || input.handler.is_some() || is_any(input.layers.as_ref());
    if latest.image.is_some() && has { Err(brought()) } else { Ok(()) }
}

pub fn check_update(latest: &Version, input: &UpdateFunctionCodeRequest) -> Result<(), Fault> {
    match (&latest.image, &input.image_uri) {
        (None, Some(_)) => Err(faults::invalid("Please don't provide ImageUri when updating a function with packageType Zip.")),
        // AWS: so reported in appleboy/lambda-action#28.
        (Some(_), None) => Err(faults::invalid("Please provide ImageUri when updating a function with packageType Image.")),
        (Some(_), Some(_)) => check_key(input.source_kms_key_arn.as_deref()),
        (None, None) => Ok(()),
    }
}

/// An image without its tag or digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => image,
    }
}

pub fn location(image: &str, digest: &str) -> FunctionCodeLocation {
    FunctionCodeLocation {
        repository_type: Some("ECR".into()),
        image_uri: Some(image.to_owned()),
        resolved_image_uri: Some(format!("{}@sha256:{digest}", repository(image))),
        ..FunctionCodeLocation::default()
    }
}

impl Lambda {
    /// Where an image is run: what the operator says of it, else the host of its repository's name, as services are named in compose files.
    fn endpoint(&self, image: &str) -> String {
        let name = repository(image).rsplit('/').next().unwrap_or_default();
        let known = |wanted: &str| self.options.images.iter().find(|(of, _)| of == wanted).map(|(_, url)| url.clone());
        known(image).or_else(|| known(repository(image))).or_else(|| known(name)).unwrap_or_else(|| format!("http://{name}:{PORT}"))
    }

    /// Hands an event to whoever runs an image. What becomes of it, and a line for the log if it could not be handed over.
    pub async fn run_image(&self, cx: &Cx, image: &str, payload: Bytes, timeout: Duration) -> (End, Vec<String>) {
        let endpoint = self.endpoint(image);
        let request = HttpRequest {
            method: "POST",
            to: format!("{endpoint}{PATH}"),
            headers: vec![("content-type", "application/json".to_owned())],
            body: payload,
            timeout,
        };
        match cx.send_for(request, limits::SYNCHRONOUS_BYTES + 1).await {
            Ok(response) if response.body.len() > limits::SYNCHRONOUS_BYTES => (End::TooLarge(response.body.len()), vec![]),
            Ok(response) if response.status >= 500 => (End::Error(response.body), vec![]),
            Ok(response) if is_error(&response.body) => (End::Error(response.body), vec![]),
            Ok(response) => (End::Response(response.body), vec![]),
            Err(SendError::TimedOut) => (End::TimedOut, vec![]),
            Err(error) => {
                let line =
                    format!("The image {image} is not running at {endpoint}: {error}. Start it there, or name its address with --lambda-image.");
                (End::Exited(WorkerEnd::Exited(1)), vec![line])
            }
        }
    }
}

/// The emulator answers 200 to failures too: they are objects of just these members.
fn is_error(body: &[u8]) -> bool {
    let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(body) else { return false };
    let known = ["errorMessage", "errorType", "stackTrace", "requestId", "cause", "trace"];
    members.contains_key("errorMessage") && members.contains_key("errorType") && members.keys().all(|name| known.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_named() {
        for (image, name) in [
            ("123.dkr.ecr.eu-west-1.amazonaws.com/team/orders:latest", "123.dkr.ecr.eu-west-1.amazonaws.com/team/orders"),
            ("localhost:5000/orders", "localhost:5000/orders"),
            ("orders@sha256:ab", "orders"),
            ("orders", "orders"),
        ] {
            assert_eq!(repository(image), name);
        }
    }

    #[test]
    fn failures_are_told_from_answers() {
        assert!(is_error(br#"{"errorMessage":"no","errorType":"Error","stackTrace":[]}"#));
        assert!(!is_error(br#"{"errorMessage":"no","errorType":"Error","data":1}"#));
        assert!(!is_error(b"[]"));
    }
}

//! What a new value must be: not empty, not nested, of its data type.

use super::parameter::{DataType, ParameterType};
use crate::{PRINCIPAL, faults};
use cloudlet_api_ec2::{DescribeImages, DescribeImagesRequest};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;

pub fn check(value: &str) -> Result<(), Fault> {
    if value.is_empty() {
        return Err(faults::validation(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.",
        ));
    }
    if value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        return Err(faults::validation("Parameter value can't nest another parameter. Do not use \"{{}}\" in the value."));
    }
    Ok(())
}

/// The data type of a parameter: the one that the request names, or the one it had.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-data-types.html>
pub fn data_type(given: Option<&str>, kind: ParameterType, before: Option<DataType>) -> Result<DataType, Fault> {
    let data_type = match given.filter(|given| !given.is_empty()) {
        None => before.unwrap_or_default(),
        Some(name) => DataType::parse(name)
            .ok_or_else(|| faults::validation(format!("The following data type is not supported: {name} (Data type names are all lowercase.)")))?,
    };
    if before.is_some_and(|before| before != data_type) {
        // AWS: unverified message.
        return Err(faults::validation(format!("You can't change the data type of a parameter to or from {}.", special(before, data_type).as_str())));
    }
    let fits = match data_type {
        DataType::Text => true,
        DataType::Image => kind == ParameterType::String,
        DataType::Integration => kind != ParameterType::StringList,
    };
    if fits {
        return Ok(data_type);
    }
    // AWS: unverified message.
    Err(faults::validation(format!("The data type {} is not supported for parameters of type {}.", data_type.as_str(), kind.as_str())))
}

fn special(before: Option<DataType>, after: DataType) -> DataType {
    before.filter(|before| *before != DataType::Text).unwrap_or(after)
}

/// Whether a value names an image that the caller may use, as far as can be told: where EC2 is not built, by its form.
/// AWS asks EC2 after the call was answered.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-ec2-aliases.html>
pub async fn is_image(cx: &Cx, value: &str) -> bool {
    if !has_form_of_image(value) {
        return false;
    }
    let input = DescribeImagesRequest { image_ids: Some(vec![value.to_owned()]), ..DescribeImagesRequest::default() };
    match Box::pin(cx.forward::<DescribeImages>(PRINCIPAL, cx.scope.clone(), input)).await {
        Ok(answer) => answer.images.is_some_and(|images| !images.is_empty()),
        Err(fault) => fault.status() == 501,
    }
}

fn has_form_of_image(value: &str) -> bool {
    value
        .strip_prefix("ami-")
        .is_some_and(|id| (8..=17).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()))
}

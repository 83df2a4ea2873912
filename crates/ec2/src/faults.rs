//! The faults of EC2, with AWS's messages. EC2's model names none.

use cloudlet_aws::{Fault, FaultKind};

const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);

/// A fault with one of EC2's codes.
pub fn refuse(code: &'static str, message: impl Into<String>) -> Fault {
    FaultKind::sender(code, 400).says(message)
}

pub fn missing(parameter: &str) -> Fault {
    refuse("MissingParameter", format!("The request must contain the parameter {parameter}"))
}

/// One attribute is modified at a time: the names of all, and whether they are given.
/// <https://github.com/ansible-collections/amazon.aws/issues/470>
pub fn check_one_attribute(attributes: &[(&str, bool)]) -> Result<(), Fault> {
    let given: Vec<&str> = attributes.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect();
    match given.as_slice() {
        [] => Err(refuse("InvalidParameterCombination", "No attributes specified.")),
        [_] => Ok(()),
        many => Err(refuse("InvalidParameterCombination", format!("Fields for multiple attribute types specified: {}", many.join(", ")))),
    }
}

pub fn invalid_value(message: impl Into<String>) -> Fault {
    refuse("InvalidParameterValue", message)
}

/// What is in the model and not built here.
pub fn not_implemented(what: &str) -> Fault {
    NOT_IMPLEMENTED.says(format!("Cloudlet does not implement {what} yet.")).with_header("x-cloudlet-not-implemented", what)
}

pub fn no_default_vpc() -> Fault {
    refuse("VPCIdNotSpecified", "No default VPC for this user")
}

pub fn no_rule(id: &str) -> Fault {
    refuse("InvalidSecurityGroupRuleId.NotFound", format!("The security group rule ID '{id}' does not exist"))
}

/// After the call was authorized: what it would do is not done.
pub fn check_dry_run(asked: Option<bool>) -> Result<(), Fault> {
    if asked == Some(true) {
        return Err(FaultKind::sender("DryRunOperation", 412).says("Request would have succeeded, but DryRun flag is set."));
    }
    Ok(())
}

/// An id is its kind, a dash, and 8 or 17 hexadecimal digits.
pub fn check_id(id: &str, kind: &str, malformed: &'static str) -> Result<(), Fault> {
    let digits = id.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
    let is_valid = digits.is_some_and(|digits| matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // AWS: what is expected is named where the id begins with something else.
    // <https://github.com/aws/aws-cdk/issues/20800> <https://github.com/hashicorp/terraform-provider-aws/issues/2375>
    match digits {
        _ if is_valid => Ok(()),
        Some(_) => Err(refuse(malformed, format!("Invalid id: \"{id}\""))),
        None => Err(refuse(malformed, format!("Invalid id: \"{id}\" (expecting \"{kind}-...\")"))),
    }
}

pub fn no_name(name: &str, default_vpc: Option<&str>) -> Fault {
    match default_vpc {
        Some(vpc) => refuse("InvalidGroup.NotFound", format!("The security group '{name}' does not exist in default VPC '{vpc}'")),
        None => no_default_vpc(),
    }
}

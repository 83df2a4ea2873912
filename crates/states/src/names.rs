//! Names of state machines, executions and activities.
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>

use crate::{faults, limits};
use cloudlet_aws::Fault;

const REFUSED: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";

pub fn check(name: &str) -> Result<(), Fault> {
    let wrong = |character: char| {
        character.is_whitespace() || character.is_control() || REFUSED.contains(character) || matches!(u32::from(character), 0xfffe..=0xffff)
    };
    if name.is_empty() || name.chars().count() > limits::LONGEST_NAME || name.contains(wrong) {
        return Err(faults::invalid_name(name));
    }
    Ok(())
}

/// AWS: an alias is not all digits, and has letters, digits, `-`, `_` and `.` only.
pub fn check_alias(name: &str) -> Result<(), Fault> {
    check(name)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.bytes().all(|byte| byte.is_ascii_digit()) || !name.bytes().all(fits) {
        return Err(faults::invalid_name(name));
    }
    Ok(())
}

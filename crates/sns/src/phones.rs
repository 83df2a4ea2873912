//! The phone numbers that AWS accepts.

use crate::faults;
use cloudlet_aws::Fault;

/// A subscription's number: digits, with single separators between them (`+12/34-567.890`).
pub fn check_endpoint(number: &str) -> Result<(), Fault> {
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_valid = digits.split(['-', '.', '/', ' ']).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    if is_valid && count <= 15 { Ok(()) } else { Err(faults::INVALID_PARAMETER.says(format!("Invalid SMS endpoint: {number}"))) }
}

/// <https://www.itu.int/rec/T-REC-E.164>
pub fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

/// Digits alone: one number can be written in many ways.
pub fn plain(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    format!("+{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_single_and_between_digits() {
        for number in ["+1234567890", "+12/34-567.890", "15551234567"] {
            assert!(check_endpoint(number).is_ok(), "{number}");
        }
        for number in ["+15--551234567", "NAA+15551234567", "+15551234567.", "/+15551234567", "", "+", "invalid-number", "+1234567890123456"] {
            assert!(check_endpoint(number).is_err(), "{number}");
        }
        assert_eq!(plain("+12/34-567.890"), "+1234567890");
    }
}

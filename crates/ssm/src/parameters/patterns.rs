//! `AllowedPattern`: a regular expression that a value must satisfy as a whole.

use super::parameter::ParameterType;
use crate::{faults, limits};
use cloudlet_aws::Fault;
use fancy_regex::{Regex, RegexBuilder};

/// A pattern may not take more memory than this when it is compiled.
const MOST_MEMORY: usize = 1 << 20;

/// How often a pattern that looks around or refers back may try again on one value.
const MOST_TRIES: usize = 100_000;

fn invalid() -> Fault {
    faults::INVALID_ALLOWED_PATTERN.says("The request doesn't meet the regular expression requirement.")
}

fn compile(pattern: &str) -> Result<Regex, Fault> {
    if pattern.chars().count() > limits::PATTERN_CHARACTERS {
        return Err(invalid());
    }
    let whole = format!(r"\A(?:{pattern})\z");
    RegexBuilder::new(&whole)
        .delegate_size_limit(MOST_MEMORY)
        .delegate_dfa_size_limit(MOST_MEMORY)
        .backtrack_limit(MOST_TRIES)
        .build()
        .map_err(|_| invalid())
}

/// Whether a value satisfies a pattern; each item of a list must.
pub fn check(pattern: &str, kind: ParameterType, value: &str) -> Result<(), Fault> {
    let compiled = compile(pattern)?;
    // Past the limit of tries a value counts as one that does not match. AWS: unverified.
    let matches = |text: &str| compiled.is_match(text).unwrap_or(false);
    let accepted = match kind {
        ParameterType::StringList => value.split(',').all(matches),
        ParameterType::String | ParameterType::SecureString => matches(value),
    };
    if accepted {
        return Ok(());
    }
    Err(faults::PARAMETER_PATTERN_MISMATCH.says(format!("Parameter value, cannot be validated against allowedPattern: {pattern}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_value_must_match_and_each_item_of_a_list() {
        let is_ok = |pattern, kind, value| check(pattern, kind, value).is_ok();
        assert!(is_ok(r"\d{1,4}", ParameterType::String, "100"));
        assert!(!is_ok(r"\d{1,4}", ParameterType::String, "100 and more"));
        assert!(is_ok("a|b", ParameterType::StringList, "a,b,a"));
        assert!(!is_ok("a|b", ParameterType::StringList, "a,c"));
        assert!(!is_ok("a|b", ParameterType::String, "ab"));
    }

    #[test]
    fn a_pattern_may_look_around_and_refer_back() {
        let is_ok = |pattern, value| check(pattern, ParameterType::String, value).is_ok();
        assert!(is_ok(r"(?=.*\d)(?=.*[a-z]).{8,}", "passw0rd"));
        assert!(!is_ok(r"(?=.*\d)(?=.*[a-z]).{8,}", "password"));
        assert!(is_ok(r"(?!aws).*", "mine") && !is_ok(r"(?!aws).*", "aws-mine"));
        assert!(is_ok(r"(a|b)\1", "aa") && !is_ok(r"(a|b)\1", "ab"));
        assert!(is_ok(r"(?<!a)b.?", "bc"));
    }

    #[test]
    fn a_pattern_that_tries_without_end_refuses_the_value() {
        let endless = check(r"(?=(a+)+\1$)(a+)+!", ParameterType::String, &"a".repeat(4_000)).unwrap_err();
        assert_eq!(endless.name(), "ParameterPatternMismatchException");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["(", "[a", &"a".repeat(1_025), "((((a{100}){100}){100}){100})", r"(?<=", r"\9"] {
            assert_eq!(check(pattern, ParameterType::String, "b").unwrap_err().name(), "InvalidAllowedPatternException", "{pattern}");
        }
    }
}

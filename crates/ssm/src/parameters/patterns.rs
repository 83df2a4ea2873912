//! `AllowedPattern`: a regular expression that a value must satisfy as a whole.

use super::parameter::ParameterType;
use crate::{faults, limits};
use cloudlet_aws::Fault;
use regex::{Regex, RegexBuilder};

/// A pattern may not take more memory than this when it is compiled.
const MOST_MEMORY: usize = 1 << 20;

fn invalid() -> Fault {
    faults::INVALID_ALLOWED_PATTERN.says("The request doesn't meet the regular expression requirement.")
}

/// AWS's patterns are Java's. Those that look around or refer back are valid there, and not built here.
fn looks_around(pattern: &str) -> bool {
    let mut escaped = false;
    let mut previous = [' '; 2];
    for c in pattern.chars() {
        if escaped {
            if matches!(c, '1'..='9' | 'k') {
                return true;
            }
            escaped = false;
            previous = [' '; 2];
            continue;
        }
        // `(?=`, `(?!`, `(?<=`, `(?<!`, `(?>`
        if previous == ['(', '?'] && matches!(c, '=' | '!' | '>') || previous == ['?', '<'] && matches!(c, '=' | '!') {
            return true;
        }
        escaped = c == '\\';
        previous = [previous[1], c];
    }
    false
}

fn compile(pattern: &str) -> Result<Regex, Fault> {
    if pattern.chars().count() > limits::PATTERN_CHARACTERS {
        return Err(invalid());
    }
    let whole = format!(r"\A(?:{pattern})\z");
    RegexBuilder::new(&whole).size_limit(MOST_MEMORY).build().map_err(|_| match looks_around(pattern) {
        true => faults::not_implemented("ssm:AllowedPattern that looks around or refers back"),
        false => invalid(),
    })
}

/// Whether a value satisfies a pattern; each item of a list must.
pub fn check(pattern: &str, kind: ParameterType, value: &str) -> Result<(), Fault> {
    let compiled = compile(pattern)?;
    let matches = match kind {
        ParameterType::StringList => value.split(',').all(|item| compiled.is_match(item)),
        ParameterType::String | ParameterType::SecureString => compiled.is_match(value),
    };
    if matches {
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
    fn what_is_no_pattern_is_told_from_what_is_not_built() {
        for (pattern, name) in [
            ("(", "InvalidAllowedPatternException"),
            ("[a", "InvalidAllowedPatternException"),
            (r"(?=.*\d).+", "NotImplemented"),
            (r"(?<!a)b", "NotImplemented"),
            (r"(a)\1", "NotImplemented"),
            (&"a".repeat(1_025), "InvalidAllowedPatternException"),
            ("((((a{100}){100}){100}){100})", "InvalidAllowedPatternException"),
        ] {
            assert_eq!(check(pattern, ParameterType::String, "b").unwrap_err().name(), name, "{pattern}");
        }
    }
}

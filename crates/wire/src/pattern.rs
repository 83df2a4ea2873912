//! The patterns of the model, compiled once. They are Java's: a whole value has to match, and a few of them look around,
//! which no linear-time engine can; those are taken apart by hand.

use regex::{Regex, RegexBuilder};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

/// What stands for a pattern: what has to match, and what must not.
#[derive(Debug, Default)]
struct Compiled {
    must: Vec<Regex>,
    must_not: Vec<Regex>,
}

/// By the address of the pattern, which is const data. Shared: a copy of an expression would have to warm up its caches again, which costs
/// more than a hundred matches.
static COMPILED: LazyLock<RwLock<HashMap<usize, Arc<Compiled>>>> = LazyLock::new(RwLock::default);

/// Whether a value satisfies a pattern of the model.
pub(crate) fn matches(pattern: &'static str, value: &str) -> bool {
    let compiled = of(pattern);
    compiled.must.iter().all(|regex| regex.is_match(value)) && !compiled.must_not.iter().any(|regex| regex.is_match(value))
}

fn of(pattern: &'static str) -> Arc<Compiled> {
    let key = pattern.as_ptr() as usize ^ pattern.len().rotate_left(48);
    if let Some(known) = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return known.clone();
    }
    // A pattern that cannot be compiled constrains nothing; a test keeps the list of them.
    let compiled = Arc::new(compile(pattern).unwrap_or_default());
    COMPILED.write().unwrap_or_else(PoisonError::into_inner).insert(key, compiled.clone());
    compiled
}

/// Whether a pattern is checked at all. For the test that goes through all models.
pub fn is_checked(pattern: &str) -> bool {
    compile(pattern).is_some()
}

fn compile(pattern: &str) -> Option<Compiled> {
    let (must, must_not): (Vec<&str>, Vec<&str>) = match TAKEN_APART.iter().find(|(known, ..)| *known == pattern) {
        Some((_, must, must_not)) => (must.to_vec(), must_not.to_vec()),
        None => (vec![pattern], Vec::new()),
    };
    let all = |patterns: Vec<&str>| patterns.into_iter().map(whole).collect::<Option<Vec<Regex>>>();
    Some(Compiled { must: all(must)?, must_not: all(must_not)? })
}

fn whole(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!(r"\A(?:{pattern})\z")).crlf(true).size_limit(64 << 20).build().ok()
}

/// Patterns that look around: the pattern, what has to match, what must not.
const TAKEN_APART: &[(&str, &[&str], &[&str])] = &[
    (r"^(?!\s*$).+", &[".+"], &[r"\s*"]),
    (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", &["[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"], &[".*--.*"]),
    (r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$", &[r"[a-zA-Z0-9_\-\.]+", r".*[a-zA-Z_\-\.].*"], &[]),
    (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", &["[a-zA-Z0-9-_]+"], &["[0-9]+"]),
    (r"((?!^\d+$)^[0-9a-zA-Z-_]+$)", &["[0-9a-zA-Z-_]+"], &[r"\d+"]),
    (r"(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)", &["[_a-zA-Z0-9][^$]*"], &[r"system\.[\s\S]*"]),
    (r"[0-9A-Za-z\.\-_]*(?<!\.)", &[r"[0-9A-Za-z\.\-_]*"], &[r".*\."]),
    (
        r"^(?=.{20,2048}$)arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[a-zA-Z0-9/_+=.@-]+",
        &[".{20,2048}", r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[a-zA-Z0-9/_+=.@-]+"],
        &[],
    ),
    (
        r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?",
        &[
            r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:[0-9a-zA-Z-_]+)?",
        ],
        &[r".*function:[a-zA-Z0-9-_]{1,64}:\d+", r"[a-zA-Z-_][a-zA-Z0-9-_]{0,63}:\d+"],
    ),
    // These do not look around, but are written as only Java reads them.
    (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", &[r"[\t\u{20}-\u{FFFD}\u{10000}-\u{10FFFF}]*"], &[]),
    (r"[\w-_]*", &[r"[\w\-_]*"], &[]),
    (r"^arn:aws[a-z0-9-]*:iam::\d{12}:role\/[\w-\/.@+=,]{1,1017}$", &[r"arn:aws[a-z0-9-]*:iam::\d{12}:role\/[\w\-\/.@+=,]{1,1017}"], &[]),
    (r"^.{1,100000}$", &[".+"], &[]),
    (r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$", &[r"[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*"], &[r"aws:[\s\S]*"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_to_match_the_whole_value() {
        assert!(matches("[a-z]+", "abc"));
        assert!(!matches("[a-z]+", "abc1"));
        assert!(!matches("^[a-z]+$", "abc\n"));
        assert!(matches("a|bc", "bc"), "alternatives are anchored together");
    }

    #[test]
    fn patterns_that_look_around_are_checked_all_the_same() {
        let alias = r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$";
        assert!(matches(alias, "my-account") && !matches(alias, "my--account") && !matches(alias, "-account"));
        let version = r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)";
        assert!(matches(version, "v1") && !matches(version, "1"));
        assert!(TAKEN_APART.iter().all(|(pattern, ..)| is_checked(pattern)));
    }
}

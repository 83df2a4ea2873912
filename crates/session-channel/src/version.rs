//! Versions of clients.

use std::cmp::Ordering;

/// Whether a version is this one or a later one. AWS: the agent compares part by part, as numbers if both are numbers and else as texts, so that
/// `some-client/0.1.0` is later than any number. Of two that are alike so far, the one with more parts is later.
pub fn is_at_least(version: &str, wanted: &str) -> bool {
    let compare = |(one, other): (&str, &str)| match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(other),
    };
    let first_difference = version.split('.').zip(wanted.split('.')).map(compare).find(|order| order.is_ne());
    first_difference.unwrap_or_else(|| version.split('.').count().cmp(&wanted.split('.').count())) != Ordering::Less
}

#[test]
fn versions_are_compared_as_the_agent_does() {
    let has = |version| is_at_least(version, "1.1.70");
    for later in ["1.1.70", "1.1.70.0", "1.2.7", "1.2.764.0", "2", "1.10.0", "some-client/0.1.0", "1.x"] {
        assert!(has(later), "{later}");
    }
    for earlier in ["1.1.69.9", "", "1", "1.1", "0.9.0.0", "1.1.7"] {
        assert!(!has(earlier), "{earlier}");
    }
}

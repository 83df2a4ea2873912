//! Versions of agents and clients.

/// Whether a version is this one or a later one. One that is no version is not.
pub fn is_at_least(version: &str, wanted: [u32; 4]) -> bool {
    let mut numbers = [0; 4];
    let mut parts = version.split('.');
    for number in &mut numbers {
        match parts.next().map(str::parse) {
            Some(Ok(part)) => *number = part,
            Some(Err(_)) => return false,
            None => break,
        }
    }
    parts.next().is_none() && numbers >= wanted && !version.is_empty()
}

#[test]
fn versions_are_compared_by_their_numbers() {
    assert!(is_at_least("1.1.70.0", [1, 1, 70, 0]) && is_at_least("1.2.7", [1, 1, 70, 0]) && is_at_least("2", [1, 9, 0, 0]));
    assert!(
        !is_at_least("1.1.69.9", [1, 1, 70, 0]) && !is_at_least("", [0, 0, 0, 0]) && !is_at_least("1.x", [0; 4]) && !is_at_least("1.2.3.4.5", [0; 4])
    );
}

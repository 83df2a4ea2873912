use super::*;

/// `operator`, policy values, request values (none: the key is absent) and whether the condition holds.
fn holds(operator: &str, policy: &[&str], request: Option<&[&'static str]>) -> bool {
    let mut keys = Keys::new().with("aws:username", "alice").with("aws:PrincipalTag/secure", "true");
    if let Some(values) = request {
        keys.set_many("k", values.iter().copied());
    }
    let operation = Operation::parse(operator).unwrap_or_else(|| panic!("{operator} is no operator"));
    Condition::new(operation, operator, "K", policy.iter().map(ToString::to_string).collect(), Variables::Live).holds(&keys)
}

#[test]
fn strings_compare_with_case_unless_told_otherwise() {
    assert!(holds("StringEquals", &["a", "b"], Some(&["b"])));
    assert!(!holds("StringEquals", &["a"], Some(&["A"])));
    assert!(holds("StringEqualsIgnoreCase", &["straße"], Some(&["STRAßE"])));
    assert!(!holds("StringEquals", &["a*"], Some(&["ab"])), "a star is a star for StringEquals");
    assert!(holds("StringLike", &["a*"], Some(&["ab"])));
    assert!(!holds("StringNotLike", &["a*", "b*"], Some(&["bx"])));
    assert!(holds("StringNotEqualsIgnoreCase", &["a"], Some(&["b"])));
    assert!(holds("StringEquals", &["${aws:username}"], Some(&["alice"])));
    assert!(holds("StringLike", &["${aws:username}-*"], Some(&["alice-1"])));
}

#[test]
fn numbers_dates_and_networks_compare_as_what_they_are() {
    assert!(holds("NumericEquals", &["10"], Some(&["10.0"])));
    assert!(holds("NumericLessThan", &["10"], Some(&["9.5"])));
    assert!(!holds("NumericLessThan", &["10"], Some(&["10"])));
    assert!(holds("NumericGreaterThanEquals", &["-1"], Some(&["-1"])));
    assert!(!holds("NumericEquals", &["ten"], Some(&["ten"])), "a word is no number");
    assert!(holds("NumericNotEquals", &["10"], Some(&["many"])));
    assert!(holds("DateLessThan", &["2026-11-24T09:30:00Z"], Some(&["1795512599"])));
    assert!(holds("DateEquals", &["2026-11-24T09:30:00Z"], Some(&["2026-11-24T10:30:00+01:00"])));
    assert!(holds("IpAddress", &["203.0.113.0/24", "2001:db8::/32"], Some(&["2001:db8::7"])));
    assert!(holds("NotIpAddress", &["203.0.113.0/24"], Some(&["198.51.100.1"])));
    assert!(holds("BinaryEquals", &["QmluYXJ5"], Some(&["QmluYXJ5"])));
    assert!(!holds("BinaryEquals", &["QmluYXJ5"], Some(&["binary"])));
    assert!(holds("Bool", &["TRUE"], Some(&["true"])));
    assert!(!holds("Bool", &["true"], Some(&["false"])));
    assert!(holds("Bool", &["${aws:PrincipalTag/secure}"], Some(&["true"])));
}

#[test]
fn arns_match_part_by_part() {
    assert!(holds("ArnLike", &["arn:aws:sns:*:123456789012:t*"], Some(&["arn:aws:sns:eu-west-1:123456789012:topic"])));
    assert!(holds("ArnEquals", &["arn:aws:sns:*:123456789012:*"], Some(&["arn:aws:sns:eu-west-1:123456789012:topic:sub"])));
    assert!(!holds("ArnLike", &["arn:aws:sns:*"], Some(&["arn:aws:sns:eu-west-1:123456789012:topic"])), "a star stays within its part");
    assert!(!holds("ArnLike", &["*"], Some(&["arn:aws:sns:eu-west-1:123456789012:topic"])));
    assert!(holds("ArnNotLike", &["arn:aws:sns:*:*:*"], Some(&["not an arn"])));
}

/// The documented meaning of an absent key, operator by operator.
#[test]
fn an_absent_key_fails_what_is_asked_for_and_satisfies_what_is_asked_against() {
    for operator in &OPERATORS {
        let negated = operator.sense == Sense::Negated;
        let value = match operator.test {
            Test::Null => continue,
            Test::Network => "10.0.0.0/8",
            Test::Date(_) => "2026-01-01",
            _ => "1",
        };
        let check = |prefix: &str, suffix: &str| holds(&format!("{prefix}{}{suffix}", operator.name), &[value], None);
        assert_eq!(check("", ""), negated, "{}", operator.name);
        assert!(check("", "IfExists"), "{}", operator.name);
        assert!(check("ForAllValues:", ""), "{}", operator.name);
        assert!(!check("ForAnyValue:", ""), "{}", operator.name);
        assert!(check("ForAnyValue:", "IfExists"), "{}", operator.name);
        assert_eq!(holds(operator.name, &[value], Some(&[])), negated, "a key without values is absent: {}", operator.name);
    }
}

#[test]
fn null_asks_whether_the_key_is_absent() {
    assert!(holds("Null", &["true"], None));
    assert!(!holds("Null", &["true"], Some(&["x"])));
    assert!(holds("Null", &["false"], Some(&["x"])));
    assert!(!holds("Null", &["false"], None));
    assert!(holds("Null", &["false"], Some(&[""])), "an empty text is a value");
    assert!(Operation::parse("NullIfExists").is_none());
}

#[test]
fn set_operators_count_the_values() {
    assert!(holds("ForAllValues:StringEquals", &["a", "b", "c"], Some(&["a", "b"])));
    assert!(!holds("ForAllValues:StringEquals", &["a", "b"], Some(&["a", "x"])));
    assert!(holds("ForAnyValue:StringEquals", &["a", "b"], Some(&["x", "a"])));
    assert!(!holds("ForAnyValue:StringEquals", &["a", "b"], Some(&["x", "y"])));
    assert!(holds("ForAllValues:StringNotEquals", &["a"], Some(&["x", "y"])));
    assert!(!holds("ForAllValues:StringNotEquals", &["a"], Some(&["x", "a"])));
    assert!(holds("ForAnyValue:StringNotEquals", &["a"], Some(&["x", "a"])));
    assert!(!holds("ForAnyValue:StringNotEquals", &["a"], Some(&["a", "a"])));
}

#[test]
fn a_variable_without_value_equals_nothing() {
    // AWS: reference_policies_variables.html, "Policy variables with no value".
    assert!(!holds("StringEquals", &["${aws:PrincipalTag/team}"], Some(&[""])));
    assert!(holds("StringNotEquals", &["${aws:PrincipalTag/team}"], Some(&["blue"])));
    assert!(holds("StringEquals", &["${aws:PrincipalTag/team, 'blue'}"], Some(&["blue"])));
    assert!(holds("StringEquals", &["${aws:PrincipalTag/team}", "blue"], Some(&["blue"])), "other values still count");
}

#[test]
fn no_values_match_nothing() {
    assert!(!holds("StringEquals", &[], Some(&["a"])));
    assert!(holds("StringNotEquals", &[], Some(&["a"])));
}

use super::*;
use crate::json::{Source, Token, Tokenizer};
use proptest::prelude::*;
use serde_json::json;

fn body(policy: &Value) -> FilterPolicy {
    FilterPolicy::parse(&policy.to_string(), FilterScope::MessageBody).unwrap()
}

fn matches(policy: Value, message: Value) -> bool {
    body(&policy).matches(&message)
}

fn error(policy: &str) -> String {
    FilterPolicy::parse(policy, FilterScope::MessageBody).unwrap_err()
}

/// An error without its location.
fn message_of(policy: &str) -> String {
    error(policy).split("\n at ").next().unwrap().to_owned()
}

#[test]
fn each_operator_matches_what_it_should_and_nothing_else() {
    for (rule, yes, no) in [
        (json!("rugby"), json!("rugby"), json!("Rugby")),
        (json!(null), json!(null), json!("null")),
        (json!(true), json!(true), json!("true")),
        (json!(3.0), json!(3), json!("3")),
        (json!({"prefix": "bas"}), json!("baseball"), json!("rugby")),
        (json!({"suffix": "ball"}), json!("baseball"), json!("balls")),
        (json!({"equals-ignore-case": "TENNIS"}), json!("tennis"), json!("tenniss")),
        (json!({"wildcard": "*ball*x"}), json!("a ball a box"), json!("ball")),
        (json!({"wildcard": "a\\*b"}), json!("a*b"), json!("axb")),
        (json!({"anything-but": ["a", "b"]}), json!("c"), json!("a")),
        (json!({"anything-but": [1, 2]}), json!(3), json!(1.0)),
        (json!({"anything-but": {"prefix": "order-"}}), json!("new"), json!("order-1")),
        (json!({"anything-but": {"wildcard": "*.png"}}), json!("a.jpg"), json!("a.png")),
        (json!({"numeric": ["=", 3.015e2]}), json!(301.5), json!(301)),
        (json!({"numeric": [">", 0, "<=", 150]}), json!(150), json!(0)),
        (json!({"numeric": ["<", 10]}), json!(9.99), json!(10)),
        (json!({"numeric": [">=", -5]}), json!(-5), json!(-5.1)),
        (json!({"cidr": "10.0.0.0/24"}), json!("10.0.0.255"), json!("10.0.1.0")),
        (json!({"cidr": "2001:db8:1234:1a00::/64"}), json!("2001:0db8:1234:1a00:0:0:0:1"), json!("10.0.0.1")),
        (json!({"exists": true}), json!("x"), json!({"deeper": 1})),
    ] {
        let policy = json!({ "key": [rule] });
        assert!(matches(policy.clone(), json!({ "key": yes })), "{rule} matches {yes}");
        assert!(!matches(policy.clone(), json!({ "key": no })), "{rule} does not match {no}");
        assert!(!matches(policy, json!({ "other": yes })), "{rule} needs a value");
    }
    let absent = json!({ "key": [{"exists": false}] });
    assert!(matches(absent.clone(), json!({})) && !matches(absent, json!({"key": 1})));
}

#[test]
fn one_element_of_an_array_suffices() {
    let policy = json!({"interests": [{"anything-but": ["rugby", "tennis"]}]});
    assert!(matches(policy.clone(), json!({"interests": ["rugby", "baseball"]})));
    assert!(!matches(policy.clone(), json!({"interests": ["rugby", "tennis"]})));
    assert!(!matches(policy, json!({"interests": []})));
    assert!(matches(json!({"a": [{"exists": false}]}), json!({"a": []})));
}

#[test]
fn one_element_must_satisfy_all_rules_for_it() {
    let policy = json!({"Records": {"s3": {"key": [{"prefix": "auto-"}]}, "eventName": [{"prefix": "Created:"}]}});
    let record = |key: &str, event: &str| json!({"s3": [[{"key": key}]], "eventName": event});
    assert!(matches(policy.clone(), json!({"Records": [record("home", "Removed:"), record("auto-1", "Created:Put")]})));
    assert!(!matches(policy, json!({"Records": [record("home", "Created:Put"), record("auto-1", "Removed:")]})));
}

#[test]
fn dots_in_names_are_steps_of_a_path() {
    let policy = json!({"detail": {"payload.nested.deep": {"list": [{"prefix": "q"}]}}});
    assert!(matches(policy.clone(), json!({"detail": {"payload": {"nested": {"deep": {"list": ["a", "q1"]}}}}})));
    assert!(matches(policy.clone(), json!({"detail": {"payload.nested": {"deep": {"list": "q1"}}}})));
    assert!(!matches(policy, json!({"detail": {"payload": {"nested": {"list": ["q1"]}}}})));
}

#[test]
fn a_field_that_must_be_absent_is_so_in_every_element() {
    let policy = json!({"a": {"b": [{"exists": false}]}});
    assert!(matches(policy.clone(), json!({"a": [{"c": 1}]})) && matches(policy.clone(), json!({})));
    assert!(!matches(policy, json!({"a": [{"c": 1}, {"b": 1}]})));
}

#[test]
fn alternatives_combine_with_other_keys_and_nest() {
    let policy = json!({
        "$or": [{"metric": ["CPU"]}, {"namespace": ["EC2", "ES"]}],
        "detail": {"scope": ["Service"], "$or": [{"source": ["aws"]}, {"type": ["Alarm"]}]},
    });
    assert!(matches(policy.clone(), json!({"metric": "CPU", "detail": {"scope": "Service", "type": "Alarm"}})));
    assert!(matches(policy.clone(), json!({"namespace": "ES", "detail": {"scope": "Service", "source": "aws"}})));
    assert!(!matches(policy.clone(), json!({"metric": "CPU", "detail": {"scope": "Service"}})));
    assert!(!matches(policy, json!({"detail": {"scope": "Service", "type": "Alarm"}})));
}

#[test]
fn an_error_has_the_location_that_awss_parser_reports() {
    assert_eq!(
        error(r#"{"key_a": "value"}"#),
        "FilterPolicy: \"key_a\" must be an object or an array\n at [Source: (String)\"{\"key_a\":\"value\"}\"; line: 1, column: 11]"
    );
    assert_eq!(
        error(r#"{'a': ["x"]}"#),
        "FilterPolicy: failed to parse JSON. Unexpected character (''' (code 39)): was expecting double-quote to start field name\n \
         at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]"
    );
    assert_eq!(
        error("invalid"),
        "FilterPolicy: failed to parse JSON. Unrecognized token 'invalid': was expecting (JSON String, Number, Array, Object or token \
         'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 8]"
    );
    assert_eq!(error("{\n  \"a\": []\n}"), "FilterPolicy: Empty arrays are not allowed\n at [Source: (String)\"{\"a\":[]}\"; line: 1, column: 8]");
    assert_eq!(
        error(r#"{"key": [{"suffix": null}]}"#),
        "FilterPolicy: suffix match pattern must be a string\n at [Source: (String)\"{\"key\":[{\"suffix\":null}]}\"; line: 1, column: 23]"
    );
    assert_eq!(error(r#"{"a": [{"cidr": "10.0.0.0"}]}"#), "FilterPolicy: Malformed CIDR, one '/' required");
}

#[test]
fn invalid_policies_have_awss_messages() {
    for (policy, expected) in [
        (r#"{"a": [{"not-an-op": 1}]}"#, "Unrecognized match type not-an-op"),
        (r#"{"a": [["x"]]}"#, "Match value must be String, number, true, false, or null"),
        (r#"{"a": [{"prefix": 1}]}"#, "prefix match pattern must be a string"),
        (r#"{"a": [{"suffix": "a", "prefix": "b"}]}"#, "Only one key allowed in match expression"),
        (r#"{"a": [{"exists": "yes"}]}"#, "exists match pattern must be either true or false."),
        (r#"{"a": [{"anything-but": {"suffix": "x"}}]}"#, "Unsupported anything-but pattern: suffix"),
        (r#"{"a": [{"anything-but": [null]}]}"#, "Inside anything but list, start|null|boolean is not supported."),
        (r#"{"a": [{"anything-but": ["x", 1]}]}"#, "Inside anything but list, either all values are number or string, mixed type is not supported"),
        (r#"{"a": [{"numeric": []}]}"#, "Invalid member in numeric match: ]"),
        (r#"{"a": [{"numeric": [1]}]}"#, "Invalid member in numeric match: 1"),
        (r#"{"a": [{"numeric": ["operator", 1]}]}"#, "Unrecognized numeric range operator: operator"),
        (r#"{"a": [{"numeric": ["<", "x"]}]}"#, "Value of < must be numeric"),
        (r#"{"a": [{"numeric": ["=", "x"]}]}"#, "Value of equals must be numeric"),
        (r#"{"a": [{"numeric": ["<", 1, ">"]}]}"#, "Too many elements in numeric expression"),
        (r#"{"a": [{"numeric": [">", 1, 30]}]}"#, "Bad value in numeric range: 30"),
        (r#"{"a": [{"numeric": [">", 1, "test", 2]}]}"#, "Bad numeric range operator: test"),
        (r#"{"a": [{"numeric": [">", 1, "<", 2, 3]}]}"#, "Too many terms in numeric range expression"),
        (r#"{"a": [{"numeric": [">", 2, "<", 1]}]}"#, "Bottom must be less than top"),
        (r#"{"a": [{"cidr": "bad-filter/1"}]}"#, "Nonstandard IP address: bad-filter"),
        (r#"{"a": [{"cidr": "10.0.0.0/x"}]}"#, "Malformed CIDR, mask bits must be an integer"),
        (r#"{"$or": [{"a": ["b"]}]}"#, "There must have at least 2 Objects in $or relationship."),
        (r#"{"a": [{"wildcard": "a**"}]}"#, "Consecutive wildcard characters at pos 2"),
    ] {
        assert_eq!(message_of(policy), format!("FilterPolicy: {expected}"), "{policy}");
    }
}

#[test]
fn policies_are_bounded_in_keys_in_depth_and_in_combinations() {
    let six: serde_json::Map<_, _> = (0..6).map(|n| (format!("k{n}"), json!(["v"]))).collect();
    assert_eq!(error(&Value::from(six).to_string()), "FilterPolicy: Filter policy can not have more than 5 keys");
    let values: Vec<_> = (0..13).collect();
    assert_eq!(error(&json!({"a": values, "b": values}).to_string()), "FilterPolicy: Filter policy is too complex");
    // 3 × 4, 2 × 3, 2 × 1: https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
    let nested = json!({"a": {"b": {"c": [1, 2, 3, 4]}}, "d": {"e": [1, 2, 3]}, "f": [1, 2]});
    assert_eq!(parser::parse(&nested.to_string()).unwrap().combinations(1), 12 * 6 * 2);
    let flat = FilterPolicy::parse(&nested.to_string(), FilterScope::MessageAttributes);
    assert_eq!(flat.unwrap_err(), "Filter policy scope MessageAttributes does not support nested filter policy");
    let deep = format!("{}[1]{}", "{\"a\":".repeat(300), "}".repeat(300));
    assert_eq!(message_of(&deep), "FilterPolicy: Filter policy is too complex");
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!(null)), any::<bool>().prop_map(|b| json!(b)), (-5i32..5).prop_map(|n| json!(n)), "[ab*\\\\]{0,3}".prop_map(|s| json!(s))]
}

fn message() -> impl Strategy<Value = Value> {
    let node = leaf().prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[abc]", inner, 0..3).prop_map(|map| Value::from(map.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    });
    proptest::collection::btree_map("[abc]", node, 0..3).prop_map(|map| Value::from(map.into_iter().collect::<serde_json::Map<_, _>>()))
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,60}") {
        let _ = FilterPolicy::parse(&text, FilterScope::MessageBody);
    }

    #[test]
    fn nearly_right_policies_are_parsed_or_refused(text in r#"(\{|\}|\[|\]|,|:|"a"|"prefix"|"numeric"|">"|1|"\$or"| ){0,25}"#) {
        let _ = FilterPolicy::parse(&text, FilterScope::MessageBody);
    }

    #[test]
    fn the_tokenizer_reads_all_json(value in message()) {
        let text = value.to_string();
        let mut tokens = Tokenizer::new(&text, Source::Quoted);
        while tokens.next().unwrap() != Token::End {}
    }

    #[test]
    fn a_value_exists_or_is_absent(subject in message(), key in "[abc]") {
        let exists = body(&json!({ &key: [{"exists": true}] })).matches(&subject);
        let absent = body(&json!({ &key: [{"exists": false}] })).matches(&subject);
        prop_assert!(exists != absent);
    }

    #[test]
    fn more_alternatives_match_no_less(subject in message(), one in leaf(), other in leaf()) {
        let alone = body(&json!({"a": [one.clone()]})).matches(&subject);
        let both = body(&json!({"a": [one.clone(), other.clone()]})).matches(&subject);
        let or = body(&json!({"$or": [{"a": [one]}, {"a": [other]}]})).matches(&subject);
        prop_assert_eq!(both, or);
        prop_assert!(both || !alone);
    }

    #[test]
    fn a_wildcard_matches_what_a_slow_search_matches(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
        prop_assume!(!pattern.contains("**"));
        fn slow(pattern: &[u8], text: &[u8]) -> bool {
            match pattern {
                [] => text.is_empty(),
                [b'*', rest @ ..] => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
                [byte, rest @ ..] => text.first() == Some(byte) && slow(rest, &text[1..]),
            }
        }
        prop_assert_eq!(matches(json!({"a": [{"wildcard": pattern}]}), json!({"a": text})), slow(pattern.as_bytes(), text.as_bytes()));
    }
}

use super::Pattern;
use proptest::prelude::*;

fn matches(pattern: &str, message: &str) -> bool {
    Pattern::parse(pattern).unwrap().matches(message)
}

#[test]
fn terms() {
    for (pattern, message, expected) in [
        ("", "anything", true),
        (" ", "anything", true),
        ("ERROR", "[ERROR 400] BAD REQUEST", true),
        ("ERROR", "error", false),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true),
        ("ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED", false),
        ("?ERROR ?ARGUMENTS", "[ERROR 401] UNAUTHORIZED", true),
        ("?ERROR ?ARGUMENTS", "INFO", false),
        ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR", true),
        ("\"INTERNAL SERVER ERROR\"", "INTERNAL ERROR", false),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
        ("ERROR -\"BAD REQUEST\"", "[ERROR 500] SERVER", true),
        // Optional terms beside others are ignored.
        ("?WARN ERROR", "ERROR", true),
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", true),
        (r"%\d{3}\.\d+%", "10.123.4", true),
        ("%^ERR%", "an ERR", false),
        ("\"a\\\"b\"", "say a\"b", true),
    ] {
        assert_eq!(matches(pattern, message), expected, "{pattern:?} in {message:?}");
    }
}

#[test]
fn space_delimited_events() {
    let line = r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534"#;
    for (pattern, expected) in [
        ("[ip, id, user, time, request, status, size]", true),
        ("[ip, user, size]", false),
        ("[ip, id, user, time, request = \"*GET*\", status = 2*, size > 1000]", true),
        ("[ip, id, user, time, request, status = 4* || status = 5*, size]", false),
        ("[..., status = 200, size]", true),
        ("[ip = 127.0.0.1, ...]", true),
        ("[ip != 127.0.0.1, ...]", false),
        ("[..., request = %GET|POST%, status, size <= 1534]", true),
        ("[ip, ..., (size >= 1 && size < 1534)]", false),
        ("[,,,,,,]", true),
        ("[]", true),
    ] {
        assert_eq!(matches(pattern, line), expected, "{pattern}");
    }
    let found = Pattern::parse("[ip, , user = fra*, ...]").unwrap().extract(line).unwrap();
    let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, [("$2", "-"), ("$ip", "127.0.0.1"), ("$user", "frank")]);
}

#[test]
fn json() {
    let event = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another"],"objectList":[{"name":"a","id":1},
        {"name":"b","id":2}],"SomeObject":null,"on":true,"code":40.5,"user.name":"x"}"#;
    for (pattern, expected) in [
        (r#"{ $.eventType = "UpdateTrail" }"#, true),
        (r#"{ $.eventType = UpdateTrail }"#, true),
        (r#"{ $.sourceIPAddress != 123.123.* }"#, true),
        (r#"{ $.sourceIPAddress = 111.111.* }"#, true),
        (r#"{ $.arrayKey[0] = "value" }"#, true),
        (r#"{ $.objectList[1].id = 2 }"#, true),
        (r#"{ $.objectList[1].id = 2 && $.on IS FALSE }"#, false),
        (r#"{ $.SomeObject IS NULL }"#, true),
        (r#"{ $.SomeOtherObject NOT EXISTS }"#, true),
        (r#"{ $.eventType = * }"#, true),
        (r#"{ $.missing = * }"#, false),
        (r#"{ $.on IS TRUE }"#, true),
        (r#"{ $.code > 40 && $.code <= 4.05e1 }"#, true),
        (r#"{ ($.code = 1 || $.code = 40.5) && $.eventType = %^Update% }"#, true),
        (r#"{ $.missing != "x" }"#, false),
        (r#"{ $['user.name'] = "x" }"#, true),
        (r#"{$.eventType="x"||$.on IS TRUE}"#, true),
    ] {
        assert_eq!(matches(pattern, event), expected, "{pattern}");
    }
    assert!(!matches("{ $.a = 1 }", "no json") && !matches("{ $.a = 1 }", "{\"a\":1"));
    let found = Pattern::parse("{ $.objectList[0].name = * }").unwrap().extract(event).unwrap();
    assert_eq!(found["$.objectList[0].name"], "a");
}

#[test]
fn texts_that_are_no_patterns() {
    for text in [
        "\"open",
        "%open",
        "%(a)%",
        "%[%",
        "a/b",
        "{ $.a }",
        "{ a = 1 }",
        "{ $.a = 1",
        "{ $.a = 1 } x",
        "[a",
        "[a] b",
        "[..., ...]",
        "[a = ]",
        "[a=1 || b=2]",
        "-",
    ] {
        assert!(Pattern::parse(text).is_err(), "{text}");
    }
    let deep = format!("{{ {} $.a = 1 {} }}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(Pattern::parse(&deep).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(pattern in r#"[ \[\]{}$.a=*%"?|&()<>!,1-]{0,24}"#, message in r#"[ \[\]{}"a1:,]{0,16}"#) {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            prop_assert_eq!(pattern.matches(&message), pattern.extract(&message).is_some());
        }
    }
}

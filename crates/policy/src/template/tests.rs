use super::*;

fn live(text: &str) -> Template {
    Template::parse(text, Wildcards::Live, Variables::Live)
}

#[test]
fn a_variable_takes_its_value_from_the_request() {
    let keys = Keys::new().with("aws:username", "alice");
    assert!(live("home/${aws:username}/*").matches("home/alice/x", &keys));
    assert!(live("home/${AWS:UserName}/*").matches("home/alice/x", &keys));
    assert!(!live("home/${aws:username}/*").matches("home/bob/x", &keys));
}

#[test]
fn a_star_that_comes_out_of_a_variable_is_only_a_star() {
    let keys = Keys::new().with("aws:username", "*");
    assert!(!live("home/${aws:username}").matches("home/bob", &keys));
    assert!(live("home/${aws:username}").matches("home/*", &keys));
}

#[test]
fn a_default_stands_in_for_an_absent_key() {
    let template = live("${aws:PrincipalTag/team, 'company-wide'}");
    assert!(template.matches("company-wide", &Keys::new()));
    let keys = Keys::new().with("aws:PrincipalTag/team", "blue");
    assert!(template.matches("blue", &keys) && !template.matches("company-wide", &keys));
}

#[test]
fn without_value_or_with_several_nothing_matches() {
    let template = live("*${aws:TagKeys}*");
    assert!(!template.matches("", &Keys::new()) && !template.matches("${aws:TagKeys}", &Keys::new()));
    let mut keys = Keys::new();
    keys.set_many("aws:TagKeys", ["a", "b"]);
    assert!(!template.matches("a", &keys));
}

#[test]
fn escapes_are_plain_characters() {
    assert!(live("a${*}b${?}${$}").matches("a*b?$", &Keys::new()));
    assert!(!live("a${*}b").matches("axxb", &Keys::new()));
}

#[test]
fn an_old_document_knows_no_variables() {
    let template = Template::parse("${aws:username}", Wildcards::Live, Variables::Literal);
    assert!(template.matches("${aws:username}", &Keys::new().with("aws:username", "alice")));
}

#[test]
fn half_a_variable_is_text() {
    for text in ["${", "${}", "${aws:username", "$", "${a, b}"] {
        assert!(live(text).matches(text, &Keys::new()), "{text}");
    }
}

#[test]
fn an_arn_is_cut_at_its_own_colons_only() {
    assert_eq!(arn_parts("arn:aws:iam::${aws:PrincipalAccount}:role/a:b"), ["arn", "aws", "iam", "", "${aws:PrincipalAccount}", "role/a:b"]);
    assert_eq!(arn_parts("arn:aws:sqs"), ["arn", "aws", "sqs"]);
}

#[test]
fn what_stands_behind_a_star_is_found_too() {
    let keys = Keys::new().with("aws:username", "alice");
    for (text, subject, expected) in [
        ("a?${aws:username}*/x", "abalice/y/x", true),
        ("*/${aws:username}/*", "home/alice/x", true),
        ("*/${aws:username}/*", "home/bob/x", false),
        ("*${aws:username}", "malice", true),
        ("${aws:username}?", "alice", false),
        ("${aws:username}${aws:username}", "alicealice", true),
        ("***${aws:username}***", "alice", true),
    ] {
        assert_eq!(live(text).matches(subject, &keys), expected, "{text} on {subject}");
    }
}

#[test]
fn many_long_values_cost_no_more_than_the_subject() {
    let keys = Keys::new().with("k", "x".repeat(100_000));
    assert!(!live(&"*${k}".repeat(2_000)).matches("short", &keys));
    assert_eq!(live(&"${k}".repeat(2_000)).resolved(&keys), None);
}

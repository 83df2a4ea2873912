use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn what_is_no_policy_is_refused_in_aws_words() {
    let table: Value = serde_json::from_str(include_str!("../../tests/cases/malformed.json")).unwrap();
    let mut wrong = Vec::new();
    for (name, kind) in [
        ("identity", Kind::Identity),
        ("trust", Kind::Trust),
        ("resource", Kind::Resource),
        ("scp", Kind::ServiceControl),
        ("rcp", Kind::ResourceControl),
    ] {
        for row in table[name].as_array().unwrap() {
            let text = match &row[0] {
                row if row["text"].is_string() => row["text"].as_str().unwrap().to_owned(),
                row if row["document"].is_object() => row["document"].to_string(),
                row => json!({"Version": "2012-10-17", "Statement": [row["statement"]]}).to_string(),
            };
            let got = Document::parse(&text, kind).err().map(|malformed| malformed.message);
            if got.as_deref() != row[1].as_str() {
                wrong.push(format!("{name}: {text}\n   expected {:?}\n   got      {got:?}", row[1].as_str()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_stored_document_is_read_whatever_the_rules_are_now() {
    // Without a Version and with two equal Sids: refused today.
    let text =
        r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"sqs:*","Resource":"*"}]}"#;
    assert!(Document::parse(text, Kind::Identity).is_err());
    let document = Document::stored(text, Kind::Identity);
    assert_eq!(document.statements().iter().map(Statement::effect).collect::<Vec<_>>(), [StatementEffect::Allow, StatementEffect::Deny]);
    assert!(Document::stored("not a policy", Kind::Resource).statements().is_empty());
}

#[test]
fn statements_are_found_where_the_simulator_finds_them() {
    // AWS: the example of `aws iam simulate-custom-policy` reports line 1, columns 38 to 167.
    let text = concat!(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","#,
        r#""Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#
    );
    let document = Document::parse(text, Kind::Identity).unwrap();
    let span = document.statements()[0].span();
    assert_eq!((span.start, span.end), (Position { line: 1, column: 38 }, Position { line: 1, column: 167 }));
    let (start, end) = span.bytes;
    assert!(text[start as usize..end as usize].starts_with(r#"{"Effect""#) && text[start as usize..end as usize].ends_with("}}}"));

    let text = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow", "Action": "s3:*", "Resource": "*"
    },
    {"Effect": "Deny", "Action": "日本:*", "Resource": "*"}
  ]
}"#
    .replace("日本", "ec2");
    let document = Document::parse(&text, Kind::Identity).unwrap();
    let spans: Vec<Span> = document.statements().iter().map(Statement::span).collect();
    assert_eq!((spans[0].start, spans[0].end), (Position { line: 3, column: 17 }, Position { line: 6, column: 6 }));
    assert_eq!(spans[1].end.line, 7);
    let (start, end) = spans[1].bytes;
    assert_eq!(&text[start as usize..end as usize], r#"{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}"#);
}

#[test]
fn a_document_tells_which_keys_it_reads() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*",
         "Condition":{"StringEquals":{"s3:prefix":"${aws:PrincipalTag/team, 'x'}","AWS:UserName":"a"},"Null":{"aws:TokenIssueTime":"true"}}}]}"#;
    let document = Document::parse(text, Kind::Identity).unwrap();
    let keys: Vec<&str> = document.keys().iter().map(AsRef::as_ref).collect();
    assert_eq!(keys, ["aws:PrincipalTag/team", "aws:TokenIssueTime", "AWS:UserName", "s3:prefix"]);
}

#[test]
fn a_document_is_written_in_the_order_of_awss_pages() {
    let text = r#"{"Statement":{"Resource":"*","Condition":{"StringEquals":{"b":"x","a":["y"]}},"Action":"s3:*","Principal":{"Service":"sns.amazonaws.com","AWS":"*"},"Effect":"Deny","Sid":"\"s\""},"Version":"2012-10-17"}"#;
    let expected = concat!(
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"\"s\"","Effect":"Deny","Principal":{"Service":["sns.amazonaws.com"],"AWS":["*"]},"#,
        r#""Action":["s3:*"],"Resource":["*"],"Condition":{"StringEquals":{"b":["x"],"a":["y"]}}}]}"#
    );
    assert_eq!(Document::parse(text, Kind::Resource).unwrap().to_string(), expected);
}

#[test]
fn a_statement_can_be_read_by_services() {
    let text = r#"{"Version":"2012-10-17","Id":"i","Statement":{"Sid":"s","Effect":"Allow","Principal":{"AWS":["111111111111","*"],"Service":"sns.amazonaws.com"},
        "NotAction":["s3:Get*"],"Resource":"arn:aws:s3:::b","Condition":{"Bool":{"aws:SecureTransport":true}}}}"#;
    let document = Document::parse(text, Kind::Resource).unwrap();
    let statement = &document.statements()[0];
    assert_eq!((document.id(), statement.sid(), statement.effect()), (Some("i"), Some("s"), StatementEffect::Allow));
    let (listing, principals) = statement.principals().unwrap();
    assert_eq!(listing, Listing::Only);
    assert_eq!(principals.iter().map(Named::written).collect::<Vec<_>>(), [("AWS", "111111111111"), ("AWS", "*"), ("Service", "sns.amazonaws.com")]);
    let (listing, actions) = statement.actions();
    assert_eq!((listing, actions.collect::<Vec<_>>()), (Listing::AllBut, vec!["s3:Get*"]));
    assert_eq!(statement.resources().unwrap().1.collect::<Vec<_>>(), ["arn:aws:s3:::b"]);
    let condition = &statement.conditions()[0];
    assert_eq!((condition.operator(), condition.key(), condition.values().collect::<Vec<_>>()), ("Bool", "aws:SecureTransport", vec!["true"]));
}

fn statement() -> impl Strategy<Value = Value> {
    let one_or_many = |values: &'static [&'static str]| {
        prop_oneof![
            prop::sample::select(values).prop_map(Value::from),
            prop::collection::vec(prop::sample::select(values), 1..3).prop_map(Value::from)
        ]
    };
    let principal = prop_oneof![
        Just(json!("*")),
        Just(json!({"AWS": "*"})),
        Just(json!({"AWS": ["111111111111", "arn:aws:iam::111111111111:role/r"], "Service": "sns.amazonaws.com"})),
        Just(json!({"CanonicalUser": "abc123", "AWS": "222222222222"})),
    ];
    let condition = prop_oneof![
        Just(json!({})),
        Just(json!({"StringLike": {"a": ["x*", "${aws:username}"], "b": "c"}, "NumericEquals": {"n": 7}})),
        Just(json!({"ForAnyValue:StringEqualsIfExists": {"k": []}})),
    ];
    let effect = prop::sample::select(vec!["Allow", "Deny"]);
    let action = (prop::sample::select(vec!["Action", "NotAction"]), one_or_many(&["*", "s3:Get*", "SQS:SendMessage"]));
    let resource = (prop::sample::select(vec!["Resource", "NotResource"]), one_or_many(&["*", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:sqs"]));
    (effect, principal, action, resource, condition).prop_map(|(effect, principal, action, resource, condition)| {
        json!({"Effect": effect, "Principal": principal, action.0: action.1, resource.0: resource.1, "Condition": condition})
    })
}

proptest! {
    #[test]
    fn a_document_written_back_is_same(statements in prop::collection::vec(statement(), 1..4), new in any::<bool>()) {
        let version = if new { "2012-10-17" } else { "2008-10-17" };
        let text = json!({"Version": version, "Statement": statements}).to_string();
        let document = Document::parse(&text, Kind::Resource).unwrap();
        let again = Document::parse(&document.normalized(), Kind::Resource).unwrap();
        prop_assert_eq!(&document, &again);
        prop_assert_eq!(document.normalized(), again.normalized());
    }

    #[test]
    fn no_text_makes_the_parser_stumble(text in r#"[\[\]{}":,*a0\\ ]{0,60}"#) {
        for kind in [Kind::Identity, Kind::Resource, Kind::Trust, Kind::ResourceControl] {
            let _ = Document::parse(&text, kind);
        }
    }

    #[test]
    fn no_damage_makes_the_parser_stumble(cut in 0usize..300, insert in r#"[\[\]{}":,\\0n]{0,3}"#) {
        let mut text = r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["*"]},"Action":"s3:*","Resource":["arn:aws:s3:::b/${aws:username}"],"Condition":{"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}}]}"#.to_owned();
        text.insert_str(cut.min(text.len()), &insert);
        for kind in [Kind::Identity, Kind::Resource, Kind::Trust, Kind::ResourceControl] {
            let _ = Document::parse(&text, kind);
        }
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let deep = format!("{{\"Version\":\"2012-10-17\",\"Statement\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Document::parse(&deep, Kind::Identity).is_err());
}

#[test]
fn principals_are_rewritten_and_nothing_else_is() {
    let text = r#"{ "Version":"2012-10-17",
  "Statement": [
    {"Effect":"Allow", "Principal": {"AWS": ["arn:aws:iam::111111111111:role/r", "111111111111"], "Service":"arn:aws:iam::111111111111:role/r"},
     "Action":"sts:AssumeRole", "Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/r"}}},
    {"Effect":"Deny",  "Principal": {"AWS":"arn:aws:iam::111111111111:role\/r"}, "Action":"sts:*"}, {"Effect":"Deny","Principal":"*"} ] }"#;
    let saved = rewrite_principals(text, |arn| (arn == "arn:aws:iam::111111111111:role/r").then(|| "AROAEXAMPLE".to_owned()));
    let expected = text.replacen(r#"["arn:aws:iam::111111111111:role/r""#, r#"["AROAEXAMPLE""#, 1).replacen(
        r#"{"AWS":"arn:aws:iam::111111111111:role\/r"}"#,
        r#"{"AWS":"AROAEXAMPLE"}"#,
        1,
    );
    assert_eq!(saved, expected);
    assert_eq!(rewrite_principals(&saved, |_| None), saved);
    assert_eq!(rewrite_principals("no policy", |_| Some("x".to_owned())), "no policy");
}

use super::*;
use crate::random::Random;
use crate::template::Template;
use serde_json::{Value, json};

fn session() -> Session {
    let states = json!({"input": {"a": 1, "big": 9_007_199_254_740_991_i64, "items": [{"p": 1, "q": "x"}, {"p": 2, "q": "y"}], "text": "abc"}, "context": {"State": {"Name": "S"}}});
    Session::new(states, [("v".to_owned(), json!([1, 2, 3]))], 1_795_512_600_100, &Random::from_seed(3))
}

fn evaluate(text: &str) -> Result<Value, JsonataError> {
    session().evaluate(&Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[test]
fn values_of_expressions() {
    for (text, expected) in [
        ("$states.input.a", json!(1)),
        ("$states.input.big", json!(9_007_199_254_740_991_i64)),
        ("$sum($v)", json!(6)),
        ("$states.input.items[p > 1].q", json!("y")),
        ("$states.input.items.{'k': q}", json!([{"k": "x"}, {"k": "y"}])),
        ("$states.input.items.($.p * 2)", json!([2, 4])),
        ("$map($v, function($x) { $x + 0.5 })", json!([1.5, 2.5, 3.5])),
        ("$states.input.text & '-' & $string($v[0])", json!("abc-1")),
        ("[$v, 4]", json!([1, 2, 3, 4])),
        ("[1..3]", json!([1, 2, 3])),
        ("{'a': $v}", json!({"a": [1, 2, 3]})),
        ("$pad('x', 3, '-')", json!("x--")),
        ("$replace('aXbX', 'X', 'yy')", json!("ayybyy")),
        ("$join(['a', 'b'], ',')", json!("a,b")),
        ("$partition([1,2,3,4,5], 2)", json!([[1, 2], [3, 4], [5]])),
        ("$range(0, 10, 5)", json!([0, 5, 10])),
        ("$range(1, 9, 9)", json!(1)),
        ("$range(3, 1, -1)", json!([3, 2, 1])),
        ("$hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
        ("$parse('{\"x\": 1}').x", json!(1)),
        ("$length($uuid())", json!(36)),
        ("$now()", json!("2026-11-24T09:30:00.100Z")),
        ("$millis()", json!(1_795_512_600_100_i64)),
        ("$random(1) = $random(1)", json!(true)),
        ("($f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(5))", json!(120)),
        ("$states.input.items ~> $map(function($i) { $i.p })", json!([1, 2])),
        ("null", json!(null)),
    ] {
        assert_eq!(evaluate(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_has_no_value() {
    assert_eq!(evaluate("$doesNotExist"), Err(JsonataError::Undefined));
    assert_eq!(evaluate("$states.input.none"), Err(JsonataError::Undefined));
    assert_eq!(evaluate("$fn := function($x){$x}"), Err(JsonataError::Unsupported));
    let Err(JsonataError::Threw(text)) = evaluate("$randomSeeded(1)") else { panic!() };
    assert!(text.starts_with("T1006: Attempted to invoke"), "{text}");
}

#[test]
fn what_aws_refuses() {
    for text in ["", "$", "$$", "foo", "foo.bar", "$eval('1')", "*", "(", "$states.input.a ?? 1", "$map($v, function($x) { $x + y })", "{'a': b}"] {
        assert!(Expression::parse(text).is_err(), "{text}");
    }
}

#[test]
fn uses_are_found() {
    let expression = Expression::parse("($y := $x + $states.result.a; $map($z, function($i) { $i + $y }) ~> $count())").unwrap();
    assert_eq!(expression.uses().variables, ["x", "z"]);
    assert_eq!(expression.uses().states, ["result"]);
}

#[test]
fn evaluations_are_bounded() {
    for text in [
        "($f := function($x) { 1 + $f($x) }; $f(1))",
        "($f := function($x) { $f($x) }; $f(1))",
        "($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f('aaaaaaaaaaaaaaaa', 60))",
        "($f := function($s, $n) { $n = 0 ? $s : $f([$s, $s], $n - 1) }; $f([1, 2], 60))",
        "($f := function($s, $n) { $n = 0 ? $s : $f($append($s, $s), $n - 1) }; $f([1, 2], 60))",
        "($f := function($s, $n) { $n = 0 ? $s : $f($join([$s, $s]), $n - 1) }; $f('aaaa', 60))",
        "($f := function($s, $n) { $n = 0 ? $s : $f($replace($s, 'a', $s), $n - 1) }; $f('aaaa', 60))",
        "$pad('x', 99999999999)",
        "[1..9999999]",
        "$range(1, 999999999, 1)",
    ] {
        assert!(matches!(evaluate(text), Err(JsonataError::Threw(_))), "{text}");
    }
}

#[test]
fn templates_are_filled_and_name_the_field() {
    let mut session = session();
    assert_eq!(
        session.fill(&Template::jsonata(&json!({"a": ["{% $v[0] %}", " {% no %}"], "b": 1})), "Output"),
        Ok(json!({"a": [1, " {% no %}"], "b": 1}))
    );
    let (cause, field) = session.fill(&Template::jsonata(&json!({"result": "{% $doesNotExist %}"})), "Output").unwrap_err();
    assert_eq!(cause, "The JSONata expression '$doesNotExist' specified for the field 'Output/result' returned nothing (undefined).");
    assert_eq!(field, "Output/result");
}

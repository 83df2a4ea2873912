use super::*;
use crate::Scope;
use crate::random::Random;
use serde_json::{Value, json};

fn call(text: &str) -> Result<Value, String> {
    let input = json!({"name": "Ada", "list": [1, 2, 2, 3], "a": {"x": 1, "y": 2}, "b": {"y": 3}, "v": 111, "step": -1, "f": 1.5, "json": "{\"k\": 1}", "empty": {}});
    let mut random = Random::from_seed(7);
    let variables = |name: &str| (name == "items").then_some(json!([1, 2]));
    let mut scope = Scope { input: &input, context: &json!({"Execution": {"Name": "e"}}), variables: &variables, random: &mut random };
    let call = Intrinsic::parse(text)?;
    call.evaluate(&mut scope).map_err(|error| format!("{error:?}"))
}

#[test]
fn values_of_calls() {
    for (text, expected) in [
        ("States.Array($.name, 1, 'x', null, true)", json!(["Ada", 1, "x", null, true])),
        ("States.Array()", json!([])),
        ("States.ArrayPartition($.list, 3)", json!([[1, 2, 2], [3]])),
        ("States.ArrayContains($.list, 3)", json!(true)),
        ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("States.ArrayRange(5, 1, $.step)", json!([5, 4, 3, 2, 1])),
        ("States.ArrayGetItem($.list, 3)", json!(3)),
        ("States.ArrayLength($items)", json!(2)),
        ("States.ArrayUnique($.list)", json!([1, 2, 3])),
        ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
        ("States.Hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
        ("States.JsonMerge($.a, $.b, false)", json!({"x": 1, "y": 3})),
        ("States.StringToJson($.json)", json!({"k": 1})),
        ("States.StringToJson(' ')", json!(null)),
        ("States.StringToJson('-0')", json!(0)),
        ("States.JsonToString($.a)", json!("{\"x\":1,\"y\":2}")),
        ("States.MathAdd($.v, $.step)", json!(110)),
        ("States.MathAdd($.f, 0)", json!(2)),
        ("States.StringSplit('1.2+3,,4', '.+,')", json!(["1", "2", "3", "4"])),
        ("States.Format('Hello, my name is {}.', $.name)", json!("Hello, my name is Ada.")),
        ("States.Format('{} \\{\\} {} it\\'s \\\\', $.empty, $.list)", json!("{} {} [1, 2, 2, 3] it's \\")),
        ("States.Format('{}', $$.Execution.Name)", json!("e")),
        ("States.ArrayGetItem(States.StringSplit('a b', ' '), 1)", json!("b")),
        ("States.ArrayLength($.list[?(@ > 1)])", json!(3)),
    ] {
        assert_eq!(call(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_fails() {
    for text in [
        "States.ArrayRange(1, 2000, 1)",
        "States.ArrayRange(1, 2, 0)",
        "States.ArrayPartition($.list, 0)",
        "States.ArrayGetItem($.list, 4)",
        "States.Base64Decode('?')",
        "States.Hash('x', 'SHA-3')",
        "States.JsonMerge($.a, $.b, true)",
        "States.StringToJson('{')",
        "States.MathAdd(2147483647, 1)",
        "States.MathRandom(3, 3)",
        "States.Format('{}')",
        "States.Format('{}', 1, 2)",
        "States.Format('\\x')",
        "States.Format($.missing)",
    ] {
        assert!(call(text).is_err(), "{text}");
    }
    assert!(matches!(call("States.Format('{}', $.missing)"), Err(text) if text.contains("Missing")));
}

#[test]
fn what_is_no_call() {
    let deep = format!("{}1{}", "States.Array(".repeat(11), ")".repeat(11));
    for text in [
        "",
        "States.Nothing()",
        "States.Array(",
        "States.Array(1 2)",
        "States.UUID(1)",
        "States.Format()",
        "States.Array('x)",
        "States.Array(x)",
        "States.Array(1) x",
        &deep,
    ] {
        assert!(Intrinsic::parse(text).is_err(), "{text}");
    }
}

#[test]
fn random_numbers_are_in_range_and_repeat_with_a_seed() {
    for _ in 0..20 {
        let number = call("States.MathRandom(1, 4)").unwrap().as_i64().unwrap();
        assert!((1..4).contains(&number));
    }
    assert_eq!(call("States.MathRandom(1, 999, 5)"), call("States.MathRandom(1, 999, 5)"));
}

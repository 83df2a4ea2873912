use super::*;
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "a-b": 1, "a": {"b": [1, 2, 3], "c d": "x"}, "null": null,
        "books": [
            {"title": "A", "price": 8, "tags": ["x", "y"]},
            {"title": "B", "price": 12.5, "isbn": "1"},
            {"title": "C", "price": 23, "isbn": "2"}
        ]
    })
}

fn get(path: &str) -> Result<Value, String> {
    Path::parse(path).map_err(|error| error.0)?.evaluate(&document()).map_err(|error| error.0)
}

#[test]
fn values_of_paths() {
    for (path, expected) in [
        ("$", document()),
        ("$.a-b", json!(1)),
        ("$.a.b[0]", json!(1)),
        ("$.a.b[-1]", json!(3)),
        ("$['a']['c d']", json!("x")),
        ("$.a.b[1:]", json!([2, 3])),
        ("$.a.b[:-1]", json!([1, 2])),
        ("$.a.b[0,2]", json!([1, 3])),
        ("$.a.b[*]", json!([1, 2, 3])),
        ("$.a.b.length()", json!(3)),
        ("$.a.b.sum()", json!(6.0)),
        ("$.a.b.max()", json!(3.0)),
        ("$.a.b.first()", json!(1)),
        ("$['a-b','null']", json!({"a-b": 1, "null": null})),
        ("$.books[*].price", json!([8, 12.5, 23])),
        ("$..isbn", json!(["1", "2"])),
        ("$.books[?(@.price > 10)].title", json!(["B", "C"])),
        ("$.books[?(@.price > 10 && @.isbn == '2')].title", json!(["C"])),
        ("$.books[?(!(@.isbn))].title", json!(["A"])),
        ("$.books[?(@.isbn)].title", json!(["B", "C"])),
        ("$.books[?(@.title =~ /[ab]/i)].title", json!(["A", "B"])),
        ("$.books[?(@.title in ['A','C'])].price", json!([8, 23])),
        ("$.books[?(@.tags contains 'x')].title", json!(["A"])),
        ("$.books[?(@.tags size 2)].title", json!(["A"])),
        ("$.books[?(@.price == $.a-b)]", json!([])),
        ("$.books[?(@.price > 10)][0]", json!([])),
        ("$.books[?(@.title == B)].price", json!([12.5])),
        (" $.a.b[0] ", json!(1)),
        ("$.none[*].x", json!([])),
        ("$.books[*].none", json!([])),
        ("$.null", json!(null)),
    ] {
        assert_eq!(get(path), Ok(expected), "{path}");
    }
}

#[test]
fn messages_are_jayways() {
    assert_eq!(get("$.x").unwrap_err(), "No results for path: $['x']");
    assert_eq!(get("$.no.such").unwrap_err(), "Missing property in path $['no']");
    assert_eq!(get("$.a.b[9]").unwrap_err(), "No results for path: $['a']['b'][9]");
    assert_eq!(get("$.null[0]").unwrap_err(), "The path $['null'] is null");
}

#[test]
fn what_is_no_path() {
    for path in ["", "a", "$.", "$..", "$[", "$['a", "$.a b", "$.a[?(@.x]", "$.a[x]", "$.length().x", "$.foo()", "$.a[?(@.b =~ /(/)]"] {
        assert!(Path::parse(path).is_err(), "{path}");
    }
}

#[test]
fn deep_and_wide_paths_end() {
    assert!(Path::parse(&format!("$[?{}", "(".repeat(3000))).is_err());
    assert!(Path::parse(&format!("$[?({}", "!".repeat(3000))).is_err());
    let mut value = json!([1, 2, 3]);
    for _ in 0..60 {
        value = json!([value, 1, [2, [3, 4]]]);
    }
    let path = Path::parse("$..*..*..*..*..*").unwrap();
    assert_eq!(path.evaluate(&value), Ok(json!([])));
}

#[test]
fn roots_and_kinds() {
    assert_eq!(Path::parse("$$.Execution.Id").unwrap().root(), &Root::Context);
    assert_eq!(Path::parse("$name.a[0]").unwrap().root(), &Root::Variable("name".to_owned()));
    assert!(Path::parse("$.a[0]['b']").unwrap().is_reference());
    for path in ["$.a[*]", "$..a", "$.a[0,1]", "$.a[-1]", "$.a.length()", "$.a[1:2]"] {
        assert!(!Path::parse(path).unwrap().is_reference(), "{path}");
    }
}

#[test]
fn reference_paths_insert() {
    let insert = |path: &str, target: Value| Path::parse(path).unwrap().insert(target, json!(9));
    assert_eq!(insert("$", json!({"a": 1})), Ok(json!(9)));
    assert_eq!(insert("$.x.y", json!({"a": 1})), Ok(json!({"a": 1, "x": {"y": 9}})));
    assert_eq!(insert("$.a[1]", json!({"a": [1, 2]})), Ok(json!({"a": [1, 9]})));
    assert!(insert("$.a[2]", json!({"a": [1, 2]})).is_err());
    assert!(insert("$.a.b", json!({"a": "text"})).is_err());
}

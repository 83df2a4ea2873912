//! The test suite of jsonata-js, when its folder (`test/test-suite`) is named at build time: `JSONATA_SUITE=… cargo test -p cloudlet-asl suite`.
//! It is not part of this repository.

use super::{Expression, JsonataError, Session, check::Context};
use crate::random::Random;
use jsonata_core::value::JValue;
use serde_json::{Map, Value};
use std::{fs, path::Path};

/// What version 2.0.6 has not, and what AWS has otherwise: `$eval`, and names that a state machine's variables cannot have.
const LATER: [&str; 3] = ["coalescing-operator", "default-operator", "function-eval"];

/// Cases that cannot hold here, with the reason.
const EXPLAINED: [(&str, &str); 10] = [
    ("comments/case002.json[0]", "the library's message has no code"),
    ("flattening/large.json[0]", "one second of an expression may be over in a build for tests"),
    ("flattening/large.json[1]", "one second of an expression may be over in a build for tests"),
    ("function-encodeUrl/case002.json[0]", "half of a surrogate pair is not in this JSON"),
    ("function-encodeUrlComponent/case002.json[0]", "half of a surrogate pair is not in this JSON"),
    ("function-tomillis/parseDateTime.json[28]", "the library takes the day from its own clock"),
    ("range-operator/case021.json[0]", "more memory than an expression may have"),
    ("range-operator/case022.json[0]", "more memory than an expression may have"),
    ("range-operator/case023.json[0]", "more memory than an expression may have"),
    ("range-operator/case024.json[0]", "more memory than an expression may have"),
];

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap_or_default()).unwrap_or_default()
}

fn outcome(case: &Value, text: &str, data: JValue) -> Result<Value, JsonataError> {
    let expression = Expression::read(text, Context::Any).map_err(JsonataError::Threw)?;
    let bindings = case.get("bindings").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    Session::new(Value::Null, bindings, 0, &Random::from_seed(1)).evaluate_over(&expression, &data)
}

/// Numbers are compared as JavaScript has them.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right)),
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len() && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

fn holds(case: &Value, result: &Result<Value, JsonataError>) -> bool {
    let code = case.get("code").or_else(|| case.get("error")?.get("code")).and_then(Value::as_str);
    match (result, case.get("result"), code) {
        (Ok(value), Some(expected), _) => same(value, expected),
        // A function as the result is `null` in JSON.
        (Err(JsonataError::Unsupported), Some(Value::Null), _) => true,
        (Err(JsonataError::Undefined), _, _) => case.get("undefinedResult").is_some(),
        (Err(JsonataError::Threw(message)), None, Some(code)) => {
            message.contains(code) || message.contains("Stack overflow") || message.contains("timeout")
        }
        (Err(JsonataError::Threw(_)), None, None) => case.get("error").is_some(),
        _ => false,
    }
}

#[test]
fn suite_of_jsonata_js() {
    let Some(folder) = option_env!("JSONATA_SUITE").map(Path::new) else { return };
    let (mut cases, mut wrong) = (0, Vec::new());
    let mut groups: Vec<_> = fs::read_dir(folder.join("groups")).unwrap().map(|group| group.unwrap().path()).collect();
    groups.sort();
    for group in groups {
        let name = group.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(files) = fs::read_dir(&group) else { continue };
        let mut files: Vec<_> =
            files.map(|file| file.unwrap().path()).filter(|file| file.extension().is_some_and(|ending| ending == "json")).collect();
        files.sort();
        for file in files {
            let read = json(&file);
            for (index, case) in read.as_array().cloned().unwrap_or_else(|| vec![read.clone()]).into_iter().enumerate() {
                let text = match case.get("expr-file").and_then(Value::as_str) {
                    Some(other) => fs::read_to_string(group.join(other)).unwrap(),
                    None => case.get("expr").and_then(Value::as_str).unwrap_or_default().to_owned(),
                };
                let data = match (case.get("data"), case.get("dataset").and_then(Value::as_str)) {
                    (Some(data), _) => JValue::from(data.clone()),
                    (None, Some(dataset)) => JValue::from(json(&folder.join(format!("datasets/{dataset}.json")))),
                    (None, None) => JValue::Undefined,
                };
                cases += 1;
                let result = outcome(&case, &text, data);
                if !holds(&case, &result) && !LATER.contains(&name.as_str()) {
                    let expected = case.get("result").or_else(|| case.get("code")).or_else(|| case.get("error")).cloned().unwrap_or_default();
                    let file = file.file_name().unwrap().to_string_lossy().into_owned();
                    let place = format!("{name}/{file}[{index}]");
                    // A smaller stack than ours is part of that case.
                    if EXPLAINED.iter().any(|(known, _)| *known == place) || case.get("depth").is_some() {
                        continue;
                    }
                    wrong.push(format!("{place}: {text}\n    expected {expected}, was {result:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} differ:\n{}", wrong.len(), wrong.join("\n"));
}

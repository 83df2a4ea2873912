//! Paths, intrinsic calls and JSONata: reading and evaluating end, without a panic.
#![no_main]

use cloudlet_asl::{
    Scope,
    intrinsics::Intrinsic,
    jsonata::{Expression, Session},
    jsonpath::Path,
    random::Random,
};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let input = json!({"a": {"b": [1, 2.5, {"c": "x"}], "d": null}, "list": [{"p": 1}, {"p": 2}], "text": "t"});
    if let Ok(path) = Path::parse(text) {
        let _ = path.evaluate(&input);
        if path.is_reference() {
            let _ = path.insert(input.clone(), json!(1));
        }
    }
    if let Ok(call) = Intrinsic::parse(text) {
        let mut random = Random::from_seed(1);
        let _ = call.evaluate(&mut Scope { input: &input, context: &input, variables: &|_| None, random: &mut random });
    }
    if let Ok(expression) = Expression::parse(text) {
        let _ = Session::new(json!({"input": input}), [], 0, &Random::from_seed(1)).evaluate(&expression);
    }
});

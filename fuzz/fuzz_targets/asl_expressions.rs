//! Paths, intrinsic calls, JSONata and the files of ItemReader: reading and evaluating end, without a panic.
#![no_main]

use cloudlet_asl::{
    Scope,
    intrinsics::Intrinsic,
    items::{CsvHeaders, Format, Items},
    jsonata::{Expression, Session},
    jsonpath::Path,
    random::Random,
};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// The items of a file, or that it is refused, whatever the pieces are that it comes in.
fn items(bytes: &[u8]) {
    let csv = Format::Csv { headers: CsvHeaders::FirstRow, delimiter: b',' };
    for format in [csv, Format::Json { pointer: None }, Format::Json { pointer: Some("/a".to_owned()) }, Format::Jsonl, Format::AthenaManifest] {
        let read = |size: usize| {
            let (mut reader, mut items) = (Items::new(format.clone()), Vec::new());
            for piece in bytes.chunks(size) {
                reader.push(piece, &mut items)?;
            }
            reader.finish(&mut items).map(|()| items)
        };
        assert_eq!(read(1), read(1000));
    }
}

fuzz_target!(|bytes: &[u8]| {
    items(bytes);
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

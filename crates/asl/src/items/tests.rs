use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Reads a text in pieces of a size.
fn read(config: &Value, text: &[u8], size: usize) -> Result<Vec<Item>, String> {
    let mut reader = Items::new(format_of(config).map_err(|error| error.0)?);
    let mut items = Vec::new();
    for piece in text.chunks(size) {
        reader.push(piece, &mut items).map_err(|error| error.0)?;
    }
    reader.finish(&mut items).map_err(|error| error.0)?;
    Ok(items)
}

fn values(config: &Value, text: &str) -> Result<Vec<Value>, String> {
    let whole = read(config, text.as_bytes(), usize::MAX);
    for size in 1..5 {
        assert_eq!(read(config, text.as_bytes(), size), whole, "pieces of {size}");
    }
    whole.map(|items| items.into_iter().map(|item| item.value).collect())
}

#[test]
fn rows_of_csv() {
    let first = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    let expected = vec![json!({"a": "1", "b": "x,\"y\"\nz"}), json!({"a": "2", "b": ""}), json!({"a": "3", "b": "4"})];
    assert_eq!(values(&first, "\u{feff}a,b\r\n1,\"x,\"\"y\"\"\nz\"\r\n\r\n2\n3,4,5"), Ok(expected));
    let given = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"], "CSVDelimiter": "PIPE"});
    assert_eq!(values(&given, "1|2\n|\n"), Ok(vec![json!({"x": "1", "y": "2"}), json!({"x": "", "y": ""})]));
    assert_eq!(values(&first, "a,a\n1,2"), Err("CSV headers cannot contain duplicates.".to_owned()));
    assert!(values(&first, "a\n\"1").is_err());
}

#[test]
fn arrays_and_objects_of_json() {
    let plain = json!({"InputType": "JSON"});
    assert_eq!(
        values(&plain, " [1, \"a]\\\"\", {\"b\": [2]}, null ,[]] "),
        Ok(vec![json!(1), json!("a]\""), json!({"b": [2]}), json!(null), json!([])])
    );
    assert_eq!(values(&plain, "[]"), Ok(vec![]));
    let items = read(&plain, b"{\"k\": 1, \"l\": {\"m\": 2}}", 3).unwrap();
    assert_eq!(items[1], Item { key: Some("l".to_owned()), value: json!({"m": 2}) });
    assert_eq!(values(&plain, "5"), Err("Attempting to map over non-iterable node.".to_owned()));
    assert!(values(&plain, "[1").is_err());
    assert!(values(&plain, "[1 2]").is_err());
    let pointer = json!({"InputType": "JSON", "ItemsPointer": "/a/1/b~1c"});
    assert_eq!(values(&pointer, "{\"z\": [9], \"a\": [{}, {\"x\": 1, \"b/c\": [7, 8]}], \"y\": 1}"), Ok(vec![json!(7), json!(8)]));
    assert!(values(&pointer, "{\"a\": []}").is_err());
}

#[test]
fn lines_and_manifests() {
    let config = json!({"InputType": "JSONL"});
    assert_eq!(values(&config, "{\"a\": 1}\r\n\n[2]\n"), Ok(vec![json!({"a": 1}), json!([2])]));
    assert!(values(&config, "{\n}").is_err());
    let mut items = Vec::new();
    let mut reader = Items::new(Format::AthenaManifest);
    reader.push(b"s3://b/k.csv\n", &mut items).unwrap();
    assert_eq!(items[0].value, json!("s3://b/k.csv"));
    assert!(reader.push(b"b/k\n", &mut items).is_err());
    let manifest =
        json!({"destinationBucket": "arn:aws:s3:::inv", "fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "k.gz", "size": 5}]});
    let read = inventory(manifest.to_string().as_bytes()).unwrap();
    assert_eq!((read.bucket.as_str(), read.files[0].key.as_str()), ("inv", "k.gz"));
    assert_eq!(read.format, Format::Csv { headers: CsvHeaders::Given(vec!["Bucket".to_owned(), "Key".to_owned()]), delimiter: b',' });
    assert!(format_of(&json!({"InputType": "PARQUET"})).is_err());
}

proptest! {
    #[test]
    fn pieces_do_not_matter(text in "[\\[\\]{}\",:\\\\a1 \\n\\r|]{0,40}", size in 1_usize..7) {
        for config in [json!({"InputType": "JSON"}), json!({"InputType": "JSONL"}), json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}), json!({"InputType": "JSON", "ItemsPointer": "/a"})] {
            prop_assert_eq!(read(&config, text.as_bytes(), size), read(&config, text.as_bytes(), 1000));
        }
    }
}

//! The fields that are found in the lines of Lambda: `@requestId`, `@type`, `@duration` and so on.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html>

use super::values::Value;

/// AWS: memory is in bytes, a megabyte has a million.
const MEGABYTE: f64 = 1_000_000.0;

/// Whether a group is of a function: `000000000000:/aws/lambda/f`.
pub fn is_of_lambda(log: &str) -> bool {
    log.split_once(':').is_some_and(|(_, group)| group.starts_with("/aws/lambda/"))
}

fn kind(message: &str) -> Option<&str> {
    ["START", "END", "REPORT"].into_iter().find(|kind| message.strip_prefix(kind).is_some_and(|rest| rest.starts_with(" RequestId: ")))
}

/// The number after a label of a REPORT line.
fn number(message: &str, label: &str) -> Option<f64> {
    let rest = message.split('\t').find_map(|part| part.strip_prefix(label)?.strip_prefix(": "))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// `8f5d5b1e-0c9a-4f7e-9d1c-2b3a4c5d6e7f`
fn is_request_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

pub fn find(message: &str, name: &str) -> Option<Value> {
    let kind = kind(message);
    let text = |text: &str| Value::Text(text.to_owned());
    let reported = |label: &str, unit: f64| number(message, label).map(|number| Value::Number(number * unit));
    match (name, kind) {
        ("@type", Some(kind)) => Some(text(kind)),
        ("@requestId", Some(_)) => message.split("RequestId: ").nth(1)?.split_whitespace().next().map(text),
        // The lines of functions: `[INFO]\t2026-11-24T09:30:00.000Z\tid\t…`.
        ("@requestId", None) => message.split('\t').take(4).find(|part| is_request_id(part)).map(text),
        ("@duration", Some("REPORT")) => reported("Duration", 1.0),
        ("@billedDuration", Some("REPORT")) => reported("Billed Duration", 1.0),
        ("@initDuration", Some("REPORT")) => reported("Init Duration", 1.0),
        ("@memorySize", Some("REPORT")) => reported("Memory Size", MEGABYTE),
        ("@maxMemoryUsed", Some("REPORT")) => reported("Max Memory Used", MEGABYTE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_lambda_have_fields() {
        let id = "8f5d5b1e-0c9a-4f7e-9d1c-2b3a4c5d6e7f";
        let report = format!(
            "REPORT RequestId: {id}\tDuration: 3.45 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 37 MB\tInit Duration: 120.5 ms\t\n"
        );
        for (name, expected) in [
            ("@type", "REPORT"),
            ("@requestId", id),
            ("@duration", "3.45"),
            ("@billedDuration", "4"),
            ("@memorySize", "128000000"),
            ("@maxMemoryUsed", "37000000"),
            ("@initDuration", "120.5"),
        ] {
            assert_eq!(find(&report, name).map(|value| value.text().into_owned()).as_deref(), Some(expected), "{name}");
        }
        let start = format!("START RequestId: {id} Version: $LATEST\n");
        assert_eq!((find(&start, "@type"), find(&start, "@duration")), (Some(Value::Text("START".into())), None));
        let line = format!("[INFO]\t2026-11-24T09:30:00.000Z\t{id}\thello");
        assert_eq!(find(&line, "@requestId"), Some(Value::Text(id.into())));
        assert_eq!(find("hello", "@requestId"), None);
        assert!(is_of_lambda("000000000000:/aws/lambda/f") && !is_of_lambda("000000000000:f"));
    }
}

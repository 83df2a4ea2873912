//! Lambda: archives of code, answers, subscriptions of extensions, and the patterns of event source mappings.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = cloudlet_lambda::read_archive(data);
    let _ = cloudlet_lambda::read_answer(data);
    let _ = cloudlet_lambda::read_subscription(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let (pattern, document) = text.split_once('\n').unwrap_or((text, r#"{"body":{"a":["x",1,null]}}"#));
        let _ = cloudlet_lambda::match_pattern(pattern, document);
    }
});

//! Filter patterns and Insights queries of CloudWatch Logs, over messages. The first byte selects one; a zero byte parts pattern and message.
//! Any text is accepted or refused, and what is accepted is answered.
#![no_main]

use cloudlet_logs::{
    insights::{Query, Record, Run},
    patterns::Pattern,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let (text, message) = text.split_once('\0').unwrap_or((text, "{\"a\":[1,{\"b\":\"c\"}]} x=1 [y z] \"q\""));
    if kind % 2 == 0 {
        if let Ok(pattern) = Pattern::parse(text) {
            assert_eq!(pattern.matches(message), pattern.extract(message).is_some());
        }
    } else if let Ok(query) = Query::parse(text) {
        let mut run = Run::new(&query, 100);
        for timestamp in 0..3 {
            run.take(Record { timestamp, message: message.to_owned(), is_event: true, ..Record::default() });
        }
        assert!(run.results().len() <= 100);
    }
});

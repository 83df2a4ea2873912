use super::{Query, QueryError, Record, Run};
use proptest::prelude::*;

const EVENTS: [(i64, &str); 5] = [
    (0, r#"{"level":"INFO","ms":10,"user":{"name":"ann"},"tags":["a","b"]}"#),
    (60_000, r#"{"level":"ERROR","ms":30,"user":{"name":"bob"}}"#),
    (61_000, "plain user=ann, action=login took 7 ms"),
    (120_000, r#"{"level":"ERROR","ms":50,"user":{"name":"ann"},"ok":true}"#),
    (300_000, "START RequestId: 1"),
];

fn run(text: &str) -> Vec<String> {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let mut run = Run::new(&query, 10_000);
    for (timestamp, message) in EVENTS.iter().rev() {
        let record = Record {
            timestamp: *timestamp,
            message: (*message).to_owned(),
            stream: "s".into(),
            log: "0:g".into(),
            pointer: timestamp.to_string(),
            is_event: true,
            ..Record::default()
        };
        run.take(record);
    }
    let rows = run.results().into_iter();
    rows.map(|row| row.iter().filter(|(name, _)| **name != *"@ptr").map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn queries_answer_rows() {
    for (text, rows) in [
        ("fields level | filter level = 'ERROR'", vec!["level=ERROR", "level=ERROR"]),
        ("fields user.name as who, ms * 2 + 1 as twice | filter ms > 10 and user.name like /^a/", vec!["who=ann twice=101"]),
        (
            "filter @message like 'plain' | parse @message \"user=*, action=* took\" as user, action | display user, action",
            vec!["user=ann action=login"],
        ),
        (r"filter @message =~ /took/ | parse @message /took (?<took>\d+) ms/ | display took", vec!["took=7"]),
        (
            "stats count(*) as n, sum(ms), avg(ms) by level | sort n desc, level asc",
            vec!["level=ERROR n=2 sum(ms)=80 avg(ms)=40", "n=2 sum(ms)=0", "level=INFO n=1 sum(ms)=10 avg(ms)=10"],
        ),
        (
            "filter ispresent(ms) | stats max(ms) as most, min(ms) as least, pct(ms, 50) as middle, count_distinct(level) as levels",
            vec!["most=50 least=10 middle=30 levels=2"],
        ),
        (
            "stats count() by bin(1m) as minute | sort minute",
            vec![
                "minute=1970-01-01 00:00:00.000 count()=1",
                "minute=1970-01-01 00:01:00.000 count()=2",
                "minute=1970-01-01 00:02:00.000 count()=1",
                "minute=1970-01-01 00:05:00.000 count()=1",
            ],
        ),
        ("fields level | filter level in ['INFO', 'X'] or not ispresent(level) | limit 2", vec!["", ""]),
        ("fields level, user.name | filter ispresent(level) | dedup level", vec!["level=ERROR user.name=ann", "level=INFO user.name=ann"]),
        ("fields tags.1 as t, ok | filter t = 'b' or ok = 1 | sort @timestamp asc", vec!["t=b", "ok=1"]),
        ("fields concat(toupper(user.name), '-', strlen(level)) as x | filter level = \"INFO\"", vec!["x=ANN-4"]),
        (
            "fields @timestamp, @message | sort @timestamp desc | limit 1 # the newest",
            vec!["@timestamp=1970-01-01 00:05:00.000 @message=START RequestId: 1"],
        ),
        ("filter level not like 'ERR' | limit 1", vec!["@timestamp=1970-01-01 00:05:00.000 @message=START RequestId: 1"]),
        ("stats latest(ms) as l, earliest(ms) as e, stddev(ms) as d", vec!["l=50 e=10 d=16.3299"]),
        ("stats sum(ms) as s by user.name | stats max(s) as top", vec!["top=60"]),
    ] {
        assert_eq!(run(text), rows, "{text}");
    }
    assert_eq!(run("").len(), 5);
}

#[test]
fn of_events_in_any_order_the_newest_are_answered() {
    let query = Query::parse("fields @message | limit 2").unwrap();
    let mut run = Run::unordered(&query, 10);
    for timestamp in (0..5_000).map(|number| number * 7_919 % 5_000) {
        run.take(Record { timestamp, message: timestamp.to_string(), is_event: true, ..Record::default() });
    }
    let messages: Vec<String> = run.results().into_iter().map(|row| row[0].1.clone()).collect();
    assert_eq!(messages, ["4999", "4998"]);
}

#[test]
fn texts_that_are_no_queries() {
    for text in [
        "fields",
        "filter",
        "filter a =",
        "stats x",
        "stats count(",
        "limit x",
        "nonsense",
        "parse @message 'a*' as b, c",
        "fields a b",
        "filter a like /(/",
        "'",
    ] {
        assert!(matches!(Query::parse(text), Err(QueryError::Malformed { .. })), "{text}");
    }
    assert!(matches!(Query::parse("pattern @message"), Err(QueryError::NotImplemented(_))));
    assert!(Query::parse(&format!("filter {}a{}", "(".repeat(50_000), ")".repeat(50_000))).is_err());
    assert!(Query::parse(&format!("filter {} a", "-".repeat(50_000))).is_err());
    assert!(Query::parse(&format!("filter {} a", "not ".repeat(2_001))).is_ok());
}

proptest! {
    #[test]
    fn no_text_panics(text in r#"(fields|filter|stats|parse|sort|limit|dedup)?[ a@"'/()\[\]|,=<>*+.0-9m-]{0,32}"#) {
        if Query::parse(&text).is_ok() {
            run(&text);
        }
    }
}

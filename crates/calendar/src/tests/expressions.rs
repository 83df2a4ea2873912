use crate::{Cron, Expression, Schedule, Zone};
use cloudlet_aws::{Timestamp, TimestampFormat};
use jiff::{
    ToSpan,
    civil::{DateTime, datetime},
};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text, TimestampFormat::DateTime).unwrap()
}

fn schedule(expression: &str, zone: &str, since: &str, offset_days: u8) -> Schedule {
    Schedule { expression: Expression::parse(expression).unwrap(), zone: Zone::named(zone).unwrap(), since: at(since), offset_days }
}

fn next(expression: &str, zone: &str, after: &str) -> String {
    let found = schedule(expression, zone, after, 0).after(at(after));
    found.map(|at| at.text(TimestampFormat::DateTime)).unwrap_or_default()
}

#[test]
fn expressions_and_when_they_are_next_due() {
    // 2026-11-29 is a Sunday.
    for (expression, due) in [
        ("cron(0 10 * * ? *)", "2026-11-30T10:00:00Z"),
        ("cron(15 12 * * ? *)", "2026-11-29T12:15:00Z"),
        ("cron(0 18 ? * MON-FRI *)", "2026-11-30T18:00:00Z"),
        ("cron(0 8 1 * ? *)", "2026-12-01T08:00:00Z"),
        ("cron(0/15 * * * ? *)", "2026-11-29T11:15:00Z"),
        ("cron(*/15 * * * ? *)", "2026-11-29T11:15:00Z"),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-11-30T08:00:00Z"),
        ("cron(30 23 ? * TUE#3 *)", "2026-12-15T23:30:00Z"),
        ("cron(0 30 23 ? * 3#3 *)", "2026-12-15T23:30:00Z"),
        ("cron(10 0 0 ? * SUN *)", "2026-12-06T00:00:10Z"),
        ("cron(0 0 L * ? *)", "2026-11-30T00:00:00Z"),
        ("cron(0 0 L-3 * ? *)", "2026-12-28T00:00:00Z"),
        ("cron(0 0 LW * ? *)", "2026-11-30T00:00:00Z"),
        ("cron(0 0 LW 2 ? 2027)", "2027-02-26T00:00:00Z"),
        ("cron(0 0 1W 8 ? 2026-2027)", "2027-08-02T00:00:00Z"),
        ("cron(0 0 15W 11 ? 2027)", "2027-11-15T00:00:00Z"),
        ("cron(0 0 ? * 6L *)", "2026-12-25T00:00:00Z"),
        ("cron(0 0 ? * FRIL *)", "2026-12-25T00:00:00Z"),
        ("cron(0 0 ? * L *)", "2026-12-05T00:00:00Z"),
        ("cron(0 0 29 2 ? *)", "2028-02-29T00:00:00Z"),
        ("cron(0 0 ? jan,jul mon *)", "2027-01-04T00:00:00Z"),
        ("cron(0 22-2/2 ? * * *)", "2026-11-29T22:00:00Z"),
        ("cron(0 0 31 4 ? *)", ""),
        ("cron(0 0 1 1 ? 2026)", ""),
        ("rate(1 minute)", "2026-11-29T11:01:00Z"),
        ("rate(2 hours)", "2026-11-29T13:00:00Z"),
        ("rate(7 days)", "2026-12-06T11:00:00Z"),
        ("at(2026-12-24T18:00:00)", "2026-12-24T18:00:00Z"),
        ("at(2020-12-24T18:00:00)", ""),
    ] {
        assert_eq!(next(expression, "Etc/UTC", "2026-11-29T11:00:00Z"), due, "{expression}");
    }
}

#[test]
fn what_is_no_expression() {
    for text in [
        "",
        "cron",
        "cron()",
        "daily",
        "cron(0 10 * * ?)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 0 0 * ? *)",
        "cron(0 0 32 * ? *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * 0 *)",
        "cron(0 0 ? * MON#6 *)",
        "cron(0 0 ? * MON#+1 *)",
        "cron(0 0 ? 13 MON *)",
        "cron(0 0 ? * MON 1969)",
        "cron(0 0 ? * MON 2200)",
        "cron(0/0 0 ? * MON *)",
        "cron(,0 0 ? * MON *)",
        "cron(0 0 ?,1 * ? *)",
        "cron(0 0 1 1 ? * * *)",
        "rate(0 minutes)",
        "rate(-1 minutes)",
        "rate(+1 minutes)",
        "rate(1.5 hours)",
        "rate(5 weeks)",
        "rate(5)",
        "rate(99999999999 days)",
        "at(2026-12-24)",
        "at(2026-12-24T18:00:00.5)",
        "at(tomorrow)",
    ] {
        assert!(Expression::parse(text).is_err(), "{text}");
    }
    assert!(Expression::parse(&format!("cron({} 0 ? * MON *)", "0,".repeat(200))).is_err());
}

#[test]
fn a_time_zone_with_summer_time() {
    let zone = "America/Los_Angeles";
    assert_eq!(next("cron(0 9 ? * WED *)", zone, "2026-11-29T11:00:00Z"), "2026-12-02T17:00:00Z");
    assert_eq!(next("cron(0 9 ? * WED *)", zone, "2026-07-01T00:00:00Z"), "2026-07-01T16:00:00Z");
    assert_eq!(next("at(2026-12-24T18:00:00)", zone, "2026-11-29T11:00:00Z"), "2026-12-25T02:00:00Z");
    // Clocks skip 02:30 on 2026-03-08, and show 01:30 twice on 2026-11-01.
    assert_eq!(next("cron(30 2 * * ? *)", zone, "2026-03-08T08:00:00Z"), "2026-03-09T09:30:00Z");
    assert_eq!(next("cron(30 1 * * ? *)", zone, "2026-11-01T08:00:00Z"), "2026-11-01T08:30:00Z");
    assert_eq!(next("cron(30 1 * * ? *)", zone, "2026-11-01T08:30:00Z"), "2026-11-02T09:30:00Z");
    assert_eq!(next("cron(30 1 * * ? *)", zone, "2026-11-01T09:10:00Z"), "2026-11-02T09:30:00Z");
    assert!(Zone::named("Mars/Olympus").is_none());
    assert_eq!(Zone::named("Asia/Kolkata").unwrap().text(at("2026-11-29T11:00:00Z")), "2026-11-29T16:30+05:30");
    assert_eq!(Zone::default().text(at("2026-11-29T11:00:05Z")), "2026-11-29T11:00:05Z");
    assert_eq!(Zone::named(zone).unwrap().text(at("2026-11-29T11:00:00Z")), "2026-11-29T03:00-08:00");
}

#[test]
fn an_offset_delays_by_days() {
    let window =
        |since: &str, after: &str| schedule("cron(30 23 ? * TUE#3 *)", "UTC", since, 2).after(at(after)).unwrap().text(TimestampFormat::DateTime);
    assert_eq!(window("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"), "2026-12-17T23:30:00Z");
    // The Tuesday has passed when the schedule begins: this month is left out.
    assert_eq!(window("2026-12-16T00:00:00Z", "2026-12-16T00:00:00Z"), "2027-01-21T23:30:00Z");
    assert_eq!(window("2026-12-01T00:00:00Z", "2026-12-16T00:00:00Z"), "2026-12-17T23:30:00Z");
    assert_eq!(window("2026-12-01T00:00:00Z", "2026-12-17T23:30:00Z"), "2027-01-21T23:30:00Z");
}

#[test]
fn a_rate_is_counted_from_its_beginning() {
    let rate = schedule("rate(3 hours)", "UTC", "2026-11-29T11:00:00Z", 0);
    for (after, due) in [
        ("2026-11-29T10:00:00Z", "2026-11-29T11:00:00Z"),
        ("2026-11-29T11:00:00Z", "2026-11-29T14:00:00Z"),
        ("2026-11-29T13:59:59Z", "2026-11-29T14:00:00Z"),
        ("2026-11-30T00:00:00Z", "2026-11-30T02:00:00Z"),
    ] {
        assert_eq!(rate.after(at(after)), Some(at(due)));
    }
}

fn numbers(first: u16, last: u16) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => (first..=last).prop_map(|number| number.to_string()),
        1 => (first..=last, first..=last).prop_map(|(a, b)| format!("{a}-{b}")),
        1 => (first..=last, 1..=last.max(1)).prop_map(|(a, step)| format!("{a}/{step}")),
        1 => prop::collection::vec(first..=last, 1..4).prop_map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    ]
}

fn days() -> impl Strategy<Value = (String, String)> {
    let of_month = prop_oneof![
        numbers(1, 31),
        Just("L".to_owned()),
        Just("LW".to_owned()),
        (1..20).prop_map(|before| format!("L-{before}")),
        (1..=31).prop_map(|day| format!("{day}W")),
    ];
    let of_week = prop_oneof![
        numbers(1, 7),
        Just("MON-FRI".to_owned()),
        (1..=7, 1..=5).prop_map(|(day, nth)| format!("{day}#{nth}")),
        (1..=7).prop_map(|day| format!("{day}L")),
    ];
    prop_oneof![of_month.prop_map(|days| (days, "?".to_owned())), of_week.prop_map(|days| ("?".to_owned(), days))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// The next time is the first that a search from minute to minute finds.
    #[test]
    fn next_is_what_a_slow_search_finds(
        minutes in numbers(0, 59), hours in numbers(0, 23), (of_month, of_week) in days(), months in numbers(1, 12), minute in 0..600_000i64
    ) {
        let text = format!("{minutes} {hours} {of_month} {months} {of_week} *");
        let cron = Cron::parse(&text).unwrap();
        let from: DateTime = datetime(2027, 1, 1, 0, 0, 0, 0).checked_add(minute.minutes()).unwrap();
        let found = cron.from(from);
        // Up to a week by the minute.
        let mut slow = from;
        let end = from.checked_add(7.days()).unwrap();
        while slow < end && !cron.matches(slow) {
            slow = slow.checked_add(1.minute()).unwrap();
        }
        if slow < end {
            prop_assert_eq!(found, Some(slow), "{}", text);
        } else {
            prop_assert!(found.is_none_or(|found| found >= end && cron.matches(found)), "{}", text);
        }
    }
}

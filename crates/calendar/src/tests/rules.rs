//! Recurrence rules: the examples of the RFC, and a search day by day.

use crate::ical::rule_days;
use jiff::{ToSpan, civil::datetime};
use proptest::prelude::*;

fn days(rule: &str, start: &str, count: usize) -> Vec<String> {
    let start = start.parse().unwrap();
    let to = datetime(2040, 1, 1, 0, 0, 0, 0);
    rule_days(rule, start, start, to).unwrap().into_iter().take(count).map(|at| at.date().to_string()).collect()
}

/// <https://www.rfc-editor.org/rfc/rfc5545#section-3.8.5.3>
#[test]
fn the_examples_of_the_rfc() {
    let start = "1997-09-02T09:00:00";
    for (rule, expected) in [
        ("FREQ=DAILY;COUNT=3", "1997-09-02 1997-09-03 1997-09-04"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02 1997-09-12 1997-09-22 1997-10-02 1997-10-12"),
        (
            "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
            "1997-09-02 1997-09-04 1997-09-09 1997-09-11 1997-09-16 1997-09-18 1997-09-23 1997-09-25 1997-09-30 1997-10-02",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
            "1997-09-02 1997-09-04 1997-09-16 1997-09-18 1997-09-30 1997-10-02 1997-10-14 1997-10-16",
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=2,15;COUNT=5", "1997-09-02 1997-09-15 1997-10-02 1997-10-15 1997-11-02"),
        ("FREQ=MONTHLY;BYDAY=TU;COUNT=6;INTERVAL=2", "1997-09-02 1997-09-09 1997-09-16 1997-09-23 1997-09-30 1997-11-04"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-02 1997-09-04 1997-10-07"),
        ("FREQ=DAILY;BYMONTH=1;COUNT=2", "1997-09-02 1998-01-01"),
    ] {
        assert_eq!(days(rule, start, 10).join(" "), expected, "{rule}");
    }
    for (rule, start, expected) in [
        ("FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "1997-09-05T09:00:00", "1997-09-05 1997-10-03 1997-11-07 1997-12-05"),
        ("FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU", "1997-09-07T09:00:00", "1997-09-07 1997-09-28 1997-11-02 1997-11-30"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "1997-09-22T09:00:00", "1997-09-22 1997-10-20 1997-11-17"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "1997-09-28T09:00:00", "1997-09-28 1997-10-29 1997-11-28"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "1998-02-13T09:00:00", "1998-02-13 1998-03-13 1998-11-13"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3", "1997-09-29T09:00:00", "1997-09-29 1997-10-30 1997-11-27"),
        ("FREQ=MONTHLY;COUNT=3", "2027-01-31T09:00:00", "2027-01-31 2027-03-31 2027-05-31"),
        ("FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "1997-06-10T09:00:00", "1997-06-10 1997-07-10 1998-06-10 1998-07-10"),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19T09:00:00", "1997-05-19 1998-05-18 1999-05-17"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=4", "1997-03-13T09:00:00", "1997-03-13 1997-03-20 1997-03-27 1998-03-05"),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "1996-11-05T09:00:00", "1996-11-05 2000-11-07 2004-11-02"),
        ("FREQ=YEARLY", "2024-02-29T09:00:00", "2024-02-29 2028-02-29 2032-02-29"),
        ("FREQ=WEEKLY;", "2026-11-29T09:00:00", "2026-11-29 2026-12-06 2026-12-13"),
    ] {
        assert_eq!(days(rule, start, expected.split(' ').count()).join(" "), expected, "{rule}");
    }
}

#[test]
fn what_is_no_rule() {
    for rule in [
        "",
        "COUNT=3",
        "FREQ=HOURLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=3;UNTIL=19971224T000000Z",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=DAILY;BYHOUR=9",
        "FREQ=DAILY;UNTIL=soon",
        "FREQ",
    ] {
        let start = datetime(2026, 1, 1, 0, 0, 0, 0);
        assert!(rule_days(rule, start, start, start).is_err(), "{rule}");
    }
}

proptest! {
    /// A span that is looked at alone has what the whole has of it.
    #[test]
    fn a_part_has_what_the_whole_has_of_it(
        frequency in prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        interval in 1..5,
        more in prop::sample::select(vec!["", ";BYMONTH=2,3,11", ";BYDAY=MO,FR", ";BYMONTH=12;BYDAY=SU"]),
        day in 0..1_000i64,
        after in 0..4_000i64,
    ) {
        let rule = format!("FREQ={frequency};INTERVAL={interval}{more}");
        let start = datetime(2020, 1, 1, 9, 0, 0, 0).checked_add(day.days()).unwrap();
        let end = datetime(2034, 1, 1, 0, 0, 0, 0);
        let from = start.checked_add(after.days()).unwrap();
        let whole = rule_days(&rule, start, start, end).unwrap();
        let part = rule_days(&rule, start, from, end).unwrap();
        prop_assert_eq!(whole.into_iter().filter(|at| *at >= from).collect::<Vec<_>>(), part);
    }
}

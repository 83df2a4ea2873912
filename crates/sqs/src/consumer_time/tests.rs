use super::{ConsumerTime, MINUTE};
use cloudlet_aws::Timestamp;

/// The consumer time from the start of a minute on, with so many messages in flight for so many milliseconds each.
fn counted(spans: &[(usize, i64)]) -> (ConsumerTime, Timestamp) {
    let mut now = Timestamp(MINUTE * 1_000);
    let mut time = ConsumerTime::starting(now);
    for (in_flight, millis) in spans {
        now = now.plus_millis(*millis);
        time.count(*in_flight, now);
    }
    (time, now)
}

#[test]
fn the_times_of_all_messages_are_added_up() {
    let (time, now) = counted(&[(2, 10_000), (0, 30_000), (1, 500)]);
    assert_eq!(time.recent(0, now), 20_500);
    assert_eq!(time.recent(3, now.plus_millis(1_000)), 23_500, "what is in flight still counts as well");
}

#[test]
fn one_count_of_a_long_time_equals_many_of_short_ones() {
    for length in [1, 999, 59_999, 60_000, 60_001, 299_999, 300_000, 1_000_000] {
        let (one, now) = counted(&[(7, length)]);
        let mut pieces = vec![(7, 777); usize::try_from(length / 777).unwrap()];
        pieces.push((7, length % 777));
        assert_eq!(counted(&pieces).0.recent(0, now), one.recent(0, now), "{length}");
    }
}

#[test]
fn time_is_dropped_minute_by_minute() {
    let (time, now) = counted(&[(1, 30_000)]);
    let after = |millis| time.recent(0, now.plus_millis(millis));
    assert_eq!([after(0), after(240_000), after(269_999), after(270_000), after(i64::MAX / 2)], [30_000, 30_000, 30_000, 0, 0]);
    let (long, now) = counted(&[(1, 3_600_000)]);
    assert_eq!(long.recent(0, now), 4 * MINUTE, "an hour leaves the four minutes before this one, which has just begun");
}

#[test]
fn a_clock_that_goes_back_takes_nothing_away() {
    let (time, now) = counted(&[(1, 1_000)]);
    assert_eq!(time.recent(5, now.plus_millis(-500)), 1_000);
}

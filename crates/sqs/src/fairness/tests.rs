use super::{MINUTE, Work, wide};
use crate::state::Queue;
use cloudlet_aws::Timestamp;

impl Queue {
    /// What keeps the search for a quiet tenant short, and memory bounded.
    pub fn is_counted_well(&self, now: Timestamp) -> bool {
        let own = |group| self.groups.get(group).map_or(0, |lane| wide(lane.in_flight));
        let together: i64 = self.tenants.iter().map(|(group, tenant)| tenant.work.recent(own(group), now)).sum();
        let all = self.work.get(&()).map_or(0, |work| work.recent(self.in_flight.len(), now));
        together <= all && self.tenants.keys().all(|group| self.messages.values().any(|message| message.group.as_ref() == Some(group)))
    }
}

/// Work since an even minute, with so many in flight for so many milliseconds each.
fn work(spells: &[(usize, i64)]) -> (Work, Timestamp) {
    let mut now = Timestamp(MINUTE * 1_000);
    let mut work = Work { until: now, ..Work::default() };
    for (in_flight, millis) in spells {
        now = now.plus_millis(*millis);
        work.count(*in_flight, now);
    }
    (work, now)
}

#[test]
fn work_is_the_time_of_all_messages_together() {
    let (done, now) = work(&[(2, 10_000), (0, 30_000), (1, 500)]);
    assert_eq!(done.recent(0, now), 20_500);
    assert_eq!(done.recent(3, now.plus_millis(1_000)), 23_500, "what is in flight still counts as well");
}

#[test]
fn work_is_counted_alike_in_one_piece_and_in_many() {
    for length in [1, 999, 59_999, 60_000, 60_001, 299_999, 300_000, 1_000_000] {
        let (one, now) = work(&[(7, length)]);
        let mut pieces = vec![(7, 777); usize::try_from(length / 777).unwrap()];
        pieces.push((7, length % 777));
        assert_eq!(work(&pieces).0.recent(0, now), one.recent(0, now), "{length}");
    }
}

#[test]
fn work_is_forgotten_minute_by_minute() {
    let (done, now) = work(&[(1, 30_000)]);
    let after = |millis| done.recent(0, now.plus_millis(millis));
    assert_eq!([after(0), after(240_000), after(269_999), after(270_000), after(i64::MAX / 2)], [30_000, 30_000, 30_000, 0, 0]);
    let (long, now) = work(&[(1, 3_600_000)]);
    assert_eq!(long.recent(0, now), 4 * MINUTE, "an hour leaves the four minutes before this one, which has just begun");
}

#[test]
fn time_that_goes_back_takes_nothing_back() {
    let (done, now) = work(&[(1, 1_000)]);
    assert_eq!(done.recent(5, now.plus_millis(-500)), 1_000);
}

//! Schedule expressions and change calendars. The first byte selects one and, with the next three, the instant that is asked about. Any text is
//! accepted or refused, and of what is accepted, what comes next is later and ends.
#![no_main]

use cloudlet_aws::Timestamp;
use cloudlet_calendar::{Expression, Schedule, Zone, ical::Calendar};
use libfuzzer_sys::fuzz_target;

const HOUR: i64 = 3_600;

fuzz_target!(|data: &[u8]| {
    let [kind, a, b, c, rest @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    // Until about 3900.
    let now = Timestamp::from_secs(i64::from(u32::from_be_bytes([0, *a, *b, *c])) * HOUR);
    if kind % 2 == 0 {
        let (text, zone) = text.split_once('\0').unwrap_or((text, "America/New_York"));
        let Ok(expression) = Expression::parse(text) else { return };
        let zone = Zone::named(zone).unwrap_or_default();
        let schedule = Schedule { expression, zone, since: now, offset_days: kind >> 1 & 7 };
        let mut last = now;
        for _ in 0..3 {
            let Some(next) = schedule.after(last) else { return };
            assert!(next > last);
            assert!(!schedule.zone.text(next).is_empty());
            last = next;
        }
    } else if let Ok(calendar) = Calendar::parse(text) {
        let state = calendar.state(now);
        if let Some(next) = calendar.next_change(now) {
            assert!(next > now);
            assert_ne!(calendar.state(next), state);
            assert_eq!(calendar.state(Timestamp(next.0 - 1)), state);
        }
    }
});

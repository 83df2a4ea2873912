use crate::ical::{Calendar, State};
use cloudlet_aws::{Timestamp, TimestampFormat};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text, TimestampFormat::DateTime).unwrap()
}

fn calendar(kind: &str, inner: &str) -> Calendar {
    Calendar::parse(&format!(
        "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:{kind}\r\n{inner}\r\nEND:VCALENDAR\r\n"
    ))
    .unwrap()
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT")
}

fn states(calendar: &Calendar, times: &[(&str, &str, &str)]) {
    for (time, state, change) in times {
        assert_eq!(calendar.state(at(time)).as_str(), *state, "{time}");
        let next = calendar.next_change(at(time)).map(|at| at.text(TimestampFormat::DateTime)).unwrap_or_default();
        assert_eq!(next, *change, "after {time}");
    }
}

#[test]
fn an_event_closes_an_open_calendar() {
    let calendar = calendar("DEFAULT_OPEN", &event("DTSTART:20261201T080000Z\nDTEND:20261201T100000Z\nSUMMARY:Release"));
    states(
        &calendar,
        &[
            ("2026-11-29T11:00:00Z", "OPEN", "2026-12-01T08:00:00Z"),
            ("2026-12-01T08:00:00Z", "CLOSED", "2026-12-01T10:00:00Z"),
            ("2026-12-01T09:59:59Z", "CLOSED", "2026-12-01T10:00:00Z"),
            ("2026-12-01T10:00:00Z", "OPEN", ""),
        ],
    );
    assert_eq!(calendar.summaries().collect::<Vec<_>>(), ["Release"]);
}

#[test]
fn an_event_opens_a_closed_calendar() {
    let calendar =
        calendar("DEFAULT_CLOSED", &event("DTSTART;TZID=America/New_York:20261102T090000\nDURATION:PT8H\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"));
    states(
        &calendar,
        &[
            ("2026-11-29T11:00:00Z", "CLOSED", "2026-11-30T14:00:00Z"),
            ("2026-11-30T14:00:00Z", "OPEN", "2026-11-30T22:00:00Z"),
            ("2027-06-30T13:00:00Z", "OPEN", "2027-06-30T21:00:00Z"),
        ],
    );
}

#[test]
fn repetitions_can_be_left_out_moved_and_added() {
    let text = [
        event("DTSTART:20261201T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\nEXDATE:20261202T080000Z\nRDATE:20261224T080000Z"),
        event("DTSTART:20261203T120000Z\nDURATION:PT1H\nRECURRENCE-ID:20261203T080000Z"),
        event("DTSTART:20261204T080000Z\nDURATION:PT1H\nRECURRENCE-ID:20261204T080000Z\nSTATUS:CANCELLED"),
    ]
    .join("\n");
    let calendar = calendar("DEFAULT_OPEN", &text);
    let mut changes = vec![];
    let mut now = at("2026-11-29T00:00:00Z");
    while let Some(next) = calendar.next_change(now) {
        changes.push(next.text(TimestampFormat::DateTime).replace(":00:00Z", ""));
        now = next;
    }
    let expected = ["01T08", "01T09", "03T12", "03T13", "05T08", "05T09", "24T08", "24T09"];
    assert_eq!(changes, expected.map(|time| format!("2026-12-{time}")));
}

#[test]
fn whole_days_touching_events_and_zones_of_the_calendar() {
    let days = calendar(
        "DEFAULT_OPEN",
        &[
            "X-WR-TIMEZONE:Asia/Tokyo".to_owned(),
            event("DTSTART;VALUE=DATE:20270101\nDTEND;VALUE=DATE:20270104"),
            event("DTSTART;VALUE=DATE:20270104"),
        ]
        .join("\n"),
    );
    states(&days, &[("2026-12-31T14:59:59Z", "OPEN", "2026-12-31T15:00:00Z"), ("2027-01-01T00:00:00Z", "CLOSED", "2027-01-04T15:00:00Z")]);
    let zone = "BEGIN:VTIMEZONE\nTZID:Pacific Standard Time\nBEGIN:STANDARD\nDTSTART:16010101T020000\nTZOFFSETFROM:-0700\nTZOFFSETTO:-0800\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:-0800\nTZOFFSETTO:-0700\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE";
    let outlook = calendar(
        "DEFAULT_OPEN",
        &[
            zone.to_owned(),
            event("DTSTART;TZID=\"Pacific Standard Time\":20260701T090000\nDTEND;TZID=Pacific Standard Time:20260701T100000\nRRULE:FREQ=MONTHLY"),
        ]
        .join("\n"),
    );
    states(
        &outlook,
        &[
            ("2026-06-30T00:00:00Z", "OPEN", "2026-07-01T16:00:00Z"),
            ("2026-07-01T16:00:00Z", "CLOSED", "2026-07-01T17:00:00Z"),
            ("2026-11-30T00:00:00Z", "OPEN", "2026-12-01T17:00:00Z"),
        ],
    );
}

#[test]
fn several_calendars_are_open_together() {
    let closed_at_eight = calendar("DEFAULT_OPEN", &event("DTSTART:20261201T080000Z\nDURATION:PT2H"));
    let open_from_seven = calendar("DEFAULT_CLOSED", &event("DTSTART:20261201T070000Z\nDURATION:PT2H"));
    let both = [closed_at_eight, open_from_seven];
    for (time, state, change) in [
        ("2026-11-29T11:00:00Z", State::Closed, Some("2026-12-01T07:00:00Z")),
        ("2026-12-01T07:30:00Z", State::Open, Some("2026-12-01T08:00:00Z")),
        ("2026-12-01T08:00:00Z", State::Closed, None),
    ] {
        assert_eq!(Calendar::state_of(&both, at(time)), state);
        assert_eq!(Calendar::next_change_of(&both, at(time)), change.map(at));
    }
    assert_eq!(Calendar::state_of(&[], at("2026-12-01T08:00:00Z")), State::Open);
}

#[test]
fn what_aws_writes_and_what_people_write() {
    let empty = "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:DEFAULT_OPEN\r\nX-WR-CALDESC:test\r\nBEGIN:VTODO\r\nDTSTAMP:20200320T004207Z\r\nUID:3b5af39a\r\nSUMMARY:Add events to this calendar.\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";
    states(&Calendar::parse(empty).unwrap(), &[("2026-11-29T11:00:00Z", "OPEN", "")]);
    for text in ["", "\n", "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT\nEND:VEVENT", "VERSION:2.0", "no colon"] {
        assert!(Calendar::parse(text).is_err(), "{text}");
    }
    for inner in [
        "X-CALENDAR-TYPE:OTHER",
        "VERSION:2.0",
        "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nEND:VEVENT",
        "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nDTSTART:soon\nEND:VEVENT",
        "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nDTSTART:20261201T080000Z\nDTEND:20261201T070000Z\nEND:VEVENT",
        "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nDTSTART;TZID=Mars:20261201T080000\nEND:VEVENT",
        "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nDTSTART:20261201T080000Z\nDURATION:1H\nEND:VEVENT",
        "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nDTSTART:20261201T080000Z\nEND:VTODO",
    ] {
        assert!(Calendar::parse(&format!("BEGIN:VCALENDAR\n{inner}\nEND:VCALENDAR")).is_err(), "{inner}");
    }
    let folded = "BEGIN:VCALENDAR\nX-CALENDAR-TYPE:DEFAULT_\n OPEN\n\nEND:VCALENDAR\n";
    assert!(Calendar::parse(folded).is_ok());
}

use super::*;

/// A message in the records: sent and acknowledged at once.
fn sent(lane: Lane, body: &str, id: &str, sequence: u128) -> [Entry; 2] {
    let sending = Entry::Sending { lane, body: body.into(), group: "g".into() };
    [sending, Entry::Sent { lane, body: body.into(), id: id.into(), sequence }]
}

fn received(queue: &str, seconds: Instant, messages: &[(&str, &str, u128, u32)]) -> Entry {
    let seen = messages.iter().map(|(body, id, sequence, count)| Seen {
        body: (*body).into(),
        id: (*id).into(),
        group: "g".into(),
        sequence: *sequence,
        count: *count,
    });
    let at = seconds * SECOND;
    Entry::Received { queue: queue.into(), span: Span { from: at, to: at + 1_000 }, seen: seen.collect() }
}

fn deleted(queue: &str, seconds: Instant, id: &str) -> [Entry; 2] {
    let (queue, ids, at) = (queue.to_owned(), vec![id.to_owned()], seconds * SECOND);
    [Entry::Deleting { queue: queue.clone(), at, ids: ids.clone() }, Entry::Deleted { queue, at: at + 1_000, ids }]
}

fn hidden(queue: &str, seconds: Instant, id: &str, time: u64) -> [Entry; 2] {
    let (queue, id, at) = (queue.to_owned(), id.to_owned(), seconds * SECOND);
    let hiding = Entry::Hiding { queue: queue.clone(), at, id: id.clone(), seconds: time };
    [hiding, Entry::Hidden { queue, span: Span { from: at, to: at + 1_000 }, id, seconds: time }]
}

#[track_caller]
fn expect_violation(entries: impl IntoIterator<Item = Entry>, message: &str) {
    let report = judge(&Records(entries.into_iter().collect()));
    match message {
        "" => assert!(report.violations.is_empty(), "{report}"),
        message => assert!(report.violations.len() == 1 && report.violations[0].contains(message), "{report}"),
    }
}

#[test]
fn a_message_that_is_sent_received_and_deleted_violates_nothing() {
    let once = received("soak", 1, &[("b", "i", 0, 1)]);
    expect_violation(sent(Lane::Standard, "b", "i", 0).into_iter().chain([once]).chain(deleted("soak", 2, "i")), "");
}

#[test]
fn a_message_is_lost_invented_or_doubled() {
    expect_violation(sent(Lane::Standard, "b", "i", 0), "never came");
    let mut entries = sent(Lane::Standard, "b", "i", 0).to_vec();
    entries.push(received("soak", 1, &[("b", "i", 0, 1), ("c", "j", 0, 1)]));
    expect_violation(entries, "nobody sent j");
    let mut entries = sent(Lane::Fan, "b", "i", 0).to_vec();
    entries.push(received("soak-fan-a", 1, &[("b", "x", 0, 1)]));
    entries.push(received("soak-fan-b", 1, &[("b", "y", 0, 1), ("b", "z", 0, 1)]));
    expect_violation(entries, "is there twice");
}

#[test]
fn a_message_comes_again_by_its_time_only() {
    let twice = |second: Instant| [received("soak", 10, &[("b", "i", 0, 1)]), received("soak", second, &[("b", "i", 0, 2)])];
    let first = || sent(Lane::Standard, "b", "i", 0).into_iter();
    expect_violation(first().chain(twice(13)), "");
    expect_violation(first().chain(twice(12)), "before its time");
    expect_violation(first().chain(twice(12)).chain(hidden("soak", 11, "i", 0)), "");
    expect_violation(first().chain(twice(14)).chain(hidden("soak", 11, "i", 6)), "before its time");
    // Whether the message was hidden for longer nobody knows: its client was killed.
    let asked = hidden("soak", 11, "i", 6).into_iter().take(1);
    expect_violation(first().chain(twice(14)).chain(asked), "");
    // What the next one who held it did is no matter of the one before.
    expect_violation(first().chain(twice(13)).chain(hidden("soak", 14, "i", 6)), "");
    let same = [received("soak", 10, &[("b", "i", 0, 1)]), received("soak", 13, &[("b", "i", 0, 1)])];
    expect_violation(first().chain(same), "came twice as receive 1");
}

#[test]
fn a_deleted_message_does_not_come_back_but_a_dead_letter_was_not_deleted() {
    let first = || sent(Lane::Standard, "b", "i", 0).into_iter().chain([received("soak", 1, &[("b", "i", 0, 1)])]);
    expect_violation(first().chain(deleted("soak", 2, "i")).chain([received("soak", 5, &[("b", "i", 0, 2)])]), "after it was deleted");
    // Its handle is good for where it was, and it is there no more.
    expect_violation(first().chain(deleted("soak", 6, "i")).chain([received("soak-dead", 9, &[("b", "i", 0, 2)])]), "");
}

#[test]
fn a_group_comes_in_its_order() {
    let both = || sent(Lane::Fifo, "b", "i", 1).into_iter().chain(sent(Lane::Fifo, "c", "j", 2));
    let (one, two) = (("b", "i", 1, 1), ("c", "j", 2, 1));
    expect_violation(both().chain([received("soak.fifo", 1, &[one, two])]), "");
    let turned = judge(&Records(both().chain([received("soak.fifo", 1, &[two, one])]).collect()));
    assert!(turned.violations.iter().any(|violation| violation.contains("came before one that was sent earlier")), "{turned}");
    let apart = || [received("soak.fifo", 1, &[one]), received("soak.fifo", 5, &[two])];
    expect_violation(both().chain(apart()), "came while one before it was not deleted");
    expect_violation(both().chain(apart()).chain(deleted("soak.fifo", 2, "i")), "");
}

#[test]
fn what_is_sent_again_is_one_message() {
    let once = received("soak.fifo", 1, &[("b", "i", 1, 1)]);
    expect_violation(sent(Lane::Fifo, "b", "i", 1).into_iter().chain(sent(Lane::Fifo, "b", "i", 1)).chain([once.clone()]), "");
    let other = judge(&Records(sent(Lane::Fifo, "b", "i", 1).into_iter().chain(sent(Lane::Fifo, "b", "j", 2)).chain([once]).collect()));
    assert!(other.violations.iter().any(|violation| violation.contains("sent again and acknowledged as another")), "{other}");
}

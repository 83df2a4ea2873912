//! The rules, held against the records.

use super::{
    plan::{Lane, VISIBILITY, home},
    records::{Entry, Instant, Records, Seen, Span},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

/// The server's clock counts milliseconds, and so may let a message go that much earlier.
const SLACK: Instant = 2_000;
const SECOND: Instant = 1_000_000;

#[derive(Debug, Default)]
pub struct Report {
    pub sent: usize,
    pub receives: usize,
    /// Messages that were received more than once, by the rules.
    pub again: usize,
    pub violations: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "messages acknowledged      {:>9}", self.sent)?;
        writeln!(f, "messages received          {:>9}", self.receives)?;
        write!(f, "received again, by rule    {:>9}", self.again)?;
        for violation in self.violations.iter().take(20) {
            write!(f, "\n  {violation}")?;
        }
        if !self.violations.is_empty() {
            write!(f, "\nviolations                   {:>9}", self.violations.len())?;
        }
        Ok(())
    }
}

/// A change of a message's visibility: asked for, and perhaps known to have been made.
#[derive(Clone, Copy)]
struct Change {
    span: Span,
    seconds: u64,
    known: bool,
}

/// All that is known of one message in one queue.
#[derive(Default)]
struct MessageHistory<'a> {
    body: String,
    group: String,
    sequence: u128,
    receives: Vec<Receive<'a>>,
    changes: Vec<Change>,
    /// The first time somebody meant to delete it, and the first time somebody knew that it is in this queue no more: a dead
    /// letter may have left it for another before.
    deleting: Option<Instant>,
    deleted: HashMap<&'a str, Instant>,
}

#[derive(Clone, Copy)]
struct Receive<'a> {
    queue: &'a str,
    span: Span,
    count: u32,
}

#[derive(Default)]
struct History<'a> {
    messages_seen: HashMap<&'a str, MessageHistory<'a>>,
    answers: Vec<(Span, &'a [Seen])>,
}

struct Sent<'a> {
    group: &'a str,
    known: Vec<(&'a str, u128)>,
}

/// Holds all rules against all that was written.
pub fn judge(records: &Records) -> Report {
    let mut report = Report::default();
    let (sent, histories) = sort(records);
    let mut violation = |violation: String| report.violations.push(violation);
    for (lane, messages) in &sent {
        for queue in lane.queues() {
            let empty = History::default();
            let history = histories.get(queue).unwrap_or(&empty);
            completeness(*lane, queue, messages, history, &mut violation);
            for (id, message_seen) in &history.messages_seen {
                repetition(queue, id, message_seen, &mut violation);
            }
            if lane.is_fifo() {
                order(queue, messages, history, &mut violation);
            }
        }
    }
    report.sent = sent.values().flat_map(HashMap::values).filter(|message| !message.known.is_empty()).count();
    let messages_seen = histories.values().flat_map(|history| history.messages_seen.values());
    report.receives = messages_seen.clone().filter(|message_seen| !message_seen.receives.is_empty()).count();
    report.again = messages_seen.filter(|message_seen| message_seen.receives.len() > 1).count();
    report
}

type Lanes<'a> = BTreeMap<Lane, HashMap<&'a str, Sent<'a>>>;

/// Sorts what was written by message.
fn sort(records: &Records) -> (Lanes<'_>, BTreeMap<&str, History<'_>>) {
    let mut lanes: Lanes<'_> = BTreeMap::new();
    let mut histories: BTreeMap<&str, History<'_>> = BTreeMap::new();
    for entry in &records.0 {
        match entry {
            Entry::Sending { lane, body, group } => {
                lanes.entry(*lane).or_default().entry(body).or_insert_with(|| Sent { group, known: vec![] });
            }
            // Written before what it answers is read, where a log comes first.
            Entry::Sent { lane, body, id, sequence } => {
                if let Some(message) = lanes.entry(*lane).or_default().get_mut(body.as_str()) {
                    message.known.push((id, *sequence));
                }
            }
            Entry::Received { queue, span, seen } => {
                let history = histories.entry(home(queue)).or_default();
                for one in seen {
                    let message_seen = history.messages_seen.entry(&one.id).or_default();
                    (message_seen.body, message_seen.group, message_seen.sequence) = (one.body.clone(), one.group.clone(), one.sequence);
                    message_seen.receives.push(Receive { queue, span: *span, count: one.count });
                }
                history.answers.push((*span, seen));
            }
            Entry::Deleting { queue, at, ids } => {
                for id in ids {
                    let message_seen = histories.entry(home(queue)).or_default().messages_seen.entry(id).or_default();
                    message_seen.deleting = Some(message_seen.deleting.map_or(*at, |before| before.min(*at)));
                }
            }
            Entry::Deleted { queue, at, ids } => {
                for id in ids {
                    let message_seen = histories.entry(home(queue)).or_default().messages_seen.entry(id).or_default();
                    let deleted = message_seen.deleted.entry(queue).or_insert(*at);
                    *deleted = (*deleted).min(*at);
                }
            }
            Entry::Hiding { queue, at, id, seconds } => {
                let change = Change { span: Span { from: *at, to: Instant::MAX }, seconds: *seconds, known: false };
                histories.entry(home(queue)).or_default().messages_seen.entry(id).or_default().changes.push(change);
            }
            Entry::Hidden { queue, span, id, seconds } => {
                let changes = &mut histories.entry(home(queue)).or_default().messages_seen.entry(id).or_default().changes;
                changes.retain(|change| change.known || change.span.from != span.from);
                changes.push(Change { span: *span, seconds: *seconds, known: true });
            }
        }
    }
    (lanes, histories)
}

/// What was acknowledged was received; what was received was sent, once, as it was sent.
fn completeness(lane: Lane, queue: &str, sent: &HashMap<&str, Sent<'_>>, history: &History<'_>, violation: &mut impl FnMut(String)) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for (id, message_seen) in &history.messages_seen {
        if message_seen.receives.is_empty() {
            violation(format!("{queue}: {id} was deleted before it was received"));
            continue;
        }
        match sent.get(message_seen.body.as_str()) {
            None => violation(format!("{queue}: nobody sent {id} ({})", message_seen.body)),
            Some(message) => {
                if lane.is_fifo() && message.group != message_seen.group {
                    violation(format!("{queue}: {id} was sent to group {} and came in {}", message.group, message_seen.group));
                }
                let own = lane.queues() == [queue] && matches!(lane, Lane::Standard | Lane::Fifo);
                if own && message.known.iter().any(|(known, _)| known != id) {
                    violation(format!("{queue}: {} was acknowledged as {:?} and came as {id}", message_seen.body, message.known));
                }
            }
        }
        if let Some(other) = seen.insert(&message_seen.body, id) {
            violation(format!("{queue}: {} is there twice, as {id} and {other}", message_seen.body));
        }
    }
    for (body, message) in sent {
        if !message.known.is_empty() && !seen.contains_key(body) {
            violation(format!("{queue}: {body} was acknowledged and never came"));
        }
        if message.known.iter().any(|known| *known != message.known[0]) {
            violation(format!("{queue}: {body} was sent again and acknowledged as another: {:?}", message.known));
        }
    }
}

/// A message comes again only when its time is over, never under the same count, and never once it is known to be deleted.
fn repetition(queue: &str, id: &str, message_seen: &MessageHistory<'_>, violation: &mut impl FnMut(String)) {
    let mut receives = message_seen.receives.clone();
    receives.sort_by_key(|receive| receive.count);
    for Receive { queue, span, count } in &receives {
        if message_seen.deleted.get(queue).is_some_and(|deleted| span.from > *deleted) {
            violation(format!("{queue}: {id} came after it was deleted (receive {count})"));
        }
    }
    for pair in receives.windows(2) {
        let [before, after] = pair else { continue };
        if before.count == after.count {
            violation(format!("{queue}: {id} came twice as receive {}", before.count));
        }
        let earliest = hidden_until(&before.span, &after.span, &message_seen.changes);
        if after.span.to + SLACK < earliest {
            let early = earliest - after.span.to;
            violation(format!("{queue}: {id} came again {early} µs before its time (receives {} and {})", before.count, after.count));
        }
    }
}

/// Until when a message received then was hidden at least, as far as it goes until it is received again.
fn hidden_until(received: &Span, again: &Span, changes: &[Change]) -> Instant {
    let mut until = received.from + SECOND * VISIBILITY as Instant;
    let between = |change: &&Change| change.span.to >= received.from && change.span.from <= again.to;
    let mut changes: Vec<&Change> = changes.iter().filter(between).collect();
    changes.sort_by_key(|change| change.span.from);
    for change in changes {
        let then = change.span.from + SECOND * change.seconds as Instant;
        // One that may not have been made, or not in between, can only shorten what is certain.
        let certain = change.known && change.span.from >= received.to && change.span.to <= again.from;
        until = if certain { then } else { until.min(then) };
    }
    until
}

/// A message in its group: its sequence number, its id, and when somebody first meant to delete it.
type GroupMember<'a> = (u128, &'a str, Option<Instant>);

/// A message of a group comes only with those before it, or after they are deleted; and an answer is in order.
fn order(queue: &str, sent: &HashMap<&str, Sent<'_>>, history: &History<'_>, violation: &mut impl FnMut(String)) {
    let mut groups: HashMap<&str, Vec<GroupMember<'_>>> = HashMap::new();
    for (id, message_seen) in history.messages_seen.iter().filter(|(_, message_seen)| !message_seen.receives.is_empty()) {
        groups.entry(&message_seen.group).or_default().push((message_seen.sequence, id, message_seen.deleting));
        let known = sent.get(message_seen.body.as_str()).and_then(|message| message.known.first());
        if queue == "soak.fifo" && known.is_some_and(|(_, sequence)| *sequence != message_seen.sequence) {
            violation(format!("{queue}: {id} has another sequence number than its sender was told"));
        }
    }
    // For each place in a group, when the last of all before it was being deleted at the earliest.
    let mut places: HashMap<&str, (usize, Instant)> = HashMap::new();
    for group in groups.values_mut() {
        group.sort_unstable();
        let mut latest = Instant::MIN;
        for (place, (_, id, deleting)) in group.iter().enumerate() {
            places.insert(id, (place, latest));
            latest = latest.max(deleting.unwrap_or(Instant::MAX));
        }
    }
    for (span, seen) in &history.answers {
        let mut last: HashMap<&str, usize> = HashMap::new();
        let within: HashSet<&str> = seen.iter().map(|one| one.id.as_str()).collect();
        for one in *seen {
            let Some((place, before)) = places.get(one.id.as_str()) else { continue };
            let group = &groups[one.group.as_str()];
            match last.insert(&one.group, *place) {
                Some(previous) if previous >= *place => violation(format!("{queue}: {} came before one that was sent earlier", one.id)),
                // Those in between were deleted, or are in the answer.
                Some(previous) => {
                    for (_, id, deleting) in &group[previous + 1..*place] {
                        if !within.contains(id) && deleting.is_none_or(|deleting| deleting > span.to) {
                            violation(format!("{queue}: {} came while {id} stood before it", one.id));
                        }
                    }
                }
                None if *before > span.to => violation(format!("{queue}: {} came while one before it was not deleted", one.id)),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;

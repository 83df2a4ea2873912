//! Runs a query: events are taken one by one, the newest first, as far as the first command that needs them all; the rest works on what is left.

use super::{
    aggregates::Groups,
    commands::{Command, Query},
    expressions::Expression,
    record::Record,
    values::Value,
};
use std::{
    cmp::{Ordering, Reverse},
    collections::HashSet,
    sync::Arc,
};

/// So many records are kept for sorts and the like.
const MOST_RECORDS: usize = 500_000;
/// So many bytes of their messages, and of the rows that are answered.
const MOST_BYTES: usize = 256 << 20;
const MOST_RESULT_BYTES: usize = 16 << 20;

/// A query over events, under way.
pub struct Run<'q> {
    /// Commands that look at one record.
    each: &'q [Command],
    rest: &'q [Command],
    groups: Option<Groups<'q>>,
    records: Vec<Record>,
    /// Of their messages.
    bytes: usize,
    limit: usize,
    /// Whether events come the newest first.
    is_ordered: bool,
    pub matched: u64,
}

/// Whether a command looks at one record at a time.
fn is_of_one(command: &Command) -> bool {
    matches!(command, Command::Fields(_) | Command::Display(_) | Command::Filter(_) | Command::Parse { .. })
}

/// What a command makes of a record. False: nothing.
fn apply(command: &Command, record: &mut Record) -> bool {
    match command {
        Command::Fields(fields) => {
            for (expression, name) in fields {
                if !matches!(expression, Expression::Field(field) if field == name) {
                    let value = expression.value(record);
                    record.set(name, value);
                }
            }
            true
        }
        Command::Filter(condition) => condition.value(record).truth(),
        Command::Parse { of, regex, names } => {
            let value = of.value(record);
            let text = value.text();
            let found: Vec<Value> = match regex.captures(&text) {
                Some(captures) => {
                    captures.iter().skip(1).map(|group| group.map_or(Value::Missing, |group| Value::Text(group.as_str().into()))).collect()
                }
                None => vec![],
            };
            for (name, value) in names.iter().zip(found.into_iter().chain(std::iter::repeat(Value::Missing))) {
                if !name.is_empty() {
                    record.set(name, value);
                }
            }
            true
        }
        _ => true,
    }
}

impl<'q> Run<'q> {
    /// `limit`: of the request.
    pub fn new(query: &'q Query, limit: usize) -> Run<'q> {
        let first = query.commands.iter().position(|command| !is_of_one(command)).unwrap_or(query.commands.len());
        let (each, rest) = query.commands.split_at(first);
        let groups = match rest.first() {
            Some(Command::Stats { aggregates, by }) => Some(Groups::new(aggregates, by)),
            _ => None,
        };
        let rest = if groups.is_some() { rest.get(1..).unwrap_or_default() } else { rest };
        Run { each, rest, groups, records: Vec::new(), bytes: 0, limit, is_ordered: true, matched: 0 }
    }

    /// The same for events that come in any order: those of several groups.
    pub fn unordered(query: &'q Query, limit: usize) -> Run<'q> {
        Run { is_ordered: false, ..Run::new(query, limit) }
    }

    /// How many of the newest records are wanted, where the query does not say otherwise. `None`: all.
    fn newest(&self) -> Option<usize> {
        match self.rest {
            [] => Some(self.limit),
            [Command::Limit(limit), ..] => Some((*limit).min(self.limit)),
            _ => None,
        }
    }

    /// Whether more events change nothing.
    pub fn has_enough(&self) -> bool {
        self.is_ordered && self.groups.is_none() && self.newest().is_some_and(|wanted| self.records.len() >= wanted)
    }

    pub fn take(&mut self, mut record: Record) {
        if !self.each.iter().all(|command| apply(command, &mut record)) {
            return;
        }
        self.matched += 1;
        if let Some(groups) = &mut self.groups {
            groups.take(&record);
        } else if !self.has_enough() && self.bytes + record.message.len() <= MOST_BYTES {
            self.bytes += record.message.len();
            self.records.push(record);
            self.prune();
        }
    }

    /// What a sort will not show need not be kept.
    fn prune(&mut self) {
        let wanted = match self.rest {
            [Command::Sort(keys), Command::Limit(limit)] => Some((keys, (*limit).min(self.limit))),
            [Command::Sort(keys)] => Some((keys, self.limit)),
            _ => None,
        };
        match wanted {
            Some((keys, wanted)) if self.records.len() >= wanted.saturating_mul(2).max(1_000) => {
                sort(&mut self.records, keys);
                self.keep(wanted);
            }
            None if self.newest().is_some_and(|wanted| !self.is_ordered && self.records.len() >= wanted.saturating_mul(2).max(1_000)) => {
                self.records.sort_by_key(|record| Reverse(record.timestamp));
                self.keep(self.newest().unwrap_or(usize::MAX));
            }
            None if self.records.len() > MOST_RECORDS => drop(self.records.pop()),
            _ => {}
        }
    }

    fn keep(&mut self, wanted: usize) {
        self.records.truncate(wanted);
        self.bytes = self.records.iter().map(|record| record.message.len()).sum();
    }

    /// The rows of the results: names and values.
    pub fn results(self) -> Vec<Vec<(Arc<str>, String)>> {
        let is_grouped = self.groups.is_some() || self.rest.iter().any(|command| matches!(command, Command::Stats { .. }));
        let mut records = match self.groups {
            Some(groups) => groups.rows(),
            None => self.records,
        };
        if !self.is_ordered && !is_grouped {
            records.sort_by_key(|record| Reverse(record.timestamp));
        }
        for command in self.rest {
            match command {
                Command::Stats { aggregates, by } => {
                    let mut groups = Groups::new(aggregates, by);
                    records.iter().for_each(|record| groups.take(record));
                    records = groups.rows();
                }
                Command::Sort(keys) => sort(&mut records, keys),
                Command::Limit(limit) => records.truncate(*limit),
                Command::Dedup(fields) => {
                    let mut seen = HashSet::new();
                    records.retain(|record| {
                        let values: Vec<Value> = fields.iter().map(|field| field.value(record)).collect();
                        // AWS: records without a value stay.
                        values.iter().any(Value::is_missing) || seen.insert(values.iter().map(|value| value.text().into_owned()).collect::<Vec<_>>())
                    });
                }
                one => records.retain_mut(|record| apply(one, record)),
            }
        }
        records.truncate(self.limit);
        let columns = columns(self.each.iter().chain(self.rest), is_grouped);
        let mut left = MOST_RESULT_BYTES;
        let rows = records.iter().map(|record| row(record, columns.as_deref())).take_while(|row| {
            let bytes = row.iter().map(|(name, value)| name.len() + value.len()).sum();
            left.checked_sub(bytes).map(|less| left = less).is_some()
        });
        rows.collect()
    }
}

fn sort(records: &mut [Record], keys: &[(Expression, bool)]) {
    records.sort_by_cached_key(|record| Ranked {
        values: keys.iter().map(|(expression, descending)| (expression.value(record), *descending)).collect(),
    });
}

struct Ranked {
    values: Vec<(Value, bool)>,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        let pairs = self.values.iter().zip(&other.values);
        let mut orders = pairs.map(|((one, descending), (other, _))| if *descending { other.order(one) } else { one.order(other) });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// Which columns results have. `None`: all of a group.
fn columns<'q>(commands: impl Iterator<Item = &'q Command>, is_grouped: bool) -> Option<Vec<Arc<str>>> {
    let mut columns: Vec<Arc<str>> = Vec::new();
    let mut displayed = None;
    let mut is_chosen = false;
    for command in commands {
        let names: Vec<Arc<str>> = match command {
            Command::Fields(fields) => {
                is_chosen = true;
                fields.iter().map(|(_, name)| name.clone()).collect()
            }
            Command::Parse { names, .. } => names.iter().filter(|name| !name.is_empty()).cloned().collect(),
            Command::Display(names) => {
                displayed = Some(names.clone());
                vec![]
            }
            _ => vec![],
        };
        for name in names {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
    }
    let mut columns = match displayed {
        Some(displayed) => displayed,
        None if is_grouped => return None,
        None if is_chosen => columns,
        None => ["@timestamp".into(), "@message".into()].into_iter().chain(columns).collect(),
    };
    if !is_grouped && !columns.iter().any(|name| **name == *"@ptr") {
        columns.push("@ptr".into());
    }
    Some(columns)
}

fn row(record: &Record, columns: Option<&[Arc<str>]>) -> Vec<(Arc<str>, String)> {
    let shown = |name: &Arc<str>, value: &Value| (!value.is_missing()).then(|| (name.clone(), value.text().into_owned()));
    match columns {
        Some(columns) => columns.iter().filter_map(|name| shown(name, &record.get(name))).collect(),
        None => record.made.iter().filter_map(|(name, value)| shown(name, value)).collect(),
    }
}

//! What `stats` computes of the records of a group.

use super::{expressions::Expression, record::Record, values::Value};
use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// So many values of a percentile or a count of different ones are kept.
const SAMPLES: usize = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Count,
    CountDistinct,
    Sum,
    Average,
    Minimum,
    Maximum,
    Percentile(f64),
    Deviation,
    Earliest,
    Latest,
    SortsFirst,
    SortsLast,
}

impl Kind {
    pub fn named(name: &str) -> Option<Kind> {
        Some(match name.to_ascii_lowercase().as_str() {
            "count" => Kind::Count,
            "count_distinct" => Kind::CountDistinct,
            "sum" => Kind::Sum,
            "avg" => Kind::Average,
            "min" => Kind::Minimum,
            "max" => Kind::Maximum,
            "pct" | "percentile" => Kind::Percentile(0.0),
            "stddev" => Kind::Deviation,
            "earliest" => Kind::Earliest,
            "latest" => Kind::Latest,
            "sortsfirst" => Kind::SortsFirst,
            "sortslast" => Kind::SortsLast,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug)]
pub struct Aggregate {
    pub kind: Kind,
    /// `None`: `count(*)`.
    pub of: Option<Expression>,
    pub name: Arc<str>,
}

#[derive(Default)]
struct State {
    count: f64,
    sum: f64,
    squares: f64,
    best: Option<(Value, i64)>,
    different: HashSet<u64>,
    samples: Vec<f64>,
}

impl State {
    fn take(&mut self, aggregate: &Aggregate, record: &Record) {
        let Some(of) = &aggregate.of else {
            self.count += 1.0;
            return;
        };
        let value = of.value(record);
        if value.is_missing() {
            return;
        }
        let replaces = |best: &Option<(Value, i64)>, wins: &dyn Fn(&Value, i64) -> bool| best.as_ref().is_none_or(|(best, at)| wins(best, *at));
        let at = record.timestamp;
        let best = match aggregate.kind {
            Kind::Count => {
                self.count += 1.0;
                false
            }
            Kind::CountDistinct => {
                let mut hasher = DefaultHasher::new();
                value.text().hash(&mut hasher);
                if self.different.len() < SAMPLES {
                    self.different.insert(hasher.finish());
                }
                false
            }
            Kind::Sum | Kind::Average | Kind::Deviation => {
                if let Some(number) = value.number() {
                    self.count += 1.0;
                    self.sum += number;
                    self.squares += number * number;
                }
                false
            }
            Kind::Percentile(_) => {
                if self.samples.len() < SAMPLES {
                    self.samples.extend(value.number());
                }
                false
            }
            Kind::Minimum => value.number().is_some() && replaces(&self.best, &|best, _| value.order(best).is_lt()),
            Kind::Maximum => value.number().is_some() && replaces(&self.best, &|best, _| value.order(best).is_gt()),
            Kind::SortsFirst => replaces(&self.best, &|best, _| value.order(best).is_lt()),
            Kind::SortsLast => replaces(&self.best, &|best, _| value.order(best).is_gt()),
            Kind::Earliest => replaces(&self.best, &|_, of| at < of),
            Kind::Latest => replaces(&self.best, &|_, of| at > of),
        };
        if best {
            self.best = Some((value, at));
        }
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts and indexes")]
    fn result(&mut self, kind: Kind) -> Value {
        match kind {
            Kind::Count => Value::Number(self.count),
            Kind::CountDistinct => Value::Number(self.different.len() as f64),
            Kind::Sum => Value::Number(self.sum),
            Kind::Average if self.count > 0.0 => Value::Number(self.sum / self.count),
            Kind::Deviation if self.count > 0.0 => {
                let mean = self.sum / self.count;
                Value::Number((self.squares / self.count - mean * mean).max(0.0).sqrt())
            }
            Kind::Percentile(percent) => {
                self.samples.sort_unstable_by(f64::total_cmp);
                let rank = (percent / 100.0 * self.samples.len() as f64).ceil().max(1.0) as usize - 1;
                self.samples.get(rank).map_or(Value::Missing, |value| Value::Number(*value))
            }
            _ => self.best.take().map_or(Value::Missing, |(value, _)| value),
        }
    }
}

/// Groups of records by the values of expressions.
pub struct Groups<'q> {
    aggregates: &'q [Aggregate],
    by: &'q [(Expression, Arc<str>)],
    groups: BTreeMap<Vec<String>, (Vec<Value>, Vec<State>)>,
}

/// So many groups are made; records of others are not counted.
const MOST_GROUPS: usize = 100_000;

impl<'q> Groups<'q> {
    pub fn new(aggregates: &'q [Aggregate], by: &'q [(Expression, Arc<str>)]) -> Groups<'q> {
        Groups { aggregates, by, groups: BTreeMap::new() }
    }

    pub fn take(&mut self, record: &Record) {
        let values: Vec<Value> = self.by.iter().map(|(expression, _)| expression.value(record)).collect();
        let key: Vec<String> = values.iter().map(|value| value.text().into_owned()).collect();
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&key) {
            return;
        }
        let states = || self.aggregates.iter().map(|_| State::default()).collect();
        let (_, states) = self.groups.entry(key).or_insert_with(|| (values, states()));
        for (state, aggregate) in states.iter_mut().zip(self.aggregates) {
            state.take(aggregate, record);
        }
    }

    /// A row for each group: its values, then the aggregates.
    pub fn rows(self) -> Vec<Record> {
        let (aggregates, by) = (self.aggregates, self.by);
        let rows = self.groups.into_values().map(|(values, mut states)| {
            let mut made: Vec<(Arc<str>, Value)> = by.iter().map(|(_, name)| name.clone()).zip(values).collect();
            made.extend(aggregates.iter().zip(&mut states).map(|(aggregate, state)| (aggregate.name.clone(), state.result(aggregate.kind))));
            Record::row(made)
        });
        rows.collect()
    }
}

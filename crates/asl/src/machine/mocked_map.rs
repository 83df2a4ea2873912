//! A Map whose children a test stands in for: its items are shown as far as they come, and the mock is its result.

use super::{problem::Problem, run::Run, run::Work, state::Failure, state::TestMock};
use crate::{
    definition::{Language, MapFields, State},
    items::{Batcher, Item, Items, ReadError, format_of},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// So many items are shown.
const SHOWN: usize = 1000;

/// What a Map's numbers come to.
#[derive(Default)]
pub(super) struct MapLimits {
    pub max_concurrency: i64,
    pub tolerated_count: Option<i64>,
    pub tolerated_percentage: Option<f64>,
    pub batch_input: Option<Value>,
    pub batch_items: Option<i64>,
    pub batch_bytes: Option<i64>,
}

impl MapLimits {
    /// AWS: without a tolerance no number of failures is too much (recorded).
    fn exceeded(&self, failures: i64, total: usize) -> bool {
        let by_count = self.tolerated_count.is_some_and(|most| failures > most);
        by_count || self.tolerated_percentage.is_some_and(|most| failures as f64 * 100.0 > most * total as f64)
    }
}

impl Run<'_> {
    /// `None`: there is no mock.
    pub(super) fn mocked_map(
        &mut self,
        thread: u64,
        state: &State,
        map: &MapFields,
        items: Option<&Value>,
        limits: &MapLimits,
    ) -> Option<Result<Work, Problem>> {
        let mock = self.mock()?;
        self.note_details("maxConcurrency", limits.max_concurrency.into());
        if let Some(count) = limits.tolerated_count {
            self.note_details("toleratedFailureCount", count.into());
        }
        if let Some(percentage) = limits.tolerated_percentage {
            self.note_details("toleratedFailurePercentage", percentage.into());
        }
        Some(self.show_items(thread, state, map, items, limits).and_then(|()| match mock {
            TestMock::Failure(failure) => Err(Problem::Fails(failure)),
            TestMock::Result(result) => {
                let total = result.as_array().map_or(0, Vec::len);
                let failures = self.machine.test.as_deref().and_then(|test| test.failures).unwrap_or(0);
                if limits.exceeded(failures, total) {
                    let cause = "The specified tolerated failure threshold was exceeded";
                    return Err(Problem::Fails(Failure::new("States.ExceedToleratedFailureThreshold", cause)));
                }
                Ok(Work::Done(Arc::new(result)))
            }
        }))
    }

    fn show_items(&mut self, thread: u64, state: &State, map: &MapFields, items: Option<&Value>, limits: &MapLimits) -> Result<(), Problem> {
        let data = self.machine.test.as_deref().and_then(|test| test.reader_data.clone());
        let items = match (items, &map.reader, data) {
            (Some(items), ..) => {
                if state.language == Language::JsonPath {
                    self.note("afterItemsPath", items);
                }
                of_value(items)
            }
            (None, Some(reader), Some(data)) => {
                let items = read(&reader.config, &reader.resource, &data)
                    .map_err(|ReadError(cause)| Problem::Fails(Failure::new("States.ItemReaderFailed", cause)))?;
                if reader.config.get("ItemsPointer").is_some() {
                    self.note("afterItemsPointer", &Value::Array(items.iter().map(|item| item.value.clone()).collect()));
                }
                items
            }
            _ => return Ok(()),
        };
        let mut selected = Vec::new();
        for (index, item) in items.into_iter().enumerate().take(SHOWN) {
            let mut context = Map::new();
            context.insert("Index".to_owned(), index.into());
            context.extend(item.key.map(|key| ("Key".to_owned(), Value::String(key))));
            context.insert("Value".to_owned(), item.value.clone());
            context.insert("Source".to_owned(), "STATE_DATA".into());
            selected.push(self.selected(thread, state, map, &json!(context))?.unwrap_or(item.value));
        }
        if map.selector.is_some() {
            self.note("afterItemSelector", &Value::Array(selected.clone()));
        }
        if map.batcher.is_some() {
            let mut batcher = Batcher::new(limits.batch_items, limits.batch_bytes, limits.batch_input.clone());
            let mut batches = Vec::new();
            let taken = selected.into_iter().try_for_each(|item| batcher.push(item, &mut batches));
            taken.map_err(|ReadError(cause)| Problem::Fails(Failure::new("States.ItemReaderFailed", cause)))?;
            batcher.finish(&mut batches);
            self.note("afterItemBatcher", &Value::Array(batches.into_iter().map(|batch| batch.input).collect()));
        }
        Ok(())
    }
}

fn of_value(items: &Value) -> Vec<Item> {
    match items {
        Value::Array(items) => items.iter().map(|value| Item { key: None, value: value.clone() }).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| Item { key: Some(key.clone()), value: value.clone() }).collect(),
        _ => Vec::new(),
    }
}

/// The items of what a reader would read; lists of objects are JSON.
fn read(config: &Value, resource: &str, data: &str) -> Result<Vec<Item>, ReadError> {
    let listed = resource.ends_with(":listObjectsV2") || config.get("InputType").is_none();
    let format = if listed { format_of(&json!({"InputType": "JSON"}))? } else { format_of(config)? };
    let mut items = Vec::new();
    let mut reader = Items::new(format);
    reader.push(data.as_bytes(), &mut items)?;
    reader.finish(&mut items)?;
    Ok(items)
}

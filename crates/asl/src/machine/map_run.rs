//! Distributed Map: whoever runs the machine reads the items, starts the children and writes the results.

use super::{
    events::{Effect, MapRunRequest, ReaderRequest, WriterRequest},
    mocked_map::MapLimits,
    payload::failure_details,
    problem::Problem,
    run::{LARGEST, Run, Work},
    state::{Doing, Failure, Machine},
};
use crate::{
    definition::{Amount, Definition, Detail, MapFields, State, WorkflowType},
    template::Template,
    text::{java_text, size},
};
use serde_json::{Map, Value};
use std::sync::Arc;

impl Machine {
    /// What a child gets for one item: the item itself, or what ItemSelector makes of it. `item` is `Map.Item` of the context object.
    pub fn select_item(&mut self, definition: &Definition, run: u64, item: &Value, now: i64) -> Result<Value, Failure> {
        let found = self.threads.iter().find(|(_, thread)| matches!(thread.doing, Doing::MapRun { run: own } if own == run));
        let Some(thread) = found.map(|(number, _)| *number) else { return Err(Failure::new("States.Runtime", "The Map Run is over")) };
        let mut step = Run::new(self, definition, now);
        let Some(state) = step.state(thread) else { return Err(Failure::new("States.Runtime", "The state does not exist")) };
        let Detail::Map(map) = &state.detail else { return Err(Failure::new("States.Runtime", "The state is not a Map")) };
        match step.selected(thread, state, map, item) {
            Ok(selected) => Ok(selected.unwrap_or_else(|| item.get("Value").cloned().unwrap_or_default())),
            Err(Problem::Fails(failure)) => Err(failure),
            Err(Problem::Named { error, detail }) => Err(Failure::new(error, detail)),
            Err(Problem::Query { detail, .. } | Problem::Items { detail, .. }) => Err(Failure::new("States.QueryEvaluationError", detail)),
            Err(Problem::Runtime(detail)) => Err(Failure::new("States.Runtime", detail)),
        }
    }
}

impl Run<'_> {
    pub(super) fn start_map_run(&mut self, thread: u64, state: &State, map: &MapFields) -> Result<Work, Problem> {
        let reader = match &map.reader {
            None => None,
            Some(reader) => {
                let arguments = match &reader.arguments {
                    None => Value::Object(Map::new()),
                    Some(template) => self.template(thread, state, template, "ItemReader")?,
                };
                let max_items = self.whole(thread, state, &reader.max_items, "MaxItems")?;
                // AWS: 0 is no limit (recorded).
                let max_items = max_items.filter(|most| *most != 0);
                Some(ReaderRequest { resource: reader.resource.clone(), arguments, config: reader.config.clone(), max_items })
            }
        };
        let items = if reader.is_some() { None } else { Some(Arc::unwrap_or_clone(self.items(thread, state, map)?)) };
        let max_concurrency = self.whole(thread, state, &map.max_concurrency, "MaxConcurrency")?.unwrap_or(0);
        let mut details = Map::new();
        // AWS: 0 with an ItemReader.
        let length = items.as_ref().map_or(0, |items| items.as_array().map_or_else(|| items.as_object().map_or(0, Map::len), Vec::len));
        details.insert("length".to_owned(), length.into());
        self.record_on(thread, "MapStateStarted", Some(("mapStateStartedEventDetails", details)));
        let tolerated_count = self.whole(thread, state, &map.tolerated_count, "ToleratedFailureCount")?;
        let tolerated_percentage = self.percentage(thread, state, &map.tolerated_percentage)?;
        let (mut batch_input, mut batch_items, mut batch_bytes) = (None, None, None);
        if let Some(batcher) = &map.batcher {
            batch_items = self.whole(thread, state, &batcher.max_items, "MaxItemsPerBatch")?;
            batch_bytes = self.whole(thread, state, &batcher.max_bytes, "MaxInputBytesPerBatch")?;
            batch_input =
                batcher.batch_input.as_ref().map(|template| self.template(thread, state, template, "ItemBatcher/BatchInput")).transpose()?;
        }
        let writer = match &map.writer {
            None => None,
            Some(writer) => Some(WriterRequest {
                resource: writer.resource.clone(),
                arguments: writer.arguments.as_ref().map(|template| self.template(thread, state, template, "ResultWriter")).transpose()?,
                config: writer.config.clone(),
            }),
        };
        let limits = MapLimits { max_concurrency, tolerated_count, tolerated_percentage, batch_input, batch_items, batch_bytes };
        if let Some(work) = self.mocked_map(thread, state, map, items.as_ref(), &limits) {
            return work;
        }
        let MapLimits { batch_input, .. } = limits;
        let run = self.machine.number();
        self.set_doing(thread, Doing::MapRun { run });
        self.effects.push(Effect::MapRun(Box::new(MapRunRequest {
            run,
            state: state.name.clone(),
            label: map.label.clone(),
            express_children: map.execution_type == WorkflowType::Express,
            processor: map.processor_definition.clone(),
            items,
            reader,
            batch_input,
            batch_items,
            batch_bytes,
            max_concurrency,
            tolerated_count,
            tolerated_percentage,
            writer,
        })));
        Ok(Work::Later)
    }

    fn template(&mut self, thread: u64, state: &State, template: &Template, field: &str) -> Result<Value, Problem> {
        self.filled(thread, state, template, field)
    }

    fn percentage(&mut self, thread: u64, state: &State, amount: &Amount) -> Result<Option<f64>, Problem> {
        let Some(value) = self.amount(thread, state, amount, "ToleratedFailurePercentage")? else { return Ok(None) };
        let text = if let (Amount::Path(_), Value::String(text)) = (amount, &value) { text.parse().ok() } else { None };
        let Some(number) = value.as_f64().or(text) else {
            let path = if let Amount::Path(path) = amount { path.text() } else { "ToleratedFailurePercentage" };
            let detail =
                format!("The ToleratedFailurePercentagePath field refers to value \"{}\" which is not a valid float: {path}", java_text(&value));
            return Err(Problem::Runtime(detail));
        };
        if !(0.0..=100.0).contains(&number) {
            return Err(Problem::Runtime("ToleratedFailurePercentage must be between 0 and 100.".to_owned()));
        }
        Ok(Some(number))
    }

    fn thread_of_run(&self, run: u64) -> Option<u64> {
        let found = self.machine.threads.iter().find(|(_, thread)| matches!(thread.doing, Doing::MapRun { run: own } if own == run));
        found.map(|(number, _)| *number)
    }

    pub(super) fn map_run_started(&mut self, run: u64, arn: String) {
        let Some(thread) = self.thread_of_run(run) else { return };
        let mut details = Map::new();
        details.insert("mapRunArn".to_owned(), Value::String(arn));
        self.record_on(thread, "MapRunStarted", Some(("mapRunStartedEventDetails", details)));
    }

    pub(super) fn map_run_ended(&mut self, run: u64, result: Result<Value, Failure>) {
        let Some(thread) = self.thread_of_run(run) else { return };
        match result {
            Ok(output) if size(&output) > LARGEST => {
                let cause = "The state/task 'map' returned a result with a size exceeding the maximum number of bytes service limit.";
                self.run_failed(thread, Failure::new("States.DataLimitExceeded", cause));
            }
            Ok(output) => {
                // AWS: the three events behind it have MapRunStarted as the previous event since November 2024.
                let started = self.previous(thread);
                self.record("MapRunSucceeded", started, None);
                let succeeded = self.machine.last_event;
                self.record("MapStateSucceeded", succeeded, None);
                self.finish(thread, Arc::new(output));
            }
            Err(failure) => self.run_failed(thread, failure),
        }
    }

    fn run_failed(&mut self, thread: u64, failure: Failure) {
        let details = failure_details(&failure);
        self.record_on(thread, "MapRunFailed", Some(("mapRunFailedEventDetails", details)));
        if let Some(state) = self.state(thread) {
            self.fails_unless_retried(thread, state, &failure);
        }
        self.failed(thread, failure);
    }
}

//! Parallel and inline Map: threads below a thread.

use super::{
    events::Effect,
    mocked_map::MapLimits,
    problem::Problem,
    run::{LARGEST, Run, Work},
    state::{Children, Doing, Failure, TestMock, Thread},
};
use crate::{
    definition::{Detail, Language, MapFields, State, StateType, States},
    template::Template,
    text::{integer, java_text, size, to_text},
};
use jsonata_core::value::JValue;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// AWS: so many iterations of an inline Map run at once.
const MOST_CONCURRENT: usize = 40;

impl Run<'_> {
    pub(super) fn start_branches(&mut self, thread: u64, state: &State, branches: &[States]) -> Result<Work, Problem> {
        let input = self.effective_input(thread, state)?;
        self.record_on(thread, "ParallelStateStarted", None);
        if let Some(work) = self.mocked() {
            return work;
        }
        let children = Children {
            is_map: false,
            total: branches.len(),
            next: 0,
            limit: branches.len(),
            running: Vec::new(),
            items: input,
            results: vec![Value::Null; branches.len()],
            texts: BTreeMap::new(),
            done: 0,
            bytes: 0,
        };
        self.set_doing(thread, Doing::Children(children));
        self.start_more(thread, None)?;
        Ok(Work::Later)
    }

    pub(super) fn start_map(&mut self, thread: u64, state: &State, map: &MapFields) -> Result<Work, Problem> {
        if map.distributed {
            return self.start_map_run(thread, state, map);
        }
        let items = self.items(thread, state, map)?;
        let limit = self.whole(thread, state, &map.max_concurrency, "MaxConcurrency")?.unwrap_or(0);
        if let Some(work) = self.mocked_map(thread, state, map, Some(&items), &MapLimits { max_concurrency: limit, ..MapLimits::default() }) {
            return work;
        }
        let length = items.as_array().map_or(0, Vec::len);
        let mut details = Map::new();
        details.insert("length".to_owned(), length.into());
        self.record_on(thread, "MapStateStarted", Some(("mapStateStartedEventDetails", details)));
        let limit = usize::try_from(limit).ok().filter(|limit| (1..MOST_CONCURRENT).contains(limit)).unwrap_or(MOST_CONCURRENT);
        let children = Children {
            is_map: true,
            total: length,
            next: 0,
            limit,
            running: Vec::new(),
            items,
            results: vec![Value::Null; length],
            texts: BTreeMap::new(),
            done: 0,
            bytes: 0,
        };
        self.set_doing(thread, Doing::Children(children));
        if length == 0 {
            return self.children_done(thread);
        }
        self.start_more(thread, None)?;
        Ok(Work::Later)
    }

    /// The mock of a test in place of the children.
    pub(super) fn mocked(&self) -> Option<Result<Work, Problem>> {
        Some(match self.mock()? {
            TestMock::Result(result) => Ok(Work::Done(Arc::new(result))),
            TestMock::Failure(failure) => Err(Problem::Fails(failure)),
        })
    }

    /// The items of a Map.
    pub(super) fn items(&mut self, thread: u64, state: &State, map: &MapFields) -> Result<Arc<Value>, Problem> {
        if state.language == Language::Jsonata {
            let items = match &map.items {
                Some(items) => Arc::new(self.jsonata_field(thread, state, items, "Items", None).map_err(Problem::of_items)?),
                None => self.input(thread),
            };
            let object_fits = map.distributed && items.is_object();
            return match (&*items, &map.items) {
                (Value::Array(_), _) => Ok(items),
                _ if object_fits => Ok(items),
                (_, Some(field @ Template::Expression(_))) => Err(Problem::unexpected(field.expression(), "Items", "array", &items).of_items()),
                _ => Err(Problem::Items { detail: format!("Map state input must be an array but was: {}", to_text(&items)), location: None }),
            };
        }
        let input = self.raw_input(thread, state)?;
        let (items, text) = match &map.items_path {
            None => (input, "$"),
            Some(path) => {
                let context = self.context(thread, state, None);
                let value = self.with_scope(thread, &input, &context, |scope| scope.value(path));
                let value = value.map_err(|error| Problem::Runtime(format!("Invalid path '{}' : {error}", path.text())))?;
                (Arc::new(value), path.text())
            }
        };
        if items.is_array() || map.distributed && items.is_object() {
            return Ok(items);
        }
        // AWS: without the sentence before it.
        let cause = format!("Reference path \"{}\" must point to array.", text.replacen("$$", "$", 1));
        Err(Problem::Fails(Failure::new("States.Runtime", cause)))
    }

    /// A count such as MaxConcurrency.
    pub(super) fn whole(&mut self, thread: u64, state: &State, amount: &crate::definition::Amount, field: &str) -> Result<Option<i64>, Problem> {
        let Some(value) = self.amount(thread, state, amount, field)? else { return Ok(None) };
        let wrong = || {
            let path = if let crate::definition::Amount::Path(path) = amount { path.text() } else { field };
            Problem::Runtime(format!("The {field}Path field refers to value \"{}\" which is not a valid integer: {path}", java_text(&value)))
        };
        let number = whole_number(amount, &value).ok_or_else(wrong)?;
        // AWS: the reader refuses such a number of items (recorded).
        if number < 0 && field != "MaxItems" {
            return Err(Problem::Runtime(format!("{field} cannot be negative.")));
        }
        Ok(Some(number))
    }

    /// Starts children up to the limit. `after` is the last event of the child that ended before.
    pub(super) fn start_more(&mut self, parent: u64, after: Option<u64>) -> Result<(), Problem> {
        let Some(state) = self.state(parent) else { return Ok(()) };
        loop {
            let Some(children) = self.children(parent) else { return Ok(()) };
            if children.next >= children.total || children.running.len() >= children.limit {
                return Ok(());
            }
            let index = children.next;
            children.next += 1;
            let items = Arc::clone(&children.items);
            let previous = after.unwrap_or_else(|| self.previous(parent));
            let child = match &state.detail {
                Detail::Map(map) => self.iteration(parent, state, map, index, &items, previous)?,
                Detail::Parallel { branches } => {
                    let Some(branch) = branches.get(index) else { return Ok(()) };
                    let own = self.machine.threads.get(&parent).filter(|own| Arc::ptr_eq(&own.input, &items)).and_then(|own| own.text.clone());
                    let child = self.child(parent, state, index, &branch.start_at, items, None, previous);
                    if let Some(thread) = self.machine.threads.get_mut(&child) {
                        thread.text = own;
                    }
                    child
                }
                _ => return Ok(()),
            };
            if let Some(children) = self.children(parent) {
                children.running.push(child);
            }
            self.machine.ready.push_back(child);
        }
    }

    fn iteration(&mut self, parent: u64, state: &State, map: &MapFields, index: usize, items: &Value, previous: u64) -> Result<u64, Problem> {
        let value = items.get(index).cloned().unwrap_or_default();
        let item = json!({"Index": index, "Value": value, "Source": "STATE_DATA"});
        let input = self.selected(parent, state, map, &item)?.unwrap_or(value);
        let item = if state.any_context { item } else { json!({"Index": index}) };
        let child = self.child(parent, state, index, &map.processor.start_at, Arc::new(input), Some(item), previous);
        self.record_on(child, "MapIterationStarted", Some(("mapIterationStartedEventDetails", iteration_details(state, index))));
        Ok(child)
    }

    /// ItemSelector for one item; `None` without one.
    pub(super) fn selected(&mut self, thread: u64, state: &State, map: &MapFields, item: &Value) -> Result<Option<Value>, Problem> {
        let Some(selector) = &map.selector else { return Ok(None) };
        let mut context = self.context(thread, state, None);
        if let Some(fields) = context.as_object_mut() {
            fields.insert("Map".to_owned(), json!({"Item": item}));
        }
        if state.language == Language::Jsonata {
            let mut states = self.states(thread, state, None);
            states.insert("context".to_owned(), JValue::from(context));
            let filled = self.with_session(thread, state, states, |session| session.fill(selector, "ItemSelector"));
            return filled.map(Some).map_err(|(detail, location)| Problem::Query { detail, location });
        }
        let input = self.raw_input(thread, state)?;
        Ok(Some(self.with_scope(thread, &input, &context, |scope| selector.fill(scope))?))
    }

    #[expect(clippy::too_many_arguments, reason = "each is a field of the thread")]
    fn child(&mut self, parent: u64, state: &State, index: usize, start_at: &str, input: Arc<Value>, item: Option<Value>, previous: u64) -> u64 {
        let mut path = self.machine.threads.get(&parent).map(|thread| thread.path.clone()).unwrap_or_default();
        path.push((state.name.clone(), if state.kind == StateType::Map { 0 } else { index }));
        self.new_thread(Some(parent), index, path, start_at, input, item, previous)
    }

    /// A child came to the end of its scope.
    pub(super) fn child_ended(&mut self, parent: u64, number: u64, child: Thread) {
        let Some(state) = self.state(parent) else { return };
        if state.kind == StateType::Map {
            self.record("MapIterationSucceeded", child.previous, Some(("mapIterationSucceededEventDetails", iteration_details(state, child.index))));
        }
        let (text, output) = (child.text, Arc::unwrap_or_clone(child.input));
        let bytes = size(&output);
        let last = child.previous;
        let Some(children) = self.children(parent) else { return };
        children.running.retain(|running| *running != number);
        children.done += 1;
        children.bytes += bytes;
        children.texts.extend(text.map(|text| (child.index, text)));
        if let Some(result) = children.results.get_mut(child.index) {
            *result = output;
        }
        let work =
            if children.done == children.total { self.children_done(parent) } else { self.start_more(parent, Some(last)).map(|()| Work::Later) };
        match work {
            Ok(Work::Done(result)) => self.finish(parent, result),
            Ok(_) => {}
            Err(problem) => self.problem(parent, problem),
        }
    }

    fn children_done(&mut self, parent: u64) -> Result<Work, Problem> {
        let Some(state) = self.state(parent) else { return Ok(Work::Later) };
        let Some(children) = self.children(parent) else { return Ok(Work::Later) };
        let (results, texts) = (std::mem::take(&mut children.results), std::mem::take(&mut children.texts));
        let (bytes, total) = (children.bytes, children.total);
        let previous = self.machine.last_event;
        if let Some(thread) = self.machine.threads.get_mut(&parent) {
            thread.previous = previous;
        }
        if bytes.saturating_add(total) > LARGEST && state.result_selector.is_none() && state.output.is_none() {
            let cause = format!("The state/task '{}' returned a result with a size exceeding the maximum number of bytes service limit.", state.name);
            return Err(Problem::Fails(Failure::new("States.DataLimitExceeded", cause)));
        }
        self.record(format!("{}StateSucceeded", state.kind.name()), previous, None);
        let joined = (!texts.is_empty()).then(|| {
            let each = results.iter().enumerate().map(|(index, result)| texts.get(&index).map_or_else(|| to_text(result), |text| text.to_string()));
            format!("[{}]", each.collect::<Vec<_>>().join(","))
        });
        let results = Arc::new(Value::Array(results));
        self.result_text = joined.map(|text| (Arc::clone(&results), text.into()));
        Ok(Work::Done(results))
    }

    /// The event that precedes the exit of a Parallel or inline Map; the same as that of its success.
    pub(super) fn succeeded_before(&self, thread: u64, state: &State) -> Option<u64> {
        matches!(state.kind, StateType::Map | StateType::Parallel).then(|| self.previous(thread))
    }

    /// A child failed, and nothing in it caught that.
    pub(super) fn child_failed(&mut self, parent: u64, number: u64, failure: Failure) {
        let Some(state) = self.state(parent) else { return };
        let last = self.previous(number);
        if state.kind == StateType::Map {
            let index = self.machine.threads.get(&number).map_or(0, |thread| thread.index);
            self.record("MapIterationFailed", last, Some(("mapIterationFailedEventDetails", iteration_details(state, index))));
        }
        let running = self.children(parent).map(|children| children.running.clone()).unwrap_or_default();
        for sibling in running.into_iter().filter(|sibling| *sibling != number) {
            self.abort(sibling);
        }
        if let Some(thread) = self.machine.threads.get_mut(&parent) {
            thread.previous = last;
        }
        self.fails_unless_retried(parent, state, &failure);
        self.failed(parent, failure);
    }

    /// Ends whatever a thread does, and the threads below it.
    fn abort(&mut self, number: u64) {
        let Some(thread) = self.machine.threads.get(&number) else { return };
        let (doing, parent, index) = (thread.doing.clone(), thread.parent, thread.index);
        self.machine.ready.retain(|ready| *ready != number);
        match &doing {
            Doing::Failed | Doing::Aborted => return,
            Doing::Task { task, .. } => self.effects.push(Effect::Cancel { task: *task }),
            Doing::MapRun { run } => self.effects.push(Effect::CancelMapRun { run: *run }),
            Doing::Children(children) => children.running.iter().for_each(|child| self.abort(*child)),
            _ => {}
        }
        let kind = self.state(number).map(|state| state.kind);
        let entered = !matches!(doing, Doing::Entering);
        if let Some(kind @ (StateType::Task | StateType::Wait | StateType::Parallel | StateType::Map)) = kind.filter(|_| entered) {
            self.record_on(number, format!("{}StateAborted", kind.name()), None);
        }
        let around = parent.and_then(|parent| self.state(parent)).filter(|state| state.kind == StateType::Map);
        if let Some(state) = around {
            self.record_on(number, "MapIterationAborted", Some(("mapIterationAbortedEventDetails", iteration_details(state, index))));
        }
        if !matches!(doing, Doing::Children(_)) {
            self.set_doing(number, Doing::Aborted);
        }
    }

    /// Ends everything that still runs, without events; threads stay as they are for a redrive.
    pub(super) fn abort_all(&mut self) {
        let mut effects = Vec::new();
        for thread in self.machine.threads.values_mut() {
            match &thread.doing {
                Doing::Task { task, .. } => effects.push(Effect::Cancel { task: *task }),
                Doing::MapRun { run } => effects.push(Effect::CancelMapRun { run: *run }),
                Doing::Failed | Doing::Aborted | Doing::Children(_) => continue,
                _ => {}
            }
            if !matches!(thread.doing, Doing::Entering) {
                thread.doing = Doing::Aborted;
            }
        }
        self.machine.ready.clear();
        self.effects.extend(effects);
    }

    /// Before a state with children is retried or caught.
    pub(super) fn drop_children(&mut self, thread: u64, failure: &Failure, state: &State) {
        let running = self.children(thread).map(|children| children.running.clone()).unwrap_or_default();
        for child in running {
            self.abort(child);
        }
        // AWS: everything runs again after States.DataLimitExceeded.
        if failure.name() == "States.DataLimitExceeded" && matches!(state.kind, StateType::Map | StateType::Parallel) {
            self.remove_below(thread);
        }
    }

    /// Removes all threads below one.
    pub(super) fn remove_below(&mut self, thread: u64) {
        let below: Vec<u64> = self.machine.threads.iter().filter(|(_, child)| child.parent == Some(thread)).map(|(number, _)| *number).collect();
        for child in below {
            self.remove_below(child);
            self.machine.threads.remove(&child);
            self.machine.ready.retain(|ready| *ready != child);
        }
        self.set_doing(thread, Doing::Failed);
    }
}

/// AWS: what a path leads to may be the text of a number (recorded).
fn whole_number(amount: &crate::definition::Amount, value: &Value) -> Option<i64> {
    match (amount, value) {
        (crate::definition::Amount::Path(_), Value::String(text)) => text.parse().ok(),
        _ => integer(value),
    }
}

fn iteration_details(state: &State, index: usize) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("name".to_owned(), Value::String(state.name.clone()));
    out.insert("index".to_owned(), index.into());
    out
}

//! One step while it is made: the machine, and what it wants done so far.

use super::{
    events::Effect,
    state::{Children, Doing, Failure, Machine, Thread},
};
use crate::{
    definition::{Definition, Detail, State, States},
    text::to_text,
};
use jsonata_core::value::JValue;
use serde_json::{Map, Value};
use std::sync::Arc;

/// AWS: bytes of a payload.
pub(super) const LARGEST: usize = 262_144;

pub(super) struct Run<'a> {
    pub machine: &'a mut Machine,
    pub definition: &'a Definition,
    pub now: i64,
    pub effects: Vec<Effect>,
    /// The value that was converted for JSONata last.
    pub last_value: Option<(Arc<Value>, JValue)>,
    /// The value that was written as text last: most states pass on what they got.
    pub last_text: Option<(Arc<Value>, Arc<str>)>,
    /// The error that was caught last.
    pub caught: Option<Failure>,
    /// The result that was made last, with the text of what was passed on as it was sent.
    pub result_text: Option<(Arc<Value>, Arc<str>)>,
}

/// What became of the work of a state at once.
pub(super) enum Work {
    /// It has a result.
    Done(Arc<Value>),
    /// It goes on with a later event.
    Later,
    /// Go to this state, with this output.
    Goto { next: Option<String>, output: Arc<Value>, assigned: Map<String, Value> },
}

impl<'a> Run<'a> {
    pub fn new(machine: &'a mut Machine, definition: &'a Definition, now: i64) -> Run<'a> {
        Run { machine, definition, now, effects: Vec::new(), last_value: None, last_text: None, caught: None, result_text: None }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a field of the thread")]
    pub fn new_thread(
        &mut self,
        parent: Option<u64>,
        index: usize,
        path: Vec<(String, usize)>,
        state: &str,
        input: Arc<Value>,
        item: Option<Value>,
        previous: u64,
    ) -> u64 {
        let number = self.machine.number();
        let thread = Thread {
            parent,
            index,
            path,
            state: state.to_owned(),
            input,
            text: None,
            variables: Map::new(),
            item,
            previous,
            entered_event: 0,
            entered_previous: 0,
            entered_at: self.now,
            attempts: Vec::new(),
            doing: Doing::Entering,
        };
        self.machine.threads.insert(number, thread);
        number
    }

    /// The text of a value.
    pub fn text(&mut self, value: &Arc<Value>) -> Arc<str> {
        match &self.last_text {
            Some((last, text)) if Arc::ptr_eq(last, value) => Arc::clone(text),
            _ => {
                let text: Arc<str> = to_text(value).into();
                self.last_text = Some((Arc::clone(value), Arc::clone(&text)));
                text
            }
        }
    }

    pub fn timer(&mut self, millis: i64) -> u64 {
        let timer = self.machine.number();
        self.effects.push(Effect::Timer { timer, due: self.now.saturating_add(millis) });
        timer
    }

    pub fn previous(&self, thread: u64) -> u64 {
        self.machine.threads.get(&thread).map_or(0, |thread| thread.previous)
    }

    /// The scope that a thread runs in.
    pub fn scope(&self, thread: &Thread) -> Option<&'a States> {
        let mut states = &self.definition.states;
        for (name, index) in &thread.path {
            states = match &states.states.get(name)?.detail {
                Detail::Parallel { branches } => branches.get(*index)?,
                Detail::Map(map) => &map.processor,
                _ => return None,
            };
        }
        Some(states)
    }

    pub fn state(&self, thread: u64) -> Option<&'a State> {
        let thread = self.machine.threads.get(&thread)?;
        self.scope(thread)?.states.get(&thread.state)
    }

    pub fn set_doing(&mut self, thread: u64, doing: Doing) {
        if let Some(thread) = self.machine.threads.get_mut(&thread) {
            thread.doing = doing;
        }
    }

    pub fn children(&mut self, thread: u64) -> Option<&mut Children> {
        match &mut self.machine.threads.get_mut(&thread)?.doing {
            Doing::Children(children) => Some(children),
            _ => None,
        }
    }
}

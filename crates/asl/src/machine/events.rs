//! What happens to an execution, and what it wants done.

use super::state::{Failure, Status};
use crate::{
    definition::{Language, Pattern},
    text::to_text,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A worker took the activity's task.
    Started {
        task: u64,
        worker: Option<String>,
    },
    /// An activity's task waits for a worker.
    Queued {
        task: u64,
    },
    /// A job was started, or a callback's request was answered.
    Submitted {
        task: u64,
        output: Value,
    },
    Answered {
        task: u64,
        output: Value,
    },
    Failed {
        task: u64,
        failure: Failure,
    },
    /// The request could not be made at all.
    NotStarted {
        task: u64,
        failure: Failure,
    },
    Heartbeat {
        task: u64,
    },
    Fired {
        timer: u64,
    },
    MapRunStarted {
        run: u64,
        arn: String,
    },
    MapRunEnded {
        run: u64,
        result: Result<Value, Failure>,
    },
    /// StopExecution.
    Stopped {
        error: Option<String>,
        cause: Option<String>,
    },
    /// The answer to [`Effect::Continue`].
    Continue,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Call(Call),
    /// The task's answer is not wanted any more.
    Cancel {
        task: u64,
    },
    Timer {
        timer: u64,
        due: i64,
    },
    History(HistoryEvent),
    MapRun(Box<MapRunRequest>),
    CancelMapRun {
        run: u64,
    },
    /// A step does so much and no more: call it again.
    Continue,
    Ended {
        status: Status,
        output: Option<Output>,
        failure: Option<Failure>,
    },
}

/// The output of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub value: Value,
    /// The text of an input that was passed on as it was sent, where its white space is not the usual.
    pub text: Option<Arc<str>>,
}

impl Output {
    pub fn into_text(self) -> Arc<str> {
        self.text.unwrap_or_else(|| to_text(&self.value).into())
    }
}

/// A request to make for a Task.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub task: u64,
    /// The Resource as written.
    pub resource: String,
    pub pattern: Pattern,
    pub input: Value,
    pub token: Option<String>,
    /// The role of Credentials.
    pub role_arn: Option<String>,
    pub state: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    pub id: u64,
    pub previous: u64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// `TaskStateEntered`
    pub kind: String,
    /// The member of the API's HistoryEvent that holds the details, and the details.
    pub details: Option<(&'static str, Value)>,
}

/// All that a Map Run needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRunRequest {
    pub run: u64,
    pub state: String,
    pub label: Option<String>,
    pub express_children: bool,
    /// The definition of the children: ItemProcessor as written.
    pub processor: Value,
    /// The items, unless a reader gives them.
    pub items: Option<Value>,
    pub reader: Option<ReaderRequest>,
    pub batch_input: Option<Value>,
    pub batch_items: Option<i64>,
    pub batch_bytes: Option<i64>,
    pub max_concurrency: i64,
    pub tolerated_count: Option<i64>,
    pub tolerated_percentage: Option<f64>,
    pub writer: Option<WriterRequest>,
}

impl MapRunRequest {
    /// The definition of the children.
    pub fn child_definition(&self, language: Language) -> Value {
        let mut processor = self.processor.clone();
        if let Some(fields) = processor.as_object_mut() {
            fields.remove("ProcessorConfig");
            if language == Language::Jsonata {
                fields.insert("QueryLanguage".to_owned(), "JSONata".into());
            }
        }
        processor
    }

    /// Whether more items failed than are tolerated. Without a tolerance none may.
    pub fn exceeds(&self, failed: i64, total: i64) -> bool {
        exceeds(self.tolerated_count, self.tolerated_percentage, failed, total)
    }
}

/// Whether more items failed than are tolerated. Without a tolerance none may.
pub fn exceeds(count: Option<i64>, percentage: Option<f64>, failed: i64, total: i64) -> bool {
    let by_count = count.is_some_and(|most| failed > most);
    let by_percentage = percentage.is_some_and(|most| failed as f64 * 100.0 > most * total as f64);
    failed > 0 && (count.is_none() && percentage.is_none() || by_count || by_percentage)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReaderRequest {
    pub resource: String,
    pub arguments: Value,
    pub config: Value,
    pub max_items: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriterRequest {
    pub resource: Option<String>,
    pub arguments: Option<Value>,
    pub config: Option<Value>,
}

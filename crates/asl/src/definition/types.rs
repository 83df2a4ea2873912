//! A definition that was read: what the machine runs.

use super::{resource::Resource, rules::Rule};
use crate::{jsonata::Expression, jsonpath::Path, template::Template};
use indexmap::IndexMap;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkflowType {
    Standard,
    Express,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    JsonPath,
    Jsonata,
}

impl Language {
    pub fn name(self) -> &'static str {
        match self {
            Language::JsonPath => "JSONPath",
            Language::Jsonata => "JSONata",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub comment: Option<String>,
    pub timeout_seconds: Option<i64>,
    pub language: Language,
    pub states: States,
}

/// The states of a machine, of a branch or of an item processor.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    pub start_at: String,
    pub states: IndexMap<String, State>,
}

macro_rules! state_types {
    ($($name:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum StateType { $($name),* }

        impl StateType {
            /// In AWS's order.
            pub const ALL: &[StateType] = &[$(StateType::$name),*];

            pub fn name(self) -> &'static str {
                match self {
                    $(StateType::$name => stringify!($name)),*
                }
            }
        }
    };
}

state_types! { Task Wait Pass Succeed Fail Choice Parallel Map }

#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub name: String,
    pub kind: StateType,
    pub language: Language,
    /// `None` ends the scope.
    pub next: Option<String>,
    pub input_path: PathField,
    pub output_path: PathField,
    pub result_path: PathField,
    pub parameters: Option<Template>,
    pub result_selector: Option<Template>,
    pub arguments: Option<Template>,
    pub output: Option<Template>,
    pub assign: Option<Template>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
    pub detail: Detail,
    /// The variables that it refers to.
    pub variables: Vec<String>,
    /// How much of the context object its own fields may refer to.
    pub context: ContextUse,
    /// Whether its own fields may refer to `$states.input`.
    pub uses_input: bool,
    /// Whether it or a state inside it may refer to the context object.
    pub any_context: bool,
}

/// How much of the context object is referred to. The execution's input can be large, and is copied only where it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextUse {
    Nothing,
    WithoutInput,
    Whole,
}

/// A field that holds a path, or `null`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum PathField {
    #[default]
    Absent,
    Null,
    Path(Path),
}

/// A number that is written down, pointed at or computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Amount {
    #[default]
    Absent,
    Number(Value),
    Path(Path),
    Expression(Expression),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    Task {
        resource: Resource,
        /// The Resource as it is written.
        arn: String,
        timeout: Amount,
        heartbeat: Amount,
        /// RoleArn of Credentials; a path, an intrinsic call or an expression is evaluated.
        credentials: Option<Template>,
    },
    Wait(WaitFor),
    Pass {
        result: Option<Value>,
    },
    Succeed,
    Fail {
        error: Option<Template>,
        error_path: Option<Template>,
        cause: Option<Template>,
        cause_path: Option<Template>,
    },
    Choice {
        rules: Vec<Rule>,
        default: Option<String>,
    },
    Parallel {
        branches: Vec<States>,
    },
    Map(Box<MapFields>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct MapFields {
    pub processor: States,
    pub distributed: bool,
    /// ExecutionType of a distributed processor.
    pub execution_type: WorkflowType,
    pub label: Option<String>,
    pub items_path: Option<Path>,
    /// Items in JSONata: an array, or an expression.
    pub items: Option<Template>,
    /// ItemSelector, or Parameters as it was called before.
    pub selector: Option<Template>,
    pub max_concurrency: Amount,
    pub tolerated_count: Amount,
    pub tolerated_percentage: Amount,
    pub reader: Option<ItemReader>,
    pub batcher: Option<ItemBatcher>,
    pub writer: Option<ResultWriter>,
    pub variables: Vec<String>,
    /// ItemProcessor or Iterator as written: the definition of the child executions.
    pub processor_definition: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ItemReader {
    pub resource: String,
    /// Parameters or Arguments.
    pub arguments: Option<Template>,
    /// ReaderConfig, as written.
    pub config: Value,
    pub max_items: Amount,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ItemBatcher {
    pub batch_input: Option<Template>,
    pub max_items: Amount,
    pub max_bytes: Amount,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResultWriter {
    pub resource: Option<String>,
    pub arguments: Option<Template>,
    /// WriterConfig, as written.
    pub config: Option<Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WaitFor {
    Seconds(Template),
    SecondsPath(Path),
    Timestamp(Template),
    TimestampPath(Path),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    pub errors: Vec<String>,
    pub interval_seconds: i64,
    pub max_attempts: i64,
    pub backoff_rate: f64,
    pub max_delay_seconds: Option<i64>,
    pub full_jitter: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Catcher {
    pub errors: Vec<String>,
    pub next: String,
    pub result_path: PathField,
    pub output: Option<Template>,
    pub assign: Option<Template>,
}

impl State {
    /// The scopes inside it.
    pub fn nested(&self) -> Vec<&States> {
        match &self.detail {
            Detail::Parallel { branches } => branches.iter().collect(),
            Detail::Map(map) => vec![&map.processor],
            _ => Vec::new(),
        }
    }
}

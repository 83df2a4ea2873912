//! What a state's fields evaluate to, in the language of the state.

use super::{problem::Problem, run::Run};
use crate::{
    definition::{ALONE, Amount, ContextUse, Detail, Language, PathField, State, StateType},
    jsonata::Session,
    jsonpath::{Path, Root},
    scope::Scope,
    template::Template,
    time,
};
use indexmap::IndexMap;
use jsonata_core::value::JValue;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The fields of `$states`.
pub(super) type States = IndexMap<String, JValue>;

impl Run<'_> {
    pub(super) fn input(&self, thread: u64) -> Arc<Value> {
        self.machine.threads.get(&thread).map(|thread| Arc::clone(&thread.input)).unwrap_or_default()
    }

    /// The context object. Large inputs make it costly, so it is made only for states that may refer to it.
    pub(super) fn context(&self, number: u64, state: &State, token: Option<&str>) -> Value {
        if state.context == ContextUse::Nothing {
            return json!({});
        }
        if let Some(context) = self.machine.test.as_ref().and_then(|test| test.context.as_ref()) {
            return context.clone();
        }
        let Some(thread) = self.machine.threads.get(&number) else { return json!({}) };
        let execution = &self.machine.execution;
        let is_test = self.machine.test.is_some();
        let mut fields = json!({
            "Execution": {
                "Id": execution.arn,
                "Input": if state.context == ContextUse::Whole { Value::clone(&self.machine.input) } else { Value::Null },
                "StartTime": time::instant(self.machine.started_at),
                "Name": execution.name,
                "RoleArn": if is_test && execution.role_arn.is_empty() { Value::Null } else { execution.role_arn.as_str().into() },
            },
            "StateMachine": {"Id": execution.machine_arn, "Name": execution.machine_name},
            "State": {
                // AWS: a state that is tested is called so, whatever its name.
                "Name": if is_test { ALONE } else { state.name.as_str() },
                "EnteredTime": time::instant(thread.entered_at),
            },
        });
        // AWS: only states that can be retried have it (recorded).
        if let (true, Some(own)) = (works(state), fields.get_mut("State").and_then(Value::as_object_mut)) {
            own.insert("RetryCount".to_owned(), thread.attempts.iter().sum::<i64>().into());
        }
        if let (false, Some(own)) = (is_test, fields.get_mut("Execution").and_then(Value::as_object_mut)) {
            own.insert("RedriveCount".to_owned(), self.machine.redrive_count.into());
            own.extend(self.machine.redriven_at.map(|at| ("RedriveTime".to_owned(), Value::String(time::instant(at)))));
        }
        if let Some(fields) = fields.as_object_mut() {
            fields.extend(token.map(|token| ("Task".to_owned(), json!({"Token": token}))));
            let mut around = Some(thread);
            while let Some(thread) = around {
                if let Some(item) = &thread.item {
                    fields.insert("Map".to_owned(), json!({"Item": item}));
                    break;
                }
                around = thread.parent.and_then(|parent| self.machine.threads.get(&parent));
            }
        }
        fields
    }

    /// A variable, looked up from the inner scope to the outer ones.
    fn variable(&self, thread: u64, name: &str) -> Option<Value> {
        let mut around = self.machine.threads.get(&thread);
        while let Some(thread) = around {
            if let Some(value) = thread.variables.get(name) {
                return Some(value.clone());
            }
            around = thread.parent.and_then(|parent| self.machine.threads.get(&parent));
        }
        None
    }

    /// Evaluates over a scope of paths.
    pub(super) fn with_scope<T>(&mut self, thread: u64, input: &Value, context: &Value, evaluate: impl FnOnce(&mut Scope<'_>) -> T) -> T {
        let mut random = self.machine.random.clone();
        let variables = |name: &str| self.variable(thread, name);
        let result = evaluate(&mut Scope { input, context, variables: &variables, random: &mut random });
        self.machine.random = random;
        result
    }

    /// `states` is what `$states` holds.
    pub(super) fn with_session<T>(&mut self, thread: u64, state: &State, states: States, evaluate: impl FnOnce(&mut Session) -> T) -> T {
        let variables: Vec<_> = state.variables.iter().filter_map(|name| Some((name.clone(), self.variable(thread, name)?))).collect();
        let mut session = Session::over(JValue::object(states), variables, self.now, &self.machine.random);
        let result = evaluate(&mut session);
        self.machine.random = session.into_random();
        result
    }

    /// `$states` without a result.
    pub(super) fn states(&mut self, thread: u64, state: &State, token: Option<&str>) -> States {
        let mut out = States::new();
        if state.uses_input {
            let input = self.input(thread);
            out.insert("input".to_owned(), self.converted(input));
        }
        if state.context != ContextUse::Nothing {
            out.insert("context".to_owned(), JValue::from(self.context(thread, state, token)));
        }
        out
    }

    /// A value for JSONata. The last one is remembered: the iterations of a Map share the input of their state.
    fn converted(&mut self, value: Arc<Value>) -> JValue {
        match &self.last_value {
            Some((last, converted)) if Arc::ptr_eq(last, &value) => converted.clone(),
            _ => {
                let converted = JValue::from(Value::clone(&value));
                self.last_value = Some((value, converted.clone()));
                converted
            }
        }
    }

    /// A path of a field such as InputPath.
    fn field_path(&mut self, thread: u64, state: &State, path: &Path, input: &Value) -> Result<Value, Problem> {
        let context = if path.root() == &Root::Context { self.context(thread, state, None) } else { Value::Null };
        let value = self.with_scope(thread, input, &context, |scope| scope.value(path));
        value.map_err(|error| Problem::Runtime(format!("Invalid path '{}' : {error}", path.text())))
    }

    /// The input behind InputPath; in JSONata the input itself.
    pub(super) fn raw_input(&mut self, thread: u64, state: &State) -> Result<Arc<Value>, Problem> {
        let input = self.input(thread);
        let input = match &state.input_path {
            PathField::Absent => input,
            PathField::Null => Arc::new(json!({})),
            PathField::Path(path) => Arc::new(self.field_path(thread, state, path, &input)?),
        };
        if self.shows_input(state) {
            self.note("afterInputPath", &input);
        }
        Ok(input)
    }

    /// Whether a test shows what InputPath and Parameters make of the input. AWS: not of a Parallel, nor where a Result is written down (recorded).
    fn shows_input(&self, state: &State) -> bool {
        let has_result = matches!(&state.detail, Detail::Pass { result: Some(_) });
        self.machine.test.is_some() && state.language == Language::JsonPath && state.kind != StateType::Parallel && !has_result
    }

    /// The input behind InputPath and Parameters, or Arguments.
    pub(super) fn effective_input(&mut self, thread: u64, state: &State) -> Result<Arc<Value>, Problem> {
        self.effective_input_with(thread, state, None)
    }

    pub(super) fn effective_input_with(&mut self, thread: u64, state: &State, token: Option<&str>) -> Result<Arc<Value>, Problem> {
        if state.language == Language::Jsonata {
            return match &state.arguments {
                Some(arguments) => {
                    let filled = self.jsonata_field(thread, state, arguments, "Arguments", token)?;
                    // AWS: not of a Parallel (recorded).
                    if state.kind != StateType::Parallel {
                        self.note("afterArguments", &filled);
                    }
                    Ok(Arc::new(filled))
                }
                None => Ok(self.input(thread)),
            };
        }
        let input = self.raw_input(thread, state)?;
        let filled = match &state.parameters {
            None => input,
            Some(template) => {
                let context = self.context(thread, state, token);
                Arc::new(self.with_scope(thread, &input, &context, |scope| template.fill(scope))?)
            }
        };
        if self.shows_input(state) {
            self.note("afterParameters", &filled);
        }
        Ok(filled)
    }

    pub(super) fn jsonata_field(
        &mut self,
        thread: u64,
        state: &State,
        template: &Template,
        field: &str,
        token: Option<&str>,
    ) -> Result<Value, Problem> {
        let states = self.states(thread, state, token);
        let filled = self.with_session(thread, state, states, |session| session.fill(template, field));
        filled.map_err(|(detail, location)| Problem::Query { detail, location })
    }

    /// A field that may hold an expression, in JSONata; otherwise a literal, a path or an intrinsic call.
    pub(super) fn filled(&mut self, thread: u64, state: &State, template: &Template, field: &str) -> Result<Value, Problem> {
        match (state.language, template) {
            (_, Template::Literal(value)) => Ok(value.clone()),
            (Language::Jsonata, _) => self.jsonata_field(thread, state, template, field, None),
            (Language::JsonPath, _) => {
                let input = self.raw_input(thread, state)?;
                let context = self.context(thread, state, None);
                Ok(self.with_scope(thread, &input, &context, |scope| template.fill(scope))?)
            }
        }
    }

    /// A number field in any of its forms. `None` when it is absent.
    pub(super) fn amount(&mut self, thread: u64, state: &State, amount: &Amount, field: &str) -> Result<Option<Value>, Problem> {
        match amount {
            Amount::Absent => Ok(None),
            Amount::Number(number) => Ok(Some(number.clone())),
            Amount::Path(path) => {
                let input = self.raw_input(thread, state)?;
                self.field_path(thread, state, path, &input).map(Some)
            }
            Amount::Expression(expression) => {
                let states = self.states(thread, state, None);
                let value = self.with_session(thread, state, states, |session| session.evaluate(expression));
                let value = value.map_err(|error| Problem::query(&error, expression.text(), field))?;
                if value.is_number() { Ok(Some(value)) } else { Err(Problem::unexpected(expression.text(), field, "number", &value)) }
            }
        }
    }

    /// Output and assigned variables of a state that has a result.
    pub(super) fn output_of(&mut self, thread: u64, state: &State, result: Arc<Value>) -> Result<(Arc<Value>, Map<String, Value>), Problem> {
        // AWS: what a Parallel or Map gave is not shown (recorded).
        if matches!(&state.detail, Detail::Task { .. } | Detail::Pass { result: Some(_) }) {
            self.note("result", &result);
        }
        match state.language {
            Language::Jsonata => self.jsonata_output(thread, state, result),
            Language::JsonPath => self.jsonpath_output(thread, state, result),
        }
    }

    fn jsonata_output(&mut self, thread: u64, state: &State, result: Arc<Value>) -> Result<(Arc<Value>, Map<String, Value>), Problem> {
        if state.output.is_none() && state.assign.is_none() {
            return Ok((result, Map::new()));
        }
        let mut states = self.states(thread, state, None);
        if works(state) {
            states.insert("result".to_owned(), JValue::from(Value::clone(&result)));
        }
        let filled = self.with_session(thread, state, states, |session| {
            let assigned = state.assign.as_ref().map(|assign| session.fill(assign, "Assign")).transpose()?;
            let output = state.output.as_ref().map(|output| session.fill(output, "Output")).transpose()?;
            Ok((assigned, output))
        });
        let (assigned, output) = filled.map_err(|(detail, location)| Problem::Query { detail, location })?;
        Ok((output.map_or(result, Arc::new), object(assigned)))
    }

    fn jsonpath_output(&mut self, thread: u64, state: &State, result: Arc<Value>) -> Result<(Arc<Value>, Map<String, Value>), Problem> {
        let context = self.context(thread, state, None);
        let assigned = match &state.assign {
            None => None,
            Some(assign) => Some(self.with_scope(thread, &result, &context, |scope| assign.fill(scope))?),
        };
        let result = match &state.result_selector {
            None => result,
            Some(template) => Arc::new(self.with_scope(thread, &result, &context, |scope| template.fill(scope))?),
        };
        let shown = works(state) || state.kind == StateType::Pass;
        if shown {
            self.note("afterResultSelector", &result);
        }
        let merged = self.merged(thread, &state.result_path, result)?;
        if shown {
            self.note("afterResultPath", &merged);
        }
        let output = match &state.output_path {
            PathField::Absent => merged,
            PathField::Null => Arc::new(json!({})),
            PathField::Path(path) => Arc::new(self.field_path(thread, state, path, &merged)?),
        };
        Ok((output, object(assigned)))
    }

    /// ResultPath: puts a result into the raw input.
    pub(super) fn merged(&mut self, thread: u64, result_path: &PathField, result: Arc<Value>) -> Result<Arc<Value>, Problem> {
        match result_path {
            PathField::Absent => Ok(result),
            PathField::Null => Ok(self.input(thread)),
            PathField::Path(path) => {
                let input = Arc::unwrap_or_clone(self.input(thread));
                let merged = path.insert(input, Arc::unwrap_or_clone(result));
                merged.map(Arc::new).map_err(|error| Problem::Named { error: "States.ResultPathMatchFailure", detail: error.0 })
            }
        }
    }
}

/// Whether a state does work that can fail and be retried.
fn works(state: &State) -> bool {
    matches!(state.kind, StateType::Task | StateType::Parallel | StateType::Map)
}

pub(super) fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

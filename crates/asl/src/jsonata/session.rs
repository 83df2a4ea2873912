//! Evaluates expressions over the same variables: what one state does at one instant.

use super::{
    Expression, JsonataError,
    functions::{OUT_OF_MEMORY, register},
};
use crate::{random::Random, template::Template};
use jsonata_core::{
    evaluator::{Context, Evaluator, EvaluatorOptions},
    value::JValue,
};
use serde_json::{Map, Number, Value};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// AWS: one second for an expression.
const MOST_MILLIS: u64 = 1000;
const DEEPEST: usize = 1500;
const LONGEST_SEQUENCE: usize = 1_000_000;
/// Results nested deeper than JSON may be are refused.
const DEEPEST_VALUE: usize = 120;

/// The variables of one state, `$states` among them.
pub struct Session {
    evaluator: Evaluator,
    random: Rc<RefCell<Random>>,
    spent: Rc<Cell<usize>>,
}

impl Session {
    /// `states` is the value of `$states`; `now` is what `$now` and `$millis` say.
    pub fn new(states: Value, variables: impl IntoIterator<Item = (String, Value)>, now: i64, random: &Random) -> Session {
        Session::over(JValue::from(states), variables, now, random)
    }

    pub(crate) fn over(states: JValue, variables: impl IntoIterator<Item = (String, Value)>, now: i64, random: &Random) -> Session {
        let mut context = Context::new();
        context.bind("states".to_owned(), states);
        for (name, value) in variables {
            context.bind(name, JValue::from(value));
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(MOST_MILLIS),
            max_stack_depth: Some(DEEPEST),
            max_sequence_length: Some(LONGEST_SEQUENCE),
            ..EvaluatorOptions::default()
        };
        let mut evaluator = Evaluator::with_options(context, options);
        let random = Rc::new(RefCell::new(random.clone()));
        let spent = Rc::new(Cell::new(0));
        // Fails only for names that exist, which the tests would show.
        let _ = register(&mut evaluator, now, &random, &spent);
        Session { evaluator, random, spent }
    }

    /// The random numbers as they stand after the evaluations.
    pub fn into_random(self) -> Random {
        self.random.borrow().clone()
    }

    pub fn evaluate(&mut self, expression: &Expression) -> Result<Value, JsonataError> {
        self.evaluate_over(expression, &JValue::Undefined)
    }

    /// `data` is what bare names refer to, which is nothing in a state machine.
    pub(super) fn evaluate_over(&mut self, expression: &Expression, data: &JValue) -> Result<Value, JsonataError> {
        self.spent.set(0);
        let result = self.evaluator.evaluate(expression.ast(), data);
        let value = result.map_err(|error| JsonataError::Threw(message(error.message())))?;
        to_json(&value, 0)?.ok_or(JsonataError::Undefined)
    }

    /// The value of a template of a JSONata state. `field` names the place in errors.
    pub fn fill(&mut self, template: &Template, field: &str) -> Result<Value, (String, String)> {
        match template {
            Template::Literal(value) => Ok(value.clone()),
            Template::Expression(expression) => {
                self.evaluate(expression).map_err(|error| (error.sentence(expression.text(), field), field.to_owned()))
            }
            Template::Array(items) => items.iter().enumerate().map(|(index, item)| self.fill(item, &format!("{field}[{index}]"))).collect(),
            Template::Object(fields) => {
                let mut out = Map::with_capacity(fields.len());
                for (name, value) in fields {
                    out.insert(name.clone(), self.fill(value, &format!("{field}/{name}"))?);
                }
                Ok(Value::Object(out))
            }
            // Of the other language.
            Template::Path { .. } | Template::Call { .. } => Ok(Value::Null),
        }
    }
}

/// AWS's words for the three bounds; otherwise JSONata's own.
fn message(text: &str) -> String {
    let (code, _) = text.split_once(':').unwrap_or((text, ""));
    match code {
        "D1012" | "U1003" => "Expression evaluation timeout".to_owned(),
        "D1011" | "U1001" => "Stack overflow error".to_owned(),
        "D2014" | "D2015" => OUT_OF_MEMORY.to_owned(),
        _ => text.to_owned(),
    }
}

/// `None` for undefined. Whole numbers become integers.
fn to_json(value: &JValue, depth: usize) -> Result<Option<Value>, JsonataError> {
    if depth > DEEPEST_VALUE {
        return Err(JsonataError::Threw("Stack overflow error".to_owned()));
    }
    Ok(Some(match value {
        JValue::Undefined => return Ok(None),
        JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => return Err(JsonataError::Unsupported),
        JValue::Null => Value::Null,
        JValue::Bool(flag) => Value::Bool(*flag),
        JValue::Number(number) if number.fract() == 0.0 && number.abs() < 9.2e18 => Value::from(*number as i64),
        JValue::Number(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        JValue::String(text) => Value::String(text.to_string()),
        JValue::Array(items) => {
            let mut out = Vec::with_capacity(items.len());
            for item in items.iter() {
                out.extend(to_json(item, depth + 1)?);
            }
            Value::Array(out)
        }
        JValue::Object(_) => {
            let mut out = Map::new();
            for (name, field) in value.as_object().into_iter().flatten() {
                if let Some(field) = to_json(field, depth + 1)? {
                    out.insert(name.clone(), field);
                }
            }
            Value::Object(out)
        }
    }))
}

//! AWS's additional functions, those that must not read a clock, and the charges that bound memory.

use super::check::{CHARGE, CHARGE_PRODUCT, LIMIT};
use crate::{
    intrinsics::hexadecimal_digest,
    random::{JavaRandom, Random},
    time,
};
use jsonata_core::{
    evaluator::{Evaluator, EvaluatorError},
    value::JValue,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// So many bytes may be copied into strings and arrays by one evaluation.
const MOST_BYTES: usize = 64 * 1024 * 1024;
const LONGEST_PAD: f64 = 1_000_000.0;
const LONGEST_RANGE: f64 = 1_000_000.0;
pub(super) const OUT_OF_MEMORY: &str = "Expression evaluation memory limit exceeded";

fn failed<T>(message: impl Into<String>) -> Result<T, EvaluatorError> {
    Err(EvaluatorError::EvaluationError(message.into()))
}

/// Registers all of them. `spent` is set back to zero before every evaluation.
pub(super) fn register(evaluator: &mut Evaluator, now: i64, random: &Rc<RefCell<Random>>, spent: &Rc<Cell<usize>>) -> Result<(), EvaluatorError> {
    let budget = Rc::clone(spent);
    evaluator.register_fn(CHARGE, move |args: &[JValue]| {
        let value = args.first().cloned().unwrap_or(JValue::Undefined);
        spend(&budget, weight(&value))?;
        Ok(value)
    })?;
    let budget = Rc::clone(spent);
    evaluator.register_fn(CHARGE_PRODUCT, move |args: &[JValue]| {
        let value = args.first().cloned().unwrap_or(JValue::Undefined);
        let replacement = args.get(1).and_then(JValue::as_str).map_or(64, |text| text.len() + 1);
        spend(&budget, weight(&value).saturating_mul(replacement))?;
        Ok(value)
    })?;
    evaluator.register_fn(LIMIT, |args: &[JValue]| match args.first() {
        Some(JValue::Number(number)) if number.abs() > LONGEST_PAD => failed(OUT_OF_MEMORY),
        value => Ok(value.cloned().unwrap_or(JValue::Undefined)),
    })?;
    evaluator.register_fn("partition", |args: &[JValue]| partition(args))?;
    evaluator.register_fn("range", |args: &[JValue]| range(args))?;
    evaluator.register_fn("hash", |args: &[JValue]| {
        let (Some(data), Some(algorithm)) = (args.first().and_then(JValue::as_str), args.get(1).and_then(JValue::as_str)) else {
            return failed("T0410: The arguments of function \"hash\" must be two strings");
        };
        match hexadecimal_digest(data.as_bytes(), algorithm) {
            Some(digest) => Ok(JValue::from(digest)),
            None => failed(format!("Unknown hashing algorithm: {algorithm}")),
        }
    })?;
    let numbers = Rc::clone(random);
    evaluator.register_fn("uuid", move |_: &[JValue]| Ok(JValue::from(numbers.borrow_mut().uuid())))?;
    evaluator.register_fn("parse", |args: &[JValue]| match args.first() {
        Some(JValue::String(text)) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => Ok(JValue::from(value)),
            Err(error) => failed(format!("The argument of function \"parse\" is not valid JSON: {error}")),
        },
        _ => Ok(JValue::Undefined),
    })?;
    let numbers = Rc::clone(random);
    evaluator.register_fn_override("random", move |args: &[JValue]| match args.first() {
        None | Some(JValue::Undefined) => Ok(JValue::from(numbers.borrow_mut().fraction())),
        Some(JValue::Number(seed)) => Ok(JValue::from(JavaRandom::new(*seed as i64).fraction())),
        Some(_) => failed("T0410: Argument 1 of function \"random\" does not match function signature"),
    })?;
    let rest = Rc::clone(random);
    evaluator.register_fn_override("shuffle", move |args: &[JValue]| {
        let Some(items) = args.first().and_then(JValue::as_array) else { return Ok(args.first().cloned().unwrap_or(JValue::Undefined)) };
        let mut items = items.clone();
        for last in (1..items.len()).rev() {
            let other = rest.borrow_mut().below(u64::try_from(last + 1).unwrap_or(1));
            items.swap(last, usize::try_from(other).unwrap_or(0));
        }
        Ok(JValue::array(items))
    })?;
    evaluator.register_fn_override("millis", move |_: &[JValue]| Ok(JValue::from(now)))?;
    // AWS: unverified: pictures for $now; the instant is printed as JSONata does without one.
    evaluator.register_fn_override("now", move |_: &[JValue]| Ok(JValue::from(with_millis(now))))?;
    evaluator.register_fn_override("eval", |_: &[JValue]| failed("The function '$eval' is not supported"))
}

fn with_millis(now: i64) -> String {
    let text = time::instant(now);
    let seconds = text.get(..19).unwrap_or(&text);
    format!("{seconds}.{:03}Z", now.rem_euclid(1000))
}

fn spend(spent: &Cell<usize>, bytes: usize) -> Result<(), EvaluatorError> {
    spent.set(spent.get().saturating_add(bytes));
    if spent.get() > MOST_BYTES { failed(OUT_OF_MEMORY) } else { Ok(()) }
}

/// About the bytes that a copy of a value takes: items of arrays are shared, so only their count matters.
fn weight(value: &JValue) -> usize {
    match value {
        JValue::String(text) => text.len(),
        JValue::Array(items) => items.iter().map(|item| if let JValue::String(text) = item { text.len() + 24 } else { 24 }).sum(),
        JValue::Object(fields) => fields.len() * 64,
        _ => 8,
    }
}

/// A number, rounded down.
fn whole(args: &[JValue], index: usize, function: &str) -> Result<f64, EvaluatorError> {
    match args.get(index) {
        Some(JValue::Number(number)) if number.is_finite() => Ok(number.floor()),
        _ => failed(format!("T0410: Argument {} of function \"{function}\" does not match function signature", index + 1)),
    }
}

fn partition(args: &[JValue]) -> Result<JValue, EvaluatorError> {
    let items = match args.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::Array(items)) => items.to_vec(),
        Some(other) => vec![other.clone()],
    };
    let length = whole(args, 1, "partition")?;
    if length < 1.0 {
        return failed("The chunk size of function \"partition\" must be positive");
    }
    let length = if length > 1e9 { usize::MAX } else { length as usize };
    Ok(JValue::array(items.chunks(length).map(|chunk| JValue::array(chunk.to_vec())).collect()))
}

fn range(args: &[JValue]) -> Result<JValue, EvaluatorError> {
    let (first, last, step) = (whole(args, 0, "range")?, whole(args, 1, "range")?, whole(args, 2, "range")?);
    if step == 0.0 {
        return failed("The step of function \"range\" must not be 0");
    }
    let steps = ((last - first) / step).floor();
    if steps >= LONGEST_RANGE {
        return failed(OUT_OF_MEMORY);
    }
    let steps = if steps < 0.0 { 0 } else { steps as u64 + 1 };
    // AWS: a range of one number is that number (recorded).
    Ok(match steps {
        1 => JValue::from(first),
        _ => JValue::array((0..steps).map(|index| JValue::from(first + step * index as f64)).collect()),
    })
}

//! The functions that may end a path: `$.items.length()`.

use super::{
    evaluate::at,
    path::{Function, PathError},
};
use crate::text::integer;
use serde_json::{Number, Value};

impl Function {
    pub fn apply(self, value: Value, arguments: &[Value]) -> Result<Value, PathError> {
        match self {
            Function::Length => Ok(match &value {
                Value::Array(items) => items.len().into(),
                Value::Object(fields) => fields.len().into(),
                _ => Value::Null,
            }),
            Function::Keys => Ok(match value {
                Value::Object(fields) => fields.into_iter().map(|(name, _)| Value::String(name)).collect(),
                _ => Value::Null,
            }),
            Function::Concat => {
                let items = match value {
                    Value::Array(items) => items,
                    _ => Vec::new(),
                };
                let text = items.iter().chain(arguments).map(crate::text::java_text).collect();
                Ok(Value::String(text))
            }
            Function::Append => Ok(match value {
                Value::Array(mut items) => {
                    items.extend(arguments.iter().cloned());
                    Value::Array(items)
                }
                other => other,
            }),
            Function::First => pick(&value, Some(0)),
            Function::Last => pick(&value, Some(-1)),
            Function::Index => pick(&value, arguments.first().and_then(integer)),
            Function::Min | Function::Max | Function::Average | Function::Deviation | Function::Sum => self.aggregate(&value, arguments),
        }
    }

    fn aggregate(self, value: &Value, arguments: &[Value]) -> Result<Value, PathError> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let numbers: Vec<f64> = items.iter().chain(arguments).filter_map(Value::as_f64).collect();
        if numbers.is_empty() {
            return Err(PathError("Aggregation function attempted to calculate value using empty array".to_owned()));
        }
        let count = numbers.len() as f64;
        let sum: f64 = numbers.iter().sum();
        let result = match self {
            Function::Min => numbers.into_iter().fold(f64::INFINITY, f64::min),
            Function::Max => numbers.into_iter().fold(f64::NEG_INFINITY, f64::max),
            Function::Average => sum / count,
            Function::Deviation => {
                let squares: f64 = numbers.iter().map(|number| number * number).sum();
                (squares / count - sum * sum / count / count).sqrt()
            }
            _ => sum,
        };
        Ok(Number::from_f64(result).map_or(Value::Null, Value::Number))
    }
}

fn pick(value: &Value, index: Option<i64>) -> Result<Value, PathError> {
    let item = value.as_array().zip(index).and_then(|(items, index)| at(items, index));
    item.cloned().ok_or_else(|| PathError("Aggregation function attempted to calculate value using empty array".to_owned()))
}

//! What each function computes.

use super::call::Function;
use crate::{
    random::{JavaRandom, Random},
    text::{java_text, size, to_text},
};
use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use serde_json::Value;

/// AWS: strings to encode, decode and hash.
const LONGEST_TEXT: usize = 10_000;
/// AWS: items of ArrayRange.
const LONGEST_RANGE: i64 = 1000;
const LARGEST: usize = 262_144;

impl Function {
    pub(super) fn apply(self, values: Vec<Value>, random: &mut Random) -> Result<Value, String> {
        let result = match self {
            Function::Array => Value::Array(values),
            Function::ArrayPartition => partition(array(&values, 0)?, whole(&values, 1)?)?,
            Function::ArrayContains => Value::Bool(array(&values, 0)?.contains(argument(&values, 1))),
            Function::ArrayRange => range(whole(&values, 0)?, whole(&values, 1)?, whole(&values, 2)?)?,
            Function::ArrayGetItem => {
                let (items, index) = (array(&values, 0)?, whole(&values, 1)?);
                let item = usize::try_from(index).ok().and_then(|index| items.get(index));
                item.cloned().ok_or_else(|| format!("Index {index} out of bounds for length {}", items.len()))?
            }
            Function::ArrayLength => array(&values, 0)?.len().into(),
            Function::ArrayUnique => {
                let mut seen = std::collections::HashSet::new();
                array(&values, 0)?.iter().filter(|item| seen.insert(to_text(item))).cloned().collect()
            }
            Function::Base64Encode => Value::String(STANDARD.encode(short(&values, 0)?)),
            Function::Base64Decode => {
                let bytes = STANDARD.decode(short(&values, 0)?).map_err(|_| "The argument is not valid Base64".to_owned())?;
                Value::String(String::from_utf8_lossy(&bytes).into_owned())
            }
            Function::Hash => hash(argument(&values, 0), text(&values, 1)?)?,
            Function::JsonMerge => merge(values)?,
            // AWS: recorded: a blank text is null, and -0 is 0.
            Function::StringToJson => match text(&values, 0)?.trim() {
                "" => Value::Null,
                "-0" => 0.into(),
                text => serde_json::from_str(text).map_err(|error| error.to_string())?,
            },
            Function::JsonToString => Value::String(to_text(argument(&values, 0))),
            Function::MathRandom => math_random(&values, random)?,
            Function::MathAdd => math_add(argument(&values, 0), argument(&values, 1))?,
            Function::StringSplit => {
                let delimiters = text(&values, 1)?;
                let pieces = text(&values, 0)?.split(|character| delimiters.contains(character)).filter(|piece| !piece.is_empty());
                pieces.map(Value::from).collect()
            }
            Function::UUID => Value::String(random.uuid()),
            Function::Format => Value::String(format_text(&values)?),
        };
        if size(&result) > LARGEST {
            return Err("The result is larger than 262144 bytes".to_owned());
        }
        Ok(result)
    }
}

fn argument(values: &[Value], index: usize) -> &Value {
    values.get(index).unwrap_or(&Value::Null)
}

fn array(values: &[Value], index: usize) -> Result<&[Value], String> {
    argument(values, index).as_array().map(Vec::as_slice).ok_or_else(|| invalid(values, index, "an array"))
}

fn text(values: &[Value], index: usize) -> Result<&str, String> {
    argument(values, index).as_str().ok_or_else(|| invalid(values, index, "a string"))
}

fn short(values: &[Value], index: usize) -> Result<&str, String> {
    let text = text(values, index)?;
    if text.chars().count() > LONGEST_TEXT {
        return Err(format!("The argument is longer than {LONGEST_TEXT} characters"));
    }
    Ok(text)
}

/// A number, rounded to the nearest whole one.
fn whole(values: &[Value], index: usize) -> Result<i64, String> {
    let value = argument(values, index);
    let rounded = || value.as_f64().filter(|number| number.abs() < 9e15).map(|number| number.round() as i64);
    value.as_i64().or_else(rounded).ok_or_else(|| invalid(values, index, "a number"))
}

fn invalid(values: &[Value], index: usize, expected: &str) -> String {
    format!("Argument {} must be {expected} but was: {}", index + 1, to_text(argument(values, index)))
}

fn partition(items: &[Value], length: i64) -> Result<Value, String> {
    let length = usize::try_from(length).ok().filter(|length| *length > 0).ok_or("The chunk size must be a positive number")?;
    Ok(items.chunks(length).map(|chunk| Value::Array(chunk.to_vec())).collect())
}

fn range(start: i64, end: i64, step: i64) -> Result<Value, String> {
    let distance = end.saturating_sub(start);
    let Some(steps) = distance.checked_div(step) else { return Err("The step must not be 0".to_owned()) };
    if distance != 0 && (distance < 0) != (step < 0) {
        return Ok(Value::Array(Vec::new()));
    }
    if steps >= LONGEST_RANGE {
        return Err(format!("The range has more than {LONGEST_RANGE} items"));
    }
    Ok((0..=steps).map(|index| Value::from(start + index * step)).collect())
}

/// The hexadecimal digest under one of the five algorithms, which JSONata's `$hash` has as well.
pub(crate) fn hexadecimal_digest(bytes: &[u8], algorithm: &str) -> Option<String> {
    let algorithm = match algorithm {
        "MD5" => return Some(hex::encode(Md5::digest(bytes))),
        "SHA-1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "SHA-256" => &digest::SHA256,
        "SHA-384" => &digest::SHA384,
        "SHA-512" => &digest::SHA512,
        _ => return None,
    };
    Some(hex::encode(digest::digest(algorithm, bytes)))
}

fn hash(data: &Value, algorithm: &str) -> Result<Value, String> {
    let text = data.as_str().map_or_else(|| to_text(data), str::to_owned);
    if text.chars().count() > LONGEST_TEXT {
        return Err(format!("The argument is longer than {LONGEST_TEXT} characters"));
    }
    let digest = hexadecimal_digest(text.as_bytes(), algorithm);
    digest.map(Value::String).ok_or_else(|| format!("Unknown hashing algorithm: {algorithm}"))
}

fn merge(values: Vec<Value>) -> Result<Value, String> {
    let mut values = values.into_iter();
    match (values.next(), values.next(), values.next()) {
        (Some(Value::Object(mut left)), Some(Value::Object(right)), Some(Value::Bool(false))) => {
            left.extend(right);
            Ok(Value::Object(left))
        }
        (_, _, Some(Value::Bool(true))) => Err("Deep merge is not supported".to_owned()),
        _ => Err("The arguments must be two objects and false".to_owned()),
    }
}

fn math_random(values: &[Value], random: &mut Random) -> Result<Value, String> {
    let (start, end) = (whole(values, 0)?, whole(values, 1)?);
    let span = end.checked_sub(start).filter(|span| *span > 0).ok_or("The end must be greater than the start")?;
    if values.len() == 3 {
        let span = i32::try_from(span).map_err(|_| "The range is too large".to_owned())?;
        return Ok(Value::from(start + i64::from(JavaRandom::new(whole(values, 2)?).below(span))));
    }
    let offset = random.below(span.unsigned_abs());
    Ok(Value::from(start.saturating_add_unsigned(offset)))
}

/// Rounds half up, as recorded from AWS; within the range of Java's `int`.
fn math_add(left: &Value, right: &Value) -> Result<Value, String> {
    let number = |value: &Value| {
        let rounded = value.as_f64().map(|number| (number + 0.5).floor());
        rounded.filter(|number| (-2_147_483_648.0..=2_147_483_647.0).contains(number)).map(|number| number as i64)
    };
    let sum =
        number(left).zip(number(right)).map(|(left, right)| left + right).ok_or("The arguments must be numbers from -2147483648 to 2147483647")?;
    i32::try_from(sum).map(Value::from).map_err(|_| "The sum is out of range".to_owned())
}

fn format_text(values: &[Value]) -> Result<String, String> {
    let template = text(values, 0)?;
    let mut arguments = values.iter().skip(1);
    let mut out = String::new();
    let mut characters = template.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('{' | '}' | '\\' | '\'')) => out.push(escaped),
                _ => return Err("A backslash must be followed by {, }, \\ or '".to_owned()),
            },
            '{' if characters.next_if_eq(&'}').is_some() => {
                let argument = arguments.next().ok_or("There are fewer arguments than placeholders")?;
                out.push_str(&java_text(argument));
            }
            '{' | '}' => return Err("A brace of the template is neither escaped nor a placeholder".to_owned()),
            other => out.push(other),
        }
        if out.len() > LARGEST {
            return Err("The result is larger than 262144 bytes".to_owned());
        }
    }
    if arguments.next().is_some() {
        return Err("There are more arguments than placeholders".to_owned());
    }
    Ok(out)
}

//! Filters: `[?(@.price > 10 && @.name =~ /a.*/i)]`.

use super::{
    evaluate::evaluate_in,
    path::{Expression, Operand, Operator, Pattern},
    reader::{PathSyntaxError, Reader, literal},
};
use regex::RegexBuilder;
use serde_json::Value;
use std::cmp::Ordering;

const DEEPEST: usize = 32;
const LARGEST_REGEX: usize = 256 * 1024;

/// Longer spellings before those that they start with.
const OPERATORS: [(&str, Operator); 19] = [
    ("===", Operator::Equal),
    ("==", Operator::Equal),
    ("=~", Operator::Matches),
    ("!==", Operator::NotEqual),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    ("<", Operator::Less),
    (">=", Operator::GreaterOrEqual),
    (">", Operator::Greater),
    ("in ", Operator::In),
    ("IN ", Operator::In),
    ("nin ", Operator::NotIn),
    ("NIN ", Operator::NotIn),
    ("subsetof ", Operator::SubsetOf),
    ("anyof ", Operator::AnyOf),
    ("noneof ", Operator::NoneOf),
    ("contains ", Operator::Contains),
    ("size ", Operator::Size),
    ("empty ", Operator::Empty),
];

impl Reader {
    pub fn filter(&mut self, depth: usize) -> Result<Expression, PathSyntaxError> {
        if depth > DEEPEST {
            return Err(PathSyntaxError("Filter is nested too deeply".to_owned()));
        }
        if !self.take('(') {
            return Err(PathSyntaxError(format!("Expected character: ( at position {}", self.position)));
        }
        let expression = or(self, depth + 1)?;
        self.spaces();
        if self.take(')') { Ok(expression) } else { Err(PathSyntaxError(format!("Expected character: ) at position {}", self.position))) }
    }
}

fn or(reader: &mut Reader, depth: usize) -> Result<Expression, PathSyntaxError> {
    let mut parts = vec![and(reader, depth)?];
    reader.spaces();
    while reader.take_text("||") {
        parts.push(and(reader, depth)?);
        reader.spaces();
    }
    Ok(single(parts, Expression::Or))
}

fn and(reader: &mut Reader, depth: usize) -> Result<Expression, PathSyntaxError> {
    let mut parts = vec![term(reader, depth)?];
    reader.spaces();
    while reader.take_text("&&") {
        parts.push(term(reader, depth)?);
        reader.spaces();
    }
    Ok(single(parts, Expression::And))
}

fn single(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn term(reader: &mut Reader, depth: usize) -> Result<Expression, PathSyntaxError> {
    if depth > DEEPEST {
        return Err(PathSyntaxError("Filter is nested too deeply".to_owned()));
    }
    reader.spaces();
    if reader.peek() == Some('(') {
        return reader.filter(depth + 1);
    }
    if reader.take('!') {
        return Ok(Expression::Not(Box::new(term(reader, depth + 1)?)));
    }
    let left = operand(reader, depth)?;
    reader.spaces();
    let Some((_, operator)) = OPERATORS.into_iter().find(|(text, _)| reader.take_text(text)) else {
        return Ok(Expression::Exists(left));
    };
    reader.spaces();
    Ok(Expression::Compare(left, operator, operand(reader, depth)?))
}

fn operand(reader: &mut Reader, depth: usize) -> Result<Operand, PathSyntaxError> {
    match reader.peek() {
        Some(root @ ('@' | '$')) => {
            reader.advance();
            Ok(Operand::Path { of_item: root == '@', steps: reader.steps(depth + 1)? })
        }
        Some('/') => {
            reader.advance();
            let mut pattern = String::new();
            loop {
                match reader.next() {
                    None => return Err(PathSyntaxError("Pattern not closed".to_owned())),
                    Some('/') => break,
                    Some('\\') if reader.peek() == Some('/') => {
                        reader.advance();
                        pattern.push('/');
                    }
                    Some(character) => pattern.push(character),
                }
            }
            let flags = reader.while_some(|character| character.is_ascii_alphabetic());
            RegexBuilder::new(&format!("^(?:{pattern})$"))
                .case_insensitive(flags.contains('i'))
                .multi_line(flags.contains('m'))
                .dot_matches_new_line(flags.contains('s'))
                .size_limit(LARGEST_REGEX)
                .build()
                .map(|regex| Operand::Pattern(Pattern(regex)))
                .map_err(|_| PathSyntaxError(format!("Invalid pattern: {pattern}")))
        }
        // AWS: unverified: a word without quotes is a text, as samples that AWS publishes have it.
        Some(first) if first.is_alphabetic() => {
            let word = reader.while_some(|character| character.is_alphanumeric() || matches!(character, '_' | '-'));
            Ok(Operand::Literal(serde_json::from_str(&word).unwrap_or(Value::String(word))))
        }
        _ => literal(reader).map(Operand::Literal),
    }
}

impl Expression {
    pub fn accepts(&self, item: &Value, document: &Value) -> bool {
        match self {
            Expression::Or(parts) => parts.iter().any(|part| part.accepts(item, document)),
            Expression::And(parts) => parts.iter().all(|part| part.accepts(item, document)),
            Expression::Not(part) => !part.accepts(item, document),
            Expression::Exists(Operand::Literal(value)) => value == &Value::Bool(true),
            Expression::Exists(operand) => operand.value(item, document).is_some(),
            Expression::Compare(left, operator, right) => {
                if let (Operator::Matches, Operand::Pattern(pattern)) = (operator, right) {
                    return left.value(item, document).as_ref().and_then(Value::as_str).is_some_and(|text| pattern.0.is_match(text));
                }
                compare(left.value(item, document), *operator, right.value(item, document))
            }
        }
    }
}

impl Operand {
    fn value(&self, item: &Value, document: &Value) -> Option<Value> {
        match self {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Path { of_item, steps } => evaluate_in(steps, if *of_item { item } else { document }, document).ok(),
            Operand::Pattern(_) => None,
        }
    }
}

fn compare(left: Option<Value>, operator: Operator, right: Option<Value>) -> bool {
    let (Some(left), Some(right)) = (&left, &right) else {
        return match operator {
            Operator::NotEqual => left.is_some() || right.is_some(),
            Operator::Equal => left.is_none() && right.is_none(),
            _ => false,
        };
    };
    let contains = |list: &Value, item: &Value| list.as_array().is_some_and(|list| list.iter().any(|other| same(other, item)));
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
    match operator {
        Operator::Equal => same(left, right),
        Operator::NotEqual => !same(left, right),
        Operator::Less => order(left, right) == Some(Ordering::Less),
        Operator::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
        Operator::Greater => order(left, right) == Some(Ordering::Greater),
        Operator::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
        Operator::Matches => false,
        Operator::In => contains(right, left),
        Operator::NotIn => !contains(right, left),
        Operator::SubsetOf => left.is_array() && items(left).iter().all(|item| contains(right, item)),
        Operator::AnyOf => items(left).iter().any(|item| contains(right, item)),
        Operator::NoneOf => left.is_array() && !items(left).iter().any(|item| contains(right, item)),
        Operator::Contains => match (left, right) {
            (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
            _ => contains(left, right),
        },
        Operator::Size => size(left).is_some() && size(left) == right.as_u64(),
        Operator::Empty => size(left).is_some_and(|size| (size == 0) == (right == &Value::Bool(true))),
    }
}

fn size(value: &Value) -> Option<u64> {
    match value {
        Value::Array(items) => u64::try_from(items.len()).ok(),
        Value::String(text) => u64::try_from(text.chars().count()).ok(),
        Value::Object(fields) => u64::try_from(fields.len()).ok(),
        _ => None,
    }
}

fn same(left: &Value, right: &Value) -> bool {
    left == right || order(left, right) == Some(Ordering::Equal)
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

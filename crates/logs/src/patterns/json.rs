//! JSON patterns: `{ $.a.b[0] = "x*" && ($.n >= 3 || $.m NOT EXISTS) }`.

use super::{
    InvalidPattern,
    lexer::Lexer,
    values::{Comparison, Operand},
};
use serde_json::Value;
use std::collections::BTreeMap;

const DEEPEST: usize = 32;

#[derive(Debug)]
pub(super) struct JsonPattern(Condition);

#[derive(Debug)]
enum Condition {
    Is(Selector, Test),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

#[derive(Debug)]
enum Test {
    Compares(Comparison, Operand),
    Exists,
    NotExists,
    IsNull,
    IsTrue,
    IsFalse,
}

#[derive(Debug)]
struct Selector {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Property(String),
    Index(usize),
}

impl Selector {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |value, step| match step {
            Step::Property(name) => value.get(name.as_str()),
            Step::Index(index) => value.get(*index),
        })
    }
}

impl Condition {
    fn holds(&self, event: &Value) -> bool {
        match self {
            Condition::Is(selector, test) => test.holds(selector.of(event)),
            Condition::All(all) => all.iter().all(|one| one.holds(event)),
            Condition::Any(any) => any.iter().any(|one| one.holds(event)),
        }
    }

    fn each<'c>(&'c self, visit: &mut dyn FnMut(&'c Selector, &'c Test)) {
        match self {
            Condition::Is(selector, test) => visit(selector, test),
            Condition::All(of) | Condition::Any(of) => of.iter().for_each(|one| one.each(visit)),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Test::Exists, value) => value.is_some(),
            (Test::NotExists, value) => value.is_none(),
            (Test::IsNull, value) => value.is_some_and(Value::is_null),
            (Test::IsTrue, value) => value.and_then(Value::as_bool) == Some(true),
            (Test::IsFalse, value) => value.and_then(Value::as_bool) == Some(false),
            // AWS: unverified: what is not there differs from nothing.
            (Test::Compares(..), None | Some(Value::Null | Value::Object(_) | Value::Array(_))) => false,
            (Test::Compares(comparison, operand), Some(value)) => match value {
                Value::String(text) => operand.holds(*comparison, text, text.parse().ok()),
                other => operand.holds(*comparison, &other.to_string(), other.as_f64()),
            },
        }
    }
}

impl JsonPattern {
    pub(super) fn parse(text: &str) -> Result<JsonPattern, InvalidPattern> {
        let mut lexer = Lexer::new(text);
        lexer.take("{");
        let condition = any(&mut lexer, 0)?;
        lexer.skip_spaces();
        if !lexer.take("}") || !lexer.is_at_end() {
            return Err(InvalidPattern::new("Invalid filter pattern: a brace is not closed"));
        }
        Ok(JsonPattern(condition))
    }

    fn event(&self, message: &str) -> Option<Value> {
        // Most messages that are no JSON show it at once.
        if !message.trim_start().starts_with(['{', '[']) {
            return None;
        }
        serde_json::from_str(message).ok().filter(|event| self.0.holds(event))
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        self.event(message).is_some()
    }

    pub(super) fn extract(&self, message: &str) -> Option<BTreeMap<String, String>> {
        let event = self.event(message)?;
        let mut found = BTreeMap::new();
        self.0.each(&mut |selector, _| {
            if let Some(value) = selector.of(&event) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                found.insert(selector.text.clone(), text);
            }
        });
        Some(found)
    }

    pub(super) fn regexes(&self) -> usize {
        let mut count = 0;
        self.0.each(&mut |_, test| count += usize::from(matches!(test, Test::Compares(_, operand) if operand.is_regex())));
        count
    }
}

fn any(lexer: &mut Lexer<'_>, depth: usize) -> Result<Condition, InvalidPattern> {
    let mut list = vec![all(lexer, depth)?];
    loop {
        lexer.skip_spaces();
        if !lexer.take("||") {
            break;
        }
        list.push(all(lexer, depth)?);
    }
    Ok(one_or(list, Condition::Any))
}

fn all(lexer: &mut Lexer<'_>, depth: usize) -> Result<Condition, InvalidPattern> {
    let mut list = vec![one(lexer, depth)?];
    loop {
        lexer.skip_spaces();
        if !lexer.take("&&") {
            break;
        }
        list.push(one(lexer, depth)?);
    }
    Ok(one_or(list, Condition::All))
}

fn one_or(mut list: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match (list.len(), list.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            list.extend(last);
            many(list)
        }
    }
}

fn one(lexer: &mut Lexer<'_>, depth: usize) -> Result<Condition, InvalidPattern> {
    lexer.skip_spaces();
    if lexer.take("(") {
        if depth == DEEPEST {
            return Err(InvalidPattern::new("Invalid filter pattern: it is too deep"));
        }
        let inner = any(lexer, depth + 1)?;
        lexer.skip_spaces();
        return if lexer.take(")") { Ok(inner) } else { Err(InvalidPattern::new("Invalid filter pattern: a parenthesis is not closed")) };
    }
    let selector = selector(lexer)?;
    lexer.skip_spaces();
    Ok(Condition::Is(selector, test(lexer)?))
}

fn test(lexer: &mut Lexer<'_>) -> Result<Test, InvalidPattern> {
    let invalid = || InvalidPattern::new("Invalid filter pattern: a comparison is missing");
    if lexer.take_word("NOT") {
        lexer.skip_spaces();
        return if lexer.take_word("EXISTS") { Ok(Test::NotExists) } else { Err(invalid()) };
    }
    if lexer.take_word("EXISTS") {
        return Ok(Test::Exists);
    }
    if lexer.take_word("IS") {
        lexer.skip_spaces();
        let tests = [("NULL", Test::IsNull), ("TRUE", Test::IsTrue), ("FALSE", Test::IsFalse)];
        return tests.into_iter().find(|(word, _)| lexer.take_word(word)).map(|(_, test)| test).ok_or_else(invalid);
    }
    let comparison = Comparison::read(lexer).ok_or_else(invalid)?;
    let operand = Operand::read(lexer, "})&|")?;
    Ok(match (&operand, comparison) {
        // `= *`: the property is there.
        (Operand::Text(parts), Comparison::Equal) if parts.len() > 1 && parts.iter().all(String::is_empty) => Test::Exists,
        _ => Test::Compares(comparison, operand),
    })
}

fn selector(lexer: &mut Lexer<'_>) -> Result<Selector, InvalidPattern> {
    let invalid = || InvalidPattern::new("Invalid filter pattern: a property selector begins with a dollar sign");
    if !lexer.take("$") {
        return Err(invalid());
    }
    let (mut text, mut steps) = ("$".to_owned(), Vec::new());
    loop {
        if lexer.take(".") {
            let name = lexer.take_while(|c| c.is_alphanumeric() || "_-@/:".contains(c));
            if name.is_empty() {
                return Err(invalid());
            }
            text.push('.');
            text.push_str(name);
            steps.push(Step::Property(name.to_owned()));
        } else if lexer.take("[") {
            let step = match lexer.peek() {
                Some(quote @ ('"' | '\'')) => Step::Property(lexer.quoted(quote)?),
                _ => Step::Index(lexer.take_while(|c| c.is_ascii_digit()).parse().map_err(|_| invalid())?),
            };
            match &step {
                Step::Property(name) => text.push_str(&format!("['{name}']")),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
            steps.push(step);
            if !lexer.take("]") {
                return Err(invalid());
            }
        } else {
            break;
        }
    }
    Ok(Selector { text, steps })
}

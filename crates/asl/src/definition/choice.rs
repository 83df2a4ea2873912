//! The rules of Choice states: the 39 comparators, And, Or and Not, and JSONata's Condition.

use super::{
    fields::{Checker, Fields},
    rules::{Comparison, Operand, Operation, Order, Rule, Test},
    table::language_refusal,
    types::{Detail, Language},
};
use crate::{jsonata::expression_text, time};
use serde_json::Value;

const ORDERS: [(&str, Order); 5] = [
    ("Equals", Order::Equals),
    ("LessThan", Order::LessThan),
    ("GreaterThan", Order::GreaterThan),
    ("LessThanEquals", Order::LessThanEquals),
    ("GreaterThanEquals", Order::GreaterThanEquals),
];

const SINGLE: [(&str, Operation); 8] = [
    ("BooleanEquals", Operation::BooleanEquals),
    ("StringMatches", Operation::StringMatches),
    ("IsNull", Operation::IsNull),
    ("IsPresent", Operation::IsPresent),
    ("IsNumeric", Operation::IsNumeric),
    ("IsString", Operation::IsString),
    ("IsBoolean", Operation::IsBoolean),
    ("IsTimestamp", Operation::IsTimestamp),
];

impl Operation {
    fn named(name: &str) -> Option<Operation> {
        let of = |prefix: &str| ORDERS.into_iter().find(|(suffix, _)| name.strip_prefix(prefix) == Some(suffix)).map(|(_, order)| order);
        let ordered = of("String")
            .map(Operation::String)
            .or_else(|| of("Numeric").map(Operation::Numeric))
            .or_else(|| of("Timestamp").map(Operation::Timestamp));
        ordered.or_else(|| SINGLE.into_iter().find(|(known, _)| *known == name).map(|(_, operation)| operation))
    }

    /// Whether `StringEqualsPath` and the like exist.
    fn has_path(self) -> bool {
        matches!(self, Operation::String(_) | Operation::Numeric(_) | Operation::Timestamp(_) | Operation::BooleanEquals)
    }

    fn takes(self, value: &Value) -> Result<(), &'static str> {
        let (fits, expected) = match self {
            Operation::String(_) | Operation::StringMatches => (value.is_string(), "Expected value of type String"),
            Operation::Numeric(_) => (value.is_number(), "Expected value of type Number"),
            Operation::Timestamp(_) => (value.as_str().is_some_and(|text| time::parse(text).is_some()), "Value is not a valid ISO-8601 timestamp"),
            _ => (value.is_boolean(), "Expected value of type Boolean"),
        };
        if fits { Ok(()) } else { Err(expected) }
    }
}

pub(super) fn read(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<Detail> {
    checker.require(fields, &["Choices"], location);
    let here = format!("{location}/Choices");
    let Some(choices) = fields.get("Choices")?.as_array() else {
        checker.refuse("Expected value of type Array", here);
        return None;
    };
    if choices.is_empty() {
        checker.refuse("Value cannot be empty", here.clone());
    }
    let mut rules = Vec::new();
    for (index, choice) in choices.iter().enumerate() {
        let location = format!("{here}[{index}]");
        let Some(fields) = checker.object(choice, &location) else { continue };
        checker.require(fields, &["Next"], &location);
        let next = checker.string(fields, "Next", &location).unwrap_or_default();
        let assign = checker.assign(fields, language, &[], &location);
        if fields.contains_key("Output")
            && let Some(message) = language_refusal("Output", Language::Jsonata, language)
        {
            checker.refuse(message, location.clone());
        }
        let output = checker.payload(fields, "Output", language, &[], &location);
        let test = match language {
            Language::Jsonata => condition(checker, fields, &location),
            Language::JsonPath => test(checker, fields, true, &location),
        };
        rules.extend(test.map(|test| Rule { test, next, assign, output }));
    }
    Some(Detail::Choice { rules, default: checker.string(fields, "Default", location) })
}

fn condition(checker: &mut Checker<'_>, fields: &Fields, location: &str) -> Option<Test> {
    for name in fields.keys().filter(|name| !["Condition", "Next", "Assign", "Output", "Comment"].contains(&name.as_str())) {
        let message = language_refusal(name, Language::JsonPath, Language::Jsonata).unwrap_or_default();
        checker.refuse(message, location);
    }
    checker.require(fields, &["Condition"], location);
    let here = format!("{location}/Condition");
    match fields.get("Condition")? {
        Value::Bool(constant) => Some(Test::Constant(*constant)),
        Value::String(text) if expression_text(text).is_some() => {
            let expression = checker.expression(expression_text(text).unwrap_or_default(), &[], &here)?;
            Some(Test::Condition(expression))
        }
        _ => {
            checker.refuse("Expected value of type Boolean", here);
            None
        }
    }
}

fn test(checker: &mut Checker<'_>, fields: &Fields, top: bool, location: &str) -> Option<Test> {
    if !top {
        for name in ["Next", "Assign"].into_iter().filter(|name| fields.contains_key(*name)) {
            checker.refuse(format!("Field '{name}' is not supported"), location);
        }
    }
    if fields.contains_key("Condition")
        && let Some(message) = language_refusal("Condition", Language::Jsonata, Language::JsonPath)
    {
        checker.refuse(message, location);
        return None;
    }
    for (name, join) in [("And", Test::And as fn(Vec<Test>) -> Test), ("Or", Test::Or)] {
        let Some(value) = fields.get(name) else { continue };
        let here = format!("{location}/{name}");
        let Some(items) = value.as_array().filter(|items| !items.is_empty()) else {
            checker.refuse("Value cannot be empty", here);
            return None;
        };
        let mut tests = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let here = format!("{here}[{index}]");
            let fields = checker.object(item, &here)?;
            tests.push(test(checker, fields, false, &here)?);
        }
        return Some(join(tests));
    }
    if let Some(value) = fields.get("Not") {
        let here = format!("{location}/Not");
        let fields = checker.object(value, &here)?;
        return test(checker, fields, false, &here).map(|test| Test::Not(Box::new(test)));
    }
    comparison(checker, fields, location).map(Test::Compare)
}

fn comparison(checker: &mut Checker<'_>, fields: &Fields, location: &str) -> Option<Comparison> {
    checker.require(fields, &["Variable"], location);
    let variable = checker.string(fields, "Variable", location);
    let variable = variable.and_then(|text| checker.path_text(&text, &format!("{location}/Variable")));
    let mut found = None;
    for (name, value) in fields {
        if ["Variable", "Next", "Assign", "Comment", "Output"].contains(&name.as_str()) {
            continue;
        }
        let here = format!("{location}/{name}");
        let pointed = name.strip_suffix("Path").and_then(Operation::named).filter(|operation| operation.has_path());
        let operand = match (Operation::named(name), pointed, value) {
            (Some(operation), _, value) => {
                if let Err(message) = operation.takes(value) {
                    checker.refuse(message, here);
                    continue;
                }
                Some((operation, Operand::Literal(value.clone())))
            }
            (None, Some(operation), Value::String(text)) => checker.path_text(text, &here).map(|path| (operation, Operand::Path(path))),
            (None, Some(_), _) => {
                checker.refuse("Value is not a valid JSONPath", here);
                None
            }
            (None, None, _) => {
                checker.refuse(format!("Field '{name}' is not supported"), location);
                None
            }
        };
        if found.is_some() && operand.is_some() {
            checker.refuse("A choice rule must have exactly one comparison operator", location);
        }
        found = operand.or(found);
    }
    if found.is_none() {
        checker.refuse("A choice rule must have exactly one comparison operator", location);
    }
    let (operation, operand) = found?;
    Some(Comparison { variable: variable?, operation, operand })
}

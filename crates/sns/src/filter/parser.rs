//! Parses a filter policy, with AWS's messages for what is wrong with it, in the order in which AWS notices.
//! <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>; the messages are recorded from AWS.

use super::{
    Member, Pattern,
    rules::{Bound, Network, Number, Range, Rule, WildcardToken, wildcard},
};
use crate::json::{self, JsonError, Source, Token, Tokenizer};

/// Objects within objects. A deeper policy is too complex anyway: each level multiplies its combinations.
const MAX_DEPTH: usize = 200;

struct Parser<'a> {
    tokens: Tokenizer<'a>,
    depth: usize,
}

struct ParseError(String);
type Parsed<T> = Result<T, ParseError>;

impl From<JsonError> for ParseError {
    fn from(error: JsonError) -> ParseError {
        ParseError(format!("failed to parse JSON. {}", error.0))
    }
}

/// Names that cannot be fields inside `$or`, since they are names of rules.
const RESERVED: [&str; 15] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
];

/// Errors quote the policy as AWS writes it again once it has read it, so that is what is parsed.
pub fn parse(text: &str) -> Result<Pattern, String> {
    let text = json::normalized(text)?;
    Parser { tokens: Tokenizer::new(&text, Source::Quoted), depth: 0 }.policy().map_err(|error| error.0)
}

impl Parser<'_> {
    fn error<T>(&self, message: impl AsRef<str>) -> Parsed<T> {
        Err(ParseError(self.tokens.located(message.as_ref())))
    }

    fn next(&mut self) -> Parsed<Token> {
        Ok(self.tokens.next()?)
    }

    /// The next token, of a string its text.
    fn text(&mut self) -> Parsed<Token> {
        let token = self.tokens.next()?;
        self.tokens.finish_string();
        Ok(token)
    }

    fn policy(&mut self) -> Parsed<Pattern> {
        if self.next()? != Token::StartObject {
            return self.error("Filter is not an object");
        }
        self.object(Context::Policy)
    }

    fn object(&mut self, context: Context) -> Parsed<Pattern> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError("Filter policy is too complex".to_owned()));
        }
        let mut members = Vec::new();
        loop {
            let name = match self.next()? {
                Token::Field(name) => name,
                _ if members.is_empty() => return self.error("Empty objects are not allowed"),
                _ => {
                    self.depth -= 1;
                    return Ok(Pattern { members });
                }
            };
            if name == "$or" {
                members.push(Member::Or(self.alternatives()?));
                continue;
            }
            if context == Context::Or && RESERVED.contains(&name.as_str()) {
                return self.error(format!("{name} is Ruler reserved fieldName which cannot be used inside $or."));
            }
            match self.next()? {
                Token::StartObject => members.push(Member::Nested(name, self.object(context)?)),
                Token::StartArray => members.push(Member::Rules(name, self.rules()?)),
                _ => return self.error(format!("\"{name}\" must be an object or an array")),
            }
        }
    }

    fn alternatives(&mut self) -> Parsed<Vec<Pattern>> {
        if self.next()? != Token::StartArray {
            return self.error("It must be an Array followed with $or.");
        }
        let mut patterns = Vec::new();
        loop {
            match self.next()? {
                Token::StartObject => patterns.push(self.object(Context::Or)?),
                Token::EndArray => break,
                _ => return self.error("Only JSON object is allowed in array of $or relationship."),
            }
        }
        if patterns.len() < 2 {
            return self.error("There must have at least 2 Objects in $or relationship.");
        }
        Ok(patterns)
    }

    fn rules(&mut self) -> Parsed<Vec<Rule>> {
        let mut rules = Vec::new();
        loop {
            match self.next()? {
                Token::EndArray => break,
                Token::StartObject => rules.push(self.rule()?),
                Token::Text(text) => {
                    self.tokens.finish_string();
                    rules.push(Rule::Text(text));
                }
                Token::Number(text) => rules.push(Rule::Number(Number::parse(&text))),
                Token::True => rules.push(Rule::Literal(true.into())),
                Token::False => rules.push(Rule::Literal(false.into())),
                Token::Null => rules.push(Rule::Literal(serde_json::Value::Null)),
                _ => return self.error("Match value must be String, number, true, false, or null"),
            }
        }
        if rules.is_empty() { self.error("Empty arrays are not allowed") } else { Ok(rules) }
    }

    fn rule(&mut self) -> Parsed<Rule> {
        let Token::Field(kind) = self.next()? else { return self.error("Match expression name not found") };
        match kind.as_str() {
            "prefix" => {
                let text = self.string("prefix")?;
                self.end_rule(Rule::Prefix(text))
            }
            "suffix" => {
                let text = self.string("suffix")?;
                self.end_rule(Rule::Suffix(text))
            }
            "equals-ignore-case" => {
                let text = self.string("equals-ignore-case")?;
                self.end_rule(Rule::EqualsIgnoreCase(text))
            }
            "wildcard" => {
                let pattern = self.wildcard()?;
                self.end_rule(Rule::Wildcard(pattern))
            }
            "cidr" => {
                // AWS: the message says prefix.
                let text = self.string("prefix")?;
                let network = Network::parse(&text).map_err(ParseError)?;
                self.end_rule(Rule::Cidr(network))
            }
            "exists" => {
                let rule = match self.next()? {
                    Token::True => Rule::Exists,
                    Token::False => Rule::Absent,
                    _ => return self.error("exists match pattern must be either true or false."),
                };
                self.end_rule(rule)
            }
            "numeric" => self.numeric(),
            "anything-but" => self.anything_but(),
            other => self.error(format!("Unrecognized match type {other}")),
        }
    }

    fn end_rule(&mut self, rule: Rule) -> Parsed<Rule> {
        if self.next()? == Token::EndObject { Ok(rule) } else { self.error("Only one key allowed in match expression") }
    }

    fn string(&mut self, kind: &str) -> Parsed<String> {
        match self.next()? {
            Token::Text(text) => {
                self.tokens.finish_string();
                Ok(text)
            }
            _ => self.error(format!("{kind} match pattern must be a string")),
        }
    }

    fn wildcard(&mut self) -> Parsed<Vec<WildcardToken>> {
        let text = self.string("wildcard")?;
        wildcard(&text).or_else(|message| self.error(message))
    }

    fn numeric(&mut self) -> Parsed<Rule> {
        if self.next()? != Token::StartArray {
            return self.error("Value of numeric must be an array.");
        }
        let range = self.range()?;
        if self.next()? == Token::EndObject { Ok(range) } else { self.error("Too many elements in numeric expression") }
    }

    fn range(&mut self) -> Parsed<Rule> {
        let operator = match self.text()? {
            Token::Text(operator) => operator,
            other => return self.error(format!("Invalid member in numeric match: {}", other.text())),
        };
        let value = self.next()?;
        let name = match operator.as_str() {
            "=" => "equals",
            ">" | ">=" | "<" | "<=" => operator.as_str(),
            _ => return self.error(format!("Unrecognized numeric range operator: {operator}")),
        };
        if !value.is_number() {
            return self.error(format!("Value of {name} must be numeric"));
        }
        let number = Number::parse(value.text());
        let bound = if operator.ends_with('=') { Bound::Inclusive } else { Bound::Exclusive };
        let next = self.next()?;
        let ends = next == Token::EndArray;
        match operator.as_str() {
            "=" | "<" | "<=" if !ends => self.error("Too many elements in numeric expression"),
            "=" => Ok(Rule::Number(number)),
            "<" | "<=" => Ok(Rule::Numeric(Range { lower: None, upper: Some((number.value, bound)) })),
            _ if ends => Ok(Rule::Numeric(Range { lower: Some((number.value, bound)), upper: None })),
            _ => self.upper_bound(next, (number.value, bound)),
        }
    }

    fn upper_bound(&mut self, operator: Token, lower: (f64, Bound)) -> Parsed<Rule> {
        self.tokens.finish_string();
        let Token::Text(operator) = operator else { return self.error(format!("Bad value in numeric range: {}", operator.text())) };
        let value = self.next()?;
        let bound = match operator.as_str() {
            "<" => Bound::Exclusive,
            "<=" => Bound::Inclusive,
            _ => return self.error(format!("Bad numeric range operator: {operator}")),
        };
        if !value.is_number() {
            return self.error(format!("Value of {operator} must be numeric"));
        }
        let upper = Number::parse(value.text()).value;
        if self.next()? != Token::EndArray {
            return self.error("Too many terms in numeric range expression");
        }
        if lower.0 >= upper {
            return self.error("Bottom must be less than top");
        }
        Ok(Rule::Numeric(Range { lower: Some(lower), upper: Some((upper, bound)) }))
    }

    fn anything_but(&mut self) -> Parsed<Rule> {
        let token = self.next()?;
        if token != Token::StartObject {
            let rules = self.listed(token, |parser, token| match token {
                Token::Text(text) => {
                    parser.tokens.finish_string();
                    Ok(Rule::Text(text))
                }
                Token::Number(text) => Ok(Rule::Number(Number::parse(&text))),
                _ => parser.error("Inside anything but list, start|null|boolean is not supported."),
            })?;
            let numbers = rules.iter().filter(|rule| matches!(rule, Rule::Number(_))).count();
            if rules.is_empty() || (numbers > 0 && numbers < rules.len()) {
                return self.error("Inside anything but list, either all values are number or string, mixed type is not supported");
            }
            if self.next()? != Token::EndObject {
                return self.error("Too many elements in numeric expression");
            }
            return Ok(Rule::AnythingBut(rules));
        }
        let Token::Field(kind) = self.next()? else { return self.error("Anything-But expression name not found") };
        // AWS: recorded answers refuse `suffix` and `exists` here.
        if !matches!(kind.as_str(), "prefix" | "wildcard") {
            return self.error(format!("Unsupported anything-but pattern: {kind}"));
        }
        let token = self.next()?;
        let rules = self.listed(token, |parser, token| match token {
            Token::Text(text) if kind == "prefix" => {
                parser.tokens.finish_string();
                if text.is_empty() { parser.error("Null prefix/suffix not allowed") } else { Ok(Rule::Prefix(text)) }
            }
            Token::Text(text) => {
                parser.tokens.finish_string();
                wildcard(&text).map(Rule::Wildcard).or_else(|message| parser.error(message))
            }
            _ if kind == "prefix" => parser.error("prefix/suffix match pattern must be a string"),
            _ => parser.error("wildcard match pattern must be a string"),
        })?;
        for _ in 0..2 {
            if self.next()? != Token::EndObject {
                return self.error("Too many elements in numeric expression");
            }
        }
        Ok(Rule::AnythingBut(rules))
    }

    /// A single value, or a list of them.
    fn listed(&mut self, first: Token, mut one: impl FnMut(&mut Self, Token) -> Parsed<Rule>) -> Parsed<Vec<Rule>> {
        match first {
            Token::StartArray => {
                let mut rules = Vec::new();
                loop {
                    match self.next()? {
                        Token::EndArray => return Ok(rules),
                        token => rules.push(one(self, token)?),
                    }
                }
            }
            Token::Text(_) | Token::Number(_) => Ok(vec![one(self, first)?]),
            _ => self.error("Value of anything-but must be an array or single string/number value."),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Policy,
    Or,
}

//! A filter policy's text becomes rules, or AWS's words for what is wrong with it, in the order in which AWS notices.
//! <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>; the texts are recorded from AWS.

use super::{
    Member, Pattern,
    jackson::{Token, Tokens, Unreadable},
    rules::{Edge, Network, Number, Range, Rule, wildcard},
};

/// What is wrong with a policy.
pub type Refusal = String;

struct Reading<'a> {
    tokens: Tokens<'a>,
}

impl From<Unreadable> for Refused {
    fn from(unreadable: Unreadable) -> Refused {
        Refused(format!("failed to parse JSON. {}", unreadable.0))
    }
}

struct Refused(String);
type Read<T> = Result<T, Refused>;

/// Words that cannot be fields inside `$or`: one of them shows that somebody meant a rule.
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

pub fn read(text: &str) -> Result<Pattern, Refusal> {
    let mut reading = Reading { tokens: Tokens::of(text) };
    reading.policy().map_err(|refused| refused.0)
}

impl Reading<'_> {
    fn refuse<T>(&self, sentence: impl AsRef<str>) -> Read<T> {
        Err(Refused(self.tokens.here(sentence.as_ref())))
    }

    fn next(&mut self) -> Read<Token> {
        Ok(self.tokens.next()?)
    }

    /// The next token, whose text is looked at.
    fn text(&mut self) -> Read<Token> {
        let token = self.tokens.next()?;
        self.tokens.look();
        Ok(token)
    }

    fn policy(&mut self) -> Read<Pattern> {
        if self.next()? != Token::StartObject {
            return self.refuse("Filter is not an object");
        }
        let pattern = self.object(Inside::Policy)?;
        match self.next()? {
            Token::End => Ok(pattern),
            // AWS: unverified sentence.
            _ => self.refuse("Unrecognized content after the filter policy"),
        }
    }

    fn object(&mut self, inside: Inside) -> Read<Pattern> {
        let mut members = Vec::new();
        loop {
            let name = match self.next()? {
                Token::Field(name) => name,
                _ if members.is_empty() => return self.refuse("Empty objects are not allowed"),
                _ => return Ok(Pattern { members }),
            };
            if name == "$or" {
                members.push(Member::Or(self.alternatives()?));
                continue;
            }
            if inside == Inside::Or && RESERVED.contains(&name.as_str()) {
                return self.refuse(format!("{name} is Ruler reserved fieldName which cannot be used inside $or."));
            }
            match self.next()? {
                Token::StartObject => members.push(Member::Nested(name, self.object(inside)?)),
                Token::StartArray => members.push(Member::Rules(name, self.rules()?)),
                _ => return self.refuse(format!("\"{name}\" must be an object or an array")),
            }
        }
    }

    fn alternatives(&mut self) -> Read<Vec<Pattern>> {
        if self.next()? != Token::StartArray {
            return self.refuse("It must be an Array followed with $or.");
        }
        let mut patterns = Vec::new();
        loop {
            match self.next()? {
                Token::StartObject => patterns.push(self.object(Inside::Or)?),
                Token::EndArray => break,
                _ => return self.refuse("Only JSON object is allowed in array of $or relationship."),
            }
        }
        if patterns.len() < 2 {
            return self.refuse("There must have at least 2 Objects in $or relationship.");
        }
        Ok(patterns)
    }

    fn rules(&mut self) -> Read<Vec<Rule>> {
        let mut rules = Vec::new();
        loop {
            match self.next()? {
                Token::EndArray => break,
                Token::StartObject => rules.push(self.rule()?),
                Token::Text(text) => {
                    self.tokens.look();
                    rules.push(Rule::Text(text));
                }
                Token::Number(text) => rules.push(Rule::Number(Number::read(&text))),
                Token::True => rules.push(Rule::Truth(true.into())),
                Token::False => rules.push(Rule::Truth(false.into())),
                Token::Null => rules.push(Rule::Truth(serde_json::Value::Null)),
                _ => return self.refuse("Match value must be String, number, true, false, or null"),
            }
        }
        if rules.is_empty() { self.refuse("Empty arrays are not allowed") } else { Ok(rules) }
    }

    fn rule(&mut self) -> Read<Rule> {
        let Token::Field(kind) = self.next()? else { return self.refuse("Match expression name not found") };
        match kind.as_str() {
            "prefix" => {
                let text = self.string("prefix")?;
                self.closed(Rule::Prefix(text))
            }
            "suffix" => {
                let text = self.string("suffix")?;
                self.closed(Rule::Suffix(text))
            }
            "equals-ignore-case" => {
                let text = self.string("equals-ignore-case")?;
                self.closed(Rule::EqualsIgnoreCase(text))
            }
            "wildcard" => {
                let glyphs = self.glyphs()?;
                self.closed(Rule::Wildcard(glyphs))
            }
            "cidr" => {
                // AWS: it does say prefix.
                let text = self.string("prefix")?;
                let network = Network::read(&text).map_err(Refused)?;
                self.closed(Rule::Cidr(network))
            }
            "exists" => {
                let rule = match self.next()? {
                    Token::True => Rule::Exists,
                    Token::False => Rule::Absent,
                    _ => return self.refuse("exists match pattern must be either true or false."),
                };
                self.closed(rule)
            }
            "numeric" => self.numeric(),
            "anything-but" => self.anything_but(),
            other => self.refuse(format!("Unrecognized match type {other}")),
        }
    }

    fn closed(&mut self, rule: Rule) -> Read<Rule> {
        if self.next()? == Token::EndObject { Ok(rule) } else { self.refuse("Only one key allowed in match expression") }
    }

    fn string(&mut self, kind: &str) -> Read<String> {
        match self.next()? {
            Token::Text(text) => {
                self.tokens.look();
                Ok(text)
            }
            _ => self.refuse(format!("{kind} match pattern must be a string")),
        }
    }

    fn glyphs(&mut self) -> Read<Vec<super::rules::Glyph>> {
        let text = self.string("wildcard")?;
        wildcard(&text).or_else(|sentence| self.refuse(sentence))
    }

    fn numeric(&mut self) -> Read<Rule> {
        if self.next()? != Token::StartArray {
            return self.refuse("Value of numeric must be an array.");
        }
        let range = self.range()?;
        if self.next()? == Token::EndObject { Ok(range) } else { self.refuse("Too many elements in numeric expression") }
    }

    fn range(&mut self) -> Read<Rule> {
        let operator = match self.text()? {
            Token::Text(operator) => operator,
            other => return self.refuse(format!("Invalid member in numeric match: {}", other.text())),
        };
        let value = self.next()?;
        let name = match operator.as_str() {
            "=" => "equals",
            ">" | ">=" | "<" | "<=" => operator.as_str(),
            _ => return self.refuse(format!("Unrecognized numeric range operator: {operator}")),
        };
        if !value.is_number() {
            return self.refuse(format!("Value of {name} must be numeric"));
        }
        let number = Number::read(value.text());
        let edge = if operator.ends_with('=') { Edge::Closed } else { Edge::Open };
        let next = self.next()?;
        let ends = next == Token::EndArray;
        match operator.as_str() {
            "=" | "<" | "<=" if !ends => self.refuse("Too many elements in numeric expression"),
            "=" => Ok(Rule::Number(number)),
            "<" | "<=" => Ok(Rule::Numeric(Range { bottom: None, top: Some((number.worth, edge)) })),
            _ if ends => Ok(Rule::Numeric(Range { bottom: Some((number.worth, edge)), top: None })),
            _ => self.upper(next, (number.worth, edge)),
        }
    }

    fn upper(&mut self, operator: Token, bottom: (f64, Edge)) -> Read<Rule> {
        self.tokens.look();
        let Token::Text(operator) = operator else { return self.refuse(format!("Bad value in numeric range: {}", operator.text())) };
        let value = self.next()?;
        let edge = match operator.as_str() {
            "<" => Edge::Open,
            "<=" => Edge::Closed,
            _ => return self.refuse(format!("Bad numeric range operator: {operator}")),
        };
        if !value.is_number() {
            return self.refuse(format!("Value of {operator} must be numeric"));
        }
        let top = Number::read(value.text()).worth;
        if self.next()? != Token::EndArray {
            return self.refuse("Too many terms in numeric range expression");
        }
        if bottom.0 >= top {
            return self.refuse("Bottom must be less than top");
        }
        Ok(Rule::Numeric(Range { bottom: Some(bottom), top: Some((top, edge)) }))
    }

    fn anything_but(&mut self) -> Read<Rule> {
        let token = self.next()?;
        if token != Token::StartObject {
            let rules = self.listed(token, |reading, token| match token {
                Token::Text(text) => {
                    reading.tokens.look();
                    Ok(Rule::Text(text))
                }
                Token::Number(text) => Ok(Rule::Number(Number::read(&text))),
                _ => reading.refuse("Inside anything but list, start|null|boolean is not supported."),
            })?;
            let numbers = rules.iter().filter(|rule| matches!(rule, Rule::Number(_))).count();
            if rules.is_empty() || (numbers > 0 && numbers < rules.len()) {
                return self.refuse("Inside anything but list, either all values are number or string, mixed type is not supported");
            }
            if self.next()? != Token::EndObject {
                return self.refuse("Too many elements in numeric expression");
            }
            return Ok(Rule::AnythingBut(rules));
        }
        let Token::Field(kind) = self.next()? else { return self.refuse("Anything-But expression name not found") };
        // AWS: recorded answers refuse `suffix` and `exists` here.
        if !matches!(kind.as_str(), "prefix" | "wildcard") {
            return self.refuse(format!("Unsupported anything-but pattern: {kind}"));
        }
        let token = self.next()?;
        let rules = self.listed(token, |reading, token| match token {
            Token::Text(text) if kind == "prefix" => {
                reading.tokens.look();
                if text.is_empty() { reading.refuse("Null prefix/suffix not allowed") } else { Ok(Rule::Prefix(text)) }
            }
            Token::Text(text) => {
                reading.tokens.look();
                wildcard(&text).map(Rule::Wildcard).or_else(|sentence| reading.refuse(sentence))
            }
            _ if kind == "prefix" => reading.refuse("prefix/suffix match pattern must be a string"),
            _ => reading.refuse("wildcard match pattern must be a string"),
        })?;
        for _ in 0..2 {
            if self.next()? != Token::EndObject {
                return self.refuse("Too many elements in numeric expression");
            }
        }
        Ok(Rule::AnythingBut(rules))
    }

    /// A single value, or a list of them.
    fn listed(&mut self, first: Token, mut one: impl FnMut(&mut Self, Token) -> Read<Rule>) -> Read<Vec<Rule>> {
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
            _ => self.refuse("Value of anything-but must be an array or single string/number value."),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Policy,
    Or,
}

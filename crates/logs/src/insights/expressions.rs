//! Expressions: what fields, filters and sorts are made of.

use super::{
    QueryError,
    functions::Function,
    lexer::{Lexed, Token},
    record::Record,
    values::Value,
};
use regex::{Regex, RegexBuilder};
use std::sync::Arc;

const DEEPEST: usize = 48;
/// How many operators a query may have: each is one level of a tree.
const MOST_OPERATORS: usize = 500;
const REGEX_BYTES: usize = 1 << 20;

#[derive(Clone, Debug)]
pub enum Expression {
    Constant(Value),
    Field(Arc<str>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Compare(&'static str, Box<Expression>, Box<Expression>),
    Like(Box<Expression>, Box<Expression>),
    Matches(Box<Expression>, Regex),
    In(Box<Expression>, Vec<Expression>),
    Arithmetic(&'static str, Box<Expression>, Box<Expression>),
    Negative(Box<Expression>),
    Call(Function, Vec<Expression>),
}

impl Expression {
    pub fn value(&self, record: &Record) -> Value {
        match self {
            Expression::Constant(value) => value.clone(),
            Expression::Field(name) => record.get(name),
            Expression::Not(inner) => Value::Bool(!inner.value(record).truth()),
            Expression::And(one, other) => Value::Bool(one.value(record).truth() && other.value(record).truth()),
            Expression::Or(one, other) => Value::Bool(one.value(record).truth() || other.value(record).truth()),
            Expression::Compare(sign, one, other) => Value::Bool(compare(sign, &one.value(record), &other.value(record))),
            Expression::Like(one, other) => {
                Value::Bool(with_text(one, record, |text| text.contains(other.value(record).text().as_ref())).unwrap_or(false))
            }
            Expression::Matches(inner, regex) => Value::Bool(with_text(inner, record, |text| regex.is_match(text)).unwrap_or(false)),
            Expression::In(inner, list) => {
                let value = inner.value(record);
                Value::Bool(list.iter().any(|item| value.equals(&item.value(record))))
            }
            Expression::Negative(inner) => inner.value(record).number().map_or(Value::Missing, |number| Value::Number(-number)),
            Expression::Arithmetic(sign, one, other) => match (one.value(record).number(), other.value(record).number()) {
                (Some(one), Some(other)) => arithmetic(sign, one, other),
                _ => Value::Missing,
            },
            Expression::Call(function, arguments) => {
                let arguments: Vec<Value> = arguments.iter().map(|argument| argument.value(record)).collect();
                function.call(&arguments)
            }
        }
    }
}

/// Messages are looked at without a copy.
fn with_text<R>(of: &Expression, record: &Record, look: impl FnOnce(&str) -> R) -> Option<R> {
    if let Expression::Field(name) = of
        && **name == *"@message"
        && record.is_event
        && record.made.is_empty()
    {
        return Some(look(record.text()));
    }
    let value = of.value(record);
    (!value.is_missing()).then(|| look(&value.text()))
}

fn compare(sign: &str, one: &Value, other: &Value) -> bool {
    match sign {
        "=" => one.equals(other),
        "!=" => !one.equals(other),
        _ if one.is_missing() || other.is_missing() => false,
        "<" => one.order(other).is_lt(),
        "<=" => one.order(other).is_le(),
        ">" => one.order(other).is_gt(),
        _ => one.order(other).is_ge(),
    }
}

fn arithmetic(sign: &str, one: f64, other: f64) -> Value {
    let result = match sign {
        "+" => one + other,
        "-" => one - other,
        "*" => one * other,
        "/" => one / other,
        "%" => one % other,
        _ => one.powf(other),
    };
    if result.is_finite() { Value::Number(result) } else { Value::Missing }
}

pub fn regex(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES).build().ok()
}

/// Reads tokens from left to right.
pub struct Parser<'t> {
    tokens: &'t [Lexed],
    at: usize,
    depth: usize,
    operators: usize,
    /// The length of the query.
    end: usize,
}

type Parsed<T> = Result<T, QueryError>;

impl<'t> Parser<'t> {
    pub fn new(tokens: &'t [Lexed], end: usize) -> Parser<'t> {
        Parser { tokens, at: 0, depth: 0, operators: 0, end }
    }

    pub fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at).map(|lexed| &lexed.token)
    }

    pub fn next(&mut self) -> Option<&'t Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    pub fn unexpected<T>(&self) -> Parsed<T> {
        let (message, start, end) = match self.tokens.get(self.at) {
            Some(lexed) => (format!("unexpected symbol found {}", shown(&lexed.token)), lexed.start, lexed.end),
            None => ("unexpected end of the query".to_owned(), self.end, self.end),
        };
        Err(QueryError::Malformed { message, start, end })
    }

    pub fn sign(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        self.at += usize::from(is_next);
        is_next
    }

    pub fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.sign(sign) { Ok(()) } else { self.unexpected() }
    }

    fn operator(&mut self) -> Parsed<()> {
        self.operators += 1;
        if self.operators > MOST_OPERATORS { self.unexpected() } else { Ok(()) }
    }

    pub fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    pub fn keyword(&mut self, keyword: &str) -> bool {
        let is_next = self.is_keyword(keyword);
        self.at += usize::from(is_next);
        is_next
    }

    /// The name of a field.
    pub fn field(&mut self) -> Parsed<Arc<str>> {
        match self.peek() {
            Some(Token::Word(name) | Token::Field(name)) => {
                self.at += 1;
                Ok(name.as_str().into())
            }
            _ => self.unexpected(),
        }
    }

    /// Where the next token begins, and where the last one ended: the text of an expression is its name.
    pub fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |lexed| lexed.start)
    }

    pub fn last_end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |lexed| lexed.end)
    }

    pub fn expression(&mut self) -> Parsed<Expression> {
        if self.depth >= DEEPEST {
            return self.unexpected();
        }
        self.depth += 1;
        let mut one = self.conjunction()?;
        while self.keyword("or") {
            self.operator()?;
            one = Expression::Or(Box::new(one), Box::new(self.conjunction()?));
        }
        self.depth -= 1;
        Ok(one)
    }

    fn conjunction(&mut self) -> Parsed<Expression> {
        let mut one = self.negation()?;
        while self.keyword("and") {
            self.operator()?;
            one = Expression::And(Box::new(one), Box::new(self.negation()?));
        }
        Ok(one)
    }

    fn negation(&mut self) -> Parsed<Expression> {
        let mut negated = false;
        while self.keyword("not") {
            negated = !negated;
        }
        let inner = self.comparison()?;
        Ok(if negated { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        let one = self.sum()?;
        for sign in ["=~", "!=", "<=", ">=", "=", "<", ">"] {
            if self.sign(sign) {
                return match self.peek() {
                    Some(Token::Regex(_)) => self.pattern(one),
                    _ if sign == "=~" => self.pattern(one),
                    _ => Ok(Expression::Compare(sign, Box::new(one), Box::new(self.sum()?))),
                };
            }
        }
        let negated = self.is_keyword("not");
        if negated {
            self.at += 1;
        }
        let found = if self.keyword("like") {
            self.pattern(one)?
        } else if self.keyword("in") {
            self.expect("[")?;
            let mut list = Vec::new();
            while !self.sign("]") {
                list.push(self.sum()?);
                if !self.sign(",") {
                    self.expect("]")?;
                    break;
                }
            }
            Expression::In(Box::new(one), list)
        } else if negated {
            return self.unexpected();
        } else {
            return Ok(one);
        };
        Ok(if negated { Expression::Not(Box::new(found)) } else { found })
    }

    fn pattern(&mut self, of: Expression) -> Parsed<Expression> {
        match self.peek() {
            Some(Token::Regex(text)) => match regex(text) {
                Some(regex) => {
                    self.at += 1;
                    Ok(Expression::Matches(Box::new(of), regex))
                }
                None => self.unexpected(),
            },
            _ => Ok(Expression::Like(Box::new(of), Box::new(self.sum()?))),
        }
    }

    fn sum(&mut self) -> Parsed<Expression> {
        let mut one = self.product()?;
        while let Some(sign) = ["+", "-"].into_iter().find(|sign| self.sign(sign)) {
            self.operator()?;
            one = Expression::Arithmetic(sign, Box::new(one), Box::new(self.product()?));
        }
        Ok(one)
    }

    fn product(&mut self) -> Parsed<Expression> {
        let mut one = self.power()?;
        while let Some(sign) = ["*", "/", "%"].into_iter().find(|sign| self.sign(sign)) {
            self.operator()?;
            one = Expression::Arithmetic(sign, Box::new(one), Box::new(self.power()?));
        }
        Ok(one)
    }

    fn power(&mut self) -> Parsed<Expression> {
        let one = self.primary()?;
        if self.sign("^") {
            return Ok(Expression::Arithmetic("^", Box::new(one), Box::new(self.primary()?)));
        }
        Ok(one)
    }

    fn primary(&mut self) -> Parsed<Expression> {
        match self.peek() {
            Some(Token::Sign("(")) => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Sign("-")) => {
                if self.depth >= DEEPEST {
                    return self.unexpected();
                }
                self.at += 1;
                self.depth += 1;
                let inner = self.primary()?;
                self.depth -= 1;
                Ok(Expression::Negative(Box::new(inner)))
            }
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(Expression::Constant(Value::Text(text.clone())))
            }
            Some(Token::Number(number)) => {
                self.at += 1;
                Ok(Expression::Constant(Value::Number(*number)))
            }
            #[expect(clippy::cast_precision_loss, reason = "a duration")]
            Some(Token::Duration(millis)) => {
                self.at += 1;
                Ok(Expression::Constant(Value::Number(*millis as f64)))
            }
            Some(Token::Field(name)) => {
                self.at += 1;
                Ok(Expression::Field(name.as_str().into()))
            }
            Some(Token::Word(word)) => {
                let is_call = matches!(self.tokens.get(self.at + 1), Some(Lexed { token: Token::Sign("("), .. }));
                if !is_call {
                    self.at += 1;
                    return Ok(Expression::Field(word.as_str().into()));
                }
                let Some(function) = Function::named(word) else { return self.unexpected() };
                self.at += 2;
                let mut arguments = Vec::new();
                while !self.sign(")") {
                    arguments.push(self.expression()?);
                    if !self.sign(",") {
                        self.expect(")")?;
                        break;
                    }
                }
                if !function.takes().contains(&arguments.len()) {
                    return self.unexpected();
                }
                // `bin(5m)` is of the event's time.
                if function == Function::Bin {
                    arguments.insert(0, Expression::Field("@timestamp".into()));
                }
                Ok(Expression::Call(function, arguments))
            }
            _ => self.unexpected(),
        }
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(text) | Token::Field(text) => text.clone(),
        Token::Text(text) => format!("\"{text}\""),
        Token::Regex(text) => format!("/{text}/"),
        Token::Number(number) => number.to_string(),
        Token::Duration(millis) => format!("{millis}ms"),
        Token::Sign(sign) => (*sign).to_owned(),
    }
}

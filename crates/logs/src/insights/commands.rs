//! The commands of a query.

use super::{
    QueryError,
    aggregates::{Aggregate, Kind},
    expressions::{Expression, Parser, regex},
    lexer::{Token, lex},
};
use regex::Regex;
use std::sync::Arc;

/// How many commands a query may have.
const MOST_COMMANDS: usize = 100;

#[derive(Clone, Debug)]
pub enum Command {
    Fields(Vec<(Expression, Arc<str>)>),
    Display(Vec<Arc<str>>),
    Filter(Expression),
    Stats {
        aggregates: Vec<Aggregate>,
        by: Vec<(Expression, Arc<str>)>,
    },
    /// Expressions, and whether the greatest comes first.
    Sort(Vec<(Expression, bool)>),
    Limit(usize),
    Dedup(Vec<Expression>),
    Parse {
        of: Expression,
        regex: Regex,
        names: Vec<Arc<str>>,
    },
}

#[derive(Clone, Debug)]
pub struct Query {
    pub commands: Vec<Command>,
}

/// Known and not built.
const OTHER_COMMANDS: [&str; 10] = ["pattern", "diff", "anomaly", "unnest", "source", "filterindex", "join", "lookup", "addtotals", "opengroup"];

impl Query {
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        let tokens = lex(text)?;
        let mut parser = Parser::new(&tokens, text.len());
        let mut commands = Vec::new();
        while parser.peek().is_some() {
            // A query may begin with a sign, and end with one.
            if parser.sign("|") {
                continue;
            }
            if commands.len() >= MOST_COMMANDS {
                return parser.unexpected();
            }
            commands.push(command(&mut parser, text)?);
            if parser.peek().is_some() {
                parser.expect("|")?;
            }
        }
        Ok(Query { commands })
    }
}

/// An expression and its name: what follows `as`, or its own text.
fn named(parser: &mut Parser<'_>, text: &str) -> Result<(Expression, Arc<str>), QueryError> {
    let start = parser.start();
    let expression = parser.expression()?;
    let own = text.get(start..parser.last_end()).unwrap_or_default().trim_matches('`');
    let name = if parser.keyword("as") { parser.field()? } else { own.into() };
    Ok((expression, name))
}

fn list<T>(parser: &mut Parser<'_>, mut one: impl FnMut(&mut Parser<'_>) -> Result<T, QueryError>) -> Result<Vec<T>, QueryError> {
    let mut list = vec![one(parser)?];
    while parser.sign(",") {
        list.push(one(parser)?);
    }
    Ok(list)
}

fn command(parser: &mut Parser<'_>, text: &str) -> Result<Command, QueryError> {
    let Some(Token::Word(word)) = parser.peek() else { return parser.unexpected() };
    let word = word.to_ascii_lowercase();
    if OTHER_COMMANDS.contains(&word.as_str()) {
        return Err(QueryError::NotImplemented(format!("the query command {word}")));
    }
    let known = ["fields", "display", "filter", "where", "stats", "sort", "order", "limit", "head", "dedup", "parse"];
    if !known.contains(&word.as_str()) {
        return parser.unexpected();
    }
    parser.next();
    Ok(match word.as_str() {
        "fields" => Command::Fields(list(parser, |parser| named(parser, text))?),
        "display" => Command::Display(list(parser, |parser| Ok(named(parser, text)?.1))?),
        "filter" | "where" => Command::Filter(parser.expression()?),
        "stats" => stats(parser, text)?,
        "sort" | "order" => {
            let _ = parser.keyword("by");
            Command::Sort(list(parser, |parser| {
                let expression = parser.expression()?;
                let descending = parser.keyword("desc");
                if !descending {
                    let _ = parser.keyword("asc");
                }
                Ok((expression, descending))
            })?)
        }
        "limit" | "head" => match parser.peek() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was looked at")]
            Some(Token::Number(number)) if number.fract() == 0.0 && (0.0..=1e9).contains(number) => {
                parser.next();
                Command::Limit(*number as usize)
            }
            _ => return parser.unexpected(),
        },
        "dedup" => Command::Dedup(list(parser, |parser| parser.expression())?),
        _ => parse(parser)?,
    })
}

fn stats(parser: &mut Parser<'_>, text: &str) -> Result<Command, QueryError> {
    let aggregates = list(parser, |parser| {
        let start = parser.start();
        let Some(Token::Word(word)) = parser.peek() else { return parser.unexpected() };
        let Some(mut kind) = Kind::named(word) else { return parser.unexpected() };
        parser.next();
        parser.expect("(")?;
        let of = if parser.sign("*") || matches!(parser.peek(), Some(Token::Sign(")"))) { None } else { Some(parser.expression()?) };
        if of.is_none() && kind != Kind::Count {
            return parser.unexpected();
        }
        if let Kind::Percentile(percent) = &mut kind {
            parser.expect(",")?;
            match parser.peek() {
                Some(Token::Number(number)) if (0.0..=100.0).contains(number) => *percent = *number,
                _ => return parser.unexpected(),
            }
            parser.next();
        }
        parser.expect(")")?;
        let own = text.get(start..parser.last_end()).unwrap_or_default();
        let name = if parser.keyword("as") { parser.field()? } else { own.into() };
        Ok(Aggregate { kind, of, name })
    })?;
    let by = if parser.keyword("by") { list(parser, |parser| named(parser, text))? } else { vec![] };
    Ok(Command::Stats { aggregates, by })
}

fn parse(parser: &mut Parser<'_>) -> Result<Command, QueryError> {
    let of = match parser.peek() {
        Some(Token::Text(_) | Token::Regex(_)) => Expression::Field("@message".into()),
        _ => Expression::Field(parser.field()?),
    };
    match parser.peek() {
        // `user=*, action=*`: what an asterisk stands for is a field.
        Some(Token::Text(glob)) => {
            let stars = glob.matches('*').count();
            let pieces: Vec<String> = glob.split('*').map(regex::escape).collect();
            let last = if glob.ends_with('*') { "(.*)" } else { "(.*?)" };
            let mut pattern = "(?s)".to_owned();
            for (index, piece) in pieces.iter().enumerate() {
                pattern.push_str(piece);
                if index < stars {
                    pattern.push_str(if index + 1 == stars { last } else { "(.*?)" });
                }
            }
            let Some(regex) = regex(&pattern) else { return parser.unexpected() };
            parser.next();
            if !parser.keyword("as") {
                return parser.unexpected();
            }
            let names = list(parser, |parser| parser.field())?;
            if names.len() != stars {
                return parser.unexpected();
            }
            Ok(Command::Parse { of, regex, names })
        }
        Some(Token::Regex(text)) => {
            let Some(regex) = regex(text) else { return parser.unexpected() };
            parser.next();
            let names: Vec<Arc<str>> = regex.capture_names().skip(1).map(|name| name.unwrap_or_default().into()).collect();
            if !parser.keyword("as") {
                return Ok(Command::Parse { of, regex, names });
            }
            let given = list(parser, |parser| parser.field())?;
            if given.len() != names.len() {
                return parser.unexpected();
            }
            Ok(Command::Parse { of, regex, names: given })
        }
        _ => parser.unexpected(),
    }
}

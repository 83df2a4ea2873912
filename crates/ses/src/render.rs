//! The part of Handlebars that SES has: variables, `if`, `unless`, `each`, `with`, inline partials.
//! Nothing is escaped: AWS leaves that to the sender.
//! <https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html>

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A rendered part is no longer than a message may be.
const LONGEST: usize = 10 << 20;
/// Blocks within blocks.
const DEEPEST: usize = 50;
/// Nodes that one rendering visits: loops within loops are bounded.
const STEPS: usize = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The template is not one.
    Template(String),
    /// A variable that the data lacks.
    Missing(String),
    TooLarge,
}

#[derive(Debug)]
enum Node {
    Text(String),
    Variable(String),
    Block { kind: Kind, subject: String, body: Vec<Node>, otherwise: Vec<Node> },
    Partial(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    If,
    Unless,
    Each,
    With,
}

/// A template that was read.
#[derive(Debug, Default)]
pub struct Parsed {
    nodes: Vec<Node>,
    partials: BTreeMap<String, Vec<Node>>,
}

struct Parser<'t> {
    rest: &'t str,
    partials: BTreeMap<String, Vec<Node>>,
}

enum End {
    OfText,
    Else(Option<String>),
    Close(String),
}

impl Parsed {
    pub fn parse(text: &str) -> Result<Parsed, Failure> {
        let mut parser = Parser { rest: text, partials: BTreeMap::new() };
        match parser.nodes(0)? {
            (nodes, End::OfText) => Ok(Parsed { nodes, partials: parser.partials }),
            (_, End::Else(_)) => Err(Failure::Template("{{else}} without a block.".to_owned())),
            (_, End::Close(name)) => Err(Failure::Template(format!("{{{{/{name}}}}} without its beginning."))),
        }
    }

    pub fn render(&self, data: &Map<String, Value>) -> Result<String, Failure> {
        let mut renderer = Renderer { partials: &self.partials, out: String::new(), steps: 0 };
        let root = Value::Object(data.clone());
        renderer.render(&self.nodes, &Context { value: &root, parent: None, index: None, key: None, last: false, root: &root }, 0)?;
        Ok(renderer.out)
    }
}

impl Parser<'_> {
    fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, End), Failure> {
        if depth > DEEPEST {
            return Err(Failure::Template(format!("More than {DEEPEST} blocks within each other.")));
        }
        let mut nodes = Vec::new();
        loop {
            let Some((before, after)) = self.rest.split_once("{{") else {
                if !self.rest.is_empty() {
                    nodes.push(Node::Text(std::mem::take(&mut self.rest).to_owned()));
                }
                return Ok((nodes, End::OfText));
            };
            if !before.is_empty() {
                nodes.push(Node::Text(before.to_owned()));
            }
            let (tag, rest) = if let Some(comment) = after.strip_prefix("!--") {
                let (_, rest) = comment.split_once("--}}").ok_or_else(|| Failure::Template("A comment has no end.".to_owned()))?;
                ("!", rest)
            } else if let Some(triple) = after.strip_prefix('{') {
                triple.split_once("}}}").ok_or_else(|| Failure::Template("{{{ without }}}.".to_owned()))?
            } else {
                after.split_once("}}").ok_or_else(|| Failure::Template("{{ without }}.".to_owned()))?
            };
            self.rest = rest;
            let tag = tag.trim().trim_matches('~').trim();
            if tag.starts_with('!') {
                continue;
            }
            if let Some(name) = tag.strip_prefix('/') {
                return Ok((nodes, End::Close(name.trim().to_owned())));
            }
            if tag == "else" || tag == "^" {
                return Ok((nodes, End::Else(None)));
            }
            if let Some(condition) = tag.strip_prefix("else ") {
                return Ok((nodes, End::Else(Some(condition.trim().to_owned()))));
            }
            if let Some(inline) = tag.strip_prefix("#*") {
                self.inline(inline.trim(), depth)?;
            } else if let Some(block) = tag.strip_prefix('#') {
                let (name, subject) = block.trim().split_once(char::is_whitespace).unwrap_or((block.trim(), ""));
                nodes.push(self.block(name, subject.trim(), name, depth)?);
            } else if let Some(name) = tag.strip_prefix('>') {
                nodes.push(Node::Partial(name.trim().to_owned()));
            } else {
                let name = tag.strip_prefix('&').unwrap_or(tag).trim();
                if name.is_empty() || name.contains(char::is_whitespace) {
                    return Err(Failure::Template(format!("{{{{{tag}}}}} is no variable.")));
                }
                nodes.push(Node::Variable(name.to_owned()));
            }
        }
    }

    fn inline(&mut self, tag: &str, depth: usize) -> Result<(), Failure> {
        let name = tag.strip_prefix("inline").map(|name| name.trim().trim_matches(['"', '\'']).to_owned());
        let name = name.filter(|name| !name.is_empty()).ok_or_else(|| Failure::Template(format!("{{{{#*{tag}}}}} is not known.")))?;
        match self.nodes(depth + 1)? {
            (body, End::Close(end)) if end == "inline" => {
                self.partials.insert(name, body);
                Ok(())
            }
            _ => Err(Failure::Template(format!("The inline partial {name} has no end."))),
        }
    }

    /// A block up to its end, which names `opened`: `else if` makes a block within a block, and both end there.
    fn block(&mut self, name: &str, subject: &str, opened: &str, depth: usize) -> Result<Node, Failure> {
        let kind = match name {
            "if" => Kind::If,
            "unless" => Kind::Unless,
            "each" => Kind::Each,
            "with" => Kind::With,
            _ => return Err(Failure::Template(format!("The helper {name} is not known."))),
        };
        if subject.is_empty() {
            return Err(Failure::Template(format!("{{{{#{name}}}}} has no argument.")));
        }
        let (body, mut end) = self.nodes(depth + 1)?;
        let mut otherwise = Vec::new();
        if let End::Else(condition) = end {
            match condition {
                None => (otherwise, end) = self.nodes(depth + 1)?,
                Some(condition) => {
                    let (name, inner) = condition.split_once(char::is_whitespace).unwrap_or((&condition, ""));
                    otherwise.push(self.block(name, inner.trim(), opened, depth + 1)?);
                    return Ok(Node::Block { kind, subject: subject.to_owned(), body, otherwise });
                }
            }
        }
        match end {
            End::Close(name) if name == opened => Ok(Node::Block { kind, subject: subject.to_owned(), body, otherwise }),
            _ => Err(Failure::Template(format!("{{{{#{opened}}}}} has no end."))),
        }
    }
}

struct Context<'c> {
    value: &'c Value,
    parent: Option<&'c Context<'c>>,
    index: Option<usize>,
    key: Option<&'c str>,
    last: bool,
    root: &'c Value,
}

enum Found<'c> {
    Value(&'c Value),
    Own(Value),
}

impl Found<'_> {
    fn value(&self) -> &Value {
        match self {
            Found::Value(value) => value,
            Found::Own(value) => value,
        }
    }
}

impl<'c> Context<'c> {
    fn find(&self, path: &str) -> Option<Found<'_>> {
        let mut context = self;
        let mut path = path;
        while let Some(rest) = path.strip_prefix("../") {
            context = context.parent?;
            path = rest;
        }
        if let Some(rest) = path.strip_prefix('@') {
            return match rest {
                "index" => context.index.map(|index| Found::Own(index.into())),
                "key" => context.key.map(|key| Found::Own(key.into())),
                "first" => context.index.map(|index| Found::Own((index == 0).into())),
                "last" => context.index.map(|_| Found::Own(context.last.into())),
                _ => walk(context.root, rest.strip_prefix("root.")?).map(Found::Value),
            };
        }
        let path = path.strip_prefix("./").unwrap_or(path);
        if matches!(path, "this" | ".." | ".") {
            return Some(Found::Value(if path == ".." { context.parent?.value } else { context.value }));
        }
        let path = path.strip_prefix("this.").or_else(|| path.strip_prefix("this/")).unwrap_or(path);
        walk(context.value, path).map(Found::Value)
    }
}

fn walk<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split(['.', '/']).try_fold(value, |value, step| {
        let step = step.trim_matches(['[', ']']);
        match value {
            Value::Object(members) => members.get(step),
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        }
    })
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => true,
    }
}

struct Renderer<'p> {
    partials: &'p BTreeMap<String, Vec<Node>>,
    out: String,
    steps: usize,
}

impl Renderer<'_> {
    fn write(&mut self, text: &str) -> Result<(), Failure> {
        if self.out.len() + text.len() > LONGEST {
            return Err(Failure::TooLarge);
        }
        self.out.push_str(text);
        Ok(())
    }

    fn render(&mut self, nodes: &[Node], context: &Context<'_>, depth: usize) -> Result<(), Failure> {
        if depth > 2 * DEEPEST {
            return Err(Failure::TooLarge);
        }
        for node in nodes {
            self.steps += 1;
            if self.steps > STEPS {
                return Err(Failure::TooLarge);
            }
            match node {
                Node::Text(text) => self.write(text)?,
                Node::Variable(path) => {
                    let found = context.find(path).ok_or_else(|| Failure::Missing(path.clone()))?;
                    match found.value() {
                        Value::Null => return Err(Failure::Missing(path.clone())),
                        Value::String(text) => self.write(text)?,
                        other => self.write(&other.to_string())?,
                    }
                }
                Node::Partial(name) => match self.partials.get(name) {
                    Some(body) => self.render(body, context, depth + 1)?,
                    None => return Err(Failure::Template(format!("The partial {name} could not be found."))),
                },
                Node::Block { kind, subject, body, otherwise } => {
                    self.block(*kind, context.find(subject).as_ref().map(Found::value), body, otherwise, context, depth)?
                }
            }
        }
        Ok(())
    }

    fn block(
        &mut self,
        kind: Kind,
        subject: Option<&Value>,
        body: &[Node],
        otherwise: &[Node],
        context: &Context<'_>,
        depth: usize,
    ) -> Result<(), Failure> {
        let holds = subject.is_some_and(is_true);
        match (kind, subject) {
            (Kind::If, _) => self.render(if holds { body } else { otherwise }, context, depth + 1),
            (Kind::Unless, _) => self.render(if holds { otherwise } else { body }, context, depth + 1),
            (Kind::With, Some(value)) if holds => {
                self.render(body, &Context { value, parent: Some(context), index: None, key: None, last: false, root: context.root }, depth + 1)
            }
            (Kind::Each, Some(Value::Array(items))) if holds => items.iter().enumerate().try_for_each(|(index, value)| {
                let last = index + 1 == items.len();
                self.render(body, &Context { value, parent: Some(context), index: Some(index), key: None, last, root: context.root }, depth + 1)
            }),
            (Kind::Each, Some(Value::Object(members))) if !members.is_empty() => members.iter().enumerate().try_for_each(|(index, (key, value))| {
                let last = index + 1 == members.len();
                self.render(body, &Context { value, parent: Some(context), index: Some(index), key: Some(key), last, root: context.root }, depth + 1)
            }),
            (Kind::With | Kind::Each, _) => self.render(otherwise, context, depth + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn render(template: &str, data: Value) -> Result<String, Failure> {
        let Value::Object(data) = data else { panic!("data is an object") };
        Parsed::parse(template)?.render(&data)
    }

    #[test]
    fn what_the_guide_shows_is_rendered() {
        for (template, data, expected) in [
            ("Dear {{name}},", json!({"name": "Ann <b>"}), "Dear Ann <b>,"),
            ("{{{name}}} {{& name}}", json!({"name": "<i>"}), "<i> <i>"),
            ("{{meta.user.id}} {{n}}", json!({"meta": {"user": {"id": "7"}}, "n": 3}), "7 3"),
            ("{{#each list}}<{{this}}>{{/each}}", json!({"list": ["a", "b"]}), "<a><b>"),
            (
                "{{#each subscription}}{{interest}}{{@index}}{{../name}}{{/each}}",
                json!({"name": "!", "subscription": [{"interest": "Jazz"}]}),
                "Jazz0!",
            ),
            ("{{#each o}}{{@key}}={{this}};{{/each}}", json!({"o": {"a": 1, "b": 2}}), "a=1;b=2;"),
            ("{{#if a}}A{{else}}B{{/if}}", json!({"a": ""}), "B"),
            ("{{#if a}}A{{else if b}}B{{else}}C{{/if}}.", json!({"b": true}), "B."),
            ("{{#unless a}}none{{/unless}}", json!({}), "none"),
            ("{{#with a}}{{b}}{{/with}}", json!({"a": {"b": "x"}}), "x"),
            ("{{#* inline \"p\"}}[{{x}}]{{/inline}}{{> p}}{{> p}}", json!({"x": 1}), "[1][1]"),
            ("{{! a comment }}x{{!-- }} --}}", json!({}), "x"),
        ] {
            assert_eq!(render(template, data), Ok(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(render("{{a}} {{b.c}}", json!({"a": 1})), Err(Failure::Missing("b.c".into())));
        assert_eq!(render("{{a}}", json!({"a": null})), Err(Failure::Missing("a".into())));
    }

    #[test]
    fn a_wrong_template_is_refused() {
        for template in ["{{a", "{{#if a}}", "{{/if}}", "{{else}}", "{{#each}}{{/each}}", "{{#nope a}}{{/nope}}", "{{#if a}}{{/each}}", "{{}}"] {
            assert!(matches!(Parsed::parse(template), Err(Failure::Template(_))), "{template}");
        }
        assert!(Parsed::parse(&"{{#if a}}".repeat(100)).is_err());
    }

    #[test]
    fn loops_and_partials_are_bounded() {
        let list: Vec<u32> = (0..200).collect();
        let nested = "{{#each a}}{{#each ../a}}{{#each ../../a}}x{{/each}}{{/each}}{{/each}}";
        assert_eq!(render(nested, json!({ "a": list })), Err(Failure::TooLarge));
        assert_eq!(render("{{#* inline \"p\"}}{{> p}}{{/inline}}{{> p}}", json!({})), Err(Failure::TooLarge));
    }

    proptest! {
        #[test]
        fn no_text_stops_the_parser(text in "[{}#/a-c!> .@\"*]{0,60}") {
            if let Ok(parsed) = Parsed::parse(&text) {
                let _ = parsed.render(&Map::new());
            }
        }
    }
}

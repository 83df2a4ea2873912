//! Forms, as awsQuery and ec2Query write requests: `Entry.1.Id=a&Entry.1.Name=b`.
//!
//! The parameters are sorted once, so that those below a name are neighbours: a value is a part of the list, and nothing is copied to find it.

use crate::{
    Missing,
    path::{Path, Step},
    text::Text,
};
use cloudlet_aws::cut;
use cloudlet_shape::{Blob, Body, Document, Events, Kind, Member, Mismatch, Read, Reader, Schema, Target, Timestamp, TimestampFormat};
use percent_encoding::percent_decode_str;
use std::{borrow::Cow, cmp::Ordering};

/// How deep a parameter's name may go.
const MOST_DEPTH: usize = 64;
const MOST_PARAMETERS: usize = 1 << 18;

/// A name and its value.
type Parameter<'f> = (Cow<'f, str>, Cow<'f, str>);

/// The parameters of a form or query, decoded and sorted by name.
pub(crate) struct Form<'f>(Vec<Parameter<'f>>);

impl<'f> Form<'f> {
    pub(crate) fn parse(sources: &[&'f str]) -> Read<Form<'f>> {
        let mut pairs = Vec::new();
        for source in sources {
            for pair in cut::split(source, b'&').filter(|pair| !pair.is_empty()) {
                if pairs.len() >= MOST_PARAMETERS {
                    return Err(Mismatch::Malformed("too many parameters".into()));
                }
                let (name, value) = cut::split_once(pair, b'=').unwrap_or((pair, ""));
                pairs.push((decode(name)?, decode(value)?));
            }
        }
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Form(pairs))
    }
}

/// A form's escapes: `+` is a space.
fn decode(text: &str) -> Read<Cow<'_, str>> {
    let decoded = match memchr::memchr2(b'+', b'%', text.as_bytes()) {
        None => Ok(text.into()),
        Some(_) => percent_decode_str(&text.replace('+', " ")).decode_utf8().map(|text| Cow::Owned(text.into_owned())),
    };
    decoded.map_err(|_| Mismatch::Malformed("not UTF-8".into()))
}

/// The two ways of naming members and items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Query,
    /// Capital first letters, and lists that are always flat.
    Ec2,
}

impl Style {
    fn member(self, member: &'static Member) -> Part<'static> {
        match self {
            _ if !member.query.is_empty() => Part::of(member.query),
            Style::Query => Part::of(crate::xml::element_name(member)),
            Style::Ec2 => Part { text: member.wire, is_capital: true },
        }
    }
}

/// What stands between two dots of a name.
#[derive(Clone, Copy)]
struct Part<'p> {
    text: &'p str,
    /// Its first letter is large, whatever the text has.
    is_capital: bool,
}

impl<'p> Part<'p> {
    fn of(text: &'p str) -> Part<'p> {
        Part { text, is_capital: false }
    }

    /// How the rest of a name stands to this part.
    fn compared(self, rest: &str) -> Ordering {
        let is_large = |index: usize| index == 0 && self.is_capital;
        let own = self.text.bytes().enumerate().map(|(index, byte)| if is_large(index) { byte.to_ascii_uppercase() } else { byte });
        rest.bytes().take(self.text.len()).cmp(own)
    }
}

/// Reads a form: `visit` gets its root.
pub(crate) fn read(form: &Form<'_>, style: Style, visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing> {
    let mut context = Context { style, path: Path::default(), missing: Missing::default() };
    let root = Node { value: None, below: &form.0, start: 0 };
    visit(&mut FormValue { node: root, flattened: false, depth: 0, context: &mut context })?;
    Ok(context.missing)
}

/// Where a value is: what its name itself says, and the parameters whose names go on behind it.
#[derive(Clone, Copy)]
struct Node<'f> {
    value: Option<&'f str>,
    below: &'f [Parameter<'f>],
    /// Where the names below go on, behind the dot.
    start: usize,
}

impl<'f> Node<'f> {
    fn rest<'p>(&self, (name, _): &'p Parameter<'_>) -> &'p str {
        name.get(self.start..).unwrap_or_default()
    }

    /// The node of a part below this one, if there are parameters of it.
    fn find(&self, part: Part<'_>) -> Option<Node<'f>> {
        let from = self.below.get(self.below.partition_point(|one| part.compared(self.rest(one)) == Ordering::Less)..).unwrap_or_default();
        let named = from.get(..from.partition_point(|one| part.compared(self.rest(one)) == Ordering::Equal)).unwrap_or_default();
        let length = part.text.len();
        // Behind the part there is nothing, or a dot; what else may stand there sorts before the dot or behind it.
        let next = |one: &Parameter<'_>| one.0.as_bytes().get(self.start + length).copied();
        let value = named.first().filter(|one| next(one).is_none()).map(|(_, value)| value.as_ref());
        let below = named.get(named.partition_point(|one| next(one) < Some(b'.'))..).unwrap_or_default();
        let below = below.get(..below.partition_point(|one| next(one) == Some(b'.'))).unwrap_or_default();
        (value.is_some() || !below.is_empty()).then_some(Node { value, below, start: self.start + length + 1 })
    }

    fn text(&self, part: &str) -> Option<&'f str> {
        self.find(Part::of(part))?.value
    }

    /// The numbers below it, in order. Gaps are allowed; they begin at 1.
    fn items(&self) -> Read<Vec<Node<'f>>> {
        let numbers = self.below.iter().filter_map(|one| {
            let text = self.rest(one).split('.').next()?;
            Some((text.parse::<u64>().ok()?, text))
        });
        let mut numbers: Vec<(u64, &str)> = numbers.collect();
        numbers.sort_unstable();
        numbers.dedup_by_key(|(number, _)| *number);
        // AWS: recorded at SQS. <https://github.com/rusoto/rusoto/issues/324>
        if numbers.first().is_some_and(|(number, _)| *number == 0) {
            return Err(Mismatch::Malformed("0 is not a valid index".into()));
        }
        Ok(numbers.into_iter().filter_map(|(_, text)| self.find(Part::of(text))).collect())
    }
}

struct Context {
    style: Style,
    path: Path,
    missing: Missing,
}

struct FormValue<'c, 'f> {
    node: Node<'f>,
    flattened: bool,
    depth: usize,
    context: &'c mut Context,
}

impl<'f> FormValue<'_, 'f> {
    fn content(&self) -> Read<Text<'f>> {
        Ok(Text { text: self.node.value.unwrap_or_default(), timestamps: TimestampFormat::DateTime })
    }

    fn at<'c>(&'c mut self, node: Node<'f>, flattened: bool) -> Read<FormValue<'c, 'f>> {
        if self.depth >= MOST_DEPTH {
            return Err(Mismatch::Malformed("too deep".into()));
        }
        Ok(FormValue { node, flattened, depth: self.depth + 1, context: self.context })
    }

    /// The node of a member, if there are parameters of it.
    fn node_of(&self, member: &'static Member) -> Option<Node<'f>> {
        // AWS: SQS takes today's names of members where it has older ones for forms: `MessageAttributes.1.Name`.
        let has_two = self.context.style == Style::Query && !member.query.is_empty();
        let own = || has_two.then(|| self.node.find(Part::of(crate::xml::element_name(member)))).flatten();
        self.node.find(self.context.style.member(member)).or_else(own)
    }
}

impl Reader for FormValue<'_, '_> {
    crate::partial::reads_text!(content: boolean integer float text blob timestamp document body events);

    fn list(&mut self, of: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        let is_flat = self.flattened || self.context.style == Style::Ec2;
        let numbered = if is_flat { Some(self.node) } else { self.node.find(Part::of(of.item_name)) };
        let items = numbered.map(|node| node.items()).transpose()?.unwrap_or_default();
        // AWS: a flat list of one may go without its number: `AttributeName=All`. In EC2 it may be a list of nothing, `Filter=`, which has one item.
        // <https://github.com/aws/aws-sdk-js-v3/issues/6063>
        let is_alone = match self.context.style {
            Style::Query => self.flattened && self.node.value.is_some_and(|value| !value.is_empty()),
            Style::Ec2 => self.node.value.is_some() && self.node.below.is_empty(),
        };
        let alone = is_alone.then_some(self.node);
        for (index, item) in alone.into_iter().chain(items).enumerate() {
            self.context.path.push(Step::Item(index));
            each(&mut self.at(item, false)?)?;
            self.context.path.pop();
        }
        Ok(())
    }

    fn map(&mut self, of: &'static Target, each: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let numbered = if self.flattened { Some(self.node) } else { self.node.find(Part::of("entry")) };
        let entries = numbered.map(|node| node.items()).transpose()?.unwrap_or_default();
        // AWS: the same for a flat map, `Attribute.Name=…&Attribute.Value=…`.
        let is_alone = self.flattened && self.node.find(Part::of(of.key_name)).is_some();
        let alone = is_alone.then_some(self.node);
        for entry in alone.into_iter().chain(entries) {
            let Some(key) = entry.text(of.key_name) else {
                return Err(Mismatch::Malformed(format!("an entry of {} has no {}", self.context.path.text(), of.key_name)));
            };
            if let Some(value) = entry.find(Part::of(of.item_name)) {
                self.context.path.push(Step::Entry(key.to_owned()));
                each(key.to_owned(), &mut self.at(value, false)?)?;
                self.context.path.pop();
            }
        }
        Ok(())
    }

    fn structure(&mut self, schema: &'static Schema, each: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> {
        for (index, member) in schema.members.iter().enumerate() {
            let Some(node) = self.node_of(member) else { continue };
            let flattened = member.flattened() && matches!(member.of.kind, Kind::List | Kind::Map);
            self.context.path.push(Step::Member(member.name));
            each(index, &mut self.at(node, flattened)?)?;
            self.context.path.pop();
        }
        Ok(())
    }

    fn missing(&mut self, schema: &'static Schema, index: usize) {
        self.context.missing.add(&self.context.path, schema, index);
    }
}

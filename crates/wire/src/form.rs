//! Forms, as awsQuery and ec2Query write requests: `Entry.1.Id=a&Entry.1.Name=b`.
//!
//! The parameters are sorted once, so that those with a common prefix are neighbours.

use crate::{
    Missing,
    path::{Path, Step},
    text::Text,
};
use cloudlet_aws::cut;
use cloudlet_shape::{Blob, Body, Document, Events, Kind, Member, Mismatch, Read, Reader, Schema, Target, Timestamp, TimestampFormat};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// How deep a parameter's name may go.
const MOST_DEPTH: usize = 64;
const MOST_PARAMETERS: usize = 1 << 18;

/// The parameters of a form or query, decoded and sorted by name.
pub(crate) struct Form<'f>(Vec<(Cow<'f, str>, Cow<'f, str>)>);

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

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.from(name).first().filter(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// The parameters from a name on.
    fn from(&self, name: &str) -> &[(Cow<'f, str>, Cow<'f, str>)] {
        self.0.get(self.0.partition_point(|(known, _)| known.as_ref() < name)..).unwrap_or_default()
    }

    /// The parameters whose names begin with a prefix.
    fn below(&self, prefix: &str) -> &[(Cow<'f, str>, Cow<'f, str>)] {
        let rest = self.from(prefix);
        rest.get(..rest.partition_point(|(known, _)| known.starts_with(prefix))).unwrap_or_default()
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
    fn member(self, member: &'static Member) -> Cow<'static, str> {
        match self {
            _ if !member.query.is_empty() => member.query.into(),
            Style::Query => crate::xml::element_name(member).into(),
            Style::Ec2 => {
                let mut letters = member.wire.chars();
                match letters.next() {
                    Some(first) if first.is_lowercase() => format!("{}{}", first.to_uppercase(), letters.as_str()).into(),
                    _ => member.wire.into(),
                }
            }
        }
    }
}

/// Reads a form: `visit` gets its root.
pub(crate) fn read(form: &Form<'_>, style: Style, visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing> {
    let mut context = Context { form, style, path: Path::default(), missing: Missing::default() };
    visit(&mut FormValue { prefix: String::new(), flattened: false, depth: 0, context: &mut context })?;
    Ok(context.missing)
}

struct Context<'f> {
    form: &'f Form<'f>,
    style: Style,
    path: Path,
    missing: Missing,
}

/// A value in a form: all parameters with its prefix.
struct FormValue<'c, 'f> {
    prefix: String,
    flattened: bool,
    depth: usize,
    context: &'c mut Context<'f>,
}

impl<'f> FormValue<'_, 'f> {
    fn content(&self) -> Read<Text<'f>> {
        let form = self.context.form;
        Ok(Text { text: form.get(&self.prefix).unwrap_or_default(), timestamps: TimestampFormat::DateTime })
    }

    fn name(&self, part: Cow<'static, str>) -> Cow<'static, str> {
        if self.prefix.is_empty() { part } else { [&self.prefix, ".", &part].concat().into() }
    }

    fn at<'c>(&'c mut self, prefix: String, flattened: bool) -> Read<FormValue<'c, 'f>> {
        if self.depth >= MOST_DEPTH {
            return Err(Mismatch::Malformed("too deep".into()));
        }
        Ok(FormValue { prefix, flattened, depth: self.depth + 1, context: self.context })
    }

    /// Whether there are parameters with a name as prefix.
    fn has(&self, name: &str) -> bool {
        let named = self.context.form.from(name).iter().map_while(|(known, _)| known.strip_prefix(name));
        named.take_while(|rest| rest.as_bytes().first() <= Some(&b'.')).any(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The prefix of a member, if there are parameters with it.
    fn place_of(&self, member: &'static Member) -> Option<Cow<'static, str>> {
        let name = self.name(self.context.style.member(member));
        if self.has(&name) {
            return Some(name);
        }
        // AWS: SQS takes today's names of members where it has older ones for forms: `MessageAttributes.1.Name`.
        let has_two = self.context.style == Style::Query && !member.query.is_empty();
        let own = has_two.then(|| self.name(crate::xml::element_name(member).into()))?;
        self.has(&own).then_some(own)
    }

    /// The numbers that follow a prefix, in order. Gaps are allowed; they begin at 1.
    fn indices(&self, prefix: &str) -> Read<Vec<u64>> {
        let below = self.context.form.below(prefix);
        let numbers = below.iter().filter_map(|(name, _)| name.get(prefix.len()..)?.split('.').next()?.parse::<u64>().ok());
        let mut indices: Vec<u64> = numbers.collect();
        indices.sort_unstable();
        indices.dedup();
        // AWS: recorded at SQS. <https://github.com/rusoto/rusoto/issues/324>
        if indices.first() == Some(&0) {
            return Err(Mismatch::Malformed("0 is not a valid index".into()));
        }
        Ok(indices)
    }
}

impl Reader for FormValue<'_, '_> {
    crate::partial::reads_text!(content: boolean integer float text blob timestamp document body events);

    fn list(&mut self, of: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        let flat = self.flattened || self.context.style == Style::Ec2;
        let prefix = if flat { format!("{}.", self.prefix) } else { format!("{}.{}.", self.prefix, of.item_name) };
        let indices = self.indices(&prefix)?;
        let items = indices.into_iter().map(|index| format!("{prefix}{index}"));
        // AWS: a flat list of one may go without its number: `AttributeName=All`.
        let alone = self.flattened && self.context.form.get(&self.prefix).is_some_and(|value| !value.is_empty());
        let alone = alone.then(|| self.prefix.clone());
        for (place, item) in alone.into_iter().chain(items).enumerate() {
            self.context.path.push(Step::Item(place));
            each(&mut self.at(item, false)?)?;
            self.context.path.pop();
        }
        Ok(())
    }

    fn map(&mut self, of: &'static Target, each: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let prefix = if self.flattened { format!("{}.", self.prefix) } else { format!("{}.entry.", self.prefix) };
        let indices = self.indices(&prefix)?;
        let entries = indices.into_iter().map(|index| format!("{prefix}{index}"));
        // AWS: the same for a flat map, `Attribute.Name=…&Attribute.Value=…`.
        let alone = (self.flattened && self.has(&self.name(of.key_name.into()))).then(|| self.prefix.clone());
        for entry in alone.into_iter().chain(entries) {
            let form = self.context.form;
            let Some(key) = form.get(&format!("{entry}.{}", of.key_name)) else {
                return Err(Mismatch::Malformed(format!("{entry} has no {}", of.key_name)));
            };
            let value = format!("{entry}.{}", of.item_name);
            if self.has(&value) {
                self.context.path.push(Step::Entry(key.to_owned()));
                each(key.to_owned(), &mut self.at(value, false)?)?;
                self.context.path.pop();
            }
        }
        Ok(())
    }

    fn structure(&mut self, schema: &'static Schema, each: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> {
        for (index, member) in schema.members.iter().enumerate() {
            let Some(name) = self.place_of(member) else { continue };
            let flattened = member.flattened() && matches!(member.of.kind, Kind::List | Kind::Map);
            self.context.path.push(Step::Member(member.name));
            each(index, &mut self.at(name.into_owned(), flattened)?)?;
            self.context.path.pop();
        }
        Ok(())
    }

    fn missing(&mut self, schema: &'static Schema, index: usize) {
        self.context.missing.add(&self.context.path, schema, index);
    }
}

//! Checks the constraints of the model for all services, with AWS's messages.

use crate::{
    Missing,
    path::{Path, Step},
    pattern,
    text::float_text,
};
use cloudlet_shape::{Body, Document, Events, Flags, Member, Schema, Struct, Target, Timestamp, TimestampFormat, Value, Writer};

/// More violations than this are not reported.
const MOST: usize = 128;

/// Checks length, range, pattern, enumerations and missing members. `None` is fine; otherwise AWS's sentence:
/// `1 validation error detected: Value null at 'queueUrl' failed to satisfy constraint: Member must not be null`.
pub fn validate(_: &'static Schema, input: &dyn Struct, missing: &Missing) -> Option<String> {
    told(input, missing, Wording::Telling)
}

/// The same for services that quote neither values nor sets: `Value at 'status' failed to satisfy constraint: Member must satisfy
/// enum value set`. AWS: IAM does so (recorded: LocalStack, `tests/aws/services/iam`).
pub fn validate_discreetly(_: &'static Schema, input: &dyn Struct, missing: &Missing) -> Option<String> {
    told(input, missing, Wording::Discreet)
}

/// The same for services that quote sets and no values, not even that there is none: `Value at 'status' failed to satisfy constraint:
/// Member must not be null`. AWS: SES does so (measured: <https://github.com/floci-io/floci>, `SesSuppressionService.java`).
pub fn validate_without_values(_: &'static Schema, input: &dyn Struct, missing: &Missing) -> Option<String> {
    told(input, missing, Wording::WithoutValues)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wording {
    Telling,
    Discreet,
    WithoutValues,
}

fn told(input: &dyn Struct, missing: &Missing, voice: Wording) -> Option<String> {
    let mut walk = Walk { of: &Target::STRUCTURE, sensitive: voice != Wording::Telling, path: Path::default(), missing, errors: Vec::new() };
    walk.structure(input);
    let errors = match voice {
        Wording::Telling => walk.errors,
        Wording::Discreet => walk.errors.into_iter().map(without_set).collect(),
        Wording::WithoutValues => walk.errors.into_iter().map(without_null).collect(),
    };
    match errors.len() {
        0 => None,
        1 => Some(format!("1 validation error detected: {}", errors.concat())),
        many => Some(format!("{many} validation errors detected: {}", errors.join("; "))),
    }
}

fn without_set(error: String) -> String {
    match error.split_once(" enum value set: [") {
        Some((head, _)) => format!("{head} enum value set"),
        None => error,
    }
}

fn without_null(error: String) -> String {
    error.strip_prefix("Value null at").map_or_else(|| error.clone(), |rest| format!("Value at{rest}"))
}

/// Goes through an input as a writer does, and holds every value to its target.
struct Walk<'m> {
    /// What the next value is held to.
    of: &'static Target,
    sensitive: bool,
    path: Path,
    missing: &'m Missing,
    errors: Vec<String>,
}

impl Walk<'_> {
    fn refuse(&mut self, shown: impl FnOnce() -> String, constraint: &str) {
        if self.errors.len() < MOST {
            // AWS: a sensitive value is left out: "Value at 'plaintext' failed to satisfy constraint".
            let value = if self.sensitive { String::new() } else { format!(" '{}'", shown()) };
            self.errors.push(format!("Value{value} at '{}' failed to satisfy constraint: {constraint}", self.path.text()));
        }
    }

    fn length(&mut self, length: usize, shown: impl Fn() -> String) {
        if let Some(max) = self.of.max.filter(|max| length as i64 > *max) {
            self.refuse(&shown, &too_long(max));
        }
        if let Some(min) = self.of.min.filter(|min| (length as i64) < *min) {
            self.refuse(&shown, &too_short(min));
        }
    }

    fn number(&mut self, value: f64, shown: impl Fn() -> String) {
        if let Some(max) = self.of.max.filter(|max| value > *max as f64) {
            self.refuse(&shown, &format!("Member must have value less than or equal to {max}"));
        }
        if let Some(min) = self.of.min.filter(|min| value < *min as f64) {
            self.refuse(&shown, &format!("Member must have value greater than or equal to {min}"));
        }
    }

    /// A value inside of this one.
    fn inside(&mut self, step: Step, value: &dyn Value, of: &'static Target, sensitive: bool) {
        let outer = (self.of, self.sensitive);
        (self.of, self.sensitive) = (of, sensitive || of.flags.has(Flags::SENSITIVE));
        self.path.push(step);
        value.write(self, of);
        self.path.pop();
        (self.of, self.sensitive) = outer;
    }
}

fn too_long(max: i64) -> String {
    format!("Member must have length less than or equal to {max}")
}

fn too_short(min: i64) -> String {
    format!("Member must have length greater than or equal to {min}")
}

fn not_in(values: &[&str]) -> String {
    // AWS prints its sets in the order of a hash table of its own, which varies by service; ours is the model's order.
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

/// What text breaks, in AWS's order.
fn text_violations(value: &str, of: &Target) -> Vec<String> {
    let mut broken = Vec::new();
    if of.max.is_some() || of.min.is_some() {
        let length = value.chars().count() as i64;
        broken.extend(of.max.filter(|max| length > *max).map(too_long));
        broken.extend(of.min.filter(|min| length < *min).map(too_short));
    }
    if !of.pattern.is_empty() && !pattern::matches(of.pattern, value) {
        broken.push(format!("Member must satisfy regular expression pattern: {}", of.pattern));
    }
    if !of.values.is_empty() && !of.values.contains(&value) {
        broken.push(not_in(of.values));
    }
    broken
}

/// All that is asked of the texts in a list or map. AWS names all of it, whichever part is broken.
fn text_constraints(of: &Target) -> String {
    let mut all = Vec::new();
    all.extend(of.max.map(too_long));
    all.extend(of.min.map(too_short));
    if !of.pattern.is_empty() {
        all.push(format!("Member must satisfy regular expression pattern: {}", of.pattern));
    }
    if !of.values.is_empty() {
        all.push(not_in(of.values));
    }
    all.join(", ")
}

impl Writer for Walk<'_> {
    fn boolean(&mut self, _: bool) {}

    fn integer(&mut self, value: i64) {
        if self.of.min.is_some() || self.of.max.is_some() {
            self.number(value as f64, || value.to_string());
        }
    }

    fn float(&mut self, value: f64) {
        self.number(value, || float_text(value));
    }

    fn text(&mut self, value: &str) {
        for constraint in text_violations(value, self.of) {
            self.refuse(|| value.to_owned(), &constraint);
        }
    }

    fn blob(&mut self, value: &[u8]) {
        // AWS prints Java's buffers as Java does.
        let length = value.len();
        self.length(length, || format!("java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]"));
    }

    fn timestamp(&mut self, _: Timestamp, _: &'static Target) {}
    fn document(&mut self, _: &Document) {}
    fn body(&mut self, _: &Body) {}
    fn events(&mut self, _: &Events) {}

    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>) {
        let items: Vec<&dyn Value> = items.collect();
        let item = of.item();
        let shown = || list_shown(&items, of);
        self.length(items.len(), shown);
        if is_constrained_text(item) {
            let broken = |value: &&dyn Value| plain_text(*value, item).is_some_and(|text| !text_violations(&text, item).is_empty());
            if items.iter().any(broken) {
                // AWS: texts in a list are judged together: "Member must satisfy constraint: [Member must have length …, …]".
                self.refuse(shown, &format!("Member must satisfy constraint: [{}]", text_constraints(item)));
            }
            return;
        }
        let sensitive = self.sensitive;
        for (index, value) in items.into_iter().enumerate() {
            self.inside(Step::Item(index), value, item, sensitive);
        }
    }

    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>) {
        let entries: Vec<(&str, &dyn Value)> = entries.collect();
        let (key, item) = (of.key(), of.item());
        let shown = || map_shown(&entries, of);
        self.length(entries.len(), shown);
        if is_constrained_text(key) && entries.iter().any(|(name, _)| !text_violations(name, key).is_empty()) {
            self.refuse(shown, &format!("Map keys must satisfy constraint: [{}]", text_constraints(key)));
        }
        if is_constrained_text(item) {
            let broken = |value: &dyn Value| plain_text(value, item).is_some_and(|text| !text_violations(&text, item).is_empty());
            if entries.iter().any(|(_, value)| broken(*value)) {
                self.refuse(shown, &format!("Map value must satisfy constraint: [{}]", text_constraints(item)));
            }
            return;
        }
        let sensitive = self.sensitive;
        for (name, value) in entries {
            self.inside(Step::Entry(name.to_owned()), value, item, sensitive);
        }
    }

    fn structure(&mut self, value: &dyn Struct) {
        let inherited = self.sensitive;
        for (index, member) in value.schema().members.iter().enumerate() {
            if self.errors.len() >= MOST {
                return;
            }
            if member.required() && !self.missing.is_empty() && self.missing.has(&self.path.member(member.name)) {
                let path = self.path.member(member.name);
                self.errors.push(format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
                continue;
            }
            let inner = value.get(index);
            if !inner.is_absent() {
                self.inside(Step::Member(member.name), inner, member.of, inherited || member.flags.has(Flags::SENSITIVE));
            }
        }
    }
}

fn is_constrained_text(of: &Target) -> bool {
    of.kind == cloudlet_shape::Kind::Text && (of.min.is_some() || of.max.is_some() || !of.pattern.is_empty() || !of.values.is_empty())
}

fn plain_text(value: &dyn Value, of: &'static Target) -> Option<String> {
    let mut shown = Shown::default();
    value.write(&mut shown, of);
    Some(shown.0)
}

fn list_shown(items: &[&dyn Value], of: &'static Target) -> String {
    let mut shown = Shown::default();
    shown.list(of, &mut items.iter().copied());
    shown.0
}

fn map_shown(entries: &[(&str, &dyn Value)], of: &'static Target) -> String {
    let mut shown = Shown::default();
    shown.map(of, &mut entries.iter().copied());
    shown.0
}

/// Values as AWS's sentences show them: `[a, b]`, `{k=v}`, `Tag(key=a, value=b)`.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn member(&mut self, first: bool, member: &Member, value: &dyn Value) {
        if !first {
            self.0.push_str(", ");
        }
        self.0.push_str(member.name);
        self.0.push('=');
        if member.flags.has(Flags::SENSITIVE) || member.of.flags.has(Flags::SENSITIVE) {
            self.0.push_str("***");
        } else {
            value.write(self, member.of);
        }
    }
}

impl Writer for Shown {
    fn boolean(&mut self, value: bool) {
        self.0.push_str(if value { "true" } else { "false" });
    }
    fn integer(&mut self, value: i64) {
        self.0.push_str(itoa::Buffer::new().format(value));
    }
    fn float(&mut self, value: f64) {
        self.0.push_str(&float_text(value));
    }
    fn text(&mut self, value: &str) {
        self.0.push_str(value);
    }
    fn blob(&mut self, value: &[u8]) {
        self.0.push_str(&format!("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", value.len()));
    }
    fn timestamp(&mut self, value: Timestamp, _: &'static Target) {
        value.write(TimestampFormat::DateTime, &mut self.0);
    }
    fn document(&mut self, value: &Document) {
        self.0.push_str(&value.to_string());
    }
    crate::partial::ignores!(body events);

    fn list(&mut self, of: &'static Target, items: &mut dyn Iterator<Item = &dyn Value>) {
        self.0.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.0.push_str(", ");
            }
            item.write(self, of.item());
        }
        self.0.push(']');
    }

    fn map(&mut self, of: &'static Target, entries: &mut dyn Iterator<Item = (&str, &dyn Value)>) {
        self.0.push('{');
        for (index, (key, value)) in entries.enumerate() {
            if index > 0 {
                self.0.push_str(", ");
            }
            self.0.push_str(key);
            self.0.push('=');
            value.write(self, of.item());
        }
        self.0.push('}');
    }

    // AWS: unverified; its structures print themselves in several ways.
    fn structure(&mut self, value: &dyn Struct) {
        self.0.push_str(value.schema().name);
        self.0.push('(');
        let mut first = true;
        for (index, member) in value.schema().members.iter().enumerate() {
            let inner = value.get(index);
            if !inner.is_absent() {
                self.member(std::mem::take(&mut first), member, inner);
            }
        }
        self.0.push(')');
    }
}

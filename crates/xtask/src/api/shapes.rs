//! `shapes.rs` and `targets.rs` of a crate: structures, and the targets that say more than a Rust type can.

use super::{
    emit::{BANNER, list, text, texts},
    model::{Member, Model, Shape},
    names::{constant, field, of_field, type_name, upper_first},
};
use crate::project::Outcome;
use std::collections::{BTreeMap, BTreeSet};

pub struct Shapes {
    pub structures: String,
    /// `None` when no shape needs one.
    pub targets: Option<String>,
}

pub fn emit(model: &Model) -> Outcome<Shapes> {
    let reached = model.reached()?;
    let mut emitter = Emitter { model, ec2: model.metadata.protocol == "ec2", constants: BTreeMap::new() };
    emitter.name_targets(&reached)?;
    let mut structures = String::new();
    let mut targets = String::new();
    let mut words = BTreeSet::from(["Shape"]);
    let mut types = BTreeMap::new();
    for &name in &reached {
        let shape = model.shape(name)?;
        if let Some(constant) = emitter.constants.get(name) {
            targets += &emitter.target(name, constant, shape)?;
        }
        if shape.is_structure() {
            if let Some(other) = types.insert(type_name(name), name) {
                return Err(format!("the shapes {other} and {name} would be one type"));
            }
            for member in shape.members.values() {
                emitter.imports(member, &mut words)?;
            }
            structures += &emitter.structure(name, shape)?;
        }
    }
    if let Some(word) = words.iter().find(|word| types.contains_key(**word)) {
        return Err(format!("the shape {word} has the name of a type that its crate imports"));
    }
    if let Some(name) = types.keys().find(|name| model.operations.contains_key(*name)) {
        return Err(format!("{name} is an operation and a structure"));
    }
    let uses = if targets.is_empty() { "" } else { "use crate::targets::*;\n" };
    let words: Vec<&str> = words.into_iter().collect();
    let head = format!("{BANNER}{uses}use cloudlet_shape::{{{}}};\n\n", words.join(", "));
    let imports: Vec<&str> =
        ["Flags", "Kind", "Target", "TimestampFormat"].into_iter().filter(|word| targets.contains(&format!("{word}::"))).collect();
    let target_head = format!("{BANNER}use cloudlet_shape::{{{}}};\n\n", imports.join(", "));
    Ok(Shapes { structures: head + &structures, targets: (!targets.is_empty()).then(|| target_head + &targets) })
}

struct Emitter<'a> {
    model: &'a Model,
    ec2: bool,
    /// The names of the targets, by shape.
    constants: BTreeMap<String, String>,
}

impl Emitter<'_> {
    /// Names the target of every shape that needs one. `IPAddress` and `IpAddress` of one model become `IP_ADDRESS` and `IP_ADDRESS_2`.
    fn name_targets(&mut self, reached: &[&str]) -> Outcome {
        let mut taken: BTreeMap<String, u32> = BTreeMap::new();
        for name in reached {
            if self.needs_target(name)? {
                let plain = constant(name);
                let count = taken.entry(plain.clone()).or_default();
                *count += 1;
                let constant = if *count == 1 { plain } else { format!("{plain}_{count}") };
                self.constants.insert((*name).to_owned(), constant);
            }
        }
        Ok(())
    }

    /// What a member's type needs from the crate `shape`.
    fn imports(&self, member: &Member, words: &mut BTreeSet<&'static str>) -> Outcome {
        let shape = self.model.shape(&member.shape)?;
        words.extend(member.mixed.then_some("Mixed"));
        words.extend(match shape.kind.as_str() {
            "timestamp" => Some("Timestamp"),
            "blob" if member.streaming || shape.streaming => Some("Body"),
            "blob" => Some("Blob"),
            "map" => Some("Map"),
            "structure" if shape.document => Some("Document"),
            "structure" if shape.eventstream => Some("Events"),
            _ => None,
        });
        [&shape.member, &shape.value].into_iter().flatten().try_for_each(|inner| self.imports(inner, words))
    }

    fn structure(&self, name: &str, shape: &Shape) -> Outcome<String> {
        let mut fields = Vec::new();
        let mut seen = BTreeSet::new();
        for (member_name, member) in &shape.members {
            let (said, line) = self.field(name, shape, member_name, member)?;
            if !seen.insert(said) {
                return Err(format!("{name} has two members like {member_name}"));
            }
            fields.push(line);
        }
        let rust = type_name(name);
        let mut says = Vec::new();
        if rust != name {
            says.push(format!("name = {}", text(name)));
        }
        if let Some(namespace) = self.namespace(name, shape) {
            says.push(namespace);
        }
        for (flag, on) in [("union", shape.union || shape.eventstream), ("event", shape.event)] {
            if on {
                says.push(flag.to_owned());
            }
        }
        let attribute = if says.is_empty() { String::new() } else { format!("#[shape({})] ", says.join(", ")) };
        let head = format!("#[derive(Shape, Clone, Default)] {attribute}pub struct {rust} {{");
        let single = format!("{head} {} }}\n", fields.join(", "));
        if fields.is_empty() {
            return Ok(format!("{head}}}\n"));
        }
        if single.len() <= 150 && fields.len() <= 2 {
            return Ok(single);
        }
        let fields: Vec<String> = fields.iter().map(|field| format!("    {field},\n")).collect();
        Ok(format!("{head}\n{}}}\n", fields.concat()))
    }

    /// The namespace of the shape, where it is not the service's.
    fn namespace(&self, name: &str, shape: &Shape) -> Option<String> {
        let members = self.model.shapes.values().flat_map(|shape| shape.members.values());
        let referring = members.filter(|member| member.shape == name).find_map(|member| member.xml_namespace.as_ref());
        let namespace = shape.xml_namespace.as_ref().or(referring)?;
        if !namespace.prefix.is_empty() {
            return Some(format!("xmlns = {}, xmlns_prefix = {}", text(&namespace.uri), text(&namespace.prefix)));
        }
        (namespace.uri != self.model.metadata.xml_namespace).then(|| format!("xmlns = {}", text(&namespace.uri)))
    }

    /// A field's name and its line.
    fn field(&self, owner: &str, shape: &Shape, name: &str, member: &Member) -> Outcome<(String, String)> {
        let target = self.model.shape(&member.shape)?;
        let said = field(name);
        let mut says = Vec::new();
        if of_field(&said) != name {
            says.push(format!("name = {}", text(name)));
        }
        let wire = [&member.location_name, &target.location_name]
            .into_iter()
            .find(|wire| !wire.is_empty() && target.kind != "list")
            .unwrap_or(&member.location_name);
        let wire = if wire.is_empty() { name } else { wire };
        if wire != name {
            says.push(format!("wire = {}", text(wire)));
        }
        if let Some(query) = self.query_name(name, wire, member, target) {
            says.push(format!("query = {}", text(&query)));
        }
        says.extend(place(member, target)?.map(|at| format!("at = {at}")));
        says.extend(self.constants.get(&member.shape).map(|constant| format!("of = {constant}")));
        let required = shape.required.iter().any(|required| required == name);
        let boxed = target.is_structure() && !target.eventstream && (member.shape == owner || self.model.holds(&member.shape, owner));
        // A structure cannot hold itself by value, nor have itself by default.
        let optional = !required || boxed;
        let flags = [
            ("required", required && optional),
            ("flattened", member.flattened && !target.flattened),
            ("attribute", member.xml_attribute),
            ("payload", shape.payload == name),
            ("token", member.idempotency_token),
            ("host", member.host_label),
            ("json", member.jsonvalue),
            ("event_header", member.eventheader),
            ("event_payload", member.eventpayload),
            ("length", target.requires_length),
        ];
        says.extend(flags.into_iter().filter(|(_, on)| *on).map(|(flag, _)| flag.to_owned()));
        if !member.timestamp_format.is_empty() && member.timestamp_format != target.timestamp_format {
            return Err(format!("{owner}.{name} has a timestamp format of its own"));
        }
        let mut kind = self.rust(&member.shape, member.streaming)?;
        if member.mixed {
            let item = kind.strip_prefix("Vec").ok_or_else(|| format!("{owner}.{name} is no list that could be mixed"))?;
            kind = format!("Mixed{item}");
        }
        if boxed {
            kind = format!("Box<{kind}>");
        }
        if optional {
            kind = format!("Option<{kind}>");
        }
        let attribute = if says.is_empty() { String::new() } else { format!("#[shape({})] ", says.join(", ")) };
        Ok((said.clone(), format!("{attribute}pub {said}: {kind}")))
    }

    /// The name in a query form, where the codec could not tell it from the wire's.
    fn query_name(&self, name: &str, wire: &str, member: &Member, target: &Shape) -> Option<String> {
        if !self.ec2 {
            return (!target.query.is_empty() && target.query != wire).then(|| target.query.clone());
        }
        let query = match (member.query_name.as_str(), member.location_name.as_str()) {
            ("", "") => name.to_owned(),
            ("", wire) => upper_first(wire),
            (query, _) => query.to_owned(),
        };
        (query != upper_first(wire)).then_some(query)
    }

    fn rust(&self, name: &str, streaming: bool) -> Outcome<String> {
        let shape = self.model.shape(name)?;
        let inner = |member: &Option<Member>| {
            let member = member.as_ref().ok_or_else(|| format!("{name} lacks its items"))?;
            self.rust(&member.shape, false)
        };
        Ok(match shape.kind.as_str() {
            "string" | "character" => "String".to_owned(),
            "boolean" => "bool".to_owned(),
            "integer" => "i32".to_owned(),
            "long" => "i64".to_owned(),
            "float" | "double" => "f64".to_owned(),
            "timestamp" => "Timestamp".to_owned(),
            "blob" if streaming || shape.streaming => "Body".to_owned(),
            "blob" => "Blob".to_owned(),
            "list" => format!("Vec<{}>", inner(&shape.member)?),
            "map" => format!("Map<{}>", inner(&shape.value)?),
            "structure" if shape.document => "Document".to_owned(),
            "structure" if shape.eventstream => "Events".to_owned(),
            "structure" => type_name(name),
            other => return Err(format!("{name} is of the unknown type {other}")),
        })
    }

    /// Whether a shape says more than its Rust type.
    fn needs_target(&self, name: &str) -> Outcome<bool> {
        let shape = self.model.shape(name)?;
        let says = shape.min.is_some()
            || shape.max.is_some()
            || !shape.pattern.is_empty()
            || !shape.values.is_empty()
            || shape.flattened
            || shape.sensitive
            || shape.lenient
            || shape.eventstream
            || !shape.timestamp_format.is_empty();
        if says {
            return Ok(true);
        }
        for (member, usual) in [(&shape.member, "member"), (&shape.key, "key"), (&shape.value, "value")] {
            if let Some(member) = member
                && (!["", usual].contains(&member.location_name.as_str()) || self.needs_target(&member.shape)?)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn target(&self, name: &str, constant: &str, shape: &Shape) -> Outcome<String> {
        let inner =
            |member: &Member| self.constants.get(&member.shape).map_or_else(|| self.plain(&member.shape), |constant| Ok(format!("&{constant}")));
        let quoted = text(name);
        let mut out = match (shape.kind.as_str(), &shape.member, &shape.key, &shape.value) {
            ("list", Some(item), ..) => format!("Target::list({quoted}, {})", inner(item)?),
            ("map", _, Some(key), Some(value)) => format!("Target::map({quoted}, {}, {})", inner(key)?, inner(value)?),
            ("string" | "character", ..) => format!("Target::text({quoted})"),
            _ => format!("Target::new({quoted}, Kind::{})", self.kind(shape)?),
        };
        for (word, bound) in [("min", shape.min), ("max", shape.max)] {
            out += &bound.map(|bound| Ok::<_, String>(format!(".{word}({})", whole(name, bound)?))).transpose()?.unwrap_or_default();
        }
        if !shape.pattern.is_empty() {
            out += &format!(".pattern({})", text(&shape.pattern));
        }
        for (member, usual, word) in [(&shape.member, "member", "item_name"), (&shape.value, "value", "item_name"), (&shape.key, "key", "key_name")] {
            if let Some(member) = member.as_ref().filter(|member| !["", usual].contains(&member.location_name.as_str())) {
                out += &format!(".{word}({})", text(&member.location_name));
            }
        }
        for (flag, on) in [("FLATTENED", shape.flattened), ("SENSITIVE", shape.sensitive), ("LENIENT", shape.lenient)] {
            if on {
                out += &format!(".flags(Flags::{flag})");
            }
        }
        if !shape.timestamp_format.is_empty() {
            out += &format!(".timestamp(TimestampFormat::{})", timestamp_format(&shape.timestamp_format)?);
        }
        let head = format!("pub static {constant}: Target = {out}");
        if shape.values.is_empty() {
            return Ok(format!("{head};\n"));
        }
        Ok(list(0, &format!("{head}.one_of(&["), &texts(&shape.values), "]);") + "\n")
    }

    /// The target of a shape that says nothing of its own.
    fn plain(&self, name: &str) -> Outcome<String> {
        let shape = self.model.shape(name)?;
        let inner = |member: &Option<Member>| {
            let member = member.as_ref().ok_or_else(|| format!("{name} lacks its items"))?;
            self.plain(&member.shape)
        };
        Ok(match shape.kind.as_str() {
            "list" => format!("&Target::list(\"\", {})", inner(&shape.member)?),
            "map" => format!("&Target::map(\"\", {}, {})", inner(&shape.key)?, inner(&shape.value)?),
            _ => format!("&Target::{}", constant(self.kind(shape)?)),
        })
    }

    fn kind(&self, shape: &Shape) -> Outcome<&'static str> {
        Ok(match shape.kind.as_str() {
            "string" | "character" => "Text",
            "boolean" => "Boolean",
            "integer" | "long" => "Integer",
            "float" | "double" => "Float",
            "timestamp" => "Timestamp",
            "blob" if shape.streaming => "Body",
            "blob" => "Blob",
            "structure" if shape.document => "Document",
            "structure" if shape.eventstream => "Events",
            "structure" => "Structure",
            other => return Err(format!("unknown type {other}")),
        })
    }
}

fn place(member: &Member, target: &Shape) -> Outcome<Option<&'static str>> {
    Ok(match member.location.as_str() {
        "" => None,
        "header" => Some("header"),
        "headers" => Some("prefix_headers"),
        "querystring" if target.kind == "map" => Some("query_params"),
        "querystring" => Some("query"),
        "uri" => Some("uri"),
        "statusCode" => Some("status"),
        other => return Err(format!("unknown location {other}")),
    })
}

fn timestamp_format(name: &str) -> Outcome<&'static str> {
    Ok(match name {
        "iso8601" => "DateTime",
        "rfc822" => "HttpDate",
        "unixTimestamp" => "EpochSeconds",
        other => return Err(format!("unknown timestamp format {other}")),
    })
}

/// A bound as a whole number; the models know no others.
fn whole(name: &str, bound: f64) -> Outcome<String> {
    let whole = format!("{bound:.0}");
    // A double cannot hold the greatest 64-bit number, which some models write as their bound.
    let whole = if whole == "9223372036854775808" { i64::MAX.to_string() } else { whole };
    if bound.fract() == 0.0 { Ok(whole) } else { Err(format!("{name} has the bound {bound}")) }
}

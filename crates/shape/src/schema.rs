//! What a shape looks like: names, places on the wire, constraints. Data only, all of it const.

use cloudlet_aws::TimestampFormat;

/// A structure or union.
#[derive(Debug)]
pub struct Schema {
    pub name: &'static str,
    pub members: &'static [Member],
    pub flags: Flags,
    /// The XML namespace of this shape's element, where the model gives it another than the service's.
    pub xml_namespace: &'static str,
    /// The prefix the namespace is declared for (`xsi`); empty for the default namespace.
    pub xml_prefix: &'static str,
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// As the model spells it; what validation messages and JSON use.
    pub name: &'static str,
    /// The name at its place: the XML element, the header, the query parameter, the JSON key if it differs.
    pub wire: &'static str,
    /// The name in a query-protocol form and its answer, where it differs from `wire`. For ec2Query: in the form only, and where it
    /// differs from `wire` with its first letter raised.
    pub query: &'static str,
    pub at: At,
    pub flags: Flags,
    pub of: &'static Target,
}

/// Where a member travels in a REST request or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Body,
    Header,
    /// All headers that start with the wire name, as a map.
    PrefixHeaders,
    Query,
    /// All query parameters that no other member takes, as a map.
    QueryParams,
    Uri,
    Status,
}

/// The shape of a value: what it is, and what is allowed.
#[derive(Debug)]
pub struct Target {
    /// The shape's name in the model; empty for anonymous plain ones.
    pub name: &'static str,
    pub kind: Kind,
    /// Length of text, blob, list or map; or the least and greatest number.
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: &'static str,
    /// The members of an enumeration; empty for open text.
    pub values: &'static [&'static str],
    pub flags: Flags,
    /// `None`: whatever the protocol uses at this place.
    pub timestamp: Option<TimestampFormat>,
    /// List item or map value: name on the XML and query wire, and shape.
    pub item_name: &'static str,
    pub item: Option<&'static Target>,
    pub key_name: &'static str,
    pub key: Option<&'static Target>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Boolean,
    Integer,
    Float,
    Blob,
    Timestamp,
    List,
    Map,
    Structure,
    Document,
    /// A body that streams.
    Body,
    /// A stream of events.
    Events,
}

/// A small set of yes-or-no traits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags(u16);

impl Flags {
    pub const NONE: Flags = Flags(0);
    pub const REQUIRED: Flags = Flags(1);
    /// A list or map without an element around its items.
    pub const FLATTENED: Flags = Flags(1 << 1);
    pub const XML_ATTRIBUTE: Flags = Flags(1 << 2);
    /// The member is the whole body.
    pub const PAYLOAD: Flags = Flags(1 << 3);
    pub const UNION: Flags = Flags(1 << 4);
    /// Never to be logged.
    pub const SENSITIVE: Flags = Flags(1 << 5);
    /// The client may leave it out and a fresh token is made up.
    pub const IDEMPOTENCY_TOKEN: Flags = Flags(1 << 6);
    /// Part of the host name (`123456789012.`).
    pub const HOST_LABEL: Flags = Flags(1 << 7);
    /// A string header whose value is JSON, base64 on the wire.
    pub const JSON_VALUE: Flags = Flags(1 << 8);
    pub const EVENT_HEADER: Flags = Flags(1 << 9);
    pub const EVENT_PAYLOAD: Flags = Flags(1 << 10);
    /// A streaming body that must say its length.
    pub const REQUIRES_LENGTH: Flags = Flags(1 << 11);
    /// One event of an event stream.
    pub const EVENT: Flags = Flags(1 << 12);
    /// A boolean whose text may be any: what is not `true` in any case is false.
    pub const LENIENT: Flags = Flags(1 << 13);

    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Schema {
    pub fn member(&self, name: &str) -> Option<(usize, &'static Member)> {
        self.members.iter().enumerate().find(|(_, member)| member.name == name)
    }

    pub fn payload(&self) -> Option<(usize, &'static Member)> {
        self.members.iter().enumerate().find(|(_, member)| member.flags.has(Flags::PAYLOAD))
    }
}

impl Member {
    pub const fn new(name: &'static str, of: &'static Target) -> Member {
        Member { name, wire: name, query: "", at: At::Body, flags: Flags::NONE, of }
    }

    pub const fn required(&self) -> bool {
        self.flags.has(Flags::REQUIRED)
    }

    pub const fn flattened(&self) -> bool {
        self.flags.has(Flags::FLATTENED) || self.of.flags.has(Flags::FLATTENED)
    }
}

impl Target {
    pub const TEXT: Target = Target::text("");
    pub const BOOLEAN: Target = Target::new("", Kind::Boolean);
    pub const INTEGER: Target = Target::new("", Kind::Integer);
    pub const FLOAT: Target = Target::new("", Kind::Float);
    pub const BLOB: Target = Target::new("", Kind::Blob);
    pub const TIMESTAMP: Target = Target::new("", Kind::Timestamp);
    pub const DOCUMENT: Target = Target::new("", Kind::Document);
    pub const STRUCTURE: Target = Target::new("", Kind::Structure);
    pub const BODY: Target = Target::new("", Kind::Body);
    pub const EVENTS: Target = Target::new("", Kind::Events);

    /// The shape of a list's items or a map's values.
    pub fn item(&self) -> &'static Target {
        self.item.unwrap_or(&Target::DOCUMENT)
    }

    pub fn key(&self) -> &'static Target {
        self.key.unwrap_or(&Target::TEXT)
    }

    pub const fn new(name: &'static str, kind: Kind) -> Target {
        Target {
            name,
            kind,
            min: None,
            max: None,
            pattern: "",
            values: &[],
            flags: Flags::NONE,
            timestamp: None,
            item_name: "member",
            item: None,
            key_name: "key",
            key: None,
        }
    }

    pub const fn text(name: &'static str) -> Target {
        Target::new(name, Kind::Text)
    }

    pub const fn list(name: &'static str, item: &'static Target) -> Target {
        Target { item: Some(item), ..Target::new(name, Kind::List) }
    }

    pub const fn map(name: &'static str, key: &'static Target, item: &'static Target) -> Target {
        Target { item: Some(item), key: Some(key), item_name: "value", ..Target::new(name, Kind::Map) }
    }

    pub const fn min(self, min: i64) -> Target {
        Target { min: Some(min), ..self }
    }

    pub const fn max(self, max: i64) -> Target {
        Target { max: Some(max), ..self }
    }

    pub const fn pattern(self, pattern: &'static str) -> Target {
        Target { pattern, ..self }
    }

    pub const fn one_of(self, values: &'static [&'static str]) -> Target {
        Target { values, ..self }
    }

    pub const fn item_name(self, item_name: &'static str) -> Target {
        Target { item_name, ..self }
    }

    pub const fn key_name(self, key_name: &'static str) -> Target {
        Target { key_name, ..self }
    }

    pub const fn flags(self, flags: Flags) -> Target {
        Target { flags: self.flags.and(flags), ..self }
    }

    pub const fn timestamp(self, format: TimestampFormat) -> Target {
        Target { timestamp: Some(format), ..self }
    }
}

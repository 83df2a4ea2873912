//! What is written is read; and whatever is read, nothing panics.

use cloudlet_aws::Head;
use cloudlet_shape::{Blob, BodyContent, Document, Flags, Map, OperationSchema, Protocol, ServiceSchema, Shape, Target, Timestamp, Typed};
use cloudlet_wire::{Content, Ids, Incoming, Labels, Recognizer, codec, from_json, to_json, validate};
use proptest::{collection, option, prelude::*};
use std::collections::BTreeMap;

static TEXTS: Target = Target::list("Texts", &Target::TEXT);
static NUMBERS: Target = Target::map("Numbers", &Target::TEXT, &Target::INTEGER).key_name("K").item_name("V").flags(Flags::FLATTENED);
static DATES: Target = Target::list("Dates", &Target::TIMESTAMP).item_name("Date");
static NAMED: Target = Target::map("Named", &Target::TEXT, &Target::STRUCTURE);

#[derive(Shape, Clone, Default, PartialEq)]
struct Leaf {
    text: Option<String>,
    #[shape(wire = "xsi:kind", attribute)]
    kind: Option<String>,
    data: Option<Blob>,
}

#[derive(Shape, Clone, Default, PartialEq)]
struct Tree {
    title: Option<String>,
    number: Option<i64>,
    ratio: Option<f64>,
    on: Option<bool>,
    when: Option<Timestamp>,
    #[shape(of = TEXTS)]
    texts: Option<Vec<String>>,
    #[shape(wire = "Flat", flattened, of = TEXTS)]
    flat: Option<Vec<String>>,
    #[shape(of = DATES)]
    dates: Option<Vec<Timestamp>>,
    #[shape(of = NUMBERS)]
    numbers: Option<Map<i64>>,
    #[shape(of = NAMED)]
    named: Option<Map<Leaf>>,
    leaf: Option<Leaf>,
    inner: Option<Box<Tree>>,
    open: Option<Document>,
}

const fn service(protocol: Protocol) -> ServiceSchema {
    ServiceSchema {
        name: "trees",
        id: "Trees",
        version: "2026-01-01",
        protocol,
        also: &[],
        signing_name: "trees",
        endpoint_prefix: "trees",
        target_prefix: "Trees",
        xml_namespace: "http://trees/",
        operations: &[],
    }
}

static JSON: ServiceSchema = service(Protocol::AwsJson10);
static REST_JSON: ServiceSchema = service(Protocol::RestJson);
static XML: ServiceSchema = service(Protocol::RestXml);
static QUERY: ServiceSchema = service(Protocol::Query);
static EC2: ServiceSchema = service(Protocol::Ec2Query);
static OPERATIONS: [OperationSchema; 5] = [
    OperationSchema::new("Grow", &JSON, Tree::SCHEMA, Tree::SCHEMA),
    OperationSchema::new("Grow", &REST_JSON, Tree::SCHEMA, Tree::SCHEMA),
    OperationSchema::new("Grow", &XML, Tree::SCHEMA, Tree::SCHEMA),
    OperationSchema::new("Grow", &QUERY, Tree::SCHEMA, Tree::SCHEMA),
    OperationSchema::new("Grow", &EC2, Tree::SCHEMA, Tree::SCHEMA),
];

/// Text as XML can hold it. Carriage returns are kept, as references.
fn words() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 \\r\\n\\t<>&\"'/é€😀%+=.,;-]{0,12}"
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let data = option::of(collection::vec(any::<u8>(), 0..9).prop_map(Blob::from));
    // An attribute's white space is all the same to XML.
    (option::of(words()), option::of("[a-z<&\"]{0,5}"), data).prop_map(|(text, kind, data)| Leaf { text, kind, data })
}

fn instants() -> impl Strategy<Value = Timestamp> {
    (0i64..4_102_444_800_000).prop_map(Timestamp)
}

fn tree() -> impl Strategy<Value = Tree> {
    let scalars = (option::of(words()), option::of(any::<i64>()), option::of(-1e9f64..1e9), option::of(any::<bool>()), option::of(instants()));
    let lists = (
        option::of(collection::vec(words(), 0..4)),
        // A flattened list or map without items is not there.
        option::of(collection::vec(words(), 1..4)),
        option::of(collection::vec(instants(), 0..3)),
        option::of(collection::btree_map(words(), any::<i64>(), 1..4)),
        option::of(collection::btree_map(words(), leaf(), 0..3)),
        option::of(leaf()),
    );
    let flat = (scalars, lists).prop_map(|((title, number, ratio, on, when), (texts, flat, dates, numbers, named, leaf))| Tree {
        title,
        number,
        ratio,
        on,
        when,
        texts,
        flat,
        dates,
        numbers,
        named,
        leaf,
        inner: None,
        open: None,
    });
    flat.prop_recursive(4, 12, 1, |inner| inner.prop_map(|inner| Tree { inner: Some(Box::new(inner)), ..Tree::default() }))
}

fn written(operation: &'static OperationSchema, tree: &Tree) -> Blob {
    match codec(operation.service.protocol).encode(operation, tree, &Ids { request_id: "r", extended_id: "x" }).body.take() {
        BodyContent::Whole(bytes) => bytes,
        BodyContent::Stream(_) => Blob::new(),
    }
}

fn read(operation: &'static OperationSchema, head: &Head<'_>, body: Blob) -> Option<Tree> {
    let mut tree = None;
    let incoming = Incoming { head, labels: &Labels::default(), body: Content::Whole(body) };
    let missing = codec(operation.service.protocol).decode(operation, incoming, &mut |reader| {
        tree = Some(Tree::read(reader, Tree::TARGET)?);
        Ok(())
    });
    let tree = tree.filter(|_| missing.is_ok())?;
    validate(Tree::SCHEMA, &tree, &missing.ok()?);
    Some(tree)
}

fn post<'a>(query: &'a str, headers: &'a Vec<(String, String)>) -> Head<'a> {
    Head { method: "POST", path: "/", query, headers }
}

/// A form as a client of the query protocol writes it.
fn form(prefix: &str, tree: &Tree, out: &mut BTreeMap<String, String>) {
    let mut put = |name: String, value: String| {
        out.insert(format!("{prefix}{name}"), value);
    };
    if let Some(title) = &tree.title {
        put("Title".into(), title.clone());
    }
    if let Some(number) = tree.number {
        put("Number".into(), number.to_string());
    }
    for (index, text) in tree.texts.iter().flatten().enumerate() {
        put(format!("Texts.member.{}", index + 1), text.clone());
    }
    for (index, text) in tree.flat.iter().flatten().enumerate() {
        put(format!("Flat.{}", index + 1), text.clone());
    }
    for (index, (key, value)) in tree.numbers.iter().flatten().enumerate() {
        put(format!("Numbers.{}.K", index + 1), key.clone());
        put(format!("Numbers.{}.V", index + 1), value.to_string());
    }
    if let Some(inner) = &tree.inner {
        form(&format!("{prefix}Inner."), inner, out);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(tree in tree()) {
        let none = Vec::new();
        for operation in OPERATIONS.iter().take(3) {
            prop_assert_eq!(read(operation, &post("", &none), written(operation, &tree)), Some(tree.clone()));
        }
        let text = to_json(&tree);
        prop_assert_eq!(from_json::<Tree>(&text).ok(), Some(tree));
    }

    #[test]
    fn a_form_is_read_as_it_was_meant(tree in tree()) {
        let mut pairs = BTreeMap::new();
        form("", &tree, &mut pairs);
        let escape = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        let none = Vec::new();
        let read = read(&OPERATIONS[3], &post("", &none), body.join("&").into());
        let mut again = BTreeMap::new();
        form("", &read.unwrap_or_default(), &mut again);
        prop_assert_eq!(pairs, again);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in collection::vec(any::<u8>(), 0..200), query in "[ -~]{0,40}") {
        let none = Vec::new();
        for operation in &OPERATIONS {
            read(operation, &post(&query, &none), bytes.clone().into());
        }
    }

    #[test]
    fn no_text_that_is_nearly_right_makes_a_reader_panic(
        json in "(\\{|\\}|\\[|\\]|\"|:|,|null|true|1e9|\"Title\"|\"Inner\"|\"Open\"|\"When\"|\"Texts\"){0,20}",
        xml in "(<Tree>|</Tree>|<Inner>|</Inner>|<Flat/>|<Texts>|<!\\[CDATA\\[|]]>|<!--|-->|&#0;|&lt;|&x;| a=\"|\"|<\\?xml){0,20}",
        form in "(Title|Inner|Flat|Numbers|=|&|\\.|1|\\.K|%|%2|%20|99999999999999999999){0,20}",
    ) {
        let none = Vec::new();
        for (operation, text) in [(0, &json), (1, &json), (2, &xml), (3, &form), (4, &form)] {
            read(&OPERATIONS[operation], &post("", &none), text.clone().into());
        }
    }

    #[test]
    fn no_head_makes_the_recognizer_panic(
        method in "GET|PUT|POST|HEAD|DELETE",
        path in "/([a-z/.+]|%[0-9a-fA-F]{2}|%|é){0,20}",
        query in "(Action|Version|X-Amz-Credential|acl|=|&|/|%2F|%){0,10}",
        host in "([a-z0-9.:-]|\\[|]|localhost|amazonaws|s3|eu-west-1){0,12}",
        credential in "[ -~]{0,30}",
        target in "[ -~]{0,12}",
    ) {
        let recognizer = Recognizer::new(&[&cloudlet_api_s3::SERVICE, &cloudlet_api_sqs::SERVICE, &cloudlet_api_lambda::SERVICE], &["localhost".to_owned()]);
        let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}");
        let headers: Vec<(String, String)> = [("host", host), ("authorization", authorization), ("x-amz-target", target)].map(|(name, value)| (name.to_owned(), value)).into();
        let head = Head { method: &method, path: &path, query: &query, headers: &headers };
        if let Some(of) = recognizer.service(&head)
            && let Err(unknown) = recognizer.operation(&of, &head, &path, Some(query.as_bytes()))
        {
            unknown.fault(&of);
        }
    }
}

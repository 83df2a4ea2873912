//! Requests read and answers written, where the protocol cases say nothing: odd, broken and hostile ones.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use cloudlet_aws::{Fault, Head};
use cloudlet_shape::{
    Blob, Body, BodyContent, Document, Empty, Flags, Map, Mixed, OperationSchema, Protocol, ServiceSchema, Shape, Target, Timestamp, TimestampFormat,
};
use cloudlet_wire::{Answer, Content, Ids, Incoming, Labels, Malformed, Missing, codec};

static NAMES: Target = Target::list("Names", &Target::TEXT);
static TAGS: Target = Target::list("Tags", &Target::STRUCTURE).item_name("Tag");
static ATTRIBUTES: Target = Target::map("Attributes", &Target::TEXT, &Target::TEXT).key_name("Name").item_name("Value").flags(Flags::FLATTENED);
static DATES: Target = Target::list("Dates", &Target::TIMESTAMP);
static DAY: Target = Target::new("Day", cloudlet_shape::Kind::Timestamp).timestamp(TimestampFormat::DateTime);

#[derive(Shape, Clone, Default, PartialEq)]
struct Tag {
    key: String,
    value: String,
}

#[derive(Shape, Clone, Default, PartialEq)]
#[shape(xmlns = "http://www.w3.org/2001/XMLSchema-instance", xmlns_prefix = "xsi")]
struct Grantee {
    #[shape(name = "ID")]
    id: Option<String>,
    #[shape(wire = "xsi:type", attribute)]
    r#type: String,
}

#[derive(Shape, Clone, Default, PartialEq)]
#[shape(union)]
struct Choice {
    text: Option<String>,
    number: Option<i64>,
}

#[derive(Shape, Clone, Default, PartialEq)]
struct Nest {
    inner: Option<Box<Nest>>,
}

#[derive(Shape, Clone, Default)]
struct Sample {
    #[shape(name = "title")]
    title: Option<String>,
    count: Option<i32>,
    large: Option<i64>,
    ratio: Option<f64>,
    on: Option<bool>,
    data: Option<Blob>,
    when: Option<Timestamp>,
    #[shape(of = DAY)]
    day: Option<Timestamp>,
    #[shape(of = NAMES)]
    names: Option<Vec<String>>,
    #[shape(wire = "Item", flattened, of = NAMES)]
    items: Option<Vec<String>>,
    #[shape(of = TAGS)]
    tags: Option<Vec<Tag>>,
    #[shape(query = "Attribute", of = ATTRIBUTES)]
    attributes: Option<Map<String>>,
    grantee: Option<Grantee>,
    choice: Option<Choice>,
    nest: Option<Nest>,
    open: Option<Document>,
}

#[derive(Shape, Clone, Default)]
struct Rest {
    #[shape(at = uri)]
    label: String,
    #[shape(at = query, wire = "max-keys")]
    max_keys: Option<i32>,
    #[shape(at = header, wire = "x-amz-list", of = NAMES)]
    list: Option<Vec<String>>,
    #[shape(at = header, wire = "x-amz-dates", of = DATES)]
    dates: Option<Vec<Timestamp>>,
    #[shape(at = header, wire = "If-Modified-Since")]
    since: Option<Timestamp>,
    #[shape(at = header, wire = "x-amz-flag")]
    flag: Option<bool>,
    #[shape(at = header, wire = "x-amz-json", json)]
    json: Option<String>,
    #[shape(at = prefix_headers, wire = "x-amz-meta-")]
    metadata: Option<Map<String>>,
    #[shape(payload)]
    tagging: Option<Tagging>,
}

#[derive(Shape, Clone, Default)]
struct Tagging {
    #[shape(of = TAGS)]
    tag_set: Vec<Tag>,
}

#[derive(Shape, Clone, Default)]
struct Object {
    #[shape(at = status)]
    status: Option<i32>,
    #[shape(at = header, wire = "ETag")]
    etag: Option<String>,
    #[shape(at = prefix_headers, wire = "x-amz-meta-")]
    metadata: Option<Map<String>>,
    #[shape(payload)]
    body: Option<Body>,
}

const fn service(protocol: Protocol) -> ServiceSchema {
    ServiceSchema {
        name: "things",
        id: "Things",
        version: "2026-01-01",
        protocol,
        also: &[],
        signing_name: "things",
        endpoint_prefix: "things",
        target_prefix: "Things",
        xml_namespace: "http://things/",
        operations: &[],
    }
}

static JSON: ServiceSchema = service(Protocol::AwsJson11);
static QUERY: ServiceSchema = service(Protocol::Query);
static EC2: ServiceSchema = service(Protocol::Ec2Query);
static REST: ServiceSchema = service(Protocol::RestJson);
static XML: ServiceSchema = service(Protocol::RestXml);
static JSON_THING: OperationSchema = OperationSchema::new("Do", &JSON, Sample::SCHEMA, Sample::SCHEMA);
static QUERY_THING: OperationSchema =
    OperationSchema { result_wrapper: "DoResult", ..OperationSchema::new("Do", &QUERY, Sample::SCHEMA, Sample::SCHEMA) };
static EC2_THING: OperationSchema = OperationSchema::new("Do", &EC2, Sample::SCHEMA, Sample::SCHEMA);
static XML_THING: OperationSchema = OperationSchema::new("Do", &XML, Sample::SCHEMA, Sample::SCHEMA);
static XML_REST: OperationSchema = OperationSchema { uri: "/{label}", ..OperationSchema::new("Rest", &XML, Rest::SCHEMA, Empty::SCHEMA) };
static REST_JSON: OperationSchema = OperationSchema { uri: "/{label}", ..OperationSchema::new("Rest", &REST, Rest::SCHEMA, Empty::SCHEMA) };
static XML_OBJECT: OperationSchema = OperationSchema::new("Object", &XML, Empty::SCHEMA, Object::SCHEMA);

const IDS: Ids<'_> = Ids { request_id: "r", extended_id: "x" };

fn read_with<T: Shape>(operation: &'static OperationSchema, query: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<(T, Missing), Malformed> {
    let headers = headers.to_vec();
    let head = Head { method: "POST", path: "/", query, headers: &headers };
    let labels = Labels(vec![("Label", "l".to_owned())]);
    let incoming = Incoming { head: &head, labels: &labels, body: Content::Whole(Blob::copy_from_slice(body)) };
    let mut input = None;
    let missing = codec(operation.service.protocol).decode(operation, incoming, &mut |reader| {
        input = Some(T::read(reader, T::TARGET)?);
        Ok(())
    })?;
    Ok((input.unwrap(), missing))
}

fn read(operation: &'static OperationSchema, body: &str) -> Sample {
    read_with(operation, "", &[], body.as_bytes()).unwrap().0
}

fn refusal(operation: &'static OperationSchema, body: &str) -> Fault {
    match read_with::<Sample>(operation, "", &[], body.as_bytes()) {
        Ok((thing, _)) => panic!("{body:.100} was read as {thing:?}"),
        Err(malformed) => malformed.into(),
    }
}

fn text(answer: &Answer) -> String {
    match answer.body.take() {
        BodyContent::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        BodyContent::Stream(_) => panic!("a stream"),
    }
}

fn written(operation: &'static OperationSchema, thing: &Sample) -> String {
    text(&codec(operation.service.protocol).encode(operation, thing, &IDS))
}

#[test]
fn json_members_come_in_any_order_and_unknown_ones_are_ignored() {
    let thing = read(&JSON_THING, r#"{"Unknown":{"a":[1,{"b":null}]},"Count":3,"title":"t","Names":["a",null,"b"],"On":null}"#);
    assert_eq!((thing.title.as_deref(), thing.count, thing.on), (Some("t"), Some(3), None));
    assert_eq!(thing.names, Some(vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn the_last_of_two_json_members_counts() {
    assert_eq!(read(&JSON_THING, r#"{"Names":["a"],"Names":["b"]}"#).names, Some(vec!["b".to_owned()]));
}

#[test]
fn a_body_without_content_is_an_empty_object() {
    for body in ["", " \n", "{}"] {
        assert_eq!(read(&JSON_THING, body).title, None);
    }
}

#[test]
fn json_of_another_type_is_refused_in_awss_words() {
    for (body, message) in [
        (r#"{"Count":"3"}"#, "STRING_VALUE can not be converted to an Integer"),
        (r#"{"Count":true}"#, "TRUE_VALUE can not be converted to an Integer"),
        (r#"{"Count":99999999999}"#, "NUMBER_VALUE can not be converted to an Integer"),
        (r#"{"title":1}"#, "NUMBER_VALUE can not be converted to a String"),
        (r#"{"title":{}}"#, "Start of structure or map found where not expected."),
        (r#"{"title":[]}"#, "Start of list found where not expected"),
        (r#"{"Names":{}}"#, "Start of structure or map found where not expected."),
        (r#"{"Tags":[["a"]]}"#, "Start of list found where not expected"),
    ] {
        let fault = refusal(&JSON_THING, body);
        assert_eq!((fault.status(), fault.name(), fault.message()), (400, "SerializationException", message), "{body}");
    }
}

#[test]
fn a_fraction_is_cut_off() {
    assert_eq!(read(&JSON_THING, r#"{"Count":3.9}"#).count, Some(3));
}

#[test]
fn json_that_is_none_is_refused() {
    for body in ["{", "[1]x", "nul", r#"{"title":"a"} {"#, "{\"title\":\"\u{1}\"}", "\"text\"", "7", r#"{"Data":"not base64!"}"#] {
        assert_eq!(refusal(&JSON_THING, body).name(), "SerializationException", "{body}");
    }
    assert!(read_with::<Sample>(&JSON_THING, "", &[], b"{\"title\":\"\xff\"}").is_err());
}

#[test]
fn a_union_has_exactly_one_member() {
    assert_eq!(read(&JSON_THING, r#"{"Choice":{"Text":"a","Number":null,"__type":"Choice"}}"#).choice.unwrap().text.as_deref(), Some("a"));
    for body in [r#"{"Choice":{}}"#, r#"{"Choice":{"Text":"a","Number":1}}"#] {
        assert_eq!(refusal(&JSON_THING, body).message(), "Choice must have exactly one member set");
    }
}

#[test]
fn instants_are_numbers_in_json_unless_the_model_says_otherwise() {
    let thing = read(&JSON_THING, r#"{"When":1398796238.5,"Day":"2014-04-29T18:30:38Z"}"#);
    assert_eq!((thing.when, thing.day), (Some(Timestamp(1_398_796_238_500)), Some(Timestamp(1_398_796_238_000))));
    assert_eq!(written(&JSON_THING, &thing), r#"{"When":1398796238.5,"Day":"2014-04-29T18:30:38Z"}"#);
    assert!(refusal(&JSON_THING, r#"{"Day":1398796238}"#).message().contains("Timestamp"));
}

#[test]
fn depth_is_bounded_in_every_protocol() {
    // A structure within a structure, as deep as anybody needs.
    let levels = 60;
    let json = format!("{{\"Nest\":{}{{}}{}}}", r#"{"Inner":"#.repeat(levels), "}".repeat(levels));
    assert_eq!(written(&JSON_THING, &read(&JSON_THING, &json)), json);
    let xml = format!("<Sample><Nest>{}{}</Nest></Sample>", "<Inner>".repeat(levels), "</Inner>".repeat(levels));
    assert_eq!(written(&JSON_THING, &read(&XML_THING, &xml)), json);
    assert_eq!(written(&JSON_THING, &read(&QUERY_THING, &format!("Nest{}=", ".Inner".repeat(levels)))), json);
    let deep = 100_000;
    refusal(&JSON_THING, &format!("{}{}", r#"{"Nest":"#.to_owned() + &r#"{"Inner":"#.repeat(deep), "{}".to_owned() + &"}".repeat(deep + 1)));
    refusal(&JSON_THING, &format!(r#"{{"Open":{}{}}}"#, "[".repeat(deep), "]".repeat(deep)));
    refusal(&XML_THING, &format!("<Sample><Nest>{}{}</Nest></Sample>", "<Inner>".repeat(deep), "</Inner>".repeat(deep)));
    refusal(&QUERY_THING, &format!("Nest{}=", ".Inner".repeat(deep)));
    refusal(&EC2_THING, &format!("Nest{}=", ".Inner".repeat(deep)));
}

#[test]
fn hostile_sizes_take_no_more_than_linear_time() {
    let many = 100_000;
    let form: String = (1..=many).rev().map(|index| format!("Item.{index}=x&")).collect();
    assert_eq!(read(&QUERY_THING, &form).items.unwrap().len(), many);
    let xml = format!("<Sample>{}</Sample>", "<Item>a</Item>".repeat(many));
    assert_eq!(read(&XML_THING, &xml).items.unwrap().len(), many);
    let attributes: String = (0..many).map(|index| format!(" a{index}=\"\"")).collect();
    refusal(&XML_THING, &format!("<Sample{attributes}/>"));
    let json = format!("{{{}\"title\":\"t\"}}", "\"x\":[],".repeat(many));
    assert_eq!(read(&JSON_THING, &json).title.as_deref(), Some("t"));
}

#[test]
fn missing_members_are_named_by_their_places() {
    let body = r#"{"Tags":[{"Key":"a","Value":"b"},{"Value":"c"}],"Grantee":{}}"#;
    let (_, missing) = read_with::<Sample>(&JSON_THING, "", &[], body.as_bytes()).unwrap();
    assert_eq!(missing.paths(), ["tags.2.member.key", "grantee.type"]);
    let (_, missing) = read_with::<Sample>(&QUERY_THING, "", &[], b"Tags.Tag.1.Key=a&Tags.Tag.5.Value=b").unwrap();
    assert_eq!(missing.paths(), ["tags.1.member.value", "tags.2.member.key"]);
}

#[test]
fn form_lists_are_in_the_order_of_their_numbers_and_may_have_gaps() {
    let thing = read(&QUERY_THING, "Names.member.10=c&Names.member.2=b&Names.member.1=a&Item.3=z&Item.1=y&Names.member.x=no");
    assert_eq!(thing.names.unwrap(), ["a", "b", "c"]);
    assert_eq!(thing.items.unwrap(), ["y", "z"]);
}

#[test]
fn form_maps_have_names_of_their_own() {
    let thing = read(&QUERY_THING, "Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Attribute.2.Name=a+b&Attribute.2.Value=%2B%26");
    assert_eq!(thing.attributes.unwrap(), Map::from([("DelaySeconds".to_owned(), "5".to_owned()), ("a b".to_owned(), "+&".to_owned())]));
    assert_eq!(refusal(&QUERY_THING, "Attribute.1.Value=5").name(), "MalformedInput");
}

#[test]
fn a_flat_list_or_map_of_one_may_go_without_its_number() {
    let thing = read(&QUERY_THING, "Item=a&Attribute.Name=n&Attribute.Value=v");
    assert_eq!((thing.items, thing.attributes), (Some(vec!["a".to_owned()]), Some(Map::from([("n".to_owned(), "v".to_owned())]))));
    assert_eq!(read(&QUERY_THING, "Item.1=b&Item=a").items, Some(vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn members_with_an_older_name_in_forms_are_found_by_their_own_too() {
    let attributes = read(&QUERY_THING, "Attributes.1.Name=n&Attributes.1.Value=v").attributes;
    assert_eq!(attributes, Some(Map::from([("n".to_owned(), "v".to_owned())])));
}

#[test]
fn numbers_of_form_lists_begin_at_one() {
    assert_eq!(refusal(&QUERY_THING, "Names.member.0=a").message(), "0 is not a valid index");
}

#[test]
fn a_query_request_may_have_its_parameters_in_the_url() {
    let (thing, _) = read_with::<Sample>(&QUERY_THING, "Action=Do&title=a%20b", &[], b"Count=4\r\n").unwrap();
    assert_eq!((thing.title.as_deref(), thing.count), (Some("a b"), Some(4)));
}

#[test]
fn an_empty_form_list_is_there_and_empty() {
    assert_eq!(read(&QUERY_THING, "Names=").names, Some(vec![]));
    assert_eq!(read(&QUERY_THING, "Names=").items, None);
}

#[test]
fn ec2_raises_first_letters_and_flattens_lists() {
    let thing = read(&EC2_THING, "Title=t&Names.1=a&Names.2=b&Tags.1.Key=k&Tags.1.Value=v");
    assert_eq!((thing.title.as_deref(), thing.names), (Some("t"), Some(vec!["a".to_owned(), "b".to_owned()])));
    assert_eq!(thing.tags.unwrap(), [Tag { key: "k".into(), value: "v".into() }]);
    assert_eq!(refusal(&EC2_THING, "Count=many").message(), "Value (many) is invalid. Expected a value of type Integer.");
}

#[test]
fn query_answers_use_the_query_names() {
    let thing = Sample { attributes: Some(Map::from([("a".to_owned(), "<1>".to_owned())])), ..Sample::default() };
    assert_eq!(
        written(&QUERY_THING, &thing),
        "<DoResponse xmlns=\"http://things/\"><DoResult><Attribute><Name>a</Name><Value>&lt;1&gt;</Value></Attribute></DoResult>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DoResponse>"
    );
}

#[test]
fn flattened_lists_need_not_stand_together() {
    let thing = read(&XML_THING, "<Sample><Item>a</Item><Count> 7 </Count><Item>b</Item><title/><Item/></Sample>");
    assert_eq!((thing.items.unwrap(), thing.count), (vec!["a".to_owned(), "b".to_owned(), String::new()], Some(7)));
}

#[test]
fn xml_text_is_kept_to_the_letter() {
    let thing = read(
        &XML_THING,
        "\u{feff}<?xml version='1.0'?><!-- c --><x:Sample xmlns:x='u'><title> a&amp;&lt;&#x41;&#13;<![CDATA[<b>]]>\r\n </title></x:Sample>",
    );
    assert_eq!(thing.title.as_deref(), Some(" a&<A\r<b>\n "));
    let thing = Sample { title: Some("a&<>\"'\r\n\t\u{1}€".into()), ..Sample::default() };
    assert!(written(&XML_THING, &thing).contains("<title>a&amp;&lt;&gt;&quot;'&#13;\n\t&#1;€</title>"));
}

#[test]
fn the_type_of_a_grantee_is_an_attribute() {
    let xml = "<Sample><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>i</ID></Grantee></Sample>";
    let thing = read(&XML_THING, xml);
    assert_eq!(thing.grantee, Some(Grantee { id: Some("i".into()), r#type: "CanonicalUser".into() }));
    let expected = xml.replace("<Sample>", "<Sample xmlns=\"http://things/\">");
    assert_eq!(written(&XML_THING, &thing), format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{expected}"));
    assert_eq!(read(&XML_THING, "<Sample><Grantee a:type='Group'/></Sample>").grantee.unwrap().r#type, "Group");
}

#[test]
fn xml_answers_have_milliseconds() {
    let thing = Sample { when: Some(Timestamp(1_398_796_238_000)), ..Sample::default() };
    assert!(written(&XML_THING, &thing).contains("<When>2014-04-29T18:30:38.000Z</When>"));
    assert!(written(&QUERY_THING, &thing).contains("<When>2014-04-29T18:30:38Z</When>"));
}

#[derive(Shape, Clone, Default)]
struct Page {
    title: Option<String>,
    #[shape(wire = "Name", flattened, of = NAMES)]
    names: Option<Mixed<String>>,
    #[shape(wire = "Number", flattened)]
    numbers: Option<Mixed<i64>>,
    end: Option<bool>,
}

#[test]
fn mixed_lists_are_one_sequence_in_xml_and_lists_elsewhere() {
    static XML_PAGE: OperationSchema = OperationSchema::new("Page", &XML, Empty::SCHEMA, Page::SCHEMA);
    static JSON_PAGE: OperationSchema = OperationSchema::new("Page", &JSON, Empty::SCHEMA, Page::SCHEMA);
    let mut page = Page { title: Some("t".into()), end: Some(true), ..Page::default() };
    let encoded = |operation: &'static OperationSchema, page: &Page| text(&codec(operation.service.protocol).encode(operation, page, &IDS));
    assert!(encoded(&XML_PAGE, &page).contains("<Title>t</Title><End>true</End>"));
    let (mut names, mut numbers) = (Mixed::default(), Mixed::default());
    names.push(1, "a".to_owned());
    numbers.push(0, 7);
    numbers.push(3, 9);
    names.push(2, "b".to_owned());
    (page.names, page.numbers) = (Some(names), Some(numbers));
    let items = "<Title>t</Title><Number>7</Number><Name>a</Name><Name>b</Name><Number>9</Number><End>true</End>";
    assert!(encoded(&XML_PAGE, &page).contains(items), "{}", encoded(&XML_PAGE, &page));
    assert_eq!(encoded(&JSON_PAGE, &page), r#"{"Title":"t","Name":["a","b"],"Number":[7,9],"End":true}"#);
}

#[test]
fn xml_that_is_none_is_malformed() {
    for body in [
        "<Sample>",
        "<Sample></Other>",
        "text",
        "<Sample/><Sample/>",
        "<Sample>&nothing;</Sample>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><Sample><title>&a;</title></Sample>",
        "<Sample><Count>many</Count></Sample>",
        "<Sample><title><b/></title></Sample>",
        "<Sample><Tags><Tag><Key>k</Key></Tag></Tags></Sample>",
        "<Sample><Unknown/></Sample>",
        "<Sample><title/><title/></Sample>",
        "<Sample><Tags><Unknown/></Tags></Sample>",
        "<Sample><Tags><Tag><Key>k</Key><Value/><Other/></Tag></Tags></Sample>",
    ] {
        let fault = refusal(&XML_THING, body);
        assert_eq!((fault.status(), fault.code()), (400, "MalformedXML"), "{body}");
        assert_eq!(fault.message(), "The XML you provided was not well-formed or did not validate against our published schema");
    }
}

#[test]
fn headers_and_parameters_find_their_members() {
    let headers = [
        ("x-amz-list", "a, \"b, \\\"c\\\"\""),
        ("x-amz-list", "d"),
        ("x-amz-dates", "Mon, 16 Dec 2019 23:48:18 GMT, Tue, 17 Dec 2019 23:48:18 GMT"),
        ("if-modified-since", "Mon, 16 Dec 2019 23:48:18 GMT"),
        ("x-amz-flag", "True"),
        ("x-amz-json", "eyJhIjoxfQ=="),
        ("x-amz-meta-one", "1"),
        ("x-amz-meta-two", "2"),
        ("x-amz-meta-two", "3"),
    ];
    let (rest, missing) = read_with::<Rest>(&XML_REST, "max-keys=10&other", &headers, b"").unwrap();
    assert!(missing.is_empty() && rest.label == "l", "{missing:?}");
    assert_eq!((rest.max_keys, rest.flag, rest.json.as_deref()), (Some(10), Some(true), Some("{\"a\":1}")));
    assert_eq!(rest.list.unwrap(), ["a", "b, \"c\"", "d"]);
    assert_eq!(rest.dates.unwrap().len(), 2);
    assert_eq!(rest.metadata.unwrap(), Map::from([("one".to_owned(), "1".to_owned()), ("two".to_owned(), "2,3".to_owned())]));
    let fault: Fault = read_with::<Rest>(&XML_REST, "max-keys=many", &[], b"").unwrap_err().into();
    assert_eq!((fault.code(), fault.message()), ("InvalidArgument", "Provided max-keys not an integer or within integer range"));
}

#[test]
fn a_payload_has_a_root_of_its_name() {
    let read = |root: &str| {
        let body = format!("<{root}><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></{root}>");
        read_with::<Rest>(&XML_REST, "", &[], body.as_bytes())
    };
    assert_eq!(read("Tagging").unwrap().0.tagging.unwrap().tag_set, [Tag { key: "k".into(), value: String::new() }]);
    assert!(read("tagging").is_err() && read("T").is_err());
    assert!(read_with::<Rest>(&XML_REST, "", &[], b"<Tagging/>").is_err(), "what a document lacks makes it malformed");
}

#[test]
fn rest_json_refuses_what_is_of_another_type() {
    let refused = |query: &str, headers: &[(&str, &str)], body: &str| {
        let fault: Fault = read_with::<Rest>(&REST_JSON, query, headers, body.as_bytes()).unwrap_err().into();
        (fault.status(), fault.name().to_owned())
    };
    let expected = (400, "SerializationException".to_owned());
    for query in ["max-keys=true", "max-keys=1.5", "max-keys=0x1", "max-keys=99999999999", "max-keys=%FF"] {
        assert_eq!(refused(query, &[], ""), expected, "{query}");
    }
    for header in [("x-amz-flag", "1"), ("x-amz-flag", "yes"), ("x-amz-json", "{}"), ("x-amz-dates", "soon"), ("if-modified-since", "never")] {
        assert_eq!(refused("", &[header], ""), expected, "{header:?}");
    }
    for body in ["[", "[]", "{\"TagSet\":{}}", "{\"TagSet\":[1]}", "{\"TagSet\":[{\"Key\":true}]}", "{\"TagSet\": [],}"] {
        assert_eq!(refused("", &[], body), expected, "{body}");
    }
}

#[test]
fn an_answers_head_is_clean() {
    let object = Object {
        status: Some(206),
        etag: Some("\"e\"".into()),
        metadata: Some(Map::from([("Evil\r\nSet-Cookie: a".to_owned(), "v\r\nw".to_owned())])),
        body: Some(Body::whole("content")),
    };
    let answer = codec(Protocol::RestXml).encode(&XML_OBJECT, &object, &IDS);
    assert_eq!((answer.status, answer.header("etag"), answer.header("content-type")), (206, Some("\"e\""), Some("application/octet-stream")));
    assert_eq!(answer.header("x-amz-meta-evil  set-cookie: a"), Some("v  w"));
    assert_eq!((answer.header("x-amz-request-id"), answer.header("x-amz-id-2")), (Some("r"), Some("x")));
    assert_eq!(text(&answer), "content");
}

#[test]
fn floats_that_are_no_numbers_are_words() {
    for (value, word) in [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")] {
        let thing = Sample { ratio: Some(value), ..Sample::default() };
        assert_eq!(written(&JSON_THING, &thing), format!("{{\"Ratio\":\"{word}\"}}"));
        assert!(written(&XML_THING, &thing).contains(&format!("<Ratio>{word}</Ratio>")));
        assert_eq!(read(&JSON_THING, &written(&JSON_THING, &thing)).ratio.map(f64::to_bits), Some(value.to_bits()));
    }
    refusal(&QUERY_THING, "Ratio=inf");
}

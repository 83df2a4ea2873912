//! Two messages are the same if they mean the same.

use cloudlet_shape::Timestamp;
use quick_xml::{Reader, escape::unescape, events::Event};
use serde_json::Value as Json;

/// A member that is null is not there.
fn without_nulls(json: &Json) -> Json {
    match json {
        Json::Object(members) => {
            members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        other => other.clone(),
    }
}

pub fn json(theirs: &Json, ours: &Json) -> Result<(), String> {
    if same(&without_nulls(theirs), ours) { Ok(()) } else { Err(format!("\n  theirs {theirs}\n  ours   {ours}")) }
}

fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-4,
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b) || (key == "__type" && bare(a) == bare(b))))
        }
        (Json::String(a), Json::String(b)) => leaf_same(a, b),
        _ => a == b,
    }
}

/// `FooError` of `aws.protocoltests.restjson#FooError:http://internal.amazon.com/`.
fn bare(kind: &Json) -> &str {
    let kind = kind.as_str().unwrap_or_default();
    kind.rsplit('#').next().and_then(|kind| kind.split(':').next()).unwrap_or_default()
}

pub fn json_text(theirs: &str, ours: &str) -> Result<(), String> {
    match (serde_json::from_str::<Json>(theirs), serde_json::from_str::<Json>(ours)) {
        (Ok(theirs), Ok(ours)) => json(&theirs, &ours),
        _ if theirs == ours => Ok(()),
        // An answer without content may or may not be an empty object.
        _ if [theirs, ours].iter().all(|body| ["", "{}"].contains(body)) => Ok(()),
        _ => Err(format!("\n  theirs {theirs:?}\n  ours   {ours:?}")),
    }
}

pub fn header(name: &str, theirs: &str, ours: &str) -> Result<(), String> {
    let lists = |text: &str| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<String>>();
    let media = |text: &str| text.split(';').next().unwrap_or_default().to_owned();
    let same = theirs == ours
        || (name.eq_ignore_ascii_case("content-type") && media(theirs) == media(ours))
        || lists(theirs) == lists(ours)
        || leaf_same(theirs, ours);
    if same { Ok(()) } else { Err(format!("header {name}: theirs {theirs:?}, ours {ours:?}")) }
}

#[derive(Debug, PartialEq)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

pub fn xml_text(theirs: &str, ours: &str) -> Result<(), String> {
    let said = format!("\n  theirs {}\n  ours   {ours}", theirs.replace('\n', " "));
    if theirs == ours {
        return Ok(());
    }
    match (parse(theirs), parse(ours)) {
        (Some(mut a), Some(mut b)) => {
            // Their query answers leave out what every answer has; their error answers have no second id.
            for element in [&mut a, &mut b] {
                element
                    .children
                    .retain(|child| !["ResponseMetadata", "HostId", "requestId", "RequestId", "RequestID"].contains(&child.name.as_str()));
                // The namespace of a service is not in their models.
                element.attributes.retain(|(_, value)| value != "https://example.com/");
            }
            if element_same(&a, &b) { Ok(()) } else { Err(said) }
        }
        (None, Some(b)) if theirs.is_empty() && b.children.iter().all(|child| ["requestId", "ResponseMetadata"].contains(&child.name.as_str())) => {
            Ok(())
        }
        _ => Err(said),
    }
}

fn parse(text: &str) -> Option<Element> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let new = |name: &str| Element { name: name.to_owned(), attributes: Vec::new(), text: String::new(), children: Vec::new() };
    let mut open = vec![new("")];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let mut element = new(start.name().0);
                for attribute in start.attributes() {
                    let attribute = attribute.ok()?;
                    element.attributes.push((attribute.key.0.to_owned(), unescape(&attribute.value).ok()?.into_owned()));
                }
                element.attributes.sort();
                open.push(element);
            }
            Event::End(_) => {
                let element = open.pop()?;
                open.last_mut()?.children.push(element);
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text.into_inner()),
            Event::CData(text) => open.last_mut()?.text.push_str(&text.into_inner()),
            Event::GeneralRef(reference) => {
                let text = format!("&{};", reference.into_inner());
                open.last_mut()?.text.push_str(&unescape(&text).ok()?);
            }
            Event::Eof => return open.pop()?.children.pop(),
            _ => {}
        }
    }
}

/// Children of different names may stand in any order, and so may the entries of a map.
fn element_same(a: &Element, b: &Element) -> bool {
    if a.name != b.name || a.attributes != b.attributes || a.children.len() != b.children.len() {
        return false;
    }
    if a.children.is_empty() {
        return leaf_same(&a.text, &b.text);
    }
    let is_map = a.children.iter().all(|child| child.children.len() == 2);
    a.children.iter().enumerate().all(|(index, child)| {
        let before = a.children[..index].iter().filter(|other| other.name == child.name).count();
        let mut rivals = b.children.iter().filter(|other| other.name == child.name);
        if is_map { rivals.any(|other| element_same(child, other)) } else { rivals.nth(before).is_some_and(|other| element_same(child, other)) }
    })
}

/// The same text, number or instant.
fn leaf_same(a: &str, b: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let instant = |text: &str| (text.contains('T') || text.contains("GMT")).then(|| Timestamp::parse_any(text)).flatten();
    let blank = a.trim().is_empty() && b.trim().is_empty() && (a.is_empty() || b.is_empty());
    a == b || blank || number(a).zip(number(b)).is_some_and(|(a, b)| (a - b).abs() < 1e-4) || instant(a).zip(instant(b)).is_some_and(|(a, b)| a == b)
}

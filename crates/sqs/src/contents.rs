//! The content of messages: valid characters, attributes, sizes; and the digests that SDKs verify.

use crate::{
    faults, limits,
    state::{Attribute, AttributeValue},
};
use cloudlet_api_sqs::{MessageAttributeValue, MessageSystemAttributeValue};
use cloudlet_aws::Fault;
use cloudlet_digest::md5_hex;
use cloudlet_shape::Map;
use std::sync::Arc;

/// The first character that is not allowed in a message.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
fn forbidden(text: &str) -> Option<char> {
    // Without branches, so that the compiler vectorizes it: most bodies are plain ASCII.
    let needs_check = |byte: u8| (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r') | (byte >= 0x80);
    if !text.as_bytes().chunks(64).any(|bytes| bytes.iter().fold(false, |any, byte| any | needs_check(*byte))) {
        return None;
    }
    text.chars().find(|character| !matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..))
}

pub fn check_body(body: &str) -> Result<(), Fault> {
    if body.is_empty() {
        return Err(faults::missing("MessageBody"));
    }
    match forbidden(body) {
        None => Ok(()),
        Some(character) => Err(faults::INVALID_MESSAGE_CONTENTS.says(format!(
            "Invalid binary character '#x{:X}' was found in the message body, the set of allowed characters is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF].",
            u32::from(character)
        ))),
    }
}

/// The size that limits apply to: the body, and name, type and value of each attribute.
pub fn size(body: &str, attributes: &Map<Attribute>) -> usize {
    let attribute = |(name, attribute): (&String, &Attribute)| {
        let value = match &attribute.value {
            AttributeValue::Text(text) => text.len(),
            AttributeValue::Binary(bytes) => bytes.len(),
        };
        name.len() + attribute.data_type.len() + value
    };
    body.len() + attributes.iter().map(attribute).sum::<usize>()
}

/// Checks the attributes of a message.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>
pub fn attributes(given: Option<Map<MessageAttributeValue>>) -> Result<Map<Attribute>, Fault> {
    let given = given.unwrap_or_default();
    if given.len() > limits::MESSAGE_ATTRIBUTES {
        let message = format!("Number of message attributes [{}] exceeds the allowed maximum [{}].", given.len(), limits::MESSAGE_ATTRIBUTES);
        return Err(faults::INVALID_PARAMETER_VALUE.says(message));
    }
    given
        .into_iter()
        .map(|(name, value)| {
            check_name(&name)?;
            let has_lists =
                value.string_list_values.is_some_and(|list| !list.is_empty()) || value.binary_list_values.is_some_and(|list| !list.is_empty());
            if has_lists {
                return Err(faults::UNSUPPORTED_OPERATION.says("Message attribute list values in SendMessage operation are not supported."));
            }
            let attribute = attribute(&name, value.data_type, value.string_value, value.binary_value, "user")?;
            Ok((name, attribute))
        })
        .collect()
}

/// The trace header, the only system attribute that can be sent.
pub fn trace_header(given: Option<&Map<MessageSystemAttributeValue>>) -> Result<Option<Arc<str>>, Fault> {
    let Some(given) = given else { return Ok(None) };
    let mut trace_header = None;
    for (name, value) in given {
        if name != "AWSTraceHeader" {
            // AWS: unverified message.
            let message = format!("Message system attribute name '{name}' is invalid. The only supported name is 'AWSTraceHeader'.");
            return Err(faults::INVALID_PARAMETER_VALUE.says(message));
        }
        let attribute = attribute(name, value.data_type.clone(), value.string_value.clone(), value.binary_value.clone(), "system")?;
        match attribute.value {
            AttributeValue::Text(text) if attribute.data_type == "String" => trace_header = Some(text.into()),
            // AWS: unverified message.
            _ => return Err(faults::INVALID_PARAMETER_VALUE.says("Message system attribute 'AWSTraceHeader' must be of type 'String'.")),
        }
    }
    Ok(trace_header)
}

fn check_name(name: &str) -> Result<(), Fault> {
    let refused = |message: &str| Err(faults::INVALID_PARAMETER_VALUE.says(message));
    // AWS: accented Latin letters are accepted, though not documented.
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '\u{c0}'..='\u{17f}');
    let lower = name.to_ascii_lowercase();
    if name.is_empty() {
        return refused("The request must contain non-empty message (user) attribute names.");
    }
    if name.len() > limits::ATTRIBUTE_NAME {
        return refused("Message (user) attribute names must be shorter than 256 Bytes");
    }
    if !name.chars().all(allowed) {
        return refused(
            "Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and underscores. ",
        );
    }
    if lower.starts_with("aws.") || lower.starts_with("amazon.") || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return refused(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use. Additionally, they cannot start or end with '.'.",
        );
    }
    Ok(())
}

/// `whose`: "user" or "system", for the messages.
fn attribute(name: &str, data_type: String, text: Option<String>, bytes: Option<cloudlet_shape::Blob>, whose: &str) -> Result<Attribute, Fault> {
    let refused = |message: String| Err(faults::INVALID_PARAMETER_VALUE.says(message));
    if data_type.is_empty() {
        return refused(format!("Message ({whose}) attribute '{name}' must contain a non-empty message attribute type."));
    }
    let basic = data_type.split('.').next().unwrap_or(&data_type);
    if !matches!(basic, "String" | "Number" | "Binary") {
        return refused(format!(
            "The type of message ({whose}) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
        ));
    }
    if data_type.len() > limits::ATTRIBUTE_NAME {
        return refused(format!("Message ({whose}) attribute types must be shorter than 256 Bytes"));
    }
    let empty = || refused(format!("Message ({whose}) attribute '{name}' must contain a non-empty value of type '{basic}'."));
    let text = text.filter(|text| !text.is_empty());
    let bytes = bytes.filter(|bytes| !bytes.is_empty());
    let value = match (basic, text, bytes) {
        ("Binary", None, Some(bytes)) => AttributeValue::Binary(bytes),
        ("String" | "Number", Some(text), None) => AttributeValue::Text(text),
        _ => return empty(),
    };
    if let AttributeValue::Text(text) = &value {
        if let Some(character) = forbidden(text) {
            return refused(format!(
                "Invalid binary character '#x{:X}' was found in the message attribute '{name}' value, the set of allowed characters is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF].",
                u32::from(character)
            ));
        }
        if basic == "Number" && !is_number(text) {
            return refused(format!("Can't cast the value of message ({whose}) attribute '{name}' to a number."));
        }
    }
    Ok(Attribute { data_type, value })
}

/// Up to 38 digits, with sign, point and exponent: between -10^128 and 10^126.
fn is_number(text: &str) -> bool {
    text.len() <= 256 && text.bytes().any(|byte| byte.is_ascii_digit()) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The digest of attributes: of each, in the order of names, length and bytes of name, type and value.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation>
pub fn md5<'a>(attributes: impl IntoIterator<Item = (&'a str, &'a str, Value<'a>)>) -> Option<String> {
    let mut input = Vec::new();
    for (name, data_type, value) in attributes {
        push_with_length(&mut input, name.as_bytes());
        push_with_length(&mut input, data_type.as_bytes());
        let (type_byte, bytes) = match value {
            Value::Text(text) => (1, text.as_bytes()),
            Value::Binary(bytes) => (2, bytes),
        };
        input.push(type_byte);
        push_with_length(&mut input, bytes);
    }
    (!input.is_empty()).then(|| md5_hex(&input))
}

pub enum Value<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

fn push_with_length(input: &mut Vec<u8>, bytes: &[u8]) {
    input.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    input.extend(bytes);
}

/// An attribute as `md5` takes it.
pub fn md5_input<'a>((name, attribute): (&'a String, &'a Attribute)) -> (&'a str, &'a str, Value<'a>) {
    let value = match &attribute.value {
        AttributeValue::Text(text) => Value::Text(text),
        AttributeValue::Binary(bytes) => Value::Binary(bytes),
    };
    (name, &attribute.data_type, value)
}

pub fn md5_of_trace_header(trace_header: &str) -> Option<String> {
    md5([("AWSTraceHeader", "String", Value::Text(trace_header))])
}

/// A message group id, a deduplication id, an attempt id.
pub fn check_fifo_id(id: &str, parameter: &str) -> Result<(), Fault> {
    if (1..=limits::FIFO_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(faults::invalid(
        id,
        parameter,
        format_args!("{parameter} can only include alphanumeric and punctuation characters. 1 to {} in length.", limits::FIFO_ID),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: &str, text: Option<&str>, bytes: Option<&'static [u8]>) -> MessageAttributeValue {
        MessageAttributeValue {
            data_type: kind.into(),
            string_value: text.map(Into::into),
            binary_value: bytes.map(cloudlet_shape::Blob::from_static),
            ..MessageAttributeValue::default()
        }
    }

    #[test]
    fn the_digest_of_attributes_is_the_one_sdks_expect() {
        let given = Map::from([
            ("n".to_owned(), attribute("Number", Some("42"), None)),
            ("attr1".to_owned(), attribute("String", Some("val1"), None)),
            ("b".to_owned(), attribute("Binary", None, Some(&[1, 2]))),
        ]);
        let attributes = attributes(Some(given)).unwrap();
        assert_eq!(md5(attributes.iter().map(md5_input)).unwrap(), "2bd9a32fafc1619f4c25be446fd0e446");
        assert_eq!(md5([]), None);
    }

    #[test]
    fn the_digest_of_a_trace_header_is_the_one_sdks_expect() {
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        assert_eq!(md5_of_trace_header(trace).unwrap(), "5ae4d5d7636402d80f4eb6d213245a88");
    }

    #[test]
    fn bodies_may_have_the_characters_of_xml() {
        for body in ["a", "\t\r\n", "\u{fffd}", "\u{10ffff}", "ü\u{7f}"] {
            assert!(check_body(body).is_ok(), "{body:?}");
        }
        for body in ["\u{1}", "a\u{b}", "\u{fffe}", "\u{ffff}", "\u{0}"] {
            assert_eq!(check_body(body).unwrap_err().name(), "InvalidMessageContents", "{body:?}");
        }
        assert_eq!(check_body("").unwrap_err().code(), "MissingParameter");
    }

    #[test]
    fn attribute_names_types_and_values_are_checked() {
        for (name, value, valid) in [
            ("a", attribute("String", Some("x"), None), true),
            ("a.b-c_1", attribute("Number.int", Some("-1.5e3"), None), true),
            ("a", attribute("Binary.png", None, Some(&[0])), true),
            ("a", attribute("String", Some(""), None), false),
            ("a", attribute("String", None, Some(&[0])), false),
            ("a", attribute("Binary", Some("x"), None), false),
            ("a", attribute("Binary", None, Some(&[])), false),
            ("a", attribute("Number", Some("one"), None), false),
            ("a", attribute("string", Some("x"), None), false),
            ("a", attribute("", Some("x"), None), false),
            ("a", attribute("String", Some("\u{8}"), None), false),
            ("AWS.x", attribute("String", Some("x"), None), false),
            ("amazon.x", attribute("String", Some("x"), None), false),
            (".x", attribute("String", Some("x"), None), false),
            ("x.", attribute("String", Some("x"), None), false),
            ("x y", attribute("String", Some("x"), None), false),
            ("", attribute("String", Some("x"), None), false),
        ] {
            let outcome = attributes(Some(Map::from([(name.to_owned(), value)])));
            assert_eq!(outcome.is_ok(), valid, "{name} {outcome:?}");
            assert!(outcome.err().is_none_or(|fault| fault.code() == "InvalidParameterValue"));
        }
    }

    #[test]
    fn group_ids_are_alphanumeric_characters_and_punctuation() {
        assert!(check_fifo_id("group-1_!\"~", "MessageGroupId").is_ok());
        for id in ["", "group 1", "ü", &"a".repeat(129)] {
            assert!(check_fifo_id(id, "MessageGroupId").unwrap_err().message().starts_with(&format!("Value {id} for parameter MessageGroupId")));
        }
    }
}

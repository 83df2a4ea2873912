//! Checks of what is published: texts, subjects, attributes, sizes; and the attributes that a filter policy sees.

use crate::{
    faults, limits,
    state::{Attribute, AttributeValue, Content, Message, Topic},
};
use cloudlet_api_sns::{MessageAttributeValue, PublishBatchRequestEntry, PublishInput};
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A message to be published, by Publish or as an entry of PublishBatch.
#[derive(Debug, Default)]
pub struct PublishEntry {
    pub message: String,
    pub subject: Option<String>,
    pub structure: Option<String>,
    pub attributes: Option<Map<MessageAttributeValue>>,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
}

impl From<PublishInput> for PublishEntry {
    fn from(input: PublishInput) -> PublishEntry {
        PublishEntry {
            message: input.message,
            subject: input.subject,
            structure: input.message_structure,
            attributes: input.message_attributes,
            group: input.message_group_id,
            deduplication_id: input.message_deduplication_id,
        }
    }
}

impl From<PublishBatchRequestEntry> for PublishEntry {
    fn from(entry: PublishBatchRequestEntry) -> PublishEntry {
        PublishEntry {
            message: entry.message,
            subject: entry.subject,
            structure: entry.message_structure,
            attributes: entry.message_attributes,
            group: entry.message_group_id,
            deduplication_id: entry.message_deduplication_id,
        }
    }
}

impl PublishEntry {
    /// Bytes that count: the message, and name, type and value of each attribute.
    pub fn size(&self) -> usize {
        let attribute = |(name, value): (&String, &MessageAttributeValue)| {
            let text = value.string_value.as_ref().map_or(0, String::len);
            name.len() + value.data_type.len() + text + value.binary_value.as_ref().map_or(0, |bytes| bytes.len())
        };
        self.message.len() + self.attributes.iter().flatten().map(attribute).sum::<usize>()
    }

    /// Checks all but what depends on the topic.
    pub fn check(&self) -> Result<(), Fault> {
        if self.message.is_empty() {
            return Err(faults::invalid("Empty message"));
        }
        if let Some(subject) = &self.subject
            && (!(1..=limits::SUBJECT).contains(&subject.chars().count()) || subject.chars().any(char::is_control))
        {
            return Err(faults::invalid("Subject"));
        }
        self.attributes.iter().flatten().try_for_each(|(name, value)| check_attribute(name, value))
    }

    /// Checks what depends on the topic.
    pub fn check_for(&self, topic: &Topic) -> Result<(), Fault> {
        let is_valid = |id: &str| (1..=limits::FIFO_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        for (name, id) in [("MessageGroupId", &self.group), ("MessageDeduplicationId", &self.deduplication_id)] {
            if id.as_ref().is_some_and(|id| !is_valid(id)) {
                // AWS: unverified message.
                return Err(faults::reason(name, "can only include alphanumeric and punctuation characters. 1 to 128 in length"));
            }
        }
        match &topic.fifo {
            None if self.deduplication_id.is_some() => Err(faults::reason(
                "MessageDeduplicationId",
                "The request includes MessageDeduplicationId parameter that is not valid for this topic type",
            )),
            None => Ok(()),
            Some(_) if self.group.is_none() => Err(faults::invalid("The MessageGroupId parameter is required for FIFO topics")),
            Some(fifo) if !fifo.content_based_deduplication && self.deduplication_id.is_none() => {
                Err(faults::invalid("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"))
            }
            Some(_) => Ok(()),
        }
    }

    pub fn content(&self) -> Result<Content, Fault> {
        match self.structure.as_deref() {
            None | Some("") => Ok(Content::Plain(self.message.clone())),
            Some("json") => per_protocol(&self.message),
            // AWS: unverified message.
            Some(_) => Err(faults::invalid("MessageStructure")),
        }
    }

    /// The message, which a FIFO topic will give a sequence number.
    pub fn into_message(self, cx: &Cx, topic: Option<&Topic>) -> Result<Message, Fault> {
        let content = self.content()?;
        let content_based = topic.and_then(|topic| topic.fifo).is_some_and(|fifo| fifo.content_based_deduplication);
        let deduplication_id = self.deduplication_id.or_else(|| content_based.then(|| digest(Algorithm::Sha256, self.message.as_bytes()).hex()));
        let attributes = self.attributes.unwrap_or_default().into_iter().map(|(name, value)| (name, Attribute::from(value))).collect();
        Ok(Message {
            id: cx.ids().uuid().into(),
            content,
            subject: self.subject,
            attributes,
            at: cx.now,
            group: self.group,
            deduplication_id,
            sequence_number: None,
            trace_header: cx.origin.trace.clone().filter(|header| (1..=limits::TRACE_HEADER).contains(&header.len())),
        })
    }
}

/// `{"default": "…", "sqs": "…"}`. AWS: members that are no strings are ignored; of two equal names the last counts.
fn per_protocol(text: &str) -> Result<Content, Fault> {
    let Ok(Value::Object(map)) = serde_json::from_str(text) else {
        return Err(faults::invalid("Message Structure - JSON message body failed to parse"));
    };
    let mut others: BTreeMap<String, String> = map.into_iter().filter_map(|(name, text)| Some((name, text.as_str()?.to_owned()))).collect();
    match others.remove("default") {
        Some(default) => Ok(Content::PerProtocol { default, others }),
        None => Err(faults::invalid("Message Structure - No default entry in JSON message body")),
    }
}

fn check_attribute(name: &str, value: &MessageAttributeValue) -> Result<(), Fault> {
    let refused = |message: String| Err(faults::INVALID_PARAMETER_VALUE.says(message));
    if name.len() > limits::ATTRIBUTE_NAME {
        return refused("Length of message attribute name must be less than 256 bytes.".to_owned());
    }
    if let Some(character) = name.chars().find(|character| !(character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'))) {
        return refused(format!(
            "Invalid non-alphanumeric character '#x{:X}' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
            u32::from(character)
        ));
    }
    if name.starts_with('.') {
        return refused("Invalid message attribute name starting with character '.' was found.".to_owned());
    }
    if name.ends_with('.') {
        return refused("Invalid message attribute name ending with character '.' was found.".to_owned());
    }
    if name.contains("..") {
        return refused("Message attribute name can not have successive '.' character.".to_owned());
    }
    let data_type = value.data_type.as_str();
    // AWS: a custom part follows a dot, and is not empty (recorded).
    let (basic, custom) = data_type.split_once('.').map_or((data_type, None), |(basic, custom)| (basic, Some(custom)));
    if !matches!(basic, "String" | "Number" | "Binary") || custom == Some("") {
        return refused(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
        ));
    }
    let (text, bytes) = (value.string_value.as_ref().map(String::len), value.binary_value.as_ref().map(|bytes| bytes.len()));
    let (field, length) = if basic == "Binary" { ("Binary", bytes) } else { ("String", text) };
    match length {
        None if text.or(bytes).is_some() => refused(format!("The message attribute '{name}' with type '{data_type}' must use field '{field}'.")),
        None | Some(0) => refused(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{data_type}'."
        )),
        Some(_) if basic == "Number" && !value.string_value.as_deref().is_some_and(is_number) => {
            // AWS: unverified message.
            refused(format!("Could not cast message attribute '{name}' value to number."))
        }
        Some(_) => Ok(()),
    }
}

/// Rust would parse `inf` and `nan` as well.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok() && !text.bytes().any(|byte| byte.is_ascii_alphabetic() && !byte.eq_ignore_ascii_case(&b'e'))
}

impl Message {
    /// The attributes that a filter policy sees. AWS: not binary ones.
    pub fn attributes_for_filters(&self) -> Value {
        let seen = self.attributes.iter().filter_map(|(name, attribute)| {
            let AttributeValue::Text(text) = &attribute.value else { return None };
            let value = match attribute.data_type.as_str() {
                "String.Array" => serde_json::from_str(text).ok().filter(Value::is_array).unwrap_or_else(|| json!(text)),
                data_type if data_type.starts_with("Number") => serde_json::from_str(text).ok().filter(Value::is_number).or_else(|| {
                    let number = text.parse::<f64>().ok()?;
                    serde_json::Number::from_f64(number).map(Value::Number)
                })?,
                _ => json!(text),
            };
            Some((name.clone(), value))
        });
        Value::Object(seen.collect())
    }
}

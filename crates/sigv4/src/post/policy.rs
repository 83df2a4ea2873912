//! The policy of a browser form: when it expires, and the conditions on its fields.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use super::Fields;
use crate::faults;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use cloudlet_aws::{Fault, Timestamp, TimestampFormat};
use serde_json::Value;

/// A policy document.
#[derive(Clone, Debug)]
pub struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
enum Condition {
    /// `["eq", "$acl", "private"]`, and `{"acl": "private"}`, which is the same.
    Eq {
        field: String,
        value: String,
    },
    StartsWith {
        field: String,
        value: String,
    },
    Length {
        least: String,
        most: String,
        range: Option<(u64, u64)>,
    },
}

/// Lenient about padding, as S3 is about what browsers send.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Fields that need no condition: the policy itself, its signature, and the file. Fields that begin with `x-ignore-` need none either.
const EXEMPT: [&str; 5] = ["policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"];

fn invalid(why: impl std::fmt::Display) -> Fault {
    faults::INVALID_POLICY_DOCUMENT.says(format!("Invalid Policy: {why}"))
}

fn refused(why: impl std::fmt::Display) -> Fault {
    faults::ACCESS_DENIED.says(format!("Invalid according to Policy: {why}"))
}

impl Policy {
    /// Decodes the `policy` field.
    pub fn parse(encoded: &str) -> Result<Policy, Fault> {
        let compact: Vec<u8> = encoded.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let text = BASE64.decode(compact).map_err(|_| invalid("invalid Base64 encoding."))?;
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(invalid("Expecting '{' but found End-of-Input"));
        }
        let Ok(Value::Object(document)) = serde_json::from_slice(&text) else { return Err(invalid("Invalid JSON.")) };
        let (mut expiration, mut conditions) = (None, None);
        for (name, value) in &document {
            match name.as_str() {
                "expiration" => expiration = Some(value),
                "conditions" => conditions = Some(value),
                _ => return Err(invalid(format!("Unexpected: \"{name}\""))),
            }
        }
        let expiration = expiration.ok_or_else(|| invalid("Policy missing expiration."))?;
        let conditions = conditions.ok_or_else(|| invalid("Policy missing conditions."))?;
        let expiration = expiration
            .as_str()
            .filter(|text| is_instant(text))
            .and_then(|text| Timestamp::parse(text, TimestampFormat::DateTime))
            .ok_or_else(|| invalid(format!("Invalid 'expiration' value: '{}'", as_text(expiration))))?;
        let Value::Array(conditions) = conditions else {
            return Err(invalid("Invalid 'conditions' value: must be a List."));
        };
        Ok(Policy { expiration, conditions: conditions.iter().map(Condition::parse).collect::<Result<_, _>>()? })
    }

    /// Expiry and every condition but the length of the file, which is not known yet. `bucket` is the one of the URL.
    /// `fields` are those before the file, with `${filename}` already replaced.
    pub fn check(&self, fields: &Fields, bucket: &str, now: Timestamp) -> Result<(), Fault> {
        if self.expiration <= now {
            return Err(refused("Policy expired."));
        }
        for condition in &self.conditions {
            if !condition.holds(fields, bucket) {
                return Err(refused(format!("Policy Condition failed: {}", condition.text())));
            }
        }
        for name in fields.iter().map(|(name, _)| name.as_str()).chain(["bucket"]) {
            // AWS: unverified: a checksum says nothing that the file does not say.
            let free = starts_with(name, "x-ignore-") || starts_with(name, "x-amz-checksum-");
            let exempt = free || EXEMPT.iter().any(|exempt| name.eq_ignore_ascii_case(exempt));
            if !exempt && !self.conditions.iter().any(|condition| condition.is_about(name)) {
                return Err(refused(format!("Extra input fields: {}", name.to_ascii_lowercase())));
            }
        }
        Ok(())
    }

    /// The longest file that all `content-length-range`s allow.
    pub fn longest(&self) -> Option<u64> {
        self.ranges().map(|(_, most)| most).min()
    }

    /// The length of the file, once known, or as soon as it is too long.
    pub fn check_length(&self, length: u64) -> Result<(), Fault> {
        for (least, most) in self.ranges() {
            if length > most {
                return Err(faults::ENTITY_TOO_LARGE
                    .says("Your proposed upload exceeds the maximum allowed size")
                    .with("ProposedSize", length.to_string())
                    .with("MaxSizeAllowed", most.to_string()));
            }
            if length < least {
                return Err(faults::ENTITY_TOO_SMALL
                    .says("Your proposed upload is smaller than the minimum allowed size")
                    .with("ProposedSize", length.to_string())
                    .with("MinSizeAllowed", least.to_string()));
            }
        }
        Ok(())
    }

    fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.conditions.iter().filter_map(|condition| match condition {
            Condition::Length { range, .. } => *range,
            _ => None,
        })
    }
}

/// `2026-11-24T09:31:00.000Z`, with or without a fraction, and nothing else that a lenient reader would take.
fn is_instant(text: &str) -> bool {
    let (Some((date, time)), true) = (text.split_once('T'), text.ends_with('Z')) else { return false };
    let digits = |text: &str, marks: &[char]| text.chars().all(|letter| letter.is_ascii_digit() || marks.contains(&letter));
    date.len() == 10 && digits(date, &['-']) && digits(time.trim_end_matches('Z'), &[':', '.'])
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Condition {
    fn parse(value: &Value) -> Result<Condition, Fault> {
        match value {
            Value::Object(pairs) => {
                let mut pairs = pairs.iter();
                let (Some((field, value)), None) = (pairs.next(), pairs.next()) else {
                    return Err(invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."));
                };
                let Value::String(value) = value else { return Err(invalid("Invalid Simple-Condition: value must be a string.")) };
                Ok(Condition::Eq { field: format!("${field}"), value: value.clone() })
            }
            Value::Array(parts) => Condition::parse_list(parts),
            _ => Err(invalid("Invalid condition test: must be a List or Object.")),
        }
    }

    fn parse_list(parts: &[Value]) -> Result<Condition, Fault> {
        let Some((operation, arguments)) = parts.split_first() else {
            return Err(invalid("Invalid Condition: missing operation identifier."));
        };
        let name = as_text(operation);
        let [first, second] = arguments else {
            return Err(match name.to_ascii_lowercase().as_str() {
                "eq" | "starts-with" | "content-length-range" => invalid(format!("Invalid {name}: wrong number of arguments.")),
                _ => invalid(format!("Invalid Condition: unknown operation '{name}'.")),
            });
        };
        let (first, second) = (as_text(first), as_text(second));
        match name.to_ascii_lowercase().as_str() {
            "eq" => Ok(Condition::Eq { field: first, value: second }),
            "starts-with" => Ok(Condition::StartsWith { field: first, value: second }),
            "content-length-range" => {
                let range = first.trim().parse().ok().zip(second.trim().parse().ok());
                Ok(Condition::Length { least: first, most: second, range })
            }
            _ => Err(invalid(format!("Invalid Condition: unknown operation '{name}'."))),
        }
    }

    /// A condition names its field with a dollar sign, or nothing.
    fn field(&self) -> Option<&str> {
        match self {
            Condition::Eq { field, .. } | Condition::StartsWith { field, .. } => field.strip_prefix('$'),
            Condition::Length { .. } => None,
        }
    }

    fn is_about(&self, name: &str) -> bool {
        self.field().is_some_and(|field| field.eq_ignore_ascii_case(name))
    }

    fn holds(&self, fields: &Fields, bucket: &str) -> bool {
        let value = || {
            let name = self.field()?;
            if name.eq_ignore_ascii_case("bucket") { Some(bucket) } else { super::field(fields, name) }
        };
        match self {
            Condition::Eq { value: wanted, .. } => value().is_some_and(|value| value == wanted),
            Condition::StartsWith { value: prefix, .. } => value().is_some_and(|value| {
                // AWS: commas in a Content-Type make a list, of which each must match.
                if self.is_about("content-type") {
                    value.split(',').all(|part| part.trim_start().starts_with(prefix.as_str()))
                } else {
                    value.starts_with(prefix.as_str())
                }
            }),
            Condition::Length { range, .. } => range.is_some_and(|(least, most)| least <= most),
        }
    }

    /// As S3 quotes it: all three parts as strings.
    fn text(&self) -> String {
        let quoted = |text: &str| Value::String(text.to_owned()).to_string();
        let (name, first, second) = match self {
            Condition::Eq { field, value } => ("eq", field, value),
            Condition::StartsWith { field, value } => ("starts-with", field, value),
            Condition::Length { least, most, .. } => ("content-length-range", least, most),
        };
        format!("[{}, {}, {}]", quoted(name), quoted(first), quoted(second))
    }
}

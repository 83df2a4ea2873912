//! Parameter policies: when a parameter ends, and when somebody is told that it soon will, or that nobody has changed it.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policies.html>

use crate::{faults, limits};
use cloudlet_aws::{Fault, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterPolicy {
    /// As it was given.
    pub text: String,
    pub rule: Rule,
    pub status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    Expiration(Timestamp),
    /// Seconds before the expiration.
    ExpirationNotification(i64),
    /// Seconds after the last change.
    NoChangeNotification(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Pending,
    Finished,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "Pending",
            Status::Finished => "Finished",
        }
    }
}

impl Rule {
    pub fn name(self) -> &'static str {
        match self {
            Rule::Expiration(_) => "Expiration",
            Rule::ExpirationNotification(_) => "ExpirationNotification",
            Rule::NoChangeNotification(_) => "NoChangeNotification",
        }
    }
}

impl ParameterPolicy {
    /// The same for a new version: nobody has been told anything about it.
    pub fn renewed(self) -> ParameterPolicy {
        ParameterPolicy { status: Status::Pending, ..self }
    }

    pub fn expiration(&self) -> Option<Timestamp> {
        match self.rule {
            Rule::Expiration(at) => Some(at),
            _ => None,
        }
    }
}

/// When the policies of a version that are not applied yet are due, in their order.
pub fn due(policies: &[ParameterPolicy], modified: Timestamp) -> impl Iterator<Item = (usize, Timestamp)> {
    let expiration = expiration(policies);
    policies.iter().enumerate().filter(|(_, policy)| policy.status == Status::Pending).filter_map(move |(index, policy)| {
        let at = match policy.rule {
            Rule::Expiration(at) => at,
            Rule::ExpirationNotification(before) => expiration?.plus_secs(-before),
            Rule::NoChangeNotification(after) => modified.plus_secs(after),
        };
        Some((index, at))
    })
}

fn expiration(policies: &[ParameterPolicy]) -> Option<Timestamp> {
    policies.iter().find_map(ParameterPolicy::expiration)
}

#[derive(Deserialize)]
struct Given<'t> {
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(rename = "Version")]
    version: Option<String>,
    #[serde(rename = "Attributes", borrow)]
    attributes: Option<&'t RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Attributes {
    #[serde(rename = "Timestamp")]
    timestamp: Option<String>,
    #[serde(rename = "Before")]
    before: Option<String>,
    #[serde(rename = "After")]
    after: Option<String>,
    #[serde(rename = "Unit")]
    unit: Option<String>,
}

const SECONDS_A_DAY: i64 = 24 * 60 * 60;
/// Longer spans are a mistake; a timestamp stays one with it.
const MOST_DAYS: i64 = 36_500;

fn invalid_attribute(what: &str) -> Fault {
    // AWS: unverified message; the first sentence is that of the documentation.
    faults::INVALID_POLICY_ATTRIBUTE.says(format!("A policy attribute or its value is invalid. {what}"))
}

/// The policies in a request. `[{}]` is none.
pub fn parse(text: &str, now: Timestamp) -> Result<Vec<ParameterPolicy>, Fault> {
    let not_a_list = |_| invalid_attribute("Policies must be a JSON array of policies.");
    let texts: Vec<&RawValue> = serde_json::from_str(text).map_err(not_a_list)?;
    if let [single] = texts.as_slice()
        && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(single.get()).is_ok_and(|members| members.is_empty())
    {
        return Ok(vec![]);
    }
    if texts.len() > limits::POLICIES {
        return Err(faults::POLICIES_LIMIT_EXCEEDED
            .says("You specified more than the maximum number of allowed policies for the parameter. The maximum is 10."));
    }
    let policies = texts.into_iter().map(|text| parse_one(text.get(), now)).collect::<Result<Vec<_>, _>>()?;
    let count = |name| policies.iter().filter(|policy| policy.rule.name() == name).count();
    if count("Expiration") > 1 || count("NoChangeNotification") > 1 {
        return Err(faults::INCOMPATIBLE_POLICY
            .says("There is a conflict in the policies specified for this parameter. You can't, for example, specify two Expiration policies for a parameter. \
                   Review your policies, and try again."));
    }
    if count("ExpirationNotification") > 0 && count("Expiration") == 0 {
        return Err(invalid_attribute("An ExpirationNotification policy needs an Expiration policy."));
    }
    Ok(policies)
}

fn parse_one(text: &str, now: Timestamp) -> Result<ParameterPolicy, Fault> {
    let given: Given<'_> =
        serde_json::from_str(text).map_err(|_| invalid_attribute("A policy is a JSON object with Type, Version and Attributes."))?;
    let kind = given.kind.as_deref().unwrap_or_default();
    if !["Expiration", "ExpirationNotification", "NoChangeNotification"].contains(&kind) {
        return Err(faults::INVALID_POLICY_TYPE.says(
            "The policy type isn't supported. Parameter Store supports the following policy types: Expiration, ExpirationNotification, and \
             NoChangeNotification.",
        ));
    }
    if given.version.as_deref() != Some("1.0") {
        return Err(invalid_attribute("Version must be 1.0."));
    }
    let attributes = given.attributes.map(|attributes| serde_json::from_str::<Attributes>(attributes.get()));
    let attributes = attributes.and_then(Result::ok).ok_or_else(|| invalid_attribute("Attributes are missing or unknown."))?;
    let Attributes { timestamp, before, after, unit } = attributes;
    let rule = match (kind, timestamp, before, after) {
        ("Expiration", Some(timestamp), None, None) if unit.is_none() => Rule::Expiration(moment(&timestamp, now)?),
        ("ExpirationNotification", None, Some(before), None) => Rule::ExpirationNotification(span(&before, unit.as_deref())?),
        ("NoChangeNotification", None, None, Some(after)) => Rule::NoChangeNotification(span(&after, unit.as_deref())?),
        _ => return Err(invalid_attribute(&format!("The attributes are not those of {kind}."))),
    };
    Ok(ParameterPolicy { text: text.to_owned(), rule, status: Status::Pending })
}

fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Fault> {
    let at = Timestamp::parse(text, cloudlet_shape::TimestampFormat::DateTime)
        .ok_or_else(|| invalid_attribute("Timestamp is not in the ISO 8601 form."))?;
    if at <= now {
        return Err(invalid_attribute("Timestamp must be in the future."));
    }
    Ok(at)
}

fn span(number: &str, unit: Option<&str>) -> Result<i64, Fault> {
    let seconds = match unit {
        Some("Days") => SECONDS_A_DAY,
        Some("Hours") => 60 * 60,
        _ => return Err(invalid_attribute("Unit must be Days or Hours.")),
    };
    let number: i64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(|| invalid_attribute("A positive number is needed."))?;
    number.checked_mul(seconds).filter(|span| *span <= MOST_DAYS * SECONDS_A_DAY).ok_or_else(|| invalid_attribute("The number is too large."))
}

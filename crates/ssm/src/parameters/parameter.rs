//! A parameter and its versions.

use super::{names::Selector, policies::ParameterPolicy};
use cloudlet_api_ssm::Parameter as Answer;
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_shape::{Blob, Map};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parameter {
    /// As it was given: `/a/b`, or `b`.
    pub name: Arc<str>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
    pub current: Arc<Version>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    pub number: i64,
    pub kind: ParameterType,
    pub value: Value,
    pub tier: Tier,
    pub modified: Timestamp,
    /// The ARN of who made it.
    pub user: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_pattern: Option<Arc<str>>,
    /// Of a SecureString.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "DataType::is_text")]
    pub data_type: DataType,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<ParameterPolicy>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Value {
    Plain(Arc<str>),
    /// Encrypted by KMS under the parameter's key.
    Encrypted(#[serde(with = "cloudlet_store::as_base64")] Blob),
    /// Encrypted with a data key, in a message of the AWS Encryption SDK.
    Enveloped(#[serde(with = "cloudlet_store::as_base64")] Blob),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterType {
    String,
    StringList,
    SecureString,
}

impl ParameterType {
    pub const ALL: [ParameterType; 3] = [ParameterType::String, ParameterType::StringList, ParameterType::SecureString];

    pub fn parse(name: &str) -> Option<ParameterType> {
        ParameterType::ALL.into_iter().find(|known| known.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ParameterType::String => "String",
            ParameterType::StringList => "StringList",
            ParameterType::SecureString => "SecureString",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    Standard,
    Advanced,
}

impl Tier {
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Standard => "Standard",
            Tier::Advanced => "Advanced",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataType {
    #[default]
    Text,
    Image,
    Integration,
}

impl DataType {
    const ALL: [DataType; 3] = [DataType::Text, DataType::Image, DataType::Integration];

    pub fn parse(name: &str) -> Option<DataType> {
        DataType::ALL.into_iter().find(|known| known.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            DataType::Text => "text",
            DataType::Image => "aws:ec2:image",
            DataType::Integration => "aws:ssm:integration",
        }
    }

    fn is_text(&self) -> bool {
        *self == DataType::Text
    }
}

impl Parameter {
    /// Whether an Expiration policy has ended it.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.current.policies.iter().any(|policy| policy.expiration().is_some_and(|at| at <= now))
    }
}

impl Version {
    /// The answer of the operations that read values.
    pub fn answer(&self, name: &str, arn: &Arn, selector: Option<&Selector>, value: Cow<'_, str>) -> Answer {
        Answer {
            name: Some(name.to_owned()),
            r#type: Some(self.kind.as_str().to_owned()),
            value: Some(value.into_owned()),
            version: Some(self.number),
            selector: selector.map(Selector::shown),
            source_result: None,
            last_modified_date: Some(self.modified),
            arn: Some(arn.to_string()),
            data_type: Some(self.data_type.as_str().to_owned()),
        }
    }
}

//! How rows say what is retained.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use cloudlet_aws::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LockMode {
    /// Who has s3:BypassGovernanceRetention may end it.
    Governance,
    /// Nobody can end it.
    Compliance,
}

/// How long something is retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    Days(i32),
    Years(i32),
}

/// `ON` or `OFF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Hold {
    On,
    Off,
}

/// A hold until an event: from its release on, the version is retained for the duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHold {
    pub hold: Hold,
    pub duration: Period,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retention {
    pub mode: LockMode,
    /// `None` while an event hold is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_hold: Option<EventHold>,
}

/// What protects one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectLock {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_hold: Option<Hold>,
}

/// Object Lock of a bucket. Once enabled, it stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_retention: Option<DefaultRetention>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefaultRetention {
    pub mode: LockMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// New objects are held for an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_hold: Option<Period>,
}

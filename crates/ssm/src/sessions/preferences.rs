//! The preferences of sessions: the `inputs` of `SSM-SessionManagerRunShell` and of documents like it.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html>

use crate::faults;
use cloudlet_aws::{Fault, Timestamp};
use serde_json::Value;

/// Minutes. <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-preferences-timeout.html>
const IDLE: u32 = 20;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    pub bucket: Option<String>,
    pub prefix: String,
    pub bucket_encrypted: bool,
    pub log_group: Option<String>,
    pub log_encrypted: bool,
    pub log_streaming: bool,
    pub kms_key: Option<String>,
    pub run_as: bool,
    pub run_as_user: String,
    pub idle: u32,
    pub longest: Option<u32>,
    pub profile: String,
}

/// AWS: unverified messages.
const TIMED_OUT: &str = "Your session timed out due to inactivity.";
const TOO_LONG: &str = "Your session was terminated because it reached its maximum duration.";

impl Preferences {
    /// When a session is too long, or nobody has used it for too long.
    pub fn deadline(&self, started: Timestamp, active: Timestamp) -> (Timestamp, &'static str) {
        let after = |from: Timestamp, minutes: u32| Timestamp(from.millis().saturating_add(i64::from(minutes) * 60_000));
        let idle = (after(active, self.idle), TIMED_OUT);
        match self.longest {
            Some(longest) if after(started, longest) < idle.0 => (after(started, longest), TOO_LONG),
            _ => idle,
        }
    }

    pub fn of(inputs: &Value) -> Result<Preferences, Fault> {
        let text = |name: &str| match inputs.get(name) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let given = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
        let flag = |name: &str, default: bool| match inputs.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => default,
        };
        let minutes = |name: &str, most: u32| match given(name).map(|text| text.parse::<u32>()) {
            None => Ok(None),
            Some(Ok(minutes)) if (1..=most).contains(&minutes) => Ok(Some(minutes)),
            // AWS: unverified message.
            Some(_) => Err(faults::validation(format!("The value of {name} must be a number of minutes from 1 to {most}."))),
        };
        Ok(Preferences {
            bucket: given("s3BucketName"),
            prefix: text("s3KeyPrefix"),
            bucket_encrypted: flag("s3EncryptionEnabled", true),
            log_group: given("cloudWatchLogGroupName"),
            log_encrypted: flag("cloudWatchEncryptionEnabled", true),
            log_streaming: flag("cloudWatchStreamingEnabled", false),
            kms_key: given("kmsKeyId"),
            run_as: flag("runAsEnabled", false),
            run_as_user: text("runAsDefaultUser"),
            idle: minutes("idleSessionTimeout", 60)?.unwrap_or(IDLE),
            longest: minutes("maxSessionDuration", 1_440)?,
            profile: inputs.pointer("/shellProfile/linux").and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
    }
}

#[test]
fn preferences_are_texts_or_values() {
    let inputs = serde_json::json!({"s3BucketName": "", "kmsKeyId": "alias/x", "idleSessionTimeout": "5", "runAsEnabled": true, "cloudWatchStreamingEnabled": "true"});
    let preferences = Preferences::of(&inputs).unwrap();
    assert_eq!((preferences.bucket, preferences.kms_key.as_deref(), preferences.idle, preferences.longest), (None, Some("alias/x"), 5, None));
    assert!(preferences.run_as && preferences.log_streaming);
    assert!(Preferences::of(&serde_json::json!({"idleSessionTimeout": "61"})).is_err());
    assert_eq!(Preferences::of(&Value::Null).unwrap().idle, 20);
}

//! Logging, tracing and encryption of state machines and activities.

use crate::faults;
use cloudlet_api_states::{EncryptionConfiguration, LoggingConfiguration};
use cloudlet_aws::{Arn, Fault};
use cloudlet_shape::Shape;
use cloudlet_wire::{from_json, to_json};

/// The stored form of a configuration, and back.
pub fn stored<T: Shape>(configuration: Option<&T>) -> Option<String> {
    configuration.map(|configuration| to_json(configuration))
}

pub fn shown<T: Shape>(stored: Option<&String>) -> Option<T> {
    stored.and_then(|text| from_json(text).ok())
}

pub fn logging(stored: Option<&String>) -> LoggingConfiguration {
    let given: LoggingConfiguration = shown(stored).unwrap_or_default();
    LoggingConfiguration {
        level: Some(given.level.unwrap_or_else(|| "OFF".to_owned())),
        include_execution_data: Some(given.include_execution_data.unwrap_or(false)),
        destinations: given.destinations,
    }
}

pub fn encryption(stored: Option<&String>) -> EncryptionConfiguration {
    shown(stored).unwrap_or_else(|| EncryptionConfiguration { r#type: "AWS_OWNED_KEY".to_owned(), ..EncryptionConfiguration::default() })
}

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_LoggingConfiguration.html>
pub fn check_logging(logging: Option<&LoggingConfiguration>) -> Result<(), Fault> {
    let Some(logging) = logging else { return Ok(()) };
    let refused = |detail: &str| faults::INVALID_LOGGING_CONFIGURATION.says(format!("Invalid Logging Configuration: {detail}"));
    let destinations = logging.destinations.as_deref().unwrap_or_default();
    let off = matches!(logging.level.as_deref(), None | Some("OFF"));
    if off && destinations.is_empty() {
        return Ok(());
    }
    let [destination] = destinations else { return Err(refused("Must specify exactly one Log Destination.")) };
    let group = destination.cloud_watch_logs_log_group.as_ref().and_then(|group| group.log_group_arn.as_deref()).and_then(Arn::parse);
    match group {
        Some(arn) if arn.service() == "logs" && arn.resource().starts_with("log-group:") && arn.resource().ends_with(":*") => Ok(()),
        _ => Err(refused("Log Destination not found.")),
    }
}

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_EncryptionConfiguration.html>
pub fn check_encryption(encryption: Option<&EncryptionConfiguration>) -> Result<(), Fault> {
    let Some(encryption) = encryption else { return Ok(()) };
    let customer = encryption.r#type == "CUSTOMER_MANAGED_KMS_KEY";
    // AWS: unverified wording.
    let refused = |detail: &str| Err(faults::INVALID_ENCRYPTION_CONFIGURATION.says(format!("Invalid Encryption Configuration: {detail}")));
    match (customer, encryption.kms_key_id.is_some()) {
        (true, false) => refused("kmsKeyId is required for CUSTOMER_MANAGED_KMS_KEY"),
        (false, true) => refused("kmsKeyId is not allowed for AWS_OWNED_KEY"),
        (false, false) if encryption.kms_data_key_reuse_period_seconds.is_some() => {
            refused("kmsDataKeyReusePeriodSeconds is not allowed for AWS_OWNED_KEY")
        }
        _ => Ok(()),
    }
}

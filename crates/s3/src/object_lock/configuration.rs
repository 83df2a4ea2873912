//! Object Lock of a bucket, and the retention that new objects get.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLockConfiguration.html>

use super::{EventHold, Hold, LockMode, Period, Retention};
use crate::{S3, api, faults, state::Versioning};
use cloudlet_aws::{Fault, FaultKind, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use serde::{Deserialize, Serialize};

/// Object Lock of a bucket. Once enabled, it stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_retention: Option<DefaultRetention>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefaultRetention {
    mode: LockMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
    /// New objects are held for an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_hold: Option<Period>,
}

impl DefaultRetention {
    fn parse(retention: &api::DefaultRetention) -> Result<DefaultRetention, Fault> {
        let malformed = |fault: Option<Fault>| fault.unwrap_or_else(faults::malformed_xml);
        let mode = retention.mode.as_deref().and_then(LockMode::named).ok_or_else(faults::malformed_xml)?;
        let event_hold = retention.default_event_hold.as_ref().map(|hold| Period::of(hold.days, hold.years)).transpose().map_err(malformed)?;
        let period = match (retention.days, retention.years) {
            // AWS: unverified. An event hold says how long objects are retained.
            (None, None) if event_hold.is_some() => None,
            (days, years) => Some(Period::of(days, years).map_err(malformed)?),
        };
        Ok(DefaultRetention { mode, period, event_hold })
    }

    pub fn of_new_object(&self, now: Timestamp) -> Retention {
        Retention {
            mode: self.mode,
            until: self.period.map(|period| period.after(now)),
            event_hold: self.event_hold.map(|duration| EventHold { hold: Hold::On, duration }),
        }
    }
}

impl From<&DefaultRetention> for api::DefaultRetention {
    fn from(retention: &DefaultRetention) -> api::DefaultRetention {
        api::DefaultRetention {
            mode: Some(retention.mode.name().to_owned()),
            days: retention.period.and_then(Period::days),
            years: retention.period.and_then(Period::years),
            default_event_hold: retention.event_hold.map(Into::into),
        }
    }
}

fn parse(configuration: Option<&api::ObjectLockConfiguration>) -> Result<LockConfiguration, Fault> {
    let configuration = configuration.filter(|configuration| configuration.object_lock_enabled.as_deref() == Some("Enabled"));
    let configuration = configuration.ok_or_else(faults::malformed_xml)?;
    let Some(rule) = &configuration.rule else { return Ok(LockConfiguration::default()) };
    let default = rule.default_retention.as_ref().ok_or_else(faults::malformed_xml)?;
    Ok(LockConfiguration { default_retention: Some(DefaultRetention::parse(default)?) })
}

impl Handle<api::PutObjectLockConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutObjectLockConfigurationRequest) -> Result<Permissions, Fault> {
        Ok(self
            .find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?
            .paid_by(cx, input.request_payer.as_ref())?
            .permission::<api::PutObjectLockConfiguration>(cx)
            .into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutObjectLockConfigurationRequest) -> Result<api::PutObjectLockConfigurationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        found.update(|bucket| {
            if bucket.versioning != Versioning::Enabled {
                return Err(FaultKind::sender("InvalidBucketState", 409)
                    .says("Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"));
            }
            bucket.object_lock = Some(parse(input.object_lock_configuration.as_ref())?);
            Ok(api::PutObjectLockConfigurationOutput::default())
        })
    }
}

impl Handle<api::GetObjectLockConfiguration> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetObjectLockConfigurationRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetObjectLockConfiguration>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectLockConfigurationRequest) -> Result<api::GetObjectLockConfigurationOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let lock = found.bucket.object_lock.as_ref().ok_or_else(|| {
            FaultKind::sender("ObjectLockConfigurationNotFoundError", 404)
                .says("Object Lock configuration does not exist for this bucket")
                .with("BucketName", &*found.name)
        })?;
        let rule = lock.default_retention.as_ref().map(|default| api::ObjectLockRule { default_retention: Some(default.into()) });
        Ok(api::GetObjectLockConfigurationOutput {
            object_lock_configuration: Some(api::ObjectLockConfiguration { object_lock_enabled: Some("Enabled".to_owned()), rule }),
        })
    }
}

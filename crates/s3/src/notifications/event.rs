//! One event: its name, its document, and the rows that wait for delivery.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use super::{name::EventName, rules::rules};
use crate::{
    names, owners,
    state::{Bucket, Object, PendingEvent, PendingTarget},
};
use cloudlet_aws::{Caller, Identity, Timestamp};
use cloudlet_engine::{Cx, ServiceEvent};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// On whose request something happened.
#[derive(Clone, Debug)]
pub struct Requester {
    principal_id: String,
    /// The account, or the service.
    account: String,
    source_ip: Option<String>,
    request_id: Arc<str>,
    host_id: Arc<str>,
}

impl Requester {
    /// The caller of a call.
    pub fn of(cx: &Cx) -> Requester {
        Requester {
            principal_id: principal_id(&cx.caller),
            account: cx.caller.account.map_or_else(|| cx.caller.arn.to_string(), |account| account.to_string()),
            source_ip: cx.origin.source_ip.map(|address| address.to_string()),
            request_id: cx.request_id.clone(),
            host_id: cx.origin.host_id.clone().unwrap_or_else(|| "".into()),
        }
    }

    /// S3 itself, or the service of Amazon's customer (`AmazonCustomer:…`) that S3 works for.
    pub fn service(cx: &Cx, principal_id: String) -> Requester {
        Requester {
            principal_id,
            account: "s3.amazonaws.com".to_owned(),
            source_ip: None,
            request_id: cx.ids().base32(16).into(),
            host_id: cx.ids().alphanumeric(76).into(),
        }
    }
}

/// `aws:userid` after `AWS:`. AWS: unverified for the root of an account.
fn principal_id(caller: &Caller) -> String {
    match &caller.identity {
        Identity::Anonymous => "Anonymous".to_owned(),
        Identity::Service { principal, .. } => principal.to_string(),
        _ => format!("AWS:{}", caller.unique_id),
    }
}

/// What happened to one object.
#[derive(Clone, Debug)]
pub struct ObjectEvent<'a> {
    pub name: EventName,
    pub key: &'a str,
    /// None for null versions.
    pub version_id: Option<String>,
    pub size: Option<u64>,
    pub etag: Option<String>,
    /// The sequence number of the write.
    pub sequence: u64,
    /// Further members of the record: `glacierEventData`.
    pub data: Option<(&'static str, Value)>,
    /// Further members of EventBridge's detail.
    pub detail: Vec<(&'static str, Value)>,
}

impl<'a> ObjectEvent<'a> {
    pub fn new(name: EventName, key: &'a str, sequence: u64) -> ObjectEvent<'a> {
        ObjectEvent { name, key, version_id: None, size: None, etag: None, sequence, data: None, detail: vec![] }
    }

    #[must_use]
    pub fn of_object(self, object: &Object) -> ObjectEvent<'a> {
        ObjectEvent { version_id: object.version_id.map(|id| id.to_string()), size: Some(object.size()), etag: Some(object.etag.to_string()), ..self }
    }

    /// The event for every rule of the bucket that matches it; None if none does.
    pub fn pending(&self, cx: &Cx, name: &str, bucket: &Bucket, requester: &Requester) -> Option<PendingEvent> {
        let configuration = bucket.background.notifications.as_ref()?;
        let targets: Vec<PendingTarget> = rules(configuration)
            .filter(|rule| rule.matches(self.name, self.key))
            .map(|rule| PendingTarget {
                kind: rule.kind,
                arn: rule.target.into(),
                body: json!({ "Records": [self.record(cx, name, bucket, requester, rule.id)] }).to_string(),
            })
            .collect();
        (!targets.is_empty()).then_some(PendingEvent { targets, failed_attempts: 0 })
    }

    fn record(&self, cx: &Cx, name: &str, bucket: &Bucket, requester: &Requester, configuration_id: &str) -> Value {
        // AWS: events of tags and ACLs have neither size nor sequencer (recorded).
        let bare = matches!(self.name, EventName::TaggingPut | EventName::TaggingDelete | EventName::AclPut);
        let mut object = Map::new();
        object.insert("key".into(), form_encoded(self.key).into());
        if let Some(size) = self.size.filter(|_| !bare) {
            object.insert("size".into(), size.into());
        }
        if let Some(etag) = &self.etag {
            object.insert("eTag".into(), etag.clone().into());
        }
        if let Some(version_id) = &self.version_id {
            object.insert("versionId".into(), version_id.clone().into());
        }
        if !bare {
            object.insert("sequencer".into(), self.sequencer().into());
        }
        let mut record = json!({
            "eventVersion": self.name.version(),
            "eventSource": "aws:s3",
            "awsRegion": bucket.region.as_str(),
            "eventTime": cx.now.with_millis(),
            "eventName": self.name.name(),
            "userIdentity": { "principalId": requester.principal_id },
            "requestParameters": { "sourceIPAddress": requester.source_ip.as_deref().unwrap_or("s3.amazonaws.com") },
            "responseElements": { "x-amz-request-id": &*requester.request_id, "x-amz-id-2": &*requester.host_id },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": configuration_id,
                "bucket": {
                    "name": name,
                    "ownerIdentity": { "principalId": owners::customer_id(bucket.owner) },
                    "arn": names::bucket_arn(cx, name).to_string(),
                },
                "object": object,
            },
        });
        if let (Some((member, data)), Some(record)) = (&self.data, record.as_object_mut()) {
            record.insert((*member).to_owned(), data.clone());
        }
        record
    }

    /// AWS: hexadecimal digits that grow with the writes of a key.
    fn sequencer(&self) -> String {
        format!("{:018X}", self.sequence)
    }

    /// In the form of EventBridge, for a bucket that sends its events there.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
    pub fn emit(&self, cx: &Cx, name: &str, bucket: &Bucket, requester: &Requester) {
        let wanted = bucket.background.notifications.as_ref().is_some_and(|configuration| configuration.event_bridge_configuration.is_some());
        let Some((detail_type, reason, deletion)) = self.name.bridge().filter(|_| wanted) else { return };
        cx.emit(|| {
            let mut object = Map::new();
            object.insert("key".into(), self.key.into());
            if let Some(size) = self.size {
                object.insert("size".into(), size.into());
            }
            if let Some(etag) = &self.etag {
                object.insert("etag".into(), etag.clone().into());
            }
            if let Some(version_id) = &self.version_id {
                object.insert("version-id".into(), version_id.clone().into());
            }
            if matches!(detail_type, "Object Created" | "Object Deleted") {
                object.insert("sequencer".into(), self.sequencer().into());
            }
            let mut detail = Map::new();
            detail.insert("version".into(), "0".into());
            detail.insert("bucket".into(), json!({ "name": name }));
            detail.insert("object".into(), object.into());
            detail.insert("request-id".into(), requester.request_id.to_string().into());
            detail.insert("requester".into(), requester.account.clone().into());
            let texts = [("source-ip-address", requester.source_ip.as_deref()), ("reason", reason), ("deletion-type", deletion)];
            for (member, text) in texts {
                if let Some(text) = text {
                    detail.insert(member.into(), text.into());
                }
            }
            detail.extend(self.detail.iter().map(|(member, value)| ((*member).to_owned(), value.clone())));
            ServiceEvent {
                source: "aws.s3",
                detail_type,
                resources: vec![names::bucket_arn(cx, name)],
                detail: detail.into(),
                scope: cloudlet_aws::Scope::new(bucket.owner, bucket.region.clone()),
                time: cx.now,
            }
        });
    }
}

/// The restore of an object, for its record.
pub fn restore_data(expiry: Timestamp, class: &str) -> (&'static str, Value) {
    let data = json!({ "lifecycleRestorationExpiryTime": expiry.with_millis(), "lifecycleRestoreStorageClass": class });
    ("glacierEventData", json!({ "restoreEventData": data }))
}

/// A key as in a form, but for its slashes: what AWS's events have.
fn form_encoded(key: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');
    utf8_percent_encode(key, ESCAPED).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_in_a_form() {
        assert_eq!(form_encoded("a b/c@d+é~*.txt"), "a+b/c%40d%2B%C3%A9%7E*.txt");
    }

    #[test]
    fn a_pattern_covers_its_events() {
        assert!(EventName::CreatedPut.matches("s3:ObjectCreated:*") && EventName::CreatedPut.matches("s3:ObjectCreated:Put"));
        assert!(!EventName::CreatedPut.matches("s3:ObjectCreated:Post") && !EventName::CreatedPut.matches("s3:ObjectRemoved:*"));
        assert!(EventName::Transition.matches("s3:LifecycleTransition"));
    }
}

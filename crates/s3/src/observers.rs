//! What follows from a change of an object: its events. A bucket that wants to know of nothing costs nothing.

use crate::{
    S3,
    access::BucketHandle,
    changes::{Change, CreatedBy},
    notifications::{EventName, ObjectEvent, Requester, restore_data},
    owners,
    state::Object,
};
use cloudlet_aws::{Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, SignatureKind};
use std::sync::Arc;

/// The entity tag of no bytes. AWS: delete markers have it (recorded).
const EMPTY_ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

impl S3 {
    /// Called after the write and before anything is awaited, so that a crash leaves both or none.
    pub(crate) fn changed(&self, cx: &Cx, found: &BucketHandle, key: &str, change: &Change) {
        self.replicate_change(cx, found, key, change);
        if found.bucket.background.notifications.is_some() {
            // AWS: a restore ends on behalf of the bucket's owner (recorded).
            let requester = match change {
                Change::RestoreCompleted { .. } | Change::RestoreExpired { .. } => {
                    Requester::service(cx, format!("AmazonCustomer:{}", owners::customer_id(found.bucket.owner)))
                }
                _ => Requester::of(cx),
            };
            if let Some(event) = self.event_of(cx, key, change) {
                self.record_event(cx, found, &event, &requester);
            }
        }
    }

    fn event_of<'a>(&self, cx: &Cx, key: &'a str, change: &Change) -> Option<ObjectEvent<'a>> {
        let event = |name, sequence| ObjectEvent::new(name, key, sequence);
        let later = |name, object: &Object| event(name, self.next_sequence(cx.now)).of_object(object);
        let restore = |name, object: &Object, until: Option<Timestamp>| {
            let class = object.storage_class.name();
            let mut detail = vec![("source-storage-class", class.into())];
            detail.extend(until.map(|until| ("restore-expiry-time", until.text(TimestampFormat::DateTime).into())));
            ObjectEvent { data: until.map(|until| restore_data(until, class)), detail, ..later(name, object) }
        };
        Some(match change {
            Change::ProtectionPut { .. } | Change::RestoreExtended => return None,
            Change::Created { by, object } => {
                let is_form = cx.origin.signed.is_some_and(|signed| signed.kind == SignatureKind::Post);
                let name = match by {
                    CreatedBy::Put if is_form => EventName::CreatedPost,
                    CreatedBy::Put => EventName::CreatedPut,
                    CreatedBy::Copy => EventName::CreatedCopy,
                    CreatedBy::CompleteMultipartUpload => EventName::CreatedMultipart,
                };
                event(name, object.sequence).of_object(object)
            }
            Change::Deleted { version } => {
                ObjectEvent { version_id: version.id().map(|id| id.to_string()), ..event(EventName::RemovedDelete, self.next_sequence(cx.now)) }
            }
            Change::MarkerMade { marker } | Change::MarkerReplicated { marker } => ObjectEvent {
                version_id: marker.version_id.map(|id| id.to_string()),
                etag: Some(EMPTY_ETAG.to_owned()),
                ..event(EventName::RemovedMarker, marker.sequence)
            },
            Change::TagsPut { object } => later(EventName::TaggingPut, object),
            Change::TagsDeleted { object } => later(EventName::TaggingDelete, object),
            Change::AclPut { object } => later(EventName::AclPut, object),
            Change::AnnotationPut { object } => later(EventName::AnnotationPut, object),
            Change::AnnotationDeleted { object } => later(EventName::AnnotationDelete, object),
            Change::RestoreStarted { object } => restore(EventName::RestorePost, object, None),
            Change::RestoreCompleted { object, until } => restore(EventName::RestoreCompleted, object, Some(*until)),
            Change::RestoreExpired { object } => restore(EventName::RestoreDelete, object, None),
        })
    }

    /// Adds an event to those that are to be delivered.
    pub(crate) fn record_event(&self, cx: &Cx, found: &BucketHandle, event: &ObjectEvent<'_>, requester: &Requester) {
        event.emit(cx, &found.name, &found.bucket, requester);
        let Some(pending) = event.pending(cx, &found.name, &found.bucket, requester) else { return };
        let was_empty = found.tables.update(|tables| {
            let was_empty = tables.events.is_empty();
            tables.events.insert(event.sequence, Arc::new(pending));
            was_empty
        });
        if was_empty == Some(true) {
            self.schedule_events(cx, &found.name, &found.bucket);
        }
    }
}

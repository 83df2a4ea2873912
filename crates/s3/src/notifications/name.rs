//! The names of events.

/// The event types of S3.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "not all that has an event is built yet")]
pub enum EventName {
    CreatedPut,
    CreatedPost,
    CreatedCopy,
    CreatedMultipart,
    RemovedDelete,
    RemovedMarker,
    RestorePost,
    RestoreCompleted,
    RestoreDelete,
    ReplicationFailed,
    ReplicationMissedThreshold,
    ReplicatedAfterThreshold,
    ReplicationNotTracked,
    ExpirationDelete,
    ExpirationMarker,
    Transition,
    TaggingPut,
    TaggingDelete,
    AclPut,
    AnnotationPut,
    AnnotationDelete,
}

impl EventName {
    /// As in the document of an event: `ObjectCreated:Put`.
    pub const fn name(self) -> &'static str {
        match self {
            EventName::CreatedPut => "ObjectCreated:Put",
            EventName::CreatedPost => "ObjectCreated:Post",
            EventName::CreatedCopy => "ObjectCreated:Copy",
            EventName::CreatedMultipart => "ObjectCreated:CompleteMultipartUpload",
            EventName::RemovedDelete => "ObjectRemoved:Delete",
            EventName::RemovedMarker => "ObjectRemoved:DeleteMarkerCreated",
            EventName::RestorePost => "ObjectRestore:Post",
            EventName::RestoreCompleted => "ObjectRestore:Completed",
            EventName::RestoreDelete => "ObjectRestore:Delete",
            EventName::ReplicationFailed => "Replication:OperationFailedReplication",
            EventName::ReplicationMissedThreshold => "Replication:OperationMissedThreshold",
            EventName::ReplicatedAfterThreshold => "Replication:OperationReplicatedAfterThreshold",
            EventName::ReplicationNotTracked => "Replication:OperationNotTracked",
            EventName::ExpirationDelete => "LifecycleExpiration:Delete",
            EventName::ExpirationMarker => "LifecycleExpiration:DeleteMarkerCreated",
            EventName::Transition => "LifecycleTransition",
            EventName::TaggingPut => "ObjectTagging:Put",
            EventName::TaggingDelete => "ObjectTagging:Delete",
            EventName::AclPut => "ObjectAcl:Put",
            EventName::AnnotationPut => "ObjectAnnotation:Put",
            EventName::AnnotationDelete => "ObjectAnnotation:Delete",
        }
    }

    /// Whether an event type of a rule (`s3:ObjectCreated:*`) covers it.
    pub fn matches(self, pattern: &str) -> bool {
        let pattern = pattern.strip_prefix("s3:").unwrap_or(pattern);
        match pattern.strip_suffix('*') {
            Some(start) => self.name().starts_with(start),
            None => self.name() == pattern,
        }
    }

    pub const fn version(self) -> &'static str {
        match self {
            EventName::ReplicationFailed
            | EventName::ReplicationMissedThreshold
            | EventName::ReplicatedAfterThreshold
            | EventName::ReplicationNotTracked => "2.2",
            EventName::ExpirationDelete
            | EventName::ExpirationMarker
            | EventName::Transition
            | EventName::TaggingPut
            | EventName::TaggingDelete
            | EventName::AclPut
            | EventName::AnnotationPut
            | EventName::AnnotationDelete
            | EventName::RestoreDelete => "2.3",
            _ => "2.1",
        }
    }

    /// The detail type and, where there is one, the reason and the type of the deletion in EventBridge's form.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-mapping-troubleshooting.html>
    pub const fn bridge(self) -> Option<(&'static str, Option<&'static str>, Option<&'static str>)> {
        const PERMANENT: Option<&str> = Some("Permanently Deleted");
        const MARKER: Option<&str> = Some("Delete Marker Created");
        Some(match self {
            EventName::CreatedPut => ("Object Created", Some("PutObject"), None),
            EventName::CreatedPost => ("Object Created", Some("POST Object"), None),
            EventName::CreatedCopy => ("Object Created", Some("CopyObject"), None),
            EventName::CreatedMultipart => ("Object Created", Some("CompleteMultipartUpload"), None),
            EventName::RemovedDelete => ("Object Deleted", Some("DeleteObject"), PERMANENT),
            EventName::RemovedMarker => ("Object Deleted", Some("DeleteObject"), MARKER),
            EventName::ExpirationDelete => ("Object Deleted", Some("Lifecycle Expiration"), PERMANENT),
            EventName::ExpirationMarker => ("Object Deleted", Some("Lifecycle Expiration"), MARKER),
            EventName::RestorePost => ("Object Restore Initiated", None, None),
            EventName::RestoreCompleted => ("Object Restore Completed", None, None),
            EventName::RestoreDelete => ("Object Restore Expired", None, None),
            EventName::Transition => ("Object Storage Class Changed", None, None),
            EventName::TaggingPut => ("Object Tags Added", None, None),
            EventName::TaggingDelete => ("Object Tags Deleted", None, None),
            EventName::AclPut => ("Object ACL Updated", None, None),
            EventName::AnnotationPut => ("Object Annotation Created", None, None),
            EventName::AnnotationDelete => ("Object Annotation Deleted", None, None),
            EventName::ReplicationFailed
            | EventName::ReplicationMissedThreshold
            | EventName::ReplicatedAfterThreshold
            | EventName::ReplicationNotTracked => return None,
        })
    }
}

//! What is to be replicated: rows beside the objects, worked off by the scheduler under the role of the configuration, at least once.

use super::rules;
use crate::{
    S3,
    access::{BucketHandle, gone},
    api,
    changes::Change,
    names,
    notifications::{EventName, ObjectEvent, Requester},
    scheduled::{BucketInput, PutReplica, ReplicaInput, Replicate},
    state::{Bucket, Object, ObjectProperties, ReplicationStatus, ReplicationTask, TaskKind, Version},
    versions::{self, VersionSelector},
};
use cloudlet_aws::{Arn, Fault, Scope, TimestampFormat};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    roles::{self, RoleSession},
};
use cloudlet_shape::Empty;
use serde_json::json;
use std::sync::Arc;

/// Under this name S3 assumes the role.
pub const PRINCIPAL: &str = "s3.amazonaws.com";
/// After these a task is given up. AWS: does not say how often it tries.
const ATTEMPTS: u32 = 8;
/// Replication time control: fifteen minutes.
const THRESHOLD: i64 = 15 * 60;

fn ids(rules: &[&api::ReplicationRule]) -> Vec<String> {
    rules.iter().filter_map(|rule| rule.id.clone()).collect()
}

impl BucketHandle {
    /// Marks a new object as one that is to be replicated. Replicas are not: replication is no chain.
    pub fn mark_for_replication(&self, key: &str, object: &mut Object) {
        let Some(configuration) = &self.bucket.background.replication else { return };
        let is_replica = object.replication_status() == Some(ReplicationStatus::Replica);
        if !is_replica && !rules::for_object(configuration, key, object).is_empty() {
            set_status(object, ReplicationStatus::Pending);
        }
    }
}

pub fn set_status(object: &mut Object, status: ReplicationStatus) {
    let properties = object.properties.take().map(|properties| *properties).unwrap_or_default();
    object.properties = ObjectProperties { replication: Some(status), ..properties }.boxed();
}

impl S3 {
    /// What is to be replicated after a change. Called after the write and before anything is awaited.
    pub(crate) fn replicate_change(&self, cx: &Cx, found: &BucketHandle, key: &str, change: &Change) {
        let Some(configuration) = &found.bucket.background.replication else { return };
        match change {
            // Replication is no chain.
            Change::Created { object, .. } if object.replication_status() != Some(ReplicationStatus::Replica) => {
                self.add_replication(cx, found, key, object, &rules::for_object(configuration, key, object));
            }
            // What is changed of an object is changed of its replicas, by writing them again.
            Change::TagsPut { object } | Change::TagsDeleted { object } | Change::AclPut { object } | Change::ProtectionPut { object } => {
                let rules = rules::for_object(configuration, key, object);
                let wanted = match object.replication_status() {
                    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-for-metadata-changes.html>
                    Some(ReplicationStatus::Replica) => rules.iter().any(|rule| syncs(rule)),
                    Some(_) => true,
                    // It was never replicated; tags may have made a rule fit.
                    None => matches!(change, Change::TagsPut { .. } | Change::TagsDeleted { .. }),
                };
                if wanted {
                    self.add_replication(cx, found, key, object, &rules);
                }
            }
            Change::MarkerMade { marker } => {
                let rules = rules::for_marker(configuration, key);
                if let (Some(id), false) = (marker.version_id, rules.is_empty()) {
                    let task = ReplicationTask {
                        key: key.into(),
                        version_id: id.to_string(),
                        kind: TaskKind::Marker,
                        rules: ids(&rules),
                        failed_attempts: 0,
                        refused: false,
                    };
                    self.add_task(cx, found, task);
                }
            }
            _ => {}
        }
    }

    /// Replicates a version that exists, as S3 Batch Operations does.
    pub(crate) fn replicate_existing(&self, cx: &Cx, found: &BucketHandle, key: &str, object: &Object) -> bool {
        let Some(configuration) = &found.bucket.background.replication else { return false };
        let rules = rules::for_object(configuration, key, object);
        self.add_replication(cx, found, key, object, &rules)
    }

    fn add_replication(&self, cx: &Cx, found: &BucketHandle, key: &str, object: &Object, rules: &[&api::ReplicationRule]) -> bool {
        let Some(id) = object.version_id.filter(|_| !rules.is_empty()) else { return false };
        let task = ReplicationTask {
            key: key.into(),
            version_id: id.to_string(),
            kind: TaskKind::Object,
            rules: ids(rules),
            failed_attempts: 0,
            refused: false,
        };
        self.add_task(cx, found, task);
        true
    }

    fn add_task(&self, cx: &Cx, found: &BucketHandle, task: ReplicationTask) {
        let number = self.next_sequence(cx.now);
        let was_empty = found.tables.update(|tables| {
            let was_empty = tables.replications.is_empty();
            tables.replications.insert(number, Arc::new(task));
            was_empty
        });
        if was_empty == Some(true) {
            schedule(cx, &found.name, &found.bucket, 0);
        }
    }

    async fn replicate(&self, cx: &Cx, found: &BucketHandle) -> Result<(), Fault> {
        let _turn = self.turns.of(&format!("replication/{}", found.name)).await;
        let mut session: Option<RoleSession> = None;
        loop {
            let first = found.tables.read(|tables| tables.replications.first().map(|(number, task)| (*number, task.clone())));
            let Some((number, task)) = first.ok_or_else(gone(&found.name))? else { return Ok(()) };
            let left = match &found.bucket.background.replication {
                Some(configuration) => self.do_task(cx, found, configuration, &task, &mut session).await,
                None => None,
            };
            let retry_in = left.as_ref().map(|left| 1i64 << left.failed_attempts.min(8));
            found.tables.update(|tables| match left {
                Some(left) => tables.replications.insert(number, Arc::new(left)),
                None => drop(tables.replications.remove(&number)),
            });
            if let Some(seconds) = retry_in {
                schedule(cx, &found.name, &found.bucket, seconds);
                return Ok(());
            }
        }
    }

    /// Replicates one version. Answers what is left of the task when a service failed.
    async fn do_task(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        configuration: &api::ReplicationConfiguration,
        task: &ReplicationTask,
        session: &mut Option<RoleSession>,
    ) -> Option<ReplicationTask> {
        let mut left = ReplicationTask { rules: vec![], failed_attempts: task.failed_attempts + 1, ..task.clone() };
        for rule in configuration.rules.iter().filter(|rule| rule.id.as_ref().is_some_and(|id| task.rules.contains(id))) {
            let outcome = self.put_replica(cx, found, configuration, rule, task, session).await;
            match outcome {
                Ok(()) => self.tell_replicated(cx, found, rule, task),
                Err(fault) if fault.status() >= 500 && fault.status() != 501 && left.failed_attempts < ATTEMPTS => left.rules.extend(rule.id.clone()),
                Err(fault) => {
                    tracing::warn!(bucket = &*found.name, key = &*task.key, target = rule.destination.bucket, %fault, "an object is not replicated");
                    left.refused = true;
                    self.tell_failed(cx, found, rule, task, &fault);
                }
            }
        }
        if !left.rules.is_empty() {
            return Some(left);
        }
        if task.kind == TaskKind::Object {
            let status = if left.refused { ReplicationStatus::Failed } else { ReplicationStatus::Completed };
            self.set_replication_status(found, task, status);
        }
        None
    }

    async fn put_replica(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        configuration: &api::ReplicationConfiguration,
        rule: &api::ReplicationRule,
        task: &ReplicationTask,
        session: &mut Option<RoleSession>,
    ) -> Result<(), Fault> {
        let role = Arn::parse(&configuration.role).ok_or_else(|| Fault::internal("a role without an ARN"))?;
        let current = match session.take().filter(|session| session.usable_until > cx.clock().now()) {
            Some(current) => current,
            None => roles::assume_role(cx, &role, "s3-replication", PRINCIPAL, &names::bucket_arn(cx, &found.name)).await?,
        };
        let caller = current.caller.clone();
        *session = Some(current);
        let destination = &rule.destination;
        let input = ReplicaInput {
            bucket: found.name.to_string(),
            key: task.key.to_string(),
            version_id: task.version_id.clone(),
            target: rules::target_bucket(rule)?,
            storage_class: destination.storage_class.clone(),
            kms_key: destination.encryption_configuration.as_ref().and_then(|encryption| encryption.replica_kms_key_id.clone()),
            account: destination.account.clone(),
            overrides_owner: destination.access_control_translation.is_some(),
        };
        let scope = Scope::new(found.bucket.owner, found.bucket.region.clone());
        cx.call_ignoring_output::<PutReplica>(caller, scope, input).await
    }

    fn set_replication_status(&self, found: &BucketHandle, task: &ReplicationTask, status: ReplicationStatus) {
        let Ok(selector) = VersionSelector::of(Some(&task.version_id)) else { return };
        found.tables.update(|tables| {
            // A version that is gone meanwhile has no status.
            let _ = versions::update(tables, &task.key, selector, |object| {
                if object.replication_status() != Some(ReplicationStatus::Replica) {
                    set_status(object, status);
                }
                Ok(())
            });
        });
    }

    fn tell_failed(&self, cx: &Cx, found: &BucketHandle, rule: &api::ReplicationRule, task: &ReplicationTask, fault: &Fault) {
        self.tell(cx, found, rule, task, EventName::ReplicationFailed, Some(failure_reason(fault)));
    }

    /// AWS: only rules with replication time control tell of slow replications.
    fn tell_replicated(&self, cx: &Cx, found: &BucketHandle, rule: &api::ReplicationRule, task: &ReplicationTask) {
        let is_timed = rule.destination.replication_time.as_ref().is_some_and(|time| time.status == "Enabled");
        let created = version_of(found, task).map(|version| version.last_modified());
        if is_timed && created.is_some_and(|created| cx.clock().now() > created.plus_secs(THRESHOLD)) {
            self.tell(cx, found, rule, task, EventName::ReplicatedAfterThreshold, None);
        }
    }

    fn tell(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        rule: &api::ReplicationRule,
        task: &ReplicationTask,
        name: EventName,
        failure: Option<&'static str>,
    ) {
        if found.bucket.background.notifications.is_none() {
            return;
        }
        let version = version_of(found, task);
        let mut event = ObjectEvent::new(name, &task.key, self.next_sequence(cx.now));
        if let Some(Version::Object(object)) = &version {
            event = event.of_object(object);
        }
        let mut data = json!({
            "replicationRuleId": rule.id,
            "destinationBucket": rule.destination.bucket,
            "s3Operation": if task.kind == TaskKind::Object { "OBJECT_PUT" } else { "DELETE_MARKER" },
            "requestTime": version.map_or(cx.now, |version| version.last_modified()).text(TimestampFormat::DateTime),
        });
        if let (Some(reason), Some(data)) = (failure, data.as_object_mut()) {
            data.insert("failureReason".into(), reason.into());
        }
        event.data = Some(("replicationEventData", data));
        self.record_event(cx, found, &event, &Requester::service(cx, PRINCIPAL.to_owned()));
    }
}

/// Whether a rule replicates changes that are made to replicas.
fn syncs(rule: &api::ReplicationRule) -> bool {
    let criteria = rule.source_selection_criteria.as_ref();
    criteria.and_then(|criteria| criteria.replica_modifications.as_ref()).is_some_and(|modifications| modifications.status == "Enabled")
}

/// What it is called that the role may not do this.
const NOT_PERMITTED: [(&str, &str); 12] = [
    ("sts:AssumeRole", "AssumeRoleNotPermitted"),
    ("s3:GetObjectVersionForReplication", "SrcGetObjectNotPermitted"),
    ("s3:GetObjectVersionAcl", "SrcGetAclNotPermitted"),
    ("s3:GetObjectVersionTagging", "SrcGetTaggingNotPermitted"),
    ("s3:GetObjectRetention", "SrcGetRetentionNotPermitted"),
    ("s3:GetObjectLegalHold", "SrcGetLegalHoldNotPermitted"),
    ("kms:Decrypt", "SrcGetObjectNotPermitted"),
    ("s3:ReplicateObject", "DstPutObjectNotPermitted"),
    ("s3:ReplicateDelete", "DstDelObjNotPermitted"),
    ("s3:ReplicateTags", "DstPutTaggingNotPermitted"),
    ("s3:ObjectOwnerOverrideToBucketOwner", "DstPutAclNotPermitted"),
    ("kms:GenerateDataKey", "DstPutObjectNotPermitted"),
];

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-failure-codes.html>
fn failure_reason(fault: &Fault) -> &'static str {
    match fault.code() {
        "NoSuchBucket" => "DstBucketNotFound",
        "DestinationUnversioned" => "DstBucketUnversioned",
        "DestinationUnlocked" => "DstBucketObjectLockConfigMissing",
        "AccessDenied" | "AccessDeniedException" => {
            let denied = |action: &str| fault.message().split([' ', '"']).any(|word| word == action);
            NOT_PERMITTED.iter().find(|(action, _)| denied(action)).map_or("DstPutObjectNotPermitted", |(_, reason)| *reason)
        }
        "KMS.NotFoundException" => "DstKmsKeyNotFound",
        code if code.starts_with("KMS.") => "DstKmsKeyInvalidState",
        _ => "SrcObjectNotEligible",
    }
}

fn version_of(found: &BucketHandle, task: &ReplicationTask) -> Option<Version> {
    let selector = VersionSelector::of(Some(&task.version_id)).ok()?;
    found.tables.read(|tables| versions::entry(tables, &task.key, selector)).flatten().map(|(_, version)| version)
}

fn schedule(cx: &Cx, name: &str, bucket: &Bucket, seconds: i64) {
    let (scope, source) = (Scope::new(bucket.owner, bucket.region.clone()), names::bucket_arn(cx, name));
    let due = cx.clock().now().plus_secs(seconds);
    let input = BucketInput { bucket: name.to_owned() };
    if let Err(fault) = cx.schedule_keyed::<Replicate>(format!("replication/{name}"), due, PRINCIPAL, source, scope, input) {
        tracing::error!(%fault, bucket = name, "the replication of a bucket is not scheduled");
    }
}

impl Handle<Replicate> for S3 {
    /// None for S3 itself; the role decides.
    fn permissions(&self, _: &Cx, _: &BucketInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: BucketInput) -> Result<Empty, Fault> {
        if let Ok(found) = self.find_in_any_region(&input.bucket, None) {
            self.replicate(cx, &found).await?;
        }
        Ok(Empty {})
    }
}

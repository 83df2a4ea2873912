//! The scheduler applies the rules of a bucket at midnight UTC. After the clock was moved, one pass does all that was due meanwhile.

use super::{
    dates::next_midnight,
    plan::{Action, Due, Plan},
};
use crate::{
    S3,
    access::{BucketHandle, gone},
    logging::Record,
    names,
    notifications::{EventName, ObjectEvent, Requester},
    object_lock::{self, Bypass},
    scheduled::{ApplyLifecycle, BucketInput},
    state::{Bucket, BucketTables, DeleteMarker, Object, UploadKey, Version, VersionKey},
    storage::StorageClass,
    versions::{self, Deletion, VersionSelector},
};
use cloudlet_aws::{Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;
use cloudlet_store::Blob;
use serde_json::json;
use std::{ops::Bound, sync::Arc};

const PRINCIPAL: &str = "s3.amazonaws.com";
/// Keys that are looked at under one lock.
const BATCH: usize = 500;

/// What was done, for events and logs.
enum Done {
    Deleted(Version),
    Marked(Arc<DeleteMarker>),
    Moved(Arc<Object>),
}

#[derive(Default)]
struct Outcome {
    done: Vec<(Arc<str>, Done)>,
    unused: Vec<Blob>,
}

impl S3 {
    /// Has the rules applied at the next midnight.
    pub fn schedule_lifecycle(&self, cx: &Cx, name: &str, bucket: &Bucket) {
        let (scope, source) = (Scope::new(bucket.owner, bucket.region.clone()), names::bucket_arn(cx, name));
        let input = BucketInput { bucket: name.to_owned() };
        let due = next_midnight(cx.clock().now());
        if let Err(fault) = cx.schedule_keyed::<ApplyLifecycle>(schedule_key(name), due, PRINCIPAL, source, scope, input) {
            tracing::error!(%fault, bucket = name, "the lifecycle rules of a bucket are not scheduled");
        }
    }

    pub fn cancel_lifecycle(&self, cx: &Cx, name: &str) {
        cx.cancel::<ApplyLifecycle>(schedule_key(name));
    }

    async fn apply_lifecycle(&self, cx: &Cx, found: &BucketHandle) -> Result<(), Fault> {
        let _turn = self.turns.of(&format!("lifecycle/{}", found.name)).await;
        let Some(lifecycle) = &found.bucket.background.lifecycle else { return Ok(()) };
        let plan = Plan { lifecycle, versioning: found.bucket.versioning, now: cx.now };
        let mut after: Option<Arc<str>> = None;
        loop {
            let (keys, last) = found.tables.read(|tables| keys_after(tables, after.as_deref())).ok_or_else(gone(&found.name))?;
            if !keys.is_empty() {
                let outcome = found.tables.update(|tables| {
                    let mut outcome = Outcome::default();
                    keys.iter().for_each(|key| self.apply_to(cx, tables, &plan, key, &mut outcome));
                    outcome
                });
                let outcome = outcome.ok_or_else(gone(&found.name))?;
                self.discard(outcome.unused);
                self.tell_done(cx, found, outcome.done);
            }
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
            tokio::task::yield_now().await;
        }
        self.abort_uploads(found, &plan)
    }

    /// Does all that is due for one key.
    fn apply_to(&self, cx: &Cx, tables: &mut BucketTables, plan: &Plan<'_>, key: &Arc<str>, outcome: &mut Outcome) {
        // A marker that is made now may itself be due, and its predecessor be noncurrent.
        for _ in 0..4 {
            let versions = versions_of(tables, key);
            let count = outcome.done.len();
            let mut gone = 0;
            for (index, pair) in versions.windows(2).enumerate().rev() {
                let [(_, newer), (row_key, _)] = pair else { continue };
                let since = newer.last_modified();
                let next = |tables: &BucketTables| plan.noncurrent(key, tables.objects.get(row_key)?, since, index);
                gone += usize::from(self.follow(cx, tables, key, row_key, next, outcome));
            }
            if let Some((row_key, _)) = versions.first() {
                let alone = versions.len() - gone == 1;
                let next = |tables: &BucketTables| plan.current(key, tables.objects.get(row_key)?, alone);
                self.follow(cx, tables, key, row_key, next, outcome);
            }
            if outcome.done.len() == count {
                return;
            }
        }
    }

    /// Does to one version what is due, one thing after the other. True if it is gone.
    fn follow(
        &self,
        cx: &Cx,
        tables: &mut BucketTables,
        key: &Arc<str>,
        row_key: &VersionKey,
        next: impl Fn(&BucketTables) -> Option<Due>,
        outcome: &mut Outcome,
    ) -> bool {
        while let Some(due) = next(tables) {
            match due.action {
                Action::Move(class) => {
                    let Some(Version::Object(object)) = tables.objects.get(row_key) else { return false };
                    let object = Arc::new(Object { storage_class: class.0, ..Object::clone(object) });
                    tables.objects.insert(row_key.clone(), Version::Object(object.clone()));
                    outcome.done.push((key.clone(), Done::Moved(object)));
                }
                Action::Delete => {
                    let Some(version) = tables.objects.get(row_key).cloned() else { return false };
                    // AWS: locked versions stay until their lock ends.
                    if object_lock::check_delete(&version, cx.now, Bypass::Nothing).is_err() {
                        return false;
                    }
                    if object_lock::check_delete(&version, cx.now, Bypass::Nothing).is_err() {
                        return false;
                    }
                    let selector = version.id().map_or(VersionSelector::Null, VersionSelector::Id);
                    let deletion = versions::delete(self, cx, tables, key, selector);
                    outcome.unused.extend(deletion.unused().cloned());
                    outcome.done.push((key.clone(), Done::Deleted(version)));
                    return true;
                }
                Action::Mark => {
                    let deletion = versions::delete(self, cx, tables, key, VersionSelector::Current);
                    outcome.unused.extend(deletion.unused().cloned());
                    if let Deletion::MarkerMade { marker, .. } = deletion {
                        let marker = made_at(tables, key, &marker, due.at);
                        outcome.done.push((key.clone(), Done::Marked(marker)));
                    }
                    return false;
                }
            }
        }
        false
    }

    fn tell_done(&self, cx: &Cx, found: &BucketHandle, done: Vec<(Arc<str>, Done)>) {
        if found.bucket.background.logging.is_some() && !done.is_empty() {
            self.add_log_lines(cx, found, done.iter().map(|(key, done)| log_line(cx, found, key, done)).collect());
        }
        if found.bucket.background.notifications.is_none() {
            return;
        }
        for (key, done) in done {
            let requester = Requester::service(cx, PRINCIPAL.to_owned());
            let mut event = ObjectEvent::new(EventName::ExpirationDelete, &key, self.next_sequence(cx.now));
            match done {
                Done::Deleted(version) => event.version_id = version.id().map(|id| id.to_string()),
                Done::Marked(marker) => {
                    event.name = EventName::ExpirationMarker;
                    event.version_id = marker.version_id.map(|id| id.to_string());
                }
                Done::Moved(object) => {
                    event.name = EventName::Transition;
                    event = event.of_object(&object);
                    let class = object.storage_class.name();
                    event.data = Some(("lifecycleEventData", json!({ "transitionEventData": { "destinationStorageClass": class } })));
                    event.detail = vec![("destination-storage-class", json!(class))];
                }
            }
            self.record_event(cx, found, &event, &requester);
        }
    }

    fn abort_uploads(&self, found: &BucketHandle, plan: &Plan<'_>) -> Result<(), Fault> {
        let aborted = found.tables.update(|tables| {
            let due = tables.multipart_uploads.iter().filter(|(row, upload)| plan.aborts(&row.key, upload.initiated));
            let due: Vec<UploadKey> = due.map(|(row, _)| row.clone()).collect();
            let mut unused = vec![];
            for row in due {
                tables.multipart_uploads.remove(&row);
                unused.extend(crate::multipart::remove_parts(tables, &row.upload_id));
            }
            unused
        });
        self.discard(aborted.ok_or_else(gone(&found.name))?);
        Ok(())
    }
}

/// The line of an access log for what was done.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-and-other-bucket-config.html#lifecycle-general-considerations-logging>
fn log_line(cx: &Cx, found: &BucketHandle, key: &str, done: &Done) -> String {
    let (operation, version_id, size) = match done {
        Done::Deleted(version) => ("S3.EXPIRE.OBJECT", version.id(), version.object().map(|object| object.size())),
        Done::Marked(marker) => ("S3.CREATE.DELETEMARKER", marker.version_id, None),
        Done::Moved(object) => {
            let operation = match object.storage_class {
                StorageClass::StandardIa => "S3.TRANSITION_SIA.OBJECT",
                StorageClass::OnezoneIa => "S3.TRANSITION_ZIA.OBJECT",
                StorageClass::IntelligentTiering => "S3.TRANSITION_INT.OBJECT",
                StorageClass::GlacierIr => "S3.TRANSITION_GIR.OBJECT",
                StorageClass::DeepArchive => "S3.TRANSITION_GDA.OBJECT",
                _ => "S3.TRANSITION.OBJECT",
            };
            (operation, object.version_id, Some(object.size()))
        }
    };
    let request_id = cx.ids().base32(16);
    let record = Record {
        time: cx.now,
        requester: Some("AmazonS3".to_owned()),
        request_id: &request_id,
        operation: operation.to_owned(),
        key: Some(key.to_owned()),
        object_size: size,
        version_id: version_id.map(|id| id.to_string()),
        ..Record::default()
    };
    record.line(&found.name, &found.bucket)
}

fn schedule_key(name: &str) -> String {
    format!("lifecycle/{name}")
}

/// The marker is as old as its rule says, however late the rule was applied.
fn made_at(tables: &mut BucketTables, key: &str, marker: &Arc<DeleteMarker>, at: Timestamp) -> Arc<DeleteMarker> {
    let Some((row_key, _)) = versions::entry(tables, key, VersionSelector::Current) else { return marker.clone() };
    let marker = Arc::new(DeleteMarker { last_modified: at.whole_secs(), ..DeleteMarker::clone(marker) });
    tables.objects.insert(row_key, Version::DeleteMarker(marker.clone()));
    marker
}

/// The next keys, and the last of them unless there are no more.
fn keys_after(tables: &BucketTables, after: Option<&str>) -> (Vec<Arc<str>>, Option<Arc<str>>) {
    let mut keys: Vec<Arc<str>> = vec![];
    let mut start = after.map_or(Bound::Unbounded, |key| Bound::Excluded(VersionKey::of(key)));
    while keys.len() < BATCH {
        let Some((row, _)) = tables.objects.range((start, Bound::Unbounded)).next() else { return (keys, None) };
        keys.push(row.key.clone());
        // Past all versions of the key.
        start = Bound::Excluded(VersionKey::of(&row.key));
    }
    let last = keys.last().cloned();
    (keys, last)
}

/// The versions of a key, the newest first.
fn versions_of(tables: &BucketTables, key: &str) -> Vec<(VersionKey, Version)> {
    let rows = tables.objects.range((Bound::Included(VersionKey::before(key)), Bound::Included(VersionKey::of(key))));
    rows.map(|(row_key, version)| (row_key.clone(), version.clone())).collect()
}

impl Handle<ApplyLifecycle> for S3 {
    /// None: S3 itself.
    fn permissions(&self, _: &Cx, _: &BucketInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: BucketInput) -> Result<Empty, Fault> {
        if let Ok(found) = self.find_in_any_region(&input.bucket, None)
            && found.bucket.background.lifecycle.is_some()
        {
            self.apply_lifecycle(cx, &found).await?;
            self.schedule_lifecycle(cx, &found.name, &found.bucket);
        }
        Ok(Empty {})
    }
}

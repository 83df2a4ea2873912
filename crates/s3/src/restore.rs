//! RestoreObject: a copy of an archived object that can be read for some days. The object itself stays archived.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>

use crate::{
    S3,
    access::BucketHandle,
    api,
    changes::{Change, Update},
    faults,
    lifecycle::after_days,
    names,
    object_lock::with_version,
    scheduled::{FollowRestore, RestoreInput},
    state::{Bucket, Object, Restore, RestoreTier},
    storage::StorageClass,
    versions::{self, Found, VersionSelector},
};
use cloudlet_aws::{Fault, FaultKind, Scope, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;

const PRINCIPAL: &str = "s3.amazonaws.com";

impl RestoreTier {
    fn named(name: &str) -> Option<RestoreTier> {
        match name {
            "Bulk" => Some(RestoreTier::Bulk),
            "Standard" => Some(RestoreTier::Standard),
            "Expedited" => Some(RestoreTier::Expedited),
            _ => None,
        }
    }

    /// The longest time that AWS says a restore takes, in seconds. None: the class has no such tier.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>
    fn duration(self, class: StorageClass) -> Option<i64> {
        match (self, class) {
            (RestoreTier::Expedited, StorageClass::DeepArchive) => None,
            (RestoreTier::Expedited, _) => Some(5 * 60),
            (RestoreTier::Standard, StorageClass::DeepArchive) => Some(12 * 3_600),
            (RestoreTier::Standard, _) => Some(5 * 3_600),
            (RestoreTier::Bulk, StorageClass::DeepArchive) => Some(48 * 3_600),
            (RestoreTier::Bulk, _) => Some(12 * 3_600),
        }
    }
}

/// What a restore has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreState {
    Ongoing,
    Readable { until: Timestamp },
    Expired,
}

impl Restore {
    fn new(tier: RestoreTier, days: i32, completes: Timestamp) -> Restore {
        Restore { tier, days, completes, expires: after_days(completes, days) }
    }

    pub fn state(&self, now: Timestamp) -> RestoreState {
        if now < self.completes {
            RestoreState::Ongoing
        } else if now < self.expires {
            RestoreState::Readable { until: self.expires }
        } else {
            RestoreState::Expired
        }
    }
}

impl Object {
    pub fn restore_state(&self, now: Timestamp) -> Option<RestoreState> {
        self.properties.as_ref()?.restore.as_ref().map(|restore| restore.state(now)).filter(|state| *state != RestoreState::Expired)
    }

    /// Whether it is archived, and no copy of it can be read.
    pub fn is_archived(&self, now: Timestamp) -> bool {
        self.storage_class.is_archive() && !matches!(self.restore_state(now), Some(RestoreState::Readable { .. }))
    }

    fn set_restore(&mut self, restore: Option<Restore>) {
        let mut properties = self.properties.take().map_or_else(Default::default, |properties| *properties);
        properties.restore = restore;
        self.properties = properties.boxed();
    }

    /// `x-amz-restore`.
    pub fn restore_header(&self, now: Timestamp) -> Option<String> {
        self.restore_state(now).map(|state| match state {
            RestoreState::Readable { until } => format!("ongoing-request=\"false\", expiry-date=\"{}\"", until.text(TimestampFormat::HttpDate)),
            RestoreState::Ongoing | RestoreState::Expired => "ongoing-request=\"true\"".to_owned(),
        })
    }

    /// `RestoreStatus` of a list.
    pub fn restore_status(&self, now: Timestamp) -> Option<api::RestoreStatus> {
        self.restore_state(now).map(|state| match state {
            RestoreState::Readable { until } => api::RestoreStatus { is_restore_in_progress: Some(false), restore_expiry_date: Some(until) },
            RestoreState::Ongoing | RestoreState::Expired => api::RestoreStatus { is_restore_in_progress: Some(true), restore_expiry_date: None },
        })
    }
}

/// What RestoreObject does to an object.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// A new restore, or a faster one in the place of one that is ongoing.
    Start(Restore),
    /// The copy can be read longer, or shorter: from now on for so many days.
    Extend(Restore),
}

impl Step {
    fn of(object: &Object, tier: Option<RestoreTier>, days: i32, now: Timestamp) -> Result<Step, Fault> {
        if !object.storage_class.is_archive() {
            return Err(FaultKind::sender("InvalidObjectState", 403)
                .says("Restore is not allowed for the object's current storage class")
                .with("StorageClass", object.storage_class.name()));
        }
        let chosen = tier.unwrap_or(RestoreTier::Standard);
        let old = object.properties.as_ref().and_then(|properties| properties.restore.as_ref());
        if let (Some(old), Some(RestoreState::Readable { .. })) = (old, object.restore_state(now)) {
            return Ok(Step::Extend(Restore { days, expires: after_days(now, days), ..old.clone() }));
        }
        if let (Some(old), Some(RestoreState::Ongoing)) = (old, object.restore_state(now))
            && (tier.is_none() || chosen <= old.tier)
        {
            return Err(FaultKind::sender("RestoreAlreadyInProgress", 409).says("Object restore is already in progress"));
        }
        // AWS: the fault is unverified.
        let duration = chosen.duration(object.storage_class).ok_or_else(|| {
            faults::invalid_argument("Expedited retrieval is not available for the storage class DEEP_ARCHIVE.", "Tier", "Expedited")
        })?;
        Ok(Step::Start(Restore::new(chosen, days, now.plus_secs(duration))))
    }
}

/// Days and tier of a request.
fn parse(request: Option<&api::RestoreRequest>) -> Result<(i32, Option<RestoreTier>), Fault> {
    let request = request.ok_or_else(faults::malformed_xml)?;
    if request.r#type.is_some() || request.select_parameters.is_some() || request.output_location.is_some() {
        return Err(faults::not_implemented("Type"));
    }
    let days = request.days.filter(|days| *days >= 1).ok_or_else(faults::malformed_xml)?;
    let tier = request.glacier_job_parameters.as_ref().map(|parameters| &parameters.tier).or(request.tier.as_ref());
    let tier = tier.map(|name| RestoreTier::named(name).ok_or_else(faults::malformed_xml)).transpose()?;
    Ok((days, tier))
}

impl Handle<api::RestoreObject> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::RestoreObjectRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(with_version(found.object_permission(cx, "s3:RestoreObject", &input.key), input.version_id.as_ref()).into())
    }

    /// 202 for a restore that begins, 200 for one that is there and is extended.
    async fn handle(&self, cx: &Cx, input: api::RestoreObjectRequest) -> Result<api::RestoreObjectOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let (days, tier) = parse(input.restore_request.as_ref())?;
        let object = found.object::<api::RestoreObject>(cx, &input.key, selector, "POST")?;
        let update = match Step::of(&object, tier, days, cx.now)? {
            Step::Start(_) => Update::StartRestore,
            Step::Extend(_) => Update::ExtendRestore,
        };
        let mut next = cx.now;
        let object = self.update_object::<api::RestoreObject>(cx, &found, &input.key, selector, "POST", update, |object| {
            let restore = match Step::of(object, tier, days, cx.now)? {
                Step::Start(restore) => {
                    next = restore.completes;
                    restore
                }
                Step::Extend(restore) => {
                    next = restore.expires;
                    restore
                }
            };
            object.set_restore(Some(restore));
            Ok(())
        })?;
        self.follow_restore(cx, &found, &input.key, &object, next);
        if update == Update::StartRestore {
            cx.reply.status(202);
        }
        Ok(api::RestoreObjectOutput::default())
    }
}

impl S3 {
    /// Tells of the next step of a restore when it is due.
    fn follow_restore(&self, cx: &Cx, found: &BucketHandle, key: &str, object: &Object, due: Timestamp) {
        let Bucket { owner, region, .. } = &*found.bucket;
        let (scope, source) = (Scope::new(*owner, region.clone()), names::bucket_arn(cx, &found.name));
        let version_id = versions::id_text(object.version_id);
        let schedule_key = format!("restore/{}/{version_id}/{key}", found.name);
        let input = RestoreInput { bucket: found.name.to_string(), key: key.to_owned(), version_id, due };
        if let Err(fault) = cx.schedule_keyed::<FollowRestore>(schedule_key, due, PRINCIPAL, source, scope, input) {
            tracing::error!(%fault, bucket = &*found.name, "the end of a restore is not scheduled");
        }
    }
}

impl Handle<FollowRestore> for S3 {
    /// None: S3 itself.
    fn permissions(&self, _: &Cx, _: &RestoreInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: RestoreInput) -> Result<Empty, Fault> {
        let (Ok(found), Ok(selector)) = (self.find_in_any_region(&input.bucket, None), VersionSelector::of(Some(&input.version_id))) else {
            return Ok(Empty {});
        };
        let Some(Found::Object(object)) = found.tables.read(|tables| versions::find(tables, &input.key, selector)) else { return Ok(Empty {}) };
        // Another request may have changed the restore meanwhile: its own step follows.
        let Some(restore) = object.properties.as_ref().and_then(|properties| properties.restore.clone()) else { return Ok(Empty {}) };
        if restore.completes == input.due {
            self.changed(cx, &found, &input.key, &Change::RestoreCompleted { object: object.clone(), until: restore.expires });
            self.follow_restore(cx, &found, &input.key, &object, restore.expires);
        } else if restore.expires == input.due {
            let ended = found.tables.write(|tables| {
                versions::update(tables, &input.key, selector, |object| {
                    object.set_restore(None);
                    Ok(())
                })
            });
            if let Some(Ok(object)) = ended {
                self.changed(cx, &found, &input.key, &Change::RestoreExpired { object });
            }
        }
        Ok(Empty {})
    }
}

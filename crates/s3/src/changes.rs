//! What happened to the versions of a bucket. Everything that makes, changes or ends one goes through here, so that what follows from it
//! (events, logs, replication) has one place.

use crate::{
    S3,
    access::{self, BucketHandle},
    object_lock::{self, Bypass},
    state::{BucketTables, DeleteMarker, MfaDelete, Object, Version},
    versions::{self, Created, Deletion, Refused, SecondFactor, VersionSelector},
};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::Operation;
use std::sync::Arc;

/// Which operation made an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedBy {
    Put,
    Copy,
    CompleteMultipartUpload,
}

/// What happened to one version of a key, after it was written.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "not all that can happen is built yet")]
pub enum Change {
    Created {
        by: CreatedBy,
        object: Arc<Object>,
    },
    /// A version, or a delete marker, is gone for good.
    Deleted {
        version: Version,
    },
    MarkerMade {
        marker: Arc<DeleteMarker>,
    },
    /// By replication, which is no chain.
    MarkerReplicated {
        marker: Arc<DeleteMarker>,
    },
    TagsPut {
        object: Arc<Object>,
    },
    TagsDeleted {
        object: Arc<Object>,
    },
    /// Its encryption, retention or legal hold. No event tells of it.
    ProtectionPut {
        object: Arc<Object>,
    },
    AclPut {
        object: Arc<Object>,
    },
    RestoreStarted {
        object: Arc<Object>,
    },
    /// The end of its restored copy. AWS: no event tells of it.
    RestoreExtended,
    /// The restored copy stays until then.
    RestoreCompleted {
        object: Arc<Object>,
        until: Timestamp,
    },
    RestoreExpired {
        object: Arc<Object>,
    },
    AnnotationPut {
        object: Arc<Object>,
    },
    AnnotationDeleted {
        object: Arc<Object>,
    },
}

/// How an object that exists is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    PutTags,
    DeleteTags,
    PutAcl,
    /// Its encryption, retention or legal hold.
    Protection,
    StartRestore,
    ExtendRestore,
}

impl Update {
    fn change(self, object: Arc<Object>) -> Change {
        match self {
            Update::PutTags => Change::TagsPut { object },
            Update::DeleteTags => Change::TagsDeleted { object },
            Update::Protection => Change::ProtectionPut { object },
            Update::ExtendRestore => Change::RestoreExtended,
            Update::StartRestore => Change::RestoreStarted { object },
            Update::PutAcl => Change::AclPut { object },
        }
    }
}

/// One deletion of a request.
pub struct ToDelete<'a> {
    pub key: &'a str,
    pub selector: VersionSelector,
    /// The `If-Match` of the request.
    pub if_match: Option<&'a str>,
    /// What `x-amz-mfa` proved.
    pub second_factor: SecondFactor,
    pub bypass: Bypass,
}

impl S3 {
    /// Writes a new object. `make` checks the conditions of the request in the same transaction.
    pub(crate) fn create_object(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        key: &str,
        by: CreatedBy,
        make: impl FnOnce(&mut BucketTables) -> Result<Object, Fault>,
    ) -> Result<Arc<Object>, Fault> {
        let written = found.tables.write(|tables| -> Result<_, Fault> {
            let mut object = make(tables)?;
            found.mark_for_replication(key, &mut object);
            Ok(versions::create(self, cx, tables, key, object))
        });
        let Created { object, replaced } = written.ok_or_else(access::gone(&found.name))??;
        self.discard(replaced);
        self.changed(cx, found, key, &Change::Created { by, object: object.clone() });
        Ok(object)
    }

    /// Deletes versions, or makes delete markers. Each succeeds or fails alone.
    pub(crate) fn delete_versions(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        each: Vec<Result<ToDelete<'_>, Fault>>,
    ) -> Result<Vec<Result<Deletion, Fault>>, Fault> {
        let keys: Vec<Option<&str>> = each.iter().map(|one| one.as_ref().ok().map(|one| one.key)).collect();
        let written = found.tables.write(|tables| -> Result<Vec<Result<Deletion, Fault>>, Fault> {
            let delete = |one: ToDelete<'_>, tables: &mut BucketTables| {
                check_delete(tables, &one, cx.now)?;
                Ok(versions::delete(self, cx, tables, one.key, one.selector))
            };
            Ok(each.into_iter().map(|one| delete(one?, tables)).collect())
        });
        let outcomes = written.ok_or_else(access::gone(&found.name))??;
        for (key, outcome) in keys.into_iter().zip(&outcomes) {
            let (Some(key), Ok(deletion)) = (key, outcome) else { continue };
            self.discard(deletion.unused().cloned());
            match deletion {
                Deletion::Nothing => {}
                Deletion::Version(version) => self.changed(cx, found, key, &Change::Deleted { version: version.clone() }),
                Deletion::MarkerMade { marker, .. } => self.changed(cx, found, key, &Change::MarkerMade { marker: marker.clone() }),
            }
        }
        Ok(outcomes)
    }

    /// Changes an object that exists. `method` is that of the request, for the fault where it does not.
    #[expect(clippy::too_many_arguments, reason = "what is changed, how, and how a missing object is answered")]
    pub(crate) fn update_object<O: Operation>(
        &self,
        cx: &Cx,
        found: &BucketHandle,
        key: &str,
        selector: VersionSelector,
        method: &str,
        update: Update,
        change: impl FnOnce(&mut Object) -> Result<(), Fault>,
    ) -> Result<Arc<Object>, Fault> {
        let written = found.tables.write(|tables| versions::update(tables, key, selector, change));
        let outcome = written.ok_or_else(access::gone(&found.name))?;
        let object = outcome.map_err(|refused| match refused {
            Refused::Fault(fault) => fault,
            Refused::NotFound(other) => found.missing_object::<O>(cx, other, key, selector, method),
        })?;
        self.changed(cx, found, key, &update.change(object.clone()));
        Ok(object)
    }
}

/// The conditions of a deletion.
fn check_delete(tables: &BucketTables, one: &ToDelete<'_>, now: Timestamp) -> Result<(), Fault> {
    let needs_mfa = tables.bucket.get(&()).is_some_and(|bucket| bucket.mfa_delete == MfaDelete::Enabled);
    if needs_mfa && one.selector != VersionSelector::Current && one.second_factor == SecondFactor::Missing {
        return Err(versions::mfa_required());
    }
    // A delete marker may always be made.
    if one.selector != VersionSelector::Current
        && let Some((_, version)) = versions::entry(tables, one.key, one.selector)
    {
        object_lock::check_delete(&version, now, one.bypass)?;
    }
    match one.if_match {
        Some(expected) => crate::conditions::check_delete(one.key, expected, versions::object(tables, one.key, one.selector).as_deref()),
        None => Ok(()),
    }
}

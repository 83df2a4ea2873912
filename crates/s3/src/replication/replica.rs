//! PutReplica: writes one replica. It is called under the role of the configuration, whose permissions at both ends are asked.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html>

use super::tasks::set_status;
use crate::{
    S3,
    access::{BucketHandle, gone},
    bodies::{PlainReader, blob_id},
    changes::{Change, CreatedBy},
    encryption::{BucketKeyDefault, EncryptionHeaders, RequestedEncryption},
    scheduled::{PutReplica, ReplicaInput},
    state::{DeleteMarker, Method, Object, ObjectPart, ReplicationStatus, Version, Versioning},
    storage::StorageClass,
    versions::{self, VersionSelector},
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;
use cloudlet_store::PendingBlob;
use std::{io, sync::Arc};

impl S3 {
    /// The version that is to be replicated, with the buckets at both ends.
    fn replica_ends(&self, input: &ReplicaInput) -> Result<(BucketHandle, BucketHandle, Option<Version>), Fault> {
        let source = self.find_in_any_region(&input.bucket, None)?;
        let target = self.find_in_any_region(&input.target, None)?;
        let selector = VersionSelector::of(Some(&input.version_id))?;
        let version = source.tables.read(|tables| versions::entry(tables, &input.key, selector)).flatten();
        Ok((source, target, version.map(|(_, version)| version)))
    }

    /// The body of a replica, encrypted as its destination wants it.
    async fn replica_body(
        &self,
        cx: &Cx,
        (source, target): (&BucketHandle, &BucketHandle),
        input: &ReplicaInput,
        object: &Object,
    ) -> Result<(PendingBlob, Object), Fault> {
        let method = object.encryption.as_ref().map(|encryption| &encryption.method);
        let requested = match (method, &input.kms_key) {
            // AWS: what is encrypted with the client's key stays as it is.
            (Some(Method::CustomerKey { .. }), _) => RequestedEncryption::S3,
            (Some(Method::Kms(kms)), key) => {
                EncryptionHeaders { algorithm: Some(kms.kind.name().to_owned()), kms_key_id: key.clone(), ..EncryptionHeaders::default() }
                    .requested(&target.bucket.encryption, BucketKeyDefault::OfBucket)?
            }
            (None, _) => EncryptionHeaders::default().requested(&target.bucket.encryption, BucketKeyDefault::OfBucket)?,
        };
        let sealing = self.seal(cx, target, &input.key, requested).await?;
        let as_it_is = matches!(method, Some(Method::CustomerKey { .. })) || (method.is_none() && sealing.cipher.is_none());
        if as_it_is {
            return match self.blobs.copy(&object.blob, || blob_id(cx)).await {
                Ok(pending) => Ok((pending, object.clone())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone_meanwhile()),
                Err(error) => Err(Fault::internal(error)),
            };
        }
        let reader = self.blobs.read(&object.blob, 0..object.size()).map_err(Fault::internal)?;
        let cipher = self.open(cx, source, &input.key, object, None).await?;
        let stored = self.store_copy(cx, PlainReader::new(reader, cipher, 0), &[], sealing.cipher.as_ref()).await?;
        let mut replica = Object { encryption: sealing.encryption, ..object.clone() };
        // The whole body has one cipher now.
        if let Some(properties) = &mut replica.properties {
            properties.parts = properties.parts.iter().map(|part| ObjectPart { salt: None, ..part.clone() }).collect();
        }
        Ok((stored.pending, replica))
    }
}

fn gone_meanwhile() -> Fault {
    FaultKind::receiver("SourceGone", 409).says("The version was deleted before it was replicated.")
}

impl Handle<PutReplica> for S3 {
    fn permissions(&self, cx: &Cx, input: &ReplicaInput) -> Result<Permissions, Fault> {
        let (source, target, version) = self.replica_ends(input)?;
        let mut permissions = Permissions::new();
        permissions.push(source.bucket_permission(cx, "s3:GetReplicationConfiguration"));
        permissions.push(source.bucket_permission(cx, "s3:ListBucket"));
        match version {
            Some(Version::Object(object)) => {
                let version = || Some(input.version_id.clone());
                for action in ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"] {
                    permissions.push(source.version_permission(cx, [action, action], &input.key, version().as_ref()));
                }
                permissions.push(target.object_permission(cx, "s3:ReplicateObject", &input.key));
                if !object.tags().is_empty() {
                    let action = "s3:GetObjectVersionTagging";
                    permissions.push(source.version_permission(cx, [action, action], &input.key, version().as_ref()));
                    permissions.push(target.object_permission(cx, "s3:ReplicateTags", &input.key));
                }
                // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication>
                let lock = object.lock();
                let is_retained = lock.is_some_and(|lock| lock.retention.is_some()).then_some("s3:GetObjectRetention");
                let is_held = lock.is_some_and(|lock| lock.legal_hold.is_some()).then_some("s3:GetObjectLegalHold");
                for action in [is_retained, is_held].into_iter().flatten() {
                    permissions.push(source.version_permission(cx, [action, action], &input.key, version().as_ref()));
                }
                if input.overrides_owner {
                    permissions.push(target.object_permission(cx, "s3:ObjectOwnerOverrideToBucketOwner", &input.key));
                }
            }
            Some(Version::DeleteMarker(_)) => permissions.push(target.object_permission(cx, "s3:ReplicateDelete", &input.key)),
            None => {}
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: ReplicaInput) -> Result<Empty, Fault> {
        let (source, target, version) = self.replica_ends(&input)?;
        if target.bucket.versioning != Versioning::Enabled {
            return Err(FaultKind::sender("DestinationUnversioned", 400).says("Destination bucket must have versioning enabled."));
        }
        if input.account.as_deref().is_some_and(|account| account != target.bucket.owner.as_str()) {
            return Err(FaultKind::sender("AccessDenied", 403).says("The destination bucket is not owned by the account of the rule."));
        }
        // AWS: locked objects are replicated into locked buckets only.
        if source.bucket.object_lock.is_some() && target.bucket.object_lock.is_none() {
            return Err(FaultKind::sender("DestinationUnlocked", 400).says("Destination bucket must have Object Lock enabled."));
        }
        match version {
            Some(Version::Object(object)) => {
                let (pending, mut replica) = self.replica_body(cx, (&source, &target), &input, &object).await?;
                replica.blob = pending.blob().clone();
                if let Some(class) = input.storage_class.as_deref() {
                    replica.storage_class = StorageClass::of(Some(class))?;
                }
                set_status(&mut replica, ReplicationStatus::Replica);
                // Unless the rule says otherwise, a replica belongs to who owns the original.
                let owner = object.owner().unwrap_or(source.bucket.owner);
                if let Some(properties) = &mut replica.properties {
                    properties.owner = Some(owner).filter(|owner| !input.overrides_owner && *owner != target.bucket.owner);
                    if input.overrides_owner {
                        properties.acl = None;
                    }
                }
                let put = target.tables.update(|tables| versions::put_replica(tables, &input.key, Version::Object(Arc::new(replica.clone()))));
                let replaced = put.ok_or_else(gone(&target.name))?;
                pending.commit();
                let is_new = replaced.is_none();
                self.discard(replaced.and_then(|version| version.object().map(|object| object.blob.clone())));
                if is_new {
                    self.changed(cx, &target, &input.key, &Change::Created { by: CreatedBy::Put, object: Arc::new(replica) });
                }
            }
            Some(Version::DeleteMarker(marker)) => {
                let copy = Version::DeleteMarker(Arc::new(DeleteMarker::clone(&marker)));
                let put = target.tables.update(|tables| versions::put_replica(tables, &input.key, copy));
                if put.ok_or_else(gone(&target.name))?.is_none() {
                    self.changed(cx, &target, &input.key, &Change::MarkerReplicated { marker });
                }
            }
            // Deleted before it was replicated.
            None => {}
        }
        Ok(Empty {})
    }
}

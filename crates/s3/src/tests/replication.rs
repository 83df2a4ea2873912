//! Replicas are made under the role of the configuration. Policies are tested with real clients.

use super::fixture::*;
use crate::{S3, api::*};
use cloudlet_api_sts::{self as sts, AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_cloud::Mode;
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use cloudlet_testing::Builder;
use std::sync::Arc;

const TARGET: &str = "target-bucket";

/// Gives sessions of the role `good` only.
struct Sts;

impl Handle<AssumeRole> for Sts {
    fn permissions(&self, _: &Cx, _: &AssumeRoleRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        assert_eq!((&*cx.caller.arn, cx.caller.account), ("s3.amazonaws.com", Some(cloudlet_aws::Account::default())));
        if !input.role_arn.ends_with("/good") {
            return Err(FaultKind::sender("AccessDenied", 403).says("sts:AssumeRole"));
        }
        let arn = "arn:aws:sts::000000000000:assumed-role/good/s3-replication".to_owned();
        Ok(AssumeRoleResponse {
            assumed_role_user: Some(AssumedRoleUser { arn, assumed_role_id: "AROA:s3-replication".into() }),
            credentials: Some(Credentials { access_key_id: "ASIA".into(), ..Default::default() }),
            ..Default::default()
        })
    }
}

fn builder_with_sts() -> Builder<Arc<S3>> {
    builder().mode(Mode::Off).service(|_| Service::of(&sts::SERVICE, Arc::new(Sts)).handles::<AssumeRole>().build())
}

fn rule(id: &str, prefix: &str) -> ReplicationRule {
    ReplicationRule {
        id: Some(id.into()),
        status: "Enabled".into(),
        priority: Some(1),
        filter: Some(ReplicationRuleFilter { prefix: Some(prefix.into()), ..Default::default() }),
        delete_marker_replication: Some(DeleteMarkerReplication { status: Some("Enabled".into()) }),
        destination: Destination { bucket: format!("arn:aws:s3:::{TARGET}"), storage_class: Some("STANDARD_IA".into()), ..Default::default() },
        ..Default::default()
    }
}

async fn put_rules(cloud: &TestCloud, role: &str, rules: Vec<ReplicationRule>) -> Result<(), Fault> {
    let replication_configuration = ReplicationConfiguration { role: format!("arn:aws:iam::000000000000:role/{role}"), rules };
    let put = PutBucketReplicationRequest { bucket: BUCKET.into(), replication_configuration, ..Default::default() };
    cloud.call::<PutBucketReplication>(put).await.map(drop)
}

async fn versioned(cloud: &TestCloud, bucket: &str) {
    let versioning_configuration = VersioningConfiguration { status: Some("Enabled".into()), ..Default::default() };
    let put = PutBucketVersioningRequest { bucket: bucket.into(), versioning_configuration, ..Default::default() };
    cloud.call::<PutBucketVersioning>(put).await.unwrap();
}

async fn configured(role: &str) -> TestCloud {
    let cloud = TestCloud::of(builder_with_sts().journaled());
    cloud.create(BUCKET).await;
    cloud.create(TARGET).await;
    let text = |outcome: Result<(), Fault>| outcome.unwrap_err().message().to_owned();
    assert!(text(put_rules(&cloud, role, vec![rule("a", "")]).await).starts_with("Versioning must be 'Enabled' on the bucket"));
    versioned(&cloud, BUCKET).await;
    assert_eq!(text(put_rules(&cloud, role, vec![rule("a", "")]).await), "Destination bucket must have versioning enabled.");
    versioned(&cloud, TARGET).await;
    put_rules(&cloud, role, vec![rule("a", "in/")]).await.unwrap();
    cloud
}

async fn head_of(cloud: &TestCloud, bucket: &str, key: &str) -> Result<HeadObjectOutput, Fault> {
    cloud.call::<HeadObject>(HeadObjectRequest { bucket: bucket.into(), ..head(key) }).await
}

#[tokio::test]
async fn replicas_have_the_version_and_the_tags_of_the_original() {
    let cloud = configured("good").await;
    let put = cloud.call::<PutObject>(PutObjectRequest { tagging: Some("t=1".into()), ..put("in/a", "text") }).await.unwrap();
    cloud.put("out/a", "text").await;
    assert_eq!(cloud.head("in/a").await.replication_status.as_deref(), Some("PENDING"));
    cloud.settle().await;
    assert_eq!(cloud.head("in/a").await.replication_status.as_deref(), Some("COMPLETED"));
    let replica = head_of(&cloud, TARGET, "in/a").await.unwrap();
    assert_eq!((replica.version_id, replica.etag, replica.tag_count), (put.version_id, put.etag, Some(1)));
    assert_eq!((replica.replication_status.as_deref(), replica.storage_class.as_deref()), (Some("REPLICA"), Some("STANDARD_IA")));
    assert_eq!(code(head_of(&cloud, TARGET, "out/a").await), "NoSuchKey");
    assert_eq!(cloud.head("out/a").await.replication_status, None);

    let tagging = Tagging { tag_set: vec![Tag { key: "u".into(), value: "2".into() }, Tag { key: "v".into(), value: "3".into() }] };
    let tag = PutObjectTaggingRequest { bucket: BUCKET.into(), key: "in/a".into(), tagging, ..Default::default() };
    cloud.call::<PutObjectTagging>(tag).await.unwrap();
    cloud.delete("in/a").await;
    cloud.settle().await;
    let list = ListObjectVersionsRequest { bucket: TARGET.into(), ..Default::default() };
    let listed = cloud.call::<ListObjectVersions>(list).await.unwrap();
    assert_eq!((listed.versions.unwrap().len(), listed.delete_markers.unwrap().len()), (1, 1));
}

#[tokio::test]
async fn what_waits_is_replicated_after_a_restart_and_no_replica_is_replicated_again() {
    let cloud = configured("good").await;
    cloud.put("in/a", "text").await;
    let restarted = TestCloud::from(cloud.restart());
    restarted.settle().await;
    assert!(head_of(&restarted, TARGET, "in/a").await.is_ok());
    assert_eq!(restarted.head("in/a").await.replication_status.as_deref(), Some("COMPLETED"));
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_fails_the_replication() {
    let cloud = configured("bad").await;
    cloud.put("in/a", "text").await;
    cloud.settle().await;
    assert_eq!(cloud.head("in/a").await.replication_status.as_deref(), Some("FAILED"));
    assert_eq!(code(head_of(&cloud, TARGET, "in/a").await), "NoSuchKey");
}

#[tokio::test]
async fn a_changed_acl_is_that_of_the_replica_too() {
    let cloud = configured("good").await;
    for bucket in [BUCKET, TARGET] {
        let ownership_controls = OwnershipControls { rules: vec![OwnershipControlsRule { object_ownership: "ObjectWriter".into() }] };
        let own = PutBucketOwnershipControlsRequest { bucket: bucket.into(), ownership_controls, ..Default::default() };
        cloud.call::<PutBucketOwnershipControls>(own).await.unwrap();
        cloud.call::<DeletePublicAccessBlock>(DeletePublicAccessBlockRequest { bucket: bucket.into(), ..Default::default() }).await.unwrap();
    }
    let grants = |bucket: &str| GetObjectAclRequest { bucket: bucket.into(), key: "in/a".into(), ..Default::default() };
    let set =
        |bucket: &str, acl: &str| PutObjectAclRequest { bucket: bucket.into(), key: "in/a".into(), acl: Some(acl.into()), ..Default::default() };
    cloud.put("in/a", "text").await;
    cloud.settle().await;
    assert_eq!(cloud.call::<GetObjectAcl>(grants(TARGET)).await.unwrap().grants.unwrap().len(), 1);
    cloud.call::<PutObjectAcl>(set(BUCKET, "public-read")).await.unwrap();
    cloud.settle().await;
    assert_eq!(cloud.call::<GetObjectAcl>(grants(TARGET)).await.unwrap().grants.unwrap().len(), 2);
    // A change of the replica is its own.
    cloud.call::<PutObjectAcl>(set(TARGET, "private")).await.unwrap();
    cloud.settle().await;
    assert_eq!(cloud.call::<GetObjectAcl>(grants(BUCKET)).await.unwrap().grants.unwrap().len(), 2);
}

//! The tables.

use crate::api;
use cloudlet_aws::{Account, Region, Scope, Timestamp};
use cloudlet_engine::{StoredPolicy, StoredShape};
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Default)]
pub struct State {
    pub jobs: Table<Key, Arc<Job>>,
    /// The job that a request token has made.
    pub by_token: Table<(Account, Region, String), String>,
    pub grants_instances: Table<Key, Arc<GrantsInstance>>,
    pub locations: Table<Key, Arc<GrantsLocation>>,
    pub grants: Table<Key, Arc<Grant>>,
    pub lens_configurations: Table<Key, Arc<LensConfiguration>>,
    pub lens_groups: Table<Key, Arc<LensGroup>>,
}
tables!(State { jobs, grants_instances, locations, grants, lens_configurations, lens_groups } indexes(State::reindex) { by_token });

impl State {
    fn reindex(&mut self) {
        for (key, job) in &self.jobs {
            self.by_token.insert((key.account, key.region.clone(), job.request.client_request_token.clone()), key.id.clone());
        }
    }
}

/// What has a name in an account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    pub account: Account,
    pub region: Region,
    pub id: String,
}

impl Key {
    pub fn new(scope: &Scope, id: &str) -> Key {
        Key { account: scope.account, region: scope.region.clone(), id: id.to_owned() }
    }

    /// The rows of an account and region, in the order of their ids.
    pub fn all_of<'t, V>(table: &'t Table<Key, V>, scope: &'t Scope) -> impl Iterator<Item = (&'t Key, &'t V)> {
        table.range(Key::new(scope, "")..).take_while(move |(key, _)| key.account == scope.account && key.region == scope.region)
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-job-status.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    New,
    Preparing,
    Suspended,
    Ready,
    Active,
    Paused,
    Complete,
    Cancelling,
    Cancelled,
    Failed,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Status::New => "New",
            Status::Preparing => "Preparing",
            Status::Suspended => "Suspended",
            Status::Ready => "Ready",
            Status::Active => "Active",
            Status::Paused => "Paused",
            Status::Complete => "Complete",
            Status::Cancelling => "Cancelling",
            Status::Cancelled => "Cancelled",
            Status::Failed => "Failed",
        }
    }

    pub const fn is_terminal(self) -> bool {
        matches!(self, Status::Complete | Status::Cancelled | Status::Failed)
    }

    /// Whether there is work to do for it.
    pub const fn is_runnable(self) -> bool {
        matches!(self, Status::New | Status::Preparing | Status::Ready | Status::Active | Status::Paused | Status::Cancelling)
    }
}

/// A job of S3 Batch Operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub request: StoredShape<api::CreateJobRequest>,
    pub status: Status,
    pub priority: i32,
    pub created: Timestamp,
    pub tags: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_since: Option<Timestamp>,
    #[serde(default)]
    pub active_millis: i64,
    /// Code and text.
    #[serde(default)]
    pub failures: Vec<(String, String)>,
    /// Unknown until the manifest was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    #[serde(default)]
    pub succeeded: i64,
    #[serde(default)]
    pub failed: i64,
    /// How many rows of the manifest are done.
    #[serde(default)]
    pub position: u64,
    #[serde(default)]
    pub results: Vec<ResultFile>,
    /// The list that a generator was told to save.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<GeneratedManifest>,
}

/// A file of the completion report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultFile {
    pub status: String,
    pub key: String,
    pub md5: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedManifest {
    pub object_arn: String,
    pub etag: String,
}

pub type Tags = Vec<(String, String)>;

/// The instance of S3 Access Grants of an account and region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantsInstance {
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<InstancePolicy>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstancePolicy {
    pub policy: StoredPolicy,
    pub organization: Option<String>,
    pub created: Timestamp,
}

impl PartialEq for InstancePolicy {
    fn eq(&self, other: &InstancePolicy) -> bool {
        (&self.policy.text, &self.organization, self.created) == (&other.policy.text, &other.organization, other.created)
    }
}

/// A part of S3, and the role that gives access to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantsLocation {
    pub scope: String,
    pub role: String,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
}

/// What an IAM user or role may do with a part of a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_prefix: Option<String>,
    pub scope: String,
    pub grantee: String,
    pub permission: String,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
}

/// A dashboard of S3 Storage Lens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensConfiguration {
    pub configuration: StoredShape<api::StorageLensConfiguration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
}

/// A filter of objects that Storage Lens counts apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensGroup {
    pub group: StoredShape<api::StorageLensGroup>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
}

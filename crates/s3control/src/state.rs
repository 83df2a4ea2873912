//! The tables.

use crate::api;
use cloudlet_aws::{Account, Region, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Default)]
pub struct State {
    pub jobs: Table<JobKey, Arc<Job>>,
    /// The job that a request token has made.
    pub by_token: Table<(Account, Region, String), String>,
}
tables!(State { jobs } indexes(State::reindex) { by_token });

impl State {
    fn reindex(&mut self) {
        for (key, job) in &self.jobs {
            self.by_token.insert((key.account, key.region.clone(), job.request.client_request_token.clone()), key.id.clone());
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobKey {
    pub account: Account,
    pub region: Region,
    pub id: String,
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

//! The tables.

use crate::api;
use cloudlet_aws::{Account, Region, Timestamp};
use cloudlet_shape::Shape;
use cloudlet_store::{Json, Table, tables};
use cloudlet_wire::{from_json, to_json};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::{fmt, sync::Arc};

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
    pub request: Document<api::CreateJobRequest>,
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

/// A shape of the API in a row, in its neutral JSON.
pub struct Document<T>(Arc<T>);

impl<T> Clone for Document<T> {
    fn clone(&self) -> Self {
        Document(self.0.clone())
    }
}

impl<T> std::ops::Deref for Document<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Shape> Document<T> {
    pub fn new(shape: T) -> Document<T> {
        Document(Arc::new(shape))
    }
}

impl<T: Shape> PartialEq for Document<T> {
    fn eq(&self, other: &Self) -> bool {
        to_json(&*self.0) == to_json(&*other.0)
    }
}

impl<T: Shape> fmt::Debug for Document<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_json(&*self.0))
    }
}

impl<T: Shape> Serialize for Document<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let json: Json = serde_json::from_str(&to_json(&*self.0)).map_err(ser::Error::custom)?;
        json.serialize(to)
    }
}

impl<'de, T: Shape> Deserialize<'de> for Document<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(from)?;
        from_json(json.text()).map(Document::new).map_err(|_| de::Error::custom("not a document of this shape"))
    }
}

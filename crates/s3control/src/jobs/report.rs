//! The completion report of a job.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html>

use super::{manifest::Access, rules::bucket_of, task::TaskResult};
use crate::{
    api,
    state::{Job, ResultFile},
};
use bytes::Bytes;
use cloudlet_api_s3 as s3;
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::Cx;
use cloudlet_shape::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

const SCHEMA: &str = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage";

fn folder(report: &api::JobReport, id: &str) -> String {
    match report.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => format!("{}/job-{id}", prefix.trim_end_matches('/')),
        None => format!("job-{id}"),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The row of one object. AWS: its samples have the HTTP status before the error code, whatever the schema says.
fn row(result: &TaskResult) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');
    let (status, http, code, message) = match &result.outcome {
        Ok(message) => ("succeeded", 200, "", message.as_str()),
        Err(fault) => ("failed", fault.status(), fault.code(), fault.message()),
    };
    let key = utf8_percent_encode(&result.key, ESCAPED).to_string();
    let version = result.version_id.as_deref().unwrap_or_default();
    format!("{},{},{version},{status},{http},{code},{}\n", result.bucket, quoted(&key), quoted(message))
}

async fn put(cx: &Cx, access: &Access, report: &api::JobReport, key: String, text: String) -> Result<(), Fault> {
    let input = s3::PutObjectRequest {
        bucket: bucket_of(report.bucket.as_deref().unwrap_or_default())?,
        key,
        body: Some(Body::whole(Bytes::from(text))),
        expected_bucket_owner: report.expected_bucket_owner.clone(),
        ..Default::default()
    };
    cx.call::<s3::PutObject>(access.caller.clone(), access.scope.clone(), input).await.map(drop)
}

/// Writes the results of some objects: one file for those that succeeded, one for those that failed.
pub async fn write_results(cx: &Cx, access: &Access, job: &Job, id: &str, results: &[TaskResult]) -> Result<Vec<ResultFile>, Fault> {
    let report = &job.request.report;
    if !report.enabled {
        return Ok(vec![]);
    }
    let mut files = vec![];
    for status in ["succeeded", "failed"] {
        if status == "succeeded" && report.report_scope.as_deref() == Some("FailedTasksOnly") {
            continue;
        }
        let text: String = results.iter().filter(|result| result.outcome.is_ok() == (status == "succeeded")).map(row).collect();
        if text.is_empty() {
            continue;
        }
        let md5 = digest(Algorithm::Md5, text.as_bytes()).hex().to_string();
        // The name follows from the job and the place in the manifest: a repeated piece replaces its file.
        let name = digest(Algorithm::Sha1, format!("{id} {} {status}", job.position).as_bytes()).hex().to_string();
        let key = format!("{}/results/{name}.csv", folder(report, id));
        put(cx, access, report, key.clone(), text).await?;
        files.push(ResultFile { status: status.to_owned(), key, md5 });
    }
    Ok(files)
}

/// Writes the manifest of the report, when the job has ended.
pub async fn write_manifest(cx: &Cx, access: &Access, job: &Job, id: &str) -> Result<(), Fault> {
    let report = &job.request.report;
    if !report.enabled {
        return Ok(());
    }
    let bucket = bucket_of(report.bucket.as_deref().unwrap_or_default())?;
    let results: Vec<_> = job
        .results
        .iter()
        .map(|file| json!({ "TaskExecutionStatus": file.status, "Bucket": bucket, "MD5Checksum": file.md5, "Key": file.key }))
        .collect();
    let manifest = json!({
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": cx.clock().now().with_millis(),
        "Results": results,
        "ReportSchema": SCHEMA,
    })
    .to_string();
    let md5 = digest(Algorithm::Md5, manifest.as_bytes()).hex().to_string();
    let folder = folder(report, id);
    put(cx, access, report, format!("{folder}/manifest.json"), manifest).await?;
    put(cx, access, report, format!("{folder}/manifest.json.md5"), md5).await
}

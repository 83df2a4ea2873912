//! Manifests, read row by row: a CSV file in pieces, the files of an inventory report, or the list of a bucket.

use super::{
    csv::{self, Columns, Row},
    inflate::gunzip,
    rules::{bucket_of, object_of},
};
use crate::{api, state::Job};
use cloudlet_api_s3 as s3;
use cloudlet_aws::{Caller, Fault, FaultKind, Scope, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::{Body, BodyContent, BodyError};
use futures_util::StreamExt;
use std::collections::VecDeque;

/// Bytes of a CSV manifest that are read at once.
const PIECE: u64 = 1 << 20;
/// The largest file of an inventory report, unpacked.
const LARGEST: usize = 1 << 28;
const LONGEST_LINE: usize = 64 * 1024;

/// Who reads, and where.
#[derive(Clone)]
pub struct Access {
    pub caller: Caller,
    pub scope: Scope,
}

/// A line of a manifest that is no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine(pub String);

pub type ManifestRow = Result<Row, BadLine>;

pub struct Reader {
    source: Source,
    columns: Columns,
    rows: VecDeque<ManifestRow>,
}

enum Source {
    Csv { object: Object, position: u64, rest: Vec<u8> },
    Inventory { bucket: String, files: VecDeque<String> },
    List(Box<List>),
}

struct Object {
    bucket: String,
    key: String,
    version_id: Option<String>,
    etag: String,
    size: u64,
}

struct List {
    bucket: String,
    filter: api::JobManifestGeneratorFilter,
    key_marker: Option<String>,
    version_marker: Option<String>,
    ended: bool,
}

pub fn unreadable(text: impl Into<String>) -> Fault {
    FaultKind::sender("InvalidManifestContent", 400).says(text)
}

/// The bytes of a body.
pub async fn whole(body: Option<Body>) -> Result<Vec<u8>, Fault> {
    match body.unwrap_or_default().take() {
        BodyContent::Whole(bytes) => Ok(bytes.to_vec()),
        BodyContent::Stream(mut stream) => {
            let mut whole = Vec::new();
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|error| match error {
                    BodyError::Refused(fault) => fault,
                    BodyError::Broken(why) => Fault::internal(why),
                })?;
                whole.extend_from_slice(&piece);
            }
            Ok(whole)
        }
    }
}

/// The `manifest.json` of an inventory report.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>
pub struct InventoryManifest {
    pub columns: Columns,
    /// AWS: the files lie where the report says they do.
    bucket: Option<String>,
    pub files: Vec<String>,
}

impl InventoryManifest {
    pub fn parse(text: &[u8]) -> Result<InventoryManifest, Fault> {
        let damaged = || unreadable("The manifest is not that of an inventory report.");
        let report: serde_json::Value = serde_json::from_slice(text).map_err(|_| damaged())?;
        if report.get("fileFormat").and_then(|format| format.as_str()) != Some("CSV") {
            return Err(unreadable("Only inventory reports in CSV are supported."));
        }
        let member = |name: &str| report.get(name);
        let columns = Columns::of(member("fileSchema").and_then(|schema| schema.as_str()).ok_or_else(damaged)?.split(',')).ok_or_else(damaged)?;
        let files = member("files").and_then(|files| files.as_array()).ok_or_else(damaged)?;
        let files = files.iter().map(|file| file.get("key")?.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(damaged)?;
        let bucket = member("destinationBucket").and_then(|arn| arn.as_str()).and_then(|arn| bucket_of(arn).ok());
        Ok(InventoryManifest { columns, bucket, files })
    }
}

impl Reader {
    /// Opens the manifest of a job. It must still be what the job was told it is.
    pub async fn open(cx: &Cx, access: &Access, job: &Job) -> Result<Reader, Fault> {
        let request = &job.request;
        if let Some(generated) = &job.generated {
            let (bucket, key) = object_of(&generated.object_arn)?;
            let object = Object::find(cx, access, bucket, key, None).await?;
            let columns = Columns { bucket: 0, key: 1, version_id: Some(2), is_delete_marker: None };
            return Ok(Reader { source: Source::Csv { object, position: 0, rest: vec![] }, columns, rows: VecDeque::new() });
        }
        if let Some(generator) = request.manifest_generator.as_ref().and_then(|generator| generator.s3_job_manifest_generator.as_ref()) {
            let list = List {
                bucket: bucket_of(&generator.source_bucket)?,
                filter: generator.filter.clone().unwrap_or_default(),
                key_marker: None,
                version_marker: None,
                ended: false,
            };
            let columns = Columns { bucket: 0, key: 1, version_id: None, is_delete_marker: None };
            return Ok(Reader { source: Source::List(Box::new(list)), columns, rows: VecDeque::new() });
        }
        let manifest = request.manifest.as_ref().ok_or_else(|| unreadable("The job has no manifest."))?;
        let (bucket, key) = object_of(&manifest.location.object_arn)?;
        let version_id = manifest.location.object_version_id.clone();
        let object = Object::find(cx, access, bucket, key, version_id).await?;
        if object.etag.trim_matches('"') != manifest.location.etag.trim_matches('"') {
            return Err(unreadable("The ETag of the manifest does not match: it was changed."));
        }
        if manifest.spec.format == "S3InventoryReport_CSV_20161130" {
            return Reader::inventory(cx, access, object).await;
        }
        let fields = manifest.spec.fields.as_deref().unwrap_or_default();
        let columns = Columns::of(fields.iter().map(String::as_str)).ok_or_else(|| unreadable("The manifest has no column for the key."))?;
        Ok(Reader { source: Source::Csv { object, position: 0, rest: vec![] }, columns, rows: VecDeque::new() })
    }

    async fn inventory(cx: &Cx, access: &Access, object: Object) -> Result<Reader, Fault> {
        let text = object.read(cx, access, 0..object.size.min(16 << 20)).await?;
        let report = InventoryManifest::parse(&text)?;
        let target = report.bucket.unwrap_or(object.bucket);
        Ok(Reader { source: Source::Inventory { bucket: target, files: report.files.into() }, columns: report.columns, rows: VecDeque::new() })
    }

    /// The next row; none after the last.
    pub async fn next(&mut self, cx: &Cx, access: &Access) -> Result<Option<ManifestRow>, Fault> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Ok(Some(row));
            }
            if !self.fill(cx, access).await? {
                return Ok(None);
            }
        }
    }

    /// Passes over rows that are done.
    pub async fn skip(&mut self, cx: &Cx, access: &Access, count: u64) -> Result<(), Fault> {
        for _ in 0..count {
            if self.next(cx, access).await?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn add_line(&mut self, line: &[u8]) {
        let Ok(text) = std::str::from_utf8(line) else {
            self.rows.push_back(Err(BadLine(String::from_utf8_lossy(line).into_owned())));
            return;
        };
        let text = text.trim_end_matches('\r');
        if text.is_empty() || csv::is_delete_marker(text, self.columns) {
            return;
        }
        self.rows.push_back(csv::row(text, self.columns).ok_or_else(|| BadLine(text.chars().take(1024).collect())));
    }

    /// Reads more rows. False after the last.
    async fn fill(&mut self, cx: &Cx, access: &Access) -> Result<bool, Fault> {
        match &mut self.source {
            Source::Csv { object, position, rest } => {
                let end = object.size.min(position.saturating_add(PIECE));
                let is_last = end >= object.size;
                if *position >= object.size && rest.is_empty() {
                    return Ok(false);
                }
                let mut text = std::mem::take(rest);
                if *position < end {
                    text.extend(object.read(cx, access, *position..end).await?);
                    *position = end;
                }
                let whole = if is_last { text.len() } else { text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
                *rest = text.split_off(whole);
                if rest.len() > LONGEST_LINE {
                    return Err(unreadable("The manifest has a line that is too long."));
                }
                text.split(|byte| *byte == b'\n').for_each(|line| self.add_line(line));
                Ok(true)
            }
            Source::Inventory { bucket, files } => {
                let Some(key) = files.pop_front() else { return Ok(false) };
                let input = s3::GetObjectRequest { bucket: bucket.clone(), key, ..Default::default() };
                let output = cx.call::<s3::GetObject>(access.caller.clone(), access.scope.clone(), input).await?;
                if output.content_length.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > LARGEST)) {
                    return Err(unreadable("A file of the inventory report is too large."));
                }
                let file = whole(output.body).await?;
                let text = gunzip(&file, LARGEST).map_err(|why| unreadable(format!("A file of the inventory report cannot be read: {why:?}.")))?;
                text.split(|byte| *byte == b'\n').for_each(|line| self.add_line(line));
                Ok(true)
            }
            Source::List(list) if list.ended => Ok(false),
            Source::List(list) => {
                let rows = list.page(cx, access).await?;
                self.rows.extend(rows.into_iter().map(Ok));
                Ok(true)
            }
        }
    }
}

impl Object {
    async fn find(cx: &Cx, access: &Access, bucket: String, key: String, version_id: Option<String>) -> Result<Object, Fault> {
        let head = s3::HeadObjectRequest { bucket: bucket.clone(), key: key.clone(), version_id: version_id.clone(), ..Default::default() };
        let head = cx.call::<s3::HeadObject>(access.caller.clone(), access.scope.clone(), head).await?;
        let size = head.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        Ok(Object { bucket, key, version_id, etag: head.etag.unwrap_or_default(), size })
    }

    async fn read(&self, cx: &Cx, access: &Access, range: std::ops::Range<u64>) -> Result<Vec<u8>, Fault> {
        if range.is_empty() {
            return Ok(vec![]);
        }
        let input = s3::GetObjectRequest {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            version_id: self.version_id.clone(),
            if_match: Some(self.etag.clone()),
            range: Some(format!("bytes={}-{}", range.start, range.end.saturating_sub(1))),
            ..Default::default()
        };
        whole(cx.call::<s3::GetObject>(access.caller.clone(), access.scope.clone(), input).await?.body).await
    }
}

impl List {
    /// The next objects that the filter lets through.
    async fn page(&mut self, cx: &Cx, access: &Access) -> Result<Vec<Row>, Fault> {
        let input = s3::ListObjectVersionsRequest {
            bucket: self.bucket.clone(),
            key_marker: self.key_marker.take(),
            version_id_marker: self.version_marker.take(),
            ..Default::default()
        };
        let page = cx.call::<s3::ListObjectVersions>(access.caller.clone(), access.scope.clone(), input).await?;
        self.ended = page.is_truncated != Some(true);
        self.key_marker = page.next_key_marker;
        self.version_marker = page.next_version_id_marker;
        let mut rows = vec![];
        for version in page.versions.into_iter().flatten().filter(|version| matches_version(&self.filter, version)) {
            let Some(key) = version.key else { continue };
            let version_id = version.version_id.filter(|version| version != "null");
            let row = Row { bucket: self.bucket.clone(), key, version_id };
            if self.filter.object_replication_statuses.is_none() && self.filter.match_any_object_encryption.is_none()
                || matches_head(cx, access, &self.filter, &row).await?
            {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// What a list tells of a version.
fn matches_version(filter: &api::JobManifestGeneratorFilter, version: &s3::ObjectVersion) -> bool {
    let key = version.key.as_deref().unwrap_or_default();
    let created = version.last_modified.unwrap_or(Timestamp(0));
    let size = version.size.unwrap_or(0);
    let class = version.storage_class.as_deref().unwrap_or("STANDARD");
    let any = |list: &Option<Vec<String>>, matches: &dyn Fn(&str) -> bool| list.as_ref().is_none_or(|list| list.iter().any(|one| matches(one)));
    let names = filter.key_name_constraint.as_ref().is_none_or(|names| {
        any(&names.match_any_prefix, &|prefix| key.starts_with(prefix))
            && any(&names.match_any_suffix, &|suffix| key.ends_with(suffix))
            && any(&names.match_any_substring, &|text| key.contains(text))
    });
    // AWS: replication is for all versions, everything else for the current ones.
    let wanted = filter.eligible_for_replication == Some(true) || version.is_latest == Some(true);
    wanted
        && names
        && filter.created_after.is_none_or(|after| created >= after)
        && filter.created_before.is_none_or(|before| created < before)
        && filter.object_size_greater_than_bytes.is_none_or(|than| size > than)
        && filter.object_size_less_than_bytes.is_none_or(|than| size < than)
        && any(&filter.match_any_storage_class, &|one| one == class || (one == "STANDARD" && class.is_empty()))
}

/// What only the object itself tells.
async fn matches_head(cx: &Cx, access: &Access, filter: &api::JobManifestGeneratorFilter, row: &Row) -> Result<bool, Fault> {
    let input = s3::HeadObjectRequest { bucket: row.bucket.clone(), key: row.key.clone(), version_id: row.version_id.clone(), ..Default::default() };
    let head = match cx.call::<s3::HeadObject>(access.caller.clone(), access.scope.clone(), input).await {
        Ok(head) => head,
        Err(fault) if fault.status() < 500 => return Ok(false),
        Err(fault) => return Err(fault),
    };
    let status = head.replication_status.as_deref().unwrap_or("NONE");
    let by_status = filter.object_replication_statuses.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == status));
    let encryption = head.server_side_encryption.as_deref();
    let by_encryption = filter.match_any_object_encryption.as_ref().is_none_or(|wanted| {
        wanted.iter().any(|wanted| {
            wanted.sses3.is_some() && encryption == Some("AES256")
                || wanted.dsse_kms.is_some() && encryption == Some("aws:kms:dsse")
                || wanted.ssec.is_some() && encryption.is_none()
                || wanted.sse_kms.as_ref().is_some_and(|kms| {
                    encryption == Some("aws:kms")
                        && kms.kms_key_arn.as_ref().is_none_or(|arn| head.sse_kms_key_id.as_ref() == Some(arn))
                        && kms.bucket_key_enabled.is_none_or(|enabled| head.bucket_key_enabled.unwrap_or(false) == enabled)
                })
        })
    });
    Ok(by_status && by_encryption)
}

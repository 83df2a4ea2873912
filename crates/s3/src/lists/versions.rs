//! ListObjectVersions: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>

use super::{RestoreStatuses, common_prefixes, non_empty, permission};
use crate::{
    S3, access, api, faults,
    limits::{MAX_KEYS, page_size},
    lists::page::{self, EncodingType, ListQuery, Page, Position},
    owners,
    state::{BucketTables, Version, VersionKey},
    versions::{VersionSelector, id_text, row_of},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Mixed;
use std::ops::Bound;

/// A version, and whether it is the newest of its key.
struct Row {
    row_key: VersionKey,
    version: Version,
    is_latest: bool,
}

/// All versions from a position on.
fn versions<'c>(
    tables: &'c BucketTables,
    query: &ListQuery<'_>,
    after: Option<&VersionKey>,
    position: &Position,
) -> impl Iterator<Item = (&'c VersionKey, &'c Version)> + use<'c> {
    let start = match (position, query.start(), after) {
        (Position::At(key), ..) => Bound::Included(VersionKey::before(key)),
        (Position::Start, Bound::Excluded(_), Some(after)) => Bound::Excluded(after.clone()),
        (Position::Start, Bound::Excluded(key), None) => Bound::Excluded(VersionKey::of(key)),
        (Position::Start, Bound::Included(key), _) => Bound::Included(VersionKey::before(key)),
        (Position::Start, Bound::Unbounded, _) => Bound::Unbounded,
    };
    tables.objects.range((start, Bound::Unbounded))
}

fn list(tables: &BucketTables, query: &ListQuery<'_>, marker: Option<VersionSelector>) -> Page<Row> {
    let after = marker.map(|selector| row_of(tables, query.after, selector));
    let page = page::list_page(query, |position| versions(tables, query, after.as_ref(), position), |(row_key, _)| &row_key.key);
    let mut before: Option<&str> = None;
    let mut rows = Vec::with_capacity(page.rows.len());
    for (row_key, version) in page.rows {
        let is_latest = match before {
            Some(key) => key != row_key.key.as_ref(),
            // The first version of the page may not be the first one of its key.
            None => {
                let from = (Bound::Included(VersionKey::before(&row_key.key)), Bound::Excluded(row_key.clone()));
                tables.objects.range(from).next().is_none()
            }
        };
        before = Some(&row_key.key);
        rows.push(Row { row_key: row_key.clone(), version: version.clone(), is_latest });
    }
    Page { rows, prefixes: page.prefixes, truncated: page.truncated, last: page.last }
}

impl Handle<api::ListObjectVersions> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListObjectVersionsRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let action = "s3:ListBucketVersions";
        Ok(permission(cx, &found, action, input.prefix.as_ref(), input.delimiter.as_ref(), input.max_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListObjectVersionsRequest) -> Result<api::ListObjectVersionsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let invalid = |marker: &str| faults::invalid_argument("Invalid version id specified", "version-id-marker", marker);
        let marker = match input.version_id_marker.as_deref() {
            None => None,
            Some(marker) => Some(VersionSelector::of(Some(marker)).map_err(|_| invalid(marker))?),
        };
        let encoding = EncodingType::of(input.encoding_type.as_deref())?;
        if input.max_keys.is_some_and(i32::is_negative) {
            return Err(faults::INVALID_ARGUMENT.says("max-keys cannot be negative").with("ArgumentName", "max-keys"));
        }
        let mut limit = page_size("max-keys", input.max_keys, MAX_KEYS)?;
        // AWS: no version of an empty key marker precedes a page, and the page is empty (measured, <https://github.com/brekkylab/backlot>).
        if marker.is_some() && input.key_marker.as_deref().is_none_or(str::is_empty) {
            limit = 0;
        }
        let restored = RestoreStatuses::requested(cx, input.optional_object_attributes.as_deref())?;
        let query = ListQuery {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: non_empty(input.delimiter.as_ref()),
            after: input.key_marker.as_deref().unwrap_or_default(),
            limit,
        };
        let page = found.tables.read(|tables| list(tables, &query, marker)).ok_or_else(access::gone(&input.bucket))?;
        let owner = owners::owner(found.bucket.owner);
        let last = page.last.as_deref().filter(|_| page.truncated);
        let last_version = page.rows.last().filter(|row| last == Some(row.row_key.key.as_ref())).map(|row| id_text(row.version.id()));
        let (mut versions, mut markers) = (Mixed::default(), Mixed::default());
        for (place, Row { row_key, version, is_latest }) in (0..).zip(page.rows) {
            let (key, version_id) = (Some(encoding.encode(&row_key.key)), Some(id_text(version.id())));
            let (is_latest, last_modified, owner) = (Some(is_latest), Some(version.last_modified()), Some(owner.clone()));
            let Some(object) = version.object() else {
                markers.push(place, api::DeleteMarkerEntry { owner, key, version_id, is_latest, last_modified });
                continue;
            };
            let checksum = object.checksum.as_deref();
            versions.push(
                place,
                api::ObjectVersion {
                    etag: Some(object.etag.quoted()),
                    checksum_algorithm: checksum.map(|checksum| vec![checksum.algorithm().name().to_owned()]),
                    checksum_type: checksum.map(|checksum| checksum.checksum_type.name().to_owned()),
                    size: i64::try_from(object.size()).ok(),
                    storage_class: Some(object.storage_class.name().to_owned()),
                    key,
                    version_id,
                    is_latest,
                    last_modified,
                    owner,
                    restore_status: restored.of(object),
                },
            );
        }
        Ok(api::ListObjectVersionsOutput {
            is_truncated: Some(page.truncated),
            key_marker: Some(encoding.encode(query.after)),
            version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
            next_key_marker: last.map(|last| encoding.encode(last)),
            next_version_id_marker: last_version,
            name: Some(input.bucket.clone()),
            prefix: Some(encoding.encode(query.prefix)),
            delimiter: input.delimiter.as_deref().map(|delimiter| encoding.encode(delimiter)),
            max_keys: Some(input.max_keys.unwrap_or(MAX_KEYS)),
            encoding_type: input.encoding_type,
            request_charged: None,
            common_prefixes: common_prefixes(&page.prefixes, encoding),
            delete_markers: markers.non_empty(),
            versions: versions.non_empty(),
        })
    }
}

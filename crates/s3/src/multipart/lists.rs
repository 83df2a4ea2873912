//! ListParts and ListMultipartUploads.

use super::{create::is_upload_id, find_upload, parts_of};
use crate::{
    S3, access, api,
    checksums::HasChecksums,
    encryption::customer_key,
    faults,
    limits::{MAX_KEYS, page_size},
    lists::{
        common_prefixes, non_empty, non_empty_list,
        page::{EncodingType, ListQuery, Position, list_page},
    },
    owners,
    state::{BucketTables, MultipartUpload, PartKey, UploadKey},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::{ops::Bound, sync::Arc};

impl Handle<api::ListParts> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListPartsRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(found.object_permission(cx, "s3:ListMultipartUploadParts", &input.key).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListPartsRequest) -> Result<api::ListPartsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        customer_key!(input).parse(None)?;
        let limit = page_size("max-parts", input.max_parts, MAX_KEYS)?;
        let marker = input.part_number_marker.unwrap_or(0);
        let id = input.upload_id.as_str();
        let listed = found.tables.read(|tables| -> Result<_, Fault> {
            let upload = find_upload(tables, &input.key, id)?;
            let after = Bound::Excluded(PartKey { upload_id: id.into(), part_number: marker });
            let end = Bound::Included(parts_of(id).end().clone());
            let mut rows = tables.parts.range((after, end));
            let page: Vec<_> = rows.by_ref().take(limit).map(|(row_key, part)| (row_key.part_number, part.clone())).collect();
            Ok((upload, page, rows.next().is_some()))
        });
        let (upload, page, truncated) = listed.ok_or_else(access::gone(&input.bucket))??;
        let parts = page.iter().map(|(number, part)| {
            let mut entry = api::Part {
                part_number: Some(*number),
                last_modified: Some(part.last_modified),
                etag: Some(part.etag.quoted()),
                size: i64::try_from(part.blob.length()).ok(),
                ..Default::default()
            };
            if let Some(sum) = &part.checksum {
                entry.set_checksum_value(sum.algorithm(), sum.base64());
            }
            entry
        });
        let abort = found.abort_of_upload(&input.key, upload.initiated);
        Ok(api::ListPartsOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(input.upload_id.clone()),
            part_number_marker: Some(marker),
            next_part_number_marker: Some(page.last().map_or(0, |(number, _)| *number)),
            max_parts: i32::try_from(limit).ok(),
            is_truncated: Some(truncated),
            parts: non_empty_list(parts.collect()),
            initiator: Some((&upload.initiator).into()),
            owner: Some(owners::owner(found.bucket.owner)),
            storage_class: Some(upload.storage_class.name().to_owned()),
            checksum_algorithm: upload.checksum.map(|(algorithm, _)| algorithm.name().to_owned()),
            checksum_type: upload.checksum.map(|(_, checksum_type)| checksum_type.name().to_owned()),
            abort_date: abort.map(|(at, _)| at),
            abort_rule_id: abort.map(|(_, rule)| rule.to_owned()),
            ..Default::default()
        })
    }
}

/// The uploads from a position on. An upload id marker starts the list among the uploads of the key marker.
fn rows<'c>(
    tables: &'c BucketTables,
    query: &ListQuery<'_>,
    id_marker: Option<&str>,
    position: &Position,
) -> impl Iterator<Item = (&'c UploadKey, &'c Arc<MultipartUpload>)> + use<'c> {
    let at = |key: &str, id: &str| UploadKey { key: key.into(), upload_id: id.into() };
    let start = match (position, query.start(), id_marker) {
        (Position::At(key), ..) => Bound::Included(at(key, "")),
        (Position::Start, Bound::Excluded(key), Some(id)) => Bound::Excluded(at(key, id)),
        // Greater than every upload id.
        (Position::Start, Bound::Excluded(key), None) => Bound::Excluded(at(key, "\u{10ffff}")),
        (Position::Start, Bound::Included(key), _) => Bound::Included(at(key, "")),
        (Position::Start, Bound::Unbounded, _) => Bound::Unbounded,
    };
    tables.multipart_uploads.range((start, Bound::Unbounded))
}

/// Whether an id is a valid marker together with a key: an upload of that key, or one that has ended since.
fn is_marker(tables: &BucketTables, key: &str, id: &str) -> bool {
    let exists = || tables.multipart_uploads.contains(&UploadKey { key: key.into(), upload_id: id.into() });
    let mut uploads = tables.multipart_uploads.range((Bound::Unbounded::<UploadKey>, Bound::Unbounded));
    is_upload_id(id) && (exists() || uploads.all(|(row_key, _)| &*row_key.upload_id != id))
}

impl Handle<api::ListMultipartUploads> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListMultipartUploadsRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(found.permission::<api::ListMultipartUploads>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListMultipartUploadsRequest) -> Result<api::ListMultipartUploadsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let encoding = EncodingType::of(input.encoding_type.as_deref())?;
        let limit = page_size("max-uploads", input.max_uploads, MAX_KEYS)?;
        // An upload id marker is ignored without a key marker.
        let key_marker = input.key_marker.as_deref().unwrap_or_default();
        let id_marker = non_empty(input.upload_id_marker.as_ref()).filter(|_| !key_marker.is_empty());
        if let Some(id) = id_marker {
            let known = found.tables.read(|tables| is_marker(tables, key_marker, id)).ok_or_else(access::gone(&input.bucket))?;
            if !known {
                return Err(faults::invalid_argument("Invalid uploadId marker", "upload-id-marker", id));
            }
        }
        let query = ListQuery {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: non_empty(input.delimiter.as_ref()),
            after: key_marker,
            limit,
        };
        let page = found.tables.read(|tables| {
            let page = list_page(&query, |position| rows(tables, &query, id_marker, position), |(row_key, _)| &row_key.key);
            let rows: Vec<_> = page.rows.into_iter().map(|(row_key, upload)| (row_key.clone(), upload.clone())).collect();
            (rows, page.prefixes, page.truncated)
        });
        let (rows, common, truncated) = page.ok_or_else(access::gone(&input.bucket))?;
        let owner = owners::owner(found.bucket.owner);
        let uploads = rows.iter().map(|(row_key, upload)| api::MultipartUpload {
            upload_id: Some(row_key.upload_id.to_string()),
            key: Some(encoding.encode(&row_key.key)),
            initiated: Some(upload.initiated),
            storage_class: Some(upload.storage_class.name().to_owned()),
            owner: Some(owner.clone()),
            initiator: Some((&upload.initiator).into()),
            checksum_algorithm: upload.checksum.map(|(algorithm, _)| algorithm.name().to_owned()),
            checksum_type: upload.checksum.map(|(_, checksum_type)| checksum_type.name().to_owned()),
            ..Default::default()
        });
        // AWS: the next markers are those of the last upload, and empty for a page of common prefixes alone (recorded).
        let last = rows.last().map(|(row_key, _)| row_key);
        Ok(api::ListMultipartUploadsOutput {
            bucket: Some(input.bucket.clone()),
            key_marker: Some(encoding.encode(key_marker)),
            upload_id_marker: Some(id_marker.unwrap_or_default().to_owned()),
            next_key_marker: Some(last.map(|row_key| encoding.encode(&row_key.key)).unwrap_or_default()),
            next_upload_id_marker: Some(last.map(|row_key| row_key.upload_id.to_string()).unwrap_or_default()),
            prefix: non_empty(input.prefix.as_ref()).map(|prefix| encoding.encode(prefix)),
            delimiter: query.delimiter.map(|delimiter| encoding.encode(delimiter)),
            max_uploads: i32::try_from(limit).ok(),
            is_truncated: Some(truncated),
            uploads: non_empty_list(uploads.collect()),
            common_prefixes: common_prefixes(&common, encoding),
            encoding_type: input.encoding_type,
            request_charged: None,
        })
    }
}

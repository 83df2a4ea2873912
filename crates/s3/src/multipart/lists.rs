//! ListParts and ListMultipartUploads.

use super::{create::is_upload_id, find_upload, parts_of};
use crate::{
    S3, access, api,
    checksums::HasChecksums,
    faults,
    limits::{MAX_KEYS, page_size},
    lists::{
        filled,
        page::{Encoding, Place, Query, walk},
        prefixes, some,
    },
    owners,
    state::{Contents, PartKey, Upload, UploadKey},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::{ops::Bound, sync::Arc};

impl Handle<api::ListParts> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListPartsRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission_on(cx, "s3:ListMultipartUploadParts", &input.key).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListPartsRequest) -> Result<api::ListPartsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let most = page_size("max-parts", input.max_parts, MAX_KEYS)?;
        let marker = input.part_number_marker.unwrap_or(0);
        let id = input.upload_id.as_str();
        let listed = found.contents.read(|contents| -> Result<_, Fault> {
            let upload = find_upload(contents, &input.key, id)?;
            let after = Bound::Excluded(PartKey { upload: id.into(), number: marker });
            let end = Bound::Included(parts_of(id).end().clone());
            let mut rows = contents.parts.range((after, end));
            let page: Vec<_> = rows.by_ref().take(most).map(|(place, part)| (place.number, part.clone())).collect();
            Ok((upload, page, rows.next().is_some()))
        });
        let (upload, page, truncated) = listed.ok_or_else(access::gone(&input.bucket))??;
        let parts = page.iter().map(|(number, part)| {
            let mut shown = api::Part {
                part_number: Some(*number),
                last_modified: Some(part.modified),
                etag: Some(part.etag.quoted()),
                size: i64::try_from(part.blob.length()).ok(),
                ..Default::default()
            };
            if let Some(sum) = &part.sum {
                shown.show(sum.algorithm(), sum.base64());
            }
            shown
        });
        Ok(api::ListPartsOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(input.upload_id.clone()),
            part_number_marker: Some(marker),
            next_part_number_marker: Some(page.last().map_or(0, |(number, _)| *number)),
            max_parts: i32::try_from(most).ok(),
            is_truncated: Some(truncated),
            parts: some(parts.collect()),
            initiator: Some((&upload.initiator).into()),
            owner: Some(owners::owner(found.bucket.owner)),
            storage_class: Some(upload.class.name().to_owned()),
            checksum_algorithm: upload.checksum.map(|(algorithm, _)| algorithm.name().to_owned()),
            checksum_type: upload.checksum.map(|(_, kind)| kind.name().to_owned()),
            ..Default::default()
        })
    }
}

/// Uploads from a place on. With an id as marker, the uploads of the marker's key that began later come first.
fn rows<'c>(
    contents: &'c Contents,
    query: &Query<'_>,
    id_marker: Option<&str>,
    place: &Place,
) -> impl Iterator<Item = (&'c UploadKey, &'c Arc<Upload>)> + use<'c> {
    let at = |key: &str, id: &str| UploadKey { key: key.into(), id: id.into() };
    let start = match (place, query.start(), id_marker) {
        (Place::At(key), ..) => Bound::Included(at(key, "")),
        (Place::Start, Bound::Excluded(key), Some(id)) => Bound::Excluded(at(key, id)),
        // No id is greater than this.
        (Place::Start, Bound::Excluded(key), None) => Bound::Excluded(at(key, "\u{10ffff}")),
        (Place::Start, Bound::Included(key), _) => Bound::Included(at(key, "")),
        (Place::Start, Bound::Unbounded, _) => Bound::Unbounded,
    };
    contents.uploads.range((start, Bound::Unbounded))
}

/// Whether an id can be a marker beside a key: it is none of another key's, or of an upload that has ended since.
fn is_marker(contents: &Contents, key: &str, id: &str) -> bool {
    let there = || contents.uploads.contains(&UploadKey { key: key.into(), id: id.into() });
    let mut uploads = contents.uploads.range((Bound::Unbounded::<UploadKey>, Bound::Unbounded));
    is_upload_id(id) && (there() || uploads.all(|(place, _)| &*place.id != id))
}

impl Handle<api::ListMultipartUploads> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListMultipartUploadsRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.permission::<api::ListMultipartUploads>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListMultipartUploadsRequest) -> Result<api::ListMultipartUploadsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let encoding = Encoding::of(input.encoding_type.as_deref())?;
        let most = page_size("max-uploads", input.max_uploads, MAX_KEYS)?;
        // Without a key, the marker of an id means nothing.
        let key_marker = input.key_marker.as_deref().unwrap_or_default();
        let id_marker = filled(input.upload_id_marker.as_ref()).filter(|_| !key_marker.is_empty());
        if let Some(id) = id_marker {
            let known = found.contents.read(|contents| is_marker(contents, key_marker, id)).ok_or_else(access::gone(&input.bucket))?;
            if !known {
                return Err(faults::invalid_argument("Invalid uploadId marker", "upload-id-marker", id));
            }
        }
        let query =
            Query { prefix: input.prefix.as_deref().unwrap_or_default(), delimiter: filled(input.delimiter.as_ref()), after: key_marker, most };
        let page = found.contents.read(|contents| {
            let page = walk(&query, |place| rows(contents, &query, id_marker, place), |(place, _)| &place.key);
            let rows: Vec<_> = page.rows.into_iter().map(|(place, upload)| (place.clone(), upload.clone())).collect();
            (rows, page.prefixes, page.truncated)
        });
        let (rows, common, truncated) = page.ok_or_else(access::gone(&input.bucket))?;
        let owner = owners::owner(found.bucket.owner);
        let uploads = rows.iter().map(|(place, upload)| api::MultipartUpload {
            upload_id: Some(place.id.to_string()),
            key: Some(encoding.write(&place.key)),
            initiated: Some(upload.initiated),
            storage_class: Some(upload.class.name().to_owned()),
            owner: Some(owner.clone()),
            initiator: Some((&upload.initiator).into()),
            checksum_algorithm: upload.checksum.map(|(algorithm, _)| algorithm.name().to_owned()),
            checksum_type: upload.checksum.map(|(_, kind)| kind.name().to_owned()),
            ..Default::default()
        });
        // AWS: the markers of the next page are the last upload's, and empty for a page of prefixes (recorded).
        let last = rows.last().map(|(place, _)| place);
        Ok(api::ListMultipartUploadsOutput {
            bucket: Some(input.bucket.clone()),
            key_marker: Some(encoding.write(key_marker)),
            upload_id_marker: Some(input.upload_id_marker.clone().unwrap_or_default()),
            next_key_marker: Some(last.map(|place| encoding.write(&place.key)).unwrap_or_default()),
            next_upload_id_marker: Some(last.map(|place| place.id.to_string()).unwrap_or_default()),
            prefix: filled(input.prefix.as_ref()).map(|prefix| encoding.write(prefix)),
            delimiter: query.delimiter.map(|delimiter| encoding.write(delimiter)),
            max_uploads: i32::try_from(most).ok(),
            is_truncated: Some(truncated),
            uploads: some(uploads.collect()),
            common_prefixes: prefixes(&common, encoding),
            encoding_type: input.encoding_type,
            request_charged: None,
        })
    }
}

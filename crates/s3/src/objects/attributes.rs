//! GetObjectAttributes: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>

use super::GET;
use crate::{
    S3, access, api,
    checksums::{HasChecksums, Kind, ShowsChecksum},
    faults, keys,
    keys::Which,
    limits,
    state::Object,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

const ATTRIBUTES: [&str; 2] = ["s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"];
const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

impl Handle<api::GetObjectAttributes> for S3 {
    /// It shows what GetObject shows, so that both are needed.
    fn permissions(&self, cx: &Cx, input: &api::GetObjectAttributesRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        let version = input.version_id.as_ref();
        let mut permissions: Permissions = found.ask_version(cx, GET, &input.key, version).into();
        permissions.push(found.ask_version(cx, ATTRIBUTES, &input.key, version));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectAttributesRequest) -> Result<api::GetObjectAttributesOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let which = Which::of(input.version_id.as_deref())?;
        let attributes: Vec<&str> = input.object_attributes.iter().flat_map(|list| list.split(',')).map(str::trim).collect();
        if attributes.iter().all(|attribute| attribute.is_empty()) {
            let why = "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty";
            return Err(faults::INVALID_REQUEST.says(why));
        }
        if attributes.iter().any(|attribute| !KNOWN.contains(attribute)) {
            return Err(faults::INVALID_ARGUMENT.says("Invalid attribute name specified."));
        }
        let wants = |name: &str| attributes.contains(&name);
        let object = found.contents.read(|contents| keys::get(contents, &input.key, which)).ok_or_else(access::gone(&input.bucket))?;
        let object = object.ok_or_else(|| found.missing::<api::GetObjectAttributes>(cx, faults::no_such_key(&input.key)))?;
        let mut output = api::GetObjectAttributesOutput { last_modified: Some(object.modified), ..Default::default() };
        if wants("ETag") {
            output.etag = Some(object.etag.to_string());
        }
        if wants("Checksum") {
            output.checksum = object.checksum.as_deref().map(|checksum| {
                let mut shown = api::Checksum::default();
                shown.show_checksum(checksum);
                // AWS: here a composite comes without the number of its parts.
                shown.show(checksum.algorithm(), checksum.sum.base64());
                shown
            });
        }
        if wants("ObjectParts") {
            output.object_parts = parts(&object, input.part_number_marker, input.max_parts)?;
        }
        if wants("StorageClass") {
            output.storage_class = Some(object.class.name().to_owned());
        }
        if wants("ObjectSize") {
            output.object_size = i64::try_from(object.size()).ok();
        }
        Ok(output)
    }
}

/// The parts one by one only where each has a checksum; their number always.
fn parts(object: &Object, marker: Option<i32>, most: Option<i32>) -> Result<Option<api::GetObjectAttributesParts>, Fault> {
    let pieces = object.pieces();
    if pieces.is_empty() {
        return Ok(None);
    }
    let mut shown = api::GetObjectAttributesParts { total_parts_count: i32::try_from(pieces.len()).ok(), ..Default::default() };
    if object.checksum.as_deref().is_some_and(|checksum| checksum.kind == Kind::Composite) {
        let size = limits::page_size("max-parts", most, limits::MAX_KEYS)?;
        let marker = marker.unwrap_or(0);
        let mut rest = pieces.iter().filter(|piece| piece.number > marker);
        let page: Vec<_> = rest.by_ref().take(size).collect();
        shown.part_number_marker = Some(marker);
        shown.next_part_number_marker = Some(page.last().map_or(0, |piece| piece.number));
        shown.max_parts = i32::try_from(size).ok();
        shown.is_truncated = Some(rest.next().is_some());
        let each = page.into_iter().map(|piece| {
            let mut part = api::ObjectPart { part_number: Some(piece.number), size: i64::try_from(piece.size).ok(), ..Default::default() };
            if let Some(sum) = &piece.sum {
                part.show(sum.algorithm(), sum.base64());
            }
            part
        });
        shown.parts = Some(each.collect());
    }
    Ok(Some(shown))
}

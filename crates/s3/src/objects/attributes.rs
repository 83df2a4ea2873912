//! GetObjectAttributes: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>

use super::GET;
use crate::{
    S3, api,
    checksums::{ChecksumType, HasChecksumType, HasChecksums},
    encryption::customer_key,
    faults, limits,
    state::Object,
    versions::VersionSelector,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

const ATTRIBUTES: [&str; 2] = ["s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"];
const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

impl Handle<api::GetObjectAttributes> for S3 {
    /// Needs the permission for GetObject too.
    fn permissions(&self, cx: &Cx, input: &api::GetObjectAttributesRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let version = input.version_id.as_ref();
        let mut permissions: Permissions = found.version_permission(cx, GET, &input.key, version).into();
        permissions.push(found.version_permission(cx, ATTRIBUTES, &input.key, version));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectAttributesRequest) -> Result<api::GetObjectAttributesOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let attributes = attribute_names(&input.object_attributes)?;
        let customer_key = customer_key!(input);
        customer_key.parse(None)?;
        let requested = |name: &str| attributes.contains(&name);
        let object = found.object::<api::GetObjectAttributes>(cx, &input.key, selector, "GET")?;
        customer_key.check_read(object.encryption.as_deref())?;
        let mut output = api::GetObjectAttributesOutput {
            last_modified: Some(object.last_modified),
            version_id: found.bucket.shown_version(object.version_id),
            ..Default::default()
        };
        if requested("ETag") {
            output.etag = Some(object.etag.to_string());
        }
        if requested("Checksum") {
            output.checksum = object.checksum.as_deref().map(|checksum| {
                let mut output = api::Checksum::default();
                output.set_checksum(checksum);
                // AWS: here a composite checksum does not end in the number of its parts.
                output.set_checksum_value(checksum.algorithm(), checksum.value.base64());
                output
            });
        }
        if requested("ObjectParts") {
            output.object_parts = object_parts(&object, input.part_number_marker, input.max_parts)?;
        }
        if requested("StorageClass") {
            output.storage_class = Some(object.storage_class.name().to_owned());
        }
        if requested("ObjectSize") {
            output.object_size = i64::try_from(object.size()).ok();
        }
        Ok(output)
    }
}

/// Refuses a header with a name that there is no attribute of, before the signature is verified. AWS: it is read as Java splits a text: empty
/// names at the end are dropped, and an empty text is one name (measured, <https://github.com/brekkylab/backlot>).
pub fn check_names(header: Option<&str>) -> Result<(), Fault> {
    let Some(header) = header else { return Ok(()) };
    let names = if header.is_empty() { "," } else { header.trim_end_matches(',') };
    match names.split(',').map(str::trim).find(|name| !KNOWN.contains(name)) {
        Some(unknown) if !names.is_empty() => Err(faults::invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", unknown)),
        _ => Ok(()),
    }
}

/// The names of `x-amz-object-attributes`. AWS: empty names at the end are dropped (measured, <https://github.com/brekkylab/backlot>).
fn attribute_names(header: &[String]) -> Result<Vec<&str>, Fault> {
    let mut names: Vec<&str> = header.iter().flat_map(|list| list.split(',')).map(str::trim).collect();
    while names.pop_if(|name| name.is_empty()).is_some() {}
    if names.is_empty() {
        let message = "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty";
        return Err(faults::INVALID_REQUEST.says(message));
    }
    match names.iter().find(|name| !KNOWN.contains(name)) {
        Some(unknown) => Err(faults::invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", unknown)),
        None => Ok(names),
    }
}

/// The number of parts; and the parts themselves if each has a checksum.
fn object_parts(object: &Object, marker: Option<i32>, limit: Option<i32>) -> Result<Option<api::GetObjectAttributesParts>, Fault> {
    let parts = object.parts();
    if parts.is_empty() {
        return Ok(None);
    }
    let mut output = api::GetObjectAttributesParts { total_parts_count: i32::try_from(parts.len()).ok(), ..Default::default() };
    if object.checksum.as_deref().is_some_and(|checksum| checksum.checksum_type == ChecksumType::Composite) {
        let size = limits::page_size("max-parts", limit, limits::MAX_KEYS)?;
        let marker = marker.unwrap_or(0);
        let mut rest = parts.iter().filter(|part| part.part_number > marker);
        let page: Vec<_> = rest.by_ref().take(size).collect();
        output.part_number_marker = Some(marker);
        output.next_part_number_marker = Some(page.last().map_or(0, |part| part.part_number));
        output.max_parts = i32::try_from(size).ok();
        output.is_truncated = Some(rest.next().is_some());
        let each = page.into_iter().map(|part| {
            let mut entry = api::ObjectPart { part_number: Some(part.part_number), size: i64::try_from(part.size).ok(), ..Default::default() };
            if let Some(sum) = &part.checksum {
                entry.set_checksum_value(sum.algorithm(), sum.base64());
            }
            entry
        });
        output.parts = Some(each.collect());
    }
    Ok(Some(output))
}

//! Object tagging, and the rules for tags of objects and buckets.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>

use crate::{
    S3, api,
    changes::Update,
    faults,
    limits::{MAX_BUCKET_TAGS, MAX_OBJECT_TAGS},
    state::{Object, ObjectProperties, Tag},
    versions::VersionSelector,
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{
    Cx, Handle, Permissions,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use percent_encoding::percent_decode_str;
use std::collections::BTreeSet;

impl From<&api::Tag> for Tag {
    fn from(tag: &api::Tag) -> Tag {
        Tag { key: tag.key.clone(), value: tag.value.clone() }
    }
}

impl From<&Tag> for api::Tag {
    fn from(tag: &Tag) -> api::Tag {
        api::Tag { key: tag.key.clone(), value: tag.value.clone() }
    }
}

/// Checks the tags of a new bucket.
pub fn check_bucket(tags: Vec<Tag>) -> Result<Vec<Tag>, Fault> {
    // AWS: the first message is unverified.
    check(tags, MAX_BUCKET_TAGS, "Bucket tag count cannot be greater than 50", "System tags cannot be added/updated by requester")
}

/// Checks the tags of an object.
fn check_object(tags: Vec<Tag>) -> Result<Vec<Tag>, Fault> {
    check(tags, MAX_OBJECT_TAGS, "Object tags cannot be greater than 10", "Your TagKey cannot be prefixed with aws:")
}

fn check(tags: Vec<Tag>, most: usize, too_many: &str, reserved: &str) -> Result<Vec<Tag>, Fault> {
    let rules = TagRules { most, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };
    let checked = rules.check(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
    checked.map_err(|invalid| match invalid {
        InvalidTag::TooMany => FaultKind::sender("BadRequest", 400).says(too_many),
        InvalidTag::Reserved { key } => faults::INVALID_TAG.says(reserved).with("TagKey", key),
        InvalidTag::Key { key } => faults::INVALID_TAG.says("The TagKey you have provided is invalid").with("TagKey", key),
        InvalidTag::Value { key, value } => {
            faults::INVALID_TAG.says("The TagValue you have provided is invalid").with("TagKey", key).with("TagValue", value)
        }
        InvalidTag::Duplicate { key } => faults::INVALID_TAG.says("Cannot provide multiple Tags with the same key").with("TagKey", key),
    })?;
    Ok(tags)
}

/// Checks the tags of a filter in a configuration (lifecycle, replication, metrics).
pub fn check_filter<'a>(tags: impl Iterator<Item = &'a api::Tag>) -> Result<(), Fault> {
    let tags: Vec<Tag> = tags.map(Tag::from).collect();
    let keys: BTreeSet<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    if keys.len() < tags.len() {
        return Err(faults::INVALID_REQUEST.says("Duplicate Tag Keys are not allowed."));
    }
    check_object(tags).map(drop)
}

/// Parses the `x-amz-tagging` header, a query string.
pub fn of_header(header: Option<&str>) -> Result<Vec<Tag>, Fault> {
    let Some(header) = header else { return Ok(vec![]) };
    let malformed = || {
        let text = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.";
        faults::invalid_argument(text, "x-amz-tagging", header)
    };
    let mut tags: Vec<Tag> = Vec::new();
    for pair in header.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (unescape(key).ok_or_else(malformed)?, unescape(value).ok_or_else(malformed)?);
        if key.is_empty() || pair.matches('=').count() > 1 || tags.iter().any(|tag| tag.key == key) {
            return Err(malformed());
        }
        tags.push(Tag { key, value });
    }
    check_object(tags)
}

fn unescape(text: &str) -> Option<String> {
    percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(Into::into)
}

pub const GET: [&str; 2] = ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"];
const PUT: [&str; 2] = ["s3:PutObjectTagging", "s3:PutObjectVersionTagging"];
const DELETE: [&str; 2] = ["s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"];

impl Handle<api::GetObjectTagging> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetObjectTaggingRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(found.version_permission(cx, GET, &input.key, input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetObjectTaggingRequest) -> Result<api::GetObjectTaggingOutput, Fault> {
        let selector = VersionSelector::of(input.version_id.as_deref())?;
        let found = self.find(cx, &input.bucket, None)?;
        let object = found.object::<api::GetObjectTagging>(cx, &input.key, selector, "GET");
        // AWS: only here the key in the fault is preceded by the bucket's name (recorded).
        let object = object.map_err(|fault| match fault.code() {
            "NoSuchKey" => faults::no_such_key(&format!("{}/{}", input.bucket, input.key)),
            _ => fault,
        })?;
        Ok(api::GetObjectTaggingOutput {
            version_id: found.bucket.shown_version(object.version_id),
            tag_set: object.tags().iter().map(Into::into).collect(),
        })
    }
}

impl Handle<api::PutObjectTagging> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutObjectTaggingRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        let mut permission = found.version_permission(cx, PUT, &input.key, input.version_id.as_ref());
        set_request_tags(&mut permission.keys, &input.tagging.tag_set.iter().map(Tag::from).collect::<Vec<_>>());
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutObjectTaggingRequest) -> Result<api::PutObjectTaggingOutput, Fault> {
        let tags = check_object(input.tagging.tag_set.iter().map(Tag::from).collect())?;
        let version_id =
            self.replace_tags::<api::PutObjectTagging>(cx, &input.bucket, &input.key, input.version_id.as_deref(), Update::PutTags, tags)?;
        Ok(api::PutObjectTaggingOutput { version_id })
    }
}

impl Handle<api::DeleteObjectTagging> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteObjectTaggingRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(found.version_permission(cx, DELETE, &input.key, input.version_id.as_ref()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteObjectTaggingRequest) -> Result<api::DeleteObjectTaggingOutput, Fault> {
        let version_id =
            self.replace_tags::<api::DeleteObjectTagging>(cx, &input.bucket, &input.key, input.version_id.as_deref(), Update::DeleteTags, vec![])?;
        Ok(api::DeleteObjectTaggingOutput { version_id })
    }
}

impl S3 {
    fn replace_tags<O: cloudlet_shape::Operation>(
        &self,
        cx: &Cx,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        update: Update,
        tags: Vec<Tag>,
    ) -> Result<Option<String>, Fault> {
        let selector = VersionSelector::of(version)?;
        let found = self.find(cx, bucket, None)?;
        let method = if update == Update::PutTags { "PUT" } else { "DELETE" };
        let object = self.update_object::<O>(cx, &found, key, selector, method, update, |object: &mut Object| {
            object.properties = ObjectProperties { tags, ..object.properties.take().map(|properties| *properties).unwrap_or_default() }.boxed();
            Ok(())
        })?;
        Ok(found.bucket.shown_version(object.version_id))
    }
}

/// Sets the condition keys for the tags of a request.
pub fn set_request_tags(keys: &mut cloudlet_engine::Keys, tags: &[Tag]) {
    if tags.is_empty() {
        return;
    }
    keys.set_many("s3:RequestObjectTagKeys", tags.iter().map(|tag| tag.key.clone()));
    for tag in tags {
        keys.set(format!("s3:RequestObjectTag/{}", tag.key), tag.value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.into(), value: value.into() }
    }

    #[test]
    fn a_header_is_a_query_string_without_duplicates() {
        assert_eq!(of_header(Some("a=b&c+d=%C3%A9&e")).unwrap(), [tag("a", "b"), tag("c d", "é"), tag("e", "")]);
        assert_eq!(of_header(None).unwrap(), []);
        assert_eq!(of_header(Some("&&a&")).unwrap(), [tag("a", "")]);
        for header in ["=", "=a", "key1=val1&key1=val2", "key1=val1,key2=val2", "a=%FF"] {
            assert_eq!(of_header(Some(header)).unwrap_err().code(), "InvalidArgument", "{header}");
        }
    }

    #[test]
    fn invalid_tags_are_refused() {
        let refusal = |tags: Vec<Tag>| check_object(tags).unwrap_err().message().to_owned();
        assert_eq!(refusal(vec![tag("a", "1"), tag("a", "1")]), "Cannot provide multiple Tags with the same key");
        assert_eq!(refusal(vec![tag("a,b", "1")]), "The TagKey you have provided is invalid");
        assert_eq!(refusal(vec![tag("", "1")]), "The TagKey you have provided is invalid");
        assert_eq!(refusal(vec![tag(&"k".repeat(129), "1")]), "The TagKey you have provided is invalid");
        assert_eq!(refusal(vec![tag("a", &"v".repeat(257))]), "The TagValue you have provided is invalid");
        assert_eq!(refusal(vec![tag("aws:x", "1")]), "Your TagKey cannot be prefixed with aws:");
        assert_eq!(refusal((0..11).map(|n| tag(&n.to_string(), "")).collect()), "Object tags cannot be greater than 10");
        assert!(check_object((0..10).map(|n| tag(&n.to_string(), &"v".repeat(256))).collect()).is_ok());
    }
}

//! ListObjects and ListObjectsV2.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

pub mod page;
mod versions;

use crate::{
    S3,
    access::{self, BucketHandle},
    api, faults,
    limits::{MAX_KEYS, page_size},
    owners,
    state::{BucketTables, Object},
};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    paging::{InvalidToken, Paging},
};
use page::{EncodingType, ListQuery, Page};
use std::sync::Arc;

type Row = (Arc<str>, Arc<Object>);

/// One page of the current objects. Its cost depends on its length, not on its position in the bucket.
fn current_objects(tables: &BucketTables, query: &ListQuery<'_>) -> Page<Row> {
    let Page { rows, prefixes, truncated, last } =
        page::list_page(query, |position| page::current_objects(tables, query, position), |(row_key, _)| &row_key.key);
    Page { rows: rows.into_iter().map(|(row_key, object)| (row_key.key.clone(), object.clone())).collect(), prefixes, truncated, last }
}

/// The list entry of an object.
fn list_entry(row: &Row, encoding: EncodingType, owner: Option<&api::Owner>, restored: RestoreStatuses) -> api::Object {
    let (key, object) = row;
    let checksum = object.checksum.as_deref();
    api::Object {
        key: Some(encoding.encode(key)),
        last_modified: Some(object.last_modified),
        etag: Some(object.etag.quoted()),
        checksum_algorithm: checksum.map(|checksum| vec![checksum.algorithm().name().to_owned()]),
        checksum_type: checksum.map(|checksum| checksum.checksum_type.name().to_owned()),
        size: i64::try_from(object.size()).ok(),
        storage_class: Some(object.storage_class.name().to_owned()),
        owner: owner.cloned(),
        restore_status: restored.of(object),
    }
}

/// An empty list is left out of an output.
pub fn non_empty_list<T>(items: Vec<T>) -> Option<Vec<T>> {
    if items.is_empty() { None } else { Some(items) }
}

pub fn common_prefixes(prefixes: &[String], encoding: EncodingType) -> Option<Vec<api::CommonPrefix>> {
    non_empty_list(prefixes.iter().map(|prefix| api::CommonPrefix { prefix: Some(encoding.encode(prefix)) }).collect())
}

/// An empty parameter means the same as none.
pub fn non_empty(parameter: Option<&String>) -> Option<&str> {
    parameter.map(String::as_str).filter(|text| !text.is_empty())
}

fn permission(
    cx: &Cx,
    found: &BucketHandle,
    action: &'static str,
    prefix: Option<&String>,
    delimiter: Option<&String>,
    max_keys: Option<i32>,
) -> Permission {
    let mut permission = found.bucket_permission(cx, action);
    for (key, value) in [("s3:prefix", prefix), ("s3:delimiter", delimiter)] {
        if let Some(value) = value {
            permission.keys.set(key, value.clone());
        }
    }
    if let Some(max_keys) = max_keys {
        permission.keys.set("s3:max-keys", max_keys.to_string());
    }
    permission
}

impl Handle<api::ListObjects> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListObjectsRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(permission(cx, &found, "s3:ListBucket", input.prefix.as_ref(), input.delimiter.as_ref(), input.max_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListObjectsRequest) -> Result<api::ListObjectsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let encoding = EncodingType::of(input.encoding_type.as_deref())?;
        let limit = page_size("maxKeys", input.max_keys, MAX_KEYS)?;
        let restored = RestoreStatuses::requested(cx, input.optional_object_attributes.as_deref())?;
        let query = ListQuery {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: non_empty(input.delimiter.as_ref()),
            after: input.marker.as_deref().unwrap_or_default(),
            limit,
        };
        let page = found.tables.read(|tables| current_objects(tables, &query)).ok_or_else(access::gone(&input.bucket))?;
        // AWS: who has no credentials is not told the owner (recorded).
        let owner = (!cx.caller.is_anonymous()).then(|| owners::owner(found.bucket.owner));
        let next = page.last.as_deref().filter(|_| page.truncated && query.delimiter.is_some());
        Ok(api::ListObjectsOutput {
            is_truncated: Some(page.truncated),
            marker: Some(encoding.encode(query.after)),
            next_marker: next.map(|next| encoding.encode(next)),
            contents: non_empty_list(page.rows.iter().map(|row| list_entry(row, encoding, owner.as_ref(), restored)).collect()),
            name: Some(input.bucket.clone()),
            prefix: Some(encoding.encode(query.prefix)),
            delimiter: query.delimiter.map(|delimiter| encoding.encode(delimiter)),
            // AWS: the requested number, even where it is greater than the maximum (measured, <https://github.com/brekkylab/backlot>).
            max_keys: Some(input.max_keys.unwrap_or(MAX_KEYS)),
            common_prefixes: common_prefixes(&page.prefixes, encoding),
            encoding_type: input.encoding_type,
            request_charged: None,
        })
    }
}

impl Handle<api::ListObjectsV2> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListObjectsV2Request) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.paid_by(cx, input.request_payer.as_ref())?;
        Ok(permission(cx, &found, "s3:ListBucket", input.prefix.as_ref(), input.delimiter.as_ref(), input.max_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListObjectsV2Request) -> Result<api::ListObjectsV2Output, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let encoding = EncodingType::of(input.encoding_type.as_deref())?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let delimiter = non_empty(input.delimiter.as_ref());
        let list = Paging::with_filters::<api::ListObjectsV2>(
            cx,
            &[&input.bucket, prefix, delimiter.unwrap_or_default()],
            input.continuation_token.as_deref(),
        );
        let token_key: Option<String> = list.after().map_err(incorrect_token)?;
        let limit = page_size("maxKeys", input.max_keys, MAX_KEYS)?;
        let restored = RestoreStatuses::requested(cx, input.optional_object_attributes.as_deref())?;
        // A token takes precedence; StartAfter is then not even echoed.
        let start_after = if token_key.is_some() { None } else { input.start_after.as_deref() };
        let query = ListQuery { prefix, delimiter, after: token_key.as_deref().or(start_after).unwrap_or_default(), limit };
        let page = found.tables.read(|tables| current_objects(tables, &query)).ok_or_else(access::gone(&input.bucket))?;
        let owner = (input.fetch_owner == Some(true) && !cx.caller.is_anonymous()).then(|| owners::owner(found.bucket.owner));
        let count = page.rows.len().saturating_add(page.prefixes.len());
        Ok(api::ListObjectsV2Output {
            is_truncated: Some(page.truncated),
            contents: non_empty_list(page.rows.iter().map(|row| list_entry(row, encoding, owner.as_ref(), restored)).collect()),
            name: Some(input.bucket.clone()),
            prefix: Some(encoding.encode(query.prefix)),
            delimiter: query.delimiter.map(|delimiter| encoding.encode(delimiter)),
            // AWS: the requested number, even where it is greater than the maximum (measured, <https://github.com/brekkylab/backlot>).
            max_keys: Some(input.max_keys.unwrap_or(MAX_KEYS)),
            common_prefixes: common_prefixes(&page.prefixes, encoding),
            encoding_type: input.encoding_type,
            key_count: i32::try_from(count).ok(),
            continuation_token: input.continuation_token,
            next_continuation_token: page.last.as_deref().filter(|_| page.truncated).map(|last| list.token(&last)),
            start_after: start_after.map(|key| encoding.encode(key)),
            request_charged: None,
        })
    }
}

/// Whether the entries of a list have their RestoreStatus: `x-amz-optional-object-attributes`.
#[derive(Clone, Copy)]
enum RestoreStatuses {
    Left,
    Shown { now: Timestamp },
}

impl RestoreStatuses {
    fn requested(cx: &Cx, attributes: Option<&[String]>) -> Result<RestoreStatuses, Fault> {
        let attributes = attributes.unwrap_or_default();
        match attributes.iter().find(|attribute| *attribute != "RestoreStatus") {
            // AWS: unverified.
            Some(unknown) => Err(faults::invalid_argument("Invalid attribute name specified.", "x-amz-optional-object-attributes", unknown)),
            None if attributes.is_empty() => Ok(RestoreStatuses::Left),
            None => Ok(RestoreStatuses::Shown { now: cx.now }),
        }
    }

    fn of(self, object: &Object) -> Option<api::RestoreStatus> {
        match self {
            RestoreStatuses::Left => None,
            RestoreStatuses::Shown { now } => object.restore_status(now),
        }
    }
}

/// AWS: recorded.
pub fn incorrect_token(_: InvalidToken) -> Fault {
    faults::INVALID_ARGUMENT.says("The continuation token provided is incorrect").with("ArgumentName", "continuation-token")
}

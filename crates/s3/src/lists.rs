//! ListObjects, in both versions.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

pub mod page;

use crate::{
    S3,
    access::{self, Found},
    api, faults,
    limits::{MAX_KEYS, page_size},
    owners,
    state::{Contents, Object},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use page::{Encoding, Page, Query};
use std::sync::Arc;

type Row = (Arc<str>, Arc<Object>);

/// One page of the current objects. It costs what the page holds, wherever in the bucket it is.
fn current(contents: &Contents, query: &Query<'_>) -> Page<Row> {
    let Page { rows, prefixes, truncated, last } = page::walk(query, |place| page::current(contents, query, place), |(slot, _)| &slot.key);
    Page { rows: rows.into_iter().map(|(slot, object)| (slot.key.clone(), object.clone())).collect(), prefixes, truncated, last }
}

/// A row as a list shows it.
fn shown(row: &Row, encoding: Encoding, owner: Option<&api::Owner>) -> api::Object {
    let (key, object) = row;
    let checksum = object.checksum.as_deref();
    api::Object {
        key: Some(encoding.write(key)),
        last_modified: Some(object.modified),
        etag: Some(object.etag.quoted()),
        checksum_algorithm: checksum.map(|checksum| vec![checksum.algorithm().name().to_owned()]),
        checksum_type: checksum.map(|checksum| checksum.kind.name().to_owned()),
        size: i64::try_from(object.size()).ok(),
        storage_class: Some(object.class.name().to_owned()),
        owner: owner.cloned(),
        restore_status: None,
    }
}

/// An empty list is left out.
pub fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    if items.is_empty() { None } else { Some(items) }
}

pub fn prefixes(prefixes: &[String], encoding: Encoding) -> Option<Vec<api::CommonPrefix>> {
    some(prefixes.iter().map(|prefix| api::CommonPrefix { prefix: Some(encoding.write(prefix)) }).collect())
}

/// An empty parameter is as good as none.
pub fn filled(parameter: Option<&String>) -> Option<&str> {
    parameter.map(String::as_str).filter(|text| !text.is_empty())
}

fn permission(cx: &Cx, found: &Found, prefix: Option<&String>, delimiter: Option<&String>, most: Option<i32>) -> Permission {
    let mut permission = found.ask_for(cx, "s3:ListBucket");
    for (key, value) in [("s3:prefix", prefix), ("s3:delimiter", delimiter)] {
        if let Some(value) = value {
            permission.keys.set(key, value.clone());
        }
    }
    if let Some(most) = most {
        permission.keys.set("s3:max-keys", most.to_string());
    }
    permission
}

impl Handle<api::ListObjects> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListObjectsRequest) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(permission(cx, &found, input.prefix.as_ref(), input.delimiter.as_ref(), input.max_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListObjectsRequest) -> Result<api::ListObjectsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let encoding = Encoding::of(input.encoding_type.as_deref())?;
        let most = page_size("max-keys", input.max_keys, MAX_KEYS)?;
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: filled(input.delimiter.as_ref()),
            after: input.marker.as_deref().unwrap_or_default(),
            most,
        };
        let page = found.contents.read(|contents| current(contents, &query)).ok_or_else(access::gone(&input.bucket))?;
        let owner = owners::owner(found.bucket.owner);
        let next = page.last.as_deref().filter(|_| page.truncated && query.delimiter.is_some());
        Ok(api::ListObjectsOutput {
            is_truncated: Some(page.truncated),
            marker: Some(encoding.write(query.after)),
            next_marker: next.map(|next| encoding.write(next)),
            contents: some(page.rows.iter().map(|row| shown(row, encoding, Some(&owner))).collect()),
            name: Some(input.bucket.clone()),
            prefix: Some(encoding.write(query.prefix)),
            delimiter: query.delimiter.map(|delimiter| encoding.write(delimiter)),
            max_keys: i32::try_from(most).ok(),
            common_prefixes: prefixes(&page.prefixes, encoding),
            encoding_type: input.encoding_type,
            request_charged: None,
        })
    }
}

impl Handle<api::ListObjectsV2> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::ListObjectsV2Request) -> Result<Permissions, Fault> {
        let found = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?;
        Ok(permission(cx, &found, input.prefix.as_ref(), input.delimiter.as_ref(), input.max_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListObjectsV2Request) -> Result<api::ListObjectsV2Output, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let encoding = Encoding::of(input.encoding_type.as_deref())?;
        let most = page_size("max-keys", input.max_keys, MAX_KEYS)?;
        let resumed = input.continuation_token.as_deref().map(read_token).transpose()?;
        // Where a token is given, it says where to go on; StartAfter is not even echoed.
        let start = if resumed.is_some() { None } else { input.start_after.as_deref() };
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: filled(input.delimiter.as_ref()),
            after: resumed.as_deref().or(start).unwrap_or_default(),
            most,
        };
        let page = found.contents.read(|contents| current(contents, &query)).ok_or_else(access::gone(&input.bucket))?;
        let owner = (input.fetch_owner == Some(true)).then(|| owners::owner(found.bucket.owner));
        let count = page.rows.len().saturating_add(page.prefixes.len());
        Ok(api::ListObjectsV2Output {
            is_truncated: Some(page.truncated),
            contents: some(page.rows.iter().map(|row| shown(row, encoding, owner.as_ref())).collect()),
            name: Some(input.bucket.clone()),
            prefix: Some(encoding.write(query.prefix)),
            delimiter: query.delimiter.map(|delimiter| encoding.write(delimiter)),
            max_keys: i32::try_from(most).ok(),
            common_prefixes: prefixes(&page.prefixes, encoding),
            encoding_type: input.encoding_type,
            key_count: i32::try_from(count).ok(),
            continuation_token: input.continuation_token,
            next_continuation_token: page.last.as_deref().filter(|_| page.truncated).map(write_token),
            start_after: start.map(|start| encoding.write(start)),
            request_charged: None,
        })
    }
}

/// The mark that tells our tokens from other base64.
const MARK: &[u8] = b"1!";

fn write_token(last: &str) -> String {
    BASE64_STANDARD.encode([MARK, last.as_bytes()].concat())
}

fn read_token(token: &str) -> Result<String, Fault> {
    let bytes = BASE64_STANDARD.decode(token).ok();
    let last = bytes.as_deref().and_then(|bytes| bytes.strip_prefix(MARK)).and_then(|last| String::from_utf8(last.to_vec()).ok());
    last.ok_or_else(|| faults::INVALID_ARGUMENT.says("The continuation token provided is incorrect").with("ArgumentName", "continuation-token"))
}

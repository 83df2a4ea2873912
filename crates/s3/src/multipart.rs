//! Multipart uploads: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

mod complete;
mod create;
mod lists;
mod parts;

pub use create::remove_parts;

use crate::{
    faults,
    limits::MAX_PARTS,
    state::{BucketTables, MultipartUpload, PartKey, UploadKey},
};
use cloudlet_aws::Fault;
use std::{ops::RangeInclusive, sync::Arc};

fn upload_key(key: &str, upload_id: &str) -> UploadKey {
    UploadKey { key: key.into(), upload_id: upload_id.into() }
}

/// An upload in progress. An upload id is valid together with its key only.
fn find_upload(tables: &BucketTables, key: &str, id: &str) -> Result<Arc<MultipartUpload>, Fault> {
    tables.multipart_uploads.get(&upload_key(key, id)).cloned().ok_or_else(|| faults::no_such_upload(id))
}

/// The row keys of all parts of an upload.
fn parts_of(id: &str) -> RangeInclusive<PartKey> {
    let upload_id: Arc<str> = id.into();
    PartKey { upload_id: upload_id.clone(), part_number: i32::MIN }..=PartKey { upload_id, part_number: i32::MAX }
}

pub fn check_part_number(number: i32) -> Result<(), Fault> {
    if (1..=MAX_PARTS).contains(&number) { Ok(()) } else { Err(invalid_part_number(&number.to_string())) }
}

/// The `partNumber` of a query.
pub fn parse_part_number(value: &str) -> Result<i32, Fault> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| digits && (1..=MAX_PARTS).contains(number));
    number.ok_or_else(|| invalid_part_number(value))
}

fn invalid_part_number(value: &str) -> Fault {
    faults::invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", value)
}

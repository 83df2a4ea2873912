//! Multipart uploads: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

mod complete;
mod create;
mod lists;
mod parts;

use crate::{
    faults,
    limits::MAX_PARTS,
    state::{Contents, PartKey, Upload, UploadKey},
};
use cloudlet_aws::Fault;
use std::{ops::RangeInclusive, sync::Arc};

fn upload_key(key: &str, id: &str) -> UploadKey {
    UploadKey { key: key.into(), id: id.into() }
}

/// An upload under way. An id means nothing under another key.
fn find_upload(contents: &Contents, key: &str, id: &str) -> Result<Arc<Upload>, Fault> {
    contents.uploads.get(&upload_key(key, id)).cloned().ok_or_else(|| faults::no_such_upload(id))
}

/// The rows of all parts of an upload.
fn parts_of(id: &str) -> RangeInclusive<PartKey> {
    let upload: Arc<str> = id.into();
    PartKey { upload: upload.clone(), number: i32::MIN }..=PartKey { upload, number: i32::MAX }
}

fn check_part_number(number: i32) -> Result<(), Fault> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(());
    }
    Err(faults::invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", &number.to_string()))
}

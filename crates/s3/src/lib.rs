//! S3: buckets, objects, multipart uploads.

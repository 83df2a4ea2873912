//! Requests that are logged: what of them the log needs is read when they begin, and the line is written when their answer was sent.

use super::{
    data_event,
    record::{Record, requester},
};
use crate::{
    S3,
    access::BucketHandle,
    http_hooks::{Level, Selection, resource_type, select},
    objects::CopySource,
    website::site,
};
use cloudlet_engine::{AnswerObserver, Cx, GRANTED, RequestView, SentAnswer, ServiceEvents};
use percent_encoding::percent_decode_str;
use std::sync::Arc;

/// Of DeleteObjects: a key that was deleted or not, as `status code version key`.
pub const DELETED: &str = "deleted";

pub struct Observer {
    s3: Arc<S3>,
    /// The bucket that is logged, and the one a copy reads from.
    bucket: Option<BucketHandle>,
    source: Option<(BucketHandle, CopySource)>,
    /// The bucket of a request for objects, where somebody observes such requests.
    observed: Option<BucketHandle>,
    method: String,
    operation: String,
    key: Option<String>,
    request_uri: String,
    host: Option<String>,
    /// The length of the object that the request sends.
    sent_size: Option<u64>,
}

/// The observer of a request to a bucket that is logged, or from which it copies.
pub fn observer(s3: &Arc<S3>, view: &RequestView<'_>, path: &str, events: ServiceEvents) -> Option<Box<dyn AnswerObserver>> {
    let head = view.head;
    let logs = |name: &str| s3.buckets.read(name, |tables| tables.bucket.get(&()).is_some_and(|bucket| bucket.background.logging.is_some()));
    let logged = |name: &str| match logs(name) {
        Some(false) => None,
        Some(true) => s3.find_in_any_region(name, None).ok(),
        // It may be that of an access point.
        None => s3.find_in_any_region(name, None).ok().filter(|found| found.bucket.background.logging.is_some()),
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let found = logged(bucket);
    let copy = head.header("x-amz-copy-source").filter(|_| head.method == "PUT").and_then(|source| CopySource::parse(source).ok());
    let source = copy.and_then(|copy| Some((logged(&copy.bucket)?, copy)));
    let of_objects = !key.is_empty() || (head.method == "POST" && head.query.starts_with("delete"));
    let observed = if events == ServiceEvents::Observed && of_objects { s3.find_in_any_region(bucket, None).ok() } else { None };
    if found.is_none() && source.is_none() && observed.is_none() {
        return None;
    }
    let level = if key.is_empty() { Level::Bucket } else { Level::Object };
    let selection = select(head, level).unwrap_or(Selection::Plain);
    let is_copy = head.header("x-amz-copy-source").is_some() && head.method == "PUT";
    let method = if is_copy { "COPY" } else { head.method };
    let query = if head.query.is_empty() { String::new() } else { format!("?{}", head.query) };
    let number = |name| head.header(name).and_then(|text| text.parse().ok());
    Some(Box::new(Observer {
        s3: s3.clone(),
        bucket: found,
        source,
        observed,
        method: head.method.to_owned(),
        operation: if site::is_website(view) {
            format!("WEBSITE.{method}.OBJECT")
        } else {
            format!("REST.{method}.{}", resource_type(level, selection))
        },
        key: (!key.is_empty()).then(|| percent_decode_str(key).decode_utf8_lossy().into_owned()),
        request_uri: format!("{} {}{query} HTTP/1.1", head.method, head.path),
        host: head.header("host").map(str::to_owned),
        sent_size: (head.method == "PUT" && !is_copy).then(|| number("x-amz-decoded-content-length").or_else(|| number("content-length"))).flatten(),
    }))
}

impl Observer {
    fn record<'a>(&self, cx: &'a Cx, answer: &SentAnswer) -> Record<'a> {
        let is_object = self.operation.ends_with(".OBJECT");
        let number = |name| answer.header(name).and_then(|text| text.parse().ok());
        let total = answer.header("content-range").and_then(|range| range.rsplit('/').next()?.parse().ok());
        let object_size = match self.method.as_str() {
            "GET" | "HEAD" if is_object && answer.error_code.is_none() => total.or_else(|| number("content-length")),
            "PUT" if answer.error_code.is_none() => self.sent_size,
            _ => None,
        };
        Record {
            time: cx.now,
            requester: requester(&cx.caller),
            request_id: &cx.request_id,
            operation: self.operation.clone(),
            key: self.key.clone(),
            request_uri: Some(self.request_uri.clone()),
            status: Some(answer.status),
            error_code: answer.error_code.clone().or_else(|| answer.header("x-amz-error-code").map(str::to_owned)),
            bytes_sent: Some(answer.bytes_sent).filter(|bytes| *bytes > 0),
            object_size,
            total_millis: Some(answer.total.as_millis()),
            turn_around_millis: Some(answer.turn_around.as_millis()),
            version_id: answer.header("x-amz-version-id").map(str::to_owned),
            host: self.host.clone(),
            access_point: self.bucket.as_ref().and_then(|found| Some(found.access_point()?.arn(cx).to_string())),
            acl_required: answer.notes(GRANTED).next().map(|_| "Yes"),
            ..Record::default()
        }
        .with_origin(&cx.origin)
    }
}

impl AnswerObserver for Observer {
    fn sent(self: Box<Self>, cx: &Cx, answer: &SentAnswer) {
        if let Some(found) = &self.observed {
            let request = data_event::Request {
                key: self.key.as_deref(),
                method: &self.method,
                host: self.host.as_deref(),
                bytes_in: self.sent_size.unwrap_or(0),
            };
            if let Some(event) = data_event::data_event(cx, found, &request, answer) {
                cx.emit(|| event);
            }
        }
        if self.bucket.is_none() && self.source.is_none() {
            return;
        }
        let record = self.record(cx, answer);
        if let Some(found) = &self.bucket {
            let mut lines = vec![record.line(&found.name, &found.bucket)];
            lines.extend(answer.notes(DELETED).filter_map(|note| {
                let mut fields = note.splitn(4, ' ');
                let (status, code, version, key) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
                let text = |text: &str| (text != "-").then(|| text.to_owned());
                let record = Record {
                    operation: "BATCH.DELETE.OBJECT".to_owned(),
                    key: Some(key.to_owned()),
                    version_id: text(version),
                    status: status.parse().ok(),
                    error_code: text(code),
                    bytes_sent: None,
                    total_millis: None,
                    turn_around_millis: None,
                    ..record.clone()
                };
                Some(record.line(&found.name, &found.bucket))
            }));
            self.s3.add_log_lines(cx, found, lines);
        }
        // A copy is a read of its source too.
        if let Some((found, source)) = &self.source {
            let kind = if self.operation.ends_with(".PART") { "PART" } else { "OBJECT" };
            let record = Record {
                operation: format!("REST.COPY.{kind}_GET"),
                key: Some(source.key.clone()),
                version_id: source.version_id.clone(),
                bytes_sent: None,
                ..record
            };
            self.s3.add_log_lines(cx, found, vec![record.line(&found.name, &found.bucket)]);
        }
    }
}

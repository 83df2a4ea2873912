//! The result of a Map Run: the outputs of its children, or files in S3.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html>

use super::{
    items::{Access, instant},
    of_run,
};
use crate::{
    States,
    state::{MapItem, MapRun, Status},
};
use cloudlet_api_s3 as s3;
use cloudlet_asl::{
    machine::{Failure, MapRunRequest},
    text::to_text,
};
use cloudlet_engine::Cx;
use cloudlet_shape::Body;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Bytes after which a file of results is full.
const FULL: usize = 5 << 20;

fn failed(cause: impl Into<String>) -> Failure {
    Failure::new("States.ResultWriterFailed", cause)
}

fn parsed(text: Option<&Arc<str>>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// A child as it is written without a transformation.
fn record(run: &MapRun, item: &MapItem) -> Value {
    let mut out = Map::new();
    let name = item.execution.as_deref().map(|arn| arn.split(':').nth(7).unwrap_or_default().to_owned());
    let mut put = |name: &str, value: Option<Value>| out.extend(value.map(|value| (name.to_owned(), value)));
    put("ExecutionArn", item.execution.as_deref().map(Value::from));
    put("Input", Some(Value::from(item.input.as_ref())));
    put("InputDetails", Some(json!({"Included": true})));
    put("Name", name.map(Value::from));
    put("Output", item.output.as_deref().map(Value::from));
    put("OutputDetails", item.output.as_ref().map(|_| json!({"Included": true})));
    put("Error", item.error.as_deref().map(Value::from));
    put("Cause", item.cause.as_deref().map(Value::from));
    put("RedriveCount", Some(run.redrive_count.into()));
    let redrivable = if item.status == Some(Status::Succeeded) { "NOT_REDRIVABLE" } else { "REDRIVABLE_BY_MAP_RUN" };
    put("RedriveStatus", Some(redrivable.into()));
    put("StartDate", Some(instant(item.started)));
    put("StateMachineArn", Some(format!("{}/{}", run.machine.machine_arn(), run.label).into()));
    put("Status", item.status.map(|status| status.name().into()));
    put("StopDate", Some(instant(item.stopped)));
    Value::Object(out)
}

/// The results of children in the form that Transformation says.
fn transformed(run: &MapRun, items: &[Arc<MapItem>], transformation: &str) -> Vec<Value> {
    let mut out = Vec::new();
    for item in items {
        let succeeded = item.status == Some(Status::Succeeded);
        match transformation {
            "COMPACT" if succeeded => out.push(parsed(item.output.as_ref())),
            "FLATTEN" if succeeded => match parsed(item.output.as_ref()) {
                Value::Array(values) => out.extend(values),
                value => out.push(value),
            },
            _ => out.push(record(run, item)),
        }
    }
    out
}

impl States {
    pub async fn results(&self, cx: &Cx, arn: &Arc<str>, run: &MapRun, request: &MapRunRequest) -> Result<Value, Failure> {
        let items: Vec<Arc<MapItem>> = self.store.read(|state| of_run(state, arn)).into_iter().map(|(_, item)| item).collect();
        let writer = request.writer.as_ref();
        let config = writer.and_then(|writer| writer.config.as_ref());
        let setting = |name: &str| config.and_then(|config| config.get(name)).and_then(Value::as_str);
        let Some(writer) = writer.filter(|writer| writer.resource.is_some()) else {
            let transformation = setting("Transformation").unwrap_or("COMPACT");
            return Ok(Value::Array(transformed(run, &items, transformation)));
        };
        let argument = |name: &str| writer.arguments.as_ref().and_then(|arguments| arguments.get(name)).and_then(Value::as_str);
        let bucket = argument("Bucket").ok_or_else(|| failed("The field 'Bucket' is missing"))?.to_owned();
        let id = arn.rsplit(':').next().unwrap_or_default();
        let prefix = match argument("Prefix").map(|prefix| prefix.trim_end_matches('/')).filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => format!("{prefix}/{id}"),
            None => id.to_owned(),
        };
        let access = self.access(cx, run).await.map_err(failed)?;
        let transformation = setting("Transformation").unwrap_or("NONE");
        let lines = setting("OutputType") == Some("JSONL");
        let mut files = Map::new();
        for (name, wanted) in
            [("FAILED", [Status::Failed, Status::TimedOut].as_slice()), ("PENDING", &[Status::Aborted]), ("SUCCEEDED", &[Status::Succeeded])]
        {
            let of: Vec<Arc<MapItem>> = items.iter().filter(|item| item.status.is_some_and(|status| wanted.contains(&status))).cloned().collect();
            let values = transformed(run, &of, transformation);
            let mut written = Vec::new();
            for (number, text) in texts(&values, lines).into_iter().enumerate() {
                let key = format!("{prefix}/{name}_{number}.{}", if lines { "jsonl" } else { "json" });
                let size = text.len();
                put(cx, &access, &bucket, &key, text).await?;
                written.push(json!({"Key": key, "Size": size}));
            }
            files.insert(name.to_owned(), Value::Array(written));
        }
        let manifest = json!({"DestinationBucket": bucket, "MapRunArn": arn.as_ref(), "ResultFiles": files});
        let key = format!("{prefix}/manifest.json");
        put(cx, &access, &bucket, &key, to_text(&manifest)).await?;
        self.store.update(|state| {
            if let Some(run) = state.map_runs.get(arn).cloned() {
                let mut run = MapRun::clone(&run);
                run.children.written = run.children.total - run.children.pending;
                run.items.written = run.items.total - run.items.pending;
                state.put_map_run(arn, run);
            }
        });
        Ok(json!({"MapRunArn": arn.as_ref(), "ResultWriterDetails": {"Bucket": bucket, "Key": key}}))
    }
}

/// The texts of the files.
fn texts(values: &[Value], lines: bool) -> Vec<String> {
    let (mut out, mut parts, mut bytes) = (Vec::new(), Vec::new(), 0);
    let joined = |parts: &[String]| if lines { parts.join("\n") } else { format!("[{}]", parts.join(",")) };
    for value in values {
        let text = to_text(value);
        bytes += text.len();
        parts.push(text);
        if bytes >= FULL {
            out.push(joined(&parts));
            parts.clear();
            bytes = 0;
        }
    }
    if !parts.is_empty() {
        out.push(joined(&parts));
    }
    out
}

async fn put(cx: &Cx, access: &Access, bucket: &str, key: &str, text: String) -> Result<(), Failure> {
    let input =
        s3::PutObjectRequest { bucket: bucket.to_owned(), key: key.to_owned(), body: Some(Body::whole(text.into_bytes())), ..Default::default() };
    cx.call::<s3::PutObject>(access.caller.clone(), access.scope.clone(), input).await.map(drop).map_err(|fault| failed(fault.message()))
}

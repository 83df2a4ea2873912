//! The result of a Map Run: the outputs of its children, or files in S3.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html>

use super::{
    items::{Access, instant},
    of_run,
};
use crate::{
    States, limits,
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

/// AWS: what a state's result cannot be larger than is said of the Map.
const TOO_LARGE: &str = "The state/task 'map' returned a result with a size exceeding the maximum number of bytes service limit.";

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

/// Where results are written, and how.
struct Writer {
    access: Access,
    bucket: String,
    prefix: String,
    transformation: String,
    lines: bool,
}

impl States {
    async fn writer(&self, cx: &Cx, arn: &Arc<str>, run: &MapRun, request: &MapRunRequest) -> Result<Option<Writer>, Failure> {
        let Some(writer) = request.writer.as_ref().filter(|writer| writer.resource.is_some()) else { return Ok(None) };
        let argument = |name: &str| writer.arguments.as_ref().and_then(|arguments| arguments.get(name)).and_then(Value::as_str);
        let setting = |name: &str| writer.config.as_ref().and_then(|config| config.get(name)).and_then(Value::as_str);
        let id = arn.rsplit(':').next().unwrap_or_default();
        let prefix = match argument("Prefix").map(|prefix| prefix.trim_end_matches('/')).filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => format!("{prefix}/{id}"),
            None => id.to_owned(),
        };
        Ok(Some(Writer {
            access: self.access(cx, run).await.map_err(failed)?,
            bucket: argument("Bucket").ok_or_else(|| failed("The field 'Bucket' is missing"))?.to_owned(),
            prefix,
            transformation: setting("Transformation").unwrap_or("NONE").to_owned(),
            lines: setting("OutputType") == Some("JSONL"),
        }))
    }

    /// Writes the outputs so far into a file; their rows are then not needed any more.
    pub async fn write_succeeded(&self, cx: &Cx, arn: &Arc<str>, run: &MapRun, request: &MapRunRequest) -> Result<(), Failure> {
        let Some(writer) = self.writer(cx, arn, run, request).await? else { return Ok(()) };
        let items: Vec<(u64, Arc<MapItem>)> =
            self.store.read(|state| of_run(state, arn)).into_iter().filter(|(_, item)| item.status == Some(Status::Succeeded)).collect();
        let rows: Vec<Arc<MapItem>> = items.iter().map(|(_, item)| item.clone()).collect();
        let written = writer.write(cx, run, "SUCCEEDED", run.files.len(), &rows).await?;
        self.store.update(|state| {
            let Some(run) = state.map_runs.get(arn).cloned() else { return };
            let mut run = MapRun::clone(&run);
            run.files.extend(written);
            run.output_bytes = 0;
            run.children.written += i64::try_from(rows.len()).unwrap_or(0);
            run.items.written += rows.iter().map(|item| item.count).sum::<i64>();
            state.put_map_run(arn, run);
            items.iter().for_each(|(index, _)| state.remove_map_item(&(arn.clone(), *index)));
        });
        Ok(())
    }

    pub async fn results(&self, cx: &Cx, arn: &Arc<str>, run: &MapRun, request: &MapRunRequest) -> Result<Value, Failure> {
        if run.too_large {
            return Err(Failure::new("States.DataLimitExceeded", TOO_LARGE));
        }
        let all = || -> Vec<Arc<MapItem>> { self.store.read(|state| of_run(state, arn)).into_iter().map(|(_, item)| item).collect() };
        let Some(writer) = self.writer(cx, arn, run, request).await? else {
            let config = request.writer.as_ref().and_then(|writer| writer.config.as_ref());
            let transformation = config.and_then(|config| config.get("Transformation")).and_then(Value::as_str).unwrap_or("COMPACT");
            return Ok(Value::Array(transformed(run, &all(), transformation)));
        };
        self.write_succeeded(cx, arn, run, request).await?;
        let mut files = Map::new();
        let shown = |files: &[(String, u64)]| files.iter().map(|(key, size)| json!({"Key": key, "Size": size})).collect::<Vec<_>>();
        let rest = all();
        for (name, wanted) in [("FAILED", [Status::Failed, Status::TimedOut].as_slice()), ("PENDING", &[Status::Aborted])] {
            let of: Vec<Arc<MapItem>> = rest.iter().filter(|item| item.status.is_some_and(|status| wanted.contains(&status))).cloned().collect();
            let written = writer.write(cx, run, name, 0, &of).await?;
            self.store.update(|state| {
                if let Some(run) = state.map_runs.get(arn).cloned() {
                    let mut run = MapRun::clone(&run);
                    run.children.written += i64::try_from(of.len()).unwrap_or(0);
                    run.items.written += of.iter().map(|item| item.count).sum::<i64>();
                    state.put_map_run(arn, run);
                }
            });
            files.insert(name.to_owned(), shown(&written).into());
        }
        let succeeded = self.store.read(|state| state.map_runs.get(arn).map(|run| run.files.clone())).unwrap_or_default();
        files.insert("SUCCEEDED".to_owned(), shown(&succeeded).into());
        let Writer { access, bucket, prefix, .. } = writer;
        let manifest = json!({"DestinationBucket": bucket, "MapRunArn": arn.as_ref(), "ResultFiles": files});
        let key = format!("{prefix}/manifest.json");
        put(cx, &access, &bucket, &key, to_text(&manifest)).await?;
        Ok(json!({"MapRunArn": arn.as_ref(), "ResultWriterDetails": {"Bucket": bucket, "Key": key}}))
    }
}

impl Writer {
    /// Writes results into files, whose numbers begin with `first`; gives their keys and sizes.
    async fn write(&self, cx: &Cx, run: &MapRun, name: &str, first: usize, items: &[Arc<MapItem>]) -> Result<Vec<(String, u64)>, Failure> {
        let mut written = Vec::new();
        for (number, text) in texts(&transformed(run, items, &self.transformation), self.lines).into_iter().enumerate() {
            let key = format!("{}/{name}_{}.{}", self.prefix, first + number, if self.lines { "jsonl" } else { "json" });
            let size = u64::try_from(text.len()).unwrap_or(0);
            put(cx, &self.access, &self.bucket, &key, text).await?;
            written.push((key, size));
        }
        Ok(written)
    }
}

/// The texts of the files.
fn texts(values: &[Value], lines: bool) -> Vec<String> {
    let (mut out, mut parts, mut bytes) = (Vec::new(), Vec::new(), 0);
    let joined = |parts: &[String]| if lines { parts.join("\n") } else { format!("[{}]", parts.join(",")) };
    for value in values {
        let text = to_text(value);
        bytes += u64::try_from(text.len()).unwrap_or(0);
        parts.push(text);
        if bytes >= limits::RESULT_FILE {
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

//! The items of a Map Run: from the state's input or from S3, selected and batched.

use super::csv;
use crate::{PRINCIPAL, States, state::MapRun};
use cloudlet_api_s3 as s3;
use cloudlet_asl::{
    machine::{Failure, MapRunRequest, ReaderRequest},
    text::size,
};
use cloudlet_aws::{Arn, Caller, Scope, TimestampFormat};
use cloudlet_engine::{Cx, roles};
use cloudlet_shape::{BodyContent, BodyError};
use futures_util::StreamExt;
use serde_json::{Map, Value, json};

/// AWS: the largest file is 10 GB; this server reads it into memory.
const LARGEST_FILE: usize = 512 << 20;

fn failed(cause: impl Into<String>) -> Failure {
    Failure::new("States.ItemReaderFailed", cause)
}

/// Who reads and writes: a session of the execution's role.
pub struct Access {
    pub caller: Caller,
    pub scope: Scope,
}

/// One item, with what the context object says of it.
struct Item {
    key: Option<String>,
    value: Value,
    source: String,
}

impl States {
    pub async fn access(&self, cx: &Cx, run: &MapRun) -> Result<Access, String> {
        let found = self.store.read(|state| {
            let execution = state.executions.get(&run.execution)?;
            Some((state.revisions.get(&execution.revision)?.role_arn.clone(), execution.name.clone()))
        });
        let Some((role, name)) = found else { return Err("The execution does not exist".to_owned()) };
        let role = Arn::parse(&role).ok_or("The role does not exist")?;
        let name: String = name.chars().filter(|character| character.is_ascii_alphanumeric() || *character == '-').take(60).collect();
        let session = roles::assume_role(cx, &role, &format!("map-{name}"), PRINCIPAL, &run.machine.machine_arn()).await;
        let session = session.map_err(|fault| fault.message().to_owned())?;
        Ok(Access { caller: session.caller, scope: run.machine.scope() })
    }

    /// The inputs of the children, and how many items each has.
    pub async fn read_items(&self, cx: &Cx, run: &MapRun, request: &MapRunRequest) -> Result<Vec<(Value, i64)>, Failure> {
        let items = match (&request.reader, &request.items) {
            (Some(reader), _) => self.read_source(cx, run, reader).await?,
            (None, Some(items)) => of_value(items.clone(), "STATE_DATA")?,
            (None, None) => Vec::new(),
        };
        let selected = self.select(cx, run, request, items).await?;
        batches(selected, request)
    }

    async fn select(&self, cx: &Cx, run: &MapRun, request: &MapRunRequest, items: Vec<Item>) -> Result<Vec<Value>, Failure> {
        let _turn = self.turn(&run.execution).lock().await;
        let loaded = self.load(&run.execution).ok().flatten();
        let Some(mut turn) = loaded else { return Err(failed("The execution does not run")) };
        let now = cx.clock().now().millis();
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let mut context = Map::new();
            context.insert("Index".to_owned(), index.into());
            context.extend(item.key.map(|key| ("Key".to_owned(), Value::String(key))));
            context.insert("Value".to_owned(), item.value);
            context.insert("Source".to_owned(), Value::String(item.source));
            out.push(turn.machine.select_item(&turn.definition, request.run, &Value::Object(context), now)?);
            if index % 1000 == 999 {
                tokio::task::yield_now().await;
            }
        }
        Ok(out)
    }

    async fn read_source(&self, cx: &Cx, run: &MapRun, reader: &ReaderRequest) -> Result<Vec<Item>, Failure> {
        let access = self.access(cx, run).await.map_err(failed)?;
        let argument = |name: &str| reader.arguments.get(name).and_then(Value::as_str).map(str::to_owned);
        let bucket = argument("Bucket").ok_or_else(|| failed("The field 'Bucket' is missing"))?;
        let most = reader.max_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let mut items = if reader.resource.ends_with(":listObjectsV2") {
            let listed = list(cx, &access, &bucket, argument("Prefix"), most).await?;
            if reader.config.get("Transformation").and_then(Value::as_str) == Some("LOAD_AND_FLATTEN") {
                let mut items = Vec::new();
                for object in listed {
                    let key = object.value.get("Key").and_then(Value::as_str).unwrap_or_default().to_owned();
                    items.extend(file(cx, &access, &bucket, &key, None, &reader.config).await?);
                    if items.len() >= most {
                        break;
                    }
                }
                items
            } else {
                listed
            }
        } else {
            let key = argument("Key").ok_or_else(|| failed("The field 'Key' is missing"))?;
            file(cx, &access, &bucket, &key, argument("VersionId"), &reader.config).await?
        };
        items.truncate(most);
        Ok(items)
    }
}

async fn list(cx: &Cx, access: &Access, bucket: &str, prefix: Option<String>, most: usize) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    let mut continuation_token = None;
    loop {
        let input = s3::ListObjectsV2Request { bucket: bucket.to_owned(), prefix: prefix.clone(), continuation_token, ..Default::default() };
        let page = cx.call::<s3::ListObjectsV2>(access.caller.clone(), access.scope.clone(), input).await;
        let page = page.map_err(|fault| failed(fault.message()))?;
        for object in page.contents.into_iter().flatten() {
            let value = json!({
                "Etag": object.etag,
                "Key": object.key,
                "LastModified": object.last_modified.map(|at| at.secs()),
                "Size": object.size,
                "StorageClass": object.storage_class,
            });
            items.push(Item { key: None, value, source: format!("S3://{bucket}") });
        }
        continuation_token = page.next_continuation_token;
        if continuation_token.is_none() || items.len() >= most {
            return Ok(items);
        }
    }
}

async fn bytes(cx: &Cx, access: &Access, bucket: &str, key: &str, version_id: Option<String>) -> Result<Vec<u8>, Failure> {
    let input = s3::GetObjectRequest { bucket: bucket.to_owned(), key: key.to_owned(), version_id, ..Default::default() };
    let output = cx.call::<s3::GetObject>(access.caller.clone(), access.scope.clone(), input).await.map_err(|fault| failed(fault.message()))?;
    let mut out = Vec::new();
    match output.body.unwrap_or_default().take() {
        BodyContent::Whole(whole) => out.extend_from_slice(&whole),
        BodyContent::Stream(mut stream) => {
            while let Some(piece) = stream.next().await {
                match piece {
                    Ok(piece) => out.extend_from_slice(&piece),
                    Err(BodyError::Refused(fault)) => return Err(failed(fault.message())),
                    Err(BodyError::Broken(why)) => return Err(failed(why)),
                }
                if out.len() > LARGEST_FILE {
                    return Err(failed("The file is larger than Cloudlet reads."));
                }
            }
        }
    }
    Ok(out)
}

async fn file(cx: &Cx, access: &Access, bucket: &str, key: &str, version: Option<String>, config: &Value) -> Result<Vec<Item>, Failure> {
    let whole = bytes(cx, access, bucket, key, version).await?;
    let setting = |name: &str| config.get(name).and_then(Value::as_str);
    let source = format!("S3://{bucket}/{key}");
    match (setting("ManifestType"), setting("InputType")) {
        (Some("ATHENA_DATA"), _) => {
            let mut items = Vec::new();
            for line in text(whole)?.lines().map(|line| line.trim().trim_matches('"').to_owned()).filter(|line| !line.is_empty()) {
                let (bucket, key) =
                    line.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or_else(|| failed("The manifest is invalid."))?;
                let part = bytes(cx, access, bucket, key, None).await?;
                items.extend(read(part, config, &format!("S3://{bucket}/{key}"))?);
            }
            Ok(items)
        }
        (Some("S3_INVENTORY"), _) | (None, Some("MANIFEST")) => inventory(cx, access, &whole, config).await,
        _ => read(whole, config, &source),
    }
}

/// The manifest of S3 Inventory, whose files are CSV without a head.
async fn inventory(cx: &Cx, access: &Access, manifest: &[u8], config: &Value) -> Result<Vec<Item>, Failure> {
    let manifest: Value = serde_json::from_slice(manifest).map_err(|_| failed("The manifest is invalid."))?;
    let field = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default();
    let bucket = field("destinationBucket").rsplit(':').next().unwrap_or_default().to_owned();
    let headers: Vec<String> = field("fileSchema").split(',').map(|header| header.trim().to_owned()).collect();
    let mut items = Vec::new();
    for part in manifest.get("files").and_then(Value::as_array).into_iter().flatten() {
        let key = part.get("key").and_then(Value::as_str).unwrap_or_default();
        let whole = bytes(cx, access, &bucket, key, None).await?;
        let config = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": headers, "CSVDelimiter": config.get("CSVDelimiter")});
        items.extend(read(whole, &config, &format!("S3://{bucket}/{key}"))?);
    }
    Ok(items)
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err(failed("Cloudlet does not read compressed files yet."));
    }
    String::from_utf8(bytes).map_err(|_| failed("The file is not UTF-8."))
}

fn read(bytes: Vec<u8>, config: &Value, source: &str) -> Result<Vec<Item>, Failure> {
    let setting = |name: &str| config.get(name).and_then(Value::as_str);
    let item = |value: Value| Item { key: None, value, source: source.to_owned() };
    match setting("InputType") {
        Some("CSV") => {
            let delimiter = match setting("CSVDelimiter") {
                Some("PIPE") => '|',
                Some("SEMICOLON") => ';',
                Some("SPACE") => ' ',
                Some("TAB") => '\t',
                _ => ',',
            };
            let mut records = csv::records(&text(bytes)?, delimiter).into_iter();
            let headers: Vec<String> = match setting("CSVHeaderLocation") {
                Some("GIVEN") => {
                    let given = config.get("CSVHeaders").and_then(Value::as_array).into_iter().flatten();
                    given.filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => records.next().unwrap_or_default(),
            };
            let mut sorted: Vec<&String> = headers.iter().collect();
            sorted.sort_unstable();
            if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(failed("CSV headers cannot contain duplicates."));
            }
            Ok(records.map(|record| item(csv::object(&headers, record))).collect())
        }
        Some("JSONL") => {
            let lines = text(bytes)?;
            let values = lines.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str::<Value>);
            values.map(|value| value.map(item).map_err(|_| failed("The file is not JSON Lines."))).collect()
        }
        Some("PARQUET") => Err(failed("Cloudlet does not read Parquet files.")),
        _ => {
            let value: Value = serde_json::from_str(&text(bytes)?).map_err(|_| failed("Attempting to map over non-iterable node."))?;
            let pointed = match setting("ItemsPointer") {
                Some(pointer) => value.pointer(pointer).cloned().ok_or_else(|| failed("The ItemsPointer refers to nothing."))?,
                None => value,
            };
            of_value(pointed, source)
        }
    }
}

fn of_value(value: Value, source: &str) -> Result<Vec<Item>, Failure> {
    match value {
        Value::Array(items) => Ok(items.into_iter().map(|value| Item { key: None, value, source: source.to_owned() }).collect()),
        // An object is a list of its entries.
        Value::Object(fields) => Ok(fields.into_iter().map(|(key, value)| Item { key: Some(key), value, source: source.to_owned() }).collect()),
        _ => Err(failed("Attempting to map over non-iterable node.")),
    }
}

fn batches(items: Vec<Value>, request: &MapRunRequest) -> Result<Vec<(Value, i64)>, Failure> {
    if request.batch_items.is_none() && request.batch_bytes.is_none() {
        return Ok(items.into_iter().map(|item| (item, 1)).collect());
    }
    let most = request.batch_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX).max(1);
    let most_bytes = request.batch_bytes.and_then(|most| usize::try_from(most).ok()).unwrap_or(262_144);
    let around = request.batch_input.as_ref().map_or(12, |input| size(input) + 27);
    let (mut out, mut batch, mut bytes) = (Vec::new(), Vec::new(), around);
    let whole = |batch: Vec<Value>| {
        let count = i64::try_from(batch.len()).unwrap_or(0);
        let input = match &request.batch_input {
            Some(input) => json!({"BatchInput": input, "Items": batch}),
            None => json!({"Items": batch}),
        };
        (input, count)
    };
    for item in items {
        let length = size(&item) + 1;
        if around + length > most_bytes {
            return Err(Failure::new("States.ItemReaderFailed", "An item is larger than a batch may be."));
        }
        if batch.len() >= most || bytes + length > most_bytes {
            out.push(whole(std::mem::take(&mut batch)));
            bytes = around;
        }
        bytes += length;
        batch.push(item);
    }
    if !batch.is_empty() {
        out.push(whole(batch));
    }
    Ok(out)
}

/// An instant in a result.
pub fn instant(at: Option<cloudlet_aws::Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.text(TimestampFormat::DateTime).into())
}

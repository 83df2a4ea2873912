//! The items of a Map Run: from the state's input or from S3, selected and batched, and written down as inputs of children as they come.

use crate::{
    PRINCIPAL, States,
    drive::Turn,
    state::{MapRun, State},
};
use cloudlet_api_s3 as s3;
use cloudlet_asl::{
    items::{Batch, Batcher, Format, Item, Items, ReadError, format_of, inventory},
    machine::{Failure, MapRunRequest, ReaderRequest},
    text::to_text,
};
use cloudlet_aws::{Arn, Caller, Scope, TimestampFormat};
use cloudlet_engine::{Cx, roles};
use cloudlet_shape::{Body, BodyContent, BodyError};
use cloudlet_store::Json;
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// So many inputs are in one row.
const INPUTS_IN_A_ROW: usize = 200;
/// AWS: the largest manifest is far below this.
const LARGEST_MANIFEST: usize = 64 << 20;

fn failed(cause: impl Into<String>) -> Failure {
    Failure::new("States.ItemReaderFailed", cause)
}

fn unreadable(ReadError(cause): ReadError) -> Failure {
    failed(cause)
}

/// Who reads and writes: a session of the execution's role.
pub struct Access {
    pub caller: Caller,
    pub scope: Scope,
}

/// What becomes of items: selected, batched, and rows of inputs.
struct Inputs<'s> {
    states: &'s States,
    arn: &'s Arc<str>,
    request: &'s MapRunRequest,
    turn: Turn,
    now: i64,
    batcher: Batcher,
    batches: Vec<Batch>,
    /// Items taken, and how many may be.
    taken: u64,
    most: u64,
    /// Inputs and their items so far.
    written: u64,
    items: i64,
}

impl Inputs<'_> {
    fn is_full(&self) -> bool {
        self.taken >= self.most
    }

    fn take(&mut self, item: Item, source: &str) -> Result<(), Failure> {
        if self.is_full() {
            return Ok(());
        }
        let mut context = Map::new();
        context.insert("Index".to_owned(), self.taken.into());
        context.extend(item.key.map(|key| ("Key".to_owned(), Value::String(key))));
        context.insert("Value".to_owned(), item.value);
        context.insert("Source".to_owned(), source.into());
        self.taken += 1;
        let selected = self.turn.machine.select_item(&self.turn.definition, self.request.run, &Value::Object(context), self.now)?;
        self.batcher.push(selected, &mut self.batches).map_err(unreadable)?;
        if self.batches.len() >= INPUTS_IN_A_ROW {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Failure> {
        let batches = std::mem::take(&mut self.batches);
        if batches.is_empty() {
            return Ok(());
        }
        let first = self.written;
        let row: Vec<(String, i64)> = batches.into_iter().map(|batch| (to_text(&batch.input), batch.count)).collect();
        self.written += u64::try_from(row.len()).unwrap_or(0);
        self.items += row.iter().map(|(_, count)| count).sum::<i64>();
        let row = Json::of(&row).map_err(|error| failed(error.to_string()))?;
        self.states.store.update(|state| state.map_inputs.insert((self.arn.clone(), first), row));
        Ok(())
    }

    /// Writes the rest, and says in the Map Run how many there are.
    fn finish(mut self) -> Result<(), Failure> {
        let batcher = std::mem::replace(&mut self.batcher, Batcher::new(None, None, None));
        batcher.finish(&mut self.batches);
        self.write()?;
        let (children, items) = (i64::try_from(self.written).unwrap_or(i64::MAX), self.items);
        self.states.store.update(|state: &mut State| {
            let Some(run) = state.map_runs.get(self.arn).cloned() else { return };
            let mut run = MapRun::clone(&run);
            run.read = true;
            (run.children.total, run.children.pending) = (children, children);
            (run.items.total, run.items.pending) = (items, items);
            state.put_map_run(self.arn, run);
        });
        Ok(())
    }
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

    /// Reads the items, and writes down the inputs of the children.
    pub async fn read_items(&self, cx: &Cx, arn: &Arc<str>, run: &MapRun, request: &MapRunRequest) -> Result<(), Failure> {
        // What was read before a crash is read again.
        self.store.update(|state| state.remove_items(arn));
        let loaded = self.load(&run.execution).ok().flatten();
        let Some(turn) = loaded else { return Err(failed("The execution does not run")) };
        let most = request.reader.as_ref().and_then(|reader| reader.max_items);
        let most = most.map_or(Ok(u64::MAX), |most| u64::try_from(most).map_err(|_| failed("field MaxItems must be positive")))?;
        let mut inputs = Inputs {
            states: self,
            arn,
            request,
            turn,
            now: cx.clock().now().millis(),
            batcher: Batcher::new(request.batch_items, request.batch_bytes, request.batch_input.clone()),
            batches: Vec::new(),
            taken: 0,
            most,
            written: 0,
            items: 0,
        };
        match (&request.reader, &request.items) {
            (Some(reader), _) => self.read_source(cx, run, reader, &mut inputs).await?,
            (None, Some(Value::Array(items))) => {
                for value in items {
                    inputs.take(Item { key: None, value: value.clone() }, "STATE_DATA")?;
                }
            }
            (None, Some(Value::Object(fields))) => {
                for (key, value) in fields {
                    inputs.take(Item { key: Some(key.clone()), value: value.clone() }, "STATE_DATA")?;
                }
            }
            (None, Some(_)) => return Err(failed("Attempting to map over non-iterable node.")),
            (None, None) => {}
        }
        inputs.finish()
    }

    async fn read_source(&self, cx: &Cx, run: &MapRun, reader: &ReaderRequest, inputs: &mut Inputs<'_>) -> Result<(), Failure> {
        let access = self.access(cx, run).await.map_err(failed)?;
        let argument = |name: &str| reader.arguments.get(name).and_then(Value::as_str).map(str::to_owned);
        let bucket = argument("Bucket").ok_or_else(|| failed("The field 'Bucket' is missing"))?;
        if !reader.resource.ends_with(":listObjectsV2") {
            let key = argument("Key").ok_or_else(|| failed("The field 'Key' is missing"))?;
            return file(cx, &access, (&bucket, &key, argument("VersionId")), &reader.config, inputs).await;
        }
        let flattens = reader.config.get("Transformation").and_then(Value::as_str) == Some("LOAD_AND_FLATTEN");
        let mut token = None;
        loop {
            let input =
                s3::ListObjectsV2Request { bucket: bucket.clone(), prefix: argument("Prefix"), continuation_token: token, ..Default::default() };
            let page = cx.call::<s3::ListObjectsV2>(access.caller.clone(), access.scope.clone(), input).await;
            let page = page.map_err(|fault| failed(fault.message()))?;
            for object in page.contents.into_iter().flatten() {
                if flattens {
                    let key = object.key.unwrap_or_default();
                    file(cx, &access, (&bucket, &key, None), &reader.config, inputs).await?;
                    continue;
                }
                let value = json!({
                    "Etag": object.etag,
                    "Key": object.key,
                    "LastModified": object.last_modified.map(|at| at.secs()),
                    "Size": object.size,
                    "StorageClass": object.storage_class,
                });
                inputs.take(Item { key: None, value }, &format!("S3://{bucket}"))?;
            }
            token = page.next_continuation_token;
            if token.is_none() || inputs.is_full() {
                return Ok(());
            }
        }
    }
}

async fn body(cx: &Cx, access: &Access, bucket: &str, key: &str, version_id: Option<String>) -> Result<Body, Failure> {
    let input = s3::GetObjectRequest { bucket: bucket.to_owned(), key: key.to_owned(), version_id, ..Default::default() };
    let output = cx.call::<s3::GetObject>(access.caller.clone(), access.scope.clone(), input).await.map_err(|fault| failed(fault.message()))?;
    Ok(output.body.unwrap_or_default())
}

/// The pieces of a body, one after the other. It ends when `each` is satisfied.
async fn pieces(body: &Body, mut each: impl FnMut(&[u8]) -> Result<bool, Failure>) -> Result<(), Failure> {
    match body.take() {
        BodyContent::Whole(whole) => {
            for piece in whole.chunks(64 << 10) {
                if !each(piece)? {
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
        }
        BodyContent::Stream(mut stream) => {
            while let Some(piece) = stream.next().await {
                let piece = match piece {
                    Ok(piece) => piece,
                    Err(BodyError::Refused(fault)) => return Err(failed(fault.message())),
                    Err(BodyError::Broken(why)) => return Err(failed(why)),
                };
                if !each(&piece)? {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

async fn whole(cx: &Cx, access: &Access, bucket: &str, key: &str, version: Option<String>) -> Result<Vec<u8>, Failure> {
    let body = body(cx, access, bucket, key, version).await?;
    let mut out = Vec::new();
    pieces(&body, |piece| {
        out.extend_from_slice(piece);
        if out.len() > LARGEST_MANIFEST { Err(failed("The manifest is too large.")) } else { Ok(true) }
    })
    .await?;
    Ok(out)
}

/// The items of a file, or of the files that a manifest names.
async fn file(
    cx: &Cx,
    access: &Access,
    (bucket, key, version): (&str, &str, Option<String>),
    config: &Value,
    inputs: &mut Inputs<'_>,
) -> Result<(), Failure> {
    let setting = |name: &str| config.get(name).and_then(Value::as_str);
    match (setting("ManifestType"), setting("InputType")) {
        (Some("ATHENA_DATA"), _) => {
            let manifest = whole(cx, access, bucket, key, version).await?;
            let mut files = Vec::new();
            let mut lines = Items::new(Format::AthenaManifest);
            lines.push(&manifest, &mut files).and_then(|()| lines.finish(&mut files)).map_err(unreadable)?;
            let format = format_of(config).map_err(unreadable)?;
            for file in files {
                let address = file.value.as_str().and_then(|address| address.strip_prefix("s3://")?.split_once('/'));
                let (bucket, key) = address.ok_or_else(|| failed("The manifest is invalid."))?;
                items(cx, access, (bucket, key, None), format.clone(), inputs).await?;
            }
            Ok(())
        }
        (Some("S3_INVENTORY"), _) | (None, Some("MANIFEST")) => {
            let manifest = inventory(&whole(cx, access, bucket, key, version).await?).map_err(unreadable)?;
            for file in &manifest.files {
                items(cx, access, (&manifest.bucket, &file.key, None), manifest.format.clone(), inputs).await?;
            }
            Ok(())
        }
        _ => items(cx, access, (bucket, key, version), format_of(config).map_err(unreadable)?, inputs).await,
    }
}

async fn items(
    cx: &Cx,
    access: &Access,
    (bucket, key, version): (&str, &str, Option<String>),
    format: Format,
    inputs: &mut Inputs<'_>,
) -> Result<(), Failure> {
    if inputs.is_full() {
        return Ok(());
    }
    let body = body(cx, access, bucket, key, version).await?;
    let source = format!("S3://{bucket}/{key}");
    let mut reader = Items::new(format);
    let (mut found, mut is_first) = (Vec::new(), true);
    pieces(&body, |piece| {
        let compressed = piece.starts_with(&[0x1f, 0x8b]) || piece.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        if std::mem::take(&mut is_first) && compressed {
            return Err(failed("Cloudlet does not read compressed files yet."));
        }
        reader.push(piece, &mut found).map_err(unreadable)?;
        found.drain(..).try_for_each(|item| inputs.take(item, &source))?;
        Ok(!inputs.is_full())
    })
    .await?;
    if inputs.is_full() {
        return Ok(());
    }
    reader.finish(&mut found).map_err(unreadable)?;
    found.into_iter().try_for_each(|item| inputs.take(item, &source))
}

/// An instant in a result.
pub fn instant(at: Option<cloudlet_aws::Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.text(TimestampFormat::DateTime).into())
}

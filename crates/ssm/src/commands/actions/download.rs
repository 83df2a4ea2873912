//! `aws:downloadContent`: from S3 and Systems Manager as the node, and by HTTP. GitHub is elsewhere: nothing leaves this machine by itself.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html#aws-downloadContent>

use super::execution::{Ended, Execution};
use crate::{PRINCIPAL, s3_urls};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_api_s3::{GetObject, GetObjectRequest, ListObjectsV2, ListObjectsV2Request};
use cloudlet_api_ssm::{GetDocument, GetDocumentRequest, GetDocumentResult};
use cloudlet_engine::HttpRequest;
use serde_json::Value;
use std::time::Duration;

const MOST_BYTES: usize = 16 << 20;
const MOST_FILES: i32 = 1_000;
const TIMEOUT: Duration = Duration::from_secs(60);

/// What was fetched: the name of the file below the destination, and its content.
type File = (String, Bytes);

/// A value that is an object, or the text of one.
pub fn object_of(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        object => Some(object.clone()).filter(Value::is_object),
    }
}

impl Execution<'_> {
    pub async fn download(&self, inputs: &Value) -> Ended {
        let kind = inputs.get("sourceType").and_then(Value::as_str).unwrap_or_default();
        let Some(info) = object_of(inputs.get("sourceInfo")) else {
            return Ended::failed("SourceInfo must be an object of JSON");
        };
        let files = match kind {
            "S3" => self.read_s3(&info).await,
            "HTTP" => self.read_http(&info).await,
            "SSMDocument" => self.read_documents(&info).await,
            "GitHub" | "Git" => Err(format!("content of {kind} is outside of this machine, and is not fetched")),
            other => Err(format!("Unsupported source type {other}")),
        };
        let files = match files {
            Ok(files) => files,
            Err(why) => return Ended::failed(why),
        };
        let destination = inputs.get("destinationPath").and_then(Value::as_str).unwrap_or_default();
        let folder = format!("{}/downloads", self.folder());
        let base = match destination {
            "" => folder,
            absolute if absolute.starts_with('/') => absolute.trim_end_matches('/').to_owned(),
            relative => format!("{folder}/{}", relative.trim_matches('/')),
        };
        // A single file may be given its name by a destination that is no folder.
        let is_named = files.len() == 1
            && !destination.is_empty()
            && !destination.ends_with('/')
            && destination.rsplit('/').next().is_some_and(|last| last.contains('.'));
        for (name, bytes) in files {
            if name.split('/').any(|part| part == "..") {
                return Ended::failed(format!("{name} is outside of the destination"));
            }
            let path = if is_named { base.clone() } else { format!("{base}/{name}") };
            if let Err(why) = self.write_file(&path, bytes).await {
                return Ended::failed(why);
            }
        }
        Ended::success(format!("Content downloaded to {base}"))
    }

    /// An object, or all below a prefix.
    async fn read_s3(&self, info: &Value) -> Result<Vec<File>, String> {
        let url = info.get("path").and_then(Value::as_str).unwrap_or_default();
        let place = s3_urls::parse(url, self.cx.own_address()).ok_or_else(|| format!("S3 source path {url} is not valid"))?;
        let caller = self.caller()?;
        let scope = &self.cx.scope;
        let mut keys = vec![place.key.clone()];
        let is_folder = place.key.is_empty() || place.key.ends_with('/');
        if is_folder {
            let input = ListObjectsV2Request {
                bucket: place.bucket.clone(),
                prefix: Some(place.key.clone()),
                max_keys: Some(MOST_FILES),
                ..ListObjectsV2Request::default()
            };
            let listed = Box::pin(self.cx.call::<ListObjectsV2>(caller.clone(), scope.clone(), input)).await;
            let listed = listed.map_err(|fault| format!("{url}: {}", fault.message()))?;
            keys = listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).filter(|key| !key.ends_with('/')).collect();
        }
        let mut files = Vec::new();
        let mut total = 0;
        for key in keys {
            let input = GetObjectRequest { bucket: place.bucket.clone(), key: key.clone(), ..GetObjectRequest::default() };
            let object = Box::pin(self.cx.call::<GetObject>(caller.clone(), scope.clone(), input)).await;
            let object = object.map_err(|fault| format!("failed to download {key}: {}", fault.message()))?;
            let bytes = crate::documents::drain(&object.body.unwrap_or_default(), MOST_BYTES).await.map_err(|fault| fault.message().to_owned())?;
            let bytes = bytes.ok_or_else(|| format!("{key} is larger than {MOST_BYTES} bytes"))?;
            total += bytes.len();
            if total > MOST_BYTES {
                return Err(format!("{url} has more than {MOST_BYTES} bytes"));
            }
            let name = if is_folder { key.strip_prefix(&place.key).unwrap_or(&key) } else { key.rsplit('/').next().unwrap_or(&key) };
            files.push((name.to_owned(), bytes));
        }
        if files.is_empty() {
            return Err(format!("{url}: there is nothing"));
        }
        Ok(files)
    }

    async fn read_http(&self, info: &Value) -> Result<Vec<File>, String> {
        let text = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default();
        let url = text("url");
        let mut headers = Vec::new();
        if text("authMethod") == "Basic" {
            headers.push(("authorization", format!("Basic {}", STANDARD.encode(format!("{}:{}", text("username"), text("password"))))));
        }
        let request = HttpRequest { method: "GET", to: url.to_owned(), headers, body: Bytes::new(), timeout: TIMEOUT };
        let response = self.cx.send(request).await.map_err(|error| format!("{url}: {error}"))?;
        if !(200..300).contains(&response.status) {
            return Err(format!("{url}: the server answered {}", response.status));
        }
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let name = path.split("://").nth(1).and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path.rsplit('/').next().unwrap_or(path));
        Ok(vec![(if name.is_empty() { "index".to_owned() } else { name.to_owned() }, response.body)])
    }

    async fn read_documents(&self, info: &Value) -> Result<Vec<File>, String> {
        let named = info.get("name").and_then(Value::as_str).unwrap_or_default();
        let found = self.read_document(named).await?;
        let (name, _) = split_version(named);
        let plain = name.rsplit('/').next().unwrap_or(name);
        Ok(vec![(format!("{plain}.json"), found.content.unwrap_or_default().into())])
    }

    /// A document of Systems Manager, in JSON: the node reads it. `name:version`
    pub async fn read_document(&self, named: &str) -> Result<GetDocumentResult, String> {
        let (name, version) = split_version(named);
        let input = GetDocumentRequest {
            name: name.to_owned(),
            document_version: version.map(str::to_owned),
            document_format: Some("JSON".to_owned()),
            ..GetDocumentRequest::default()
        };
        let caller = self.caller()?;
        let found = Box::pin(self.cx.call::<GetDocument>(caller, self.cx.scope.clone(), input)).await;
        found.map_err(|fault| format!("{PRINCIPAL}: {named}: {}", fault.message()))
    }
}

/// `name:version`, where the name may be an ARN.
pub fn split_version(named: &str) -> (&str, Option<&str>) {
    let after = named.rfind('/').map_or(0, |at| at + 1);
    match named.get(after..).and_then(|rest| rest.find(':')) {
        Some(at) => named.split_at_checked(after + at).map_or((named, None), |(name, version)| (name, version.strip_prefix(':'))),
        None => (named, None),
    }
}

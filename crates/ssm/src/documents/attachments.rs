//! Attachments: files of a version, taken from S3 as the caller when the version is made, and fetched by their address.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AttachmentsSource.html>

use super::{
    Documents, VersionSelector,
    names::no_such_document,
    rows::{Attachment, hash_of},
};
use crate::{PRINCIPAL, Ssm, faults, limits, s3_urls};
use bytes::{Bytes, BytesMut};
use cloudlet_api_s3::{GetObject, GetObjectRequest};
use cloudlet_api_ssm::AttachmentsSource;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, PublicFile, PublicFiles};
use cloudlet_shape::{Body, BodyContent};
use futures_util::StreamExt;

/// Where an attachment can be fetched, on the server's address.
pub fn path(id: &str, name: &str) -> String {
    format!("/_ssm/attachments/{id}/{name}")
}

/// All of a body, if it is not longer.
pub async fn drain(body: &Body, most: usize) -> Result<Option<Bytes>, Fault> {
    match body.take() {
        BodyContent::Whole(bytes) => Ok(Some(bytes).filter(|bytes| bytes.len() <= most)),
        BodyContent::Stream(mut stream) => {
            let mut all = BytesMut::new();
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|error| Fault::internal(format!("{error:?}")))?;
                if all.len() + piece.len() > most {
                    return Ok(None);
                }
                all.extend_from_slice(&piece);
            }
            Ok(Some(all.freeze()))
        }
    }
}

fn invalid(message: impl Into<String>) -> Fault {
    // AWS: unverified. There the document exists then, with the status Failed and a reason.
    faults::validation(message)
}

/// The attachments that a request names.
pub async fn fetch(ssm: &Ssm, cx: &Cx, sources: &[AttachmentsSource], content: &serde_json::Value) -> Result<Vec<Attachment>, Fault> {
    let mut attached = Vec::new();
    let mut total = 0;
    for source in sources {
        let value = source.values.as_deref().unwrap_or_default().first().map_or("", String::as_str);
        let found: Vec<(String, Bytes)> = match source.key.as_deref() {
            Some("AttachmentReference") => vec![referred(ssm, cx, source.name.as_deref(), value)?],
            Some("SourceUrl") => {
                let files = content.get("files").and_then(serde_json::Value::as_object);
                let names: Vec<String> = files.map(|files| files.keys().cloned().collect()).unwrap_or_default();
                let mut found = Vec::new();
                for name in names {
                    let url = format!("{}/{name}", value.trim_end_matches('/'));
                    found.push((name, object(cx, &url).await?));
                }
                found
            }
            _ => {
                let name = source.name.clone().unwrap_or_else(|| value.rsplit('/').next().unwrap_or(value).to_owned());
                vec![(name, object(cx, value).await?)]
            }
        };
        for (name, bytes) in found {
            total += bytes.len();
            if total > limits::ATTACHMENT_BYTES {
                return Err(invalid(format!("Attachments of a version may have {} bytes in all.", limits::ATTACHMENT_BYTES)));
            }
            let hash = hash_of(&bytes);
            attached.push(Attachment { id: cx.ids().hex(32).into(), name: name.into(), bytes, hash });
        }
    }
    Ok(attached)
}

async fn object(cx: &Cx, url: &str) -> Result<Bytes, Fault> {
    let place = s3_urls::parse(url, cx.own_address()).ok_or_else(|| invalid(format!("{url} names no object in S3.")))?;
    let input = GetObjectRequest { bucket: place.bucket, key: place.key, ..GetObjectRequest::default() };
    let object = cx.forward::<GetObject>(PRINCIPAL, cx.scope.clone(), input).await.map_err(|fault| invalid(format!("{url}: {}", fault.message())))?;
    let body = object.body.unwrap_or_default();
    drain(&body, limits::ATTACHMENT_BYTES).await?.ok_or_else(|| invalid(format!("{url} is too large.")))
}

/// `document/version/name`: the attachment of another document.
fn referred(ssm: &Ssm, cx: &Cx, name: Option<&str>, value: &str) -> Result<(String, Bytes), Fault> {
    let mut parts = value.rsplitn(3, '/');
    let (Some(file), Some(version), Some(document)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(invalid(format!("{value} is not document/version/name.")));
    };
    let found = ssm.documents.resolve(cx, document, VersionSelector::version(Some(version)))?;
    let attachment = found.version.attachments.iter().find(|attachment| &*attachment.name == file).ok_or_else(no_such_document)?;
    Ok((name.unwrap_or(file).to_owned(), attachment.bytes.clone()))
}

/// Whoever knows the address of an attachment may fetch it, as with AWS's signed addresses.
pub struct AttachmentFiles(pub Documents);

impl PublicFiles for AttachmentFiles {
    fn paths(&self) -> Vec<String> {
        vec![path("{id}", "{name}")]
    }

    fn public_file(&self, path: &str) -> Option<PublicFile> {
        let id = path.strip_prefix("/_ssm/attachments/")?.split('/').next()?;
        let found = self.0.store.read(|state| {
            let mut all = state.versions.values().flat_map(|version| version.attachments.iter());
            all.find(|attachment| &*attachment.id == id).map(|attachment| attachment.bytes.clone())
        });
        found.map(|body| PublicFile { content_type: "application/octet-stream", body })
    }
}

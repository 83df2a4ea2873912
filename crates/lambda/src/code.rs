//! Where code comes from: the request, or an object that the caller may read.

use crate::{
    Lambda,
    archive::{self, Refused},
    faults, limits,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use cloudlet_api_s3::{GetObject, GetObjectRequest};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use cloudlet_shape::{Body, BodyContent};
use cloudlet_store::{Blob, BlobId, PendingBlob};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

/// The principal of Lambda.
pub const PRINCIPAL: &str = "lambda.amazonaws.com";

/// LocalStack's bucket whose keys are folders of the machine.
const HOT_RELOAD: &str = "hot-reload";
/// What LocalStack shows in place of a digest.
const NO_DIGEST: &str = "hot-reloading-hash-not-available";

/// The members of a request that say where the code is.
#[derive(Clone, Copy, Default)]
pub struct Source<'r> {
    pub zip: Option<&'r Bytes>,
    pub bucket: Option<&'r str>,
    pub key: Option<&'r str>,
    pub version: Option<&'r str>,
    /// Whether an object is copied or read where it lies.
    pub storage_mode: Option<&'r str>,
}

/// An archive that was checked.
pub struct Package {
    pub bytes: Bytes,
    pub sha256: String,
    /// Bytes when it is unpacked.
    pub unpacked: u64,
    /// A folder of the machine, in place of an archive.
    pub mounted: Option<String>,
    /// A container image, in place of an archive.
    pub image: Option<String>,
}

impl Package {
    pub fn size(&self) -> i64 {
        i64::try_from(self.bytes.len()).unwrap_or(i64::MAX)
    }
}

fn refused(why: Refused) -> Fault {
    match why {
        Refused::Unreadable => faults::unzippable(),
        Refused::Empty => faults::invalid("Uploaded file must be a non-empty zip"),
        Refused::TooLarge => faults::invalid(format!("Unzipped size must be smaller than {} bytes", limits::UNPACKED_BYTES)),
    }
}

/// All of a body.
pub async fn drain(body: &Body, most: u64) -> Result<Option<Bytes>, Fault> {
    match body.take() {
        BodyContent::Whole(bytes) => Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most)),
        BodyContent::Stream(mut stream) => {
            let mut all = BytesMut::new();
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|error| Fault::internal(format!("{error:?}")))?;
                if (all.len() + piece.len()) as u64 > most {
                    return Ok(None);
                }
                all.extend_from_slice(&piece);
            }
            Ok(Some(all.freeze()))
        }
    }
}

impl Lambda {
    /// The code that a request hands in. `operation` is for messages.
    pub async fn package(&self, cx: &Cx, source: Source<'_>, operation: &str) -> Result<Package, Fault> {
        if source.storage_mode.is_some_and(|mode| mode != "COPY") {
            return Err(faults::not_built("code that stays in its bucket (S3ObjectStorageMode REFERENCE)"));
        }
        if let Source { zip: None, bucket: Some(HOT_RELOAD), key: Some(key), .. } = source {
            return self.mounted(key);
        }
        let bytes = match source {
            Source { zip: Some(zip), bucket: None, key: None, .. } => {
                if zip.len() > limits::ZIP_BYTES {
                    return Err(faults::too_large(limits::ZIP_BYTES, operation));
                }
                zip.clone()
            }
            Source { zip: None, bucket: Some(bucket), key: Some(key), version, .. } => self.object(cx, bucket, key, version).await?,
            _ => return Err(faults::invalid("Please provide a source for function code.")),
        };
        let checked = bytes.clone();
        let unpacked = tokio::task::spawn_blocking(move || archive::check(&checked)).await.map_err(Fault::internal)?.map_err(refused)?;
        let sha256 = STANDARD.encode(Sha256::digest(&bytes));
        Ok(Package { bytes, sha256, unpacked, mounted: None, image: None })
    }

    /// Code that is run where it lies, and again from the beginning once it has changed.
    fn mounted(&self, key: &str) -> Result<Package, Fault> {
        let folder = self.workers.folder_of_machine(key);
        let folder = folder.ok_or_else(|| faults::invalid(format!("There is no folder {key} on the machine of this server.")))?;
        let allowed = self.options.hot_reload.iter().filter_map(|root| self.workers.folder_of_machine(root));
        let is_below = |root: String| folder == root || folder.starts_with(&format!("{}/", root.trim_end_matches('/')));
        if !allowed.into_iter().any(is_below) {
            let text = format!("This server does not run code from {folder}. Start it with --lambda-hot-reload and this folder, or one above it.");
            return Err(faults::invalid(text));
        }
        Ok(Package { bytes: Bytes::new(), sha256: NO_DIGEST.to_owned(), unpacked: 0, mounted: Some(folder), image: None })
    }

    /// An image is not looked at: whoever runs it has it.
    pub fn image(uri: &str) -> Package {
        let sha256 = Sha256::digest(uri.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Package { bytes: Bytes::new(), sha256, unpacked: 0, mounted: None, image: Some(uri.to_owned()) }
    }

    async fn object(&self, cx: &Cx, bucket: &str, key: &str, version: Option<&str>) -> Result<Bytes, Fault> {
        let input = GetObjectRequest {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
            ..GetObjectRequest::default()
        };
        let object = cx.forward::<GetObject>(PRINCIPAL, cx.scope.clone(), input).await.map_err(|fault| {
            let shown = format!("S3 Error Code: {}. S3 Error Message: {}", fault.code(), fault.message());
            if fault.status() == 403 {
                let text = "Your access has been denied by S3, please make sure your request credentials have permission to GetObject for";
                // AWS: unverified whether the names stand in the message so.
                cloudlet_aws::FaultKind::sender("AccessDeniedException", 403).says(format!("{text} {bucket}/{key}. {shown}"))
            } else {
                faults::invalid(format!("Error occurred while GetObject. {shown}"))
            }
        })?;
        let body = object.body.unwrap_or_default();
        drain(&body, limits::UNPACKED_BYTES).await?.ok_or_else(|| refused(Refused::TooLarge))
    }

    pub async fn put_code(&self, cx: &Cx, bytes: Bytes) -> Result<PendingBlob, Fault> {
        self.blobs.put(BlobId::new(u128::from_be_bytes(cx.ids().bytes())), bytes).await.map_err(Fault::internal)
    }

    /// A second body with the same code.
    pub async fn copy_code(&self, cx: &Cx, code: &Blob) -> Result<PendingBlob, Fault> {
        self.blobs.copy(code, || BlobId::new(u128::from_be_bytes(cx.ids().bytes()))).await.map_err(Fault::internal)
    }

    pub async fn read_code(&self, code: &Blob) -> Result<Bytes, Fault> {
        let mut reader = self.blobs.read_all(code).map_err(Fault::internal)?;
        let mut all = BytesMut::new();
        while let Some(piece) = reader.next().await {
            all.extend_from_slice(&piece.map_err(Fault::internal)?);
        }
        Ok(all.freeze())
    }
}

//! Browser forms: `multipart/form-data` becomes the fields before its file, and the file as it flows.

use crate::body::{Inflow, fault_of};
use cloudlet_aws::{Fault, FaultKind, Head};
use cloudlet_engine::Form;
use cloudlet_shape::{Body, BodyError, BodyStream};
use cloudlet_sigv4::post::Policy;
use futures_util::{StreamExt, stream};
use multer::{Constraints, Multipart, SizeLimit};

const MALFORMED: FaultKind = FaultKind::sender("MalformedPOSTRequest", 400);
const TOO_MUCH_BEFORE: FaultKind = FaultKind::sender("MaxPostPreDataLengthExceeded", 400);

/// All that stands before the file may have 20 KB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>
const BEFORE: usize = 20 << 10;

/// Reads up to the file. Fields behind it are passed over, as S3 does.
pub async fn read(head: &Head<'_>, inflow: Inflow) -> Result<(Form, multer::Field<'static>), Fault> {
    let malformed = || MALFORMED.says("The body of your POST request is not well-formed multipart/form-data.");
    let boundary = head.header("content-type").and_then(|kind| multer::parse_boundary(kind).ok()).ok_or_else(malformed)?;
    let pieces = stream::unfold(inflow, |mut inflow| async move {
        let piece = inflow.next().await?;
        Some((piece.map_err(|error| Cut(fault_of(error))), inflow))
    });
    let limits = Constraints::new().size_limit(SizeLimit::new().for_field("file", u64::MAX).per_field(BEFORE as u64));
    let mut multipart = Multipart::with_constraints(pieces, boundary, limits);
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut before = 0;
    loop {
        let field = multipart.next_field().await.map_err(|_| malformed())?;
        let Some(field) = field else { return Err(cloudlet_sigv4::post::missing("file")) };
        let Some(name) = field.name().map(str::to_owned) else { return Err(malformed()) };
        if name.eq_ignore_ascii_case("file") {
            let file_name = field.file_name().map(|name| name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned());
            return Ok((Form { fields, file_name }, field));
        }
        let value = field.text().await.map_err(|error| match error {
            multer::Error::FieldSizeExceeded { .. } => too_much(),
            _ => malformed(),
        })?;
        before += name.len() + value.len();
        if before > BEFORE {
            return Err(too_much());
        }
        fields.push((name, value));
    }
}

fn too_much() -> Fault {
    TOO_MUCH_BEFORE.says("Your POST request fields preceding the upload file were too large.")
}

/// The file, held to the policy's content-length-range as it goes by.
pub fn flowing(file: multer::Field<'static>, policy: Option<Policy>) -> Body {
    let state = (Some(file), policy, 0u64);
    let pieces = stream::unfold(state, |(file, policy, mut length)| async move {
        let mut file = file?;
        match file.next().await {
            Some(Ok(piece)) => {
                length += piece.len() as u64;
                // Too long is known at once; too short only at the end.
                let longest = policy.as_ref().and_then(Policy::longest);
                match policy.as_ref().filter(|_| longest.is_some_and(|longest| length > longest)).map(|policy| policy.check_length(length)) {
                    Some(Err(fault)) => Some((Err(BodyError::Refused(fault)), (None, policy, length))),
                    _ => Some((Ok(piece), (Some(file), policy, length))),
                }
            }
            Some(Err(error)) => Some((Err(broken(&error)), (None, policy, length))),
            None => {
                let fault = policy.as_ref()?.check_length(length).err()?;
                Some((Err(BodyError::Refused(fault)), (None, policy, length)))
            }
        }
    });
    let stream: BodyStream = Box::pin(pieces);
    Body::stream(stream, None)
}

fn broken(error: &multer::Error) -> BodyError {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast_ref::<Cut>() {
            Some(Cut(fault)) => BodyError::Refused(fault.clone()),
            None => BodyError::Broken(cause.to_string()),
        },
        error => BodyError::Broken(error.to_string()),
    }
}

/// The body broke off while the form was read.
#[derive(Debug)]
struct Cut(Fault);

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cut {}

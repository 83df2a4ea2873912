//! Browser forms: their fields, who signed them, and the upload they stand for, whose bytes flow like those of any other body.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>

use crate::{
    authenticate,
    body::{RequestBody, fault_of},
    decode::{decode, origin},
    gateway::Gateway,
    log_entry::LogEntry,
    request::PipelineRequest,
    response_format::headers,
};
use bytes::Bytes;
use cloudlet_aws::{Caller, Fault, FaultKind, Head, Region};
use cloudlet_cloud::{Cloud, EntryPoint, Mode};
use cloudlet_engine::{Call, Dialect, Form, HttpHooks, PostedObject, Service, SignatureKind, Signed};
use cloudlet_shape::{Body, BodyError, BodyStream};
use cloudlet_sigv4::{
    Target,
    post::{self, Policy},
};
use cloudlet_wire::{Answer, Content, Ids, Incoming as Message, Recognized, codec};
use futures_util::StreamExt;
use multer::{Constraints, Field, Multipart, SizeLimit};
use std::{fmt, sync::Arc};

/// A form on its way through the gateway.
pub struct PostForm<'a> {
    pub service: &'a Service,
    pub http_hooks: &'a Arc<dyn HttpHooks>,
    pub recognized: &'a Recognized,
    /// The path of the bucket.
    pub path: &'a str,
    pub target: Target<'a>,
    pub ids: &'a Ids<'a>,
}

const MALFORMED: FaultKind = FaultKind::sender("MalformedPOSTRequest", 400);
const INVALID_ARGUMENT: FaultKind = FaultKind::sender("InvalidArgument", 400);
const MAX_PRE_DATA: FaultKind = FaultKind::sender("MaxPostPreDataLengthExceeded", 400);

/// The fields before the file may have 20 KB.
const MAX_BEFORE_FILE: usize = 20 << 10;

fn malformed() -> Fault {
    MALFORMED.says("The body of your POST request is not well-formed multipart/form-data.")
}

fn too_much() -> Fault {
    MAX_PRE_DATA.says("Your POST request fields preceding the upload file were too large.")
}

/// Reads up to the file. AWS ignores what follows the file.
async fn read(head: &Head<'_>, body: RequestBody) -> Result<(Form, Field<'static>), Fault> {
    let boundary = head.header("content-type").and_then(|kind| multer::parse_boundary(kind).ok()).ok_or_else(malformed)?;
    let pieces = futures_util::stream::unfold(body, |mut body| async move {
        let piece = body.next().await?;
        Some((piece.map_err(|error| Interrupted(fault_of(error))), body))
    });
    let limits = Constraints::new().size_limit(SizeLimit::new().for_field("file", u64::MAX).per_field(MAX_BEFORE_FILE as u64));
    let mut multipart = Multipart::with_constraints(pieces, boundary, limits);
    let mut form = Form::default();
    let mut before = 0;
    loop {
        let Some(field) = multipart.next_field().await.map_err(|error| refusal(&error))? else {
            let fault = INVALID_ARGUMENT.says("POST requires exactly one file upload per request.");
            return Err(fault.with("ArgumentName", "file").with("ArgumentValue", "0"));
        };
        let name = field.name().ok_or_else(malformed)?.to_owned();
        if name.eq_ignore_ascii_case("file") {
            form.file_name = field.file_name().map(|name| name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned());
            return Ok((form, field));
        }
        let value = field.bytes().await.map_err(|error| refusal(&error))?;
        before += name.len() + value.len();
        if before > MAX_BEFORE_FILE {
            return Err(too_much());
        }
        form.fields.push((name, String::from_utf8(value.into()).map_err(|_| malformed())?));
    }
}

/// A form that cannot be read on.
fn refusal(error: &multer::Error) -> Fault {
    match error {
        multer::Error::FieldSizeExceeded { .. } => too_much(),
        multer::Error::StreamReadFailed(cause) => cause.downcast_ref::<Interrupted>().map_or_else(malformed, |Interrupted(fault)| fault.clone()),
        _ => malformed(),
    }
}

/// The body broke off while the form was read.
#[derive(Debug)]
struct Interrupted(Fault);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Interrupted {}

/// The file as it flows, within the lengths that the policy allows.
struct File {
    field: Field<'static>,
    policy: Option<Policy>,
    length: u64,
    ended: bool,
}

impl File {
    fn into_body(self) -> Body {
        let stream: BodyStream = Box::pin(futures_util::stream::unfold(self, |mut file| async move { file.next().await.map(|piece| (piece, file)) }));
        Body::stream(stream, None)
    }

    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        if self.ended {
            return None;
        }
        let longest = self.policy.as_ref().and_then(Policy::longest);
        let outcome = match self.field.next().await {
            Some(Ok(bytes)) => {
                self.length = self.length.saturating_add(bytes.len() as u64);
                if longest.is_some_and(|longest| self.length > longest) { self.too_long().await } else { return Some(Ok(bytes)) }
            }
            Some(Err(error)) => Err(refusal(&error)),
            None => self.policy.as_ref().map_or(Ok(()), |policy| policy.check_length(self.length)),
        };
        self.ended = true;
        outcome.err().map(|fault| Err(BodyError::Refused(fault)))
    }

    /// AWS: the refusal names the whole length, so that the rest is read.
    async fn too_long(&mut self) -> Result<(), Fault> {
        while let Some(Ok(bytes)) = self.field.next().await {
            self.length = self.length.saturating_add(bytes.len() as u64);
        }
        self.policy.as_ref().map_or(Ok(()), |policy| policy.check_length(self.length))
    }
}

impl Gateway {
    /// Reads the fields of a form, authenticates them, and performs the upload.
    pub(crate) async fn post(
        &self,
        request: &PipelineRequest<'_>,
        post_form: &PostForm<'_>,
        body: RequestBody,
        log: &mut LogEntry,
    ) -> Result<Answer, Fault> {
        let (form, field) = read(request.head, body).await?;
        let posted = post_form.http_hooks.form(post_form.path, form)?;
        let (caller, region, signed) = self.poster(&posted, &post_form.target, &post_form.service.dialect)?;
        log.principal = Some(caller.arn.clone());
        if let Some(observation) = &mut log.observation {
            observation.caller = caller.clone();
            observation.origin.signed = signed;
        }
        let policy = match posted.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("policy")) {
            Some((_, policy)) if signed.is_some() => Some(Policy::parse(policy)?),
            _ => None,
        };
        if let Some(policy) = &policy {
            policy.check(&posted.fields, &posted.bucket, self.cloud.runtime.clock.now())?;
        }
        let head = Head { method: "PUT", path: &posted.path, query: "", headers: &posted.headers };
        let routed =
            self.recognizer.operation(post_form.recognized, &head, &posted.path, None).map_err(|unknown| unknown.fault(post_form.recognized))?;
        let operation = routed.operation;
        log.operation = operation.name;
        let handler = post_form.service.operation(operation.name).ok_or_else(|| Cloud::not_implemented(operation))?;
        let message =
            Message { head: &head, labels: &routed.labels, body: Content::Stream(File { field, policy, length: 0, ended: false }.into_body()) };
        let protocol = post_form.recognized.protocol;
        let (input, missing) = decode(post_form.service, protocol, operation, handler, message)?;
        let scope = self.scope(&caller, region, post_form.recognized);
        let origin = origin(request.head, request.peer, protocol, signed, post_form.ids.extended_id, missing);
        let endpoint = origin.endpoint.clone().unwrap_or_default();
        let call = Call { operation, caller, scope, origin, input };
        let performed = self.cloud.perform_to_end(call, request.request_id.clone(), EntryPoint::Gateway).await;
        log.outcome = performed.outcome;
        log.notes = performed.notes;
        let output = performed.answer?;
        let mut answer = codec(protocol).encode(operation, output.as_struct(), post_form.ids);
        let etag = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("etag")).map(|(_, value)| value.clone()).unwrap_or_default();
        let post_response = post_form.http_hooks.post_response(&posted, &endpoint, &etag);
        answer.status = post_response.status;
        answer.headers.retain(|(name, _)| !post_response.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
        answer.headers.extend(headers(post_response.headers));
        if !post_response.body.is_empty() {
            answer.headers.push(("content-type".into(), "application/xml".to_owned()));
        }
        answer.body = Body::whole(post_response.body);
        Ok(answer)
    }

    /// Who signed the form; the anonymous caller, if it has no policy.
    fn poster(&self, posted: &PostedObject, target: &Target<'_>, dialect: &Dialect) -> Result<(Caller, Option<Region>, Option<Signed>), Fault> {
        let identity = &self.cloud.identity;
        let now = self.cloud.runtime.clock.now();
        let mode = self.cloud.mode();
        let claim = match post::read_claim(&posted.fields, target) {
            Ok(Some(claim)) => claim,
            Ok(None) => return Ok((Caller::anonymous(), None, None)),
            Err(_) if mode == Mode::Off => return Ok((identity.unchecked(""), None, None)),
            Err(fault) => return Err(fault),
        };
        let region = claim.region().and_then(|name| if name == self.region.as_str() { Some(self.region.clone()) } else { Region::parse(name) });
        let signed = Signed { kind: SignatureKind::Post, version: claim.signature_version(), age: 0, payload: None };
        if mode == Mode::Off {
            return Ok((identity.unchecked(&claim.access_key), region, Some(signed)));
        }
        let verified = identity
            .credential(&claim.access_key, claim.session_token.as_deref(), now)
            .map_err(|unknown| authenticate::unknown(unknown, &claim, dialect))
            .and_then(|credential| post::verify(&claim, &posted.fields, credential.secret.reveal(), &self.keys).map(|()| credential.caller));
        match verified {
            Ok(caller) => Ok((caller, region, Some(signed))),
            Err(fault) if mode == Mode::Soft => {
                tracing::warn!(access_key = %claim.access_key, %fault, "let through: authentication is soft");
                Ok((identity.unchecked(&claim.access_key), region, Some(signed)))
            }
            Err(fault) => Err(fault),
        }
    }
}

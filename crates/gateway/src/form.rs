//! Browser forms: the fields, who signed them, and the one write they stand for, whose bytes flow like any other body.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>

mod reader;

use crate::{
    Gateway,
    body::{Inflow, fault_of},
    road::{Note, Traveller, decode, named, origin},
};
use bytes::Bytes;
use cloudlet_aws::{Caller, Fault, FaultKind, Head, Region, Scope};
use cloudlet_cloud::{Cloud, Entrance, Mode};
use cloudlet_engine::{Call, Dialect, Form, Front, Posted, Service, SignatureKind, Signed};
use cloudlet_shape::{Body, BodyError, BodyStream};
use cloudlet_sigv4::{
    Target,
    post::{self, Policy},
};
use cloudlet_wire::{Answer, Content, Ids, Incoming as Message, Recognized, codec};
use reader::{Event, Reader};
use std::sync::Arc;

/// The fields that precede the file, and the file as it comes.
pub(crate) struct Upload {
    inflow: Inflow,
    reader: Reader,
}

/// A form on its way through the gateway.
pub(crate) struct Posting<'a> {
    pub service: &'a Service,
    pub front: &'a Arc<dyn Front>,
    pub recognized: &'a Recognized,
    /// The path of the bucket.
    pub path: &'a str,
    pub target: Target<'a>,
    pub ids: &'a Ids<'a>,
}

const MALFORMED: FaultKind = FaultKind::sender("MalformedPOSTRequest", 400);
const INVALID_ARGUMENT: FaultKind = FaultKind::sender("InvalidArgument", 400);

fn malformed() -> Fault {
    MALFORMED.says("The body of your POST request is not well-formed multipart/form-data.")
}

impl Upload {
    pub fn new(head: &Head<'_>, inflow: Inflow) -> Result<Upload, Fault> {
        let boundary = head.header("content-type").and_then(reader::boundary).ok_or_else(malformed)?;
        Ok(Upload { inflow, reader: Reader::new(&boundary) })
    }

    async fn next(&mut self) -> Result<Event, Fault> {
        loop {
            if let Some(event) = self.reader.next()? {
                return Ok(event);
            }
            match self.inflow.next().await {
                Some(piece) => self.reader.feed(&piece.map_err(fault_of)?),
                None => return Err(malformed()),
            }
        }
    }

    /// Reads up to the file. What follows the file is nobody's.
    async fn fields(&mut self) -> Result<Form, Fault> {
        let mut form = Form::default();
        loop {
            match self.next().await? {
                Event::Part { name, file_name } if name.eq_ignore_ascii_case("file") => {
                    form.file_name = file_name;
                    return Ok(form);
                }
                Event::Part { name, .. } => {
                    let value = self.value().await?;
                    form.fields.push((name, value));
                }
                Event::Data(_) | Event::PartEnd => {}
                Event::End => {
                    let fault = INVALID_ARGUMENT.says("POST requires exactly one file upload per request.");
                    return Err(fault.with("ArgumentName", "file").with("ArgumentValue", "0"));
                }
            }
        }
    }

    async fn value(&mut self) -> Result<String, Fault> {
        let mut value = Vec::new();
        loop {
            match self.next().await? {
                Event::Data(bytes) => {
                    self.reader.account(bytes.len())?;
                    value.extend_from_slice(&bytes);
                }
                Event::PartEnd => return String::from_utf8(value).map_err(|_| malformed()),
                Event::Part { .. } | Event::End => return Err(malformed()),
            }
        }
    }

    async fn piece(&mut self) -> Option<Result<Bytes, Fault>> {
        match self.next().await {
            Ok(Event::Data(bytes)) => Some(Ok(bytes)),
            Ok(Event::PartEnd | Event::End) => None,
            Ok(Event::Part { .. }) => Some(Err(malformed())),
            Err(fault) => Some(Err(fault)),
        }
    }

    /// The file as a body, within the lengths that the policy allows.
    fn into_body(self, policy: Option<Policy>) -> Body {
        let flow = File { upload: self, policy, length: 0, over: false };
        let stream: BodyStream = Box::pin(futures_util::stream::unfold(flow, |mut flow| async move { flow.next().await.map(|piece| (piece, flow)) }));
        Body::stream(stream, None)
    }
}

struct File {
    upload: Upload,
    policy: Option<Policy>,
    length: u64,
    over: bool,
}

impl File {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        if self.over {
            return None;
        }
        let longest = self.policy.as_ref().and_then(Policy::longest);
        let outcome = match self.upload.piece().await {
            Some(Ok(bytes)) => {
                self.length = self.length.saturating_add(bytes.len() as u64);
                if longest.is_some_and(|longest| self.length > longest) { self.too_long().await } else { return Some(Ok(bytes)) }
            }
            Some(Err(fault)) => Err(fault),
            None => self.policy.as_ref().map_or(Ok(()), |policy| policy.check_length(self.length)),
        };
        self.over = true;
        outcome.err().map(|fault| Err(BodyError::Refused(fault)))
    }

    /// AWS: the refusal names the whole length, so that the rest is read.
    async fn too_long(&mut self) -> Result<(), Fault> {
        while let Some(Ok(bytes)) = self.upload.piece().await {
            self.length = self.length.saturating_add(bytes.len() as u64);
        }
        self.policy.as_ref().map_or(Ok(()), |policy| policy.check_length(self.length))
    }
}

impl Gateway {
    /// Walks the road with a form: read its fields, authenticate them, and perform the write.
    pub(crate) async fn post(&self, traveller: &Traveller<'_>, posting: &Posting<'_>, inflow: Inflow, note: &mut Note) -> Result<Answer, Fault> {
        let mut upload = Upload::new(traveller.head, inflow)?;
        let form = upload.fields().await?;
        let posted = posting.front.form(posting.path, form)?;
        let (caller, region, signed) = self.poster(&posted, &posting.target, &Dialect::of(posting.recognized.protocol))?;
        note.principal = Some(caller.arn.clone());
        let policy = match posted.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("policy")) {
            Some((_, policy)) if signed.is_some() => Some(Policy::parse(policy)?),
            _ => None,
        };
        if let Some(policy) = &policy {
            policy.check(&posted.fields, &posted.bucket, self.cloud.frame.clock.now())?;
        }
        let head = Head { method: "PUT", path: &posted.path, query: "", headers: &posted.headers };
        let routed = self.recognizer.operation(posting.recognized, &head, &posted.path, None).map_err(|unknown| unknown.fault(posting.recognized))?;
        let operation = routed.operation;
        note.operation = operation.name;
        let handler = posting.service.operation(operation.name).ok_or_else(|| Cloud::not_implemented(operation))?;
        let message = Message { head: &head, labels: &routed.labels, body: Content::Stream(upload.into_body(policy)) };
        let protocol = posting.recognized.protocol;
        let (input, missing) = decode(posting.service, protocol, operation, handler, message)?;
        let account = caller.account.unwrap_or_else(|| self.cloud.identity.account());
        let origin = origin(traveller, protocol, signed, missing);
        let endpoint = origin.endpoint.clone().unwrap_or_default();
        let call = Call { operation, caller, scope: Scope::new(account, region.unwrap_or_else(|| self.region.clone())), origin, input };
        let performed = self.cloud.perform(call, traveller.request_id.clone(), Entrance::Front).await;
        note.verdicts = performed.verdicts;
        let output = performed.answer?;
        let mut answer = codec(protocol).encode(operation, output.as_struct(), posting.ids);
        let etag = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("etag")).map(|(_, value)| value.clone()).unwrap_or_default();
        let thanks = posting.front.thanks(&posted, &endpoint, &etag);
        answer.status = thanks.status;
        answer.headers.retain(|(name, _)| !thanks.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
        answer.headers.extend(named(thanks.headers));
        if !thanks.body.is_empty() {
            answer.headers.push(("content-type".into(), "application/xml".to_owned()));
        }
        answer.body = Body::whole(thanks.body);
        Ok(answer)
    }

    /// Who signed the form; nobody, if it has no policy.
    fn poster(&self, posted: &Posted, target: &Target<'_>, dialect: &Dialect) -> Result<(Caller, Option<Region>, Option<Signed>), Fault> {
        let identity = &self.cloud.identity;
        let now = self.cloud.frame.clock.now();
        let mode = self.cloud.mode();
        let claim = match post::find(&posted.fields, target) {
            Ok(Some(claim)) => claim,
            Ok(None) => return Ok((Caller::anonymous(), None, None)),
            Err(_) if mode == Mode::Off => return Ok((identity.unchecked(""), None, None)),
            Err(fault) => return Err(fault),
        };
        let region = claim.region().map(Region::new);
        let signed = Signed { kind: SignatureKind::Post, version: claim.signature_version(), age: 0 };
        if mode == Mode::Off {
            return Ok((identity.unchecked(&claim.access_key), region, Some(signed)));
        }
        let verified = identity
            .credential(&claim.access_key, claim.session_token.as_deref(), now)
            .map_err(|unknown| crate::authenticate::unknown(unknown, &claim, dialect, target.flavor))
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

//! The request pipeline, step by step: recognize, authenticate, decode; the cloud authorizes and performs; encode.

use crate::{
    answer::{AnswerBody, Plain, response},
    authenticate::{Authenticated, Authenticator, FormClaims, Stage},
    body::RequestBody,
    body_encoding::{BodyEncoding, Collected, checked, collected, decoded},
    decode::{decode, origin},
    form::PostForm,
    gateway::{Gateway, Peer},
    integrity,
    log_entry::LogEntry,
    request::{Fields, PipelineRequest, PresignedFields, head},
    response_format::{ResponseFormat, headers},
};
use axum::response::Response;
use bytes::Bytes;
use cloudlet_aws::{Fault, FaultKind, Head};
use cloudlet_cloud::{Cloud, EntryPoint, Mode};
use cloudlet_engine::{
    Anonymous, AuthOutcome, Call, PresignedQuery, RequestIds, RequestView, ScopeRegion, Service, SignatureKind, SignatureRules, Signed, Stopwatch,
};
use cloudlet_shape::{Kind, Protocol};
use cloudlet_sigv4::Target;
use cloudlet_wire::{Answer, Content, Ids, Incoming as Message, Recognized, Routed};
use futures_util::{FutureExt, future::ready};
use http::request::Parts;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// What becomes of a request once it is read.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, once a request")]
enum Received {
    Answered(Answer),
    Call { format: ResponseFormat, decoded: DecodedCall },
}

struct DecodedCall {
    call: Call,
    /// Of the service's HTTP hooks, for the answer.
    headers: Vec<(&'static str, String)>,
    /// What an anonymous caller gets instead of a denial.
    missing_token: Option<Fault>,
}

#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, once a request")]
enum Decoded {
    Call(DecodedCall),
    Answered(Answer),
}

impl Gateway {
    /// Answers one request to AWS, whatever it is.
    pub async fn answer(&self, parts: Parts, body: RequestBody, peer: Peer) -> Response<AnswerBody> {
        let watch = Stopwatch::start();
        let method = parts.method.clone();
        let mut log = LogEntry { method: method.clone(), ..LogEntry::default() };
        let answered = AssertUnwindSafe(self.run(parts, body, peer, &mut log)).catch_unwind().await;
        let answer = answered.unwrap_or_else(|_| panicked(&mut log));
        log.write(answer.status, watch);
        response(answer, &method)
    }

    async fn run(&self, parts: Parts, body: RequestBody, peer: Peer, log: &mut LogEntry) -> Answer {
        // Boxed, and gone with the head of the request before the call is performed: a call that waits for a message needs neither.
        let (format, decoded) = match Box::pin(self.receive(parts, body, peer, log)).await {
            Received::Answered(answer) => return answer,
            Received::Call { format, decoded } => (format, decoded),
        };
        let DecodedCall { call, headers: of_hooks, missing_token } = decoded;
        let operation = call.operation;
        let performed = self.cloud.perform_to_end(call, format.request_id.clone(), EntryPoint::Gateway).await;
        log.outcome = performed.outcome;
        match performed.answer {
            Ok(output) => {
                let mut answer = format.output(operation, output.as_struct());
                if let Some(status) = performed.status {
                    answer.status = status;
                }
                answer.headers.extend(headers(performed.headers));
                answer.headers.extend(headers(of_hooks));
                format.with_server(answer)
            }
            Err(fault) => format.fault(missing_token.filter(|_| performed.outcome == Some(AuthOutcome::Denied)).unwrap_or(fault), log),
        }
    }

    /// From the head of a request to a call, or to an answer that needs no call.
    async fn receive(&self, parts: Parts, body: RequestBody, peer: Peer, log: &mut LogEntry) -> Received {
        let plain = |status, message: &str| Received::Answered(Plain::message(status, message).into_answer());
        let Some(fields) = Fields::of(&parts.headers) else {
            return plain(400, "A header field is not UTF-8 text.");
        };
        if fields.size() > self.limits.headers {
            return plain(431, "The header fields of the request are too large.");
        }
        let head = head(&parts, &fields);
        let (recognized, body) = match self.recognize(&head, body).await {
            Ok(found) => found,
            Err(fault) => return plain(fault.status(), fault.message()),
        };
        log.service = recognized.service.name;
        let (request_id, extended_id) = self.ids(&recognized);
        log.request_id = request_id.clone();
        let query_mode = head.header("x-amzn-query-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("true"));
        let format = ResponseFormat { service: recognized.service, protocol: recognized.protocol, request_id, extended_id, query_mode };
        let request = PipelineRequest { head: &head, request_id: &format.request_id, peer };
        match self.decode_request(&request, &recognized, body, &format.ids(), log).await {
            Ok(Decoded::Call(decoded)) => Received::Call { format, decoded },
            Ok(Decoded::Answered(answer)) => Received::Answered(format.with_server(answer)),
            Err(fault) => Received::Answered(format.fault(fault, log)),
        }
    }

    /// Recognize: the service, from the head; where only a form can tell, from the form.
    async fn recognize(&self, head: &Head<'_>, body: RequestBody) -> Result<(Recognized, ReceivedBody), Fault> {
        if let Some(recognized) = self.recognizer.service(head) {
            return Ok((recognized, ReceivedBody::Arriving(body)));
        }
        let form = collected(body, BodyEncoding::Plain, self.limits.body).await?;
        match self.recognizer.service_of_form(head, &form) {
            Some(recognized) => Ok((recognized, ReceivedBody::Whole(form))),
            None => Err(FaultKind::sender("UnknownService", 404).says("No AWS service was recognized in this request.")),
        }
    }

    /// A request's ids: S3 has two of its own form, all others one UUID.
    fn ids(&self, recognized: &Recognized) -> (Arc<str>, String) {
        let ids = &self.cloud.runtime.ids;
        match self.cloud.service(recognized.service.name).map(|service| service.dialect.request_ids) {
            Some(RequestIds::S3) => (ids.base32(16).into(), ids.alphanumeric(76)),
            Some(RequestIds::Uuid) | None => (ids.uuid().into(), String::new()),
        }
    }

    /// From the recognized service to the call of it.
    async fn decode_request(
        &self,
        request: &PipelineRequest<'_>,
        recognized: &Recognized,
        body: ReceivedBody,
        ids: &Ids<'_>,
        log: &mut LogEntry,
    ) -> Result<Decoded, Fault> {
        let head = request.head;
        let service = self.cloud.service(recognized.service.name).ok_or_else(|| Fault::internal("a service that the cloud does not have"))?;
        let view = RequestView { head, prefix: recognized.host.prefix.as_deref() };
        let path = service.http_hooks.as_ref().and_then(|http_hooks| http_hooks.path(&view));
        let path = path.as_deref().unwrap_or(head.path);
        if let Some(http_hooks) = &service.http_hooks
            && head.method == "OPTIONS"
        {
            let fields = http_hooks.preflight(&view, path)?;
            return Ok(Decoded::Answered(Answer { status: 200, headers: headers(fields), body: cloudlet_shape::Body::empty() }));
        }
        let authenticator = self.authenticator(service, recognized, head.method, view.prefix);
        let body = match (&service.http_hooks, body) {
            (Some(http_hooks), ReceivedBody::Arriving(body)) => {
                http_hooks.admit(&view, path)?;
                if http_hooks.is_form(&view, path)? {
                    let post_form = PostForm { service, http_hooks, recognized, path, target: authenticator.target, ids };
                    // Boxed: forms are rare, and their future is large.
                    return Box::pin(self.post(request, &post_form, body, log)).await.map(Decoded::Answered);
                }
                ReceivedBody::Arriving(body)
            }
            (_, body) => body,
        };

        let (authenticated, body) = match authenticator.begin(head)? {
            Stage::Done(authenticated) => (authenticated, body),
            Stage::NeedsBody(pending) => {
                let body = body.collected(BodyEncoding::Plain, self.limits.body).await?;
                (authenticator.finish(head, *pending, &body)?, ReceivedBody::Whole(body))
            }
            Stage::NeedsForm => {
                let body = body.collected(BodyEncoding::Plain, self.limits.body).await?;
                (authenticator.of_form(head, &body)?, ReceivedBody::Whole(body))
            }
        };
        let Authenticated { caller, region, signed, encoding } = authenticated;
        log.principal = Some(caller.arn.clone());

        if let Some(http_hooks) = &service.http_hooks {
            http_hooks.admit_verified(&view, path)?;
        }
        let (routed, content) = self.route(recognized, head, path, body, encoding).await?;
        let Routed { operation, labels } = routed;
        log.operation = operation.name;
        // S3 decides about anonymous callers itself, and some operations are for anybody. Elsewhere only the policy of a resource can
        // let one in.
        let rule = service.dialect.anonymous;
        let anonymous = caller.is_anonymous() && !service.takes_unsigned(operation) && rule != Anonymous::Authorized;
        let missing_token = || authenticator.dialect.missing_token.says("Request is missing Authentication Token");
        let caller = match self.cloud.mode() {
            _ if !anonymous => caller,
            Mode::Enforce if rule == Anonymous::AllowedByPolicy => caller,
            Mode::Enforce => return Err(missing_token()),
            Mode::Soft | Mode::Off => authenticator.unsigned_caller(&missing_token()),
        };
        let handler = service.operation(operation.name).ok_or_else(|| Cloud::not_implemented(operation))?;
        let presigned;
        let head = match signed {
            Some(Signed { kind: SignatureKind::Query, .. }) if service.dialect.presigned_query == PresignedQuery::ParametersAndHeaders => {
                presigned = PresignedFields::new(head);
                &Head { headers: &presigned, ..*head }
            }
            _ => head,
        };
        let (input, missing) = decode(service, recognized.protocol, operation, handler, Message { head, labels: &labels, body: content })?;

        let scope = self.scope(&caller, region, recognized);
        let call = Call { operation, caller, scope, origin: origin(request.head, request.peer, recognized.protocol, signed, missing), input };
        let headers = service.http_hooks.as_ref().map(|http_hooks| http_hooks.response_headers(&view, path)).unwrap_or_default();
        Ok(Decoded::Call(DecodedCall { call, headers, missing_token: anonymous.then(missing_token) }))
    }

    fn authenticator<'a>(&'a self, service: &'a Service, recognized: &Recognized, method: &str, prefix: Option<&'a str>) -> Authenticator<'a> {
        let is_form = method == "POST" && matches!(recognized.protocol, Protocol::Query | Protocol::Ec2Query);
        let target = match service.dialect.signature_rules {
            SignatureRules::S3 => Target::s3(),
            SignatureRules::Common => Target::service(recognized.service.signing_name),
        };
        let target = if service.dialect.scope_region == ScopeRegion::MayBeEmpty { target.global() } else { target };
        let target = match prefix {
            Some(bucket) if service.dialect.signature_rules == SignatureRules::S3 => target.virtual_bucket(bucket),
            _ => target,
        };
        Authenticator {
            identity: &self.cloud.identity,
            keys: &self.keys,
            mode: self.cloud.mode(),
            dialect: &service.dialect,
            target,
            form_claims: if is_form { FormClaims::Possible } else { FormClaims::None },
            home: &self.region,
            now: self.cloud.runtime.clock.now(),
        }
    }

    /// The operation; and the body, streaming where the operation takes it so, whole otherwise.
    async fn route(
        &self,
        recognized: &Recognized,
        head: &Head<'_>,
        path: &str,
        body: ReceivedBody,
        encoding: BodyEncoding,
    ) -> Result<(Routed, Content), Fault> {
        let unknown = |unknown: cloudlet_wire::Unknown| unknown.fault(recognized);
        if matches!(recognized.protocol, Protocol::Query | Protocol::Ec2Query) {
            let form = body.collected(encoding, self.limits.body).await?;
            let routed = self.recognizer.operation(recognized, head, path, Some(&form)).map_err(unknown)?;
            return Ok((routed, Content::Whole(form)));
        }
        let routed = self.recognizer.operation(recognized, head, path, None).map_err(unknown)?;
        let streams = routed.operation.input.payload().is_some_and(|(_, member)| matches!(member.of.kind, Kind::Body | Kind::Events));
        let content = match body {
            ReceivedBody::Arriving(body) if streams => {
                let length = head.header("content-length").and_then(|length| length.parse().ok());
                Content::Stream(decoded(body, encoding, length))
            }
            body => {
                let body = body.collected(encoding, self.limits.body).await?;
                integrity::check(routed.operation, head, &body)?;
                Content::Whole(body)
            }
        };
        Ok((routed, content))
    }
}

fn panicked(log: &mut LogEntry) -> Answer {
    let request_id = &*log.request_id;
    tracing::error!(request_id, "a handler panicked: this is a bug");
    let body = format!(
        "{{\"__type\":\"InternalFailure\",\"message\":\"We encountered an internal error. Please try again.\",\"requestId\":\"{request_id}\"}}"
    );
    let mut answer = Plain::json(500, body).into_answer();
    answer.headers.push(("x-amzn-requestid".into(), request_id.to_string()));
    log.fault = Some(Fault::internal("panic"));
    answer
}

/// A body: still arriving, or read already.
enum ReceivedBody {
    Arriving(RequestBody),
    Whole(Bytes),
}

impl ReceivedBody {
    fn collected(self, encoding: BodyEncoding, limit: usize) -> Collected {
        match self {
            ReceivedBody::Arriving(body) => collected(body, encoding, limit),
            ReceivedBody::Whole(bytes) => Collected::Left(ready(checked(bytes, encoding))),
        }
    }
}

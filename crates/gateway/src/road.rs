//! The road of one request, step by step. Each step is a function; the order is AWS's.

use crate::{
    AnswerBody, Limits, Plain,
    answer::{Bodies, response},
    authenticate::{Authenticated, Authenticator, Forms, Stage},
    body::{Inflow, Treatment, Waits, flowing, gathered},
    form::Posting,
    integrity,
    request::{Fields, Spread, head, is_text, settle_host},
};
use bytes::Bytes;
use cloudlet_aws::{Caller, Fault, FaultKind, Head, Region, Scope};
use cloudlet_cloud::{Cloud, Entrance, Mode};
use cloudlet_engine::{AnyOperation, Boxed, Call, Dialect, Effect, Input, Origin, Papers, Quotes, Service, SignatureKind, Signed, Stopwatch, Visit};
use cloudlet_shape::{Kind, OperationSchema, Protocol, ServiceSchema};
use cloudlet_sigv4::{Keys, Target};
use cloudlet_wire::{Answer, Asked, Content, Ids, Incoming as Message, Recognized, Recognizer, Routed, codec, validate, validate_discreetly};
use futures_util::FutureExt;
use http::{Request, Response, request::Parts as RequestParts};
use hyper::body::Incoming;
use std::{net::SocketAddr, panic::AssertUnwindSafe, sync::Arc};

/// The rooms of the house itself: `/_cloudlet/health` and its like.
pub trait Inside: Send + Sync {
    fn answer<'a>(&'a self, head: &'a Head<'a>, body: Bytes) -> Boxed<'a, Plain>;
}

pub struct Parts {
    pub cloud: Arc<Cloud>,
    pub inside: Arc<dyn Inside>,
    pub limits: Limits,
    /// The names under which the server is reached, without ports.
    pub names: Vec<String>,
    /// The region of who does not name one.
    pub region: Region,
}

pub struct Gateway {
    pub(crate) cloud: Arc<Cloud>,
    inside: Arc<dyn Inside>,
    limits: Limits,
    pub(crate) region: Region,
    pub(crate) recognizer: Recognizer,
    papers: Vec<Arc<dyn Papers>>,
    pub(crate) keys: Keys,
}

/// Prefixes that no S3 bucket can have, and that are the house's own.
const INSIDE: [&str; 3] = ["/_cloudlet/", "/_localstack/", "/_aws/"];

/// What the log says of a request.
#[derive(Default)]
pub(crate) struct Note {
    service: &'static str,
    pub operation: &'static str,
    pub principal: Option<Arc<str>>,
    pub effect: Option<Effect>,
    fault: Option<Fault>,
    request_id: Arc<str>,
}

/// One request on its way.
pub(crate) struct Traveller<'a> {
    pub head: &'a Head<'a>,
    pub request_id: &'a Arc<str>,
    peer: SocketAddr,
    secure: bool,
}

impl Gateway {
    pub fn new(parts: Parts) -> Gateway {
        let services: Vec<&'static ServiceSchema> = parts.cloud.services().map(|service| service.schema).collect();
        let recognizer = Recognizer::new(&services, &parts.names);
        let papers = parts.cloud.services().filter_map(|service| service.papers.clone()).collect();
        Gateway { cloud: parts.cloud, inside: parts.inside, limits: parts.limits, region: parts.region, recognizer, papers, keys: Keys::new() }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers one request, whatever it is.
    pub async fn answer(&self, request: Request<Incoming>, peer: SocketAddr, secure: bool) -> Response<AnswerBody> {
        let watch = Stopwatch::start();
        let (mut parts, incoming) = request.into_parts();
        settle_host(&mut parts);
        let bodies = if parts.method == http::Method::HEAD { Bodies::Withheld } else { Bodies::Sent };
        let waits = if parts.headers.contains_key(http::header::EXPECT) { Waits::ForLeave } else { Waits::No };
        let inflow = Inflow::new(incoming, self.limits.stall_time, self.limits.drain, waits);
        let end = inflow.end();
        let mut note = Note::default();
        let road = AssertUnwindSafe(self.walk(&parts, inflow, peer, secure, &mut note)).catch_unwind().await;
        let answer = road.unwrap_or_else(|_| {
            let request_id = &*note.request_id;
            tracing::error!(request_id, "a handler panicked: this is a bug");
            note.fault = Some(Fault::internal("panic"));
            let body = format!("{{\"__type\":\"InternalFailure\",\"message\":\"We encountered an internal error. Please try again.\",\"requestId\":\"{request_id}\"}}");
            let mut answer = Plain::json(500, body).into_answer();
            answer.headers.push(("x-amzn-requestid".into(), request_id.to_string()));
            answer
        });
        self.log(&parts, &note, answer.status, watch);
        let mut response = response(answer, bodies);
        if end.is_some_and(|end| end.is_refused()) && parts.version < http::Version::HTTP_2 {
            response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        }
        response
    }

    async fn walk(&self, parts: &RequestParts, inflow: Inflow, peer: SocketAddr, secure: bool, note: &mut Note) -> Answer {
        if !is_text(&parts.headers) {
            return Plain::json(400, r#"{"message":"A header field is not UTF-8 text."}"#).into_answer();
        }
        if parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() > self.limits.headers {
            return Plain::json(431, r#"{"message":"The header fields of the request are too large."}"#).into_answer();
        }
        let fields = Fields(&parts.headers);
        let head = head(parts, &fields);
        if INSIDE.iter().any(|prefix| head.path.starts_with(prefix)) {
            note.service = "cloudlet";
            return Box::pin(self.inside(&head, inflow)).await.into_answer();
        }
        let (recognized, body) = match self.recognize(&head, inflow).await {
            Ok(found) => found,
            Err(fault) => return Plain::json(fault.status(), fault.message().to_owned()).into_answer(),
        };
        note.service = recognized.service.name;
        let (request_id, extended_id) = self.ids(&recognized);
        note.request_id = request_id.clone();
        let ids = Ids { request_id: &request_id, extended_id: &extended_id };
        if let Some(paper) = self.paper(&head) {
            note.service = "cloudlet";
            return paper.into_answer();
        }
        let traveller = Traveller { head: &head, request_id: &request_id, peer, secure };
        let mut answer = match self.travel(&traveller, &recognized, body, &ids, note).await {
            Ok(answer) => answer,
            Err(fault) => {
                let asked = Asked {
                    method: head.method,
                    path: head.path,
                    query_mode: head.header("x-amzn-query-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("true")),
                };
                if let Some(cause) = fault.cause() {
                    tracing::error!(request_id = &*request_id, cause, "internal failure");
                }
                let answer = codec(recognized.protocol).fault(recognized.service, &fault, &ids, &asked);
                note.fault = Some(fault);
                answer
            }
        };
        let server = Dialect::of(recognized.protocol).server;
        if !server.is_empty() {
            answer.headers.push(("server".into(), server.to_owned()));
        }
        answer
    }

    async fn inside(&self, head: &Head<'_>, inflow: Inflow) -> Plain {
        match inflow.collect(self.limits.body).await {
            Ok(body) => self.inside.answer(head, body).await,
            Err(fault) => Plain::json(fault.status(), fault.to_string()),
        }
    }

    /// A paper that some service hands to anybody.
    fn paper(&self, head: &Head<'_>) -> Option<Plain> {
        if !matches!(head.method, "GET" | "HEAD") || self.papers.is_empty() || head.header("authorization").is_some() {
            return None;
        }
        let paper = self.papers.iter().find_map(|papers| papers.paper(head.path))?;
        Some(Plain { status: 200, content_type: paper.content_type.into(), body: paper.body })
    }

    /// Recognize: the service, from the head; where only a form can tell, from the form.
    async fn recognize(&self, head: &Head<'_>, inflow: Inflow) -> Result<(Recognized, Arrived), Fault> {
        if let Some(recognized) = self.recognizer.service(head) {
            return Ok((recognized, Arrived::Flowing(inflow)));
        }
        let form = inflow.collect(self.limits.body).await?;
        match self.recognizer.service_of_form(head, &form) {
            Some(recognized) => Ok((recognized, Arrived::Whole(form))),
            None => Err(FaultKind::sender("UnknownService", 404).says("No AWS service was recognized in this request.")),
        }
    }

    /// A request's ids: S3 has two of its own form, everybody else a UUID.
    fn ids(&self, recognized: &Recognized) -> (Arc<str>, String) {
        let ids = &self.cloud.frame.ids;
        if recognized.protocol == Protocol::RestXml { (ids.base32(16).into(), ids.alphanumeric(76)) } else { (ids.uuid().into(), String::new()) }
    }

    /// From the recognized service to its answer.
    async fn travel(
        &self,
        traveller: &Traveller<'_>,
        recognized: &Recognized,
        arrived: Arrived,
        ids: &Ids<'_>,
        note: &mut Note,
    ) -> Result<Answer, Fault> {
        let head = traveller.head;
        let service = self.cloud.service(recognized.service.name).ok_or_else(|| Fault::internal("a service without a room"))?;
        let visit = Visit { head, prefix: recognized.place.prefix.as_deref() };
        let path = service.front.as_ref().and_then(|front| front.path(&visit));
        let path = path.as_deref().unwrap_or(head.path);
        if let Some(front) = &service.front
            && head.method == "OPTIONS"
        {
            let fields = front.preflight(&visit, path)?;
            return Ok(Answer { status: 200, headers: named(fields), body: cloudlet_shape::Body::empty() });
        }
        let authenticator = self.authenticator(service, recognized, head.method, visit.prefix);
        let arrived = match (&service.front, arrived) {
            (Some(front), Arrived::Flowing(inflow)) => {
                front.admit(&visit, path)?;
                if front.is_form(&visit, path)? {
                    let posting = Posting { service, front, recognized, path, target: authenticator.target, ids };
                    // On the heap: forms are rare, and their future is large.
                    return Box::pin(self.post(traveller, &posting, inflow, note)).await;
                }
                Arrived::Flowing(inflow)
            }
            (_, arrived) => arrived,
        };

        let (authenticated, arrived) = match authenticator.begin(head)? {
            Stage::Done(authenticated) => (authenticated, arrived),
            Stage::NeedsBody(pending) => {
                let body = arrived.whole(Treatment::Plain, self.limits.body).await?;
                (authenticator.finish(head, *pending, &body)?, Arrived::Whole(body))
            }
            Stage::NeedsForm => {
                let body = arrived.whole(Treatment::Plain, self.limits.body).await?;
                (authenticator.of_form(head, &body)?, Arrived::Whole(body))
            }
        };
        let Authenticated { caller, region, signed, treatment } = authenticated;
        note.principal = Some(caller.arn.clone());

        let (routed, content) = self.route(recognized, head, path, arrived, treatment).await?;
        let Routed { operation, labels } = routed;
        note.operation = operation.name;
        // S3 has its own words for strangers, and some operations are for anybody. Elsewhere only a resource's policy can let one in.
        let stranger = caller.is_anonymous() && !service.takes_unsigned(operation) && recognized.protocol != Protocol::RestXml;
        let missing_token = || authenticator.dialect.missing_token.says("Request is missing Authentication Token");
        let caller = match self.cloud.mode() {
            _ if !stranger => caller,
            Mode::Enforce if service.admits_strangers => caller,
            Mode::Enforce => return Err(missing_token()),
            Mode::Soft | Mode::Off => authenticator.unsigned_caller(&missing_token()),
        };
        let handler = service.operation(operation.name).ok_or_else(|| Cloud::not_implemented(operation))?;
        let spread;
        let head = match signed {
            // What a presigned URL says in its query, it says as if in header fields.
            Some(Signed { kind: SignatureKind::Query, .. }) if recognized.protocol == Protocol::RestXml => {
                spread = Spread::new(head);
                &Head { headers: &spread, ..*head }
            }
            _ => head,
        };
        let (input, missing) = decode(service, recognized.protocol, operation, handler, Message { head, labels: &labels, body: content })?;

        let scope = self.scope(&caller, region, recognized);
        let call = Call { operation, caller, scope, origin: origin(traveller, recognized.protocol, signed, missing), input };
        let performed = self.cloud.perform(call, traveller.request_id.clone(), Entrance::Front).await;
        note.effect = performed.effect;
        if stranger && performed.effect == Some(Effect::Denied) {
            return Err(missing_token());
        }
        let output = performed.answer?;
        let mut answer = codec(recognized.protocol).encode(operation, output.as_struct(), ids);
        if let Some(status) = performed.status {
            answer.status = status;
        }
        answer.headers.extend(named(performed.headers));
        if let Some(front) = &service.front {
            answer.headers.extend(named(front.dress(&visit, path)));
        }
        Ok(answer)
    }

    /// The account and region a call works in: its caller's and its signature's; else what the host names, and the server's own.
    pub(crate) fn scope(&self, caller: &Caller, region: Option<Region>, recognized: &Recognized) -> Scope {
        let region = region.or_else(|| recognized.place.region.as_deref().map(Region::new)).unwrap_or_else(|| self.region.clone());
        Scope::new(caller.account.unwrap_or_else(|| self.cloud.identity.account()), region)
    }

    fn authenticator<'a>(&'a self, service: &'a Service, recognized: &Recognized, method: &str, prefix: Option<&'a str>) -> Authenticator<'a> {
        let is_form = method == "POST" && matches!(recognized.protocol, Protocol::Query | Protocol::Ec2Query);
        let target = if recognized.protocol == Protocol::RestXml { Target::s3() } else { Target::service(recognized.service.signing_name) };
        let target = match prefix {
            Some(bucket) if recognized.protocol == Protocol::RestXml => target.virtual_bucket(bucket),
            _ => target,
        };
        Authenticator {
            identity: &self.cloud.identity,
            keys: &self.keys,
            mode: self.cloud.mode(),
            dialect: &service.dialect,
            target,
            forms: if is_form { Forms::MaySign } else { Forms::Never },
            home: &self.region,
            now: self.cloud.frame.clock.now(),
        }
    }

    /// The operation; and the body, flowing where the operation takes it so, whole otherwise.
    async fn route(
        &self,
        recognized: &Recognized,
        head: &Head<'_>,
        path: &str,
        arrived: Arrived,
        treatment: Treatment,
    ) -> Result<(Routed, Content), Fault> {
        let lost = |unknown: cloudlet_wire::Unknown| unknown.fault(recognized);
        if matches!(recognized.protocol, Protocol::Query | Protocol::Ec2Query) {
            let form = arrived.whole(treatment, self.limits.body).await?;
            let routed = self.recognizer.operation(recognized, head, path, Some(&form)).map_err(lost)?;
            return Ok((routed, Content::Whole(form)));
        }
        let routed = self.recognizer.operation(recognized, head, path, None).map_err(lost)?;
        let flows = routed.operation.input.payload().is_some_and(|(_, member)| matches!(member.of.kind, Kind::Body | Kind::Events));
        let content = match arrived {
            Arrived::Flowing(inflow) if flows => {
                let length = head.header("content-length").and_then(|length| length.parse().ok());
                Content::Stream(flowing(inflow, treatment, length))
            }
            arrived => {
                let body = arrived.whole(treatment, self.limits.body).await?;
                if recognized.protocol == Protocol::RestXml {
                    integrity::check(routed.operation, head, &body)?;
                }
                Content::Whole(body)
            }
        };
        Ok((routed, content))
    }

    fn log(&self, parts: &RequestParts, note: &Note, status: u16, watch: Stopwatch) {
        if note.service == "cloudlet" {
            // No calls of AWS: health checks would fill the log.
            return tracing::debug!(target: "cloudlet::room", method = %parts.method, path = parts.uri.path(), status);
        }
        if !tracing::enabled!(target: "cloudlet::call", tracing::Level::INFO) {
            return;
        }
        let decision = match note.effect {
            Some(Effect::Allowed) => "allowed",
            Some(Effect::Denied) => "denied",
            Some(Effect::Tolerated) => "would be denied",
            Some(Effect::Unasked) => "unasked",
            None => "-",
        };
        let what = if note.operation.is_empty() { parts.method.as_str() } else { note.operation };
        tracing::info!(
            target: "cloudlet::call",
            request_id = &*note.request_id,
            principal = note.principal.as_deref().unwrap_or("-"),
            action = format_args!("{}:{}", note.service, what),
            decision,
            status,
            code = note.fault.as_ref().map_or("-", |fault| fault.code()),
            micros = u64::try_from(watch.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
    }
}

/// A body: still flowing, or read already.
enum Arrived {
    Flowing(Inflow),
    Whole(Bytes),
}

impl Arrived {
    async fn whole(self, treatment: Treatment, limit: usize) -> Result<Bytes, Fault> {
        match (self, treatment) {
            (Arrived::Flowing(inflow), treatment) => gathered(inflow, treatment, limit).await,
            (Arrived::Whole(bytes), Treatment::Checked(mut check)) => {
                check.update(&bytes);
                check.finish()?;
                Ok(bytes)
            }
            (Arrived::Whole(bytes), Treatment::Plain | Treatment::Chunked(..)) => Ok(bytes),
        }
    }
}

/// Decode: bytes become a typed input, and the input is held to its model's constraints.
pub(crate) fn decode(
    service: &Service,
    protocol: Protocol,
    operation: &'static OperationSchema,
    handler: &dyn AnyOperation,
    message: Message<'_>,
) -> Result<(Input, Vec<String>), Fault> {
    let mut input = None;
    let missing = codec(protocol).decode(operation, message, &mut |reader| {
        input = Some(handler.read(reader)?);
        Ok(())
    })?;
    let input = input.ok_or_else(|| Fault::internal("a codec read nothing"))?;
    let validate = match service.dialect.quotes {
        Quotes::Values => validate,
        Quotes::Names => validate_discreetly,
    };
    if let Some(kind) = &service.dialect.validation
        && let Some(sentence) = validate(operation.input, input.as_struct(), &missing)
    {
        return Err(kind.says(sentence));
    }
    Ok((input, missing.into_paths()))
}

pub(crate) fn origin(traveller: &Traveller<'_>, protocol: Protocol, signed: Option<Signed>, missing: Vec<String>) -> Origin {
    let head = traveller.head;
    let scheme = if traveller.secure { "https" } else { "http" };
    Origin {
        source_ip: Some(traveller.peer.ip()),
        endpoint: head.header("host").map(|host| [scheme, "://", host].concat().into()),
        secure: traveller.secure,
        user_agent: head.header("user-agent").map(Into::into),
        referer: head.header("referer").map(Into::into),
        signed,
        via: Vec::new(),
        protocol: Some(protocol),
        path: (protocol == Protocol::Query && head.path != "/").then(|| head.path.into()),
        trace: head.header("x-amzn-trace-id").map(Into::into),
        missing,
    }
}

pub(crate) fn named(fields: Vec<(&'static str, String)>) -> Vec<(std::borrow::Cow<'static, str>, String)> {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

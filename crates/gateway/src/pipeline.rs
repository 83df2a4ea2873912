//! The road of one request, step by step. Each step is a function; the order is AWS's.

use crate::{
    AnswerBody, Limits, Plain,
    answer::{Bodies, response},
    authenticate::{Authenticated, Authenticator, Forms, Stage},
    body::{End, Gathering, Inflow, Treatment, Waits, flowing, gathered, treated},
    form::Posting,
    integrity,
    request::{Fields, Spread, head, settle_host},
};
use bytes::Bytes;
use cloudlet_aws::{Caller, Fault, FaultKind, Head, Region, Scope};
use cloudlet_cloud::{Cloud, EntryPoint, Mode};
use cloudlet_engine::{
    AnyOperation, AuthOutcome, Boxed, Call, Dialect, Input, Origin, PublicFiles, Quotes, RequestView, ScopeRegion, Service, SignatureKind, Signed,
    Stopwatch,
};
use cloudlet_shape::{Kind, OperationSchema, Protocol, ServiceSchema};
use cloudlet_sigv4::{Keys, Target};
use cloudlet_wire::{Answer, Asked, Content, Ids, Incoming as Message, Recognized, Recognizer, Routed, codec, validate, validate_discreetly};
use futures_util::{FutureExt, future::ready};
use http::{Request, Response, request::Parts as RequestParts};
use hyper::body::Incoming;
use std::{cell::RefCell, collections::VecDeque, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc};

/// The rooms of the house itself: `/_cloudlet/health` and its like.
pub trait AdminApi: Send + Sync {
    fn answer<'a>(&'a self, head: &'a Head<'a>, body: Bytes) -> Boxed<'a, Plain>;
}

pub struct Parts {
    pub cloud: Arc<Cloud>,
    pub admin: Arc<dyn AdminApi>,
    pub limits: Limits,
    /// The names under which the server is reached, without ports.
    pub names: Vec<String>,
    /// The region of who does not name one.
    pub region: Region,
}

pub struct Gateway {
    pub(crate) cloud: Arc<Cloud>,
    admin: Arc<dyn AdminApi>,
    limits: Limits,
    pub(crate) region: Region,
    pub(crate) recognizer: Recognizer,
    public_files: Vec<Arc<dyn PublicFiles>>,
    pub(crate) keys: Keys,
}

/// Prefixes that no S3 bucket can have, and that are the house's own.
const INSIDE: [&str; 3] = ["/_cloudlet/", "/_localstack/", "/_aws/"];

/// What the log says of a request.
#[derive(Default)]
pub(crate) struct Note {
    method: http::Method,
    service: &'static str,
    pub operation: &'static str,
    pub principal: Option<Arc<str>>,
    pub effect: Option<AuthOutcome>,
    fault: Option<Fault>,
    request_id: Arc<str>,
}

/// One request on its way.
pub(crate) struct RequestInfo<'a> {
    pub head: &'a Head<'a>,
    pub request_id: &'a Arc<str>,
    peer: SocketAddr,
    secure: bool,
}

/// What becomes of a request once it is read.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, once a request")]
enum Received {
    Answered(Answer),
    Calls {
        spelling: Spelling,
        call: Call,
        /// The front's, for the answer.
        fields: Vec<(&'static str, String)>,
        /// What who signs nothing is told instead of a denial.
        stranger: Option<Fault>,
    },
}

#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, once a request")]
enum Decoded {
    To { call: Call, fields: Vec<(&'static str, String)>, stranger: Option<Fault> },
    Answered(Answer),
}

/// All that an answer depends on, of the request's head.
struct Spelling {
    service: &'static ServiceSchema,
    protocol: Protocol,
    request_id: Arc<str>,
    extended_id: String,
    query_mode: bool,
}

impl Spelling {
    fn ids(&self) -> Ids<'_> {
        Ids { request_id: &self.request_id, extended_id: &self.extended_id }
    }

    fn refusal(&self, fault: Fault, note: &mut Note) -> Answer {
        if let Some(cause) = fault.cause() {
            tracing::error!(request_id = &*self.request_id, cause, "internal failure");
        }
        let answer = codec(self.protocol).fault(self.service, &fault, &self.ids(), &Asked { query_mode: self.query_mode });
        note.fault = Some(fault);
        self.named_server(answer)
    }

    /// With the name of the server, where AWS gives one.
    fn named_server(&self, mut answer: Answer) -> Answer {
        let server = Dialect::of(self.protocol).server;
        if !server.is_empty() {
            answer.headers.push(("server".into(), server.to_owned()));
        }
        answer
    }
}

impl Gateway {
    pub fn new(parts: Parts) -> Gateway {
        let services: Vec<&'static ServiceSchema> = parts.cloud.services().map(|service| service.schema).collect();
        let recognizer = Recognizer::new(&services, &parts.names);
        let public_files = parts.cloud.services().filter_map(|service| service.public_files.clone()).collect();
        Gateway { cloud: parts.cloud, admin: parts.admin, limits: parts.limits, region: parts.region, recognizer, public_files, keys: Keys::new() }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers one request, whatever it is.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr, secure: bool, end: Arc<End>) -> Response<AnswerBody> {
        let watch = Stopwatch::start();
        let (parts, incoming) = request.into_parts();
        let version = parts.version;
        let bodies = if parts.method == http::Method::HEAD { Bodies::Withheld } else { Bodies::Sent };
        let waits = if parts.headers.contains_key(http::header::EXPECT) { Waits::ForLeave } else { Waits::No };
        let inflow = Inflow::new(incoming, self.limits.stall_time, self.limits.drain, waits, end.clone());
        let mut note = Note { method: parts.method.clone(), ..Note::default() };
        let pipeline = AssertUnwindSafe(self.run(parts, inflow, peer, secure, &mut note)).catch_unwind().await;
        let answer = pipeline.unwrap_or_else(|_| {
            let request_id = &*note.request_id;
            tracing::error!(request_id, "a handler panicked: this is a bug");
            note.fault = Some(Fault::internal("panic"));
            let body = format!("{{\"__type\":\"InternalFailure\",\"message\":\"We encountered an internal error. Please try again.\",\"requestId\":\"{request_id}\"}}");
            let mut answer = Plain::json(500, body).into_answer();
            answer.headers.push(("x-amzn-requestid".into(), request_id.to_string()));
            answer
        });
        self.log(&note, answer.status, watch);
        let mut response = response(answer, bodies);
        if end.is_refused() && version < http::Version::HTTP_2 {
            response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        }
        response
    }

    async fn run(&self, parts: RequestParts, inflow: Inflow, peer: SocketAddr, secure: bool, note: &mut Note) -> Answer {
        // On the heap, and gone before the call is performed, with the head: who waits for a message needs neither.
        let (spelling, call, fields, stranger) = match Box::pin(self.receive(parts, inflow, peer, secure, note)).await {
            Received::Answered(answer) => return answer,
            Received::Calls { spelling, call, fields, stranger } => (spelling, call, fields, stranger),
        };
        let operation = call.operation;
        let performed = self.cloud.perform_to_end(call, spelling.request_id.clone(), EntryPoint::Gateway).await;
        note.effect = performed.outcome;
        match performed.answer {
            Ok(output) => {
                let mut answer = codec(spelling.protocol).encode(operation, output.as_struct(), &spelling.ids());
                if let Some(status) = performed.status {
                    answer.status = status;
                }
                answer.headers.extend(named(performed.headers));
                answer.headers.extend(named(fields));
                spelling.named_server(answer)
            }
            Err(fault) => spelling.refusal(stranger.filter(|_| performed.outcome == Some(AuthOutcome::Denied)).unwrap_or(fault), note),
        }
    }

    /// From the head of a request to a call, or to an answer that nobody need be called for.
    async fn receive(&self, mut parts: RequestParts, inflow: Inflow, peer: SocketAddr, secure: bool, note: &mut Note) -> Received {
        settle_host(&mut parts);
        let parts = &parts;
        let plain = |plain: Plain| Received::Answered(plain.into_answer());
        let Some(fields) = Fields::of(&parts.headers) else {
            return plain(Plain::json(400, r#"{"message":"A header field is not UTF-8 text."}"#));
        };
        if fields.size() > self.limits.headers {
            return plain(Plain::json(431, r#"{"message":"The header fields of the request are too large."}"#));
        }
        let head = head(parts, &fields);
        if INSIDE.iter().any(|prefix| head.path.starts_with(prefix)) {
            note.service = "cloudlet";
            let answer = Box::pin(self.admin(&head, inflow)).await;
            // No call of AWS: health checks would fill the log.
            tracing::debug!(target: "cloudlet::room", method = head.method, path = head.path, status = answer.status);
            return plain(answer);
        }
        let (recognized, body) = match self.recognize(&head, inflow).await {
            Ok(found) => found,
            Err(fault) => return plain(Plain::json(fault.status(), fault.message().to_owned())),
        };
        note.service = recognized.service.name;
        let (request_id, extended_id) = self.ids(&recognized);
        note.request_id = request_id.clone();
        if let Some(public_file) = self.public_file(&head) {
            note.service = "cloudlet";
            return plain(public_file);
        }
        let query_mode = head.header("x-amzn-query-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("true"));
        let spelling = Spelling { service: recognized.service, protocol: recognized.protocol, request_id, extended_id, query_mode };
        let request = RequestInfo { head: &head, request_id: &spelling.request_id, peer, secure };
        match self.decode_request(&request, &recognized, body, &spelling.ids(), note).await {
            Ok(Decoded::To { call, fields, stranger }) => Received::Calls { spelling, call, fields, stranger },
            Ok(Decoded::Answered(answer)) => Received::Answered(spelling.named_server(answer)),
            Err(fault) => Received::Answered(spelling.refusal(fault, note)),
        }
    }

    async fn admin(&self, head: &Head<'_>, inflow: Inflow) -> Plain {
        match gathered(inflow, Treatment::Plain, self.limits.body).await {
            Ok(body) => self.admin.answer(head, body).await,
            Err(fault) => Plain::json(fault.status(), fault.to_string()),
        }
    }

    /// A paper that some service hands to anybody.
    fn public_file(&self, head: &Head<'_>) -> Option<Plain> {
        if !matches!(head.method, "GET" | "HEAD") || self.public_files.is_empty() || head.header("authorization").is_some() {
            return None;
        }
        let public_file = self.public_files.iter().find_map(|public_files| public_files.public_file(head.path))?;
        Some(Plain { status: 200, content_type: public_file.content_type.into(), body: public_file.body })
    }

    /// Recognize: the service, from the head; where only a form can tell, from the form.
    async fn recognize(&self, head: &Head<'_>, inflow: Inflow) -> Result<(Recognized, Arrived), Fault> {
        if let Some(recognized) = self.recognizer.service(head) {
            return Ok((recognized, Arrived::Flowing(inflow)));
        }
        let form = gathered(inflow, Treatment::Plain, self.limits.body).await?;
        match self.recognizer.service_of_form(head, &form) {
            Some(recognized) => Ok((recognized, Arrived::Whole(form))),
            None => Err(FaultKind::sender("UnknownService", 404).says("No AWS service was recognized in this request.")),
        }
    }

    /// A request's ids: S3 has two of its own form, everybody else a UUID.
    fn ids(&self, recognized: &Recognized) -> (Arc<str>, String) {
        let ids = &self.cloud.runtime.ids;
        if recognized.protocol == Protocol::RestXml { (ids.base32(16).into(), ids.alphanumeric(76)) } else { (ids.uuid().into(), String::new()) }
    }

    /// From the recognized service to the call of it.
    async fn decode_request(
        &self,
        request: &RequestInfo<'_>,
        recognized: &Recognized,
        arrived: Arrived,
        ids: &Ids<'_>,
        note: &mut Note,
    ) -> Result<Decoded, Fault> {
        let head = request.head;
        let service = self.cloud.service(recognized.service.name).ok_or_else(|| Fault::internal("a service without a room"))?;
        let view = RequestView { head, prefix: recognized.host.prefix.as_deref() };
        let path = service.http_hooks.as_ref().and_then(|http_hooks| http_hooks.path(&view));
        let path = path.as_deref().unwrap_or(head.path);
        if let Some(http_hooks) = &service.http_hooks
            && head.method == "OPTIONS"
        {
            let fields = http_hooks.preflight(&view, path)?;
            return Ok(Decoded::Answered(Answer { status: 200, headers: named(fields), body: cloudlet_shape::Body::empty() }));
        }
        let authenticator = self.authenticator(service, recognized, head.method, view.prefix);
        let arrived = match (&service.http_hooks, arrived) {
            (Some(http_hooks), Arrived::Flowing(inflow)) => {
                http_hooks.admit(&view, path)?;
                if http_hooks.is_form(&view, path)? {
                    let posting = Posting { service, http_hooks, recognized, path, target: authenticator.target, ids };
                    // On the heap: forms are rare, and their future is large.
                    return Box::pin(self.post(request, &posting, inflow, note)).await.map(Decoded::Answered);
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

        if let Some(http_hooks) = &service.http_hooks {
            http_hooks.admit_verified(&view, path)?;
        }
        let (routed, content) = self.route(recognized, head, path, arrived, treatment).await?;
        let Routed { operation, labels } = routed;
        note.operation = operation.name;
        // S3 has its own words for strangers, and some operations are for anybody. Elsewhere only a resource's policy can let one in.
        let stranger = caller.is_anonymous() && !service.takes_unsigned(operation) && recognized.protocol != Protocol::RestXml;
        let missing_token = || authenticator.dialect.missing_token.says("Request is missing Authentication Token");
        let caller = match self.cloud.mode() {
            _ if !stranger => caller,
            Mode::Enforce if service.admits_anonymous => caller,
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
        let call = Call { operation, caller, scope, origin: origin(request, recognized.protocol, signed, missing), input };
        let fields = service.http_hooks.as_ref().map(|http_hooks| http_hooks.response_headers(&view, path)).unwrap_or_default();
        Ok(Decoded::To { call, fields, stranger: stranger.then(missing_token) })
    }

    /// The account and region a call works in: its caller's and its signature's; else what the host names, and the server's own.
    pub(crate) fn scope(&self, caller: &Caller, region: Option<Region>, recognized: &Recognized) -> Scope {
        let region = region.or_else(|| recognized.host.region.as_deref().map(Region::new)).unwrap_or_else(|| self.region.clone());
        Scope::new(caller.account.unwrap_or_else(|| self.cloud.identity.account()), region)
    }

    fn authenticator<'a>(&'a self, service: &'a Service, recognized: &Recognized, method: &str, prefix: Option<&'a str>) -> Authenticator<'a> {
        let is_form = method == "POST" && matches!(recognized.protocol, Protocol::Query | Protocol::Ec2Query);
        let target = if recognized.protocol == Protocol::RestXml { Target::s3() } else { Target::service(recognized.service.signing_name) };
        let target = if service.dialect.scope_region == ScopeRegion::MayBeEmpty { target.global() } else { target };
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
            now: self.cloud.runtime.clock.now(),
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

    fn log(&self, note: &Note, status: u16, watch: Stopwatch) {
        if note.service == "cloudlet" {
            return;
        }
        if !tracing::enabled!(target: "cloudlet::call", tracing::Level::INFO) {
            return;
        }
        let decision = match note.effect {
            Some(AuthOutcome::Allowed) => "allowed",
            Some(AuthOutcome::Denied) => "denied",
            Some(AuthOutcome::Tolerated) => "would be denied",
            Some(AuthOutcome::NotChecked) => "unasked",
            None => "-",
        };
        let what = if note.operation.is_empty() { note.method.as_str() } else { note.operation };
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
    fn whole(self, treatment: Treatment, limit: usize) -> Gathering {
        match self {
            Arrived::Flowing(inflow) => gathered(inflow, treatment, limit),
            Arrived::Whole(bytes) => Gathering::Left(ready(treated(bytes, treatment))),
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
    if let Some(kind) = service.dialect.validation.of(missing.paths())
        && let Some(sentence) = validate(operation.input, input.as_struct(), &missing)
    {
        return Err(kind.says(sentence));
    }
    Ok((input, missing.into_paths()))
}

pub(crate) fn origin(request: &RequestInfo<'_>, protocol: Protocol, signed: Option<Signed>, missing: Vec<String>) -> Origin {
    let head = request.head;
    let scheme = if request.secure { "https" } else { "http" };
    Origin {
        source_ip: Some(request.peer.ip()),
        endpoint: head.header("host").map(|host| again(&[scheme, "://", host])),
        secure: request.secure,
        user_agent: head.header("user-agent").map(|agent| again(&[agent])),
        referer: head.header("referer").map(Into::into),
        signed,
        via: Vec::new(),
        protocol: Some(protocol),
        path: (protocol == Protocol::Query && head.path != "/").then(|| head.path.into()),
        trace: head.header("x-amzn-trace-id").map(Into::into),
        missing,
        output_ignored: false,
    }
}

/// A text of these pieces. Clients say the same in every request: what was said lately is not made again, and the log holds it once.
fn again(pieces: &[&str]) -> Arc<str> {
    const LATELY: usize = 8;
    const LONGEST: usize = 512;
    thread_local! {
        static TEXTS: RefCell<VecDeque<Arc<str>>> = const { RefCell::new(VecDeque::new()) };
    }
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    let is_made_of = |text: &str| {
        let rest = pieces.iter().try_fold(text, |rest, piece| rest.strip_prefix(piece));
        rest.is_some_and(str::is_empty)
    };
    TEXTS.with_borrow_mut(|texts| {
        if let Some(text) = texts.iter().find(|text| text.len() == length && is_made_of(text)) {
            return text.clone();
        }
        let text: Arc<str> = pieces.concat().into();
        if length <= LONGEST {
            texts.truncate(LATELY - 1);
            texts.push_front(text.clone());
        }
        text
    })
}

pub(crate) fn named(fields: Vec<(&'static str, String)>) -> Vec<(std::borrow::Cow<'static, str>, String)> {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

//! The request pipeline, step by step: recognize, authenticate, decode; the cloud authorizes and performs; encode.

use crate::{
    absent::absent_service,
    access::Page,
    answer::{AnswerBody, Plain, response},
    authenticate::{Authenticated, Authenticator, FormClaims, Stage},
    body::{CollectLimits, ReceivedBody, RequestBody, WholeBody},
    body_encoding::{BodyEncoding, Collected, checked, collected, decoded},
    budget::Reservation,
    cors,
    decode::{decode, origin},
    endpoint::EndpointCall,
    form::PostForm,
    gateway::{Gateway, Peer},
    integrity::{Declared, Digests},
    log_entry::LogEntry,
    observe::observe,
    observed::Observation,
    request::{Fields, PipelineRequest, PresignedFields, head},
    response_format::{ResponseFormat, headers},
    website,
};
use axum::response::Response;
use cloudlet_aws::{Caller, Fault, FaultKind, Head};
use cloudlet_cloud::{Cloud, EntryPoint, Mode};
use cloudlet_engine::{
    Anonymous, AuthOutcome, Call, Dialect, Dispatcher, PresignedQuery, RequestIds, RequestView, ScopeRegion, Service, ServiceEvents, SignatureKind,
    SignatureRules, Signed, Stopwatch,
};
use cloudlet_shape::{Kind, Protocol};
use cloudlet_sigv4::Target;
use cloudlet_wire::{Absent, Answer, Content, Ids, Incoming as Message, Recognized, Routed, codec_for};
use futures_util::{FutureExt, future::ready};
use http::{header, request::Parts};
use std::{panic::AssertUnwindSafe, sync::Arc};

/// What becomes of a request once it is read.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, once a request")]
enum Received<'a> {
    Answered(Answer),
    Call { format: ResponseFormat<'a>, decoded: DecodedCall },
}

/// A request of no service that is here.
enum Unrecognized<'h> {
    Absent(Absent<'h>),
    Fault(Fault),
}

impl From<Fault> for Unrecognized<'_> {
    fn from(fault: Fault) -> Self {
        Unrecognized::Fault(fault)
    }
}

/// Whose rules tell which web pages may read an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origins {
    OfServer,
    OfService,
}

struct DecodedCall {
    call: Call,
    /// Of the service's HTTP hooks, for the answer.
    headers: Vec<(&'static str, String)>,
    /// What an anonymous caller gets instead of a denial.
    missing_token: Option<Fault>,
    /// Of the body, until the call has ended.
    reservation: Option<Reservation>,
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
        let page = match self.access.page(&parts.headers) {
            Page::Allowed(_) => parts.headers.get(header::ORIGIN).cloned(),
            _ => None,
        };
        let mut origins = Origins::OfServer;
        let answered = AssertUnwindSafe(self.run(parts, body, peer, &mut log, &mut origins)).catch_unwind().await;
        let answer = answered.unwrap_or_else(|_| panicked(&mut log));
        log.write(answer.status, watch);
        let mut response = response(answer, &method);
        if let Some(observation) = log.observation.take() {
            response = observe(response, *observation, &mut log, self.cloud.clone(), watch);
        }
        if let Some(origin) = page.filter(|_| origins == Origins::OfServer) {
            cors::allow(&mut response, origin);
        }
        response
    }

    async fn run(&self, parts: Parts, body: RequestBody, peer: Peer, log: &mut LogEntry, origins: &mut Origins) -> Answer {
        // Boxed, and gone with the head of the request before the call is performed: a call that waits for a message needs neither.
        let (format, decoded) = match Box::pin(self.receive(parts, body, peer, log, origins)).await {
            Received::Answered(answer) => return answer,
            Received::Call { format, decoded } => (format, decoded),
        };
        let DecodedCall { call, headers: of_hooks, missing_token, reservation: _reservation } = decoded;
        let operation = call.operation;
        let performed = self.cloud.perform_to_end(call, format.request_id.clone(), EntryPoint::Gateway).await;
        log.outcome = performed.outcome;
        log.notes = performed.notes;
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
            Err(fault) => {
                let fault = missing_token.filter(|_| performed.outcome == Some(AuthOutcome::Denied)).unwrap_or(fault);
                let mut answer = format.fault(fault, log);
                answer.headers.extend(headers(of_hooks));
                answer
            }
        }
    }

    /// From the head of a request to a call, or to an answer that needs no call.
    async fn receive(&self, parts: Parts, body: RequestBody, peer: Peer, log: &mut LogEntry, origins: &mut Origins) -> Received<'_> {
        let plain = |status, message: &str| Received::Answered(Plain::message(status, message).into_answer());
        let Some(fields) = Fields::of(&parts.headers) else {
            return plain(400, "A header field is not UTF-8 text.");
        };
        if fields.size() > self.limits.headers {
            return plain(431, "The header fields of the request are too large.");
        }
        let head = head(&parts, &fields);
        if let Some((name, endpoints, endpoint)) = self.endpoint(&head) {
            // An endpoint of a user alone decides which pages may read its answers.
            *origins = Origins::OfService;
            let to = EndpointCall { name, endpoints, endpoint, version: parts.version };
            return Received::Answered(Box::pin(self.endpoint_answer(&head, peer, to, body, log)).await);
        }
        let page = self.access.page(&parts.headers);
        *origins = self.origins(&head, page);
        if *origins == Origins::OfServer && matches!(page, Page::Allowed(_)) && cors::is_preflight(head.method, &parts.headers) {
            return Received::Answered(cors::preflight(&parts.headers));
        }
        let (recognized, body) = match self.recognize(&head, body).await {
            Ok(found) => found,
            Err(Unrecognized::Absent(absent)) => return Received::Answered(absent_service(&absent, &self.cloud.runtime.ids.uuid())),
            Err(Unrecognized::Fault(fault)) => return plain(fault.status(), fault.message()),
        };
        log.service = recognized.service.name;
        let Some(service) = self.cloud.service(recognized.service.name) else { return plain(500, "The cloud does not have this service.") };
        let (request_id, extended_id) = self.ids(service);
        log.request_id = request_id.clone();
        let format = ResponseFormat {
            service: recognized.service,
            protocol: recognized.protocol,
            request_id,
            extended_id,
            codec: codec_for(recognized.protocol, head.header("accept")),
            dialect: &service.dialect,
            head: head.method == "HEAD",
        };
        let request = PipelineRequest { head: &head, request_id: &format.request_id, peer, page };
        match self.decode_request(&request, service, &recognized, body, &format.ids(), log).await {
            Ok(Decoded::Call(decoded)) => Received::Call { format, decoded },
            Ok(Decoded::Answered(answer)) => Received::Answered(format.with_server(answer)),
            Err(fault) => Received::Answered(format.fault(fault, log)),
        }
    }

    /// Who decides whether a page may read the answer. Origins that the server was told of are its own.
    fn origins(&self, head: &Head<'_>, page: Page<'_>) -> Origins {
        let named = matches!(page, Page::Allowed(origin) if self.access.names_origin(origin));
        if named || head.header("origin").is_none() {
            return Origins::OfServer;
        }
        let Some(recognized) = self.recognizer.service(head) else { return Origins::OfServer };
        let Some(http_hooks) = self.cloud.service(recognized.service.name).and_then(|service| service.http_hooks.as_ref()) else {
            return Origins::OfServer;
        };
        let view = view_of(head, &recognized);
        let path = http_hooks.path(&view);
        if http_hooks.rules_origins(&view, path.as_deref().unwrap_or(head.path)) { Origins::OfService } else { Origins::OfServer }
    }

    /// Recognize: the service, from the head; where only a form can tell, from the form.
    async fn recognize<'h>(&self, head: &Head<'h>, body: RequestBody) -> Result<(Recognized, ReceivedBody), Unrecognized<'h>> {
        if let Some(recognized) = self.recognizer.service(head) {
            return Ok((recognized, ReceivedBody::Arriving(body)));
        }
        if let Some(absent) = self.recognizer.absent(head) {
            return Err(Unrecognized::Absent(absent));
        }
        let form = self.collected(body, BodyEncoding::Plain, self.limits.unsigned_body, &Dialect::QUERY).await?;
        match self.recognizer.service_of_form(head, &form.bytes) {
            Some(recognized) => Ok((recognized, ReceivedBody::Whole(form))),
            None => Err(FaultKind::sender("UnknownService", 404).says("No AWS service was recognized in this request.").into()),
        }
    }

    pub(crate) fn ids(&self, service: &Service) -> (Arc<str>, String) {
        let ids = &self.cloud.runtime.ids;
        match service.dialect.request_ids {
            RequestIds::S3 => (ids.base32(16).into(), ids.alphanumeric(76)),
            RequestIds::Uuid => (ids.uuid().into(), String::new()),
        }
    }

    fn collected(&self, body: RequestBody, encoding: BodyEncoding, limit: usize, dialect: &Dialect) -> Collected {
        collected(body, encoding, limit, || CollectLimits { body: limit, reservation: self.budget.begin(), exhausted: dialect.throttle() })
    }

    /// The largest body of a request that may be unsigned. With authorization off, unsigned requests are like others.
    fn unsigned_limit(&self, service: &Service) -> usize {
        match self.cloud.mode() {
            Mode::Enforce => self.signed_limit(service).min(self.limits.unsigned_body),
            Mode::Soft | Mode::Off => self.signed_limit(service),
        }
    }

    /// The largest body of a request that claims to be signed, which it mostly proves by its body.
    fn signed_limit(&self, service: &Service) -> usize {
        self.limits.body.min(service.dialect.max_request)
    }

    /// From the recognized service to the call of it.
    async fn decode_request(
        &self,
        request: &PipelineRequest<'_>,
        service: &Service,
        recognized: &Recognized,
        body: ReceivedBody,
        ids: &Ids<'_>,
        log: &mut LogEntry,
    ) -> Result<Decoded, Fault> {
        let head = request.head;
        let view = view_of(head, recognized);
        let path = service.http_hooks.as_ref().and_then(|http_hooks| http_hooks.path(&view));
        let path = path.as_deref().unwrap_or(head.path);
        let events = if self.cloud.is_observed() { ServiceEvents::Observed } else { ServiceEvents::Unobserved };
        if let Some(observer) = service.http_hooks.as_ref().and_then(|http_hooks| http_hooks.observer(&view, path, events)) {
            let (caller, origin) = (Caller::anonymous(), origin(head, request.peer, recognized.protocol, None, ids.extended_id, vec![]));
            let scope = self.scope(&caller, None, recognized);
            log.observation = Some(Box::new(Observation { observer, caller, scope, origin }));
        }
        if let Some(http_hooks) = &service.http_hooks
            && head.method == "OPTIONS"
        {
            let fields = http_hooks.preflight(&view, path)?;
            let mut answer = Answer { status: 200, headers: headers(fields), body: cloudlet_shape::Body::empty() };
            answer.headers.push(("x-amz-request-id".into(), ids.request_id.to_owned()));
            answer.headers.push(("x-amz-id-2".into(), ids.extended_id.to_owned()));
            return Ok(Decoded::Answered(answer));
        }
        let admits_origin = || service.http_hooks.as_ref().is_some_and(|http_hooks| http_hooks.admits_origin(&view, path));
        if let Page::Foreign(_) | Page::ForeignHost(_) = request.page
            && !admits_origin()
        {
            return Err(foreign(request.page));
        }
        if let Some(http_hooks) = &service.http_hooks
            && let Some(website) = http_hooks.website(&view, path, website::context(ids, request.peer))
        {
            let fields = http_hooks.response_headers(&view, path);
            // Boxed: the future of a call stays small.
            let answer = Box::pin(self.website_answer(request, service, recognized, website, ids, log)).await;
            return answer.map(|mut answer| {
                answer.headers.extend(headers(fields));
                Decoded::Answered(answer)
            });
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
                let body = self.whole(body, BodyEncoding::Plain, self.signed_limit(service), service).await?;
                (authenticator.finish(head, *pending, &body.bytes)?, ReceivedBody::Whole(body))
            }
            Stage::NeedsForm => {
                let body = self.whole(body, BodyEncoding::Plain, self.unsigned_limit(service), service).await?;
                (authenticator.of_form(head, &body.bytes)?, ReceivedBody::Whole(body))
            }
        };
        let Authenticated { caller, region, signed, encoding } = authenticated;
        log.principal = Some(caller.arn.clone());
        if let Some(observation) = &mut log.observation {
            observation.caller = caller.clone();
            observation.origin.signed = signed;
        }

        if let Some(http_hooks) = &service.http_hooks {
            http_hooks.admit_verified(&view, path)?;
        }
        let limit = if signed.is_some() { self.signed_limit(service) } else { self.unsigned_limit(service) };
        let (routed, content, reservation, declared) = self.route(service, recognized, head, path, body, encoding, limit).await?;
        let Routed { operation, labels } = routed;
        log.operation = operation.name;
        let anonymous = caller.is_anonymous() && !service.takes_unsigned(operation) && service.dialect.anonymous != Anonymous::Authorized;
        let missing_token = || service.dialect.missing_token.says("Request is missing Authentication Token");
        let caller = match (self.cloud.mode(), service.dialect.anonymous) {
            _ if !anonymous => caller,
            (Mode::Enforce, Anonymous::Refused) => return Err(missing_token()),
            (Mode::Enforce, _) => caller,
            (Mode::Soft | Mode::Off, _) => authenticator.unsigned_caller(&missing_token()),
        };
        // Images and links of other sites may read, as they may on AWS, and links in mails work; but none may act for a caller.
        let reads = matches!(head.method, "GET" | "HEAD") && matches!(recognized.protocol, Protocol::RestXml | Protocol::RestJson);
        if request.page == Page::CrossSite && !reads && !caller.is_anonymous() && !service.takes_unsigned(operation) {
            return Err(foreign(request.page));
        }
        let handler = service.operation(operation.name).ok_or_else(|| Cloud::not_implemented(operation))?;
        let presigned;
        let head = match (signed, service.dialect.presigned_query) {
            (Some(Signed { kind: SignatureKind::Query, .. }), PresignedQuery::ParametersAndHeaders) => {
                presigned = PresignedFields::new(head);
                &Head { headers: &presigned, ..*head }
            }
            _ => head,
        };
        let decoded = decode(service, recognized.protocol, operation, handler, Message { head, labels: &labels, body: content });
        let (input, missing) = decoded.map_err(|fault| match &service.http_hooks {
            Some(http_hooks) => http_hooks.unreadable(&view, path, fault),
            None => fault,
        })?;
        // AWS: a document outside the schema is reported before a digest that is not its own (measured, <https://github.com/brekkylab/backlot>).
        if let Some(declared) = declared {
            handler.check_document(&input)?;
            declared.compare()?;
        }

        let scope = self.scope(&caller, region, recognized);
        let origin = origin(request.head, request.peer, recognized.protocol, signed, ids.extended_id, missing);
        let call = Call { operation, caller, scope, origin, input };
        let headers = service.http_hooks.as_ref().map(|http_hooks| http_hooks.response_headers(&view, path)).unwrap_or_default();
        Ok(Decoded::Call(DecodedCall { call, headers, missing_token: anonymous.then(missing_token), reservation }))
    }

    pub(crate) fn authenticator<'a>(
        &'a self,
        service: &'a Service,
        recognized: &Recognized,
        method: &str,
        prefix: Option<&'a str>,
    ) -> Authenticator<'a> {
        let is_form = method == "POST" && matches!(recognized.protocol, Protocol::Query | Protocol::Ec2Query);
        let target = match (service.dialect.signature_rules, prefix) {
            (SignatureRules::Common, _) => Target::service(recognized.service.signing_name),
            (SignatureRules::S3, None) => Target::s3(),
            (SignatureRules::S3, Some(bucket)) => Target::s3().virtual_bucket(bucket),
        };
        let target = target.at_home(self.region.as_str());
        let target = if service.dialect.scope_region == ScopeRegion::MayBeEmpty { target.global() } else { target };
        Authenticator {
            identity: &self.cloud.identity,
            keys: &self.keys,
            mode: self.cloud.mode(),
            dialect: &service.dialect,
            machine_keys: service.machine_keys.as_deref(),
            target,
            form_claims: if is_form { FormClaims::Possible } else { FormClaims::None },
            home: &self.region,
            now: self.cloud.runtime.clock.now(),
        }
    }

    /// The operation; and the body, streaming where the operation takes it so, whole otherwise.
    #[expect(clippy::too_many_arguments, reason = "each is a step of its own before this one")]
    async fn route<'h>(
        &self,
        service: &Service,
        recognized: &Recognized,
        head: &Head<'h>,
        path: &str,
        body: ReceivedBody,
        encoding: BodyEncoding,
        limit: usize,
    ) -> Result<(Routed, Content, Option<Reservation>, Option<Declared<'h>>), Fault> {
        let unknown = |unknown: cloudlet_wire::Unknown| unknown.fault(recognized);
        if matches!(recognized.protocol, Protocol::Query | Protocol::Ec2Query) {
            let form = self.whole(body, encoding, limit, service).await?;
            let routed = self.recognizer.operation(recognized, head, path, Some(&form.bytes)).map_err(unknown)?;
            return Ok((routed, Content::Whole(form.bytes), form.reservation, None));
        }
        let routed = self.recognizer.operation(recognized, head, path, None).map_err(unknown)?;
        let streams = routed.operation.input.payload().is_some_and(|(_, member)| matches!(member.of.kind, Kind::Body | Kind::Events));
        match body {
            ReceivedBody::Arriving(body) if streams => {
                let length = head.header("content-length").and_then(|length| length.parse().ok());
                Ok((routed, Content::Stream(decoded(body, encoding, length)), None, None))
            }
            body => {
                let digests = Digests::of(routed.operation, &service.dialect, head)?;
                let (encoding, hash) = match encoding {
                    BodyEncoding::Checked(hash) => (BodyEncoding::Plain, Some(hash)),
                    other => (other, None),
                };
                let body = self.whole(body, encoding, limit, service).await?;
                let declared = Declared::of(digests, hash, &body.bytes);
                Ok((routed, Content::Whole(body.bytes), body.reservation, declared))
            }
        }
    }

    pub(crate) fn whole(&self, body: ReceivedBody, encoding: BodyEncoding, limit: usize, service: &Service) -> Collected {
        match body {
            ReceivedBody::Arriving(body) => self.collected(body, encoding, limit, &service.dialect),
            ReceivedBody::Whole(WholeBody { bytes, reservation }) => {
                Collected::Left(ready(checked(bytes, encoding).map(|bytes| WholeBody { bytes, reservation })))
            }
        }
    }
}

fn view_of<'a>(head: &'a Head<'a>, recognized: &'a Recognized) -> RequestView<'a> {
    RequestView { head, prefix: recognized.host.prefix.as_deref(), service: recognized.host.service.as_deref() }
}

/// The root's credentials are known to all, so a page of anybody's could act as root.
fn foreign(page: Page<'_>) -> Fault {
    const FORBIDDEN: FaultKind = FaultKind::sender("AccessForbidden", 403);
    match page {
        Page::Foreign(origin) => FORBIDDEN
            .says(format!("Web pages of the origin {origin} may not use this server. If they should, start it with --allow-origin {origin}.")),
        Page::ForeignHost(host) => {
            let name = host.split(':').next().unwrap_or(host);
            FORBIDDEN.says(format!("Browsers may not use this server under the name {name}. If they should, start it with --name {name}."))
        }
        _ => FORBIDDEN.says("Web pages of other sites may not use this server. If one should, start it with --allow-origin and the page's origin."),
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

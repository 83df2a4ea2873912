//! Requests to the endpoints of users: authenticated, and handed over whole.

use crate::{
    authenticate::{Authenticated, Stage},
    body::{ReceivedBody, RequestBody},
    body_encoding::BodyEncoding,
    decode::origin,
    gateway::{Gateway, Peer},
    log_entry::LogEntry,
    response_format::headers,
};
use cloudlet_aws::{Caller, Fault, Head};
use cloudlet_cloud::{EntryPoint, Mode};
use cloudlet_engine::{Call, EndpointAnswer, EndpointCallers, EndpointField, EndpointRequest, HttpEndpoint, HttpEndpoints, Service, Signed};
use cloudlet_shape::{Body, Protocol};
use cloudlet_sigv4::Target;
use cloudlet_wire::{Answer, HostParts, Recognized};
use http::Version;
use std::sync::Arc;

/// What a request to an endpoint is to.
pub struct EndpointCall<'g> {
    /// Of the service.
    pub name: &'static str,
    pub endpoints: &'g Arc<dyn HttpEndpoints>,
    pub endpoint: HttpEndpoint,
    pub version: Version,
}

impl Gateway {
    pub(crate) fn endpoint(&self, head: &Head<'_>) -> Option<(&'static str, &Arc<dyn HttpEndpoints>, HttpEndpoint)> {
        let host = head.header("host").unwrap_or_default();
        self.endpoints.iter().find_map(|(name, endpoints)| Some((*name, endpoints, endpoints.endpoint(host, head.path)?)))
    }

    pub(crate) async fn endpoint_answer(&self, head: &Head<'_>, peer: Peer, to: EndpointCall<'_>, body: RequestBody, log: &mut LogEntry) -> Answer {
        if head.method == "OPTIONS"
            && let Some(fields) = to.endpoints.preflight(&to.endpoint, head)
        {
            return Answer { status: 200, headers: headers(fields), body: Body::empty() };
        }
        match self.call_endpoint(head, peer, &to, body, log).await {
            Ok(answer) => answer,
            Err(fault) => {
                let refusal = to.endpoints.refusal(&fault);
                log.fault = Some(fault);
                Answer { status: refusal.status, headers: headers(refusal.headers), body: Body::whole(refusal.body) }
            }
        }
    }

    async fn call_endpoint(
        &self,
        head: &Head<'_>,
        peer: Peer,
        to: &EndpointCall<'_>,
        body: RequestBody,
        log: &mut LogEntry,
    ) -> Result<Answer, Fault> {
        let service = self.cloud.service(to.name).ok_or_else(|| Fault::internal("the cloud does not have this service"))?;
        let operation = to.endpoint.operation;
        (log.service, log.operation) = (to.name, operation.name);
        let (request_id, _) = self.ids(service);
        log.request_id = request_id.clone();
        let (caller, signed, content) = self.sender(head, to, service, body).await?;
        log.principal = Some(caller.arn.clone());
        let mut fields = Vec::new();
        head.headers.each(&mut |name, value| fields.push(EndpointField { name: name.to_owned(), value: value.to_owned() }));
        let input = EndpointRequest {
            endpoint: to.endpoint.id.clone(),
            method: head.method.to_owned(),
            path: to.endpoint.path.clone(),
            query: head.query.to_owned(),
            version: format!("{:?}", to.version),
            headers: fields,
            body: content,
        };
        let origin = origin(head, peer, Protocol::RestJson, signed, "", vec![]);
        let call = Call { operation, caller, scope: to.endpoint.scope.clone(), origin, input: Box::new(input) };
        let performed = self.cloud.perform_to_end(call, request_id, EntryPoint::Gateway).await;
        log.outcome = performed.outcome;
        log.notes = performed.notes;
        let output = performed.answer?;
        let answer = output.into_any().downcast::<EndpointAnswer>().map_err(|_| Fault::internal("an endpoint that answers another shape"))?;
        Ok(Answer {
            status: u16::try_from(answer.status).unwrap_or(500),
            headers: answer.headers.into_iter().map(|field| (field.name.into(), field.value)).collect(),
            body: answer.body,
        })
    }

    /// Who sends a request, and its body.
    async fn sender(
        &self,
        head: &Head<'_>,
        to: &EndpointCall<'_>,
        service: &Service,
        body: RequestBody,
    ) -> Result<(Caller, Option<Signed>, bytes::Bytes), Fault> {
        let arriving = ReceivedBody::Arriving(body);
        let limit = to.endpoint.largest;
        if to.endpoint.callers == EndpointCallers::Anonymous {
            let body = self.whole(arriving, BodyEncoding::Plain, limit, service).await?;
            return Ok((Caller::anonymous(), None, body.bytes));
        }
        let recognized = Recognized { service: service.schema, protocol: Protocol::RestJson, host: HostParts::default() };
        let missing = || service.dialect.missing_token.says("Forbidden");
        let mut authenticator = self.authenticator(service, &recognized, head.method, None);
        if let Some(name) = to.endpoint.signing_name {
            authenticator.target = Target::service(name).at_home(self.region.as_str());
        }
        let (Authenticated { caller, signed, encoding, .. }, body) = match authenticator.begin(head)? {
            Stage::Done(authenticated) => (authenticated, arriving),
            Stage::NeedsBody(pending) => {
                let body = self.whole(arriving, BodyEncoding::Plain, limit, service).await?;
                (authenticator.finish(head, *pending, &body.bytes)?, ReceivedBody::Whole(body))
            }
            Stage::NeedsForm => return Err(Fault::internal("a form of a service that takes none")),
        };
        let body = self.whole(body, encoding, limit, service).await?;
        let caller = match self.cloud.mode() {
            _ if !caller.is_anonymous() => caller,
            Mode::Enforce => return Err(missing()),
            Mode::Soft | Mode::Off => authenticator.unsigned_caller(&missing()),
        };
        Ok((caller, signed, body.bytes))
    }
}

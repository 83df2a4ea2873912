//! Perform: what happens to a call once it is decoded. It is authorized, handled by its engine, logged, and told to observers.

use crate::{
    Cloud,
    call_log::{CallRecord, EntryPoint},
};
use cloudlet_aws::{Fault, FaultKind, Scope};
use cloudlet_engine::{AnyOperation, AuthOutcome, Boxed, Call, Cx, GRANTED, Input, Origin, Output, PerformedCall, Service, Stopwatch};
use cloudlet_policy::Gate;
use cloudlet_shape::OperationSchema;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// The outcome of a call.
pub struct Performed {
    pub answer: Result<Output, Fault>,
    /// Another HTTP status than the model's.
    pub status: Option<u16>,
    pub headers: Vec<(&'static str, String)>,
    /// For the observer of the answer.
    pub notes: Vec<(&'static str, String)>,
    /// The first decision that is not "allowed", if any permission was needed.
    pub outcome: Option<AuthOutcome>,
}

const NO_ENDPOINT: FaultKind = FaultKind::sender("InvalidVpcEndpointId.NotFound", 400);
const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);

impl Cloud {
    /// The honest answer to an operation that is in the model and not built.
    pub fn not_implemented(operation: &OperationSchema) -> Fault {
        let name = format!("{}:{}", operation.service.name, operation.name);
        NOT_IMPLEMENTED.says(format!("Cloudlet does not implement {name} yet.")).with_header("x-cloudlet-not-implemented", name)
    }

    /// The VPC endpoint that a request says it came through. No request comes through one that is not there, or that is another service's.
    fn find_vpc_endpoint(&self, origin: &mut Origin, scope: &Scope, service: &str) -> Result<(), Fault> {
        let Some(id) = &origin.endpoint_id else { return Ok(()) };
        let mut known = self.services.values().filter_map(|service| service.vpc_endpoints.as_ref());
        let found = known.find_map(|endpoints| endpoints.find(&scope.region, id, service));
        origin.vpc_endpoint =
            Some(Arc::new(found.ok_or_else(|| NO_ENDPOINT.says(format!("There is no VPC endpoint {id} of {service} in {}.", scope.region)))?));
        Ok(())
    }

    pub async fn perform(&self, call: Call, request_id: Arc<str>, entry_point: EntryPoint) -> Performed {
        let watch = Stopwatch::start();
        let Call { operation, caller, scope, mut origin, input } = call;
        let lost = self.find_vpc_endpoint(&mut origin, &scope, operation.service.signing_name).err();
        let cx = Cx::new(self.runtime.clone(), scope, caller, request_id, origin);
        self.identity.record_use(&cx.caller, operation.service.signing_name, cx.scope.region.as_str(), cx.now);
        if let Some(access) = operation.access.first() {
            self.identity.record_call(&cx.caller, access.action, cx.scope.region.as_str(), cx.now);
        }
        let observed = (!self.observers.is_empty()).then(|| input.boxed_clone());
        let answer = match self.services.get(operation.service.name).and_then(|service| Some((service, service.operation(operation.name)?))) {
            _ if lost.is_some() => Err(lost.unwrap_or_else(|| Cloud::not_implemented(operation))),
            None => Err(Cloud::not_implemented(operation)),
            Some((service, handler)) => match self.authorize_call(service, handler, &cx, &input) {
                Err(fault) => Err(fault),
                Ok(()) => self.handle(handler, &cx, input, entry_point).await,
            },
        };
        let (status, headers) = cx.reply.take();
        let mut notes = cx.reply.take_notes();
        let auth_records = std::mem::take(&mut *cx.auth_records.lock());
        if auth_records.iter().any(|record| record.outcome == AuthOutcome::Allowed && record.reason == Gate::Grant.name()) {
            notes.push((GRANTED, String::new()));
        }
        if let Some(input) = observed {
            let answer = answer.as_ref().map(|output| output.as_struct());
            let call = PerformedCall { operation, request: &cx, input: input.as_struct(), answer, decisions: &auth_records };
            self.observers.iter().for_each(|observer| observer.performed(&call));
        }
        let mut outcomes = auth_records.iter().map(|record| record.outcome);
        let outcome = outcomes.clone().find(|outcome| *outcome != AuthOutcome::Allowed).or_else(|| outcomes.next());
        self.call_log.add(CallRecord {
            request_id: cx.request_id.clone(),
            at: cx.now,
            entry_point,
            service: operation.service.name,
            operation: operation.name,
            principal: cx.caller.arn.clone(),
            delegate: self.identity.session_of(&cx.caller).and_then(|session| session.delegate),
            auth_records,
            fault: answer.as_ref().err().map(|fault| fault.code().into()),
            took: watch.elapsed(),
        });
        Performed { answer, status, headers, notes, outcome }
    }

    /// The answer to a client promises what it says: it waits until the last record that it depends on is durable. Where a service or the
    /// scheduler calls, what follows has a later record, and nothing needs to wait.
    async fn handle(&self, handler: &dyn AnyOperation, cx: &Cx, input: Input, entry_point: EntryPoint) -> Result<Output, Fault> {
        if !self.journal.is_on() || entry_point == EntryPoint::Dispatch {
            return handler.handle(cx, input).await;
        }
        let (answer, last_record) = self.journal.recorded(handler.handle(cx, input)).await;
        if entry_point == EntryPoint::Gateway {
            self.journal.durable(last_record).await.map_err(Fault::internal)?;
        }
        answer
    }

    fn authorize_call(&self, service: &Service, handler: &dyn AnyOperation, cx: &Cx, input: &Input) -> Result<(), Fault> {
        self.check_session_kind(handler.schema(), &cx.caller)?;
        let permissions = handler.permissions(cx, input)?;
        self.authorize(service, cx, permissions)
    }

    /// As `perform`, for a client that may go away: a call that was authorized runs to its end all the same. Only a read that waits
    /// (`Service::waits`) stops with its client.
    pub fn perform_to_end(self: &Arc<Cloud>, call: Call, request_id: Arc<str>, entry_point: EntryPoint) -> ToEnd {
        let service = self.services.get(call.operation.service.name);
        let abandon = if service.is_some_and(|service| service.waits(call.operation)) { Abandon::Stop } else { Abandon::RunOn };
        let cloud = self.clone();
        ToEnd { call: Some(Box::pin(async move { cloud.perform(call, request_id, entry_point).await })), progress: Progress::New, abandon }
    }
}

/// What becomes of a call under way when nobody waits for its answer any more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Abandon {
    Stop,
    RunOn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    New,
    /// Polled once: a call is authorized before it waits for anything.
    Authorized,
}

/// A call under way. Dropped, it goes on in a task of its own.
pub struct ToEnd {
    call: Option<Boxed<'static, Performed>>,
    progress: Progress,
    abandon: Abandon,
}

impl Future for ToEnd {
    type Output = Performed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Performed> {
        self.progress = Progress::Authorized;
        let Some(call) = &mut self.call else { return Poll::Pending };
        let polled = call.as_mut().poll(cx);
        if polled.is_ready() {
            self.call = None;
        }
        polled
    }
}

impl Drop for ToEnd {
    fn drop(&mut self) {
        if self.progress == Progress::Authorized
            && self.abandon == Abandon::RunOn
            && let Some(call) = self.call.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(call);
        }
    }
}

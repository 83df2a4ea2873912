//! The context of one call: what a handler knows of it, and how it calls other services.

use crate::{
    Authorization, Boxed, Call, Clock, HttpRequest, HttpResponse, Ids, Input, Origin, Output, Permission, RequestContext, Runtime, Schedule,
    ScheduleKey, SendError, ServiceEvent,
};
use cloudlet_aws::{Arn, Caller, Fault, Scope, Timestamp};
use cloudlet_shape::{Operation, OperationSchema, Read, Reader, ServiceSchema};
use parking_lot::Mutex;
use std::{
    any::Any,
    ops::Deref,
    sync::{Arc, OnceLock},
};

/// The context of one call. The fields of its request context are read as its own: `cx.caller`.
pub struct Cx {
    /// Who calls, and what was decided about it.
    pub authorization: Authorization,
    /// What the answer has beside its output.
    pub reply: Reply,
    /// What the call is about.
    subject: OnceLock<Arc<dyn Any + Send + Sync>>,
    runtime: Arc<Runtime>,
}

impl Deref for Cx {
    type Target = Authorization;

    fn deref(&self) -> &Authorization {
        &self.authorization
    }
}

impl Cx {
    pub fn new(runtime: Arc<Runtime>, scope: Scope, caller: Caller, request_id: Arc<str>, origin: Origin) -> Cx {
        let request = RequestContext { scope, caller, now: runtime.clock.now(), request_id, origin };
        Cx { authorization: Authorization::new(request), reply: Reply::default(), subject: OnceLock::new(), runtime }
    }

    /// What the call is about, looked up once: `permissions` finds it, and the handler goes on with it. A call has one subject.
    pub fn subject<T: Any + Send + Sync>(&self, find: impl FnOnce() -> Result<Arc<T>, Fault>) -> Result<Arc<T>, Fault> {
        if let Some(found) = self.subject.get().and_then(|subject| subject.clone().downcast().ok()) {
            return Ok(found);
        }
        let found = find()?;
        let _ = self.subject.set(found.clone());
        Ok(found)
    }

    /// For what outlives the call: a stream of events.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    pub fn clock(&self) -> &Clock {
        &self.runtime.clock
    }

    pub fn ids(&self) -> &Ids {
        &self.runtime.ids
    }

    /// The address that the client used (`http://localhost:4566`), for URLs in answers; the server's own where there is no client.
    pub fn endpoint(&self) -> &str {
        self.origin.endpoint.as_deref().or_else(|| self.runtime.address()).unwrap_or("http://localhost:4566")
    }

    /// The server's own address, where it is known: for processes that it starts.
    pub fn own_address(&self) -> &str {
        self.runtime.address().unwrap_or("http://localhost:4566")
    }

    /// Sends an HTTP request to somebody's endpoint.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, SendError> {
        match self.runtime.http_client() {
            Some(client) => client.send(request).await,
            None => Err(SendError::Unreachable("there is no HTTP client".to_owned())),
        }
    }

    /// The same for an answer of up to `most` bytes.
    pub async fn send_for(&self, request: HttpRequest, most: usize) -> Result<HttpResponse, SendError> {
        match self.runtime.http_client() {
            Some(client) => client.send_for(request, most).await,
            None => Err(SendError::Unreachable("there is no HTTP client".to_owned())),
        }
    }

    /// Calls another service as a given caller: a role's session, or this service itself (`Caller::service`).
    pub async fn call<O: Operation>(&self, caller: Caller, scope: Scope, input: O::Input) -> Result<O::Output, Fault> {
        self.dispatch::<O>(Call::of::<O>(caller, scope, Origin::default(), input)).await
    }

    /// The same with what else policies may ask about the call (`aws:Referer`).
    pub async fn call_from<O: Operation>(&self, caller: Caller, scope: Scope, origin: Origin, input: O::Input) -> Result<O::Output, Fault> {
        self.dispatch::<O>(Call::of::<O>(caller, scope, origin, input)).await
    }

    /// The same where the output is not read: a service may leave out what it costs to make.
    pub async fn call_ignoring_output<O: Operation>(&self, caller: Caller, scope: Scope, input: O::Input) -> Result<(), Fault> {
        let origin = Origin { output_ignored: true, ..Origin::default() };
        self.runtime.dispatcher()?.dispatch(Call::of::<O>(caller, scope, origin, input)).await.map(drop)
    }

    /// Calls another service on the caller's behalf, through the service `via` (`s3.amazonaws.com`): a forward access session.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html>
    pub async fn forward<O: Operation>(&self, via: &'static str, scope: Scope, input: O::Input) -> Result<O::Output, Fault> {
        let mut origin = Origin { secure: true, ..Origin::default() };
        origin.via.clone_from(&self.origin.via);
        origin.via.push(via.into());
        self.dispatch::<O>(Call::of::<O>(self.caller.clone(), scope, origin, input)).await
    }

    async fn dispatch<O: Operation>(&self, call: Call) -> Result<O::Output, Fault> {
        let output: Output = self.runtime.dispatcher()?.dispatch(call).await?;
        match output.into_any().downcast::<O::Output>() {
            Ok(output) => Ok(*output),
            Err(_) => Err(Fault::internal(format_args!("{} answered another shape", O::SCHEMA.name))),
        }
    }

    /// The input of an operation whose types are known at run time only. `None`: the operation is not built.
    pub fn read_named(&self, operation: &'static OperationSchema, reader: &mut dyn Reader) -> Result<Option<Read<Input>>, Fault> {
        Ok(self.runtime.dispatcher()?.read(operation, reader))
    }

    /// The same of an output: whether a value has the shape of the operation's answers.
    pub fn read_output_named(&self, operation: &'static OperationSchema, reader: &mut dyn Reader) -> Result<Option<Read<Output>>, Fault> {
        Ok(self.runtime.dispatcher()?.read_output(operation, reader))
    }

    /// The models of all services of the server, built or not.
    pub fn services(&self) -> Result<Vec<&'static ServiceSchema>, Fault> {
        Ok(self.runtime.dispatcher()?.services())
    }

    /// Whether the server has an operation at all: for what would use it later, and be refused then.
    pub fn is_built<O: Operation>(&self) -> bool {
        self.runtime.dispatcher().is_ok_and(|dispatcher| dispatcher.is_built(O::SCHEMA))
    }

    /// What the gateway would say of an input that was read by `read_named`.
    pub fn validate_named(&self, operation: &'static OperationSchema, input: &Input, missing: &[String]) -> Result<(), Fault> {
        self.runtime.dispatcher()?.validate(operation, input.as_struct(), missing)
    }

    /// A call whose types are known at run time only.
    pub fn dispatch_named(&self, call: Call) -> Boxed<'static, Result<Output, Fault>> {
        let dispatcher = self.runtime.dispatcher();
        Box::pin(async move { dispatcher?.dispatch(call).await })
    }

    /// Decides one permission now, for an operation that is decided item by item (DeleteObjects): its `permissions` are none, and
    /// its handler checks each item before it touches it.
    pub fn check<O: Operation>(&self, permission: &Permission) -> Result<(), Fault> {
        self.runtime.dispatcher()?.decide(&self.authorization, O::SCHEMA, permission)
    }

    /// Schedules a call, which the service `principal` makes for the resource `source` when it is due. It is made at least once, also after a
    /// restart. A fault when the scheduler is full.
    pub fn schedule<O: Operation>(&self, due: Timestamp, principal: &str, source: Arn, scope: Scope, input: O::Input) -> Result<(), Fault> {
        let call = Call::of::<O>(Caller::service(principal, Some(source)), scope, Origin::default(), input);
        self.runtime.dispatcher()?.schedule(Schedule { due, key: None, call })
    }

    /// The same under a key of the service that owns the operation: it replaces what is scheduled under this key.
    pub fn schedule_keyed<O: Operation>(
        &self,
        key: impl Into<String>,
        due: Timestamp,
        principal: &str,
        source: Arn,
        scope: Scope,
        input: O::Input,
    ) -> Result<(), Fault> {
        let call = Call::of::<O>(Caller::service(principal, Some(source)), scope, Origin::default(), input);
        self.runtime.dispatcher()?.schedule(Schedule { due, key: Some(ScheduleKey::of::<O>(key)), call })
    }

    /// Cancels what is scheduled under a key. False if nothing is; a call that is being made goes on.
    pub fn cancel<O: Operation>(&self, key: impl Into<String>) -> bool {
        self.runtime.dispatcher().is_ok_and(|dispatcher| dispatcher.cancel(&ScheduleKey::of::<O>(key)))
    }

    /// Emits an event of this service. It is made only if somebody observes.
    pub fn emit(&self, event: impl FnOnce() -> ServiceEvent) {
        if let Ok(dispatcher) = self.runtime.dispatcher()
            && dispatcher.is_observed()
        {
            dispatcher.emit(&event());
        }
    }
}

/// What an answer has beside its output: another status than the model's, and further header fields.
#[derive(Default)]
pub struct Reply(Mutex<ReplyParts>);

#[derive(Default)]
struct ReplyParts {
    status: Option<u16>,
    headers: Vec<(&'static str, String)>,
    notes: Vec<(&'static str, String)>,
}

impl Reply {
    /// 206 for a part of an object.
    pub fn status(&self, status: u16) {
        self.0.lock().status = Some(status);
    }

    pub fn header(&self, name: &'static str, value: impl Into<String>) {
        self.0.lock().headers.push((name, value.into()));
    }

    /// Notes something for the observer of the answer (`HttpHooks::observer`).
    pub fn note(&self, name: &'static str, value: impl Into<String>) {
        self.0.lock().notes.push((name, value.into()));
    }

    pub fn take_notes(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.0.lock().notes)
    }

    pub fn take(&self) -> (Option<u16>, Vec<(&'static str, String)>) {
        let mut parts = self.0.lock();
        (parts.status.take(), std::mem::take(&mut parts.headers))
    }
}

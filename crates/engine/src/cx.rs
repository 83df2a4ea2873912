//! Everything a handler may know of its call, and all it may reach from there.

use crate::{AuthRecord, Boxed, Call, Clock, Dispatcher, HttpClient, HttpRequest, HttpResponse, Ids, Origin, Output, Permission, SendError};
use cloudlet_aws::{Arn, Caller, Fault, Scope, Timestamp};
use cloudlet_shape::Operation;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::{
    any::Any,
    ops::Deref,
    sync::{Arc, OnceLock, Weak},
};

/// What the whole house shares: one clock, one source of ids, one inner door.
#[derive(Default)]
pub struct Runtime {
    pub clock: Clock,
    pub ids: Ids,
    dispatcher: OnceLock<Weak<dyn Dispatcher>>,
    http_client: OnceLock<Arc<dyn HttpClient>>,
    address: OnceLock<Arc<str>>,
}

impl Runtime {
    pub fn new(clock: Clock, ids: Ids) -> Runtime {
        Runtime { clock, ids, ..Runtime::default() }
    }

    /// Hangs the door, once, when the cloud is built.
    pub fn set_dispatcher(&self, dispatcher: Weak<dyn Dispatcher>) {
        let _ = self.dispatcher.set(dispatcher);
    }

    /// Names, once, who carries letters out of the house. Without one nothing leaves it.
    pub fn set_http_client(&self, http_client: Arc<dyn HttpClient>) {
        let _ = self.http_client.set(http_client);
    }

    /// Says, once, under which address the house stands (`http://localhost:4566`), for URLs in what no client asked for.
    pub fn set_address(&self, address: impl Into<Arc<str>>) {
        let _ = self.address.set(address.into());
    }

    fn dispatcher(&self) -> Result<Arc<dyn Dispatcher>, Fault> {
        self.dispatcher.get().and_then(Weak::upgrade).ok_or_else(|| Fault::internal("the cloud is gone"))
    }
}

/// Who calls, when, and from where. Nothing of it changes while the call is performed; the log of decisions shares it.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The caller's account (the resource's for service principals) and the region of the call.
    pub scope: Scope,
    pub caller: Caller,
    /// When the call came in.
    pub now: Timestamp,
    pub request_id: Arc<str>,
    pub origin: Origin,
}

/// The context of one call. Its circumstances are read as its own fields: `cx.caller`.
pub struct Cx {
    pub request: Arc<RequestContext>,
    /// What the answer says beyond its output.
    pub reply: Reply,
    /// What has been decided about this call.
    pub auth_records: Mutex<SmallVec<[AuthRecord; 1]>>,
    /// What the call is about.
    subject: OnceLock<Arc<dyn Any + Send + Sync>>,
    runtime: Arc<Runtime>,
}

impl Deref for Cx {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.request
    }
}

impl Cx {
    pub fn new(runtime: Arc<Runtime>, scope: Scope, caller: Caller, request_id: Arc<str>, origin: Origin) -> Cx {
        let request = Arc::new(RequestContext { scope, caller, now: runtime.clock.now(), request_id, origin });
        Cx { request, reply: Reply::default(), auth_records: Mutex::default(), subject: OnceLock::new(), runtime }
    }

    /// What the call is about, looked up once: `asks` finds it, and the handler goes on with it. A call has one subject.
    pub fn subject<T: Any + Send + Sync>(&self, find: impl FnOnce() -> Result<Arc<T>, Fault>) -> Result<Arc<T>, Fault> {
        if let Some(found) = self.subject.get().and_then(|subject| subject.clone().downcast().ok()) {
            return Ok(found);
        }
        let found = find()?;
        let _ = self.subject.set(found.clone());
        Ok(found)
    }

    pub fn clock(&self) -> &Clock {
        &self.runtime.clock
    }

    pub fn ids(&self) -> &Ids {
        &self.runtime.ids
    }

    /// The address the client used (`http://localhost:4566`), for URLs in answers; the house's own where there is no client.
    pub fn endpoint(&self) -> &str {
        self.origin.endpoint.as_deref().or_else(|| self.runtime.address.get().map(AsRef::as_ref)).unwrap_or("http://localhost:4566")
    }

    /// Sends a letter to somebody's endpoint outside of the house.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, SendError> {
        match self.runtime.http_client.get() {
            Some(http_client) => http_client.send(request).await,
            None => Err(SendError::Unreachable("nothing leaves this house".to_owned())),
        }
    }

    /// Calls another service, as somebody: a role's session, or this service itself (`Caller::service`).
    pub async fn call<O: Operation>(&self, caller: Caller, scope: Scope, input: O::Input) -> Result<O::Output, Fault> {
        self.dispatch::<O>(Call::of::<O>(caller, scope, Origin::default(), input)).await
    }

    /// The same where nothing of the answer is read but whether it is one.
    pub async fn call_ignoring_output<O: Operation>(&self, caller: Caller, scope: Scope, input: O::Input) -> Result<(), Fault> {
        let origin = Origin { unread: true, ..Origin::default() };
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
        let dispatcher = self.runtime.dispatcher()?;
        let output: Output = dispatcher.dispatch(call).await?;
        match output.into_any().downcast::<O::Output>() {
            Ok(output) => Ok(*output),
            Err(_) => Err(Fault::internal(format_args!("{} answered another shape", O::SCHEMA.name))),
        }
    }

    /// Whether the caller may do this one thing, for an operation that is decided item by item: its `asks` names nothing,
    /// and its handler asks for each item before it touches it.
    pub fn may<O: Operation>(&self, permission: &Permission) -> Result<(), Fault> {
        self.runtime.dispatcher()?.decide(self, O::SCHEMA, permission)
    }

    /// A call whose types are known at run time only.
    pub fn dispatch_named(&self, call: Call) -> Boxed<'static, Result<Output, Fault>> {
        let dispatcher = self.runtime.dispatcher();
        Box::pin(async move { dispatcher?.dispatch(call).await })
    }

    /// Puts a call on the agenda: the service `principal`, for the resource `source`, will make it when it is due.
    pub fn schedule<O: Operation>(&self, due: Timestamp, principal: &str, source: Arn, scope: Scope, input: O::Input) {
        if let Ok(dispatcher) = self.runtime.dispatcher() {
            dispatcher.schedule(due, Call::of::<O>(Caller::service(principal, Some(source)), scope, Origin::default(), input));
        }
    }
}

/// What an answer says beyond its output: another status than the model's, and further header fields.
#[derive(Default)]
pub struct Reply(Mutex<Beyond>);

#[derive(Default)]
struct Beyond {
    status: Option<u16>,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// 206 for a part of an object.
    pub fn status(&self, status: u16) {
        self.0.lock().status = Some(status);
    }

    pub fn header(&self, name: &'static str, value: impl Into<String>) {
        self.0.lock().headers.push((name, value.into()));
    }

    pub fn take(&self) -> (Option<u16>, Vec<(&'static str, String)>) {
        let beyond = std::mem::take(&mut *self.0.lock());
        (beyond.status, beyond.headers)
    }
}

//! The services together: authorize, perform, the agenda, the call log.
//! Every call walks through here, from the front door or the inner one. Deliberately no HTTP and no protocol.

mod authorize;
mod calls;
mod decisions;
mod encoded;
mod keys;
mod scheduler;

pub use calls::{CallRecord, EntryPoint};
pub use decisions::DecisionRecord;

use calls::Calls;
use cloudlet_aws::{Caller, Fault, FaultKind, Scope, Timestamp};
use cloudlet_engine::{AnyOperation, AuthOutcome, Boxed, Call, Cx, Dispatcher, Input, Origin, Output, Permission, Runtime, Service, Stopwatch};
use cloudlet_identity::Identity;
use cloudlet_mailbox::{Mailbox, MailboxLimits};
use cloudlet_shape::OperationSchema;
use cloudlet_store::{Journal, Persistent};
use decisions::Decisions;
use foldhash::HashMap;
use scheduler::{Due, Scheduler, StoredCall};
use std::sync::{Arc, Weak};

/// What becomes of a denial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Enforce,
    /// Decide, report, and let through.
    Soft,
    /// Check nothing, take any key.
    Off,
}

pub struct Settings {
    pub mode: Mode,
    /// How many calls the log remembers.
    pub calls: usize,
    /// Where the house's own rows are written: the agenda.
    pub journal: Journal,
    /// The one that services were given.
    pub mailbox: Arc<Mailbox>,
}

impl Default for Settings {
    fn default() -> Self {
        let mailbox = Arc::new(Mailbox::new(&Journal::off(), MailboxLimits::default()));
        Settings { mode: Mode::Enforce, calls: 1_000, journal: Journal::off(), mailbox }
    }
}

/// The house: all services, one identity, one clock, one agenda.
pub struct Cloud {
    pub runtime: Arc<Runtime>,
    pub mailbox: Arc<Mailbox>,
    pub identity: Identity,
    services: HashMap<&'static str, Service>,
    mode: Mode,
    calls: Calls,
    decisions: Decisions,
    scheduler: Scheduler,
}

/// What came of a call: its answer, and what the log says of it.
pub struct Performed {
    pub answer: Result<Output, Fault>,
    /// Another status than the model's.
    pub status: Option<u16>,
    pub headers: Vec<(&'static str, String)>,
    /// What was decided: the first that is not "allowed", if anything was asked.
    pub effect: Option<AuthOutcome>,
}

const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);

impl Cloud {
    pub fn new(runtime: Runtime, identity: Identity, services: Vec<Service>, settings: Settings) -> Arc<Cloud> {
        Arc::new_cyclic(|me: &Weak<Cloud>| {
            let dispatcher: Weak<dyn Dispatcher> = me.clone();
            runtime.set_dispatcher(dispatcher);
            Cloud {
                runtime: Arc::new(runtime),
                identity,
                services: services.into_iter().map(|service| (service.schema.name, service)).collect(),
                mailbox: settings.mailbox,
                mode: settings.mode,
                calls: Calls::remembering(settings.calls),
                decisions: Decisions::remembering(settings.calls),
                scheduler: Scheduler::new(&settings.journal),
            }
        })
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    /// The calls the log remembers, the newest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.calls.newest_first()
    }

    /// The decisions the log remembers, the newest first.
    pub fn decisions(&self) -> Vec<DecisionRecord> {
        self.decisions.newest_first()
    }

    /// The least policy that covers what a principal (the ARN of a user or role) has called since the start.
    pub fn least_policy(&self, principal: &str) -> Option<serde_json::Value> {
        self.decisions.least_policy(principal)
    }

    /// The honest answer to an operation that is in the model and not built.
    pub fn not_implemented(operation: &OperationSchema) -> Fault {
        let name = format!("{}:{}", operation.service.name, operation.name);
        NOT_IMPLEMENTED.says(format!("Cloudlet does not implement {name} yet.")).with_header("x-cloudlet-not-implemented", name)
    }

    /// Walks the rest of the road once a call is decoded: authorize, perform, remember.
    pub async fn perform(&self, call: Call, request_id: Arc<str>, entry_point: EntryPoint) -> Performed {
        let watch = Stopwatch::start();
        let Call { operation, caller, scope, origin, input } = call;
        let cx = Cx::new(self.runtime.clone(), scope, caller, request_id, origin);
        self.identity.record_use(&cx.caller, operation.service.signing_name, cx.scope.region.as_str(), cx.now);
        if let Some(access) = operation.access.first() {
            self.identity.record_call(&cx.caller, access.action, cx.scope.region.as_str(), cx.now);
        }
        let answer = match self.services.get(operation.service.name).and_then(|service| Some((service, service.operation(operation.name)?))) {
            None => Err(Cloud::not_implemented(operation)),
            Some((service, handler)) => match self.authorize_call(service, handler, &cx, &input) {
                Err(fault) => Err(fault),
                Ok(()) => handler.handle(&cx, input).await,
            },
        };
        let (status, headers) = cx.reply.take();
        let auth_records = std::mem::take(&mut *cx.auth_records.lock());
        let mut effects = auth_records.iter().map(|auth_record| auth_record.effect);
        let effect = effects.clone().find(|effect| *effect != AuthOutcome::Allowed).or_else(|| effects.next());
        self.calls.add(CallRecord {
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
        Performed { answer, status, headers, effect }
    }

    /// Authorize: what the call wants, and whether it may have it.
    fn authorize_call(&self, service: &Service, handler: &dyn AnyOperation, cx: &Cx, input: &Input) -> Result<(), Fault> {
        self.admits(handler.schema(), &cx.caller)?;
        let permissions = handler.permissions(cx, input)?;
        self.authorize(service, cx, permissions)
    }

    /// Does all that is due by the clock, and all that follows from it: how a test lets the house come to rest.
    pub async fn settle(&self) {
        while let Some(due) = self.scheduler.take_due(self.runtime.clock.now()) {
            self.do_due(due).await;
        }
    }

    /// Does what is on the agenda as it falls due, for as long as the house stands.
    pub async fn run_scheduler(self: Arc<Cloud>) {
        loop {
            let changed = self.scheduler.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            while let Some(due) = self.scheduler.take_due(self.runtime.clock.now()) {
                let cloud = self.clone();
                tokio::spawn(async move { cloud.do_due(due).await });
            }
            match self.scheduler.next_due() {
                None => changed.await,
                Some(due) => tokio::select! {
                    () = changed => {}
                    () = self.runtime.clock.sleep_until(due) => {}
                },
            }
        }
    }

    async fn do_due(&self, due: Due) {
        let call = match due {
            Due::Call(call) => call,
            Due::StoredCall(caller, scope, written) => match self.read(caller, scope, &written) {
                Some(call) => call,
                None => return tracing::error!(service = written.service, operation = written.operation, "a kept call cannot be read"),
            },
        };
        let (operation, request_id) = (call.operation, self.runtime.ids.uuid().into());
        let performed = self.perform(call, request_id, EntryPoint::Scheduler).await;
        if let Err(fault) = performed.answer {
            tracing::warn!(service = operation.service.name, operation = operation.name, %fault, "a call from the agenda failed");
        }
    }

    /// A call as the journal kept it becomes a call again.
    fn read(&self, caller: Caller, scope: Scope, written: &StoredCall) -> Option<Call> {
        let handler = self.services.get(written.service.as_str())?.operation(&written.operation)?;
        let mut input = None;
        cloudlet_wire::json::read(written.input.text(), &mut |reader| {
            input = Some(handler.read(reader)?);
            Ok(())
        })
        .ok()?;
        Some(Call { operation: handler.schema(), caller, scope, origin: Origin::default(), input: input? })
    }

    /// Empties the house, as after a first start. The clock goes on.
    pub fn reset(&self) {
        for kept in self.stores() {
            kept.reset();
        }
        self.calls.forget();
        self.decisions.forget();
    }

    /// Everything the house keeps, for inspection, reset and snapshots.
    pub fn stores(&self) -> Vec<Arc<dyn Persistent>> {
        let services = self.services.values().flat_map(|service| service.stores.iter().cloned());
        services.chain(self.identity.stores()).chain([self.scheduler.stores(), self.mailbox.stores()]).collect()
    }
}

impl Dispatcher for Cloud {
    fn dispatch(&self, call: Call) -> Boxed<'_, Result<Output, Fault>> {
        Box::pin(async move { self.perform(call, self.runtime.ids.uuid().into(), EntryPoint::Dispatch).await.answer })
    }

    fn schedule(&self, due: Timestamp, call: Call) {
        self.scheduler.add(due, call);
    }

    fn decide(&self, cx: &Cx, operation: &'static OperationSchema, permission: &Permission) -> Result<(), Fault> {
        match self.services.get(operation.service.name) {
            Some(service) => self.authorize(service, cx, permission.clone().into()),
            None => Err(Cloud::not_implemented(operation)),
        }
    }
}

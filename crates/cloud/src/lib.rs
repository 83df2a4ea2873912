//! The services together: authorize, perform, the scheduler, the call log.
//! Every call passes through here, from the gateway, from another service, or from the scheduler. Deliberately no HTTP and no protocol.

mod authorize;
mod call_log;
mod condition_keys;
mod decisions;
mod encoded_message;
mod evaluation;
mod perform;
mod saved_state;
mod scheduled;
mod scheduler;
mod server_state;

pub use call_log::{CallRecord, EntryPoint};
pub use decisions::DecisionRecord;
pub use perform::{Performed, ToEnd};
pub use saved_state::{LoadError, Loaded, Loading, Snapshot};

use call_log::CallLog;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Authorization, Boxed, Call, Dispatcher, Input, Observer, Output, Permission, Quotes, Runtime, Schedule, ScheduleKey, Service, ServiceEvent,
};
use cloudlet_identity::Identity;
use cloudlet_mailbox::{Mailbox, MailboxLimits};
use cloudlet_shape::{OperationSchema, Read, Reader, ServiceSchema, Struct};
use cloudlet_store::{Blobs, Journal, Persistent, Store};
use decisions::Decisions;
use foldhash::HashMap;
use scheduler::Scheduler;
use server_state::ServerState;
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
    /// How many calls and decisions the logs hold.
    pub call_log: usize,
    /// The one that services were given.
    pub journal: Journal,
    pub blobs: Blobs,
    /// The one that services were given.
    pub mailbox: Arc<Mailbox>,
    /// Told of every performed call and emitted event.
    pub observers: Vec<Arc<dyn Observer>>,
}

impl Default for Settings {
    fn default() -> Self {
        let mailbox = Arc::new(Mailbox::new(&Journal::off(), Blobs::memory(), MailboxLimits::default()));
        Settings { mode: Mode::Enforce, call_log: 1_000, journal: Journal::off(), blobs: Blobs::memory(), mailbox, observers: Vec::new() }
    }
}

/// All services, with one identity store, one clock and one scheduler.
pub struct Cloud {
    pub runtime: Arc<Runtime>,
    pub mailbox: Arc<Mailbox>,
    pub identity: Identity,
    services: HashMap<&'static str, Service>,
    mode: Mode,
    call_log: CallLog,
    decisions: Decisions,
    scheduler: Arc<Scheduler>,
    journal: Journal,
    blobs: Blobs,
    server_state: Arc<Store<ServerState>>,
    observers: Vec<Arc<dyn Observer>>,
}

impl Cloud {
    pub fn new(runtime: Runtime, identity: Identity, services: Vec<Service>, settings: Settings) -> Arc<Cloud> {
        Arc::new_cyclic(|cloud: &Weak<Cloud>| {
            let dispatcher: Weak<dyn Dispatcher> = cloud.clone();
            runtime.set_dispatcher(dispatcher);
            Cloud {
                runtime: Arc::new(runtime),
                identity,
                services: services.into_iter().map(|service| (service.schema.name, service)).collect(),
                mailbox: settings.mailbox,
                mode: settings.mode,
                call_log: CallLog::with_capacity(settings.call_log),
                decisions: Decisions::with_capacity(settings.call_log),
                scheduler: Arc::new(Scheduler::new(&settings.journal)),
                server_state: Arc::new(Store::new("server", &settings.journal, ServerState::default())),
                journal: settings.journal,
                blobs: settings.blobs,
                observers: settings.observers,
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

    /// The calls of the log, the newest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.call_log.newest_first()
    }

    /// The decisions of the log, the newest first.
    pub fn decisions(&self) -> Vec<DecisionRecord> {
        self.decisions.newest_first()
    }

    /// The least policy that covers what a principal (the ARN of a user or role) has called since the start.
    pub fn least_policy(&self, principal: &str) -> Option<serde_json::Value> {
        self.decisions.least_policy(principal)
    }

    /// The stores of all services, of identity, of the scheduler, of the mailbox and of the server, by their paths.
    pub fn stores(&self) -> Vec<Arc<dyn Persistent>> {
        let services = self.services.values().flat_map(|service| service.stores.iter().cloned());
        let others: [Arc<dyn Persistent>; 3] = [self.scheduler.store(), self.mailbox.stores(), self.server_state.clone()];
        let mut stores: Vec<_> = services.chain(self.identity.stores()).chain(others).collect();
        stores.sort_by(|one, other| one.path().cmp(other.path()));
        stores
    }
}

impl Dispatcher for Cloud {
    fn dispatch(&self, call: Call) -> Boxed<'_, Result<Output, Fault>> {
        Box::pin(async move { self.perform(call, self.runtime.ids.uuid().into(), EntryPoint::Dispatch).await.answer })
    }

    fn schedule(&self, schedule: Schedule) -> Result<(), Fault> {
        self.scheduler.add(schedule)
    }

    fn cancel(&self, key: &ScheduleKey) -> bool {
        self.scheduler.cancel(key)
    }

    fn read(&self, operation: &'static OperationSchema, reader: &mut dyn Reader) -> Option<Read<Input>> {
        Some(self.services.get(operation.service.name)?.operation(operation.name)?.read(reader))
    }

    fn read_output(&self, operation: &'static OperationSchema, reader: &mut dyn Reader) -> Option<Read<Output>> {
        Some(self.services.get(operation.service.name)?.operation(operation.name)?.read_output(reader))
    }

    fn services(&self) -> Vec<&'static ServiceSchema> {
        self.services.values().map(|service| service.schema).collect()
    }

    fn is_built(&self, operation: &'static OperationSchema) -> bool {
        self.services.get(operation.service.name).is_some_and(|service| service.operation(operation.name).is_some())
    }

    fn validate(&self, operation: &'static OperationSchema, input: &dyn Struct, missing: &[String]) -> Result<(), Fault> {
        let Some(service) = self.services.get(operation.service.name) else { return Ok(()) };
        let Some(kind) = service.dialect.validation.of(operation, missing) else { return Ok(()) };
        if let [first, ..] = missing {
            let count = missing.len();
            let noun = if count == 1 { "error" } else { "errors" };
            let sentence =
                format!("{count} validation {noun} detected: Value null at '{first}' failed to satisfy constraint: Member must not be null");
            return Err(kind.says(sentence));
        }
        let validate = match service.dialect.quotes {
            Quotes::Values => cloudlet_wire::validate,
            Quotes::Names => cloudlet_wire::validate_discreetly,
            Quotes::Sets => cloudlet_wire::validate_without_values,
        };
        validate(operation.input, input, &cloudlet_wire::Missing::default()).map_or(Ok(()), |sentence| Err(kind.says(sentence)))
    }

    fn decide(&self, authorization: &Authorization, operation: &'static OperationSchema, permission: &Permission) -> Result<(), Fault> {
        match self.services.get(operation.service.name) {
            Some(service) => self.authorize(service, authorization, permission.clone().into()),
            None => Err(Cloud::not_implemented(operation)),
        }
    }

    fn is_observed(&self) -> bool {
        !self.observers.is_empty()
    }

    fn emit(&self, event: &ServiceEvent) {
        self.observers.iter().for_each(|observer| observer.emitted(event));
    }
}

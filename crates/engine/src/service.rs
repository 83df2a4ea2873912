//! What a service is: its model, the operations it handles, and what else it gives to the gateway and the admin API.

use crate::{
    AdminCall, AdminPage, Boxed, Cx, DeveloperEndpoint, Dialect, HttpEndpoints, HttpHooks, Input, MachineKeys, Output, Permissions, PublicFiles,
    SocketHooks, VpcEndpoints,
};
use cloudlet_aws::Fault;
use cloudlet_shape::{Operation, OperationSchema, Read, Reader, ServiceSchema, Typed};
use cloudlet_store::Persistent;
use foldhash::HashMap;
use std::{future::Future, marker::PhantomData, sync::Arc};

/// `impl Handle<SendMessage> for Sqs` reads: Sqs handles SendMessage.
pub trait Handle<O: Operation>: Send + Sync + 'static {
    /// The permissions that the call needs. A fault where AWS answers "does not exist" before "not allowed".
    fn permissions(&self, cx: &Cx, input: &O::Input) -> Result<Permissions, Fault>;
    /// What AWS refuses of a document before it compares the digests of the request. The gateway asks; a call from inside has no digests,
    /// and its handler asks itself.
    fn check_document(&self, _: &O::Input) -> Result<(), Fault> {
        Ok(())
    }
    fn handle(&self, cx: &Cx, input: O::Input) -> impl Future<Output = Result<O::Output, Fault>> + Send;
}

/// An operation with its types erased, so that the gateway can hold all of them in a table.
pub trait AnyOperation: Send + Sync {
    fn schema(&self) -> &'static OperationSchema;
    fn read(&self, reader: &mut dyn Reader) -> Read<Input>;
    /// Reads an output, to see whether a value has its shape.
    fn read_output(&self, reader: &mut dyn Reader) -> Read<Output>;
    fn permissions(&self, cx: &Cx, input: &Input) -> Result<Permissions, Fault>;
    fn check_document(&self, input: &Input) -> Result<(), Fault>;
    fn handle<'a>(&'a self, cx: &'a Cx, input: Input) -> Boxed<'a, Result<Output, Fault>>;
}

struct Entry<E, O> {
    engine: Arc<E>,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation, E: Handle<O>> AnyOperation for Entry<E, O> {
    fn schema(&self) -> &'static OperationSchema {
        O::SCHEMA
    }

    fn read(&self, reader: &mut dyn Reader) -> Read<Input> {
        Ok(Box::new(<O::Input as Typed>::read(reader, <O::Input as Typed>::TARGET)?))
    }

    fn read_output(&self, reader: &mut dyn Reader) -> Read<Output> {
        Ok(Box::new(<O::Output as Typed>::read(reader, <O::Output as Typed>::TARGET)?))
    }

    fn permissions(&self, cx: &Cx, input: &Input) -> Result<Permissions, Fault> {
        match input.as_ref().as_any().downcast_ref::<O::Input>() {
            Some(input) => self.engine.permissions(cx, input),
            None => Err(foreign(O::SCHEMA)),
        }
    }

    fn check_document(&self, input: &Input) -> Result<(), Fault> {
        match input.as_ref().as_any().downcast_ref::<O::Input>() {
            Some(input) => self.engine.check_document(input),
            None => Err(foreign(O::SCHEMA)),
        }
    }

    fn handle<'a>(&'a self, cx: &'a Cx, input: Input) -> Boxed<'a, Result<Output, Fault>> {
        let input = input.into_any().downcast::<O::Input>();
        Box::pin(async move {
            match input {
                Ok(input) => Ok(Box::new(self.engine.handle(cx, *input).await?) as Output),
                Err(_) => Err(foreign(O::SCHEMA)),
            }
        })
    }
}

fn foreign(operation: &OperationSchema) -> Fault {
    Fault::internal(format_args!("{} was given another operation's input", operation.name))
}

/// A service: its model, what it handles, and how it answers.
pub struct Service {
    pub schema: &'static ServiceSchema,
    pub dialect: Dialect,
    pub http_hooks: Option<Arc<dyn HttpHooks>>,
    pub public_files: Option<Arc<dyn PublicFiles>>,
    pub http_endpoints: Option<Arc<dyn HttpEndpoints>>,
    pub socket_hooks: Vec<Arc<dyn SocketHooks>>,
    /// The keys of its machines, whose requests it takes.
    pub machine_keys: Option<Arc<dyn MachineKeys>>,
    /// Its state: for inspection, reset and snapshots.
    pub stores: Vec<Arc<dyn Persistent>>,
    /// The VPC endpoints, if it is the service that knows them.
    pub vpc_endpoints: Option<Arc<dyn VpcEndpoints>>,
    /// What it shows of itself beside its operations, each under a path: `/_aws/sqs/messages`.
    pub developer_endpoints: Vec<(&'static str, Arc<dyn DeveloperEndpoint>)>,
    /// Pages for people, each under a path: `/_cloudlet/states/executions`.
    pub admin_pages: Vec<(&'static str, Arc<dyn AdminPage>)>,
    /// Internal operations that the admin API performs, each under a path: `/_cloudlet/ec2/reachable`.
    pub admin_calls: Vec<(&'static str, Arc<dyn AdminCall>)>,
    unsigned: Vec<&'static str>,
    waiting: Vec<&'static str>,
    operations: HashMap<&'static str, Box<dyn AnyOperation>>,
}

impl Service {
    /// Begins the description of an engine.
    pub fn of<E>(schema: &'static ServiceSchema, engine: Arc<E>) -> Builder<E> {
        Builder { service: Service::unbuilt(schema), engine }
    }

    /// A service whose model is known and whose engine is not built: every operation answers "not implemented".
    pub fn unbuilt(schema: &'static ServiceSchema) -> Service {
        Service {
            schema,
            dialect: Dialect::of(schema.protocol),
            http_hooks: None,
            public_files: None,
            http_endpoints: None,
            socket_hooks: Vec::new(),
            machine_keys: None,
            stores: Vec::new(),
            vpc_endpoints: None,
            developer_endpoints: Vec::new(),
            admin_pages: Vec::new(),
            admin_calls: Vec::new(),
            unsigned: Vec::new(),
            waiting: Vec::new(),
            operations: HashMap::default(),
        }
    }

    #[must_use]
    pub fn with_dialect(self, dialect: Dialect) -> Service {
        Service { dialect, ..self }
    }

    /// The handler of an operation, by the name AWS gives it.
    pub fn operation(&self, name: &str) -> Option<&dyn AnyOperation> {
        self.operations.get(name).map(AsRef::as_ref)
    }

    /// Whether anybody may call an operation without a signature, though its model does not say so: links in mails.
    pub fn takes_unsigned(&self, operation: &OperationSchema) -> bool {
        operation.unsigned || self.unsigned.contains(&operation.name)
    }

    /// Whether an operation may wait for something to read (a long poll): it stops when its client goes away.
    pub fn waits(&self, operation: &OperationSchema) -> bool {
        self.waiting.contains(&operation.name)
    }

    /// Each operation of the model, and whether it is handled.
    pub fn operations(&self) -> impl Iterator<Item = (&'static OperationSchema, bool)> {
        self.schema.operations.iter().map(|operation| (*operation, self.operations.contains_key(operation.name)))
    }
}

pub struct Builder<E> {
    service: Service,
    engine: Arc<E>,
}

impl<E: Send + Sync + 'static> Builder<E> {
    #[must_use]
    pub fn handles<O: Operation>(mut self) -> Self
    where
        E: Handle<O>,
    {
        let entry = Entry::<E, O> { engine: self.engine.clone(), operation: PhantomData };
        self.service.operations.insert(O::SCHEMA.name, Box::new(entry));
        self
    }

    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.service.dialect = dialect;
        self
    }

    #[must_use]
    pub fn admin_page(mut self, path: &'static str, page: Arc<dyn AdminPage>) -> Self {
        self.service.admin_pages.push((path, page));
        self
    }

    #[must_use]
    pub fn admin_calls(mut self, calls: impl IntoIterator<Item = (&'static str, Arc<dyn AdminCall>)>) -> Self {
        self.service.admin_calls.extend(calls);
        self
    }

    #[must_use]
    pub fn http_hooks(mut self, http_hooks: Arc<dyn HttpHooks>) -> Self {
        self.service.http_hooks = Some(http_hooks);
        self
    }

    /// The operation may wait for something to read, and stops when its client goes away.
    #[must_use]
    pub fn waits<O: Operation>(mut self) -> Self {
        self.service.waiting.push(O::SCHEMA.name);
        self
    }

    #[must_use]
    pub fn unsigned<O: Operation>(mut self) -> Self {
        self.service.unsigned.push(O::SCHEMA.name);
        self
    }

    #[must_use]
    pub fn machine_keys(mut self, machine_keys: Arc<dyn MachineKeys>) -> Self {
        self.service.machine_keys = Some(machine_keys);
        self
    }

    #[must_use]
    pub fn http_endpoints(mut self, http_endpoints: Arc<dyn HttpEndpoints>) -> Self {
        self.service.http_endpoints = Some(http_endpoints);
        self
    }

    #[must_use]
    pub fn public_files(mut self, public_files: Arc<dyn PublicFiles>) -> Self {
        self.service.public_files = Some(public_files);
        self
    }

    #[must_use]
    pub fn socket_hooks(mut self, socket_hooks: Arc<dyn SocketHooks>) -> Self {
        self.service.socket_hooks.push(socket_hooks);
        self
    }

    /// A store or a map of stores of the engine.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Persistent>) -> Self {
        self.service.stores.push(store);
        self
    }

    #[must_use]
    pub fn vpc_endpoints(mut self, vpc_endpoints: Arc<dyn VpcEndpoints>) -> Self {
        self.service.vpc_endpoints = Some(vpc_endpoints);
        self
    }

    #[must_use]
    pub fn developer_endpoint(mut self, path: &'static str, developer_endpoint: Arc<dyn DeveloperEndpoint>) -> Self {
        self.service.developer_endpoints.push((path, developer_endpoint));
        self
    }

    pub fn build(self) -> Service {
        self.service
    }
}

//! The engine kit: what a service handles, what a handler knows of its call, how it calls other services, where time, ids and randomness
//! come from, and the parts that engines share. Deliberately no HTTP, no protocol, no policy decision.

mod admin_calls;
mod answer_observer;
mod authorization;
mod boxed;
pub mod by_name;
mod call;
mod clock;
pub mod container_sessions;
mod cx;
mod developer_endpoint;
mod dialect;
mod events;
pub mod fingerprint;
mod handler;
mod http_client;
mod http_endpoints;
mod http_hooks;
mod ids;
pub mod kms;
mod machine_keys;
mod mail_relay;
mod nodes;
mod origin;
pub mod paging;
mod permission;
mod policy_statements;
mod public_files;
pub mod public_images;
pub mod python_sdk;
pub mod replication;
mod request_context;
pub mod roles;
mod runtime;
mod scalar;
mod service;
mod sockets;
mod stored_policy;
mod stored_shape;
pub mod tags;
pub mod vended_logs;
mod website;
mod worker_parts;
mod workers;

pub use admin_calls::{AdminCall, AdminMethod, AdminOperation, AdminRequest};
pub use answer_observer::{AnswerObserver, GRANTED, SentAnswer};
pub use authorization::{AuthOutcome, AuthRecord, Authorization};
pub use boxed::Boxed;
pub use call::{AnyInput, Call, Dispatcher, Input, Output, Schedule, ScheduleKey};
pub use clock::{Clock, ClockSetting, Stopwatch, within};
pub use cx::{Cx, Reply};
pub use developer_endpoint::{AdminPage, DeveloperEndpoint, DeveloperRequest, Page};
pub use dialect::{Anonymous, Denial, Dialect, PresignedQuery, Quotes, RequestIds, ScopeRegion, SignatureRules, Unseen, Validation};
pub use events::{Observer, PerformedCall, ServiceEvent};
pub use http_client::{HttpClient, HttpRequest, HttpResponse, SendError, without_password};
pub use http_endpoints::{EndpointAnswer, EndpointCallers, EndpointField, EndpointRefusal, EndpointRequest, HttpEndpoint, HttpEndpoints};
pub use http_hooks::{Form, HttpHooks, PostResponse, PostedObject, RequestView, ServiceEvents};
pub use ids::{Ids, account_of_access_key, uuid_text};
pub use machine_keys::{MachineKey, MachineKeys, Signs};
pub use mail_relay::{MailRelay, RelayError};
pub use nodes::{
    ByteStream, ConnectError, Node, NodeAddress, NodeInput, NodeOrder, NodeOutput, NodeProcess, NodeProgram, NodeRoot, NodeSignal, NodeUser,
    TerminalSize,
};
pub use origin::{Origin, SignatureKind, Signed, ThroughEndpoint, TlsSession, VpcEndpoints};
pub use permission::{DerivedKey, Permission, Permissions};
pub use policy_statements::{Allowed, PolicyStatements};
pub use public_files::{PublicFile, PublicFiles};
pub use request_context::RequestContext;
pub use runtime::Runtime;
pub use service::{AnyOperation, Builder, Handle, Service};
pub use sockets::{Socket, SocketClose, SocketHooks, SocketMessage, SocketReader, SocketWriter, send_all};
pub use stored_policy::StoredPolicy;
pub use stored_shape::StoredShape;
pub use website::{PageAnswer, PageContext, PageFields, PageMethod, PageRead, PageStep, Website};
pub use worker_parts::{LocalHttp, LocalRequest, LocalResponse, WorkerEnd, WorkerValue};
pub use workers::{Interpreter, Language, NoWorkers, ProgramSignal, TakesLine, Worker, WorkerFile, WorkerOrder, WorkerPost, Workers};

#[doc(hidden)]
pub use cloudlet_aws::Fault;
pub use cloudlet_policy::{Document, Grant, Keys, Policy, Reach, Value};
#[doc(hidden)]
pub use cloudlet_shape::Operation;

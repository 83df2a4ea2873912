//! The frame into which every engine is set: what a service handles, what a handler may know of its call,
//! how it asks other services, and where time, ids and randomness come from.
//! Deliberately no HTTP, no protocol, no policy decision.

mod authorization;
mod call;
mod clock;
mod cx;
mod developer_endpoint;
mod dialect;
mod events;
mod http_client;
mod http_hooks;
mod ids;
pub mod kms;
mod origin;
pub mod paging;
mod permission;
mod public_files;
pub mod roles;
mod runtime;
mod service;

pub use authorization::{AuthOutcome, AuthRecord};
pub use call::{AnyInput, Boxed, Call, Dispatcher, Input, Output, Schedule, ScheduleKey};
pub use clock::{Clock, Stopwatch};
pub use cx::{Cx, Reply, RequestContext};
pub use developer_endpoint::{DeveloperEndpoint, DeveloperRequest};
pub use dialect::{Anonymous, Denial, Dialect, PresignedQuery, Quotes, RequestIds, ScopeRegion, SignatureRules, Unseen, Validation};
pub use events::{Observer, PerformedCall, ServiceEvent};
pub use http_client::{HttpClient, HttpRequest, HttpResponse, SendError, without_password};
pub use http_hooks::{Form, HttpHooks, PostResponse, PostedObject, RequestView};
pub use ids::{Ids, account_of_access_key, uuid_text};
pub use origin::{Origin, SignatureKind, Signed};
pub use permission::{DerivedKey, Permission, Permissions};
pub use public_files::{PublicFile, PublicFiles};
pub use runtime::Runtime;
pub use service::{AnyOperation, Builder, Handle, Service};

pub use cloudlet_policy::{Document, Grant, Keys, Policy, Reach, Value};

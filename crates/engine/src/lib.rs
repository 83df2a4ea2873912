//! The frame into which every engine is set: what a service handles, what a handler may know of its call,
//! how it asks other services, and where time, ids and randomness come from.
//! Deliberately no HTTP, no protocol, no policy decision.

mod permission;
mod call;
mod clock;
mod cx;
mod dialect;
mod http_hooks;
mod ids;
mod origin;
mod http_client;
mod public_files;
mod service;
mod authorization;
mod developer_endpoint;

pub use permission::{Permission, Permissions, DerivedKey};
pub use call::{AnyInput, Boxed, Call, Dispatcher, Input, Output};
pub use clock::{Clock, Stopwatch};
pub use cx::{RequestContext, Cx, Runtime, Reply};
pub use dialect::{Denial, Dialect, Quotes, ScopeRegion, Unseen, Validation};
pub use http_hooks::{Form, HttpHooks, PostedObject, PostResponse, RequestView};
pub use ids::{Ids, account_of_access_key, uuid_text};
pub use origin::{Origin, SignatureKind, Signed};
pub use http_client::{HttpRequest, SendError, HttpClient, HttpResponse};
pub use public_files::{PublicFile, PublicFiles};
pub use service::{AnyOperation, Builder, Handle, Service};
pub use authorization::{AuthOutcome, AuthRecord};
pub use developer_endpoint::{DeveloperRequest, DeveloperEndpoint};

pub use cloudlet_policy::{Document, Grant, Keys, Policy, Reach, Value};

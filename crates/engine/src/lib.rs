//! The frame into which every engine is set: what a service handles, what a handler may know of its call,
//! how it asks other services, and where time, ids and randomness come from.
//! Deliberately no HTTP, no protocol, no policy decision.

mod ask;
mod call;
mod clock;
mod cx;
mod dialect;
mod front;
mod ids;
mod origin;
mod outside;
mod papers;
mod service;
mod verdict;
mod window;

pub use ask::{Ask, Asks, DerivedKey};
pub use call::{AnyInput, Boxed, Call, Door, Input, Output};
pub use clock::{Clock, Stopwatch};
pub use cx::{Circumstances, Cx, Frame, Reply};
pub use dialect::{Denial, Dialect, Quotes, ScopeRegion, Unseen, Validation};
pub use front::{Form, Front, Posted, Thanks, Visit};
pub use ids::{Ids, account_of_access_key, uuid_text};
pub use origin::{Origin, SignatureKind, Signed};
pub use outside::{Letter, Lost, Outside, Receipt};
pub use papers::{Paper, Papers};
pub use service::{AnyOperation, Builder, Handle, Service};
pub use verdict::{Effect, Verdict};
pub use window::{Glance, Window};

pub use cloudlet_policy::{Document, Grant, Keys, Policy, Reach, Value};

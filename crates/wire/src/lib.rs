//! The protocols of AWS, one file each, and the validation of inputs. Names no service.
//!
//! In comes a request's head and body, out comes a typed input; in goes a typed output or a fault, out come bytes.
//! A service's oddity is a trait in its schema, never a name in here.

mod answer;
mod aws_json;
mod bindings;
mod codec;
mod ec2_query;
pub mod event_stream;
mod form;
mod host;
mod partial;
mod path;
pub mod pattern;
mod protocols;
mod query;
mod recognize;
mod rest_json;
mod rest_xml;
mod route;
mod text;
mod validate;
mod xml;

pub mod json;

pub use codec::{Answer, Asked, Codec, Content, Ids, Incoming, Labels, Malformed};
pub use host::Place;
pub use json::{from_json, to_json};
pub use path::Missing;
pub use protocols::codec;
pub use recognize::{Recognized, Recognizer};
pub use route::{Routed, Unknown};
pub use validate::{validate, validate_discreetly};

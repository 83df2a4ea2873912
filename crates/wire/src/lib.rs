//! The protocols of AWS, one file each, and the validation of inputs. Names no service.
//!
//! Decodes a request's head and body into a typed input, and encodes a typed output or a fault into bytes.
//! What is special about a service is a trait in its schema.

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

pub use codec::{Answer, Codec, Content, Ids, Incoming, Labels, Malformed};
pub use host::HostParts;
pub use json::{from_json, to_json};
pub use path::Missing;
pub use protocols::{codec, codec_for};
pub use recognize::{Absent, ErrorForm, Recognized, Recognizer};
pub use route::{Routed, Unknown};
pub use validate::{validate, validate_discreetly, validate_without_values};

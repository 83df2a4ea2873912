//! The front door: HTTP comes in, walks the road (recognize, authenticate, decode, authorize and perform in the cloud, encode)
//! and goes out. Deliberately no service: what is special about one is in its schema, its dialect or its front.

mod answer;
mod authenticate;
mod body;
mod connection;
mod form;
mod integrity;
mod limits;
mod pipeline;
mod request;

pub use answer::{AnswerBody, Plain};
pub use connection::{Listener, serve};
pub use limits::Limits;
pub use pipeline::{AdminApi, Gateway, Parts};

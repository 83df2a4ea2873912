//! The gateway: HTTP requests are recognized, authenticated, decoded, handed to the cloud, and their answers encoded.
//! It knows no service: what is special about one is in its schema, its dialect or its HTTP hooks.

mod absent;
mod access;
mod answer;
mod authenticate;
mod body;
mod body_encoding;
mod budget;
mod connection;
mod cors;
mod decode;
mod endpoint;
mod form;
mod gateway;
mod header_names;
mod integrity;
mod limits;
mod log_entry;
mod observe;
mod observed;
mod pipeline;
mod request;
mod response_format;
mod router;
mod sockets;
mod website;
mod websockets;

pub use access::Access;
pub use connection::{Listener, serve};
pub use gateway::Parts;
pub use limits::Limits;
pub use websockets::{socket, socket_config};

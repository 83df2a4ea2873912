//! Websockets: a request to a path where a service has one is upgraded, and the service is handed the socket.

use crate::{
    access::Page,
    answer::{AnswerBody, Plain, response},
    gateway::Gateway,
    websockets::{socket, socket_config},
};
use axum::{extract::Request as AxumRequest, response::Response};
use cloudlet_engine::{Boxed, SocketHooks};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::{Request, body::Incoming};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

/// What a connection became.
#[derive(Default)]
pub struct Upgrades(Mutex<Option<Boxed<'static, ()>>>);

impl Upgrades {
    pub fn take(&self) -> Option<Boxed<'static, ()>> {
        self.0.lock().take()
    }
}

/// The sockets of all services.
pub struct Sockets(Vec<Arc<dyn SocketHooks>>);

pub fn is_upgrade(request: &Request<Incoming>) -> bool {
    request.headers().contains_key(header::UPGRADE) && request.method() == Method::GET
}

/// A value of a list in a header field.
fn lists(headers: &HeaderMap, name: header::HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

impl Sockets {
    pub fn of(hooks: impl Iterator<Item = Arc<dyn SocketHooks>>) -> Sockets {
        Sockets(hooks.collect())
    }

    /// Upgrades a request, if there is a socket at its path; else gives it back.
    pub fn open(&self, gateway: &Gateway, request: Request<Incoming>, upgraded: &Upgrades) -> Result<Response<AnswerBody>, Box<Request<Incoming>>> {
        let path = request.uri().path();
        let of_path = |hooks: &&Arc<dyn SocketHooks>| hooks.prefixes().iter().any(|prefix| path.starts_with(prefix));
        let Some(hooks) = self.0.iter().find(of_path).cloned() else { return Err(Box::new(request)) };
        let headers = request.headers();
        if !lists(headers, header::UPGRADE, "websocket") || names_bucket(gateway, &request) {
            return Err(Box::new(request));
        }
        let refuse = |status: u16, message: &str| Ok(response(Plain::message(status, message).into_answer(), request.method()));
        if matches!(gateway.access.page(headers), Page::Foreign(_) | Page::ForeignHost(_) | Page::CrossSite) {
            return refuse(403, "The pages of other sites may not open this socket.");
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok()).filter(|key| key.len() == 24);
        let (Some(key), true) = (key, lists(headers, header::SEC_WEBSOCKET_VERSION, "13") && lists(headers, header::CONNECTION, "upgrade")) else {
            return refuse(400, "This is no handshake of a websocket of version 13.");
        };
        if !hooks.admits(path) {
            return refuse(404, "There is no such channel.");
        }
        let accept = derive_accept_key(key.as_bytes());
        let path = path.to_owned();
        let mut request = request;
        let upgrade = hyper::upgrade::on(&mut request);
        *upgraded.0.lock() = Some(Box::pin(async move {
            let Ok(io) = upgrade.await else { return };
            let stream = WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, Some(socket_config())).await;
            hooks.serve(path, socket(stream)).await;
        }));
        let mut response = Response::new(AnswerBody::Routed(axum::body::Body::empty()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let fields = response.headers_mut();
        fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Ok(accept) = HeaderValue::from_str(&accept) {
            fields.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        Ok(response)
    }
}

/// A path below a bucket's host name is that of an object.
fn names_bucket(gateway: &Gateway, request: &Request<Incoming>) -> bool {
    let mut head = AxumRequest::new(axum::body::Body::empty());
    *head.uri_mut() = request.uri().clone();
    head.headers_mut().extend(request.headers().get(header::HOST).map(|host| (header::HOST, host.clone())));
    gateway.names_bucket(&head)
}

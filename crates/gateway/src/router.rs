//! The routes of the server: the admin API, the public files of services, and everything else, which is AWS.

use crate::{
    answer::{AnswerBody, Plain, response},
    body::{Expectation, RequestBody, Source},
    gateway::{Gateway, Parts, Peer},
    request::settle_host,
    sockets::Sockets,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use cloudlet_engine::PublicFiles;
use futures_util::FutureExt;
use http::{HeaderValue, StatusCode, Version, header};
use hyper::{body::Incoming, service::Service};
use hyper_util::service::TowerToHyperService;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// Answers the requests of all connections.
pub struct Server {
    pub gateway: Arc<Gateway>,
    pub sockets: Sockets,
    router: TowerToHyperService<Router>,
    /// The first segments of all routes.
    segments: Vec<String>,
}

/// The prefixes of the admin API. No bucket can have such a name.
const ADMIN: [&str; 3] = ["_cloudlet", "_localstack", "_aws"];

impl Server {
    pub fn new(parts: Parts) -> Server {
        let admin = parts.admin.clone();
        let public_files: Vec<Arc<dyn PublicFiles>> = parts.cloud.services().filter_map(|service| service.public_files.clone()).collect();
        let sockets = Sockets::of(parts.cloud.services().flat_map(|service| service.socket_hooks.clone()));
        let gateway = Arc::new(Gateway::new(parts));
        let mut segments: Vec<String> = ADMIN.map(str::to_owned).into();
        let mut files = Router::new();
        for of_service in public_files {
            for path in of_service.paths() {
                segments.extend(first_segment(&path).map(str::to_owned));
                files = files.route(&path, get(public_file).with_state((of_service.clone(), gateway.clone())));
            }
        }
        let files = files.layer(from_fn_with_state(gateway.clone(), virtual_hosts_first));
        let admin = admin.layer(from_fn_with_state(gateway.clone(), keep_pages_out)).layer(from_fn(log_admin));
        let router = Router::new().fallback(aws).with_state(gateway.clone()).merge(admin).merge(files);
        Server { gateway, sockets, router: TowerToHyperService::new(router), segments }
    }

    pub async fn answer(&self, request: hyper::Request<Incoming>, peer: Peer) -> Response<AnswerBody> {
        let (mut parts, body) = request.into_parts();
        settle_host(&mut parts);
        let version = parts.version;
        // AWS: unverified; its front ends answer so before any service does.
        let hosts = parts.headers.get_all(header::HOST).iter().count();
        if hosts > 1 || hosts == 0 && version >= Version::HTTP_11 {
            let mut refused = response(Plain::message(400, "The request must have one Host.").into_answer(), &parts.method);
            refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return refused;
        }
        let expectation = if parts.headers.contains_key(header::EXPECT) { Expectation::Continue } else { Expectation::None };
        let limits = &self.gateway.limits;
        let body = RequestBody::new(Source::Connection(body), expectation, limits.stall_time, limits.drain);
        let refused_unsent = body.refused_unsent();
        let mut response = if self.is_routed(parts.uri.path()) {
            let mut request = Request::from_parts(parts, body.into_body());
            request.extensions_mut().insert(peer);
            // Boxed, so that the future of a call to AWS stays small.
            Box::pin(self.route(request)).await.map(AnswerBody::Routed)
        } else {
            self.gateway.answer(parts, body, peer).await
        };
        if refused_unsent.is_set() && version < Version::HTTP_2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Whether a request goes through the router. Calls of AWS do not: measured with GetCallerIdentity, the router's fallback answers 5 to 6 %
    /// fewer calls a second, for the boxed body and the boxed future of every request.
    fn is_routed(&self, path: &str) -> bool {
        first_segment(path).is_some_and(|first| self.segments.iter().any(|segment| segment == first))
    }

    async fn route(&self, request: Request) -> Response {
        match AssertUnwindSafe(self.router.call(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!("a handler of the admin API panicked: this is a bug");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

fn first_segment(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split('/').next()
}

/// Everything that has no route of its own.
async fn aws(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(peer) = parts.extensions.remove::<Peer>() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let body = RequestBody::new(Source::Router(body), Expectation::None, gateway.limits.stall_time, gateway.limits.drain);
    gateway.answer(parts, body, peer).await.map(Body::new)
}

async fn public_file(State((files, gateway)): State<(Arc<dyn PublicFiles>, Arc<Gateway>)>, request: Request) -> Response {
    match files.public_file(request.uri().path()) {
        Some(file) => {
            let file = Plain { status: 200, content_type: file.content_type.into(), body: file.body };
            response(file.into_answer(), request.method()).map(Body::new)
        }
        None => aws(State(gateway), request).await,
    }
}

/// A path below a bucket's host name is that of an object, whatever it looks like.
async fn virtual_hosts_first(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    if gateway.names_bucket(&request) { aws(State(gateway), request).await } else { next.run(request).await }
}

/// The admin API is not for the pages of other sites.
async fn keep_pages_out(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    match gateway.access.refuse_admin(request.headers()) {
        Some(message) => response(Plain::message(403, &message).into_answer(), request.method()).map(Body::new),
        None => next.run(request).await,
    }
}

/// Not in the log of calls: health checks would fill it.
async fn log_admin(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    tracing::debug!(target: "cloudlet::admin", %method, path, status = response.status().as_u16());
    response
}

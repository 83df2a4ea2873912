//! `/_aws/*`: what services show of themselves beside their operations, in the service's protocol, or as XML if the request accepts it.

use crate::{
    admin::Admin,
    response::{Refusal, not_found},
};
use axum::{
    Router,
    extract::{Path as UrlPath, Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use cloudlet_engine::{AdminPage, DeveloperEndpoint, DeveloperRequest};
use cloudlet_shape::{BodyContent, Protocol, ServiceSchema};
use cloudlet_wire::{Ids, codec};
use std::sync::Arc;

/// Each endpoint has its path, and all that is below it.
pub fn routes(admin: &Admin) -> Router<Admin> {
    let mut router = Router::new();
    for service in admin.cloud.services() {
        for (path, endpoint) in &service.developer_endpoints {
            let endpoint = Endpoint { admin: admin.clone(), service: service.schema, path, endpoint: endpoint.clone() };
            let view = get(view).with_state(endpoint);
            router = router.route(path, view.clone()).route(&format!("{path}/{{*rest}}"), view);
        }
    }
    router
}

/// The pages of services for people, each with its path and what is below it.
pub fn pages(admin: &Admin) -> Router<Admin> {
    let mut router = Router::new();
    for service in admin.cloud.services() {
        for (path, page) in &service.admin_pages {
            let show = get(show).with_state(page.clone());
            router = router.route(&format!("{path}/{{*rest}}"), show);
        }
    }
    router
}

async fn show(State(page): State<Arc<dyn AdminPage>>, UrlPath(rest): UrlPath<String>) -> Result<Response, Refusal> {
    let page = page.page(&rest).ok_or_else(|| not_found(format!("There is nothing of the name {rest}.")))?;
    Ok(([(header::CONTENT_TYPE, page.content_type)], page.text).into_response())
}

#[derive(Clone)]
struct Endpoint {
    admin: Admin,
    service: &'static ServiceSchema,
    path: &'static str,
    endpoint: Arc<dyn DeveloperEndpoint>,
}

async fn view(State(of): State<Endpoint>, uri: Uri, Query(query): Query<Vec<(String, String)>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let rest = uri.path().strip_prefix(of.path).unwrap_or_default().to_owned();
    let request = DeveloperRequest { rest, query, now: of.admin.cloud.runtime.clock.now(), region: of.admin.region.as_str().to_owned() };
    let accepts_xml = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("xml"));
    let protocol = if accepts_xml { Protocol::Query } else { of.service.protocol };
    let (codec, ids) = (codec(protocol), Ids { request_id: "", extended_id: "" });
    let answer = match of.endpoint.view(&request) {
        Ok((operation, output)) => codec.encode(operation, output.as_struct(), &ids),
        Err(fault) => codec.fault(of.service, &fault, &ids),
    };
    let body = match answer.body.take() {
        BodyContent::Whole(bytes) => bytes,
        BodyContent::Stream(_) => return Err(not_found("This answer is a stream, which a developer endpoint cannot show.")),
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = if protocol == Protocol::Query { "text/xml" } else { "application/json" };
    Ok((status, [(header::CONTENT_TYPE, content_type)], body).into_response())
}

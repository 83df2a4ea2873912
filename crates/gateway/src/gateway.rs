//! What the gateway is made of.

use crate::{Access, Limits, budget::Budget};
use axum::{Router, extract::Request};
use cloudlet_aws::{Caller, Head, Region, Scope};
use cloudlet_cloud::Cloud;
use cloudlet_engine::{HttpEndpoints, TlsSession};
use cloudlet_shape::ServiceSchema;
use cloudlet_sigv4::Keys;
use cloudlet_wire::{Recognized, Recognizer};
use http::header::HOST;
use std::{net::SocketAddr, sync::Arc};

pub struct Parts {
    pub cloud: Arc<Cloud>,
    /// The routes of the admin API.
    pub admin: Router,
    pub limits: Limits,
    /// The names under which the server is reached, without ports.
    pub names: Vec<String>,
    pub access: Access,
    /// The region of requests that name none.
    pub region: Region,
}

pub struct Gateway {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) limits: Limits,
    pub(crate) access: Access,
    pub(crate) region: Region,
    pub(crate) recognizer: Recognizer,
    pub(crate) keys: Keys,
    /// Of the services that serve endpoints of their users, with their names.
    pub(crate) endpoints: Vec<(&'static str, Arc<dyn HttpEndpoints>)>,
    /// The memory of all request bodies.
    pub(crate) budget: Arc<Budget>,
}

/// The other end of a connection.
#[derive(Clone, Copy)]
pub struct Peer {
    pub address: SocketAddr,
    pub transport: Transport,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Plain,
    Tls(TlsSession),
}

impl Gateway {
    pub(crate) fn new(parts: Parts) -> Gateway {
        let Parts { cloud, limits, names, access, region, .. } = parts;
        let services: Vec<&'static ServiceSchema> = cloud.services().map(|service| service.schema).collect();
        let recognizer = Recognizer::new(&services, &names);
        let endpoints = cloud.services().filter_map(|service| Some((service.schema.name, service.http_endpoints.clone()?))).collect();
        let budget = Arc::new(Budget::new(limits.body_memory));
        Gateway { cloud, limits, access, region, recognizer, keys: Keys::new(), endpoints, budget }
    }

    /// Whether the host of a request names a bucket: `bucket.s3.localhost`.
    pub(crate) fn names_bucket(&self, request: &Request) -> bool {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let headers: Vec<(&str, &str)> = host.map(|host| ("host", host)).into_iter().collect();
        let head = Head { method: request.method().as_str(), path: request.uri().path(), query: "", headers: &headers };
        self.recognizer.service(&head).is_some_and(|recognized| recognized.host.prefix.is_some())
    }

    /// The account and region a call works in: its caller's and its signature's; else what the host names, and the server's own.
    pub(crate) fn scope(&self, caller: &Caller, region: Option<Region>, recognized: &Recognized) -> Scope {
        let region = region.or_else(|| Region::parse(recognized.host.region.as_deref()?)).unwrap_or_else(|| self.region.clone());
        Scope::new(caller.account.unwrap_or_else(|| self.cloud.identity.account()), region)
    }
}

//! `GET /_cloudlet/services`: each service and its operations, implemented or not. `GET /_localstack/health` answers as LocalStack does.

use crate::{admin::Admin, response::Answer};
use axum::{Json, extract::State};
use cloudlet_engine::Service;
use serde_json::{Map, Value, json};

pub async fn list(State(admin): State<Admin>) -> Answer {
    let mut services: Vec<&Service> = admin.cloud.services().collect();
    services.sort_by_key(|service| service.schema.name);
    Ok(Json(services.into_iter().map(service).collect()))
}

fn service(service: &Service) -> Value {
    let (implemented, others): (Vec<_>, Vec<_>) = service.operations().partition(|(_, handled)| *handled);
    let names = |list: Vec<(&'static cloudlet_shape::OperationSchema, bool)>| -> Value { list.iter().map(|(operation, _)| operation.name).collect() };
    json!({ "name": service.schema.name, "implemented": names(implemented), "not_implemented": names(others) })
}

/// <https://docs.localstack.cloud/references/internal-endpoints/>
pub async fn localstack_health(State(admin): State<Admin>) -> Answer {
    let mut services = Map::new();
    for service in admin.cloud.services().filter(|service| service.operations().any(|(_, handled)| handled)) {
        let name = if service.schema.name == "states" { "stepfunctions" } else { service.schema.name };
        services.insert(name.to_owned(), "available".into());
    }
    Ok(Json(json!({ "services": services, "edition": "cloudlet", "version": admin.version })))
}

//! The internal operations of services that have a path under `/_cloudlet/`, each performed as the root of an account.

use crate::{
    admin::Admin,
    response::{Parameters, Refusal, bad_request},
};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use cloudlet_aws::{Account, Caller, Region, Scope};
use cloudlet_cloud::EntryPoint;
use cloudlet_engine::{AdminCall, AdminMethod, AdminRequest};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Clone)]
struct Asked {
    admin: Admin,
    call: Arc<dyn AdminCall>,
}

pub fn routes(admin: &Admin) -> Router<Admin> {
    let mut router = Router::new();
    for service in admin.cloud.services() {
        for (path, call) in &service.admin_calls {
            let asked = Asked { admin: admin.clone(), call: call.clone() };
            let method = match call.method() {
                AdminMethod::Get => get(perform),
                AdminMethod::Post => post(perform),
            };
            router = router.route(path, method.with_state(asked));
        }
    }
    router
}

async fn perform(
    State(Asked { admin, call }): State<Asked>,
    Parameters(mut parameters): Parameters<BTreeMap<String, String>>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let account = parameters.remove("account").as_deref().map(str::parse::<Account>).transpose().map_err(bad_request)?;
    let account = account.unwrap_or(admin.cloud.identity.account());
    let region = match parameters.remove("region") {
        Some(name) => Region::parse(&name).ok_or_else(|| bad_request(format!("'{name}' is no region")))?,
        None => admin.region.clone(),
    };
    if let Some(unknown) = parameters.keys().find(|name| !call.parameters().contains(&name.as_str())) {
        return Err(bad_request(format!("unknown parameter `{unknown}`: there are account, region, {}", call.parameters().join(", "))));
    }
    let body = String::from_utf8(body.to_vec()).map_err(|_| bad_request("The body is no text."))?;
    let request = AdminRequest { parameters, body };
    let caller = Caller::root(account, region.partition(), None);
    let made = call.call(&request, caller, Scope::new(account, region)).map_err(bad_request)?;
    let performed = admin.cloud.perform(made, "admin".into(), EntryPoint::Dispatch).await;
    let output = performed.answer.map_err(|fault| bad_request(fault.message()))?;
    let page = call.page(&request, output).map_err(bad_request)?;
    Ok(([(CONTENT_TYPE, page.content_type)], page.text).into_response())
}

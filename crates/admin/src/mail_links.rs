//! `/_cloudlet/mail-links/TOKEN`: a link in a mail, which who can read the mail may visit. What it does is an operation of the service that sent it.

use crate::{
    admin::Admin,
    response::{Refusal, failed, not_found},
};
use axum::{
    extract::{Path, State},
    http::{
        HeaderMap, Method, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, USER_AGENT},
    },
    response::{IntoResponse, Response},
};
use cloudlet_aws::{Account, Caller, Scope};
use cloudlet_cloud::EntryPoint;
use cloudlet_engine::{Call, Origin};
use serde_json::{Value, json};

/// The operation that follows a link, of services whose mails have links. It is in no model.
const OPERATION: &str = "VisitLink";

/// A picture of one transparent point.
const IMAGE: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;";

fn no_link() -> Refusal {
    not_found("This link is not valid, or no longer.")
}

pub async fn visit(State(admin): State<Admin>, Path(token): Path<String>, method: Method, headers: HeaderMap) -> Result<Response, Refusal> {
    let handler = admin.cloud.services().find_map(|service| service.operation(OPERATION)).ok_or_else(no_link)?;
    let user_agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let text = json!({ "Token": token, "Ip": "127.0.0.1", "UserAgent": user_agent, "Method": method.as_str() }).to_string();
    let mut input = None;
    let read = cloudlet_wire::json::read(&text, &mut |reader| {
        input = Some(handler.read(reader)?);
        Ok(())
    });
    let input = read.ok().and(input).ok_or_else(no_link)?;
    let scope = Scope::new(Account::default(), admin.region.clone());
    let call = Call { operation: handler.schema(), caller: Caller::anonymous(), scope, origin: Origin::default(), input };
    let performed = admin.cloud.perform(call, admin.cloud.runtime.ids.uuid().into(), EntryPoint::Gateway).await;
    let output = performed.answer.map_err(|_| no_link())?;
    admin.cloud.synced().await.map_err(failed)?;
    let output: Value = serde_json::from_str(&cloudlet_wire::to_json(output.as_struct())).unwrap_or_default();
    if let Some(location) = output.get("Location").and_then(Value::as_str) {
        return Ok((StatusCode::FOUND, [(LOCATION, location)]).into_response());
    }
    if output.get("IsImage").and_then(Value::as_bool) == Some(true) {
        return Ok(([(CONTENT_TYPE, "image/gif"), (CACHE_CONTROL, "no-cache, no-store, must-revalidate")], IMAGE).into_response());
    }
    let text = output.get("Text").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

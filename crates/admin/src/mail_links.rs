//! `/_cloudlet/mail-links/TOKEN`: a link in a mail, which who can read the mail may visit. What it does is an operation of the service that sent it.

use crate::{
    admin::Admin,
    response::{Refusal, failed, not_found},
};
use axum::{
    extract::{Path, State},
    http::header::CONTENT_TYPE,
    response::IntoResponse,
};
use cloudlet_aws::{Account, Caller, Scope};
use cloudlet_cloud::EntryPoint;
use cloudlet_engine::{Call, Origin};
use serde_json::{Value, json};

/// The operation that follows a link, of services whose mails have links. It is in no model.
const OPERATION: &str = "VisitLink";

fn no_link() -> Refusal {
    not_found("This link is not valid, or no longer.")
}

pub async fn visit(State(admin): State<Admin>, Path(token): Path<String>) -> Result<impl IntoResponse, Refusal> {
    let handler = admin.cloud.services().find_map(|service| service.operation(OPERATION)).ok_or_else(no_link)?;
    let mut input = None;
    let read = cloudlet_wire::json::read(&json!({ "Token": token }).to_string(), &mut |reader| {
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
    let text = output.get("Text").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}

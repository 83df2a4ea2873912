//! `/_cloudlet/dns`: the records that services look up. Those of the zone file stay; others are added and removed here.

use crate::{
    admin::Admin,
    response::{Answer, Parameters, bad_request, failed},
};
use axum::{Json, extract::State};
use cloudlet_dns::Refused;
use cloudlet_mail::{Record, Resolver, normalized};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Only this name, and what services publish under it.
    name: Option<String>,
    /// `TXT`
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The records in the form of a zone file; of a name, its aliases are not followed.
pub async fn list(State(admin): State<Admin>, Parameters(question): Parameters<Question>) -> Answer {
    let Some(name) = question.name else { return Ok(Json(json!({ "records": admin.dns.all() }))) };
    let name = normalized(&name);
    let mut found = admin.dns.records(&name);
    found.retain(|data| question.kind.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case(data.kind())));
    let records: Vec<String> = found.into_iter().map(|data| Record { name: name.clone(), data }.to_string()).collect();
    Ok(Json(json!({ "records": records })))
}

/// Adds what the body says, which is in the form of a zone file.
pub async fn add(State(admin): State<Admin>, body: String) -> Answer {
    let added = admin.dns.add(&body).map_err(|refused| match refused {
        Refused::Malformed(malformed) => bad_request(malformed.to_string()),
        Refused::TooMany => bad_request("There are too many records."),
    })?;
    admin.cloud.synced().await.map_err(failed)?;
    Ok(Json(json!({ "added": added })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    name: String,
}

/// Removes the records of a name that were added.
pub async fn remove(State(admin): State<Admin>, Parameters(Name { name }): Parameters<Name>) -> Answer {
    let removed = admin.dns.remove(&name);
    admin.cloud.synced().await.map_err(failed)?;
    Ok(Json(json!({ "removed": removed })))
}

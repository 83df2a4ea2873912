//! `GET /_cloudlet/state`: all tables with their number of rows; with `store` and `table` (and `instance`, and `after`) a page of rows.

use crate::{
    admin::Admin,
    response::{Answer, Parameters, Refusal, bad_request, not_found},
};
use axum::{Json, extract::State};
use cloudlet_store::Json as Key;
use serde::Deserialize;
use serde_json::json;

/// Rows of a page, unless the request says how many; and at most.
const DEFAULT_ROWS: usize = 100;
const MAX_ROWS: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    store: Option<String>,
    table: Option<String>,
    /// Which store of many: a queue, a bucket. JSON.
    instance: Option<String>,
    /// The key that the page follows. JSON.
    after: Option<String>,
    limit: Option<usize>,
}

pub async fn show(State(admin): State<Admin>, Parameters(selection): Parameters<Selection>) -> Answer {
    let stores = admin.cloud.stores();
    let (Some(store), Some(table)) = (&selection.store, &selection.table) else {
        return Ok(Json(json!(stores.iter().flat_map(|store| store.listings()).collect::<Vec<_>>())));
    };
    let store = stores.iter().find(|persistent| **persistent.path() == **store).ok_or_else(|| not_found("There is no such store."))?;
    let (instance, after) = (key("instance", &selection.instance)?, key("after", &selection.after)?);
    let limit = selection.limit.unwrap_or(DEFAULT_ROWS).min(MAX_ROWS);
    match store.page(instance.as_ref(), table, after.as_ref(), limit) {
        Ok(page) => Ok(Json(json!(page))),
        Err(error) => Err(not_found(error.to_string())),
    }
}

fn key(name: &str, text: &Option<String>) -> Result<Option<Key>, Refusal> {
    let key = text.as_ref().map(|text| serde_json::from_str(text)).transpose();
    key.map_err(|error| bad_request(format!("{name} is not JSON: {error}")))
}

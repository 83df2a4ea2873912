//! `/_cloudlet/snapshot`: GET gives the whole state, or with `account` that of one account, as one file; POST replaces it by that of a file.

use crate::{
    admin::{AccountParameter, Admin},
    response::{Answer, Parameters, Refusal, bad_request, failed},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::IntoResponse,
};
use cloudlet_cloud::LoadError;
use futures_util::{StreamExt, stream};
use serde_json::json;

pub async fn save(State(admin): State<Admin>, Parameters(parameters): Parameters<AccountParameter>) -> Result<impl IntoResponse, Refusal> {
    let snapshot = admin.cloud.snapshot(parameters.account()?);
    let bytes = stream::unfold(snapshot, async |mut snapshot| snapshot.next().await.map(|piece| (piece, snapshot)));
    let headers = [(CONTENT_TYPE, "application/octet-stream"), (CONTENT_DISPOSITION, "attachment; filename=\"cloudlet.snapshot\"")];
    Ok((headers, Body::from_stream(bytes)))
}

pub async fn load(State(admin): State<Admin>, body: Body) -> Answer {
    let mut loading = admin.cloud.load();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| bad_request(format!("The snapshot did not arrive: {error}.")))?;
        loading.push(&piece).await.map_err(refused)?;
    }
    let loaded = loading.finish().await.map_err(refused)?;
    let message = format!("{} rows and {} bodies were loaded.", loaded.rows, loaded.bodies);
    Ok(Json(json!({ "message": message, "account": loaded.account, "rows": loaded.rows, "bodies": loaded.bodies })))
}

/// A failed disk is not the caller's fault.
fn refused(error: LoadError) -> Refusal {
    match error {
        LoadError::Body(_) => failed(std::io::Error::other(error.to_string())),
        _ => bad_request(error.to_string()),
    }
}

//! Which path leads to what.

use crate::{
    admin::{AccountParameter, Admin},
    admin_calls, calls, clock, decisions, developer_endpoints, dns, mail_links, mailbox,
    response::{Answer, Parameters, Refusal, failed, method_not_allowed, not_found},
    sent_mail, services, snapshot, state,
};
use axum::{
    Json, Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing::{any, get, post},
};
use serde_json::json;

/// All routes of the admin API.
pub fn router(admin: Admin) -> Router {
    let mut router = Router::new()
        .route("/_cloudlet/health", get(health))
        .route("/_cloudlet/services", get(services::list))
        .route("/_cloudlet/state", get(state::show))
        .route("/_cloudlet/calls", get(calls::list))
        .route("/_cloudlet/iam/decisions", get(decisions::list))
        .route("/_cloudlet/iam/policy", get(decisions::policy))
        .route("/_cloudlet/clock", get(clock::show).post(clock::change))
        .route("/_cloudlet/dns", get(dns::list).post(dns::add).delete(dns::remove))
        .route("/_cloudlet/settle", post(settle))
        .route("/_cloudlet/reset", post(reset))
        .route("/_cloudlet/snapshot", get(snapshot::save).post(snapshot::load))
        .route("/_cloudlet/ca.pem", get(certificate))
        .route("/_cloudlet/mailbox", get(mailbox::list).delete(mailbox::clear))
        .route("/_cloudlet/mailbox/{number}", get(mailbox::show).delete(mailbox::remove))
        .route("/_cloudlet/mailbox/{number}/raw", get(mailbox::raw))
        .route("/_cloudlet/mailbox/{number}/parts/{part}", get(mailbox::part))
        .route("/_cloudlet/mail-links/{token}", get(mail_links::visit).post(mail_links::visit))
        .route("/_aws/ses", get(sent_mail::list).delete(sent_mail::remove))
        .route("/_localstack/health", get(services::localstack_health))
        .route("/_localstack/state/reset", post(reset))
        .merge(developer_endpoints::routes(&admin))
        .merge(developer_endpoints::pages(&admin))
        .merge(admin_calls::routes(&admin));
    for prefix in ["/_cloudlet", "/_localstack", "/_aws"] {
        for path in [prefix, &format!("{prefix}/"), &format!("{prefix}/{{*rest}}")] {
            router = router.route(path, any(unknown));
        }
    }
    router.method_not_allowed_fallback(async || method_not_allowed()).with_state(admin)
}

async fn unknown() -> Refusal {
    not_found("The admin API has no such path. The README lists what there is under /_cloudlet/.")
}

async fn health(State(admin): State<Admin>) -> impl IntoResponse {
    // Code that is not kept apart from the machine is no reason to start the server again: the status is the same.
    let workers = json!({ "shortcomings": admin.workers.shortcomings() });
    Json(json!({ "status": "running", "version": admin.version, "smtp": admin.mail_listeners, "workers": workers }))
}

async fn settle(State(admin): State<Admin>) -> Answer {
    admin.cloud.settle().await;
    admin.cloud.synced().await.map_err(failed)?;
    Ok(Json(json!({ "settled": true })))
}

async fn reset(State(admin): State<Admin>, Parameters(parameters): Parameters<AccountParameter>) -> Answer {
    admin.cloud.reset(parameters.account()?).await.map_err(failed)?;
    Ok(Json(json!({ "reset": true })))
}

async fn certificate(State(admin): State<Admin>) -> Result<impl IntoResponse, Refusal> {
    let Some(mut certificate) = admin.certificate else { return Err(not_found("The server was started without --tls.")) };
    let made = certificate.wait_for(Option::is_some).await.ok().and_then(|made| made.clone());
    let pem = made.ok_or_else(|| not_found("The certificate could not be made: the log says why."))?;
    Ok(([(CONTENT_TYPE, "application/x-pem-file")], pem.to_string()))
}

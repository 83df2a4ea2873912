//! `/_cloudlet/clock`: the time of the services, which tests stop and move.

use crate::{
    admin::Admin,
    response::{Answer, bad_request, failed},
};
use axum::{Json, extract::State};
use bytes::Bytes;
use cloudlet_aws::{Timestamp, TimestampFormat};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// The longest step: a hundred years.
const MAX_SECONDS: u64 = 100 * 365 * 86_400;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Seconds.
    Advance(u64),
    Set(String),
    Run(Run),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    Stop,
    Start,
    Reset,
}

pub async fn show(State(admin): State<Admin>) -> Answer {
    let clock = &admin.cloud.runtime.clock;
    Ok(Json(json!({ "now": clock.now().text(TimestampFormat::DateTime), "stopped": clock.is_stopped() })))
}

/// The body is JSON, whatever its content type: curl sends another.
pub async fn change(State(admin): State<Admin>, body: Bytes) -> Answer {
    let change = serde_json::from_slice(&body).map_err(|error| {
        bad_request(format!(
            "{error}. The body is {{\"advance\": seconds}}, {{\"set\": \"2030-01-01T00:00:00Z\"}}, or {{\"run\": \"stop\"|\"start\"|\"reset\"}}."
        ))
    })?;
    let now = admin.cloud.runtime.clock.now();
    let step = match &change {
        Change::Advance(seconds) if *seconds <= MAX_SECONDS => Duration::from_secs(*seconds),
        Change::Advance(_) => return Err(bad_request("That is more than a hundred years.")),
        Change::Set(text) => match Timestamp::parse(text, TimestampFormat::DateTime) {
            Some(to) if to >= now => Duration::from_millis(to.millis().saturating_sub(now.millis()).unsigned_abs()),
            Some(_) => return Err(bad_request("The clock does not run backwards: reset it instead.")),
            None => return Err(bad_request("That is no date and time.")),
        },
        Change::Run(_) => Duration::ZERO,
    };
    let changed = admin.cloud.set_clock(|clock| match change {
        Change::Advance(_) | Change::Set(_) => clock.advance(step),
        Change::Run(Run::Stop) => clock.stop(),
        Change::Run(Run::Start) => clock.start(),
        Change::Run(Run::Reset) => clock.reset(),
    });
    changed.await.map_err(failed)?;
    show(State(admin)).await
}

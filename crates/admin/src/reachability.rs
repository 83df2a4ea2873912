//! `/_cloudlet/ec2/*`: would a packet pass, packets that are played, the rules of an interface for nftables, and a picture of the groups.
//! Each is an internal operation of EC2, performed as the root of an account.

use crate::{
    admin::Admin,
    response::{Parameters, Refusal, bad_request},
};
use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use cloudlet_aws::{Account, Caller, Region, Scope};
use cloudlet_cloud::EntryPoint;
use cloudlet_ec2::reachability::{DrawGroups, DrawInput, ExportInput, ExportRules, PlayInput, PlayPackets, Reach, ReachInput};
use cloudlet_engine::{Call, Operation, Origin};
use serde::Deserialize;
use serde_json::{Value, json};

/// Whose network is meant.
#[derive(Default)]
struct Whose {
    account: Option<String>,
    region: Option<String>,
}

async fn perform<O: Operation>(admin: &Admin, whose: Whose, input: O::Input) -> Result<O::Output, Refusal> {
    let account = whose.account.as_deref().map(str::parse::<Account>).transpose().map_err(bad_request)?.unwrap_or(admin.cloud.identity.account());
    let region = match whose.region {
        Some(name) => Region::parse(&name).ok_or_else(|| bad_request(format!("'{name}' is no region")))?,
        None => admin.region.clone(),
    };
    let caller = Caller::root(account, region.partition(), None);
    let call = Call::of::<O>(caller, Scope::new(account, region), Origin::default(), input);
    let performed = admin.cloud.perform(call, "admin".into(), EntryPoint::Dispatch).await;
    let output = performed.answer.map_err(|fault| bad_request(fault.message()))?;
    match output.into_any().downcast::<O::Output>() {
        Ok(output) => Ok(*output),
        Err(_) => Err(bad_request("another operation answered")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    from: Option<String>,
    to: Option<String>,
    port: Option<i32>,
    source_port: Option<i32>,
    protocol: Option<String>,
    account: Option<String>,
    region: Option<String>,
    format: Option<String>,
}

pub async fn reachable(State(admin): State<Admin>, Parameters(asked): Parameters<Question>) -> Result<Response, Refusal> {
    let needed = |value: Option<String>, name: &str| {
        value.ok_or_else(|| bad_request(format!("The parameter {name} is missing: eni-…, i-…, an address, or internet.")))
    };
    let input = ReachInput {
        from: needed(asked.from, "from")?,
        to: needed(asked.to, "to")?,
        protocol: asked.protocol,
        port: asked.port,
        source_port: asked.source_port,
    };
    let whose = Whose { account: asked.account, region: asked.region };
    let answer = perform::<Reach>(&admin, whose, input).await?;
    match asked.format.as_deref() {
        Some("text") => Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], answer.text).into_response()),
        None | Some("json") => Ok(Json(serde_json::from_str::<Value>(&answer.verdict).unwrap_or_default()).into_response()),
        Some(other) => Err(bad_request(format!("format={other} is neither json nor text"))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packets {
    account: Option<String>,
    region: Option<String>,
}

/// One packet a line: `tcp 10.0.0.5 10.0.1.6 40000 443`.
pub async fn packets(State(admin): State<Admin>, Parameters(asked): Parameters<Packets>, body: Bytes) -> Result<Response, Refusal> {
    let packets = String::from_utf8(body.to_vec()).map_err(|_| bad_request("The packets are no text."))?;
    let whose = Whose { account: asked.account, region: asked.region };
    let answer = perform::<PlayPackets>(&admin, whose, PlayInput { packets }).await?;
    let records: Value = serde_json::from_str(&answer.records).unwrap_or_default();
    Ok(Json(json!({ "records": records, "objects": answer.objects })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    interface: Option<String>,
    account: Option<String>,
    region: Option<String>,
}

pub async fn nftables(State(admin): State<Admin>, Parameters(asked): Parameters<Export>) -> Result<Response, Refusal> {
    let interface = asked.interface.ok_or_else(|| bad_request("The parameter interface is missing: eni-…"))?;
    let whose = Whose { account: asked.account, region: asked.region };
    let answer = perform::<ExportRules>(&admin, whose, ExportInput { interface }).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], answer.text).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    vpc: Option<String>,
    account: Option<String>,
    region: Option<String>,
}

pub async fn graph(State(admin): State<Admin>, Parameters(asked): Parameters<Graph>) -> Result<Response, Refusal> {
    let whose = Whose { account: asked.account, region: asked.region };
    let answer = perform::<DrawGroups>(&admin, whose, DrawInput { vpc: asked.vpc }).await?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], answer.text).into_response())
}

//! What stands where.

use crate::{decisions, mailbox};
use bytes::Bytes;
use cloudlet_aws::{Head, Timestamp, TimestampFormat};
use cloudlet_cloud::{CallRecord, Cloud};
use cloudlet_engine::{AuthOutcome, Boxed, DeveloperRequest};
use cloudlet_gateway::{AdminApi, Plain};
use cloudlet_shape::{BodyContent, Protocol};
use cloudlet_store::Json;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// The rooms of one house.
pub struct AdminRoutes {
    cloud: Arc<Cloud>,
    version: &'static str,
    /// The CA's certificate, if the server speaks TLS.
    certificate: Option<String>,
    /// The region of who does not name one.
    region: String,
}

/// The largest step of the clock: a hundred years.
const FARTHEST: u64 = 100 * 365 * 86_400;

impl AdminRoutes {
    pub fn new(cloud: Arc<Cloud>, version: &'static str, certificate: Option<String>) -> AdminRoutes {
        AdminRoutes { cloud, version, certificate, region: "us-east-1".to_owned() }
    }

    #[must_use]
    pub fn in_region(self, region: &str) -> AdminRoutes {
        AdminRoutes { region: region.to_owned(), ..self }
    }

    async fn route(&self, head: &Head<'_>, body: &Bytes) -> Plain {
        // A page from elsewhere in somebody's browser has no business in here.
        if head.header("origin").is_some_and(|origin| !same_place(origin, head.header("host").unwrap_or_default())) {
            return refusal(403, "requests from another origin are not answered");
        }
        match (head.method, head.path) {
            ("GET" | "HEAD", "/_cloudlet/health") => self.health(),
            ("GET" | "HEAD", "/_localstack/health") => self.localstack_health(),
            ("GET", "/_cloudlet/services") => self.services(),
            ("GET", "/_cloudlet/state") => match unknown(head, &["store", "table", "of", "after", "limit"]) {
                Some(refused) => refused,
                None => self.state(head),
            },
            ("GET", "/_cloudlet/calls") => shown(json!(self.cloud.calls().iter().map(call).collect::<Vec<_>>())),
            ("GET", "/_cloudlet/iam/decisions") => match unknown(head, decisions::FILTERS) {
                Some(refused) => refused,
                None => decisions::decisions(&self.cloud, |name| asked(head, name)),
            },
            ("GET", "/_cloudlet/iam/policy") => match unknown(head, &["principal"]) {
                Some(refused) => refused,
                None => decisions::policy(&self.cloud, |name| asked(head, name)),
            },
            ("GET", "/_cloudlet/clock") => self.clock(),
            ("POST", "/_cloudlet/clock") => self.move_clock(body),
            ("POST", "/_cloudlet/settle") => {
                self.cloud.settle().await;
                shown(json!({ "settled": true }))
            }
            ("POST", "/_cloudlet/reset" | "/_localstack/state/reset") => {
                self.cloud.reset();
                shown(json!({ "reset": true }))
            }
            ("GET", "/_cloudlet/ca.pem") => match &self.certificate {
                Some(pem) => Plain { status: 200, content_type: "application/x-pem-file".into(), body: pem.clone().into() },
                None => refusal(404, "the server was started without --tls"),
            },
            (method, path) if path == "/_cloudlet/mailbox" || path.starts_with("/_cloudlet/mailbox/") => {
                mailbox::answer(&self.cloud.mailbox, method, path, |name| asked(head, name))
            }
            ("GET", path) if path.starts_with("/_aws/") => self.developer_endpoint(head),
            _ => refusal(404, "there is no such room: see the README for what stands under /_cloudlet/"),
        }
    }

    fn health(&self) -> Plain {
        shown(json!({ "status": "running", "version": self.version }))
    }

    /// <https://docs.localstack.cloud/references/internal-endpoints/>
    fn localstack_health(&self) -> Plain {
        let mut services = serde_json::Map::new();
        for service in self.cloud.services().filter(|service| service.operations().any(|(_, handled)| handled)) {
            let name = if service.schema.name == "states" { "stepfunctions" } else { service.schema.name };
            services.insert(name.to_owned(), "available".into());
        }
        shown(json!({ "services": services, "edition": "cloudlet", "version": self.version }))
    }

    fn services(&self) -> Plain {
        let mut services: Vec<_> = self.cloud.services().collect();
        services.sort_by_key(|service| service.schema.name);
        let listed = services.iter().map(|service| {
            let (yes, no): (Vec<_>, Vec<_>) = service.operations().partition(|(_, handled)| *handled);
            let names =
                |list: Vec<(&'static cloudlet_shape::OperationSchema, bool)>| list.iter().map(|(operation, _)| operation.name).collect::<Vec<_>>();
            json!({ "name": service.schema.name, "implemented": names(yes), "not_implemented": names(no) })
        });
        shown(listed.collect())
    }

    /// Without a table: all tables with their number of rows. With `store` and `table` (and `of`, and `after`): a page of rows.
    fn state(&self, head: &Head<'_>) -> Plain {
        let asked = |name: &str| asked(head, name);
        let kept = self.cloud.stores();
        let (Some(store), Some(table)) = (asked("store"), asked("table")) else {
            return shown(json!(kept.iter().flat_map(|store| store.listings()).collect::<Vec<_>>()));
        };
        let Some(store) = kept.iter().find(|kept| **kept.path() == *store) else { return refusal(404, "no such store") };
        let parse = |text: Option<String>| text.map(|text| serde_json::from_str::<Json>(&text)).transpose();
        let (Ok(of), Ok(after)) = (parse(asked("of")), parse(asked("after"))) else { return refusal(400, "`of` and `after` are JSON") };
        let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100).min(1_000);
        match store.page(of.as_ref(), &table, after.as_ref(), limit) {
            Ok(page) => shown(json!(page)),
            Err(error) => refusal(404, &error.to_string()),
        }
    }

    /// What a service lets one see of itself: JSON, or XML for who asks for it.
    fn developer_endpoint(&self, head: &Head<'_>) -> Plain {
        let under = |path: &str| head.path.strip_prefix(path).filter(|rest| rest.is_empty() || rest.starts_with('/')).map(str::to_owned);
        let developer_endpoints =
            self.cloud.services().flat_map(|service| service.developer_endpoints.iter().map(move |developer_endpoint| (service, developer_endpoint)));
        let found = developer_endpoints.filter_map(|(service, (path, developer_endpoint))| Some((service, developer_endpoint, under(path)?))).next();
        let Some((service, developer_endpoint, rest)) = found else { return refusal(404, "there is no such window") };
        let query = head.raw_query().filter_map(|(name, value)| Some((percent(name)?, percent(value)?))).collect();
        let request = DeveloperRequest { rest, query, now: self.cloud.runtime.clock.now(), region: self.region.clone() };
        let protocol = if head.header("accept").is_some_and(|accept| accept.contains("xml")) { Protocol::Query } else { service.schema.protocol };
        let codec = cloudlet_wire::codec(protocol);
        let ids = cloudlet_wire::Ids { request_id: "", extended_id: "" };
        let answer = match developer_endpoint.view(&request) {
            Ok((operation, output)) => codec.encode(operation, output.as_struct(), &ids),
            Err(fault) => {
                let asked = cloudlet_wire::Asked { query_mode: false };
                codec.fault(service.schema, &fault, &ids, &asked)
            }
        };
        let body = match answer.body.take() {
            BodyContent::Whole(bytes) => bytes,
            BodyContent::Stream(_) => return refusal(500, "a window shows no streams"),
        };
        let content_type = if protocol == Protocol::Query { "text/xml" } else { "application/json" };
        Plain { status: answer.status, content_type: content_type.into(), body }
    }

    fn clock(&self) -> Plain {
        let clock = &self.cloud.runtime.clock;
        shown(json!({ "now": clock.now().text(TimestampFormat::DateTime), "stopped": clock.is_stopped() }))
    }

    fn move_clock(&self, body: &Bytes) -> Plain {
        let order: Order = match serde_json::from_slice(body) {
            Ok(order) => order,
            Err(error) => {
                return refusal(
                    400,
                    &format!(
                        "{error}; say {{\"advance\": seconds}}, {{\"set\": \"2030-01-01T00:00:00Z\"}}, or {{\"run\": \"stop\"|\"start\"|\"reset\"}}"
                    ),
                );
            }
        };
        let clock = &self.cloud.runtime.clock;
        match order {
            Order::Advance(seconds) if seconds <= FARTHEST => clock.advance(Duration::from_secs(seconds)),
            Order::Advance(_) => return refusal(400, "that is more than a hundred years"),
            Order::Set(text) => match Timestamp::parse(&text, TimestampFormat::DateTime) {
                Some(to) if to >= clock.now() => {
                    let millis = to.millis().saturating_sub(clock.now().millis());
                    clock.advance(Duration::from_millis(millis.unsigned_abs()));
                }
                Some(_) => return refusal(400, "time does not run backwards: reset the clock instead"),
                None => return refusal(400, "that is no date and time"),
            },
            Order::Run(Run::Stop) => clock.stop(),
            Order::Run(Run::Start) => clock.start(),
            Order::Run(Run::Reset) => clock.reset(),
        }
        self.clock()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// Seconds.
    Advance(u64),
    Set(String),
    Run(Run),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Run {
    Stop,
    Start,
    Reset,
}

impl AdminApi for AdminRoutes {
    fn answer<'a>(&'a self, head: &'a Head<'a>, body: Bytes) -> Boxed<'a, Plain> {
        Box::pin(async move { self.route(head, &body).await })
    }
}

fn call(logged: &CallRecord) -> Value {
    let auth_records = logged.auth_records.iter().map(|auth_record| {
        let effect = match auth_record.outcome {
            AuthOutcome::Allowed => "allowed",
            AuthOutcome::Denied => "denied",
            AuthOutcome::Tolerated => "would be denied",
            AuthOutcome::NotChecked => "unasked",
        };
        json!({ "action": auth_record.action, "resource": auth_record.resource.as_str(), "effect": effect, "reason": auth_record.reason })
    });
    json!({
        "request_id": &*logged.request_id,
        "at": logged.at.text(TimestampFormat::DateTime),
        "entrance": format!("{:?}", logged.entry_point).to_lowercase(),
        "service": logged.service,
        "operation": logged.operation,
        "principal": &*logged.principal,
        "invoked_by_delegate": logged.delegate.map(|account| account.to_string()),
        "decisions": auth_records.collect::<Vec<_>>(),
        "fault": logged.fault,
        "micros": u64::try_from(logged.took.as_micros()).unwrap_or(u64::MAX),
    })
}

/// A parameter of the query.
fn asked(head: &Head<'_>, name: &str) -> Option<String> {
    let raw = head.raw_query().find(|(field, _)| *field == name)?.1;
    percent(raw)
}

/// A mistyped parameter would be a filter that lets everything through.
fn unknown(head: &Head<'_>, known: &[&str]) -> Option<Plain> {
    let (name, _) = head.raw_query().find(|(name, _)| !name.is_empty() && !known.contains(name))?;
    Some(refusal(400, &format!("there is no parameter '{name}'; there are: {}", known.join(", "))))
}

pub(crate) fn shown(value: Value) -> Plain {
    Plain::json(200, value.to_string())
}

pub(crate) fn refusal(status: u16, why: &str) -> Plain {
    Plain::json(status, json!({ "message": why }).to_string())
}

fn same_place(origin: &str, host: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, place)| place.eq_ignore_ascii_case(host))
}

fn percent(raw: &str) -> Option<String> {
    let raw = raw.replace('+', " ");
    percent_encoding::percent_decode_str(&raw).decode_utf8().ok().map(|text| text.into_owned())
}

//! How the tests write down a request and its policies.
#![allow(dead_code, reason = "each test binary uses its part")]

use cloudlet_aws::{Account, Arn, Caller, Identity};
use cloudlet_policy::{Decision, Document, Explanation, Grant, Keys, Kind, Policies, Policy, Principal, Reach, Request, decide, explain};
use serde_json::{Map, Value, json};

pub const HERE: &str = "111111111111";
pub const THERE: &str = "222222222222";

/// A caller by a few words: `user alice`, `user 222222222222 bob`, `root`, `session reader/s1`, `federated bob`,
/// `service sns.amazonaws.com`, `anonymous`, `oai E1`, `provider accounts.google.com`.
pub struct Actor {
    pub caller: Caller,
    issuer: Option<String>,
    canonical_user: Option<String>,
    kind: FurtherFields,
}

enum FurtherFields {
    Usual,
    Provider,
    OriginAccessIdentity,
}

impl Actor {
    pub fn parse(text: &str) -> Actor {
        let mut words: Vec<&str> = text.split(' ').collect();
        let kind = words.remove(0);
        let account = match words.first().and_then(|word| Account::parse(word)) {
            Some(account) => {
                words.remove(0);
                account
            }
            None => HERE.parse().unwrap(),
        };
        let name = words.join(" ");
        let caller =
            |identity, arn: String, id: String| Caller { account: Some(account), identity, arn: arn.into(), unique_id: id.into(), access_key: None };
        let mut actor = Actor { caller: Caller::anonymous(), issuer: None, canonical_user: None, kind: FurtherFields::Usual };
        actor.caller = match kind {
            "root" => Caller::root(account, "aws", None),
            "user" => caller(
                Identity::User { name: name.rsplit('/').next().unwrap().into() },
                format!("arn:aws:iam::{account}:user/{name}"),
                format!("AIDAEXAMPLE{}", name.to_uppercase().replace('/', "")),
            ),
            "session" => {
                let (role, session) = name.rsplit_once('/').unwrap();
                let short = role.rsplit('/').next().unwrap();
                caller(
                    Identity::AssumedRole { role: Arn::parse(&format!("arn:aws:iam::{account}:role/{role}")).unwrap(), session: session.into() },
                    format!("arn:aws:sts::{account}:assumed-role/{short}/{session}"),
                    format!("AROAEXAMPLE{}:{session}", short.to_uppercase()),
                )
            }
            "federated" => {
                let (name, issuer) = name.split_once(" by ").unwrap_or((&name, "user/alice"));
                actor.issuer = Some(format!("arn:aws:iam::{account}:{issuer}"));
                caller(
                    Identity::FederatedUser { name: name.into() },
                    format!("arn:aws:sts::{account}:federated-user/{name}"),
                    format!("{account}:{name}"),
                )
            }
            "service" => Caller::service(&name, None),
            "anonymous" => Caller::anonymous(),
            "provider" => {
                actor.kind = FurtherFields::Provider;
                Caller { arn: name.into(), ..Caller::anonymous() }
            }
            "oai" => {
                actor.kind = FurtherFields::OriginAccessIdentity;
                actor.canonical_user = Some(format!("canonical{name}"));
                Caller { arn: format!("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {name}").into(), ..Caller::anonymous() }
            }
            other => panic!("who is '{other}'?"),
        };
        actor
    }

    pub fn principal(&self) -> Principal<'_> {
        let mut principal = match self.kind {
            FurtherFields::Usual => Principal::of(&self.caller),
            FurtherFields::Provider => Principal::federated(&self.caller.arn),
            FurtherFields::OriginAccessIdentity => Principal::origin_access_identity(&self.caller.arn, self.canonical_user.as_deref().unwrap()),
        };
        if let Some(issuer) = &self.issuer {
            principal = principal.issued_by(issuer);
        }
        if let Some(id) = &self.canonical_user {
            principal = principal.canonical_user(id);
        }
        principal
    }
}

/// A policy from a whole document, from one statement, or from a list of statements.
pub fn document(value: &Value) -> Value {
    match value {
        Value::Object(object) if object.contains_key("Statement") => value.clone(),
        statements => json!({"Version": "2012-10-17", "Statement": statements}),
    }
}

pub fn policy(name: &str, value: &Value, kind: Kind) -> Policy {
    let text = document(value).to_string();
    let document = Document::parse(&text, kind).unwrap_or_else(|malformed| panic!("{malformed}: {text}"));
    Policy { name: name.into(), document }
}

/// A request with its policies, as a case of a file has them.
#[derive(Default)]
pub struct Setting {
    pub identity: Vec<Policy>,
    pub groups: Vec<Policy>,
    pub boundary: Option<Policy>,
    pub session: Vec<Policy>,
    pub resource: Vec<Policy>,
    pub grant: Option<(String, Reach)>,
    pub vpc_endpoint: Option<Policy>,
    pub service_control: Vec<Vec<Policy>>,
    pub resource_control: Vec<Vec<Policy>>,
    pub keys: Keys,
}

impl Setting {
    /// `shared`: documents of the file that a case calls by name.
    pub fn of(case: &Map<String, Value>, shared: &Map<String, Value>) -> Setting {
        let find = |value: &Value| match value {
            Value::String(name) => (name.clone(), shared.get(name).unwrap_or_else(|| panic!("no document '{name}'")).clone()),
            inline => ("inline".to_owned(), inline.clone()),
        };
        let one = |value: &Value, kind: Kind| {
            let (name, value) = find(value);
            policy(&name, &value, kind)
        };
        let list = |field: &str, kind: Kind| -> Vec<Policy> {
            match case.get(field) {
                None => Vec::new(),
                Some(Value::Array(policies)) => policies.iter().map(|value| one(value, kind)).collect(),
                Some(value) => vec![one(value, kind)],
            }
        };
        let levels = |field: &str, kind: Kind| -> Vec<Vec<Policy>> {
            let levels = case.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
            levels.iter().map(|level| level.as_array().unwrap().iter().map(|value| one(value, kind)).collect()).collect()
        };
        let mut resource = list("resource", Kind::Resource);
        resource.extend(list("trust", Kind::Trust));
        resource.extend(list("key", Kind::Key));
        let mut keys = Keys::new();
        for (name, value) in case.get("keys").and_then(Value::as_object).into_iter().flatten() {
            match value {
                Value::Array(values) => keys.set_many(name.clone(), values.iter().map(|value| value.as_str().unwrap().to_owned())),
                value => keys.set(name.clone(), value.as_str().unwrap().to_owned()),
            }
        }
        Setting {
            identity: list("identity", Kind::Identity),
            groups: list("groups", Kind::Identity),
            boundary: list("boundary", Kind::Identity).pop(),
            session: list("session", Kind::Identity),
            resource,
            grant: case.get("grant").map(|grant| {
                let reach = match grant.as_str().unwrap() {
                    "account" => Reach::Account,
                    "issuer" => Reach::Issuer,
                    _ => Reach::Direct,
                };
                ("a grant".to_owned(), reach)
            }),
            vpc_endpoint: list("vpc_endpoint", Kind::VpcEndpoint).pop(),
            service_control: levels("scp", Kind::ServiceControl),
            resource_control: levels("rcp", Kind::ResourceControl),
            keys,
        }
    }

    pub fn policies(&self) -> Policies<'_> {
        Policies {
            identity: &self.identity,
            groups: &self.groups,
            boundary: self.boundary.as_ref(),
            session: &self.session,
            resource: &self.resource,
            grant: self.grant.as_ref().map(|(name, reach)| Grant { name, reach: *reach }),
            vpc_endpoint: self.vpc_endpoint.as_ref(),
            service_control: &self.service_control,
            resource_control: &self.resource_control,
        }
    }

    pub fn ask(&self, actor: &Actor, action: &str, resource: &str, owner: Option<&str>) -> Answer {
        let arn = if resource == "*" { Arn::any() } else { Arn::parse(resource).unwrap_or_else(|| panic!("'{resource}' is no ARN")) };
        let request = Request {
            principal: actor.principal(),
            action,
            resource: &arn,
            resource_account: owner.map(|owner| owner.parse().unwrap()),
            keys: &self.keys,
        };
        let policies = self.policies();
        let decision = decide(&request, &policies);
        let sid = decision.by.and_then(|by| policies.statement(by)).and_then(|(_, statement)| statement.sid()).map(str::to_owned);
        Answer { decision, sid, message: decision.message(&request, &policies), explanation: explain(&request, &policies) }
    }
}

pub struct Answer {
    pub decision: Decision,
    pub sid: Option<String>,
    pub message: String,
    pub explanation: Explanation,
}

impl Answer {
    /// `Allow Identity`, `ExplicitDeny Resource`
    pub fn short(&self) -> String {
        format!("{:?} {:?}", self.decision.effect, self.decision.gate)
    }
}

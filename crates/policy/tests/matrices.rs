//! Tables, and their products: each row or cell is written by hand after AWS's pages, the rest is counting.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use cloudlet_policy::{Keys, Kind, Policy};
use serde_json::{Value, json};
use support::{Actor, HERE, Setting, THERE, policy};

fn read(file: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn table(file: &str) -> Value {
    serde_json::from_str(&read(file)).unwrap()
}

fn all() -> Policy {
    policy("all", &json!({"Effect": "Allow", "Action": "*", "Resource": "*"}), Kind::Identity)
}

fn elsewhere() -> Policy {
    policy("elsewhere", &json!({"Effect": "Allow", "Action": "elsewhere:*", "Resource": "*"}), Kind::Identity)
}

/// Every mistake at once, not one by one.
#[derive(Default)]
struct Tally {
    count: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn check(&mut self, what: impl FnOnce() -> String, expected: &str, got: &str) {
        self.count += 1;
        if expected != got {
            self.wrong.push(format!("{}: expected {expected}, got {got}", what()));
        }
    }

    fn finish(self, at_least: usize) {
        assert!(self.wrong.is_empty(), "{} of {}:\n{}", self.wrong.len(), self.count, self.wrong.join("\n"));
        assert!(self.count >= at_least, "only {} cases", self.count);
    }
}

/// A statement that applies, or not, shows as Allow and as Deny.
fn check_statement(tally: &mut Tally, what: &str, mut statement: Value, applies: bool, keys: Keys, action: &str, resource: &str) {
    let actor = Actor::parse("user alice");
    for effect in ["Allow", "Deny"] {
        statement["Effect"] = effect.into();
        let mut setting = Setting { keys: keys.clone(), identity: vec![policy("p", &statement, Kind::Identity)], ..Setting::default() };
        if effect == "Deny" {
            setting.identity.push(all());
        }
        let expected = match (effect, applies) {
            ("Allow", true) | ("Deny", false) => "Allow Identity",
            ("Allow", false) => "ImplicitDeny Identity",
            _ => "ExplicitDeny Identity",
        };
        let answer = setting.ask(&actor, action, resource, None);
        tally.check(|| format!("{what} as {effect}"), expected, &answer.short());
    }
}

#[test]
fn conditions_hold_as_the_table_says() {
    let table = table("conditions.json");
    let mut tally = Tally::default();
    for row in table["rows"].as_array().unwrap() {
        let mut keys = Keys::new();
        for (name, value) in table["also_present"].as_object().unwrap() {
            keys.set(name.clone(), value.as_str().unwrap().to_owned());
        }
        if let Some(values) = row[2].as_array() {
            keys.set_many("test:Key", values.iter().map(|value| value.as_str().unwrap().to_owned()));
        }
        let operator = row[0].as_str().unwrap();
        let condition = json!({operator: {"TEST:key": row[1]}});
        let statement = json!({"Action": "*", "Resource": "*", "Condition": condition});
        check_statement(&mut tally, &row.to_string(), statement, row[3].as_bool().unwrap(), keys, "s3:GetObject", "arn:aws:s3:::b/k");
    }
    tally.finish(350);
}

#[test]
fn actions_match_as_the_table_says() {
    let mut tally = Tally::default();
    for row in table("actions.json")["rows"].as_array().unwrap() {
        let matches = row[2].as_bool().unwrap();
        for (element, applies) in [("Action", matches), ("NotAction", !matches)] {
            for value in [row[0].clone(), json!([row[0], "never:Matches"])] {
                let statement = json!({element: value, "Resource": "*"});
                check_statement(&mut tally, &format!("{element} {row}"), statement, applies, Keys::new(), row[1].as_str().unwrap(), "*");
            }
        }
    }
    tally.finish(200);
}

#[test]
fn resources_match_as_the_table_says() {
    let mut tally = Tally::default();
    for row in table("resources.json")["rows"].as_array().unwrap() {
        let matches = row[2].as_bool().unwrap();
        for (element, applies) in [("Resource", matches), ("NotResource", !matches)] {
            let keys = Keys::new().with("aws:username", "alice");
            let statement = json!({"Action": "*", element: row[0]});
            // The owner must be the caller's account, whatever the ARN says: that is another question.
            let resource = row[1].as_str().unwrap();
            let mut mine = statement.clone();
            for effect in ["Allow", "Deny"] {
                mine["Effect"] = effect.into();
                let mut setting = Setting { keys: keys.clone(), identity: vec![policy("p", &mine, Kind::Identity)], ..Setting::default() };
                if effect == "Deny" {
                    setting.identity.push(all());
                }
                let expected = match (effect, applies) {
                    ("Allow", true) | ("Deny", false) => "Allow Identity",
                    ("Allow", false) => "ImplicitDeny Identity",
                    _ => "ExplicitDeny Identity",
                };
                let answer = setting.ask(&Actor::parse("user alice"), "x:Y", resource, Some(HERE));
                tally.check(|| format!("{element} {row} as {effect}"), expected, &answer.short());
            }
        }
    }
    tally.finish(220);
}

/// What the page says of a way of naming, in the caller's own account.
fn at_home(reach: &str, needs_identity: bool, identity: bool, boundary: Option<bool>, session: Option<bool>) -> &'static str {
    let limited = match () {
        () if boundary == Some(false) => Some("ImplicitDeny Boundary"),
        () if session == Some(false) => Some("ImplicitDeny Session"),
        () => None,
    };
    match reach {
        // "not limited by an implicit deny in an identity-based policy, a permissions boundary, or session policy"
        "direct" => "Allow Resource",
        // "limited by an implicit deny in a permissions boundary or session policy"
        "issuer" => limited.unwrap_or("Allow Resource"),
        // The account is trusted to decide itself; a principal that is not named at all is where every request starts.
        "account" | "-" if !needs_identity => limited.unwrap_or("Allow Root"),
        "account" | "-" if !identity => "ImplicitDeny Identity",
        "account" | "-" => limited.unwrap_or("Allow Identity"),
        other => panic!("what is '{other}'?"),
    }
}

/// And from another account: both sides must allow, however the caller is named.
fn from_abroad(reach: &str, needs_identity: bool, identity: bool, boundary: Option<bool>, session: Option<bool>) -> &'static str {
    match () {
        () if needs_identity && !identity => "ImplicitDeny Identity",
        () if boundary == Some(false) => "ImplicitDeny Boundary",
        () if session == Some(false) => "ImplicitDeny Session",
        () if reach == "-" => "ImplicitDeny Resource",
        () => "Allow Resource",
    }
}

#[test]
fn every_way_of_naming_every_kind_of_caller_has_the_documented_reach() {
    let text = read("principals.txt");
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let columns = |line: &str| -> Vec<String> { line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect() };
    let actors = columns(lines.next().unwrap());
    let mut tally = Tally::default();
    for line in lines {
        let cells = columns(line);
        assert_eq!(cells.len(), actors.len(), "{line}");
        for (who, reach) in actors.iter().zip(&cells).skip(1) {
            let (kind, name) = who.split_once(' ').unwrap_or((who, ""));
            for (account, owner) in [(HERE, HERE), (THERE, HERE)] {
                let actor = Actor::parse(format!("{kind} {account} {name}").trim());
                let principal: Value = serde_json::from_str(&cells[0].replace("{A}", account)).unwrap();
                let named = json!({"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*"});
                for identity in [false, true] {
                    for boundary in [None, Some(false), Some(true)] {
                        for session in [None, Some(false), Some(true)] {
                            // Root has neither; and a federated user without session policy has an empty one.
                            let root = kind == "root";
                            let limits = |limit: Option<bool>| if root { None } else { limit };
                            let of_session = if kind == "federated" { session.or(Some(false)) } else { limits(session) };
                            let pick = |allows: bool| if allows { all() } else { elsewhere() };
                            let setting = Setting {
                                identity: if identity { vec![all()] } else { vec![] },
                                boundary: boundary.map(pick),
                                session: session.map(pick).into_iter().collect(),
                                resource: vec![policy("queue", &named, Kind::Resource)],
                                ..Setting::default()
                            };
                            let arn = format!("arn:aws:sqs:us-east-1:{owner}:q");
                            let answer = setting.ask(&actor, "sqs:SendMessage", &arn, None);
                            let rule = if account == owner { at_home } else { from_abroad };
                            let expected = rule(reach, !root, identity, limits(boundary), of_session);
                            let what =
                                || format!("{} names {who} of {account}; identity {identity}, boundary {boundary:?}, session {session:?}", cells[0]);
                            tally.check(what, expected, &answer.short());
                        }
                    }
                }
            }
        }
    }
    tally.finish(3_800);
}

/// The tables of orgs_manage_policies_scps_evaluation.html: at every level some SCP must allow, and none may deny.
#[test]
fn organizations_policies_are_asked_level_by_level() {
    let (full, other, deny) = ("full", "other", "deny");
    let statement = |name: &str| match name {
        "full" => json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
        "other" => json!({"Effect": "Allow", "Action": "elsewhere:*", "Resource": "*"}),
        _ => json!({"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}),
    };
    let levels: [&[&str]; 7] = [&[], &[full], &[other], &[deny], &[full, other], &[full, deny], &[other, deny]];
    let mut tally = Tally::default();
    for root in levels {
        for unit in levels {
            for account in levels {
                let path = [root, unit, account];
                let denies = path.iter().any(|level| level.contains(&deny));
                let allows = path.iter().all(|level| level.contains(&full));
                let setting = Setting {
                    identity: vec![all()],
                    service_control: path.map(|level| level.iter().map(|name| policy(name, &statement(name), Kind::ServiceControl)).collect()).into(),
                    ..Setting::default()
                };
                let expected = match () {
                    () if denies => "ExplicitDeny ServiceControl",
                    () if allows => "Allow Identity",
                    () => "ImplicitDeny ServiceControl",
                };
                let answer = setting.ask(&Actor::parse("user alice"), "sqs:SendMessage", "arn:aws:sqs:us-east-1:111111111111:q", None);
                tally.check(|| format!("{path:?}"), expected, &answer.short());
            }
        }
    }
    tally.finish(343);
}

/// A deny anywhere wins over everything, for everyone whom the policy binds.
#[test]
fn an_explicit_deny_wins_wherever_it_stands() {
    let deny = json!({"Effect": "Deny", "Action": "sqs:*", "Resource": "*"});
    let deny_all = json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"});
    let open = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
    let mut tally = Tally::default();
    for who in
        ["root", "user alice", "session reader/s1", "federated fed", "service sns.amazonaws.com", "anonymous", "session aws-service-role/x/L/s"]
    {
        let outsider = who.starts_with("service") || who == "anonymous";
        let linked = who.contains("aws-service-role");
        for place in ["rcp", "scp", "resource", "identity", "group", "boundary", "session", "endpoint"] {
            let at = |this: &str, value: &Value, kind: Kind| (place == this).then(|| policy(this, value, kind));
            let open_too = |list: Option<Policy>, kind: Kind| -> Vec<Policy> { list.into_iter().chain([policy("open", &open, kind)]).collect() };
            let all_too = |list: Option<Policy>| -> Vec<Policy> { list.into_iter().chain([all()]).collect() };
            let setting = Setting {
                resource_control: vec![open_too(at("rcp", &deny_all, Kind::ResourceControl), Kind::ResourceControl)],
                service_control: vec![
                    at("scp", &deny, Kind::ServiceControl)
                        .into_iter()
                        .chain([policy("all", &json!({"Effect": "Allow", "Action": "*", "Resource": "*"}), Kind::ServiceControl)])
                        .collect(),
                ],
                resource: open_too(at("resource", &deny_all, Kind::Resource), Kind::Resource),
                identity: all_too(at("identity", &deny, Kind::Identity)),
                groups: all_too(at("group", &deny, Kind::Identity)),
                boundary: at("boundary", &deny, Kind::Identity).or_else(|| Some(all())),
                session: all_too(at("session", &deny, Kind::Identity)),
                vpc_endpoint: at("endpoint", &deny_all, Kind::VpcEndpoint).or_else(|| Some(policy("open", &open, Kind::VpcEndpoint))),
                ..Setting::default()
            };
            let bound = match place {
                "rcp" => !linked,
                "scp" => !outsider && !linked,
                "identity" | "group" => !outsider && who != "root",
                "boundary" | "session" => !outsider && who != "root" && !linked,
                _ => true,
            };
            let gate = match place {
                "rcp" => "ResourceControl",
                "scp" => "ServiceControl",
                "resource" => "Resource",
                "identity" | "group" => "Identity",
                "boundary" => "Boundary",
                "session" => "Session",
                _ => "VpcEndpoint",
            };
            let expected = if bound { format!("ExplicitDeny {gate}") } else { "Allow Resource".to_owned() };
            let answer = setting.ask(&Actor::parse(who), "sqs:SendMessage", "arn:aws:sqs:us-east-1:111111111111:q", None);
            tally.check(|| format!("{who}, {place}"), &expected, &answer.short());
        }
    }
    tally.finish(56);
}

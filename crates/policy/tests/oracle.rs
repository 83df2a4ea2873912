//! The evaluator against a slow, obvious transcription of AWS's pages, on random accounts.
//!
//! The transcription reads JSON at every step, shares no code with the crate, and follows
//! reference_policies_evaluation-logic_policy-eval-basics.html and …-cross-account.html box by box.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use cloudlet_policy::{Effect, Keys, Kind, Policy};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use support::{Actor, Setting, policy};

/// All of a random request, as JSON.
#[derive(Clone, Debug)]
struct World {
    actor: &'static str,
    action: &'static str,
    resource: &'static str,
    owner: &'static str,
    keys: Map<String, Value>,
    identity: Vec<Value>,
    groups: Vec<Value>,
    boundary: Option<Value>,
    session: Vec<Value>,
    resource_policy: Vec<Value>,
    resource_kind: Kind,
    endpoint: Option<Value>,
    scp: Vec<Vec<Value>>,
    rcp: Vec<Vec<Value>>,
}

const ACTORS: [&str; 12] = [
    "root",
    "root 222222222222",
    "user alice",
    "user bob",
    "user 222222222222 alice",
    "session reader/s1",
    "session reader/s2",
    "session 222222222222 reader/s1",
    "session aws-service-role/x.amazonaws.com/Linked/s",
    "federated fed",
    "service sns.amazonaws.com",
    "anonymous",
];

// ---------------------------------------------------------------- the transcription

struct Names {
    account: Option<&'static str>,
    /// The caller's own ARN or name.
    own: String,
    /// The role of a session, the user of a federated one.
    behind: Option<String>,
    kind: &'static str,
    linked: bool,
}

fn names(actor: &'static str) -> Names {
    let abroad = actor.contains("222222222222");
    let account = if abroad { "222222222222" } else { "111111111111" };
    let last = actor.rsplit(' ').next().unwrap();
    let of = |kind, own: String, behind: Option<String>| Names { account: Some(account), own, behind, kind, linked: false };
    match actor.split(' ').next().unwrap() {
        "root" => of("root", format!("arn:aws:iam::{account}:root"), None),
        "user" => of("user", format!("arn:aws:iam::{account}:user/{last}"), None),
        "federated" => of("federated", format!("arn:aws:sts::{account}:federated-user/{last}"), Some(format!("arn:aws:iam::{account}:user/alice"))),
        "session" if last.starts_with("aws-service-role") => Names {
            linked: true,
            ..of(
                "session",
                format!("arn:aws:sts::{account}:assumed-role/Linked/s"),
                Some(format!("arn:aws:iam::{account}:role/aws-service-role/x.amazonaws.com/Linked")),
            )
        },
        "session" => {
            let role = last.split('/').next().unwrap();
            of("session", format!("arn:aws:sts::{account}:assumed-role/{last}"), Some(format!("arn:aws:iam::{account}:role/{role}")))
        }
        "service" => Names { account: None, own: last.to_owned(), behind: None, kind: "service", linked: false },
        _ => Names { account: None, own: String::new(), behind: None, kind: "anonymous", linked: false },
    }
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap().to_owned()).collect(),
        value => vec![value.as_str().unwrap().to_owned()],
    }
}

fn wild(pattern: &[char], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|n| wild(&pattern[1..], &text[n..])),
        Some('?') => !text.is_empty() && wild(&pattern[1..], &text[1..]),
        Some(c) => text.first() == Some(c) && wild(&pattern[1..], &text[1..]),
    }
}

fn like(pattern: &str, text: &str) -> bool {
    wild(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

fn resource_matches(pattern: &str, resource: &str) -> bool {
    if pattern == "*" || resource == "*" {
        return pattern == "*";
    }
    let own: Vec<&str> = resource.splitn(6, ':').collect();
    let mut wanted: Vec<&str> = pattern.splitn(6, ':').collect();
    wanted.resize(6, "*");
    own.iter().zip(wanted).all(|(own, wanted)| like(wanted, own))
}

/// How near the Principal element names the caller: 0 not at all, 1 by account, 2 by what is behind the session, 3 itself.
fn nearness(principal: &Value, caller: &Names) -> u8 {
    let Some(by_type) = principal.as_object() else { return 3 };
    let mut near = 0;
    for (kind, values) in by_type {
        for value in list(values) {
            let account = caller.account.is_some_and(|account| value == account || value == format!("arn:aws:iam::{account}:root"));
            let step = match kind.as_str() {
                "AWS" if value == "*" => 3,
                "AWS" if account => 1,
                "AWS" if value == caller.own && caller.kind != "root" && caller.kind != "service" => 3,
                "AWS" if Some(&value) == caller.behind.as_ref() => 2,
                "Service" if caller.kind == "service" && value == caller.own => 3,
                _ => 0,
            };
            near = near.max(step);
        }
    }
    near
}

/// NotPrincipal with Deny spares a caller when every one of its names is listed.
fn spared(listed: &Value, caller: &Names) -> bool {
    let has = |wanted: &str| listed.as_object().unwrap().values().any(|values| list(values).iter().any(|value| value == wanted));
    let account = caller.account.is_some_and(|account| has(account) || has(&format!("arn:aws:iam::{account}:root")));
    match caller.kind {
        "root" => account,
        "user" | "federated" => account && has(&caller.own),
        "session" => account && has(caller.behind.as_ref().unwrap()) && has(&caller.own),
        "service" => has(&caller.own),
        _ => false,
    }
}

fn condition_holds(operator: &str, key: &str, wanted: &Value, keys: &Map<String, Value>) -> bool {
    let values = keys.get(key).map(list);
    if operator == "Null" {
        return list(wanted).iter().any(|text| (text == "true") == values.is_none());
    }
    let (set, rest) = match operator.split_once(':') {
        Some((set, rest)) => (Some(set), rest),
        None => (None, operator),
    };
    let (base, if_exists) = match rest.strip_suffix("IfExists") {
        Some(base) => (base, true),
        None => (rest, false),
    };
    let negated = base.contains("Not");
    let Some(values) = values else {
        return match set {
            _ if if_exists => true,
            Some("ForAllValues") => true,
            Some(_) => false,
            None => negated,
        };
    };
    let one = |value: &String| {
        let found = list(wanted).iter().any(|wanted| match base.replace("Not", "").as_str() {
            "StringEquals" => value == wanted,
            "StringLike" => like(wanted, value),
            "StringEqualsIgnoreCase" => value.to_lowercase() == wanted.to_lowercase(),
            "NumericLessThan" => match (value.parse::<i64>(), wanted.parse::<i64>()) {
                (Ok(value), Ok(wanted)) => value < wanted,
                _ => false,
            },
            other => panic!("what is {other}?"),
        });
        found != negated
    };
    match set {
        Some("ForAllValues") => values.iter().all(one),
        Some(_) => values.iter().any(one),
        // One value, or none of the many for a negated operator.
        None if negated => values.iter().all(one),
        None => values.iter().any(one),
    }
}

/// How near a statement comes: 0 when it does not apply.
fn applies(statement: &Value, world: &World, caller: &Names) -> u8 {
    let action = |values: &Value| list(values).iter().any(|pattern| like(&pattern.to_lowercase(), &world.action.to_lowercase()));
    let actions = statement.get("Action").map(action).or_else(|| statement.get("NotAction").map(|values| !action(values))).unwrap();
    let resource = |values: &Value| list(values).iter().any(|pattern| resource_matches(pattern, world.resource));
    let resources = statement.get("Resource").map(resource).or_else(|| statement.get("NotResource").map(|values| !resource(values))).unwrap();
    let conditions = statement
        .get("Condition")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .all(|(operator, tests)| tests.as_object().unwrap().iter().all(|(key, wanted)| condition_holds(operator, key, wanted, &world.keys)));
    let near = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => nearness(principal, caller),
        (_, Some(listed)) => {
            let meant = match statement["Effect"].as_str() {
                Some("Deny") => world.boundary.is_some() || !spared(listed, caller),
                _ => nearness(listed, caller) == 0,
            };
            if meant { 3 } else { 0 }
        }
        _ => 3,
    };
    if actions && resources && conditions { near } else { 0 }
}

/// (denied, nearness of the nearest allow)
fn ask<'v>(statements: impl IntoIterator<Item = &'v Value>, world: &World, caller: &Names) -> (bool, u8) {
    let mut answer = (false, 0);
    for statement in statements {
        let near = applies(statement, world, caller);
        match statement["Effect"].as_str().unwrap() {
            "Deny" => answer.0 |= near > 0,
            _ => answer.1 = answer.1.max(near),
        }
    }
    answer
}

fn transcription(world: &World) -> Effect {
    let caller = &names(world.actor);
    let has_account = caller.account.is_some();
    let of_policy = has_account && caller.kind != "root";

    let rcps: Vec<(bool, u8)> = if caller.linked { vec![] } else { world.rcp.iter().map(|level| ask(level, world, caller)).collect() };
    let scps: Vec<(bool, u8)> =
        if caller.linked || !has_account { vec![] } else { world.scp.iter().map(|level| ask(level, world, caller)).collect() };
    let resource = ask(&world.resource_policy, world, caller);
    let identity = if of_policy { ask(world.identity.iter().chain(&world.groups), world, caller) } else { (false, 0) };
    let boundary = if of_policy && !caller.linked { world.boundary.as_ref().map(|policy| ask([policy], world, caller)) } else { None };
    let has_session = of_policy && !caller.linked && (!world.session.is_empty() || caller.kind == "federated");
    let session = has_session.then(|| ask(&world.session, world, caller));
    let endpoint = world.endpoint.as_ref().map(|policy| ask([policy], world, caller));

    // Deny evaluation.
    let everything = rcps.iter().chain(&scps).chain([&resource, &identity]).chain(&boundary).chain(&session).chain(&endpoint);
    if everything.into_iter().any(|(denied, _)| *denied) {
        return Effect::ExplicitDeny;
    }
    // RCPs; SCPs.
    if rcps.iter().chain(&scps).any(|(_, allowed)| *allowed == 0) {
        return Effect::ImplicitDeny;
    }
    // The endpoint through which the call came.
    if endpoint.is_some_and(|(_, allowed)| allowed == 0) {
        return Effect::ImplicitDeny;
    }
    let mut granted = resource.1;
    if world.resource_kind == Kind::Trust && caller.kind == "anonymous" {
        granted = 0;
    }
    let boundary_allows = boundary.is_none_or(|(_, allowed)| allowed > 0);
    let session_allows = session.is_none_or(|(_, allowed)| allowed > 0);
    let identity_allows = caller.kind == "root" || identity.1 > 0;
    let allowed = match caller.account {
        None => granted > 0,
        Some(account) if account != world.owner => granted > 0 && identity_allows && boundary_allows && session_allows,
        Some(_) => match granted {
            3 => true,
            2 => boundary_allows && session_allows,
            0 if world.resource_kind != Kind::Resource && !world.resource_policy.is_empty() => false,
            _ => identity_allows && boundary_allows && session_allows,
        },
    };
    if allowed { Effect::Allow } else { Effect::ImplicitDeny }
}

// ---------------------------------------------------------------- random accounts

fn some<T: Clone + std::fmt::Debug + 'static>(values: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    vec(select(values), 1..3)
}

fn condition() -> impl Strategy<Value = Value> {
    let operators =
        ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "NumericLessThan"];
    let named = (select(vec!["", "ForAllValues:", "ForAnyValue:"]), select(operators.to_vec()), select(vec!["", "IfExists"]));
    let test = (named, select(&["k", "l", "m"][..]), some(&["a", "A", "b*", "bc", "5", "7"]))
        .prop_map(|((set, base, suffix), key, values)| json!({format!("{set}{base}{suffix}"): {key: values}}));
    let null = (select(&["k", "m"][..]), select(&["true", "false"][..])).prop_map(|(key, truth)| json!({"Null": {key: truth}}));
    prop_oneof![6 => Just(json!({})), 2 => test, 1 => null]
}

fn statement() -> impl Strategy<Value = Value> {
    let actions = some(&["*", "*", "sqs:*", "sqs:Send*", "SQS:sendmessage", "s3:*", "s3:Get?bject", "*:Get*"]);
    let resources = some(&[
        "*",
        "arn:aws:sqs:*:*:*",
        "arn:aws:sqs:us-east-1:111111111111:q",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b",
        "arn:aws:sqs",
        "arn:aws:*:us-*:*:q?",
    ]);
    let element = |name: &'static str| prop_oneof![4 => Just(name.to_owned()), 1 => Just(format!("Not{name}"))];
    (prop_oneof![6 => Just("Allow"), 1 => Just("Deny")], element("Action"), actions, element("Resource"), resources, condition()).prop_map(
        |(effect, action, actions, resource, resources, condition)| json!({"Effect": effect, action: actions, resource: resources, "Condition": condition}),
    )
}

fn with_principal() -> impl Strategy<Value = Value> {
    let values = some(&[
        "*",
        "111111111111",
        "222222222222",
        "arn:aws:iam::111111111111:root",
        "arn:aws:iam::111111111111:user/alice",
        "arn:aws:iam::222222222222:user/alice",
        "arn:aws:iam::111111111111:role/reader",
        "arn:aws:iam::222222222222:role/reader",
        "arn:aws:sts::111111111111:assumed-role/reader/s1",
        "arn:aws:sts::111111111111:federated-user/fed",
    ]);
    // NotPrincipal needs whole sets to spare anybody; single values never would.
    let sets = select(vec![
        json!({"AWS": ["111111111111", "arn:aws:iam::111111111111:user/alice"]}),
        json!({"AWS": ["111111111111", "arn:aws:iam::111111111111:role/reader", "arn:aws:sts::111111111111:assumed-role/reader/s1"]}),
        json!({"AWS": ["arn:aws:iam::222222222222:root"]}),
        json!({"Service": "sns.amazonaws.com"}),
    ]);
    let element = prop_oneof![
        2 => Just(("Principal", json!("*"))),
        8 => values.prop_map(|values| ("Principal", json!({"AWS": values}))),
        1 => Just(("Principal", json!({"Service": "sns.amazonaws.com", "AWS": "222222222222"}))),
        1 => sets.prop_map(|set| ("NotPrincipal", set)),
    ];
    (statement(), element).prop_map(|(mut statement, (name, principal))| {
        statement[name] = principal;
        statement
    })
}

/// For organizations: allows everything more often than not, or nothing would ever get through.
fn guardrail() -> impl Strategy<Value = Value> {
    prop_oneof![5 => Just(json!({"Effect": "Allow", "Action": "*", "Resource": "*"})), 1 => statement()]
}

fn resource_guardrail() -> impl Strategy<Value = Value> {
    prop_oneof![
        5 => Just(json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})),
        1 => Just(json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"StringNotEqualsIfExists": {"k": "a"}}})),
    ]
}

fn keys() -> impl Strategy<Value = Map<String, Value>> {
    let value =
        prop_oneof![select(&["a", "A", "bc", "b*", "5", "7", "x"][..]).prop_map(Value::from), some(&["a", "bc", "5", "x"]).prop_map(Value::from),];
    prop::collection::btree_map(select(&["k", "l"][..]).prop_map(str::to_owned), value, 0..3).prop_map(|keys| keys.into_iter().collect())
}

fn world() -> impl Strategy<Value = World> {
    let request = (
        select(&ACTORS[..]),
        select(&["sqs:SendMessage", "s3:GetObject"][..]),
        select(&["arn:aws:sqs:us-east-1:111111111111:q", "arn:aws:s3:::b/k", "arn:aws:sqs:us-east-1:222222222222:q2", "*"][..]),
        select(&["111111111111", "111111111111", "222222222222"][..]),
        keys(),
    );
    let own = (vec(statement(), 0..3), vec(statement(), 0..2), prop::option::weighted(0.3, statement()), vec(statement(), 0..2));
    let theirs = (
        vec(with_principal(), 0..3),
        select(vec![Kind::Resource, Kind::Resource, Kind::Key]),
        prop::option::weighted(0.2, with_principal()),
        vec(vec(guardrail(), 1..3), 0..3),
        vec(vec(resource_guardrail(), 1..3), 0..2),
    );
    (request, own, theirs).prop_map(
        |((actor, action, resource, owner, keys), (identity, groups, boundary, session), (resource_policy, resource_kind, endpoint, scp, rcp))| {
            World { actor, action, resource, owner, keys, identity, groups, boundary, session, resource_policy, resource_kind, endpoint, scp, rcp }
        },
    )
}

fn decided(world: &World) -> Effect {
    let policies = |statements: &[Value], kind| -> Vec<Policy> { statements.iter().map(|statement| policy("p", statement, kind)).collect() };
    let mut keys = Keys::new();
    for (name, value) in &world.keys {
        keys.set_many(name.clone(), list(value));
    }
    let setting = Setting {
        identity: policies(&world.identity, Kind::Identity),
        groups: policies(&world.groups, Kind::Identity),
        boundary: world.boundary.as_ref().map(|statement| policy("b", statement, Kind::Identity)),
        session: policies(&world.session, Kind::Identity),
        resource: policies(&world.resource_policy, world.resource_kind),
        grant: None,
        vpc_endpoint: world.endpoint.as_ref().map(|statement| policy("e", statement, Kind::VpcEndpoint)),
        service_control: world.scp.iter().map(|level| policies(level, Kind::ServiceControl)).collect(),
        resource_control: world.rcp.iter().map(|level| policies(level, Kind::ResourceControl)).collect(),
        keys,
    };
    let answer = setting.ask(&Actor::parse(world.actor), world.action, world.resource, Some(world.owner));
    assert_eq!(answer.explanation.effect, answer.decision.effect);
    answer.decision.effect
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_evaluator_decides_as_the_pages_say(world in world()) {
        prop_assert_eq!(decided(&world), transcription(&world));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn one_more_deny_never_allows(world in world(), deny in statement(), at in 0usize..4) {
        let mut more = world.clone();
        let deny = { let mut deny = deny; deny["Effect"] = "Deny".into(); deny };
        match at {
            0 => more.identity.push(deny),
            1 => more.groups.push(deny),
            2 => more.scp.iter_mut().for_each(|level| level.push(deny.clone())),
            _ => {
                let mut deny = deny;
                deny["Principal"] = "*".into();
                // A first policy of a key turns "no policy" into "a policy that says nothing"; that is not what is asked here.
                if !more.resource_policy.is_empty() {
                    more.resource_policy.push(deny);
                }
            }
        }
        if decided(&more) == Effect::Allow {
            prop_assert_eq!(decided(&world), Effect::Allow);
        }
    }

    #[test]
    fn one_more_allow_of_an_identity_never_denies(world in world(), allow in statement()) {
        let mut more = world.clone();
        let allow = { let mut allow = allow; allow["Effect"] = "Allow".into(); allow };
        more.identity.push(allow);
        if decided(&world) == Effect::Allow {
            prop_assert_eq!(decided(&more), Effect::Allow);
        }
    }
}

/// A comparison that only ever sees denials would prove little.
#[test]
fn random_worlds_have_every_outcome() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::HashMap::new();
    for _ in 0..2_000 {
        let world = world().new_tree(&mut runner).unwrap().current();
        *seen.entry(transcription(&world)).or_insert(0) += 1;
    }
    for effect in [Effect::Allow, Effect::ExplicitDeny, Effect::ImplicitDeny] {
        assert!(seen.get(&effect).is_some_and(|count| *count > 200), "{seen:?}");
    }
}

//! The content of explanations.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use cloudlet_policy::{Keys, Kind, Miss, Outcome, Source};
use serde_json::json;
use support::{Actor, Setting, policy};

fn setting() -> Setting {
    let office = json!([
        {"Sid": "Office", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}},
        {"Sid": "Queues", "Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
        {"Sid": "Other", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}
    ]);
    let bucket =
        json!({"Sid": "Bob", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/bob"}, "Action": "s3:*", "Resource": "*"});
    Setting {
        identity: vec![policy("office", &office, Kind::Identity)],
        resource: vec![policy("arn:aws:s3:::b", &bucket, Kind::Resource)],
        service_control: vec![vec![policy("FullAWSAccess", &json!({"Effect": "Allow", "Action": "*", "Resource": "*"}), Kind::ServiceControl)]],
        ..Setting::default()
    }
}

#[test]
fn a_denial_shows_what_each_statement_lacked() {
    let mut setting = setting();
    setting.keys = Keys::new().with("aws:SourceIp", "198.51.100.1");
    let explanation = setting.ask(&Actor::parse("user alice"), "s3:GetObject", "arn:aws:s3:::b/k", None).explanation;
    let misses = |source: Source| -> Vec<_> {
        let gate = explanation.gates.iter().find(|gate| gate.source == source).unwrap();
        gate.policies.iter().flat_map(|policy| &policy.statements).map(|statement| statement.misses.clone()).collect()
    };
    assert_eq!(
        misses(Source::Identity),
        [Some(Miss::Condition { operator: "IpAddress".into(), key: "aws:SourceIp".into() }), Some(Miss::Action), Some(Miss::Resource)]
    );
    assert_eq!(misses(Source::Resource), [Some(Miss::Principal)]);
    assert_eq!(explanation.gates[0].outcome, Outcome::Allows, "the SCP");
    assert_eq!(explanation.matched_statements().count(), 0);
    assert_eq!(
        explanation.to_string(),
        "denied: no identity-based policy allows it
  service control policies, level 0: allows
    FullAWSAccess, statement 0: Allow applies
  resource-based policy: says nothing
    arn:aws:s3:::b, statement 0 (Bob): Allow is for other principals
  identity-based policies: says nothing
    office, statement 0 (Office): Allow needs IpAddress aws:SourceIp
    office, statement 2 (Other): Allow is for other resources
"
    );
}

#[test]
fn an_allow_shows_the_statement_that_gave_it() {
    let mut setting = setting();
    setting.keys = Keys::new().with("aws:SourceIp", "203.0.113.1");
    let answer = setting.ask(&Actor::parse("user alice"), "s3:GetObject", "arn:aws:s3:::b/k", None);
    assert_eq!(answer.sid.as_deref(), Some("Office"));
    let matched: Vec<_> = answer.explanation.matched_statements().map(|matched| (matched.source, matched.policy)).collect();
    assert_eq!(matched, [(Source::ServiceControl(0), "FullAWSAccess"), (Source::Identity, "office")]);
}

#[test]
fn keys_that_the_request_lacks_are_named() {
    let explanation = setting().ask(&Actor::parse("user alice"), "s3:GetObject", "arn:aws:s3:::b/k", None).explanation;
    assert_eq!(explanation.missing_keys, ["aws:SourceIp"]);
}

#[test]
fn gates_that_do_not_bind_the_caller_are_not_asked() {
    let explanation = setting().ask(&Actor::parse("service sns.amazonaws.com"), "s3:GetObject", "arn:aws:s3:::b/k", None).explanation;
    for gate in &explanation.gates {
        let expected = if gate.source == Source::Resource { Outcome::Silent } else { Outcome::NotAsked };
        assert_eq!(gate.outcome, expected, "{:?}", gate.source);
    }
}

#[test]
fn an_explanation_can_be_sent_as_json() {
    let explanation = setting().ask(&Actor::parse("user bob"), "s3:GetObject", "arn:aws:s3:::b/k", None).explanation;
    let value = serde_json::to_value(&explanation).unwrap();
    assert_eq!((&value["effect"], &value["gate"]), (&json!("Allow"), &json!("Resource")));
    assert_eq!(value["by"], json!({"source": "Resource", "policy": 0, "statement": 0}));
    assert_eq!(value["gates"][0]["source"], json!({"ServiceControl": 0}));
}

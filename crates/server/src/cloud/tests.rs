//! The whole house, asked by somebody who may do nothing.

use super::build;
use crate::configuration::usual;
use cloudlet_aws::{Account, Caller, Identity as Who, Region, Scope};
use cloudlet_cloud::{Cloud, EntryPoint};
use cloudlet_engine::{AnyOperation, AuthOutcome, Call, Cx, Input, Origin};
use cloudlet_shape::{Kind, Member, OperationSchema, Target};
use serde_json::{Value, json};

/// What AWS asks nobody about, with the page that says so.
const FREE: [(&str, &str); 4] = [
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
    // DecisionRecord in the handler, which has read the token by then.
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "AssumeRoleWithSAML"),
];

fn nobody() -> Caller {
    Caller {
        account: Some(Account::default()),
        identity: Who::User { name: "nobody".into() },
        arn: "arn:aws:iam::000000000000:user/nobody".into(),
        unique_id: "AIDANOBODY".into(),
        access_key: None,
    }
}

#[test]
fn every_operation_that_is_handled_has_an_action() {
    let cloud = build(&usual()).unwrap();
    for service in cloud.services() {
        for (operation, _) in service.operations().filter(|(_, handled)| *handled) {
            assert!(!operation.access.is_empty(), "{}:{}", service.schema.name, operation.name);
        }
    }
}

/// A value that looks like what is asked for.
fn value(name: &str, target: &Target) -> Option<Value> {
    Some(match target.kind {
        Kind::Text => match target.values.first() {
            Some(first) => json!(first),
            None if name.to_lowercase().ends_with("arn") => json!("arn:aws:iam::000000000000:role/x"),
            None if name.to_lowercase().ends_with("url") => json!("http://localhost/000000000000/x"),
            None => json!("x".repeat(usize::try_from(target.min.unwrap_or(1)).unwrap_or(1).clamp(3, 100))),
        },
        Kind::Boolean => json!(true),
        Kind::Integer | Kind::Float => json!(target.min.unwrap_or(1).max(1)),
        Kind::Timestamp => json!(1_800_000_000),
        Kind::Blob => json!("eA=="),
        Kind::List => json!([value(name, target.item?)?]),
        Kind::Map => json!({"x": value(name, target.item?)?}),
        Kind::Structure => json!({}),
        Kind::Document | Kind::Body | Kind::Events => return None,
    })
}

/// Inputs of an operation: an empty one, one with all that is required, one with everything.
fn inputs(operation: &OperationSchema) -> Vec<String> {
    let of = |wanted: &dyn Fn(&Member) -> bool| {
        let members = operation.input.members.iter().filter(|member| wanted(member));
        Value::Object(members.filter_map(|member| Some((member.name.to_owned(), value(member.name, member.of)?))).collect()).to_string()
    };
    vec!["{}".to_owned(), of(&Member::required), of(&|_| true)]
}

fn operations(cloud: &Cloud) -> Vec<(&'static OperationSchema, &dyn AnyOperation)> {
    let handled =
        cloud.services().flat_map(|service| service.operations().filter(|(_, handled)| *handled).map(move |(operation, _)| (service, operation)));
    handled.filter_map(|(service, operation)| Some((operation, service.operation(operation.name)?))).collect()
}

fn read(handler: &dyn AnyOperation, text: &str) -> Option<Input> {
    let mut input = None;
    let read = cloudlet_wire::json::read(text, &mut |reader| {
        input = Some(handler.read(reader)?);
        Ok(())
    });
    read.ok()?;
    input
}

fn scope() -> Scope {
    Scope::new(Account::default(), Region::new("us-east-1"))
}

#[test]
fn no_operation_is_handled_that_asked_nobody() {
    let cloud = build(&usual()).unwrap();
    let (mut asked, mut all) = (0, 0);
    for (operation, handler) in operations(&cloud) {
        if FREE.contains(&(operation.service.name, operation.name)) {
            continue;
        }
        all += 1;
        let mut ever = false;
        for input in inputs(operation).iter().filter_map(|text| read(handler, text)) {
            let cx = Cx::new(cloud.runtime.clone(), scope(), nobody(), "request".into(), Origin::default());
            // A fault ends the call before the handler.
            let Ok(permissions) = handler.permissions(&cx, &input) else { continue };
            assert!(!permissions.is_empty(), "{}:{} would be handled without a decision", operation.service.name, operation.name);
            ever = true;
        }
        asked += usize::from(ever);
    }
    assert!(asked * 10 > all * 6, "only {asked} of {all} operations could be asked about");
}

/// Performs an operation. `None`: the input cannot be read.
async fn perform(cloud: &Cloud, handler: &dyn AnyOperation, text: &str) -> Option<cloudlet_cloud::Performed> {
    let call = Call { operation: handler.schema(), caller: nobody(), scope: scope(), origin: Origin::default(), input: read(handler, text)? };
    Some(cloud.perform(call, "request".into(), EntryPoint::Gateway).await)
}

#[tokio::test]
async fn who_may_do_nothing_is_answered_nothing() {
    let cloud = build(&usual()).unwrap();
    let mut asked = 0;
    for (operation, handler) in operations(&cloud) {
        let name = (operation.service.name, operation.name);
        if FREE.contains(&name) {
            continue;
        }
        let mut ever = false;
        for text in inputs(operation) {
            let Some(performed) = perform(&cloud, handler, &text).await else { continue };
            assert!(performed.answer.is_err(), "{name:?} answered somebody who may do nothing");
            let refused = performed.outcome == Some(AuthOutcome::Denied);
            // Or its input was refused before anything was asked.
            let early = performed.outcome.is_none();
            assert!(refused || early, "{name:?} was allowed to somebody who may do nothing");
            let logged = cloud.calls().first().map(|call| (call.operation, call.auth_records.is_empty()));
            assert_eq!(logged, Some((operation.name, early)), "the log tells what was decided");
            ever |= refused;
        }
        asked += usize::from(ever);
    }
    assert!(asked > 200, "only {asked} operations were decided");
}

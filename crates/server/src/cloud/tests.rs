//! The whole house, asked by somebody who may do nothing.

use super::build;
use crate::configuration::usual;
use cloudlet_aws::{Account, Caller, Identity as Who, Region, Scope};
use cloudlet_cloud::{Cloud, Entrance};
use cloudlet_engine::{Call, Effect, Origin};

/// What AWS asks nobody about, with the page that says so.
const FREE: [(&str, &str); 3] = [
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
    // Decided in the handler, which has read the token by then.
    ("sts", "AssumeRoleWithWebIdentity"),
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
        for (operation, _) in service.contents().filter(|(_, handled)| *handled) {
            assert!(!operation.access.is_empty(), "{}:{}", service.schema.name, operation.name);
        }
    }
}

/// Performs an operation with an empty input. `None`: the input cannot be empty, or the answer keeps waiting.
async fn perform(cloud: &Cloud, service: &str, operation: &str) -> Option<cloudlet_cloud::Performed> {
    let handler = cloud.service(service)?.operation(operation)?;
    let mut input = None;
    let read = cloudlet_wire::json::read("{}", &mut |reader| {
        input = Some(handler.read(reader)?);
        Ok(())
    });
    read.ok()?;
    let scope = Scope::new(Account::default(), Region::new("us-east-1"));
    let call = Call { operation: handler.schema(), caller: nobody(), scope, origin: Origin::default(), input: input? };
    Some(cloud.perform(call, "request".into(), Entrance::Front).await)
}

#[tokio::test]
async fn who_may_do_nothing_is_answered_nothing() {
    let cloud = build(&usual()).unwrap();
    let mut asked = 0;
    let operations: Vec<(&str, &str)> = cloud
        .services()
        .flat_map(|service| service.contents().filter(|(_, handled)| *handled).map(|(operation, _)| (service.schema.name, operation.name)))
        .collect();
    for (service, operation) in operations {
        let Some(performed) = perform(&cloud, service, operation).await else { continue };
        if FREE.contains(&(service, operation)) {
            continue;
        }
        assert!(performed.answer.is_err(), "{service}:{operation} answered somebody who may do nothing");
        let refused = performed.verdicts.iter().any(|verdict| verdict.effect == Effect::Denied);
        // Or its input was refused before anything was asked.
        let early = performed.verdicts.is_empty();
        assert!(refused || early, "{service}:{operation} was allowed to somebody who may do nothing");
        asked += usize::from(refused);
    }
    assert!(asked > 100, "only {asked} operations were decided");
}

//! What extensions are told when an environment ends.

use crate::{
    extensions::{Described, Extensions},
    jobs::Said,
    runtime_api::{ApiSettings, RuntimeApi},
};
use cloudlet_aws::Timestamp;
use cloudlet_engine::{Clock, Ids, LocalHttp, LocalRequest, LocalResponse, Runtime, WorkerEnd};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::mpsc;

async fn call(api: &RuntimeApi, method: &str, path: &str, header: (&str, &str), body: &'static str) -> LocalResponse {
    let headers = vec![(header.0.to_owned(), header.1.to_owned())];
    let path = format!("/2020-01-01/extension/{path}");
    api.answer(LocalRequest { method: method.into(), path, headers, body: body.into(), ..LocalRequest::default() }).await
}

/// The APIs of an environment that has an extension, and the extension's id.
async fn with_extension(events: &'static str) -> (Arc<RuntimeApi>, String, mpsc::UnboundedReceiver<Said>) {
    let (said, heard) = mpsc::unbounded_channel();
    let api = RuntimeApi::new(ApiSettings {
        said,
        extensions: Extensions::new(vec!["watcher".into()], Described::default()),
        runtime: Runtime::new(Clock::stopped_at(Timestamp(0)), Ids::seeded(1)),
        initialization: "on-demand",
        has_json_lines: false,
    });
    let answer = call(&api, "POST", "register", ("lambda-extension-name", "watcher"), events).await;
    let id = answer.headers.iter().find(|(name, _)| *name == "Lambda-Extension-Identifier").unwrap().1.clone();
    (api, id, heard)
}

#[tokio::test]
async fn extensions_are_told_why_the_environment_ends() {
    for (end, expected) in [(None, "spindown"), (Some("timeout"), "timeout"), (Some("failure"), "failure")] {
        let (api, id, _heard) = with_extension(r#"{"events":["INVOKE","SHUTDOWN"]}"#).await;
        assert!(api.extensions.wait_for_end());
        end.into_iter().for_each(|end| api.broke_off(end, None));
        assert!(api.shut_down(2_000));
        let answer = call(&api, "GET", "event/next", ("lambda-extension-identifier", &id), "").await;
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((told["eventType"].as_str(), told["shutdownReason"].as_str()), (Some("SHUTDOWN"), Some(expected)));
        assert_eq!(told["deadlineMs"], 2_000);
    }
}

#[tokio::test]
async fn extensions_that_do_not_ask_for_the_end_are_not_waited_for() {
    let (api, ..) = with_extension(r#"{"events":["INVOKE"]}"#).await;
    assert!(!api.extensions.wait_for_end());
}

#[tokio::test]
async fn code_ends_as_its_status_tells() {
    let (api, _, mut heard) = with_extension(r#"{"events":["SHUTDOWN"]}"#).await;
    for (status, expected) in [(0, WorkerEnd::Exited(0)), (3, WorkerEnd::Exited(3)), (137, WorkerEnd::Killed(9))] {
        api.exited(status);
        assert!(matches!(heard.recv().await, Some(Said::Exited(end)) if end == expected));
    }
}

//! The APIs of an environment, without a process behind them: when it is frozen, and what extensions are told of its end.

use crate::{
    environment::{Environment, EnvironmentKey, Initialization},
    extensions::{Described, Extensions},
    freezing::{Freezes, Look},
    jobs::{Job, Said},
    runtime_api::{ApiSettings, RuntimeApi},
    state::FunctionKey,
};
use cloudlet_aws::{Account, Caller, Region, Timestamp};
use cloudlet_engine::{Boxed, Clock, Ids, LocalHttp, LocalRequest, LocalResponse, Runtime, Worker, WorkerEnd, roles::RoleSession};
use serde_json::Value;
use std::{
    future::{pending, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::mpsc;

async fn call(api: &RuntimeApi, method: &str, path: &str, header: (&str, &str), body: &'static str) -> LocalResponse {
    let headers = vec![(header.0.to_owned(), header.1.to_owned())];
    let path = format!("/2020-01-01/extension/{path}");
    api.answer(LocalRequest { method: method.into(), path, headers, body: body.into(), ..LocalRequest::default() }).await
}

fn apis(expected: Vec<String>) -> (Arc<RuntimeApi>, mpsc::UnboundedReceiver<Said>) {
    let (said, heard) = mpsc::unbounded_channel();
    let api = RuntimeApi::new(ApiSettings {
        said,
        extensions: Extensions::new(expected, Described::default()),
        runtime: Arc::new(Runtime::new(Clock::stopped_at(Timestamp(0)), Ids::seeded(1))),
        initialization: "on-demand",
        has_json_lines: false,
    });
    (api, heard)
}

/// The APIs of an environment that has an extension, and the extension's id.
async fn with_extension(events: &'static str) -> (Arc<RuntimeApi>, String, mpsc::UnboundedReceiver<Said>) {
    let (api, heard) = apis(vec!["watcher".into()]);
    let answer = call(&api, "POST", "register", ("lambda-extension-name", "watcher"), events).await;
    let id = answer.headers.iter().find(|(name, _)| *name == "Lambda-Extension-Identifier").unwrap().1.clone();
    (api, id, heard)
}

/// Knows whether it is frozen.
#[derive(Default)]
struct Still(AtomicBool, AtomicBool);

impl Worker for Still {
    fn kill(&self) {}
    fn ended(&self) -> Boxed<'_, WorkerEnd> {
        Box::pin(pending())
    }
    fn memory(&self) -> u64 {
        0
    }
    fn is_over_memory(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }
    fn freeze(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    fn thaw(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// An environment of a function that waits for an event.
pub fn resting(name: &str, initialization: Initialization) -> Environment {
    let (api, said) = apis(vec![]);
    let key = FunctionKey { account: Account::default(), region: Region::new("us-east-1"), name: name.into() };
    Environment {
        fit: EnvironmentKey { key, number: 0, revision: String::new(), initialization },
        api,
        said,
        worker: Arc::<Still>::default(),
        runtime: Arc::new(Runtime::new(Clock::stopped_at(Timestamp(0)), Ids::seeded(1))),
        lines: Arc::default(),
        writes: Arc::default(),
        session: RoleSession { caller: Caller::anonymous(), usable_until: Timestamp(i64::MAX) },
        log_group: String::new(),
        stream: String::new(),
        idle_looks: 0,
    }
}

/// The code asks for an event, and none is there.
async fn wait_for_event(api: &RuntimeApi) {
    let next = LocalRequest { method: "GET".into(), path: "/2018-06-01/runtime/invocation/next".into(), ..LocalRequest::default() };
    tokio::select! {
        biased;
        _ = api.answer(next) => panic!("there is no event"),
        () = ready(()) => {}
    }
}

#[tokio::test]
async fn an_environment_is_frozen_when_it_has_rested() {
    let (api, mut heard) = apis(vec![]);
    let still = Arc::<Still>::default();
    let worker: Arc<dyn Worker> = still.clone();
    api.set_worker(&worker);
    let is_frozen = || still.0.load(Ordering::Relaxed);
    wait_for_event(&api).await;
    assert!(matches!(heard.recv().await, Some(Said::Ready)) && !is_frozen());
    api.give(Job { request_id: "1".into(), ..Job::default() });
    assert_eq!((api.look(1), is_frozen()), (Look::Stop, false), "it works");
    let next = LocalRequest { method: "GET".into(), path: "/2018-06-01/runtime/invocation/next".into(), ..LocalRequest::default() };
    assert_eq!(api.answer(next).await.status, 200);
    wait_for_event(&api).await;
    assert_eq!((api.look(1), is_frozen()), (Look::Again(2), false), "it had an event meanwhile");
    assert_eq!((api.look(2), is_frozen()), (Look::Freeze, true));
    api.give(Job { request_id: "2".into(), ..Job::default() });
    assert!(!is_frozen());
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
    let still = Arc::<Still>::default();
    let worker: Arc<dyn Worker> = still.clone();
    api.set_worker(&worker);
    for (status, is_over, expected) in
        [(0, false, WorkerEnd::Exited(0)), (3, false, WorkerEnd::Exited(3)), (137, false, WorkerEnd::Killed(9)), (137, true, WorkerEnd::OutOfMemory)]
    {
        still.1.store(is_over, Ordering::Relaxed);
        api.exited(status);
        assert!(matches!(heard.recv().await, Some(Said::Exited(end)) if end == expected));
    }
}

//! Tasks from their start to their end, what is shown of them, and what a restart leaves. Containers run in this process: `sleep` has no end, `exit N`
//! ends at once.

use crate::service;
use cloudlet_api_ecs::*;
use cloudlet_api_sts::{AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Boxed, ByteStream, ConnectError, Cx, Handle, Interpreter, Language, LocalHttp, LocalRequest, NoWorkers, Node, NodeAddress, NodeOrder, NodeOutput,
    NodeProcess, NodeProgram, NodeSignal, Permission, Permissions, Service, TerminalSize, Worker, WorkerEnd, WorkerFile, WorkerOrder, WorkerValue,
    Workers,
    container_sessions::{StartContainerSession, StartContainerSessionInput, StartContainerSessionOutput},
};
use cloudlet_testing::TestCloud;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::watch;

#[derive(Default)]
struct Machine(Mutex<HashMap<String, Arc<Container>>>);

impl Workers for Machine {
    fn interpreter(&self, _: Language, _: &str) -> Option<Interpreter> {
        None
    }
    fn shortcomings(&self) -> Vec<String> {
        vec![]
    }
    fn has_folder(&self, _: &str) -> bool {
        false
    }
    fn put_folder<'a>(&'a self, name: &'a str, files: Vec<WorkerFile>) -> Boxed<'a, Result<(), String>> {
        NoWorkers.put_folder(name, files)
    }
    fn start(&self, _: WorkerOrder) -> Boxed<'_, Result<Arc<dyn Worker>, String>> {
        Box::pin(async { Err("none".into()) })
    }
    fn node(&self, name: &str, order: NodeOrder) -> Arc<dyn Node> {
        let container = Arc::new(Container { http: order.http, environment: Mutex::default(), end: watch::Sender::new(None) });
        self.0.lock().insert(name.to_owned(), container.clone());
        container
    }
    fn find_node(&self, name: &str) -> Option<Arc<dyn Node>> {
        Some(self.0.lock().get(name)?.clone())
    }
}

struct Container {
    http: Arc<dyn LocalHttp>,
    environment: Mutex<Vec<(String, WorkerValue)>>,
    end: watch::Sender<Option<WorkerEnd>>,
}

impl Node for Container {
    fn start(&self, program: NodeProgram) -> Boxed<'_, Result<Arc<dyn NodeProcess>, String>> {
        *self.environment.lock() = program.environment.clone();
        if program.program == "exit" {
            self.end.send_replace(Some(WorkerEnd::Exited(program.arguments[0].parse().unwrap())));
        }
        let end = self.end.clone();
        Box::pin(async move { if program.program == "none" { Err("not found".into()) } else { Ok(Arc::new(Process(end)) as Arc<dyn NodeProcess>) } })
    }
    fn connect(&self, _: NodeAddress) -> Boxed<'_, Result<Box<dyn ByteStream>, ConnectError>> {
        Box::pin(async { Err(ConnectError::NotAllowed) })
    }
    fn is_running(&self) -> bool {
        self.end.borrow().is_none()
    }
    fn stop(&self) -> Boxed<'_, ()> {
        self.erase()
    }
    fn erase(&self) -> Boxed<'_, ()> {
        self.end.send_if_modified(|end| end.is_none() && end.replace(WorkerEnd::Killed(9)).is_none());
        Box::pin(async {})
    }
}

struct Process(watch::Sender<Option<WorkerEnd>>);

impl NodeProcess for Process {
    fn read(&self) -> Boxed<'_, Option<(NodeOutput, bytes::Bytes)>> {
        Box::pin(async {
            let _ = self.ended().await;
            None
        })
    }
    fn write(&self, _: bytes::Bytes) -> Boxed<'_, bool> {
        Box::pin(async { true })
    }
    fn close_input(&self) {}
    fn resize(&self, _: TerminalSize) {}
    fn signal(&self, _: NodeSignal) {}
    fn kill(&self) {}
    fn ended(&self) -> Boxed<'_, WorkerEnd> {
        let mut end = self.0.subscribe();
        Box::pin(async move { end.wait_for(Option::is_some).await.ok().and_then(|end| *end).unwrap_or(WorkerEnd::Killed(9)) })
    }
}

/// Session Manager and STS, which remember what they were asked.
#[derive(Default)]
struct Others {
    sessions: Mutex<Vec<StartContainerSessionInput>>,
    roles: Mutex<Vec<String>>,
}

impl Handle<StartContainerSession> for Others {
    fn permissions(&self, _: &Cx, _: &StartContainerSessionInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }
    async fn handle(&self, _: &Cx, input: StartContainerSessionInput) -> Result<StartContainerSessionOutput, Fault> {
        self.sessions.lock().push(input);
        Ok(StartContainerSessionOutput { session_id: "ecs-execute-command-1".into(), token_value: "t".into(), stream_url: "ws://x".into() })
    }
}

impl Handle<AssumeRole> for Others {
    fn permissions(&self, _: &Cx, _: &AssumeRoleRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }
    async fn handle(&self, cx: &Cx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        self.roles.lock().push(format!("{} as {}", input.role_arn, cx.caller.arn));
        let user = AssumedRoleUser { assumed_role_id: "AROA:t".into(), arn: "arn:aws:sts::000000000000:assumed-role/r/t".into() };
        let credentials = Credentials { access_key_id: "ASIA".into(), secret_access_key: "s".into(), session_token: "k".into(), expiration: cx.now };
        Ok(AssumeRoleResponse { assumed_role_user: Some(user), credentials: Some(credentials), ..Default::default() })
    }
}

type Cloud = TestCloud<Arc<Machine>>;

fn cloud(others: &Arc<Others>) -> Cloud {
    let (sessions, roles) = (others.clone(), others.clone());
    let builder = TestCloud::builder().engine(|parts| {
        let machine = Arc::new(Machine::default());
        (machine.clone(), service(&parts.journal, machine))
    });
    let builder = builder.service(move |_| Service::of(&cloudlet_api_ssm::SERVICE, sessions.clone()).handles::<StartContainerSession>().build());
    builder.service(move |_| Service::of(&cloudlet_api_sts::SERVICE, roles.clone()).handles::<AssumeRole>().build()).journaled().build()
}

fn container(name: &str, command: &[&str]) -> ContainerDefinition {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    let environment = Some(vec![KeyValuePair { name: Some("COLOUR".into()), value: Some("blue".into()) }]);
    ContainerDefinition {
        name: Some(name.into()),
        image: Some("any".into()),
        memory: Some(128),
        command: Some(command),
        environment,
        ..Default::default()
    }
}

async fn register(cloud: &Cloud, family: &str, containers: Vec<ContainerDefinition>) {
    let role = Some("arn:aws:iam::000000000000:role/task".to_owned());
    let input = RegisterTaskDefinitionRequest { family: family.into(), container_definitions: containers, task_role_arn: role, ..Default::default() };
    cloud.ok::<RegisterTaskDefinition>(input).await;
}

async fn prepared(others: &Arc<Others>) -> Cloud {
    let cloud = cloud(others);
    cloud.ok::<CreateCluster>(CreateClusterRequest::default()).await;
    register(&cloud, "web", vec![container("app", &["sleep"])]).await;
    cloud
}

fn task(family: &str) -> RunTaskRequest {
    RunTaskRequest { task_definition: family.into(), enable_execute_command: Some(true), ..Default::default() }
}

async fn run(cloud: &Cloud, input: RunTaskRequest) -> String {
    let [task] = cloud.ok::<RunTask>(input).await.tasks.unwrap().try_into().unwrap();
    assert_eq!(task.last_status.as_deref(), Some("RUNNING"));
    task.task_arn.unwrap()
}

async fn described(cloud: &Cloud, task: &str) -> Option<Task> {
    cloud.ok::<DescribeTasks>(DescribeTasksRequest { tasks: vec![task.into()], ..Default::default() }).await.tasks.unwrap().pop()
}

/// The task once it is stopped: what runs in it ends in tasks of its own.
async fn stopped(cloud: &Cloud, task: &str) -> Task {
    loop {
        let found = described(cloud, task).await.unwrap();
        if found.last_status.as_deref() == Some("STOPPED") {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

async fn listed(cloud: &Cloud, status: &str) -> Vec<String> {
    let input = ListTasksRequest { desired_status: Some(status.into()), ..Default::default() };
    cloud.ok::<ListTasks>(input).await.task_arns.unwrap()
}

fn end(task: &Task) -> (&str, &str, Option<i32>) {
    let container = &task.containers.as_ref().unwrap()[0];
    (task.stop_code.as_deref().unwrap(), task.stopped_reason.as_deref().unwrap(), container.exit_code)
}

#[tokio::test]
async fn a_task_is_stopped_and_shown_for_an_hour() {
    let cloud = prepared(&Arc::default()).await;
    let task_arn = run(&cloud, task("web")).await;
    assert_eq!(listed(&cloud, "RUNNING").await, [task_arn.as_str()]);
    cloud.advance(10);
    cloud.ok::<StopTask>(StopTaskRequest { task: task_arn.clone(), ..Default::default() }).await;
    let shown = stopped(&cloud, &task_arn).await;
    assert_eq!(end(&shown), ("UserInitiated", "Task stopped by user", Some(137)));
    assert_eq!(shown.stopped_at, Some(cloud.now()));
    assert_eq!((listed(&cloud, "RUNNING").await.len(), listed(&cloud, "STOPPED").await.len()), (0, 1));
    cloud.advance(3_601);
    assert!(described(&cloud, &task_arn).await.is_none());
}

#[tokio::test]
async fn a_task_ends_with_its_essential_containers_alone() {
    let cloud = prepared(&Arc::default()).await;
    let beside = ContainerDefinition { essential: Some(false), ..container("beside", &["exit", "7"]) };
    register(&cloud, "both", vec![container("app", &["sleep"]), beside]).await;
    let both = run(&cloud, task("both")).await;
    loop {
        let containers = described(&cloud, &both).await.unwrap().containers.unwrap();
        if containers[1].exit_code == Some(7) {
            assert_eq!((containers[0].last_status.as_deref(), containers[1].last_status.as_deref()), (Some("RUNNING"), Some("STOPPED")));
            break;
        }
        tokio::task::yield_now().await;
    }
    register(&cloud, "short", vec![container("app", &["exit", "3"])]).await;
    let short = run(&cloud, task("short")).await;
    assert_eq!(end(&stopped(&cloud, &short).await), ("EssentialContainerExited", "Essential container in task exited", Some(3)));
    register(&cloud, "missing", vec![container("app", &["none"])]).await;
    let missing = run(&cloud, task("missing")).await;
    let shown = stopped(&cloud, &missing).await;
    assert_eq!(end(&shown), ("TaskFailedToStart", "Task failed to start", None));
    assert_eq!(shown.containers.unwrap()[0].reason.as_deref(), Some("CannotStartContainerError: not found"));
}

#[tokio::test]
async fn a_restart_stops_the_tasks_of_before() {
    let cloud = prepared(&Arc::default()).await;
    let with_token = RunTaskRequest { client_token: Some("once".into()), ..task("web") };
    let left = run(&cloud, with_token.clone()).await;
    let over = run(&cloud, task("web")).await;
    cloud.ok::<StopTask>(StopTaskRequest { task: over.clone(), reason: Some("enough".into()), ..Default::default() }).await;
    let again = cloud.restart();
    again.advance(60);
    let shown = described(&again, &left).await.unwrap();
    assert_eq!(end(&shown), ("TerminationNotice", "The server was restarted.", None));
    assert_eq!((shown.last_status.as_deref(), shown.stopped_at), (Some("STOPPED"), Some(again.now())));
    assert_eq!(shown.containers.unwrap()[0].managed_agents.as_ref().unwrap()[0].last_status.as_deref(), Some("STOPPED"));
    assert_eq!(end(&described(&again, &over).await.unwrap()), ("UserInitiated", "enough", Some(137)));
    assert_eq!((listed(&again, "RUNNING").await.len(), listed(&again, "STOPPED").await.len()), (0, 2));
    let execute = ExecuteCommandRequest { task: left.clone(), command: "sh".into(), interactive: true, ..Default::default() };
    assert!(again.expect_fault::<ExecuteCommand>(execute).await.message().contains("isn\u{2019}t running"));
    // The token is known still.
    let known = again.ok::<RunTask>(with_token).await.tasks.unwrap();
    assert_eq!((known[0].task_arn.as_ref(), known[0].last_status.as_deref()), (Some(&left), Some("STOPPED")));
    let next = run(&again, task("web")).await;
    again.advance(3_601);
    assert!(described(&again, &left).await.is_none() && described(&again, &next).await.is_some());
    again.ok::<StopTask>(StopTaskRequest { task: next, ..Default::default() }).await;
    again.ok::<DeleteCluster>(DeleteClusterRequest { cluster: "default".into() }).await;
    let last = again.restart();
    assert_eq!(format!("{:?}", last.state()), format!("{:?}", again.state()));
}

#[tokio::test]
async fn a_command_is_a_session_under_the_tasks_role() {
    let others = Arc::new(Others::default());
    let cloud = prepared(&others).await;
    let task_arn = run(&cloud, task("web")).await;
    let input = ExecuteCommandRequest { task: task_arn.clone(), command: "sh".into(), interactive: true, ..Default::default() };
    let answer = cloud.ok::<ExecuteCommand>(input).await;
    assert_eq!(answer.session.unwrap().session_id.as_deref(), Some("ecs-execute-command-1"));
    let [asked] = std::mem::take(&mut *others.sessions.lock()).try_into().unwrap();
    let id = task_arn.rsplit('/').next().unwrap();
    assert!(asked.target.starts_with(&format!("ecs:default_{id}_{id}-")), "{}", asked.target);
    assert_eq!((asked.command.as_str(), asked.role.as_str()), ("sh", "arn:aws:iam::000000000000:role/task"));
    assert_eq!(asked.environment.get("COLOUR").map(String::as_str), Some("blue"));
}

#[tokio::test]
async fn a_container_finds_the_keys_of_its_task() {
    let others = Arc::new(Others::default());
    let cloud = prepared(&others).await;
    run(&cloud, task("web")).await;
    let container = cloud.engine.0.lock().values().next().cloned().unwrap();
    let path = loop {
        let found = container.environment.lock().iter().find(|(name, _)| name == "AWS_CONTAINER_CREDENTIALS_FULL_URI").cloned();
        match found {
            Some((_, WorkerValue::HttpPath(path))) => break path,
            _ => tokio::task::yield_now().await,
        }
    };
    let ask = |path: &str| LocalRequest { method: "GET".into(), path: path.into(), ..LocalRequest::default() };
    let answer = container.http.answer(ask(&path)).await;
    let keys: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &keys["AccessKeyId"], &keys["Token"]), (200, &"ASIA".into(), &"k".into()));
    assert_eq!(container.http.answer(ask("/v2/credentials/other")).await.status, 404);
    assert_eq!(*others.roles.lock(), ["arn:aws:iam::000000000000:role/task as ecs-tasks.amazonaws.com"]);
}

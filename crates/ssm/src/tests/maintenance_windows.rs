//! Windows on a stopped clock, with functions and state machines that only answer.

use crate::{Options, service};
use cloudlet_api_lambda::{InvocationRequest, InvocationResponse, Invoke};
use cloudlet_api_ssm::*;
use cloudlet_api_states::{
    DescribeExecution, DescribeExecutionInput, DescribeExecutionOutput, StartExecution, StartExecutionInput, StartExecutionOutput,
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, NoWorkers, Permission, Permissions, Service};
use cloudlet_testing::{Builder, TestCloud};
use parking_lot::Mutex;
use std::sync::Arc;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

/// Remembers what was called, and says how state machines are.
#[derive(Default)]
struct Others {
    calls: Mutex<Vec<String>>,
    machine: Mutex<String>,
    function_error: Mutex<Option<String>>,
}

fn allowed(action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    Ok(Permission::action(action, Arn::parse(arn).unwrap()).into())
}

impl Handle<Invoke> for Others {
    fn permissions(&self, _: &Cx, _: &InvocationRequest) -> Result<Permissions, Fault> {
        allowed("lambda:InvokeFunction", FUNCTION)
    }
    async fn handle(&self, _: &Cx, input: InvocationRequest) -> Result<InvocationResponse, Fault> {
        self.calls.lock().push(format!("invoke {}", String::from_utf8_lossy(&input.payload.unwrap_or_default())));
        Ok(InvocationResponse { function_error: self.function_error.lock().clone(), ..Default::default() })
    }
}

impl Handle<StartExecution> for Others {
    fn permissions(&self, _: &Cx, _: &StartExecutionInput) -> Result<Permissions, Fault> {
        allowed("states:StartExecution", MACHINE)
    }
    async fn handle(&self, _: &Cx, input: StartExecutionInput) -> Result<StartExecutionOutput, Fault> {
        self.calls.lock().push(format!("start {}", input.input.unwrap_or_default()));
        Ok(StartExecutionOutput { execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(), ..Default::default() })
    }
}

impl Handle<DescribeExecution> for Others {
    fn permissions(&self, _: &Cx, _: &DescribeExecutionInput) -> Result<Permissions, Fault> {
        allowed("states:DescribeExecution", MACHINE)
    }
    async fn handle(&self, _: &Cx, _: DescribeExecutionInput) -> Result<DescribeExecutionOutput, Fault> {
        Ok(DescribeExecutionOutput { status: self.machine.lock().clone(), ..Default::default() })
    }
}

struct Fixture {
    cloud: TestCloud,
    others: Arc<Others>,
}

fn builder(others: &Arc<Others>) -> Builder {
    let (lambda, states) = (others.clone(), others.clone());
    TestCloud::builder()
        .service(|parts| service(&parts.journal, Arc::new(NoWorkers), Options::default()))
        .service(move |_| Service::of(&cloudlet_api_lambda::SERVICE, lambda.clone()).handles::<Invoke>().build())
        .service(move |_| {
            Service::of(&cloudlet_api_states::SERVICE, states.clone()).handles::<StartExecution>().handles::<DescribeExecution>().build()
        })
        // A Sunday, 11:00.
        .start(Timestamp::parse_any("2026-11-29T11:00:00Z").unwrap())
        .journaled()
}

fn fixture() -> Fixture {
    let others = Arc::new(Others { machine: Mutex::new("RUNNING".into()), ..Others::default() });
    Fixture { cloud: builder(&others).build(), others }
}

fn window(schedule: &str) -> CreateMaintenanceWindowRequest {
    CreateMaintenanceWindowRequest {
        name: "window".into(),
        schedule: schedule.into(),
        duration: 2,
        cutoff: 1,
        allow_unassociated_targets: true,
        ..Default::default()
    }
}

fn function(window: &str, payload: &str, priority: i32) -> RegisterTaskWithMaintenanceWindowRequest {
    let lambda = MaintenanceWindowLambdaParameters { payload: Some(payload.to_owned().into_bytes().into()), ..Default::default() };
    RegisterTaskWithMaintenanceWindowRequest {
        window_id: window.into(),
        task_arn: FUNCTION.into(),
        task_type: "LAMBDA".into(),
        priority: Some(priority),
        task_invocation_parameters: Some(MaintenanceWindowTaskInvocationParameters { lambda: Some(lambda), ..Default::default() }),
        ..Default::default()
    }
}

fn machine(window: &str, priority: i32) -> RegisterTaskWithMaintenanceWindowRequest {
    let parameters = MaintenanceWindowStepFunctionsParameters { input: Some(r#"{"window":"{{WINDOW_ID}}"}"#.into()), ..Default::default() };
    RegisterTaskWithMaintenanceWindowRequest {
        task_arn: MACHINE.into(),
        task_type: "STEP_FUNCTIONS".into(),
        priority: Some(priority),
        task_invocation_parameters: Some(MaintenanceWindowTaskInvocationParameters { step_functions: Some(parameters), ..Default::default() }),
        ..function(window, "", 1)
    }
}

fn instances(ids: &[&str]) -> Option<Vec<Target>> {
    Some(vec![Target { key: Some("InstanceIds".into()), values: Some(ids.iter().map(|id| (*id).to_owned()).collect()) }])
}

async fn create(cloud: &TestCloud, input: CreateMaintenanceWindowRequest) -> String {
    cloud.ok::<CreateMaintenanceWindow>(input).await.window_id.unwrap()
}

async fn executions(cloud: &TestCloud, window: &str) -> Vec<MaintenanceWindowExecution> {
    let input = DescribeMaintenanceWindowExecutionsRequest { window_id: window.into(), ..Default::default() };
    cloud.ok::<DescribeMaintenanceWindowExecutions>(input).await.window_executions.unwrap()
}

async fn statuses(cloud: &TestCloud, window: &str) -> Vec<String> {
    executions(cloud, window).await.into_iter().map(|execution| execution.status.unwrap()).collect()
}

async fn next(cloud: &TestCloud, window: &str) -> Option<String> {
    cloud.ok::<GetMaintenanceWindow>(GetMaintenanceWindowRequest { window_id: window.into() }).await.next_execution_time
}

#[tokio::test]
async fn a_window_runs_its_tasks_by_priority_when_it_opens() {
    let Fixture { cloud, others } = fixture();
    let id =
        create(&cloud, CreateMaintenanceWindowRequest { schedule_timezone: Some("Europe/Berlin".into()), ..window("cron(0 14 ? * SUN *)") }).await;
    assert_eq!(next(&cloud, &id).await.as_deref(), Some("2026-11-29T14:00+01:00"));
    let per_node = RegisterTaskWithMaintenanceWindowRequest {
        targets: instances(&["i-1", "i-2"]),
        max_concurrency: Some("1".into()),
        max_errors: Some("0".into()),
        ..function(&id, "{{RESOURCE_ID}}", 5)
    };
    cloud.ok::<RegisterTaskWithMaintenanceWindow>(per_node).await;
    cloud.ok::<RegisterTaskWithMaintenanceWindow>(machine(&id, 1)).await;
    cloud.pass(7_199).await;
    assert!(others.calls.lock().is_empty());
    cloud.pass(1).await;
    assert_eq!(*others.calls.lock(), [format!(r#"start {{"window":"{id}"}}"#)]);
    assert_eq!(statuses(&cloud, &id).await, ["IN_PROGRESS"]);
    *others.machine.lock() = "SUCCEEDED".into();
    cloud.pass(15).await;
    assert_eq!(others.calls.lock()[1..], ["invoke i-1", "invoke i-2"]);
    assert_eq!(statuses(&cloud, &id).await, ["SUCCESS"]);
    assert_eq!(next(&cloud, &id).await.as_deref(), Some("2026-12-06T14:00+01:00"));
    let execution = executions(&cloud, &id).await[0].window_execution_id.clone().unwrap();
    let tasks = DescribeMaintenanceWindowExecutionTasksRequest { window_execution_id: execution.clone(), ..Default::default() };
    let tasks = cloud.ok::<DescribeMaintenanceWindowExecutionTasks>(tasks).await.window_execution_task_identities.unwrap();
    assert_eq!(tasks.iter().map(|task| task.task_type.as_deref().unwrap()).collect::<Vec<_>>(), ["STEP_FUNCTIONS", "LAMBDA"]);
    let of_task = DescribeMaintenanceWindowExecutionTaskInvocationsRequest {
        window_execution_id: execution,
        task_id: tasks[1].task_execution_id.clone().unwrap(),
        ..Default::default()
    };
    let invocations =
        cloud.ok::<DescribeMaintenanceWindowExecutionTaskInvocations>(of_task).await.window_execution_task_invocation_identities.unwrap();
    assert_eq!(invocations.iter().map(|one| one.status.as_deref().unwrap()).collect::<Vec<_>>(), ["SUCCESS", "SUCCESS"]);
}

#[tokio::test]
async fn errors_overlaps_the_cutoff_and_cancellation() {
    let Fixture { cloud, others } = fixture();
    // Errors stop the rest.
    let id = create(&cloud, window("rate(1 day)")).await;
    *others.function_error.lock() = Some("Unhandled".into());
    let task = RegisterTaskWithMaintenanceWindowRequest {
        targets: instances(&["i-1", "i-2", "i-3"]),
        max_concurrency: Some("1".into()),
        max_errors: Some("1".into()),
        ..function(&id, "{{ RESOURCE_ID }}", 1)
    };
    cloud.ok::<RegisterTaskWithMaintenanceWindow>(task).await;
    cloud.pass(86_400).await;
    assert_eq!(*others.calls.lock(), ["invoke i-1", "invoke i-2"]);
    assert_eq!(statuses(&cloud, &id).await, ["FAILED"]);
    cloud.ok::<DeleteMaintenanceWindow>(DeleteMaintenanceWindowRequest { window_id: id }).await;
    // One that runs keeps the next from beginning; at the cutoff, what has not begun is late.
    let id = create(&cloud, window("rate(30 minutes)")).await;
    cloud.ok::<RegisterTaskWithMaintenanceWindow>(machine(&id, 1)).await;
    cloud.ok::<RegisterTaskWithMaintenanceWindow>(function(&id, "late", 2)).await;
    cloud.pass(1_800).await;
    cloud.pass(1_800).await;
    assert_eq!(statuses(&cloud, &id).await, ["SKIPPED_OVERLAPPING", "IN_PROGRESS"]);
    cloud.ok::<UpdateMaintenanceWindow>(UpdateMaintenanceWindowRequest { window_id: id.clone(), enabled: Some(false), ..Default::default() }).await;
    assert_eq!(next(&cloud, &id).await, None);
    cloud.pass(1_800).await;
    *others.machine.lock() = "SUCCEEDED".into();
    cloud.pass(15).await;
    assert_eq!(statuses(&cloud, &id).await, ["SKIPPED_OVERLAPPING", "TIMED_OUT"]);
    assert!(!others.calls.lock().contains(&"invoke late".to_owned()));
    // What is cancelled ends when what runs has ended.
    *others.machine.lock() = "RUNNING".into();
    cloud.ok::<UpdateMaintenanceWindow>(UpdateMaintenanceWindowRequest { window_id: id.clone(), enabled: Some(true), ..Default::default() }).await;
    cloud.pass(1_800).await;
    let execution = executions(&cloud, &id).await[0].window_execution_id.clone().unwrap();
    cloud.ok::<CancelMaintenanceWindowExecution>(CancelMaintenanceWindowExecutionRequest { window_execution_id: execution }).await;
    cloud.settle().await;
    assert_eq!(statuses(&cloud, &id).await[0], "CANCELLING");
    *others.machine.lock() = "SUCCEEDED".into();
    cloud.pass(15).await;
    assert_eq!(statuses(&cloud, &id).await[0], "CANCELLED");
}

#[tokio::test]
async fn an_execution_goes_on_after_a_restart() {
    let Fixture { cloud, others } = fixture();
    let id = create(&cloud, window("rate(1 hour)")).await;
    cloud.ok::<RegisterTaskWithMaintenanceWindow>(machine(&id, 1)).await;
    cloud.pass(3_600).await;
    assert_eq!(statuses(&cloud, &id).await, ["IN_PROGRESS"]);
    let restarted = cloud.restart();
    *others.machine.lock() = "SUCCEEDED".into();
    restarted.pass(15).await;
    assert_eq!(statuses(&restarted, &id).await, ["SUCCESS"]);
    assert_eq!(others.calls.lock().len(), 1, "it was begun once");
    restarted.pass(3_600).await;
    restarted.pass(1).await;
    assert_eq!(statuses(&restarted, &id).await, ["SUCCESS", "SUCCESS"]);
}

#[tokio::test]
async fn schedules_targets_and_what_is_refused() {
    let Fixture { cloud, .. } = fixture();
    let missing = GetMaintenanceWindowRequest { window_id: "mw-00000000000000000".into() };
    let fault = cloud.expect_fault::<GetMaintenanceWindow>(missing).await;
    assert_eq!((fault.name(), fault.message()), ("DoesNotExistException", "Maintenance window mw-00000000000000000 does not exist"));
    for input in [
        window("sometimes"),
        CreateMaintenanceWindowRequest { schedule_offset: Some(2), ..window("rate(1 day)") },
        CreateMaintenanceWindowRequest { schedule_timezone: Some("Mars".into()), ..window("rate(1 day)") },
        CreateMaintenanceWindowRequest { cutoff: 2, ..window("rate(1 day)") },
        CreateMaintenanceWindowRequest {
            start_date: Some("2027-01-01T00:00:00Z".into()),
            end_date: Some("2026-01-01T00:00:00Z".into()),
            ..window("rate(1 day)")
        },
        CreateMaintenanceWindowRequest { end_date: Some("2019-01-01T00:00:00Z".into()), ..window("rate(1 day)") },
    ] {
        assert_eq!(cloud.expect_fault::<CreateMaintenanceWindow>(input).await.name(), "ValidationException");
    }
    let with_token = CreateMaintenanceWindowRequest { client_token: Some("token".into()), ..window("rate(1 day)") };
    let id = create(&cloud, with_token.clone()).await;
    assert_eq!(create(&cloud, with_token.clone()).await, id);
    let other = CreateMaintenanceWindowRequest { duration: 5, ..with_token };
    assert_eq!(cloud.expect_fault::<CreateMaintenanceWindow>(other).await.name(), "IdempotentParameterMismatch");
    let ends = CreateMaintenanceWindowRequest {
        start_date: Some("2026-12-01T00:00:00Z".into()),
        end_date: Some("2026-12-03T00:00:00Z".into()),
        ..window("cron(0 0 * * ? *)")
    };
    let bounded = create(&cloud, ends).await;
    let schedule = DescribeMaintenanceWindowScheduleRequest { window_id: Some(bounded.clone()), ..Default::default() };
    let times = cloud.ok::<DescribeMaintenanceWindowSchedule>(schedule).await.scheduled_window_executions.unwrap();
    let times: Vec<_> = times.into_iter().map(|one| one.execution_time.unwrap()).collect();
    assert_eq!(times, ["2026-12-01T00:00Z", "2026-12-02T00:00Z", "2026-12-03T00:00Z"]);
    // One that is over can be named otherwise, and end later, but not earlier.
    let change = |end: Option<&str>| UpdateMaintenanceWindowRequest {
        window_id: bounded.clone(),
        description: Some("over".into()),
        schedule_timezone: Some("Etc/UTC".into()),
        end_date: end.map(str::to_owned),
        ..Default::default()
    };
    let later = cloudlet_aws::Timestamp::parse_any("2027-01-01T00:00:00Z").unwrap();
    cloud.advance_millis(u64::try_from(later.millis() - cloud.now().millis()).unwrap());
    cloud.ok::<UpdateMaintenanceWindow>(change(None)).await;
    assert_eq!(cloud.expect_fault::<UpdateMaintenanceWindow>(change(Some("2026-12-04T00:00:00Z"))).await.name(), "ValidationException");
    cloud.ok::<UpdateMaintenanceWindow>(change(Some("2028-12-03T00:00:00Z"))).await;
    let target = RegisterTargetWithMaintenanceWindowRequest {
        window_id: bounded.clone(),
        resource_type: "INSTANCE".into(),
        targets: instances(&["i-1"]).unwrap(),
        ..Default::default()
    };
    let target = cloud.ok::<RegisterTargetWithMaintenanceWindow>(target).await.window_target_id.unwrap();
    let of_target =
        DescribeMaintenanceWindowsForTargetRequest { targets: instances(&["i-1"]).unwrap(), resource_type: "INSTANCE".into(), ..Default::default() };
    let windows = cloud.ok::<DescribeMaintenanceWindowsForTarget>(of_target).await.window_identities.unwrap();
    assert_eq!(windows.iter().map(|window| window.window_id.as_deref().unwrap()).collect::<Vec<_>>(), [&*bounded]);
    let task = RegisterTaskWithMaintenanceWindowRequest {
        targets: Some(vec![Target { key: Some("WindowTargetIds".into()), values: Some(vec![target.clone()]) }]),
        max_concurrency: Some("1".into()),
        max_errors: Some("1".into()),
        ..function(&bounded, "", 1)
    };
    cloud.ok::<RegisterTaskWithMaintenanceWindow>(task).await;
    let safe = DeregisterTargetFromMaintenanceWindowRequest { window_id: bounded, window_target_id: target, safe: Some(true) };
    assert_eq!(cloud.expect_fault::<DeregisterTargetFromMaintenanceWindow>(safe).await.name(), "TargetInUseException");
    let command =
        RegisterTaskWithMaintenanceWindowRequest { task_type: "RUN_COMMAND".into(), task_invocation_parameters: None, ..function(&id, "", 1) };
    assert_eq!(cloud.expect_fault::<RegisterTaskWithMaintenanceWindow>(command).await.name(), "ValidationException");
}

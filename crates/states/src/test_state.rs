//! TestState: one state of a definition by itself.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html>

use crate::{
    PRINCIPAL, States,
    executions::checked_input,
    faults, machines,
    sdk::{
        integrations,
        mock_result::{MockResult, Strictness, check_known},
    },
    state::NamedKey,
    sync::Run,
};
use cloudlet_api_states::*;
use cloudlet_asl::{
    definition::{self, Definition, Detail, Integration, Pattern, Resource, StateType, WorkflowType, parse_json},
    machine::{Execution, Failure, Machine, TestMock, TestOutcome, TestRequest, TestStatus},
    text::to_text,
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, handler, roles};
use cloudlet_shape::Mismatch;
use serde_json::{Map, Value};

type State = definition::State;

/// AWS: a test runs for five minutes.
const LONGEST_SECONDS: i64 = 300;

fn refused(text: impl Into<String>) -> Fault {
    faults::VALIDATION.says(text)
}

fn role_of(input: &TestStateInput) -> Result<Option<Arn>, Fault> {
    let Some(role) = &input.role_arn else { return Ok(None) };
    let arn = Arn::parse(role).filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    arn.map(Some).ok_or_else(|| faults::wrong_arn(role))
}

handler!(
    States,
    TestState,
    |states, cx, input| {
        let mut permissions = Permission::of::<TestState>(Arn::any())
            .owned_by(cx.scope.account)
            .and([input.reveal_secrets.unwrap_or(false).then_some("states:RevealSecrets")]);
        permissions.extend(role_of(input)?.map(|role| roles::pass_role(role, PRINCIPAL, None)));
        Ok(permissions)
    },
    |states, cx, input| states.test_state(cx, input).await
);

/// A JSON object of a field.
fn object(text: Option<&String>, field: &str) -> Result<Option<Map<String, Value>>, Fault> {
    let Some(text) = text else { return Ok(None) };
    match parse_json(text) {
        Ok(Value::Object(fields)) => Ok(Some(fields)),
        // AWS: unverified wording.
        _ => Err(refused(format!("{field} must be a valid JSON object"))),
    }
}

impl States {
    async fn test_state(&self, cx: &Cx, input: TestStateInput) -> Result<TestStateOutput, Fault> {
        let level = input.inspection_level.as_deref().unwrap_or("INFO");
        let role = role_of(&input)?;
        let text = checked_input(input.input.as_ref())?;
        let services = cx.services()?;
        let lookup = |integration: &Integration| integrations::exists(&services, integration);
        let read = if input.state_name.is_some() { definition::check } else { definition::check_state };
        let (definition, diagnostics) = read(&input.definition, WorkflowType::Standard, &lookup);
        let definition = definition.ok_or_else(|| faults::INVALID_DEFINITION.says(definition::sentence(&diagnostics)))?;
        let state = definition.find(input.state_name.as_deref()).ok_or_else(|| refused("State not found in definition"))?;
        let mock = mock_of(&input, state)?;
        let configuration = input.state_configuration.clone().unwrap_or_default();
        if mock.is_none() {
            if configuration.map_iteration_failure_count.is_some() {
                return Err(refused("TestState does not support MapIterationFailureCount when a mock is not specified."));
            }
            needs_no_mock(state, role.is_some())?;
            if input.context.is_some() {
                // AWS: unverified wording.
                return Err(refused("TestState does not support Context when a mock is not specified."));
            }
        }
        if let Some(TestMock::Result(result)) = &mock {
            check_result(cx, &services, state, result, input.mock.as_ref().and_then(|mock| mock.field_validation_mode.as_deref()))?;
        }
        let context = object(input.context.as_ref(), "Context object")?;
        if let Some(context) = &context {
            check_context(context, state)?;
        }
        if let Some(role) = role.as_ref().filter(|_| mock.is_none()) {
            machines::check_role(cx, role.as_str(), &Arn::any()).await?;
        }
        let (machine, name) = (cx.ids().uuid(), cx.ids().uuid());
        let key = NamedKey::new(&cx.scope, &machine);
        let execution = Execution {
            // AWS: without the third part that other EXPRESS executions have (recorded).
            arn: Arn::new("states", &cx.scope, &format!("express:{machine}:{name}")).to_string(),
            name: name.clone(),
            role_arn: role.map(|role| role.to_string()).unwrap_or_default(),
            machine_arn: key.machine_arn().to_string(),
            machine_name: machine,
            region: cx.scope.region.to_string(),
            express: true,
            ..Execution::default()
        };
        let request = TestRequest {
            state: input.state_name.clone(),
            input: serde_json::from_str(&text).unwrap_or_default(),
            variables: object(input.variables.as_ref(), "Variables")?.unwrap_or_default(),
            context: context.map(Value::Object),
            mock,
            retries: configuration.retrier_retry_count.unwrap_or(0).into(),
            failures: configuration.map_iteration_failure_count.map(i64::from),
            caused_by: configuration.error_caused_by_state,
            reader_data: configuration.map_item_reader_data,
        };
        let now = cx.clock().now();
        let role_arn = execution.role_arn.clone();
        let (machine, effects) = Machine::test(&definition, execution, request, cx.ids().number(), now.millis()).map_err(refused)?;
        let outcome = self.run_test(cx, &definition, machine, effects, &key, &name, &role_arn).await?;
        let mock = input.mock.as_ref().and_then(|mock| mock.result.as_deref());
        Ok(answer(outcome, level, &[&text, mock.unwrap_or_default()]))
    }

    #[expect(clippy::too_many_arguments, reason = "what a call of a Task says of its execution")]
    async fn run_test(
        &self,
        cx: &Cx,
        definition: &Definition,
        machine: Machine,
        effects: Vec<cloudlet_asl::machine::Effect>,
        key: &NamedKey,
        name: &str,
        role: &str,
    ) -> Result<TestOutcome, Fault> {
        if let Some(outcome) = machine.test_outcome() {
            return Ok(outcome);
        }
        let machine_arn = key.machine_arn();
        let until = cx.clock().now().plus_secs(LONGEST_SECONDS);
        let run = Run { definition, machine: &machine_arn, role, session: name, trace: None, until };
        let (machine, _, _) = self.run_machine(cx, &run, machine, effects, None).await;
        let timed_out = || TestOutcome {
            status: TestStatus::Failed,
            next: None,
            output: None,
            failure: Some(Failure { error: Some("States.Timeout".to_owned()), ..Failure::default() }),
            data: Map::new(),
        };
        Ok(machine.test_outcome().unwrap_or_else(timed_out))
    }
}

fn mock_of(input: &TestStateInput, state: &State) -> Result<Option<TestMock>, Fault> {
    let Some(mock) = &input.mock else { return Ok(None) };
    if !matches!(state.kind, StateType::Task | StateType::Map | StateType::Parallel) {
        return Err(refused(format!("State type '{}' is not supported when a mock is specified", state.kind.name())));
    }
    if input.reveal_secrets.unwrap_or(false) {
        return Err(refused("TestState does not support RevealSecrets when a mock is specified."));
    }
    match (&mock.result, &mock.error_output) {
        (Some(result), None) => match parse_json(result) {
            Ok(result) => Ok(Some(TestMock::Result(result))),
            Err(_) => Err(refused("Mocked result must be valid JSON")),
        },
        (None, Some(error)) => Ok(Some(TestMock::Failure(Failure { error: error.error.clone(), cause: error.cause.clone(), ..Failure::default() }))),
        // AWS: unverified for a mock with neither.
        _ => Err(refused("A test mock should have only one of the following fields: [result, errorOutput].")),
    }
}

/// Which states run without a mock.
fn needs_no_mock(state: &State, has_role: bool) -> Result<(), Fault> {
    match &state.detail {
        Detail::Map(_) | Detail::Parallel { .. } => {
            let text =
                "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]";
            Err(faults::INVALID_DEFINITION.says(text))
        }
        Detail::Task { resource, .. } => {
            if matches!(resource, Resource::Activity(_)) || resource.pattern() != Pattern::RequestResponse {
                // AWS: unverified wording.
                let text = "TestState API does not support Activity tasks, or the .sync and .waitForTaskToken service integration patterns, when a mock is not specified.";
                return Err(faults::INVALID_DEFINITION.says(text));
            }
            // AWS: unverified wording.
            if has_role { Ok(()) } else { Err(refused("RoleArn must be specified when testing a Task state")) }
        }
        _ => Ok(()),
    }
}

/// What a context object has.
const CONTEXT: [(&str, &[&str]); 4] = [
    ("Execution", &["Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"]),
    ("State", &["EnteredTime", "Name", "RetryCount"]),
    ("StateMachine", &["Id", "Name"]),
    ("Task", &["Token"]),
];

/// A context object that a test brings along.
fn check_context(context: &Map<String, Value>, state: &State) -> Result<(), Fault> {
    let wrong = |text: String| Err(refused(format!("Invalid Context object provided: {text}")));
    for name in context.keys() {
        match name.as_str() {
            "Execution" | "State" | "StateMachine" => {}
            "Map" => return wrong("'Map' field is not supported when mocking a Context object".to_owned()),
            "Task" => {
                let waits = matches!(&state.detail, Detail::Task { resource, .. } if resource.pattern() != Pattern::RequestResponse || matches!(resource, Resource::Activity(_)));
                if !waits {
                    let text = "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern";
                    return wrong(text.to_owned());
                }
            }
            other => return wrong(format!("Field '{other}' is not allowed")),
        }
    }
    for (name, members) in CONTEXT {
        let Some(value) = context.get(name) else { continue };
        let Some(fields) = value.as_object() else { return wrong(format!("{name} must be a object")) };
        for (member, value) in fields {
            if !members.contains(&member.as_str()) {
                return wrong(format!("Field '{member}' is not allowed"));
            }
            let (fits, wanted) = match member.as_str() {
                "Input" => (true, ""),
                "RetryCount" | "RedriveCount" => (value.is_i64() || value.is_u64(), "integer"),
                _ => (value.is_string(), "string"),
            };
            if !fits {
                return wrong(format!("{name}.{member} must be a {wanted}"));
            }
        }
    }
    Ok(())
}

/// A mocked result must have the shape of the answer it stands in for.
fn check_result(
    cx: &Cx,
    services: &[&'static cloudlet_shape::ServiceSchema],
    state: &State,
    result: &Value,
    mode: Option<&str>,
) -> Result<(), Fault> {
    let strictness = match mode {
        Some("NONE") => return Ok(()),
        Some("PRESENT") => Strictness::Present,
        _ => Strictness::Strict,
    };
    let Detail::Task { resource: Resource::Service(integration), .. } = &state.detail else { return Ok(()) };
    // A job's result is what it is asked for at last.
    let polled = match (integration.service.as_str(), integration.pattern) {
        ("states", Pattern::Sync | Pattern::Sync2) => Integration { action: "describeExecution".to_owned(), ..integration.clone() },
        (_, Pattern::Sync | Pattern::Sync2) => return Ok(()),
        _ => integration.clone(),
    };
    // AWS: a callback's result is what is sent with its token, which can be anything.
    if integration.pattern == Pattern::WaitForTaskToken {
        return Ok(());
    }
    let wrong = |text: String| Err(refused(format!("Mock result schema validation error: {text}")));
    let read = match integrations::operation(services, &polled) {
        Some(operation) => cx.read_output_named(operation, &mut MockResult::new(result, strictness))?,
        None => None,
    };
    match read {
        Some(Ok(_)) => Ok(()),
        Some(Err(Mismatch::Malformed(text))) => wrong(text),
        Some(Err(Mismatch::Wrong { wanted, at })) => wrong(format!("Field '{at}' must be {wanted}")),
        None => check_known(&integration.service, &integration.action, result).or_else(wrong),
    }
}

/// AWS: a value that was given and is not changed keeps its white space (recorded of arrays).
fn as_given(text: String, given: &[&str]) -> String {
    if !text.starts_with(['[', '{']) {
        return text;
    }
    let Ok(value) = serde_json::from_str::<Value>(&text) else { return text };
    given.iter().find_map(|given| place_of(&value, given)).map_or(text, str::to_owned)
}

/// So many places of a text are looked at.
const MOST_PLACES: usize = 200;

/// Where a text holds an array or object.
fn place_of<'t>(value: &Value, text: &'t str) -> Option<&'t str> {
    let begins = if value.is_array() { '[' } else { '{' };
    text.match_indices(begins).take(MOST_PLACES).find_map(|(start, _)| {
        let rest = text.get(start..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let found = values.next()?.ok()?;
        (found == *value).then(|| rest.get(..values.byte_offset())).flatten()
    })
}

fn answer(outcome: TestOutcome, level: &str, given: &[&str]) -> TestStateOutput {
    let failure = outcome.failure.unwrap_or_default();
    let status = match outcome.status {
        TestStatus::Succeeded => "SUCCEEDED",
        TestStatus::Failed => "FAILED",
        TestStatus::Retriable => "RETRIABLE",
        TestStatus::CaughtError => "CAUGHT_ERROR",
    };
    TestStateOutput {
        output: outcome.output.as_ref().map(|output| as_given(to_text(output), given)),
        error: failure.error,
        cause: failure.cause,
        inspection_data: (level != "INFO").then(|| inspection(&outcome.data, given)),
        next_state: outcome.next,
        status: Some(status.to_owned()),
    }
}

fn inspection(data: &Map<String, Value>, given: &[&str]) -> InspectionData {
    let text = |name: &str| data.get(name).and_then(Value::as_str).map(|text| as_given(text.to_owned(), given));
    let number = |value: Option<&Value>| value.and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    let details = data.get("errorDetails");
    let detail = |name: &str| number(details.and_then(|details| details.get(name)));
    InspectionData {
        input: text("input"),
        after_arguments: text("afterArguments"),
        after_input_path: text("afterInputPath"),
        after_parameters: text("afterParameters"),
        result: text("result"),
        after_result_selector: text("afterResultSelector"),
        after_result_path: text("afterResultPath"),
        request: None,
        response: None,
        variables: text("variables"),
        error_details: details.map(|_| InspectionErrorDetails {
            catch_index: detail("catchIndex"),
            retry_index: detail("retryIndex"),
            retry_backoff_interval_seconds: detail("retryBackoffIntervalSeconds"),
        }),
        after_items_path: text("afterItemsPath"),
        after_item_selector: text("afterItemSelector"),
        after_item_batcher: text("afterItemBatcher"),
        after_items_pointer: text("afterItemsPointer"),
        tolerated_failure_count: number(data.get("toleratedFailureCount")),
        tolerated_failure_percentage: data.get("toleratedFailurePercentage").and_then(Value::as_f64),
        max_concurrency: number(data.get("maxConcurrency")),
    }
}

use super::*;
use crate::definition::{WorkflowType, read};
use proptest::prelude::*;
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// Runs a machine: answers calls from a script, moves the clock, and writes the machine down after every step.
struct Runner {
    definition: Definition,
    machine: Machine,
    now: i64,
    timers: BTreeMap<(i64, u64), ()>,
    calls: Vec<Call>,
    runs: Vec<MapRunRequest>,
    history: Vec<HistoryEvent>,
    ended: Option<(Status, Option<Value>, Option<Failure>)>,
    more: bool,
}

fn definition(states: Value, fields: Value) -> Definition {
    let start = states.as_object().unwrap().keys().next().unwrap().clone();
    let mut whole = json!({"StartAt": start, "States": states});
    whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    read(&whole.to_string(), WorkflowType::Standard, &|_| true).unwrap()
}

impl Runner {
    fn new(definition: Definition, input: &str) -> Runner {
        let execution = Execution {
            arn: "arn".to_owned(),
            name: "e".to_owned(),
            role_arn: "role".to_owned(),
            region: "us-east-1".to_owned(),
            ..Execution::default()
        };
        let (machine, effects) = Machine::start(&definition, execution, input, 5, 0).unwrap();
        let mut runner = Runner {
            definition,
            machine,
            now: 0,
            timers: BTreeMap::new(),
            calls: Vec::new(),
            runs: Vec::new(),
            history: Vec::new(),
            ended: None,
            more: false,
        };
        runner.take(effects);
        runner
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Call(call) => self.calls.push(call),
                Effect::Cancel { task } => self.calls.retain(|call| call.task != task),
                Effect::Timer { timer, due } => {
                    self.timers.insert((due, timer), ());
                }
                Effect::History(event) => {
                    assert_eq!(event.id, self.history.len() as u64 + 1);
                    assert!(event.previous < event.id);
                    self.history.push(event);
                }
                Effect::MapRun(run) => self.runs.push(*run),
                Effect::CancelMapRun { run } => self.runs.retain(|own| own.run != run),
                Effect::Continue => self.more = true,
                Effect::Ended { status, output, failure } => self.ended = Some((status, output.map(|output| output.value), failure)),
            }
        }
        let text = serde_json::to_string(&self.machine).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&text).unwrap(), self.machine);
        self.machine = serde_json::from_str(&text).unwrap();
    }

    fn step(&mut self, event: Event) {
        let effects = self.machine.step(&self.definition, event, self.now);
        self.take(effects);
        while std::mem::take(&mut self.more) {
            let effects = self.machine.step(&self.definition, Event::Continue, self.now);
            self.take(effects);
        }
    }

    fn answer(&mut self, output: Value) -> &mut Runner {
        let call = self.calls.remove(0);
        self.step(Event::Answered { task: call.task, output });
        self
    }

    fn fail(&mut self, error: &str) -> &mut Runner {
        let call = self.calls.remove(0);
        self.step(Event::Failed { task: call.task, failure: Failure::new(error, "why") });
        self
    }

    fn fire(&mut self) -> bool {
        let Some((key, ())) = self.timers.pop_first() else { return false };
        self.now = self.now.max(key.0);
        self.step(Event::Fired { timer: key.1 });
        true
    }

    fn output(&self) -> Value {
        match &self.ended {
            Some((Status::Succeeded, Some(output), _)) => output.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn failure(&self) -> (String, String) {
        match &self.ended {
            Some((_, None, Some(failure))) => (failure.error.clone().unwrap_or_default(), failure.cause.clone().unwrap_or_default()),
            other => panic!("{other:?}"),
        }
    }

    fn kinds(&self) -> Vec<(u64, u64, &str)> {
        self.history.iter().map(|event| (event.id, event.previous, event.kind.as_str())).collect()
    }
}

fn run(states: Value, input: Value) -> Runner {
    Runner::new(definition(states, json!({})), &input.to_string())
}

const TASK: &str = "arn:aws:states:::sqs:sendMessage";
/// It takes any parameters.
const SDK_TASK: &str = "arn:aws:states:::aws-sdk:sqs:sendMessage";

#[test]
fn a_pass_state_and_its_history() {
    let runner =
        Runner::new(definition(json!({"P": {"Type": "Pass", "Result": {"x": 1}, "ResultPath": "$.r", "End": true}}), json!({})), "{ \"a\":  1 }");
    assert_eq!(runner.output(), json!({"a": 1, "r": {"x": 1}}));
    assert_eq!(runner.kinds(), [(1, 0, "ExecutionStarted"), (2, 0, "PassStateEntered"), (3, 2, "PassStateExited"), (4, 3, "ExecutionSucceeded")]);
    assert_eq!(
        runner.history[1].details,
        Some(("stateEnteredEventDetails", json!({"name": "P", "input": "{ \"a\":  1 }", "inputDetails": {"truncated": false}})))
    );
    assert_eq!(
        runner.history[2].details,
        Some(("stateExitedEventDetails", json!({"name": "P", "output": "{\"a\":1,\"r\":{\"x\":1}}", "outputDetails": {"truncated": false}})))
    );
}

#[test]
fn the_pipeline_of_a_task() {
    let mut runner = run(
        json!({"T": {"Type": "Task", "Resource": SDK_TASK, "InputPath": "$.in", "Parameters": {"b.$": "$.a", "n.$": "$$.State.Name"}, "ResultSelector": {"id.$": "$.Id"}, "ResultPath": "$.out", "OutputPath": "$", "Assign": {"v.$": "$.Id"}, "Next": "P"},
               "P": {"Type": "Pass", "Parameters": {"v.$": "$v", "all.$": "$"}, "End": true}}),
        json!({"in": {"a": 1}}),
    );
    assert_eq!(runner.calls[0].input, json!({"b": 1, "n": "T"}));
    runner.answer(json!({"Id": 7, "X": 1}));
    assert_eq!(runner.output(), json!({"v": 7, "all": {"in": {"a": 1}, "out": {"id": 7}}}));
    let kinds: Vec<_> = runner.kinds().iter().map(|(_, _, kind)| *kind).collect();
    assert_eq!(kinds[1..6], ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]);
    assert_eq!(runner.history[5].details.as_ref().unwrap().1["assignedVariables"], json!({"v": "7"}));
}

#[test]
fn jsonata_arguments_output_and_variables() {
    let states = json!({"T": {"Type": "Task", "Resource": SDK_TASK, "Arguments": {"m": "{% $states.input.a + 1 %}"}, "Output": {"r": "{% $states.result.x %}", "i": "{% $states.input %}"}, "Assign": {"v": "{% $states.result %}"}, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% $v.x = 5 %}", "Next": "S", "Output": "{% $v %}"}], "Default": "F"}, "S": {"Type": "Succeed"}, "F": {"Type": "Fail"}});
    let mut runner = Runner::new(definition(states, json!({"QueryLanguage": "JSONata"})), "{\"a\":1}");
    assert_eq!(runner.calls[0].input, json!({"m": 2}));
    runner.answer(json!({"x": 5}));
    assert_eq!(runner.output(), json!({"x": 5}));
}

#[test]
fn an_undefined_expression_fails_with_an_event() {
    let runner = Runner::new(
        definition(
            json!({"State0": {"Type": "Pass", "Output": {"result": "{% $doesNotExist %}"}, "End": true}}),
            json!({"QueryLanguage": "JSONata"}),
        ),
        "{}",
    );
    let cause = "An error occurred while executing the state 'State0' (entered at the event id #2). The JSONata expression '$doesNotExist' specified for the field 'Output/result' returned nothing (undefined).";
    assert_eq!(runner.failure(), ("States.QueryEvaluationError".to_owned(), cause.to_owned()));
    assert_eq!(runner.kinds()[2..], [(3, 0, "EvaluationFailed"), (4, 3, "ExecutionFailed")]);
    assert_eq!(runner.history[2].details.as_ref().unwrap().1["location"], "Output/result");
}

#[test]
fn recorded_causes() {
    for (states, error, detail) in [
        (
            json!({"s": {"Type": "Pass", "InputPath": "$.NoSuchInputPath", "End": true}}),
            "States.Runtime",
            "Invalid path '$.NoSuchInputPath' : No results for path: $['NoSuchInputPath']",
        ),
        (
            json!({"s": {"Type": "Pass", "OutputPath": "$.no.such.result.path", "End": true}}),
            "States.Runtime",
            "Invalid path '$.no.such.result.path' : Missing property in path $['no']",
        ),
        (
            json!({"s": {"Type": "Wait", "SecondsPath": "$.w", "End": true}}),
            "States.Runtime",
            "The SecondsPath parameter cannot be parsed as a long value: $.w == 1.5",
        ),
        (
            json!({"s": {"Type": "Wait", "SecondsPath": "$.m", "End": true}}),
            "States.Runtime",
            "The SecondsPath parameter references a negative value: $.m == -1",
        ),
        (
            json!({"s": {"Type": "Fail", "ErrorPath": "$.ErrorX"}}),
            "States.Runtime",
            "The JSONPath '$.ErrorX' specified for the field 'ErrorPath' could not be found in the input '{\"w\":1.5,\"m\":-1}'",
        ),
        (
            json!({"s": {"Type": "Choice", "Choices": [{"Variable": "$.w", "NumericEquals": 1, "Next": "e"}]}, "e": {"Type": "Succeed"}}),
            "States.Runtime",
            "Failed to transition out of the state. The state does not point to a next state.",
        ),
        (
            json!({"s": {"Type": "Map", "MaxConcurrencyPath": "$.w", "ItemsPath": "$.l[*]", "ItemProcessor": {"StartAt": "x", "States": {"x": {"Type": "Succeed"}}}, "End": true}}),
            "States.Runtime",
            "The MaxConcurrencyPath field refers to value \"1.5\" which is not a valid integer: $.w",
        ),
    ] {
        let runner = run(states, json!({"w": 1.5, "m": -1}));
        assert_eq!(
            runner.failure(),
            (error.to_owned(), format!("An error occurred while executing the state 's' (entered at the event id #2). {detail}"))
        );
    }
    let map = json!({"s": {"Type": "Map", "ItemProcessor": {"StartAt": "x", "States": {"x": {"Type": "Succeed"}}}, "End": true}});
    assert_eq!(run(map, json!({})).failure().1, "Reference path \"$\" must point to array.");
}

#[test]
fn retries_back_off_and_then_the_error_is_caught() {
    let mut runner = run(
        json!({"T": {"Type": "Task", "Resource": TASK, "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 2, "MaxAttempts": 2, "BackoffRate": 3.0, "MaxDelaySeconds": 5}],
                     "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "S", "ResultPath": "$.e"}], "End": true}, "S": {"Type": "Succeed"}}),
        json!({}),
    );
    runner.fail("E");
    assert!(runner.fire());
    assert_eq!(runner.now, 2000);
    runner.fail("E");
    assert!(runner.fire());
    assert_eq!(runner.now, 7000);
    runner.fail("E");
    assert_eq!(runner.output(), json!({"e": {"Error": "E", "Cause": "why"}}));
}

#[test]
fn what_errors_match() {
    for (errors, error, caught) in [
        (json!(["States.ALL"]), "States.DataLimitExceeded", true),
        (json!(["States.ALL"]), "States.Runtime", false),
        (json!(["States.Runtime"]), "States.Runtime", false),
        (json!(["States.TaskFailed"]), "States.Timeout", false),
        (json!(["Other"]), "E", false),
        (json!(["Other", "E"]), "E", true),
    ] {
        let mut runner = run(
            json!({"T": {"Type": "Task", "Resource": TASK, "Catch": [{"ErrorEquals": errors, "Next": "S"}], "End": true}, "S": {"Type": "Succeed"}}),
            json!({}),
        );
        runner.fail(error);
        assert_eq!(runner.ended.as_ref().unwrap().0 == Status::Succeeded, caught, "{errors} {error}");
    }
}

#[test]
fn timeouts_and_heartbeats() {
    let states = |errors: &str| json!({"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "TimeoutSeconds": 100, "HeartbeatSeconds": 10, "Catch": [{"ErrorEquals": [errors], "Next": "S"}], "End": true}, "S": {"Type": "Succeed"}});
    let mut runner = run(states("States.HeartbeatTimeout"), json!({}));
    let task = runner.calls[0].task;
    assert_eq!(runner.machine.task_of_token(runner.calls[0].token.as_ref().unwrap()), Some(task));
    runner.now = 9_000;
    runner.step(Event::Heartbeat { task });
    runner.fire();
    assert!(runner.ended.is_none());
    runner.fire();
    assert_eq!((runner.now, runner.output()), (19_000, json!({"Error": "States.Timeout", "Cause": ""})));
    let mut whole = Runner::new(definition(json!({"W": {"Type": "Wait", "Seconds": 1000, "End": true}}), json!({"TimeoutSeconds": 5})), "{}");
    whole.fire();
    assert_eq!((whole.now, whole.ended.as_ref().unwrap().0), (5000, Status::TimedOut));
}

#[test]
fn waits_end_with_the_clock() {
    let mut runner = run(
        json!({"W": {"Type": "Wait", "Seconds": 31_536_000, "Next": "X"}, "X": {"Type": "Wait", "Timestamp": "1970-01-01T00:00:00Z", "End": true}}),
        json!({"k": 1}),
    );
    runner.fire();
    assert_eq!((runner.now, runner.output()), (31_536_000_000, json!({"k": 1})));
}

#[test]
fn maps_run_in_order_with_their_history() {
    let mut runner = run(
        json!({"M": {"Type": "Map", "MaxConcurrency": 1, "ItemsPath": "$.l", "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"}, "End": true,
            "ItemProcessor": {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": TASK, "End": true}}}}}),
        json!({"l": ["a", "b"]}),
    );
    assert_eq!(runner.calls[0].input, json!({"i": 0, "v": "a"}));
    runner.answer(json!(1)).answer(json!(2));
    assert_eq!(runner.output(), json!([1, 2]));
    assert_eq!(
        runner.kinds(),
        [
            (1, 0, "ExecutionStarted"),
            (2, 0, "MapStateEntered"),
            (3, 2, "MapStateStarted"),
            (4, 3, "MapIterationStarted"),
            (5, 4, "TaskStateEntered"),
            (6, 5, "TaskScheduled"),
            (7, 6, "TaskStarted"),
            (8, 7, "TaskSucceeded"),
            (9, 8, "TaskStateExited"),
            (10, 9, "MapIterationSucceeded"),
            (11, 9, "MapIterationStarted"),
            (12, 11, "TaskStateEntered"),
            (13, 12, "TaskScheduled"),
            (14, 13, "TaskStarted"),
            (15, 14, "TaskSucceeded"),
            (16, 15, "TaskStateExited"),
            (17, 16, "MapIterationSucceeded"),
            (18, 17, "MapStateSucceeded"),
            (19, 17, "MapStateExited"),
            (20, 19, "ExecutionSucceeded"),
        ]
    );
}

#[test]
fn a_branch_that_fails_aborts_the_others_and_can_be_redriven() {
    let states = json!({"P": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 1, "End": true}}},
        {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": TASK, "End": true}}},
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}}]}});
    let mut runner = run(states, json!({}));
    runner.fail("E");
    assert_eq!(runner.failure(), ("E".to_owned(), "why".to_owned()));
    let kinds: Vec<_> = runner.kinds().iter().map(|(_, _, kind)| *kind).collect();
    assert!(kinds.contains(&"WaitStateAborted") && kinds.contains(&"ParallelStateFailed"), "{kinds:?}");
    let effects = runner.machine.redrive(&runner.definition, 50_000);
    runner.now = 50_000;
    runner.ended = None;
    runner.take(effects);
    assert_eq!(runner.calls.len(), 1);
    runner.answer(json!(2));
    while runner.ended.is_none() && runner.fire() {}
    assert_eq!(runner.output(), json!([1, 2, {}]));
}

#[test]
fn distributed_maps_are_one_request() {
    let mut runner = run(
        json!({"M": {"Type": "Map", "Label": "L", "ToleratedFailureCount": 1, "ItemSelector": {"v.$": "$$.Map.Item.Value"}, "End": true,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "T", "States": {"T": {"Type": "Pass", "End": true}}}}}),
        json!([1, 2]),
    );
    let request = runner.runs.remove(0);
    assert_eq!((request.items, request.tolerated_count, request.express_children), (Some(json!([1, 2])), Some(1), true));
    let item = json!({"Index": 0, "Value": 1, "Source": "STATE_DATA"});
    assert_eq!(runner.machine.select_item(&runner.definition, request.run, &item, 0), Ok(json!({"v": 1})));
    runner.step(Event::MapRunStarted { run: request.run, arn: "arn".to_owned() });
    runner.step(Event::MapRunEnded { run: request.run, result: Ok(json!([3])) });
    assert_eq!(runner.output(), json!([3]));
    assert_eq!(runner.kinds()[4..], [(5, 4, "MapRunSucceeded"), (6, 5, "MapStateSucceeded"), (7, 4, "MapStateExited"), (8, 7, "ExecutionSucceeded")]);
}

#[test]
fn what_is_passed_on_as_it_was_sent_keeps_its_white_space() {
    let branch = json!({"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}});
    let states = json!({"P": {"Type": "Parallel", "Branches": [branch], "Next": "W"}, "W": {"Type": "Wait", "Seconds": 1, "End": true}});
    let mut runner = Runner::new(definition(states, json!({})), "[1, 2]");
    assert!(runner.fire());
    let last = runner.history.last().unwrap().details.as_ref().unwrap();
    assert_eq!(last.1["output"], json!("[[1, 2]]"));
}

#[test]
fn maps_that_fail_say_so_once_no_retrier_helps() {
    let retry = json!([{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]);
    let inner = json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}});
    let mut runner = run(json!({"M": {"Type": "Map", "ItemProcessor": inner, "Retry": retry, "End": true}}), json!([1]));
    assert!(runner.fire());
    let after: Vec<_> = runner.kinds().into_iter().skip(4).collect();
    let expected = [
        (5, 4, "FailStateEntered"),
        (6, 5, "MapIterationFailed"),
        (7, 5, "MapStateStarted"),
        (8, 7, "MapIterationStarted"),
        (9, 8, "FailStateEntered"),
        (10, 9, "MapIterationFailed"),
        (11, 9, "MapStateFailed"),
        (12, 11, "ExecutionFailed"),
    ];
    assert_eq!(after, expected);
}

#[test]
fn items_that_are_no_array_fail_the_map_itself() {
    let inner = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let map = |items: &str| json!({"M": {"Type": "Map", "QueryLanguage": "JSONata", "Items": items, "ItemProcessor": inner, "End": true}});
    let runner = run(map("{% 1 %}"), json!({}));
    let kinds =
        [(1, 0, "ExecutionStarted"), (2, 0, "MapStateEntered"), (3, 0, "EvaluationFailed"), (4, 3, "MapStateFailed"), (5, 4, "ExecutionFailed")];
    assert_eq!(runner.kinds(), kinds);
    assert_eq!(runner.history[2].details.as_ref().unwrap().1["location"], json!("Items"));
    let mut whole = map("");
    whole["M"].as_object_mut().unwrap().remove("Items");
    let runner = run(whole, json!(1));
    assert_eq!(runner.history[2].details.as_ref().unwrap().1.get("location"), None);
}

#[test]
fn a_map_starts_before_its_tolerance_is_looked_at() {
    let inner = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let map = json!({"M": {"Type": "Map", "ItemsPath": "$.i", "ToleratedFailureCountPath": "$.n", "ItemProcessor": inner, "End": true}});
    let runner = run(map.clone(), json!({"i": [0], "n": "NoNumber"}));
    assert_eq!(runner.kinds()[2..], [(3, 2, "MapStateStarted"), (4, 3, "ExecutionFailed")]);
    // The text of a number is one.
    assert_eq!(run(map, json!({"i": [0], "n": "2"})).runs[0].tolerated_count, Some(2));
}

#[test]
fn states_that_can_be_retried_know_how_often_they_were() {
    let pass = run(json!({"P": {"Type": "Pass", "Parameters": {"s.$": "$$.State"}, "End": true}}), json!({}));
    assert_eq!(pass.output()["s"].get("RetryCount"), None);
    let retry = json!([{"ErrorEquals": ["E"]}]);
    let mut task = run(
        json!({"T": {"Type": "Task", "Resource": SDK_TASK, "Parameters": {"n.$": "$$.State.RetryCount"}, "Retry": retry, "End": true}}),
        json!({}),
    );
    assert_eq!(task.calls[0].input, json!({"n": 0}));
    task.fail("E").fire();
    assert_eq!(task.calls[0].input, json!({"n": 1}));
}

#[test]
fn an_activity_is_scheduled_when_it_exists() {
    let activity = "arn:aws:states:us-east-1:123456789012:activity:a";
    let machine = || run(json!({"A": {"Type": "Task", "Resource": activity, "End": true}}), json!({}));
    let mut absent = machine();
    let task = absent.calls[0].task;
    absent.step(Event::NotStarted { task, failure: Failure::new("States.Runtime", "The activity does not exist.") });
    assert_eq!(absent.kinds().last(), Some(&(3, 2, "ExecutionFailed")));
    let mut there = machine();
    there.step(Event::Queued { task });
    there.answer(json!(1));
    assert_eq!(there.kinds()[2..4], [(3, 2, "ActivityScheduled"), (4, 3, "ActivitySucceeded")]);
}

#[test]
fn endless_loops_end_with_the_history() {
    let runner = {
        let mut runner = run(
            json!({"A": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Choice", "Choices": [{"Variable": "$.never", "IsPresent": true, "Next": "E"}], "Default": "A"}, "E": {"Type": "Succeed"}}),
            json!({}),
        );
        runner.step(Event::Continue);
        runner
    };
    assert_eq!(runner.history.len(), 25_000);
    assert_eq!(runner.history.last().map(|event| (event.previous, event.kind.clone())), Some((24_999, "ExecutionFailed".to_owned())));
}

#[test]
fn large_results_are_refused() {
    let mut runner = run(json!({"T": {"Type": "Task", "Resource": TASK, "End": true}}), json!({}));
    runner.answer(json!("x".repeat(262_144)));
    assert_eq!(
        runner.failure(),
        (
            "States.DataLimitExceeded".to_owned(),
            "The state/task 'sqs' returned a result with a size exceeding the maximum number of bytes service limit.".to_owned()
        )
    );
}

#[test]
fn texts_match_with_wildcards() {
    for (text, pattern, expected) in [
        ("abc", "a*", true),
        ("abc", "*b*", true),
        ("a*c", "a\\*c", true),
        ("abc", "a\\*c", false),
        ("ab", "ab*b", false),
        ("", "*", true),
        ("log-1.txt", "log-*.txt", true),
    ] {
        assert_eq!(super::choice::glob(text, pattern), expected, "{text} {pattern}");
    }
}

/// A definition from a grammar: state names are numbers, transitions go forward, so that it must end.
fn scope(depth: u32) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(json!({"Type": "Pass", "Result": {"l": [1, 2, 3]}})),
        Just(json!({"Type": "Task", "Resource": TASK})),
        Just(json!({"Type": "Task", "Resource": TASK, "TimeoutSeconds": 3, "Retry": [{"ErrorEquals": ["States.ALL"], "JitterStrategy": "FULL"}]})),
        Just(json!({"Type": "Task", "Resource": TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "last"}]})),
        Just(json!({"Type": "Wait", "Seconds": 2})),
        Just(json!({"Type": "Pass", "Assign": {"v": 1}, "Parameters": {"l": [1], "u.$": "States.UUID()"}})),
        Just(json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"l": "{% [1, $random()] %}"}})),
        Just(json!({"Type": "Pass", "InputPath": "$.missing"})),
    ];
    let state = if depth == 0 {
        leaf.boxed()
    } else {
        let inner = scope(depth - 1);
        prop_oneof![
            4 => leaf,
            1 => proptest::collection::vec(inner.clone(), 1..3).prop_map(|branches| json!({"Type": "Parallel", "Branches": branches, "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}]})),
            1 => inner.prop_map(|inner| json!({"Type": "Map", "MaxConcurrency": 2, "ItemsPath": "$[*]", "ItemProcessor": inner})),
        ]
        .boxed()
    };
    proptest::collection::vec(state, 1..4)
        .prop_map(|states| {
            let mut out = Map::new();
            let count = states.len();
            for (index, mut state) in states.into_iter().enumerate() {
                let next = if index + 1 == count { "last".to_owned() } else { format!("{}", index + 1) };
                state["Next"] = json!(next);
                out.insert(index.to_string(), state);
            }
            out.insert("last".to_owned(), json!({"Type": "Pass", "End": true}));
            json!({"StartAt": "0", "States": out})
        })
        .boxed()
}

/// Gives every state a name of its own, as the language wants it.
fn rename(scope: &mut Value, prefix: &str) {
    let states = std::mem::take(scope["States"].as_object_mut().unwrap());
    let name = |text: &Value| json!(format!("{prefix}{}", text.as_str().unwrap()));
    scope["StartAt"] = name(&scope["StartAt"]);
    for (key, mut state) in states {
        if state.get("Next").is_some() {
            state["Next"] = name(&state["Next"]);
        }
        if state.get("Catch").is_some() {
            state["Catch"][0]["Next"] = name(&state["Catch"][0]["Next"]);
        }
        if state.get("Assign").is_some() {
            state["Assign"] = json!({format!("{prefix}v").replace('.', "_"): 1});
        }
        if let Some(Value::Array(branches)) = state.get_mut("Branches") {
            branches.iter_mut().enumerate().for_each(|(index, branch)| rename(branch, &format!("{prefix}{key}.{index}.")));
        }
        if let Some(processor) = state.get_mut("ItemProcessor") {
            rename(processor, &format!("{prefix}{key}.m."));
        }
        scope["States"][format!("{prefix}{key}")] = state;
    }
}

fn drive(definition: &Definition, choices: &[u8]) -> (Vec<HistoryEvent>, Status) {
    let mut runner = Runner::new(definition.clone(), "{\"l\":[1,2]}");
    for index in 0..20_000 {
        if runner.ended.is_some() {
            break;
        }
        match choices[index % choices.len()] % 4 {
            0 if !runner.calls.is_empty() => {
                runner.fail(["E", "F"][index % 2]);
            }
            1 | 2 if !runner.calls.is_empty() => {
                runner.answer(json!({"n": index}));
            }
            _ => {
                if !runner.fire() && !runner.calls.is_empty() {
                    runner.answer(json!([index]));
                }
            }
        }
    }
    let status = runner.ended.as_ref().map_or(Status::Running, |ended| ended.0);
    (runner.history, status)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_machine_ends_and_runs_alike_twice(mut scope in scope(2), choices in proptest::collection::vec(any::<u8>(), 1..20)) {
        rename(&mut scope, "s");
        let definition = read(&scope.to_string(), WorkflowType::Standard, &|_| true).map_err(TestCaseError::fail)?;
        let (history, status) = drive(&definition, &choices);
        prop_assert_ne!(status, Status::Running);
        prop_assert_eq!(drive(&definition, &choices), (history, status));
    }
}

use super::*;
use crate::approvals::Principal;
use serde_json::json;
use std::collections::VecDeque;

fn runbook(steps: Value) -> Runbook {
    let document = json!({"schemaVersion": "0.3", "parameters": {"P": {"type": "String"}, "L": {"type": "StringList"}},
        "variables": {"n": {"type": "Integer", "default": 0}}, "mainSteps": steps});
    Runbook::read(&document).unwrap()
}

/// A runbook that runs: tasks are answered, time passes by itself.
struct Bench {
    runbook: Runbook,
    machine: Machine,
    tasks: VecDeque<Task>,
    timers: Vec<(i64, u64)>,
    records: Vec<StepRecord>,
    abandoned: usize,
    now: i64,
}

impl Bench {
    fn started(steps: Value, interactive: bool) -> Bench {
        let runbook = runbook(steps);
        let about = About { id: "id".into(), account: "1".into(), region: "r".into(), partition: "aws".into(), resource: None };
        let parameters = json!({"P": "p", "L": ["x", "y"]}).as_object().unwrap().clone();
        let (machine, effects) = Machine::start(&runbook, about, interactive, parameters, 0);
        let mut bench = Bench { runbook, machine, tasks: VecDeque::new(), timers: vec![], records: vec![], abandoned: 0, now: 0 };
        bench.take(effects);
        bench
    }

    fn new(steps: Value) -> Bench {
        Bench::started(steps, false)
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Perform(task) => self.tasks.push_back(*task),
                Effect::Timer { timer, due } => self.timers.push((due, timer)),
                Effect::Step(record) => {
                    self.records.retain(|known| known.number != record.number);
                    self.records.push(*record);
                }
                Effect::Abandon(_) => self.abandoned += 1,
                _ => {}
            }
        }
        // It is written down between any two steps.
        let text = serde_json::to_string(&self.machine).unwrap();
        self.machine = serde_json::from_str(&text).unwrap();
    }

    fn event(&mut self, event: Event) -> Result<(), SignalProblem> {
        let effects = self.machine.step(&self.runbook, event, self.now)?;
        self.take(effects);
        Ok(())
    }

    /// Answers the next task: `Err` is a failure.
    fn answer(&mut self, answer: Result<Value, &str>) -> Task {
        let task = self.tasks.pop_front().expect("a task");
        let event = match answer {
            Ok(answer) => Event::Done { task: task.number, done: Box::new(Done { answer: Some(answer), ..Done::default() }) },
            Err(text) => {
                Event::Failed { task: task.number, failure: Box::new(failed("Execute/Cancelling action", text, Stage::Invocation, "Action")) }
            }
        };
        self.event(event).unwrap();
        task
    }

    fn pass(&mut self) {
        let wanted = self.machine.timers();
        self.timers.retain(|(_, timer)| wanted.contains(timer));
        self.timers.sort();
        let (due, timer) = self.timers.remove(0);
        self.now = due;
        self.event(Event::Fired { timer }).unwrap();
    }

    fn statuses(&self) -> Vec<(String, &'static str)> {
        let mut records = self.records.clone();
        records.sort_by_key(|record| record.number);
        records.iter().map(|record| (record.step.clone(), record.status.name())).collect()
    }

    fn is(&self, expected: &[(&str, &'static str)], status: Status) {
        let expected: Vec<_> = expected.iter().map(|(name, status)| ((*name).to_owned(), *status)).collect();
        assert_eq!((self.statuses(), self.machine.status()), (expected, status), "{:?}", self.machine.failure());
    }
}

fn api(name: &str) -> Value {
    json!({"name": name, "action": "aws:executeAwsApi", "inputs": {"Service": "ec2", "Api": "Describe", "X": "{{ P }}"},
        "outputs": [{"Name": "Out", "Selector": "$.a", "Type": "String"}]})
}

fn with(mut step: Value, more: Value) -> Value {
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

#[test]
fn steps_follow_each_other_and_use_outputs() {
    let mut second = api("b");
    second["inputs"]["X"] = json!("got {{ a.Out }} {{ L }}");
    let mut bench = Bench::new(json!([api("a"), second]));
    assert_eq!(bench.answer(Ok(json!({"a": 5}))).inputs["X"], "p");
    assert_eq!(bench.answer(Ok(json!({}))).inputs["X"], "got 5 [\"x\",\"y\"]");
    bench.is(&[("a", "Success"), ("b", "Success")], Status::Success);
    assert_eq!(bench.machine.value("b.Out", 0), Some(json!("")));
}

#[test]
fn failures_go_where_the_step_says() {
    let mut bench = Bench::new(json!([api("a"), api("b")]));
    bench.answer(Err("it broke."));
    bench.is(&[("a", "Failed")], Status::Failed);
    let message = "Step fails when it is Execute/Cancelling action. it broke. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.";
    assert_eq!(bench.machine.failure().unwrap().message, message);

    let mut bench = Bench::new(json!([with(api("a"), json!({"onFailure": "Continue"})), api("b")]));
    bench.answer(Err("x"));
    bench.answer(Ok(json!({})));
    bench.is(&[("a", "Failed"), ("b", "Success")], Status::Success);

    let mut bench = Bench::new(json!([with(api("a"), json!({"onFailure": "step:c"})), api("b"), api("c")]));
    bench.answer(Err("x"));
    bench.answer(Ok(json!({})));
    bench.is(&[("a", "Failed"), ("c", "Success")], Status::Failed);

    let mut bench = Bench::new(json!([with(api("a"), json!({"onFailure": "Continue", "isCritical": true, "isEnd": true})), api("b")]));
    bench.answer(Err("x"));
    bench.is(&[("a", "Failed")], Status::Failed);

    let mut bench = Bench::new(json!([with(api("a"), json!({"isCritical": false}))]));
    bench.answer(Err("x"));
    bench.is(&[("a", "Failed")], Status::Success);
}

#[test]
fn attempts_and_timeouts() {
    let mut bench = Bench::new(json!([with(api("a"), json!({"maxAttempts": 3, "timeoutSeconds": 5}))]));
    bench.answer(Err("x"));
    assert_eq!(bench.tasks[0].attempt, 2);
    bench.tasks.clear();
    bench.pass();
    assert_eq!((bench.now, bench.abandoned, bench.tasks[0].attempt), (5_000, 1, 3));
    bench.pass();
    bench.is(&[("a", "TimedOut")], Status::TimedOut);
    assert!(bench.machine.failure().unwrap().message.starts_with("Step timed out while step is "));
}

#[test]
fn a_step_that_refers_to_nothing_fails() {
    let mut last = api("c");
    last["inputs"]["X"] = json!("{{ b.Out }}");
    let branch = json!({"name": "a", "action": "aws:branch", "inputs": {"Choices": [{"NextStep": "c", "Variable": "{{ P }}", "StringEquals": "p"}]}});
    let bench = Bench::new(json!([branch, api("b"), last]));
    bench.is(&[("a", "Success"), ("c", "Failed")], Status::Failed);
    assert!(bench.machine.failure().unwrap().message.contains("b.Out"));
}

#[test]
fn branches_with_all_operators() {
    let holds = |condition: Value| {
        let choice = with(condition, json!({"NextStep": "yes"}));
        let steps = json!([{"name": "a", "action": "aws:branch", "isEnd": true, "inputs": {"Choices": [choice]}}, api("yes")]);
        Bench::new(steps).tasks.len() == 1
    };
    let text = |operator: &str, operand: Value| holds(json!({"Variable": "{{ P }}", operator: operand}));
    assert!(text("StringEquals", json!("p")) && !text("StringEquals", json!("P")) && text("EqualsIgnoreCase", json!("P")));
    assert!(text("StartsWith", json!("p")) && text("EndsWith", json!("p")) && text("Contains", json!("p")) && !text("Contains", json!("q")));
    assert!(text("StringEquals", json!("{{ P }}")));
    let number = |operator: &str, operand: i64| holds(json!({"Variable": "{{ variable:n }}", operator: operand}));
    assert!(number("NumericEquals", 0) && number("NumericGreater", -1) && number("NumericLesser", 1));
    assert!(number("NumericGreaterOrEquals", 0) && number("NumericLesserOrEquals", 0) && !number("NumericGreater", 0));
    let yes = json!({"Variable": "{{ P }}", "StringEquals": "p"});
    let no = json!({"Variable": "{{ P }}", "StringEquals": "q"});
    assert!(holds(json!({"And": [yes, yes]})) && !holds(json!({"And": [yes, no]})) && holds(json!({"Or": [no, yes]})) && holds(json!({"Not": no})));
    // What is no boolean cannot be compared.
    let steps =
        json!([{"name": "a", "action": "aws:branch", "inputs": {"Choices": [{"NextStep": "a", "Variable": "{{ P }}", "BooleanEquals": true}]}}]);
    Bench::new(steps).is(&[("a", "Failed")], Status::Failed);
}

#[test]
fn loops_for_each_and_while() {
    let mut inner = api("inner");
    inner["inputs"]["X"] = json!("{{ each.CurrentIteratorValue }}/{{ each.CurrentIteration }}");
    let each = json!({"name": "each", "action": "aws:loop", "inputs": {"Iterators": "{{ L }}", "Steps": [inner]}});
    let mut bench = Bench::new(json!([each, api("last")]));
    assert_eq!(bench.answer(Ok(json!({}))).inputs["X"], "x/1");
    assert_eq!(bench.answer(Ok(json!({}))).inputs["X"], "y/2");
    bench.answer(Ok(json!({})));
    bench.is(&[("each", "Success"), ("inner", "Success"), ("inner", "Success"), ("last", "Success")], Status::Success);
    assert_eq!(bench.records[1].parent.as_ref().map(|parent| (parent.iteration, parent.value.as_deref())), Some((2, Some("y"))));

    let condition = json!({"Variable": "{{ inner.Out }}", "StringEquals": "more"});
    let repeat = |most: i64| json!([{"name": "repeat", "action": "aws:loop", "inputs": {"LoopCondition": condition, "MaxIterations": most, "Steps": [api("inner")]}}]);
    let mut bench = Bench::new(repeat(5));
    bench.answer(Ok(json!({"a": "more"})));
    bench.answer(Ok(json!({"a": "done"})));
    bench.is(&[("repeat", "Success"), ("inner", "Success"), ("inner", "Success")], Status::Success);
    let mut bench = Bench::new(repeat(2));
    bench.answer(Ok(json!({"a": "more"})));
    bench.answer(Ok(json!({"a": "more"})));
    assert_eq!(bench.machine.status(), Status::Success);
    let mut bench = Bench::new(repeat(2));
    bench.answer(Err("x"));
    bench.is(&[("repeat", "Failed"), ("inner", "Failed")], Status::Failed);
}

#[test]
fn steps_lead_out_of_their_loop() {
    let done = json!({"name": "done", "action": "aws:branch", "inputs": {"Choices": [{"NextStep": "last", "Variable": "{{ inner.Out }}", "StringEquals": "done"}], "Default": "rest"}});
    let rest = json!({"name": "rest", "action": "aws:sleep", "isEnd": true, "inputs": {"Duration": "PT1M"}});
    let deep = json!({"name": "deep", "action": "aws:loop", "inputs": {"Iterators": "{{ L }}", "Steps": [with(api("inner"), json!({"onFailure": "step:last", "isCritical": false})), done, rest]}});
    let outer = || json!([{"name": "outer", "action": "aws:loop", "inputs": {"Iterators": "{{ L }}", "Steps": [deep]}}, api("passed"), api("last")]);
    let mut bench = Bench::new(outer());
    bench.answer(Ok(json!({"a": "more"})));
    bench.pass();
    bench.answer(Ok(json!({"a": "done"})));
    bench.answer(Ok(json!({})));
    let steps = [("outer", "Success"), ("deep", "Success"), ("inner", "Success"), ("done", "Success"), ("rest", "Success"), ("inner", "Success")];
    bench.is(&[&steps[..], &[("done", "Success"), ("last", "Success")]].concat(), Status::Success);
    let mut bench = Bench::new(outer());
    bench.answer(Err("x"));
    bench.answer(Ok(json!({})));
    bench.is(&[("outer", "Success"), ("deep", "Success"), ("inner", "Failed"), ("last", "Success")], Status::Success);
}

#[test]
fn a_loop_times_out_with_its_steps() {
    let wait = json!({"name": "inner", "action": "aws:sleep", "inputs": {"Duration": "PT1H"}});
    let each = json!({"name": "each", "action": "aws:loop", "timeoutSeconds": 10, "onFailure": "step:last", "isCritical": false,
        "inputs": {"Iterators": "{{ L }}", "Steps": [wait]}});
    let mut bench = Bench::new(json!([each, api("last")]));
    bench.pass();
    bench.answer(Ok(json!({})));
    bench.is(&[("each", "TimedOut"), ("inner", "Cancelled"), ("last", "Success")], Status::Success);
}

#[test]
fn variables_are_changed_and_keep_their_type() {
    let set = |name: &str, value: Value| json!({"name": name, "action": "aws:updateVariable", "inputs": {"Name": "variable:n", "Value": value}});
    let bench = Bench::new(json!([set("a", json!("7"))]));
    assert_eq!((bench.machine.value("variable:n", 0), bench.machine.status()), (Some(json!(7)), Status::Success));
    Bench::new(json!([set("a", json!("x"))])).is(&[("a", "Failed")], Status::Failed);
}

#[test]
fn approvals_rejections_and_timeouts() {
    let step =
        json!({"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["approver", "arn:aws:iam::1:role/ops"], "MinRequiredApprovals": 2}});
    let approver = Principal { arn: "arn:aws:iam::1:user/approver".into(), user: Some("approver".into()), ..Principal::default() };
    let ops = Principal { arn: "arn:aws:sts::1:assumed-role/ops/x".into(), role: Some("arn:aws:iam::1:role/ops".into()), ..Principal::default() };
    let mut bench = Bench::new(json!([step.clone(), api("b")]));
    assert_eq!(bench.machine.status(), Status::Waiting);
    assert_eq!(bench.event(Event::Approve { by: Principal::default(), comment: None }), Err(SignalProblem::NotApprover));
    bench.event(Event::Approve { by: approver.clone(), comment: Some("ok".into()) }).unwrap();
    bench.event(Event::Revoke { by: approver.clone() }).unwrap();
    bench.event(Event::Approve { by: ops.clone(), comment: None }).unwrap();
    bench.event(Event::Approve { by: ops, comment: None }).unwrap();
    assert_eq!(bench.machine.status(), Status::Waiting);
    bench.event(Event::Approve { by: approver.clone(), comment: None }).unwrap();
    bench.answer(Ok(json!({})));
    bench.is(&[("ask", "Success"), ("b", "Success")], Status::Success);
    assert_eq!(bench.machine.value("ask.ApprovalStatus", 0), Some(json!("Approved")));

    let mut bench = Bench::new(json!([step.clone()]));
    bench.event(Event::Reject { by: approver.clone(), comment: None }).unwrap();
    bench.is(&[("ask", "Failed")], Status::Failed);
    assert_eq!(bench.event(Event::Approve { by: approver, comment: None }), Err(SignalProblem::Over));

    let mut bench = Bench::new(json!([step]));
    bench.pass();
    assert_eq!(bench.now, 7 * 86_400_000);
    bench.is(&[("ask", "TimedOut")], Status::TimedOut);
}

#[test]
fn pauses_sleeps_and_polls() {
    let pause = json!({"name": "pause", "action": "aws:pause", "inputs": {}});
    let sleep = json!({"name": "sleep", "action": "aws:sleep", "inputs": {"Duration": "PT10M"}});
    let mut bench = Bench::new(json!([pause, sleep, api("call")]));
    assert_eq!(bench.machine.status(), Status::Waiting);
    bench.event(Event::Resume { step: Some("pause".into()) }).unwrap();
    bench.pass();
    assert_eq!(bench.now, 600_000);
    let task = bench.tasks.pop_front().unwrap();
    bench.event(Event::Again { task: task.number, memo: json!({"id": 1}), after: 50 }).unwrap();
    bench.pass();
    let again = bench.tasks.pop_front().unwrap();
    assert_eq!((again.memo, bench.now), (Some(json!({"id": 1})), 600_050));
    bench.event(Event::Again { task: again.number, memo: json!({"id": 2}), after: 5_000 }).unwrap();
    bench.event(Event::Poked { task: again.number }).unwrap();
    bench.answer(Ok(json!({})));
    assert_eq!(bench.machine.status(), Status::Success);
    // What comes too late changes nothing.
    bench.event(Event::Done { task: task.number, done: Box::default() }).unwrap();
}

#[test]
fn cancelled_and_completed() {
    let mut bench = Bench::new(json!([with(api("a"), json!({"onCancel": "step:clean"})), api("b"), api("clean")]));
    bench.event(Event::Cancel).unwrap();
    assert_eq!((bench.machine.status(), bench.abandoned), (Status::Cancelling, 1));
    bench.tasks.pop_front();
    bench.answer(Ok(json!({})));
    bench.is(&[("a", "Cancelled"), ("clean", "Success")], Status::Cancelled);

    let mut bench = Bench::new(json!([with(api("a"), json!({"onCancel": "step:clean"})), api("clean")]));
    bench.event(Event::Cancel).unwrap();
    bench.pass();
    assert_eq!(bench.now, 120_000);
    bench.is(&[("a", "Cancelled"), ("clean", "Cancelled")], Status::Cancelled);

    let mut bench = Bench::new(json!([api("a"), api("b")]));
    bench.event(Event::Complete).unwrap();
    bench.answer(Ok(json!({})));
    bench.is(&[("a", "Success")], Status::Success);
}

#[test]
fn step_by_step() {
    let mut bench = Bench::started(json!([api("a"), api("b")]), true);
    assert_eq!((bench.machine.status(), bench.tasks.len()), (Status::Waiting, 0));
    bench.event(Event::StartStep { step: Some("a".into()) }).unwrap();
    bench.answer(Ok(json!({})));
    assert_eq!((bench.machine.status(), bench.machine.current_step()), (Status::Waiting, Some("b")));
    assert_eq!(bench.event(Event::StartStep { step: Some("x".into()) }), Err(SignalProblem::Step("x".into())));
    bench.event(Event::StartStep { step: None }).unwrap();
    let number = bench.records.last().unwrap().number;
    bench.event(Event::StopStep { number }).unwrap();
    assert_eq!(bench.machine.status(), Status::Waiting);
    bench.event(Event::StartStep { step: None }).unwrap();
    bench.tasks.pop_front();
    bench.answer(Ok(json!({})));
    assert_eq!(bench.machine.status(), Status::Success);
}

#[test]
fn a_document_that_goes_in_circles_ends() {
    let bench = Bench::new(
        json!([{"name": "a", "action": "aws:branch", "inputs": {"Choices": [{"NextStep": "a", "Variable": "{{ P }}", "StringEquals": "p"}]}}]),
    );
    assert_eq!(bench.machine.status(), Status::Failed);
}

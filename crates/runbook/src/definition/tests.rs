use super::*;
use serde_json::json;

fn problem(steps: Value) -> String {
    Runbook::read(&json!({"schemaVersion": "0.3", "parameters": {"P": {"type": "String"}}, "mainSteps": steps})).unwrap_err().0
}

fn sleep(name: &str) -> Value {
    json!({"name": name, "action": "aws:sleep", "inputs": {"Duration": "PT1S"}})
}

#[test]
fn a_document_is_read() {
    let document = json!({
        "schemaVersion": "0.3", "description": "d", "assumeRole": "{{ Role }}",
        "parameters": {"Role": {"type": "AWS::IAM::Role::Arn", "default": ""}, "Ids": {"type": "List<AWS::EC2::Instance::Id>"}},
        "variables": {"count": {"type": "Integer", "default": 0}},
        "mainSteps": [
            {"name": "call", "action": "aws:executeAwsApi", "inputs": {"Service": "ec2", "Api": "DescribeInstances", "InstanceIds": "{{ Ids }}"},
             "outputs": [{"Name": "Id", "Selector": "$.Reservations[0].Instances[0].InstanceId", "Type": "String"}], "onFailure": "step:last"},
            {"name": "choose", "action": "aws:branch", "inputs": {"Choices": [
                {"NextStep": "last", "Or": [{"Variable": "{{ call.Id }}", "StringEquals": "a"}, {"Not": {"Variable": "{{ call.Id }}", "StartsWith": "i"}}]}]}},
            {"name": "each", "action": "aws:loop", "inputs": {"Iterators": "{{ Ids }}", "Steps": [
                {"name": "inner", "action": "aws:updateVariable", "inputs": {"Name": "variable:count", "Value": "{{ each.CurrentIteration }}"}}]}},
            {"name": "last", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "isEnd": true}],
        "outputs": ["call.Id", "{{ variable:count }}"]
    });
    let runbook = Runbook::read(&document).unwrap();
    assert_eq!(runbook.all_steps().iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["call", "choose", "each", "inner", "last"]);
    assert_eq!(runbook.outputs, ["call.Id", "variable:count"]);
    let next = |name: &str| runbook.valid_next_steps(runbook.step(name).unwrap());
    assert_eq!(next("call"), ["choose", "last"]);
    assert_eq!(next("choose"), ["last", "each"]);
    assert!(next("last").is_empty());
}

#[test]
fn what_aws_was_seen_to_refuse_is_refused_in_its_words() {
    let choice = json!({"NextStep": "b", "Or": [{"Variable": "{{ P }}", "StringEquals": "a"}]});
    let branch = json!({"name": "a", "action": "aws:branch", "inputs": {"Choices": [choice]}});
    assert_eq!(problem(json!([branch, sleep("b")])), "Expect at lease two expressions for operator: Or in step: a. Provided: 1");
    let step = json!({"name": "a", "action": "aws:executeAwsApi", "inputs": {"Service": "ec2", "Api": "x", "Id": "{{ PackageVersion }}"}});
    assert_eq!(problem(json!([step])), "Parameter \"PackageVersion\" is not declared.");
}

#[test]
fn definitions_are_checked() {
    let step = |action: &str, inputs: Value| json!({"name": "a", "action": action, "inputs": inputs});
    let with = |name: &str, value: Value| {
        let mut step = sleep("a");
        step[name] = value;
        step
    };
    let cases = [
        (json!([]), "At least one step"),
        (json!([sleep("a"), sleep("a")]), "not unique"),
        (json!([sleep("a-b")]), "invalid"),
        (json!([step("aws:nothing", json!({}))]), "is not supported"),
        (json!([step("aws:executeAwsApi", json!({"Service": "ec2"}))]), "Missing required input \"Api\""),
        (json!([step("aws:sleep", json!({"Duration": "10 minutes"}))]), "ISO 8601"),
        (json!([step("aws:pause", json!({"x": 1}))]), "not supported for action aws:pause"),
        (json!([step("aws:executeAwsApi", json!({"Service": "s", "Api": "a", "I": "{{ssm:/x}}"}))]), "cannot be referenced"),
        (json!([step("aws:executeAwsApi", json!({"Service": "s", "Api": "a", "I": "{{ other.Out }}"}))]), "is not declared"),
        (json!([step("aws:approve", json!({"Approvers": []}))]), "between 1 and 10"),
        (json!([step("aws:approve", json!({"Approvers": ["a"], "MinRequiredApprovals": 2}))]), "MinRequiredApprovals"),
        (json!([step("aws:approve", json!({"Approvers": ["a"], "NotificationArn": "arn:aws:sns:us-east-1:1:topic"}))]), "prefixed"),
        (json!([step("aws:executeScript", json!({"Runtime": "python2.7", "Handler": "h", "Script": ""}))]), "Runtime"),
        (json!([step("aws:executeScript", json!({"Runtime": "python3.11", "Script": ""}))]), "Handler"),
        (json!([step("aws:changeInstanceState", json!({"InstanceIds": ["i"], "DesiredState": "off"}))]), "DesiredState"),
        (json!([step("aws:updateVariable", json!({"Name": "variable:x", "Value": 1}))]), "is not declared"),
        (json!([step("aws:loop", json!({"Steps": [sleep("b")]}))]), "Either Iterators or LoopCondition"),
        (json!([step("aws:loop", json!({"Steps": [sleep("b")], "Iterators": [1], "MaxIterations": 101}))]), "MaxIterations"),
        (json!([with("onFailure", json!("Retry"))]), "onFailure"),
        (json!([with("nextStep", json!("x"))]), "does not exist"),
        (json!([with("onFailure", json!("step:x"))]), "does not exist"),
        (json!([with("onCancel", json!("step:b")), sleep("b")]), "cannot lead to action aws:sleep"),
        (json!([with("timeoutSeconds", json!(0))]), "timeoutSeconds"),
        (json!([with("maxAttempts", json!(0))]), "maxAttempts"),
        (json!([with("isEnd", json!("perhaps"))]), "isEnd"),
        (json!([with("mystery", json!(1))]), "Unrecognized property"),
        (json!([with("outputs", json!([{"Name": "a", "Selector": "x[", "Type": "String"}]))]), "Selector"),
    ];
    for (steps, expected) in cases {
        let text = problem(steps);
        assert!(text.contains(expected), "{text} has not: {expected}");
    }
    let read = |document: Value| Runbook::read(&document).unwrap_err().0;
    assert!(read(json!({"schemaVersion": "2.2", "mainSteps": []})).contains("2.2"));
    assert!(read(json!([])).contains("A map is expected"));
    let role = json!({"schemaVersion": "0.3", "assumeRole": "{{ssm:role}}", "mainSteps": [sleep("a")]});
    assert!(Runbook::read(&role).is_err());
    let output = json!({"schemaVersion": "0.3", "outputs": ["b.x"], "mainSteps": [sleep("a")]});
    assert!(read(output).contains("does not refer"));
}

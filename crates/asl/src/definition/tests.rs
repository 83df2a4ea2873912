use super::*;
use serde_json::{Value, json};

fn sentence_of(definition: &Value, workflow: WorkflowType) -> String {
    let known = |integration: &Integration| ["sqs", "sns", "lambda", "states", "aws-sdk:s3"].contains(&integration.service.as_str());
    read(&definition.to_string(), workflow, &known).err().unwrap_or_default()
}

fn refused(states: Value) -> String {
    let start = states.as_object().and_then(|states| states.keys().next().cloned()).unwrap_or_default();
    let sentence = sentence_of(&json!({"StartAt": start, "States": states}), WorkflowType::Standard);
    sentence.strip_prefix("Invalid State Machine Definition: '").and_then(|text| text.strip_suffix('\'')).unwrap_or(&sentence).to_owned()
}

#[test]
fn recorded_sentences() {
    let cases = [
        (
            json!({"pass1": {"Type": "Pass", "Next": "pass3"}, "pass2": {"Type": "Pass", "End": true}}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: pass3 at /States/pass1/Next, MISSING_TRANSITION_TARGET: State \"pass2\" is not reachable. at /States/pass2",
        ),
        (json!({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}), "MISSING_END_STATE: Workflow has no terminal state"),
        (
            json!({"A": {"Type": "Pass", "Next": "NOPE"}}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next, MISSING_END_STATE: Workflow has no terminal state",
        ),
        (
            json!({"X": {"Type": "Nope"}}),
            "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/X/Type",
        ),
        (json!({"P": {"Type": "Parallel", "Branches": [], "End": true}}), "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/P/Branches"),
        (
            json!({"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Credentials": {}, "End": true}}),
            "SCHEMA_VALIDATION_FAILED: The field 'RoleArn' is required but was missing at /States/T/Credentials",
        ),
        (json!({"P": {"Type": "Pass", "Catch": [], "End": true}}), "SCHEMA_VALIDATION_FAILED: Field 'Catch' is not supported at /States/P"),
        (
            json!({"P": {"Type": "Pass", "Output": 1, "End": true}}),
            "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/P",
        ),
        (
            json!({"T": {"Type": "Task", "Resource": "arn:aws:states:::foo:bar", "End": true}}),
            "SCHEMA_VALIDATION_FAILED: The resource provided arn:aws:states:::foo:bar is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/T/Resource",
        ),
        (
            json!({"T": {"Type": "Task", "Resource": "foo", "End": true}}),
            "SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at /States/T/Resource",
        ),
        (
            json!({"P": {"Type": "Pass", "Parameters": {"Input.$": "x"}, "End": true}}),
            "SCHEMA_VALIDATION_FAILED: The value for the field 'Input.$' must be a valid JSONPath or a valid intrinsic function call at /States/P/Parameters",
        ),
    ];
    for (states, expected) in cases {
        assert_eq!(refused(states), expected);
    }
    assert_eq!(
        sentence_of(&json!({"StartAt": "A"}), WorkflowType::Standard),
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'"
    );
    let jsonata = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": true}}});
    assert_eq!(
        sentence_of(&jsonata, WorkflowType::Standard),
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/A'"
    );
}

#[test]
fn express_has_no_callbacks() {
    for (resource, expected) in [
        ("arn:aws:states:::states:startExecution.sync:2", "Express state machine does not support '.sync' service integration at /States/T/Resource"),
        (
            "arn:aws:states:::sns:publish.waitForTaskToken",
            "Express state machine does not support '.waitForTaskToken' service integration  at /States/T/Resource",
        ),
        ("arn:aws:states:us-east-1:000000000000:activity:a", "Express state machine does not support Activity ARN at /States/T/Resource"),
    ] {
        let definition = json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": resource, "End": true}}});
        assert_eq!(
            sentence_of(&definition, WorkflowType::Express),
            format!("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {expected}'")
        );
        assert_eq!(sentence_of(&definition, WorkflowType::Standard), "");
    }
}

#[test]
fn every_wrong_field_is_found() {
    for states in [
        json!({"W": {"Type": "Wait", "Seconds": 1, "Timestamp": "2016-03-14T01:59:00Z", "End": true}}),
        json!({"W": {"Type": "Wait", "Timestamp": "2016-03-14 01:59", "End": true}}),
        json!({"W": {"Type": "Wait", "Seconds": -1, "End": true}}),
        json!({"C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "StringEquals": 1, "Next": "E"}]}, "E": {"Type": "Succeed"}}),
        json!({"C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "IsNull": true, "Next": "E"}]}, "E": {"Type": "Succeed"}}),
        json!({"C": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$.a", "IsPresent": true, "Next": "E"}], "Next": "E"}]}, "E": {"Type": "Succeed"}}),
        json!({"P": {"Type": "Pass", "ResultPath": "$.a[*]", "End": true}}),
        json!({"P": {"Type": "Pass", "ResultPath": "$$.a", "End": true}}),
        json!({"P": {"Type": "Pass", "InputPath": "x", "End": true}}),
        json!({"P": {"Type": "Pass", "Assign": {"states": 1}, "End": true}}),
        json!({"P": {"Type": "Pass"}}),
        json!({"P": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.result %}", "End": true}}),
        json!({"P": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% foo %}", "End": true}}),
        json!({"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true, "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"]}]}}),
        json!({"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true, "TimeoutSeconds": 5, "HeartbeatSeconds": 5}}),
        json!({"M": {"Type": "Map", "End": true, "Label": "x", "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}}}),
        json!({"M": {"Type": "Map", "End": true, "ItemProcessor": {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}}}),
        json!({"M": {"Type": "Map", "End": true, "Assign": {"v": 1}, "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"v": 2}, "End": true}}}}}),
        json!({"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "M", "States": {"M": {"Type": "Pass", "End": true}}}}}),
    ] {
        assert_ne!(refused(states.clone()), "", "{states}");
    }
}

#[test]
fn whole_definitions_are_read() {
    let definition = json!({"Comment": "c", "TimeoutSeconds": 5, "StartAt": "M", "States": {
        "M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "Next": "C", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}},
        "C": {"Type": "Choice", "Choices": [{"Not": {"Variable": "$.a", "NumericGreaterThanPath": "$.b"}, "Next": "P", "Assign": {"v.$": "$.a"}}], "Default": "F"},
        "P": {"Type": "Parallel", "Branches": [{"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$v", "End": true}}}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}], "End": true},
        "F": {"Type": "Fail", "ErrorPath": "States.Format('{}', $v)", "Cause": "c"},
    }});
    let definition = read(&definition.to_string(), WorkflowType::Standard, &|_| true).unwrap();
    assert_eq!(definition.variable_references(), [("W".to_owned(), vec!["v".to_owned()]), ("F".to_owned(), vec!["v".to_owned()])]);
}

#[test]
fn syntax_errors_are_jacksons() {
    for (text, message, line, column) in [
        ("not", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", 1, 2),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1, 2),
        ("{\n \"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", 2, 6),
    ] {
        assert_eq!(parse_json(text), Err(JsonError { message: message.to_owned(), line, column }), "{text}");
    }
}

#[test]
fn diagnostics_have_a_line_and_a_column() {
    let text = "{\"StartAt\": \"A/b\",\n \"States\": {\n  \"A/b\": {\"Type\": \"Choice\", \"Choices\": [\n   {\"Variable\": \"$.a\", \"IsNull\": true,\n    \"Next\": \"N\"}]}, \"E\": {\"Type\": \"Succeed\"}}}";
    let (_, diagnostics) = check(text, WorkflowType::Standard, &|_| true);
    let found: Vec<_> = diagnostics.iter().map(|diagnostic| (diagnostic.location.clone().unwrap(), diagnostic.line, diagnostic.column)).collect();
    assert_eq!(found, [("/States/A/b/Choices[0]/Next".to_owned(), 5, 5), ("/States/E".to_owned(), 5, 21)]);
}

#[test]
fn optimised_integrations_take_their_parameters_and_no_others() {
    let task = |parameters: Value| {
        refused(json!({"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, "End": true}}))
    };
    assert_eq!(task(json!({"FunctionName.$": "$.f", "Payload": {"any": 1}})), "");
    assert_eq!(
        task(json!({"FunctionName": "f", "Foo.$": "$"})),
        "SCHEMA_VALIDATION_FAILED: The field 'Foo' is not supported by Step Functions at /States/T/Parameters"
    );
    assert_eq!(task(json!({})), "SCHEMA_VALIDATION_FAILED: The field 'FunctionName' is required but was missing at /States/T/Parameters");
    let jsonata = |arguments: Value| {
        refused(
            json!({"T": {"Type": "Task", "QueryLanguage": "JSONata", "Resource": "arn:aws:states:::sns:publish", "Arguments": arguments, "End": true}}),
        )
    };
    assert_eq!(jsonata(json!({"Message": "{% $states.input %}", "TopicArn": "t"})), "");
    assert_eq!(jsonata(json!("{% $states.input %}")), "");
    assert!(jsonata(json!({"Message": "m", "MessageBody": "b"})).contains("'MessageBody'"));
}

#[test]
fn what_older_samples_write_is_taken() {
    for path in ["$.[0]", "$.a.[1].b", "$.[*].['x', 'y']", "$.[?(@.n > 0)]"] {
        assert_eq!(refused(json!({"P": {"Type": "Pass", "Parameters": {"v.$": path}, "End": true}})), "", "{path}");
    }
    let sdk = json!({"T": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:aws-sdk:s3:getObject", "End": true}});
    assert_eq!(refused(sdk), "");
    for wrong in [
        json!({"P": {"Type": "Pass", "Parameters": {"v.$": "States.MathAdd(1, '2')"}, "End": true}}),
        json!({"T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f:", "End": true}}),
        json!({"M": {"Type": "Map", "Parameters": {}, "ItemSelector": {}, "End": true, "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}}}),
    ] {
        assert_ne!(refused(wrong.clone()), "", "{wrong}");
    }
}

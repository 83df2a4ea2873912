//! Automations: started, shown, signalled, stopped, on many targets.

use super::automation_fixture::*;
use cloudlet_api_ssm::*;
use serde_json::json;

#[tokio::test]
async fn a_runbook_calls_apis_and_shows_its_steps() {
    let cloud = fixture();
    let put = json!({"name": "put", "action": "aws:executeAwsApi", "inputs": {"Service": "ssm", "Api": "PutParameter", "Name": "{{ Name }}",
        "Value": "{{ Value }} at {{ global:REGION }}", "Type": "String"}, "outputs": [{"Name": "Version", "Selector": "$.Version", "Type": "Integer"}]});
    let get = json!({"name": "get", "action": "aws:executeAwsApi", "inputs": {"Service": "ssm", "Api": "get_parameter", "Name": "{{ Name }}"},
        "outputs": [{"Name": "Value", "Selector": "$.Parameter.Value", "Type": "String"}], "isEnd": true});
    let never = json!({"name": "never", "action": "aws:sleep", "inputs": {"Duration": "PT1H"}});
    let document = json!({"schemaVersion": "0.3", "parameters": {"Name": {"type": "String"}, "Value": {"type": "String", "default": "v"}},
        "mainSteps": [put, get, never], "outputs": ["get.Value", "never.Nothing"]});
    create(&cloud, "book", document).await;
    let id = start(&cloud, "book", &[("Name", &["p"])]).await;
    let shown = shown(&cloud, &id).await;
    assert_eq!(shown.automation_execution_status.as_deref(), Some("Success"), "{:?}", shown.failure_message);
    let outputs = shown.outputs.unwrap();
    assert_eq!(outputs["get.Value"], ["v at us-east-1"]);
    assert_eq!(outputs["never.Nothing"], ["No output available yet because the step is not successfully executed"]);
    assert_eq!(shown.parameters.unwrap()["Value"], ["v"]);
    assert_eq!(shown.document_version.as_deref(), Some("1"));
    let steps = shown.step_executions.unwrap();
    assert_eq!(statuses(&steps), [("put", "Success"), ("get", "Success"), ("never", "Pending")]);
    assert_eq!(steps[0].inputs.as_ref().unwrap()["Value"], "\"v at us-east-1\"");
    assert_eq!(steps[0].outputs.as_ref().unwrap()["Version"], ["1"]);
    assert_eq!(steps[0].valid_next_steps.as_deref(), Some(&["get".to_owned()][..]));
    assert_eq!(cloud.value("p").await, "v at us-east-1");

    let steps = |filter: Option<(&str, &str)>, reverse_order| {
        let filters = filter.map(|(key, value)| vec![StepExecutionFilter { key: key.into(), values: vec![value.into()] }]);
        DescribeAutomationStepExecutionsRequest { automation_execution_id: id.clone(), filters, reverse_order, ..Default::default() }
    };
    let listed = cloud.ok::<DescribeAutomationStepExecutions>(steps(None, Some(true))).await.step_executions.unwrap();
    assert_eq!(listed[2].step_name.as_deref(), Some("put"));
    let listed = cloud.ok::<DescribeAutomationStepExecutions>(steps(Some(("StepExecutionStatus", "Pending")), None)).await.step_executions.unwrap();
    assert_eq!(listed[0].step_name.as_deref(), Some("never"));
}

#[tokio::test]
async fn failures_are_said_as_aws_says_them() {
    let cloud = fixture();
    let call = |inputs: serde_json::Value| json!([{"name": "call", "action": "aws:executeAwsApi", "inputs": inputs}]);
    let message = |steps: serde_json::Value| {
        let cloud = &cloud;
        async move {
            let name = format!("book-{}", cloud.runtime.ids.hex(8));
            create(cloud, &name, json!({"schemaVersion": "0.3", "mainSteps": steps})).await;
            let id = start(cloud, &name, &[]).await;
            let shown = shown(cloud, &id).await;
            assert_eq!(shown.automation_execution_status.as_deref(), Some("Failed"));
            let step = shown.step_executions.unwrap().remove(0);
            assert_eq!(step.failure_message, shown.failure_message);
            (shown.failure_message.unwrap(), step.failure_details.unwrap().failure_type.unwrap())
        }
    };
    let end = "Please refer to Automation Service Troubleshooting Guide for more diagnosis details.";
    let (text, kind) = message(call(json!({"Service": "ssm", "Api": "GetParameter", "Name": "none"}))).await;
    assert!(
        text.starts_with(
            "Step fails when it is Execute/Cancelling action. An error occurred (ParameterNotFound) when calling the GetParameter operation:"
        ),
        "{text}"
    );
    assert!(text.ends_with(end) && kind == "Action");
    let (text, _) = message(call(json!({"Service": "ssm", "Api": "GetParameter", "Nome": "none"}))).await;
    assert!(text.contains("Parameter validation failed: Unknown parameter in input: \"Nome\", must be one of: Name, WithDecryption"), "{text}");
    let (text, _) = message(call(json!({"Service": "ssm", "Api": "GetParameter"}))).await;
    assert!(text.contains("Missing required parameter in input: \"Name\""), "{text}");
    let (text, _) = message(call(json!({"Service": "ssm", "Api": "GetParameter", "Name": 5}))).await;
    assert!(text.contains("Invalid type for parameter Name, value: 5, type: <class 'int'>, valid types: <class 'str'>"), "{text}");
    let (text, _) = message(call(json!({"Service": "dynamodb", "Api": "PutItem"}))).await;
    assert!(text.contains("Cloudlet does not implement dynamodb:PutItem yet"), "{text}");
    let (text, _) = message(json!([{"name": "hook", "action": "aws:invokeWebhook", "inputs": {"IntegrationName": "x"}}])).await;
    assert!(text.contains("The webhook integration x does not exist"), "{text}");
    let (text, _) =
        message(json!([{"name": "script", "action": "aws:executeScript", "inputs": {"Runtime": "python3.11", "Handler": "h", "Script": ""}}])).await;
    assert!(text.contains("no Python"), "{text}");
    let assert = json!([{"name": "is", "action": "aws:assertAwsResourceProperty", "inputs": {"Service": "ssm", "Api": "GetServiceSetting",
        "SettingId": "/ssm/opsinsights/opscenter", "PropertySelector": "$.ServiceSetting.SettingValue", "DesiredValues": ["Enabled"]}}]);
    let (text, kind) = message(assert).await;
    assert!(text.contains("[Disabled] is not in desired values") && kind == "Verification", "{text}");
}

#[tokio::test]
async fn requests_are_checked() {
    let cloud = fixture();
    create(
        &cloud,
        "book",
        json!({"schemaVersion": "0.3", "assumeRole": "{{ Role }}", "parameters": {"Role": {"type": "String", "default": ""},
        "Id": {"type": "String", "allowedPattern": "^i-[0-9]+$"}}, "mainSteps": [sleep("a")]}),
    )
    .await;
    let fault = |parameters: &[(&str, &[&str])]| cloud.expect_fault::<StartAutomationExecution>(request("book", parameters));
    let said = |fault: cloudlet_aws::Fault| (fault.name().to_owned(), fault.message().to_owned());
    let invalid = "InvalidAutomationExecutionParametersException";
    assert_eq!(said(fault(&[]).await), (invalid.into(), "Missing required parameter: Id in user inputs.".into()));
    assert_eq!(
        said(fault(&[("Id", &["i-1"]), ("Role", &["arn:aws:iam::000000000000:role/none"])]).await),
        (invalid.into(), "The defined assume role is unable to be assumed.".into())
    );
    assert_eq!(fault(&[("Id", &["x"])]).await.name(), invalid);
    assert_eq!(fault(&[("Id", &["i-1"]), ("Other", &["x"])]).await.name(), invalid);
    assert_eq!(fault(&[("Id", &["i-1"]), ("Role", &["role"])]).await.name(), invalid);
    assert_eq!(cloud.expect_fault::<StartAutomationExecution>(request("none", &[])).await.name(), "AutomationDefinitionNotFoundException");
    let version = StartAutomationExecutionRequest { document_version: Some("7".into()), ..request("book", &[]) };
    assert_eq!(cloud.expect_fault::<StartAutomationExecution>(version).await.name(), "AutomationDefinitionVersionNotFoundException");
    let token =
        StartAutomationExecutionRequest { client_token: Some("12345678-1234-1234-1234-123456789012".into()), ..request("book", &[("Id", &["i-1"])]) };
    let one = cloud.ok::<StartAutomationExecution>(token.clone()).await.automation_execution_id;
    assert_eq!(cloud.ok::<StartAutomationExecution>(token.clone()).await.automation_execution_id, one);
    let other = StartAutomationExecutionRequest { parameters: request("book", &[("Id", &["i-2"])]).parameters, ..token };
    assert_eq!(cloud.expect_fault::<StartAutomationExecution>(other).await.name(), "IdempotentParameterMismatch");
    let wrong = create_request("wrong", &json!({"schemaVersion": "0.3", "mainSteps": [{"name": "a", "action": "aws:nothing", "inputs": {}}]}));
    assert_eq!(cloud.expect_fault::<CreateDocument>(wrong).await.name(), "InvalidDocumentContent");
    let none = GetAutomationExecutionRequest { automation_execution_id: "12345678-1234-1234-1234-123456789012".into() };
    assert_eq!(cloud.expect_fault::<GetAutomationExecution>(none).await.name(), "AutomationExecutionNotFoundException");
}

#[tokio::test]
async fn a_role_is_assumed_and_parameters_are_read_from_the_store() {
    let cloud = fixture();
    cloud.put(super::fixture::string("/ami", "ami-1")).await;
    create(
        &cloud,
        "book",
        json!({"schemaVersion": "0.3", "assumeRole": "arn:aws:iam::{{ global:ACCOUNT_ID }}:role/auto",
        "parameters": {"Ami": {"type": "String", "default": "{{ssm:/ami}}"}},
        "mainSteps": [{"name": "who", "action": "aws:executeAwsApi", "inputs": {"Service": "sts", "Api": "GetCallerIdentity"},
            "outputs": [{"Name": "Arn", "Selector": "$.Arn", "Type": "String"}]}], "outputs": ["who.Arn"]}),
    )
    .await;
    let id = start(&cloud, "book", &[]).await;
    let shown = shown(&cloud, &id).await;
    assert_eq!(shown.outputs.unwrap()["who.Arn"][0], format!("arn:aws:sts::000000000000:assumed-role/auto/Automation-{id}"));
    assert_eq!(shown.parameters.unwrap()["Ami"], ["ami-1"]);
}

#[tokio::test]
async fn approvals_signals_and_stops() {
    let cloud = fixture();
    let ask = json!({"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["approver"], "Message": "please"}});
    let pause = json!({"name": "pause", "action": "aws:pause", "inputs": {}});
    create(&cloud, "book", json!({"schemaVersion": "0.3", "mainSteps": [ask, pause, sleep("rest")]})).await;
    let id = start(&cloud, "book", &[]).await;
    assert_eq!(status(&cloud, &id).await, "Waiting");
    let signal = |kind: &str| SendAutomationSignalRequest { automation_execution_id: id.clone(), signal_type: kind.into(), payload: None };
    assert_eq!(cloud.expect_fault::<SendAutomationSignal>(signal("Approve")).await.name(), "InvalidAutomationSignalException");
    let approver = super::fixture::user(cloud.account(), "approver");
    cloud.call_as::<SendAutomationSignal>(&approver, signal("Approve")).await.unwrap();
    let steps = shown(&cloud, &id).await.step_executions.unwrap();
    assert_eq!(steps[0].outputs.as_ref().unwrap()["ApprovalStatus"], ["Approved"]);
    assert_eq!(statuses(&steps), [("ask", "Success"), ("pause", "Waiting"), ("rest", "Pending")]);
    cloud.ok::<SendAutomationSignal>(signal("Resume")).await;
    cloud.ok::<StopAutomationExecution>(StopAutomationExecutionRequest { automation_execution_id: id.clone(), r#type: None }).await;
    let shown = shown(&cloud, &id).await;
    assert_eq!(shown.automation_execution_status.as_deref(), Some("Cancelled"));
    assert_eq!(statuses(&shown.step_executions.unwrap())[2], ("rest", "Cancelled"));
    let again = StopAutomationExecutionRequest { automation_execution_id: id.clone(), r#type: None };
    assert_eq!(cloud.expect_fault::<StopAutomationExecution>(again).await.name(), "InvalidAutomationStatusUpdateException");
}

#[tokio::test]
async fn many_targets_one_after_the_other_until_too_many_fail() {
    let cloud = fixture();
    for name in ["a", "c"] {
        cloud.put(super::fixture::string(name, "v")).await;
    }
    create(
        &cloud,
        "book",
        json!({"schemaVersion": "0.3", "parameters": {"Name": {"type": "String"}},
        "mainSteps": [{"name": "get", "action": "aws:executeAwsApi", "inputs": {"Service": "ssm", "Api": "GetParameter", "Name": "{{ Name }}"}}]}),
    )
    .await;
    let request = |most_errors: &str| {
        let targets = vec![Target { key: Some("ParameterValues".into()), values: Some(["a", "b", "c"].map(Into::into).to_vec()) }];
        StartAutomationExecutionRequest {
            document_name: "book".into(),
            targets: Some(targets),
            target_parameter_name: Some("Name".into()),
            max_concurrency: Some("1".into()),
            max_errors: Some(most_errors.into()),
            ..Default::default()
        }
    };
    for (most_errors, expected, done) in
        [("0", "Failed", vec![("a", "Success"), ("b", "Failed")]), ("1", "Success", vec![("a", "Success"), ("b", "Failed"), ("c", "Success")])]
    {
        let id = cloud.ok::<StartAutomationExecution>(request(most_errors)).await.automation_execution_id.unwrap();
        cloud.settle().await;
        let shown = shown(&cloud, &id).await;
        assert_eq!(shown.automation_execution_status.as_deref(), Some(expected));
        let mut steps = statuses(&shown.step_executions.clone().unwrap())
            .into_iter()
            .map(|(name, status)| (name.to_owned(), status.to_owned()))
            .collect::<Vec<_>>();
        steps.sort();
        assert_eq!(steps, done.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect::<Vec<_>>());
        assert_eq!(shown.resolved_targets.unwrap().parameter_values.unwrap(), ["a", "b", "c"]);
        let filter = AutomationExecutionFilter { key: "ParentExecutionId".into(), values: vec![id] };
        let children =
            cloud.ok::<DescribeAutomationExecutions>(DescribeAutomationExecutionsRequest { filters: Some(vec![filter]), ..Default::default() }).await;
        assert_eq!(children.automation_execution_metadata_list.unwrap().len(), done.len());
    }
    let without = StartAutomationExecutionRequest { targets: None, ..request("0") };
    let fault = cloud.expect_fault::<StartAutomationExecution>(without).await;
    assert_eq!(fault.message(), "Missing required parameter: Name in user inputs.");
    let all =
        cloud.ok::<DescribeAutomationExecutions>(DescribeAutomationExecutionsRequest::default()).await.automation_execution_metadata_list.unwrap();
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn an_automation_in_an_automation_and_what_waits_for_a_property() {
    let cloud = fixture();
    create(
        &cloud,
        "inner",
        json!({"schemaVersion": "0.3", "parameters": {"Rest": {"type": "String"}},
        "mainSteps": [{"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "{{ Rest }}"}}]}),
    )
    .await;
    let run = json!({"name": "run", "action": "aws:executeAutomation", "inputs": {"DocumentName": "inner", "RuntimeParameters": {"Rest": "PT10M"}}});
    let wait = json!({"name": "wait", "action": "aws:waitForAwsResourceProperty", "inputs": {"Service": "ssm", "Api": "GetServiceSetting",
        "SettingId": "/ssm/opsinsights/opscenter", "PropertySelector": "$.ServiceSetting.SettingValue", "DesiredValues": ["Enabled"]}});
    create(&cloud, "outer", json!({"schemaVersion": "0.3", "mainSteps": [run, wait]})).await;
    let id = start(&cloud, "outer", &[]).await;
    assert_eq!(shown(&cloud, &id).await.current_step_name.as_deref(), Some("run"));
    cloud.pass(600).await;
    let current = shown(&cloud, &id).await;
    assert_eq!(current.current_step_name.as_deref(), Some("wait"), "{:?}", current.failure_message);
    let setting = UpdateServiceSettingRequest { setting_id: "/ssm/opsinsights/opscenter".into(), setting_value: "Enabled".into() };
    cloud.ok::<UpdateServiceSetting>(setting).await;
    cloud.pass(10).await;
    assert_eq!(status(&cloud, &id).await, "Success");
    // It is shown for thirty days.
    cloud.pass(31 * 86_400).await;
    let gone = GetAutomationExecutionRequest { automation_execution_id: id };
    assert_eq!(cloud.expect_fault::<GetAutomationExecution>(gone).await.name(), "AutomationExecutionNotFoundException");
}

#[tokio::test]
async fn more_than_a_hundred_wait_for_their_turn() {
    let cloud = fixture();
    create(&cloud, "book", json!({"schemaVersion": "0.3", "mainSteps": [sleep("a")]})).await;
    let mut ids = vec![];
    for _ in 0..102 {
        ids.push(cloud.ok::<StartAutomationExecution>(request("book", &[])).await.automation_execution_id.unwrap());
    }
    assert_eq!((status(&cloud, &ids[99]).await.as_str(), status(&cloud, &ids[101]).await.as_str()), ("InProgress", "Pending"));
    cloud.pass(3_600).await;
    assert_eq!((status(&cloud, &ids[0]).await.as_str(), status(&cloud, &ids[101]).await.as_str()), ("Success", "InProgress"));
}

#[tokio::test]
async fn step_by_step_and_previews() {
    let cloud = fixture();
    let get = json!({"name": "get", "action": "aws:executeAwsApi", "inputs": {"Service": "ssm", "Api": "GetServiceSetting", "SettingId": "/ssm/opsinsights/opscenter"}});
    create(&cloud, "book", json!({"schemaVersion": "0.3", "mainSteps": [get, sleep("rest")]})).await;
    let interactive = StartAutomationExecutionRequest { mode: Some("Interactive".into()), ..request("book", &[]) };
    let id = cloud.ok::<StartAutomationExecution>(interactive).await.automation_execution_id.unwrap();
    cloud.settle().await;
    assert_eq!(status(&cloud, &id).await, "Waiting");
    let payload = Some([("StepName".to_owned(), vec!["get".to_owned()])].into());
    let signal = SendAutomationSignalRequest { automation_execution_id: id.clone(), signal_type: "StartStep".into(), payload };
    cloud.ok::<SendAutomationSignal>(signal).await;
    cloud.settle().await;
    let steps = shown(&cloud, &id).await.step_executions.unwrap();
    assert_eq!(statuses(&steps), [("get", "Success"), ("rest", "Pending")]);
    let preview = StartExecutionPreviewRequest { document_name: "book".into(), ..Default::default() };
    let preview = cloud.ok::<StartExecutionPreview>(preview).await.execution_preview_id.unwrap();
    let preview = cloud.ok::<GetExecutionPreview>(GetExecutionPreviewRequest { execution_preview_id: preview }).await;
    assert_eq!(preview.execution_preview.unwrap().automation.unwrap().step_previews.unwrap()["Non_Mutating"], 2);
}

"""Automation: runbooks that really run, with the clients that people use."""

import json
import shutil
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

TRUST = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}}
ALL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
OVER = ("Success", "Failed", "TimedOut", "Cancelled")


def refused(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def ssm(server):
    return server.client("ssm")


@pytest.fixture(scope="module")
def role(server):
    """A role of Automation that may do everything."""
    iam = server.client("iam")
    arn = iam.create_role(RoleName="automation", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="automation", PolicyName="all", PolicyDocument=json.dumps(ALL))
    return arn


def make(ssm, name, text):
    ssm.create_document(Name=name, Content=text, DocumentType="Automation", DocumentFormat="JSON" if text.startswith("{") else "YAML")
    return name


def until(ssm, id, *statuses):
    """The execution once it has one of these statuses."""
    for _ in range(2400):
        execution = ssm.get_automation_execution(AutomationExecutionId=id)["AutomationExecution"]
        if execution["AutomationExecutionStatus"] in (statuses or OVER):
            return execution
        time.sleep(0.05)
    raise AssertionError(execution)


def run(ssm, name, **parameters):
    given = {"Parameters": parameters} if parameters else {}
    id = ssm.start_automation_execution(DocumentName=name, **given)["AutomationExecutionId"]
    return until(ssm, id)


def test_runbooks_of_aws_run(server, ssm, role):
    assert run(ssm, "AWS-HelloWorld")["AutomationExecutionStatus"] == "Success"
    ec2 = server.client("ec2")
    instance = ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    stopped = run(ssm, "AWS-StopEC2Instance", InstanceId=[instance], AutomationAssumeRole=[role])
    assert stopped["AutomationExecutionStatus"] == "Success", stopped.get("FailureMessage")
    assert ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"] == "stopped"
    step = stopped["StepExecutions"][0]
    assert (step["StepName"], step["Outputs"]["InstanceStates"], step["Inputs"]["DesiredState"]) == ("stopInstances", ["stopped"], '"stopped"')
    assert run(ssm, "AWS-StartEC2Instance", InstanceId=[instance])["AutomationExecutionStatus"] == "Success"
    assert run(ssm, "AWS-TerminateEC2Instance", InstanceId=[instance])["AutomationExecutionStatus"] == "Success"
    sns, sqs = server.client("sns"), server.client("sqs")
    topic, queue = sns.create_topic(Name="automation-news")["TopicArn"], sqs.create_queue(QueueName="automation-news")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:automation-news")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*",
                             "Action": "sqs:SendMessage", "Resource": "*"}})})
    run(ssm, "AWS-PublishSNSNotification", TopicArn=[topic], Message=["hello"])
    message = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"][0]
    assert json.loads(message["Body"])["Message"] == "hello"


def test_the_role_is_passed_and_assumed(server, ssm, role):
    iam = server.client("iam")
    make(ssm, "who", f"""
schemaVersion: '0.3'
assumeRole: '{{{{ Role }}}}'
parameters:
  Role: {{type: AWS::IAM::Role::Arn}}
mainSteps:
- name: who
  action: aws:executeAwsApi
  inputs: {{Service: sts, Api: GetCallerIdentity}}
  outputs:
  - {{Name: Arn, Selector: $.Arn, Type: String}}
outputs: [who.Arn]
""")
    done = run(ssm, "who", Role=[role])
    id = done["AutomationExecutionId"]
    assert done["Outputs"]["who.Arn"] == [f"arn:aws:sts::000000000000:assumed-role/automation/Automation-{id}"]
    iam.create_user(UserName="starter")
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}}
    iam.put_user_policy(UserName="starter", PolicyName="ssm", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="starter")["AccessKey"]
    starter = server.client("ssm", key["AccessKeyId"], key["SecretAccessKey"])
    code, message = refused(starter.start_automation_execution, DocumentName="who", Parameters={"Role": [role]})
    assert code == "AccessDeniedException" and "iam:PassRole" in message
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(TRUST).replace("ssm.", "lambda."))["Role"]["Arn"]
    for wrong in (other, "arn:aws:iam::000000000000:role/none"):
        assert refused(ssm.start_automation_execution, DocumentName="who", Parameters={"Role": [wrong]}) == (
            "InvalidAutomationExecutionParametersException", "The defined assume role is unable to be assumed.")
    iam.create_role(RoleName="poor", AssumeRolePolicyDocument=json.dumps(TRUST))
    make(ssm, "poor", json.dumps({"schemaVersion": "0.3", "assumeRole": "arn:aws:iam::000000000000:role/poor", "mainSteps": [
        {"name": "list", "action": "aws:executeAwsApi", "inputs": {"Service": "sqs", "Api": "ListQueues"}}]}))
    failed = run(ssm, "poor")
    details = failed["StepExecutions"][0]["FailureDetails"]
    assert details["FailureType"] == "Permission" and "when calling the ListQueues operation" in failed["FailureMessage"]


SCRIPT = """
schemaVersion: '0.3'
assumeRole: '{{ Role }}'
parameters:
  Role: {type: String}
  Names: {type: StringList}
mainSteps:
- name: make
  action: aws:executeScript
  inputs:
    Runtime: python3.11
    Handler: make
    InputPayload: {names: '{{ Names }}', region: '{{ global:REGION }}'}
    Script: |
      def make(events, context):
          print("making", events["names"])
          return {"first": events["names"][0] + "-" + events["region"], "count": len(events["names"]), "list": events["names"]}
  outputs:
  - {Name: First, Selector: $.Payload.first, Type: String}
  - {Name: Count, Selector: $.Payload.count, Type: Integer}
- name: each
  action: aws:loop
  inputs:
    Iterators: '{{ Names }}'
    Steps:
    - name: create
      action: aws:executeAwsApi
      inputs: {Service: sqs, Api: CreateQueue, QueueName: '{{ each.CurrentIteratorValue }}'}
- name: choose
  action: aws:branch
  inputs:
    Choices:
    - {NextStep: enough, Variable: '{{ make.Count }}', NumericGreaterOrEquals: 2}
  isEnd: true
- name: never
  action: aws:pause
  inputs: {}
- name: enough
  action: aws:executeScript
  onFailure: Continue
  inputs:
    Runtime: python3.11
    Handler: fails
    Script: |
      def fails(events, context):
          return events["missing"]
outputs: [make.First, never.Nothing]
"""


@pytest.mark.skipif(shutil.which("python3.11") is None, reason="there is no python3.11")
def test_scripts_loops_and_branches(server, ssm, role):
    make(ssm, "scripts", SCRIPT)
    done = run(ssm, "scripts", Role=[role], Names=["auto-a", "auto-b"])
    assert done["AutomationExecutionStatus"] == "Success", done.get("FailureMessage")
    assert done["Outputs"] == {"make.First": ["auto-a-us-east-1"],
                               "never.Nothing": ["No output available yet because the step is not successfully executed"]}
    steps = {step["StepName"]: step for step in done["StepExecutions"]}
    assert "making ['auto-a', 'auto-b']" in steps["make"]["Response"]
    assert (steps["never"]["StepStatus"], steps["enough"]["StepStatus"]) == ("Pending", "Failed")
    assert "KeyError - 'missing'. Please refer to Automation Service" in steps["enough"]["FailureMessage"]
    inner = [step["ParentStepDetails"]["IteratorValue"] for step in done["StepExecutions"] if step["StepName"] == "create"]
    assert inner == ["auto-a", "auto-b"]
    urls = server.client("sqs").list_queues(QueueNamePrefix="auto-")["QueueUrls"]
    assert [url.rsplit("/", 1)[1] for url in urls] == ["auto-a", "auto-b"]


@pytest.mark.skipif(shutil.which("python3.11") is None, reason="there is no python3.11")
@pytest.mark.parametrize("runtime", ["python3.11", "python3.12"])
def test_a_script_calls_aws_with_the_role(server, ssm, role, runtime):
    name = f"boto-{runtime}"
    make(ssm, name, json.dumps({"schemaVersion": "0.3", "assumeRole": role, "mainSteps": [{"name": "who", "action": "aws:executeScript", "inputs": {
        "Runtime": runtime, "Handler": "who",
        "Script": "import boto3\ndef who(events, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"}}], "outputs": ["who.Payload"]}))
    done = run(ssm, name)
    # The SDK of another Python is seen where the one that runs has none.
    if "No module named 'boto3'" in done.get("FailureMessage", ""):
        pytest.skip("no Python of this machine has boto3")
    assert done["AutomationExecutionStatus"] == "Success", done.get("FailureMessage")
    assert done["Outputs"]["who.Payload"] == [f"arn:aws:sts::000000000000:assumed-role/automation/Automation-{done['AutomationExecutionId']}"]


def test_other_services_are_waited_for(server, ssm, role):
    sfn = server.client("stepfunctions")
    trust = json.dumps(TRUST).replace("ssm.", "states.")
    states = server.client("iam").create_role(RoleName="automation-states", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    definition = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"}, "P": {"Type": "Pass", "Result": {"a": 1}, "End": True}}}
    machine = sfn.create_state_machine(name="automation", roleArn=states, definition=json.dumps(definition))["stateMachineArn"]
    make(ssm, "machine", json.dumps({"schemaVersion": "0.3", "mainSteps": [
        {"name": "run", "action": "aws:executeStateMachine", "inputs": {"stateMachineArn": machine, "input": "{}"}},
        {"name": "hook", "action": "aws:invokeWebhook", "onFailure": "Continue", "inputs": {"IntegrationName": "x"}},
        {"name": "stack", "action": "aws:createStack", "onFailure": "Continue", "inputs": {"StackName": "x", "TemplateBody": "{}"}},
        {"name": "tags", "action": "aws:createTags", "onFailure": "Continue", "inputs": {"ResourceType": "Parameter", "ResourceIds": ["none"],
                                                                                         "Tags": [{"Key": "a", "Value": "b"}]}}],
        "outputs": ["run.output", "run.status"]}))
    done = run(ssm, "machine")
    assert done["Outputs"] == {"run.output": ['{"a":1}'], "run.status": ["SUCCEEDED"]}, done
    steps = {step["StepName"]: step.get("FailureMessage", "") for step in done["StepExecutions"]}
    assert "The webhook integration x does not exist" in steps["hook"]
    assert "Cloudlet does not implement cloudformation:CreateStack yet" in steps["stack"]
    assert "An error occurred (InvalidResourceId) when calling the AddTagsToResource operation" in steps["tags"]


def test_lists_of_automations(ssm):
    make(ssm, "listed", json.dumps({"schemaVersion": "0.3", "mainSteps": [{"name": "s", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}]}))
    started = [ssm.start_automation_execution(DocumentName="listed")["AutomationExecutionId"] for _ in range(3)]
    only = [{"Key": "DocumentNamePrefix", "Values": ["listed"]}]
    listed, token = [], {}
    for _ in range(3):
        page = ssm.describe_automation_executions(Filters=only, MaxResults=1, **token)
        listed += [execution["AutomationExecutionId"] for execution in page["AutomationExecutionMetadataList"]]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else {}
    assert sorted(listed) == sorted(started)
    assert refused(ssm.describe_automation_executions, NextToken="zz")[0] == "InvalidNextToken"
    assert refused(ssm.describe_automation_executions, Filters=[{"Key": "StartTimeAfter", "Values": ["soon"]}])[0] == "InvalidFilterValue"
    none = [{"Key": "DocumentNamePrefix", "Values": ["none"]}]
    assert ssm.describe_automation_executions(Filters=none)["AutomationExecutionMetadataList"] == []
    # The token of one list is not one of another.
    page = ssm.describe_automation_executions(Filters=only, MaxResults=1)
    assert refused(ssm.describe_automation_executions, Filters=none, NextToken=page["NextToken"])[0] == "InvalidNextToken"


APPROVAL = {"schemaVersion": "0.3", "mainSteps": [
    {"name": "ask", "action": "aws:approve", "inputs": {"NotificationArn": "arn:aws:sns:us-east-1:000000000000:Automation-asks", "Message": "Please look",
                                                          "Approvers": ["approver"]}},
    {"name": "put", "action": "aws:executeAwsApi", "inputs": {"Service": "ssm", "Api": "PutParameter", "Name": "approved", "Value": "yes", "Type": "String"}}]}


def make_approver(server):
    iam = server.client("iam")
    iam.create_user(UserName="approver")
    iam.put_user_policy(UserName="approver", PolicyName="all", PolicyDocument=json.dumps(ALL))
    key = iam.create_access_key(UserName="approver")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_an_approval_is_asked_for_and_outlives_a_kill(start, tmp_path):
    folder = str(tmp_path / "data")
    server = start("--data-dir", folder)
    ssm, sns, sqs = server.client("ssm"), server.client("sns"), server.client("sqs")
    topic, queue = sns.create_topic(Name="Automation-asks")["TopicArn"], sqs.create_queue(QueueName="asks")["QueueUrl"]
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:asks")
    key, secret = make_approver(server)
    make(ssm, "ask", json.dumps(APPROVAL))
    make(ssm, "rest", json.dumps({"schemaVersion": "0.3", "mainSteps": [{"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT1H"}}]}))
    id = ssm.start_automation_execution(DocumentName="ask")["AutomationExecutionId"]
    rest = ssm.start_automation_execution(DocumentName="rest")["AutomationExecutionId"]
    assert until(ssm, id, "Waiting")["CurrentStepName"] == "ask"
    notice = json.loads(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"][0]["Body"])
    assert id in notice["Message"] and "Please look" in notice["Message"]
    server.process.kill()
    server.process.wait()
    server = start("--data-dir", folder)
    ssm = server.client("ssm")
    by = server.client("ssm", key, secret)
    assert refused(ssm.send_automation_signal, AutomationExecutionId=id, SignalType="Approve")[0] == "InvalidAutomationSignalException"
    by.send_automation_signal(AutomationExecutionId=id, SignalType="Approve", Payload={"Comment": ["fine"]})
    done = until(ssm, id)
    assert done["AutomationExecutionStatus"] == "Success"
    assert "fine" in done["StepExecutions"][0]["Outputs"]["ApproverDecisions"][0]
    assert ssm.get_parameter(Name="approved")["Parameter"]["Value"] == "yes"
    # Signatures are of the real time, so the clock goes on for a moment only.
    server.advance(3_600)
    assert server.request("POST", "/_cloudlet/settle").status == 200
    server.reset_clock()
    assert until(ssm, rest)["AutomationExecutionStatus"] == "Success"


def test_what_a_kill_interrupts_fails_and_what_waits_goes_on(start, tmp_path):
    """A command ends with the server, and its step fails. A state machine goes on, and its step with it."""
    folder = str(tmp_path / "data")
    server = start("--data-dir", folder, "--ssm-local-node=true")
    ssm, sfn, iam = server.client("ssm"), server.client("stepfunctions"), server.client("iam")
    role = iam.create_role(RoleName="states", AssumeRolePolicyDocument=json.dumps(TRUST).replace("ssm.", "states."))["Role"]["Arn"]
    definition = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    machine = sfn.create_state_machine(name="waits", roleArn=role, definition=json.dumps(definition))["stateMachineArn"]
    node = "mi-0c10d1e7000000001"
    command = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [node], "Parameters": {"commands": ["sleep 1000"]}}
    make(ssm, "command", json.dumps({"schemaVersion": "0.3", "mainSteps": [{"name": "run", "action": "aws:runCommand", "inputs": command}]}))
    make(ssm, "machine", json.dumps({"schemaVersion": "0.3", "mainSteps": [
        {"name": "run", "action": "aws:executeStateMachine", "inputs": {"stateMachineArn": machine}}]}))
    interrupted = ssm.start_automation_execution(DocumentName="command")["AutomationExecutionId"]
    waiting = ssm.start_automation_execution(DocumentName="machine")["AutomationExecutionId"]

    def eventually(look):
        for _ in range(2400):
            if found := look():
                return found
            time.sleep(0.05)
        raise AssertionError("it did not happen")

    sent = eventually(lambda: [sent for sent in ssm.list_command_invocations()["CommandInvocations"] if sent["Status"] == "InProgress"])[0]
    eventually(lambda: sfn.list_executions(stateMachineArn=machine)["executions"])
    server.process.kill()
    server.process.wait()
    server = start("--data-dir", folder, "--ssm-local-node=true")
    ssm = server.client("ssm")
    done = until(ssm, interrupted)
    assert done["AutomationExecutionStatus"] == "Failed", done
    assert ssm.get_command_invocation(CommandId=sent["CommandId"], InstanceId=node)["Status"] == "Failed"
    assert until(ssm, waiting, "InProgress")["CurrentStepName"] == "run"

    def over():
        # Signatures are of the real time, so the clock goes on for a moment only.
        server.advance(3_700)
        server.request("POST", "/_cloudlet/settle")
        server.reset_clock()
        return ssm.get_automation_execution(AutomationExecutionId=waiting)["AutomationExecution"]["AutomationExecutionStatus"] in OVER

    eventually(over)
    assert until(ssm, waiting)["AutomationExecutionStatus"] == "Success"


def test_many_targets_by_their_tag(server, ssm):
    ec2 = server.client("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Fleet", "Value": "auto"}]}]
    ids = [instance["InstanceId"] for instance in ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=3, MaxCount=3, TagSpecifications=tags)["Instances"]]
    id = ssm.start_automation_execution(DocumentName="AWS-StopEC2Instance", TargetParameterName="InstanceId", MaxConcurrency="2", MaxErrors="0",
                                        Targets=[{"Key": "tag:Fleet", "Values": ["auto"]}])["AutomationExecutionId"]
    done = until(ssm, id)
    assert done["AutomationExecutionStatus"] == "Success", done.get("FailureMessage")
    assert sorted(done["ResolvedTargets"]["ParameterValues"]) == sorted(ids)
    assert done["ProgressCounters"] == {"TotalSteps": 3, "SuccessSteps": 3, "FailedSteps": 0, "CancelledSteps": 0, "TimedOutSteps": 0}
    children = ssm.describe_automation_executions(Filters=[{"Key": "ParentExecutionId", "Values": [id]}])["AutomationExecutionMetadataList"]
    assert sorted(child["Target"] for child in children) == sorted(ids)


def test_commands_run_on_a_node(start):
    ssm = start("--ssm-local-node").client("ssm")
    node = ssm.describe_instance_information()["InstanceInformationList"][0]["InstanceId"]
    step = {"action": "aws:runCommand", "inputs": {"DocumentName": "AWS-RunShellScript", "InstanceIds": [node], "Parameters": {"commands": ["{{ Command }}"]}}}
    make(ssm, "commands", json.dumps({"schemaVersion": "0.3", "parameters": {"Command": {"type": "String"}}, "mainSteps": [{"name": "run", **step}],
                                      "outputs": ["run.Output", "run.ResponseCode"]}))
    done = run(ssm, "commands", Command=["echo hello"])
    assert done["Outputs"] == {"run.Output": ["hello\n"], "run.ResponseCode": ["0"]}, done.get("FailureMessage")
    failed = run(ssm, "commands", Command=["exit 3"])
    assert failed["FailureMessage"].startswith("Step fails when it is verifying the command has completed. Command ")
    assert "returns unexpected invocation result: \n{Status=[Failed], ResponseCode=[3]" in failed["FailureMessage"]


def test_what_aws_cli_does(aws, ssm):
    make(ssm, "cli", json.dumps({"schemaVersion": "0.3", "mainSteps": [{"name": "pause", "action": "aws:pause", "inputs": {}}]}))
    id = aws.json("ssm", "start-automation-execution", "--document-name", "cli")["AutomationExecutionId"]
    until(ssm, id, "Waiting")
    listed = aws.json("ssm", "describe-automation-executions", "--filters", "Key=DocumentNamePrefix,Values=cli")
    assert listed["AutomationExecutionMetadataList"][0]["AutomationExecutionId"] == id
    aws("ssm", "send-automation-signal", "--automation-execution-id", id, "--signal-type", "Resume", "--payload", "StepName=pause")
    until(ssm, id)
    steps = aws.json("ssm", "describe-automation-step-executions", "--automation-execution-id", id)
    assert steps["StepExecutions"][0]["StepStatus"] == "Success"
    done = aws.run("ssm", "stop-automation-execution", "--automation-execution-id", id)
    assert "InvalidAutomationStatusUpdateException" in done.stderr
    done = aws.run("ssm", "create-document", "--name", "wrong", "--document-type", "Automation", "--content",
                   json.dumps({"schemaVersion": "0.3", "mainSteps": [{"name": "a", "action": "aws:executeAwsApi", "inputs": {"Service": "ec2", "Api": "x", "Y": "{{ Nobody }}"}}]}))
    assert 'Parameter "Nobody" is not declared.' in done.stderr
    ssm.delete_document(Name="cli")


def test_a_document_is_run_without_a_server(binary, tmp_path):
    def ssm_run(*arguments):
        done = subprocess.run([binary, "ssm", "run", *arguments], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    file = tmp_path / "book.yaml"
    file.write_text("""
schemaVersion: '0.3'
parameters: {Name: {type: String}}
mainSteps:
- {name: rest, action: 'aws:sleep', inputs: {Duration: P1D}}
- {name: create, action: 'aws:executeAwsApi', inputs: {Service: sqs, Api: CreateQueue, QueueName: '{{ Name }}'}, outputs: [{Name: Url, Selector: $.QueueUrl, Type: String}]}
outputs: [create.Url]
""")
    code, out, _ = ssm_run(str(file), "--parameters", '{"Name": "q"}')
    assert code == 0 and "Success" in out and "/000000000000/q" in out, out
    code, _, err = ssm_run(str(file))
    assert code == 2 and "Missing required parameter: Name in user inputs." in err
    file.write_text("{}")
    assert ssm_run(str(file))[0] == 2

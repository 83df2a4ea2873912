"""Step Functions with boto3 and both CLIs: machines that call other services, wait, fail and go on."""

import json
import subprocess

import pytest

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
YEAR = 365 * 24 * 60 * 60


@pytest.fixture(scope="module")
def sfn(server):
    return server.client("stepfunctions", inject_host_prefix=False)


def make_role(server, name, policy=None):
    iam = server.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
    return arn


@pytest.fixture(scope="module")
def role(server):
    return make_role(server, "states", EVERYTHING)


@pytest.fixture
def machine(sfn, role, name):
    def machine(states, first="First", **more):
        definition = json.dumps({"StartAt": first, "States": states})
        return sfn.create_state_machine(**{"name": name(), "definition": definition, "roleArn": role, **more})["stateMachineArn"]

    return machine


@pytest.fixture
def name(request):
    number = iter(range(100))
    return lambda: f"{request.node.name[:60].replace('[', '-').replace(']', '')}-{next(number)}"


@pytest.fixture
def ended(server, sfn):
    """Waits until what is due is done, and describes an execution."""

    def ended(arn):
        server.request("POST", "/_cloudlet/settle")
        return sfn.describe_execution(executionArn=arn)

    return ended


def later(server, seconds):
    """Does what is due by then. Requests are signed at the time of the machine."""
    server.advance(seconds)
    server.request("POST", "/_cloudlet/settle")
    server.reset_clock()


def types(sfn, arn):
    return [event["type"] for event in sfn.get_execution_history(executionArn=arn)["events"]]


def test_an_execution_has_a_history_in_pages(sfn, machine, ended):
    arn = machine({"First": {"Type": "Pass", "Result": {"x": 1}, "End": True}})
    execution = sfn.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')["executionArn"]
    described = ended(execution)
    assert (described["status"], json.loads(described["output"])) == ("SUCCEEDED", {"x": 1})
    assert types(sfn, execution) == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    pages = list(sfn.get_paginator("get_execution_history").paginate(executionArn=execution, reverseOrder=True, PaginationConfig={"PageSize": 3}))
    assert [[event["id"] for event in page["events"]] for page in pages] == [[4, 3, 2], [1]]
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')


def test_a_machine_waits_a_year(server, sfn, machine, ended):
    arn = machine({"First": {"Type": "Wait", "Seconds": 364 * 24 * 60 * 60, "End": True}})
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    assert ended(execution)["status"] == "RUNNING"
    later(server, YEAR)
    assert ended(execution)["status"] == "SUCCEEDED"


def test_a_message_and_its_token(server, sfn, sqs, machine, ended):
    url = sqs.create_queue(QueueName="states-tokens")["QueueUrl"]
    parameters = {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": parameters, "End": True}
    execution = sfn.start_execution(stateMachineArn=machine({"First": task}))["executionArn"]
    assert ended(execution)["status"] == "RUNNING"
    token = json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])["token"]
    sfn.send_task_heartbeat(taskToken=token)
    sfn.send_task_success(taskToken=token, output='{"ok": true}')
    assert json.loads(ended(execution)["output"]) == {"ok": True}
    with pytest.raises(sfn.exceptions.TaskTimedOut):
        sfn.send_task_success(taskToken=token, output="1")
    with pytest.raises(sfn.exceptions.InvalidToken):
        sfn.send_task_success(taskToken="nonsense", output="1")


def test_errors_of_services_have_their_names(sfn, machine, ended):
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"Bucket": "no-such-bucket-here", "Key": "k"}, "End": True}
    execution = sfn.start_execution(stateMachineArn=machine({"First": task}))["executionArn"]
    described = ended(execution)
    assert (described["status"], described["error"]) == ("FAILED", "S3.NoSuchBucketException")
    assert described["cause"].startswith("The specified bucket does not exist (Service: S3, Status Code: 404, Request ID: ")


def test_a_task_does_what_its_role_may(server, sfn, machine, ended):
    role = make_role(server, "states-nothing")
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "Parameters": {}, "End": True}
    execution = sfn.start_execution(stateMachineArn=machine({"First": task}, roleArn=role))["executionArn"]
    described = ended(execution)
    assert (described["status"], described["error"]) == ("FAILED", "S3.AccessDeniedException")
    assert "is not authorized to perform: s3:ListAllMyBuckets" in described["cause"]


def test_a_role_must_trust_step_functions(server, sfn, name):
    trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = server.client("iam").create_role(RoleName="states-foreign", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    with pytest.raises(sfn.exceptions.ClientError, match="is authorized to assume the provided role"):
        sfn.create_state_machine(name=name(), definition='{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}', roleArn=role)


def test_a_machine_waits_for_another(server, sfn, machine, ended):
    child = machine({"First": {"Type": "Wait", "Seconds": 60, "End": True}})
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True}
    parent = machine({"First": {**task, "Parameters": {"StateMachineArn": child, "Input": {"a": 2}}}})
    execution = sfn.start_execution(stateMachineArn=parent)["executionArn"]
    assert ended(execution)["status"] == "RUNNING"
    later(server, 60)
    assert json.loads(ended(execution)["output"])["Output"] == {"a": 2}
    # A child is stopped with its parent.
    execution = sfn.start_execution(stateMachineArn=parent)["executionArn"]
    ended(execution)
    sfn.stop_execution(executionArn=execution, error="E", cause="C")
    assert ended(execution)["status"] == "ABORTED"
    assert sfn.list_executions(stateMachineArn=child)["executions"][0]["status"] == "ABORTED"


def test_an_activity_fails_and_is_redriven(sfn, machine, ended):
    activity = sfn.create_activity(name="work")["activityArn"]
    arn = machine({"First": {"Type": "Task", "Resource": activity, "End": True}})
    execution = sfn.start_execution(stateMachineArn=arn, input='{"n": 1}')["executionArn"]
    task = sfn.get_activity_task(activityArn=activity, workerName="worker")
    assert json.loads(task["input"]) == {"n": 1}
    sfn.send_task_failure(taskToken=task["taskToken"], error="E", cause="C")
    described = ended(execution)
    assert (described["status"], described["error"], described["redriveStatus"]) == ("FAILED", "E", "REDRIVABLE")
    sfn.redrive_execution(executionArn=execution)
    sfn.send_task_success(taskToken=sfn.get_activity_task(activityArn=activity)["taskToken"], output="3")
    described = ended(execution)
    assert (described["status"], described["output"], described["redriveCount"]) == ("SUCCEEDED", "3", 1)
    assert "ExecutionRedriven" in types(sfn, execution)


def test_a_distributed_map_reads_and_writes_objects(server, sfn, s3, machine, ended):
    s3.create_bucket(Bucket="states-items")
    s3.put_object(Bucket="states-items", Key="items.csv", Body=b"a,b\n1,2\n3,4\n5,6\n")
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        "Parameters": {"Bucket": "states-items", "Key": "items.csv"},
    }
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Each", "States": {"Each": {"Type": "Pass", "End": True}}}
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "states-items", "Prefix": "out"}}
    state = {"Type": "Map", "Label": "rows", "ItemReader": reader, "ItemProcessor": processor, "ItemBatcher": {"MaxItemsPerBatch": 2}, "End": True}
    execution = sfn.start_execution(stateMachineArn=machine({"First": state}))["executionArn"]
    assert [item["Items"] for item in json.loads(ended(execution)["output"])] == [[{"a": "1", "b": "2"}, {"a": "3", "b": "4"}], [{"a": "5", "b": "6"}]]
    execution = sfn.start_execution(stateMachineArn=machine({"First": {**state, "ResultWriter": writer}}))["executionArn"]
    details = json.loads(ended(execution)["output"])["ResultWriterDetails"]
    manifest = json.loads(s3.get_object(Bucket="states-items", Key=details["Key"])["Body"].read())
    assert [len(manifest["ResultFiles"][kind]) for kind in ("FAILED", "PENDING", "SUCCEEDED")] == [0, 0, 1]
    run = sfn.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
    described = sfn.describe_map_run(mapRunArn=run)
    assert (described["status"], described["itemCounts"]["succeeded"], described["executionCounts"]["succeeded"]) == ("SUCCEEDED", 3, 2)
    assert len(sfn.list_executions(mapRunArn=run)["executions"]) == 2


def test_a_map_run_fails_past_what_is_tolerated(sfn, machine, ended):
    def state(**more):
        processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Each", "States": {"Each": {"Type": "Fail"}}}
        return {"Type": "Map", "ItemProcessor": processor, "End": True, **more}

    execution = sfn.start_execution(stateMachineArn=machine({"First": state()}), input="[1, 2]")["executionArn"]
    assert ended(execution)["error"] == "States.ExceedToleratedFailureThreshold"
    execution = sfn.start_execution(stateMachineArn=machine({"First": state(ToleratedFailureCount=2)}), input="[1, 2]")["executionArn"]
    assert ended(execution)["status"] == "SUCCEEDED"


def test_an_express_machine_answers_at_once(sfn, machine):
    arn = machine({"First": {"Type": "Pass", "End": True}}, type="EXPRESS")
    answer = sfn.start_sync_execution(stateMachineArn=arn, input='{"z": 1}')
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"z": 1})
    with pytest.raises(sfn.exceptions.StateMachineTypeNotSupported):
        sfn.list_executions(stateMachineArn=arn)


def test_versions_and_an_alias(sfn, machine, ended):
    arn = machine({"First": {"Type": "Pass", "Result": 1, "End": True}}, publish=True)
    second = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 2, "End": True}}})
    version = sfn.update_state_machine(stateMachineArn=arn, definition=second, publish=True)["stateMachineVersionArn"]
    assert version == f"{arn}:2"
    routes = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=routes)["stateMachineAliasArn"]
    execution = sfn.start_execution(stateMachineArn=alias)["executionArn"]
    described = ended(execution)
    assert (described["output"], described["stateMachineVersionArn"], described["stateMachineAliasArn"]) == ("1", f"{arn}:1", alias)
    with pytest.raises(sfn.exceptions.ConflictException):
        sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:1")


def test_both_clis(aws, server, role):
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    name = f"by-{aws.version}"
    made = aws.json("stepfunctions", "create-state-machine", "--name", name, "--definition", definition, "--role-arn", role)
    started = aws.json("stepfunctions", "start-execution", "--state-machine-arn", made["stateMachineArn"])
    server.request("POST", "/_cloudlet/settle")
    assert aws.json("stepfunctions", "describe-execution", "--execution-arn", started["executionArn"])["status"] == "SUCCEEDED"


def test_executions_survive_a_kill(start, tmp_path):
    server = start("--data-dir", str(tmp_path))
    role = make_role(server, "states", EVERYTHING)
    sfn = server.client("stepfunctions")
    states = {"A": {"Type": "Wait", "Seconds": 3600, "Next": "B"}, "B": {"Type": "Pass", "Result": 1, "End": True}}
    arn = sfn.create_state_machine(name="waits", definition=json.dumps({"StartAt": "A", "States": states}), roleArn=role)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    server.process.kill()
    server.process.wait()
    server = start("--data-dir", str(tmp_path))
    sfn = server.client("stepfunctions")
    assert sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
    later(server, 3600)
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["output"]) == ("SUCCEEDED", "1")
    assert [event["id"] for event in sfn.get_execution_history(executionArn=execution)["events"]] == [1, 2, 3, 4, 5, 6]


def test_every_kind_of_state_survives_a_kill(start, tmp_path):
    server = start("--data-dir", str(tmp_path))
    role = make_role(server, "states", EVERYTHING)
    sfn, sqs = server.client("stepfunctions"), server.client("sqs")
    url = sqs.create_queue(QueueName="tokens")["QueueUrl"]
    activity = sfn.create_activity(name="work")["activityArn"]
    scope = {"StartAt": "Inner", "States": {"Inner": {"Type": "Wait", "Seconds": 60, "End": True}}}
    distributed = {**scope, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}
    token = {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}}
    retry = {"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60, "MaxAttempts": 1}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]}
    machines = {
        "parallel": {"Type": "Parallel", "Branches": [scope], "ResultSelector": {"r.$": "$[0]"}, "OutputPath": "$.r", "End": True},
        "map": {"Type": "Map", "ItemProcessor": scope, "End": True},
        "distributed": {"Type": "Map", "ItemProcessor": distributed, "End": True},
        "callback": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": token, "End": True},
        "activity": {"Type": "Task", "Resource": activity, "End": True},
        "retry": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"Bucket": "none-such", "Key": "k"}, **retry, "End": True},
    }
    executions = {}
    for name, state in machines.items():
        definition = json.dumps({"StartAt": "A", "States": {"A": state, "Caught": {"Type": "Pass", "Result": [1, 2], "End": True}}})
        if name != "retry":
            definition = json.dumps({"StartAt": "A", "States": {"A": state}})
        arn = sfn.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
        executions[name] = sfn.start_execution(stateMachineArn=arn, input="[1, 2]")["executionArn"]
    server.request("POST", "/_cloudlet/settle")
    server.process.kill()
    server.process.wait()
    server = start("--data-dir", str(tmp_path))
    sfn, sqs = server.client("stepfunctions"), server.client("sqs")
    assert {sfn.describe_execution(executionArn=arn)["status"] for arn in executions.values()} == {"RUNNING"}
    message = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]["Body"]
    sfn.send_task_success(taskToken=json.loads(message)["token"], output="[1,2]")
    task = sfn.get_activity_task(activityArn=activity)
    sfn.send_task_success(taskToken=task["taskToken"], output=task["input"])
    later(server, 120)
    for name, arn in executions.items():
        described = sfn.describe_execution(executionArn=arn)
        assert (name, described["status"], described.get("output")) == (name, "SUCCEEDED", "[1,2]")


MACHINE = {
    "StartAt": "Call",
    "States": {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 60}],
            "Next": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": 86400, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}
MOCKS = {
    "StateMachines": {"mocked": {"TestCases": {"Happy": {"Call": "Twice"}, "Sad": {"Call": "Never"}}}},
    "MockedResponses": {
        "Twice": {"0": {"Throw": {"Error": "E", "Cause": "c"}}, "1": {"Return": {"x": 1}}},
        "Never": {"0": {"Throw": {"Error": "F", "Cause": "because"}}},
    },
}


def test_mocks_of_step_functions_local(start, tmp_path):
    (tmp_path / "mocks.json").write_text(json.dumps(MOCKS))
    server = start(environment={"SFN_MOCK_CONFIG": str(tmp_path / "mocks.json")})
    sfn = server.client("stepfunctions")
    role = make_role(server, "states", EVERYTHING)
    arn = sfn.create_state_machine(name="mocked", definition=json.dumps(MACHINE), roleArn=role)["stateMachineArn"]
    happy = sfn.start_execution(stateMachineArn=f"{arn}#Happy")["executionArn"]
    sad = sfn.start_execution(stateMachineArn=f"{arn}#Sad")["executionArn"]
    later(server, 60)
    later(server, 90000)
    described = sfn.describe_execution(executionArn=happy)
    assert (described["status"], described["output"]) == ("SUCCEEDED", '{"x":1}')
    described = sfn.describe_execution(executionArn=sad)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "F", "because")
    with pytest.raises(sfn.exceptions.ClientError, match="There is no test case 'Other'"):
        sfn.start_execution(stateMachineArn=f"{arn}#Other")


def test_an_execution_is_shown_as_a_graph(server, sfn, machine, ended):
    states = {
        "First": {"Type": "Pass", "Next": "Choose"},
        "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "Never"}], "Default": "Breaks"},
        "Never": {"Type": "Succeed"},
        "Breaks": {"Type": "Fail", "Error": "E"},
    }
    execution = sfn.start_execution(stateMachineArn=machine(states))["executionArn"]
    ended(execution)
    answer = server.request("GET", f"/_cloudlet/states/executions/{execution}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")
    svg = answer.body.decode()
    assert 'class="state succeeded" data-state="First"' in svg
    assert 'class="state failed" data-state="Breaks"' in svg
    assert 'class="state waiting" data-state="Never"' in svg


def test_a_single_state(sfn, role):
    state = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sts:getCallerIdentity", "Parameters": {}, "OutputPath": "$.Account", "End": True}
    tested = sfn.test_state(definition=json.dumps(state), roleArn=role, inspectionLevel="DEBUG")
    assert (tested["status"], tested["output"]) == ("SUCCEEDED", '"000000000000"')
    assert json.loads(tested["inspectionData"]["result"])["Account"] == "000000000000"
    mocked = sfn.test_state(definition=json.dumps(state), mock={"errorOutput": {"error": "E", "cause": "c"}})
    assert (mocked["status"], mocked["error"], mocked["cause"]) == ("FAILED", "E", "c")
    with pytest.raises(sfn.exceptions.ValidationException, match="Field 'Account' must be a string"):
        sfn.test_state(definition=json.dumps(state), mock={"result": '{"Account": 1}'})


def test_definitions_are_checked_and_run_without_a_server(binary, tmp_path):
    def asl(*arguments):
        done = subprocess.run([binary, "asl", *arguments], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    (tmp_path / "mocked.json").write_text(json.dumps(MACHINE, indent=2))
    (tmp_path / "mocks.json").write_text(json.dumps(MOCKS))
    wrong = {**MACHINE, "States": {**MACHINE["States"], "Done": {"Type": "Pass", "Next": "Nowhere"}}}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong, indent=2))
    file, mocks = str(tmp_path / "mocked.json"), str(tmp_path / "mocks.json")
    assert asl("check", file) == (0, f"{file}: OK\n", "")
    code, out, _ = asl("check", str(tmp_path / "wrong.json"))
    assert code == 1
    line = next(number for number, text in enumerate((tmp_path / "wrong.json").read_text().splitlines(), 1) if "Nowhere" in text)
    assert f"wrong.json:{line}:" in out and "MISSING_TRANSITION_TARGET" in out
    code, out, _ = asl("run", file, "--input", '{"a": 1}', "--mocks", mocks, "--case", "Happy")
    assert code == 0 and out.endswith('SUCCEEDED\n{"x":1}\n')
    assert "86460.000s" in out
    code, out, _ = asl("run", file, "--mocks", mocks, "--case", "mocked#Sad", "--json")
    assert code == 1
    assert json.loads(out)["events"][-1]["executionFailedEventDetails"] == {"error": "F", "cause": "because"}
    code, out, _ = asl("run", file)
    assert code == 1 and "The Task 'Call' has no mock" in out
    assert asl("run", file, "--mocks", mocks)[0] == 2

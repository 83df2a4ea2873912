"""Run Command and its surroundings: what is downloaded, where outputs and notices go, late deliveries, tasks of windows on many nodes, inventory."""

import base64
import http.server
import io
import itertools
import json
import shutil
import threading
import time
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError

LOCAL = "mi-0c10d1e7000000001"
NUMBERS = itertools.count(1)
HOUR = 3_600
ALL = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


@pytest.fixture(scope="module")
def local(start):
    return start("--ssm-local-node=true")


@pytest.fixture(scope="module")
def ssm(local):
    return local.client("ssm")


@pytest.fixture(scope="module")
def s3(local):
    s3 = local.client("s3")
    s3.create_bucket(Bucket="scripts")
    s3.create_bucket(Bucket="outputs")
    return s3


@pytest.fixture(scope="module")
def role(local):
    """A role that may do everything, for Systems Manager and what it starts."""
    services = ["ssm.amazonaws.com", "lambda.amazonaws.com", "states.amazonaws.com", "ec2.amazonaws.com"]
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}}
    iam = local.client("iam")
    arn = iam.create_role(RoleName="everything", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="everything", PolicyName="all", PolicyDocument=ALL)
    return arn


def eventually(look, seconds=60):
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def finished(ssm, command, node=LOCAL, plugin=None):
    more = {"PluginName": plugin} if plugin else {}

    def look():
        found = ssm.get_command_invocation(CommandId=command, InstanceId=node, **more)
        return found if found["Status"] not in ("Pending", "InProgress", "Delayed", "Cancelling") else None

    return eventually(look)


def send(ssm, *lines, **more):
    to = {} if "Targets" in more or "InstanceIds" in more else {"InstanceIds": [LOCAL]}
    return ssm.send_command(DocumentName="AWS-RunShellScript", Parameters={"commands": list(lines)}, **to, **more)["Command"]["CommandId"]


def steps(ssm, *all):
    """The name of a document of Run Command."""
    name = f"document-{next(NUMBERS)}"
    content = {"schemaVersion": "2.2", "mainSteps": [{"action": action, "name": f"step{number}", "inputs": inputs} for number, (action, inputs) in enumerate(all)]}
    ssm.create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
    return name


def run(ssm, *all):
    """The command of a document's steps, once it is over, and the outcome of each step."""
    command = ssm.send_command(InstanceIds=[LOCAL], DocumentName=steps(ssm, *all))["Command"]["CommandId"]
    return [finished(ssm, command, plugin=f"step{number}") for number in range(len(all))]


# ---- what is downloaded


def test_an_object_and_a_folder_of_s3_are_downloaded(ssm, s3):
    s3.put_object(Bucket="scripts", Key="one.sh", Body=b"echo one $1\n")
    s3.put_object(Bucket="scripts", Key="many/a.txt", Body=b"a\n")
    s3.put_object(Bucket="scripts", Key="many/deep/b.txt", Body=b"b\n")
    done = run(
        ssm,
        ("aws:downloadContent", {"sourceType": "S3", "sourceInfo": json.dumps({"path": "https://s3.amazonaws.com/scripts/one.sh"}), "destinationPath": "own"}),
        ("aws:downloadContent", {"sourceType": "S3", "sourceInfo": {"path": "https://scripts.s3.us-east-1.amazonaws.com/many/"}, "destinationPath": "own"}),
        ("aws:runShellScript", {"workingDirectory": "own", "runCommand": ["sh one.sh 1; cat a.txt deep/b.txt"]}),
    )
    assert [step["Status"] for step in done] == ["Success"] * 3, done
    assert done[0]["StandardOutputContent"].startswith("Content downloaded to ")
    assert done[2]["StandardOutputContent"] == "one 1\na\nb\n"
    [missing] = run(ssm, ("aws:downloadContent", {"sourceType": "S3", "sourceInfo": {"path": "https://s3.amazonaws.com/scripts/none"}}))
    assert missing["Status"] == "Failed" and "none" in missing["StandardErrorContent"]


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = "Basic " + base64.b64encode(b"user:secret").decode()
        if self.path == "/private.sh" and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.end_headers()
            return
        self.send_response(200 if self.path.endswith(".sh") else 404)
        self.end_headers()
        self.wfile.write(b"echo from the web\n")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_files_of_the_web_are_downloaded(ssm, web):
    get = lambda name, **more: ("aws:downloadContent", {"sourceType": "HTTP", "sourceInfo": {"url": f"{web}/{name}"} | more})
    open_, private, script = run(
        ssm, get("open.sh"), get("private.sh", authMethod="Basic", username="user", password="secret"),
        ("aws:runShellScript", {"runCommand": ["sh open.sh; sh private.sh"]}),
    )
    assert [open_["Status"], private["Status"]] == ["Success", "Success"], (open_, private)
    assert script["StandardOutputContent"] == "from the web\nfrom the web\n"
    for name in ("private.sh", "none"):
        [refused] = run(ssm, get(name))
        assert refused["Status"] == "Failed" and "the server answered 40" in refused["StandardErrorContent"]


def test_documents_run_documents(ssm, s3):
    inner = {"schemaVersion": "2.2", "parameters": {"word": {"type": "String", "default": "nothing"}},
             "mainSteps": [{"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": ["echo said {{ word }}"]}}]}
    s3.put_object(Bucket="scripts", Key="inner.json", Body=json.dumps(inner).encode())
    ssm.create_document(Name="inner", Content=json.dumps(inner), DocumentType="Command")
    done = run(
        ssm,
        ("aws:runDocument", {"documentType": "SSMDocument", "documentPath": "inner", "documentParameters": {"word": "one"}}),
        ("aws:downloadContent", {"sourceType": "S3", "sourceInfo": {"path": "https://s3.amazonaws.com/scripts/inner.json"}}),
        ("aws:runDocument", {"documentType": "LocalPath", "documentPath": "inner.json", "documentParameters": "{\"word\": \"two\"}"}),
        ("aws:runDocument", {"documentType": "SSMDocument", "documentPath": "none"}),
    )
    assert [step["Status"] for step in done] == ["Success", "Success", "Success", "Failed"], done
    assert [done[0]["StandardOutputContent"], done[2]["StandardOutputContent"]] == ["said one\n", "said two\n"]


def test_a_remote_script_runs(ssm, s3):
    s3.put_object(Bucket="scripts", Key="remote.sh", Body=b"echo remote $1\n")
    parameters = {"sourceType": ["S3"], "sourceInfo": [json.dumps({"path": "https://s3.amazonaws.com/scripts/remote.sh"})], "commandLine": ["sh remote.sh works"]}
    sent = ssm.send_command(InstanceIds=[LOCAL], DocumentName="AWS-RunRemoteScript", Parameters=parameters)["Command"]["CommandId"]
    assert finished(ssm, sent, plugin="runShellScript")["StandardOutputContent"] == "remote works\n"


# ---- outputs


def test_output_is_in_logs_while_it_is_written_and_in_s3_at_the_end(local, ssm, s3):
    logs = local.client("logs")
    command = send(
        ssm, "echo begun; echo wrong >&2; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo ended; exit 3",
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/runs"}, OutputS3BucketName="outputs", OutputS3KeyPrefix="runs/",
    )
    stream = f"{command}/{LOCAL}/aws-runShellScript"

    def lines(kind):
        try:
            events = logs.get_log_events(logGroupName="/runs", logStreamName=f"{stream}/{kind}", startFromHead=True)["events"]
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
            return []
        return [event["message"] for event in events]

    assert eventually(lambda: lines("stdout")) == ["begun"]
    assert eventually(lambda: lines("stderr")) == ["wrong"]
    assert ssm.get_command_invocation(CommandId=command, InstanceId=LOCAL)["Status"] == "InProgress"
    assert "Contents" not in s3.list_objects_v2(Bucket="outputs")
    finished(ssm, send(ssm, "touch /tmp/go"))
    done = finished(ssm, command)
    assert (done["Status"], done["ResponseCode"]) == ("Failed", 3)
    assert lines("stdout") == ["begun", "ended"]
    assert lines("stderr") == ["wrong", "failed to run commands: exit status 3"]
    assert done["CloudWatchOutputConfig"] == {"CloudWatchLogGroupName": "/runs", "CloudWatchOutputEnabled": True}
    folder = f"runs/{command}/{LOCAL}/awsrunShellScript/0.awsrunShellScript"
    keys = [object["Key"] for object in s3.list_objects_v2(Bucket="outputs")["Contents"]]
    assert keys == [f"{folder}/stderr", f"{folder}/stdout"]
    assert s3.get_object(Bucket="outputs", Key=f"{folder}/stdout")["Body"].read() == b"begun\nended\n"
    assert done["StandardOutputUrl"].endswith(f"/outputs/{folder}/stdout") and done["StandardErrorUrl"].endswith(f"/outputs/{folder}/stderr")


def test_the_usual_log_group_is_the_documents(local, ssm):
    command = send(ssm, "echo usual", CloudWatchOutputConfig={"CloudWatchOutputEnabled": True})
    finished(ssm, command)
    streams = local.client("logs").describe_log_streams(logGroupName="/aws/ssm/AWS-RunShellScript", logStreamNamePrefix=command)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == [f"{command}/{LOCAL}/aws-runShellScript/stdout"]


# ---- notices


@pytest.fixture(scope="module")
def notices(local):
    """A topic, and what arrives from it."""
    sns, sqs = local.client("sns"), local.client("sqs")
    topic, queue = sns.create_topic(Name="commands")["TopicArn"], sqs.create_queue(QueueName="commands")["QueueUrl"]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(allow)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:commands")
    seen = []

    def of(command, count):
        """The first notices of a command, in the order of their time."""
        def look():
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                seen.append(json.loads(json.loads(message["Body"])["Message"]))
            own = [notice for notice in seen if notice["commandId"] == command]
            return own if len(own) >= count else None

        return eventually(look)

    of.topic = topic
    return of


def told(role, notices, kind, *events):
    return {"ServiceRoleArn": role, "NotificationConfig": {"NotificationArn": notices.topic, "NotificationEvents": list(events), "NotificationType": kind}}


def test_notices_of_commands_and_invocations(ssm, role, notices):
    command = send(ssm, "true", **told(role, notices, "Command", "All"))
    of_command = notices(command, 2)
    assert sorted(notice["status"] for notice in of_command) == ["InProgress", "Success"]
    assert all(notice["documentName"] == "AWS-RunShellScript" and notice["instanceIds"] == [LOCAL] for notice in of_command)
    failing = send(ssm, "exit 1", **told(role, notices, "Invocation", "Failed"))
    [notice] = notices(failing, 1)
    assert (notice["status"], notice["detailedStatus"], notice["instanceId"]) == ("Failed", "Failed", LOCAL)
    late = send(ssm, "sleep 1000", **told(role, notices, "Command", "TimedOut", "Cancelled"))
    eventually(lambda: ssm.get_command_invocation(CommandId=late, InstanceId=LOCAL)["Status"] == "InProgress")
    ssm.cancel_command(CommandId=late)
    assert [notice["status"] for notice in notices(late, 1)] == ["Cancelled"]
    slow = ssm.send_command(
        InstanceIds=[LOCAL], DocumentName="AWS-RunShellScript", Parameters={"commands": ["sleep 1000"], "executionTimeout": ["5"]},
        **told(role, notices, "Invocation", "TimedOut"),
    )["Command"]["CommandId"]
    assert [(notice["status"], notice["detailedStatus"]) for notice in notices(slow, 1)] == [("TimedOut", "ExecutionTimedOut")]
    # What nobody wanted to be told was not told.
    assert len(notices(command, 2)) == 2 and len(notices(failing, 1)) == 1


def test_what_is_wrong_with_notices(ssm, role, notices):
    def refused(**more):
        with pytest.raises(ClientError) as error:
            send(ssm, "true", **more)
        return error.value.response["Error"]["Code"]

    config = told(role, notices, "Command", "All")
    assert refused(NotificationConfig=config["NotificationConfig"]) == "InvalidRole"
    not_a_topic = config["NotificationConfig"] | {"NotificationArn": "arn:aws:sqs:us-east-1:000000000000:commands"}
    assert refused(ServiceRoleArn=role, NotificationConfig=not_a_topic) == "InvalidNotificationConfig"
    wrong = config["NotificationConfig"] | {"NotificationEvents": ["Sometimes"]}
    assert refused(ServiceRoleArn=role, NotificationConfig=wrong) == "ValidationException"


# ---- deliveries


def test_what_cannot_be_delivered_times_out(local, ssm, role):
    iam, ec2 = local.client("iam"), local.client("ec2")
    iam.create_instance_profile(InstanceProfileName="everything")
    iam.add_role_to_instance_profile(InstanceProfileName="everything", RoleName="everything")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "delivery", "Value": "late"}]}]
    [instance] = ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": "everything"}, TagSpecifications=tags)["Instances"]
    id = instance["InstanceId"]
    eventually(lambda: ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"] == "running")
    assert finished(ssm, send(ssm, "hostname", InstanceIds=[id]), id)["Status"] == "Success"
    ec2.stop_instances(InstanceIds=[id])
    eventually(lambda: ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"] == "stopped")
    [shown] = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [id]}])["InstanceInformationList"]
    assert shown["PingStatus"] == "ConnectionLost"
    command = send(ssm, "true", Targets=[{"Key": "tag:delivery", "Values": ["late"]}], TimeoutSeconds=30)
    assert ssm.get_command_invocation(CommandId=command, InstanceId=id)["Status"] == "Pending"
    for _ in range(2):
        local.advance(31)
        local.request("POST", "/_cloudlet/settle")
    local.reset_clock()
    done = finished(ssm, command, id)
    assert (done["Status"], done["StatusDetails"], done["ResponseCode"]) == ("TimedOut", "DeliveryTimedOut", -1)
    [whole] = ssm.list_commands(CommandId=command)["Commands"]
    assert (whole["Status"], whole["StatusDetails"], whole["DeliveryTimedOutCount"]) == ("TimedOut", "DeliveryTimedOut", 1)
    # One that comes back in time gets its command.
    command = send(ssm, "true", Targets=[{"Key": "tag:delivery", "Values": ["late"]}], TimeoutSeconds=3600)
    ec2.start_instances(InstanceIds=[id])
    eventually(lambda: ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"] == "running")

    def delivered():
        local.advance(30)
        local.request("POST", "/_cloudlet/settle")
        local.reset_clock()
        return ssm.get_command_invocation(CommandId=command, InstanceId=id)["Status"] == "Success"

    eventually(delivered)


# ---- maintenance windows on many nodes


@pytest.fixture(scope="module")
def fleet(local, ssm, role):
    """Three nodes with a tag."""
    tags = [{"Key": "fleet", "Value": "windows"}]
    made = ssm.create_activation(IamRole="everything", RegistrationLimit=3, Tags=tags)
    body = json.dumps({"ActivationId": made["ActivationId"], "ActivationCode": made["ActivationCode"]}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.RegisterManagedInstance"}
    answers = [urllib.request.urlopen(urllib.request.Request(local.url, data=body, headers=headers)) for _ in range(3)]
    return sorted(json.load(answer)["InstanceId"] for answer in answers)


@pytest.fixture
def window(ssm):
    made = ssm.create_maintenance_window(Name=f"window-{next(NUMBERS)}", Schedule="rate(6 hours)", Duration=2, Cutoff=1, AllowUnassociatedTargets=True)
    yield made["WindowId"]
    ssm.delete_maintenance_window(WindowId=made["WindowId"])


def opened(local, ssm, window):
    """The tasks of a window's next execution once it is over: each with its invocations."""
    def look():
        # Clients sign with their own time, so the clock is set back.
        look.more += 20
        local.advance(6 * HOUR + look.more)
        local.request("POST", "/_cloudlet/settle")
        local.reset_clock()
        executions = ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]
        return executions if executions and executions[-1]["Status"] not in ("PENDING", "IN_PROGRESS") else None

    look.more = 20
    execution = eventually(look)[-1]["WindowExecutionId"]
    tasks = ssm.describe_maintenance_window_execution_tasks(WindowExecutionId=execution)["WindowExecutionTaskIdentities"]
    for task in tasks:
        of_task = {"WindowExecutionId": execution, "TaskId": task["TaskExecutionId"]}
        task["Invocations"] = ssm.describe_maintenance_window_execution_task_invocations(**of_task)["WindowExecutionTaskInvocationIdentities"]
    return tasks


def test_a_command_on_the_targets_of_a_window(local, ssm, window, fleet, role):
    target = ssm.register_target_with_maintenance_window(
        WindowId=window, ResourceType="INSTANCE", Targets=[{"Key": "tag:fleet", "Values": ["windows"]}], OwnerInformation="ops", Name="fleet"
    )["WindowTargetId"]
    ssm.register_task_with_maintenance_window(
        WindowId=window, TaskType="RUN_COMMAND", TaskArn="AWS-RunShellScript", ServiceRoleArn=role, MaxConcurrency="2", MaxErrors="3",
        Targets=[{"Key": "WindowTargetIds", "Values": [target]}],
        TaskInvocationParameters={"RunCommand": {"Parameters": {"commands": ["echo {{WINDOW_ID}}"]}, "Comment": "nightly"}},
    )
    [task] = opened(local, ssm, window)
    assert task["Status"] == "SUCCESS", task
    [invocation] = task["Invocations"]
    assert (invocation["Status"], invocation["OwnerInformation"], invocation["WindowTargetId"]) == ("SUCCESS", "ops", target)
    command = invocation["ExecutionId"]
    [sent] = ssm.list_commands(CommandId=command)["Commands"]
    assert (sent["TargetCount"], sent["MaxConcurrency"], sent["MaxErrors"], sent["Comment"]) == (3, "2", "3", "nightly")
    for node in fleet:
        assert finished(ssm, command, node)["StandardOutputContent"] == f"{window}\n"


def test_a_function_is_called_for_each_node(local, ssm, window, fleet, role):
    archive = io.BytesIO()
    source = "def handler(event, context):\n    if event['node'] == event['fails']:\n        raise ValueError(event['node'])\n    return event\n"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", source)
    name = f"function-{next(NUMBERS)}"
    code = {"ZipFile": archive.getvalue()}
    arn = local.client("lambda").create_function(FunctionName=name, Runtime="python3.11", Role=role, Handler="main.handler", Code=code)["FunctionArn"]
    payload = {"node": "{{RESOURCE_ID}}", "fails": fleet[0], "window": "{{WINDOW_ID}}"}
    ssm.register_task_with_maintenance_window(
        WindowId=window, TaskType="LAMBDA", TaskArn=arn, ServiceRoleArn=role, MaxConcurrency="1", MaxErrors="0",
        Targets=[{"Key": "InstanceIds", "Values": fleet}], TaskInvocationParameters={"Lambda": {"Payload": json.dumps(payload).encode()}},
    )
    [task] = opened(local, ssm, window)
    # One after the other: with the first failure, the others are not called.
    assert task["Status"] == "FAILED"
    statuses = [invocation["Status"] for invocation in task["Invocations"]]
    assert statuses.count("FAILED") == 1 and "IN_PROGRESS" not in statuses and "SUCCESS" not in statuses, task
    [failed] = [invocation for invocation in task["Invocations"] if invocation["Status"] == "FAILED"]
    assert fleet[0] in failed["StatusDetails"]


def test_a_state_machine_and_an_automation_for_each_node(local, ssm, window, fleet, role):
    sfn = local.client("stepfunctions")
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    machine = sfn.create_state_machine(name=f"machine-{next(NUMBERS)}", roleArn=role, definition=json.dumps(definition))["stateMachineArn"]
    rate = {"MaxConcurrency": "10", "MaxErrors": "1", "Targets": [{"Key": "tag:fleet", "Values": ["windows"]}], "ServiceRoleArn": role}
    ssm.register_task_with_maintenance_window(
        WindowId=window, TaskType="STEP_FUNCTIONS", TaskArn=machine, Priority=1, **rate,
        TaskInvocationParameters={"StepFunctions": {"Input": json.dumps({"node": "{{RESOURCE_ID}}"}), "Name": "{{INVOCATION_ID}}"}},
    )
    runbook = {"schemaVersion": "0.3", "parameters": {"Node": {"type": "String"}}, "mainSteps": [
        {"name": "put", "action": "aws:executeAwsApi",
         "inputs": {"Service": "ssm", "Api": "PutParameter", "Name": "/windows/{{ Node }}", "Value": "done", "Type": "String"}}]}
    ssm.create_document(Name="per-node", DocumentType="Automation", Content=json.dumps(runbook))
    ssm.register_task_with_maintenance_window(
        WindowId=window, TaskType="AUTOMATION", TaskArn="per-node", Priority=2, **rate,
        TaskInvocationParameters={"Automation": {"DocumentVersion": "$LATEST", "Parameters": {"Node": ["{{RESOURCE_ID}}"]}}},
    )
    tasks = opened(local, ssm, window)
    assert {task["TaskType"]: task["Status"] for task in tasks} == {"STEP_FUNCTIONS": "SUCCESS", "AUTOMATION": "SUCCESS"}, tasks
    executions = sfn.list_executions(stateMachineArn=machine)["executions"]
    inputs = [json.loads(sfn.describe_execution(executionArn=execution["executionArn"])["input"])["node"] for execution in executions]
    assert sorted(inputs) == fleet
    written = ssm.get_parameters_by_path(Path="/windows/")["Parameters"]
    assert sorted(parameter["Name"].rsplit("/", 1)[1] for parameter in written) == fleet


# ---- inventory


def test_inventory_of_what_is_really_there(ssm):
    sent = ssm.send_command(InstanceIds=[LOCAL], DocumentName="AWS-GatherSoftwareInventory")["Command"]["CommandId"]
    assert finished(ssm, sent)["Status"] == "Success"
    entries = ssm.list_inventory_entries(InstanceId=LOCAL, TypeName="AWS:InstanceDetailedInformation")
    assert entries["SchemaVersion"] == "1.0" and int(entries["Entries"][0]["CPUs"]) >= 1
    [node] = ssm.get_inventory(Filters=[{"Key": "AWS:InstanceInformation.InstanceId", "Values": [LOCAL], "Type": "Equal"}])["Entities"]
    own = node["Data"]["AWS:InstanceInformation"]["Content"][0]
    assert (own["InstanceStatus"], own["PlatformType"], own["ResourceType"]) == ("Active", "Linux", "ManagedInstance")
    networks = ssm.list_inventory_entries(InstanceId=LOCAL, TypeName="AWS:Network")["Entries"]
    assert "lo" in [network["Name"] for network in networks]
    if shutil.which("dpkg-query"):
        names, token = [], {}
        while True:
            page = ssm.list_inventory_entries(InstanceId=LOCAL, TypeName="AWS:Application", **token)
            names += [entry["Name"] for entry in page["Entries"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert "dpkg" in names
    schemas = {schema["TypeName"] for schema in ssm.get_inventory_schema()["Schemas"]}
    assert {"AWS:Application", "AWS:InstanceInformation", "AWS:Network"} <= schemas


def test_inventory_of_ones_own(ssm):
    item = {"TypeName": "Custom:Rack", "SchemaVersion": "1.0", "CaptureTime": "2030-01-01T00:00:00Z", "Content": [{"Place": "b7"}]}
    ssm.put_inventory(InstanceId=LOCAL, Items=[item])
    entries = ssm.list_inventory_entries(InstanceId=LOCAL, TypeName="Custom:Rack")
    assert (entries["Entries"], entries["CaptureTime"]) == ([{"Place": "b7"}], "2030-01-01T00:00:00Z")
    found = ssm.get_inventory(Filters=[{"Key": "Custom:Rack.Place", "Values": ["b7"]}], ResultAttributes=[{"TypeName": "Custom:Rack"}])["Entities"]
    assert [(entity["Id"], entity["Data"]["Custom:Rack"]["Content"]) for entity in found] == [(LOCAL, [{"Place": "b7"}])]


# ---- compliance


def compliance(ssm, node, **filters):
    keys = [{"Key": key, "Values": [value], "Type": "EQUAL"} for key, value in filters.items()]
    return ssm.list_compliance_items(ResourceIds=[node], ResourceTypes=["ManagedInstance"], Filters=keys)["ComplianceItems"]


def test_compliance_of_associations(ssm, fleet):
    [good, bad] = [
        ssm.create_association(
            Name="AWS-RunShellScript", AssociationName=name, ComplianceSeverity=severity, Parameters={"commands": [line]},
            Targets=[{"Key": "InstanceIds", "Values": nodes}],
        )["AssociationDescription"]["AssociationId"]
        for name, severity, line, nodes in [("good", "LOW", "true", fleet[:2]), ("bad", "CRITICAL", "exit 1", fleet[:1])]
    ]
    manual = ssm.create_association(
        Name="AWS-RunShellScript", Parameters={"commands": ["true"]}, SyncCompliance="MANUAL", Targets=[{"Key": "InstanceIds", "Values": fleet[:1]}]
    )["AssociationDescription"]["AssociationId"]
    items = eventually(lambda: (found := compliance(ssm, fleet[0], ComplianceType="Association")) and len(found) == 2 and found)
    shown = {item["Id"]: (item["Title"], item["Status"], item["Severity"], item["Details"]["DocumentName"]) for item in items}
    assert shown == {good: ("good", "COMPLIANT", "LOW", "AWS-RunShellScript"), bad: ("bad", "NON_COMPLIANT", "CRITICAL", "AWS-RunShellScript")}
    assert [item["Id"] for item in compliance(ssm, fleet[0], Status="NON_COMPLIANT")] == [bad]
    eventually(lambda: compliance(ssm, fleet[1]))
    # Told by hand.
    told = {"ResourceId": fleet[0], "ResourceType": "ManagedInstance", "ComplianceType": "Association", "ExecutionSummary": {"ExecutionTime": 1_900_000_000}}
    ssm.put_compliance_items(**told, UploadType="PARTIAL", Items=[{"Id": manual, "Severity": "HIGH", "Status": "COMPLIANT"}])
    assert len(compliance(ssm, fleet[0])) == 3
    resources = ssm.list_resource_compliance_summaries(Filters=[{"Key": "ComplianceType", "Values": ["Association"], "Type": "EQUAL"}])
    of_node = {item["ResourceId"]: item for item in resources["ResourceComplianceSummaryItems"]}
    first, second = of_node[fleet[0]], of_node[fleet[1]]
    assert (first["Status"], first["OverallSeverity"], first["CompliantSummary"]["CompliantCount"]) == ("NON_COMPLIANT", "CRITICAL", 2)
    assert (second["Status"], second["NonCompliantSummary"]["NonCompliantCount"]) == ("COMPLIANT", 0)
    [summary] = ssm.list_compliance_summaries()["ComplianceSummaryItems"]
    assert (summary["ComplianceType"], summary["CompliantSummary"]["CompliantCount"], summary["NonCompliantSummary"]["NonCompliantCount"]) == ("Association", 1, 1)
    assert summary["NonCompliantSummary"]["SeveritySummary"]["CriticalCount"] == 1


def test_compliance_of_ones_own(ssm, fleet):
    def put(kind="Custom:Backup", **more):
        item = {"Id": "daily", "Title": "a backup a day", "Severity": "MEDIUM", "Status": "NON_COMPLIANT", "Details": {"age": "3"}}
        request = {"ResourceId": fleet[2], "ResourceType": "ManagedInstance", "Items": [item], "ExecutionSummary": {"ExecutionTime": 1_900_000_000}}
        return ssm.put_compliance_items(**(request | {"ComplianceType": kind} | more))

    def refused(**more):
        with pytest.raises(ClientError) as error:
            put(**more)
        return error.value.response["Error"]["Code"]

    put()
    [item] = compliance(ssm, fleet[2], ComplianceType="Custom:Backup")
    assert (item["Status"], item["Details"], item["ExecutionSummary"]["ExecutionTime"].timestamp()) == ("NON_COMPLIANT", {"age": "3"}, 1_900_000_000)
    put(Items=[{"Id": "daily", "Severity": "MEDIUM", "Status": "COMPLIANT"}])
    assert [item["Status"] for item in compliance(ssm, fleet[2], ComplianceType="Custom:Backup")] == ["COMPLIANT"]
    assert refused(ResourceType="Instance") == "InvalidResourceType"
    assert refused(ResourceId="mi-00000000000000000") == "InvalidResourceId"
    assert refused(Items=[{"Severity": "LOW", "Status": "COMPLIANT"}]) == "InvalidItemContentException"
    assert refused(kind="Own:Backup") == "ValidationException"
    for number in range(9):
        put(kind=f"Custom:type{number}")
    assert refused(kind="Custom:more") == "ComplianceTypeCountLimitExceededException"
    with pytest.raises(ClientError) as error:
        ssm.list_compliance_items(ResourceIds=[fleet[2]], Filters=[{"Key": "Colour", "Values": ["blue"]}])
    assert error.value.response["Error"]["Code"] == "InvalidFilter"

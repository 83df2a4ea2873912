"""Whoever may register something in Systems Manager or ECS gets no more than he has: what runs by itself works in his name, and a role is handed over by
those alone who may pass it."""

import io
import itertools
import json
import time
import zipfile

import pytest
from botocore.exceptions import ClientError

LOCAL = "mi-0c10d1e7000000001"
NUMBERS = itertools.count(1)
HOUR = 3_600


@pytest.fixture(scope="module")
def local(start):
    return start("--ssm-local-node=true")


@pytest.fixture(scope="module")
def ssm(local):
    return local.client("ssm")


def trust(service):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def policy(*actions):
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}})


@pytest.fixture(scope="module")
def strong(local):
    """A role that may do everything, and that every service here may assume."""
    iam = local.client("iam")
    services = ["ssm.amazonaws.com", "ecs-tasks.amazonaws.com", "states.amazonaws.com", "lambda.amazonaws.com"]
    arn = iam.create_role(RoleName="strong", AssumeRolePolicyDocument=trust(services))["Role"]["Arn"]
    iam.put_role_policy(RoleName="strong", PolicyName="all", PolicyDocument=policy("*"))
    return arn


@pytest.fixture
def user(local):
    """Clients of a new user who may do some things and nothing else."""
    iam = local.client("iam")

    def user(*actions):
        name = f"user-{next(NUMBERS)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*actions))
        key = iam.create_access_key(UserName=name)["AccessKey"]

        def client(service):
            return local.client(service, key["AccessKeyId"], key["SecretAccessKey"])

        client.allow = lambda *more: iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*actions, *more))
        return client

    return user


def runbook(ssm, parameter, role=None, **parameters):
    """The name of a runbook that puts a parameter."""
    content = {
        "schemaVersion": "0.3",
        "parameters": {"Role": {"type": "String", "default": role or ""}} | {name: {"type": "String"} for name in parameters},
        "assumeRole": "{{ Role }}",
        "mainSteps": [{"name": "put", "action": "aws:executeAwsApi",
                       "inputs": {"Service": "ssm", "Api": "PutParameter", "Name": parameter, "Value": "done", "Type": "String"}}],
    }
    name = f"runbook-{next(NUMBERS)}"
    ssm.create_document(Name=name, DocumentType="Automation", Content=json.dumps(content))
    return name


def is_done(ssm, parameter):
    return bool(ssm.get_parameters(Names=[parameter])["Parameters"])


def denied(call, **arguments):
    """The action that a call is refused for."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    answer = error.value.response["Error"]
    assert answer["Code"] in ("AccessDeniedException", "AccessDenied"), answer
    return answer["Message"].split("perform: ")[1].split(" ")[0]


def eventually(look, seconds=60):
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def ended(ssm, execution):
    def look():
        found = ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]
        return found if found["AutomationExecutionStatus"] in ("Success", "Failed", "TimedOut", "Cancelled") else None

    return eventually(look)


# ---- associations


def association_run(ssm, association):
    """How its last execution went."""
    def look():
        runs = ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"]
        return runs[0] if runs and runs[0]["Status"] not in ("Pending", "InProgress") else None

    return eventually(look)


def test_an_associations_automation_is_its_makers(ssm, user, strong):
    parameter = f"parameter-{next(NUMBERS)}"
    name = runbook(ssm, parameter)
    somebody = user("ssm:CreateAssociation", "ssm:UpdateAssociation")

    def associate(**parameters):
        given = {"Parameters": {key: [value] for key, value in parameters.items()}} if parameters else {}
        return somebody("ssm").create_association(Name=name, **given)["AssociationDescription"]["AssociationId"]

    # Nothing but associations: no automation starts.
    assert association_run(ssm, associate())["Status"] == "Failed"
    # He may start automations, and the automation may do what he may.
    somebody.allow("ssm:StartAutomationExecution")
    assert association_run(ssm, associate())["Status"] == "Failed"
    assert not is_done(ssm, parameter)
    # A role that he may not pass is of no use.
    assert association_run(ssm, associate(Role=strong))["Status"] == "Failed"
    assert not is_done(ssm, parameter)
    somebody.allow("ssm:StartAutomationExecution", "iam:PassRole")
    assert association_run(ssm, associate(Role=strong))["Status"] == "Success"
    assert is_done(ssm, parameter)


def test_whoever_changes_an_association_is_its_maker_then(ssm, user):
    parameter = f"parameter-{next(NUMBERS)}"
    name = runbook(ssm, parameter)
    made = ssm.create_association(Name=name, ApplyOnlyAtCronInterval=True, ScheduleExpression="rate(1 day)")["AssociationDescription"]["AssociationId"]
    somebody = user("ssm:UpdateAssociation")
    # AWS: the permission to describe it is needed too.
    assert denied(somebody("ssm").update_association, AssociationId=made) == "ssm:DescribeAssociation"
    somebody.allow("ssm:DescribeAssociation")
    somebody("ssm").update_association(AssociationId=made)
    assert association_run(ssm, made)["Status"] == "Failed"
    assert not is_done(ssm, parameter)


def test_the_role_of_an_association_is_passed(ssm, user, strong):
    parameter = f"parameter-{next(NUMBERS)}"
    name = runbook(ssm, parameter)
    somebody = user("ssm:CreateAssociation", "ssm:CreateAssociationBatch", "ssm:UpdateAssociation", "ssm:DescribeAssociation")
    role = {"AssociationDispatchAssumeRole": strong}
    assert denied(somebody("ssm").create_association, Name=name, **role) == "iam:PassRole"
    assert denied(somebody("ssm").create_association_batch, Entries=[{"Name": name}], **role) == "iam:PassRole"
    mine = somebody("ssm").create_association(Name=name)["AssociationDescription"]["AssociationId"]
    assert denied(somebody("ssm").update_association, AssociationId=mine, **role) == "iam:PassRole"
    somebody.allow("iam:PassRole")
    made = somebody("ssm").create_association(Name=name, **role)["AssociationDescription"]["AssociationId"]
    assert association_run(ssm, made)["Status"] == "Success"
    assert is_done(ssm, parameter)


# ---- maintenance windows


@pytest.fixture
def window(local, ssm):
    made = ssm.create_maintenance_window(Name=f"window-{next(NUMBERS)}", Schedule="rate(6 hours)", Duration=2, Cutoff=1, AllowUnassociatedTargets=True)
    yield made["WindowId"]
    ssm.delete_maintenance_window(WindowId=made["WindowId"])


def opened(local, ssm, window):
    """The task executions of a window's next execution, once it is over."""
    for more in range(60, 1_000, 20):
        # Clients sign with their own time, so the clock is set back.
        local.advance(6 * HOUR + more)
        local.request("POST", "/_cloudlet/settle")
        local.reset_clock()
        executions = ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]
        if executions and executions[-1]["Status"] not in ("PENDING", "IN_PROGRESS"):
            break
    execution = executions[-1]["WindowExecutionId"]
    return ssm.describe_maintenance_window_execution_tasks(WindowExecutionId=execution)["WindowExecutionTaskIdentities"]


@pytest.fixture(scope="module")
def function(local, strong):
    """A function that has left a trace if it was called, and its log group."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", "def handler(event, context):\n    return 1\n")
    made = local.client("lambda").create_function(
        FunctionName="called", Runtime="python3.11", Role=strong, Handler="main.handler", Code={"ZipFile": archive.getvalue()}
    )
    return made["FunctionArn"]


@pytest.fixture(scope="module")
def machine(local, strong):
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    return local.client("stepfunctions").create_state_machine(name="started", roleArn=strong, definition=json.dumps(definition))["stateMachineArn"]


def test_a_windows_tasks_are_those_of_who_registered_them(local, ssm, window, user, function, machine):
    parameter = f"parameter-{next(NUMBERS)}"
    somebody = user("ssm:RegisterTaskWithMaintenanceWindow")("ssm")
    on_node = {"Targets": [{"Key": "InstanceIds", "Values": [LOCAL]}], "MaxConcurrency": "1", "MaxErrors": "1"}
    tasks = [
        {"TaskType": "AUTOMATION", "TaskArn": runbook(ssm, parameter)},
        {"TaskType": "RUN_COMMAND", "TaskArn": "AWS-RunShellScript", **on_node,
         "TaskInvocationParameters": {"RunCommand": {"Parameters": {"commands": ["true"]}}}},
        {"TaskType": "LAMBDA", "TaskArn": function},
        {"TaskType": "STEP_FUNCTIONS", "TaskArn": machine},
    ]
    for task in tasks:
        somebody.register_task_with_maintenance_window(WindowId=window, **task)
    done = opened(local, ssm, window)
    assert {task["TaskType"]: task["Status"] for task in done} == {task["TaskType"]: "FAILED" for task in tasks}
    assert not is_done(ssm, parameter)
    assert not local.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    sent = ssm.list_commands()["Commands"]
    assert not [command for command in sent if command["DocumentName"] == "AWS-RunShellScript"], sent


def test_a_task_that_somebody_changes_is_his(local, ssm, window, user):
    parameter = f"parameter-{next(NUMBERS)}"
    task = ssm.register_task_with_maintenance_window(WindowId=window, TaskType="AUTOMATION", TaskArn=runbook(ssm, parameter))["WindowTaskId"]
    somebody = user("ssm:UpdateMaintenanceWindowTask")("ssm")
    somebody.update_maintenance_window_task(WindowId=window, WindowTaskId=task, Name="renamed")
    assert [task["Status"] for task in opened(local, ssm, window)] == ["FAILED"]
    assert not is_done(ssm, parameter)


def test_the_role_of_a_task_is_passed(local, ssm, window, user, strong):
    parameter = f"parameter-{next(NUMBERS)}"
    somebody = user("ssm:RegisterTaskWithMaintenanceWindow", "ssm:UpdateMaintenanceWindowTask")
    task = {"WindowId": window, "TaskType": "AUTOMATION", "TaskArn": runbook(ssm, parameter)}
    assert denied(somebody("ssm").register_task_with_maintenance_window, **task, ServiceRoleArn=strong) == "iam:PassRole"
    registered = somebody("ssm").register_task_with_maintenance_window(**task)["WindowTaskId"]
    update = {"WindowId": window, "WindowTaskId": registered, "ServiceRoleArn": strong}
    assert denied(somebody("ssm").update_maintenance_window_task, **update) == "iam:PassRole"
    somebody.allow("iam:PassRole")
    somebody("ssm").update_maintenance_window_task(**update)
    assert [task["Status"] for task in opened(local, ssm, window)] == ["SUCCESS"]
    assert is_done(ssm, parameter)


# ---- automations


def test_a_child_automation_gets_no_role_that_is_not_passed(ssm, user, strong):
    parameter = f"parameter-{next(NUMBERS)}"
    child = runbook(ssm, parameter, strong)
    content = {"schemaVersion": "0.3", "mainSteps": [{"name": "run", "action": "aws:executeAutomation", "inputs": {"DocumentName": child}}]}
    ssm.create_document(Name="parent-of-strong", DocumentType="Automation", Content=json.dumps(content))
    somebody = user("ssm:StartAutomationExecution", "ssm:GetAutomationExecution")
    assert denied(somebody("ssm").start_automation_execution, DocumentName=child) == "iam:PassRole"
    id = somebody("ssm").start_automation_execution(DocumentName="parent-of-strong")["AutomationExecutionId"]
    done = ended(ssm, id)
    assert done["AutomationExecutionStatus"] == "Failed" and "iam:PassRole" in done["FailureMessage"]
    assert not is_done(ssm, parameter)


@pytest.mark.parametrize("way", ["targets", "maps"])
def test_a_role_among_the_targets_is_passed_too(ssm, user, strong, way):
    parameter = f"parameter-{next(NUMBERS)}"
    name = runbook(ssm, parameter)
    targets = {"Targets": [{"Key": "ParameterValues", "Values": [strong]}]} if way == "targets" else {"TargetMaps": [{"Role": [strong]}]}
    somebody = user("ssm:StartAutomationExecution")
    id = somebody("ssm").start_automation_execution(DocumentName=name, TargetParameterName="Role", **targets)["AutomationExecutionId"]
    assert ended(ssm, id)["AutomationExecutionStatus"] == "Failed"
    assert not is_done(ssm, parameter)
    somebody.allow("iam:PassRole")
    id = somebody("ssm").start_automation_execution(DocumentName=name, TargetParameterName="Role", **targets)["AutomationExecutionId"]
    assert ended(ssm, id)["AutomationExecutionStatus"] == "Success"
    assert is_done(ssm, parameter)


def test_a_change_requests_role_is_passed(local, ssm, user, strong):
    parameter = f"parameter-{next(NUMBERS)}"
    name = runbook(ssm, parameter)
    template = {"schemaVersion": "0.3", "emergencyChange": False, "autoApprovable": True, "templateInformation": "x", "description": "x",
                "executableRunBooks": [{"name": name, "version": "$DEFAULT"}],
                "mainSteps": [{"name": "ask", "action": "aws:approve", "timeoutSeconds": 3600,
                               "inputs": {"EnhancedApprovals": {"Approvers": [{"approver": "x", "type": "IamUser", "minRequiredApprovals": 1}]}}}]}
    ssm.create_document(Name="template-of-strong", DocumentType="Automation.ChangeTemplate", Content=json.dumps(template))
    ssm.update_document_metadata(Name="template-of-strong", DocumentVersion="1", DocumentReviews={"Action": "Approve"})
    somebody = user("ssm:StartChangeRequestExecution")
    change = {"DocumentName": "template-of-strong", "AutoApprove": True}
    with_role = change | {"Runbooks": [{"DocumentName": name, "Parameters": {"Role": [strong]}}]}
    assert denied(somebody("ssm").start_change_request_execution, **with_role) == "iam:PassRole"

    def over(id):
        def look():
            local.request("POST", "/_cloudlet/settle")
            found = ssm.get_automation_execution(AutomationExecutionId=id)["AutomationExecution"]["AutomationExecutionStatus"]
            return found if found.startswith("Completed") else None

        return eventually(look)

    # Without a role the runbook works as whoever asked.
    id = somebody("ssm").start_change_request_execution(**change, Runbooks=[{"DocumentName": name}])["AutomationExecutionId"]
    assert over(id) == "CompletedWithFailure" and not is_done(ssm, parameter)
    # A role that the runbook got after the request is not his either.
    content = json.loads(ssm.get_document(Name=name)["Content"])
    content["parameters"]["Role"]["default"] = strong
    id = somebody("ssm").start_change_request_execution(**change, Runbooks=[{"DocumentName": name}])["AutomationExecutionId"]
    version = ssm.update_document(Name=name, DocumentVersion="$LATEST", Content=json.dumps(content))["DocumentDescription"]["DocumentVersion"]
    ssm.update_document_default_version(Name=name, DocumentVersion=version)
    assert over(id) == "CompletedWithFailure" and not is_done(ssm, parameter)
    somebody.allow("iam:PassRole")
    id = somebody("ssm").start_change_request_execution(**with_role)["AutomationExecutionId"]
    assert over(id) == "CompletedWithSuccess" and is_done(ssm, parameter)


# ---- commands and nodes


def test_roles_of_commands_and_nodes_are_passed(ssm, user, strong):
    somebody = user("ssm:SendCommand", "ssm:CreateActivation", "ssm:UpdateManagedInstanceRole")("ssm")
    notices = {"NotificationArn": "arn:aws:sns:us-east-1:000000000000:t", "NotificationEvents": ["All"], "NotificationType": "Command"}
    command = {"InstanceIds": [LOCAL], "DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
    assert denied(somebody.send_command, **command, ServiceRoleArn=strong, NotificationConfig=notices) == "iam:PassRole"
    assert denied(somebody.create_activation, IamRole="strong") == "iam:PassRole"
    assert denied(somebody.update_managed_instance_role, InstanceId=LOCAL, IamRole="strong") == "iam:PassRole"


# ---- tasks


def test_roles_of_tasks_are_passed(local, user, strong):
    somebody = user("ecs:*")
    definition = {"family": "with-role", "containerDefinitions": [{"name": "app", "image": "any", "memory": 128}]}
    for role in ("taskRoleArn", "executionRoleArn"):
        # By its ARN or by its name.
        for named in (strong, "strong"):
            assert denied(somebody("ecs").register_task_definition, **definition, **{role: named}) == "iam:PassRole"
    ecs = local.client("ecs")
    ecs.create_cluster(clusterName="authority")
    ecs.register_task_definition(**definition, taskRoleArn=strong)
    run = {"cluster": "authority", "taskDefinition": "with-role"}
    assert denied(somebody("ecs").run_task, **run) == "iam:PassRole"
    ecs.register_task_definition(**(definition | {"family": "without-role"}))
    overrides = {"overrides": {"taskRoleArn": strong}}
    assert denied(somebody("ecs").run_task, cluster="authority", taskDefinition="without-role", **overrides) == "iam:PassRole"


def test_tags_at_the_creation_are_tagging(local, user):
    tags = [{"key": "a", "value": "b"}]
    somebody = user("ecs:CreateCluster", "ecs:RegisterTaskDefinition", "ecs:RunTask", "ssm:Create*", "ssm:StartAutomationExecution")
    ecs, ssm = somebody("ecs"), somebody("ssm")
    container = [{"name": "app", "image": "any", "memory": 128}]
    assert denied(ecs.create_cluster, clusterName="tagged", tags=tags) == "ecs:TagResource"
    assert denied(ecs.register_task_definition, family="tagged", containerDefinitions=container, tags=tags) == "ecs:TagResource"
    local.client("ecs").create_cluster(clusterName="tagged")
    local.client("ecs").register_task_definition(family="tagged", containerDefinitions=container)
    assert denied(ecs.run_task, cluster="tagged", taskDefinition="tagged", tags=tags) == "ecs:TagResource"
    tags = {"Tags": [{"Key": "a", "Value": "b"}]}
    for call, more in [
        (ssm.create_ops_item, {"Title": "t", "Description": "d", "Source": "s"}),
        (ssm.create_ops_metadata, {"ResourceId": "arn:aws:resource-groups:us-east-1:000000000000:group/x"}),
        (ssm.create_maintenance_window, {"Name": "tagged", "Schedule": "rate(1 day)", "Duration": 2, "Cutoff": 1, "AllowUnassociatedTargets": True}),
        (ssm.create_document, {"Name": "tagged", "Content": "{}"}),
        (ssm.create_association, {"Name": "AWS-RunShellScript"}),
        (ssm.start_automation_execution, {"DocumentName": "AWS-HelloWorld"}),
    ]:
        assert denied(call, **more, **tags) == "ssm:AddTagsToResource"


def test_an_exec_session_writes_as_its_task(local, ssm, strong):
    """Its transcript is the task role's to write: without one it is not written."""
    from channel import Channel

    s3, ecs = local.client("s3"), local.client("ecs")
    s3.create_bucket(Bucket="exec-transcripts")
    logging = {"logging": "OVERRIDE", "logConfiguration": {"s3BucketName": "exec-transcripts"}}
    ecs.create_cluster(clusterName="logged", configuration={"executeCommandConfiguration": logging})
    definition = {"family": "logged", "containerDefinitions": [{"name": "app", "image": "any", "memory": 128, "environment": [{"name": "COLOUR", "value": "blue"}]}]}
    kept = {}
    for role in (None, strong):
        ecs.register_task_definition(**definition, **({"taskRoleArn": role} if role else {}))
        task = ecs.run_task(cluster="logged", taskDefinition="logged", enableExecuteCommand=True)["tasks"][0]["taskArn"]
        session = ecs.execute_command(cluster="logged", task=task, interactive=True, command="sh -c 'echo colour=$COLOUR keys=$AWS_CONTAINER_CREDENTIALS_FULL_URI'")["session"]
        channel = Channel({"StreamUrl": session["streamUrl"], "TokenValue": session["tokenValue"], "SessionId": session["sessionId"]})
        channel.until("colour=blue keys=http://127.0.0.1:" if role else "colour=blue keys=\r")
        channel.wait(lambda: channel.over)
        kept[session["sessionId"]] = role
    [with_role] = [id for id, role in kept.items() if role]
    written = eventually(lambda: [object["Key"] for object in s3.list_objects_v2(Bucket="exec-transcripts").get("Contents", [])])
    assert written == [f"{with_role}.log"]


def test_a_container_gets_the_keys_of_its_task(local, strong):
    from channel import Channel

    ecs = local.client("ecs")
    ecs.create_cluster(clusterName="keys")
    container = {"name": "app", "image": "any", "memory": 256}
    ecs.register_task_definition(family="keys", taskRoleArn=strong, containerDefinitions=[container])
    task = ecs.run_task(cluster="keys", taskDefinition="keys", enableExecuteCommand=True)["tasks"][0]["taskArn"]
    script = "import os, urllib.request as r, json; print(json.load(r.urlopen(os.environ[\"AWS_CONTAINER_CREDENTIALS_FULL_URI\"]))[\"RoleArn\"])"
    session = ecs.execute_command(cluster="keys", task=task, interactive=True, command=f"python3 -c '{script}'")["session"]
    channel = Channel({"StreamUrl": session["streamUrl"], "TokenValue": session["tokenValue"], "SessionId": session["sessionId"]})
    channel.until(strong)


def test_nobody_elses_container_is_a_target(local, ssm):
    """The target of a session names its cluster, its task and its container, all of the caller's own account."""
    ecs = local.client("ecs")
    ecs.create_cluster(clusterName="own")
    ecs.register_task_definition(family="own", containerDefinitions=[{"name": "app", "image": "any", "memory": 128}])
    task = ecs.run_task(cluster="own", taskDefinition="own", enableExecuteCommand=True)["tasks"][0]
    id, runtime = task["taskArn"].rsplit("/", 1)[1], task["containers"][0]["runtimeId"]
    other = local.client("ssm", key="222222222222")

    def connected(client, cluster="own"):
        return client.get_connection_status(Target=f"ecs:{cluster}_{id}_{runtime}")["Status"]

    assert (connected(ssm), connected(ssm, "other"), connected(other)) == ("connected", "notconnected", "notconnected")
    with pytest.raises(ClientError) as error:
        other.start_session(Target=f"ecs:own_{id}_{runtime}")
    assert error.value.response["Error"]["Code"] == "TargetNotConnected"

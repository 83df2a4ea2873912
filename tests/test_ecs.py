"""ECS Exec: sessions in the containers of tasks."""

import pytest
from botocore.exceptions import ClientError
from channel import Channel

DISABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn\u2019t running. "
    "Wait and try again or run a new task with execute command enabled and try again."
)


@pytest.fixture(scope="module")
def ecs(server):
    ecs = server.client("ecs")
    ecs.create_cluster(clusterName="c")
    container = {"name": "app", "image": "any", "memory": 256, "command": ["sh", "-c", "echo up > /tmp/up; exec sleep 3600"]}
    ecs.register_task_definition(family="web", containerDefinitions=[container | {"environment": [{"name": "COLOUR", "value": "blue"}]}])
    return ecs


def run(ecs, **more):
    return ecs.run_task(cluster="c", taskDefinition="web", **more)["tasks"][0]


def execute(ecs, task, command="sh", **more):
    return ecs.execute_command(cluster="c", task=task["taskArn"], interactive=True, command=command, **more)


def refused(call, *arguments, **more):
    with pytest.raises(ClientError) as error:
        call(*arguments, **more)
    answer = error.value.response["Error"]
    return f"{answer['Code']}: {answer['Message']}"


def channel(answer):
    session = answer["session"]
    return Channel({"StreamUrl": session["streamUrl"], "TokenValue": session["tokenValue"], "SessionId": session["sessionId"]})


def test_a_shell_in_a_container(server, ecs):
    task = run(ecs, enableExecuteCommand=True)
    [shown] = ecs.describe_tasks(cluster="c", tasks=[task["taskArn"]])["tasks"]
    [container] = shown["containers"]
    assert shown["lastStatus"] == "RUNNING" and container["runtimeId"]
    [agent] = container["managedAgents"]
    assert agent["name"] == "ExecuteCommandAgent" and agent["lastStatus"] == "RUNNING"
    answer = execute(ecs, task, container="app")
    assert answer["session"]["sessionId"].startswith("ecs-execute-command-") and answer["containerName"] == "app"
    shell = channel(answer)
    shell.type("id -un; cat /tmp/up; echo end\r")
    assert "root" in shell.until("\r\nend")
    shell.type("exit\r")
    shell.wait(lambda: shell.over)
    words = channel(execute(ecs, task, "echo a && b"))
    words.until("a && b")
    ecs.stop_task(cluster="c", task=task["taskArn"])
    [shown] = ecs.describe_tasks(cluster="c", tasks=[task["taskArn"]])["tasks"]
    assert shown["lastStatus"] == "STOPPED" and shown["stopCode"] == "UserInitiated"
    assert DISABLED in refused(execute, ecs, task)


def test_the_third_session_is_refused_until_one_is_terminated(server, ecs):
    ssm = server.client("ssm")
    task = run(ecs, enableExecuteCommand=True)
    first = execute(ecs, task)
    execute(ecs, task)
    sentence = "ClientException: Unable to start new execute sessions because the maximum session limit of 2 has been reached."
    assert refused(execute, ecs, task) == sentence
    ssm.terminate_session(SessionId=first["session"]["sessionId"])
    execute(ecs, task)
    assert refused(execute, ecs, task) == sentence
    ecs.stop_task(cluster="c", task=task["taskArn"])


def test_what_is_refused(ecs):
    task = run(ecs)
    assert DISABLED in refused(execute, ecs, task)
    text = refused(ecs.execute_command, cluster="c", task=task["taskArn"], interactive=False, command="ls")
    assert text == "InvalidParameterException: Interactive is the only mode supported currently."
    assert "ClusterNotFoundException" in refused(ecs.list_tasks, cluster="none")
    assert "TaskDefinition not found." in refused(ecs.run_task, cluster="c", taskDefinition="none")
    assert "ClusterContainsTasksException" in refused(ecs.delete_cluster, cluster="c")
    ecs.stop_task(cluster="c", task=task["taskArn"])


def test_a_task_ends_with_its_essential_container(ecs):
    container = {"name": "app", "image": "any", "memory": 128, "command": ["sh", "-c", "exit 3"]}
    ecs.register_task_definition(family="short", containerDefinitions=[container])
    task = ecs.run_task(cluster="c", taskDefinition="short")["tasks"][0]
    waiter = ecs.get_waiter("tasks_stopped")
    waiter.wait(cluster="c", tasks=[task["taskArn"]], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    [shown] = ecs.describe_tasks(cluster="c", tasks=[task["taskArn"]])["tasks"]
    assert shown["containers"][0]["exitCode"] == 3 and shown["stopCode"] == "EssentialContainerExited"


def test_definitions_and_clusters_are_listed(ecs):
    family = "listed"
    for _ in range(3):
        ecs.register_task_definition(family=family, containerDefinitions=[{"name": "a", "image": "any", "memory": 128}])
    page = ecs.list_task_definitions(familyPrefix=family, maxResults=2)
    rest = ecs.list_task_definitions(familyPrefix=family, maxResults=2, nextToken=page["nextToken"])
    assert [arn.rsplit(":", 1)[1] for arn in page["taskDefinitionArns"] + rest["taskDefinitionArns"]] == ["1", "2", "3"]
    assert ecs.deregister_task_definition(taskDefinition=f"{family}:3")["taskDefinition"]["status"] == "INACTIVE"
    assert ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["revision"] == 2
    answer = ecs.describe_clusters(clusters=["c", "none"])
    assert answer["clusters"][0]["status"] == "ACTIVE" and answer["failures"][0]["reason"] == "MISSING"
    ecs.create_cluster(clusterName="gone")
    assert ecs.delete_cluster(cluster="gone")["cluster"]["status"] == "INACTIVE"
    assert not any(arn.endswith("/gone") for arn in ecs.list_clusters()["clusterArns"])


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("create_service", {"serviceName": "s"}), ("list_services", {}), ("describe_container_instances", {"containerInstances": ["x"]}), ("list_tags_for_resource", {"resourceArn": "x"})],
)
def test_what_is_not_built_says_so(ecs, operation, arguments):
    with pytest.raises(ClientError) as error:
        getattr(ecs, operation)(**arguments)
    answer = error.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (501, "NotImplemented")
    name = "".join(part.title() for part in operation.split("_"))
    assert answer["Error"]["Message"] == f"Cloudlet does not implement ecs:{name} yet."

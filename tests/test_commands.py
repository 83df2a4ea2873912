"""Run Command: documents that really run on managed nodes, with the clients that people use."""

import json
import shutil
import time
import urllib.request

import pytest
from botocore.exceptions import ClientError

LOCAL = "mi-0c10d1e7000000001"
ALL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


@pytest.fixture(scope="module")
def node_server(start):
    return start("--ssm-local-node")


@pytest.fixture(scope="module")
def ssm(node_server):
    return node_server.client("ssm")


def trust(service):
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}})


def finished(ssm, command, node, plugin=None):
    more = {"PluginName": plugin} if plugin else {}
    for _ in range(2400):
        got = ssm.get_command_invocation(CommandId=command, InstanceId=node, **more)
        if got["Status"] not in ("Pending", "InProgress", "Delayed", "Cancelling"):
            return got
        time.sleep(0.05)
    raise AssertionError(got)


def send(ssm, *lines, node=LOCAL, **more):
    sent = ssm.send_command(InstanceIds=[node], DocumentName="AWS-RunShellScript", Parameters={"commands": list(lines)}, **more)
    return sent["Command"]["CommandId"]


def test_a_script_runs_on_the_local_node(ssm):
    got = finished(ssm, send(ssm, "echo hello", "echo oops >&2", "touch /tmp/made", "exit 3"), LOCAL)
    assert (got["Status"], got["ResponseCode"], got["StandardOutputContent"]) == ("Failed", 3, "hello\n"), got
    assert got["StandardErrorContent"] == "oops\nfailed to run commands: exit status 3"
    assert finished(ssm, send(ssm, "ls /tmp/made"), LOCAL)["StandardOutputContent"] == "/tmp/made\n", "its files stay"


def test_output_goes_to_s3_and_logs(node_server, ssm):
    node_server.client("s3").create_bucket(Bucket="outputs")
    command = send(ssm, "echo kept", OutputS3BucketName="outputs", OutputS3KeyPrefix="p", CloudWatchOutputConfig={"CloudWatchOutputEnabled": True})
    finished(ssm, command, LOCAL)
    key = f"p/{command}/{LOCAL}/awsrunShellScript/0.awsrunShellScript/stdout"
    for _ in range(100):
        keys = [item["Key"] for item in node_server.client("s3").list_objects_v2(Bucket="outputs").get("Contents", [])]
        groups = node_server.client("logs").describe_log_groups()["logGroups"]
        if keys and groups:
            break
        time.sleep(0.05)
    assert keys == [key]
    stream = f"{command}/{LOCAL}/aws-runShellScript/stdout"
    logs = node_server.client("logs")
    events = logs.get_log_events(logGroupName="/aws/ssm/AWS-RunShellScript", logStreamName=stream)["events"]
    assert [event["message"] for event in events] == ["kept"]


def test_an_instance_works_under_its_role(node_server, ssm):
    iam = node_server.client("iam")
    iam.create_role(RoleName="node", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    iam.put_role_policy(RoleName="node", PolicyName="all", PolicyDocument=json.dumps(ALL))
    iam.create_instance_profile(InstanceProfileName="node")
    iam.add_role_to_instance_profile(InstanceProfileName="node", RoleName="node")
    instance = node_server.client("ec2").run_instances(
        ImageId="ami-0123456789abcdef0",
        MinCount=1,
        MaxCount=1,
        IamInstanceProfile={"Name": "node"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "web"}]}],
    )["Instances"][0]["InstanceId"]
    for _ in range(200):
        found = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [instance]}])["InstanceInformationList"]
        if found:
            break
        time.sleep(0.05)
    assert found[0]["PingStatus"] == "Online"
    got = finished(ssm, send(ssm, 'echo "$AWS_SSM_INSTANCE_ID ${AWS_ACCESS_KEY_ID%%[A-Z0-9]*}"', "env | grep -c AWS_SESSION_TOKEN", node=instance), instance)
    assert got["StandardOutputContent"].startswith(instance)
    assert got["StandardOutputContent"].endswith("1\n")
    sent = ssm.send_command(Targets=[{"Key": "tag:team", "Values": ["web"]}], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]})
    assert finished(ssm, sent["Command"]["CommandId"], instance)["Status"] == "Success"


def test_a_machine_is_registered_with_an_activation(node_server, ssm):
    node_server.client("iam").create_role(RoleName="hybrid", AssumeRolePolicyDocument=trust("ssm.amazonaws.com"))
    made = ssm.create_activation(IamRole="hybrid", DefaultInstanceName="machine")
    body = {"ActivationId": made["ActivationId"], "ActivationCode": made["ActivationCode"]}
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.RegisterManagedInstance"}
    request = urllib.request.Request(node_server.url, data=json.dumps(body).encode(), headers=headers)
    node = json.load(urllib.request.urlopen(request))["InstanceId"]
    assert node.startswith("mi-")
    assert finished(ssm, send(ssm, "hostname", node=node), node)["StandardOutputContent"] == "machine\n"
    ssm.deregister_managed_instance(InstanceId=node)
    with pytest.raises(ClientError) as refused:
        send(ssm, "true", node=node)
    assert refused.value.response["Error"]["Code"] == "InvalidInstanceId"


def test_cancelling_stops_what_runs(ssm):
    command = send(ssm, "echo begun", "sleep 1000")
    for _ in range(2400):
        if ssm.get_command_invocation(CommandId=command, InstanceId=LOCAL)["Status"] == "InProgress":
            break
        time.sleep(0.05)
    ssm.cancel_command(CommandId=command)
    assert finished(ssm, command, LOCAL)["Status"] == "Cancelled"


def test_the_waiter_of_boto3_and_documents_of_ones_own(node_server, ssm):
    text = "schemaVersion: '2.2'\nparameters:\n  word: {type: String, allowedPattern: '[a-z]+'}\nmainSteps:\n- action: aws:runShellScript\n  name: speak\n  inputs:\n    runCommand:\n    - echo {{ word }}\n"
    ssm.create_document(Name="say", Content=text, DocumentFormat="YAML", DocumentType="Command")
    sent = ssm.send_command(InstanceIds=[LOCAL], DocumentName="say", Parameters={"word": ["hi"]})["Command"]
    ssm.get_waiter("command_executed").wait(CommandId=sent["CommandId"], InstanceId=LOCAL, WaiterConfig={"Delay": 1})
    assert finished(ssm, sent["CommandId"], LOCAL, "speak")["StandardOutputContent"] == "hi\n"
    with pytest.raises(ClientError) as refused:
        ssm.send_command(InstanceIds=[LOCAL], DocumentName="say", Parameters={"word": ["HI"]})
    assert refused.value.response["Error"]["Code"] == "InvalidParameters"
    assert json.loads(ssm.get_document(Name="say")["Content"])["mainSteps"][0]["name"] == "speak"


def test_an_association_runs_and_aws_cli_sees_it(ssm, node_server):
    made = ssm.create_association(
        Name="AWS-RunShellScript", Targets=[{"Key": "InstanceIds", "Values": [LOCAL]}], Parameters={"commands": ["true"]}, ScheduleExpression="rate(1 hour)"
    )["AssociationDescription"]
    for _ in range(2400):
        seen = ssm.describe_association(AssociationId=made["AssociationId"])["AssociationDescription"]
        if seen["Overview"]["Status"] == "Success":
            break
        time.sleep(0.05)
    assert seen["Overview"]["Status"] == "Success"
    assert len(ssm.describe_association_executions(AssociationId=made["AssociationId"])["AssociationExecutions"]) == 1


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_inventory_is_what_the_machine_says(ssm):
    ssm.send_command(InstanceIds=[LOCAL], DocumentName="AWS-GatherSoftwareInventory")
    for _ in range(2400):
        entries = ssm.list_inventory_entries(InstanceId=LOCAL, TypeName="AWS:InstanceDetailedInformation")["Entries"]
        if entries:
            break
        time.sleep(0.05)
    assert int(entries[0]["CPUs"]) >= 1

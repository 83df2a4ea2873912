"""CloudWatch Logs with aws-cli and boto3: events, patterns, queries, live tail, policies, exports, and the services that write there."""

import base64
import gzip
import io
import itertools
import json
import subprocess
import threading
import time
import zipfile

import pytest
from botocore.exceptions import ClientError
from lambdas import eventually

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def logs(server):
    return server.client("logs", inject_host_prefix=False)


@pytest.fixture
def group(logs):
    name = f"/test/group-{next(numbers)}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="stream")
    return name


def now():
    return int(time.time() * 1000)


def put(logs, group, *messages, stream="stream", at=None):
    at = at or now()
    events = [{"timestamp": at + number, "message": message} for number, message in enumerate(messages)]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def error_of(raised):
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def found(logs, group, **more):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **more)
    return [event["message"] for page in pages for event in page["events"]]


def appear(logs, group, count):
    """So many events, which somebody else writes in his own time."""

    def there():
        try:
            messages = found(logs, group)
        except logs.exceptions.ResourceNotFoundException:
            return None
        return messages if len(messages) >= count else None

    return eventually(there)


def test_events_are_written_read_and_filtered(logs, group):
    put(logs, group, '{"level":"ERROR","n":3}', "127.0.0.1 GET 404", "fine é ✓")
    assert found(logs, group) == ['{"level":"ERROR","n":3}', "127.0.0.1 GET 404", "fine é ✓"]
    assert found(logs, group, filterPattern='{ $.level = "E*" && $.n > 2 }') == ['{"level":"ERROR","n":3}']
    assert found(logs, group, filterPattern="[ip, method, status = 4*]") == ["127.0.0.1 GET 404"]
    assert found(logs, group, filterPattern="?fine ?GET", PaginationConfig={"PageSize": 1}) == ["127.0.0.1 GET 404", "fine é ✓"]
    page = logs.get_log_events(logGroupName=group, logStreamName="stream", startFromHead=True, limit=2)
    rest = logs.get_log_events(logGroupName=group, logStreamName="stream", nextToken=page["nextForwardToken"])
    end = logs.get_log_events(logGroupName=group, logStreamName="stream", nextToken=rest["nextForwardToken"])
    assert (len(page["events"]), len(rest["events"]), end["events"], end["nextForwardToken"]) == (2, 1, [], rest["nextForwardToken"])
    with pytest.raises(ClientError) as raised:
        logs.filter_log_events(logGroupName=group, filterPattern="a/b")
    assert error_of(raised)[0] == "InvalidParameterException"
    with pytest.raises(ClientError) as raised:
        logs.filter_log_events(logGroupName=group, limit=10_001)
    code, message = error_of(raised)
    assert code == "InvalidParameterException" and "Member must have value less than or equal to 10000" in message


def test_aws_cli_tails_a_group(aws, logs, group):
    put(logs, group, "one", "two")
    listed = aws.json("logs", "describe-log-groups", "--log-group-name-prefix", group)["logGroups"]
    assert [one["logGroupName"] for one in listed] == [group]
    if aws.version == 1:
        # It has no `tail`.
        events = aws.json("logs", "filter-log-events", "--log-group-name", group)["events"]
        assert [event["message"] for event in events] == ["one", "two"]
        return
    printed = aws("logs", "tail", group, "--format", "short")
    assert [line.split(" ", 1)[1] for line in printed.splitlines()] == ["one", "two"]
    command = [aws.program, "--endpoint-url", aws.endpoint, "logs", "tail", group, "--follow", "--since", "1m", "--format", "short"]
    tail = subprocess.Popen(command, env=aws.environment | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True)
    try:
        assert tail.stdout.readline().endswith(" one\n")
        assert tail.stdout.readline().endswith(" two\n")
        put(logs, group, "three")
        assert tail.stdout.readline().endswith(" three\n")
    finally:
        tail.kill()
        tail.wait()


def test_a_live_tail_session(logs, group):
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["logGroupArn"]
    session = logs.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="ERROR")
    seen = []
    for event in session["responseStream"]:
        if "sessionStart" in event:
            assert event["sessionStart"]["logGroupIdentifiers"] == [arn]
            threading.Thread(target=put, args=(logs, group, "fine", "ERROR 1", "ERROR 2")).start()
        seen += event.get("sessionUpdate", {}).get("sessionResults", [])
        if len(seen) == 2:
            break
    session["responseStream"].close()
    assert [event["message"] for event in seen] == ["ERROR 1", "ERROR 2"]
    assert seen[0]["logStreamName"] == "stream"


def test_a_query(aws, logs, group):
    put(logs, group, '{"user":"ann","ms":5}', '{"user":"bob","ms":9}', '{"user":"ann","ms":7}')
    start = int(time.time()) - 60
    text = "stats count(*) as n, max(ms) as most by user | sort user"
    arguments = ["--log-group-name", group, "--start-time", str(start), "--end-time", str(start + 120), "--query-string", text]
    query = aws.json("logs", "start-query", *arguments)["queryId"]
    results = aws.json("logs", "get-query-results", "--query-id", query)
    rows = [{field["field"]: field["value"] for field in row} for row in results["results"]]
    assert results["status"] == "Complete"
    assert rows == [{"user": "ann", "n": "2", "most": "7"}, {"user": "bob", "n": "1", "most": "9"}]


def test_a_query_that_is_none_says_where(logs, group):
    with pytest.raises(logs.exceptions.MalformedQueryException) as refused:
        logs.start_query(logGroupName=group, startTime=1, endTime=2, queryString="fields @message | nonsense")
    error = refused.value.response["queryCompileError"]
    assert set(error["location"]) == {"startCharOffset", "endCharOffset"} and error["message"] == refused.value.response["Error"]["Message"]


def test_retention_on_the_servers_clock(start):
    server = start("--auth", "off")
    logs = server.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="stream")
    put(logs, "g", "old")
    logs.put_retention_policy(logGroupName="g", retentionInDays=3)
    server.advance(3 * 86400 - 60)
    assert found(logs, "g") == ["old"]
    server.advance(120)
    assert found(logs, "g") == []


def test_a_user_needs_the_permissions_that_aws_names(server, logs, group):
    iam = server.client("iam")
    name = f"user-{next(numbers)}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = server.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    with pytest.raises(ClientError) as raised:
        put(user, group, "x")
    code, message = error_of(raised)
    assert code == "AccessDeniedException"
    assert f"logs:PutLogEvents on resource: arn:aws:logs:us-east-1:000000000000:log-group:{group}:log-stream:stream" in message

    def allow(resource, *actions):
        statement = {"Effect": "Allow", "Action": [f"logs:{action}" for action in actions], "Resource": resource}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))

    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    allow(f"{arn}:*", "PutLogEvents", "FilterLogEvents", "ListTagsForResource")
    put(user, group, "x")
    assert found(user, group) == ["x"]
    with pytest.raises(ClientError):
        user.list_tags_for_resource(resourceArn=arn)
    allow(arn, "PutLogEvents", "FilterLogEvents", "ListTagsForResource")
    assert user.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    with pytest.raises(ClientError):
        put(user, group, "y")


def test_a_group_under_a_key(server, logs, group):
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError) as raised:
        logs.associate_kms_key(logGroupName=group, kmsKeyId=key)
    assert error_of(raised)[0] == "InvalidParameterException"
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
        },
    ]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    logs.associate_kms_key(logGroupName=group, kmsKeyId=key)
    put(logs, group, "x")
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError):
        put(logs, group, "y")
    kms.enable_key(KeyId=key)
    assert found(logs, group) == ["x"]


def test_an_export(server, logs, s3, bucket, group):
    put(logs, group, "one", "two", at=now() - 1000)
    task = {"logGroupName": group, "fromTime": now() - 60_000, "to": now() + 1, "destination": bucket}
    with pytest.raises(ClientError) as raised:
        logs.create_export_task(**task)
    assert error_of(raised)[1].startswith("GetBucketAcl call on the given bucket failed.")
    service = {"Service": "logs.us-east-1.amazonaws.com"}
    statements = [
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
        {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    identifier = logs.create_export_task(**task)["taskId"]
    server.advance(3)
    server.request("POST", "/_cloudlet/settle")

    def is_over():
        (status,) = [task["status"]["code"] for task in logs.describe_export_tasks(taskId=identifier)["exportTasks"]]
        return status not in ("PENDING", "RUNNING") and status

    assert eventually(is_over) == "COMPLETED"
    body = s3.get_object(Bucket=bucket, Key=f"exportedlogs/{identifier}/stream/000000.gz")["Body"].read()
    assert [line.split(" ", 1)[1] for line in gzip.decompress(body).decode().splitlines()] == ["one", "two"]
    server.reset_clock()


def role(iam, service, *actions):
    name = f"role-{next(numbers)}"
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))["Role"]["Arn"]
    if actions:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    return arn


def test_step_functions_write_their_log(server, logs, group):
    iam, states = server.client("iam"), server.client("stepfunctions")
    writer = role(iam, "states.amazonaws.com", "logs:CreateLogDelivery")
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"]
    logging = {"level": "ALL", "includeExecutionData": True, "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]}
    machine = {
        "name": f"machine-{next(numbers)}",
        "definition": json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}),
        "loggingConfiguration": logging,
    }
    with pytest.raises(ClientError) as raised:
        states.create_state_machine(**machine, roleArn=role(iam, "states.amazonaws.com"))
    assert error_of(raised)[0] == "AccessDeniedException"
    made = states.create_state_machine(**machine, roleArn=writer)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=made, input='{"x":1}')["executionArn"]
    server.request("POST", "/_cloudlet/settle")
    lines = [json.loads(message) for message in appear(logs, group, 4)]
    assert [line["type"] for line in lines] == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert lines[0]["details"]["input"] == '{"x":1}' and lines[0]["execution_arn"] == execution and lines[3]["previous_event_id"] == "3"


def test_sns_writes_what_became_of_deliveries(server, logs, sns, sqs):
    iam = server.client("iam")
    feedback = role(iam, "sns.amazonaws.com", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    name = f"topic-with-status-{next(numbers)}"
    attributes = {"SQSSuccessFeedbackRoleArn": feedback, "SQSSuccessFeedbackSampleRate": "100", "SQSFailureFeedbackRoleArn": feedback}
    topic = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    identifier = sns.publish(TopicArn=topic, Message="refused")["MessageId"]
    (failure,) = [json.loads(message) for message in appear(logs, f"sns/us-east-1/000000000000/{name}/Failure", 1)]
    assert (failure["status"], failure["notification"]["messageId"], failure["delivery"]["destination"]) == ("FAILURE", identifier, queue)
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})
    sns.publish(TopicArn=topic, Message="taken")
    (success,) = [json.loads(message) for message in appear(logs, f"sns/us-east-1/000000000000/{name}", 1)]
    assert (success["status"], success["delivery"]["statusCode"], success["delivery"]["attempts"]) == ("SUCCESS", 200, 1)


def test_a_function_gets_what_a_subscription_matches(server, logs, group):
    functions, iam = server.client("lambda"), server.client("iam")
    executor = role(iam, "lambda.amazonaws.com", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("index.py", "def handler(event, context):\n    print('GOT ' + event['awslogs']['data'])\n")
    name = f"subscriber-{next(numbers)}"
    settings = {"Runtime": "python3.12", "Handler": "index.handler", "Role": executor, "Code": {"ZipFile": archive.getvalue()}}
    function = functions.create_function(FunctionName=name, **settings)["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    subscription = {"logGroupName": group, "filterName": "errors", "filterPattern": "ERROR", "destinationArn": function}
    with pytest.raises(ClientError) as raised:
        logs.put_subscription_filter(**subscription)
    assert error_of(raised)[1].startswith("Could not execute the lambda function.")
    functions.add_permission(
        FunctionName=name,
        StatementId="logs",
        Principal="logs.us-east-1.amazonaws.com",
        Action="lambda:InvokeFunction",
        SourceArn=f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*",
        SourceAccount="000000000000",
    )
    logs.put_subscription_filter(**subscription)
    put(logs, group, "fine", "ERROR 1", "ERROR 2")
    server.request("POST", "/_cloudlet/settle")
    lines = eventually(lambda: lines_exist(logs, name) and [line for line in found(logs, f"/aws/lambda/{name}") if line.startswith("GOT ")])
    data = json.loads(gzip.decompress(base64.b64decode(lines[0].split(" ", 1)[1])))
    assert (data["messageType"], data["owner"], data["logGroup"], data["subscriptionFilters"]) == ("DATA_MESSAGE", "000000000000", group, ["errors"])
    assert [event["message"] for event in data["logEvents"]] == ["ERROR 1", "ERROR 2"]


def lines_exist(logs, function):
    return bool(logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"])


def test_what_is_written_survives_a_restart(start, tmp_path):
    server = start("--data-dir", str(tmp_path / "data"))
    logs = server.client("logs")
    logs.create_log_group(logGroupName="g", tags={"a": "b"})
    logs.create_log_stream(logGroupName="g", logStreamName="stream")
    for number in range(50):
        put(logs, "g", f"event {number}")
    before = found(logs, "g")
    server.process.kill()
    server.process.wait()
    again = start("--data-dir", str(tmp_path / "data")).client("logs")
    assert found(again, "g") == before and len(before) == 50
    assert again.list_tags_log_group(logGroupName="g")["tags"] == {"a": "b"}

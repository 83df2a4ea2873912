"""Lambda: the code of functions really runs, in Python and Node, apart from the machine."""

import base64
import io
import json
import os
import shutil
import time
import zipfile

import pytest
from botocore.exceptions import ClientError
from lambdas import TRUST, archive, call, eventually, make, make_role

python = pytest.param("python3.12", "index.py", "def handler(event, context):\n    return {'got': event}\n", id="python")
node = pytest.param(
    "nodejs20.x",
    "index.js",
    "exports.handler = async (event) => ({ got: event });\n",
    id="node",
    marks=pytest.mark.skipif(shutil.which("node") is None, reason="there is no node"),
)


def code(refused):
    return refused.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


@pytest.fixture(scope="module")
def role(server):
    """A role that may do everything."""
    return make_role(server)


@pytest.fixture
def function(lambda_, role, request):
    """Makes functions, each with the name of its test."""

    def make(text, runtime="python3.12", file="index.py", name=None, **more):
        name = name or request.node.name.replace("[", "-").replace("]", "")[:60]
        settings = {"Handler": "index.handler", "Role": role, "Timeout": 10, **more}
        lambda_.create_function(FunctionName=name, Runtime=runtime, Code={"ZipFile": archive(**{file: text})}, **settings)
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
        return name

    return make


@pytest.mark.parametrize("runtime,file,text", [python, node])
def test_a_function_gives_back_what_its_handler_returns(lambda_, function, runtime, file, text):
    name = function(text, runtime, file)
    for number in range(3):
        assert call(lambda_, name, {"n": number})[:2] == ({"got": {"n": number}}, None)


def test_environments_are_used_again(lambda_, function):
    name = function("count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
    assert [call(lambda_, name)[0] for _ in range(3)] == [1, 2, 3]


def test_an_idle_environment_gets_no_processor(start):
    """Its processes are stopped, but only a moment after the answer: events in quick succession find them running."""
    server = start()
    lambda_ = server.client("lambda")
    text = """
import threading

def spin():
    while True:
        pass

threading.Thread(target=spin, daemon=True).start()
count = 0

def handler(event, context):
    global count
    count += 1
    return count
"""
    make(server, make_role(server), "spins", text)
    assert call(lambda_, "spins")[0] == 1
    calls = 1
    for _ in range(2):
        stopped = eventually(lambda: processes(server) if are_stopped(server) else None)
        assert stopped and server.admin("health")
        assert processes(server) == stopped, "they have used the processor"

        def runs_after_an_answer():
            nonlocal calls
            calls += 1
            assert call(lambda_, "spins")[0] == calls, "another environment"
            return not are_stopped(server)

        eventually(runs_after_an_answer)


def processes(server):
    """Of all processes of the server's workers: the state, and how long they have had the processor."""
    lines = os.popen("ps -eo pid,ppid,pgid,args").read().split("\n")
    rows = [line.split(None, 3) for line in lines if len(line.split(None, 3)) == 4]
    groups = {group for _, parent, group, command in rows if parent == str(server.process.pid) and "worker-init" in command}
    found = {}
    for pid in (pid for pid, _, group, _ in rows if group in groups):
        try:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        found[pid] = (fields[0], fields[11], fields[12])
    return found


def are_stopped(server):
    found = processes(server)
    return bool(found) and all(state == "T" for state, *_ in found.values())


def test_a_function_that_may_run_once_at_a_time_is_called_in_sequence(lambda_, function):
    """The concurrency is free with the answer, although lines are written after it; and the environment is used again."""
    text = "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    print('line', count)\n    return [count, context.log_stream_name]\n"
    name = function(text)
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    answers = [json.loads(lambda_.invoke(FunctionName=name)["Payload"].read()) for _ in range(40)]
    assert [count for count, _ in answers] == list(range(1, 41))
    assert len({stream for _, stream in answers}) == 1
    count, _, log = call(lambda_, name)
    assert count[0] == 41 and "line 41\n" in log and "line 40\n" not in log


def test_lines_of_events_are_in_their_order(server, lambda_, function):
    text = "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    print('line', count)\n    return context.log_stream_name\n"
    name = function(text)
    streams = {lambda_.invoke(FunctionName=name)["Payload"].read() for _ in range(20)}
    assert len(streams) == 1
    logs, stream = server.client("logs"), json.loads(streams.pop())
    eventually(lambda: lines_of(server, name, "line 20"))

    def messages():
        events = logs.get_log_events(logGroupName=f"/aws/lambda/{name}", logStreamName=stream, startFromHead=True)["events"]
        found = [event["message"].split(" ")[0] for event in events if not event["message"].startswith("INIT_START")]
        return found if len(found) >= 80 else None

    assert eventually(messages) == ["START", "line", "END", "REPORT"] * 20
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern='"line"')["events"]
    assert [event["message"].strip() for event in events] == [f"line {number}" for number in range(1, 21)]


def test_a_stop_waits_for_the_lines_of_an_answer(start, tmp_path):
    server = start("--data-dir", str(tmp_path))
    make(server, make_role(server), "writes", "def handler(event, context):\n    print('the last line')\n")
    server.client("lambda").invoke(FunctionName="writes")
    assert server.stop() == 0
    again = start("--data-dir", str(tmp_path))
    assert lines_of(again, "writes", "the last line") and lines_of(again, "writes", "REPORT RequestId")


def test_a_log_has_the_lines_of_the_code_and_of_lambda(lambda_, function):
    name = function("def handler(event, context):\n    print('hello')\n    return context.aws_request_id\n")
    id, _, log = call(lambda_, name)
    lines = log.split("\n")
    assert f"START RequestId: {id} Version: $LATEST" in lines
    assert "hello" in lines
    assert f"END RequestId: {id}" in lines
    report = next(line for line in lines if line.startswith("REPORT"))
    assert report.startswith(f"REPORT RequestId: {id}\tDuration: ") and "\tInit Duration: " in report


def test_the_lines_of_the_code_go_to_cloudwatch_logs(server, lambda_, function):
    name = function("def handler(event, context):\n    print('to be kept')\n    return context.log_stream_name\n")
    stream, _, _ = call(lambda_, name)
    logs = server.client("logs")
    events = logs.get_log_events(logGroupName=f"/aws/lambda/{name}", logStreamName=stream, startFromHead=True)["events"]
    messages = [event["message"] for event in events]
    assert "to be kept\n" in messages
    assert messages[-1].startswith("REPORT RequestId: ")


@pytest.mark.parametrize(
    "runtime,file,text,kind",
    [
        pytest.param("python3.12", "index.py", "class Mine(Exception):\n    pass\ndef handler(event, context):\n    raise Mine('wrong')\n", "Mine", id="python"),
        pytest.param(*node.values[:2], "exports.handler = async () => { throw new TypeError('wrong'); };\n", "TypeError", id="node", marks=node.marks),
    ],
)
def test_an_error_is_told(lambda_, function, runtime, file, text, kind):
    name = function(text, runtime, file)
    error, failed, log = call(lambda_, name)
    assert (failed, error["errorType"], error["errorMessage"]) == ("Unhandled", kind, "wrong")
    assert "wrong" in log


def test_code_that_cannot_be_loaded(lambda_, function):
    error, failed, _ = call(lambda_, function("raise Exception('at the start')\n"))
    assert (failed, error["errorType"], error["errorMessage"], error["requestId"]) == ("Unhandled", "Exception", "at the start", "")
    error, failed, _ = call(lambda_, function("import nowhere_to_be_found\n", name="missing-module"))
    assert (failed, error["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert error["errorMessage"] == "Unable to import module 'index': No module named 'nowhere_to_be_found'"


def test_a_timeout(lambda_, function):
    name = function("import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'done'\n", Timeout=1)
    error, failed, log = call(lambda_, name, 30)
    assert (failed, error["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert error["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds" in log and "Status: timeout" in log
    assert call(lambda_, name, 0)[:2] == ("done", None)


def test_a_process_that_ends(lambda_, function):
    name = function("import os\ndef handler(event, context):\n    os._exit(3)\n")
    error, failed, _ = call(lambda_, name)
    assert (failed, error["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")


def test_too_much_memory(lambda_, function):
    name = function("def handler(event, context):\n    all = []\n    while True:\n        all.append(bytearray(8 << 20))\n", MemorySize=128)
    error, failed, _ = call(lambda_, name)
    assert failed == "Unhandled" and error["errorType"] in ("Runtime.OutOfMemory", "Runtime.ExitError", "MemoryError")
    assert lambda_.get_function(FunctionName=name)["Configuration"]["State"] == "Active"


def test_the_code_sees_its_own_files_alone(server, lambda_, function):
    text = """
import os, socket
def attempt(what):
    try:
        what()
        return None
    except OSError as error:
        return type(error).__name__
def handler(event, context):
    open('/tmp/mine', 'w').write('x')
    return {
        'machine': [path for path in event if os.path.exists(path)],
        'code': attempt(lambda: open('/var/task/new', 'w')),
        'usr': attempt(lambda: open('/usr/new', 'w')),
        'shadow': attempt(lambda: open('/etc/shadow')),
        'outside': attempt(lambda: socket.create_connection(('192.0.2.1', 80), 1)),
        'processes': len([name for name in os.listdir('/proc') if name.isdigit()]),
        'user': os.getuid(),
        'tmp': os.listdir('/tmp'),
    }
"""
    if server.request("GET", "/_cloudlet/health").json["workers"]["shortcomings"]:
        pytest.skip("this machine cannot keep workers apart")
    seen, failed, _ = call(lambda_, function(text), [__file__, "/home", "/var/log", "/var/lib", "/sys", "/etc/hostname"])
    assert failed is None
    assert seen["machine"] == []
    assert (seen["code"], seen["usr"]) == ("OSError", "OSError")
    assert seen["shadow"] == "FileNotFoundError" and seen["outside"] is not None
    assert seen["processes"] <= 3 and seen["user"] != 0
    assert seen["tmp"] == ["mine"]


@pytest.mark.timeout(600)
def test_processes_without_end_are_stopped(server, function):
    # A slow machine has much to do until they are all gone.
    lambda_ = server.client("lambda", read_timeout=500)
    text = "import os\ndef handler(event, context):\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass\n"
    error, failed, _ = call(lambda_, function(text, Timeout=2))
    assert failed == "Unhandled"
    assert call(lambda_, function("def handler(event, context):\n    return 'well'\n", name="after-the-bomb"))[0] == "well"


def test_the_code_calls_the_server_with_its_role(server, lambda_, iam, function, s3):
    # Signed by hand: the machine's interpreter may have no SDK.
    s3.create_bucket(Bucket="reached")
    text = """
import datetime, hashlib, hmac, os, urllib.request, urllib.error
def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
def handler(event, context):
    endpoint = os.environ['AWS_ENDPOINT_URL']
    host = endpoint.split('//')[1]
    now = datetime.datetime.fromtimestamp(event, datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    day, region = now[:8], os.environ['AWS_REGION']
    body = 'Action=GetCallerIdentity&Version=2011-06-15'
    digest = hashlib.sha256(body.encode()).hexdigest()
    token = os.environ['AWS_SESSION_TOKEN']
    headers = 'content-type:application/x-www-form-urlencoded\\nhost:%s\\nx-amz-date:%s\\nx-amz-security-token:%s\\n' % (host, now, token)
    signed = 'content-type;host;x-amz-date;x-amz-security-token'
    canonical = '\\n'.join(['POST', '/', '', headers, signed, digest])
    scope = '/'.join([day, region, 'sts', 'aws4_request'])
    string = '\\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ('AWS4' + os.environ['AWS_SECRET_ACCESS_KEY']).encode()
    for part in [day, region, 'sts', 'aws4_request']:
        key = sign(key, part)
    signature = hmac.new(key, string.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(endpoint + '/', body.encode(), {
        'Content-Type': 'application/x-www-form-urlencoded', 'X-Amz-Date': now, 'X-Amz-Security-Token': token,
        'Authorization': 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (os.environ['AWS_ACCESS_KEY_ID'], scope, signed, signature)})
    return urllib.request.urlopen(request).read().decode()
"""
    answer, failed, log = call(lambda_, function(text, name="caller"), time.time())
    assert failed is None, log
    assert "assumed-role/executor/caller" in answer


def test_versions_and_aliases_run_their_own_code(lambda_, function):
    name = function("def handler(event, context):\n    return ['one', context.function_version, context.invoked_function_arn.split(':')[7:]]\n")
    lambda_.publish_version(FunctionName=name)
    lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    lambda_.update_function_code(FunctionName=name, ZipFile=archive(**{"index.py": "def handler(event, context):\n    return 'two'\n"}))
    assert call(lambda_, name)[0] == "two"
    assert call(lambda_, f"{name}:1")[0] == ["one", "1", ["1"]]
    assert call(lambda_, name, Qualifier="live")[0] == ["one", "1", ["live"]]


def test_layers_are_below_opt(lambda_, function):
    layer = lambda_.publish_layer_version(LayerName="shared", Content={"ZipFile": archive(**{"python/shared.py": "value = 7\n"})})
    name = function("import shared\ndef handler(event, context):\n    return shared.value\n", Layers=[layer["LayerVersionArn"]])
    assert call(lambda_, name)[0] == 7


def test_a_binary_of_its_own(lambda_, function):
    text = """#!/bin/sh
while true; do
  head=$(mktemp)
  event=$(curl -sS -D "$head" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
  id=$(grep -i '^lambda-runtime-aws-request-id' "$head" | tr -d '\\r' | cut -d' ' -f2)
  curl -sS "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d "{\\"sh\\": $event}" > /dev/null
done
"""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    name = function(text, "provided.al2023", "bootstrap")
    assert call(lambda_, name, [1])[:2] == ({"sh": [1]}, None)


def test_requests_that_are_refused(lambda_, function):
    name = function("def handler(event, context):\n    return 1\n")
    for arguments, expected in [
        ({"FunctionName": "nowhere"}, "ResourceNotFoundException"),
        ({"FunctionName": name, "Payload": b"no json"}, "InvalidRequestContentException"),
        ({"FunctionName": name, "Payload": b"1" * 6_291_557}, "RequestTooLargeException"),
    ]:
        with pytest.raises(ClientError) as refused:
            lambda_.invoke(**arguments)
        assert code(refused) == expected
    assert lambda_.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refused:
        lambda_.invoke(FunctionName=name)
    assert code(refused) == "TooManyRequestsException"
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def receive(sqs, queue):
    return eventually(lambda: sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages"))[0]


def queue_of(sqs, name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:000000000000:{name}"


def test_an_asynchronous_event_ends_at_its_destination(server, lambda_, function, sqs):
    url, arn = queue_of(sqs, "outcomes")
    name = function("def handler(event, context):\n    if event:\n        raise ValueError('no')\n    return 'yes'\n")
    config = {"OnSuccess": {"Destination": arn}, "OnFailure": {"Destination": arn}}
    lambda_.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0, DestinationConfig=config)
    assert lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b"0")["StatusCode"] == 202
    message = receive(sqs, url)
    record = json.loads(message["Body"])
    assert (record["requestContext"]["condition"], record["responsePayload"], record["requestPayload"]) == ("Success", "yes", 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b"1")
    record = json.loads(receive(sqs, url)["Body"])
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == ("RetriesExhausted", 1)
    assert (record["responseContext"]["functionError"], record["responsePayload"]["errorMessage"]) == ("Unhandled", "no")


def test_a_dead_letter(lambda_, function, sqs):
    url, arn = queue_of(sqs, "dead-letters")
    name = function("def handler(event, context):\n    raise ValueError('no')\n", DeadLetterConfig={"TargetArn": arn})
    lambda_.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"a": 1}')
    message = receive(sqs, url)
    assert json.loads(message["Body"]) == {"a": 1}
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert (attributes["ErrorCode"], attributes["ErrorMessage"]) == ("200", "no")


def forwarder(url):
    """A function's code that says to a queue what it got, without an SDK and without a signature."""
    return f"""
import json, os, urllib.parse, urllib.request
def handler(event, context):
    body = urllib.parse.urlencode({{'Action': 'SendMessage', 'MessageBody': json.dumps(event)}}).encode()
    urllib.request.urlopen(urllib.request.Request(os.environ['AWS_ENDPOINT_URL'] + '{url}', body))
"""


def open_queue(sqs, name):
    url, arn = queue_of(sqs, name)
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return url, f"/000000000000/{name}"


def test_a_topic_invokes_a_function_that_allows_it(lambda_, function, sns, sqs):
    url, path = open_queue(sqs, "from-topic")
    name = function(forwarder(path))
    topic = sns.create_topic(Name="to-function")["TopicArn"]
    arn = lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    lambda_.add_permission(
        FunctionName=name, StatementId="sns", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com", SourceArn=topic
    )
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="news")
    event = json.loads(receive(sqs, url)["Body"])
    assert (event["Records"][0]["EventSource"], event["Records"][0]["Sns"]["Message"]) == ("aws:sns", "news")


def test_a_bucket_invokes_a_function_that_allows_it(lambda_, function, s3, sqs):
    url, path = open_queue(sqs, "from-bucket")
    name = function(forwarder(path))
    arn = lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    s3.create_bucket(Bucket="to-function")
    configuration = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_notification_configuration(Bucket="to-function", NotificationConfiguration=configuration)
    assert code(refused) == "InvalidArgument"
    lambda_.add_permission(
        FunctionName=name,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::to-function",
        SourceAccount="000000000000",
    )
    s3.put_bucket_notification_configuration(Bucket="to-function", NotificationConfiguration=configuration)
    s3.put_object(Bucket="to-function", Key="key", Body=b"x")
    event = json.loads(receive(sqs, url)["Body"])
    assert event["Records"][0]["s3"]["object"]["key"] == "key"


def test_a_mapping_hands_a_queue_to_a_function(lambda_, function, sqs):
    url, path = open_queue(sqs, "handled")
    source, arn = queue_of(sqs, "to-handle")
    name = function(forwarder(path))
    pattern = json.dumps({"body": {"take": [True]}})
    mapping = lambda_.create_event_source_mapping(
        FunctionName=name, EventSourceArn=arn, BatchSize=2, FilterCriteria={"Filters": [{"Pattern": pattern}]}
    )
    assert mapping["State"] == "Creating"
    assert lambda_.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Enabled"
    for number, take in enumerate([True, False]):
        sqs.send_message(QueueUrl=source, MessageBody=json.dumps({"take": take, "n": number}))
    event = json.loads(receive(sqs, url)["Body"])
    (record,) = event["Records"]
    assert (json.loads(record["body"])["n"], record["eventSource"], record["eventSourceARN"]) == (0, "aws:sqs", arn)

    def left():
        attributes = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])

    eventually(lambda: left() == 0)
    lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    with pytest.raises(ClientError) as refused:
        lambda_.get_event_source_mapping(UUID=mapping["UUID"])
    assert code(refused) == "ResourceNotFoundException"


def test_the_code_of_a_function_can_be_fetched(server, lambda_, function):
    name = function("def handler(event, context):\n    return 1\n")
    location = lambda_.get_function(FunctionName=name)["Code"]["Location"]
    body = server.request("GET", location.removeprefix(server.url)).body
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == ["index.py"]


def test_a_state_machine_invokes_a_function(server, lambda_, iam, function):
    name = function("def handler(event, context):\n    return {'sum': event['a'] + event['b']}\n")
    states = server.client("stepfunctions")
    trust = json.dumps(TRUST).replace("lambda.amazonaws.com", "states.amazonaws.com")
    arn = iam.create_role(RoleName="machine", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}}
    iam.put_role_policy(RoleName="machine", PolicyName="invoke", PolicyDocument=json.dumps(policy))
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    task["Parameters"] = {"FunctionName": name, "Payload.$": "$"}
    definition = json.dumps({"StartAt": "Add", "States": {"Add": task}})
    machine = states.create_state_machine(name="adds", definition=definition, roleArn=arn)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input='{"a": 2, "b": 3}')["executionArn"]
    eventually(lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING")
    ended = states.describe_execution(executionArn=execution)
    assert (ended["status"], json.loads(ended["output"])["Payload"]) == ("SUCCEEDED", {"sum": 5})


def test_the_command_line(aws, role, tmp_path):
    (tmp_path / "code.zip").write_bytes(archive(**{"index.py": "def handler(event, context):\n    return event['name']\n"}))
    name = f"cli-{aws.version}"
    aws.json(
        *["lambda", "create-function", "--function-name", name, "--runtime", "python3.12", "--handler", "index.handler"],
        *["--role", role, "--zip-file", f"fileb://{tmp_path}/code.zip"],
    )
    encoded = [] if aws.version == 1 else ["--cli-binary-format", "raw-in-base64-out"]
    aws.json("lambda", "invoke", "--function-name", name, "--payload", '{"name": "World"}', *encoded, str(tmp_path / "out"))
    assert json.loads((tmp_path / "out").read_text()) == "World"


def test_a_restart_keeps_functions_mappings_lines_and_waiting_events(start, tmp_path):
    server = start("--data-dir", str(tmp_path))
    role, lambda_, sqs = make_role(server), server.client("lambda"), server.client("sqs")
    url, arn = queue_of(sqs, "after")
    make(server, role, "kept", "def handler(event, context):\n    raise ValueError('not yet')\n")
    lambda_.put_function_event_invoke_config(FunctionName="kept", DestinationConfig={"OnSuccess": {"Destination": arn}})
    source, source_arn = queue_of(sqs, "before")
    make(server, role, "reads", "def handler(event, context):\n    print(event['Records'][0]['body'])\n")
    mapping = lambda_.create_event_source_mapping(FunctionName="reads", EventSourceArn=source_arn)["UUID"]
    lambda_.invoke(FunctionName="kept", InvocationType="Event", Payload=b"{}")
    eventually(lambda: lines_of(server, "kept", "not yet"))
    # The line is there before the failure is counted, so that the first turn may come again after the restart.
    server.process.kill()
    server.process.wait()
    server = start("--data-dir", str(tmp_path))
    lambda_, sqs = server.client("lambda"), server.client("sqs")
    assert lines_of(server, "kept", "not yet") and lambda_.get_event_source_mapping(UUID=mapping)["State"] == "Enabled"
    sqs.send_message(QueueUrl=source, MessageBody="read after the kill")
    eventually(lambda: lines_of(server, "reads", "read after the kill"))
    lambda_.update_function_code(FunctionName="kept", ZipFile=archive(**{"index.py": "def handler(event, context):\n    return 'ran'\n"}))
    after = sqs.get_queue_url(QueueName="after")["QueueUrl"]

    # A retry is due after a minute, and after two. Signatures are good for five.
    for _ in range(3):
        server.advance(61)
        server.request("POST", "/_cloudlet/settle")
    record = json.loads(eventually(lambda: sqs.receive_message(QueueUrl=after).get("Messages"))[0]["Body"])
    assert record["responsePayload"] == "ran"


def lines_of(server, function, text):
    logs = server.client("logs")
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    except ClientError:
        return False
    return any(text in event["message"] for event in events)

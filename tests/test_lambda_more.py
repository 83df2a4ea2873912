"""More of Lambda: code where it lies, one run without a server, images that run elsewhere, extensions, loops, order, what roles may."""

import http.server
import json
import shutil
import subprocess
import threading

import pytest
from botocore.exceptions import ClientError
from lambdas import archive, call, eventually, make, make_role

SIGNED = """
import datetime, hashlib, hmac, json, os, time, urllib.request, urllib.error
def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
def aws(service, method, path, body=b'', **fields):
    # Signed by hand: the machine's interpreter may have no SDK.
    endpoint = os.environ['AWS_ENDPOINT_URL']
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    day, region = now[:8], os.environ['AWS_REGION']
    digest = hashlib.sha256(body).hexdigest()
    headers = {'host': endpoint.split('//')[1], 'x-amz-date': now, 'x-amz-content-sha256': digest, 'x-amz-security-token': os.environ['AWS_SESSION_TOKEN']}
    headers.update({name.replace('_', '-'): value for name, value in fields.items()})
    names = sorted(headers)
    canonical = '\\n'.join([method, path, '', ''.join('%s:%s\\n' % (name, headers[name]) for name in names), ';'.join(names), digest])
    scope = '/'.join([day, region, service, 'aws4_request'])
    string = '\\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ('AWS4' + os.environ['AWS_SECRET_ACCESS_KEY']).encode()
    for part in [day, region, service, 'aws4_request']:
        key = sign(key, part)
    headers['authorization'] = 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (
        os.environ['AWS_ACCESS_KEY_ID'], scope, ';'.join(names), hmac.new(key, string.encode(), hashlib.sha256).hexdigest())
    try:
        answer = urllib.request.urlopen(urllib.request.Request(endpoint + path, body, headers, method=method))
        return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
"""


@pytest.fixture(scope="module")
def role(server):
    return make_role(server)


# ---- what the notes of Step Functions and S3 describe


def test_a_state_machine_waits_for_the_token_that_a_version_sends_back(start):
    server = start("--region", "ap-northeast-1")
    region = {"region": "ap-northeast-1"}
    iam, lambda_, states = (server.client(name, **region) for name in ("iam", "lambda", "stepfunctions"))
    logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    send = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "states:SendTaskSuccess", "Resource": "*"}}
    role = make_role(server, "foo-role", send)
    iam.attach_role_policy(RoleName="foo-role", PolicyArn=logs)
    text = SIGNED + """
def handler(event, context):
    if event.get('refuse'):
        raise ValueError('no')
    body = json.dumps({'taskToken': event['token'], 'output': json.dumps({'version': context.function_version})}).encode()
    return aws('states', 'POST', '/', body, x_amz_target='AWSStepFunctions.SendTaskSuccess', content_type='application/x-amz-json-1.0')
"""
    lambda_.create_function(
        FunctionName="foo-function", Runtime="python3.12", Handler="index.handler", Role=role, Code={"ZipFile": archive(**{"index.py": text})}, Publish=True
    )
    invoke = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}}
    machine_role = make_role(server, "machine-role", invoke, "states.amazonaws.com")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {
            "FunctionName": "arn:aws:lambda:ap-northeast-1:000000000000:foo-function:1",
            "Payload": {"token.$": "$$.Task.Token", "refuse.$": "$.refuse"},
        },
        "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}],
        "End": True,
        "Comment": "The state that call Lambda",
    }
    definition = json.dumps({"StartAt": "Call Lambda", "States": {"Call Lambda": task}})
    machine = states.create_state_machine(name="foo", definition=definition, roleArn=machine_role)["stateMachineArn"]

    def run(name, refuse):
        execution = states.start_execution(stateMachineArn=machine, name=name, input=json.dumps({"refuse": refuse}))["executionArn"]
        ended = eventually(lambda: (found := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and found)
        events = states.get_execution_history(executionArn=execution)["events"]
        return ended, [event["type"] for event in events], events

    ended, types, events = run("well", False)
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"version": "1"})
    # Whether the token or the answer of the function comes first is open.
    types = [type for type in types if type != "TaskSubmitted"]
    assert types == ["ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]
    scheduled = events[2]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["resource"]) == ("lambda", "invoke.waitForTaskToken")
    assert json.loads(scheduled["parameters"])["FunctionName"].endswith(":foo-function:1")
    ended, types, _ = run("refused", True)
    assert (ended["status"], ended["error"]) == ("FAILED", "ValueError")
    # Not one retry.
    assert types.count("TaskScheduled") == 1 and types[-2:] == ["TaskFailed", "ExecutionFailed"]


def test_a_role_reads_and_writes_objects_without_a_bucket_policy(server, lambda_, s3):
    iam = server.client("iam")
    role = make_role(server, "execute", None)
    s3.create_bucket(Bucket="plain")
    s3.put_object(Bucket="plain", Key="in", Body=b"read")
    with pytest.raises(ClientError):
        s3.get_bucket_policy(Bucket="plain")
    text = SIGNED + """
def handler(event, context):
    status, body = aws('s3', 'GET', '/plain/in')
    written = aws('s3', 'PUT', '/plain/out', body.encode())[0] if status == 200 else None
    print('it says', body)
    return [status, written]
"""
    make(server, role, "executes", text)
    assert call(lambda_, "executes")[0][0] == 403, "the role may nothing yet"
    iam.attach_role_policy(RoleName="execute", PolicyArn="arn:aws:iam::aws:policy/AWSLambdaExecute")
    assert call(lambda_, "executes")[0] == [200, 200]
    assert s3.get_object(Bucket="plain", Key="out")["Body"].read() == b"read"
    events = server.client("logs").filter_log_events(logGroupName="/aws/lambda/executes")["events"]
    assert "it says read\n" in [event["message"] for event in events]


# ---- code where it lies


def test_code_is_read_again_once_it_has_changed(start, tmp_path):
    server = start("--lambda-hot-reload", str(tmp_path))
    lambda_, role = server.client("lambda"), make_role(server)
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "index.py").write_text("import helper\ncount = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return [helper.word, count]\n")
    (folder / "helper.py").write_text("word = 'one'\n")
    settings = {"Runtime": "python3.12", "Handler": "index.handler", "Role": role}
    lambda_.create_function(FunctionName="live", Code={"S3Bucket": "hot-reload", "S3Key": str(folder)}, **settings)
    assert [call(lambda_, "live")[0] for _ in range(2)] == [["one", 1], ["one", 2]]
    (folder / "helper.py").write_text("word = 'another'\n")
    assert [call(lambda_, "live")[0] for _ in range(2)] == [["another", 1], ["another", 2]]
    for key, said in [("/etc", "--lambda-hot-reload"), (str(tmp_path / "nowhere"), "There is no folder"), (str(folder / ".." / ".."), "--lambda-hot-reload")]:
        with pytest.raises(ClientError) as refused:
            lambda_.create_function(FunctionName="other", Code={"S3Bucket": "hot-reload", "S3Key": key}, **settings)
        assert said in refused.value.response["Error"]["Message"]


def run(binary, *arguments, input=None):
    done = subprocess.run([binary, "lambda", "run", *arguments], capture_output=True, text=True, timeout=60, input=input)
    return done.returncode, done.stdout, done.stderr


def test_a_handler_runs_without_a_server(binary, tmp_path):
    text = SIGNED + """
def lambda_handler(event, context):
    print('working on', event, os.environ.get('MODE'))
    if event == 'fail':
        raise ValueError('no')
    return [event, aws('s3', 'PUT', '/bucket')[0]]
"""
    (tmp_path / "lambda_function.py").write_text(text)
    (tmp_path / "event.json").write_text('{"n": 1}')
    code, out, log = run(binary, str(tmp_path), "--event", str(tmp_path / "event.json"), "--env", "MODE=test")
    assert code == 0 and json.loads(out) == [{"n": 1}, 200], (code, out, log)
    assert "working on {'n': 1} test" in log and "REPORT RequestId" in log
    code, out, log = run(binary, str(tmp_path), "--event", "-", input='"fail"')
    assert code == 1 and json.loads(out)["errorType"] == "ValueError"
    assert run(binary, str(tmp_path / "event.json"))[0] == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    code, _, said = run(binary, str(empty))
    assert code == 2 and "no handler was found" in said


# ---- images


class Emulator(http.server.BaseHTTPRequestHandler):
    """What a container of AWS's base images answers."""

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.path == "/2015-03-31/functions/function/invocations"
        answer = {"errorMessage": "no", "errorType": "Refused", "stackTrace": []} if event == "fail" else {"image": event}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_an_image_runs_elsewhere(start):
    emulator = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Emulator)
    threading.Thread(target=emulator.serve_forever, daemon=True).start()
    server = start("--lambda-image", f"orders=http://127.0.0.1:{emulator.server_address[1]}")
    lambda_, role = server.client("lambda"), make_role(server)
    uri = "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop/orders:latest"
    lambda_.create_function(FunctionName="image", PackageType="Image", Code={"ImageUri": uri}, Role=role, ImageConfig={"Command": ["app.main"]})
    found = lambda_.get_function(FunctionName="image")
    assert (found["Code"]["RepositoryType"], found["Code"]["ImageUri"]) == ("ECR", uri)
    assert found["Configuration"]["ImageConfigResponse"]["ImageConfig"] == {"Command": ["app.main"]}
    assert call(lambda_, "image", {"n": 1})[:2] == ({"image": {"n": 1}}, None)
    error, failed, _ = call(lambda_, "image", "fail")
    assert (failed, error["errorType"]) == ("Unhandled", "Refused")
    lambda_.update_function_code(FunctionName="image", ImageUri="000000000000.dkr.ecr.us-east-1.amazonaws.com/127.0.0.1-nobody")
    error, failed, log = call(lambda_, "image", {})
    assert failed == "Unhandled" and "--lambda-image" in log
    emulator.shutdown()


# ---- extensions


def open_bucket(s3, bucket):
    """A bucket that everybody may put objects into: extensions of these tests sign nothing."""
    s3.create_bucket(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    return bucket


def read(s3, bucket, key):
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError:
        return None


def test_an_extension_of_a_layer_is_told_of_events(server, lambda_, role, sqs):
    extension = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -H 'Lambda-Extension-Name: watcher' -d '{"events":["INVOKE","SHUTDOWN"]}' "$api/register" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Ee]xtension-[Ii]dentifier: //p')
while true; do
  curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next" >> /tmp/seen
  echo >> /tmp/seen
  echo "the extension has seen it"
done
"""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    layer = lambda_.publish_layer_version(LayerName="watcher", Content={"ZipFile": archive(**{"extensions/watcher": extension})})
    text = "import os\ndef handler(event, context):\n    return open('/tmp/seen').read() if os.path.exists('/tmp/seen') else ''\n"
    make(server, role, "watched", text, Layers=[layer["LayerVersionArn"]])
    call(lambda_, "watched")
    seen = [json.loads(line) for line in call(lambda_, "watched")[0].split("\n") if line]
    assert [event["eventType"] for event in seen][:1] == ["INVOKE"] and seen[0]["invokedFunctionArn"].endswith(":watched")
    assert "the extension has seen it" in call(lambda_, "watched")[2]


@pytest.mark.parametrize("reason,body,kind", [
    pytest.param("timeout", "time.sleep(60)", "Sandbox.Timedout", id="timeout"),
    pytest.param("failure", "os._exit(3)", "Runtime.ExitError", id="failure"),
    pytest.param("failure", "while True: EATEN.append(bytearray(4 << 20))", "Runtime.OutOfMemory", id="memory"),
])
def test_an_extension_is_told_why_the_environment_ends_and_the_code_is_over(server, lambda_, role, s3, reason, body, kind):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    name = f"mourner-{kind.split('.')[1].lower()}"
    bucket = open_bucket(s3, f"ends-by-{name}")
    extension = f"""#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -H 'Lambda-Extension-Name: mourner' -d '{{"events":["INVOKE","SHUTDOWN"]}}' "$api/register" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Ee]xtension-[Ii]dentifier: //p')
while true; do
  event=$(curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next")
  case "$event" in *SHUTDOWN*)
    before=$(wc -c < /tmp/ticks); sleep 0.5; after=$(wc -c < /tmp/ticks)
    curl -sS -X PUT --data-binary "$((after - before))" "$AWS_ENDPOINT_URL/{bucket}/ticks"
    curl -sS -X PUT --data-binary "$event" "$AWS_ENDPOINT_URL/{bucket}/told"; exit;; esac
done
"""
    layer = lambda_.publish_layer_version(LayerName=name, Content={"ZipFile": archive(**{"extensions/mourner": extension})})
    ticks = "while :; do echo x >> /tmp/ticks; sleep 0.01; done"
    text = f"""
import os, subprocess, time
EATEN = []
def handler(event, context):
    print('it begins', flush=True)
    subprocess.Popen(['sh', '-c', '{ticks}'])
    while not os.path.exists('/tmp/ticks'): time.sleep(0.01)
    {body}
"""
    make(server, role, name, text, Layers=[layer["LayerVersionArn"]], Timeout=2)
    answer, failed, log = call(lambda_, name)
    assert (answer["errorType"], failed) == (kind, "Unhandled") and "it begins\n" in log
    if kind == "Runtime.ExitError":
        assert answer["errorMessage"].endswith("Runtime exited with error: exit status 3")

    found = json.loads(eventually(lambda: read(s3, bucket, "told")))
    assert (found["eventType"], found["shutdownReason"]) == ("SHUTDOWN", reason) and found["deadlineMs"] > 0
    assert read(s3, bucket, "ticks") == b"0", "the code, or what it started, went on"


def test_code_beside_an_extension_is_told_of_its_end(server, lambda_, role, s3):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    bucket = open_bucket(s3, "told-of-its-end")
    extension = f"""#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -H 'Lambda-Extension-Name: herald' -d '{{"events":["SHUTDOWN"]}}' "$api/register" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Ee]xtension-[Ii]dentifier: //p')
curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next" > /tmp/event
until [ -f /tmp/told ]; do sleep 0.02; done
echo "the extension is done"
curl -sS -X PUT --data-binary @/tmp/told "$AWS_ENDPOINT_URL/{bucket}/told"
"""
    layer = lambda_.publish_layer_version(LayerName="herald", Content={"ZipFile": archive(**{"extensions/herald": extension})})
    text = """
import os, signal
def end(*_):
    open('/tmp/new', 'w').write('SIGTERM')
    print('the code is told', flush=True)
    os.rename('/tmp/new', '/tmp/told')
signal.signal(signal.SIGTERM, end)
def handler(event, context):
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""
    make(server, role, "heralded", text, Layers=[layer["LayerVersionArn"]])
    assert call(lambda_, "heralded")[0] is True, "it does not ignore what it would not ignore alone"
    lambda_.delete_function(FunctionName="heralded")
    assert eventually(lambda: read(s3, bucket, "told")) == b"SIGTERM"
    logs = server.client("logs")

    def lines():
        return [event["message"].strip() for event in logs.filter_log_events(logGroupName="/aws/lambda/heralded")["events"]]

    assert eventually(lambda: "the extension is done" in lines() and lines())[-2:] == ["the code is told", "the extension is done"]


# ---- loops, order, concurrency


def test_a_loop_through_a_queue_is_stopped(server, lambda_, role, sqs):
    url = sqs.create_queue(QueueName="loop", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    counted = sqs.create_queue(QueueName="loop-counted")["QueueUrl"]
    text = SIGNED + f"""
def handler(event, context):
    trace = os.environ['_X_AMZN_TRACE_ID']
    for queue in ({counted!r}, {url!r}):
        body = json.dumps({{'QueueUrl': queue, 'MessageBody': trace}}).encode()
        aws('sqs', 'POST', '/', body, x_amz_target='AmazonSQS.SendMessage', content_type='application/x-amz-json-1.0', x_amzn_trace_id=trace)
"""
    make(server, role, "loops", text)
    lambda_.create_event_source_mapping(FunctionName="loops", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:loop", BatchSize=1)
    sqs.send_message(QueueUrl=url, MessageBody="begin")

    def turns():
        attributes = sqs.get_queue_attributes(QueueUrl=counted, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    eventually(lambda: turns() >= 16)
    server.request("POST", "/_cloudlet/settle")
    assert turns() == 16


def test_a_queue_with_an_order_keeps_it(server, lambda_, role, sqs):
    url = sqs.create_queue(QueueName="order.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    out = sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for number in range(60):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId=str(number % 3))
    text = SIGNED + f"""
def handler(event, context):
    for record in event['Records']:
        group = record['attributes']['MessageGroupId']
        body = json.dumps({{'QueueUrl': {out!r}, 'MessageBody': record['body'], 'MessageGroupId': group, 'MessageDeduplicationId': record['body']}}).encode()
        aws('sqs', 'POST', '/', body, x_amz_target='AmazonSQS.SendMessage', content_type='application/x-amz-json-1.0')
"""
    make(server, role, "orders", text)
    lambda_.create_event_source_mapping(FunctionName="orders", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:order.fifo", BatchSize=4)
    seen = {"0": [], "1": [], "2": []}

    def collected():
        messages = sqs.receive_message(QueueUrl=out, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]).get("Messages", [])
        for message in messages:
            seen[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
            sqs.delete_message(QueueUrl=out, ReceiptHandle=message["ReceiptHandle"])
        return sum(len(numbers) for numbers in seen.values()) == 60

    eventually(collected)
    assert all(numbers == sorted(numbers) for numbers in seen.values()), seen


def test_concurrency_that_is_provisioned(server, lambda_, role):
    make(server, role, "ready", "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n")
    version = lambda_.publish_version(FunctionName="ready")["Version"]
    lambda_.put_provisioned_concurrency_config(FunctionName="ready", Qualifier=version, ProvisionedConcurrentExecutions=2)
    found = eventually(
        lambda: (found := lambda_.get_provisioned_concurrency_config(FunctionName="ready", Qualifier=version))["Status"] == "READY" and found
    )
    assert found["AllocatedProvisionedConcurrentExecutions"] == 2
    assert call(lambda_, "ready", Qualifier=version)[0] == "provisioned-concurrency"
    assert call(lambda_, "ready")[0] == "on-demand"
    lambda_.delete_provisioned_concurrency_config(FunctionName="ready", Qualifier=version)
    assert call(lambda_, "ready", Qualifier=version)[0] == "on-demand"


def test_logs_in_json(server, lambda_, role):
    text = "import logging\ndef handler(event, context):\n    logging.getLogger().info('hello %s', 1)\n    logging.getLogger().debug('unseen')\n    return 1\n"
    make(server, role, "tells-json", text, LoggingConfig={"LogFormat": "JSON"})
    lines = [json.loads(line) for line in call(lambda_, "tells-json")[2].split("\n") if line]
    kinds = [line["type"] for line in lines if "type" in line]
    assert kinds == ["platform.start", "platform.report"]
    assert [line["message"] for line in lines if "message" in line] == ["hello 1"]


def test_a_bucket_takes_what_failed(server, lambda_, role, s3):
    s3.create_bucket(Bucket="failures")
    make(server, role, "fails-always", "def handler(event, context):\n    raise ValueError('no')\n")
    destination = {"OnFailure": {"Destination": "arn:aws:s3:::failures"}}
    lambda_.put_function_event_invoke_config(FunctionName="fails-always", MaximumRetryAttempts=0, DestinationConfig=destination)
    lambda_.invoke(FunctionName="fails-always", InvocationType="Event", Payload=b'{"n": 1}')
    found = eventually(lambda: s3.list_objects_v2(Bucket="failures").get("Contents"))
    assert found[0]["Key"].startswith("aws/lambda/async/fails-always/")
    record = json.loads(s3.get_object(Bucket="failures", Key=found[0]["Key"])["Body"].read())
    assert record["requestPayload"] == {"n": 1} and record["responsePayload"]["errorMessage"] == "no"

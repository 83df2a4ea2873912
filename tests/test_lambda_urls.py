"""Function URLs as clients call them, and answers that stream."""

import base64
import json
import shutil
import urllib.parse

import pytest
from botocore.exceptions import ClientError
from cloudlet import sign
from lambdas import call, eventually, make, make_role

ECHO = "def handler(event, context):\n    return event\n"
STREAM = """
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const parts = event.parts ?? JSON.parse(event.body).parts;
  if (parts.length > 2) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 203, headers: { "x-mine": "yes" }, cookies: ["a=1"] });
  for (const part of parts) {
    if (part === "fail") throw new Error("in the middle");
    stream.write(part);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  stream.end();
});
"""
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")


@pytest.fixture(scope="module")
def role(server):
    return make_role(server)


def allow(lambda_, name, auth="NONE", both=True, **more):
    """What AWS asks for since October 2025."""
    lambda_.add_permission(
        FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType=auth, **more
    )
    if both:
        lambda_.add_permission(
            FunctionName=name, StatementId="function", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True, **more
        )


@pytest.fixture
def url(server, lambda_, role, request):
    """Makes a function with a URL; gives a caller of the URL."""

    def made(text=ECHO, auth="NONE", runtime="python3.12", file="index.py", permissions=True, **more):
        name = make(server, role, request.node.name.replace("[", "-").replace("]", "")[:60], text, runtime, file)
        address = lambda_.create_function_url_config(FunctionName=name, AuthType=auth, **more)["FunctionUrl"]
        if permissions:
            allow(lambda_, name, auth)
        host = urllib.parse.urlsplit(address).netloc

        def get(path="/", method="GET", body=None, headers=None):
            return server.request(method, path, body, {"Host": host, **(headers or {})})

        get.host, get.name, get.address = host, name, address
        return get

    return made


def test_a_request_becomes_an_event(url):
    get = url()
    assert get.address.startswith("http://") and ".lambda-url.us-east-1.localhost:" in get.address
    answer = get("/a%20b/c?x=1&x=2&y=%2F", "POST", b'{"a": 1}', {"Content-Type": "application/json", "Cookie": "k=v; l=w", "X-Mine": "Yes"})
    event = answer.json
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert (event["version"], event["routeKey"], event["rawPath"], event["rawQueryString"]) == ("2.0", "$default", "/a b/c", "x=1&x=2&y=%2F")
    assert event["queryStringParameters"] == {"x": "1,2", "y": "/"}
    assert event["cookies"] == ["k=v", "l=w"] and "cookie" not in event["headers"]
    assert event["headers"]["x-mine"] == "Yes" and event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)
    context = event["requestContext"]
    assert (context["accountId"], context["http"]["method"], context["http"]["path"]) == ("anonymous", "POST", "/a b/c")
    assert context["domainPrefix"] == get.host.split(".")[0] and context["domainName"] == get.host.split(":")[0]
    assert context["requestId"] == answer.headers["x-amzn-requestid"]


def test_bytes_are_encoded_both_ways(url):
    get = url(
        "import base64\ndef handler(event, context):\n    body = base64.b64decode(event['body'])[::-1]\n"
        "    return {'statusCode': 200, 'body': base64.b64encode(body).decode(), 'isBase64Encoded': True,\n"
        "            'headers': {'Content-Type': 'image/png'}, 'cookies': ['a=1; Path=/', 'b=2']}\n"
    )
    answer = get("/", "PUT", b"\x00\xff\x01", {"Content-Type": "application/octet-stream"})
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\x01\xff\x00", "image/png")


def test_the_same_under_a_path(server, url):
    get = url()
    id = get.host.split(".")[0]
    event = server.request("GET", f"/_lambda-url/{id}/deep/er?z=1").json
    assert (event["rawPath"], event["rawQueryString"]) == ("/deep/er", "z=1")
    assert server.request("GET", f"/_lambda-url/{id}").json["rawPath"] == "/"


def test_a_topic_reaches_a_url_of_this_server(server, url):
    get = url("def handler(event, context):\n    print('a message:', event['headers']['x-amz-sns-message-type'])\n")
    sns, logs = server.client("sns"), server.client("logs")
    topic = sns.create_topic(Name="to-a-url")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=get.address)

    def arrived():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{get.name}")["events"]
        except ClientError:
            return False
        return any("a message: SubscriptionConfirmation" in event["message"] for event in events)

    assert eventually(arrived)


def test_failures_say_nothing_of_the_function(url):
    get = url("def handler(event, context):\n    if 'code' in event['rawPath']:\n        return {'statusCode': 'x'}\n    raise ValueError('secret')\n")
    for path in ("/", "/code"):
        answer = get(path)
        assert (answer.status, answer.text) == (502, "Internal Server Error")


def test_public_urls_need_both_permissions(server, lambda_, url):
    get = url(permissions=False)
    answer = get()
    assert answer.status == 403 and answer.json["Message"].startswith("Forbidden")
    allow(lambda_, get.name, both=False)
    assert get().status == 403
    lambda_.add_permission(
        FunctionName=get.name, StatementId="function", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True
    )
    assert get().status == 200
    lambda_.delete_function_url_config(FunctionName=get.name)
    assert get().status == 404


def test_the_older_rule_can_be_chosen(start):
    server = start("--lambda-url-permissions", "one")
    lambda_ = server.client("lambda")
    make(server, make_role(server), "older", ECHO)
    address = lambda_.create_function_url_config(FunctionName="older", AuthType="NONE")["FunctionUrl"]
    allow(lambda_, "older", both=False)
    assert server.request("GET", "/", headers={"Host": urllib.parse.urlsplit(address).netloc}).status == 200


def test_a_signed_url(server, url):
    get = url(auth="AWS_IAM", permissions=False)
    assert get().status == 403
    address = f"http://{get.host}/signed?a=1"
    headers = sign("GET", address, "lambda")
    event = get("/signed?a=1", headers=headers).json
    iam = event["requestContext"]["authorizer"]["iam"]
    assert (event["rawPath"], iam["accountId"], iam["userArn"]) == ("/signed", "000000000000", "arn:aws:iam::000000000000:root")
    assert get("/signed?a=2", headers=headers).status == 403
    keys = server.client("iam")
    keys.create_user(UserName="nobody")
    key = keys.create_access_key(UserName="nobody")["AccessKey"]
    denied = sign("GET", address, "lambda", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert get("/signed?a=1", headers=denied).status == 403


def test_pages_of_other_origins(url):
    cors = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET", "PUT"], "AllowHeaders": ["x-mine"], "ExposeHeaders": ["x-seen"], "MaxAge": 60}
    get = url("def handler(event, context):\n    return {'statusCode': 200, 'headers': {'Access-Control-Allow-Origin': 'mine'}}\n", Cors=cors)
    asks = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}
    answer = get("/", "OPTIONS", headers=asks)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-allow-methods"] == "GET,PUT" and answer.headers["access-control-max-age"] == "60"
    assert "access-control-allow-origin" not in get("/", "OPTIONS", headers={**asks, "Origin": "https://b.example"}).headers
    answer = get("/", headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "https://a.example" and answer.headers["access-control-expose-headers"] == "x-seen"
    assert "access-control-allow-origin" not in get("/", headers={"Origin": "https://b.example"}).headers


@needs_node
def test_a_url_that_streams(url):
    get = url(STREAM, runtime="nodejs20.x", file="index.mjs", InvokeMode="RESPONSE_STREAM")
    answer = get("/", "POST", json.dumps({"parts": ["a", "b"]}).encode())
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"ab", "application/octet-stream")
    answer = get("/", "POST", json.dumps({"parts": ["a", "b", "c"]}).encode())
    assert (answer.status, answer.body, answer.headers["x-mine"], answer.headers["set-cookie"]) == (203, b"abc", "yes", "a=1")
    assert get("/", "POST", json.dumps({"parts": ["fail"]}).encode()).status == 502


@needs_node
def test_a_streamed_invocation(server, lambda_, role):
    make(server, role, "streams", STREAM, "nodejs20.x", "index.mjs")

    def stream(parts, **more):
        answer = lambda_.invoke_with_response_stream(FunctionName="streams", Payload=json.dumps({"parts": parts}), **more)
        events = list(answer["EventStream"])
        chunks = b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)
        return chunks, events[-1]["InvokeComplete"], answer

    chunks, end, answer = stream(["a", "b"], LogType="Tail")
    assert (chunks, answer["ExecutedVersion"]) == (b"ab", "$LATEST") and "ErrorCode" not in end
    assert "REPORT RequestId" in base64.b64decode(end["LogResult"]).decode()
    chunks, end, _ = stream(["a", "fail"])
    assert chunks == b"a" and end["ErrorCode"] == "Unhandled" and "in the middle" in end["ErrorDetails"]
    # Whoever wants it whole gets it whole.
    answer = lambda_.invoke(FunctionName="streams", Payload=json.dumps({"parts": ["a", "b"]}))
    assert answer["Payload"].read() == b"ab"


def test_a_streamed_invocation_of_a_function_that_does_not_stream(server, lambda_, role):
    make(server, role, "whole", ECHO)
    events = list(lambda_.invoke_with_response_stream(FunctionName="whole", Payload=b'{"x": 1}')["EventStream"])
    assert json.loads(events[0]["PayloadChunk"]["Payload"]) == {"x": 1} and "InvokeComplete" in events[1]
    assert call(lambda_, "whole", 1)[0] == 1

"""What browsers do for web pages: preflights, and which pages may call AWS's services."""

import pytest
from cloudlet import sign

PAGE = "http://localhost:3000"
FOREIGN = ["http://example.com", "null", "http://localhost.example.com:4566"]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.CreateQueue"}


def preflight(server, target, method, headers="authorization,x-amz-date,x-amz-target", origin=PAGE):
    fields = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return server.request("OPTIONS", target, headers=fields)


@pytest.mark.parametrize("target, method", [("/", "POST"), ("/000000000000/queue", "POST"), ("/bucket/key", "PUT"), ("/bucket", "DELETE")])
def test_a_preflight_of_a_page_under_development_is_answered(server, target, method):
    answer = preflight(server, target, method)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    assert answer.headers["access-control-allow-headers"] == "authorization,x-amz-date,x-amz-target"
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("target", ["/", "/bucket/key"])
def test_a_preflight_of_a_foreign_page_allows_nothing(server, target, origin):
    answer = preflight(server, target, "POST", origin=origin)
    assert answer.status == 403 and "access-control-allow-origin" not in answer.headers


def calls(server):
    """One call of each protocol, by name: how it is sent."""
    return {
        "json": ("POST", "/", "sqs", b'{"QueueName":"of-a-page"}', JSON),
        "query": ("POST", "/", "sns", b"Action=CreateTopic&Version=2010-03-31&Name=of-a-page", FORM),
        "rest-xml": ("PUT", "/of-a-page", "s3", b"", {}),
    }


@pytest.mark.parametrize("protocol", ["json", "query", "rest-xml"])
def test_a_page_under_development_may_read_answers_and_their_headers(server, protocol):
    method, target, service, body, headers = calls(server)[protocol]
    answer = server.signed(method, target, service, body, headers | {"Origin": PAGE})
    assert answer.status == 200, answer
    assert answer.headers["access-control-allow-origin"] == PAGE
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert ("x-amz-request-id" if service == "s3" else "x-amzn-requestid") in exposed


def test_a_refusal_can_be_read_too(server):
    answer = server.signed("POST", "/", "sqs", b'{"QueueName":"of-a-page"}', JSON | {"Origin": PAGE}, secret="wrong")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (403, PAGE)


@pytest.mark.parametrize("fields", [{"Origin": origin} for origin in FOREIGN] + [{"Sec-Fetch-Site": "cross-site"}], ids=[*FOREIGN, "cross-site"])
@pytest.mark.parametrize("protocol", ["json", "query", "rest-xml"])
def test_a_foreign_page_is_refused_before_anything_is_performed(start, protocol, fields):
    server = start()
    method, target, service, body, headers = calls(server)[protocol]
    answer = server.signed(method, target, service, body, headers | fields)
    assert answer.status == 403, answer
    assert "access-control-allow-origin" not in answer.headers
    assert server.client("sqs").list_queues().get("QueueUrls", []) == []
    assert server.client("sns").list_topics()["Topics"] == []
    assert server.client("s3").list_buckets()["Buckets"] == []
    performed = {call["operation"] for call in server.admin("calls")}
    assert performed == {"ListQueues", "ListTopics", "ListBuckets"}


def test_an_unsigned_form_of_a_foreign_page_is_refused(server):
    # A form needs no preflight. It could not be signed either, but a link with a signature could be.
    fields = sign("GET", f"{server.url}/?Action=CreateTopic&Version=2010-03-31&Name=link", "sns")
    for extra in ({}, fields):
        answer = server.request("GET", "/?Action=CreateTopic&Version=2010-03-31&Name=link", headers=extra | {"Origin": FOREIGN[0]})
        assert answer.status == 403
    assert not any(topic["TopicArn"].endswith(":link") for topic in server.client("sns").list_topics()["Topics"])


def test_further_origins_can_be_allowed(start):
    server = start("--allow-origin", "https://app.example.com")
    assert preflight(server, "/", "POST", origin="https://app.example.com").headers["access-control-allow-origin"] == "https://app.example.com"
    assert preflight(server, "/", "POST", origin="https://other.example.com").status == 403
    answer = server.signed("POST", "/", "sqs", b'{"QueueName":"mine"}', JSON | {"Origin": "https://app.example.com"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://app.example.com")
    everybody = start(environment={"EXTRA_CORS_ALLOWED_ORIGINS": "*"})
    assert preflight(everybody, "/", "POST", origin="https://other.example.com").status == 200

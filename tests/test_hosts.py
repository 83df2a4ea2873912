"""Every service answers under every name; a bucket can be the first part of it."""

import pytest
from cloudlet import sign


def send(server, host, target="/", service="s3", method="GET", body=b"", headers=None):
    """A signed request to the server under another name."""
    fields = sign(method, f"http://{host}{target}", service, body, headers)
    return server.request(method, target, body, fields | {"Host": host})


@pytest.fixture
def greeting(s3, bucket):
    s3.put_object(Bucket=bucket, Key="hello/world", Body=b"hi")
    return bucket


@pytest.mark.parametrize(
    "name",
    [
        "{bucket}.localhost:4566",
        "{bucket}.s3.localhost",
        "{bucket}.s3.us-east-1.localhost:4566",
        "{bucket}.localhost.localstack.cloud:4566",
        "{bucket}.s3.localhost.localstack.cloud:4566",
        "{bucket}.s3.us-east-1.localhost.localstack.cloud:4566",
        "{bucket}.s3.amazonaws.com",
        "{bucket}.s3.us-east-1.amazonaws.com",
        "{bucket}.s3.dualstack.us-east-1.amazonaws.com",
    ],
)
def test_the_host_name_names_a_bucket(server, greeting, name):
    host = name.format(bucket=greeting)
    assert send(server, host, "/hello/world").body == b"hi"
    assert f"<Name>{greeting}</Name>" in send(server, host, "/?list-type=2").text
    assert send(server, host, "/hello//other", method="PUT", body=b"x").status == 200


@pytest.mark.parametrize("host", ["localhost:4566", "127.0.0.1", "s3.localhost", "s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.localhost.localstack.cloud"])
def test_otherwise_the_path_names_the_bucket(server, greeting, host):
    assert send(server, host, f"/{greeting}/hello/world").body == b"hi"


@pytest.mark.parametrize("host", ["sts.amazonaws.com", "sts.us-east-1.amazonaws.com", "localhost", "sqs.localhost:4566", "sts.localhost.localstack.cloud"])
def test_the_signature_names_the_service_under_any_host_name(server, host):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = send(server, host, "/", "sts", "POST", b"Action=GetCallerIdentity&Version=2011-06-15", form)
    assert "<Arn>arn:aws:iam::000000000000:root</Arn>" in answer.text


@pytest.mark.parametrize("host", ["us-east-1.queue.amazonaws.com", "queue.amazonaws.com", "sqs.us-east-1.amazonaws.com", "sqs.us-east-1.localhost.localstack.cloud:4566"])
def test_queues_answer_under_their_old_and_new_names(server, host):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}
    assert send(server, host, "/", "sqs", "POST", b"{}", headers).status == 200


def test_a_further_name_is_understood(start):
    server = start("--name", "cloud.example.test")
    server.client("s3").create_bucket(Bucket="mine")
    assert send(server, "mine.cloud.example.test:4566", "/key", method="PUT", body=b"x").status == 200
    assert send(server, "mine.s3.cloud.example.test:4566", "/key").body == b"x"


def test_an_unsigned_request_to_a_bucket_is_anonymous(server, greeting):
    answer = server.request("GET", "/hello/world", headers={"Host": f"{greeting}.s3.amazonaws.com"})
    assert (answer.status, "<Code>AccessDenied</Code>" in answer.text) == (403, True)
    answer = server.request("GET", f"/{greeting}/hello/world")
    assert (answer.status, "<Code>AccessDenied</Code>" in answer.text) == (403, True)

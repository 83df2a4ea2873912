"""What no client should send: every answer is the protocol's own, and the next request works."""

import base64
import hashlib
import http.client
import json
import socket

import pytest
from botocore.exceptions import ClientError
from cloudlet import sign

TARGET = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def the_next_request_works(server):
    yield
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"


def raw(server, sent, then_close=False):
    """Sends bytes as they are, and gives all that comes back until the server closes the connection."""
    with socket.create_connection((server.host, server.port), timeout=60) as wire:
        answer = b""
        try:
            wire.sendall(sent)
            if then_close:
                wire.shutdown(socket.SHUT_WR)
            while piece := wire.recv(65536):
                answer += piece
        except (ConnectionError, OSError):
            # It was closed while there was still something to send.
            pass
        return answer


def test_an_unknown_operation_over_json(server):
    answer = server.signed("POST", "/", "sqs", b"{}", TARGET | {"X-Amz-Target": "AmazonSQS.MakeCoffee"})
    assert answer.status == 400
    assert answer.json["__type"].split("#")[-1] == "UnknownOperationException"


def test_an_unknown_operation_over_query(server):
    answer = server.signed("POST", "/", "sts", b"Action=MakeCoffee&Version=2011-06-15", FORM)
    assert (answer.status, "<Code>InvalidAction</Code>" in answer.text) == (400, True)


def test_no_operation_over_query(server):
    answer = server.signed("POST", "/", "sts", b"Version=2011-06-15", FORM)
    assert answer.status in (302, 400), answer


def test_an_unknown_method_over_s3(server, bucket):
    answer = server.signed("PATCH", f"/{bucket}/key")
    assert (answer.status, "<Code>MethodNotAllowed</Code>" in answer.text) == (405, True)


@pytest.mark.parametrize("query", ["metadataConfiguration", "metadataTable"])
def test_s3_operations_of_later_say_so(server, bucket, query):
    document = b"<MetadataConfiguration><JournalTableConfiguration><RecordExpiration><Expiration>DISABLED</Expiration></RecordExpiration></JournalTableConfiguration></MetadataConfiguration>"
    if query == "metadataTable":
        destination = b"<TableBucketArn>arn:aws:s3tables:us-east-1:000000000000:bucket/b</TableBucketArn><TableName>t</TableName>"
        document = b"<MetadataTableConfiguration><S3TablesDestination>" + destination + b"</S3TablesDestination></MetadataTableConfiguration>"
    digest = base64.b64encode(hashlib.md5(document).digest()).decode()
    answer = server.signed("POST", f"/{bucket}?{query}", body=document, headers={"content-md5": digest})
    assert (answer.status, "<Code>NotImplemented</Code>" in answer.text) == (501, True), answer
    assert answer.headers["x-cloudlet-not-implemented"].startswith("s3:CreateBucketMetadata")
    # No bucket has what cannot be created.
    for method in ("GET", "DELETE"):
        answer = server.signed(method, f"/{bucket}?{query}")
        assert (answer.status, "<Code>MetadataConfigurationNotFound</Code>" in answer.text) == (404, True)


def test_directory_buckets_are_not_the_other_buckets(server):
    with pytest.raises(ClientError) as refused:
        server.client("s3").list_directory_buckets()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}x", b'{"MaxResults":"many"}', b'{"MaxResults":1e400}', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000])
def test_malformed_json(server, body):
    answer = server.signed("POST", "/", "sqs", body, TARGET)
    if answer.status != 200:
        assert answer.status == 400, answer
        assert answer.json["__type"].split("#")[-1] in ("SerializationException", "InvalidParameterValueException", "ValidationException")


@pytest.mark.parametrize(
    "body", [b"", b"<Delete>", b"<Delete></Wrong>", b"not xml", b"\xff\xfe<a/>", b"<Delete>" + b"<Object>" * 50_000, b"<!DOCTYPE a [<!ENTITY b 'c'>]><Delete>&b;</Delete>"]
)
def test_malformed_xml(server, bucket, body):
    headers = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    answer = server.signed("POST", f"/{bucket}?delete", body=body, headers=headers)
    assert (answer.status, "<Code>MalformedXML</Code>" in answer.text or "<Code>MissingRequestBodyError</Code>" in answer.text) == (400, True)


@pytest.mark.parametrize("body", [b"&&&", b"Action=GetAccessKeyInfo&AccessKeyId=%zz", b"Action=GetAccessKeyInfo&" + b"a=1&" * 20_000, b"\xff"])
def test_malformed_forms(server, body):
    answer = server.signed("POST", "/", "sts", body, FORM)
    assert 400 <= answer.status < 500, answer


def test_a_missing_parameter_over_query(server):
    answer = server.signed("POST", "/", "sts", b"Action=GetAccessKeyInfo&Version=2011-06-15", FORM)
    assert answer.status == 400
    assert "<Code>ValidationError</Code>" in answer.text


def test_a_value_that_the_model_forbids(server):
    answer = server.signed("POST", "/", "sts", b"Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=short", FORM)
    assert answer.status == 400
    assert "<Code>ValidationError</Code>" in answer.text


def test_a_body_past_the_limit(start):
    server = start("--max-body", "1")
    body = b'{"QueueName":"' + b"x" * (2 << 20) + b'"}'
    answer = server.signed("POST", "/", "sqs", body, TARGET | {"X-Amz-Target": "AmazonSQS.CreateQueue"})
    assert answer.status == 413, answer
    assert "__type" in answer.json
    assert server.client("sts").get_caller_identity()["Account"]


def test_a_body_that_says_it_is_past_the_limit_is_not_waited_for(server):
    head = b"POST / HTTP/1.1\r\nHost: sqs.us-east-1.amazonaws.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    answer = raw(server, head + b"Content-Length: 99999999999\r\nConnection: close\r\n\r\nAction=ListQueues")
    assert answer.startswith(b"HTTP/1.1 413 "), answer


def test_a_head_past_the_limit(server):
    answer = raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * (1 << 20) + b"\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


def test_too_many_header_fields(server):
    fields = b"".join(b"X-%d: y\r\n" % number for number in range(2000))
    answer = raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("head", [b"\r\n\r\n", b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish"])
def test_what_is_not_http(server, head):
    answer = raw(server, head, then_close=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.") or answer[3:4] in (b"\4", b"\7")


@pytest.mark.parametrize("host", [b"", b"..", b"a" * 300, b"[::1", b"%", b"b\xff", b"localhost:99999999"])
def test_odd_host_names(server, host):
    answer = raw(server, b"GET /bucket/key HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 4"), answer


@pytest.mark.parametrize("target", [b"*", b"http://[/", b"/?" + b"&" * 5000, b"/?a=%", b"/%00", b"//", b"/bucket?uploadId=&partNumber=x", b"/" + b"%41" * 20_000])
def test_odd_targets(server, target):
    answer = raw(server, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 4"), answer


@pytest.mark.parametrize("name", [b"x-amz-date", b"content-length", b"content-md5", b"x-amz-content-sha256", b"x-amz-decoded-content-length", b"expect", b"range", b"if-match", b"content-type", b"transfer-encoding"])
@pytest.mark.parametrize("value", [b"", b"\xff", b"-1", b"99999999999999999999", b"\x01", b"a, b"])
def test_odd_header_values(server, name, value):
    answer = raw(server, b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\n" + name + b": " + value + b"\r\nConnection: close\r\n\r\n")
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 100", b"HTTP/1.1 501")), answer


def test_two_lengths_are_refused(server):
    answer = raw(server, b"PUT /b/k HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_an_upload_that_breaks_off_stores_nothing(server, s3, bucket):
    fields = sign("PUT", f"{server.url}/{bucket}/key", "s3", b"x" * 1000)
    head = f"PUT /{bucket}/key HTTP/1.1\r\nHost: {server.address}\r\nContent-Length: 1000\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    raw(server, head.encode() + b"\r\n" + b"x" * 500, then_close=True)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_refused_upload_does_not_poison_its_connection(server, bucket):
    """Both answers come over one connection, although the first body was refused before it was sent."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.request("PUT", f"/{bucket}/key", body=b"x" * 300_000)
    first = connection.getresponse()
    assert (first.status, b"AccessDenied" in first.read()) == (403, True)
    connection.request("GET", "/_cloudlet/health")
    assert json.loads(connection.getresponse().read())["status"] == "running"
    connection.close()


def test_a_refused_upload_is_refused_before_its_body_is_sent(server, bucket):
    head = f"PUT /{bucket}/key HTTP/1.1\r\nHost: {server.address}\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection((server.host, server.port), timeout=60) as wire:
        wire.sendall(head.encode())
        assert wire.recv(65536).startswith(b"HTTP/1.1 403")


def test_many_requests_over_one_connection(server):
    one = b"GET /_cloudlet/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert raw(server, one * 50 + last).count(b"HTTP/1.1 200 OK") == 51

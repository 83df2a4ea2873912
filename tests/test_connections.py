"""Connections of HTTP/1.1 as a client sees them while a call waits."""

import json
import signal
import socket

import pytest

WAITS = 20
SHORT = 1
"""Long enough for what the server does on its own in between."""


@pytest.fixture
def server(start):
    server = start("--auth", "off")
    for name in ("queue", "other"):
        server.client("sqs").create_queue(QueueName=name)
    return server


# With authorization off any claim is accepted; a request without one is anonymous.
CLAIM = (
    "authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0\r\n"
    "x-amz-date: 20260101T000000Z\r\n"
)


def call(server, operation, version="1.1", fields="", **parameters):
    body = json.dumps({"QueueUrl": f"{server.url}/000000000000/queue"} | parameters)
    return (
        f"POST / HTTP/{version}\r\nhost: {server.address}\r\ncontent-type: application/x-amz-json-1.0\r\n"
        f"x-amz-target: AmazonSQS.{operation}\r\n{CLAIM}{fields}content-length: {len(body)}\r\n\r\n{body}"
    ).encode()


def poll(server, seconds=SHORT, **more):
    return call(server, "ReceiveMessage", WaitTimeSeconds=seconds, **more)


def answer(wire):
    """One answer: its status line, its fields, its body."""
    head = wire.readline().decode().rstrip()
    fields = {}
    while line := wire.readline().decode().rstrip():
        name, value = line.split(": ", 1)
        fields[name.lower()] = value
    return head, fields, wire.read(int(fields.get("content-length", 0)))


def opened(server):
    connection = socket.create_connection((server.host, server.port), timeout=60)
    return connection, connection.makefile("rb")


def pass_a_second(server):
    """A poll of an empty queue takes as long as it says."""
    queue = f"{server.url}/000000000000/other"
    assert "Messages" not in server.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=SHORT)


def test_a_connection_goes_on_after_a_long_poll(server):
    connection, wire = opened(server)
    for _ in range(2):
        connection.sendall(poll(server))
        head, fields, body = answer(wire)
        assert (head, body) == ("HTTP/1.1 200 OK", b"{}")
        assert fields["content-type"] == "application/x-amz-json-1.0" and fields["x-amzn-requestid"]
    connection.sendall(call(server, "SendMessage", MessageBody="hello"))
    assert b"MessageId" in answer(wire)[2]
    connection.close()


def test_a_message_wakes_a_poll_that_has_waited_long(server):
    connection, wire = opened(server)
    connection.sendall(poll(server, WAITS))
    pass_a_second(server)
    server.client("sqs").send_message(QueueUrl=f"{server.url}/000000000000/queue", MessageBody="wake")
    assert json.loads(answer(wire)[2])["Messages"][0]["Body"] == "wake"
    connection.close()


def test_a_request_sent_after_a_long_poll_is_answered_after_it(server):
    connection, wire = opened(server)
    connection.sendall(poll(server) + call(server, "SendMessage", MessageBody="one"))
    assert answer(wire)[2] == b"{}"
    assert b"MessageId" in answer(wire)[2]
    # The second comes while the first waits, and has half of a third with it.
    third = call(server, "PurgeQueue")
    connection.sendall(poll(server, MaxNumberOfMessages=1) + poll(server))
    assert b"one" in answer(wire)[2]
    pass_a_second(server)
    connection.sendall(call(server, "SendMessage", MessageBody="two") + third[:50])
    assert answer(wire)[2] == b"{}"
    assert b"MessageId" in answer(wire)[2]
    connection.sendall(third[50:])
    assert answer(wire)[0] == "HTTP/1.1 200 OK"
    connection.close()


@pytest.mark.parametrize("version, fields", [("1.1", "connection: close\r\n"), ("1.0", "")])
def test_a_connection_that_is_to_be_closed_is_closed_after_its_long_poll(server, version, fields):
    connection, wire = opened(server)
    connection.sendall(call(server, "ReceiveMessage", version, fields, WaitTimeSeconds=SHORT))
    assert answer(wire)[0] == f"HTTP/{version} 200 OK"
    assert wire.read() == b""
    connection.close()


def test_a_poll_ends_with_its_client_however_long_it_has_waited(server):
    queue = f"{server.url}/000000000000/queue"
    connection, wire = opened(server)
    connection.sendall(poll(server, WAITS))
    pass_a_second(server)
    wire.close()
    connection.close()
    pass_a_second(server)
    sqs = server.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="for the next client")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "for the next client"


def test_a_long_poll_is_answered_before_the_server_stops(server):
    connection, wire = opened(server)
    connection.sendall(poll(server, 2))
    pass_a_second(server)
    server.process.send_signal(signal.SIGTERM)
    assert answer(wire)[2] == b"{}"
    assert wire.read() == b""
    assert server.process.wait(timeout=30) == 0
    connection.close()


def test_a_body_may_come_slowly(server):
    connection, wire = opened(server)
    message = call(server, "SendMessage", MessageBody="slow")
    connection.sendall(message[:-5])
    pass_a_second(server)
    connection.sendall(message[-5:])
    assert b"MessageId" in answer(wire)[2]
    connection.close()

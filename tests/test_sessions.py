"""Session Manager: shells, commands, forwarded ports, over the data channel."""

import base64
import hashlib
import json
import os
import time

import pytest
from botocore.exceptions import ClientError
from channel import Channel, Mux, WebSocket
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NODE = "mi-0c10d1e7000000001"


@pytest.fixture(scope="module")
def local(start):
    return start("--ssm-local-node=true", "--node-host", "127.0.0.1")


@pytest.fixture(scope="module")
def ssm(local):
    return local.client("ssm")


@pytest.fixture
def shell(ssm):
    channels = []

    def shell(document=None, parameters=None, **more):
        given = {"DocumentName": document} if document else {}
        session = ssm.start_session(Target=NODE, **given, **({"Parameters": parameters} if parameters else {}))
        channels.append(Channel(session, **more))
        return channels[-1]

    yield shell
    for channel in channels:
        ssm.terminate_session(SessionId=channel.session["SessionId"])
        channel.close()


def eventually(look, seconds=120):
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def status(ssm, session, state="Active"):
    found = ssm.describe_sessions(State=state, Filters=[{"key": "SessionId", "value": session["SessionId"]}])["Sessions"]
    return found[0]["Status"] if found else None


def test_typing_resizing_interrupting_and_leaving(ssm, shell):
    channel = shell()
    channel.resize(120, 40)
    channel.type("echo $((40+2)); id -un; stty size\r")
    assert "ssm-user" in channel.until("40 120")
    channel.resize(90, 20)
    channel.type("stty size\r")
    channel.until("20 90")
    # The program itself says that it has begun: the terminal is its own by then.
    channel.type("sh -c 'echo be\"\"gun; exec sleep 1000'\r")
    channel.until("begun")
    channel.type("\x03")
    channel.until("^C")
    channel.type("echo ended $((6*7))\r")
    channel.until("ended 42")
    channel.type("tty; cd /tmp && echo kept > file && pwd\r")
    assert "/dev/pts/" in channel.until("\r\n/tmp\r\n")
    assert status(ssm, channel.session) == "Connected"
    assert not channel.handshake
    channel.type("exit\r")
    channel.wait(lambda: channel.over)
    assert channel.closed["SessionId"] == channel.session["SessionId"] and channel.closed["Output"] == ""
    assert status(ssm, channel.session) is None and status(ssm, channel.session, "History") == "Terminated"
    again = shell()
    again.type("cat /tmp/file\r")
    again.until("kept")


def test_what_is_answered(local, ssm):
    session = ssm.start_session(Target=NODE, Reason="to look around")
    assert session["StreamUrl"] == f"ws://{local.address}/v1/data-channel/{session['SessionId']}?role=publish_subscribe"
    assert len(session["TokenValue"]) <= 300 and session["SessionId"].startswith("root-") and len(session["SessionId"]) == 5 + 26
    [shown] = ssm.describe_sessions(State="Active", Filters=[{"key": "SessionId", "value": session["SessionId"]}])["Sessions"]
    assert shown["Status"] == "Connecting" and shown["Target"] == NODE and shown["Reason"] == "to look around"
    assert shown["Owner"] == "arn:aws:iam::000000000000:root" and shown["DocumentName"] == "SSM-SessionManagerRunShell"
    assert ssm.get_connection_status(Target=NODE)["Status"] == "connected"
    assert ssm.get_connection_status(Target="mi-00000000000000000")["Status"] == "notconnected"
    with pytest.raises(ClientError) as refused:
        ssm.start_session(Target="i-0123456789abcdef0")
    assert refused.value.response["Error"] == {"Code": "TargetNotConnected", "Message": "i-0123456789abcdef0 is not connected."}
    assert ssm.terminate_session(SessionId=session["SessionId"])["SessionId"] == session["SessionId"]
    assert status(ssm, session) is None
    assert "TokenValue" not in ssm.resume_session(SessionId=session["SessionId"])


def test_a_token_is_used_once(ssm):
    session = ssm.start_session(Target=NODE)
    wrong = WebSocket(session["StreamUrl"])
    wrong.send(1, json.dumps({"MessageSchemaVersion": "1.0", "TokenValue": "x" * 180}).encode())
    assert wrong.receive() is None
    wrong = WebSocket(session["StreamUrl"])
    wrong.send(1, b"{" * 100_000)
    assert wrong.receive() is None
    channel = Channel(session)
    channel.type("echo here\r")
    channel.until("here")
    second = WebSocket(session["StreamUrl"])
    second.send(1, json.dumps({"MessageSchemaVersion": "1.0", "TokenValue": session["TokenValue"]}).encode())
    assert second.receive() is None
    ssm.terminate_session(SessionId=session["SessionId"])
    channel.wait(lambda: channel.over)
    assert WebSocket(session["StreamUrl"]).status == 404


def test_pages_of_other_sites_open_no_socket(ssm):
    session = ssm.start_session(Target=NODE)
    assert WebSocket(session["StreamUrl"], {"Origin": "http://evil.example"}).status == 403
    ssm.terminate_session(SessionId=session["SessionId"])


def test_a_session_is_resumed(ssm, shell):
    first = shell()
    first.type("x=remembered; echo $x\r")
    first.until("\rremembered")
    first.close()
    eventually(lambda: status(ssm, first.session) == "Disconnected")
    second = Channel(ssm.resume_session(SessionId=first.session["SessionId"]), resumed=first)
    second.type("echo again $x\r")
    second.until("again remembered")
    second.close()


def test_a_command_in_a_terminal(shell):
    channel = shell("AWS-StartInteractiveCommand", {"command": ["tty && echo done"]})
    channel.until("done")
    channel.wait(lambda: channel.over)


def test_a_command_without_one(ssm, shell):
    content = {
        "schemaVersion": "1.0", "sessionType": "NonInteractiveCommands", "parameters": {"what": {"type": "String"}},
        "properties": {"linux": {"commands": "sh -c '{{ what }}'", "runAsElevated": True, "separateOutputStream": True,
                                 "stdOutSeparatorPrefix": "OUT:", "stdErrSeparatorPrefix": "ERR:"}},
    }
    ssm.create_document(Name="separate", DocumentType="Session", Content=json.dumps(content))
    channel = shell("separate", {"what": ["echo out; echo error >&2; id -u; exit 5"]})
    channel.wait(lambda: channel.over)
    assert bytes(channel.errors) == b"ERR:error\n" and channel.exit == "EXIT_CODE: 5"
    assert b"OUT:out\n" in channel.output and b"0\n" in channel.output
    words = shell("AWS-StartNonInteractiveCommand", {"command": ["echo a && b"]})
    words.wait(lambda: words.over)
    assert bytes(words.output) == b"a && b\n"
    wait = shell("AWS-StartNonInteractiveCommand", {"command": ["sleep 1000"]}).ready()
    wait.type("\x03")
    wait.wait(lambda: wait.over)


@pytest.fixture(scope="module")
def web(ssm):
    """A real HTTP server on the node, with a file of 100 MiB."""
    channel = Channel(ssm.start_session(Target=NODE))
    channel.type("mkdir -p ~/web; cd ~/web; head -c 104857600 /dev/urandom > large; sha256sum large | cut -c1-64 > sum; ")
    channel.type("echo hello > small; python3 -m http.server 8000 >/dev/null 2>&1 & ")
    # It is up when it answers.
    channel.type("until bash -c ': </dev/tcp/127.0.0.1/8000' 2>/dev/null; do sleep 0.1; done; echo sum=$(cat ~/web/sum) up\r")
    text = channel.until(" up\r\n")
    while "sum=$" in text:
        text = channel.until(" up\r\n")
    yield text.split("sum=")[1].split(" ")[0]
    ssm.terminate_session(SessionId=channel.session["SessionId"])


PORT = "AWS-StartPortForwardingSession"
GET = b"GET /%s HTTP/1.0\r\nHost: x\r\n\r\n"


def test_several_connections_to_a_port(shell, web):
    channel = shell(PORT, {"portNumber": ["8000"], "localPortNumber": ["8080"]}).ready()
    told = channel.handshake[0]["RequestedClientActions"][0]["ActionParameters"]["Properties"]
    assert told == {"portNumber": "8000", "localPortNumber": "8080", "type": "LocalPortForwarding"}
    mux = Mux(channel)
    streams = [mux.open() for _ in range(8)]
    for stream in streams:
        mux.write(stream, GET % b"small")
    for stream in streams:
        assert mux.all(stream).endswith(b"\r\n\r\nhello\n")


def test_one_connection_after_the_other(shell, web):
    channel = shell(PORT, {"portNumber": ["8000"]}, version="1.1.61.0").ready()
    for _ in range(2):
        channel.type(GET % b"small")
        channel.until("\r\n\r\nhello\n")
        channel.flag(1)


def test_a_port_that_nobody_listens_at(shell):
    mux = Mux(shell(PORT, {"portNumber": ["8001"]}).ready())
    stream = mux.open()
    mux.channel.wait(lambda: mux.channel.flags == [3])
    assert mux.all(stream) == b""


def test_a_host_that_nodes_may_connect_to(local, shell):
    remote = "AWS-StartPortForwardingSessionToRemoteHost"
    # `localhost` is the node, 127.0.0.1 too; a host of the list is reached from the server.
    mux = Mux(shell(remote, {"host": ["127.0.0.2"], "portNumber": [str(local.port)]}).ready())
    assert mux.all(mux.open()) == b"" and mux.channel.flags == [3]


@pytest.mark.timeout(900)
def test_a_hundred_mebibytes_with_frames_lost_and_doubled(shell, web):
    mux = Mux(shell(PORT, {"portNumber": ["8000"]}, loss=0.005).ready())
    stream = mux.open()
    mux.write(stream, GET % b"large")
    head, _, body = mux.all(stream, 800).partition(b"\r\n\r\n")
    assert hashlib.sha256(body).hexdigest() == web


# Answers with the digest of what it is sent.
SINK = """
import hashlib, http.server
class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        left, digest = int(self.headers["Content-Length"]), hashlib.sha256()
        while left:
            piece = self.rfile.read(min(left, 65536))
            digest.update(piece)
            left -= len(piece)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(digest.hexdigest().encode())
http.server.ThreadingHTTPServer(("127.0.0.1", 8002), Sink).serve_forever()
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("several", [True, False])
def test_an_upload_of_many_mebibytes_with_frames_lost_and_doubled(ssm, shell, several):
    machine = shell()
    encoded = base64.b64encode(SINK.encode()).decode()
    machine.type(f"echo {encoded} | base64 -d > ~/sink.py; python3 ~/sink.py >/dev/null 2>&1 & ")
    machine.type("until bash -c ': </dev/tcp/127.0.0.1/8002' 2>/dev/null; do sleep 0.1; done; echo sink'' is up\r")
    machine.until("sink is up")
    data = os.urandom((24 if several else 4) << 20)
    head = f"POST / HTTP/1.0\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    digest = hashlib.sha256(data).hexdigest().encode()
    if several:
        up = Mux(shell(PORT, {"portNumber": ["8002"]}, loss=0.02).ready())
        stream = up.open()
        up.write(stream, head + data)
        assert up.all(stream, 800).endswith(digest)
        return
    # A client of old: one connection, in the pieces that the plugin sends.
    up = shell(PORT, {"portNumber": ["8002"]}, version="1.1.61.0", loss=0.02).ready()
    whole = head + data
    for at in range(0, len(whole), 1_024):
        up.type(whole[at : at + 1_024])
    up.wait(lambda: bytes(up.output).endswith(digest), 800)


class Cipher:
    def __init__(self, key):
        self.theirs, self.own = AESGCM(key[:32]), AESGCM(key[32:])

    def encrypt(self, text):
        nonce = os.urandom(12)
        return nonce + self.own.encrypt(nonce, text, None)

    def decrypt(self, text):
        return self.theirs.decrypt(text[:12], text[12:], None)


@pytest.mark.parametrize("acknowledges", [True, False])
def test_an_encrypted_session(local, ssm, acknowledges):
    kms = local.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    content = {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"kmsKeyId": key}}
    name = f"encrypted-{acknowledges}"
    ssm.create_document(Name=name, DocumentType="Session", Content=json.dumps(content))

    def data_key(session, parameters):
        assert parameters["KMSKeyId"] == key
        context = {"aws:ssm:SessionId": session["SessionId"], "aws:ssm:TargetId": NODE}
        if acknowledges:
            context["aws:ssm:RandomChallenge"] = parameters["Challenge"]
        made = kms.generate_data_key(KeyId=key, NumberOfBytes=64, EncryptionContext=context)
        result = {"KMSCipherTextKey": base64.b64encode(made["CiphertextBlob"]).decode()}
        return Cipher(made["Plaintext"]), result | ({"ChallengeAcknowledgement": True} if acknowledges else {})

    channel = Channel(ssm.start_session(Target=NODE, DocumentName=name), kms=data_key).ready()
    assert channel.handshake[1]["CustomerMessage"] == "This session is encrypted using AWS KMS."
    channel.type("echo secret $((1+1))\r")
    channel.until("secret 2")
    channel.type("exit\r")
    channel.wait(lambda: channel.over)


def test_transcripts(local, ssm, shell):
    s3, logs = local.client("s3"), local.client("logs")
    s3.create_bucket(Bucket="transcripts")
    logs.create_log_group(logGroupName="sessions")
    inputs = {"s3BucketName": "transcripts", "s3KeyPrefix": "of", "cloudWatchLogGroupName": "sessions", "cloudWatchEncryptionEnabled": False}
    content = {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}
    ssm.create_document(Name="kept", DocumentType="Session", Content=json.dumps(content))
    channel = shell("kept")
    channel.type("echo remember $((2+3))\r")
    channel.until("remember 5")
    channel.type("exit\r")
    channel.wait(lambda: channel.over)
    identity = channel.session["SessionId"]

    def outputs():
        return ssm.describe_sessions(State="History", Filters=[{"key": "SessionId", "value": identity}])["Sessions"][0].get("OutputUrl", {})

    eventually(lambda: "CloudWatchOutputUrl" in outputs())
    assert b"remember 5" in s3.get_object(Bucket="transcripts", Key=f"of/{identity}.log")["Body"].read()
    events = logs.get_log_events(logGroupName="sessions", logStreamName=identity)["events"]
    assert "remember 5" in "".join(event["message"] for event in events)
    content["inputs"]["cloudWatchEncryptionEnabled"] = True
    ssm.create_document(Name="refused", DocumentType="Session", Content=json.dumps(content))
    refused = shell("refused")
    refused.wait(lambda: refused.over)
    beginning = "We couldn't start the session because encryption is not set up on the selected CloudWatch Logs log group."
    assert refused.closed["Output"].startswith(beginning)
    assert status(ssm, refused.session, "History") == "Failed"


def test_a_user_that_the_node_has_not(ssm, shell):
    content = {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"runAsEnabled": True, "runAsDefaultUser": "someone"}}
    ssm.create_document(Name="run-as", DocumentType="Session", Content=json.dumps(content))
    channel = shell("run-as")
    channel.wait(lambda: channel.over)
    assert "RunAs user someone does not exist" in channel.closed["Output"]


def test_nobody_types_for_too_long(local, ssm, shell):
    channel = shell()
    channel.type("echo here\r")
    channel.until("here")
    local.advance(19 * 60)
    channel.type("echo still $((3+3))\r")
    channel.until("still 6")
    local.advance(21 * 60)
    channel.wait(lambda: channel.over)
    assert "inactivity" in channel.closed["Output"]
    local.reset_clock()


def test_who_may_start_and_end_sessions(local):
    iam = local.client("iam")
    iam.create_user(UserName="operator")
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    client = local.client("ssm", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    node = f"arn:aws:ssm:us-east-1:000000000000:managed-instance/{NODE}"

    def allow(*statements):
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName="operator", PolicyName="p", PolicyDocument=json.dumps(document))

    def refused(**more):
        with pytest.raises(ClientError) as error:
            client.start_session(Target=NODE, **more)
        return error.value.response["Error"]["Code"]

    assert refused() == "AccessDeniedException"
    start = {"Effect": "Allow", "Action": "ssm:StartSession", "Resource": node}
    own = {"Effect": "Allow", "Action": ["ssm:TerminateSession", "ssm:ResumeSession"], "Resource": "arn:aws:ssm:*:*:session/${aws:username}-*"}
    allow(start, own)
    session = client.start_session(Target=NODE)
    assert session["SessionId"].startswith("operator-")
    client.terminate_session(SessionId=session["SessionId"])
    # A document that is named must be allowed too.
    assert refused(DocumentName="AWS-StartInteractiveCommand", Parameters={"command": ["ls"]}) == "AccessDeniedException"
    # The default one only where the policy says so.
    checked = start | {"Condition": {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}}}
    allow(checked, own)
    assert refused() == "AccessDeniedException"
    allow(checked | {"Resource": [node, "arn:aws:ssm:us-east-1:000000000000:document/SSM-SessionManagerRunShell"]}, own)
    client.terminate_session(SessionId=client.start_session(Target=NODE)["SessionId"])
    other = local.client("ssm").start_session(Target=NODE)
    with pytest.raises(ClientError) as error:
        client.terminate_session(SessionId=other["SessionId"])
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    local.client("ssm").terminate_session(SessionId=other["SessionId"])


def test_a_restart_ends_sessions(start, tmp_path):
    arguments = ("--ssm-local-node=true", "--data-dir", str(tmp_path / "data"))
    first = start(*arguments)
    session = first.client("ssm").start_session(Target=NODE)
    channel = Channel(session)
    channel.type("echo here\r")
    channel.until("here")
    first.stop()
    channel.wait(lambda: channel.over)
    second = start(*arguments)
    ssm = second.client("ssm")
    assert ssm.describe_sessions(State="Active")["Sessions"] == []
    assert status(ssm, session, "History") == "Terminated"
    assert "TokenValue" not in ssm.resume_session(SessionId=session["SessionId"])


@pytest.mark.parametrize("signed", [False, True])
def test_a_channel_is_found_under_the_name_that_aws_gives_it(local, ssm, signed):
    session = ssm.start_session(Target=NODE)
    # Some clients sign the request, which needs no signature.
    headers = {
        "Host": "ssmmessages.us-east-1.amazonaws.com", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    }
    if signed:
        headers["Authorization"] = (
            "AWS4-HMAC-SHA256 Credential=test/20261130/us-east-1/ssmmessages/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
        )
    assert local.request("GET", f"/v1/data-channel/{session['SessionId']}?role=publish_subscribe", headers=headers).status == 101
    ssm.terminate_session(SessionId=session["SessionId"])

"""Nodes with an agent of their own: `cloudlet agent` in a process of its own, and agents that do what they should not."""

import base64
import datetime
import hashlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
import uuid

import lambdas
import pytest
from botocore.exceptions import ClientError
from channel import Channel, Mux, WebSocket, frame, parse
from cloudlet import REGION, clean_environment, sign
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from test_sessions import Cipher

SHELL = "AWS-RunShellScript"


def trust(principal):
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}})


def role(server, name, statements=None):
    """A role of nodes; it may do all that an agent does unless it is told otherwise."""
    actions = ["ssm:*", "ssmmessages:*", "s3:*", "logs:*", "kms:*"]
    iam = server.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("ssm.amazonaws.com"))
    policy = {"Version": "2012-10-17", "Statement": statements or [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="agent", PolicyDocument=json.dumps(policy))


def eventually(what):
    return lambdas.eventually(what, tries=1_200)


class Agent:
    """`cloudlet agent`, which keeps its identity in a folder."""

    def __init__(self, binary, url, folder, activation=None):
        command = [binary, "agent", "--region", REGION, "--endpoint", url, "--agent-dir", str(folder)]
        if activation:
            command += ["--activation", f"{activation['ActivationId']}:{activation['ActivationCode']}"]
        self.folder = folder
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean_environment())
        self.lines = []
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    @property
    def node(self):
        path = self.folder / "registration.json"
        eventually(path.exists)
        return json.loads(path.read_text())["instanceId"]

    def kill(self):
        self.process.kill()
        return self.process.wait(timeout=30)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


class Front:
    """An address that stays while the server behind it is another."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            try:
                far = socket.create_connection((self.server.host, self.server.port))
            except OSError:
                near.close()
                continue
            for one, other in [(near, far), (far, near)]:
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one, other):
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture(scope="module")
def ssm(server):
    role(server, "agents")
    return server.client("ssm")


@pytest.fixture(scope="module")
def running(start, binary, server, ssm, tmp_path_factory):
    """An agent that is online, and its node."""
    agent = Agent(binary, server.url, tmp_path_factory.mktemp("agent"), ssm.create_activation(IamRole="agents", DefaultInstanceName="beside"))
    eventually(lambda: ping(ssm, agent.node) == "Online")
    yield agent
    agent.stop()


@pytest.fixture
def agent_of(binary, tmp_path):
    agents = []

    def agent_of(server, activation=None, folder=None, url=None):
        agents.append(Agent(binary, url or server.url, folder or tmp_path / f"agent-{len(agents)}", activation))
        return agents[-1]

    yield agent_of
    for agent in agents:
        agent.stop()


def information(ssm, node):
    found = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
    return found[0] if found else {}


def ping(ssm, node):
    return information(ssm, node).get("PingStatus")


def send(ssm, node, *commands, document=SHELL, **more):
    return ssm.send_command(InstanceIds=[node], DocumentName=document, Parameters={"commands": list(commands)}, **more)["Command"]["CommandId"]


def finished(ssm, command, node):
    def over():
        got = ssm.get_command_invocation(CommandId=command, InstanceId=node)
        return got if got["Status"] not in ("Pending", "InProgress", "Cancelling", "Delayed") else None

    return eventually(over)


def test_an_agent_registers_and_is_online(running, ssm):
    seen = information(ssm, running.node)
    assert seen["PingStatus"] == "Online" and seen["ResourceType"] == "ManagedInstance" and seen["Name"] == "beside"
    assert seen["IamRole"] == "agents" and re.fullmatch(r"\d+(\.\d+){3}", seen["AgentVersion"])
    assert seen["ComputerName"] == os.uname().nodename and seen["PlatformType"] == "Linux" and seen["IPAddress"] == "127.0.0.1"
    assert (running.folder / "registration.json").stat().st_mode & 0o777 == 0o600


def test_commands_run_where_the_agent_is(running, ssm, tmp_path):
    proof = tmp_path / "proof"
    command = send(ssm, running.node, f"echo here | tee {proof}", "echo bad >&2", "echo $AWS_SSM_INSTANCE_ID")
    got = finished(ssm, command, running.node)
    assert (got["Status"], got["StatusDetails"], got["ResponseCode"]) == ("Success", "Success", 0), got
    assert got["StandardOutputContent"] == f"here\n{running.node}\n" and got["StandardErrorContent"] == "bad\n"
    assert proof.read_text() == "here\n"
    failed = finished(ssm, send(ssm, running.node, "exit 3"), running.node)
    assert (failed["Status"], failed["ResponseCode"]) == ("Failed", 3)
    assert failed["StandardErrorContent"] == "failed to run commands: exit status 3"
    large = finished(ssm, send(ssm, running.node, "head -c 100000 /dev/zero | tr '\\0' x"), running.node)
    assert len(large["StandardOutputContent"]) == 24_000 and large["StandardOutputContent"].endswith("--output truncated--")


def test_documents_parameters_and_outputs(running, server, ssm):
    s3, logs = server.client("s3"), server.client("logs")
    s3.create_bucket(Bucket="agent-outputs")
    s3.put_object(Bucket="agent-outputs", Key="scripts/hello.sh", Body=b"echo from the bucket\n")
    ssm.put_parameter(Name="/agent/word", Value="stored", Type="String")
    step = lambda name, action, **inputs: {"name": name, "action": action, "inputs": inputs}
    source = json.dumps({"path": f"{server.url}/agent-outputs/scripts/hello.sh"})
    content = {
        "schemaVersion": "2.2",
        "parameters": {"word": {"type": "String", "default": "{{ssm:/agent/word}}"}},
        "mainSteps": [
            step("fetch", "aws:downloadContent", sourceType="S3", sourceInfo=source),
            step("run", "aws:runShellScript", runCommand=["echo {{ word }}", "sh hello.sh"]),
            step("nested", "aws:runDocument", documentType="SSMDocument", documentPath=SHELL, documentParameters={"commands": ["echo nested"]}),
        ],
    }
    ssm.create_document(Name="agent-steps", Content=json.dumps(content), DocumentType="Command")
    sent = ssm.send_command(
        InstanceIds=[running.node], DocumentName="agent-steps", OutputS3BucketName="agent-outputs", OutputS3KeyPrefix="out",
        CloudWatchOutputConfig={"CloudWatchLogGroupName": "/agent/out", "CloudWatchOutputEnabled": True},
    )["Command"]["CommandId"]
    eventually(lambda: ssm.list_commands(CommandId=sent)["Commands"][0]["Status"] not in ("Pending", "InProgress"))
    steps = ssm.list_command_invocations(CommandId=sent, Details=True)["CommandInvocations"][0]["CommandPlugins"]
    assert [(step["Name"], step["Status"]) for step in steps] == [("fetch", "Success"), ("run", "Success"), ("nested", "Success")], steps
    said = {step["Name"]: step["Output"] for step in steps}
    assert said["run"].startswith("stored\nfrom the bucket") and "nested" in said["nested"]
    written = s3.get_object(Bucket="agent-outputs", Key=f"out/{sent}/{running.node}/awsrunShellScript/run/stdout")["Body"].read()
    assert written == b"stored\nfrom the bucket\n"
    events = logs.get_log_events(logGroupName="/agent/out", logStreamName=f"{sent}/{running.node}/run/stdout")["events"]
    assert [event["message"] for event in events] == ["stored", "from the bucket"]


def test_a_command_is_cancelled(running, ssm, tmp_path):
    begun = tmp_path / "begun"
    command = send(ssm, running.node, f"touch {begun}", "sleep 1000")
    eventually(begun.exists)
    ssm.cancel_command(CommandId=command)
    assert finished(ssm, command, running.node)["Status"] == "Cancelled"


def test_a_shell_of_the_agent(running, ssm, tmp_path):
    assert ssm.get_connection_status(Target=running.node)["Status"] == "connected"
    channel = Channel(ssm.start_session(Target=running.node))
    channel.resize(100, 30)
    channel.type("stty size\r")
    channel.until("30 100")
    channel.type(f"echo $((6*7)) > {tmp_path}/typed; echo wr\"\"itten\r")
    channel.until("written")
    assert (tmp_path / "typed").read_text() == "42\n"
    first = channel
    channel.close()
    shown = lambda: ssm.describe_sessions(State="Active", Filters=[{"key": "SessionId", "value": first.session["SessionId"]}])["Sessions"]
    eventually(lambda: shown()[0]["Status"] == "Disconnected")
    again = Channel(ssm.resume_session(SessionId=first.session["SessionId"]), resumed=first)
    again.type("echo resumed $((1+1))\r")
    again.until("resumed 2")
    again.type("exit\r")
    again.wait(lambda: again.over)
    assert again.closed["SessionId"] == first.session["SessionId"]
    assert not shown()


def test_a_session_is_terminated(running, ssm, tmp_path):
    channel = Channel(ssm.start_session(Target=running.node))
    channel.type(f"echo $$ > {tmp_path}/shell; echo pi\"\"d\r")
    channel.until("pid")
    shell = int((tmp_path / "shell").read_text())
    ssm.terminate_session(SessionId=channel.session["SessionId"])
    channel.wait(lambda: channel.over)
    eventually(lambda: not os.path.exists(f"/proc/{shell}"))


def test_a_port_of_the_agent(running, ssm):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "300000")
            self.end_headers()
            self.wfile.write(b"x" * 300_000)

        def log_message(self, *_):
            pass

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    document = "AWS-StartPortForwardingSession"
    parameters = {"portNumber": [str(site.server_port)], "localPortNumber": ["0"]}
    channel = Channel(ssm.start_session(Target=running.node, DocumentName=document, Parameters=parameters), loss=0.02).ready()
    mux = Mux(channel)
    streams = [mux.open() for _ in range(3)]
    for stream in streams:
        mux.write(stream, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for stream in streams:
        assert mux.all(stream).endswith(b"\r\n\r\n" + b"x" * 300_000)
    ssm.terminate_session(SessionId=channel.session["SessionId"])
    site.shutdown()


def test_transcripts_and_keys(running, server, ssm):
    kms, s3 = server.client("kms"), server.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="agent-transcripts")
    inputs = {"s3BucketName": "agent-transcripts", "s3KeyPrefix": "logs", "s3EncryptionEnabled": False, "kmsKeyId": key}
    content = {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}
    ssm.create_document(Name="agent-encrypted", Content=json.dumps(content), DocumentType="Session")

    def data_key(session, parameters):
        context = {"aws:ssm:SessionId": session["SessionId"], "aws:ssm:TargetId": running.node, "aws:ssm:RandomChallenge": parameters["Challenge"]}
        made = kms.generate_data_key(KeyId=key, NumberOfBytes=64, EncryptionContext=context)
        return Cipher(made["Plaintext"]), {"KMSCipherTextKey": base64.b64encode(made["CiphertextBlob"]).decode(), "ChallengeAcknowledgement": True}

    channel = Channel(ssm.start_session(Target=running.node, DocumentName="agent-encrypted"), kms=data_key).ready()
    channel.type("echo se\"\"cret\r")
    channel.until("secret")
    channel.type("exit\r")
    channel.wait(lambda: channel.over)
    object_key = f"logs/{channel.session['SessionId']}.log"
    eventually(lambda: object_key in [row["Key"] for row in s3.list_objects_v2(Bucket="agent-transcripts").get("Contents", [])])
    assert b"secret" in s3.get_object(Bucket="agent-transcripts", Key=object_key)["Body"].read()


def test_an_agent_that_is_killed_comes_back_as_the_same_node(server, ssm, agent_of, tmp_path):
    first = agent_of(server, ssm.create_activation(IamRole="agents"))
    node = first.node
    eventually(lambda: ping(ssm, node) == "Online")
    began = tmp_path / "began"
    command = send(ssm, node, f"touch {began}", "sleep 1000")
    eventually(began.exists)
    first.kill()
    eventually(lambda: ping(ssm, node) == "ConnectionLost")
    with pytest.raises(ClientError) as refused:
        ssm.start_session(Target=node)
    assert refused.value.response["Error"]["Code"] == "TargetNotConnected"
    with pytest.raises(ClientError) as refused:
        send(ssm, node, "true")
    assert refused.value.response["Error"]["Code"] == "InvalidInstanceId"
    waits = ssm.send_command(Targets=[{"Key": "InstanceIds", "Values": [node]}], DocumentName=SHELL, Parameters={"commands": ["echo later"]})
    second = agent_of(server, folder=first.folder)
    eventually(lambda: ping(ssm, node) == "Online")
    assert second.node == node
    assert finished(ssm, waits["Command"]["CommandId"], node)["StandardOutputContent"] == "later\n"
    lost = finished(ssm, command, node)
    assert lost["Status"] == "Failed" and "restarted" in lost["StandardErrorContent"]
    assert second.stop() == 0
    eventually(lambda: ping(ssm, node) == "ConnectionLost")


def test_the_server_starts_again_and_the_agent_comes_back(start, agent_of, tmp_path):
    data = ["--data-dir", str(tmp_path / "data")]
    first = start(*data)
    role(first, "agents")
    ssm = first.client("ssm")
    front = Front(first)
    agent = agent_of(front, ssm.create_activation(IamRole="agents"))
    eventually(lambda: ping(ssm, agent.node) == "Online")
    go, done = tmp_path / "go", tmp_path / "done"
    command = send(ssm, agent.node, f"touch {done}; while [ ! -e {go} ]; do sleep 0.05; done; echo through")
    eventually(done.exists)
    eventually(lambda: ssm.get_command_invocation(CommandId=command, InstanceId=agent.node)["Status"] == "InProgress")
    assert first.stop() == 0
    go.touch()
    second = start(*data)
    front.server = second
    ssm = second.client("ssm")
    eventually(lambda: ping(ssm, agent.node) == "Online")
    assert finished(ssm, command, agent.node)["StandardOutputContent"] == "through\n"
    assert finished(ssm, send(ssm, agent.node, "echo again"), agent.node)["StandardOutputContent"] == "again\n"


def test_an_agent_over_tls(start, agent_of, tmp_path):
    secure = start("--tls", "--data-dir", str(tmp_path / "data"))
    role(secure, "agents")
    ssm, s3 = secure.client("ssm"), secure.client("s3")
    url = f"https://127.0.0.1:{secure.port}"
    agent = agent_of(secure, ssm.create_activation(IamRole="agents"), url=url)
    eventually(lambda: ping(ssm, agent.node) == "Online")
    s3.create_bucket(Bucket="tls-outputs")
    more = {"OutputS3BucketName": "tls-outputs", "OutputS3KeyPrefix": "p"}
    command = send(ssm, agent.node, "echo here; echo $AWS_ENDPOINT_URL", **more)
    assert finished(ssm, command, agent.node)["StandardOutputContent"] == f"here\n{url}\n"
    key = f"p/{command}/{agent.node}/awsrunShellScript/0.awsrunShellScript/stdout"
    assert s3.get_object(Bucket="tls-outputs", Key=key)["Body"].read().startswith(b"here\n")
    channel = Channel(ssm.start_session(Target=agent.node))
    channel.type("echo sum $((40+2))\r")
    channel.until("sum 42")
    channel.type("exit\r")
    channel.wait(lambda: channel.over)
    assert agent.stop() == 0


def test_what_is_refused_at_registration(server, ssm, agent_of):
    made = ssm.create_activation(IamRole="agents")
    wrong = agent_of(server, made | {"ActivationCode": "x" * 20})
    assert wrong.process.wait(timeout=60) == 1
    eventually(lambda: any("InvalidActivation" in line for line in wrong.lines))
    assert Machine(server, made).node.startswith("mi-")
    for code, body in [("InvalidActivation", Machine.order(made)), ("InvalidActivation", Machine.order(made | {"ActivationId": str(uuid.uuid4())}))]:
        with pytest.raises(Refused) as refused:
            call(server, "RegisterManagedInstance", body)
        assert refused.value.code == code
    late = ssm.create_activation(IamRole="agents", ExpirationDate=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1))
    server.advance(3_700)
    try:
        with pytest.raises(Refused) as refused:
            call(server, "RegisterManagedInstance", Machine.order(late))
        assert refused.value.code == "InvalidActivation"
    finally:
        server.reset_clock()
    with pytest.raises(Refused) as refused:
        call(server, "RegisterManagedInstance", Machine.order(ssm.create_activation(IamRole="agents")) | {"PublicKey": "x" * 400})
    assert refused.value.code == "ValidationException"


class Refused(Exception):
    def __init__(self, error):
        text = error.read().decode()
        self.status, self.text = error.code, text
        self.code = json.loads(text)["__type"].rsplit("#")[-1] if text.startswith("{") else re.match(r"<(\w+)>", text)[1]


def call(server, operation, body, headers=None):
    fields = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonSSM.{operation}"} | (headers or {})
    request = urllib.request.Request(server.url + "/", data=json.dumps(body).encode(), headers=fields)
    try:
        return json.load(urllib.request.urlopen(request, timeout=60))
    except urllib.error.HTTPError as error:
        raise Refused(error)


class Machine:
    """An agent by hand, as AWS's signs and speaks."""

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def __init__(self, server, activation):
        self.server = server
        self.node = call(server, "RegisterManagedInstance", self.order(activation))["InstanceId"]

    @classmethod
    def order(cls, activation):
        public = cls.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {
            "ActivationId": activation["ActivationId"], "ActivationCode": activation["ActivationCode"],
            "PublicKey": base64.b64encode(public).decode(), "PublicKeyType": "Rsa", "Fingerprint": "of-the-machine",
        }

    def authorization(self, operation, body, node=None, change=lambda signature: signature):
        """SigV4 but for its signature: RSASSA-PSS over the string to sign."""
        now = datetime.datetime.now(datetime.timezone.utc)
        date, scope = now.strftime("%Y%m%dT%H%M%SZ"), f"{now:%Y%m%d}/{REGION}/ssm/aws4_request"
        headers = {"content-type": "application/x-amz-json-1.1", "host": self.server.address, "x-amz-date": date, "x-amz-target": f"AmazonSSM.{operation}"}
        names = ";".join(headers)
        digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
        canonical = "\n".join(["POST", "/", "", *(f"{name}:{value}" for name, value in headers.items()), "", names, digest])
        text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = self.key.sign(text.encode(), padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        signature = base64.b64encode(change(signature)).decode()
        credential = f"AWS4-HMAC-SHA256 Credential={node or self.node}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {"X-Amz-Date": date, "Authorization": credential, "X-Amz-Content-Sha256": digest}

    def call(self, operation, body, **more):
        return call(self.server, operation, body, self.authorization(operation, body, **more))

    def keys(self, fingerprint="of-the-machine", **more):
        got = self.call("RequestManagedInstanceRoleToken", {"Fingerprint": fingerprint}, **more)
        return {"key": got["AccessKeyId"], "secret": got["SecretAccessKey"], "token": got["SessionToken"]}

    def token(self, path, keys=None):
        keys = keys or self.keys()
        body = json.dumps({"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "ClientId": str(uuid.uuid4())}).encode()
        headers = {"X-Amz-Security-Token": keys["token"], "Content-Type": "application/json"}
        fields = sign("POST", self.server.url + path, "ssmmessages", body, headers, None, keys["key"], keys["secret"])
        try:
            with urllib.request.urlopen(urllib.request.Request(self.server.url + path, data=body, headers=fields), timeout=60) as answer:
                assert answer.status == 201
                return re.search(r"<TokenValue>([^<]+)</TokenValue>", answer.read().decode())[1]
        except urllib.error.HTTPError as error:
            raise Refused(error)

    def open(self, node=None, token=None):
        node = node or self.node
        token = token or self.token(f"/v1/control-channel/{node}")
        channel = WebSocket(f"ws://{self.server.address}/v1/control-channel/{node}?role=subscribe&stream=input")
        opening = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": token, "AgentVersion": "3.3.0.0", "PlatformType": "linux"}
        if channel.status == 101:
            channel.send(1, json.dumps(opening).encode())
        return channel

    def say(self, channel, message, content):
        channel.send(2, frame(message, 0, 0, 0, json.dumps(content).encode()))

    def reply(self, channel, job, status, **steps):
        content = {"documentStatus": status, "runtimeStatus": steps or None}
        self.say(channel, "agent_job_reply", {"schemaVersion": 1, "jobId": job, "content": json.dumps(content), "topic": "aws.ssm.sendCommand"})


@pytest.fixture
def machine(server, ssm):
    return Machine(server, ssm.create_activation(IamRole="agents"))


def online(ssm, machine):
    channel = machine.open()
    eventually(lambda: ping(ssm, machine.node) == "Online")
    return channel


def next_job(channel):
    while True:
        message, _, _, identity, _, payload = parse(channel.receive()[1])
        if message == "agent_job":
            return identity, json.loads(payload)


def test_signatures_with_the_key_of_the_machine(server, ssm, machine):
    caller = server.client("sts", **{name: value for name, value in machine.keys().items()}).get_caller_identity()
    assert caller["Arn"].endswith(f":assumed-role/agents/{machine.node}")
    with pytest.raises(Refused) as refused:
        machine.keys(change=lambda signature: signature[:-1] + bytes([signature[-1] ^ 1]))
    assert refused.value.code == "InvalidSignatureException"
    other = Machine(server, ssm.create_activation(IamRole="agents"))
    with pytest.raises(Refused) as refused:
        machine.call("RequestManagedInstanceRoleToken", {}, node="mi-00000000000000000")
    assert refused.value.code == "UnrecognizedClientException"
    with pytest.raises(Refused) as refused:
        machine.keys(fingerprint="of-another")
    assert refused.value.code == "MachineFingerprintDoesNotMatch"
    # The key of a machine opens nothing else.
    with pytest.raises(Refused) as refused:
        machine.call("DescribeInstanceInformation", {})
    assert refused.value.code == "AccessDeniedException"
    with pytest.raises(Refused) as refused:
        call(server, "RequestManagedInstanceRoleToken", {"Fingerprint": "of-the-machine"})
    assert refused.value.code == "MissingAuthenticationTokenException"
    ssm.deregister_managed_instance(InstanceId=machine.node)
    with pytest.raises(Refused) as refused:
        machine.keys()
    assert refused.value.code == "UnrecognizedClientException"
    assert other.keys()


def test_a_new_key_takes_the_place_of_the_old_one(machine):
    new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = new.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    machine.call("UpdateManagedInstancePublicKey", {"NewPublicKey": base64.b64encode(public).decode(), "NewPublicKeyType": "Rsa"})
    with pytest.raises(Refused) as refused:
        machine.keys()
    assert refused.value.code == "InvalidSignatureException"
    machine.key = new
    assert machine.keys()


def test_the_role_is_asked(server, ssm):
    allowed = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}
    role(server, "no-channel", [allowed])
    role(server, "no-open", [allowed, {"Effect": "Allow", "Action": "ssmmessages:CreateControlChannel", "Resource": "*"}])
    first = Machine(server, ssm.create_activation(IamRole="no-channel"))
    with pytest.raises(Refused) as refused:
        first.token(f"/v1/control-channel/{first.node}")
    assert refused.value.code == "AccessDeniedException" and "ssmmessages:CreateControlChannel" in refused.value.text
    second = Machine(server, ssm.create_activation(IamRole="no-open"))
    channel = second.open()
    assert channel.receive() is None and b"is not authorized to perform" in channel.close_frame
    assert ping(ssm, second.node) == "ConnectionLost"


def test_nobody_opens_the_channel_of_another(server, ssm, machine):
    other = Machine(server, ssm.create_activation(IamRole="agents"))
    with pytest.raises(Refused) as refused:
        machine.token(f"/v1/control-channel/{other.node}")
    assert refused.value.code == "AccessDeniedException"
    with pytest.raises(Refused) as refused:
        machine.token(f"/v1/control-channel/{machine.node}", {"key": "test", "secret": "test", "token": ""})
    assert refused.value.code == "AccessDeniedException"
    # No token was asked for: there is no channel.
    assert machine.open(node=other.node, token="x" * 180).status == 404
    token = machine.token(f"/v1/control-channel/{machine.node}")
    other.token(f"/v1/control-channel/{other.node}")
    stolen = machine.open(node=other.node, token=token)
    assert stolen.receive() is None
    first = machine.open(token=token)
    eventually(lambda: ping(ssm, machine.node) == "Online")
    # A token is used once, and the newest channel is the node's.
    machine.token(f"/v1/control-channel/{machine.node}")
    assert machine.open(token=token).receive() is None
    newest = online(ssm, machine)
    assert first.receive() is None and newest.status == 101
    assert ping(ssm, machine.node) == "Online" and ping(ssm, other.node) == "ConnectionLost"


def test_no_node_answers_for_another(server, ssm, machine):
    other = Machine(server, ssm.create_activation(IamRole="agents"))
    channel, hostile = online(ssm, machine), online(ssm, other)
    command = send(ssm, machine.node, "true")
    identity, job = next_job(channel)
    assert job["JobId"] == f"aws.ssm.{command}.{machine.node}" and job["Topic"].startswith("aws.ssm.sendCommand")
    order = json.loads(job["Content"])
    assert (order["CommandId"], order["DocumentName"], order["Parameters"]["commands"]) == (command, SHELL, ["true"])
    step = {"status": "Success", "code": 0, "standardOutput": "forged"}
    names = ["aws:runShellScript", "runShellScript"]
    other.reply(hostile, job["JobId"], "Success", **{name: step for name in names})
    other.reply(hostile, f"aws.ssm.{command}.{other.node}", "Success", **{name: step for name in names})
    for junk in [b"", b"x" * 119, b"\0" * 400, frame("agent_job_reply", 0, 0, 0, b"{"), frame("agent_task_complete", 0, 0, 0, b"[]")]:
        hostile.send(2, junk)
    # What it says afterwards is still heard: all that came before was read.
    mine = send(ssm, other.node, "true")
    _, own = next_job(hostile)
    other.reply(hostile, own["JobId"], "Failed")
    assert finished(ssm, mine, other.node)["Status"] == "Failed"
    assert ssm.get_command_invocation(CommandId=command, InstanceId=machine.node)["Status"] == "Pending"
    machine.say(channel, "agent_job_ack", {"jobId": job["JobId"], "acknowledgedMessageId": str(identity), "statusCode": "200"})
    eventually(lambda: ssm.get_command_invocation(CommandId=command, InstanceId=machine.node)["Status"] == "InProgress")
    for name in names:
        machine.reply(channel, job["JobId"], "InProgress", **{name: step | {"standardOutput": "y" * 100_000}})
    machine.reply(channel, job["JobId"], "Success")
    got = finished(ssm, command, machine.node)
    assert got["Status"] == "Success" and len(got["StandardOutputContent"]) == 24_000
    # What is over stays so.
    machine.reply(channel, job["JobId"], "Failed")
    again = send(ssm, machine.node, "true")
    machine.reply(channel, f"aws.ssm.{again}.{machine.node}", "Cancelled")
    assert finished(ssm, again, machine.node)["Status"] == "Cancelled"
    assert ssm.get_command_invocation(CommandId=command, InstanceId=machine.node)["Status"] == "Success"


def test_no_node_opens_or_ends_the_session_of_another(server, ssm, machine):
    other = Machine(server, ssm.create_activation(IamRole="agents"))
    channel, hostile = online(ssm, machine), online(ssm, other)
    session = ssm.start_session(Target=machine.node)
    client = Channel(session)
    message, _, _, _, _, payload = parse(channel.receive()[1])
    opening = json.loads(json.loads(payload)["Content"])
    assert message == "interactive_shell" and opening["SessionId"] == session["SessionId"]
    path = f"/v1/data-channel/{session['SessionId']}"
    with pytest.raises(Refused) as refused:
        other.token(path)
    assert refused.value.code == "AccessDeniedException"
    other.say(hostile, "agent_task_complete", {"TaskId": session["SessionId"], "FinalTaskStatus": "Success"})
    data = WebSocket(f"ws://{server.address}{path}?role=publish_subscribe")
    data.send(1, json.dumps({"MessageSchemaVersion": "1.0", "TokenValue": machine.token(path)}).encode())
    data.send(2, frame("output_stream_data", 0, 1, 1, b"from the agent"))
    client.until("from the agent")
    # The agent's data channel ends nothing; its control channel does.
    data.send(2, frame("channel_closed", 0, 0, 0, b"{}"))
    data.send(2, frame("output_stream_data", 1, 0, 1, b"still here"))
    client.until("still here")
    machine.say(channel, "agent_task_complete", {"TaskId": session["SessionId"], "FinalTaskStatus": "Success", "Output": "bye"})
    client.wait(lambda: client.over)
    assert client.closed["Output"] == "bye"


def test_a_job_that_nobody_takes_times_out(server, ssm, machine):
    channel = online(ssm, machine)
    command = send(ssm, machine.node, "true", TimeoutSeconds=60)
    next_job(channel)
    channel.close()
    eventually(lambda: ping(ssm, machine.node) == "ConnectionLost")
    server.advance(61)
    try:
        got = finished(ssm, command, machine.node)
        assert (got["Status"], got["StatusDetails"]) == ("TimedOut", "DeliveryTimedOut")
    finally:
        server.reset_clock()


def test_a_node_that_is_deregistered_is_gone(server, ssm, machine):
    channel = online(ssm, machine)
    ssm.deregister_managed_instance(InstanceId=machine.node)
    assert channel.receive() is None
    assert information(ssm, machine.node) == {}

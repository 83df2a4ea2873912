"""The server under test, and the clients that are pointed at it."""

import http.client
import json
import os
import signal
import ssl
import subprocess
import threading

import aws_encryption_sdk
import boto3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

REGION = "us-east-1"


def clean_environment():
    """The environment without settings of AWS or of Cloudlet."""
    ours = ("CLOUDLET_", "AWS_", "LS_", "LOCALSTACK_")
    names = ("GATEWAY_LISTEN", "DEFAULT_REGION", "DEBUG", "ENFORCE_IAM", "IAM_SOFT_MODE", "PERSISTENCE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours) and name not in names}


class Server:
    """A running server on a free port."""

    def __init__(self, binary, *arguments, environment=None, before=None):
        command = [binary, "--port", "0", *arguments]
        everything = clean_environment() | (environment or {})
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=everything, preexec_fn=before)
        self.lines = []
        self.changed = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        line = self.wait_for_line(" listens on ")
        self.address = line.split(" listens on ")[1].split(" ")[0]
        self.host, port = self.address.rsplit(":", 1)
        self.port = int(port)
        self.url = f"http://{self.address}"

    def _listen(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append("")
            self.changed.notify_all()

    def wait_for_line(self, text):
        """The first line of the log that contains the text."""
        def found():
            return next((line for line in self.lines if text in line), None)

        def ready():
            return found() or self.process.poll() is not None

        with self.changed:
            assert self.changed.wait_for(ready, timeout=30), f"the log has no {text!r}: {self.lines}"
            line = found()
        assert line, f"the server ended: {self.lines}"
        return line

    def stop(self):
        """Stops it as docker does, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    # ---- clients

    def client(self, service, key="test", secret="test", token=None, url=None, region=REGION, **config):
        """A boto3 client that gives up at the first error, so that tests see it."""
        config.setdefault("retries", {"total_max_attempts": 1})
        return boto3.client(
            service,
            endpoint_url=url or self.url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(**config),
        )

    def encryption_sdk_keys(self, monkeypatch, *keys):
        """The KMS keys as the AWS Encryption SDK uses them. It makes its clients itself, from the environment."""
        for name, value in [("AWS_ENDPOINT_URL", self.url), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]:
            monkeypatch.setenv(name, value)
        return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=keys)

    def request(self, method, target, body=None, headers=None):
        """One HTTP request, its target sent exactly as given."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def signed(self, method, target, service="s3", body=b"", headers=None, payload=None, key="test", secret="test", region=REGION):
        """One signed HTTP request. `payload` replaces the body's hash in X-Amz-Content-SHA256."""
        fields = sign(method, self.url + target, service, body, headers, payload, key, secret, region)
        return self.request(method, target, body, fields)

    # ---- the admin API

    def admin(self, path):
        return json.loads(self.request("GET", f"/_cloudlet/{path}").body)

    def advance(self, seconds):
        self._clock({"advance": seconds})

    def reset_clock(self):
        self._clock({"run": "reset"})

    def _clock(self, change):
        answer = self.request("POST", "/_cloudlet/clock", json.dumps(change))
        assert answer.status == 200, answer.body


class Answer:
    """An HTTP answer that has been read to its end."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:2000]!r}"


def sign(method, url, service, body=b"", headers=None, payload=None, key="test", secret="test", region=REGION):
    """The header fields of a request, with its SigV4 signature."""
    request = AWSRequest(method=method, url=url, data=body, headers=headers or {})
    credentials = Credentials(key, secret)
    signer = S3SigV4Auth(credentials, service, region) if service == "s3" else SigV4Auth(credentials, service, region)
    if payload:
        signer.payload = lambda request: payload
    signer.add_auth(request)
    return {name: value for name, value in request.headers.items()}


class AwsCli:
    """aws-cli, pointed at a server."""

    def __init__(self, program, version, server, home):
        self.program = program
        self.version = version
        self.environment = clean_environment() | {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "HOME": str(home),
        }
        self.endpoint = server.url

    def run(self, *arguments, input=None, **environment):
        command = [self.program, "--endpoint-url", self.endpoint, *arguments]
        return subprocess.run(command, env=self.environment | environment, input=input, capture_output=True, text=True, timeout=110)

    def __call__(self, *arguments, input=None):
        """What it prints, if it succeeds."""
        done = self.run(*arguments, input=input)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments):
        return json.loads(self(*arguments, "--output", "json"))


def trusting(certificate):
    """A TLS context that trusts the given CA and nobody else."""
    return ssl.create_default_context(cadata=certificate)

"""Session Manager with the clients that other people have written: `pyssm-client`, and aws-cli with AWS's own plugin where it is installed."""

import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from pathlib import Path

import pytest
from cloudlet import REGION, clean_environment
from lossy import Lossy

NODE = "mi-0c10d1e7000000001"
PORT = "AWS-StartPortForwardingSession"


class Terminal:
    """A program in a terminal."""

    def __init__(self, command, environment, columns=100, rows=30):
        self.ours, theirs = pty.openpty()
        self.size(columns, rows)

        def lead():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, preexec_fn=lead)
        os.close(theirs)
        self.seen = ""

    def size(self, columns, rows):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def type(self, text):
        os.write(self.ours, text.encode())

    def read(self, deadline):
        ready, _, _ = select.select([self.ours], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"nothing more comes after {self.seen!r}"
        try:
            return os.read(self.ours, 1 << 16)
        except OSError:
            return b""

    def until(self, pattern, seconds=60):
        """Reads until the pattern is there, and forgets all up to it."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen)):
            more = self.read(deadline)
            assert more, f"it ended after {self.seen!r}"
            self.seen += more.decode(errors="replace")
        before, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return before

    def end(self, seconds=60):
        """Its exit code."""
        deadline = time.monotonic() + seconds
        while more := self.read(deadline):
            self.seen += more.decode(errors="replace")
        return self.process.wait(timeout=seconds)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)


class Pyssm:
    name = "pyssm"
    # It does not send again what was lost.
    resends = False
    opened = "listening on"

    def __init__(self):
        # Where this Python's programs are, or anywhere.
        self.program = shutil.which("pyssm", path=str(Path(sys.executable).parent)) or shutil.which("pyssm")

    def shell(self, url):
        return [self.program, "ssh", "--target", NODE, "--region", REGION, "--endpoint-url", url]

    def forward(self, url, local, remote):
        return [self.program, "port-forward", "--target", NODE, "--region", REGION, "--endpoint-url", url,
                "--remote-port", str(remote), "--local-port", str(local)]


class Plugin:
    """aws-cli runs `session-manager-plugin`, which it looks for in the PATH."""

    name = "session-manager-plugin"
    resends = True
    opened = "Waiting for connections"

    def __init__(self):
        self.program = shutil.which("session-manager-plugin") and shutil.which("aws")

    def start(self, url, *more):
        return [self.program, "ssm", "start-session", "--target", NODE, "--region", REGION, "--endpoint-url", url, *more]

    def shell(self, url):
        return self.start(url)

    def forward(self, url, local, remote):
        return self.start(url, "--document-name", PORT, "--parameters", f"portNumber={remote},localPortNumber={local}")


@pytest.fixture(scope="module")
def local(start):
    return start("--ssm-local-node=true")


@pytest.fixture(params=[Pyssm, Plugin], ids=lambda client: client.name)
def client(request):
    client = request.param()
    if not client.program:
        pytest.skip(f"{client.name} is not installed")
    return client


@pytest.fixture
def run(tmp_path):
    running = []
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}

    def run(command):
        running.append(Terminal(command, clean_environment() | keys | {"HOME": str(tmp_path), "TERM": "xterm"}))
        return running[-1]

    yield run
    for terminal in running:
        terminal.close()


def test_typing_resizing_interrupting_and_leaving(local, client, run):
    shell = run(client.shell(local.url))
    # What is typed before is lost with some.
    shell.until(r"[$#] ")
    shell.type("echo sum $((40+2))\r")
    shell.until("sum 42")
    shell.type("stty size\r")
    shell.until("30 100")
    shell.resize(90, 20)
    shell.type("until stty size | grep '20 90'; do sleep 0.1; done; echo new''size\r")
    shell.until("newsize")
    shell.type("sh -c 'echo be\"\"gun; exec sleep 1000'\r")
    shell.until("begun")
    shell.type("\x03")
    # Clients learn of it by a signal, which may come after what is typed next.
    shell.until(r"\^C")
    shell.type("echo still $((6*7))\r")
    shell.until("still 42")
    shell.type("exit\r")
    assert shell.end() == 0, shell.seen
    assert local.client("ssm").describe_sessions(State="Active")["Sessions"] == []


@pytest.fixture(scope="module")
def web(local):
    """A real HTTP server on the node, with a file of 100 MiB: its digest."""
    ssm = local.client("ssm")
    lines = [
        "mkdir -p ~/web; cd ~/web; head -c 104857600 /dev/urandom > large; echo hello > small; sha256sum large | cut -c1-64",
        "(setsid python3 -m http.server 8000 >/dev/null 2>&1 &)",
        "until bash -c ': </dev/tcp/127.0.0.1/8000' 2>/dev/null; do sleep 0.1; done",
    ]
    sent = ssm.send_command(InstanceIds=[NODE], DocumentName="AWS-RunShellScript", Parameters={"commands": lines})
    identity = sent["Command"]["CommandId"]
    ssm.get_waiter("command_executed").wait(CommandId=identity, InstanceId=NODE, WaiterConfig={"Delay": 1, "MaxAttempts": 100})
    return ssm.get_command_invocation(CommandId=identity, InstanceId=NODE)["StandardOutputContent"].strip()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def forwarded(client, run, url):
    """The address of a port that leads to the node."""
    port = free_port()
    run(client.forward(url, port, 8000)).until(client.opened)
    return f"http://127.0.0.1:{port}"


def digest(url):
    hashed = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=600) as answer:
        while piece := answer.read(1 << 20):
            hashed.update(piece)
    return hashed.hexdigest()


def test_a_port_that_leads_to_a_web_server(local, client, run, web):
    url = forwarded(client, run, local.url)
    assert [urllib.request.urlopen(f"{url}/small", timeout=60).read() for _ in range(3)] == [b"hello\n"] * 3
    assert digest(f"{url}/large") == web


@pytest.mark.timeout(900)
def test_a_hundred_mebibytes_with_messages_lost_and_doubled(local, client, run, web):
    if not client.resends:
        pytest.skip(f"{client.name} does not send again what was lost")
    between = Lossy(local, 0.005)
    url = forwarded(client, run, between.url)
    assert digest(f"{url}/large") == web
    assert between.lost > 20 and between.doubled > 20
    between.close()


def test_a_command_without_a_terminal(local, client, run):
    if not isinstance(client, Plugin):
        pytest.skip(f"{client.name} has no commands")
    parameters = json.dumps({"command": ["echo one && two"]})
    command = run(client.start(local.url, "--document-name", "AWS-StartNonInteractiveCommand", "--parameters", parameters))
    command.until("one && two")
    assert command.end() == 0

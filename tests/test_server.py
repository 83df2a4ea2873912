"""The program itself: settings, help, start and stop."""

import re
import signal
import socket
import subprocess
from pathlib import Path
from threading import Thread

import pytest
from cloudlet import clean_environment


def run(binary, *arguments, **environment):
    command = [binary, *arguments]
    return subprocess.run(command, env=clean_environment() | environment, capture_output=True, text=True, timeout=60)


def test_help_can_be_read(binary):
    done = run(binary, "--help")
    assert done.returncode == 0
    for word in ("--port", "CLOUDLET_PORT", "--data-dir", "--auth", "enforce", "soft", "off", "4566"):
        assert word in done.stdout


def test_every_setting_is_in_the_readme(binary):
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    settings = re.findall(r"^ +(--[a-z-]+)", run(binary, "--help").stdout, re.MULTILINE)
    variables = re.findall(r"CLOUDLET_[A-Z_]+(?==|\])", run(binary, "--help").stdout)
    assert len(settings) > 15
    assert [name for name in settings + variables if name not in readme and name not in ("--help", "--version")] == []


def test_version(binary):
    assert run(binary, "--version").stdout == "cloudlet 0.1.0\n"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--auth", "sofd"], "sofd"),
        (["--port", "66000"], "66000"),
        (["--prot", "1"], "--prot"),
        (["--account", "12"], "account"),
        (["--region", "Mars 1"], "Mars 1"),
        (["--log", "in=fo=x"], "--log"),
        (["--log-format", "xml"], "xml"),
        (["--max-body", "lots"], "lots"),
        (["--root-access-key", "a/b"], "--root-access-key"),
        (["--host", "not a host"], "not a host"),
        (["--config", "/does/not/exist.toml"], "/does/not/exist.toml"),
        (["leftover"], "leftover"),
    ],
)
def test_a_mistyped_setting_refuses_to_start(binary, arguments, said):
    done = run(binary, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("name, value, said", [("CLOUDLET_AUTH", "on", "on"), ("CLOUDLET_PROT", "1", "CLOUDLET_PROT"), ("ENFORCE_IAM", "maybe", "ENFORCE_IAM")])
def test_a_mistyped_variable_refuses_to_start(binary, name, value, said):
    done = run(binary, **{name: value})
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("text", ["prot = 1", "port = 'many'", "port = ", "auth = 'Enforce'"])
def test_a_mistyped_file_refuses_to_start(binary, tmp_path, text):
    file = tmp_path / "cloudlet.toml"
    file.write_text(text)
    done = run(binary, "--config", str(file))
    assert done.returncode == 2
    assert "cloudlet.toml" in done.stderr


def test_a_file_is_read_and_the_command_line_counts_more(start, tmp_path):
    file = tmp_path / "cloudlet.toml"
    file.write_text('account = "111111111111"\nregion = "eu-central-1"\nauth = "off"\n')
    server = start("--config", str(file), "--account", "222222222222")
    assert server.client("sts").get_caller_identity()["Account"] == "222222222222"
    server = start(environment={"CLOUDLET_CONFIG": str(file)})
    assert server.client("sts").get_caller_identity()["Account"] == "111111111111"


def test_a_port_that_is_taken_is_named(binary, server):
    done = run(binary, "--port", str(server.port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{server.port}" in done.stdout + done.stderr


def test_it_listens_on_the_loopback_address_alone(server):
    assert server.host == "127.0.0.1"


def test_the_health_check_asks_a_running_server(binary, start):
    server = start()
    assert run(binary, "--check-health", "--port", str(server.port)).returncode == 0
    assert run(binary, "--check-health", CLOUDLET_PORT=str(server.port)).returncode == 0
    server.stop()
    assert run(binary, "--check-health", "--port", str(server.port)).returncode == 1


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_a_signal(start, sent):
    server = start()
    server.process.send_signal(sent)
    assert server.process.wait(timeout=30) == 0


def test_a_call_under_way_is_ended_before_it_stops(start):
    server = start("--auth", "off")
    server.client("s3").create_bucket(Bucket="bucket")
    with socket.create_connection((server.host, server.port), timeout=60) as wire:
        wire.sendall(f"PUT /bucket/key HTTP/1.1\r\nHost: {server.address}\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n".encode())
        # The server has begun with this call once it wants the body.
        assert wire.recv(1024).startswith(b"HTTP/1.1 100")
        server.process.send_signal(signal.SIGTERM)
        wire.sendall(b"complete")
        assert wire.recv(1024).startswith(b"HTTP/1.1 200")
    assert server.process.wait(timeout=30) == 0


def test_a_call_that_does_not_end_is_cut_off(start):
    server = start("--shutdown-time", "0")
    url = server.client("sqs").create_queue(QueueName="queue")["QueueUrl"]

    def poll():
        try:
            server.client("sqs", retries={"total_max_attempts": 1}).receive_message(QueueUrl=url, WaitTimeSeconds=20)
        except Exception:
            pass

    polling = Thread(target=poll)
    polling.start()
    assert server.stop() == 0
    polling.join()


def test_idle_connections_are_not_waited_for(start):
    server = start("--shutdown-time", "1")
    with socket.create_connection((server.host, server.port)), socket.create_connection((server.host, server.port)) as used:
        used.sendall(f"GET /_cloudlet/health HTTP/1.1\r\nHost: {server.address}\r\n\r\n".encode())
        assert used.recv(1024).startswith(b"HTTP/1.1 200")
        assert server.stop() == 0
    assert not [line for line in server.lines if "cut off" in line]


def test_ids_can_be_the_same_on_every_run(start):
    def first_ids():
        sqs = start("--seed", "7").client("sqs")
        url = sqs.create_queue(QueueName="queue")["QueueUrl"]
        return sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]

    assert first_ids() == first_ids()


def test_localstacks_names_are_understood(start):
    server = start(environment={"DEFAULT_REGION": "eu-west-1", "DEBUG": "1", "LOCALSTACK_HOST": "cloud.test:4566"})
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"

"""What programs on nodes may not do: each attempt is stopped, and the server and the other nodes go on."""

import json
import os
import socket

import pytest
from test_commands import LOCAL, finished, send, trust


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(start, data):
    return start("--ssm-local-node", "--data-dir", str(data))


@pytest.fixture(scope="module")
def ssm(server):
    return server.client("ssm")


@pytest.fixture(scope="module")
def neighbour(server, ssm):
    """Another node, which has files and something that runs."""
    server.client("iam").create_role(RoleName="hybrid", AssumeRolePolicyDocument=trust("ssm.amazonaws.com"))
    made = ssm.create_activation(IamRole="hybrid")
    body = json.dumps({"ActivationId": made["ActivationId"], "ActivationCode": made["ActivationCode"]})
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.RegisterManagedInstance"}
    node = server.request("POST", "/", body, headers).json["InstanceId"]
    lines = ["echo hush | tee ~/secret /tmp/secret >/dev/null", "(SECRET=hush setsid sleep 100000 >/dev/null 2>&1 &)", "echo well"]
    assert finished(ssm, send(ssm, *lines, node=node), node)["StandardOutputContent"] == "well\n"
    return node


@pytest.fixture(scope="module")
def apart(server, neighbour):
    told = server.admin("health")["workers"].get("shortcomings") or []
    # For nodes the number of processes is that of their namespace.
    told = [each for each in told if "number of its processes" not in each]
    if told:
        pytest.skip(f"this machine cannot keep workers apart: {told}")


@pytest.fixture
def goes_on(server, ssm, neighbour):
    """The server, and the other node with what runs on it."""
    yield
    assert server.process.poll() is None
    got = finished(ssm, send(ssm, "cat ~/secret /tmp/secret; pgrep -c sleep", node=neighbour), neighbour)
    assert got["StandardOutputContent"] == "hush\nhush\n1\n", got


def attempt(ssm, *lines):
    got = finished(ssm, send(ssm, *lines), LOCAL)
    assert got["Status"] == "Success", got
    return got["StandardOutputContent"]


def python(text):
    """Lines of a script that runs a program."""
    return ["cat > /tmp/attempt.py <<'END'", *text.strip().split("\n"), "END", "python3 /tmp/attempt.py"]


def test_it_cannot_read_the_data_folder(ssm, data, apart, goes_on):
    assert list(data.iterdir())
    assert attempt(ssm, f"ls {data} 2>/dev/null || echo no", f"find / -xdev -path '*{data.name}*' 2>/dev/null | head -1; echo end") == "no\nend\n"


def test_it_cannot_read_what_another_node_has(ssm, apart, goes_on):
    lines = [
        "find / -name 'secret*' -not -path '/proc/*' -not -path '/usr/*' 2>/dev/null",
        "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c SECRET",
        "ls /proc | grep -c '^[0-9]'",
    ]
    *found, seen, processes = attempt(ssm, *lines, "true").splitlines()
    assert found == [] and seen == "0" and int(processes) < 16


def test_it_cannot_kill_others(server, ssm, apart, goes_on):
    got = attempt(ssm, f"kill -9 {server.process.pid} 2>&1 | grep -c -i 'no such process'", "true")
    assert got == "1\n"
    # Everybody that it sees: the others of its own node.
    assert attempt(ssm, "kill -9 -1; echo done") == "done\n"
    assert attempt(ssm, "echo again") == "again\n"


@pytest.mark.timeout(600)
def test_it_cannot_fork_without_end(ssm, apart, goes_on):
    text = """
import os, signal
count = 0
try:
    while count < 100000:
        if os.fork() == 0:
            signal.pause()
        count += 1
except OSError:
    pass
print(count, flush=True)
os.kill(-1, signal.SIGKILL)
"""
    got = finished(ssm, send(ssm, *python(text)), LOCAL)
    assert got["Status"] == "Failed", got
    assert int(got["StandardOutputContent"] or 0) < 1_100, got
    bomb = ssm.send_command(
        InstanceIds=[LOCAL], DocumentName="AWS-RunShellScript",
        Parameters={"commands": ["f() { f | f & }", "f; sleep 1000"], "executionTimeout": ["10"]},
    )["Command"]["CommandId"]
    assert finished(ssm, bomb, LOCAL)["Status"] in ("TimedOut", "Failed")
    assert attempt(ssm, "echo again") == "again\n"


def test_it_cannot_write_a_file_without_end_or_elsewhere(ssm, apart, goes_on):
    assert attempt(ssm, "truncate -s 100G /tmp/large 2>/dev/null || echo too large") == "too large\n"
    for place in ("/usr", "/etc", "/dev", "/var", "/"):
        assert attempt(ssm, f"touch {place}/new 2>/dev/null || echo no") == "no\n", place


def test_it_cannot_eat_memory(ssm, goes_on):
    got = finished(ssm, send(ssm, *python("all = []\nwhile True:\n    all.append(bytearray(b'x' * (4 << 20)))")), LOCAL)
    assert got["Status"] == "Failed", got
    assert attempt(ssm, "echo again") == "again\n"


def test_it_reaches_nobody_but_the_server(ssm, apart, goes_on):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        text = f"""
import os, socket, urllib.request
for place in [("192.0.2.1", 80), ("8.8.8.8", 53), ("127.0.0.1", {listener.getsockname()[1]})]:
    try:
        socket.create_connection(place, 2)
        print("reached", place)
    except OSError:
        print("not")
print(urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_cloudlet/health").status)
"""
        assert attempt(ssm, *python(text)) == "not\nnot\nnot\n200\n"


def test_it_cannot_change_the_machine(ssm, apart, goes_on):
    text = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(number, *arguments):
    return libc.syscall(number, *arguments) == -1 and ctypes.get_errno() in (1, 38)
calls = {
    "mount": tried(165, b"none", b"/tmp", b"tmpfs", 0, None),
    "reboot": tried(169, 0xfee1dead, 672274793, 0x1234567, None),
    "settimeofday": tried(164, ctypes.create_string_buffer(16), None),
    "sethostname": tried(170, b"x", 1),
    "init_module": tried(175, b"", 0, b""),
    "swapoff": tried(168, b"/none"),
}
print([name for name, is_refused in calls.items() if not is_refused])
"""
    if os.uname().machine == "x86_64":
        assert attempt(ssm, *python(text)) == "[]\n"
    # It opens them and writes nothing.
    settings = "/proc/sys/kernel/core_pattern /proc/sys/vm/swappiness /proc/sysrq-trigger $(find /proc/irq /proc/fs /proc/sys -type f)"
    assert attempt(ssm, f"for file in {settings}; do [ -e $file ] && (: >> $file) 2>/dev/null && echo $file; done; true") == ""
    around = "unshare -rmpf --mount-proc sh -c ': >> /proc/sys/kernel/core_pattern' 2>/dev/null && echo around"
    assert attempt(ssm, around, "unshare -rm sh -c 'umount /proc/sys; : >> /proc/sys/kernel/core_pattern' 2>/dev/null && echo around", "true") == ""
    assert attempt(ssm, "ls /etc/ssl/private 2>/dev/null || echo no") == "no\n"

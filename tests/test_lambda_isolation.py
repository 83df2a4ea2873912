"""What code may not do: each attempt is stopped, and the server and the other functions go on."""

import json
import os
import random
import signal
import threading
import time

import pytest
from lambdas import call, eventually, make, make_role

WELL = "import os\ndef handler(event, context):\n    return 'well'\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(start, data):
    return start("--data-dir", str(data))


@pytest.fixture(scope="module")
def role(server):
    return make_role(server)


@pytest.fixture(scope="module")
def shortcomings(server):
    """What this machine cannot keep apart. The server says so once it has tried."""
    return eventually(lambda: server.admin("health")["workers"].get("shortcomings") or ["none"])


@pytest.fixture
def apart(shortcomings):
    if shortcomings != ["none"]:
        pytest.skip(f"this machine cannot keep workers apart: {shortcomings}")


@pytest.fixture
def goes_on(server, lambda_, role):
    """The server and another function, which has something in hand, go on."""
    try:
        make(server, role, "neighbour", WELL)
    except lambda_.exceptions.ResourceConflictException:
        pass
    assert call(lambda_, "neighbour")[0] == "well"
    yield
    assert call(lambda_, "neighbour")[0] == "well"
    assert server.admin("health")


def attempt(server, lambda_, role, name, body, event=None, **settings):
    """Runs code that tries something and returns what it got, or the name of the error."""
    lines = "\n".join(f"        {line}" for line in body.strip().split("\n"))
    text = f"""
import os, socket, subprocess, glob, signal, ctypes
def handler(event, context):
    try:
{lines}
    except Exception as error:
        return type(error).__name__
"""
    make(server, role, name, text, **settings)
    return call(lambda_, name, event)


def test_it_cannot_read_the_data_folder(server, lambda_, role, data, apart, goes_on):
    got, failed, _ = attempt(server, lambda_, role, "reads-data", "return [os.listdir(event), open(event + '/key').read()]", str(data))
    assert (got, failed) == ("FileNotFoundError", None)


def test_it_cannot_read_what_another_function_has(server, lambda_, role, apart, goes_on):
    secret = "import os\nopen('/tmp/secret', 'w').write('hush')\ndef handler(event, context):\n    return os.listdir('/tmp')\n"
    make(server, role, "has-secret", secret, Environment={"Variables": {"SECRET": "hush"}})
    assert call(lambda_, "has-secret")[0] == ["secret"]
    body = """
found = [path for path in glob.glob('/tmp/**', recursive=True) if 'secret' in path]
environments = []
for path in glob.glob('/proc/[0-9]*/environ'):
    environments.append(open(path, 'rb').read())
return [found, any(b'hush' in each for each in environments), len(environments), os.environ.get('SECRET')]
"""
    got, _, _ = attempt(server, lambda_, role, "looks-around", body)
    found, seen, processes, variable = got
    assert (found, seen, variable) == ([], False, None) and processes <= 3


def test_it_cannot_kill_others(server, lambda_, role, apart, goes_on):
    process = server.process.pid
    body = """
told = []
for target in [event, 1, -1]:
    try:
        os.kill(target, 0 if target == 1 else signal.SIGKILL)
        told.append('done')
    except OSError as error:
        told.append(type(error).__name__)
return told
"""
    answer = attempt(server, lambda_, role, "kills", body, process)
    # `-1` is everybody that it sees: itself.
    assert answer[0][0] == "ProcessLookupError" if isinstance(answer[0], list) else answer[1] == "Unhandled"
    assert server.process.poll() is None


@pytest.mark.parametrize("settings", [{"Timeout": 3}])
def test_it_cannot_fork_without_end(server, lambda_, role, apart, goes_on, settings):
    body = """
count = 0
while count < 100000:
    try:
        if os.fork() == 0:
            signal.pause()
        count += 1
    except OSError:
        return count
return count
"""
    got, failed, _ = attempt(server, lambda_, role, "forks", body, MemorySize=1024, Timeout=10)
    assert failed == "Unhandled" or got < 1_024, got
    bomb = "import os\ndef handler(event, context):\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass\n"
    make(server, role, "bomb", bomb, **settings)
    assert call(lambda_, "bomb")[1] == "Unhandled"
    eventually(lambda: not [line for line in os.popen("ps -eo args").read().split("\n") if "bootstrap.py" in line and "bomb" in line])


def test_it_cannot_fill_the_disk(server, lambda_, role, apart, goes_on):
    body = """
total = 0
with open('/tmp/large', 'wb', 0) as file:
    while total < 4 << 30:
        try:
            total += file.write(bytes(8 << 20))
        except OSError as error:
            return [total, error.errno]
return [total, 0]
"""
    got, failed, _ = attempt(server, lambda_, role, "fills", body, MemorySize=1024, Timeout=60)
    assert failed is None and got[1] == 28 and got[0] <= 512 << 20
    for place in ("/var/task", "/usr", "/opt", "/var/runtime", "/dev", "/"):
        name = f"writes{place.replace('/', '-')}"
        assert attempt(server, lambda_, role, name, f"open('{place}/new', 'w').write('x')\nreturn 'done'")[0] in ("OSError", "PermissionError")


def test_it_cannot_eat_memory(server, lambda_, role, goes_on):
    got, failed, _ = attempt(server, lambda_, role, "eats", "all = []\nwhile True:\n    all.append(bytearray(4 << 20))", MemorySize=128)
    assert failed == "Unhandled" or got == "MemoryError"


def test_it_reaches_nobody_but_the_server(server, lambda_, role, apart, goes_on):
    listener = socket_of_the_machine()
    body = """
told = []
for place in [('192.0.2.1', 80), ('8.8.8.8', 53), ('127.0.0.1', event)]:
    try:
        socket.create_connection(place, 1)
        told.append('reached')
    except OSError as error:
        told.append(type(error).__name__)
import urllib.request
told.append(urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_cloudlet/health').status)
return told
"""
    with listener:
        got, _, log = attempt(server, lambda_, role, "connects", body, listener.getsockname()[1])
    assert "reached" not in got and got[3] == 200, (got, log)


def socket_of_the_machine():
    import socket

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def test_it_cannot_change_the_machine(server, lambda_, role, apart, goes_on):
    body = """
libc = ctypes.CDLL(None, use_errno=True)
def tried(number, *arguments):
    return libc.syscall(number, *arguments) == -1 and ctypes.get_errno()
told = {
    'mount': tried(165, b'none', b'/tmp', b'tmpfs', 0, None),
    'unshare': tried(272, 0x10000000),
    'setns': tried(308, 0, 0),
    'ptrace': tried(101, 0, 0, 0, 0),
    'bpf': tried(321, 0, 0, 0),
    'keyctl': tried(250, 0, 0, 0, 0, 0),
    'reboot': tried(169, 0, 0, 0, 0),
    'clone': tried(56, 0x10000000 | 17, 0, 0, 0, 0),
}
written = []
for path in glob.glob('/proc/sys/kernel/*') + glob.glob('/proc/sys/vm/*') + ['/proc/sysrq-trigger']:
    try:
        open(path, 'a').close()
        written.append(path)
    except OSError:
        pass
return [told, os.getuid(), os.getgroups(), written]
"""
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers of system calls are those of x86-64")
    (told, user, groups, written), _, _ = attempt(server, lambda_, role, "calls", body)
    assert told == dict.fromkeys(told, 1), "all are not permitted"
    assert user != 0 and 0 not in groups and written == []


@pytest.mark.timeout(600)
def test_a_thousand_events_and_killed_workers(server, lambda_, role):
    """Whatever happens to the processes, each asynchronous event ends: at the destination of successes, or at that of failures."""
    sqs = server.client("sqs")
    done = sqs.create_queue(QueueName="done", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    dead = sqs.create_queue(QueueName="dead", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:"
    text = "import time\ndef handler(event, context):\n    time.sleep(0.02)\n    if event['n'] % 7 == 0:\n        raise ValueError('no')\n    return event['n']\n"
    make(server, role, "harvest", text, Timeout=30)
    destinations = {"OnSuccess": {"Destination": arn + "done"}, "OnFailure": {"Destination": arn + "dead"}}
    lambda_.put_function_event_invoke_config(FunctionName="harvest", MaximumRetryAttempts=1, DestinationConfig=destinations)
    stop = threading.Event()

    def kill():
        chosen = random.Random(7)
        while not stop.is_set():
            workers = [int(line.split()[0]) for line in os.popen("ps -eo pid,ppid,args").read().split("\n") if is_worker(line, server)]
            if workers:
                try:
                    os.kill(chosen.choice(workers), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            stop.wait(0.15)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for number in range(1_000):
            lambda_.invoke(FunctionName="harvest", InvocationType="Event", Payload=json.dumps({"n": number}))
        # The first runs are over; the others are due after a minute.
        for _ in range(600):
            if count(sqs, done) >= 700:
                break
            time.sleep(0.1)
    finally:
        stop.set()
        killer.join()
    # The clock is moved once nothing comes any more, and four times at most: signatures are good for five minutes.
    ended, moved, idle = set(), 0, 0
    while len(ended) < 1_000 and idle < 600:
        server.request("POST", "/_cloudlet/settle")
        before = len(ended)
        ended |= {number for queue in (done, dead) for number in drained(sqs, queue)}
        idle = idle + 1 if len(ended) == before else 0
        if idle >= 20 and moved < 4:
            server.advance(61)
            moved, idle = moved + 1, 0
        time.sleep(0.1)
    assert ended == set(range(1_000))
    server.reset_clock()


def is_worker(line, server):
    """The first process of a worker is a child of the server."""
    parts = line.split(None, 2)
    return len(parts) == 3 and parts[1] == str(server.process.pid) and "worker-init" in parts[2]


def count(sqs, queue):
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def drained(sqs, queue):
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            yield json.loads(message["Body"])["requestPayload"]["n"]
        sqs.delete_message_batch(QueueUrl=queue, Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)])

"""A server with a data folder that is killed, whose disk fails, and whose state is saved and loaded."""

import concurrent.futures
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudlet import Server

ROUNDS = int(os.environ.get("CLOUDLET_KILLS", "10"))
CALLS = 1_000


def kill(server):
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()


def queue_url(server, name):
    return f"{server.url}/000000000000/{name}"


def clock(server, change):
    assert server.request("POST", "/_cloudlet/clock", json.dumps(change)).status == 200


def check(binary, folder):
    done = subprocess.run([binary, "check", "--data-dir", folder], capture_output=True, text=True)
    return done.returncode, done.stdout


def body(name):
    """What an object of this name holds: some are in their row, some in a file."""
    size = 200_000 if int(hashlib.md5(name.encode()).hexdigest(), 16) % 4 == 0 else 900
    return (name.encode() * size)[:size]


def session_keys(credentials):
    return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]


def bodies_in(folder):
    return [file for _, _, files in os.walk(folder / "bodies") for file in files]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def run(binary, request):
    servers = []

    def run(*arguments, **more):
        servers.append(Server(binary, *arguments, **more))
        return servers[-1]

    yield run
    for server in servers:
        if server.process.poll() is None:
            server.stop()


def test_a_restart_finds_everything(run, folder, binary):
    server = run("--data-dir", folder)
    s3, sqs, sns, iam, sts = (server.client(service) for service in ("s3", "sqs", "sns", "iam", "sts"))
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="small", Body=b"small", Metadata={"a": "b"})
    s3.put_object(Bucket="bucket", Key="large", Body=b"large" * 100_000)
    upload = s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="bucket", Key="parts", UploadId=upload, PartNumber=1, Body=b"part" * 10_000)
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="visible")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=600)
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:queue")
    iam.create_user(UserName="user")
    key = iam.create_access_key(UserName="user")["AccessKey"]
    session = sts.get_session_token()["Credentials"]
    kill(server)

    server = run("--data-dir", folder)
    s3, sqs, sns, iam = (server.client(service) for service in ("s3", "sqs", "sns", "iam"))
    small = s3.get_object(Bucket="bucket", Key="small")
    assert (small["Body"].read(), small["Metadata"]) == (b"small", {"a": "b"})
    assert s3.get_object(Bucket="bucket", Key="large")["Body"].read() == b"large" * 100_000
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="bucket", Key="parts", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket="bucket", Key="parts")["Body"].read() == b"part" * 10_000
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url(server, "queue"), AttributeNames=["All"])["Attributes"]
    assert (attributes["ApproximateNumberOfMessages"], attributes["ApproximateNumberOfMessagesDelayed"]) == ("1", "1")
    assert [item["Protocol"] for item in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]] == ["sqs"]
    assert iam.list_access_keys(UserName="user")["AccessKeyMetadata"][0]["AccessKeyId"] == key["AccessKeyId"]
    for credentials in [(key["AccessKeyId"], key["SecretAccessKey"]), session_keys(session)]:
        assert server.client("sts", *credentials).get_caller_identity()["Account"] == "000000000000"
    last_used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert last_used["ServiceName"] == "sts"
    server.stop()
    assert check(binary, folder) == (0, "format: well\nrows: 12, all readable\nbodies: 2\nThe folder is well.\n")


def test_a_kill_loses_nothing_that_was_acknowledged(run, folder, binary):
    acknowledged = set()
    for number in range(ROUNDS):
        server = run("--data-dir", folder)
        s3, sqs = server.client("s3"), server.client("sqs")
        if number == 0:
            s3.create_bucket(Bucket="bucket")
            sqs.create_queue(QueueName="queue")
        url = queue_url(server, "queue")
        until = random.Random(number).randrange(CALLS // 10, CALLS)
        done = threading.Event()
        lock = threading.Lock()
        round_acknowledged = set()

        def call(index):
            name = f"{number}-{index}"
            if done.is_set():
                return
            try:
                if index % 2:
                    s3.put_object(Bucket="bucket", Key=name, Body=body(name))
                else:
                    sqs.send_message(QueueUrl=url, MessageBody=name)
            except (BotoCoreError, ClientError):
                return
            with lock:
                round_acknowledged.add((index % 2, name))
                if len(round_acknowledged) == until and not done.is_set():
                    done.set()
                    kill(server)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(call, range(CALLS)))
        assert len(round_acknowledged) >= until
        acknowledged |= round_acknowledged

    server = run("--data-dir", folder)
    s3, sqs = server.client("s3"), server.client("sqs")
    listed = {item["Key"]: item["Size"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bucket") for item in page.get("Contents", [])}
    # What was not acknowledged may be there, and is whole.
    for key in listed:
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body(key)
    messages = set()
    while received := sqs.receive_message(QueueUrl=queue_url(server, "queue"), MaxNumberOfMessages=10, VisibilityTimeout=3600).get("Messages"):
        messages |= {message["Body"] for message in received}
    assert {name for is_object, name in acknowledged if is_object} <= listed.keys()
    assert {name for is_object, name in acknowledged if not is_object} <= messages
    assert len(bodies_in(folder)) == sum(size > 16 * 1024 for size in listed.values())
    server.stop()
    code, text = check(binary, folder)
    assert (code, "no row names" in text) == (0, False), text


def test_a_full_disk_stops_the_server_and_loses_nothing(run, folder, binary):
    def limit():
        # As an ignored signal, the limit is an error of the write.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, 2_500_000))

    server = run("--data-dir", folder, before=limit)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    written = []
    with pytest.raises((BotoCoreError, ClientError)):
        for number in range(100_000):
            s3.put_object(Bucket="bucket", Key=f"{number:06}", Body=body("x"))
            written.append(f"{number:06}")
    assert server.process.wait(30) == 1
    assert "the data folder can no longer be written" in "\n".join(server.lines)
    server = run("--data-dir", folder)
    s3 = server.client("s3")
    found = [item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bucket") for item in page["Contents"]]
    assert found[: len(written)] == written and len(found) <= len(written) + 1 and len(written) > 10


def test_a_body_that_cannot_be_written_stops_the_server(run, folder):
    server = run("--data-dir", folder)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="before", Body=b"x" * 100_000)
    shutil.rmtree(folder / "bodies" / "tmp")
    with pytest.raises((BotoCoreError, ClientError)):
        s3.put_object(Bucket="bucket", Key="after", Body=b"x" * 100_000)
    assert server.process.wait(30) == 1
    s3 = run("--data-dir", folder).client("s3")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["before"]


def refusal(binary, *arguments):
    done = subprocess.run([binary, "--port", "0", *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    return done.stdout + done.stderr


def test_a_folder_has_one_server_and_one_key(run, folder, binary, tmp_path):
    server = run("--data-dir", folder)
    server.client("s3").create_bucket(Bucket="plain-name")
    assert "another server has it open" in refusal(binary, "--data-dir", folder)
    server.stop()
    assert b"plain-name" not in (folder / "state.redb").read_bytes()
    assert "it is encrypted" in refusal(binary, "--data-dir", folder, "--encryption", "off")
    key = (folder / "key").read_text()
    (folder / "key").unlink()
    assert "the key file" in refusal(binary, "--data-dir", folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("0" * 64)
    assert "it was written with another key file" in refusal(binary, "--data-dir", folder, "--key-file", elsewhere)
    elsewhere.write_text(key)
    again = run("--data-dir", folder, "--key-file", elsewhere)
    assert [bucket["Name"] for bucket in again.client("s3").list_buckets()["Buckets"]] == ["plain-name"]


def test_without_encryption_rows_can_be_read(run, folder):
    server = run("--data-dir", folder, "--encryption", "off")
    server.client("s3").create_bucket(Bucket="plain-name")
    server.stop()
    assert b"plain-name" in (folder / "state.redb").read_bytes() and not (folder / "key").exists()


def test_a_damaged_folder_is_refused(run, folder, binary):
    server = run("--data-dir", folder)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="large", Body=b"x" * 100_000)
    server.stop()
    state = (folder / "state.redb").read_bytes()
    for position in range(4_096, len(state), len(state) // 16):
        (folder / "state.redb").write_bytes(state[:position] + bytes([state[position] ^ 0xFF]) * 64 + state[position + 64 :])
        code, text = check(binary, folder)
        assert (code == 0) == ("rows: 2, all readable\nbodies: 1\nThe folder is well." in text), text
    (folder / "state.redb").write_bytes(state)
    name = bodies_in(folder)[0]
    path = folder / "bodies" / name[:2] / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert check(binary, folder) == (1, f"format: well\nrows: 2, all readable\nbodies: 1\ndamaged bodies: {name}\nThe folder is damaged.\n")
    path.unlink()
    assert "1 bodies are missing" in refusal(binary, "--data-dir", folder)
    assert f"missing bodies: {name}" in check(binary, folder)[1]
    path.write_bytes(whole)
    (path.parent / (name[:2] + "0" * 30)).write_bytes(b"left over")
    assert "bodies that no row names: 1" in check(binary, folder)[1]
    server = run("--data-dir", folder)
    assert bodies_in(folder) == [name]
    assert server.client("s3").get_object(Bucket="bucket", Key="large")["Body"].read() == b"x" * 100_000


def test_the_clock_outlives_a_restart(run, folder):
    server = run("--data-dir", folder)
    sqs = server.client("sqs")
    sqs.create_queue(QueueName="queue")
    sqs.send_message(QueueUrl=queue_url(server, "queue"), MessageBody="later", DelaySeconds=900)
    clock(server, {"advance": 86_400})
    clock(server, {"run": "stop"})
    now = server.admin("clock")["now"]
    kill(server)
    server = run("--data-dir", folder)
    assert server.admin("clock") == {"now": now, "stopped": True}
    clock(server, {"run": "reset"})
    kill(server)
    server = run("--data-dir", folder)
    assert server.admin("clock")["stopped"] is False
    assert "Messages" not in server.client("sqs").receive_message(QueueUrl=queue_url(server, "queue"))
    clock(server, {"advance": 86_400})
    clock(server, {"run": "stop"})
    now = server.admin("clock")["now"]
    # A reset deletes the state, and the clock goes on; a snapshot brings its clock with it.
    assert server.request("POST", "/_cloudlet/reset").status == 200
    kill(server)
    server = run("--data-dir", folder)
    assert server.admin("clock") == {"now": now, "stopped": True}
    other = run()
    assert other.request("POST", "/_cloudlet/snapshot", server.request("GET", "/_cloudlet/snapshot").body).status == 200
    assert other.admin("clock") == {"now": now, "stopped": True}


def test_ids_of_a_seed_never_repeat(run, folder):
    names = []
    for _ in range(3):
        server = run("--data-dir", folder, "--seed", "7")
        iam = server.client("iam")
        names.append(iam.create_user(UserName=f"user-{len(names)}")["User"]["UserId"])
        kill(server)
    assert len(set(names)) == 3
    fresh = run("--seed", "7").client("iam")
    assert fresh.create_user(UserName="user")["User"]["UserId"] == names[0]


def test_persistence_of_localstack_is_understood(binary, tmp_path):
    # The folder is LocalStack's volume, which this machine need not have: the sentence names it.
    done = subprocess.run(
        [binary, "check"], capture_output=True, text=True, timeout=30, env={**os.environ, "PERSISTENCE": "1"}
    )
    assert "/var/lib/localstack/cloudlet" in done.stdout


def snapshot(binary, server, *arguments):
    return subprocess.run([binary, "snapshot", *arguments, "--endpoint", server.url], capture_output=True, text=True, timeout=60)


@pytest.fixture
def filled(run):
    server = run()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="large", Body=b"x" * 100_000)
    server.client("sqs").create_queue(QueueName="queue")
    return server


@pytest.mark.parametrize("persistent", [False, True], ids=["in memory", "in a folder"])
def test_a_snapshot_brings_everything_back(run, filled, binary, folder, tmp_path, persistent):
    server = filled
    file = tmp_path / "snapshot"
    assert snapshot(binary, server, "save", file).returncode == 0
    arguments = ["--data-dir", folder] if persistent else []
    other = run(*arguments)
    s3 = other.client("s3")
    s3.create_bucket(Bucket="gone-after-the-load")
    s3.put_object(Bucket="gone-after-the-load", Key="large", Body=b"y" * 100_000)
    done = snapshot(binary, other, "load", file)
    assert (done.returncode, done.stdout) == (0, "3 rows and 1 bodies were loaded.\n"), done.stderr
    if persistent:
        assert len(bodies_in(folder)) == 1
        kill(other)
        other = run(*arguments)
        s3 = other.client("s3")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["bucket"]
    assert s3.get_object(Bucket="bucket", Key="large")["Body"].read() == b"x" * 100_000
    assert other.client("sqs").list_queues()["QueueUrls"] == [queue_url(other, "queue")]
    # The same file again, at the start of a server.
    third = run("--load", file).client("s3")
    assert third.get_object(Bucket="bucket", Key="large")["Body"].read() == b"x" * 100_000


def test_a_snapshot_that_is_no_whole_one_changes_nothing(run, filled, binary, tmp_path):
    server = filled
    file = tmp_path / "snapshot"
    assert snapshot(binary, server, "save", file).returncode == 0
    whole = file.read_bytes()
    for damaged, sentence in [
        (b"PK\x03\x04", "it is no snapshot of Cloudlet"),
        (whole[:-1], "the snapshot ends before its end"),
        (whole[:5_000] + b"!" + whole[5_001:], "the snapshot is damaged"),
        (whole.replace(b":2", b":3", 1), "the snapshot has format 3"),
    ]:
        file.write_bytes(damaged)
        done = snapshot(binary, server, "load", file)
        assert (done.returncode, sentence in done.stderr) == (1, True), done.stderr
        assert sentence in refusal(binary, "--load", file)
    assert server.client("s3").get_object(Bucket="bucket", Key="large")["Body"].read() == b"x" * 100_000


def test_one_account_is_saved_loaded_and_reset(run, binary, tmp_path):
    server = run()
    account = "111111111111"

    def client(service):
        return server.client(service, key=account)

    def names():
        """What each account has: queues, buckets, users."""
        return [
            (
                [url.rsplit("/", 1)[1] for url in server.client("sqs", key=key).list_queues().get("QueueUrls", [])],
                [bucket["Name"] for bucket in server.client("s3", key=key).list_buckets()["Buckets"]],
                [user["UserName"] for user in server.client("iam", key=key).list_users()["Users"]],
            )
            for key in ("test", account)
        ]

    for key, name in [("test", "mine"), (account, "theirs")]:
        server.client("sqs", key=key).create_queue(QueueName=name)
        server.client("s3", key=key).create_bucket(Bucket=name)
        server.client("s3", key=key).put_object(Bucket=name, Key="large", Body=b"x" * 50_000)
        server.client("iam", key=key).create_user(UserName=name)
    before = names()
    file = tmp_path / "snapshot"
    assert snapshot(binary, server, "save", file, "--account", account).returncode == 0
    assert b"mine" not in file.read_bytes() and b"theirs" in file.read_bytes()
    client("sqs").create_queue(QueueName="theirs-too")
    client("s3").delete_object(Bucket="theirs", Key="large")
    client("iam").delete_user(UserName="theirs")
    assert snapshot(binary, server, "load", file).returncode == 0
    assert names() == before
    assert client("s3").get_object(Bucket="theirs", Key="large")["Body"].read() == b"x" * 50_000
    assert server.client("s3").get_object(Bucket="mine", Key="large")["Body"].read() == b"x" * 50_000
    assert server.request("POST", f"/_cloudlet/reset?account={account}").status == 200
    assert names() == [before[0], ([], [], [])]
    assert "12 digits" in snapshot(binary, server, "save", file, "--account", "1").stderr
    assert server.request("POST", "/_cloudlet/reset?account=1").status == 400
    assert server.request("POST", "/_cloudlet/reset").status == 200
    assert names() == [([], [], [])] * 2

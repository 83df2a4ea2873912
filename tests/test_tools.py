"""Other people's tools, unmodified: curl, rclone, s3cmd, s5cmd, s3fs. Each test is skipped where its tool is not installed."""

import os
import shutil
import subprocess
import sys

import pytest
from cloudlet import REGION, clean_environment

MIB = 1 << 20


def program(name):
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def run(command, home, **environment):
    done = subprocess.run(command, env=clean_environment() | {"HOME": str(home)} | environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


# ---- curl


@pytest.fixture
def curl(server, tmp_path):
    command = [program("curl"), "--silent", "--show-error", "--fail-with-body", "--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", "test:test", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    return lambda path, *arguments: run([*command, *arguments, f"{server.url}/{path}"], tmp_path)


def test_curl_signs(curl, s3, bucket, tmp_path):
    (tmp_path / "up").write_bytes(b"from curl")
    digest = "7d5d3b3d8f3cbb6c0c8bdbb2b3d9a1d5"
    curl(f"{bucket}/a-b/c.txt", "--upload-file", str(tmp_path / "up"), "-H", f"x-amz-meta-digest: {digest}")
    assert s3.head_object(Bucket=bucket, Key="a-b/c.txt")["Metadata"] == {"digest": digest}
    assert curl(f"{bucket}/a-b/c.txt") == "from curl"
    assert curl(f"{bucket}/a-b/c.txt", "--range", "5-8") == "curl"
    assert "<Key>a-b/c.txt</Key>" in curl(f"{bucket}?list-type=2&prefix=a-b%2F")
    curl(f"{bucket}/a-b/c.txt", "--request", "DELETE")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_curl_with_another_secret_is_refused(server, bucket, tmp_path):
    done = subprocess.run(
        [program("curl"), "--silent", "--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", "test:wrong", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", f"{server.url}/{bucket}"],
        capture_output=True,
        text=True,
    )
    assert "<Code>SignatureDoesNotMatch</Code>" in done.stdout


# ---- rclone


@pytest.fixture
def rclone(server, tmp_path):
    remote = {
        "TYPE": "s3", "PROVIDER": "Other", "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": REGION, "ENDPOINT": server.url,
        "FORCE_PATH_STYLE": "true", "CHUNK_SIZE": "5Mi", "UPLOAD_CUTOFF": "5Mi",
    }
    environment = {f"RCLONE_CONFIG_AWS_{name}": value for name, value in remote.items()} | {"RCLONE_CONFIG": str(tmp_path / "none.conf")}
    return lambda *arguments: run([program("rclone"), *arguments], tmp_path, **environment)


def folder(path):
    """Small files, strange names, and one of several parts."""
    files = {"a.txt": b"a", "empty": b"", "b b/ü+&.txt": b"special", "deep/er/c": b"c" * 1000, "large": os.urandom(12 * MIB)}
    for name, body in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(body)
    return files


def contents(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_rclone_syncs_both_ways_and_checks(rclone, s3, bucket, tmp_path):
    (tmp_path / "up").mkdir()
    files = folder(tmp_path / "up")
    rclone("sync", str(tmp_path / "up"), f"aws:{bucket}/x")
    assert sorted(item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]) == sorted(f"x/{name}" for name in files)
    rclone("check", str(tmp_path / "up"), f"aws:{bucket}/x")
    rclone("sync", f"aws:{bucket}/x", str(tmp_path / "down"))
    assert contents(tmp_path / "down") == files
    rclone("copy", f"aws:{bucket}/x/large", f"aws:{bucket}/y")
    assert s3.head_object(Bucket=bucket, Key="y/large")["ContentLength"] == 12 * MIB
    (tmp_path / "up" / "a.txt").unlink()
    rclone("sync", str(tmp_path / "up"), f"aws:{bucket}/x")
    assert "x/a.txt" not in [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    rclone("moveto", f"aws:{bucket}/x/empty", f"aws:{bucket}/moved")
    assert "moved" in rclone("lsf", f"aws:{bucket}").split()
    rclone("purge", f"aws:{bucket}")
    assert bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


# ---- s3cmd


@pytest.fixture
def s3cmd(server, tmp_path):
    settings = {
        "access_key": "test", "secret_key": "test", "host_base": server.address, "host_bucket": server.address, "use_https": "False",
        "bucket_location": REGION, "signature_v2": "False", "multipart_chunk_size_mb": "5",
    }
    (tmp_path / "s3cfg").write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    return lambda *arguments: run([program("s3cmd"), "--config", str(tmp_path / "s3cfg"), "--no-progress", *arguments], tmp_path)


def test_s3cmd_makes_fills_and_empties_a_bucket(s3cmd, s3, tmp_path):
    (tmp_path / "up").mkdir()
    files = folder(tmp_path / "up")
    s3cmd("mb", "s3://of-s3cmd")
    s3cmd("sync", f"{tmp_path}/up/", "s3://of-s3cmd/x/")
    assert sorted(item["Key"] for item in s3.list_objects_v2(Bucket="of-s3cmd")["Contents"]) == sorted(f"x/{name}" for name in files)
    (tmp_path / "down").mkdir()
    s3cmd("sync", "s3://of-s3cmd/x/", f"{tmp_path}/down/")
    assert contents(tmp_path / "down") == files
    s3cmd("cp", "s3://of-s3cmd/x/a.txt", "s3://of-s3cmd/copy")
    s3cmd("mv", "s3://of-s3cmd/copy", "s3://of-s3cmd/moved")
    assert "s3://of-s3cmd/moved" in s3cmd("ls", "s3://of-s3cmd")
    assert "File size: 1" in s3cmd("info", "s3://of-s3cmd/moved")
    s3cmd("ws-create", "--ws-index", "start.html", "s3://of-s3cmd")
    assert s3.get_bucket_website(Bucket="of-s3cmd")["IndexDocument"] == {"Suffix": "start.html"}
    s3cmd("del", "--recursive", "--force", "s3://of-s3cmd")
    s3cmd("rb", "s3://of-s3cmd")
    assert "of-s3cmd" not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


# ---- s5cmd


def test_s5cmd_copies_moves_and_empties(server, s3, tmp_path):
    tool = shutil.which("s5cmd", path=os.path.dirname(sys.executable)) or program("s5cmd")
    environment = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
    s5cmd = lambda *arguments: run([tool, "--endpoint-url", server.url, *arguments], tmp_path, **environment)
    (tmp_path / "up").mkdir()
    files = folder(tmp_path / "up")
    s5cmd("mb", "s3://of-s5cmd")
    s5cmd("cp", "--part-size", "5", f"{tmp_path}/up/", "s3://of-s5cmd/x/")
    assert sorted(item["Key"] for item in s3.list_objects_v2(Bucket="of-s5cmd")["Contents"]) == sorted(f"x/{name}" for name in files)
    s5cmd("sync", "s3://of-s5cmd/x/*", f"{tmp_path}/down/")
    assert contents(tmp_path / "down") == files
    s5cmd("mv", "s3://of-s5cmd/x/a.txt", "s3://of-s5cmd/moved")
    assert s5cmd("cat", "s3://of-s5cmd/moved") == "a"
    s5cmd("rm", "s3://of-s5cmd/*")
    s5cmd("rb", "s3://of-s5cmd")
    assert "of-s5cmd" not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


# ---- s3fs


@pytest.fixture
def mounted(server, bucket, tmp_path):
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK):
        pytest.skip("only root may mount here, and only with /dev/fuse")
    (tmp_path / "keys").write_text("test:test")
    (tmp_path / "keys").chmod(0o600)
    (tmp_path / "mounted").mkdir()
    options = f"passwd_file={tmp_path / 'keys'},url={server.url},endpoint={REGION},use_path_request_style"
    # It goes into the background once the bucket is there.
    done = subprocess.run([program("s3fs"), bucket, str(tmp_path / "mounted"), "-o", options], env=clean_environment(), capture_output=True, text=True, timeout=60)
    if done.returncode != 0 and "fuse" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    yield tmp_path / "mounted"
    subprocess.run(["umount", "--lazy", str(tmp_path / "mounted")], check=True)


def test_a_mounted_bucket_is_a_folder(mounted, s3, bucket):
    files = folder(mounted)
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert set(files) <= set(keys)
    s3.put_object(Bucket=bucket, Key="from-elsewhere", Body=b"seen")
    assert (mounted / "from-elsewhere").read_bytes() == b"seen"
    (mounted / "a.txt").rename(mounted / "deep" / "a.txt")
    assert s3.get_object(Bucket=bucket, Key="deep/a.txt")["Body"].read() == b"a"
    (mounted / "large").unlink()
    assert contents(mounted).keys() == {"b b/ü+&.txt", "deep/a.txt", "deep/er/c", "empty", "from-elsewhere"}

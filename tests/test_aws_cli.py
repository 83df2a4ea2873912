"""aws-cli, version 1 and version 2."""

import json


def test_get_caller_identity(aws):
    assert aws.json("sts", "get-caller-identity")["Arn"] == "arn:aws:iam::000000000000:root"


def test_files_go_into_a_bucket_and_back(aws, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "one.txt").write_text("one")
    (tmp_path / "here" / "two words.txt").write_text("two")
    aws("s3", "mb", "s3://cli-bucket")
    try:
        aws("s3", "sync", str(tmp_path / "here"), "s3://cli-bucket/deep/er/")
        listed = aws("s3", "ls", "--recursive", "s3://cli-bucket")
        assert "deep/er/one.txt" in listed and "deep/er/two words.txt" in listed
        aws("s3", "cp", "s3://cli-bucket/deep/er/two words.txt", "s3://cli-bucket/copy.txt")
        aws("s3", "mv", "s3://cli-bucket/copy.txt", str(tmp_path / "back.txt"))
        assert (tmp_path / "back.txt").read_text() == "two"
        assert "copy.txt" not in aws("s3", "ls", "s3://cli-bucket")
        aws("s3", "rm", "--recursive", "--exclude", "*/one.txt", "s3://cli-bucket/deep")
        listed = aws("s3", "ls", "--recursive", "s3://cli-bucket")
        assert "deep/er/one.txt" in listed and "two words" not in listed
        (tmp_path / "here" / "one.txt").unlink()
        aws("s3", "sync", "--delete", str(tmp_path / "here"), "s3://cli-bucket/deep/er/")
        listed = aws("s3", "ls", "--recursive", "s3://cli-bucket")
        assert "deep/er/one.txt" not in listed and "deep/er/two words.txt" in listed
    finally:
        aws("s3", "rb", "--force", "s3://cli-bucket")


def test_a_large_file_goes_in_parts(aws, tmp_path):
    (tmp_path / "large").write_bytes(bytes(range(256)) * 4096 * 20)
    aws("s3", "mb", "s3://cli-large")
    try:
        aws("s3", "cp", str(tmp_path / "large"), "s3://cli-large/large")
        assert aws.json("s3api", "head-object", "--bucket", "cli-large", "--key", "large")["ETag"].endswith('-3"')
        aws("s3", "cp", "s3://cli-large/large", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == (tmp_path / "large").read_bytes()
    finally:
        aws("s3", "rb", "--force", "s3://cli-large")


def test_a_stream_goes_into_an_object_and_out(aws):
    aws("s3", "mb", "s3://cli-stream")
    try:
        aws("s3", "cp", "-", "s3://cli-stream/piped", input="from a pipe")
        assert aws("s3", "cp", "s3://cli-stream/piped", "-") == "from a pipe"
    finally:
        aws("s3", "rb", "--force", "s3://cli-stream")


def test_objects_by_their_api(aws, tmp_path):
    (tmp_path / "file").write_text("body")
    aws("s3api", "create-bucket", "--bucket", "cli-api")
    put = ["--bucket", "cli-api", "--key", "key", "--body", str(tmp_path / "file"), "--metadata", "a=1", "--checksum-algorithm", "SHA256"]
    assert "ChecksumSHA256" in aws.json("s3api", "put-object", *put)
    assert aws.json("s3api", "head-object", "--bucket", "cli-api", "--key", "key")["Metadata"] == {"a": "1"}
    got = aws.json("s3api", "get-object", "--bucket", "cli-api", "--key", "key", "--range", "bytes=1-2", str(tmp_path / "part"))
    assert (got["ContentLength"], (tmp_path / "part").read_text()) == (2, "od")
    aws("s3", "rb", "--force", "s3://cli-api")


def test_a_presigned_url(aws, server):
    aws("s3", "mb", "s3://cli-presign")
    aws("s3", "cp", "-", "s3://cli-presign/key", input="body")
    url = aws("s3", "presign", "s3://cli-presign/key").strip()
    assert server.request("GET", url.removeprefix(server.url)).body == b"body"
    aws("s3", "rb", "--force", "s3://cli-presign")


def test_messages(aws):
    url = aws.json("sqs", "create-queue", "--queue-name", f"cli-queue-{aws.version}")["QueueUrl"]
    attributes = json.dumps({"kind": {"DataType": "String", "StringValue": "test"}})
    aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello", "--message-attributes", attributes)
    message = aws.json("sqs", "receive-message", "--queue-url", url, "--message-attribute-names", "All")["Messages"][0]
    assert (message["Body"], message["MessageAttributes"]["kind"]["StringValue"]) == ("hello", "test")
    aws("sqs", "delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])
    assert url in aws.json("sqs", "list-queues")["QueueUrls"]
    aws("sqs", "delete-queue", "--queue-url", url)


def test_a_refusal_is_reported(aws):
    done = aws.run("sts", "get-caller-identity", AWS_SECRET_ACCESS_KEY="wrong")
    assert done.returncode not in (0, None)
    assert "SignatureDoesNotMatch" in done.stderr


def test_an_operation_that_is_not_implemented(aws):
    done = aws.run("firehose", "list-delivery-streams", AWS_MAX_ATTEMPTS="1")
    assert done.returncode != 0
    assert "NotImplemented" in done.stderr and "ListDeliveryStreams" in done.stderr

"""S3 objects: put, get, head, copy, delete, ranges, conditions."""

import hashlib
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError


def code(refused):
    return refused.value.response["Error"]["Code"]


def status(refused):
    return refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_object_comes_back_as_it_was_put(s3, bucket):
    put = s3.put_object(
        Bucket=bucket,
        Key="note.txt",
        Body=b"Dear all",
        ContentType="text/plain; charset=utf-8",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="note.txt"',
        ContentLanguage="en",
        Metadata={"mood": "good", "number": "7"},
    )
    assert put["ETag"] == f'"{hashlib.md5(b"Dear all").hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="note.txt")
    assert got["Body"].read() == b"Dear all"
    assert got["ETag"] == put["ETag"]
    assert got["ContentType"] == "text/plain; charset=utf-8"
    assert got["CacheControl"] == "max-age=60"
    assert got["ContentDisposition"] == 'attachment; filename="note.txt"'
    assert got["ContentLanguage"] == "en"
    assert got["Metadata"] == {"mood": "good", "number": "7"}
    assert got["AcceptRanges"] == "bytes"
    assert abs(got["LastModified"] - datetime.now(timezone.utc)) < timedelta(minutes=5)


def test_head_answers_the_headers_of_get(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"12345")
    head = s3.head_object(Bucket=bucket, Key="key")
    assert (head["ContentLength"], head["ContentType"]) == (5, "binary/octet-stream")


def test_the_error_for_a_missing_object_names_its_key(s3, bucket):
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=bucket, Key="not/here")
    assert (code(refused), status(refused)) == ("NoSuchKey", 404)
    assert refused.value.response["Error"]["Key"] == "not/here"
    with pytest.raises(ClientError) as refused:
        s3.head_object(Bucket=bucket, Key="not/here")
    assert (code(refused), status(refused)) == ("404", 404)


def test_an_object_is_overwritten(s3, bucket):
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="key", Body=body)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"two"


def test_an_empty_object_can_be_stored(s3, bucket):
    s3.put_object(Bucket=bucket, Key="nothing", Body=b"")
    got = s3.get_object(Bucket=bucket, Key="nothing")
    assert (got["ContentLength"], got["Body"].read()) == (0, b"")


@pytest.mark.parametrize(
    "range, body, content_range",
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_of_an_object_is_answered(s3, bucket, range, body, content_range):
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="digits", Range=range)
    assert (got["Body"].read(), got["ContentRange"]) == (body, content_range)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_past_the_end_cannot_be_satisfied(s3, bucket):
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=bucket, Key="digits", Range="bytes=10-")
    assert (code(refused), status(refused)) == ("InvalidRange", 416)
    assert refused.value.response["Error"]["ActualObjectSize"] == "10"


@pytest.mark.parametrize("range", ["bytes=5-2", "lines=1-2", "bytes=a-b"])
def test_an_invalid_range_is_ignored(s3, bucket, range):
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="digits", Range=range)
    assert (got["Body"].read(), got["ResponseMetadata"]["HTTPStatusCode"]) == (b"0123456789", 200)


def test_conditional_reads(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"body")["ETag"]
    hour = timedelta(hours=1)
    now = datetime.now(timezone.utc)
    assert s3.get_object(Bucket=bucket, Key="key", IfMatch=etag)["Body"].read() == b"body"
    assert s3.get_object(Bucket=bucket, Key="key", IfNoneMatch='"other"')["Body"].read() == b"body"
    assert s3.get_object(Bucket=bucket, Key="key", IfModifiedSince=now - hour)["Body"].read() == b"body"
    for condition, expected in [
        ({"IfMatch": '"other"'}, ("PreconditionFailed", 412)),
        ({"IfUnmodifiedSince": now - hour}, ("PreconditionFailed", 412)),
        ({"IfNoneMatch": etag}, ("304", 304)),
        ({"IfModifiedSince": now}, ("304", 304)),
    ]:
        with pytest.raises(ClientError) as refused:
            s3.get_object(Bucket=bucket, Key="key", **condition)
        assert (code(refused), status(refused)) == expected


def test_conditional_writes(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"one", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="key", Body=b"two", IfNoneMatch="*")
    assert (code(refused), status(refused)) == ("PreconditionFailed", 412)
    s3.put_object(Bucket=bucket, Key="key", Body=b"three", IfMatch=etag)
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="key", Body=b"four", IfMatch=etag)
    assert status(refused) == 412
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"three"


def test_a_read_can_override_response_headers(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    got = s3.get_object(Bucket=bucket, Key="key", ResponseContentType="text/csv", ResponseContentDisposition="inline")
    assert (got["ContentType"], got["ContentDisposition"]) == ("text/csv", "inline")


def test_a_copy_keeps_body_and_metadata(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from", Body=b"body", ContentType="text/plain", Metadata={"a": "1"})
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from"})
    got = s3.get_object(Bucket=bucket, Key="to")
    assert got["Body"].read() == b"body"
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"a": "1"})
    assert copied["CopyObjectResult"]["ETag"] == got["ETag"]


def test_a_copy_can_replace_the_metadata(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from", Body=b"body", Metadata={"a": "1"})
    s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from", MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"b": "2"}


def test_a_copy_onto_itself_must_change_something(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=bucket, Key="key", CopySource=f"{bucket}/key")
    assert (code(refused), status(refused)) == ("InvalidRequest", 400)


def test_a_copy_of_a_missing_object_is_refused(s3, bucket):
    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/missing")
    assert (code(refused), status(refused)) == ("NoSuchKey", 404)


def test_a_copy_from_a_key_with_special_characters(s3, bucket):
    key = "a b+c/ü%2F?.txt"
    s3.put_object(Bucket=bucket, Key=key, Body=b"body")
    s3.copy_object(Bucket=bucket, Key="plain", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="plain")["Body"].read() == b"body"


def test_deleting_a_missing_object_succeeds(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key")
    for _ in range(2):
        assert s3.delete_object(Bucket=bucket, Key="key")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_many_objects_are_deleted_at_once(s3, bucket):
    for key in ("a", "b & c", "d"):
        s3.put_object(Bucket=bucket, Key=key)
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b & c"}, {"Key": "never was"}]})
    assert sorted(deleted["Key"] for deleted in done["Deleted"]) == ["a", "b & c", "never was"]
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["d"]


def test_deleting_many_can_be_quiet(s3, bucket):
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}], "Quiet": True})
    assert "Deleted" not in done


def test_a_body_with_a_wrong_md5_is_not_stored(s3, bucket):
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="key", Body=b"body", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert (code(refused), status(refused)) == ("BadDigest", 400)
    with pytest.raises(ClientError) as refused:
        s3.head_object(Bucket=bucket, Key="key")
    assert status(refused) == 404


def test_metadata_past_two_kilobytes_is_refused(s3, bucket):
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="key", Metadata={"large": "x" * 2048})
    assert (code(refused), status(refused)) == ("MetadataTooLarge", 400)


def test_a_large_object_streams_in_and_out(s3, bucket):
    piece = bytes(range(256)) * 4096
    s3.put_object(Bucket=bucket, Key="large", Body=piece * 24)
    whole = hashlib.sha256()
    for chunk in s3.get_object(Bucket=bucket, Key="large")["Body"].iter_chunks(1 << 20):
        whole.update(chunk)
    assert whole.digest() == hashlib.sha256(piece * 24).digest()


def test_every_answer_has_both_request_ids(s3, bucket):
    answer = s3.put_object(Bucket=bucket, Key="key")["ResponseMetadata"]
    assert answer["RequestId"] and answer["HostId"]


def test_get_object_attributes_requires_the_names_of_attributes(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    for headers in ({}, {"x-amz-object-attributes": ","}):
        answer = server.signed("GET", f"/{bucket}/key?attributes", headers=headers)
        assert (answer.status, "<Code>InvalidRequest</Code>" in answer.text) == (400, True)
        assert "x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty" in answer.text

"""Multipart uploads."""

import hashlib
from threading import Thread

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1 << 20


def code(refused):
    return refused.value.response["Error"]["Code"]


def upload(s3, bucket, key, *parts, **headers):
    """Uploads the parts and completes them."""
    id = s3.create_multipart_upload(Bucket=bucket, Key=key, **headers)["UploadId"]
    done = []
    for number, body in enumerate(parts, 1):
        part = s3.upload_part(Bucket=bucket, Key=key, UploadId=id, PartNumber=number, Body=body)
        done.append({"PartNumber": number, "ETag": part["ETag"]})
    return s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=id, MultipartUpload={"Parts": done})


def test_parts_become_one_object(s3, bucket):
    parts = [b"a" * 5 * MIB, b"b" * 5 * MIB, b"the end"]
    done = upload(s3, bucket, "whole", *parts, ContentType="text/plain", Metadata={"a": "1"})
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="whole")
    assert got["Body"].read() == b"".join(parts)
    assert (got["ContentType"], got["Metadata"], got["ETag"]) == ("text/plain", {"a": "1"}, done["ETag"])


def test_a_part_of_an_object_is_read_by_its_number(s3, bucket):
    upload(s3, bucket, "whole", b"a" * 5 * MIB, b"second")
    part = s3.get_object(Bucket=bucket, Key="whole", PartNumber=2)
    assert (part["Body"].read(), part["PartsCount"], part["ContentRange"]) == (b"second", 2, f"bytes {5 * MIB}-{5 * MIB + 5}/{5 * MIB + 6}")


def test_a_range_can_span_parts(s3, bucket):
    upload(s3, bucket, "whole", b"a" * 5 * MIB, b"second")
    assert s3.get_object(Bucket=bucket, Key="whole", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")["Body"].read() == b"aase"


def test_the_object_does_not_exist_before_the_upload_is_complete(s3, bucket):
    id = s3.create_multipart_upload(Bucket=bucket, Key="whole")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="whole", UploadId=id, PartNumber=7, Body=b"part")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert [found["UploadId"] for found in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [id]
    parts = s3.list_parts(Bucket=bucket, Key="whole", UploadId=id)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(7, 4)]


def test_an_aborted_upload_does_not_exist(s3, bucket):
    id = s3.create_multipart_upload(Bucket=bucket, Key="whole")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="whole", UploadId=id)
    with pytest.raises(ClientError) as refused:
        s3.upload_part(Bucket=bucket, Key="whole", UploadId=id, PartNumber=1, Body=b"part")
    assert code(refused) == "NoSuchUpload"


def test_all_parts_but_the_last_have_a_minimum_size(s3, bucket):
    with pytest.raises(ClientError) as refused:
        upload(s3, bucket, "whole", b"too small", b"the end")
    assert code(refused) == "EntityTooSmall"


def test_a_part_that_was_not_uploaded_cannot_be_completed(s3, bucket):
    id = s3.create_multipart_upload(Bucket=bucket, Key="whole")["UploadId"]
    etag = s3.upload_part(Bucket=bucket, Key="whole", UploadId=id, PartNumber=1, Body=b"part")["ETag"]
    for parts in ([{"PartNumber": 2, "ETag": etag}], [{"PartNumber": 1, "ETag": '"0123"'}]):
        with pytest.raises(ClientError) as refused:
            s3.complete_multipart_upload(Bucket=bucket, Key="whole", UploadId=id, MultipartUpload={"Parts": parts})
        assert code(refused) == "InvalidPart"


def test_parts_must_be_completed_in_order(s3, bucket):
    id = s3.create_multipart_upload(Bucket=bucket, Key="whole")["UploadId"]
    etags = {number: s3.upload_part(Bucket=bucket, Key="whole", UploadId=id, PartNumber=number, Body=b"x" * 5 * MIB)["ETag"] for number in (1, 2)}
    parts = [{"PartNumber": number, "ETag": etags[number]} for number in (2, 1)]
    with pytest.raises(ClientError) as refused:
        s3.complete_multipart_upload(Bucket=bucket, Key="whole", UploadId=id, MultipartUpload={"Parts": parts})
    assert code(refused) == "InvalidPartOrder"


@pytest.mark.parametrize("number", [0, 10001])
def test_part_numbers_have_limits(server, bucket, s3, number):
    id = s3.create_multipart_upload(Bucket=bucket, Key="whole")["UploadId"]
    answer = server.signed("PUT", f"/{bucket}/whole?partNumber={number}&uploadId={id}", body=b"part")
    assert (answer.status, "<Code>InvalidArgument</Code>" in answer.text) == (400, True)


def test_a_part_is_copied_from_a_range_of_an_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from", Body=b"0123456789")
    id = s3.create_multipart_upload(Bucket=bucket, Key="to")["UploadId"]
    part = s3.upload_part_copy(Bucket=bucket, Key="to", UploadId=id, PartNumber=1, CopySource=f"{bucket}/from", CopySourceRange="bytes=2-5")
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(Bucket=bucket, Key="to", UploadId=id, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == b"2345"


def test_boto3_uploads_and_downloads_a_file_in_parts(s3, bucket, tmp_path):
    (tmp_path / "up").write_bytes(bytes(range(256)) * 4096 * 20)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_file(str(tmp_path / "up"), bucket, "file", Config=config)
    s3.download_file(bucket, "file", str(tmp_path / "down"), Config=config)
    assert (tmp_path / "down").read_bytes() == (tmp_path / "up").read_bytes()
    assert s3.head_object(Bucket=bucket, Key="file")["ETag"].endswith('-4"')


def test_parts_can_be_uploaded_concurrently_in_any_order(s3, bucket):
    id = s3.create_multipart_upload(Bucket=bucket, Key="whole")["UploadId"]
    etags = {}

    def send(number):
        body = bytes([number]) * (5 * MIB if number < 4 else 3)
        etags[number] = s3.upload_part(Bucket=bucket, Key="whole", UploadId=id, PartNumber=number, Body=body)["ETag"]

    threads = [Thread(target=send, args=(number,)) for number in (4, 2, 3, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = [{"PartNumber": number, "ETag": etags[number]} for number in (1, 2, 3, 4)]
    s3.complete_multipart_upload(Bucket=bucket, Key="whole", UploadId=id, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=bucket, Key="whole")["ContentLength"] == 15 * MIB + 3

"""Checksums: verified in requests and answered, for every algorithm."""

import base64
import hashlib
import zlib

import pytest
import xxhash
from awscrt import checksums
from botocore.exceptions import ClientError

MIB = 1 << 20


def base(number, size):
    return base64.b64encode(number.to_bytes(size, "big")).decode()


def of(digest):
    return base64.b64encode(digest).decode()


ALGORITHMS = {
    "CRC32": lambda body: base(zlib.crc32(body), 4),
    "CRC32C": lambda body: base(checksums.crc32c(body), 4),
    "CRC64NVME": lambda body: base(checksums.crc64nvme(body), 8),
    "SHA1": lambda body: of(hashlib.sha1(body).digest()),
    "SHA256": lambda body: of(hashlib.sha256(body).digest()),
    "SHA512": lambda body: of(hashlib.sha512(body).digest()),
    "MD5": lambda body: of(hashlib.md5(body).digest()),
    "XXHASH64": lambda body: of(xxhash.xxh64(body).digest()),
    "XXHASH3": lambda body: of(xxhash.xxh3_64(body).digest()),
    "XXHASH128": lambda body: of(xxhash.xxh3_128(body).digest()),
}

every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


@every_algorithm
def test_a_correct_checksum_is_stored_and_answered(s3, bucket, algorithm):
    checksum = ALGORITHMS[algorithm](b"body")
    put = s3.put_object(Bucket=bucket, Key="key", Body=b"body", **{f"Checksum{algorithm}": checksum})
    assert put[f"Checksum{algorithm}"] == checksum
    got = s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got[f"Checksum{algorithm}"], got["ChecksumType"]) == (b"body", checksum, "FULL_OBJECT")
    assert f"Checksum{algorithm}" in s3.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert f"Checksum{algorithm}" not in s3.head_object(Bucket=bucket, Key="key")
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ChecksumAlgorithm"] == [algorithm]


@every_algorithm
def test_a_wrong_checksum_is_refused_and_nothing_is_stored(s3, bucket, algorithm):
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="key", Body=b"body", **{f"Checksum{algorithm}": ALGORITHMS[algorithm](b"another")})
    assert refused.value.response["Error"]["Code"] == "BadDigest"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@every_algorithm
def test_a_checksum_of_a_wrong_length_is_refused(server, bucket, algorithm):
    answer = server.signed("PUT", f"/{bucket}/key", body=b"body", headers={f"x-amz-checksum-{algorithm.lower()}": "AAA="})
    assert (answer.status, "<Code>InvalidRequest</Code>" in answer.text) == (400, True)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_boto3_computes_the_requested_algorithm(s3, bucket, algorithm):
    put = s3.put_object(Bucket=bucket, Key="key", Body=b"body", ChecksumAlgorithm=algorithm)
    assert put[f"Checksum{algorithm}"] == ALGORITHMS[algorithm](b"body")


def test_an_object_without_a_checksum_gets_crc64nvme(server, s3, bucket):
    assert server.signed("PUT", f"/{bucket}/key", body=b"body").headers["x-amz-checksum-crc64nvme"] == ALGORITHMS["CRC64NVME"](b"body")
    assert s3.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == ALGORITHMS["CRC64NVME"](b"body")


def test_two_checksums_are_refused(server, bucket):
    both = {f"x-amz-checksum-{name.lower()}": ALGORITHMS[name](b"body") for name in ("CRC32", "SHA256")}
    answer = server.signed("PUT", f"/{bucket}/key", body=b"body", headers=both)
    assert (answer.status, "<Code>InvalidRequest</Code>" in answer.text) == (400, True)


def parts(s3, bucket, algorithm, kind, *bodies):
    id = s3.create_multipart_upload(Bucket=bucket, Key="key", ChecksumAlgorithm=algorithm, ChecksumType=kind)["UploadId"]
    done = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(Bucket=bucket, Key="key", UploadId=id, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        done.append({"PartNumber": number, "ETag": part["ETag"], f"Checksum{algorithm}": part[f"Checksum{algorithm}"]})
    return s3.complete_multipart_upload(Bucket=bucket, Key="key", UploadId=id, MultipartUpload={"Parts": done}), done


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_a_multipart_object_can_have_a_full_object_checksum(s3, bucket, algorithm):
    bodies = [b"a" * 5 * MIB, b"the end"]
    done, _ = parts(s3, bucket, algorithm, "FULL_OBJECT", *bodies)
    assert done[f"Checksum{algorithm}"] == ALGORITHMS[algorithm](b"".join(bodies))
    assert done["ChecksumType"] == "FULL_OBJECT"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_multipart_object_can_have_a_composite_checksum(s3, bucket, algorithm):
    done, each = parts(s3, bucket, algorithm, "COMPOSITE", b"a" * 5 * MIB, b"the end")
    together = b"".join(base64.b64decode(part[f"Checksum{algorithm}"]) for part in each)
    assert done[f"Checksum{algorithm}"] == f"{ALGORITHMS[algorithm](together)}-2"
    assert done["ChecksumType"] == "COMPOSITE"


def test_get_object_attributes_answers_the_checksum(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"body", ChecksumAlgorithm="SHA256")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=["Checksum", "ObjectSize", "ETag"])
    assert attributes["Checksum"]["ChecksumSHA256"] == ALGORITHMS["SHA256"](b"body")
    assert (attributes["ObjectSize"], attributes["ETag"]) == (4, hashlib.md5(b"body").hexdigest())

"""aws-chunked uploads: signed, unsigned, with trailers, and corrupted."""

import zlib

import pytest
from chunks import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, upload
from test_checksums import ALGORITHMS, base

PIECES = [b"a" * 8192, b"b" * 8192, b"the end"]
WHOLE = b"".join(PIECES)
CRC32 = ("x-amz-checksum-crc32", base(zlib.crc32(WHOLE), 4))


def stored(s3, bucket):
    return s3.get_object(Bucket=bucket, Key="key")["Body"].read()


def refusal(answer):
    return answer.status, answer.text.split("<Code>")[1].split("</Code>")[0]


@pytest.mark.parametrize("payload, trailer", [(SIGNED, None), (SIGNED_TRAILER, CRC32), (UNSIGNED_TRAILER, CRC32), (UNSIGNED_TRAILER, None)])
def test_a_chunked_body_is_stored_without_its_chunks(server, s3, bucket, payload, trailer):
    answer = upload(server, f"/{bucket}/key", PIECES, payload, trailer)
    assert answer.status == 200, answer
    assert stored(s3, bucket) == WHOLE
    assert "aws-chunked" not in s3.head_object(Bucket=bucket, Key="key").get("ContentEncoding", "")


@pytest.mark.parametrize("payload", [SIGNED, UNSIGNED_TRAILER])
def test_an_empty_body_can_be_chunked(server, s3, bucket, payload):
    assert upload(server, f"/{bucket}/key", [], payload).status == 200
    assert stored(s3, bucket) == b""


def test_another_content_encoding_is_stored(server, s3, bucket):
    assert upload(server, f"/{bucket}/key", PIECES, SIGNED, headers={"Content-Encoding": "aws-chunked,gzip"}).status == 200
    assert s3.head_object(Bucket=bucket, Key="key")["ContentEncoding"] == "gzip"


@pytest.mark.parametrize("payload", [SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_checksum_algorithm_can_be_in_the_trailer(server, s3, bucket, payload, algorithm):
    trailer = (f"x-amz-checksum-{algorithm.lower()}", ALGORITHMS[algorithm](WHOLE))
    answer = upload(server, f"/{bucket}/key", PIECES, payload, trailer)
    assert (answer.status, answer.headers[trailer[0]]) == (200, trailer[1])
    assert s3.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")[f"Checksum{algorithm}"] == trailer[1]


@pytest.mark.parametrize("payload", [SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_a_wrong_checksum_in_the_trailer_is_refused(server, s3, bucket, payload):
    answer = upload(server, f"/{bucket}/key", PIECES, payload, ("x-amz-checksum-crc32", "AAAAAA=="))
    assert refusal(answer) == (400, "BadDigest")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_changed_chunk_is_refused(server, s3, bucket):
    answer = upload(server, f"/{bucket}/key", PIECES, SIGNED, spoil=lambda body: body.replace(b"bbbb", b"bbbc", 1))
    assert refusal(answer) == (403, "SignatureDoesNotMatch")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_changed_trailer_is_refused(server, bucket):
    answer = upload(server, f"/{bucket}/key", PIECES, SIGNED_TRAILER, CRC32, spoil=lambda body: body.replace(CRC32[1].encode(), b"AAAAAA=="))
    assert refusal(answer) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[: len(body) // 2],
        lambda body: body.replace(b"\r\n", b"", 1),
        lambda body: b"zz" + body,
        lambda body: b"ffffffffffffffff" + body,
        lambda body: b"",
    ],
    ids=["cut off", "no line end", "no number", "number too large", "nothing at all"],
)
def test_malformed_chunks_are_refused(server, s3, bucket, spoil):
    answer = upload(server, f"/{bucket}/key", PIECES, UNSIGNED_TRAILER, CRC32, spoil=spoil)
    assert refusal(answer) == (400, "IncompleteBody"), answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_the_decoded_length_must_be_right(server, s3, bucket):
    answer = upload(server, f"/{bucket}/key", PIECES, UNSIGNED_TRAILER, CRC32, headers={"X-Amz-Decoded-Content-Length": "5"})
    assert answer.status == 400, answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_unsigned_payload_needs_no_hash(server, s3, bucket):
    assert server.signed("PUT", f"/{bucket}/key", body=WHOLE, payload="UNSIGNED-PAYLOAD").status == 200
    assert stored(s3, bucket) == WHOLE


def test_a_body_with_another_hash_than_the_signed_one_is_refused(server, s3, bucket):
    answer = server.signed("PUT", f"/{bucket}/key", body=WHOLE, payload="0" * 64)
    assert refusal(answer) == (400, "XAmzContentSHA256Mismatch")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

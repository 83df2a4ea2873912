"""Object keys with slashes, dots, percent signs, spaces, plus signs and characters of all scripts."""

from urllib.parse import quote

import pytest

ODD = [
    "a//b",
    "//",
    "trailing/",
    "./dot",
    "../up",
    "a/../b",
    "a/./b",
    "%2F",
    "100%",
    "%zz",
    "a+b",
    "a b",
    " leading and trailing ",
    "Grüße/日本語/🦀",
    "a?b#c&d=e;f",
    "quote'\"<>`",
    "back\\slash",
    "tilde~-_.!*()",
    "colon:at@comma,",
    "tab\tand\x7fmore",
    "k" * 1024,
]


@pytest.mark.parametrize("key", ODD)
def test_a_key_with_special_characters_is_unchanged(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_keys_with_dot_segments_are_different_keys(s3, bucket):
    keys = ["a/b", "a//b", "a/./b", "a/../a/b", "a%2Fb", "/a/b"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in keys:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


def test_the_path_is_not_normalized(server, s3, bucket):
    assert server.signed("PUT", f"/{bucket}/a%2Fb/../c//d", body=b"raw").status == 200
    assert s3.get_object(Bucket=bucket, Key="a/b/../c//d")["Body"].read() == b"raw"


def test_a_plus_in_the_path_is_a_plus(server, s3, bucket):
    assert server.signed("PUT", f"/{bucket}/a+b%2Bc", body=b"plus").status == 200
    assert s3.get_object(Bucket=bucket, Key="a+b+c")["Body"].read() == b"plus"


def test_a_key_past_1024_bytes_is_too_long(server, bucket):
    answer = server.signed("PUT", f"/{bucket}/" + "k" * 1025)
    assert (answer.status, "<Code>KeyTooLongError</Code>" in answer.text) == (400, True)
    answer = server.signed("PUT", f"/{bucket}/" + quote("ü" * 513))
    assert answer.status == 400


def test_a_key_that_is_not_utf8_is_refused(server, bucket):
    answer = server.signed("PUT", f"/{bucket}/%ff%fe")
    assert answer.status == 400
    assert "<Error>" in answer.text


def test_an_object_can_have_the_name_of_an_admin_route(s3, bucket):
    s3.put_object(Bucket=bucket, Key="_cloudlet/health", Body=b"mine")
    assert s3.get_object(Bucket=bucket, Key="_cloudlet/health")["Body"].read() == b"mine"

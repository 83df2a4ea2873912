"""Versions of objects."""

import re

import pytest
from botocore.exceptions import ClientError


def code(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def test_a_deleted_object_is_brought_back(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="a", Body=b"first")["VersionId"]
    s3.put_object(Bucket=versioned, Key="a", Body=b"second")
    marker = s3.delete_object(Bucket=versioned, Key="a")
    assert marker["DeleteMarker"] and len(marker["VersionId"]) == 32
    with pytest.raises(ClientError) as missing:
        s3.get_object(Bucket=versioned, Key="a")
    headers = missing.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker["VersionId"])
    assert code(s3.head_object, Bucket=versioned, Key="a", VersionId=marker["VersionId"]) == ("405", 405)
    assert s3.get_object(Bucket=versioned, Key="a", VersionId=first)["Body"].read() == b"first"
    s3.copy_object(Bucket=versioned, Key="a", CopySource={"Bucket": versioned, "Key": "a", "VersionId": first})
    assert s3.get_object(Bucket=versioned, Key="a")["Body"].read() == b"first"
    listed = s3.list_object_versions(Bucket=versioned)
    assert [version["IsLatest"] for version in listed["Versions"]] == [True, False, False]
    assert [marker["IsLatest"] for marker in listed["DeleteMarkers"]] == [False]


def test_the_pages_of_versions_fit_together(s3, versioned):
    for key in ("a", "b/1", "b/2", "c"):
        for number in range(5):
            s3.put_object(Bucket=versioned, Key=key, Body=b"x" * number)
    s3.delete_object(Bucket=versioned, Key="c")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 3})
    seen = [(entry["Key"], entry["VersionId"]) for page in pages for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])]
    assert len(seen) == len(set(seen)) == 21
    names = s3.list_object_versions(Bucket=versioned, Delimiter="/", KeyMarker="a")
    assert [prefix["Prefix"] for prefix in names["CommonPrefixes"]] == ["b/"]
    assert {version["Key"] for version in names["Versions"]} == {"c"}


def test_a_bucket_is_deleted_once_all_versions_are(s3, versioned):
    for number in range(3):
        s3.put_object(Bucket=versioned, Key="a", Body=bytes(number))
    s3.delete_object(Bucket=versioned, Key="a")
    with pytest.raises(ClientError, match="You must delete all versions in the bucket"):
        s3.delete_bucket(Bucket=versioned)
    listed = s3.list_object_versions(Bucket=versioned)
    entries = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in listed["Versions"] + listed["DeleteMarkers"]]
    deleted = s3.delete_objects(Bucket=versioned, Delete={"Objects": entries})["Deleted"]
    assert len(deleted) == 4 and sum(entry.get("DeleteMarker", False) for entry in deleted) == 1
    s3.delete_bucket(Bucket=versioned)


def test_tags_belong_to_a_version(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="a", Tagging="of=first")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="a", Tagging="of=second")["VersionId"]
    s3.put_object_tagging(Bucket=versioned, Key="a", VersionId=first, Tagging={"TagSet": [{"Key": "of", "Value": "the first"}]})
    tags = [s3.get_object_tagging(Bucket=versioned, Key="a", VersionId=version) for version in (first, second)]
    assert [answer["TagSet"][0]["Value"] for answer in tags] == ["the first", "second"]
    assert [answer["VersionId"] for answer in tags] == [first, second]


def test_versions_and_markers_come_in_one_order(server, s3, versioned):
    for key in ("a", "b"):
        s3.put_object(Bucket=versioned, Key=key, Body=b"1")
        s3.delete_object(Bucket=versioned, Key=key)
        s3.put_object(Bucket=versioned, Key=key, Body=b"2")
    s3.delete_object(Bucket=versioned, Key="b")
    answer = server.signed("GET", f"/{versioned}?versions")
    assert answer.status == 200, answer
    found = re.findall(rb"<(Version|DeleteMarker)><Key>(.)</Key>", answer.body)
    kinds = [(key.decode(), kind.decode()) for kind, key in found]
    assert kinds == [
        ("a", "Version"),
        ("a", "DeleteMarker"),
        ("a", "Version"),
        ("b", "DeleteMarker"),
        ("b", "Version"),
        ("b", "DeleteMarker"),
        ("b", "Version"),
    ]

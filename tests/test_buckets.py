"""S3 buckets."""

import pytest
from botocore.exceptions import ClientError


def error(refused):
    return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_bucket_is_created_listed_and_deleted(s3):
    assert s3.create_bucket(Bucket="a-new-bucket")["Location"] == "/a-new-bucket"
    assert "a-new-bucket" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket="a-new-bucket")["BucketRegion"] == "us-east-1"
    s3.delete_bucket(Bucket="a-new-bucket")
    with pytest.raises(ClientError) as refused:
        s3.head_bucket(Bucket="a-new-bucket")
    assert error(refused) == ("404", 404)


def test_the_error_for_a_missing_bucket_names_it(s3):
    with pytest.raises(ClientError) as refused:
        s3.list_objects_v2(Bucket="no-such-bucket-here")
    assert error(refused) == ("NoSuchBucket", 404)
    assert refused.value.response["Error"]["BucketName"] == "no-such-bucket-here"
    assert refused.value.response["Error"]["Message"] == "The specified bucket does not exist"


def test_a_bucket_in_another_region_has_a_location_constraint(server):
    west = server.client("s3", region="eu-west-1")
    west.create_bucket(Bucket="western", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert west.get_bucket_location(Bucket="western")["LocationConstraint"] == "eu-west-1"


def test_a_bucket_in_us_east_1_has_no_location_constraint(s3, bucket):
    assert s3.get_bucket_location(Bucket=bucket).get("LocationConstraint") is None


def test_creating_an_own_bucket_again_succeeds_in_us_east_1(s3, bucket):
    assert s3.create_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_name_of_another_accounts_bucket_is_not_available(server, bucket):
    with pytest.raises(ClientError) as refused:
        server.client("s3", key="123456789012").create_bucket(Bucket=bucket)
    assert error(refused) == ("BucketAlreadyExists", 409)


def test_a_bucket_with_objects_is_not_deleted(s3, bucket):
    s3.put_object(Bucket=bucket, Key="here")
    with pytest.raises(ClientError) as refused:
        s3.delete_bucket(Bucket=bucket)
    assert error(refused) == ("BucketNotEmpty", 409)


@pytest.mark.parametrize("name", ["xn--bucket", "192.168.5.4", "bucket-s3alias", "two..dots", "UPPER-CASE", "ab"])
def test_invalid_bucket_names_are_refused(server, name):
    answer = server.signed("PUT", f"/{name}")
    assert answer.status == 400
    assert "<Code>InvalidBucketName</Code>" in answer.text


def test_buckets_of_other_accounts_are_not_listed(server, bucket):
    names = [bucket["Name"] for bucket in server.client("s3", key="210987654321").list_buckets()["Buckets"]]
    assert bucket not in names


def test_buckets_are_listed_in_pages(server):
    s3 = server.client("s3", key="333333333333")
    for number in range(5):
        s3.create_bucket(Bucket=f"paged-{number}")
    pages = [[bucket["Name"] for bucket in page["Buckets"]] for page in s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2})]
    assert pages == [["paged-0", "paged-1"], ["paged-2", "paged-3"], ["paged-4"]]

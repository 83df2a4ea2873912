"""S3 Control: Block Public Access of an account, access points, tags."""

import json
import socket
from unittest import mock

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def control(server):
    """The account is a label of the host, which does not resolve everywhere."""
    resolve = socket.getaddrinfo

    def resolve_labels(host, *arguments, **more):
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *arguments, **more)

    with mock.patch("socket.getaddrinfo", resolve_labels):
        yield server.client("s3control", url=f"http://localhost:{server.port}")


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]


def test_the_block_of_an_account_counts_at_once(control, s3, bucket):
    assert refusal(control.get_public_access_block, AccountId=ACCOUNT) == (404, "NoSuchPublicAccessBlockConfiguration")
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    public = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=bucket, Policy=public)
    block = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=block)
    assert control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"] == block
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=public) == (403, "AccessDenied")
    control.delete_public_access_block(AccountId=ACCOUNT)
    s3.put_bucket_policy(Bucket=bucket, Policy=public)


def test_an_access_point_stands_in_place_of_its_bucket(server, control, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"x")
    made = control.create_access_point(AccountId=ACCOUNT, Name="reports", Bucket=bucket)
    assert refusal(control.create_access_point, AccountId=ACCOUNT, Name="reports", Bucket=bucket) == (409, "AccessPointAlreadyOwnedByYou")
    assert refusal(control.create_access_point, AccountId=ACCOUNT, Name="nowhere", Bucket="no-such-bucket") == (400, "InvalidRequest")
    assert refusal(control.create_access_point, AccountId=ACCOUNT, Name="xn--sa", Bucket=bucket) == (400, "InvalidURI")
    for name in ("-starts", "ends-s3alias", "has.dot"):
        assert refusal(control.create_access_point, AccountId=ACCOUNT, Name=name, Bucket=bucket) == (400, "InvalidRequest")
    for name in ("a" * 51, "WRONG-case", "has_underscore"):
        assert refusal(control.create_access_point, AccountId=ACCOUNT, Name=name, Bucket=bucket) == (400, "InvalidURI")
    assert s3.get_object(Bucket=made["Alias"], Key="a/b")["Body"].read() == b"x"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=made["Alias"])["Contents"]] == ["a/b"]
    assert made["AccessPointArn"] == f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/reports"
    shown = control.get_access_point(AccountId=ACCOUNT, Name="reports")
    assert (shown["Bucket"], shown["NetworkOrigin"], shown["Alias"]) == (bucket, "Internet", made["Alias"])
    assert set(shown["PublicAccessBlockConfiguration"].values()) == {True}
    assert [entry["Name"] for entry in control.list_access_points(AccountId=ACCOUNT, Bucket=bucket)["AccessPointList"]] == ["reports"]
    assert refusal(s3.delete_bucket, Bucket=bucket) == (400, "BucketHasAccessPointsAttached")

    # What the policy of the access point denies is denied through it alone.
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": made["AccessPointArn"] + "/object/*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    assert refusal(control.get_access_point_policy, AccountId=ACCOUNT, Name="reports") == (404, "NoSuchAccessPointPolicy")
    control.put_access_point_policy(AccountId=ACCOUNT, Name="reports", Policy=text)
    assert control.get_access_point_policy(AccountId=ACCOUNT, Name="reports")["Policy"] == text
    assert control.get_access_point_policy_status(AccountId=ACCOUNT, Name="reports")["PolicyStatus"]["IsPublic"] is False
    assert refusal(s3.get_object, Bucket=made["Alias"], Key="a/b") == (403, "AccessDenied")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"x"
    control.delete_access_point_policy(AccountId=ACCOUNT, Name="reports")

    # A bucket may leave access to the access points of an account.
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    allow = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject", "Resource": made["AccessPointArn"] + "/object/*"}
    control.put_access_point_policy(AccountId=ACCOUNT, Name="reports", Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    other = server.client("s3", "111122223333")
    assert other.get_object(Bucket=made["Alias"], Key="a/b")["Body"].read() == b"x"
    assert refusal(other.get_object, Bucket=bucket, Key="a/b") == (403, "AccessDenied")
    control.delete_access_point(AccountId=ACCOUNT, Name="reports")
    assert refusal(control.get_access_point, AccountId=ACCOUNT, Name="reports") == (404, "NoSuchAccessPoint")
    assert refusal(s3.get_object, Bucket=made["Alias"], Key="a/b") == (404, "NoSuchBucket")


def test_buckets_are_tagged_also_with_abac(control, s3, bucket):
    arn = f"arn:aws:s3:::{bucket}"
    assert control.list_tags_for_resource(AccountId=ACCOUNT, ResourceArn=arn)["Tags"] == []
    control.tag_resource(AccountId=ACCOUNT, ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"})
    assert refusal(s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": []}) == (400, "InvalidRequest")
    control.tag_resource(AccountId=ACCOUNT, ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    tags = [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]
    assert control.list_tags_for_resource(AccountId=ACCOUNT, ResourceArn=arn)["Tags"] == tags
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    control.untag_resource(AccountId=ACCOUNT, ResourceArn=arn, TagKeys=["a", "b"])
    assert refusal(s3.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")

"""Who may use a bucket: the scenarios of a public site, logs of a load balancer, an origin access identity, a role."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"


def policy(bucket, principal, action="s3:GetObject", resource="/*", version="2012-10-17", **more):
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": f"arn:aws:s3:::{bucket}{resource}"} | more
    return json.dumps({"Version": version, "Statement": [statement]})


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]


def anonymous(server, bucket, key):
    try:
        with urllib.request.urlopen(f"{server.url}/{bucket}/{key}") as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_public_site_needs_an_open_bucket(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<html>")
    public = policy(bucket, "*")
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=public) == (403, "AccessDenied")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=public)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == public
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert anonymous(server, bucket, "index.html") == 200
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert anonymous(server, bucket, "index.html") == 403
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    assert anonymous(server, bucket, "index.html") == 403
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "*", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}))
    assert anonymous(server, bucket, "index.html") == 200


def test_a_load_balancer_delivers_its_logs(server, s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {"AWS": "arn:aws:iam::582318560864:root"}, "s3:PutObject", "/logs/*"))
    balancer = server.client("s3", "582318560864")
    balancer.put_object(Bucket=bucket, Key="logs/a", Body=b"x")
    assert refusal(balancer.put_object, Bucket=bucket, Key="other", Body=b"x") == (403, "AccessDenied")
    assert refusal(balancer.get_object, Bucket=bucket, Key="logs/a") == (403, "AccessDenied")


def test_an_origin_access_identity_is_a_principal_of_an_old_policy(s3, bucket):
    identity = {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2QWRUHAPOMQZL"}
    text = policy(bucket, identity, version="2008-10-17")
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False


def test_a_principal_must_exist_and_turns_into_its_id(server, s3, bucket):
    iam = server.client("iam")
    arn = f"arn:aws:iam::{ACCOUNT}:user/reader"
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=policy(bucket, {"AWS": arn})) == (400, "MalformedPolicy")
    user = iam.create_user(UserName="reader")["User"]
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {"AWS": arn}))
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = server.client("s3", key["AccessKeyId"], key["SecretAccessKey"])
    assert reader.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    iam.delete_access_key(UserName="reader", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="reader")
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Principal"] == {"AWS": user["UserId"]}
    # A namesake has no access.
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = server.client("s3", key["AccessKeyId"], key["SecretAccessKey"])
    assert refusal(reader.get_object, Bucket=bucket, Key="a") == (403, "AccessDenied")


def test_a_role_needs_no_bucket_policy(server, s3, bucket):
    iam = server.client("iam")
    user = iam.create_user(UserName="function")["User"]["Arn"]
    key = iam.create_access_key(UserName="function")["AccessKey"]
    sts = server.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="thumbnails", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::*"}]}
    iam.put_role_policy(RoleName="thumbnails", PolicyName="objects", PolicyDocument=json.dumps(allow))
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="thumbnails")["Credentials"]
    function = server.client("s3", credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    function.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert function.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    assert refusal(function.list_objects_v2, Bucket=bucket) == (403, "AccessDenied")


def test_an_object_stays_private(server, s3, bucket):
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    s3.put_object(Bucket=bucket, Key="private", Body=b"x")
    s3.put_object(Bucket=bucket, Key="public", Body=b"x", ACL="public-read")
    assert (anonymous(server, bucket, "private"), anonymous(server, bucket, "public")) == (403, 200)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert anonymous(server, bucket, "public") == 403


def test_new_buckets_may_be_open_as_they_once_were(start):
    server = start("--s3-new-buckets", "open")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="old-times")
    assert refusal(s3.get_public_access_block, Bucket="old-times")[1] == "NoSuchPublicAccessBlockConfiguration"
    assert refusal(s3.get_bucket_ownership_controls, Bucket="old-times")[1] == "OwnershipControlsNotFoundError"
    s3.put_bucket_acl(Bucket="old-times", ACL="public-read")
    s3.put_object(Bucket="old-times", Key="a", Body=b"x", ACL="public-read")
    assert server.request("GET", "/old-times/a").status == 200
    s3.create_bucket(Bucket="old-times-public", ACL="public-read")
    s3.create_bucket(Bucket="old-times-enforced", ObjectOwnership="BucketOwnerEnforced")
    assert refusal(s3.put_bucket_acl, Bucket="old-times-enforced", ACL="public-read")[1] == "AccessControlListNotSupported"


# Each operation that reads the tags of an object in a policy.
TAGGED = [
    ("s3:GetObject", "get_object", {}),
    ("s3:GetObject", "head_object", {}),
    ("s3:GetObjectAcl", "get_object_acl", {}),
    ("s3:GetObjectTagging", "get_object_tagging", {}),
    ("s3:PutObjectTagging", "put_object_tagging", {"Tagging": {"TagSet": [{"Key": "stage", "Value": "public"}]}}),
    ("s3:ListObjectAnnotations", "list_object_annotations", {}),
]


@pytest.mark.parametrize(("action", "call", "more"), TAGGED)
def test_a_policy_reads_the_tags_of_the_object(server, s3, bucket, action, call, more):
    for key in ("public", "private"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", Tagging=f"stage={key}&other=1")
    condition = {"StringEquals": {"s3:ExistingObjectTag/stage": "public"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {"AWS": "123456789012"}, action, Condition=condition))
    other = getattr(server.client("s3", key="123456789012"), call)
    other(Bucket=bucket, Key="public", **more)
    assert refusal(other, Bucket=bucket, Key="private", **more)[0] == 403


def test_a_policy_demands_conditional_writes_and_lets_parts_in(server, s3, bucket):
    """That of AWS's page about enforced conditional writes."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "123456789012"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    conditional = statement | {"Condition": {"Null": {"s3:if-none-match": "false"}}}
    parts = statement | {"Condition": {"Bool": {"s3:ObjectCreationOperation": "false"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [conditional, parts]}))
    other = server.client("s3", key="123456789012")
    assert refusal(other.put_object, Bucket=bucket, Key="a", Body=b"x") == (403, "AccessDenied")
    other.put_object(Bucket=bucket, Key="a", Body=b"x", IfNoneMatch="*")
    upload = {"Bucket": bucket, "Key": "b", "UploadId": other.create_multipart_upload(Bucket=bucket, Key="b")["UploadId"]}
    part = other.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    done = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part}]}}
    assert refusal(other.complete_multipart_upload, **upload, **done) == (403, "AccessDenied")
    other.complete_multipart_upload(**upload, **done, IfNoneMatch="*")

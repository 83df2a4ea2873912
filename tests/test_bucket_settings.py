"""Settings of buckets that change what requests may do: who pays, the accelerated host, storage classes; and that all of them outlive a kill."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from test_read_back import SETTINGS, named

OTHER = "123456789012"


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]


def test_the_requester_pays_or_gets_nothing(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    other = server.client("s3", key=OTHER)
    assert "RequestCharged" not in other.get_object(Bucket=bucket, Key="a")
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert refusal(other.get_object, Bucket=bucket, Key="a") == (403, "AccessDenied")
    assert refusal(other.list_objects_v2, Bucket=bucket) == (403, "AccessDenied")
    assert other.get_object(Bucket=bucket, Key="a", RequestPayer="requester")["RequestCharged"] == "requester"
    assert [entry["Key"] for entry in other.list_objects_v2(Bucket=bucket, RequestPayer="requester")["Contents"]] == ["a"]
    url = other.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a", "RequestPayer": "requester"})
    with urllib.request.urlopen(urllib.request.Request(url, headers={"x-amz-request-payer": "requester"})) as answer:
        assert answer.read() == b"x"
    # The owner is exempt; who has no account cannot pay.
    assert "RequestCharged" not in s3.get_object(Bucket=bucket, Key="a")
    s3.delete_public_access_block(Bucket=bucket)
    public = statement | {"Principal": "*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [public]}))
    with pytest.raises(urllib.error.HTTPError) as anonymous:
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/{bucket}/a", headers={"x-amz-request-payer": "requester"}))
    assert anonymous.value.code == 403


@pytest.mark.parametrize("domain", ["s3-accelerate.amazonaws.com", "s3-accelerate.dualstack.amazonaws.com"])
def test_the_accelerated_host_is_there_once_it_is_enabled(server, s3, bucket, domain):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    read = lambda: server.signed("GET", "/a", headers={"host": f"{bucket}.{domain}"})  # noqa: E731
    refused = read()
    assert (refused.status, "S3 Transfer Acceleration is not configured on this bucket" in refused.text) == (400, True)
    for status, expected in (("Enabled", 200), ("Suspended", 400), ("Enabled", 200)):
        s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": status})
        assert read().status == expected, status


def test_an_archived_object_is_read_once_it_is_restored(start):
    # It takes signatures of any time.
    server = start("--auth", "off")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="archive")
    for storage_class, tier, hours in (("GLACIER", "Standard", 5), ("DEEP_ARCHIVE", "Bulk", 48)):
        s3.put_object(Bucket="archive", Key=storage_class, Body=b"cold", StorageClass=storage_class)
        which = {"Bucket": "archive", "Key": storage_class}
        assert refusal(s3.get_object, **which) == (403, "InvalidObjectState")
        restore = {"Days": 2, "GlacierJobParameters": {"Tier": tier}}
        assert s3.restore_object(**which, RestoreRequest=restore)["ResponseMetadata"]["HTTPStatusCode"] == 202
        assert refusal(s3.restore_object, **which, RestoreRequest=restore) == (409, "RestoreAlreadyInProgress")
        assert s3.head_object(**which)["Restore"] == 'ongoing-request="true"'
        server.advance(hours * 3600 + 60)
        assert s3.get_object(**which)["Body"].read() == b"cold"
        shown = s3.head_object(**which)
        assert shown["Restore"].startswith('ongoing-request="false", expiry-date="') and shown["StorageClass"] == storage_class
        assert s3.restore_object(**which, RestoreRequest=restore)["ResponseMetadata"]["HTTPStatusCode"] == 200
        server.advance(4 * 86_400)
        assert refusal(s3.get_object, **which) == (403, "InvalidObjectState")
        assert "Restore" not in s3.head_object(**which)
    assert refusal(s3.put_object, Bucket="archive", Key="x", StorageClass="OUTPOSTS") == (400, "InvalidStorageClass")


def test_every_setting_outlives_a_kill(start, tmp_path):
    folder = tmp_path / "data"
    server = start("--data-dir", folder)
    s3 = server.client("s3")
    put = []
    for number, (name, member, value, answer) in enumerate(SETTINGS):
        bucket = f"setting-{number}"
        s3.create_bucket(Bucket=bucket)
        value = named(value, bucket)
        which = {"Id": value["Id"]} if "Id" in value and member != "Policy" else {}
        getattr(s3, f"put_{name}")(Bucket=bucket, **which, **{member: json.dumps(value) if member == "Policy" else value})
        put.append((bucket, name, which, member, value, answer))
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=lock)
    version = s3.put_object(Bucket="locked", Key="a", Body=b"x", ObjectLockLegalHoldStatus="ON", Tagging="a=b", Metadata={"m": "1"}, ContentLanguage="de")["VersionId"]
    s3.put_object_annotation(Bucket="locked", Key="a", AnnotationName="note", AnnotationPayload=b"text")
    s3.create_bucket(Bucket="with-acl", ObjectOwnership="ObjectWriter")
    s3.put_bucket_acl(Bucket="with-acl", ACL="log-delivery-write")
    grants = s3.get_bucket_acl(Bucket="with-acl")["Grants"]
    upload = s3.create_multipart_upload(Bucket="with-acl", Key="parts", ChecksumAlgorithm="SHA256", StorageClass="STANDARD_IA")["UploadId"]
    part = s3.upload_part(Bucket="with-acl", Key="parts", UploadId=upload, PartNumber=1, Body=b"part", ChecksumAlgorithm="SHA256")
    server.process.kill()
    server.process.wait()
    s3 = start("--data-dir", folder).client("s3")
    for bucket, name, which, member, value, answer in put:
        read = getattr(s3, f"get_{name}")(Bucket=bucket, **which)
        shown = read[answer] if answer else {name: read[name] for name in value}
        assert (json.loads(shown) if member == "Policy" else shown) == value, name
    assert s3.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"] == lock
    head = s3.head_object(Bucket="locked", Key="a")
    assert (head["ObjectLockMode"], head["ObjectLockLegalHoldStatus"], head["Metadata"], head["ContentLanguage"]) == ("COMPLIANCE", "ON", {"m": "1"}, "de")
    assert refusal(s3.delete_object, Bucket="locked", Key="a", VersionId=version) == (403, "AccessDenied")
    assert s3.get_object_tagging(Bucket="locked", Key="a")["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert s3.get_object_annotation(Bucket="locked", Key="a", AnnotationName="note")["AnnotationPayload"].read() == b"text"
    assert s3.get_bucket_acl(Bucket="with-acl")["Grants"] == grants
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]
    s3.complete_multipart_upload(Bucket="with-acl", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket="with-acl", Key="parts")["StorageClass"] == "STANDARD_IA"

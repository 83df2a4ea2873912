"""Server-side encryption with keys of KMS and of the client, and what is on disk of it."""

import base64
import hashlib
import json
import os

import pytest
from botocore.exceptions import ClientError

KEY = bytes(range(32))
SSE_C = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
MIB = 1 << 20


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


@pytest.fixture
def key(kms):
    """A new KMS key's ARN."""
    return kms.create_key()["KeyMetadata"]["Arn"]


def default(algorithm, key=None, **more):
    by_default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default} | more]}


def allow_sse_c(s3, bucket):
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


@pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
def test_an_object_under_a_kms_key_is_read_while_the_key_can_be_used(s3, kms, bucket, key, algorithm):
    body = os.urandom(300_000)
    put = s3.put_object(Bucket=bucket, Key="a", Body=body, ServerSideEncryption=algorithm, SSEKMSKeyId=key)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == (algorithm, key)
    assert put["ETag"].strip('"') != hashlib.md5(body).hexdigest()
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == body
    assert s3.get_object(Bucket=bucket, Key="a", Range="bytes=70001-140007")["Body"].read() == body[70001:140008]
    kms.disable_key(KeyId=key)
    assert refusal(s3.get_object, Bucket=bucket, Key="a") == ("KMS.DisabledException", 400)
    assert refusal(s3.put_object, Bucket=bucket, Key="b", ServerSideEncryption=algorithm, SSEKMSKeyId=key) == ("KMS.DisabledException", 400)
    assert s3.head_object(Bucket=bucket, Key="a")["SSEKMSKeyId"] == key
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == body
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert refusal(s3.get_object, Bucket=bucket, Key="a") == ("KMS.KMSInvalidStateException", 400)


def test_the_default_encryption_of_a_bucket_is_that_of_its_new_objects(s3, kms, bucket, key):
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=default("aws:kms", key, BucketKeyEnabled=True))
    put = s3.put_object(Bucket=bucket, Key="after", Body=b"x")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == ("aws:kms", key, True)
    assert s3.head_object(Bucket=bucket, Key="before")["ServerSideEncryption"] == "AES256"
    assert s3.put_object(Bucket=bucket, Key="other", Body=b"x", ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=default("aws:kms"))
    managed = s3.put_object(Bucket=bucket, Key="managed", Body=b"x")["SSEKMSKeyId"]
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"] == managed
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.put_object(Bucket=bucket, Key="again", Body=b"x")["ServerSideEncryption"] == "AES256"


def test_the_callers_of_reads_need_kms_decrypt(server, s3, bucket, key):
    s3.put_object(Bucket=bucket, Key="a", Body=b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    iam = server.client("iam")
    iam.create_user(UserName="reader")
    keys = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = server.client("s3", keys["AccessKeyId"], keys["SecretAccessKey"])

    def grant(*statements):
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=document)

    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    grant(read)
    assert refusal(reader.get_object, Bucket=bucket, Key="a") == ("AccessDenied", 403)
    assert reader.head_object(Bucket=bucket, Key="a")["ContentLength"] == 6
    condition = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/a"}}
    grant(read, {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": condition})
    assert reader.get_object(Bucket=bucket, Key="a")["Body"].read() == b"secret"


def test_a_multipart_upload_under_a_kms_key_is_one_object(s3, bucket, key):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert upload["SSEKMSKeyId"] == key
    bodies, parts = [os.urandom(5 * MIB + 7), os.urandom(1000)], []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(Bucket=bucket, Key="a", UploadId=upload["UploadId"], PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = s3.complete_multipart_upload(Bucket=bucket, Key="a", UploadId=upload["UploadId"], MultipartUpload={"Parts": parts})
    assert (done["ServerSideEncryption"], done["SSEKMSKeyId"]) == ("aws:kms", key)
    whole = b"".join(bodies)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == whole
    at = 5 * MIB
    assert s3.get_object(Bucket=bucket, Key="a", Range=f"bytes={at}-{at + 20}")["Body"].read() == whole[at:at + 21]
    s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/a")
    assert s3.get_object(Bucket=bucket, Key="plain")["Body"].read() == whole


def test_the_key_of_an_object_is_changed_in_place(s3, kms, bucket, key):
    before = s3.put_object(Bucket=bucket, Key="a", Body=b"hello")
    s3.update_object_encryption(Bucket=bucket, Key="a", ObjectEncryption={"SSEKMS": {"KMSKeyArn": key, "BucketKeyEnabled": True}})
    after = s3.get_object(Bucket=bucket, Key="a")
    assert (after["ETag"], after["SSEKMSKeyId"], after["BucketKeyEnabled"], after["Body"].read()) == (before["ETag"], key, True, b"hello")
    kms.disable_key(KeyId=key)
    assert refusal(s3.get_object, Bucket=bucket, Key="a") == ("KMS.DisabledException", 400)


def test_new_buckets_block_the_clients_keys_until_they_allow_them(s3, bucket):
    assert refusal(s3.put_object, Bucket=bucket, Key="a", Body=b"x", **SSE_C) == ("AccessDenied", 403)
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
    allow_sse_c(s3, bucket)
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"x", **SSE_C)
    assert put["SSECustomerKeyMD5"] == base64.b64encode(hashlib.md5(KEY).digest()).decode() and "ServerSideEncryption" not in put
    assert s3.get_object(Bucket=bucket, Key="a", **SSE_C)["Body"].read() == b"x"
    assert refusal(s3.get_object, Bucket=bucket, Key="a") == ("InvalidRequest", 400)
    assert refusal(s3.get_object, Bucket=bucket, Key="a", SSECustomerAlgorithm="AES256", SSECustomerKey=bytes(32)) == ("AccessDenied", 403)


def test_a_server_may_take_the_clients_keys_as_aws_once_did(start):
    s3 = start("--s3-sse-c", "allowed").client("s3")
    s3.create_bucket(Bucket="old-times")
    s3.put_object(Bucket="old-times", Key="a", Body=b"x", **SSE_C)
    rule = s3.get_bucket_encryption(Bucket="old-times")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert "BlockedEncryptionTypes" not in rule


def test_a_read_may_not_say_how_its_object_is_encrypted(server, bucket, s3):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    answer = server.signed("GET", f"/{bucket}/a", headers={"x-amz-server-side-encryption": "AES256"})
    assert answer.status == 400 and "x-amz-server-side-encryption header is not supported for this operation." in answer.text


def test_encrypted_bodies_are_not_on_disk_as_they_were_sent(start, tmp_path):
    folder = tmp_path / "data"
    server = start("--data-dir", folder, "--encryption", "off")
    s3, key = server.client("s3"), server.client("kms").create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="on-disk")
    allow_sse_c(s3, "on-disk")
    bodies = {name: f"the body of {name} ".encode() * 20_000 for name in ("plain", "kms", "customer")}
    s3.put_object(Bucket="on-disk", Key="plain", Body=bodies["plain"])
    s3.put_object(Bucket="on-disk", Key="kms", Body=bodies["kms"], ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    s3.put_object(Bucket="on-disk", Key="customer", Body=bodies["customer"], **SSE_C)
    assert server.stop() == 0
    written = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert b"the body of plain" in written
    assert b"the body of kms" not in written and b"the body of customer" not in written
    again = start("--data-dir", folder, "--encryption", "off").client("s3")
    assert again.get_object(Bucket="on-disk", Key="kms")["Body"].read() == bodies["kms"]
    assert again.get_object(Bucket="on-disk", Key="customer", **SSE_C)["Body"].read() == bodies["customer"]

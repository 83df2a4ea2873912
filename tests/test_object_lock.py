"""Object Lock, on the server's clock."""

import datetime
import itertools
import json

import pytest
from botocore.exceptions import ClientError

DAY = 24 * 60 * 60
numbers = itertools.count(1)


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Message"]


PROTECTED = "Access Denied because object protected by object lock."


@pytest.fixture
def locked(s3):
    """A new bucket with Object Lock."""
    name = f"locked-{next(numbers)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def now(server):
    return datetime.datetime.fromisoformat(server.admin("clock")["now"].replace("Z", "+00:00"))


@pytest.fixture
def timeless(start):
    """A server that takes signatures of any time, with a bucket."""
    server = start("--auth", "off")
    server.client("s3").create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    return server


def test_retention_ends_with_time(timeless):
    server, s3, locked = timeless, timeless.client("s3"), "locked"
    until = (now(server) + datetime.timedelta(days=30)).replace(microsecond=0)
    version = s3.put_object(Bucket=locked, Key="a", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    head = s3.head_object(Bucket=locked, Key="a")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", until)
    assert refusal(s3.delete_object, Bucket=locked, Key="a", VersionId=version, BypassGovernanceRetention=True) == PROTECTED
    assert s3.delete_object(Bucket=locked, Key="a")["DeleteMarker"]
    server.advance(31 * DAY)
    s3.delete_object(Bucket=locked, Key="a", VersionId=version)


def test_the_default_retention_of_a_bucket_is_that_of_its_new_objects(server, s3, locked):
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 10}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == configuration
    s3.put_object(Bucket=locked, Key="a", Body=b"x")
    retention = s3.get_object_retention(Bucket=locked, Key="a")["Retention"]
    days = (retention["RetainUntilDate"] - now(server)).total_seconds() / DAY
    assert retention["Mode"] == "GOVERNANCE" and 9.9 < days <= 10


def test_bypassing_governance_needs_a_permission(server, s3, locked):
    until = now(server) + datetime.timedelta(days=30)
    version = s3.put_object(Bucket=locked, Key="a", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    iam = server.client("iam")
    iam.create_user(UserName=locked)
    keys = iam.create_access_key(UserName=locked)["AccessKey"]
    user = server.client("s3", keys["AccessKeyId"], keys["SecretAccessKey"])

    def grant(*actions):
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        iam.put_user_policy(UserName=locked, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))

    grant("s3:DeleteObjectVersion")
    one = {"Bucket": locked, "Key": "a", "VersionId": version, "BypassGovernanceRetention": True}
    assert refusal(user.delete_object, **one) == PROTECTED
    grant("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention")
    many = user.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "a", "VersionId": version}]})
    assert many["Errors"][0]["Message"] == PROTECTED
    user.delete_object(**one)


def test_a_legal_hold_protects_until_it_is_off(s3, locked):
    version = s3.put_object(Bucket=locked, Key="a", Body=b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
    assert s3.get_object_legal_hold(Bucket=locked, Key="a")["LegalHold"] == {"Status": "ON"}
    assert refusal(s3.delete_object, Bucket=locked, Key="a", VersionId=version) == PROTECTED
    s3.put_object_legal_hold(Bucket=locked, Key="a", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket=locked, Key="a", VersionId=version)


def test_an_event_hold_is_released(timeless):
    server, s3, locked = timeless, timeless.client("s3"), "locked"
    version = s3.put_object(Bucket=locked, Key="a", Body=b"x")["VersionId"]
    hold = {"Mode": "COMPLIANCE", "EventHold": "ON", "EventHoldDuration": {"Days": 7}}
    s3.put_object_retention(Bucket=locked, Key="a", Retention=hold)
    server.advance(365 * DAY)
    assert refusal(s3.delete_object, Bucket=locked, Key="a", VersionId=version) == PROTECTED
    s3.put_object_retention(Bucket=locked, Key="a", Retention={"EventHold": "OFF"})
    retention = s3.get_object_retention(Bucket=locked, Key="a")["Retention"]
    days = (retention["RetainUntilDate"] - now(server)).total_seconds() / DAY
    assert retention["EventHold"] == "OFF" and 6.9 < days <= 7
    assert refusal(s3.delete_object, Bucket=locked, Key="a", VersionId=version) == PROTECTED
    server.advance(8 * DAY)
    s3.delete_object(Bucket=locked, Key="a", VersionId=version)


def test_what_is_retained_comes_with_a_digest(server, locked):
    until = "2099-01-01T00:00:00Z"
    headers = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": until}
    answer = server.signed("PUT", f"/{locked}/a", body=b"x", headers=headers)
    assert answer.status == 400 and "Content-MD5 OR x-amz-checksum- HTTP header is required" in answer.text

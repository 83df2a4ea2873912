"""What S3 does in the background, with boto3: events, access logs, lifecycle, replication, inventory, batch jobs."""

import datetime
import gzip
import json
import re
import socket
import uuid

import pytest
from botocore.exceptions import ClientError
from test_lambda import archive
from test_memory import most_resident

ACCOUNT = "000000000000"
DAY = 86_400


def error_of(raised):
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def s3(server):
    return server.client("s3", s3={"addressing_style": "path"})


@pytest.fixture
def bucket(s3):
    name = f"b-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def settle(server):
    assert server.request("POST", "/_cloudlet/settle").status in (200, 204)


def queue_for(server, bucket, name=None):
    """A queue into which S3 may send the events of a bucket."""
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name or f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    condition = {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
    statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn, "Condition": condition}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    return sqs, url, arn


def bodies(sqs, url):
    found = []
    while True:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", [])
        if not messages:
            return found
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def role(server, service, statements):
    iam = server.client("iam")
    name = f"r-{uuid.uuid4().hex[:8]}"
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    return arn


ALL = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]


def test_events_reach_a_queue_whose_policy_lets_s3_in(server, s3, bucket):
    sqs, url, arn = queue_for(server, bucket)
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    [test] = bodies(sqs, url)
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", bucket)
    put = s3.put_object(Bucket=bucket, Key="a b/ü@.txt", Body=b"hello")
    s3.put_object_tagging(Bucket=bucket, Key="a b/ü@.txt", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/ü@.txt"})
    s3.delete_object(Bucket=bucket, Key="copy")
    settle(server)
    records = [body["Records"][0] for body in bodies(sqs, url)]
    assert [record["eventName"] for record in records] == ["ObjectCreated:Put", "ObjectTagging:Put", "ObjectCreated:Copy", "ObjectRemoved:Delete"]
    first = records[0]
    assert first["s3"]["object"] == {
        "key": "a+b/%C3%BC%40.txt", "size": 5, "eTag": put["ETag"].strip('"'), "sequencer": first["s3"]["object"]["sequencer"],
    }
    assert first["responseElements"]["x-amz-request-id"] == put["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    assert first["responseElements"]["x-amz-id-2"] == put["ResponseMetadata"]["HTTPHeaders"]["x-amz-id-2"]
    assert first["requestParameters"]["sourceIPAddress"] == "127.0.0.1"
    assert [record["eventVersion"] for record in records] == ["2.1", "2.3", "2.1", "2.1"]


def test_a_queue_that_does_not_let_s3_in_is_refused(server, s3, bucket):
    sqs, url, arn = queue_for(server, "another-bucket")
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert error_of(raised) == ("InvalidArgument", "Unable to validate the following destination configurations")
    assert raised.value.response["Error"]["ArgumentName1"] == arn
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True)
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    settle(server)
    assert bodies(sqs, url) == []


def test_events_reach_a_topic_and_a_missing_function_is_refused(server, s3, bucket):
    sns = server.client("sns")
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:8]}")["TopicArn"]
    statement = {
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    configuration = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:Put"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    settle(server)
    messages = bodies(sqs, url)
    assert [message["Subject"] for message in messages] == ["Amazon S3 Notification"] * 2
    assert json.loads(messages[1]["Message"])["Records"][0]["s3"]["object"]["key"] == "k"
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    configuration = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert error_of(raised) == ("InvalidArgument", "Unable to validate the following destination configurations")
    assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True)
    [kept] = s3.get_bucket_notification_configuration(Bucket=bucket)["LambdaFunctionConfigurations"]
    assert kept["LambdaFunctionArn"] == function


FIELD = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')


def log_lines(s3, target, prefix):
    lines = []
    for item in s3.list_objects_v2(Bucket=target, Prefix=prefix).get("Contents", []):
        text = s3.get_object(Bucket=target, Key=item["Key"])["Body"].read().decode()
        lines += [FIELD.findall(line) for line in text.splitlines()]
    return lines


def let_in(s3, target, service, source):
    """Lets a service of S3 write to a bucket for another."""
    statement = {
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{target}/*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    s3.put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_every_request_is_a_line_of_27_fields(server, s3, bucket):
    target = f"{bucket}-logs"
    s3.create_bucket(Bucket=target)
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log/"}})
    s3.put_object(Bucket=bucket, Key="lost", Body=b"hello")
    server.advance(10)
    settle(server)
    server.reset_clock()
    assert log_lines(s3, target, "log/") == [], "the target does not let the log in"
    let_in(s3, target, "logging.s3.amazonaws.com", bucket)
    s3.put_object(Bucket=bucket, Key="a b", Body=b"hello")
    s3.get_object(Bucket=bucket, Key="a b")["Body"].read()
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a b"})
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}]})
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="missing")
    assert server.request("GET", f"/{bucket}/secret").status == 403
    server.advance(10)
    settle(server)
    server.reset_clock()
    lines = log_lines(s3, target, "log/")
    assert lines and all(len(line) == 27 for line in lines), lines
    by_operation = {line[6]: line for line in lines}
    assert {"REST.PUT.OBJECT", "REST.GET.OBJECT", "REST.COPY.OBJECT", "REST.COPY.OBJECT_GET", "REST.POST.MULTI_OBJECT_DELETE", "BATCH.DELETE.OBJECT"} <= set(by_operation)
    put = by_operation["REST.PUT.OBJECT"]
    assert (put[1], put[3], put[7], put[9], put[12], put[19], put[21], put[26]) == (bucket, "127.0.0.1", "a%20b", "200", "5", "SigV4", "AuthHeader", "us-east-1")
    statuses = sorted((line[9], line[10], line[11]) for line in lines if line[6] == "REST.GET.OBJECT")
    assert ("200", "-", "5") in statuses and any(status[:2] == ("404", "NoSuchKey") for status in statuses)
    refused = next(line for line in lines if line[9] == "403")
    assert (refused[4], refused[6], refused[10]) == ("-", "REST.GET.OBJECT", "AccessDenied")


def test_the_log_tells_access_points_required_acls_and_websites(server, s3, bucket):
    target = f"{bucket}-logs"
    s3.create_bucket(Bucket=target)
    let_in(s3, target, "logging.s3.amazonaws.com", bucket)
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log/"}})
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"hi", ACL="public-read")
    point = control(server).create_access_point(AccountId=ACCOUNT, Name="logged", Bucket=bucket)
    s3.get_object(Bucket=point["Alias"], Key="index.html")
    host = {"Host": f"{bucket}.s3-website.localhost"}
    assert [server.request("GET", path, headers=host).status for path in ("/", "/missing")] == [200, 403]
    server.advance(10)
    settle(server)
    server.reset_clock()
    lines = {(line[6], line[7], line[9]): line for line in log_lines(s3, target, "log/")}
    assert lines["REST.GET.OBJECT", "index.html", "200"][24:26] == [point["AccessPointArn"], "-"]
    assert lines["WEBSITE.GET.OBJECT", "-", "200"][24:26] == ["-", "Yes"]
    assert lines["WEBSITE.GET.OBJECT", "missing", "403"][10] == "AccessDenied"
    assert lines["REST.PUT.OBJECT", "index.html", "200"][24:26] == ["-", "-"]


def test_objects_expire_and_their_versions_too(server, s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "r", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket=bucket, Key="tmp/a", Body=b"x")
    assert 'rule-id="r"' in put["Expiration"]
    s3.put_object(Bucket=bucket, Key="stays", Body=b"x")
    server.advance(5 * DAY)
    settle(server)
    server.reset_clock()
    versions = s3.list_object_versions(Bucket=bucket)
    assert [version["Key"] for version in versions["Versions"]] == ["stays"]


def test_objects_are_replicated_under_the_role(server, s3, bucket):
    target = f"{bucket}-replica"
    s3.create_bucket(Bucket=target)
    for name in (bucket, target):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def configure(arn):
        rule = {
            "ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {}, "DeleteMarkerReplication": {"Status": "Enabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
        }
        s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={"Role": arn, "Rules": [rule]})

    configure(role(server, "s3.amazonaws.com", [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]))
    s3.put_object(Bucket=bucket, Key="refused", Body=b"x")
    settle(server)
    assert s3.head_object(Bucket=bucket, Key="refused")["ReplicationStatus"] == "FAILED"
    configure(role(server, "s3.amazonaws.com", ALL))
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"hello", Metadata={"m": "1"})
    settle(server)
    assert s3.head_object(Bucket=bucket, Key="a")["ReplicationStatus"] == "COMPLETED"
    replica = s3.get_object(Bucket=target, Key="a")
    assert (replica["Body"].read(), replica["VersionId"], replica["Metadata"], replica["ReplicationStatus"]) == (b"hello", put["VersionId"], {"m": "1"}, "REPLICA")
    s3.delete_object(Bucket=bucket, Key="a")
    settle(server)
    with pytest.raises(ClientError) as raised:
        s3.get_object(Bucket=target, Key="a")
    assert error_of(raised)[0] == "NoSuchKey"


def test_what_is_locked_is_replicated_if_the_role_may_read_the_lock(server, s3, bucket):
    source, target, unlocked = f"{bucket}-locked", f"{bucket}-target", f"{bucket}-unlocked"
    for name in (source, target):
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    s3.create_bucket(Bucket=unlocked)
    s3.put_bucket_versioning(Bucket=unlocked, VersioningConfiguration={"Status": "Enabled"})
    sqs, url, queue = queue_for(server, source)
    events = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:Replication:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=source, NotificationConfiguration=events)
    bodies(sqs, url)
    deny = {"Effect": "Deny", "Action": ["s3:GetObjectRetention", "s3:GetObjectLegalHold"], "Resource": "*"}
    read = {"Effect": "Allow", "Action": ["s3:GetObjectRetention", "s3:GetObjectLegalHold"], "Resource": f"arn:aws:s3:::{source}/*"}
    minimal = [
        {"Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"], "Resource": f"arn:aws:s3:::{source}"},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"],
            "Resource": f"arn:aws:s3:::{source}/*",
        },
        {"Effect": "Allow", "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], "Resource": f"arn:aws:s3:::{target}/*"},
    ]

    def configure(statements, into=target):
        rule = {
            "ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {}, "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{into}", "Metrics": {"Status": "Enabled"}},
        }
        arn = role(server, "s3.amazonaws.com", statements)
        s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": arn, "Rules": [rule]})

    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=400)
    retained = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}

    def failure(key, **lock):
        s3.put_object(Bucket=source, Key=key, Body=b"x", **lock)
        settle(server)
        assert s3.head_object(Bucket=source, Key=key)["ReplicationStatus"] == "FAILED"
        [event] = bodies(sqs, url)
        return event["Records"][0]["replicationEventData"]["failureReason"]

    configure([*minimal, deny])
    assert failure("retained", **retained) == "SrcGetRetentionNotPermitted"
    assert failure("held", ObjectLockLegalHoldStatus="ON") == "SrcGetLegalHoldNotPermitted"
    configure(minimal[:2] + [read])
    assert failure("unwritten") == "DstPutObjectNotPermitted"
    configure(ALL, into=unlocked)
    assert failure("unlocked", **retained) == "DstBucketObjectLockConfigMissing"
    configure([*minimal, read])
    s3.put_object(Bucket=source, Key="a", Body=b"x", ObjectLockLegalHoldStatus="ON", **retained)
    settle(server)
    assert s3.head_object(Bucket=source, Key="a")["ReplicationStatus"] == "COMPLETED"
    replica = s3.head_object(Bucket=target, Key="a")
    assert (replica["ObjectLockMode"], replica["ObjectLockLegalHoldStatus"], replica["ReplicationStatus"]) == ("GOVERNANCE", "ON", "REPLICA")


def test_an_inventory_lists_the_objects(server, s3, bucket):
    target = f"{bucket}-reports"
    s3.create_bucket(Bucket=target)
    let_in(s3, target, "s3.amazonaws.com", bucket)
    for key in ("a b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"hello")
    configuration = {
        "Id": "daily", "IsEnabled": True, "IncludedObjectVersions": "Current", "Schedule": {"Frequency": "Daily"}, "OptionalFields": ["Size"],
        "Destination": {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{target}", "Format": "CSV"}},
    }
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id="daily", InventoryConfiguration=configuration)
    assert s3.get_bucket_inventory_configuration(Bucket=bucket, Id="daily")["InventoryConfiguration"] == configuration
    server.advance(DAY)
    settle(server)
    server.reset_clock()
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=target)["Contents"]]
    manifest = json.loads(s3.get_object(Bucket=target, Key=next(key for key in keys if key.endswith("manifest.json")))["Body"].read())
    data = s3.get_object(Bucket=target, Key=manifest["files"][0]["key"])["Body"].read()
    assert gzip.decompress(data).decode().splitlines() == [f'"{bucket}","a%20b","5"', f'"{bucket}","c","5"']


@pytest.fixture(autouse=True)
def found_names(monkeypatch):
    """Names below `localhost` are this machine: clients of S3 Control put the account before the host."""
    find = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: find("127.0.0.1" if str(host).endswith(".localhost") else host, *more, **named))


def control(server):
    return server.client("s3control", url=f"http://localhost:{server.port}")


def job(server, client, arn, manifest, report, operation=None, **more):
    etag = manifest.pop("etag")
    return client.create_job(
        AccountId=ACCOUNT,
        Operation=operation or {"S3PutObjectTagging": {"TagSet": [{"Key": "k", "Value": "v"}]}},
        Manifest={"Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]}, "Location": {"ObjectArn": manifest["arn"], "ETag": etag}},
        Report={"Bucket": f"arn:aws:s3:::{report}", "Format": "Report_CSV_20180820", "Enabled": True, "Prefix": "reports", "ReportScope": "AllTasks"},
        RoleArn=arn,
        **{"Priority": 10, "ConfirmationRequired": False, "ClientRequestToken": uuid.uuid4().hex, **more},
    )["JobId"]


def manifest_of(s3, bucket, keys):
    etag = s3.put_object(Bucket=bucket, Key="manifest.csv", Body="".join(f"{bucket},{key}\n" for key in keys).encode())["ETag"]
    return {"arn": f"arn:aws:s3:::{bucket}/manifest.csv", "etag": etag.strip('"')}


def test_a_job_changes_every_object_and_reports_it(server, s3, bucket):
    client = control(server)
    s3.put_object(Bucket=bucket, Key="a b", Body=b"1")
    arn = role(server, "batchoperations.s3.amazonaws.com", ALL)
    made = job(server, client, arn, manifest_of(s3, bucket, ["a%20b", "missing"]), bucket, ConfirmationRequired=True, Description="two rows")
    settle(server)
    described = client.describe_job(AccountId=ACCOUNT, JobId=made)["Job"]
    assert (described["Status"], described["ProgressSummary"]["TotalNumberOfTasks"]) == ("Suspended", 2)
    client.update_job_status(AccountId=ACCOUNT, JobId=made, RequestedJobStatus="Ready")
    settle(server)
    described = client.describe_job(AccountId=ACCOUNT, JobId=made)["Job"]
    progress = described["ProgressSummary"]
    assert described["Status"] == "Complete"
    assert (progress["NumberOfTasksSucceeded"], progress["NumberOfTasksFailed"]) == (1, 1)
    assert s3.get_object_tagging(Bucket=bucket, Key="a b")["TagSet"] == [{"Key": "k", "Value": "v"}]
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=f"reports/job-{made}/manifest.json")["Body"].read())
    rows = {result["TaskExecutionStatus"]: s3.get_object(Bucket=bucket, Key=result["Key"])["Body"].read().decode() for result in manifest["Results"]}
    assert rows["succeeded"].startswith(f"{bucket},a%20b,,succeeded,200,")
    assert rows["failed"].startswith(f"{bucket},missing,,failed,404,NoSuchKey,")
    with pytest.raises(ClientError) as raised:
        client.update_job_status(AccountId=ACCOUNT, JobId=made, RequestedJobStatus="Cancelled")
    assert error_of(raised)[0] == "JobStatusException"
    assert [one["JobId"] for one in client.list_jobs(AccountId=ACCOUNT, JobStatuses=["Complete"])["Jobs"]][0] == made
    client.put_job_tagging(AccountId=ACCOUNT, JobId=made, Tags=[{"Key": "a", "Value": "b"}])
    assert client.get_job_tagging(AccountId=ACCOUNT, JobId=made)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_the_role_of_a_job_is_asked_for_every_object(server, s3, bucket):
    client = control(server)
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    may = [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}]
    made = job(server, client, role(server, "batchoperations.s3.amazonaws.com", may), manifest_of(s3, bucket, ["a"]), bucket)
    settle(server)
    described = client.describe_job(AccountId=ACCOUNT, JobId=made)["Job"]
    assert described["ProgressSummary"]["NumberOfTasksFailed"] == 1
    [result] = json.loads(s3.get_object(Bucket=bucket, Key=f"reports/job-{made}/manifest.json")["Body"].read())["Results"]
    assert ",failed,403,AccessDenied," in s3.get_object(Bucket=bucket, Key=result["Key"])["Body"].read().decode()
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == []


def test_other_operations_and_a_generated_manifest(server, s3, bucket):
    client = control(server)
    for key in ("in/1", "in/2", "out/3"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"123456789")
    generator = {"SourceBucket": f"arn:aws:s3:::{bucket}", "EnableManifestOutput": False, "Filter": {"KeyNameConstraint": {"MatchAnyPrefix": ["in/"]}}}
    arn = role(server, "batchoperations.s3.amazonaws.com", ALL)
    for operation in (
        {"S3PutObjectCopy": {"TargetResource": f"arn:aws:s3:::{bucket}", "TargetKeyPrefix": "copies/", "StorageClass": "STANDARD_IA"}},
        {"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "CRC32"}},
    ):
        made = client.create_job(
            AccountId=ACCOUNT, Operation=operation, ManifestGenerator={"S3JobManifestGenerator": generator}, RoleArn=arn, Priority=1,
            Report={"Bucket": f"arn:aws:s3:::{bucket}", "Format": "Report_CSV_20180820", "Enabled": True, "ReportScope": "AllTasks"},
            ConfirmationRequired=False, ClientRequestToken=uuid.uuid4().hex,
        )["JobId"]
        settle(server)
        described = client.describe_job(AccountId=ACCOUNT, JobId=made)["Job"]
        assert (described["Status"], described["ProgressSummary"]["NumberOfTasksSucceeded"]) == ("Complete", 2), described
    assert s3.head_object(Bucket=bucket, Key="copies/in/1")["StorageClass"] == "STANDARD_IA"
    [result] = json.loads(s3.get_object(Bucket=bucket, Key=f"job-{made}/manifest.json")["Body"].read())["Results"]
    assert "y/Q5Jg==" in s3.get_object(Bucket=bucket, Key=result["Key"])["Body"].read().decode()


JUDGE = """
def handler(event, context):
    [task] = event["tasks"]
    code = "PermanentFailure" if task["s3Key"] == "bad%20one" else "Succeeded"
    said = f"{event['job']['userArguments']['word']} {task['s3Bucket']}"
    return {
        "invocationSchemaVersion": "2.0",
        "invocationId": event["invocationId"],
        "results": [{"taskId": task["taskId"], "resultCode": code, "resultString": said}],
    }
"""


def test_a_job_asks_a_function_for_every_object(server, s3, bucket):
    functions = server.client("lambda")
    function = functions.create_function(
        FunctionName="judge",
        Runtime="python3.12",
        Handler="index.handler",
        Role=role(server, "lambda.amazonaws.com", ALL),
        Code={"ZipFile": archive(**{"index.py": JUDGE})},
        Timeout=10,
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName="judge")
    operation = {"LambdaInvoke": {"FunctionArn": function, "InvocationSchemaVersion": "2.0", "UserArguments": {"word": "judged"}}}

    def report(statements):
        made = job(
            server,
            control(server),
            role(server, "batchoperations.s3.amazonaws.com", [*ALL, *statements]),
            manifest_of(s3, bucket, ["good", "bad%20one"]),
            bucket,
            operation,
        )
        settle(server)
        described = control(server).describe_job(AccountId=ACCOUNT, JobId=made)["Job"]
        assert described["Status"] == "Complete", described
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix=f"reports/job-{made}/results/")["Contents"]]
        rows = [row for key in keys for row in s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()]
        return sorted(row.split(",", 6)[1:] for row in rows)

    assert report([{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}]) == [
        ["bad%20one", "", "failed", "200", "PermanentFailure", f"judged {bucket}"],
        ["good", "", "succeeded", "200", "", f"judged {bucket}"],
    ]
    assert [row[2:4] for row in report([])] == [["failed", "403"], ["failed", "403"]]


def test_a_job_without_a_readable_manifest_fails(server, s3, bucket):
    client = control(server)
    manifest = manifest_of(s3, bucket, ["a"])
    made = job(server, client, role(server, "batchoperations.s3.amazonaws.com", ALL), {**manifest, "etag": "0" * 32}, bucket)
    settle(server)
    described = client.describe_job(AccountId=ACCOUNT, JobId=made)["Job"]
    assert described["Status"] == "Failed" and described["FailureReasons"]
    token = uuid.uuid4().hex
    again = [job(server, client, role_arn, manifest_of(s3, bucket, ["a"]), bucket, ClientRequestToken=token) for role_arn in [described["RoleArn"]] * 2]
    assert again[0] == again[1]
    settle(server)


def test_what_waits_survives_a_kill(start, tmp_path):
    """Events, log lines, replicas and jobs are rows: a server that was killed goes on with them."""
    server = start("--data-dir", str(tmp_path))
    s3 = server.client("s3", s3={"addressing_style": "path"})
    bucket, target = "killed-bucket", "killed-target"
    for name in (bucket, target):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    sqs, url, queue = queue_for(server, bucket, "killed-queue")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]},
    )
    rule = {
        "ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": "in/"}, "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }
    s3.put_bucket_replication(
        Bucket=bucket, ReplicationConfiguration={"Role": role(server, "s3.amazonaws.com", ALL), "Rules": [rule]},
    )
    keys = [f"in/{number}" for number in range(30)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    made = job(server, control(server), role(server, "batchoperations.s3.amazonaws.com", ALL), manifest_of(s3, target, keys * 100), target)
    server.process.kill()
    server.process.wait()
    server = start("--data-dir", str(tmp_path))
    s3 = server.client("s3", s3={"addressing_style": "path"})
    settle(server)
    delivered = [body["Records"][0]["s3"]["object"]["key"] for body in bodies(server.client("sqs"), url) if "Records" in body]
    assert set(keys) <= set(delivered)
    assert {s3.head_object(Bucket=bucket, Key=key)["ReplicationStatus"] for key in keys} == {"COMPLETED"}
    assert len(s3.list_objects_v2(Bucket=target, Prefix="in/")["Contents"]) == 30
    described = control(server).describe_job(AccountId=ACCOUNT, JobId=made)["Job"]
    assert (described["Status"], described["ProgressSummary"]["TotalNumberOfTasks"]) == ("Complete", 3000)


def test_a_job_that_was_killed_goes_on_where_it_was(start, tmp_path):
    server = start("--data-dir", str(tmp_path))
    s3 = server.client("s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="job-bucket")
    keys = [f"k{number}" for number in range(20)]
    for key in keys:
        s3.put_object(Bucket="job-bucket", Key=key, Body=b"x")
    lines = [*keys * 600, *["missing"] * 10]
    made = job(server, control(server), role(server, "batchoperations.s3.amazonaws.com", ALL), manifest_of(s3, "job-bucket", lines), "job-bucket")

    def described():
        return control(server).describe_job(AccountId=ACCOUNT, JobId=made)["Job"]

    while described()["ProgressSummary"]["NumberOfTasksSucceeded"] == 0:
        pass
    # What is written is durable with everything before it.
    s3.put_object(Bucket="job-bucket", Key="last", Body=b"x")
    server.process.kill()
    server.process.wait()
    server = start("--data-dir", str(tmp_path))
    s3 = server.client("s3", s3={"addressing_style": "path"})
    assert 0 < described()["ProgressSummary"]["NumberOfTasksSucceeded"] < len(lines), "it was killed in the middle"
    settle(server)
    progress = described()["ProgressSummary"]
    assert described()["Status"] == "Complete"
    found = [progress[name] for name in ("TotalNumberOfTasks", "NumberOfTasksSucceeded", "NumberOfTasksFailed")]
    assert found == [len(lines), len(lines) - 10, 10]
    reports = s3.list_objects_v2(Bucket="job-bucket", Prefix="reports/")["Contents"]
    manifest = next(entry["Key"] for entry in reports if entry["Key"].endswith("manifest.json"))
    files = [result["Key"] for result in json.loads(s3.get_object(Bucket="job-bucket", Key=manifest)["Body"].read())["Results"]]
    rows = [row for key in files for row in s3.get_object(Bucket="job-bucket", Key=key)["Body"].read().decode().splitlines()]
    assert (len(set(files)), len(rows)) == (len(files), len(lines)), "each object is in the report once"


def test_a_job_over_many_objects_takes_little_memory(start):
    server = start()
    s3 = server.client("s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="many-bucket")
    keys = [f"k{number}" for number in range(100)]
    for key in keys:
        s3.put_object(Bucket="many-bucket", Key=key, Body=b"x")
    arn, manifest = role(server, "batchoperations.s3.amazonaws.com", ALL), manifest_of(s3, "many-bucket", keys * 1000)
    before = most_resident(server)
    made = job(server, control(server), arn, manifest, "many-bucket")
    settle(server)
    described = control(server).describe_job(AccountId=ACCOUNT, JobId=made)["Job"]
    assert (described["Status"], described["ProgressSummary"]["NumberOfTasksSucceeded"]) == ("Complete", 100_000)
    assert most_resident(server) - before < 64 << 20


def test_who_may_not_change_jobs_does_not_learn_which_exist(server, s3):
    iam = server.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    nobody = server.client("s3control", key["AccessKeyId"], key["SecretAccessKey"], url=f"http://localhost:{server.port}")
    missing = {"AccountId": ACCOUNT, "JobId": "11111111-1111-1111-1111-111111111111"}
    changes = [("update_job_priority", {"Priority": 1}), ("update_job_status", {"RequestedJobStatus": "Ready"})]
    for client, code in [(nobody, "AccessDenied"), (control(server), "NoSuchJob")]:
        for change, more in changes:
            with pytest.raises(ClientError) as raised:
                getattr(client, change)(**missing, **more)
            assert error_of(raised)[0] == code

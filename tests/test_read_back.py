"""What Terraform's `aws_s3_bucket` and its companions put, and how each is read back: a second plan has nothing to change."""

import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"

TAGS = [{"Key": "team", "Value": "web"}, {"Key": "stage", "Value": "dev"}]
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
KEY = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
LIFECYCLE = [
    {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 1000}},
        "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"}],
        "Expiration": {"Days": 365},
        "NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "GLACIER", "NewerNoncurrentVersions": 3}],
        "NoncurrentVersionExpiration": {"NoncurrentDays": 90, "NewerNoncurrentVersions": 2},
    },
    {"ID": "uploads", "Status": "Disabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    {"ID": "markers", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
]
WEBSITE = {
    "IndexDocument": {"Suffix": "index.html"},
    "ErrorDocument": {"Key": "error.html"},
    "RoutingRules": [
        {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/", "HttpRedirectCode": "302"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"HostName": "example.com", "Protocol": "https", "ReplaceKeyWith": "x"}},
    ],
}
CORS = [
    {"ID": "one", "AllowedHeaders": ["*"], "AllowedMethods": ["PUT", "POST"], "AllowedOrigins": ["https://a.example"], "ExposeHeaders": ["ETag", "x-amz-meta-a"], "MaxAgeSeconds": 3000},
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
]
DESTINATION = {"S3BucketDestination": {"Format": "CSV", "Bucket": "arn:aws:s3:::{bucket}", "Prefix": "reports", "AccountId": ACCOUNT}}
ANALYTICS = {
    "Id": "all",
    "Filter": {"And": {"Prefix": "p/", "Tags": [{"Key": "a", "Value": "b"}]}},
    "StorageClassAnalysis": {
        "DataExport": {
            "OutputSchemaVersion": "V_1",
            "Destination": {"S3BucketDestination": {"Format": "CSV", "BucketAccountId": ACCOUNT, "Bucket": "arn:aws:s3:::{bucket}", "Prefix": "a"}},
        }
    },
}
INVENTORY = {
    "Id": "all",
    "IsEnabled": True,
    "Destination": {"S3BucketDestination": {"AccountId": ACCOUNT, "Bucket": "arn:aws:s3:::{bucket}", "Format": "CSV", "Prefix": "inventory", "Encryption": {"SSES3": {}}}},
    "Filter": {"Prefix": "p/"},
    "IncludedObjectVersions": "All",
    "OptionalFields": ["Size", "LastModifiedDate", "ETag"],
    "Schedule": {"Frequency": "Weekly"},
}
TIERING = {"Id": "all", "Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Tierings": [{"Days": 125, "AccessTier": "ARCHIVE_ACCESS"}, {"Days": 180, "AccessTier": "DEEP_ARCHIVE_ACCESS"}]}
POLICY = {"Version": "2012-10-17", "Id": "p", "Statement": [{"Sid": "s", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}

# Operation, member, what is put, and the member of the answer (or none: its members are the answer's). `{bucket}` is the bucket's name.
SETTINGS = [
    ("bucket_versioning", "VersioningConfiguration", {"Status": "Enabled"}, None),
    ("bucket_versioning", "VersioningConfiguration", {"Status": "Suspended"}, None),
    ("public_access_block", "PublicAccessBlockConfiguration", BLOCK, "PublicAccessBlockConfiguration"),
    ("bucket_ownership_controls", "OwnershipControls", {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}, "OwnershipControls"),
    ("bucket_ownership_controls", "OwnershipControls", {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}, "OwnershipControls"),
    ("bucket_tagging", "Tagging", {"TagSet": TAGS}, None),
    ("bucket_request_payment", "RequestPaymentConfiguration", {"Payer": "Requester"}, None),
    ("bucket_abac", "AbacStatus", {"Status": "Enabled"}, "AbacStatus"),
    ("bucket_lifecycle_configuration", "LifecycleConfiguration", {"Rules": LIFECYCLE}, None),
    ("bucket_cors", "CORSConfiguration", {"CORSRules": CORS}, None),
    ("bucket_website", "WebsiteConfiguration", WEBSITE, None),
    ("bucket_website", "WebsiteConfiguration", {"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}, None),
    ("bucket_accelerate_configuration", "AccelerateConfiguration", {"Status": "Suspended"}, None),
    (
        "bucket_encryption",
        "ServerSideEncryptionConfiguration",
        {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}, "BucketKeyEnabled": True, "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}]},
        "ServerSideEncryptionConfiguration",
    ),
    (
        "bucket_logging",
        "BucketLoggingStatus",
        {"LoggingEnabled": {"TargetBucket": "{bucket}", "TargetPrefix": "log/", "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}}},
        None,
    ),
    ("bucket_policy", "Policy", POLICY, "Policy"),
    ("bucket_analytics_configuration", "AnalyticsConfiguration", ANALYTICS, "AnalyticsConfiguration"),
    ("bucket_inventory_configuration", "InventoryConfiguration", INVENTORY, "InventoryConfiguration"),
    ("bucket_intelligent_tiering_configuration", "IntelligentTieringConfiguration", TIERING, "IntelligentTieringConfiguration"),
    ("bucket_metrics_configuration", "MetricsConfiguration", {"Id": "m", "Filter": {"And": {"Prefix": "p", "Tags": TAGS}}}, "MetricsConfiguration"),
    ("bucket_metrics_configuration", "MetricsConfiguration", {"Id": "m"}, "MetricsConfiguration"),
    ("bucket_notification_configuration", "NotificationConfiguration", {"EventBridgeConfiguration": {}}, None),
]


def named(value, bucket):
    """With the name of the bucket in it."""
    if isinstance(value, dict):
        return {name: named(member, bucket) for name, member in value.items()}
    if isinstance(value, list):
        return [named(member, bucket) for member in value]
    return value.replace("{bucket}", bucket) if isinstance(value, str) else value


@pytest.mark.parametrize(("name", "member", "value", "answer"), SETTINGS, ids=[f"{name}-{number}" for number, (name, *_) in enumerate(SETTINGS)])
def test_a_setting_is_read_back_as_it_was_put(s3, bucket, name, member, value, answer):
    value = named(value, bucket)
    which = {"Id": value["Id"]} if "Id" in value and member != "Policy" else {}
    sent = json.dumps(value) if member == "Policy" else value
    for _ in range(2):
        getattr(s3, f"put_{name}")(Bucket=bucket, **which, **{member: sent})
        for _ in range(2):
            read = getattr(s3, f"get_{name}")(Bucket=bucket, **which)
            shown = read[answer] if answer else {name: read[name] for name in value}
            assert (json.loads(shown) if member == "Policy" else shown) == value


def test_object_lock_is_read_back_as_it_was_put(s3):
    s3.create_bucket(Bucket="locked-and-read-back", ObjectLockEnabledForBucket=True)
    value = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 5}}}
    s3.put_object_lock_configuration(Bucket="locked-and-read-back", ObjectLockConfiguration=value)
    for _ in range(2):
        assert s3.get_object_lock_configuration(Bucket="locked-and-read-back")["ObjectLockConfiguration"] == value
    assert s3.get_bucket_versioning(Bucket="locked-and-read-back")["Status"] == "Enabled"


def test_replication_is_read_back_as_it_was_put(server, s3, bucket):
    iam = server.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="replicates", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    s3.create_bucket(Bucket="replicas-of-it")
    for name in (bucket, "replicas-of-it"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "all",
        "Priority": 1,
        "Filter": {"Prefix": "p/"},
        "Status": "Enabled",
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}, "ReplicaModifications": {"Status": "Enabled"}},
        "Destination": {
            "Bucket": "arn:aws:s3:::replicas-of-it",
            "StorageClass": "STANDARD_IA",
            "EncryptionConfiguration": {"ReplicaKmsKeyID": KEY},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
        },
        "DeleteMarkerReplication": {"Status": "Enabled"},
    }
    value = {"Role": role, "Rules": [rule]}
    for _ in range(2):
        s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=value)
        assert s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"] == value


def test_notifications_are_read_back_as_they_were_put(server, s3, sqs, queue, bucket):
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    rules = [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".jpg"}]
    value = {"QueueConfigurations": [{"Id": "tf-s3-queue-1", "QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"], "Filter": {"Key": {"FilterRules": rules}}}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=value)
    for _ in range(2):
        read = s3.get_bucket_notification_configuration(Bucket=bucket)
        assert {name: read[name] for name in value} == value


def test_acls_are_read_back_as_they_were_put(s3, bucket):
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
    owner = s3.get_bucket_acl(Bucket=bucket)["Owner"]
    logs = {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}, "Permission": "WRITE"}
    own = {"Grantee": {"Type": "CanonicalUser", "ID": owner["ID"]}, "Permission": "FULL_CONTROL"}
    put = {"Owner": owner, "Grants": [own, logs]}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=put)
    read = s3.get_bucket_acl(Bucket=bucket)
    assert {"Owner": read["Owner"], "Grants": read["Grants"]} == put



def error_of(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response["Error"]["Code"]


# What the provider reads of every bucket, and the codes by which it knows that there is nothing.
ABSENT = [
    ("get_bucket_policy", "NoSuchBucketPolicy"),
    ("get_bucket_cors", "NoSuchCORSConfiguration"),
    ("get_bucket_website", "NoSuchWebsiteConfiguration"),
    ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
    ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
    ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ("get_bucket_tagging", "NoSuchTagSet"),
]


def test_the_calls_of_a_new_bucket(s3, bucket):
    """Those of `aws_s3_bucket` in their order: create, wait, read; the second read is the second plan."""
    reads = []
    for _ in range(2):
        s3.head_bucket(Bucket=bucket)
        assert [error_of(getattr(s3, call), Bucket=bucket) for call, _ in ABSENT] == [code for _, code in ABSENT]
        acl = s3.get_bucket_acl(Bucket=bucket)
        encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        read = [
            acl["Grants"],
            s3.get_bucket_versioning(Bucket=bucket).get("Status"),
            s3.get_bucket_accelerate_configuration(Bucket=bucket).get("Status"),
            s3.get_bucket_request_payment(Bucket=bucket)["Payer"],
            s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled"),
            encryption[0]["ApplyServerSideEncryptionByDefault"],
            s3.get_bucket_location(Bucket=bucket)["LocationConstraint"],
            s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
            s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"],
        ]
        owner = {"ID": acl["Owner"]["ID"], "Type": "CanonicalUser"}
        assert read[0] == [{"Grantee": owner, "Permission": "FULL_CONTROL"}]
        assert read[1:7] == [None, None, "BucketOwner", None, {"SSEAlgorithm": "AES256"}, None]
        assert read[7] == dict.fromkeys(BLOCK, True)
        assert read[8] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        reads.append(read)
    assert reads[0] == reads[1]


# What is deleted is gone for the next read.
DELETED = [
    ("bucket_policy", "NoSuchBucketPolicy"),
    ("bucket_cors", "NoSuchCORSConfiguration"),
    ("bucket_website", "NoSuchWebsiteConfiguration"),
    ("bucket_tagging", "NoSuchTagSet"),
    ("public_access_block", "NoSuchPublicAccessBlockConfiguration"),
    ("bucket_ownership_controls", "OwnershipControlsNotFoundError"),
]


@pytest.mark.parametrize(("name", "code"), DELETED)
def test_a_deleted_setting_is_gone(s3, bucket, name, code):
    for _ in range(2):
        getattr(s3, f"delete_{name}")(Bucket=bucket)
        assert error_of(getattr(s3, f"get_{name}"), Bucket=bucket) == code

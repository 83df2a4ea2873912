"""S3 Control: S3 Access Grants, with credentials that reach what was granted and no more; Storage Lens."""

import json

import boto3
import pytest
from test_access_points import ACCOUNT, control, refusal  # noqa: F401  (a fixture)

INSTANCE = f"arn:aws:s3:us-east-1:{ACCOUNT}:access-grants/default"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "access-grants.s3.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {"aws:SourceArn": INSTANCE}},
        }
    ],
}
ALL_OF_S3 = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
ASKING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:GetDataAccess", "s3:ListCallerAccessGrants"], "Resource": "*"}})


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


@pytest.fixture
def role(iam):
    arn = iam.create_role(RoleName="location", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="location", PolicyName="all", PolicyDocument=ALL_OF_S3)
    yield arn
    iam.delete_role_policy(RoleName="location", PolicyName="all")
    iam.delete_role(RoleName="location")


@pytest.fixture
def reader(iam):
    """A user who may ask for access, and has no other permission: its ARN and its keys."""
    arn = iam.create_user(UserName="reader")["User"]["Arn"]
    iam.put_user_policy(UserName="reader", PolicyName="ask", PolicyDocument=ASKING)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    yield arn, {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    iam.delete_access_key(UserName="reader", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="reader", PolicyName="ask")
    iam.delete_user(UserName="reader")


@pytest.fixture
def instance(control):  # noqa: F811
    control.create_access_grants_instance(AccountId=ACCOUNT)
    yield
    for grant in control.list_access_grants(AccountId=ACCOUNT)["AccessGrantsList"]:
        control.delete_access_grant(AccountId=ACCOUNT, AccessGrantId=grant["AccessGrantId"])
    for location in control.list_access_grants_locations(AccountId=ACCOUNT)["AccessGrantsLocationsList"]:
        control.delete_access_grants_location(AccountId=ACCOUNT, AccessGrantsLocationId=location["AccessGrantsLocationId"])
    control.delete_access_grants_instance(AccountId=ACCOUNT)


def asking(server, keys):
    return boto3.client("s3control", endpoint_url=f"http://localhost:{server.port}", region_name="us-east-1", **keys)


def with_credentials(server, credentials):
    return boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def test_a_grantee_reaches_what_was_granted(server, control, s3, bucket, instance, role, reader):  # noqa: F811
    user, keys = reader
    for key in ("reports/a", "reports/b/c", "secret"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    location = control.create_access_grants_location(AccountId=ACCOUNT, LocationScope=f"s3://{bucket}/*", IAMRoleArn=role)
    grant = control.create_access_grant(
        AccountId=ACCOUNT,
        AccessGrantsLocationId=location["AccessGrantsLocationId"],
        AccessGrantsLocationConfiguration={"S3SubPrefix": "reports/*"},
        Grantee={"GranteeType": "IAM", "GranteeIdentifier": user},
        Permission="READ",
    )
    assert grant["GrantScope"] == f"s3://{bucket}/reports/*" and grant["AccessGrantArn"] == f"{INSTANCE}/grant/{grant['AccessGrantId']}"
    own = asking(server, keys)
    assert [(entry["GrantScope"], entry["Permission"]) for entry in own.list_caller_access_grants(AccountId=ACCOUNT)["CallerAccessGrantsList"]] == [
        (f"s3://{bucket}/reports/*", "READ")
    ]
    given = own.get_data_access(AccountId=ACCOUNT, Target=f"s3://{bucket}/reports/b/*", Permission="READ")
    assert given["MatchedGrantTarget"] == f"s3://{bucket}/reports/*" and given["Grantee"]["GranteeIdentifier"] == user
    session = with_credentials(server, given["Credentials"])
    assert session.get_object(Bucket=bucket, Key="reports/a")["Body"].read() == b"reports/a"
    assert [entry["Key"] for entry in session.list_objects_v2(Bucket=bucket, Prefix="reports/")["Contents"]] == ["reports/a", "reports/b/c"]
    assert refusal(session.get_object, Bucket=bucket, Key="secret") == (403, "AccessDenied")
    assert refusal(session.list_objects_v2, Bucket=bucket) == (403, "AccessDenied")
    assert refusal(session.put_object, Bucket=bucket, Key="reports/a", Body=b"") == (403, "AccessDenied")
    # Minimal: the target, not the grant.
    given = own.get_data_access(AccountId=ACCOUNT, Target=f"s3://{bucket}/reports/b/*", Permission="READ", Privilege="Minimal", DurationSeconds=900)
    session = with_credentials(server, given["Credentials"])
    assert given["MatchedGrantTarget"] == f"s3://{bucket}/reports/b/*"
    assert session.get_object(Bucket=bucket, Key="reports/b/c")["Body"].read() == b"reports/b/c"
    assert refusal(session.get_object, Bucket=bucket, Key="reports/a") == (403, "AccessDenied")
    # What nobody granted.
    for target, permission in ((f"s3://{bucket}/reports/*", "WRITE"), (f"s3://{bucket}/secret", "READ"), (f"s3://{bucket}/*", "READ"), ("s3://other/*", "READ")):
        assert refusal(own.get_data_access, AccountId=ACCOUNT, Target=target, Permission=permission) == (403, "AccessDenied")
    control.delete_access_grant(AccountId=ACCOUNT, AccessGrantId=grant["AccessGrantId"])
    assert refusal(own.get_data_access, AccountId=ACCOUNT, Target=f"s3://{bucket}/reports/*", Permission="READ") == (403, "AccessDenied")


def test_a_role_that_trusts_somebody_else_gives_no_access(server, control, s3, bucket, instance, role, reader, iam):  # noqa: F811
    user, keys = reader
    location = control.create_access_grants_location(AccountId=ACCOUNT, LocationScope="s3://", IAMRoleArn=role)["AccessGrantsLocationId"]
    assert location == "default"
    who = {"AccountId": ACCOUNT, "AccessGrantsLocationId": location, "Grantee": {"GranteeType": "IAM", "GranteeIdentifier": user}, "Permission": "READWRITE"}
    assert refusal(control.create_access_grant, **who) == (400, "InvalidAccessGrant")
    control.create_access_grant(**who, AccessGrantsLocationConfiguration={"S3SubPrefix": f"{bucket}/*"})
    target = {"AccountId": ACCOUNT, "Target": f"s3://{bucket}/*", "Permission": "WRITE"}
    session = with_credentials(server, asking(server, keys).get_data_access(**target)["Credentials"])
    session.put_object(Bucket=bucket, Key="new", Body=b"x")
    # Only what was asked for, though the grant allows both.
    assert refusal(session.get_object, Bucket=bucket, Key="new") == (403, "AccessDenied")
    other = json.loads(json.dumps(TRUST).replace(INSTANCE, INSTANCE.replace("us-east-1", "eu-west-1")))
    iam.update_assume_role_policy(RoleName="location", PolicyDocument=json.dumps(other))
    assert refusal(asking(server, keys).get_data_access, **target) == (403, "StsNotAuthorizedError")
    iam.update_assume_role_policy(RoleName="location", PolicyDocument=json.dumps(TRUST))
    assert refusal(asking(server, keys).get_data_access, **target, DurationSeconds=7200) == (400, "StsValidationError")


def test_what_access_grants_refuses(control, bucket, role, reader):  # noqa: F811
    user, _ = reader
    grantee = {"GranteeType": "IAM", "GranteeIdentifier": user}
    account = {"AccountId": ACCOUNT}
    none = (404, "AccessGrantsInstanceNotExistsError")
    assert refusal(control.get_access_grants_instance, **account) == none
    assert refusal(control.delete_access_grants_instance, **account) == none
    assert refusal(control.list_access_grants, **account) == none
    assert refusal(control.create_access_grants_location, **account, LocationScope="s3://", IAMRoleArn=role) == none
    assert refusal(control.get_data_access, **account, Target="s3://b/*", Permission="READ") == none
    assert control.list_access_grants_instances(**account)["AccessGrantsInstancesList"] == []
    control.create_access_grants_instance(**account, Tags=[{"Key": "team", "Value": "a"}])
    assert refusal(control.create_access_grants_instance, **account) == (409, "AccessGrantsInstanceAlreadyExists")
    assert control.list_tags_for_resource(**account, ResourceArn=INSTANCE)["Tags"] == [{"Key": "team", "Value": "a"}]
    place = control.create_access_grants_location
    assert refusal(place, **account, LocationScope="s3://", IAMRoleArn=role + "x") == (400, "InvalidIamRole")
    for scope in ("s3://no-such-bucket-here", "https://x", "s3://a*b/"):
        assert refusal(place, **account, LocationScope=scope, IAMRoleArn=role) == (400, "InvalidAccessGrantsLocation")
    location = place(**account, LocationScope=f"s3://{bucket}/p*", IAMRoleArn=role)
    assert refusal(place, **account, LocationScope=f"s3://{bucket}/p*", IAMRoleArn=role) == (409, "AccessGrantsLocationAlreadyExistsError")
    assert control.update_access_grants_location(**account, AccessGrantsLocationId=location["AccessGrantsLocationId"], IAMRoleArn=role)["IAMRoleArn"] == role
    assert refusal(control.get_access_grants_location, **account, AccessGrantsLocationId="x") == (404, "NoSuchAccessGrantsLocationError")
    assert refusal(control.get_access_grant, **account, AccessGrantId="x") == (404, "NoSuchAccessGrantError")
    grant = control.create_access_grant
    where = account | {"AccessGrantsLocationId": location["AccessGrantsLocationId"], "Permission": "READ"}
    for other in ({"GranteeType": "IAM", "GranteeIdentifier": user + "x"}, {"GranteeType": "DIRECTORY_USER", "GranteeIdentifier": "x"}):
        assert refusal(grant, **where, Grantee=other) == (400, "InvalidRequest")
    made = grant(**where, Grantee=grantee)
    assert made["GrantScope"] == f"s3://{bucket}/p*"
    assert refusal(grant, **where, Grantee=grantee) == (409, "AccessGrantAlreadyExists")
    assert refusal(control.delete_access_grants_location, **account, AccessGrantsLocationId=where["AccessGrantsLocationId"]) == (400, "AccessGrantsLocationNotEmptyError")
    assert refusal(control.delete_access_grants_instance, **account) == (400, "AccessGrantsInstanceNotEmptyError")
    assert control.get_access_grants_instance_for_prefix(**account, S3Prefix=f"s3://{bucket}/p*")["AccessGrantsInstanceArn"] == INSTANCE
    missing = (404, "AccessGrantsInstanceResourcePolicyNotExists")
    assert refusal(control.get_access_grants_instance_resource_policy, **account) == missing
    statement = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": ["s3:ListAccessGrants", "s3:GetDataAccess"], "Resource": INSTANCE}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    control.put_access_grants_instance_resource_policy(**account, Policy=policy)
    assert control.get_access_grants_instance_resource_policy(**account)["Policy"] == policy
    assert refusal(control.put_access_grants_instance_resource_policy, **account, Policy="{") == (400, "InvalidResourcePolicy")
    control.delete_access_grants_instance_resource_policy(**account)
    assert refusal(control.get_access_grants_instance_resource_policy, **account) == missing
    control.delete_access_grant(**account, AccessGrantId=made["AccessGrantId"])
    control.delete_access_grants_location(**account, AccessGrantsLocationId=where["AccessGrantsLocationId"])
    control.delete_access_grants_instance(**account)


def test_another_account_reads_an_instance_that_is_shared_with_it(server, control, instance):  # noqa: F811
    other = asking(server, {"aws_access_key_id": "123456789012", "aws_secret_access_key": "test"})
    assert refusal(other.list_access_grants, AccountId=ACCOUNT) == (403, "AccessDenied")
    statement = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "s3:ListAccessGrants", "Resource": INSTANCE}
    control.put_access_grants_instance_resource_policy(AccountId=ACCOUNT, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert other.list_access_grants(AccountId=ACCOUNT)["AccessGrantsList"] == []
    assert refusal(other.list_access_grants_locations, AccountId=ACCOUNT) == (403, "AccessDenied")
    assert refusal(other.get_access_grants_instance, AccountId=ACCOUNT) == (403, "AccessDenied")


def test_configurations_of_storage_lens_are_read_back(control):  # noqa: F811
    account = {"AccountId": ACCOUNT}
    configuration = {
        "Id": "dashboard",
        "AccountLevel": {
            "ActivityMetrics": {"IsEnabled": True},
            "BucketLevel": {
                "PrefixLevel": {"StorageMetrics": {"IsEnabled": True, "SelectionCriteria": {"Delimiter": "/", "MaxDepth": 3, "MinStorageBytesPercentage": 1.5}}}
            },
        },
        "Exclude": {"Buckets": ["arn:aws:s3:::a"], "Regions": ["eu-west-1"]},
        "DataExport": {
            "S3BucketDestination": {
                "Format": "CSV",
                "OutputSchemaVersion": "V_1",
                "AccountId": ACCOUNT,
                "Arn": "arn:aws:s3:::metrics",
                "Prefix": "lens/",
                "Encryption": {"SSES3": {}},
            }
        },
        "IsEnabled": True,
    }
    control.put_storage_lens_configuration(**account, ConfigId="dashboard", StorageLensConfiguration=configuration, Tags=[{"Key": "a", "Value": "b"}])
    arn = f"arn:aws:s3:us-east-1:{ACCOUNT}:storage-lens/dashboard"
    assert control.get_storage_lens_configuration(**account, ConfigId="dashboard")["StorageLensConfiguration"] == configuration | {"StorageLensArn": arn}
    listed = control.list_storage_lens_configurations(**account)["StorageLensConfigurationList"]
    assert [(entry["Id"], entry["IsEnabled"]) for entry in listed] == [("dashboard", True), ("default-account-dashboard", True)]
    assert control.get_storage_lens_configuration_tagging(**account, ConfigId="dashboard")["Tags"] == [{"Key": "a", "Value": "b"}]
    # A change of the configuration leaves its tags.
    control.put_storage_lens_configuration(**account, ConfigId="dashboard", StorageLensConfiguration=configuration | {"IsEnabled": False})
    assert control.get_storage_lens_configuration_tagging(**account, ConfigId="dashboard")["Tags"] == [{"Key": "a", "Value": "b"}]
    control.delete_storage_lens_configuration_tagging(**account, ConfigId="dashboard")
    assert control.get_storage_lens_configuration_tagging(**account, ConfigId="dashboard")["Tags"] == []
    both = configuration | {"Include": {"Buckets": ["arn:aws:s3:::b"]}}
    assert refusal(control.put_storage_lens_configuration, **account, ConfigId="dashboard", StorageLensConfiguration=both) == (400, "InvalidRequest")
    control.delete_storage_lens_configuration(**account, ConfigId="dashboard")
    assert refusal(control.get_storage_lens_configuration, **account, ConfigId="dashboard") == (404, "NoSuchConfiguration")
    assert refusal(control.delete_storage_lens_configuration, **account, ConfigId="default-account-dashboard") == (400, "InvalidRequest")


def test_groups_of_storage_lens_are_read_back(control):  # noqa: F811
    account = {"AccountId": ACCOUNT}
    group = {"Name": "images", "Filter": {"And": {"MatchAnySuffix": [".png", ".jpg"], "MatchObjectSize": {"BytesGreaterThan": 1024}}}}
    control.create_storage_lens_group(**account, StorageLensGroup=group, Tags=[{"Key": "a", "Value": "b"}])
    arn = f"arn:aws:s3:us-east-1:{ACCOUNT}:storage-lens-group/images"
    assert control.get_storage_lens_group(**account, Name="images")["StorageLensGroup"] == group | {"StorageLensGroupArn": arn}
    assert control.list_tags_for_resource(**account, ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    control.tag_resource(**account, ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    control.untag_resource(**account, ResourceArn=arn, TagKeys=["a"])
    changed = {"Name": "images", "Filter": {"MatchAnyPrefix": ["img/"]}}
    control.update_storage_lens_group(**account, Name="images", StorageLensGroup=changed)
    assert control.get_storage_lens_group(**account, Name="images")["StorageLensGroup"]["Filter"] == changed["Filter"]
    assert control.list_tags_for_resource(**account, ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert [entry["Name"] for entry in control.list_storage_lens_groups(**account)["StorageLensGroupList"]] == ["images"]
    two = {"Name": "two", "Filter": {"MatchAnyPrefix": ["a"], "MatchAnySuffix": ["b"]}}
    assert refusal(control.create_storage_lens_group, **account, StorageLensGroup=two) == (400, "InvalidRequest")
    control.delete_storage_lens_group(**account, Name="images")
    assert refusal(control.get_storage_lens_group, **account, Name="images")[0] == 404
    assert refusal(control.list_tags_for_resource, **account, ResourceArn=arn) == (404, "NoSuchResource")


def test_a_restart_keeps_grants_and_dashboards(start, tmp_path):
    folder = tmp_path / "data"
    with_control = lambda server: boto3.client(  # noqa: E731
        "s3control", endpoint_url=f"http://localhost:{server.port}", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    server = start("--data-dir", folder)
    role = server.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    user = server.client("iam").create_user(UserName="u")["User"]["Arn"]
    control = with_control(server)  # noqa: F811
    control.create_access_grants_instance(AccountId=ACCOUNT)
    control.create_access_grants_location(AccountId=ACCOUNT, LocationScope="s3://", IAMRoleArn=role)
    made = control.create_access_grant(
        AccountId=ACCOUNT,
        AccessGrantsLocationId="default",
        AccessGrantsLocationConfiguration={"S3SubPrefix": "b/*"},
        Grantee={"GranteeType": "IAM", "GranteeIdentifier": user},
        Permission="READ",
    )
    control.put_storage_lens_configuration(
        AccountId=ACCOUNT, ConfigId="d", StorageLensConfiguration={"Id": "d", "AccountLevel": {"BucketLevel": {}}, "IsEnabled": True}
    )
    control.create_storage_lens_group(AccountId=ACCOUNT, StorageLensGroup={"Name": "g", "Filter": {"MatchAnyPrefix": ["a"]}})
    server.process.kill()
    server.process.wait()
    control = with_control(start("--data-dir", folder))
    grants = control.list_access_grants(AccountId=ACCOUNT)["AccessGrantsList"]
    assert [(grant["AccessGrantId"], grant["GrantScope"]) for grant in grants] == [(made["AccessGrantId"], "s3://b/*")]
    assert control.get_storage_lens_configuration(AccountId=ACCOUNT, ConfigId="d")["StorageLensConfiguration"]["IsEnabled"] is True
    assert control.get_storage_lens_group(AccountId=ACCOUNT, Name="g")["StorageLensGroup"]["Name"] == "g"

"""IAM's temporary delegation: a partner requests access, a customer accepts, STS hands out credentials."""

import datetime
import json

import botocore.auth
import botocore.crt.auth
import pytest
from botocore.exceptions import ClientError

PARTNER, CUSTOMER = "222222222222", "111111111111"
TEMPLATE = "arn:aws:iam::partner:delegation-template/example.com/setup"
BOUNDARY = "arn:aws:iam::partner:policy/permissions-boundary/example.com/Worker_20250115"


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


@pytest.fixture(scope="module")
def server(start, tmp_path_factory):
    """A server with a registered partner."""
    template = policy(
        allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::@{bucketNames}/*"),
        allow(
            ["iam:CreateRole", "iam:PutRolePolicy"],
            "arn:aws:iam::@{AccountId}:role/example.com/*",
            Condition={"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}},
        )
        | {"@Enabled": "ENABLE_WORKER"},
    )
    boundary = policy(allow("sqs:SendMessage"))
    partner = {"name": "Example Corp", "accounts": [PARTNER], "templates": {TEMPLATE: template}, "boundaries": {BOUNDARY: boundary}}
    file = tmp_path_factory.mktemp("partners") / "partners.json"
    file.write_text(json.dumps([partner]))
    return start("--partners", str(file))


@pytest.fixture(scope="module")
def notifications(server):
    """The partner's topic, and a function that receives its messages."""
    sns, sqs = server.client("sns", key=PARTNER), server.client("sqs", key=PARTNER)
    topic = sns.create_topic(Name="notices")["TopicArn"]
    publish = {"Sid": "AllowIAMServiceToPublish", "Effect": "Allow", "Principal": {"Service": "iam.amazonaws.com"}, "Action": "SNS:Publish", "Resource": topic}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy(publish)))
    url = sqs.create_queue(QueueName="notices")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    send = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy(send))})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def receive(count):
        messages = []
        for _ in range(20):
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                messages.append(json.loads(json.loads(message["Body"])["Message"]))
            if len(messages) >= count:
                return messages
        raise AssertionError(messages)

    return topic, receive


def user(server, name, *statements):
    """An IAM client of a user of the customer, and its ARN."""
    iam = server.client("iam", key=CUSTOMER)
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy(*statements)))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"]), arn


def session_client(server, service, credentials):
    return server.client(service, key=credentials["AccessKeyId"], secret=credentials["SecretAccessKey"], token=credentials["SessionToken"])


def code(refused):
    return refused.value.response["Error"]["Code"]


def test_a_partner_has_the_delegated_permissions_until_they_expire(server, notifications, monkeypatch):
    topic, receive = notifications
    partner_iam, partner_sts = server.client("iam", key=PARTNER), server.client("sts", key=PARTNER)
    s3 = server.client("s3", key=CUSTOMER)
    for bucket in ("data-one", "data-two", "private"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=bucket.encode())

    created = partner_iam.create_delegation_request(
        OwnerAccountId=CUSTOMER,
        Description="Sets up the product.",
        RequestMessage="workspace production-analytics",
        Permissions={
            "PolicyTemplateArn": TEMPLATE,
            "Parameters": [
                {"Name": "bucketNames", "Values": ["data-one", "data-two"], "Type": "stringList"},
                {"Name": "AccountId", "Values": [CUSTOMER], "Type": "string"},
                {"Name": "ENABLE_WORKER", "Values": ["True"], "Type": "string"},
            ],
        },
        RequestorWorkflowId="workflow-12345",
        RedirectUrl="https://example.com/done?x=1",
        NotificationChannel=topic,
        SessionDuration=3600,
        OnlySendByOwner=True,
    )
    request = created["DelegationRequestId"]
    assert request in created["ConsoleDeepLink"]

    # The owner has no policies: the permissions on the request are granted.
    owner, owner_arn = user(server, "owner")
    admin, admin_arn = user(server, "admin", allow(["iam:*Delegation*", "s3:*", "iam:CreateRole"]))
    with pytest.raises(ClientError) as refused:
        server.client("iam", key="333333333333").get_delegation_request(DelegationRequestId=request)
    assert code(refused) == "AccessDenied"
    owner.associate_delegation_request(DelegationRequestId=request)
    shown = owner.get_delegation_request(DelegationRequestId=request, DelegationPermissionCheck=True)
    assert (shown["PermissionCheckStatus"], shown["PermissionCheckResult"]) == ("COMPLETE", "DENIED")
    shown = shown["DelegationRequest"]
    assert (shown["State"], shown["OwnerId"], shown["RequestorName"]) == ("ASSIGNED", owner_arn, "Example Corp")
    assert shown["RolePermissionRestrictionArns"] == [BOUNDARY]
    granted = json.loads(shown["PermissionPolicy"])["Statement"]
    assert granted[0]["Resource"] == ["arn:aws:s3:::data-one/*", "arn:aws:s3:::data-two/*"] and len(granted) == 2
    assert owner.get_human_readable_summary(EntityArn=f"arn:aws:iam::{CUSTOMER}:delegation-request/{request}")["SummaryState"] == "NOT_SUPPORTED"

    with pytest.raises(ClientError) as refused:
        owner.accept_delegation_request(DelegationRequestId=request)
    assert code(refused) == "AccessDenied"
    owner.update_delegation_request(DelegationRequestId=request, Notes="please")
    assert [one["State"] for one in owner.list_delegation_requests(OwnerId=owner_arn)["DelegationRequests"]] == ["PENDING_APPROVAL"]
    admin.accept_delegation_request(DelegationRequestId=request)
    with pytest.raises(ClientError) as refused:
        admin.send_delegation_token(DelegationRequestId=request)
    assert code(refused) == "AccessDenied"
    owner.send_delegation_token(DelegationRequestId=request)

    messages = receive(5)
    assert sorted((one["Type"], one["State"]) for one in messages) == [
        ("ExchangeToken", "FINALIZED"),
        ("StateChange", "ACCEPTED"),
        ("StateChange", "ASSIGNED"),
        ("StateChange", "FINALIZED"),
        ("StateChange", "PENDING_APPROVAL"),
    ]
    for one in messages:
        assert (one["RequestId"], one["RequestorWorkflowId"], one["OwnerAccountId"]) == (request, "workflow-12345", CUSTOMER)
    token = next(one["ExchangeToken"] for one in messages if one["Type"] == "ExchangeToken")
    rows = json.dumps(server.admin("state?store=iam&table=delegation_requests"))
    assert request in rows and token not in rows

    with pytest.raises(ClientError, match="ValidationError.*Invalid trade-in token"):
        server.client("sts", key=CUSTOMER).get_delegated_access_token(TradeInToken=token)
    answer = partner_sts.get_delegated_access_token(TradeInToken=token)
    assert answer["AssumedPrincipal"] == admin_arn
    credentials = answer["Credentials"]
    assert session_client(server, "sts", credentials).get_caller_identity()["Arn"] == admin_arn
    delegate = session_client(server, "s3", credentials)
    assert delegate.get_object(Bucket="data-two", Key="k")["Body"].read() == b"data-two"
    delegate.put_object(Bucket="data-one", Key="new", Body=b"x")
    # Allowed for the approver, but not delegated.
    for denied in (lambda: delegate.get_object(Bucket="private", Key="k"), lambda: delegate.delete_object(Bucket="data-one", Key="k")):
        with pytest.raises(ClientError, match="AccessDenied.*no session policy allows"):
            denied()
    # Delegated, but not allowed for the approver without the boundary.
    roles = session_client(server, "iam", credentials)
    trust = json.dumps(policy({"Effect": "Allow", "Principal": {"AWS": PARTNER}, "Action": "sts:AssumeRole"}))
    with pytest.raises(ClientError) as refused:
        roles.create_role(RoleName="worker", Path="/example.com/", AssumeRolePolicyDocument=trust)
    assert code(refused) == "AccessDenied"
    roles.create_role(RoleName="worker", Path="/example.com/", AssumeRolePolicyDocument=trust, PermissionsBoundary=BOUNDARY)
    with pytest.raises(ClientError) as refused:
        roles.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=json.dumps(policy(allow("sqs:*"))))
    assert code(refused) == "AccessDenied"
    with pytest.raises(ClientError) as refused:
        session_client(server, "sts", credentials).get_session_token()
    assert code(refused) == "AccessDenied"
    calls = [one for one in server.admin("calls") if one["invoked_by_delegate"] == PARTNER]
    assert "GetObject" in {one["operation"] for one in calls} and {one["principal"] for one in calls} == {admin_arn}

    # All credentials expire an hour after the release, however late the token was exchanged.
    again = partner_sts.get_delegated_access_token(TradeInToken=token)["Credentials"]
    assert again["Expiration"] == credentials["Expiration"]
    now = botocore.auth.get_current_datetime
    server.advance(3600)
    for signer in (botocore.auth, botocore.crt.auth):
        monkeypatch.setattr(signer, "get_current_datetime", lambda **more: now(**more) + datetime.timedelta(hours=1))
    try:
        for expired in (credentials, again):
            with pytest.raises(ClientError) as refused:
                session_client(server, "s3", expired).get_object(Bucket="data-one", Key="k")
            assert code(refused) == "ExpiredToken"
        with pytest.raises(ClientError) as refused:
            partner_sts.get_delegated_access_token(TradeInToken=token)
        assert code(refused) == "ExpiredTradeInTokenException"
        assert server.client("iam", key=CUSTOMER).get_delegation_request(DelegationRequestId=request)["DelegationRequest"]["State"] == "FINALIZED"
    finally:
        server.reset_clock()


@pytest.mark.parametrize("kind", ["root", "role"])
def test_a_delegate_of_root_and_of_a_role_is_limited_by_the_delegated_policy(server, notifications, kind):
    topic, receive = notifications
    created = server.client("iam", key=PARTNER).create_delegation_request(
        Description="Reads.",
        Permissions={"PolicyTemplateArn": TEMPLATE, "Parameters": [{"Name": "bucketNames", "Values": [f"of-{kind}"], "Type": "string"}]},
        RequestorWorkflowId=f"workflow-{kind}",
        NotificationChannel=topic,
        SessionDuration=14_400,
    )
    request = created["DelegationRequestId"]
    approver, s3 = server.client("iam", key=CUSTOMER), server.client("s3", key=CUSTOMER)
    arn = f"arn:aws:iam::{CUSTOMER}:root"
    if kind == "role":
        trust = policy({"Effect": "Allow", "Principal": {"AWS": CUSTOMER}, "Action": "sts:AssumeRole"})
        role = approver.create_role(RoleName="approver", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        approver.put_role_policy(RoleName="approver", PolicyName="p", PolicyDocument=json.dumps(policy(allow("*"))))
        session = server.client("sts", key=CUSTOMER).assume_role(RoleArn=role, RoleSessionName="ann")
        approver, arn = session_client(server, "iam", session["Credentials"]), session["AssumedRoleUser"]["Arn"]
    approver.associate_delegation_request(DelegationRequestId=request)
    approver.accept_delegation_request(DelegationRequestId=request)
    approver.send_delegation_token(DelegationRequestId=request)
    assert approver.get_delegation_request(DelegationRequestId=request)["DelegationRequest"]["ApproverId"] == arn
    token = next(one["ExchangeToken"] for one in receive(4) if one["Type"] == "ExchangeToken")
    answer = server.client("sts", key=PARTNER).get_delegated_access_token(TradeInToken=token)
    assert answer["AssumedPrincipal"] == arn == session_client(server, "sts", answer["Credentials"]).get_caller_identity()["Arn"]
    s3.create_bucket(Bucket=f"of-{kind}")
    s3.put_object(Bucket=f"of-{kind}", Key="k", Body=b"x")
    # A queue policy that names the approver does not allow the delegate more.
    sqs = server.client("sqs", key=CUSTOMER)
    url = sqs.create_queue(QueueName=f"denied-{kind}")["QueueUrl"]
    named = allow("sqs:*", f"arn:aws:sqs:us-east-1:{CUSTOMER}:denied-{kind}", Principal={"AWS": arn})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy(named))})
    delegate = {service: session_client(server, service, answer["Credentials"]) for service in ("s3", "sqs", "iam")}
    assert delegate["s3"].get_object(Bucket=f"of-{kind}", Key="k")["Body"].read() == b"x"
    for denied in (lambda: delegate["sqs"].get_queue_attributes(QueueUrl=url), delegate["s3"].list_buckets, delegate["iam"].list_users):
        with pytest.raises(ClientError, match="AccessDenied.*no session policy allows"):
            denied()


def test_unregistered_accounts_cannot_create_delegation_requests(server, notifications):
    with pytest.raises(ClientError, match="InvalidInput.*is not registered for account 333333333333"):
        server.client("iam", key="333333333333").create_delegation_request(
            Description="d",
            Permissions={"PolicyTemplateArn": TEMPLATE},
            RequestorWorkflowId="workflow-1",
            NotificationChannel=notifications[0],
            SessionDuration=300,
        )

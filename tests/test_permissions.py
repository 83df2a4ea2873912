"""Authorization of calls to queues, topics, buckets and IAM."""

import json
from urllib.parse import urlencode

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, condition):
    return {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition}


def refused(call, **arguments):
    with pytest.raises(ClientError) as fault:
        call(**arguments)
    return fault.value.response["Error"]["Code"]


@pytest.fixture
def user(server, request):
    """A user of the team red with the given statements: its clients, by service."""
    iam, name = server.client("iam"), request.node.name[:64].replace("[", "-").replace("]", "")

    def with_policy(*statements):
        iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "red"}])
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return lambda service: server.client(service, key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    return with_policy


def test_a_deny_with_wildcards_applies_in_every_region_and_no_other_region_is_taken(server):
    iam = server.client("iam")
    iam.create_user(UserName="far-away")
    denial = {"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "arn:aws:sqs:*:*:*"}
    iam.put_user_policy(UserName="far-away", PolicyName="p", PolicyDocument=document(allow("sqs:*"), denial))
    key = iam.create_access_key(UserName="far-away")["AccessKey"]

    def call(operation, region, **members):
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{operation}"}
        body = json.dumps(members).encode()
        signer = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"], "region": region}
        return server.signed("POST", "/", service="sqs", body=body, headers=headers, **signer)

    for region in ["eu-west-1", "us-west-2", "ap-southeast-2"]:
        queue = call("CreateQueue", region, QueueName="far-away")
        assert queue.status == 200, queue.text
        refusal = call("DeleteQueue", region, QueueUrl=queue.json["QueueUrl"])
        assert refusal.status == 403 and "with an explicit deny in an identity-based policy" in refusal.text
    for region in ["r" * 300, "r" * 4000, "local", "US", "us-east-1:x"]:
        refusal = call("CreateQueue", region, QueueName="nowhere")
        assert (refusal.status, "Credential should be scoped to a valid region." in refusal.text) == (403, True), refusal.text


OF_MY_TEAM = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
FOR_MY_TEAM = {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}


def test_conditions_on_queue_tags(sqs, user):
    red = sqs.create_queue(QueueName="tagged-red", tags={"team": "red"})["QueueUrl"]
    blue = sqs.create_queue(QueueName="tagged-blue", tags={"team": "blue"})["QueueUrl"]
    mine = user(
        allow(["sqs:SendMessage", "sqs:UntagQueue"], Condition=OF_MY_TEAM),
        allow(["sqs:CreateQueue", "sqs:TagQueue"], Condition=FOR_MY_TEAM),
        deny("sqs:UntagQueue", {"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}}),
    )("sqs")
    mine.send_message(QueueUrl=red, MessageBody="m")
    assert refused(mine.send_message, QueueUrl=blue, MessageBody="m") == "AccessDenied"
    mine.create_queue(QueueName="tagged-mine", tags={"team": "red"})
    assert refused(mine.create_queue, QueueName="tagged-not") == "AccessDenied"
    assert refused(mine.create_queue, QueueName="tagged-more", tags={"team": "red", "cost": "1"}) == "AccessDenied"
    mine.tag_queue(QueueUrl=blue, Tags={"team": "red"})
    mine.send_message(QueueUrl=blue, MessageBody="m")
    mine.untag_queue(QueueUrl=red, TagKeys=["other"])
    assert refused(mine.untag_queue, QueueUrl=red, TagKeys=["other", "team"]) == "AccessDenied"


def test_conditions_on_topic_tags(sns, user):
    tags = [{"Key": "team", "Value": "blue"}]
    blue = sns.create_topic(Name="tagged-blue", Tags=tags)["TopicArn"]
    mine = user(
        allow("sns:Publish", Condition=OF_MY_TEAM),
        allow(["sns:CreateTopic", "sns:TagResource"], Condition=FOR_MY_TEAM),
        allow("sns:UntagResource", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["other"]}}),
    )("sns")
    assert refused(mine.publish, TopicArn=blue, Message="m") == "AuthorizationError"
    assert refused(mine.tag_resource, ResourceArn=blue, Tags=tags) == "AuthorizationError"
    mine.tag_resource(ResourceArn=blue, Tags=[{"Key": "team", "Value": "red"}])
    mine.publish(TopicArn=blue, Message="m")
    assert refused(mine.create_topic, Name="tagged-not") == "AuthorizationError"
    assert mine.create_topic(Name="tagged-mine", Tags=[{"Key": "team", "Value": "red"}])["TopicArn"]
    mine.untag_resource(ResourceArn=blue, TagKeys=["other"])
    assert refused(mine.untag_resource, ResourceArn=blue, TagKeys=["team"]) == "AuthorizationError"


def test_anonymous_callers_may_send_to_a_public_queue(server, sqs):
    closed = sqs.create_queue(QueueName="closed")["QueueUrl"]
    policy = document({"Principal": "*", **allow("sqs:SendMessage")})
    url = sqs.create_queue(QueueName="open", Attributes={"Policy": policy})["QueueUrl"]
    call = {"Action": "SendMessage", "MessageBody": "from an anonymous caller", "Version": "2012-11-05"}
    answer = server.request("GET", f"/000000000000/open?{urlencode(call)}")
    assert (answer.status, "<MessageId>" in answer.text) == (200, True)
    server.client("sqs", signature_version=UNSIGNED).send_message(QueueUrl=url, MessageBody="from an anonymous caller")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SenderId"])["Messages"]
    assert [(message["Body"], message["Attributes"]["SenderId"]) for message in messages] == [("from an anonymous caller", "127.0.0.1")] * 2
    anonymous = server.client("sqs", signature_version=UNSIGNED)
    assert refused(anonymous.receive_message, QueueUrl=url) == "MissingAuthenticationToken"
    assert refused(anonymous.send_message, QueueUrl=closed, MessageBody="m") == "MissingAuthenticationToken"


def test_anonymous_callers_may_publish_to_a_public_topic(server, sns, topic):
    anonymous = server.client("sns", signature_version=UNSIGNED)
    assert refused(anonymous.publish, TopicArn=topic, Message="m") == "MissingAuthenticationToken"
    policy = document({"Principal": "*", **allow("sns:Publish", topic)})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    assert anonymous.publish(TopicArn=topic, Message="m")["MessageId"]
    assert refused(anonymous.get_topic_attributes, TopicArn=topic) == "MissingAuthenticationToken"


@pytest.mark.parametrize("mode", ["off", "soft"])
def test_unsigned_calls_are_allowed_without_enforcement(start, mode):
    server = start("--auth", mode)
    anonymous = server.client("sqs", signature_version=UNSIGNED)
    url = anonymous.create_queue(QueueName="q")["QueueUrl"]
    assert server.client("sqs").list_queues()["QueueUrls"] == [url]


@pytest.mark.parametrize(
    "condition, is_held",
    [
        ({"StringEquals": {"s3:authType": "REST-HEADER"}}, True),
        ({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}, False),
        ({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, True),
        ({"NumericLessThan": {"s3:signatureAge": "60000"}}, True),
        ({"StringEquals": {"s3:ResourceAccount": "000000000000"}}, True),
        ({"StringNotEquals": {"s3:ResourceAccount": "000000000000"}}, False),
        ({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}, True),
    ],
)
def test_conditions_on_the_signature_of_s3_calls(s3, user, condition, is_held):
    s3.create_bucket(Bucket="signed")
    s3.put_object(Bucket="signed", Key="k", Body=b"body")
    mine = user(allow("s3:GetObject", Condition=condition))("s3")
    if is_held:
        assert mine.get_object(Bucket="signed", Key="k")["Body"].read() == b"body"
    else:
        assert refused(mine.get_object, Bucket="signed", Key="k") == "AccessDenied"


def test_presigned_urls_and_unsigned_payloads_can_be_denied(server, s3, bucket, user):
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    mine = user(
        allow("s3:*"),
        deny("s3:GetObject", {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}),
        deny("s3:PutObject", {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}),
    )("s3")
    assert mine.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"
    url = mine.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    assert server.request("GET", url.removeprefix(server.url)).status == 403
    url = mine.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    assert server.request("PUT", url.removeprefix(server.url), b"new").status == 403
    mine.put_object(Bucket=bucket, Key="k", Body=b"signed")


def test_a_queue_policy_may_require_the_organization_of_the_topic(start):
    server = start()
    organization = server.client("organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    wanted = {"ours": organization, "theirs": "o-elsewhere0"}
    for name, of in wanted.items():
        arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        principal = {"Principal": {"Service": "sns.amazonaws.com"}, "Condition": {"StringEquals": {"aws:SourceOrgID": of}}}
        sqs.create_queue(QueueName=name, Attributes={"Policy": document(allow("sqs:SendMessage", arn, **principal))})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="m")
    server.request("POST", "/_cloudlet/settle")
    received = {name: len(sqs.receive_message(QueueUrl=name).get("Messages", [])) for name in wanted}
    assert received == {"ours": 1, "theirs": 0}


@pytest.mark.parametrize("kind", ["user", "role"])
def test_a_delegated_administrator_must_use_a_permissions_boundary(server, user, kind):
    """<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate>"""
    iam = server.client("iam")
    boundary, other = (
        iam.create_policy(PolicyName=f"{name}-{kind}", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"] for name in ("within", "other")
    )
    owner, action = ("UserName", "User") if kind == "user" else ("RoleName", "Role")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    more = {} if kind == "user" else {"AssumeRolePolicyDocument": document(trust)}
    verbs = ["Create{}", "Put{}Policy", "Attach{}Policy", "Detach{}Policy", "Delete{}Policy", "Put{}PermissionsBoundary"]
    actions = [f"iam:{verb.format(action)}" for verb in verbs]
    mine = user(allow(actions, Condition={"StringEquals": {"iam:PermissionsBoundary": boundary}}))("iam")

    def call(verb, name, **arguments):
        return lambda **_: getattr(mine, verb.format(kind))(**{owner: name}, **arguments)

    free, bound = f"free-{kind}", f"bound-{kind}"
    getattr(iam, f"create_{kind}")(**{owner: free}, **more)
    assert refused(call("create_{}", bound, **more)) == "AccessDenied"
    call("create_{}", bound, PermissionsBoundary=boundary, **more)()
    for verb, arguments in [
        ("put_{}_policy", {"PolicyName": "p", "PolicyDocument": document(allow("sqs:*"))}),
        ("delete_{}_policy", {"PolicyName": "p"}),
        ("attach_{}_policy", {"PolicyArn": other}),
        ("detach_{}_policy", {"PolicyArn": other}),
    ]:
        assert refused(call(verb, free, **arguments)) == "AccessDenied", verb
        call(verb, bound, **arguments)()
    assert refused(call("put_{}_permissions_boundary", bound, PermissionsBoundary=other)) == "AccessDenied"
    call("put_{}_permissions_boundary", free, PermissionsBoundary=boundary)()
    assert refused(call("delete_{}_permissions_boundary", bound)) == "AccessDenied"

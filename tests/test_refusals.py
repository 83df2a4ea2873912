"""Refused requests and their error messages, in each protocol."""

import datetime
import re

import pytest
from botocore.exceptions import ClientError
from cloudlet import sign

LISTS = {"s3": lambda client: client.list_buckets(), "sqs": lambda client: client.list_queues(), "sts": lambda client: client.get_caller_identity()}
every_service = pytest.mark.parametrize("service", LISTS)


def refused(server, service, **how):
    with pytest.raises(ClientError) as refusal:
        LISTS[service](server.client(service, **how))
    return refusal.value.response


def outcome(answer):
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@every_service
def test_a_wrong_secret(server, service):
    answer = refused(server, service, secret="wrong")
    assert outcome(answer) == ("SignatureDoesNotMatch", 403)
    assert "signature we calculated does not match" in answer["Error"]["Message"]


def test_s3_shows_how_it_calculated_the_signature(server):
    error = refused(server, "s3", secret="wrong")["Error"]
    assert error["AWSAccessKeyId"] == "test"
    assert error["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert error["CanonicalRequest"].startswith("GET\n/\n")
    assert re.fullmatch("[0-9a-f]{64}", error["SignatureProvided"])
    assert re.fullmatch("([0-9a-f]{2} )*[0-9a-f]{2}", error["StringToSignBytes"])


@pytest.mark.parametrize(
    "service, expected",
    [("s3", ("InvalidAccessKeyId", 403)), ("sts", ("InvalidClientTokenId", 403)), ("sqs", ("UnrecognizedClientException", 400))],
)
def test_an_unknown_key(server, service, expected):
    answer = refused(server, service, key="AKIAUNKNOWN000000000")
    assert outcome(answer) in (expected, ("InvalidClientTokenId", 403))


def test_the_log_says_how_to_allow_an_unknown_key(server):
    refused(server, "sts", key="AKIANOBODY0000000000")
    line = server.wait_for_line("AKIANOBODY0000000000")
    assert "--auth" in line


def test_a_secret_is_never_in_the_log(server):
    refused(server, "s3", secret="a-secret-that-nobody-may-see")
    server.client("sts").get_caller_identity()
    assert not [line for line in server.lines if "nobody-may-see" in line]


@pytest.mark.parametrize(
    "service, expected",
    [("s3", ("InvalidToken", 400)), ("sts", ("InvalidClientTokenId", 403)), ("sqs", ("UnrecognizedClientException", 400))],
)
def test_a_token_that_was_never_given_out(server, service, expected):
    answer = refused(server, service, key="ASIAUNKNOWN000000000", token="made up")
    assert outcome(answer) in (expected, ("InvalidAccessKeyId", 403), ("InvalidClientTokenId", 403))


@pytest.mark.parametrize(
    "service, expected",
    [("s3", "RequestTimeTooSkewed"), ("sts", "SignatureDoesNotMatch"), ("sqs", "SignatureDoesNotMatch")],
)
def test_a_clock_that_is_wrong(server, service, expected):
    server.advance(16 * 60)
    try:
        answer = refused(server, service)
        assert outcome(answer)[0] == expected
        if service != "s3":
            assert re.match(r"Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)", answer["Error"]["Message"])
    finally:
        server.reset_clock()


def test_nobody_reads_s3_without_a_signature(server, bucket):
    answer = server.request("GET", "/")
    assert answer.status in (307, 403)
    answer = server.request("PUT", f"/{bucket}/key", b"body")
    assert (answer.status, "<Code>AccessDenied</Code>" in answer.text) == (403, True)
    assert "<Message>Access Denied</Message>" in answer.text


def test_nobody_calls_sts_without_a_signature(server):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = server.request("POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", headers)
    assert (answer.status, "<Code>MissingAuthenticationToken</Code>" in answer.text) == (403, True)


def test_nobody_calls_sqs_without_a_signature(server):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}
    answer = server.request("POST", "/", b"{}", headers)
    assert answer.status == 403
    assert "MissingAuthenticationToken" in answer.json["__type"]


@pytest.mark.parametrize(
    "header, expected",
    [
        ("AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/s3/aws4_request", (400, "AuthorizationHeaderMalformed")),
        ("AWS4-HMAC-SHA256 Credential=test, SignedHeaders=host, Signature=00", (400, "AuthorizationHeaderMalformed")),
        ("AWS4-HMAC-SHA256", (400, "InvalidArgument")),
        ("AWS4-HMAC-MD5 Credential=test/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00", (400, "InvalidArgument")),
        ("Basic dGVzdDp0ZXN0", (400, "InvalidArgument")),
        ("Bearer token", (400, "InvalidArgument")),
        ("AWS test:c2lnbmF0dXJl", (403, "RequestTimeTooSkewed")),
        ("=" * 4000, (400, "InvalidArgument")),
    ],
)
def test_an_invalid_authorization_header(server, header, expected):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    date = "20200101T000000Z" if expected[1] == "RequestTimeTooSkewed" else now
    fields = {"Authorization": header, "X-Amz-Date": date, "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    answer = server.request("GET", "/bucket/key", headers=fields)
    status, code = expected
    assert answer.status == status, answer
    assert f"<Error><Code>{code}</Code>" in answer.text


def test_a_signature_is_for_its_service(server):
    fields = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}
    answer = server.signed("POST", "/", "sts", b"{}", fields)
    assert answer.status == 403, answer


def test_a_changed_header_breaks_the_signature(server, bucket):
    fields = sign("PUT", f"{server.url}/{bucket}/key", "s3", b"body", {"x-amz-meta-a": "1"})
    answer = server.request("PUT", f"/{bucket}/key", b"body", fields | {"x-amz-meta-a": "2"})
    assert (answer.status, "<Code>SignatureDoesNotMatch</Code>" in answer.text) == (403, True)


@pytest.mark.parametrize("name, value", [("x-amz-meta-smuggled", "1"), ("Content-MD5", "hBotaJrYa9FhFEdFPCLG/A==")])
def test_a_header_that_must_be_signed(server, bucket, name, value):
    fields = sign("PUT", f"{server.url}/{bucket}/key", "s3", b"body")
    answer = server.request("PUT", f"/{bucket}/key", b"body", fields | {name: value})
    assert (answer.status, f"<HeadersNotSigned>{name.lower()}</HeadersNotSigned>" in answer.text) == (403, True), answer


def test_ec2_distinguishes_an_expired_signature_from_a_wrong_one(start):
    server = start()
    with pytest.raises(ClientError) as refused:
        server.client("ec2", secret="wrong").describe_vpcs()
    assert refused.value.response["Error"]["Code"] == "AuthFailure"
    server.advance(600)
    with pytest.raises(ClientError) as refused:
        server.client("ec2").describe_vpcs()
    answer = refused.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]) == (400, {"Code": "RequestExpired", "Message": "Request has expired."})


@every_service
def test_soft_reports_and_allows(start, service):
    server = start("--auth", "soft")
    LISTS[service](server.client(service, secret="wrong"))
    LISTS[service](server.client(service, key="AKIAUNKNOWN000000000"))
    assert "SignatureDoesNotMatch" in server.wait_for_line("let through")


@every_service
def test_off_takes_any_key(start, service):
    server = start("--auth", "off")
    LISTS[service](server.client(service, key="anything", secret="at all"))


def test_off_takes_no_key_too(start):
    server = start("--auth", "off")
    server.client("s3").create_bucket(Bucket="open")
    assert server.request("PUT", "/open/key", b"body").status == 200
    assert server.request("GET", "/open/key").body == b"body"


def test_localstacks_name_for_off_is_understood(start):
    server = start(environment={"ENFORCE_IAM": "0"})
    assert server.client("sts", key="anything").get_caller_identity()["Account"]


@pytest.mark.parametrize("region", ["US", "local", "r" * 300])
def test_s3_says_which_region_a_signature_has_to_name(server, region):
    answer = server.signed("GET", "/", "s3", region=region)
    assert (answer.status, "<Code>AuthorizationHeaderMalformed</Code>" in answer.text) == (400, True), answer
    assert f"the region '{region}' is wrong; expecting 'us-east-1'" in answer.text and "<Region>us-east-1</Region>" in answer.text
    link = server.client("s3", region=region[:60], signature_version="s3v4").generate_presigned_url("list_buckets")
    answer = server.request("GET", link.removeprefix(server.url))
    assert (answer.status, "<Code>AuthorizationQueryParametersError</Code>" in answer.text) == (400, True), answer
    assert "is wrong; expecting 'us-east-1'" in answer.text and "<Region>us-east-1</Region>" in answer.text


@pytest.mark.parametrize("region", ["US", "local", "us-east-1:x"])
@pytest.mark.parametrize("service", ["sqs", "sns", "sts", "iam"])
def test_other_services_refuse_a_region_that_is_none(server, service, region):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = server.signed("POST", "/", service, b"Action=Anything", form, region=region)
    assert (answer.status, "Credential should be scoped to a valid region." in answer.text) == (403, True), answer


def test_a_region_that_the_server_was_given_is_valid(start):
    server = start("--region", "local")
    assert server.client("sts", region="local").get_caller_identity()["Account"] == "000000000000"
    assert server.client("s3", region="local").list_buckets()["Buckets"] == []

"""Presigned URLs and POST forms."""

import re

import pytest
import requests
from botocore.exceptions import ClientError


def code(answer):
    found = re.search("<Code>(.*?)</Code>", answer.text)
    return answer.status_code, found and found[1]


@pytest.fixture(params=["s3v4", None], ids=["SigV4", "boto3's default"])
def signing(request, server):
    return server.client("s3", **({"signature_version": request.param} if request.param else {}))


def url(client, method, bucket, seconds=300, **more):
    return client.generate_presigned_url(method, Params={"Bucket": bucket, "Key": "a key/+ü"} | more, ExpiresIn=seconds)


def test_a_presigned_url_reads(signing, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a key/+ü", Body=b"body")
    answer = requests.get(url(signing, "get_object", bucket))
    assert (answer.status_code, answer.content) == (200, b"body")


def test_a_presigned_url_reads_a_range_and_overrides_headers(signing, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a key/+ü", Body=b"body")
    link = url(signing, "get_object", bucket, ResponseContentDisposition='attachment; filename="x.txt"')
    answer = requests.get(link, headers={"Range": "bytes=1-2"})
    assert (answer.status_code, answer.content, answer.headers["content-disposition"]) == (206, b"od", 'attachment; filename="x.txt"')


def test_a_presigned_url_writes(signing, s3, bucket):
    answer = requests.put(url(signing, "put_object", bucket), data=b"sent")
    assert answer.status_code == 200, answer.text
    assert s3.get_object(Bucket=bucket, Key="a key/+ü")["Body"].read() == b"sent"


def test_a_presigned_url_is_valid_for_one_method(signing, bucket):
    assert code(requests.put(url(signing, "get_object", bucket), data=b"sent")) == (403, "SignatureDoesNotMatch")


def test_a_changed_presigned_url_is_refused(signing, bucket):
    assert code(requests.get(url(signing, "get_object", bucket).replace("a%20key", "b%20key"))) == (403, "SignatureDoesNotMatch")


def test_a_presigned_url_expires(server, signing, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a key/+ü", Body=b"body")
    link = url(signing, "get_object", bucket, seconds=60)
    try:
        server.advance(61)
        answer = requests.get(link)
        assert code(answer) == (403, "AccessDenied")
        assert "Request has expired" in answer.text
    finally:
        server.reset_clock()


@pytest.mark.parametrize("version", ["s3v4", "s3", None], ids=["v4", "v2", "usual"])
@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "get_bucket_location", "head_bucket"])
def test_operations_on_buckets_can_be_presigned(server, bucket, version, operation):
    client = server.client("s3", signature_version=version)
    link = client.generate_presigned_url(operation, {"Bucket": bucket})
    assert requests.request("HEAD" if operation == "head_bucket" else "GET", link).status_code == 200


def test_sigv2_signatures_in_headers_are_accepted(server, bucket):
    client = server.client("s3", signature_version="s3")
    client.put_object(Bucket=bucket, Key="a b/ü", Body=b"body", ContentType="text/plain", Metadata={"a": "b"})
    assert [found["Key"] for found in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["a b/ü"]
    assert client.get_object(Bucket=bucket, Key="a b/ü", ResponseContentType="text/x y")["ContentType"] == "text/x y"
    client.get_bucket_location(Bucket=bucket)
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a b/ü"}]})


def test_a_presigned_url_of_an_unknown_key_is_refused(server, bucket):
    for version in ("s3v4", "s3"):
        client = server.client("s3", key="AKIAUNKNOWN000000000", signature_version=version)
        assert code(requests.get(url(client, "get_object", bucket))) == (403, "InvalidAccessKeyId")


def test_a_presigned_url_expires_after_a_week_at_most(server, bucket):
    client = server.client("s3", signature_version="s3v4")
    assert code(requests.get(url(client, "get_object", bucket, seconds=604801))) == (400, "AuthorizationQueryParametersError")


# ---- forms


def form(server, bucket, key="uploads/${filename}", conditions=(), fields=None, seconds=300):
    client = server.client("s3", signature_version="s3v4")
    starts = ["starts-with", "$key", "uploads/"]
    return client.generate_presigned_post(bucket, key, Fields=fields, Conditions=[*conditions, starts], ExpiresIn=seconds)


def post(made, body=b"content", name="photo.jpg", **more):
    return requests.post(made["url"], data=made["fields"] | more, files={"file": (name, body)}, allow_redirects=False)


def test_a_form_uploads_under_the_name_of_the_file(server, s3, bucket):
    answer = post(form(server, bucket))
    assert (answer.status_code, answer.text) == (204, "")
    assert s3.get_object(Bucket=bucket, Key="uploads/photo.jpg")["Body"].read() == b"content"


def test_a_form_sets_type_and_metadata(server, s3, bucket):
    fields = {"Content-Type": "image/jpeg", "x-amz-meta-who": "me"}
    answer = post(form(server, bucket, fields=fields, conditions=[{"Content-Type": "image/jpeg"}, {"x-amz-meta-who": "me"}]))
    assert answer.status_code == 204, answer.text
    head = s3.head_object(Bucket=bucket, Key="uploads/photo.jpg")
    assert (head["ContentType"], head["Metadata"]) == ("image/jpeg", {"who": "me"})


def test_a_form_selects_its_answer(server, bucket):
    made = form(server, bucket, conditions=[["starts-with", "$success_action_status", ""]])
    answer = post(made, success_action_status="201")
    assert answer.status_code == 201
    assert f"<Bucket>{bucket}</Bucket>" in answer.text and "<Key>uploads/photo.jpg</Key>" in answer.text
    made = form(server, bucket, conditions=[["starts-with", "$success_action_redirect", ""]])
    answer = post(made, success_action_redirect="http://example.com/done")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"http://example.com/done?bucket={bucket}&key=uploads%2Fphoto.jpg&etag=")


def test_a_form_is_checked_against_its_policy(server, s3, bucket):
    small = form(server, bucket, conditions=[["content-length-range", 1, 4]])
    assert code(post(small)) == (400, "EntityTooLarge")
    assert code(post(small, body=b"")) == (400, "EntityTooSmall")
    assert code(post(form(server, bucket), **{"x-amz-meta-more": "1"})) == (403, "AccessDenied")
    assert code(post(form(server, bucket) | {}, key="elsewhere/x")) == (403, "AccessDenied")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_form_expires(server, bucket):
    made = form(server, bucket, seconds=60)
    try:
        server.advance(61)
        assert code(post(made)) == (403, "AccessDenied")
    finally:
        server.reset_clock()


def test_a_form_with_a_changed_policy_is_refused(server, bucket):
    made = form(server, bucket)
    made["fields"]["policy"] = form(server, bucket, seconds=900)["fields"]["policy"]
    assert code(post(made)) == (403, "SignatureDoesNotMatch")


def test_a_form_without_a_file_is_refused(server, bucket):
    made = form(server, bucket)
    answer = requests.post(made["url"], files={name: (None, value) for name, value in made["fields"].items()})
    assert code(answer) == (400, "InvalidArgument")


def test_a_malformed_form_is_refused(server, bucket):
    answer = server.request("POST", f"/{bucket}", b"no boundary here", {"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == 400, answer
    answer = server.request("POST", f"/{bucket}", b"", {"Content-Type": "multipart/form-data"})
    assert answer.status == 400, answer


def test_a_request_signed_too_long_ago_is_refused(server, s3):
    try:
        server.advance(16 * 60)
        with pytest.raises(ClientError) as refused:
            s3.list_buckets()
        error = refused.value.response["Error"]
        assert (error["Code"], error["MaxAllowedSkewMilliseconds"]) == ("RequestTimeTooSkewed", "900000")
    finally:
        server.reset_clock()


@pytest.fixture
def second_version(server):
    """A client of a query service that signs its forms with SigV2, as old SDKs do."""
    return lambda **credentials: server.client("sts", signature_version="v2", **credentials)


def test_a_form_may_carry_a_signature_of_version_2(second_version):
    assert second_version().get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"


def test_a_form_signed_with_another_secret_is_refused(second_version):
    with pytest.raises(ClientError) as refused:
        second_version(secret="wrong").get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_form_signed_with_an_unknown_key_is_refused(second_version):
    with pytest.raises(ClientError) as refused:
        second_version(key="AKIAIOSFODNN7EXAMPLE").get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_a_form_signed_long_ago_is_refused(server, second_version):
    try:
        server.advance(3600)
        with pytest.raises(ClientError) as refused:
            second_version().get_caller_identity()
        assert refused.value.response["Error"]["Code"] == "RequestExpired"
    finally:
        server.reset_clock()

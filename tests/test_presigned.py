"""Presigned URLs and POST forms."""

import base64
import hmac
import json
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


def form(signer, bucket, key="uploads/${filename}", conditions=(), fields=None, seconds=300):
    """A form that a server's root signs, or a client."""
    client = signer if hasattr(signer, "generate_presigned_post") else signer.client("s3", signature_version="s3v4")
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


# ---- whose request it is, when it is made

ROOT = "arn:aws:iam::000000000000:root"
VERSIONS = pytest.mark.parametrize("version", ["s3v4", "s3"], ids=["SigV4", "SigV2"])


def allowing(*actions, effect="Allow"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": [*actions], "Resource": "*"}]})


@pytest.fixture
def iam(server):
    return server.client("iam")


@pytest.fixture
def session(server, sts, iam, bucket):
    """A role that may read and write, and a client under a session of it that ends after 15 minutes."""
    role = f"signer-of-{bucket}"
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allowing("s3:GetObject", "s3:PutObject"))
    given = sts.assume_role(RoleArn=arn, RoleSessionName="page", DurationSeconds=900)["Credentials"]

    def client(version="s3v4", token=given["SessionToken"]):
        return server.client("s3", given["AccessKeyId"], given["SecretAccessKey"], token, signature_version=version)

    return role, client


@VERSIONS
def test_a_session_signs_urls(session, s3, bucket, version):
    client = session[1](version)
    assert requests.put(url(client, "put_object", bucket), data=b"sent").status_code == 200
    assert requests.get(url(client, "get_object", bucket)).content == b"sent"
    assert code(requests.delete(url(client, "delete_object", bucket))) == (403, "AccessDenied")


@VERSIONS
def test_a_url_of_a_session_is_nothing_without_its_token(session, bucket, version):
    without = url(session[1](version, token=None), "get_object", bucket)
    assert code(requests.get(without)) == (403, "InvalidAccessKeyId")
    answer = requests.get(url(session[1](version, token="another"), "get_object", bucket))
    assert code(answer) == (400, "InvalidToken")
    assert "<Token-0>another</Token-0>" in answer.text


@VERSIONS
def test_a_url_ends_with_its_session(server, session, s3, bucket, version):
    s3.put_object(Bucket=bucket, Key="a key/+ü", Body=b"body")
    link = url(session[1](version), "get_object", bucket, seconds=3600)
    assert requests.get(link).status_code == 200
    try:
        server.advance(901)
        answer = requests.get(link)
        assert code(answer) == (400, "ExpiredToken")
        assert "The provided token has expired." in answer.text
        server.advance(3600)
        assert code(requests.get(link)) == (403, "AccessDenied")
    finally:
        server.reset_clock()


@VERSIONS
def test_a_url_can_do_what_its_signer_can_when_it_is_used(iam, session, s3, bucket, version):
    role, client = session
    s3.put_object(Bucket=bucket, Key="a key/+ü", Body=b"body")
    link = url(client(version), "get_object", bucket)
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allowing("s3:PutObject"))
    answer = requests.get(link)
    assert code(answer) == (403, "AccessDenied")
    assert f"assumed-role/{role}/page is not authorized to perform: s3:GetObject" in answer.text
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allowing("s3:GetObject"))
    assert requests.get(link).status_code == 200
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": {"AWS": f"arn:aws:iam::000000000000:role/{role}"},
                        "Action": "s3:GetObject",
                        "Resource": f"arn:aws:s3:::{bucket}/*",
                        "Condition": {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}},
                    }
                ],
            }
        ),
    )
    assert "with an explicit deny in a resource-based policy" in requests.get(link).text
    assert client(version).get_object(Bucket=bucket, Key="a key/+ü")["Body"].read() == b"body"


@pytest.fixture
def user(server, iam, bucket):
    """A user that may do all of S3, its key, and a client with it."""
    name = f"user-of-{bucket}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("s3:*"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, key["AccessKeyId"], lambda version: server.client("s3", key["AccessKeyId"], key["SecretAccessKey"], signature_version=version)


@VERSIONS
def test_an_inactive_key_signs_nothing(iam, user, s3, bucket, version):
    name, key, client = user
    s3.put_object(Bucket=bucket, Key="a key/+ü", Body=b"body")
    link = url(client(version), "get_object", bucket)
    made = form(client(version), bucket)
    assert (requests.get(link).status_code, post(made).status_code) == (200, 204)
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
    assert code(requests.get(link)) == (403, "InvalidAccessKeyId")
    assert code(post(made)) == (403, "InvalidAccessKeyId")
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
    assert (requests.get(link).status_code, post(made).status_code) == (200, 204)
    iam.delete_access_key(UserName=name, AccessKeyId=key)
    assert code(requests.get(link)) == (403, "InvalidAccessKeyId")
    assert code(post(made)) == (403, "InvalidAccessKeyId")


@VERSIONS
def test_a_form_can_do_what_its_signer_can_when_it_is_sent(iam, user, s3, bucket, version):
    name, _, client = user
    made = form(client(version), bucket)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("s3:GetObject"))
    answer = post(made)
    assert code(answer) == (403, "AccessDenied")
    assert f"user/{name} is not authorized to perform: s3:PutObject" in answer.text
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("s3:PutObject"))
    assert post(made).status_code == 204
    tagged = form(client(version), bucket, conditions=[["starts-with", "$tagging", ""]])
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    answer = post(tagged, tagging=tags)
    assert code(answer) == (403, "AccessDenied") and "s3:PutObjectTagging" in answer.text
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("s3:PutObject", "s3:PutObjectTagging"))
    assert post(tagged, tagging=tags).status_code == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="uploads/photo.jpg")["TagSet"] == [{"Key": "a", "Value": "b"}]


@VERSIONS
def test_a_session_signs_forms(server, session, s3, bucket, version):
    made = form(session[1](version), bucket, seconds=7200)
    assert "x-amz-security-token" in made["fields"]
    assert post(made).status_code == 204
    assert s3.get_object(Bucket=bucket, Key="uploads/photo.jpg")["Body"].read() == b"content"
    token = made["fields"].pop("x-amz-security-token")
    assert code(post(made)) == (403, "InvalidAccessKeyId")
    assert code(post(made, **{"x-amz-security-token": "another"})) == (400, "InvalidToken")
    try:
        server.advance(901)
        assert code(post(made, **{"x-amz-security-token": token})) == (400, "ExpiredToken")
    finally:
        server.reset_clock()


def test_the_token_of_a_form_is_a_field_that_its_policy_names(session, bucket):
    """As every field: a policy that was made for a key alone does not fit the form of a session."""
    client = session[1]()
    made = form(client, bucket)
    policy = json.loads(base64.b64decode(made["fields"]["policy"]))
    policy["conditions"] = [condition for condition in policy["conditions"] if "x-amz-security-token" not in condition]
    answer = post(signed_again(client, made, policy))
    assert code(answer) == (403, "AccessDenied")
    assert "Invalid according to Policy: Extra input fields: x-amz-security-token" in answer.text


def signed_again(client, made, policy):
    """The form with another policy, signed with SigV4."""
    encoded = base64.b64encode(json.dumps(policy).encode()).decode()
    credentials = client._request_signer._credentials
    date, region, service, terminal = made["fields"]["x-amz-credential"].split("/")[1:]
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (date, region, service, terminal):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, encoded.encode(), "sha256").hexdigest()
    return made | {"fields": made["fields"] | {"policy": encoded, "x-amz-signature": signature}}


@VERSIONS
def test_a_form_tells_the_version_that_it_made(server, s3, bucket, version):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    answer = post(form(server.client("s3", signature_version=version), bucket))
    head = s3.head_object(Bucket=bucket, Key="uploads/photo.jpg")
    assert (answer.headers["x-amz-version-id"], answer.headers["etag"]) == (head["VersionId"], head["ETag"])


@VERSIONS
def test_a_form_keeps_to_all_conditions(server, s3, bucket, version):
    client = server.client("s3", signature_version=version)
    conditions = [
        {"acl": "bucket-owner-full-control"},
        ["starts-with", "$Content-Type", "image/"],
        ["eq", "$x-amz-meta-who", "me"],
        ["content-length-range", "2", 10],
        {"x-amz-storage-class": "STANDARD_IA"},
        ["starts-with", "$Cache-Control", ""],
    ]
    fields = {
        "acl": "bucket-owner-full-control",
        "Content-Type": "image/png",
        "x-amz-meta-who": "me",
        "x-amz-storage-class": "STANDARD_IA",
        "Cache-Control": "no-cache",
    }
    made = form(client, bucket, fields=fields, conditions=conditions)
    assert post(made).status_code == 204, post(made).text
    head = s3.head_object(Bucket=bucket, Key="uploads/photo.jpg")
    assert (head["ContentType"], head["Metadata"], head["StorageClass"]) == ("image/png", {"who": "me"}, "STANDARD_IA")
    assert head["CacheControl"] == "no-cache"

    def refused(**changed):
        answer = post(made, **changed)
        return answer.status_code, re.search("<Message>(.*?)</Message>", answer.text)[1].replace("&quot;", '"')

    failed = "Invalid according to Policy: Policy Condition failed: "
    assert refused(acl="private") == (403, failed + '["eq", "$acl", "bucket-owner-full-control"]')
    assert refused(**{"Content-Type": "text/plain"}) == (403, failed + '["starts-with", "$Content-Type", "image/"]')
    assert refused(**{"Content-Type": "image/png, text/plain"}) == (403, failed + '["starts-with", "$Content-Type", "image/"]')
    assert refused(**{"x-amz-meta-who": "you"}) == (403, failed + '["eq", "$x-amz-meta-who", "me"]')
    assert refused(**{"x-amz-meta-more": "1"}) == (403, "Invalid according to Policy: Extra input fields: x-amz-meta-more")
    assert refused(body=b"x") == (400, "Your proposed upload is smaller than the minimum allowed size")
    assert refused(body=b"x" * 11) == (400, "Your proposed upload exceeds the maximum allowed size")
    assert post(made, **{"x-ignore-me": "1"}).status_code == 204
    del made["fields"]["Cache-Control"]
    assert refused() == (403, failed + '["starts-with", "$Cache-Control", ""]')


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

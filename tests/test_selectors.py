"""Which S3 operation a request selects, and what is refused before any is performed."""

import base64
import hashlib
import re

import pytest


def error(answer):
    found = re.search("<Code>(.*?)</Code>", answer.text)
    return answer.status, found and found[1]


def md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def message(answer):
    return re.search("<Message>(.*?)</Message>", answer.text)[1]


@pytest.fixture
def stored(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    return bucket


@pytest.mark.parametrize(
    "method, target, expected",
    [
        ("GET", "?acl&versioning", (400, "InvalidArgument")),
        ("PUT", "/key?tagging&acl", (400, "InvalidArgument")),
        ("POST", "/key", (405, "MethodNotAllowed")),
        ("POST", "/key?upload", (405, "MethodNotAllowed")),
        ("PUT", "/key?attributes", (405, "MethodNotAllowed")),
        ("PUT", "/key?uploadId=x", (405, "MethodNotAllowed")),
        ("PUT", "/key?partNumber=1", (400, "InvalidArgument")),
        ("PUT", "/key?versionId=null", (400, "InvalidArgument")),
        ("DELETE", "?location", (405, "MethodNotAllowed")),
        ("DELETE", "?versionId=x", (400, "InvalidArgument")),
        ("PATCH", "", (405, "MethodNotAllowed")),
        ("TRACE", "", (400, "BadRequest")),
        ("PUT", "/key?acl", (400, "MalformedXML")),
        ("PUT", "/key?retention", (400, "MalformedXML")),
        ("PUT", "/key?legal-hold", (400, "MalformedXML")),
        ("PUT", "/key?%61cl", (400, "MalformedXML")),
        ("PUT", "?versioning", (400, "MalformedXML")),
        ("POST", "/key?restore", (400, "MalformedXML")),
        ("GET", "/key?versions", (400, "InvalidRequest")),
        ("GET", "/key?policy", (404, "NoSuchBucketPolicy")),
    ],
)
def test_a_request_that_selects_another_or_no_operation_changes_nothing(server, s3, stored, method, target, expected):
    body = b"changed" if method in ("PUT", "POST") else b""
    answer = server.signed(method, f"/{stored}{target}", body=body, headers={"Content-MD5": md5(body)})
    assert error(answer) == expected, answer
    assert s3.get_object(Bucket=stored, Key="key")["Body"].read() == b"body"


def test_a_bucket_selector_at_a_key_runs_the_operation_of_the_bucket(server, stored):
    answer = server.signed("GET", f"/{stored}/key?location")
    assert (answer.status, "<LocationConstraint" in answer.text) == (200, True)


def test_conflicting_selectors_are_refused_before_the_signature_is_verified(server):
    answer = server.request("GET", "/no-such-bucket?versioning&acl")
    assert error(answer) == (400, "InvalidArgument")
    assert message(answer) == "Conflicting query string parameters: acl, versioning"


def test_a_method_that_a_resource_lacks_names_the_others(server, stored):
    answer = server.signed("PUT", f"/{stored}/key?uploadId=x")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, POST, GET")
    assert "<Method>PUT</Method><ResourceType>UPLOAD</ResourceType>" in answer.text


@pytest.mark.parametrize("target, status", [("", 200), ("/missing", 404), ("?acl", 405), ("?acl&cors", 400)])
def test_answers_to_head_have_the_type_of_the_document_they_leave_out(server, bucket, target, status):
    answer = server.signed("HEAD", f"/{bucket}{target}")
    assert (answer.status, answer.headers["content-type"], answer.text) == (status, "application/xml", "")


@pytest.mark.parametrize("target", ["/key", "?list-type=2", "/key?tagging"])
def test_reads_do_not_look_at_content_md5(server, stored, target):
    for digest in ("1B2M2Y8AsgTpgAmY7PhCfA==", "no digest"):
        assert server.signed("GET", f"/{stored}{target}", headers={"Content-MD5": digest}).status == 200


def test_a_copy_with_a_body_is_refused(server, s3, stored):
    answer = server.signed("PUT", f"/{stored}/copy", body=b"not copied", headers={"x-amz-copy-source": f"{stored}/key"})
    assert error(answer) == (400, "InvalidRequest")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=stored)["Contents"]] == ["key"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc7": "AA=="},
        {"x-amz-sdk-checksum-algorithm": "CRC32"},
        {"x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": "AAAAAA=="},
        {"x-amz-object-lock-legal-hold": "ON"},
        {"x-amz-server-side-encryption-bucket-key-enabled": "true"},
        {"x-amz-storage-class": "OUTPOSTS"},
        {"x-amz-acl": "public-read"},
        {"x-amz-tagging": "="},
        {"x-amz-website-redirect-location": "elsewhere"},
    ],
)
def test_headers_that_aws_refuses_are_refused(server, s3, stored, headers):
    answer = server.signed("PUT", f"/{stored}/key", body=b"changed", headers=headers)
    assert answer.status == 400, answer
    assert s3.get_object(Bucket=stored, Key="key")["Body"].read() == b"body"


@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since"])
def test_conditions_that_a_write_does_not_have_are_not_implemented(server, stored, header):
    answer = server.signed("PUT", f"/{stored}/key", body=b"changed", headers={header: "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert error(answer) == (501, "NotImplemented")


DELETE = "<Delete><Object><Key>key</Key></Object></Delete>"


@pytest.mark.parametrize(
    "document, expected",
    [
        ("", (400, "MissingRequestBodyError")),
        ("<Delete/>", (400, "MalformedXML")),
        (DELETE.replace("Delete", "delete"), (400, "MalformedXML")),
        (DELETE.replace("</Key>", "</Key><Key>other</Key>"), (400, "MalformedXML")),
        (DELETE.replace("</Key>", "</Key><Size>4</Size>"), (400, "MalformedXML")),
        (DELETE.replace("</Object>", "</Object><Other/>"), (400, "MalformedXML")),
        (DELETE.replace(">key<", "><"), (400, "UserKeyMustBeSpecified")),
    ],
)
def test_documents_outside_the_schema_are_refused(server, s3, stored, document, expected):
    body = document.encode()
    answer = server.signed("POST", f"/{stored}?delete", body=body, headers={"Content-MD5": md5(body)})
    assert error(answer) == expected, answer
    assert "Contents" in s3.list_objects_v2(Bucket=stored)


def test_a_list_of_keys_to_delete_must_have_a_digest(server, stored):
    answer = server.signed("POST", f"/{stored}?delete", body=DELETE.encode())
    assert error(answer) == (400, "InvalidRequest")

"""What S3 refuses, answer by answer, and in which order: single raw requests. AWS: measured on S3 (https://github.com/brekkylab/backlot)."""

import base64
import datetime
import hashlib
import hmac
import re
import urllib.parse
import zlib

import pytest

STORED = b"body"
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


def md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def crc32(body):
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def code(answer):
    found = re.search("<Code>(.*?)</Code>", answer.text)
    return answer.status, found and found[1]


def element(answer, name):
    found = re.search(f"<{name}>(.*?)</{name}>|<{name}/>", answer.text, re.DOTALL)
    return found and (found[1] or "").replace("&quot;", '"').replace("&apos;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@pytest.fixture(scope="module")
def shared(s3):
    """A bucket with one object, for requests that change nothing."""
    s3.create_bucket(Bucket="strict")
    s3.put_object(Bucket="strict", Key="key", Body=STORED)
    return "strict"


# ---- what a signature may look like


class Signed:
    """A SigV4 signature by hand, of which each part can be another one."""

    def __init__(self, server, **changes):
        self.server = server
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.changes = changes

    def send(self, method, target, headers=None):
        change = self.changes.get
        basic = self.now.strftime("%Y%m%dT%H%M%SZ")
        date = change("date", basic)
        day, region, service, terminal = change("scope", (basic[:8], "us-east-1", "s3", "aws4_request"))
        day = basic[:8] if day == "today" else day
        scope = f"{day}/{region}/{service}/{terminal}"
        payload = change("payload", "UNSIGNED-PAYLOAD")
        fields = {"host": f"{self.server.host}:{self.server.port}"}
        if payload is not None:
            fields["x-amz-content-sha256"] = payload
        if date is not None:
            fields[change("date_header", "x-amz-date")] = date
        names = ";".join(sorted(fields))
        path, _, query = target.partition("?")
        pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
        lines = "".join(f"{name}:{fields[name]}\n" for name in sorted(fields))
        request = "\n".join([method, path, "&".join(pairs), lines, names, payload or "UNSIGNED-PAYLOAD"])
        text = "\n".join(["AWS4-HMAC-SHA256", date or basic, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = f"AWS4{change('secret', 'test')}".encode()
        for part in (day, region, service, terminal):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        credential = change("credential", f"{change('key', 'test')}/{scope}")
        header = change("header", f"{change('scheme', 'AWS4-HMAC-SHA256')} Credential={credential}, SignedHeaders={names}, Signature={signature}")
        return self.server.request(method, target, headers=fields | {"authorization": header} | (headers or {}))


NO_DATE = "AWS authentication requires a valid Date or x-amz-date header"
SKEWED = "The difference between the request time and the current time is too large."
HEADER = "The authorization header is malformed; "


@pytest.mark.parametrize(
    "changes, expected, message",
    [
        ({}, (200, None), None),
        ({"scheme": "aws4-hmac-sha256"}, (200, None), None),
        ({"scheme": "Bearer"}, (400, "InvalidArgument"), "Unsupported Authorization Type"),
        ({"header": "AWS4-HMAC-SHA256"}, (400, "InvalidArgument"), "Authorization header is invalid -- one and only one ' ' (space) required"),
        ({"payload": None}, (400, "InvalidRequest"), "Missing required header for this request: x-amz-content-sha256"),
        ({"payload": "unsigned-payload"}, (400, "InvalidArgument"), None),
        ({"payload": "e3", "date": None}, (400, "InvalidArgument"), None),
        ({"date": None}, (403, "AccessDenied"), NO_DATE),
        ({"date": "yesterday"}, (403, "AccessDenied"), NO_DATE),
        ({"date": "20200101T000000Z"}, (403, "RequestTimeTooSkewed"), SKEWED),
        ({"date": "20200101T000000Z", "header": "AWS4-HMAC-SHA256 x"}, (403, "RequestTimeTooSkewed"), SKEWED),
        ({"date": "Wed, 01 Jan 2020 00:00:00 GMT"}, (403, "RequestTimeTooSkewed"), SKEWED),
        ({"date": "Fri, 01 Jan 10000 00:00:00 GMT"}, (500, "InternalError"), None),
        (
            {"header": "AWS4-HMAC-SHA256 x"},
            (400, "AuthorizationHeaderMalformed"),
            HEADER + 'the authorization component "x" is malformed.',
        ),
        (
            {"credential": "test/us-east-1/s3/aws4_request"},
            (400, "AuthorizationHeaderMalformed"),
            HEADER + 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
        ),
        (
            {"scope": ("2026-09-29", "zz", "s4", "aws4_request")},
            (400, "AuthorizationHeaderMalformed"),
            HEADER + 'incorrect date format "2026-09-29". This date in the credential must be in the format "yyyyMMdd".',
        ),
        (
            {"scope": ("today", "", "s3", "aws4_request")},
            (400, "AuthorizationHeaderMalformed"),
            HEADER + "a non-empty region must be provided in the credential.",
        ),
        (
            {"scope": ("today", "zz", "s4", "aws5_request")},
            (400, "AuthorizationHeaderMalformed"),
            HEADER + "the region 'zz' is wrong; expecting 'us-east-1'",
        ),
        (
            {"scope": ("today", "us-east-1", "s4", "aws5_request")},
            (400, "AuthorizationHeaderMalformed"),
            HEADER + 'incorrect service "s4". This endpoint belongs to "s3".',
        ),
        (
            {"scope": ("today", "us-east-1", "s3", "aws5_request")},
            (400, "AuthorizationHeaderMalformed"),
            HEADER + 'incorrect terminal "aws5_request". This endpoint uses "aws4_request".',
        ),
        (
            {"scope": ("20260929", "us-east-1", "s3", "aws4_request"), "key": "AKIAUNKNOWN"},
            (400, "AuthorizationHeaderMalformed"),
            HEADER + "Invalid credential date. Date is not the same as X-Amz-Date.",
        ),
        ({"key": "AKIAUNKNOWN"}, (403, "InvalidAccessKeyId"), "The AWS Access Key Id you provided does not exist in our records."),
        ({"secret": "wrong"}, (403, "SignatureDoesNotMatch"), None),
    ],
)
def test_headers_with_a_signature(server, shared, changes, expected, message):
    answer = Signed(server, **changes).send("GET", f"/{shared}/key")
    assert code(answer) == expected, answer
    assert message is None or element(answer, "Message") == message


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S +0000"])
@pytest.mark.parametrize("header", ["date", "x-amz-date"])
def test_dates_of_http_are_signed_as_they_are_sent(server, shared, form, header):
    date = datetime.datetime.now(datetime.timezone.utc).strftime(form)
    assert Signed(server, date=date, date_header=header).send("GET", f"/{shared}/key").body == STORED


def test_unsigned_headers_are_named_in_the_order_of_s3(server, shared):
    unsigned = {"x-amz-acl": "private", "x-amz-meta-a": "1", "content-md5": md5(b""), "x-amz-tagging": "a=b", "range": "bytes=0-0"}
    answer = Signed(server).send("GET", f"/{shared}/key", unsigned)
    assert code(answer) == (403, "AccessDenied")
    assert element(answer, "HeadersNotSigned") == "x-amz-meta-a, x-amz-acl, content-md5, x-amz-tagging"


ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header "
    "should be specified"
)


@pytest.mark.parametrize("query", ["X-Amz-Algorithm=AWS4-HMAC-SHA256", "Signature=x"])
def test_one_mechanism_at_a_time(server, shared, query):
    for header in ("", "AWS a:b"):
        answer = server.request("GET", f"/{shared}/key?{query}", headers={"Authorization": header})
        assert (code(answer), element(answer, "Message")) == ((400, "InvalidArgument"), ONE_MECHANISM)
        assert (element(answer, "ArgumentName"), element(answer, "ArgumentValue")) == ("Authorization", header)
    answer = server.request("GET", f"/{shared}/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&Signature=x")
    assert (element(answer, "ArgumentName"), element(answer, "ArgumentValue")) == ("Authorization", None)


@pytest.mark.parametrize("query", ["X-Amz-Signature=x&X-Amz-Date=x", "AWSAccessKeyId=test&Expires=1"])
def test_parameters_without_the_one_that_selects_are_no_signature(server, shared, query):
    answer = server.request("GET", f"/{shared}/key?{query}")
    assert (code(answer), element(answer, "Message")) == ((403, "AccessDenied"), "Access Denied")


@pytest.mark.parametrize(
    "header, date, expected",
    [
        ("AWS  test:x", "now", "Authorization header is invalid -- one and only one ' ' (space) required"),
        ("AWS garbage", None, "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"),
        ("AWS test:", None, "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"),
        ("AWS test:a:b", None, "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"),
        ("AWS nobody:a", None, NO_DATE),
        ("AWS nobody:a", "Wed, 01 Jan 2020 00:00:00 GMT", SKEWED),
        ("AWS :a", "now", "The AWS Access Key Id you provided does not exist in our records."),
        ("AWS nobody:a", "now", "The AWS Access Key Id you provided does not exist in our records."),
    ],
)
def test_headers_of_version_2(server, shared, header, date, expected):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"Authorization": header} | ({"Date": now if date == "now" else date} if date else {})
    answer = server.request("GET", f"/{shared}/key", headers=headers)
    assert element(answer, "Message") == expected, answer


def presigned(server, target, **changes):
    """A presigned URL by hand."""
    now = datetime.datetime.now(datetime.timezone.utc)
    basic = changes.get("date", now.strftime("%Y%m%dT%H%M%SZ"))
    scope = changes.get("scope", f"{basic[:8]}/us-east-1/s3/aws4_request")
    pairs = {
        "X-Amz-Algorithm": changes.get("algorithm", "AWS4-HMAC-SHA256"),
        "X-Amz-Credential": changes.get("credential", f"test/{scope}"),
        "X-Amz-Date": basic,
        "X-Amz-Expires": changes.get("expires", "60"),
        "X-Amz-SignedHeaders": "host",
    }
    pairs = {name: value for name, value in pairs.items() if name not in changes.get("without", ())}
    query = "&".join(sorted(f"{name}={urllib.parse.quote(value, safe='')}" for name, value in pairs.items()))
    request = "\n".join(["GET", target, query, f"host:{server.host}:{server.port}\n", "host", changes.get("payload", "UNSIGNED-PAYLOAD")])
    text = "\n".join(["AWS4-HMAC-SHA256", basic, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = b"AWS4test"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{target}?{query}&X-Amz-Signature={hmac.new(key, text.encode(), 'sha256').hexdigest()}"


QUERY = "AuthorizationQueryParametersError"


@pytest.mark.parametrize(
    "changes, expected, message",
    [
        ({}, (200, None), None),
        ({"expires": "+60"}, (200, None), None),
        ({"expires": "604800"}, (200, None), None),
        (
            {"algorithm": "aws4-hmac-sha256", "without": ["X-Amz-Date"]},
            (400, QUERY),
            'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"',
        ),
        (
            {"without": ["X-Amz-Expires"], "date": "x"},
            (400, QUERY),
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
            "X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ),
        ({"date": "2026", "expires": "x"}, (400, QUERY), "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
        ({"expires": "6e1"}, (400, QUERY), "X-Amz-Expires should be a number"),
        ({"expires": "-1"}, (400, QUERY), "X-Amz-Expires must be non-negative"),
        (
            {"expires": "604801"},
            (400, QUERY),
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ),
        ({"date": "20200101T000000Z", "credential": "nobody"}, (403, "AccessDenied"), "Request has expired"),
        ({"date": "20990101T000000Z", "credential": "nobody"}, (403, "AccessDenied"), "Request is not yet valid"),
        (
            {"credential": "nobody"},
            (400, QUERY),
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
        ),
        ({"scope": "20260929/zz/s3/aws4_request"}, (400, QUERY), "Error parsing the X-Amz-Credential parameter; the region 'zz' is wrong; expecting 'us-east-1'"),
    ],
)
def test_presigned_urls(server, shared, changes, expected, message):
    answer = server.request("GET", presigned(server, f"/{shared}/key", **changes))
    assert code(answer) == expected, answer
    assert message is None or element(answer, "Message") == message


def test_a_presigned_url_of_the_future_names_its_date_in_milliseconds(server, shared):
    answer = server.request("GET", presigned(server, f"/{shared}/key", date="20990101T000000Z"))
    assert (element(answer, "X-Amz-Date"), element(answer, "Expires")) == ("4070908800000", "2099-01-01T00:01:00Z")


def test_a_presigned_request_may_send_any_word_for_the_hash_of_its_body(server, shared):
    target = presigned(server, f"/{shared}/key", payload="garbage")
    assert server.request("GET", target, headers={"x-amz-content-sha256": "garbage"}).body == STORED


@pytest.mark.parametrize(
    "query, message",
    [
        ("Signature=x&Expires=1", "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"),
        ("Signature=x&AWSAccessKeyId=test", "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"),
        ("Signature=x&AWSAccessKeyId=test&Expires=soon", "Invalid date (should be seconds since epoch): soon"),
        ("Signature=x&AWSAccessKeyId=test&Expires=2147483648", "Invalid date (should be seconds since epoch): 2147483648"),
        ("Signature=x&AWSAccessKeyId=test&Expires=1000000000", "Request has expired"),
        ("Signature=x&AWSAccessKeyId=nobody&Expires=2147483647", "The AWS Access Key Id you provided does not exist in our records."),
    ],
)
def test_presigned_urls_of_version_2(server, shared, query, message):
    answer = server.request("GET", f"/{shared}/key?{query}")
    assert element(answer, "Message") == message, answer


@pytest.mark.parametrize("query, signed", [("acl=x", "acl"), ("response-content-type=a%2Fb&max-keys=1", "response-content-type=a/b"), ("acl=&acl", "acl")])
def test_what_version_2_signs_of_a_query(server, shared, query, signed):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    answer = server.request("GET", f"/{shared}/key?{query}", headers={"Authorization": "AWS test:x", "Date": now})
    assert element(answer, "StringToSign") == f"GET\n\n\n{now}\n/{shared}/key?{signed}"


# ---- the order of the checks: before the signature, before the bucket, after it


@pytest.mark.parametrize(
    "method, target",
    [
        ("GET", "?acl&versioning"),
        ("GET", "?partNumber=1"),
        ("GET", "?max-keys=abc"),
        ("GET", "?max-keys=%205"),
        ("GET", "?max-keys=2147483648"),
        ("GET", "?marker=a&list-type=2"),
        ("GET", "?start-after=a"),
        ("GET", "?continuation-token=a"),
        ("GET", "?uploads&max-uploads=abc"),
        ("GET", "?versions&max-keys=abc"),
        ("GET", "?versions&version-id-marker=null"),
        ("GET", "?versions&key-marker=a&version-id-marker="),
        ("GET", "?versionId=x"),
        ("GET", "?website=x"),
        ("GET", "/key?uploadId=x&max-parts=abc"),
        ("GET", "/key?uploadId=x&part-number-marker=abc"),
        ("GET", "/key?versionId="),
        ("GET", "/key?torrent&versionId=x"),
        ("GET", "/key?annotation&max-annotation-results=abc"),
        ("GET", "/key?annotation&max-annotation-results=1001"),
        ("GET", "/key?annotationName=x"),
        ("DELETE", "?versionId=x"),
        ("PUT", "?tagging&versionId=x"),
    ],
)
def test_refused_before_the_signature_and_the_bucket(server, method, target):
    wrong = {"Authorization": "AWS test:wrong", "Date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    answer = server.request(method, f"/nobodys-bucket{target}", headers=wrong)
    assert answer.status == 400, answer


def test_an_unknown_attribute_is_refused_before_the_signature(server):
    headers = {"Authorization": "AWS test:wrong", "x-amz-object-attributes": "ETag, Size"}
    answer = server.request("GET", "/nobodys-bucket/key?attributes", headers=headers)
    assert (code(answer), element(answer, "ArgumentValue")) == ((400, "InvalidArgument"), "Size")


@pytest.mark.parametrize(
    "method, target",
    [("PATCH", ""), ("PATCH", "/key"), ("POST", "/key"), ("DELETE", "?location"), ("PUT", "/key?attributes"), ("HEAD", "?acl"), ("GET", "?delete"), ("PUT", "?torrent")],
)
def test_methods_are_refused_before_the_bucket_and_after_the_signature(server, method, target):
    assert server.signed(method, f"/nobodys-bucket{target}").status == 405
    assert server.request(method, f"/nobodys-bucket{target}").status == 405
    assert server.signed(method, f"/nobodys-bucket{target}", secret="wrong").status == 403


TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.mark.parametrize(
    "method, target, more, expected",
    [
        ("GET", "?uploadId=x", {}, (400, "InvalidRequest")),
        ("GET", "?torrent", {}, (405, "MethodNotAllowed")),
        ("POST", "?restore", {}, (400, "UserKeyMustBeSpecified")),
        ("GET", "/key?uploads", {}, (400, "InvalidRequest")),
        ("GET", "/key?versions", {}, (400, "InvalidRequest")),
        ("GET", "/key?logging", {}, (400, "NoLoggingStatusForKey")),
        ("GET", "/key?torrent", {}, (405, "MethodNotAllowed")),
        ("GET", "/key?partNumber=0", {}, (400, "InvalidArgument")),
        ("GET", "/key?partNumber=1", {"headers": {"Range": ""}}, (400, "InvalidRequest")),
        ("GET", "/key?attributes", {}, (400, "InvalidRequest")),
        ("GET", "/key?versionId=x", {}, (400, "InvalidArgument")),
        ("GET", "?encoding-type=bogus", {}, (400, "InvalidArgument")),
        ("GET", "?max-keys=-1", {}, (400, "InvalidArgument")),
        ("GET", "?list-type=2&continuation-token=", {}, (400, "InvalidArgument")),
        ("GET", "?uploads&max-uploads=-1", {}, (400, "InvalidArgument")),
        ("GET", "", {"payload": TRAILER}, (400, "InvalidRequest")),
        ("GET", "/key", {"payload": TRAILER}, (400, "InvalidRequest")),
        ("POST", "?delete", {}, (400, "InvalidRequest")),
        ("PUT", "/key", {"headers": {"x-amz-checksum-crc7": "AA=="}}, (400, "InvalidRequest")),
        ("PUT", "?acl&versionId=x", {}, (400, "InvalidArgument")),
        ("HEAD", "?encoding-type=bogus", {}, (400, None)),
        ("HEAD", "/key?partNumber=0", {}, (400, None)),
    ],
)
def test_refused_after_the_bucket(server, shared, method, target, more, expected):
    assert code(server.signed(method, f"/{shared}{target}", **more)) == expected
    missing = server.signed(method, f"/nobodys-bucket{target}", **more)
    assert code(missing) == (404, None if method == "HEAD" else "NoSuchBucket"), missing


# ---- lists


def listed(server, bucket, query):
    return server.signed("GET", f"/{bucket}?{query}")


@pytest.mark.parametrize(
    "query, name, value, message",
    [
        ("max-keys=abc", "max-keys", "abc", "Provided max-keys not an integer or within integer range"),
        ("max-keys=-2147483649", "max-keys", "-2147483649", "Provided max-keys not an integer or within integer range"),
        ("max-keys=-01", "maxKeys", "-1", "Argument maxKeys must be an integer between 0 and 2147483647"),
        ("list-type=2&max-keys=-1", "maxKeys", "-1", "Argument maxKeys must be an integer between 0 and 2147483647"),
        ("list-type=2&marker=", "marker", None, "Marker unsupported with REST.GET.BUCKET in list-type=2"),
        ("start-after=", "start-after", None, "startAfter only supported in REST.GET.BUCKET with list-type=2"),
        ("list-type=2&continuation-token=garbage", "continuation-token", None, "The continuation token provided is incorrect"),
        ("list-type=2&continuation-token=", "continuation-token", None, "The continuation token provided is incorrect"),
        ("encoding-type=bogus", "encoding-type", "bogus", "Invalid Encoding Method specified in Request"),
        ("uploads&max-uploads=-01", "max-uploads", "-1", "Argument max-uploads must be an integer between 0 and 2147483647"),
        ("uploads&key-marker=a&upload-id-marker=b", "upload-id-marker", "b", "Invalid uploadId marker"),
        ("versions&max-keys=-1", "max-keys", None, "max-keys cannot be negative"),
        ("versions&key-marker=a&version-id-marker=NULL&encoding-type=x", "version-id-marker", "NULL", "Invalid version id specified"),
        ("list-type=2&continuation-token=garbage&encoding-type=bogus", "encoding-type", "bogus", "Invalid Encoding Method specified in Request"),
        ("versionId=null", "versionId", "null", "This operation does not accept a version-id."),
        ("acl&versionId=x", "versionId", "x", "Invalid version id specified"),
        ("website=1", "website", "1", "The website parameter must not have a value"),
    ],
)
def test_parameters_of_lists(server, shared, query, name, value, message):
    answer = listed(server, shared, query)
    assert (code(answer), element(answer, "Message")) == ((400, "InvalidArgument"), message), answer
    assert (element(answer, "ArgumentName"), element(answer, "ArgumentValue")) == (name, value)


@pytest.mark.parametrize(
    "query, name, value",
    [
        ("max-keys=", "MaxKeys", "1000"),
        ("max-keys=05", "MaxKeys", "5"),
        ("max-keys=-0", "MaxKeys", "0"),
        ("max-keys=-0", "IsTruncated", "false"),
        ("max-keys=1001", "MaxKeys", "1001"),
        ("max-keys=00002147483647", "MaxKeys", "2147483647"),
        ("max-keys=1&max-keys=abc", "MaxKeys", "1"),
        ("", "Marker", ""),
        ("list-type=1", "Marker", ""),
        ("list-type=1&list-type=2", "KeyCount", None),
        ("list-type=2&start-after=", "StartAfter", ""),
        ("list-type=2&fetch-owner=TRUE", "Owner", True),
        ("list-type=2&fetch-owner=1", "Owner", None),
        ("list-type=2&fetch-owner=yes", "Owner", None),
        ("list-type=2&fetch-owner=", "Owner", None),
        ("encoding-type=URL", "EncodingType", "URL"),
        ("prefix=a%20b~*!", "Prefix", "a b~*!"),
        ("encoding-type=url&prefix=a%20b~*!/", "Prefix", "a+b%7E*%21/"),
        ("delimiter=", "Delimiter", None),
        ("uploads&max-uploads=2000", "MaxUploads", "1000"),
        ("uploads&upload-id-marker=x", "UploadIdMarker", ""),
        ("versions&delimiter=", "Delimiter", ""),
        ("versions&key-marker=&version-id-marker=null", "VersionIdMarker", "null"),
        ("versions&key-marker=&version-id-marker=null", "Version", None),
        ("foo=bar&Versioning", "Name", "strict"),
    ],
)
def test_lists_echo_their_parameters(server, shared, query, name, value):
    answer = listed(server, shared, query)
    assert answer.status == 200, answer
    found = element(answer, name)
    assert (bool(found) if value is True else found) == value, answer


def test_buckets_are_listed_with_their_arns(server, shared):
    answer = server.signed("GET", "/")
    assert "<BucketArn>arn:aws:s3:::strict</BucketArn>" in answer.text and "<BucketRegion>" not in answer.text
    assert "<BucketRegion>us-east-1</BucketRegion><BucketArn>" in server.signed("GET", "/?prefix=").text


@pytest.mark.parametrize(
    "query, name, value, message",
    [
        ("max-buckets=0", "max-buckets", "0", "Argument max-buckets must be an integer between 1 and 10000"),
        ("max-buckets=-01", "max-buckets", "-1", "Argument max-buckets must be an integer between 1 and 10000"),
        ("max-buckets=1%20", "max-buckets", "1 ", "Provided max-buckets not an integer or within integer range"),
        ("bucket-region=us-east-9", "bucket-region", None, "Argument value us-east-9 is not a valid AWS Region"),
        (
            "bucket-region=eu-west-1",
            "bucket-region",
            None,
            "Requests with bucket-region specified must be made to the corresponding regional endpoint",
        ),
        ("continuation-token=garbage", "continuation-token", None, "The continuation token provided is incorrect"),
    ],
)
def test_parameters_of_the_list_of_buckets(server, query, name, value, message):
    answer = server.signed("GET", f"/?{query}")
    assert (code(answer), element(answer, "Message")) == ((400, "InvalidArgument"), message)
    assert (element(answer, "ArgumentName"), element(answer, "ArgumentValue")) == (name, value)


# ---- objects


@pytest.mark.parametrize(
    "headers, attributes",
    [("ETag,,", ["ETag"]), ("StorageClass, ETag", ["ETag", "StorageClass"]), ("ObjectParts", [])],
)
def test_attributes_are_read_as_java_splits_them(server, shared, headers, attributes):
    answer = server.signed("GET", f"/{shared}/key?attributes", headers={"x-amz-object-attributes": headers})
    assert answer.status == 200
    assert [name for name in ("ETag", "StorageClass") if f"<{name}>" in answer.text] == attributes


@pytest.mark.parametrize("header, value", [(",ETag", ""), ("ETag,,ObjectSize", ""), ("", ""), ("etag", "etag")])
def test_attributes_that_there_are_none_of(server, shared, header, value):
    answer = server.signed("GET", f"/{shared}/key?attributes", headers={"x-amz-object-attributes": header})
    assert (element(answer, "Message"), element(answer, "ArgumentValue")) == ("Invalid attribute name specified.", value)


@pytest.mark.parametrize(
    "target, headers, expected, members",
    [
        ("/key?partNumber=02", {}, (416, "InvalidPartNumber"), {"PartNumberRequested": "2", "ActualPartCount": "1"}),
        ("/key?partNumber=10001", {}, (400, "InvalidArgument"), {"ArgumentName": "partNumber", "ArgumentValue": "10001"}),
        ("/key?partNumber=+1", {}, (400, "InvalidArgument"), {"ArgumentValue": " 1"}),
        ("/key", {"Range": "bytes=9-"}, (416, "InvalidRange"), {"RangeRequested": "bytes=9-", "ActualObjectSize": "4"}),
        ("/key", {"x-amz-checksum-mode": ""}, (400, "InvalidRequest"), {"Message": "Value for x-amz-checksum-mode header is invalid."}),
        ("/missing", {"x-amz-checksum-mode": "x"}, (400, "InvalidRequest"), {}),
        ("/missing", {}, (404, "NoSuchKey"), {"Key": "missing", "Resource": None}),
        ("/missing?versionId=null", {}, (404, "NoSuchVersion"), {"Key": "missing", "VersionId": "null"}),
        ("/missing?tagging", {}, (404, "NoSuchKey"), {"Key": "strict/missing"}),
        ("/key?uploadId=x", {}, (404, "NoSuchUpload"), {"UploadId": "x"}),
        ("/key?annotation&annotationName=", {}, (400, "UserAnnotationNameMustBeSpecified"), {}),
        ("/key?annotation&annotationName=a", {}, (404, "NoSuchAnnotation"), {"AnnotationName": "a"}),
        ("/key?retention", {}, (400, "InvalidRequest"), {"Message": "Bucket is missing Object Lock Configuration"}),
    ],
)
def test_reads_that_are_refused(server, shared, target, headers, expected, members):
    answer = server.signed("GET", f"/{shared}{target}", headers=headers)
    assert code(answer) == expected, answer
    assert {name: element(answer, name) for name in members} == members
    assert "content-range" not in answer.headers


def test_the_one_part_of_an_object_is_a_range(server, shared):
    answer = server.signed("GET", f"/{shared}/key?partNumber=1")
    assert (answer.status, answer.headers["content-range"]) == (206, "bytes 0-3/4")


@pytest.mark.parametrize("parameter", ["response-content-type", "response-expires", "response-cache-control"])
def test_nobody_overrides_headers_without_a_signature(server, shared, parameter):
    answer = server.request("GET", f"/{shared}/key?{parameter}=x")
    assert answer.status in (400, 403)


CHECKSUM = "x-amz-checksum-"
DIGEST = "The Content-MD5 you specified did not match what we received."


@pytest.mark.parametrize(
    "headers, payload, expected, members",
    [
        ({"Content-MD5": "x", CHECKSUM + "crc7": "x"}, None, (400, "InvalidDigest"), {"Content-MD5": "x"}),
        ({"Content-MD5": ""}, None, (400, "InvalidDigest"), {"Content-MD5": ""}),
        (
            {CHECKSUM + "crc7": "x", CHECKSUM + "crc32": "x"},
            None,
            (400, "InvalidRequest"),
            {"Message": "The algorithm type you specified in x-amz-checksum- header is invalid."},
        ),
        (
            {CHECKSUM + "sha1": "x", CHECKSUM + "crc32": "x"},
            None,
            (400, "InvalidRequest"),
            {"Message": "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."},
        ),
        ({CHECKSUM + "crc32": "AAA="}, None, (400, "InvalidRequest"), {"Message": "Value for x-amz-checksum-crc32 header is invalid."}),
        ({CHECKSUM + "crc32": ""}, None, (400, "InvalidRequest"), {"Message": "Value for x-amz-checksum-crc32 header is invalid."}),
        (
            {"x-amz-sdk-checksum-algorithm": "SHA1", CHECKSUM + "crc32": crc32(b"sent")},
            None,
            (400, "InvalidRequest"),
            {"Message": "Value for x-amz-sdk-checksum-algorithm header is invalid."},
        ),
        ({"x-amz-sdk-checksum-algorithm": ""}, None, (200, None), {}),
        ({}, TRAILER, (411, "MissingContentLength"), {}),
        ({"Content-MD5": md5(b"x")}, "0" * 64, (400, "XAmzContentSHA256Mismatch"), {"ClientComputedContentSHA256": "0" * 64}),
        (
            {"Content-MD5": md5(b"x"), CHECKSUM + "crc32": crc32(b"x")},
            None,
            (400, "BadDigest"),
            {"Message": DIGEST, "CalculatedDigest": md5(b"sent"), "ExpectedDigest": hashlib.md5(b"x").hexdigest()},
        ),
        ({CHECKSUM + "crc32": crc32(b"x")}, None, (400, "BadDigest"), {"Message": "The CRC32 you specified did not match the calculated checksum."}),
    ],
)
def test_uploads_that_are_refused(server, bucket, headers, payload, expected, members):
    answer = server.signed("PUT", f"/{bucket}/key", body=b"sent", headers=headers, payload=payload)
    assert code(answer) == expected, answer
    assert {name: element(answer, name) for name in members} == members


def test_an_upload_has_at_most_so_much_metadata(server, bucket):
    answer = server.signed("PUT", f"/{bucket}/key", headers={"x-amz-meta-a": "x" * 2048})
    assert (code(answer), element(answer, "Size"), element(answer, "MaxSizeAllowed")) == ((400, "MetadataTooLarge"), "2049", "2048")
    assert server.signed("PUT", f"/{bucket}/key", headers={"x-amz-meta-a": "x" * 2047}).status == 200


def test_a_key_has_at_most_1024_bytes(server, bucket):
    answer = server.signed("PUT", f"/{bucket}/{'%C3%BC' * 513}")
    assert (code(answer), element(answer, "Size"), element(answer, "MaxSizeAllowed")) == ((400, "KeyTooLongError"), "1026", "1024")
    assert server.signed("PUT", f"/{bucket}/{'%C3%BC' * 512}").status == 200


@pytest.mark.parametrize("name", ["a", "A-b", "a_b", "-ab", "ab-", "a..b", "192.168.0.1", "xn--ab", "sthree-ab", "ab-s3alias", "ab--ol-s3", "a" * 64])
def test_names_that_no_bucket_has(server, name):
    answer = server.signed("PUT", f"/{name}")
    assert (code(answer), element(answer, "BucketName")) == ((400, "InvalidBucketName"), name)


# ---- documents


DELETE = "<Delete><Object><Key>other</Key></Object></Delete>"


@pytest.mark.parametrize(
    "document, headers, expected, message",
    [
        (DELETE, {CHECKSUM + "crc7": "x", "Content-MD5": "x"}, (400, "InvalidRequest"), None),
        (DELETE, {"Content-MD5": "x"}, (400, "InvalidDigest"), "The Content-MD5 you specified was invalid."),
        (DELETE, {}, (400, "InvalidRequest"), "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"),
        ("", {"Content-MD5": md5(b"")}, (400, "MissingRequestBodyError"), "Request Body is empty"),
        ("<x/>", {"Content-MD5": md5(b"y")}, (400, "MalformedXML"), MALFORMED),
        ("<Delete><Quiet>true</Quiet></Delete>", {"Content-MD5": md5(b"y")}, (400, "MalformedXML"), MALFORMED),
        (DELETE.replace("<Object>", "<Quiet>1</Quiet><Quiet>1</Quiet><Object>"), {"Content-MD5": md5(b"y")}, (400, "MalformedXML"), MALFORMED),
        ("<Delete><Object><Key></Key></Object></Delete>", {"Content-MD5": md5(b"y")}, (400, "UserKeyMustBeSpecified"), None),
        ("<Delete>" + "<Object><Key>k</Key></Object>" * 1001 + "</Delete>", {"Content-MD5": md5(b"y")}, (400, "MalformedXML"), MALFORMED),
        (DELETE.replace("<Object>", "<Quiet>yes</Quiet><Object>"), {"Content-MD5": md5(b"y")}, (400, "BadDigest"), DIGEST),
        (DELETE, {"Content-MD5": md5(b"y")}, (400, "BadDigest"), DIGEST),
        (DELETE, {CHECKSUM + "crc32": crc32(b"y")}, (400, "BadDigest"), "The CRC32 you specified did not match the calculated checksum."),
        (DELETE, {CHECKSUM + "crc32": crc32(DELETE.encode())}, (200, None), None),
        (DELETE.replace("<Delete>", '<Delete xmlns="urn:x">'), None, (200, None), None),
    ],
)
def test_documents_of_keys_to_delete(server, shared, document, headers, expected, message):
    body = document.encode()
    answer = server.signed("POST", f"/{shared}?delete", body=body, headers={"Content-MD5": md5(body)} if headers is None else headers)
    assert code(answer) == expected, answer
    assert message is None or element(answer, "Message") == message


@pytest.mark.parametrize("quiet, shown", [("true", False), ("TRUE", False), ("false", True), ("1", True), ("yes", True), ("", True)])
def test_deletions_are_shown_unless_the_document_wants_quiet(server, shared, quiet, shown):
    body = DELETE.replace("<Object>", f"<Quiet>{quiet}</Quiet><Object>").encode()
    answer = server.signed("POST", f"/{shared}?delete", body=body, headers={"Content-MD5": md5(body)})
    assert answer.status == 200, answer
    assert (b"<Deleted>" in answer.body) is shown


@pytest.mark.parametrize("query, method", [("delete", "POST"), ("encryption", "PUT"), ("versioning", "PUT"), ("website", "PUT"), ("cors", "PUT")])
@pytest.mark.parametrize("body", [b"<x/>", b"<", b"<ServerSideEncryptionConfiguration/>"])
def test_a_missing_bucket_is_reported_before_its_document(server, query, method, body):
    answer = server.signed(method, f"/no-such-bucket-here?{query}", body=body, headers={"Content-MD5": md5(body)})
    assert (code(answer), element(answer, "BucketName")) == ((404, "NoSuchBucket"), "no-such-bucket-here")


def test_the_hash_of_a_document_is_compared_last(server, shared):
    answer = server.signed("POST", f"/{shared}?delete", body=b"<x/>", headers={"Content-MD5": md5(b"<x/>")}, payload="0" * 64)
    assert code(answer) == (400, "MalformedXML")
    answer = server.signed("POST", f"/{shared}?delete", body=DELETE.encode(), headers={"Content-MD5": md5(DELETE.encode())}, payload="0" * 64)
    assert code(answer) == (400, "XAmzContentSHA256Mismatch")


KMS = "<ObjectEncryption><SSE-KMS><KMSKeyArn>{}</KMSKeyArn></SSE-KMS></ObjectEncryption>"
NEEDS = "Requests modifying object encryption configuration to SSE-KMS require a"


@pytest.mark.parametrize(
    "document, key, expected, message",
    [
        ("", "key", (400, "MissingRequestBodyError"), "Request Body is empty"),
        ("<x/>", "missing", (400, "MalformedXML"), MALFORMED),
        ("<ObjectEncryption/>", "missing", (400, "MalformedXML"), MALFORMED),
        (KMS.replace("</SSE-KMS>", "</SSE-KMS><SSE-S3/>"), "missing", (400, "MalformedXML"), MALFORMED),
        (KMS.format(""), "missing", (404, "NoSuchKey"), None),
        (KMS.format(""), "key", (400, "InvalidRequest"), f"{NEEDS} target kms key arn."),
        (KMS.format("garbage"), "key", (400, "InvalidRequest"), f"{NEEDS} valid target kms key arn: Malformed ARN - doesn't start with 'arn:'"),
        (KMS.format("arn:aws:kms:"), "key", (400, "InvalidRequest"), f"{NEEDS} valid target kms key arn: Malformed ARN - no AWS region partition specified"),
        (KMS.format("arn:aws:kms:us-east-1:111:key/"), "key", (400, "InvalidRequest"), f"{NEEDS} valid target kms key arn: resource cannot be empty"),
        (
            KMS.format("arn:aws:kms:us-east-1:111:alias/a"),
            "key",
            (400, "InvalidRequest"),
            "Invalid KMS Key ARN format. You must provide the full KMS Key ARN to make an UpdateObjectEncryption request",
        ),
    ],
)
def test_documents_of_another_encryption(server, shared, document, key, expected, message):
    body = document.encode()
    answer = server.signed("PUT", f"/{shared}/{key}?encryption", body=body, headers={"Content-MD5": md5(body)})
    assert code(answer) == expected, answer
    assert message is None or element(answer, "Message") == message


# ---- operations that AWS does not give to everybody


@pytest.mark.parametrize("method, target", [("GET", "/key?torrent"), ("POST", "/key?select&select-type=2")])
def test_retired_operations_are_not_allowed(server, shared, method, target):
    answer = server.signed(method, f"/{shared}{target}", body=b"<x/>" if method == "POST" else b"")
    assert (code(answer), element(answer, "Method")) == ((405, "MethodNotAllowed"), method)


def test_an_object_is_not_renamed_outside_of_directory_buckets(server, s3, shared):
    answer = server.signed("PUT", f"/{shared}/new?renameObject", headers={"x-amz-rename-source": f"/{shared}/key"})
    assert code(answer) == (501, "NotImplemented")
    assert s3.list_objects_v2(Bucket=shared)["KeyCount"] == 1


@pytest.mark.parametrize("header", [{"If-Match": "*"}, {"If-Match": '"x"'}])
def test_a_version_is_not_deleted_under_a_condition(server, s3, shared, header):
    answer = server.signed("DELETE", f"/{shared}/key?versionId=null", headers=header)
    assert code(answer) == (501, "NotImplemented")
    assert s3.head_object(Bucket=shared, Key="key")["ContentLength"] == 4

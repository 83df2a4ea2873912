"""Static websites: on website hosts and below /_website."""

import json

import pytest

INDEX = {"IndexDocument": {"Suffix": "index.html"}}
ERROR = {"ErrorDocument": {"Key": "error.html"}}


def public(s3, bucket):
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def listable(s3, bucket):
    """So that a missing key is 404."""
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
        {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"},
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def configure(s3, bucket, **more):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=INDEX | more)


@pytest.fixture
def site(server, s3, bucket):
    """Sends requests to the website of a public bucket."""
    public(s3, bucket)
    configure(s3, bucket)

    def send(path="/", method="GET", host="{}.s3-website.localhost:4566", **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.request(method, path, headers=fields | {"Host": host.format(bucket)})

    send.bucket = bucket
    return send


HOSTS = [
    "{}.s3-website.localhost:4566",
    "{}.s3-website.us-east-1.localhost",
    "{}.s3-website-us-east-1.amazonaws.com",
    "{}.s3-website.eu-central-1.amazonaws.com",
    "{}.s3-website.localhost.localstack.cloud:4566",
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_website_host_serves_the_index(s3, site, host):
    s3.put_object(Bucket=site.bucket, Key="index.html", Body=b"<p>hi", ContentType="text/html")
    answer = site(host=host)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"<p>hi", "text/html")


@pytest.mark.parametrize(("host", "base"), [("s3-website.localhost:4566", "/{}"), ("localhost:4566", "/_website/{}"), ("127.0.0.1", "/_website/{}")])
def test_a_path_serves_a_website_too(s3, site, host, base):
    base = base.format(site.bucket)
    s3.put_object(Bucket=site.bucket, Key="index.html", Body=b"index")
    s3.put_object(Bucket=site.bucket, Key="a/index.html", Body=b"folder")
    assert [site(base + path, host=host).body for path in ("", "/", "/a/", "/index.html")] == [b"index", b"index", b"folder", b"index"]
    assert site(base + "/a", host=host).headers["location"] == f"{base}/a/"


def test_folders_have_an_index_and_a_slash(s3, site):
    s3.put_object(Bucket=site.bucket, Key="dir/index.html", Body=b"folder")
    s3.put_object(Bucket=site.bucket, Key="a b/ü/index.html", Body=b"other")
    assert site("/dir/").body == b"folder"
    answer = site("/dir?x=1")
    assert (answer.status, answer.headers["location"]) == (302, "/dir/")
    assert "<li>Code: Found</li>\n<li>Message: Resource Found</li>" in answer.text
    assert site("/a%20b/%C3%BC").headers["location"] == "/a%20b/%C3%BC/"
    assert site("/a%20b/%C3%BC/").body == b"other"


def test_a_missing_key_is_a_page(s3, site):
    listable(s3, site.bucket)
    answer = site("/no%3Cpe")
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert answer.headers["x-amz-error-code"] == "NoSuchKey"
    lines = answer.text.splitlines()
    assert lines[:8] == [
        "<html>",
        "<head><title>404 Not Found</title></head>",
        "<body>",
        "<h1>404 Not Found</h1>",
        "<ul>",
        "<li>Code: NoSuchKey</li>",
        "<li>Message: The specified key does not exist.</li>",
        "<li>Key: no&lt;pe</li>",
    ]
    assert lines[-4:] == ["</ul>", "<hr/>", "</body>", "</html>"]
    assert (site("/x", method="HEAD").status, site("/x", method="HEAD").body) == (404, b"")


def test_the_error_document_has_the_status_of_the_error(s3, site):
    configure(s3, site.bucket, **ERROR)
    page = site("/nope").text
    assert "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>" in page
    s3.put_object(Bucket=site.bucket, Key="error.html", Body=b"sorry", ContentType="text/html")
    answer = site("/nope", Range="bytes=0-1")
    assert (answer.status, answer.body, answer.headers["x-amz-error-code"]) == (403, b"sorry", "AccessDenied")
    listable(s3, site.bucket)
    answer = site("/nope")
    assert (answer.status, answer.body, answer.headers["x-amz-error-code"]) == (404, b"sorry", "NoSuchKey")


def test_what_is_not_public_is_not_served(s3, site):
    s3.put_object(Bucket=site.bucket, Key="index.html", Body=b"index")
    s3.put_public_access_block(Bucket=site.bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert (site().status, "<li>Code: AccessDenied</li>" in site().text) == (403, True)
    s3.delete_public_access_block(Bucket=site.bucket)
    assert site().status == 200
    s3.put_bucket_request_payment(Bucket=site.bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert site().status == 403


def test_other_methods_are_refused(s3, site):
    configure(s3, site.bucket, **ERROR)
    s3.put_object(Bucket=site.bucket, Key="error.html", Body=b"sorry")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = site("/x", method=method)
        assert answer.status == 405
        assert f"<li>Code: MethodNotAllowed</li>\n<li>Message: The specified method is not allowed against this resource.</li>\n<li>Method: {method}</li>\n<li>ResourceType: OBJECT</li>" in answer.text


def test_a_bucket_without_website(server, s3, bucket):
    def send(bucket):
        return server.request("GET", "/x", headers={"Host": f"{bucket}.s3-website.localhost"})

    missing, plain = send("no-such-bucket-at-all"), send(bucket)
    assert (missing.status, plain.status) == (404, 404)
    assert "<li>Code: NoSuchBucket</li>\n<li>Message: The specified bucket does not exist</li>\n<li>BucketName: no-such-bucket-at-all</li>" in missing.text
    assert f"<li>Code: NoSuchWebsiteConfiguration</li>\n<li>Message: The specified bucket does not have a website configuration</li>\n<li>BucketName: {bucket}</li>" in plain.text


def test_conditions_and_ranges(s3, site):
    etag = s3.put_object(Bucket=site.bucket, Key="index.html", Body=b"0123456789")["ETag"]
    answer = site(Range="bytes=2-4")
    assert (answer.status, answer.body, answer.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    answer = site(If_None_Match=etag)
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    assert site(method="HEAD").headers["content-length"] == "10"
    # A parameter selects nothing, and a signature is not read.
    assert site("/?versioning&uploads", Authorization="nonsense").body == b"0123456789"


def test_all_requests_are_redirected(s3, site):
    s3.put_bucket_website(Bucket=site.bucket, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}})
    answer = site("/a%20b/c?d=e")
    assert (answer.status, answer.headers["location"], answer.body) == (301, "https://example.com/a%20b/c?d=e", b"")
    s3.put_bucket_website(Bucket=site.bucket, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "example.com"}})
    assert site().headers["location"] == "http://example.com/"


def test_an_object_leads_elsewhere(s3, site):
    s3.put_object(Bucket=site.bucket, Key="index.html", WebsiteRedirectLocation="/other.html")
    s3.put_object(Bucket=site.bucket, Key="out", WebsiteRedirectLocation="https://example.com/x?y=z")
    assert (site().status, site().headers["location"]) == (301, "/other.html")
    assert site("/out").headers["location"] == "https://example.com/x?y=z"


RULES = [
    ({"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}}, "/docs/a b", 301, "http://{host}/documents/a%20b"),
    ({"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": ""}}, "/docs/x", 301, "http://{host}/x"),
    ({"Condition": {"KeyPrefixEquals": "img/"}, "Redirect": {"ReplaceKeyPrefixWith": "resize?key=", "HostName": "api.example.com", "Protocol": "https", "HttpRedirectCode": "307"}}, "/img/1.jpg", 307, "https://api.example.com/resize?key=1.jpg"),
    ({"Condition": {"HttpErrorCodeReturnedEquals": "403"}, "Redirect": {"ReplaceKeyWith": "login.html", "HttpRedirectCode": "302"}}, "/secret", 302, "http://{host}/login.html"),
    ({"Redirect": {"HostName": "example.com"}}, "/any", 301, "http://example.com/any"),
]


@pytest.mark.parametrize(("rule", "path", "status", "location"), RULES)
def test_a_rule_redirects(s3, site, rule, path, status, location):
    configure(s3, site.bucket, RoutingRules=[rule])
    answer = site(path.replace(" ", "%20"))
    assert (answer.status, answer.headers["location"]) == (status, location.format(host=f"{site.bucket}.s3-website.localhost:4566"))


def test_the_first_rule_that_fits_decides(s3, site):
    rules = [
        {"Condition": {"KeyPrefixEquals": "a/", "HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"ReplaceKeyWith": "both"}},
        {"Condition": {"KeyPrefixEquals": "a/b"}, "Redirect": {"ReplaceKeyWith": "prefix"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"ReplaceKeyWith": "code"}},
        {"Condition": {"KeyPrefixEquals": "index"}, "Redirect": {"ReplaceKeyWith": "never of the root"}},
    ]
    configure(s3, site.bucket, RoutingRules=rules, **ERROR)
    listable(s3, site.bucket)
    s3.put_object(Bucket=site.bucket, Key="index.html", Body=b"index")
    s3.put_object(Bucket=site.bucket, Key="a/here", Body=b"here")
    assert site().body == site("/a/here").body.replace(b"here", b"index") == b"index"
    targets = [site(path).headers["location"].rsplit("/", 1)[1] for path in ("/a/missing", "/a/", "/a/b", "/c")]
    assert targets == ["both", "both", "prefix", "code"]


def test_pages_of_other_origins_may_read_by_cors(s3, site):
    s3.put_object(Bucket=site.bucket, Key="index.html", Body=b"index")
    s3.put_bucket_cors(Bucket=site.bucket, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://app.example"]}]})
    assert site(Origin="https://app.example").headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in site(Origin="https://other.example").headers
    preflight = site(method="OPTIONS", Origin="https://app.example", Access_Control_Request_Method="GET")
    assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (200, "GET")


def test_the_cli_sets_a_website_up(aws, s3, site):
    aws("s3", "website", f"s3://{site.bucket}", "--index-document", "start.html", "--error-document", "oops.html")
    assert s3.get_bucket_website(Bucket=site.bucket)["ErrorDocument"] == {"Key": "oops.html"}
    s3.put_object(Bucket=site.bucket, Key="start.html", Body=b"start")
    assert site().body == b"start"

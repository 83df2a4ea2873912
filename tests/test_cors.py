"""What the CORS configuration of a bucket lets pages of other origins do."""

import pytest

# That of an application with two sites.
RULES = [
    {
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["Content-*", "x-amz-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3000,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
]
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@pytest.fixture
def shared(s3, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    return bucket


def preflight(server, target, origin, method, headers=None):
    fields = {"Origin": origin, "Access-Control-Request-Method": method} | ({"Access-Control-Request-Headers": headers} if headers else {})
    return server.request("OPTIONS", target, headers=fields)


def test_a_configuration_is_answered_as_it_was_put(s3, shared):
    assert s3.get_bucket_cors(Bucket=shared)["CORSRules"] == RULES
    s3.delete_bucket_cors(Bucket=shared)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=shared)


def test_a_preflight_is_answered_by_the_first_rule_that_matches(server, shared):
    answer = preflight(server, f"/{shared}/key", "https://a.example.com", "PUT", "Content-Type, x-amz-date")
    assert answer.status == 200, answer
    assert answer.headers["x-amz-request-id"] and answer.headers["x-amz-id-2"]
    assert answer.headers["access-control-allow-origin"] == "https://a.example.com"
    assert answer.headers["access-control-allow-methods"] == "GET, PUT"
    assert answer.headers["access-control-allow-headers"] == "content-type, x-amz-date"
    assert answer.headers["access-control-expose-headers"] == "ETag"
    assert answer.headers["access-control-max-age"] == "3000"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == VARY
    anybody = preflight(server, f"/{shared}/key", "https://b.example.net", "GET")
    assert (anybody.status, anybody.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in anybody.headers


def test_a_preflight_that_no_rule_matches_is_refused(server, bucket, shared):
    for origin, method, headers in [("https://b.example.net", "PUT", None), ("http://localhost:3000", "PUT", None), ("https://a.example.com", "PUT", "authorization")]:
        answer = preflight(server, f"/{shared}/key", origin, method, headers)
        assert answer.status == 403 and "This CORS request is not allowed." in answer.text, answer
        assert "access-control-allow-origin" not in answer.headers


def test_answers_have_the_fields_where_a_rule_matches(server, shared):
    answer = server.signed("GET", f"/{shared}/key", headers={"Origin": "https://a.example.com"})
    assert (answer.status, answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (200, "https://a.example.com", VARY)
    missing = server.signed("GET", f"/{shared}/none", headers={"Origin": "https://a.example.com"})
    assert (missing.status, missing.headers["access-control-allow-origin"]) == (404, "https://a.example.com")
    written = server.signed("PUT", f"/{shared}/new", body=b"x", headers={"Origin": "https://a.example.com"})
    assert (written.status, written.headers["access-control-allow-methods"]) == (200, "GET, PUT")
    foreign = server.signed("PUT", f"/{shared}/new", body=b"x", headers={"Origin": "https://b.example.net"})
    assert foreign.status == 403 and "access-control-allow-origin" not in foreign.headers


def test_the_method_of_a_preflight_counts_in_other_requests_too(server, shared):
    origin = {"Origin": "https://b.example.net"}
    allowed = server.signed("GET", f"/{shared}/key", headers=origin)
    assert allowed.headers["Access-Control-Allow-Origin"] == "*"
    refused = server.signed("GET", f"/{shared}/key", headers=origin | {"Access-Control-Request-Method": "PUT"})
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (200, None)


def test_a_bucket_without_rules_shares_nothing(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    assert preflight(server, f"/{bucket}/key", "http://localhost:3000", "GET").status == 403
    answer = server.signed("GET", f"/{bucket}/key", headers={"Origin": "http://localhost:3000"})
    assert answer.status == 200 and "access-control-allow-origin" not in answer.headers

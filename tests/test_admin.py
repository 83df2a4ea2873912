"""The admin API, under /_cloudlet."""

import json
from urllib.parse import urlencode

import pytest


def test_health(server):
    answer = server.request("GET", "/_cloudlet/health")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert (answer.json["status"], answer.json["version"]) == ("running", "0.1.0")
    assert all(isinstance(sentence, str) for sentence in answer.json["workers"]["shortcomings"])
    assert server.request("HEAD", "/_cloudlet/health").status == 200


def test_health_as_localstack_tells_it(server):
    health = server.request("GET", "/_localstack/health").json
    assert {name: health["services"][name] for name in ("s3", "sqs", "sts")} == {"s3": "available", "sqs": "available", "sts": "available"}
    assert health["version"] == "0.1.0"


def test_services_tell_what_they_implement(server):
    services = {service["name"]: service for service in server.admin("services")}
    assert "GetCallerIdentity" in services["sts"]["implemented"]
    assert services["iam"]["not_implemented"] == ["AcquireRole", "GetRoleTemplateVersion"]


def test_calls_are_remembered_with_their_decisions(server, s3, bucket):
    request = s3.put_object(Bucket=bucket, Key="key")["ResponseMetadata"]["RequestId"]
    call = next(call for call in server.admin("calls") if call["request_id"] == request)
    assert (call["service"], call["operation"], call["principal"]) == ("s3", "PutObject", "arn:aws:iam::000000000000:root")
    assert (call["decisions"][0]["action"], call["decisions"][0]["effect"]) == ("s3:PutObject", "allowed")
    assert call["decisions"][0]["resource"] == f"arn:aws:s3:::{bucket}/key"


def test_a_call_is_one_line_of_the_log(server, sts):
    request = sts.get_caller_identity()["ResponseMetadata"]["RequestId"]
    line = server.wait_for_line(request)
    for part in ("sts:GetCallerIdentity", "arn:aws:iam::000000000000:root", "200"):
        assert part in line


def test_the_log_can_be_json(start):
    server = start("--log-format", "json")
    request = server.client("sts").get_caller_identity()["ResponseMetadata"]["RequestId"]
    line = json.loads(server.wait_for_line(request))
    assert (line["status"], line["action"], line["principal"]) == (200, "sts:GetCallerIdentity", "arn:aws:iam::000000000000:root")


def rows(server, listing, limit=100):
    """All rows of a table, page by page."""
    query = {"store": listing["store"], "table": listing["table"], "limit": limit}
    if "instance" in listing:
        query["instance"] = json.dumps(listing["instance"])
    found = []
    while True:
        page = server.admin("state?" + urlencode(query))
        assert len(page["rows"]) <= limit
        found += page["rows"]
        if "next" not in page:
            return found
        query["after"] = json.dumps(page["next"])


def test_state_is_shown_row_by_row(start):
    server = start()
    iam = server.client("iam")
    names = [f"user-{number}" for number in range(7)]
    for name in names:
        iam.create_user(UserName=name)
    listings = server.admin("state")
    users = next(listing for listing in listings if (listing["store"], listing["table"]) == ("iam", "users"))
    assert users["rows"] == 7
    for limit in (1, 3, 7, 100):
        found = rows(server, users, limit)
        assert [key for key, _ in found] == [["000000000000", name] for name in names]
        assert {row["name"] for _, row in found} == set(names)
    # Each queue is a store of its own.
    sqs = server.client("sqs")
    for name in ("one", "other"):
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=f"to {name}")
    messages = [listing for listing in server.admin("state") if (listing["store"], listing["table"]) == ("sqs/queues", "messages") and listing["rows"]]
    assert len({listing["instance"] for listing in messages}) == 2
    assert sorted("to one" in json.dumps(rows(server, listing)) for listing in messages) == [False, True]


@pytest.mark.parametrize(
    "query, status",
    [
        ("store=nothing&table=users", 404),
        ("store=iam&table=nothing", 404),
        ("store=iam&table=users&after=%7B", 400),
        ("store=iam&table=users&limit=many", 400),
        ("store=iam&tabel=users", 400),
    ],
)
def test_a_selection_of_rows_that_makes_no_sense_is_refused(server, query, status):
    answer = server.request("GET", f"/_cloudlet/state?{query}")
    assert (answer.status, "message" in answer.json) == (status, True)


def test_the_clock_is_moved_stopped_and_reset(server):
    before = server.admin("clock")
    assert before["stopped"] is False
    server.advance(4 * 86400)
    assert server.admin("clock")["now"] > before["now"]
    server.request("POST", "/_cloudlet/clock", json.dumps({"run": "stop"}))
    assert server.admin("clock")["stopped"] is True
    assert server.admin("clock")["now"] == server.admin("clock")["now"]
    server.reset_clock()
    assert server.admin("clock")["stopped"] is False


@pytest.mark.parametrize("change", ["", "{}", "[]", '{"advance":-1}', '{"advance":1e30}', '{"set":"yesterday"}', '{"set":"1999-01-01T00:00:00Z"}', '{"run":"backwards"}'])
def test_a_wrong_change_of_the_clock_is_refused(server, change):
    answer = server.request("POST", "/_cloudlet/clock", change)
    assert (answer.status, "message" in answer.json) == (400, True)


def test_reset_deletes_everything(start):
    server = start()
    server.client("s3").create_bucket(Bucket="doomed")
    server.client("sqs").create_queue(QueueName="doomed")
    assert server.request("POST", "/_cloudlet/reset").status == 200
    assert server.client("s3").list_buckets()["Buckets"] == []
    assert "QueueUrls" not in server.client("sqs").list_queues()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost.example.com:4566"},
        {"Sec-Fetch-Site": "cross-site"},
        # A name that a page's owner has made to lead here: origin and host agree.
        {"Host": "rebound.example.com:4566", "Origin": "http://rebound.example.com:4566"},
        {"Host": "rebound.example.com:4566"},
        {"Host": "s3.amazonaws.com"},
    ],
)
@pytest.mark.parametrize("path", ["/_cloudlet/reset", "/_localstack/state/reset", "/_aws/sqs/messages", "/_cloudlet/no/such/path"])
def test_pages_of_other_sites_are_kept_out(server, sqs, queue, path, headers):
    for method in ("POST", "GET", "OPTIONS"):
        answer = server.request(method, path, headers=headers)
        assert (answer.status, "message" in answer.json) == (403, True)
    assert queue in sqs.list_queues()["QueueUrls"], "nothing was reset"


def test_a_name_that_is_not_the_servers_is_told_how_to_become_so(server, start):
    refused = server.request("GET", "/_cloudlet/health", headers={"Host": "cloud.example.test:4566"})
    assert refused.status == 403 and "--name cloud.example.test" in refused.json["message"]
    named = start("--name", "cloud.example.test")
    for host in ("cloud.example.test:4566", "Cloud.Example.Test", "sqs.cloud.example.test"):
        assert named.request("GET", "/_cloudlet/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["localhost:4566", "127.0.0.1", "[::1]:4566", "192.168.0.7:4566", "bucket.s3.localhost", "cloudlet:4566", "sqs.localhost.localstack.cloud:4566"])
def test_the_admin_api_answers_under_the_servers_own_names(server, host):
    assert server.request("GET", "/_cloudlet/health", headers={"Host": host}).status == 200
    assert server.request("GET", "/_cloudlet/health", headers={"Host": host, "Origin": f"http://{host}"}).status == 200


def test_a_page_under_development_may_use_the_admin_api(server):
    headers = {"Host": "localhost:4566", "Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}
    assert server.request("POST", "/_cloudlet/settle", headers=headers).status == 200


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("DELETE", "/_cloudlet/health", {"GET", "HEAD"}),
        ("GET", "/_cloudlet/reset", {"POST"}),
        ("PUT", "/_cloudlet/clock", {"GET", "HEAD", "POST"}),
        ("POST", "/_cloudlet/mailbox", {"GET", "HEAD", "DELETE"}),
        ("POST", "/_aws/sqs/messages", {"GET", "HEAD"}),
        ("POST", "/.well-known/jwks.json", {"GET", "HEAD"}),
    ],
)
def test_a_path_names_its_methods_to_another(server, method, path, allowed):
    answer = server.request(method, path)
    assert (answer.status, set(answer.headers["allow"].split(","))) == (405, allowed)


@pytest.mark.parametrize("path", ["/_cloudlet/attic", "/_cloudlet", "/_cloudlet/", "/_localstack/info", "/_aws/attic", "/_cloudlet//health", "/_cloudlet/mailbox/7"])
def test_there_are_no_other_paths(server, path):
    answer = server.request("GET", path)
    assert (answer.status, "message" in answer.json) == (404, True)

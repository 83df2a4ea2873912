"""The house's own rooms, under /_cloudlet."""

import json

import pytest


def test_health(server):
    answer = server.request("GET", "/_cloudlet/health")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == {"status": "running", "version": "0.1.0"}
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


def test_state_is_shown_row_by_row(server, sqs, queue):
    tables = server.admin("state")
    assert tables, "there are tables"
    assert "queue" in json.dumps(tables)


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


@pytest.mark.parametrize("order", ["", "{}", "[]", '{"advance":-1}', '{"advance":1e30}', '{"set":"yesterday"}', '{"set":"1999-01-01T00:00:00Z"}', '{"run":"backwards"}'])
def test_a_wrong_order_to_the_clock_is_refused(server, order):
    answer = server.request("POST", "/_cloudlet/clock", order)
    assert (answer.status, "message" in answer.json) == (400, True)


def test_reset_empties_the_house(start):
    server = start()
    server.client("s3").create_bucket(Bucket="doomed")
    server.client("sqs").create_queue(QueueName="doomed")
    assert server.request("POST", "/_cloudlet/reset").status == 200
    assert server.client("s3").list_buckets()["Buckets"] == []
    assert "QueueUrls" not in server.client("sqs").list_queues()


def test_a_page_from_elsewhere_is_kept_out(server):
    assert server.request("POST", "/_cloudlet/reset", headers={"Origin": "http://example.com"}).status == 403
    assert server.request("GET", "/_cloudlet/health", headers={"Origin": server.url}).status == 200


def test_there_is_no_other_room(server):
    assert server.request("GET", "/_cloudlet/attic").status == 404
    assert server.request("DELETE", "/_cloudlet/health").status in (404, 405)

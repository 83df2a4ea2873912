"""SQS over JSON, as boto3 speaks it."""

import hashlib
import json
from threading import Thread
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError


def code(refused):
    return refused.value.response["Error"]["Code"]


def bodies(answer):
    return sorted(message["Body"] for message in answer.get("Messages", []))


def test_a_queue_is_created_found_and_deleted(sqs):
    url = sqs.create_queue(QueueName="lifecycle")["QueueUrl"]
    assert url.endswith("/000000000000/lifecycle")
    assert sqs.get_queue_url(QueueName="lifecycle")["QueueUrl"] == url
    assert url in sqs.list_queues(QueueNamePrefix="life")["QueueUrls"]
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(ClientError) as refused:
        sqs.get_queue_url(QueueName="lifecycle")
    assert code(refused) == "AWS.SimpleQueueService.NonExistentQueue"
    assert type(refused.value).__name__ == "QueueDoesNotExist"


def test_the_url_names_the_address_that_the_client_used(server, sqs):
    assert sqs.create_queue(QueueName="addressed")["QueueUrl"] == f"{server.url}/000000000000/addressed"


def test_attributes_have_defaults_and_can_be_set(sqs, queue):
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "30"
    assert attributes["MessageRetentionPeriod"] == "345600"
    assert attributes["DelaySeconds"] == "0"
    assert attributes["QueueArn"].startswith("arn:aws:sqs:us-east-1:000000000000:queue-")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "5"})
    assert sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"] == {"VisibilityTimeout": "5"}


def test_creating_it_again_with_other_attributes_is_refused(sqs):
    sqs.create_queue(QueueName="twice", Attributes={"DelaySeconds": "1"})
    sqs.create_queue(QueueName="twice", Attributes={"DelaySeconds": "1"})
    with pytest.raises(ClientError) as refused:
        sqs.create_queue(QueueName="twice", Attributes={"DelaySeconds": "2"})
    assert code(refused) == "QueueAlreadyExists"


@pytest.mark.parametrize("attributes", [{"VisibilityTimeout": "43201"}, {"VisibilityTimeout": "soon"}, {"DelaySeconds": "-1"}])
def test_a_wrong_value_of_an_attribute_is_refused(sqs, queue, attributes):
    with pytest.raises(ClientError) as refused:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes)
    assert code(refused) == "InvalidAttributeValue"


def test_an_unknown_attribute_is_refused(sqs, queue):
    with pytest.raises(ClientError) as refused:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Colour": "blue"})
    assert code(refused) == "InvalidAttributeName"


@pytest.mark.parametrize("name", ["with blank", "x" * 81, "dot.dot"])
def test_names_that_no_queue_may_have_are_refused(sqs, name):
    with pytest.raises(ClientError) as refused:
        sqs.create_queue(QueueName=name)
    assert code(refused) == "InvalidParameterValue"


def test_a_message_is_sent_received_and_deleted(sqs, queue):
    sent = sqs.send_message(
        QueueUrl=queue,
        MessageBody="Grüße ✓",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "greeting"}, "raw": {"DataType": "Binary", "BinaryValue": b"\0\1"}},
    )
    assert sent["MD5OfMessageBody"] == hashlib.md5("Grüße ✓".encode()).hexdigest()
    message = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])["Messages"][0]
    assert (message["Body"], message["MessageId"]) == ("Grüße ✓", sent["MessageId"])
    assert message["MessageAttributes"]["kind"]["StringValue"] == "greeting"
    assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\0\1"
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert message["Attributes"]["SenderId"] == "000000000000"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    counted = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (counted["ApproximateNumberOfMessages"], counted["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")


def test_a_received_message_is_hidden_until_its_time_is_over(server, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="hidden")
    first = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []
    server.advance(31)
    try:
        again = sqs.receive_message(QueueUrl=queue, AttributeNames=["ApproximateReceiveCount"])["Messages"][0]
        assert again["Attributes"]["ApproximateReceiveCount"] == "2"
        assert again["ReceiptHandle"] != first["ReceiptHandle"]
    finally:
        server.reset_clock()


def test_visibility_can_be_changed(server, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="changed")
    message = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    message = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=120)
    server.advance(60)
    try:
        assert bodies(sqs.receive_message(QueueUrl=queue)) == []
        server.advance(61)
        assert bodies(sqs.receive_message(QueueUrl=queue)) == ["changed"]
    finally:
        server.reset_clock()


def test_a_delayed_message_comes_later(server, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=60)
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []
    server.advance(60)
    try:
        assert bodies(sqs.receive_message(QueueUrl=queue)) == ["later"]
    finally:
        server.reset_clock()


def test_a_message_past_its_retention_is_gone(server, sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MessageRetentionPeriod": "60"})
    sqs.send_message(QueueUrl=queue, MessageBody="old")
    server.advance(61)
    try:
        assert bodies(sqs.receive_message(QueueUrl=queue)) == []
    finally:
        server.reset_clock()


def test_a_long_poll_answers_as_soon_as_a_message_comes(sqs, queue):
    received = []
    poll = Thread(target=lambda: received.append(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)))
    poll.start()
    sqs.send_message(QueueUrl=queue, MessageBody="at last")
    poll.join(timeout=60)
    assert bodies(received[0]) == ["at last"]


def test_a_long_poll_ends_when_its_time_is_over(server, sqs, queue):
    received = []
    poll = Thread(target=lambda: received.append(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)))
    poll.start()
    server.advance(3)
    poll.join(timeout=60)
    server.reset_clock()
    assert bodies(received[0]) == []


def test_batches(sqs, queue):
    entries = [{"Id": str(number), "MessageBody": f"message {number}"} for number in range(10)]
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert [entry["Id"] for entry in sent["Successful"]] == [str(number) for number in range(10)]
    received = {}
    while len(received) < 10:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)["Messages"]:
            received[message["Body"]] = message["ReceiptHandle"]
    handles = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(received.values())]
    hidden = [entry | {"VisibilityTimeout": 60} for entry in handles]
    assert len(sqs.change_message_visibility_batch(QueueUrl=queue, Entries=hidden)["Successful"]) == 10
    handles[0]["ReceiptHandle"] = "nonsense"
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=handles)
    assert (len(deleted["Successful"]), [failed["Code"] for failed in deleted["Failed"]]) == (9, ["ReceiptHandleIsInvalid"])


def test_batches_have_rules(sqs, queue):
    def refused(*ids):
        with pytest.raises(ClientError) as refused:
            sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": id, "MessageBody": "x"} for id in ids])
        return code(refused)

    assert refused() == "AWS.SimpleQueueService.EmptyBatchRequest"
    assert refused(*map(str, range(11))) == "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    assert refused("same", "same") == "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
    assert refused("not allowed") == "AWS.SimpleQueueService.InvalidBatchEntryId"


def test_a_body_has_characters_that_xml_allows_and_a_size(sqs, queue):
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=queue, MessageBody="bell \a")
    assert code(refused) == "InvalidMessageContents"
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=queue, MessageBody="x" * ((1 << 20) + 1))
    assert code(refused) == "InvalidParameterValue"
    with pytest.raises(ClientError):
        sqs.send_message(QueueUrl=queue, MessageBody="")


def test_a_wrong_receipt_handle_is_told(sqs, queue):
    with pytest.raises(ClientError) as refused:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle="nonsense")
    assert code(refused) == "ReceiptHandleIsInvalid"


def test_a_receipt_handle_is_good_in_its_queue_only(sqs, queue):
    other = sqs.create_queue(QueueName="not-the-handles")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="held")
    handle = sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"]
    with pytest.raises(ClientError) as refused:
        sqs.delete_message(QueueUrl=other, ReceiptHandle=handle)
    assert code(refused) == "ReceiptHandleIsInvalid"
    assert refused.value.response["Error"]["Message"] == f'The receipt handle "{handle}" is not valid for this queue.'


def test_a_change_of_visibility_that_comes_too_late_changes_nothing(server, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="back")
    handle = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=5)["Messages"][0]["ReceiptHandle"]
    server.advance(6)
    try:
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=600)
        assert bodies(sqs.receive_message(QueueUrl=queue)) == ["back"]
    finally:
        server.reset_clock()


def test_a_redrive_policy_is_shown_with_a_number_however_it_was_said(sqs, queue):
    dead = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"maxReceiveCount": "7", "deadLetterTargetArn": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    assert shown == f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":7}}'


def test_a_purged_queue_is_empty(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="doomed")
    sqs.purge_queue(QueueUrl=queue)
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []


def test_tags(sqs, queue):
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "blue", "cost": "low"})
    sqs.untag_queue(QueueUrl=queue, TagKeys=["cost"])
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "blue"}


def test_queues_are_listed_in_pages(server):
    sqs = server.client("sqs", key="444444444444")
    for number in range(5):
        sqs.create_queue(QueueName=f"paged-{number}")
    pages = [len(page["QueueUrls"]) for page in sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2})]
    assert pages == [2, 2, 1]


def test_a_queue_of_somebody_else_is_out_of_reach(server, sqs, queue):
    with pytest.raises(ClientError) as refused:
        server.client("sqs", key="123456789012").send_message(QueueUrl=queue, MessageBody="x")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []


def test_a_regions_queues_are_its_own(server, sqs):
    sqs.create_queue(QueueName="eastern")
    with pytest.raises(ClientError) as refused:
        server.client("sqs", region="eu-west-1").get_queue_url(QueueName="eastern")
    assert code(refused) == "AWS.SimpleQueueService.NonExistentQueue"


# ---- over the older query protocol


def query(server, target, **fields):
    body = urlencode({"Version": "2012-11-05"} | fields).encode()
    return server.signed("POST", target, "sqs", body, {"Content-Type": "application/x-www-form-urlencoded"})


def test_older_clients_speak_query(server):
    made = query(server, "/", Action="CreateQueue", QueueName="older", **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0"})
    assert made.status == 200, made
    assert f"<QueueUrl>{server.url}/000000000000/older</QueueUrl>" in made.text
    sent = query(server, "/000000000000/older", Action="SendMessage", MessageBody="a & b <c>")
    assert "<SendMessageResult>" in sent.text
    received = query(server, "/000000000000/older", Action="ReceiveMessage", **{"AttributeName.1": "All"})
    assert "<Body>a &amp; b &lt;c&gt;</Body>" in received.text
    assert "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>" in received.text
    for action in ["FlyMessage", "CreateQueue"]:
        refused = query(server, "/000000000000/older", Action=action, QueueName="other")
        assert (refused.status, f"The action {action} is not valid for this endpoint." in refused.text) == (400, True)
    missing = query(server, "/", Action="GetQueueUrl", QueueName="never")
    assert (missing.status, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in missing.text) == (400, True)


def test_the_query_protocol_answers_json_to_clients_that_accept_it(server, queue):
    path = "/" + queue.split("/", 3)[3]

    def get(parameters, accept):
        return server.signed("GET", f"{path}?{urlencode(parameters)}" if parameters else path, "sqs", b"", {"Accept": accept})

    answer = get({"Action": "GetQueueAttributes", "AttributeName.1": "All"}, "application/json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert {"Name": "DelaySeconds", "Value": "0"} in answer.json["GetQueueAttributesResponse"]["GetQueueAttributesResult"]["Attributes"]
    assert get({"Action": "ReceiveMessage"}, "application/json").json["ReceiveMessageResponse"]["ReceiveMessageResult"] == {"messages": None}
    empty = get({"Action": "ReceiveMessage"}, "*/*")
    assert (empty.headers["content-type"], "<ReceiveMessageResult/>" in empty.text) == ("text/xml", True)
    refused = get({"Action": "ListQueues"}, "application/json")
    assert (refused.status, refused.json["Error"]["Code"]) == (400, "InvalidAction")
    for accept in ["application/json", "text/xml", "*/*"]:
        unknown = get({}, accept)
        assert (unknown.status, unknown.text) == (404, "<UnknownOperationException/>\n")


@pytest.mark.parametrize(
    "service, form, operation",
    [
        ("sts", "Action=GetCallerIdentity&Version=2011-06-15", "GetCallerIdentity"),
        ("sns", "Action=ListTopics&Version=2010-03-31", "ListTopics"),
        ("iam", "Action=ListUsers&Version=2010-05-08", "ListUsers"),
    ],
)
def test_every_service_of_the_query_protocol_answers_json(server, service, form, operation):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = server.signed("POST", "/", service, form.encode(), headers)
    assert answer.status == 200
    response = answer.json[f"{operation}Response"]
    assert sorted(response) == [f"{operation}Result", "ResponseMetadata"]
    assert response["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize("mode", [{}, {"x-amzn-query-mode": "true"}])
def test_errors_over_json_have_the_query_code_too(server, mode):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.GetQueueUrl"} | mode
    answer = server.signed("POST", "/", "sqs", b'{"QueueName":"never"}', headers)
    assert answer.status == 400
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert json.loads(answer.body)["__type"].endswith("QueueDoesNotExist")

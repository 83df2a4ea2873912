"""SNS with boto3: topics with queues, HTTP endpoints, mail and phones."""

import base64
import json
import queue as queues
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
import rsa
from botocore.exceptions import ClientError
from pyasn1.codec.der import decoder
from sns_message_validator import SignatureVerificationFailureException, SNSMessageValidator


def error_of(raised):
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def arn_of(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def allow(sqs, url, topic):
    """Allows a topic to send to a queue. Returns the queue's ARN."""
    arn = arn_of(sqs, url)
    condition = {"ArnEquals": {"aws:SourceArn": topic}}
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn, "Condition": condition}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    return arn


def received(sqs, url):
    return sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])


def public_key(pem):
    """The key of a certificate: the seventh field."""
    der = base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))
    bits = decoder.decode(der)[0][0][6][1]
    return rsa.PublicKey.load_pkcs1(bits.asOctets(), "DER")


def verify(server, message):
    """Verifies a message as AWS documents it. Returns the name of the digest."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    if message["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    certificate = server.request("GET", urlsplit(message["SigningCertURL"]).path)
    assert certificate.status == 200
    return rsa.verify(signed.encode(), base64.b64decode(message["Signature"]), public_key(certificate.text))


class Endpoint:
    """An HTTP endpoint with scripted answers, which records its requests."""

    def __init__(self):
        self.requests, self.answers = queues.Queue(), queues.Queue()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.send_response(endpoint.answers.get_nowait() if not endpoint.answers.empty() else 200)
                self.send_header("content-length", "0")
                self.end_headers()
                endpoint.requests.put((self.headers, body))

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def next(self):
        return self.requests.get(timeout=30)


def later(server, endpoint):
    """The request of an endpoint ten minutes later. The retry may be scheduled after the clock has moved; then it is due after the next move."""
    for _ in range(10):
        server.advance(601)
        try:
            return endpoint.requests.get(timeout=5)
        except queues.Empty:
            continue
    return endpoint.next()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.server.shutdown()


def test_a_queue_receives_a_signed_message(server, sns, sqs, topic, queue):
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=allow(sqs, queue, topic))
    published = sns.publish(TopicArn=topic, Subject="greeting", Message="hello ✓", MessageAttributes={"n": {"DataType": "Number", "StringValue": "7"}})
    message = json.loads(received(sqs, queue)[0]["Body"])
    assert message["MessageId"] == published["MessageId"]
    assert message["Message"] == "hello ✓"
    assert message["MessageAttributes"] == {"n": {"Type": "Number", "Value": "7"}}
    assert verify(server, message) == "SHA-1"
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    sns.publish(TopicArn=topic, Message="again")
    assert verify(server, json.loads(received(sqs, queue)[0]["Body"])) == "SHA-256"


def test_the_validator_for_python_accepts_the_signatures(start, endpoint, monkeypatch):
    server = start("--sns-certificate-host", "aws")
    sns, validator = server.client("sns"), SNSMessageValidator()
    fetch = validator._cert_session.get
    # AWS's names lead here, as with a hosts file or a DNS server.
    monkeypatch.setattr(validator._cert_session, "get", lambda url: fetch(url.replace("https://sns.us-east-1.amazonaws.com", server.url)))
    topic = sns.create_topic(Name="validated")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    request = json.loads(endpoint.next()[1])
    validator.validate_message(request)
    sns.confirm_subscription(TopicArn=topic, Token=request["Token"])
    sns.publish(TopicArn=topic, Message="hello ✓")
    notification = json.loads(endpoint.next()[1])
    validator.validate_message(notification)
    sns.publish(TopicArn=topic, Subject="greeting", Message="again")
    validator.validate_message(json.loads(endpoint.next()[1]))
    with pytest.raises(SignatureVerificationFailureException):
        validator.validate_message({**notification, "Message": "hullo"})


def test_a_queue_without_a_policy_for_the_topic_receives_nothing(sns, sqs, topic, queue):
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(sqs, queue))
    sns.publish(TopicArn=topic, Message="hello")
    assert sqs.receive_message(QueueUrl=queue).get("Messages", []) == []


def test_a_raw_delivery_passes_a_filter(sns, sqs, topic, queue):
    attributes = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"kind": [{"prefix": "order"}]})}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=allow(sqs, queue, topic), Attributes=attributes)
    for kind in ["invoice", "order-1"]:
        sns.publish(TopicArn=topic, Message=kind, MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}})
    assert [message["Body"] for message in received(sqs, queue)] == ["order-1"]


def test_a_fifo_topic_keeps_the_order_and_drops_duplicates(sns, sqs):
    topic = sns.create_topic(Name="orders.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    url = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=allow(sqs, url, topic), Attributes={"RawMessageDelivery": "true"})
    entries = [{"Id": str(n), "Message": str(n % 5), "MessageGroupId": "g"} for n in range(10)]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert len({entry["SequenceNumber"] for entry in answer["Successful"]}) == 5
    assert [message["Body"] for message in received(sqs, url)] == ["0", "1", "2", "3", "4"]


def test_an_endpoint_confirms_and_is_retried(server, sns, topic, endpoint):
    policy = {"healthyRetryPolicy": {"minDelayTarget": 600, "maxDelayTarget": 600, "numRetries": 2}}
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url, Attributes={"DeliveryPolicy": json.dumps(policy)})
    headers, body = endpoint.next()
    request = json.loads(body)
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    verify(server, request)
    # The link alone confirms, without a signature.
    assert b"ConfirmSubscriptionResult" in server.request("GET", request["SubscribeURL"].removeprefix(server.url)).body
    endpoint.answers.put(503)
    sns.publish(TopicArn=topic, Message="hello")
    assert json.loads(endpoint.next()[1])["Message"] == "hello"
    try:
        headers, body = later(server, endpoint)
    finally:
        server.reset_clock()
    notification = json.loads(body)
    assert (notification["Message"], headers["user-agent"]) == ("hello", "Amazon Simple Notification Service Agent")
    server.request("GET", notification["UnsubscribeURL"].removeprefix(server.url))
    assert json.loads(endpoint.next()[1])["Type"] == "UnsubscribeConfirmation"


def test_mail_is_in_the_mailbox_and_its_links_work(server, sns, topic):
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.com")
    request = server.admin("mailbox?to=ann@example.com")["mail"][0]
    assert request["subject"] == "AWS Notification - Subscription Confirmation"
    assert server.request("GET", request["links"][0].removeprefix(server.url)).status == 200
    sns.publish(TopicArn=topic, Subject="greeting", Message="hello")
    mail = server.admin("mailbox?to=ann@example.com")["mail"][0]
    assert (mail["subject"], mail["channel"], mail["body"].splitlines()[0]) == ("greeting", "email", "hello")
    sns.publish(PhoneNumber="+15550001111", Message="hi")
    assert server.admin("mailbox?channel=sms")["mail"][0]["body"] == "hi"


def test_errors_are_those_of_aws(sns, topic):
    with pytest.raises(ClientError) as raised:
        sns.publish(TopicArn=f"{topic}-fake", Message="hello")
    assert error_of(raised) == ("NotFound", "Topic does not exist")
    with pytest.raises(ClientError) as raised:
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15550001111", Attributes={"FilterPolicy": '{"a": "b"}'})
    expected = 'Invalid parameter: Attributes Reason: FilterPolicy: "a" must be an object or an array\n at [Source: (String)"{"a":"b"}"; line: 1, column: 7]'
    assert error_of(raised) == ("InvalidParameter", expected)


def test_clients_cannot_call_the_operations_of_the_scheduler(server):
    answer = server.signed("POST", "/", service="sns", body=b"Action=Deliver&Version=2010-03-31&Delivery={}", headers={"content-type": "application/x-www-form-urlencoded"})
    assert (answer.status, b"InvalidAction" in answer.body) == (400, True)


def test_usage_reports_need_an_existing_bucket(sns, bucket):
    with pytest.raises(ClientError) as raised:
        sns.set_sms_attributes(attributes={"UsageReportS3Bucket": "thisS3BucketDoesNotExist"})
    assert error_of(raised) == ("InvalidParameter", "Invalid parameter: UsageReportS3Bucket Reason: The bucket you provided does not exist")
    sns.set_sms_attributes(attributes={"UsageReportS3Bucket": bucket})
    assert sns.get_sms_attributes()["attributes"]["UsageReportS3Bucket"] == bucket


def test_the_link_in_a_queues_message_does_not_unsubscribe(server, sns, sqs, topic, queue):
    allow(sqs, queue, topic)
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(sqs, queue))["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="hello")
    link = json.loads(received(sqs, queue)[0]["Body"])["UnsubscribeURL"]
    answer = server.request("GET", link.removeprefix(server.url))
    assert (answer.status, b"AuthorizationError" in answer.body) == (403, True)
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"


def invalid(call, **parameters):
    """The message of a ValidationError."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    code, message = error_of(raised)
    assert code == "ValidationError"
    return message


def test_violations_of_the_model_have_its_messages_and_do_not_repeat_phone_numbers(server, topic):
    sns = server.client("sns", parameter_validation=False)
    number = "1 validation error detected: Value at 'phoneNumber' failed to satisfy constraint: Member must "
    pattern = r"satisfy regular expression pattern: ^(\+[0-9]{8,}|[0-9]{0,9})$"
    assert invalid(sns.create_sms_sandbox_phone_number, PhoneNumber="1234567890") == number + pattern
    long = "+94489347594376598435346594365943695348562987"
    assert invalid(sns.create_sms_sandbox_phone_number, PhoneNumber=long) == number + "have length less than or equal to 20"
    language = invalid(sns.create_sms_sandbox_phone_number, PhoneNumber="+15550001111", LanguageCode="tlh")
    expected = "1 validation error detected: Value 'tlh' at 'languageCode' failed to satisfy constraint: Member must satisfy enum value set: ["
    assert language.startswith(expected)
    code = "Value 'abc' at 'oneTimePassword' failed to satisfy constraint: Member must "
    assert invalid(sns.verify_sms_sandbox_phone_number, PhoneNumber="+15550001111", OneTimePassword="abc") == (
        f"2 validation errors detected: {code}have length greater than or equal to 5; {code}satisfy regular expression pattern: ^[0-9]+$"
    )
    most = "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"
    assert invalid(sns.list_sms_sandbox_phone_numbers, MaxResults=101) == most
    key, value = "k" * 129, "v" * 257
    tags = [{"Key": "a", "Value": "b"}, {"Key": key, "Value": "b"}, {"Key": "c", "Value": value}]
    assert invalid(sns.tag_resource, ResourceArn=topic, Tags=tags) == (
        f"2 validation errors detected: Value '{key}' at 'tags.2.member.key' failed to satisfy constraint: Member must have length less than or equal to 128; "
        f"Value '{value}' at 'tags.3.member.value' failed to satisfy constraint: Member must have length less than or equal to 256"
    )


def test_missing_parameters_are_reported_before_invalid_ones(server):
    sns = server.client("sns", parameter_validation=False)
    with pytest.raises(ClientError) as raised:
        sns.verify_sms_sandbox_phone_number(PhoneNumber="1234567890")
    assert error_of(raised) == ("InvalidParameter", "Invalid parameter: OneTimePassword Reason: no value for required parameter")


def test_an_arn_is_checked_before_missing_collections(server):
    sns = server.client("sns", parameter_validation=False)
    for call, parameter in [
        (sns.set_platform_application_attributes, "PlatformApplicationArn"),
        (sns.set_endpoint_attributes, "EndpointArn"),
        (sns.publish_batch, "TopicArn"),
        (sns.tag_resource, "ResourceArn"),
        (sns.untag_resource, "ResourceArn"),
    ]:
        with pytest.raises(ClientError) as raised:
            call(**{parameter: "arn"})
        assert error_of(raised) == ("InvalidParameter", f"Invalid parameter: {parameter} Reason: An ARN must have at least 6 elements, not 1")
    with pytest.raises(ClientError) as raised:
        sns.set_platform_application_attributes(PlatformApplicationArn="arn:aws:sns:us-east-1:000000000000:app/GCM/shop")
    expected = "1 validation error detected: Value null at 'attributes' failed to satisfy constraint: Member must not be null"
    assert error_of(raised) == ("ValidationError", expected)

"""What an integration test against the composed Cloudlet looks like: boto3, pointed at it."""

import boto3
import pytest

CLOUDLET = {
    "endpoint_url": "http://localhost:4566",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": "us-east-1",
}


@pytest.fixture
def uploads():
    s3 = boto3.resource("s3", **CLOUDLET)
    bucket = s3.create_bucket(Bucket="uploads")
    yield bucket
    bucket.objects.delete()
    bucket.delete()


def test_an_upload_is_announced_and_can_be_fetched(uploads):
    sqs = boto3.resource("sqs", **CLOUDLET)
    announcements = sqs.create_queue(QueueName="announcements")

    uploads.put_object(Key="report.txt", Body=b"all is well")
    announcements.send_message(MessageBody="report.txt")

    (message,) = announcements.receive_messages(WaitTimeSeconds=5)
    assert uploads.Object(message.body).get()["Body"].read() == b"all is well"
    message.delete()

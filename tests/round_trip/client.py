"""The client: requests as botocore makes and signs them, and answers as it reads them. Nothing is sent."""

import base64
import io
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.credentials import Credentials
from botocore.handlers import escape_xml_payload, parse_get_bucket_location
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

CREDENTIALS = Credentials("AKIDEXAMPLE", "secret")


def protocol_of(operation):
    return operation.service_model.metadata["protocol"]


def request(operation, parameters, endpoint):
    """A signed request, as the echo takes it."""
    metadata = operation.service_model.metadata
    serialized = create_serializer(protocol_of(operation), include_validation=False).serialize_to_request(parameters, operation)
    # botocore does this for these operations beside serializing.
    if operation.name in ("DeleteObjects", "PutBucketLifecycleConfiguration"):
        escape_xml_payload(serialized)
    prepare_request_dict(serialized, endpoint, context={})
    request = create_request_object(serialized)
    signer = S3SigV4Auth if metadata["endpointPrefix"] == "s3" else SigV4Auth
    signer(CREDENTIALS, metadata.get("signingName", metadata["endpointPrefix"]), "us-east-1").add_auth(request)
    prepared = request.prepare()
    url = urlsplit(prepared.url)
    headers = [("host", url.netloc)]
    headers += [(text(name).lower(), text(value)) for name, value in prepared.headers.items()]
    return {
        "method": prepared.method,
        "path": url.path,
        "query": url.query,
        "headers": headers,
        "body": base64.b64encode(content(prepared.body)).decode(),
    }


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def content(body):
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body.read() if hasattr(body, "read") else bytes(body)


class Response:
    """The part of a response that botocore's handlers read."""

    def __init__(self, content):
        self.raw = self.content = content

    def stream(self):
        yield self.content

    def close(self):
        pass


def answer(operation, answered):
    """An answer as botocore parses it."""
    body = base64.b64decode(answered["body"])
    streaming = operation.has_streaming_output or operation.has_event_stream_output
    response = {
        "status_code": answered["status"],
        "headers": HeadersDict(answered["headers"]),
        "body": Response(body) if operation.has_event_stream_output else io.BytesIO(body) if streaming else body,
        "context": {"operation_name": operation.name},
    }
    parsed = create_parser(protocol_of(operation)).parse(response, operation.output_shape)
    if operation.name == "GetBucketLocation":
        parse_get_bucket_location(parsed, Response(body))
    parsed.pop("ResponseMetadata")
    # botocore returns None as the location of a bucket that has none.
    return {name: read(value) for name, value in parsed.items() if value is not None}


def fault(operation, answered):
    """The code by which botocore finds the class of an error answer, and the message."""
    response = {"status_code": answered["status"], "headers": HeadersDict(answered["headers"]), "body": base64.b64decode(answered["body"])}
    error = create_parser(protocol_of(operation)).parse(response, operation.output_shape)["Error"]
    # A service with two protocols names the code of the other one in the header; the class is that of the model.
    return error.get("QueryErrorCode") or error["Code"], error["Message"]


def read(value):
    """What streams is read to its end."""
    if isinstance(value, io.BytesIO):
        return value.read()
    return list(value) if hasattr(value, "get_initial_response") else value

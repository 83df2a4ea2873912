"""Signs requests with botocore and awscrt and writes them, as they would go over the wire, to recorded.json.

Run once, by hand: python3 -m venv v && v/bin/pip install boto3==1.44.5 awscrt==0.38.1 && v/bin/python record.py
Nothing is sent. The keys are AWS's documentation examples.
"""

import base64
import datetime
import email.utils
import json
import pathlib
from urllib.parse import urlsplit

import boto3
import botocore.auth as auth
import botocore.crt.auth as crt
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEBYaD+tok/en=="
PLAIN = Credentials(KEY, SECRET)
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, TOKEN)
out = []


def text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def record(name, service, method, url, headers, body, creds=PLAIN, bucket=None):
    parts = urlsplit(url)
    headers = [[k.lower(), text(v)] for k, v in headers.items()]
    if not any(k == "host" for k, _ in headers):
        headers.append(["host", parts.netloc])
    if hasattr(body, "read"):
        body = body.read()
    body = body.encode() if isinstance(body, str) else bytes(body or b"")
    out.append(dict(
        name=name, service=service, at=int(datetime.datetime.now(datetime.timezone.utc).timestamp()), method=method,
        path=parts.path or "/", query=parts.query, headers=headers, body=base64.b64encode(body).decode(),
        access_key=creds.access_key, secret=creds.secret_key, token=creds.token, bucket=bucket,
    ))


def client(service, name, creds=PLAIN, endpoint="http://localhost:4566", bucket=None, **config):
    c = boto3.session.Session(creds.access_key, creds.secret_key, creds.token, "us-east-1").client(
        service, endpoint_url=endpoint, verify=False, config=Config(retries={"total_max_attempts": 1}, **config))

    def stop(request, **_):
        signing = {"stepfunctions": "states", "sesv2": "ses"}.get(service, service)
        record(f"boto3 {name}", signing, request.method, request.url, request.headers, request.body, creds, bucket)
        return AWSResponse(request.url, 418, {}, None)
    c.meta.events.register("before-send.*", stop)

    class Calls:
        def __getattr__(self, operation):
            def call(**arguments):
                try:
                    getattr(c, operation)(**arguments)
                except Exception:
                    if not out or not out[-1]["name"].startswith("boto3"):
                        raise
            return call
    calls = Calls()
    calls.raw = c
    return calls


# S3, SigV4
s3 = client("s3", "s3 v4", signature_version="s3v4")
s3.put_object(Bucket="bucket", Key="a key/é+x//y", Body=b"hello", Metadata={"a": "two  words", "b": "x"}, ContentType="text/plain")
s3.put_object(Bucket="bucket", Key="dots/./../z", Body=b"")
s3.copy_object(Bucket="bucket", Key="to", CopySource={"Bucket": "bucket", "Key": "from é"})
s3.list_objects_v2(Bucket="bucket", Prefix="a b/é+", Delimiter="/", StartAfter="x&y=z")
s3.upload_part(Bucket="bucket", Key="k", PartNumber=1, UploadId="id/+==", Body=b"part")
s3.get_object(Bucket="bucket", Key="k", ResponseContentDisposition='attachment; filename="a b.txt"', VersionId="v")
s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a"}]})
s3.get_bucket_acl(Bucket="bucket")
client("s3", "s3 v4 with a session", SESSION, signature_version="s3v4").get_object(Bucket="bucket", Key="~k!'()*")
client("s3", "s3 v4 over https, unsigned chunks", endpoint="https://localhost:4566", signature_version="s3v4").put_object(
    Bucket="bucket", Key="k", Body=b"chunked " * 20)
client("s3", "s3 v4 unsigned payload", endpoint="https://localhost:4566", signature_version="s3v4",
       request_checksum_calculation="when_required", s3={"payload_signing_enabled": False}).put_object(Bucket="bucket", Key="k", Body=b"body")

# S3, SigV2
for style, endpoint, bucket in [("path", "http://localhost:4566", None), ("virtual", "http://s3.localhost.localstack.cloud:4566", "bucket")]:
    v2 = client("s3", f"s3 v2 {style}", SESSION, endpoint, bucket, signature_version="s3", s3={"addressing_style": style})
    v2.put_object(Bucket="bucket", Key="a key/é", Body=b"hello", Metadata={"a": "b"}, ContentType="text/plain", ACL="private")
    v2.get_object_acl(Bucket="bucket", Key="k", VersionId="v+/")
    v2.get_object(Bucket="bucket", Key="k", ResponseContentType="text/a b")

# S3, presigned
for version, creds in [("s3", PLAIN), ("s3", SESSION), ("s3v4", PLAIN), ("s3v4", SESSION)]:
    for style, endpoint, bucket in [("path", "http://localhost:4566", None), ("virtual", "http://s3.localhost.localstack.cloud:4566", "bucket")]:
        raw = client("s3", "", creds, endpoint, signature_version=version, s3={"addressing_style": style}).raw
        label = f"presigned {version} {style}{' with a session' if creds.token else ''}"
        for operation, method, params, headers in [
            ("get_object", "GET", {"VersionId": "a/b+c", "ResponseContentType": "text/plain; x"}, {}),
            ("put_object", "PUT", {"ContentType": "text/plain", "Metadata": {"a": "b"}}, {"Content-Type": "text/plain", "x-amz-meta-a": "b"}),
        ]:
            url = raw.generate_presigned_url(operation, Params={"Bucket": "bucket", "Key": "a key/é+", **params}, ExpiresIn=3600)
            # SigV2 moves metadata to the query; SigV4 keeps it as a header.
            sent = {k: v for k, v in headers.items() if version == "s3v4" or k == "Content-Type"}
            record(f"{label} {operation}", "s3", method, url, sent, b"", creds, bucket)

# forms
for version, creds in [("s3", PLAIN), ("s3v4", PLAIN), ("s3v4", SESSION)]:
    raw = client("s3", "", creds, signature_version=version).raw
    form = raw.generate_presigned_post(
        "bucket", "uploads/${filename}", Fields={"acl": "private", "Content-Type": "image/png"},
        Conditions=[{"acl": "private"}, ["starts-with", "$Content-Type", "image/"], ["content-length-range", 1, 10]], ExpiresIn=600)
    record(f"form {version}{' with a session' if creds.token else ''}", "s3", "POST", form["url"], {}, b"", creds)
    out[-1]["fields"] = list(form["fields"].items())

# everybody else
client("sqs", "sqs").create_queue(QueueName="q", Attributes={"DelaySeconds": "1"})
client("sqs", "sqs with a session", SESSION).list_queues()
client("sts", "sts").get_caller_identity()
client("iam", "iam").list_users(PathPrefix="/a b/")
client("sns", "sns").publish(TopicArn="arn:aws:sns:us-east-1:000000000000:t", Message="é & +")
client("ec2", "ec2").describe_instances()
client("lambda", "lambda").get_function(FunctionName="arn:aws:lambda:us-east-1:123456789012:function:f g", Qualifier="1")
client("lambda", "lambda").invoke(FunctionName="f", Payload=b"{}", ClientContext="e30=")
client("sesv2", "sesv2").get_email_identity(EmailIdentity="a+b@example.com")
client("sesv2", "sesv2").list_tags_for_resource(ResourceArn="arn:aws:ses:us-east-1:123456789012:identity/a b")
client("stepfunctions", "states").list_state_machines()
client("kms", "kms").list_keys()
client("ssm", "ssm").get_parameter(Name="/a/b")
client("logs", "logs").describe_log_groups()


def signed(name, service, request, signer, creds=PLAIN):
    signer.add_auth(request)
    p = request.prepare()
    record(name, service, p.method, p.url, p.headers, p.body, creds)


signed("botocore presigned sts", "sts", AWSRequest("GET", "http://localhost:4566/", params={"Action": "AssumeRole", "Version": "2011-06-15"}),
       auth.SigV4QueryAuth(SESSION, "sts", "us-east-1", expires=60), SESSION)
signed("botocore dots and double encoding", "lambda",
       AWSRequest("GET", "http://localhost:4566/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af%20g/./x/../y//z/"),
       auth.SigV4Auth(PLAIN, "lambda", "us-east-1"))
signed("botocore raw query", "lambda", AWSRequest("GET", "http://localhost:4566/a?b=c+d&a=x/y"), auth.SigV4Auth(PLAIN, "lambda", "us-east-1"))
signed("botocore query v2", "sdb", AWSRequest("POST", "http://localhost:4566/", data={"Action": "ListDomains", "Version": "2009-04-15", "B": "a b+é"}),
       auth.SigV2Auth(SESSION), SESSION)


class DateAuth(auth.SigV4Auth):
    """Signs `Date` instead of `X-Amz-Date`."""

    def _set_necessary_date_headers(self, request):
        at = datetime.datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        request.headers["Date"] = email.utils.format_datetime(at, usegmt=True)


signed("botocore Date header", "iam", AWSRequest("GET", "http://localhost:4566/", params={"Action": "ListUsers"}), DateAuth(PLAIN, "iam", "us-east-1"))


def crt_request(method, url, **arguments):
    request = AWSRequest(method, url, **arguments)
    request.context["payload_signing_enabled"] = True
    return request


for creds in (PLAIN, SESSION):
    what = " with a session" if creds.token else ""
    signed(f"awscrt v4a s3{what}", "s3", crt_request("PUT", "http://localhost:4566/bucket/a%20key", data=b"hello"), crt.CrtS3SigV4AsymAuth(creds, "s3", "*"), creds)
    signed(f"awscrt v4a presigned s3{what}", "s3", crt_request("GET", "http://localhost:4566/bucket/a%20key?versionId=x"),
           crt.CrtS3SigV4AsymQueryAuth(creds, "s3", "*", expires=600), creds)
    signed(f"awscrt v4a sts{what}", "sts", crt_request("POST", "http://localhost:4566/", data=b"Action=GetCallerIdentity&Version=2011-06-15",
           headers={"Content-Type": "application/x-www-form-urlencoded"}), crt.CrtSigV4AsymAuth(creds, "sts", "us-east-1,eu-*"), creds)
    signed(f"awscrt v4 s3{what}", "s3", crt_request("PUT", "http://localhost:4566/bucket/x%2By//z", data=b"hello"), crt.CrtS3SigV4Auth(creds, "s3", "us-east-1"), creds)
    signed(f"awscrt v4 presigned s3{what}", "s3", crt_request("GET", "http://localhost:4566/bucket/k"),
           crt.CrtS3SigV4QueryAuth(creds, "s3", "us-east-1", expires=600), creds)

path = pathlib.Path(__file__).with_name("recorded.json")
path.write_text("[\n" + ",\n".join(json.dumps(o, ensure_ascii=False) for o in out) + "\n]\n")
print(len(out), "requests", path.stat().st_size, "bytes")

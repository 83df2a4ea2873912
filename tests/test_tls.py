"""HTTPS with a certificate of the server's own CA."""

import http.client
import socket
import ssl

import boto3
import pytest
from botocore.exceptions import SSLError
from cloudlet import trusting


@pytest.fixture(scope="module")
def secure(start):
    return start("--tls")


@pytest.fixture(scope="module")
def certificate(secure, tmp_path_factory):
    answer = secure.request("GET", "/_cloudlet/ca.pem")
    assert answer.status == 200
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    path.write_bytes(answer.body)
    return path


def client(secure, service, certificate):
    return boto3.client(
        service,
        endpoint_url=f"https://127.0.0.1:{secure.port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        verify=str(certificate) if certificate else True,
    )


def test_a_client_that_trusts_the_ca_is_served(secure, certificate):
    s3 = client(secure, "s3", certificate)
    s3.create_bucket(Bucket="secure")
    # Over TLS boto3 sends an unsigned body with its checksum in the trailer.
    s3.put_object(Bucket="secure", Key="key", Body=b"body")
    assert s3.get_object(Bucket="secure", Key="key")["Body"].read() == b"body"
    url = client(secure, "sqs", certificate).create_queue(QueueName="secure")["QueueUrl"]
    assert url == f"https://127.0.0.1:{secure.port}/000000000000/secure"


def test_a_client_that_does_not_trust_the_ca_turns_away(secure):
    with pytest.raises(SSLError):
        client(secure, "sts", None).get_caller_identity()


def test_the_same_port_speaks_plain_http(secure):
    assert secure.client("sts").get_caller_identity()["Account"] == "000000000000"


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "bucket.s3.localhost",
        "sqs.us-east-1.localhost.localstack.cloud",
        "bucket.s3.amazonaws.com",
        "sns.eu-west-1.amazonaws.com",
        "dotted.bucket.s3.ap-southeast-2.amazonaws.com",
    ],
)
def test_the_certificate_is_good_for_all_names(secure, certificate, name):
    context = trusting(certificate.read_text())
    with socket.create_connection((secure.host, secure.port), timeout=60) as wire, context.wrap_socket(wire, server_hostname=name) as tls:
        assert tls.getpeercert()


def test_http2_is_offered(secure, certificate):
    context = trusting(certificate.read_text())
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection((secure.host, secure.port), timeout=60) as wire, context.wrap_socket(wire, server_hostname="localhost") as tls:
        assert tls.selected_alpn_protocol() == "h2"


def test_the_ca_is_kept_with_the_data(start, tmp_path):
    first = start("--tls", "--data-dir", str(tmp_path))
    before = first.request("GET", "/_cloudlet/ca.pem").body
    first.stop()
    assert start("--tls", "--data-dir", str(tmp_path)).request("GET", "/_cloudlet/ca.pem").body == before
    assert (tmp_path / "ca-key.pem").stat().st_mode & 0o077 == 0


def test_without_tls_there_is_no_ca(server):
    assert server.request("GET", "/_cloudlet/ca.pem").status == 404
    connection = http.client.HTTPSConnection(server.host, server.port, timeout=60)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connection.request("GET", "/")

"""The admin API and the log show no secret: everything is read after secrets of each kind were made."""

import base64
import datetime
import http.server
import json
import pathlib
import re
import threading
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

SAML = pathlib.Path(__file__).parent.parent / "crates/saml/src/tests"
PLATFORM_CREDENTIAL = "platform-credential-5d1f"
PLATFORM_PRINCIPAL = "platform-principal-77ab"
ENDPOINT_PASSWORD = "endpoint-password-3e70"
PASSWORD = "Login-passw0rd-42x!"
FORMER_PASSWORD = "Login-passw0rd-43y!"
ROOT_SECRET = "root-secret-6f02"
KEY_MATERIAL = b"imported key material, 32 bytes."
HMAC_MATERIAL = b"imported HMAC material, 32 bytes"


def tables(server):
    """The rows of all tables, by table."""
    found = {}
    for listing in server.admin("state"):
        query = {"store": listing["store"], "table": listing["table"], "limit": 1000}
        if "instance" in listing:
            query["instance"] = json.dumps(listing["instance"])
        page = server.admin("state?" + urlencode(query))
        assert len(page["rows"]) == listing["rows"] and "next" not in page
        found.setdefault(f"{listing['store']}/{listing['table']}", []).extend(page["rows"])
    return found


class Subscriber(http.server.BaseHTTPRequestHandler):
    """Answers with an error, so that the request for confirmation stays with the scheduler, and remembers its token."""

    tokens = []
    received = threading.Event()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Subscriber.tokens.append(body["Token"])
        self.send_response(500)
        self.end_headers()
        Subscriber.received.set()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def subscriber():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Subscriber)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def certificate_of(private_key):
    """A self-signed certificate, in PEM."""
    key = serialization.load_pem_private_key(private_key.encode(), password=None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=9))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def key_material(server):
    """Imported keys of KMS, and what its operations hand out."""
    kms = server.client("kms", secret=ROOT_SECRET)
    secrets = {}
    for spec, material in (("SYMMETRIC_DEFAULT", KEY_MATERIAL), ("HMAC_256", HMAC_MATERIAL)):
        usage = "GENERATE_VERIFY_MAC" if spec.startswith("HMAC") else "ENCRYPT_DECRYPT"
        key = kms.create_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        parameters = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        wrapped = serialization.load_der_public_key(parameters["PublicKey"]).encrypt(material, oaep)
        kms.import_key_material(KeyId=key, ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=wrapped, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
        secrets[f"material of {spec}"] = base64.b64encode(material).decode()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secrets["data key"] = base64.b64encode(kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]).decode()
    grant = kms.create_grant(KeyId=key, GranteePrincipal="arn:aws:iam::000000000000:user/ann", Operations=["Encrypt"])
    secrets["grant token"] = grant["GrantToken"]
    ann = server.client("iam", secret=ROOT_SECRET).create_access_key(UserName="ann")["AccessKey"]
    server.client("kms", key=ann["AccessKeyId"], secret=ann["SecretAccessKey"]).encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])
    return secrets | {"second secret key": ann["SecretAccessKey"]}


@pytest.fixture(scope="module")
def server(start):
    return start("--root-secret-key", ROOT_SECRET)


@pytest.fixture(scope="module")
def secrets(server, subscriber):
    """Secrets by their kind, all of them known to the server now."""
    iam, sts, sns = (server.client(service, secret=ROOT_SECRET) for service in ("iam", "sts", "sns"))
    secrets = {"root's secret key": ROOT_SECRET}
    iam.create_user(UserName="ann")
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    secrets["secret key"] = key["SecretAccessKey"]
    iam.create_login_profile(UserName="ann", Password=FORMER_PASSWORD)
    iam.update_login_profile(UserName="ann", Password=PASSWORD)
    secrets |= {"password": PASSWORD, "former password": FORMER_PASSWORD}
    secrets["MFA seed"] = iam.create_virtual_mfa_device(VirtualMFADeviceName="device")["VirtualMFADevice"]["Base32StringSeed"].decode()
    for service in ("codecommit.amazonaws.com", "bedrock.amazonaws.com"):
        made = iam.create_service_specific_credential(UserName="ann", ServiceName=service)["ServiceSpecificCredential"]
        secrets[f"credential of {service}"] = made.get("ServicePassword") or made["ServiceCredentialSecret"]
    private_key = (SAML / "private_key.pem").read_text()
    iam.upload_server_certificate(ServerCertificateName="certificate", CertificateBody=certificate_of(private_key), PrivateKey=private_key)
    iam.create_saml_provider(Name="idp", SAMLMetadataDocument=(SAML / "metadata.xml").read_text(), AddPrivateKey=private_key, AssertionEncryptionMode="Allowed")
    secrets["private key"] = private_key.splitlines()[1]

    as_ann = server.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    sessions = {
        "session": sts.get_session_token(),
        "federated user's session": sts.get_federation_token(Name="bob"),
        "role session": as_ann.assume_role(RoleArn=role, RoleSessionName="worker"),
    }
    for kind, answer in sessions.items():
        secrets[f"{kind}'s secret key"] = answer["Credentials"]["SecretAccessKey"]
        secrets[f"{kind}'s token"] = answer["Credentials"]["SessionToken"]
    iam.enable_outbound_web_identity_federation()
    secrets["web identity token"] = sts.get_web_identity_token(Audience=["us"], SigningAlgorithm="RS256")["WebIdentityToken"]

    secrets |= key_material(server)

    credentials = {"PlatformCredential": PLATFORM_CREDENTIAL, "PlatformPrincipal": PLATFORM_PRINCIPAL}
    sns.create_platform_application(Name="app", Platform="ADM", Attributes=credentials)
    secrets |= {"platform credential": PLATFORM_CREDENTIAL, "platform principal": PLATFORM_PRINCIPAL}
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://ann:{ENDPOINT_PASSWORD}@127.0.0.1:{subscriber}/")
    assert Subscriber.received.wait(60)
    secrets |= {"endpoint's password": ENDPOINT_PASSWORD, "confirmation token": Subscriber.tokens[0]}
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.com")
    sns.create_sms_sandbox_phone_number(PhoneNumber="+15550100")
    return secrets


@pytest.fixture(scope="module")
def mailed(server, secrets):
    """Secrets that were sent to people."""
    link = server.admin("mailbox?channel=email")["mail"][0]["links"][0]
    text = server.admin("mailbox?channel=sms")["mail"][0]["body"]
    return {"mailed confirmation token": link.split("Token=")[1].split("&")[0], "one-time password": text.split()[-1]}


def found_in(text, secrets):
    """The kinds of secrets that a text holds, in plain text, as JSON escapes it or in base64."""

    def forms(secret):
        return secret, json.dumps(secret)[1:-1], secret.replace("/", "\\/"), base64.b64encode(secret.encode()).decode()

    # Whole words: a one-time password is a short number, which may be a part of any other.
    return [kind for kind, secret in secrets.items() if any(re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text) for form in forms(secret))]


def test_no_table_shows_a_secret(server, secrets, mailed):
    everything = secrets | mailed
    assert all(len(secret) >= 6 for secret in everything.values()), everything
    found = tables(server)
    for table in ("iam/access_keys", "iam/mfa_devices", "iam/service_specific_credentials", "iam/saml_providers", "sts/sessions/sessions", "sts/keys/signing_keys", "kms/keys", "kms/grants"):
        assert "(redacted)" in json.dumps(found[table]), table
    for table in ("sns/applications", "sns/sandbox_numbers", "sns/subscriptions", "sns/confirmation_tokens", "scheduler/entries", "mailbox/mail"):
        assert found[table] != [], table
    assert {table: kinds for table, rows in found.items() if (kinds := found_in(json.dumps(rows), everything))} == {}


@pytest.mark.parametrize("path", ["services", "calls", "iam/decisions?limit=1000", "iam/decisions?limit=1000&format=text", "iam/policy?principal=arn:aws:iam::000000000000:user/ann", "state"])
def test_nothing_else_of_the_admin_api_shows_a_secret(server, secrets, mailed, path):
    answer = server.request("GET", f"/_cloudlet/{path}")
    assert answer.status == 200
    assert found_in(answer.text, secrets | mailed) == []


def test_the_mailbox_shows_what_was_sent_to_people_and_no_other_secret(server, secrets, mailed):
    text = server.request("GET", "/_cloudlet/mailbox").text
    assert found_in(text, secrets | mailed) == list(mailed)


def test_the_log_has_no_secret(server, secrets, mailed):
    assert found_in("\n".join(server.lines), secrets | mailed) == []

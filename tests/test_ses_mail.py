"""Mail that goes out and comes in: SMTP with smtplib, swaks and msmtp, DKIM with dkimpy, receipt rules into S3, SNS and SQS."""

import base64
import hashlib
import hmac
import json
import shutil
import smtplib
import socket
import ssl
import subprocess
import time

import dkim
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from email.message import EmailMessage

# Production access, without a rate: a fast machine sends more than 14 mails in a second.
FREE = ("--ses-sandbox", "off", "--ses-quota", "50000,1001")
PORTS = ("--smtp-ports", "0", "--smtps-ports", "0", "--mx-ports", "0")


def password(secret, region="us-east-1"):
    """As AWS's documentation derives it."""
    key = ("AWS4" + secret).encode()
    for text in ("11111111", region, "ses", "aws4_request", "SendRawEmail"):
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.b64encode(b"\x04" + key).decode()


class Mail:
    """A server with its ports of mail."""

    def __init__(self, server):
        self.server = server
        self.ports = server.admin("health")["smtp"]
        self.ses, self.sesv2 = server.client("ses"), server.client("sesv2")
        context = ssl.create_default_context(cadata=server.request("GET", "/_cloudlet/ca.pem").text)
        self.context = context

    def starttls(self, user="test", secret="test", region="us-east-1"):
        client = smtplib.SMTP("127.0.0.1", self.ports["starttls"][0], timeout=20)
        client.starttls(context=self.context)
        client.login(user, password(secret, region))
        return client

    def tls(self, user="test", secret="test"):
        client = smtplib.SMTP_SSL("127.0.0.1", self.ports["tls"][0], timeout=20, context=self.context)
        client.login(user, password(secret))
        return client

    def mx(self):
        return smtplib.SMTP("127.0.0.1", self.ports["mx"][0], timeout=20)

    def add_dns(self, text):
        answer = self.server.request("POST", "/_cloudlet/dns", text)
        assert answer.status == 200, answer.body

    def records(self, name, kind):
        return self.server.admin(f"dns?name={name}&type={kind}")["records"]

    def mails(self, **selection):
        query = "&".join(f"{name}={value}" for name, value in selection.items())
        return self.server.admin(f"mailbox?{query}")["mail"]

    def raw(self, mail):
        return self.server.request("GET", f"/_cloudlet/mailbox/{mail['number']}/raw").body

    def look_up(self, name, timeout=5):
        """The text record of a name, as dkimpy asks for it."""
        name = name.decode().rstrip(".")
        for line in self.records(name, "CNAME"):
            name = line.split()[-1].rstrip(".")
        texts = [line.split(" TXT ", 1)[1] for line in self.records(name, "TXT")]
        return "".join(piece for piece in texts[0].split('"')[1::2]).encode() if texts else None


@pytest.fixture(scope="module")
def mail(start):
    mail = Mail(start(*FREE, *PORTS))
    mail.ses.verify_domain_identity(Domain="example.com")
    token = mail.ses.verify_domain_identity(Domain="example.com")["VerificationToken"]
    mail.add_dns(f'_amazonses.example.com TXT "{token}"\nexample.com MX 10 inbound-smtp.us-east-1.amazonaws.com.\n')
    return mail


def message(sender="ann@example.com", to="bob@other.com", subject="hello", body="text\n"):
    one = EmailMessage()
    one["From"], one["To"], one["Subject"] = sender, to, subject
    one.set_content(body)
    return one


# ---- out


def test_the_program_prints_passwords(binary):
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for region, expected in (
        ("us-east-1", "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9"),
        ("ap-northeast-1", "BEBMrlH2tcrvRtSfkd6WbOlpfHSCPAV60ZayJ9ZqHS5c"),
    ):
        printed = subprocess.run([binary, "smtp-password", "--region", region], input=secret, capture_output=True, text=True, check=True)
        assert printed.stdout == expected + "\n"
        assert password(secret, region) == expected


def test_starttls_and_tls(mail):
    with mail.starttls() as client:
        client.send_message(message(subject="starttls"))
    with mail.tls() as client:
        client.send_message(message(subject="tls"))
    assert {one["subject"] for one in mail.mails(to="bob@other.com", wait=5)} >= {"starttls", "tls"}


def test_nothing_goes_without_tls_and_auth(mail):
    client = smtplib.SMTP("127.0.0.1", mail.ports["starttls"][0], timeout=20)
    greeting = client.ehlo()[1].decode()
    assert "STARTTLS" in greeting and "AUTH PLAIN LOGIN" in greeting and greeting.endswith("Ok")
    assert client.docmd("MAIL FROM:<ann@example.com>") == (530, b"Must issue a STARTTLS command first")
    client.starttls(context=mail.context)
    client.ehlo()
    assert client.docmd("MAIL FROM:<ann@example.com>") == (530, b"Authentication required")
    client.quit()


def test_passwords_are_of_a_region_and_of_a_key(mail):
    iam = mail.server.client("iam")
    iam.create_user(UserName="smtp")
    key = iam.create_access_key(UserName="smtp")["AccessKey"]
    user, secret = key["AccessKeyId"], key["SecretAccessKey"]
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        mail.starttls(user, secret, region="eu-west-1")
    assert (refused.value.smtp_code, refused.value.smtp_error) == (535, b"Authentication Credentials Invalid")
    # Nobody has let the user send.
    with mail.starttls(user, secret) as client:
        with pytest.raises(smtplib.SMTPDataError) as denied:
            client.send_message(message())
    text = denied.value.smtp_error.decode()
    assert denied.value.smtp_code == 554 and text.startswith("Access denied: User `arn:aws:iam::000000000000:user/smtp' is not authorized"), text
    assert "`ses:SendRawEmail'" in text
    statement = {
        "Effect": "Allow",
        "Action": "ses:SendRawEmail",
        "Resource": "*",
        "Condition": {"StringEquals": {"ses:FromAddress": "ann@example.com"}, "ForAllValues:StringLike": {"ses:Recipients": ["*@other.com"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="smtp", PolicyName="send", PolicyDocument=policy)
    with mail.starttls(user, secret) as client:
        client.send_message(message(subject="allowed"))
        with pytest.raises(smtplib.SMTPDataError):
            client.send_message(message(to="bob@elsewhere.com"))
    iam.update_access_key(UserName="smtp", AccessKeyId=user, Status="Inactive")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        mail.starttls(user, secret)
    session = mail.server.client("sts").get_session_token()["Credentials"]
    with pytest.raises(smtplib.SMTPAuthenticationError):
        mail.starttls(session["AccessKeyId"], session["SecretAccessKey"])


def test_refusals_are_those_of_aws(mail):
    with mail.tls() as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(message(sender="x@unknown.com"))
        names = "The following identities failed the check in region US-EAST-1: x@unknown.com"
        assert refused.value.smtp_error.decode() == f"Message rejected: Email address is not verified. {names}"
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("ann@example.com", [f"a{i}@other.com" for i in range(51)], message().as_string())
        assert (refused.value.smtp_code, refused.value.smtp_error) == (554, b"Transaction failed: Recipient count exceeds 50.")
        assert client.docmd("MAIL FROM: SES (<u@e. com>)") == (501, b"Invalid MAIL FROM address provided")


def test_the_sandbox_holds_over_smtp(start):
    mail = Mail(start("--auth", "off", "--ses-auto-verify", "domains", *PORTS))
    mail.ses.verify_domain_identity(Domain="example.com")
    with mail.tls() as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(message())
        assert "bob@other.com" in refused.value.smtp_error.decode()
        client.sendmail("ann@example.com", ["ann@example.com"], message().as_string())
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("ann@example.com", ["ann@example.com"], message().as_string())
        assert (refused.value.smtp_code, refused.value.smtp_error) == (454, b"Throttling failure: Maximum sending rate exceeded")


@pytest.mark.parametrize("tool", ["swaks", "msmtp"])
def test_other_peoples_clients(mail, tool, tmp_path):
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"{tool} is not installed")
    if tool == "swaks" and subprocess.run(["perl", "-MNet::SSLeay", "-e", "1"], capture_output=True).returncode:
        pytest.skip("swaks has no TLS without Net::SSLeay")
    authority = tmp_path / "ca.pem"
    authority.write_text(mail.server.request("GET", "/_cloudlet/ca.pem").text)
    port, text = mail.ports["starttls"][0], message(subject=f"from {tool}").as_string()
    if tool == "swaks":
        where = ["--server", "127.0.0.1", "--port", str(port), "--tls", "--tls-ca-path", str(authority)]
        who = ["--auth", "LOGIN", "--auth-user", "test", "--auth-password", password("test")]
        what = ["--from", "ann@example.com", "--to", "bob@other.com", "--data", "-"]
        ran = subprocess.run([program, *where, *who, *what], input=text, capture_output=True, text=True)
    else:
        where = ["--host=127.0.0.1", f"--port={port}", "--tls=on", "--tls-starttls=on", f"--tls-trust-file={authority}"]
        who = ["--auth=plain", "--user=test", f"--passwordeval=echo {password('test')}", "--from=ann@example.com"]
        ran = subprocess.run([program, *where, *who, "bob@other.com"], input=text, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert mail.mails(to="bob@other.com", search=tool, wait=5)


def test_signatures_verify_with_another_library(mail):
    created = mail.sesv2.create_email_identity(EmailIdentity="signed.org")
    for token in created["DkimAttributes"]["Tokens"]:
        mail.add_dns(f"{token}._domainkey.signed.org CNAME {token}.dkim.amazonses.com.\n")
    found = mail.sesv2.get_email_identity(EmailIdentity="signed.org")
    assert (found["VerifiedForSendingStatus"], found["DkimAttributes"]["Status"]) == (True, "SUCCESS")
    with mail.starttls() as client:
        client.send_message(message(sender="Ann <ann@signed.org>", subject="Grüße", body="a\n.b\n\n\n"))
    raw = mail.raw(mail.mails(to="bob@other.com", search="signed.org", wait=5)[0])
    verifier = dkim.DKIM(raw)
    assert verifier.verify(idx=0, dnsfunc=mail.look_up) and verifier.domain == b"signed.org"
    verifier = dkim.DKIM(raw)
    assert verifier.verify(idx=1, dnsfunc=mail.look_up) and verifier.domain == b"amazonses.com"
    with pytest.raises(dkim.ValidationError):
        dkim.DKIM(raw.replace(b"\na\r\n", b"\nb\r\n")).verify(idx=0, dnsfunc=mail.look_up)


@pytest.mark.parametrize("bits", [1024, 1536, 2048])
def test_keys_of_ones_own_sign_as_of_the_time_of_the_mail(mail, bits):
    domain = f"own{bits}.org"
    private = subprocess.run(["openssl", "genrsa", "-traditional", str(bits)], capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=private, capture_output=True, check=True).stdout
    attributes = {"DomainSigningSelector": "own", "DomainSigningPrivateKey": "".join(private.decode().splitlines()[1:-1])}
    mail.sesv2.create_email_identity(EmailIdentity=domain, DkimSigningAttributes=attributes)
    mail.add_dns(f'own._domainkey.{domain} TXT "v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"\n')
    assert mail.sesv2.get_email_identity(EmailIdentity=domain)["VerifiedForSendingStatus"]
    with mail.starttls() as client:
        client.send_message(message(sender=f"ann@{domain}"))
    # Nobody has read it before the key is gone.
    mail.sesv2.delete_email_identity(EmailIdentity=domain)
    sent = mail.mails(to="bob@other.com", search=domain, wait=5)[0]
    raw = mail.raw(sent)
    verifier = dkim.DKIM(raw)
    assert verifier.verify(idx=0, dnsfunc=mail.look_up) and verifier.domain == domain.encode()
    assert mail.raw(sent) == raw


def test_hostile_clients_are_bounded(mail):
    port = mail.ports["mx"][0]
    # An endless line.
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.recv(1000)
        client.sendall(b"x" * 1_000_000 + b"\r\nQUIT\r\n")
        said = client.makefile("rb").read()
        assert said == b"500 Line too long.\r\n221 Bye\r\n"
    # A message that never stops being too long.
    with mail.tls() as client:
        client.mail("ann@example.com")
        client.rcpt("bob@other.com")
        assert client.docmd("DATA")[0] == 354
        for _ in range(100):
            client.sock.sendall(b"x" * 998 + b"\r\n" + (b"y" * 998 + b"\r\n") * 999)
        client.sock.sendall(b".\r\n")
        assert client.getreply() == (552, b"Message is too long.")
        assert client.noop()[0] == 250
    # A second message is not smuggled in behind half a line end.
    before = len(mail.mails(search="smuggled", limit=1000))
    with mail.tls() as client:
        client.mail("ann@example.com")
        client.rcpt("bob@other.com")
        client.docmd("DATA")
        client.sock.sendall(b"From: ann@example.com\r\n\r\nsmuggled\n.\nMAIL FROM:<ann@example.com>\nRCPT TO:<x@other.com>\nDATA\n\r\n.\r\n")
        assert client.getreply()[0] == 250
    assert len(mail.mails(search="smuggled", limit=1000)) == before + 1
    # Ten thousand recipients.
    with mail.tls() as client:
        client.mail("ann@example.com")
        client.sock.sendall(b"".join(b"RCPT TO:<a%d@other.com>\r\n" % number for number in range(10_000)))
        replies = b""
        while b"421" not in replies:
            received = client.sock.recv(65536)
            if not received:
                break
            replies += received
        assert replies.count(b"250 Ok") == 1000
        client.close()


def test_a_slow_client_holds_nobody_up(mail):
    with socket.create_connection(("127.0.0.1", mail.ports["mx"][0]), timeout=20) as slow:
        replies = slow.makefile("rb")
        replies.readline()
        for letter in b"EHLO slow":
            slow.sendall(bytes([letter]))
            with mail.tls() as client:
                client.send_message(message(subject="beside a slow one"))
        slow.sendall(b"\r\n")
        assert replies.readline().startswith(b"250-")


@pytest.mark.parametrize(
    "name, raw",
    [
        ("nested", b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (depth, depth) for depth in range(1000)) + b"deep\r\n"),
        ("cut", b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n'),
        ("charset", b"Content-Type: text/plain; charset=klingon\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xff\xfe\x80broken\r\n"),
        ("base64", b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64!!!\r\n"),
        ("words", b"X-Word: =?utf-8?q?=C3=?= =?nothing?b?%%%?=\r\nContent-Type: text/html\r\n\r\n<a href=\"http://x\">=?\r\n"),
        ("nulls", b"Content-Type: text/plain\r\n\r\n\x00\x01\x02\r\n"),
    ],
)
def test_broken_mime_is_taken_and_can_be_read(mail, name, raw):
    whole = b"MIME-Version: 1.0\r\nFrom: ann@example.com\r\nTo: bob@other.com\r\nSubject: broken-" + name.encode() + b"\r\n" + raw
    with mail.tls() as client:
        client.sendmail("ann@example.com", ["bob@other.com"], whole)
    found = mail.mails(search=f"broken-{name}", wait=5)[0]
    stored = mail.raw(found)
    assert b"DKIM-Signature" in stored and f"broken-{name}".encode() in stored
    assert mail.server.request("GET", f"/_cloudlet/mailbox/{found['number']}").status == 200


# ---- in


@pytest.fixture(scope="module")
def inbox(mail):
    """Mail to in@example.com becomes an object, and a message of a queue."""
    server = mail.server
    s3, sns, sqs = server.client("s3"), server.client("sns"), server.client("sqs")
    s3.create_bucket(Bucket="inbox")
    statement = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::inbox/*"}
    topic, url = sns.create_topic(Name="inbox")["TopicArn"], sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:inbox"
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    mail.ses.create_receipt_rule_set(RuleSetName="set")
    mail.ses.set_active_receipt_rule_set(RuleSetName="set")
    actions = [{"AddHeaderAction": {"HeaderName": "X-Rule", "HeaderValue": "yes"}}, {"S3Action": {"BucketName": "inbox", "ObjectKeyPrefix": "in/", "TopicArn": topic}}]
    rule = {"Name": "in", "Enabled": True, "ScanEnabled": True, "Recipients": ["in@example.com"], "Actions": actions}
    with pytest.raises(mail.ses.exceptions.InvalidS3ConfigurationException) as refused:
        mail.ses.create_receipt_rule(RuleSetName="set", Rule=rule)
    assert refused.value.response["Error"]["Message"] == "Could not write to bucket: inbox"
    s3.put_bucket_policy(Bucket="inbox", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    mail.ses.create_receipt_rule(RuleSetName="set", Rule=rule)
    names = [one["Key"] for one in s3.list_objects_v2(Bucket="inbox")["Contents"]]
    assert names == ["in/AMAZON_SES_SETUP_NOTIFICATION"]

    def receive():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for one in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                told = json.loads(json.loads(one["Body"])["Message"])
                if told.get("mail", {}).get("messageId") != "AMAZON_SES_SETUP_NOTIFICATION":
                    return told
        return None

    return s3, receive


def test_a_mail_that_comes_in_ends_in_a_bucket_and_a_queue(mail, inbox):
    s3, receive = inbox
    with mail.mx() as client:
        client.starttls(context=mail.context)
        client.send_message(message(sender="bob@other.com", to="in@example.com", subject="incoming"))
    told = receive()
    assert (told["notificationType"], told["mail"]["source"], told["receipt"]["recipients"]) == ("Received", "bob@other.com", ["in@example.com"])
    key = told["receipt"]["action"]["objectKey"]
    body = s3.get_object(Bucket="inbox", Key=key)["Body"].read()
    assert body.startswith(b"X-Rule: yes\r\nReturn-Path: <bob@other.com>\r\n") and b"X-SES-Virus-Verdict: PASS" in body


def test_a_mail_is_encrypted_with_a_key_of_kms(mail, inbox):
    s3, kms = inbox[0], mail.server.client("kms")
    key = kms.create_key()["KeyMetadata"]
    s3.create_bucket(Bucket="sealed")
    put = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::sealed/*"}
    s3.put_bucket_policy(Bucket="sealed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [put]}))
    rule = {
        "Name": "sealed",
        "Enabled": True,
        "Recipients": ["sealed@example.com"],
        "Actions": [{"S3Action": {"BucketName": "sealed", "KmsKeyArn": key["Arn"]}}],
    }
    with pytest.raises(mail.ses.exceptions.InvalidS3ConfigurationException):
        mail.ses.create_receipt_rule(RuleSetName="set", Rule=rule)
    # As AWS's guide says.
    everything = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"}
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": ["kms:Encrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {
            "Null": {"kms:EncryptionContext:aws:ses:rule-name": "false", "kms:EncryptionContext:aws:ses:message-id": "false"},
            "StringEquals": {"kms:EncryptionContext:aws:ses:source-account": "000000000000"},
        },
    }
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [everything, allowed]}))
    mail.ses.create_receipt_rule(RuleSetName="set", Rule=rule)
    with mail.mx() as client:
        client.send_message(message(sender="bob@other.com", to="sealed@example.com", subject="a secret"))
    mail.server.request("POST", "/_cloudlet/settle")
    (name,) = [one["Key"] for one in s3.list_objects_v2(Bucket="sealed")["Contents"] if one["Key"] != "AMAZON_SES_SETUP_NOTIFICATION"]
    stored = s3.get_object(Bucket="sealed", Key=name)
    sealed, about = stored["Body"].read(), stored["Metadata"]
    assert b"a secret" not in sealed and about["x-amz-cek-alg"] == "AES/GCM/NoPadding"
    context, wrapped = json.loads(about["x-amz-matdesc"]), base64.b64decode(about["x-amz-key-v2"])
    data_key = kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"]
    opened = AESGCM(data_key).decrypt(base64.b64decode(about["x-amz-iv"]), sealed, None)
    assert b"Subject: a secret" in opened and len(opened) == int(about["x-amz-unencrypted-content-length"])


def test_signatures_of_another_library_are_verified(mail, inbox):
    s3, receive = inbox
    private = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=private, capture_output=True, check=True).stdout
    mail.add_dns(f'sel._domainkey.author.org TXT "v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"\n_dmarc.author.org TXT "v=DMARC1; p=reject"\n')
    raw = message(sender="a@author.org", to="in@example.com", subject="signed").as_bytes().replace(b"\n", b"\r\n")
    signed = dkim.sign(raw, b"sel", b"author.org", private, canonicalize=(b"relaxed", b"relaxed")) + raw
    with mail.mx() as client:
        client.sendmail("a@author.org", ["in@example.com"], signed)
    receipt = receive()["receipt"]
    assert (receipt["dkimVerdict"]["status"], receipt["dmarcVerdict"]["status"]) == ("PASS", "PASS")
    with mail.mx() as client:
        client.sendmail("a@author.org", ["in@example.com"], signed.replace(b"signed\r\n", b"forged\r\n"))
    receipt = receive()["receipt"]
    assert (receipt["dkimVerdict"]["status"], receipt["dmarcVerdict"]["status"], receipt["dmarcPolicy"]) == ("FAIL", "FAIL", "reject")


def test_who_is_not_received_for_is_refused(mail, inbox):
    with mail.mx() as client:
        for wrong in ("nobody@example.com", "in@other.com"):
            client.ehlo()
            client.mail("bob@other.com")
            assert client.rcpt(wrong) == (550, b"5.1.1 Requested action not taken: mailbox unavailable")
    mail.ses.create_receipt_filter(Filter={"Name": "here", "IpFilter": {"Policy": "Block", "Cidr": "127.0.0.0/8"}})
    with mail.mx() as client:
        client.ehlo()
        client.mail("bob@other.com")
        assert client.rcpt("in@example.com")[0] == 550
    mail.ses.delete_receipt_filter(FilterName="here")


def test_a_mail_to_a_domain_of_ones_own_comes_in(mail, inbox):
    _, receive = inbox
    with mail.tls() as client:
        client.send_message(message(to="in@example.com", subject="to myself"))
    told = receive()
    assert (told["mail"]["commonHeaders"]["subject"], told["receipt"]["spfVerdict"]["status"]) == ("to myself", "PASS")


def test_what_was_acknowledged_survives_a_kill(start, tmp_path):
    arguments = (*FREE, "--ses-auto-verify", "all", "--data-dir", str(tmp_path / "data"), *PORTS)
    mail = Mail(start(*arguments))
    mail.ses.verify_domain_identity(Domain="example.com")
    long = "x" * 70 + "\n"
    with mail.tls() as client:
        for number in range(20):
            client.send_message(message(subject=f"mail {number}", body=long * 1000))
    mail.server.process.kill()
    mail.server.process.wait()
    again = Mail(start(*arguments))
    found = again.mails(to="bob@other.com", limit=100)
    assert {one["subject"] for one in found} == {f"mail {number}" for number in range(20)}
    assert again.raw(found[0]).count(b"x" * 70) == 1000
    assert again.ses.get_send_quota()["SentLast24Hours"] == 20


# ---- what becomes of a mail


def queue_of(server, name):
    """A topic, and a function that receives so many of its messages that are JSON."""
    sns, sqs = server.client("sns"), server.client("sqs")
    topic, url = sns.create_topic(Name=name)["TopicArn"], sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def receive(count):
        told, deadline = [], time.monotonic() + 30
        while len(told) < count and time.monotonic() < deadline:
            for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                text = json.loads(one["Body"])["Message"]
                if text.startswith("{") and "AmazonSnsSubscriptionSucceeded" not in text:
                    told.append(json.loads(text))
        return told

    return topic, receive


def test_the_simulator_bounces_complains_and_answers(mail):
    mail.ses.verify_domain_identity(Domain="sim.org")
    token = mail.ses.verify_domain_identity(Domain="sim.org")["VerificationToken"]
    mail.add_dns(f'_amazonses.sim.org TXT "{token}"\n')
    topic, receive = queue_of(mail.server, "feedback")
    for kind in ("Bounce", "Complaint", "Delivery"):
        mail.ses.set_identity_notification_topic(Identity="sim.org", NotificationType=kind, SnsTopic=topic)
    to = ["bounce+1@simulator.amazonses.com", "complaint@simulator.amazonses.com", "success@simulator.amazonses.com"]
    with mail.tls() as client:
        client.sendmail("ann@sim.org", to, message(sender="ann@sim.org", to=", ".join(to)).as_string())
    told = {one["notificationType"]: one for one in receive(3)}
    assert told["Bounce"]["bounce"]["bouncedRecipients"][0]["emailAddress"] == "bounce+1@simulator.amazonses.com"
    assert told["Complaint"]["complaint"]["complaintFeedbackType"] == "abuse"
    assert sorted(told["Delivery"]["delivery"]["recipients"]) == sorted(to[1:])
    assert told["Bounce"]["mail"]["sourceIp"] == "127.0.0.1"
    forwarded = mail.mails(to="ann@sim.org", search="Delivery", wait=5)
    assert forwarded[0]["from"] == "MAILER-DAEMON@amazonses.com"


def test_a_click_is_followed_and_told(mail):
    topic, receive = queue_of(mail.server, "clicks")
    mail.sesv2.create_configuration_set(ConfigurationSetName="clicks")
    destination = {"Enabled": True, "MatchingEventTypes": ["OPEN", "CLICK"], "SnsDestination": {"TopicArn": topic}}
    mail.sesv2.create_configuration_set_event_destination(ConfigurationSetName="clicks", EventDestinationName="d", EventDestination=destination)
    body = {"Html": {"Data": '<a href="https://example.com/?a=1&amp;b=2">x</a>'}}
    content = {"Simple": {"Subject": {"Data": "clicks"}, "Body": body}}
    to = {"ToAddresses": ["bob@other.com"]}
    mail.sesv2.send_email(FromEmailAddress="ann@example.com", Destination=to, Content=content, ConfigurationSetName="clicks")
    html = mail.mails(to="bob@other.com", search="clicks", wait=5)[0]["html"]
    link, image = html.split('href="')[1].split('"')[0], html.split('src="')[1].split('"')[0]
    answer = mail.server.request("GET", link.split(mail.server.address, 1)[1] if mail.server.address in link else "/" + link.split("/", 3)[3])
    assert (answer.status, answer.headers["Location"]) == (302, "https://example.com/?a=1&b=2")
    answer = mail.server.request("GET", "/" + image.split("/", 3)[3])
    assert answer.headers["Content-Type"] == "image/gif"
    told = {one["eventType"]: one for one in receive(2)}
    assert told["Click"]["click"]["link"] == "https://example.com/?a=1&b=2" and "open" in told["Open"]


def test_one_click_unsubscribes(mail):
    mail.sesv2.create_contact_list(ContactListName="list", Topics=[{"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_IN"}])
    content = {"Simple": {"Subject": {"Data": "newsletter"}, "Body": {"Text": {"Data": "text"}}}}

    def send():
        to = {"ToAddresses": ["reader@other.com"]}
        options = {"ContactListName": "list", "TopicName": "news"}
        mail.sesv2.send_email(FromEmailAddress="ann@example.com", Destination=to, Content=content, ListManagementOptions=options)

    send()
    raw = mail.raw(mail.mails(to="reader@other.com", wait=5)[0]).decode()
    link = raw.split("List-Unsubscribe: <")[1].split(">")[0].replace("\r\n", "").replace(" ", "")
    answer = mail.server.request("POST", "/" + link.split("/", 3)[3], "List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200
    contact = mail.sesv2.get_contact(ContactListName="list", EmailAddress="reader@other.com")
    assert contact["TopicPreferences"] == [{"TopicName": "news", "SubscriptionStatus": "OPT_OUT"}]
    send()
    assert len(mail.mails(to="reader@other.com")) == 1

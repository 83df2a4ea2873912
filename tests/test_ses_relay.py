"""Mail that leaves for a server of somebody else's: with TLS and a login, and when that server does not take it."""

import pytest
from relay import Relay, certificate

FREE = ("--ses-sandbox", "off", "--ses-auto-verify", "all")
LOGIN = ("user", "pa:ss@word")
USER = "user:pa%3Ass%40word"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("relay"))


def send(server, to=("bob@other.com",), subject="leaves"):
    ses = server.client("ses")
    ses.verify_email_identity(EmailAddress="ann@example.com")
    message = {"Subject": {"Data": subject}, "Body": {"Text": {"Data": ".dot\n"}}}
    return ses.send_email(Source="ann@example.com", Destination={"ToAddresses": list(to)}, Message=message)["MessageId"]


def test_a_relay_takes_mail_that_leaves(start):
    with Relay() as relay:
        server = start(*FREE, "--smtp-relay", f"smtp://127.0.0.1:{relay.port}")
        send(server, ["bob@other.com", "success@simulator.amazonses.com"])
        ((recipients, mail),) = relay.wait(relay.mails)
        assert recipients == ["bob@other.com"] and b"Subject: leaves\r\n" in mail and b"DKIM-Signature" in mail and b"\r\n..dot\r\n" in mail
        number = server.admin("mailbox?search=leaves")["mail"][0]["number"]
        assert server.request("GET", f"/_cloudlet/mailbox/{number}/raw").body == mail.replace(b"\r\n..dot", b"\r\n.dot")


def test_a_relay_with_tls_and_a_login(start, tls):
    context, authority = tls
    with Relay(context, LOGIN) as relay:
        url = f"smtp://{USER}@127.0.0.1:{relay.port}?tls=required"
        server = start(*FREE, "--smtp-relay", url, environment={"SSL_CERT_FILE": str(authority)})
        send(server)
        ((recipients, mail),) = relay.wait(relay.mails)
        assert relay.logins == [LOGIN] and recipients == ["bob@other.com"] and b"Subject: leaves" in mail
        assert "pa:ss" not in "".join(server.lines) and "pa%3A" not in "".join(server.lines)


def test_mail_waits_for_a_relay_whose_certificate_is_trusted(start, tls):
    with Relay(tls[0], LOGIN) as relay:
        server = start(*FREE, "--smtp-relay", f"smtp://{USER}@127.0.0.1:{relay.port}?tls=required")
        send(server)
        assert "certificate" in server.wait_for_line("the relay did not take a mail, which is tried again")
        assert relay.logins == [] and relay.mails == []


def test_mail_waits_for_a_relay_that_lets_us_in(start, tls, tmp_path):
    context, authority = tls
    more = {"environment": {"SSL_CERT_FILE": str(authority)}}
    with Relay(context, LOGIN) as relay:
        where = f"127.0.0.1:{relay.port}?tls=required"
        wrong = (*FREE, "--data-dir", str(tmp_path), "--smtp-relay", f"smtp://user:wrong@{where}")
        server = start(*wrong, **more)
        send(server)
        assert "535" in server.wait_for_line("the relay did not take a mail, which is tried again")
        assert relay.mails == [] and server.admin("mailbox?search=leaves")["mail"]
        server.stop()
        right = (*wrong[:-1], f"smtp://{USER}@{where}")
        server = start(*right, **more)
        server.advance(60)
        relay.wait(relay.mails)


def test_mail_waits_for_a_relay_that_is_down(start):
    with Relay() as relay:
        port = relay.port
    server = start(*FREE, "--smtp-relay", f"smtp://127.0.0.1:{port}")
    send(server)
    server.wait_for_line("the relay did not take a mail, which is tried again")
    with Relay(port=port) as relay:
        server.advance(60)
        relay.wait(relay.mails)


def test_a_recipient_whom_the_relay_refuses_keeps_nobody_else_from_their_mail(start):
    with Relay(refused=["nobody@other.com"]) as relay:
        server = start(*FREE, "--smtp-relay", f"smtp://127.0.0.1:{relay.port}")
        send(server, ["bob@other.com", "nobody@other.com", "carol@other.com"])
        taken = relay.wait(relay.mails, 2)
        assert sorted(recipients for recipients, _ in taken) == [["bob@other.com"], ["carol@other.com"]]
        assert "nobody@other.com" in server.wait_for_line("the relay did not take a mail: permanent error (550)")

"""A mail server of somebody else's, which mail is relayed to: with STARTTLS and a login where they are asked for."""

import base64
import datetime
import ipaddress
import socketserver
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Relay(socketserver.ThreadingTCPServer):
    """Listens on a free port, or on that of one that is gone. `refused` are recipients that it does not know."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, context=None, login=None, refused=(), port=0):
        super().__init__(("127.0.0.1", port), Session)
        self.context, self.login, self.refused = context, login, refused
        self.mails, self.logins = [], []
        self.changed = threading.Condition()
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def happened(self, list, what):
        with self.changed:
            list.append(what)
            self.changed.notify_all()

    def wait(self, list, count=1):
        """The first so many of a list, as soon as there are."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(list) >= count, timeout=60), list
            return list[:count]

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Session(socketserver.StreamRequestHandler):
    def say(self, *lines):
        for line in lines:
            self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        server, is_secure, is_known, recipients = self.server, False, self.server.login is None, []
        self.say("220 relay")
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "EHLO":
                can_start = server.context is not None and not is_secure
                offers = ["STARTTLS"] if can_start else ["AUTH PLAIN LOGIN"] if server.login else []
                self.say("250-relay", *(f"250-{offer}" for offer in offers), "250 8BITMIME")
            elif line.upper() == "STARTTLS":
                self.say("220 go ahead")
                try:
                    self.request = server.context.wrap_socket(self.request, server_side=True)
                except OSError:
                    return
                self.setup()
                is_secure = True
            elif word == "AUTH":
                given = tuple(base64.b64decode(line.split()[2]).decode().split("\0")[1:])
                is_known = given == server.login
                server.happened(server.logins, given)
                self.say("235 welcome" if is_known else "535 5.7.8 who are you?")
            elif word == "QUIT":
                self.say("221 bye")
                return
            elif not is_known:
                self.say("530 5.7.0 log in first")
            elif word == "RCPT":
                name = line.split("<")[1].split(">")[0]
                recipients.append(name)
                self.say("550 5.1.1 nobody here" if name in server.refused else "250 Ok")
            elif word == "DATA":
                self.say("354 go on")
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line)
                server.happened(server.mails, (recipients, b"".join(lines)))
                recipients = []
                self.say("250 Ok")
            elif word in ("MAIL", "RSET"):
                recipients = []
                self.say("250 Ok")
            else:
                self.say("250 Ok")


def certificate(folder):
    """The context of a server on this machine, and the file of its authority, which is the certificate itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    days = datetime.timedelta(days=2)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - days, now + days)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    file = folder / "relay.pem"
    file.write_bytes(made)
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "relay.key").write_bytes(key.private_bytes(*kinds))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, folder / "relay.key")
    return context, file

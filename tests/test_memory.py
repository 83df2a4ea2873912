"""What callers who have not signed can make the server hold in memory."""

import contextlib
import socket

import pytest

FORMS = 64
SIZE = 60 << 20
MOST = 500 << 20
HEAD = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
PIECE = b"a" * (64 << 10)


def most_resident(server):
    """The bytes of memory that the server has had at most."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


class Form:
    """A form that is sent as far as the server takes it."""

    def __init__(self, server, length_field):
        self.connection = socket.create_connection((server.host, server.port), timeout=60)
        self.left = SIZE
        self.chunked = length_field.startswith("Transfer-Encoding")
        self.send(f"{HEAD}{length_field}\r\n\r\n".encode())

    def send(self, data):
        try:
            self.connection.sendall(data)
        except OSError:
            self.left = 0

    def send_piece(self):
        """Another piece of the body. False: the server takes no more, or the form is at its end."""
        if self.left <= 0 or self.is_answered():
            return False
        self.left -= len(PIECE)
        self.send(f"{len(PIECE):x}\r\n".encode() + PIECE + b"\r\n" if self.chunked else PIECE)
        return True

    def is_answered(self):
        self.connection.setblocking(False)
        try:
            return self.connection.recv(1, socket.MSG_PEEK) is not None
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(60)

    def close(self):
        self.connection.close()


def send_forms(server, length_field, most=SIZE):
    """All forms at once, piece by piece, each up to so many bytes; a signed caller is answered meanwhile. They stay open."""
    with contextlib.ExitStack() as stack:
        forms = [stack.enter_context(contextlib.closing(Form(server, length_field))) for _ in range(FORMS)]
        for number in range(most // len(PIECE)):
            if not any([form.send_piece() for form in forms]):
                break
            if number % 8 == 0:
                assert server.client("sts").get_caller_identity()["Account"] == "000000000000"
        assert server.client("sts").get_caller_identity()["Account"] == "000000000000"
        return most_resident(server)


@pytest.mark.parametrize("length_field", [f"Content-Length: {SIZE}", "Transfer-Encoding: chunked"])
def test_many_large_unsigned_forms_take_little_memory(start, length_field):
    assert send_forms(start(), length_field) < MOST


def test_many_unsigned_forms_that_are_never_finished_take_little_memory(start):
    # As much as one form may be, and not its end.
    assert send_forms(start(), "Transfer-Encoding: chunked", most=4 << 20) < MOST

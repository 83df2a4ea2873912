"""An address in front of a server that loses and doubles messages of data channels on purpose, both ways. All else it passes on."""

import random
import socket
import struct
import threading


class Lossy:
    """`loss` is the share of messages that are lost; as many are doubled. Acknowledgements of the client arrive: AWS's plugin acknowledges nothing
    twice, and what is sent to it again would be sent for ever."""

    def __init__(self, server, loss):
        self.server, self.loss = server, loss
        self.random = random.Random(7)
        self.lost = self.doubled = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        far = socket.create_connection((self.server.host, self.server.port))
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = self._head(near)
        far.sendall(head)
        is_channel = b"upgrade: websocket" in head.lower()
        if is_channel:
            near.sendall(self._head(far))
        carry = self._messages if is_channel else self._bytes
        threading.Thread(target=self._carry, args=(carry, near, far), daemon=True).start()
        self._carry(carry, far, near)

    @staticmethod
    def _head(of):
        head = b""
        while not head.endswith(b"\r\n\r\n") and (byte := of.recv(1)):
            head += byte
        return head

    def _carry(self, carry, one, other):
        try:
            carry(one, other)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _bytes(one, other):
        while data := one.recv(1 << 16):
            other.sendall(data)

    def _messages(self, one, other):
        file = one.makefile("rb", buffering=1 << 16)
        while len(head := file.read(2)) == 2:
            length = head[1] & 127
            if length > 125:
                more = file.read(2 if length == 126 else 8)
                head += more
                length = struct.unpack("!H" if length == 126 else "!Q", more)[0]
            mask = file.read(4) if head[1] & 128 else b""
            payload = file.read(length)
            message = head + mask + payload
            # A name in the header of a frame, under the mask.
            name = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload[:36])) if mask else b""
            chance = self.random.random() if head[0] & 15 == 2 and b"acknowledge" not in name else 1
            if chance < self.loss:
                self.lost += 1
            elif chance < 2 * self.loss:
                self.doubled += 1
                other.sendall(message + message)
            else:
                other.sendall(message)

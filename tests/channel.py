"""A client of Session Manager's data channel, written from its description: frames in a websocket, acknowledged, resent, in order. It can lose and
double frames on purpose."""

import base64
import json
import os
import random
import socket
import struct
import threading
import time
import uuid
from urllib.parse import urlsplit

OUTPUT, SIZE, HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, HANDSHAKE_COMPLETE = 1, 3, 5, 6, 7
CHALLENGE_REQUEST, CHALLENGE_RESPONSE, FLAG, STDERR, EXIT_CODE = 8, 9, 10, 11, 12


class WebSocket:
    """RFC 6455, as little as is needed. The mask is of zeros, so that nothing is computed."""

    def __init__(self, url, headers=None):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb", buffering=1 << 16)
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            pass
        self.lock = threading.Lock()

    def send(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        with self.lock:
            self.socket.sendall(head + b"\0\0\0\0" + payload)

    def receive(self):
        """The next message as (opcode, payload); None at the end."""
        while True:
            head = self.file.read(2)
            if len(head) < 2:
                return None
            opcode, length = head[0] & 15, head[1] & 127
            if length == 126:
                length = struct.unpack("!H", self.file.read(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", self.file.read(8))[0]
            payload = self.file.read(length)
            if opcode == 9:
                self.send(10, payload)
            elif opcode == 8:
                self.close_frame = payload
                return None
            elif opcode in (1, 2):
                return opcode, payload

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


def frame(message, sequence, flags, kind, payload, identity=None):
    half = (identity or uuid.uuid4()).bytes
    head = struct.pack("!I32sIQqQ", 116, message.encode().ljust(32), 1, int(time.time() * 1000), sequence, flags)
    return head + half[8:] + half[:8] + b"\0" * 32 + struct.pack("!II", kind, len(payload)) + payload


def parse(data):
    header, message, _, _, sequence, flags = struct.unpack("!I32sIQqQ", data[:64])
    assert header == 116
    kind, length = struct.unpack("!II", data[112:120])
    identity = uuid.UUID(bytes=data[72:80] + data[64:72])
    assert len(data) == 120 + length
    return message.decode().strip(), sequence, flags, identity, kind, data[120:]


class Channel:
    """One client of a session. `loss` is the share of frames, both ways, that are lost; as many are doubled."""

    def __init__(self, session, version="1.2.764.0", loss=0.0, kms=None, resumed=None, connect=WebSocket):
        self.session, self.version, self.loss, self.kms = session, version, loss, kms
        self.random = random.Random(7)
        self.changed = threading.Condition()
        self.output, self.errors, self.exit, self.closed, self.handshake, self.flags = bytearray(), bytearray(), None, None, [], []
        self.expected, self.next = (resumed.expected, resumed.next) if resumed else (0, 0)
        self.early, self.unacknowledged, self.cipher, self.over, self.demux = {}, {}, None, False, None
        self.socket = connect(session["StreamUrl"])
        assert self.socket.status == 101, self.socket.status
        opening = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": session["TokenValue"]}
        self.socket.send(1, json.dumps(opening | {"ClientId": str(uuid.uuid4()), "ClientVersion": version}).encode())
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._resend, daemon=True).start()

    # ---- sending

    def send(self, kind, payload):
        if self.cipher and kind == OUTPUT:
            payload = self.cipher.encrypt(payload)
        with self.changed:
            self.changed.wait_for(lambda: len(self.unacknowledged) < 256 or self.over, timeout=60)
            sequence, self.next = self.next, self.next + 1
            data = frame("input_stream_data", sequence, 0, kind, payload)
            self.unacknowledged[sequence] = [data, time.monotonic()]
        self._put(data)

    def type(self, text):
        self.send(OUTPUT, text.encode() if isinstance(text, str) else text)

    def resize(self, columns, rows):
        self.send(SIZE, json.dumps({"cols": columns, "rows": rows}).encode())

    def flag(self, number):
        self.send(FLAG, struct.pack("!I", number))

    def _put(self, data):
        for _ in range(self._copies()):
            try:
                self.socket.send(2, data)
            except OSError:
                return

    def _copies(self):
        chance = self.random.random()
        return 0 if chance < self.loss else 2 if chance < 2 * self.loss else 1

    def _resend(self):
        while not self.over:
            time.sleep(0.05)
            with self.changed:
                late = [sent for sent in self.unacknowledged.values() if time.monotonic() - sent[1] > 0.3][:16]
                for sent in late:
                    sent[1] = time.monotonic()
            for data, _ in late:
                self._put(data)

    # ---- receiving

    def _listen(self):
        try:
            while message := self.socket.receive():
                for _ in range(self._copies()):
                    self._take(*parse(message[1]))
        except OSError:
            pass
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def _take(self, message, sequence, flags, identity, kind, payload):
        if message == "acknowledge":
            assert flags == 3 and sequence == 0
            with self.changed:
                self.unacknowledged.pop(json.loads(payload)["AcknowledgedMessageSequenceNumber"], None)
                self.changed.notify_all()
        elif message == "channel_closed":
            with self.changed:
                self.closed = json.loads(payload)
                self.changed.notify_all()
        elif message == "output_stream_data":
            assert flags == (1 if sequence == 0 else 0)
            answer = {"AcknowledgedMessageType": message, "AcknowledgedMessageId": str(identity), "AcknowledgedMessageSequenceNumber": sequence}
            self._put(frame("acknowledge", 0, 3, 0, json.dumps(answer | {"IsSequentialMessage": True}).encode()))
            if sequence >= self.expected:
                self.early[sequence] = (kind, payload)
            while self.expected in self.early:
                data = self.early.pop(self.expected)
                self.expected += 1
                self._data(*data)

    def _data(self, kind, payload):
        if self.cipher and kind in (OUTPUT, STDERR, EXIT_CODE):
            payload = self.cipher.decrypt(payload)
        if kind == HANDSHAKE_REQUEST:
            return self._shake(json.loads(payload))
        if kind == CHALLENGE_REQUEST:
            challenge = self.cipher.decrypt(base64.b64decode(json.loads(payload)["Challenge"]))
            return self.send(CHALLENGE_RESPONSE, json.dumps({"Challenge": base64.b64encode(self.cipher.encrypt(challenge)).decode()}).encode())
        with self.changed:
            if kind == OUTPUT:
                if self.demux:
                    self.demux(payload)
                else:
                    self.output += payload
            elif kind == STDERR:
                self.errors += payload
            elif kind == EXIT_CODE:
                self.exit = payload.decode()
            elif kind == HANDSHAKE_COMPLETE:
                self.handshake.append(json.loads(payload))
            elif kind == FLAG:
                self.flags.append(struct.unpack("!I", payload)[0])
            self.changed.notify_all()

    def _shake(self, request):
        self.handshake.append(request)
        done = []
        for action in request["RequestedClientActions"]:
            result = None
            if action["ActionType"] == "KMSEncryption":
                self.cipher, result = self.kms(self.session, action["ActionParameters"])
            done.append({"ActionType": action["ActionType"], "ActionStatus": 1, "ActionResult": result, "Error": ""})
        self.send(HANDSHAKE_RESPONSE, json.dumps({"ClientVersion": self.version, "ProcessedClientActions": done, "Errors": None}).encode())

    # ---- waiting

    def wait(self, condition, timeout=120):
        with self.changed:
            assert self.changed.wait_for(condition, timeout), (bytes(self.output[-500:]), bytes(self.errors[-500:]), self.closed, self.over)

    def until(self, text):
        """Waits for a text in the output, and forgets all up to it."""
        text = text.encode()
        self.wait(lambda: text in self.output)
        with self.changed:
            end = self.output.index(text) + len(text)
            before = bytes(self.output[:end])
            del self.output[:end]
        return before.decode()

    def ready(self):
        self.wait(lambda: len(self.handshake) == 2)
        return self

    def close(self):
        self.over = True
        self.socket.close()


class Mux:
    """smux in a channel: several connections."""

    def __init__(self, channel):
        self.channel, self.left, self.streams, self.finished, self.number = channel, b"", {}, set(), 1
        channel.demux = self._take

    def open(self):
        stream, self.number = self.number, self.number + 2
        self.streams[stream] = bytearray()
        self.channel.send(OUTPUT, struct.pack("<BBHI", 1, 0, 0, stream))
        return stream

    def write(self, stream, data):
        for at in range(0, len(data), 16384):
            piece = data[at : at + 16384]
            self.channel.send(OUTPUT, struct.pack("<BBHI", 1, 2, len(piece), stream) + piece)

    def finish(self, stream):
        self.channel.send(OUTPUT, struct.pack("<BBHI", 1, 1, 0, stream))

    def _take(self, data):
        self.left += data
        while len(self.left) >= 8:
            _, command, length, stream = struct.unpack("<BBHI", self.left[:8])
            if len(self.left) < 8 + length:
                return
            payload, self.left = self.left[8 : 8 + length], self.left[8 + length :]
            if command == 2:
                self.streams[stream] += payload
            elif command == 1:
                self.finished.add(stream)

    def all(self, stream, timeout=120):
        """All that comes before the end of a stream."""
        self.channel.wait(lambda: stream in self.finished, timeout)
        return bytes(self.streams[stream])

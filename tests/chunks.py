"""aws-chunked uploads, encoded by hand: as SDKs send them, and wrong ones.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import hashlib
import hmac

from cloudlet import REGION, sign

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()


class Chain:
    """Signatures of chunks: each one covers the one before."""

    def __init__(self, headers, secret="test"):
        self.when = headers["X-Amz-Date"]
        self.scope = f"{self.when[:8]}/{REGION}/s3/aws4_request"
        self.last = headers["Authorization"].rsplit("Signature=", 1)[1]
        key = f"AWS4{secret}".encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        self.key = key

    def sign(self, kind, *hashes):
        text = "\n".join([kind, self.when, self.scope, self.last, *hashes])
        self.last = hmac.new(self.key, text.encode(), "sha256").hexdigest()
        return self.last


def upload(server, target, pieces, payload, trailer=None, headers=None, spoil=lambda body: body):
    """Uploads the pieces as one chunk each. `trailer` is a pair of name and value; `spoil` may change the encoded body."""
    length = sum(len(piece) for piece in pieces)
    fields = {"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": str(length)} | (headers or {})
    if trailer:
        fields["X-Amz-Trailer"] = trailer[0]
    fields = sign("PUT", server.url + target, "s3", headers=fields, payload=payload)
    chain = Chain(fields)
    body = b""
    for piece in [*pieces, b""]:
        extension = ""
        if payload != UNSIGNED_TRAILER:
            extension = ";chunk-signature=" + chain.sign("AWS4-HMAC-SHA256-PAYLOAD", EMPTY, hashlib.sha256(piece).hexdigest())
        body += f"{len(piece):x}{extension}\r\n".encode()
        if piece:
            body += piece + b"\r\n"
    if trailer:
        line = f"{trailer[0]}:{trailer[1]}"
        body += line.encode() + b"\r\n"
        if payload == SIGNED_TRAILER:
            signature = chain.sign("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(f"{line}\n".encode()).hexdigest())
            body += f"x-amz-trailer-signature:{signature}\r\n".encode()
    body = spoil(body + b"\r\n")
    return server.request("PUT", target, body, fields | {"Content-Length": str(len(body))})

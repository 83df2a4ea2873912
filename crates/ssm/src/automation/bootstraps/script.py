"""Runs the handler of a script once: its input and its result go through the address that the server has given."""

import importlib.util
import json
import os
import socket
import sys
import traceback

import cloudlet_sdk  # noqa: F401

API = os.environ["CLOUDLET_SCRIPT_API"]


def call(method, path, body=b""):
    """The body of the answer. The modules of HTTP take longer to load than everything else here."""
    host, _, port = API.rpartition(":")
    head = f"{method} {path} HTTP/1.1\r\nHost: {API}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body)
        pieces = iter(lambda: connection.recv(65536), b"")
        return b"".join(pieces).partition(b"\r\n\r\n")[2]


def post(path, value):
    call("POST", path, json.dumps(value, default=str).encode())


def fail(kind, message, frames):
    lines = ["Traceback (most recent call last):"]
    lines += [line.rstrip("\n") for line in traceback.format_list(frames)]
    text = "\n".join(lines) + f"\n\n{kind} - {message}" if frames else f"{kind} - {message}"
    sys.stdout.flush()
    post("/error", {"message": text})
    sys.exit(0)


def main():
    order = json.loads(call("GET", "/order"))
    folder = os.environ["CLOUDLET_SCRIPT_FOLDER"]
    sys.path.insert(0, folder)
    path = os.path.join(folder, order["module"])
    try:
        spec = importlib.util.spec_from_file_location(order["module"][:-3].replace("/", "."), path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        handler = getattr(module, order["handler"], None)
        if handler is None:
            fail("AttributeError", f"module has no function {order['handler']}", [])
        result = handler(order["payload"], order["context"])
        text = json.loads(json.dumps(result, default=str))
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.endswith("script.py") or frame.filename == path]
        frames = [frame for frame in frames if not frame.filename.startswith("<frozen")]
        fail(type(error).__name__, error, frames)
    sys.stdout.flush()
    post("/result", {"result": text})


main()

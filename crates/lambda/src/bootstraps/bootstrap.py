"""Runs a function's handler: it takes events from the Lambda Runtime API and gives back what the handler returns."""

import importlib
import json
import logging
import os
import re
import socket
import sys
import time
import traceback

import cloudlet_sdk  # noqa: F401

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
PATH = "/2018-06-01/runtime"
LAYERS = os.environ.pop("_CLOUDLET_LAYERS", "/opt")
TASK = os.environ["LAMBDA_TASK_ROOT"]
TRACE = "_X_AMZN_TRACE_ID"
JSON_LOGS = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
LEVELS = {"TRACE": logging.DEBUG, "DEBUG": logging.DEBUG, "WARN": logging.WARNING, "ERROR": logging.ERROR, "FATAL": logging.CRITICAL}


class Client:
    """One connection, which is kept. The modules of HTTP take longer to load than everything else here, and three times as long for each call."""

    def __init__(self):
        host, _, port = API.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.arrived = b""

    def call(self, method, path, body=b"", headers={}):
        """The status of the answer, its fields by their names in small letters, and its body."""
        lines = ["{} {}{} HTTP/1.1".format(method, PATH, path), "Host: " + API, "Content-Length: {}".format(len(body))]
        # Names of errors may have any characters.
        lines.extend("{}: {}".format(name, re.sub(r"[^ -~]", "?", value)) for name, value in headers.items())
        self.socket.sendall("\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body)
        while True:
            head, end, rest = self.arrived.partition(b"\r\n\r\n")
            if end:
                break
            self.arrived += self.receive()
        first, *lines = head.decode("utf-8").split("\r\n")
        fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        length = int(fields.get("content-length", 0))
        pieces, missing = [rest], length - len(rest)
        while missing > 0:
            pieces.append(self.receive())
            missing -= len(pieces[-1])
        whole = b"".join(pieces)
        self.arrived = whole[length:]
        return int(first.split(" ")[1]), fields, whole[:length]

    def receive(self):
        piece = self.socket.recv(65536)
        if not piece:
            sys.exit(1)
        return piece


class Identity:
    def __init__(self, given):
        self.cognito_identity_id = given.get("cognitoIdentityId")
        self.cognito_identity_pool_id = given.get("cognitoIdentityPoolId")


class ClientApplication:
    def __init__(self, given):
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"):
            setattr(self, name, given.get(name))


class ClientContext:
    def __init__(self, given):
        self.custom = given.get("custom")
        self.env = given.get("env")
        client = given.get("client")
        self.client = ClientApplication(client) if client else None


class Context:
    def __init__(self, headers):
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.identity = Identity(json.loads(headers.get("lambda-runtime-cognito-identity") or "{}"))
        client = headers.get("lambda-runtime-client-context")
        self.client_context = ClientContext(json.loads(client)) if client else None
        self._deadline = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


class Request:
    """The id of the request that is being handled."""

    id = ""


class Handler(logging.StreamHandler):
    """Lines of the logging module, as AWS writes them."""

    def __init__(self):
        super().__init__(sys.stdout)
        form = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
        form.converter = time.gmtime
        self.setFormatter(form)

    def format(self, record):
        record.aws_request_id = Request.id
        return super().format(record).replace("\n", "\r")


class JsonHandler(Handler):
    """The same as JSON, for functions that ask for it."""

    def format(self, record):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        document = {"timestamp": at, "level": record.levelname, "message": record.getMessage(), "logger": record.name, "requestId": Request.id}
        if record.exc_info and record.exc_info[0]:
            document["errorType"] = record.exc_info[0].__name__
            document["errorMessage"] = str(record.exc_info[1])
            document["stackTrace"] = [line.rstrip("\n") for line in traceback.format_tb(record.exc_info[2])]
        return json.dumps(document, ensure_ascii=False, default=str)


# AWS: since Python 3.12 answers have other characters as they are.
ASCII = os.environ.get("AWS_EXECUTION_ENV", "") in ["AWS_Lambda_python3.{}".format(minor) for minor in range(8, 12)]


def encoded(value):
    """Handlers may return what JSON has not: AWS takes bytes as the answer itself, or within one as text, and decimals as numbers, and refuses the
    rest by this error."""
    if isinstance(value, bytes):
        return value

    def refuse(value):
        if isinstance(value, bytes):
            return value.decode("utf-8")
        if type(value).__name__ == "Decimal":
            return float(value)
        raise TypeError("Object of type {} is not JSON serializable".format(type(value).__name__))

    return json.dumps(value, ensure_ascii=ASCII, default=refuse).encode("utf-8")


def fault(error, frames, request_id=None):
    document = {"errorMessage": str(error), "errorType": type(error).__name__}
    # AWS: recorded: the oldest runtimes do not tell it.
    if request_id is not None and sys.version_info >= (3, 9):
        document["requestId"] = request_id
    document["stackTrace"] = frames
    return document


def frames_of(error, skip=0):
    # As plain tuples: AWS shows no marks below the lines.
    return traceback.format_list([tuple(frame)[:4] for frame in traceback.extract_tb(error.__traceback__)[skip:]])


def say(document):
    if JSON_LOGS:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"timestamp": at, "log_level": "ERROR", **document, "requestId": Request.id}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    lines = ["[ERROR] {}: {}".format(document["errorType"], document["errorMessage"])]
    if document["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        for frame in document["stackTrace"]:
            lines.extend(line.replace("  ", "\u00a0\u00a0") for line in frame.rstrip("\n").split("\n"))
    sys.stdout.write("\r".join(lines) + "\n")
    sys.stdout.flush()


class Missing(Exception):
    """What AWS says of a handler that is not there, under the names that AWS uses."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def find(name):
    if "." not in name:
        raise Missing("Runtime.MalformedHandlerName", "Bad handler '{}': not enough values to unpack (expected 2, got 1)".format(name))
    module_name, function_name = name.rsplit(".", 1)
    module_name = module_name.replace("/", ".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Missing("Runtime.ImportModuleError", "Unable to import module '{}': {}".format(module_name, error)) from error
    except SyntaxError as error:
        raise Missing("Runtime.UserCodeSyntaxError", "Syntax error in module '{}': {}".format(module_name, error)) from error
    try:
        return getattr(module, function_name)
    except AttributeError as error:
        raise Missing("Runtime.HandlerNotFound", "Handler '{}' missing on module '{}'".format(function_name, module_name)) from error


def fail_to_start(client, error):
    if isinstance(error, Missing):
        document = {"errorMessage": str(error), "errorType": error.kind, "requestId": "", "stackTrace": []}
    else:
        document = fault(error, frames_of(error, 2), "")
    say(document)
    headers = {"Lambda-Runtime-Function-Error-Type": document["errorType"]}
    client.call("POST", "/init/error", encoded(document), headers)
    sys.exit(1)


def handle(client, handler, headers, body):
    context = Context(headers)
    Request.id = context.aws_request_id
    trace = headers.get("lambda-runtime-trace-id")
    if trace:
        os.environ[TRACE] = trace
    place = "/invocation/" + context.aws_request_id
    try:
        try:
            event = json.loads(body)
        except ValueError as error:
            raise Missing("Runtime.UnmarshalError", "Unable to unmarshal input: {}".format(error)) from error
        value = handler(event, context)
        try:
            answer = encoded(value)
        except (TypeError, ValueError) as error:
            raise Missing("Runtime.MarshalError", "Unable to marshal response: {}".format(error)) from error
    except Missing as error:
        document = {"errorMessage": str(error), "errorType": error.kind, "requestId": context.aws_request_id, "stackTrace": []}
    except SystemExit as error:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(error.code if isinstance(error.code, int) else 1 if error.code else 0)
    except BaseException as error:
        document = fault(error, frames_of(error, 1), context.aws_request_id)
    else:
        sys.stdout.flush()
        sys.stderr.flush()
        client.call("POST", place + "/response", answer)
        return
    say(document)
    client.call("POST", place + "/error", encoded(document), {"Lambda-Runtime-Function-Error-Type": document["errorType"]})


def main():
    version = "python{}.{}".format(*sys.version_info[:2])
    below = [LAYERS + "/python/lib/" + version + "/site-packages", LAYERS + "/python"]
    sys.path[0:0] = [TASK] + [path for path in below if os.path.isdir(path)]
    sys.stdout.reconfigure(line_buffering=True)
    client = Client()
    # As in AWS, the root logger has its handler before the code is read.
    logging.Formatter.converter = time.gmtime
    logging.getLogger().addHandler(JsonHandler() if JSON_LOGS else Handler())
    if JSON_LOGS:
        logging.getLogger().setLevel(LEVELS.get(os.environ.get("AWS_LAMBDA_LOG_LEVEL", ""), logging.INFO))
    try:
        handler = find(os.environ["_HANDLER"])
    except BaseException as error:
        fail_to_start(client, error)
    while True:
        status, headers, body = client.call("GET", "/invocation/next")
        if status != 200:
            sys.exit(1)
        handle(client, handler, headers, body)


if __name__ == "__main__":
    main()

"""The Telemetry API and the Logs API: what extensions are sent of the platform, of the function, and of each other."""

import json
import shutil

import pytest
from lambdas import archive, call, make, make_role

# An extension within the function's own process: it registers, subscribes and keeps what it is sent.
EXTENSION = """
import http.server, json, os, threading, time, urllib.error, urllib.request

api = 'http://' + os.environ['AWS_LAMBDA_RUNTIME_API']
seen = []

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        seen.extend(json.loads(self.rfile.read(int(self.headers['Content-Length']))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass

def ask(method, path, document=None, headers={}):
    body = None if document is None else json.dumps(document).encode()
    try:
        answer = urllib.request.urlopen(urllib.request.Request(api + path, body, headers, method=method))
        return answer.status, answer.read().decode(), answer.headers.get('Lambda-Extension-Identifier')
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), None

server = http.server.HTTPServer(('127.0.0.1', 8123), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
known = {'Lambda-Extension-Identifier': ask('POST', '/2020-01-01/extension/register', {'events': ['INVOKE']}, {'Lambda-Extension-Name': 'inside'})[2]}

def wait():
    while True:
        ask('GET', '/2020-01-01/extension/event/next', None, known)

def begin():
    threading.Thread(target=wait, daemon=True).start()

def of(kind, count=1):
    for _ in range(2000):
        found = [entry for entry in list(seen) if entry['type'] == kind]
        if len(found) >= count:
            return found
        time.sleep(0.01)
    return []
"""

SUBSCRIPTION = {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function", "extension"],
    "buffering": {"timeoutMs": 25, "maxItems": 1000, "maxBytes": 262144},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8123/telemetry"},
}


@pytest.fixture(scope="module")
def role(server):
    return make_role(server)


def test_an_extension_is_sent_what_is_written(server, lambda_, role):
    text = EXTENSION + f"""
asked = ask('PUT', '/2022-07-01/telemetry', {SUBSCRIPTION!r}, known)
begin()

def handler(event, context):
    print('a line of', event)
    if event == 'first':
        return asked
    kinds = ['platform.initStart', 'platform.initRuntimeDone', 'platform.initReport', 'platform.telemetrySubscription', 'platform.extension']
    return {{kind: of(kind) for kind in kinds + ['platform.start', 'platform.runtimeDone', 'platform.report', 'function']}}
"""
    make(server, role, "watched", text, Timeout=60)
    answer, failed, log = call(lambda_, "watched", "first")
    assert failed is None and answer[:2] == [200, '"OK"'], answer
    first = log.split("RequestId: ")[1].split(" ")[0]
    found, failed, _ = call(lambda_, "watched", "second")
    assert failed is None and all(found.values()), {kind: len(entries) for kind, entries in found.items()}
    start = found["platform.initStart"][0]
    assert start["record"]["initializationType"] == "on-demand" and start["record"]["functionName"] == "watched"
    assert start["record"]["runtimeVersion"].startswith("python:3.12") and start["time"].endswith("Z")
    assert found["platform.telemetrySubscription"][0]["record"] == {"name": "inside", "state": "Subscribed", "types": ["platform", "function", "extension"]}
    assert found["platform.extension"][0]["record"] == {"name": "inside", "state": "Ready", "events": ["INVOKE"]}
    done = found["platform.runtimeDone"][0]["record"]
    assert (done["requestId"], done["status"]) == (first, "success") and done["metrics"]["producedBytes"] > 0
    assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    report = found["platform.report"][0]["record"]
    assert report["requestId"] == first and report["metrics"]["memorySizeMB"] == 128
    assert "a line of first\n" in [entry["record"] for entry in found["function"]]


def test_what_is_wrong_with_a_subscription_is_said(server, lambda_, role):
    text = EXTENSION + f"""
right = {SUBSCRIPTION!r}
told = [
    ask('PUT', '/2022-07-01/telemetry', dict(right, types=[], destination={{'protocol': 'HTTP', 'URI': 'http://sandbox.localdomain'}}), known)[:2],
    ask('PUT', '/2022-07-01/telemetry', right, {{'Lambda-Extension-Identifier': 'nobody'}})[:2],
    ask('PUT', '/2020-08-15/logs', {{'types': ['function'], 'destination': {{'protocol': 'TCP'}}}}, known)[:2],
    ask('PUT', '/2022-07-01/telemetry', right, known)[:2],
    # The same again changes nothing, and one API excludes the other.
    ask('PUT', '/2022-07-01/telemetry', right, known)[:2],
    ask('PUT', '/2020-08-15/logs', {{'types': ['function'], 'destination': {{'protocol': 'TCP', 'port': 5000}}}}, known)[:2],
]
begin()

def handler(event, context):
    return told + [ask('PUT', '/2022-07-01/telemetry', right, known)[:2]]
"""
    make(server, role, "refused", text)
    (wrong, unknown, logs, right, again, other, late), failed, _ = call(lambda_, "refused")
    assert failed is None
    assert wrong[0] == 400 and json.loads(wrong[1]) == {"errorType": "ValidationError", "errorMessage": "types should not be empty; URI port is not provided"}
    assert unknown[0] == 403 and json.loads(unknown[1])["errorType"] == "Extension.UnknownExtensionIdentifier"
    assert logs[0] == 400 and json.loads(logs[1])["errorType"] == "Logs.ValidationError"
    assert right == again == [200, '"OK"'] and other[0] == 400
    assert late[0] == 403 and json.loads(late[1])["errorType"] == "Telemetry.SubscriptionClosed"


def test_lines_of_extensions_and_documents_are_told_apart(server, lambda_, role):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    outside = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -H 'Lambda-Extension-Name: outside' -d '{"events":["INVOKE"]}' "$api/register" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Ee]xtension-[Ii]dentifier: //p')
while true; do
  curl -sS -o /dev/null -H "Lambda-Extension-Identifier: $id" "$api/event/next"
  echo "the extension has seen it"
done
"""
    layer = lambda_.publish_layer_version(LayerName="outside", Content={"ZipFile": archive(**{"extensions/outside": outside})})
    text = EXTENSION + f"""
ask('PUT', '/2022-07-01/telemetry', {SUBSCRIPTION!r}, known)
begin()

def handler(event, context):
    print(json.dumps({{'level': 'INFO', 'message': 'a document'}}))
    return [of('extension'), of('function')]
"""
    make(server, role, "both", text, Timeout=60, Layers=[layer["LayerVersionArn"]], LoggingConfig={"LogFormat": "JSON"})
    call(lambda_, "both")
    (extension, function), failed, log = call(lambda_, "both")
    assert failed is None and extension[0]["record"] == "the extension has seen it\n"
    assert {"level": "INFO", "message": "a document"} in [entry["record"] for entry in function]
    assert "the extension has seen it" not in json.dumps(function)


def test_the_logs_api_sends_lines_over_tcp(server, lambda_, role):
    text = EXTENSION + """
import socket
listener = socket.create_server(('127.0.0.1', 5123))

def listen():
    connection, _ = listener.accept()
    for line in connection.makefile():
        seen.append(json.loads(line))

threading.Thread(target=listen, daemon=True).start()
logs = {'schemaVersion': '2021-03-18', 'types': ['platform', 'function'], 'buffering': {'timeoutMs': 25}, 'destination': {'protocol': 'TCP', 'port': 5123}}
asked = ask('PUT', '/2020-08-15/logs', logs, known)[:2]
begin()

def handler(event, context):
    print('a line')
    if event == 'first':
        return asked
    return {kind: of(kind) for kind in ['platform.start', 'platform.runtimeDone', 'platform.end', 'platform.report', 'platform.logsSubscription', 'function']}
"""
    make(server, role, "logs-api", text, Timeout=60)
    assert call(lambda_, "logs-api", "first")[0] == [200, '"OK"']
    found, failed, _ = call(lambda_, "logs-api", "second")
    assert failed is None and all(found.values()), {kind: len(entries) for kind, entries in found.items()}
    assert found["platform.end"][0]["record"]["requestId"] == found["platform.start"][0]["record"]["requestId"]

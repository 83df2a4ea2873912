"""A random full input of every operation, written by botocore and read by us; and the answer written by us, read by botocore.

Nothing is served: `crates/wire/examples/echo` recognizes, routes, decodes and encodes with the generated types.
"""

import base64
import functools
import zlib

import client
import pytest
from echo import Echo
from models import Models
from neutral import comparable, differences, neutral
from values import Values

# The first is full, the others leave optional members out.
ROUNDS = 3
# In turn: AWS's own host names, and one server for all.
ENDPOINTS = ("https://{}.us-east-1.amazonaws.com", "http://localhost:4566")

# What cannot come back, and why. Each must fail: one that passes is stale.
REQUESTS_LEFT_OUT = {
    "s3 ListDirectoryBuckets": "the same request as ListBuckets, at S3 Express's own endpoint, which is not served",
}
ANSWERS_LEFT_OUT = {}


@functools.cache
def rows(program):
    echo = Echo(program)
    rows = echo.call("list", None)
    echo.stop()
    return [(row["service"], protocol, row["operation"], row["faults"]) for row in rows for protocol in row["protocols"]]


def pytest_generate_tests(metafunc):
    if "row" in metafunc.fixturenames:
        left_out = {test_a_request_is_read: REQUESTS_LEFT_OUT, test_an_answer_is_read: ANSWERS_LEFT_OUT}[metafunc.function]
        metafunc.parametrize("row", [parameter(row, left_out) for row in rows(metafunc.config.getoption("--echo"))])


def parameter(row, left_out):
    service, protocol, operation, _ = row
    name = f"{service} {operation}" + (" query" if (service, protocol) == ("sqs", "Query") else "")
    reason = left_out.get(name)
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(row, id=name, marks=marks)


@pytest.fixture(scope="module")
def echo(request):
    echo = Echo(request.config.getoption("--echo"))
    yield echo
    echo.stop()


@pytest.fixture(scope="module")
def models(request):
    return Models(request.config.getoption("--models"))


def seed(*parts):
    """The same in every run."""
    return zlib.crc32(" ".join(map(str, parts)).encode())


def agree(shape, expected, found, context):
    wrong = list(differences(comparable(shape, expected), comparable(shape, found)))
    assert not wrong, "\n".join([*wrong[:5], context])


def test_a_request_is_read(row, echo, models):
    service, protocol, name, _ = row
    operation = models.operation(service, protocol, name)
    for turn in range(ROUNDS):
        values = Values(seed("request", *row[:3], turn), client.protocol_of(operation), "request", full=turn == 0)
        parameters = values.of(operation.input_shape)
        endpoint = ENDPOINTS[turn % 2].format(operation.service_model.metadata["endpointPrefix"])
        request = client.request(operation, parameters, endpoint)
        reply = echo.call("request", request)
        assert (reply["service"], reply["protocol"], reply["operation"]) == (service, protocol, name), request
        assert not reply["missing"], reply["missing"]
        found = reply["input"]
        if "body" in reply:
            found[operation.input_shape.serialization["payload"]] = reply["body"]
        if operation.input_shape:
            agree(operation.input_shape, parameters, found, f"{request} {base64.b64decode(request['body'])}")


def test_an_answer_is_read(row, echo, models):
    service, protocol, name, _ = row
    operation = models.operation(service, protocol, name)
    shape = operation.output_shape
    for turn in range(ROUNDS):
        output = Values(seed("answer", *row[:3], turn), client.protocol_of(operation), "answer", full=turn == 0).of(shape)
        expected = {"service": service, "protocol": protocol, "operation": name, "output": neutral(shape, output) if shape else {}}
        if operation.has_event_stream_output:
            events = operation.get_event_stream_output()
            stream = next(member for member, of in shape.members.items() if of.name == events.name)
            expected["events"] = expected["output"].pop(stream)
        answered = echo.call("answer", expected)
        found = client.answer(operation, answered)
        context = f"{answered} {base64.b64decode(answered['body'])}"
        if shape is None:
            assert found == {}, context
        else:
            agree(shape, output, found, context)


def test_every_fault_is_known_to_botocore(request, echo, models):
    message = 'it <went> "wrong" & é'
    wrong = []
    for service, protocol, name, faults in rows(request.config.getoption("--echo")):
        operation = models.operation(service, protocol, name)
        modelled = {shape.name for shape in operation.error_shapes}
        for fault in faults:
            expected = {"service": service, "protocol": protocol, "operation": name, "name": fault, "message": message}
            code, text = client.fault(operation, echo.call("fault", expected))
            shape = operation.service_model.shape_for_error_code(code)
            if shape is None or shape.name not in modelled or text != message:
                wrong.append(f"{service} {name} {protocol}: {fault} is read as {code}: {text}")
    assert not wrong, "\n".join(wrong)


def test_no_operation_is_missing_except_those_left_out(request, models):
    program = request.config.getoption("--echo")
    wrong = []
    for service in models.catalogue:
        ours = [(protocol, name) for of, protocol, name, _ in rows(program) if of == service]
        if not ours:
            wrong.append(f"{service}: the echo does not know it (crates/wire/examples/echo/registry.rs)")
        for protocol in sorted({protocol for protocol, _ in ours}):
            theirs = set(models.service(service, protocol).operation_names) - models.left_out(service, protocol)
            wrong += [f"{service} {name}" for name in theirs.symmetric_difference(name for of, name in ours if of == protocol)]
    assert not wrong, "\n".join(wrong)


def test_what_is_left_out_exists(request):
    names = {parameter(row, {}).id for row in rows(request.config.getoption("--echo"))}
    assert (REQUESTS_LEFT_OUT.keys() | ANSWERS_LEFT_OUT.keys()) <= names

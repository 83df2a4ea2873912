"""The edges of what the runtimes exchange with the server: large events and answers, odd names of errors, contexts, errors between events."""

import base64
import json

import pytest
from lambdas import call, eventually, make, make_role

PYTHON = """
class Odd(Exception):
    pass

Odd.__name__ = "Odd\\r\\nX-More: \\u00fc"

def handler(event, context):
    what = event["what"]
    if what == "echo":
        return event["text"]
    if what == "many":
        return "x" * event["count"]
    if what == "context":
        return [context.client_context.custom, context.client_context.env]
    raise Odd("no\\u00fc")
"""
NODE = """
exports.handler = async (event, context) => {
  const { what } = event;
  if (what === "echo") return event.text;
  if (what === "many") return "x".repeat(event.count);
  if (what === "context") return [context.clientContext.custom, context.clientContext.env];
  if (what === "later") setTimeout(() => { throw new Error("between events"); }, 1);
  if (what === "later") return process.pid;
  const error = new Error("no\\u00fc");
  error.name = "Odd\\r\\nX-More: \\u00fc";
  throw error;
};
"""
CODE = {"python": ("python3.12", "index.py", PYTHON), "node": ("nodejs20.x", "index.js", NODE)}


@pytest.fixture(scope="module")
def lambda_(server):
    return server.client("lambda")


@pytest.fixture(scope="module")
def role(server):
    return make_role(server)


@pytest.fixture(scope="module", params=CODE)
def function(request, server, role):
    runtime, file, text = CODE[request.param]
    return make(server, role, request.param, text, runtime, file, MemorySize=512)


@pytest.mark.parametrize("count", [0, 1, 65_000, 5_000_000])
def test_events_and_answers_of_any_size(lambda_, function, count):
    text = "\u00fc\u20ac" + "y" * count
    answer, error, _ = call(lambda_, function, {"what": "echo", "text": text})
    assert (answer, error) == (text, None)
    answer, error, _ = call(lambda_, function, {"what": "many", "count": count})
    assert (answer, error) == ("x" * count, None)


def test_an_answer_that_is_too_large(lambda_, function):
    answer, error, _ = call(lambda_, function, {"what": "many", "count": (6 << 20) + 200})
    assert (answer["errorType"], error) == ("Function.ResponseSizeTooLarge", "Unhandled")
    assert call(lambda_, function, {"what": "echo", "text": "after"})[0] == "after"


def test_a_name_of_an_error_may_have_any_characters(lambda_, function):
    answer, error, _ = call(lambda_, function, {"what": "fail"})
    assert (answer["errorType"], answer["errorMessage"], error) == ("Odd\r\nX-More: \u00fc", "no\u00fc", "Unhandled")
    assert call(lambda_, function, {"what": "echo", "text": "after"})[0] == "after"


def test_the_context_of_a_client_arrives(lambda_, function):
    context = {"custom": {"name": "\u00fcber"}, "env": {"locale": "de"}}
    encoded = base64.b64encode(json.dumps(context, ensure_ascii=False).encode()).decode()
    answer, error, _ = call(lambda_, function, {"what": "context"}, ClientContext=encoded)
    assert (answer, error) == ([context["custom"], context["env"]], None)


def test_an_error_between_events_ends_the_environment(lambda_, server, role):
    make(server, role, "between", NODE, "nodejs20.x", "index.js")
    first = call(lambda_, "between", {"what": "later"})[0]
    answered = eventually(lambda: (call(lambda_, "between", {"what": "later"})[0] or first) != first)
    assert answered

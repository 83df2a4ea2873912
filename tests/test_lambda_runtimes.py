"""The edges of what the runtimes exchange with the server: large events and answers, odd names of errors, contexts, errors between events."""

import base64
import json
import pathlib
import shutil
import subprocess

import pytest
from lambdas import archive, call, make, make_role

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
const born = Math.random();
exports.handler = async (event, context) => {
  const { what } = event;
  if (what === "echo") return event.text;
  if (what === "many") return "x".repeat(event.count);
  if (what === "context") return [context.clientContext.custom, context.clientContext.env];
  if (what === "later") setTimeout(() => { throw new Error("between events"); }, 1);
  if (what === "later") return born;
  const error = new Error("no\\u00fc");
  error.name = "Odd\\r\\nX-More: \\u00fc";
  throw error;
};
"""
RUBY = """
require "stringio"

class Odd < StandardError
  def self.to_s
    "Odd\\r\\nX-More: \u00fc"
  end
end

module App
  class Orders
    def self.total(event:, context:)
      puts "for #{context.function_name}"
      { total: event["prices"].sum, id: context.aws_request_id, left: context.get_remaining_time_in_millis > 0 }
    end
  end
end

def handler(event:, context:)
  case event["what"]
  when "echo" then event["text"]
  when "many" then "x" * event["count"]
  when "context" then [context.client_context["custom"], context.client_context["env"]]
  when "stream" then StringIO.new("as it is")
  when "exit" then exit 3
  else raise Odd, "no\u00fc"
  end
end
"""
CODE = {"python": ("python3.12", "index.py", PYTHON), "node": ("nodejs20.x", "index.js", NODE)}
if shutil.which("ruby"):
    CODE["ruby"] = ("ruby3.3", "index.rb", RUBY)
ruby = pytest.mark.skipif("ruby" not in CODE, reason="there is no Ruby")


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
    kind = "Function<Odd\r\nX-More: \u00fc>" if function == "ruby" else "Odd\r\nX-More: \u00fc"
    assert (answer["errorType"], answer["errorMessage"], error) == (kind, "no\u00fc", "Unhandled")
    assert call(lambda_, function, {"what": "echo", "text": "after"})[0] == "after"


def test_the_context_of_a_client_arrives(lambda_, function):
    context = {"custom": {"name": "\u00fcber"}, "env": {"locale": "de"}}
    encoded = base64.b64encode(json.dumps(context, ensure_ascii=False).encode()).decode()
    answer, error, _ = call(lambda_, function, {"what": "context"}, ClientContext=encoded)
    assert (answer, error) == ([context["custom"], context["env"]], None)


def test_an_error_between_events_ends_the_environment(lambda_, server, role):
    make(server, role, "between", NODE, "nodejs20.x", "index.js")
    first = call(lambda_, "between", {"what": "later"})[0]
    # Another one takes the next events; one that arrives as it ends is answered with an error.
    answers = (call(lambda_, "between", {"what": "later"})[0] for _ in range(1_000))
    assert next(answer for answer in answers if isinstance(answer, float) and answer != first)


@ruby
def test_handlers_of_ruby(server, lambda_, role):
    make(server, role, "orders", RUBY, "ruby3.3", "index.rb", Handler="index.App::Orders.total")
    answer, error, log = call(lambda_, "orders", {"prices": [1, 2.5]})
    assert (answer["total"], answer["left"], error) == (3.5, True, None)
    assert f"RequestId: {answer['id']}" in log and "\nfor orders\n" in log
    make(server, role, "plain", RUBY, "ruby3.4", "index.rb")
    # What can be read is the answer as it is.
    answer = lambda_.invoke(FunctionName="plain", Payload=b'{"what": "stream"}')
    assert answer["Payload"].read() == b"as it is"
    answer, error, log = call(lambda_, "plain", {"what": "exit"})
    assert (answer["errorType"], error) == ("Runtime.ExitError", "Unhandled") and "exit status 3" in answer["errorMessage"]
    answer, error, _ = call(lambda_, "plain", {"what": "fail"})
    assert any("index.rb" in line for line in answer["stackTrace"])


@ruby
@pytest.mark.parametrize(
    ("handler", "text", "kind"),
    [
        ("absent.handler", RUBY, "Init<LoadError>"),
        ("index.a.b.c", RUBY, "Init<ArgumentError>"),
        ("index.handler", "def handler(", "Init<SyntaxError>"),
        ("index.other", RUBY, "Function<NameError>"),
    ],
)
def test_code_of_ruby_that_cannot_be_called(server, lambda_, role, handler, text, kind):
    name = f"broken-{kind.strip('>').replace('<', '-')}"
    make(server, role, name, text, "ruby3.2", "index.rb", Handler=handler)
    answer, error, log = call(lambda_, name, {})
    assert (answer["errorType"], error) == (kind, "Unhandled")
    assert kind in log


@ruby
def test_ruby_without_end_times_out(server, lambda_, role):
    make(server, role, "sleeps", "def handler(event:, context:) = sleep(60)", "ruby3.3", "index.rb", Timeout=1)
    answer, error, _ = call(lambda_, "sleeps", {})
    assert error == "Unhandled" and answer["errorMessage"].endswith("Task timed out after 1.00 seconds")


ENVIRONMENT = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"


def layer(lambda_, name, **files):
    return lambda_.publish_layer_version(LayerName=name, Content={"ZipFile": archive(**files)})["LayerVersionArn"]


def test_the_environment_of_the_code(server, lambda_, role):
    make(server, role, "variables", ENVIRONMENT, Environment={"Variables": {"MINE": "1", "LANG": "de_DE.UTF-8"}})
    found, _, _ = call(lambda_, "variables")
    assert (found["MINE"], found["LANG"], found["TZ"]) == ("1", "de_DE.UTF-8", ":UTC")
    assert found["LD_LIBRARY_PATH"] == "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
    assert (found["LAMBDA_TASK_ROOT"], found["LAMBDA_RUNTIME_DIR"], found["_HANDLER"]) == ("/var/task", "/var/runtime", "index.handler")
    assert (found["AWS_XRAY_CONTEXT_MISSING"], found["AWS_EXECUTION_ENV"]) == ("LOG_ERROR", "AWS_Lambda_python3.12")
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128" and found["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/variables"
    assert "AWS_LAMBDA_EXEC_WRAPPER" not in found and not [name for name in found if name.startswith("_CLOUDLET")]


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_libraries_of_a_layer_are_found(server, lambda_, role, tmp_path):
    (tmp_path / "answer.c").write_text("int answer(void) { return 42; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libanswer.so", tmp_path / "answer.c"], check=True)
    arn = layer(lambda_, "native", **{"lib/libanswer.so": (tmp_path / "libanswer.so").read_bytes()})
    text = "import ctypes\ndef handler(event, context):\n    return ctypes.CDLL('libanswer.so').answer()\n"
    make(server, role, "native", text, Layers=[arn])
    assert call(lambda_, "native")[:2] == (42, None)


def test_a_wrapper_starts_the_runtime(server, lambda_, role):
    arn = layer(lambda_, "wrapper", **{"wrapper": '#!/bin/sh\nexport WRAPPED="$#"\nexec "$@"\n'})
    make(server, role, "wrapped", ENVIRONMENT, Layers=[arn], Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}})
    found, error, _ = call(lambda_, "wrapped")
    assert error is None and int(found["WRAPPED"]) > 0


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        # As Node's runtime ends itself after an error that nobody catches.
        ("exits", "os._exit(129)", "exit status 129"),
        ("crashes", "ctypes.string_at(0)", "signal: segmentation fault"),
    ],
)
def test_the_end_of_a_process_is_told(server, lambda_, role, name, text, why):
    make(server, role, name, f"import ctypes, os\ndef handler(event, context):\n    {text}\n")
    answer, error, _ = call(lambda_, name)
    assert (answer["errorType"], error) == ("Runtime.ExitError", "Unhandled")
    assert answer["errorMessage"].endswith(f"Error: Runtime exited with error: {why}")


def test_the_user_of_the_code_is_known(server, lambda_, role):
    text = "import os, pwd\ndef handler(event, context):\n    user = pwd.getpwuid(os.getuid())\n    return [user.pw_name, os.path.expanduser('~')]\n"
    make(server, role, "user", text)
    assert call(lambda_, "user")[0] == ["sbx_user1051", "/home/sbx_user1051"]
    # SDKs look for their settings there.
    make(server, role, "home", "exports.handler = async () => require('os').homedir();", "nodejs20.x", "index.js")
    assert call(lambda_, "home")[:2] == ("/home/sbx_user1051", None)


@pytest.mark.skipif(not pathlib.Path("/etc/os-release").exists(), reason="the machine does not say what it is")
def test_the_code_can_ask_which_system_it_is_on(server, lambda_, role):
    make(server, role, "system", "def handler(event, context):\n    return open('/etc/os-release').read()\n")
    assert call(lambda_, "system")[0] == pathlib.Path("/etc/os-release").read_text()

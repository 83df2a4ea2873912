"""Functions in Java, where the machine has a JDK."""

import pathlib
import shutil
import subprocess

import pytest
from botocore.exceptions import ClientError
from lambdas import archive, call, make_role

pytestmark = pytest.mark.skipif(shutil.which("javac") is None, reason="there is no JDK")

# The interfaces of AWS's library, as code that was built with it brings them.
LIBRARY = {
    "RequestHandler": "public interface RequestHandler<I, O> { O handleRequest(I input, Context context); }",
    "RequestStreamHandler": """import java.io.*;
public interface RequestStreamHandler { void handleRequest(InputStream input, OutputStream output, Context context) throws IOException; }""",
    "LambdaLogger": "public interface LambdaLogger { void log(String message); void log(byte[] message); }",
    "Context": """public interface Context {
    String getAwsRequestId(); String getFunctionName(); String getFunctionVersion(); String getInvokedFunctionArn();
    int getRemainingTimeInMillis(); int getMemoryLimitInMB(); LambdaLogger getLogger();
}""",
}
ORDER = """package app;
import java.util.*;
public class Order {
    public enum Kind { SMALL, LARGE }
    public static class Line {
        private String name;
        public String getName() { return name; }
        public void setName(String name) { this.name = name; }
    }
    private int count;
    private Kind kind;
    private List<Line> lines;
    private Map<String, Double> prices;
    public int getCount() { return count; }
    public void setCount(int count) { this.count = count; }
    public Kind getKind() { return kind; }
    public void setKind(Kind kind) { this.kind = kind; }
    public List<Line> getLines() { return lines; }
    public void setLines(List<Line> lines) { this.lines = lines; }
    public Map<String, Double> getPrices() { return prices; }
    public void setPrices(Map<String, Double> prices) { this.prices = prices; }
}
"""
ORDERS = """package app;
import com.amazonaws.services.lambda.runtime.*;
public class Orders implements RequestHandler<Order, Order> {
    public Order handleRequest(Order order, Context context) {
        context.getLogger().log("for " + context.getFunctionName() + " with " + context.getMemoryLimitInMB());
        if (order.getCount() < 0) {
            throw new IllegalArgumentException("too few", new RuntimeException("inner"));
        }
        order.setCount(order.getCount() + order.getLines().size());
        return order;
    }
}
"""
ECHO = """package app;
import com.amazonaws.services.lambda.runtime.*;
import java.io.*;
public class Echo implements RequestStreamHandler {
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        for (int one; (one = input.read()) >= 0; ) output.write(one);
    }
}
"""
TRIP = """package app;
import java.util.*;
public class Trip {
    public enum Kind { SHORT, LONG }
    public record Stop(String name, int minutes) {}
    public record Plan(String name, Kind kind, List<Stop> stops, long distance, Integer count) {}
    public Plan longer(Plan plan) {
        List<Stop> stops = new ArrayList<>(plan.stops());
        stops.add(new Stop("end", plan.stops().get(0).minutes() + 1));
        return new Plan(plan.name(), Kind.LONG, stops, plan.distance(), plan.count());
    }
}
"""
PLAIN = """package app;
import java.util.*;
public class Plain {
    public String upper(String text) { return text.toUpperCase(); }
    public static Map<String, Object> seen(Map<String, Object> event) { event.put("seen", true); return event; }
    public void nothing() { System.out.println("the colour is " + System.getenv("COLOUR")); }
}
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    folder = tmp_path_factory.mktemp("java")
    sources = {f"com/amazonaws/services/lambda/runtime/{name}.java": f"package com.amazonaws.services.lambda.runtime;\n{text}" for name, text in LIBRARY.items()}
    sources |= {"app/Order.java": ORDER, "app/Orders.java": ORDERS, "app/Echo.java": ECHO, "app/Plain.java": PLAIN, "app/Trip.java": TRIP}
    paths = []
    for name, text in sources.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        paths.append(path)
    subprocess.run(["javac", "-d", folder / "classes", *paths], check=True)
    classes = pathlib.Path(folder / "classes")
    return archive(**{str(path.relative_to(classes)): path.read_bytes() for path in classes.rglob("*.class")})


@pytest.fixture(scope="module")
def run(server, code):
    lambda_, role = server.client("lambda"), make_role(server)

    def of(handler, event, runtime="java21", **more):
        name = handler.replace(".", "-").replace(":", "-")
        try:
            lambda_.create_function(FunctionName=name, Runtime=runtime, Handler=handler, Role=role, Code={"ZipFile": code}, Timeout=60, **more)
        except lambda_.exceptions.ResourceConflictException:
            pass
        return call(lambda_, name, event)

    return of


def test_a_handler_takes_and_gives_its_own_classes(run):
    event = {"count": 3, "kind": "LARGE", "lines": [{"name": "x"}, {"name": "y", "more": 1}], "prices": {"a": 1.5}, "unknown": None}
    answer, failed, log = run("app.Orders", event)
    assert failed is None, (answer, log)
    assert answer == {"count": 5, "kind": "LARGE", "lines": [{"name": "x"}, {"name": "y"}], "prices": {"a": 1.5}}
    assert "for app-Orders with 128\n" in log


def test_a_handler_takes_and_gives_records(run):
    event = {"name": "coast", "kind": "SHORT", "stops": [{"name": "pier", "minutes": 4}]}
    answer, failed, _ = run("app.Trip::longer", event)
    stops = [{"name": "pier", "minutes": 4}, {"name": "end", "minutes": 5}]
    assert (answer, failed) == ({"name": "coast", "kind": "LONG", "stops": stops, "distance": 0, "count": None}, None)


def test_what_a_handler_throws_is_its_error(run):
    answer, failed, log = run("app.Orders", {"count": -1})
    assert failed == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("java.lang.IllegalArgumentException", "too few")
    assert answer["stackTrace"] == ["app.Orders.handleRequest(Orders.java:7)", "app.Orders.handleRequest(Orders.java:3)"]
    assert answer["cause"]["errorMessage"] == "inner"
    assert "too few: java.lang.IllegalArgumentException" in log
    # It is not lost by that.
    assert run("app.Orders", {"count": 1, "lines": []})[0]["count"] == 1


def test_streams_and_plain_methods_are_handlers(run):
    assert run("app.Echo", [1, {"a": None}])[0] == [1, {"a": None}]
    assert run("app.Plain::upper", "abc", "java17")[0] == "ABC"
    assert run("app.Plain::seen", {"a": [1.25, 10**12, "\u00e9\n"]}, "java11")[0] == {"a": [1.25, 10**12, "\u00e9\n"], "seen": True}
    answer, failed, log = run("app.Plain::nothing", {}, Environment={"Variables": {"COLOUR": "red"}})
    assert (answer, failed) == (None, None) and "the colour is red" in log


def test_a_handler_that_is_not_there_is_told(run):
    answer, failed, _ = run("app.Absent", {})
    assert (failed, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "java.lang.ClassNotFoundException", "Class not found: app.Absent")
    answer, failed, _ = run("app.Plain::absent", {})
    assert (failed, answer["errorType"]) == ("Unhandled", "java.lang.NoSuchMethodException")


def test_dotnet_is_refused_with_what_to_do(run):
    with pytest.raises(ClientError, match="provided.al2023"):
        run("App::Function", {}, "dotnet8")

import itertools

import pytest
from cloudlet import AwsCli, Server


def pytest_addoption(parser):
    parser.addoption("--cloudlet", required=True, help="the built server")
    parser.addoption("--aws-cli-1", help="aws-cli v1")
    parser.addoption("--aws-cli-2", help="aws-cli v2")
    parser.addoption("--echo", required=True, help="the built example `echo` of crates/wire")
    parser.addoption("--models", required=True, help="the folder of botocore's models that the generated crates are made from")


@pytest.fixture(scope="module")
def start(request):
    """Starts servers that are stopped when the module is done."""
    servers = []

    def start(*arguments, **more):
        servers.append(Server(request.config.getoption("--cloudlet"), *arguments, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server(start):
    """The module's server, with default settings."""
    return start()


@pytest.fixture(scope="session")
def binary(request):
    return request.config.getoption("--cloudlet")


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture(scope="module")
def sqs(server):
    return server.client("sqs")


@pytest.fixture(scope="module")
def sns(server):
    return server.client("sns")


@pytest.fixture(scope="module")
def sts(server):
    return server.client("sts")


@pytest.fixture(scope="module")
def lambda_(server):
    return server.client("lambda")


numbers = itertools.count(1)


@pytest.fixture
def bucket(s3):
    """A new bucket's name."""
    name = f"bucket-{next(numbers)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def queue(sqs):
    """A new queue's URL."""
    return sqs.create_queue(QueueName=f"queue-{next(numbers)}")["QueueUrl"]


@pytest.fixture
def topic(sns):
    """A new topic's ARN."""
    return sns.create_topic(Name=f"topic-{next(numbers)}")["TopicArn"]


@pytest.fixture(params=[1, 2], ids=["aws-cli v1", "aws-cli v2"])
def aws(request, server, tmp_path):
    """aws-cli, each version in turn."""
    option = f"--aws-cli-{request.param}"
    program = request.config.getoption(option)
    assert program, f"{option} has to name aws-cli v{request.param}"
    return AwsCli(program, request.param, server, tmp_path)

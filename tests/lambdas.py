"""What the tests of Lambda share: archives of code, a role, calls, and waiting for what functions do in their own time."""

import base64
import io
import json
import time
import zipfile

TRUST = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def archive(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o755 << 16
            zipped.writestr(info, text)
    return out.getvalue()


def make_role(server, name="executor", policy=EVERYTHING, service="lambda.amazonaws.com"):
    iam = server.client("iam")
    trust = json.dumps(TRUST).replace("lambda.amazonaws.com", service)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
    return arn


def make(server, role, name, text, runtime="python3.12", file="index.py", **more):
    lambda_ = server.client("lambda")
    settings = {"Handler": "index.handler", "Role": role, "Timeout": 10, **more}
    lambda_.create_function(FunctionName=name, Runtime=runtime, Code={"ZipFile": archive(**{file: text})}, **settings)
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def call(lambda_, name, event=None, **more):
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail", **more)
    log = base64.b64decode(answer.get("LogResult", "")).decode()
    return json.loads(answer["Payload"].read()), answer.get("FunctionError"), log


def eventually(what, tries=1_200):
    """Until something is there."""
    for _ in range(tries):
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")

"""Parameter Store, with boto3 and aws-cli, and with the real KMS behind it."""

import base64
import json
import os
import re
import subprocess
import sys
from datetime import timedelta, timezone
from pathlib import Path

import aws_encryption_sdk
import pytest
from botocore.exceptions import ClientError

DAY = 24 * 60 * 60
README = Path(__file__).parent.parent / "crates" / "ssm" / "README.md"


@pytest.fixture(scope="module")
def ssm(server):
    return server.client("ssm")


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


def error(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]


def put(ssm, name, value, kind="String", **more):
    return ssm.put_parameter(Name=name, Value=value, Type=kind, **more)


def value(ssm, name, **more):
    return ssm.get_parameter(Name=name, WithDecryption=True, **more)["Parameter"]["Value"]


def test_versions_labels_and_history(ssm):
    assert put(ssm, "/versions/a", "one")["Version"] == 1
    assert ssm.put_parameter(Name="/versions/a", Value="two", Overwrite=True)["Version"] == 2
    assert ssm.label_parameter_version(Name="/versions/a", ParameterVersion=1, Labels=["good", "1bad"])["InvalidLabels"] == ["1bad"]
    read = ssm.get_parameter(Name="/versions/a:good")["Parameter"]
    assert (read["Value"], read["Version"], read["Selector"]) == ("one", 1, ":good")
    assert value(ssm, read["ARN"]) == "two"
    history = ssm.get_parameter_history(Name="/versions/a")["Parameters"]
    assert [(entry["Version"], entry["Value"], entry["Labels"]) for entry in history] == [(1, "one", ["good"]), (2, "two", [])]
    assert history[0]["LastModifiedUser"] == "arn:aws:iam::000000000000:root"
    missing = error(ssm.get_parameter, Name="/versions/a:7")
    assert missing["Code"] == "ParameterVersionNotFound"
    # AWS sends no message.
    assert error(ssm.get_parameter, Name="/versions/none") == {"Code": "ParameterNotFound", "Message": ""}


def test_paginators(ssm):
    for number in range(27):
        put(ssm, f"/pages/{number % 3}/{number:02}", "v")
    pages = list(ssm.get_paginator("get_parameters_by_path").paginate(Path="/pages", Recursive=True))
    assert [len(page["Parameters"]) for page in pages] == [10, 10, 7]
    assert len({parameter["Name"] for page in pages for parameter in page["Parameters"]}) == 27
    one_level = ssm.get_paginator("get_parameters_by_path").paginate(Path="/pages/1", PaginationConfig={"PageSize": 4})
    assert len([parameter for page in one_level for parameter in page["Parameters"]]) == 9
    path = [{"Key": "Path", "Option": "Recursive", "Values": ["/pages"]}]
    described = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=path)
    assert len([parameter for page in described for parameter in page["Parameters"]]) == 27
    for number in range(30):
        ssm.put_parameter(Name="pages", Value=str(number), Type="String", Overwrite=True)
    history = ssm.get_paginator("get_parameter_history").paginate(Name="pages", PaginationConfig={"PageSize": 7})
    assert [entry["Version"] for page in history for entry in page["Parameters"]] == list(range(1, 31))


def test_a_secure_string_under_the_managed_key(ssm, kms):
    put(ssm, "/secure/managed", "hush ☃", "SecureString")
    read = ssm.get_parameter(Name="/secure/managed")["Parameter"]
    ciphertext = base64.b64decode(read["Value"])
    assert b"hush" not in ciphertext
    assert value(ssm, "/secure/managed") == "hush ☃"
    managed = kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]
    assert managed["KeyManager"] == "AWS"
    # Nobody uses that key but through the service.
    context = {"PARAMETER_ARN": read["ARN"]}
    assert error(kms.decrypt, CiphertextBlob=ciphertext, EncryptionContext=context)["Code"] == "AccessDeniedException"


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_what_becomes_of_the_key_becomes_of_the_value(server, ssm, kms, tier):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    name = f"/secure/{tier}"
    put(ssm, name, "hush", "SecureString", KeyId=key, Tier=tier)
    kms.disable_key(KeyId=key)
    refused = error(ssm.get_parameter, Name=name, WithDecryption=True)
    assert refused["Code"] == "InvalidKeyId"
    assert refused["Message"].startswith(f"{key} is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException; Request ID: ")
    assert error(ssm.put_parameter, Name=name, Value="x", KeyId=key, Overwrite=True)["Code"] == "InvalidKeyId"
    assert ssm.get_parameter(Name=name)["Parameter"]["Version"] == 1
    kms.enable_key(KeyId=key)
    assert value(ssm, name) == "hush"
    kms.rotate_key_on_demand(KeyId=key)
    assert value(ssm, name) == "hush"
    assert error(ssm.put_parameter, Name=f"{name}-2", Value="x", Type="SecureString", KeyId=key[:-2] + "zz", Tier=tier)["Code"] == "InvalidKeyId"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    refused = error(ssm.get_parameter, Name=name, WithDecryption=True)
    assert (refused["Code"], "KMSInvalidStateException" in refused["Message"]) == ("InvalidKeyId", True)


def test_a_standard_value_is_what_kms_encrypts(ssm, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    put(ssm, "/secure/direct", "hush", "SecureString", KeyId=key)
    read = ssm.get_parameter(Name="/secure/direct")["Parameter"]
    blob = base64.b64decode(read["Value"])
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"PARAMETER_ARN": read["ARN"]})["Plaintext"] == b"hush"
    assert error(kms.decrypt, CiphertextBlob=blob)["Code"] == "InvalidCiphertextException"


def test_an_advanced_value_is_a_message_of_the_encryption_sdk(server, ssm, kms, monkeypatch):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    put(ssm, "/secure/message", "hush" * 1_500, "SecureString", KeyId=key, Tier="Advanced")
    read = ssm.get_parameter(Name="/secure/message")["Parameter"]
    provider = server.encryption_sdk_keys(monkeypatch, key)
    client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=aws_encryption_sdk.CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)
    plaintext, header = client.decrypt(source=base64.b64decode(read["Value"]), key_provider=provider)
    assert plaintext == b"hush" * 1_500
    assert header.encryption_context == {"PARAMETER_ARN": read["ARN"]}


ROLE = "arn:aws:iam::000000000000:role/app"


@pytest.fixture(scope="module")
def role(server):
    """A role as an instance has it, which may do what its policy says. Called with the policy's statements, it gives credentials."""
    iam, sts = server.client("iam"), server.client("sts")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}}
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(trust))

    def credentials(*statements):
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName="app", PolicyName="p", PolicyDocument=json.dumps(policy))
        given = sts.assume_role(RoleArn=ROLE, RoleSessionName="session")["Credentials"]
        return {"key": given["AccessKeyId"], "secret": given["SecretAccessKey"], "token": given["SessionToken"]}

    return credentials


def allow(action, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


ARN = "arn:aws:ssm:us-east-1:000000000000:parameter"


def test_the_callers_permission_on_the_key_counts(server, ssm, kms, role):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    put(ssm, "/authority/secret", "hush", "SecureString", KeyId=key)
    read = dict(Name="/authority/secret", WithDecryption=True)
    without = server.client("ssm", **role(allow("ssm:GetParameter", f"{ARN}/authority/*")))
    refused = error(without.get_parameter, **read)
    assert refused["Code"] == "AccessDeniedException"
    assert "kms:Decrypt" in refused["Message"] and "(Service: AWSKMS; " in refused["Message"]
    assert without.get_parameter(Name="/authority/secret")["Parameter"]["Value"]
    through = {"StringEquals": {"kms:ViaService": "ssm.us-east-1.amazonaws.com", "kms:EncryptionContext:PARAMETER_ARN": f"{ARN}/authority/secret"}}
    with_key = server.client("ssm", **role(allow("ssm:GetParameter", f"{ARN}/authority/*"), allow("kms:Decrypt", key, **through)))
    assert with_key.get_parameter(**read)["Parameter"]["Value"] == "hush"


def test_access_to_a_path_is_access_to_all_below(server, ssm, role):
    put(ssm, "/tree/a/b", "v")
    denied = {"Effect": "Deny", "Action": "ssm:GetParameter", "Resource": f"{ARN}/tree/a/b"}
    client = server.client("ssm", **role(allow("ssm:GetParametersByPath", f"{ARN}/tree"), denied))
    assert [parameter["Name"] for parameter in client.get_parameters_by_path(Path="/tree", Recursive=True)["Parameters"]] == ["/tree/a/b"]
    refused = error(client.get_parameters_by_path, Path="/")
    assert f"ssm:GetParametersByPath on resource: {ARN}/ because" in refused["Message"]
    assert error(client.get_parameter, Name="/tree/a/b")["Code"] == "AccessDeniedException"


@pytest.mark.parametrize("action, condition, allowed, refused", [
    ("ssm:PutParameter", {"StringEquals": {"ssm:Overwrite": "false"}}, {}, {"Overwrite": True}),
    ("ssm:PutParameter", {"StringEquals": {"ssm:Policies": "false"}}, {}, {"Policies": "[{}]"}),
    (["ssm:PutParameter", "ssm:AddTagsToResource"], {"StringEquals": {"aws:RequestTag/team": "red"}},
     {"Tags": [{"Key": "team", "Value": "red"}]}, {"Tags": [{"Key": "team", "Value": "blue"}]}),
    (["ssm:PutParameter", "ssm:AddTagsToResource"], {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
     {"Tags": [{"Key": "team", "Value": "red"}]}, {"Tags": [{"Key": "other", "Value": "red"}]}),
])
def test_conditions_of_putting(server, role, action, condition, allowed, refused):
    client = server.client("ssm", **role(allow(action, **condition)))
    name = f"/conditions/{abs(hash(str(condition)))}"
    assert error(put, ssm=client, name=name, value="v", **refused)["Code"] == "AccessDeniedException"
    assert put(client, name, "v", **allowed)["Version"] == 1


def test_conditions_on_tags_and_recursion(server, ssm, role):
    put(ssm, "/tagged/a", "v", Tags=[{"Key": "team", "Value": "red"}])
    put(ssm, "/tagged/b", "v")
    for key in ("aws:ResourceTag/team", "ssm:resourceTag/team"):
        client = server.client("ssm", **role(allow("ssm:GetParameter", StringEquals={key: "red"})))
        assert client.get_parameter(Name="/tagged/a")["Parameter"]["Value"] == "v"
        assert error(client.get_parameter, Name="/tagged/b")["Code"] == "AccessDeniedException"
    client = server.client("ssm", **role(allow("ssm:GetParametersByPath", Bool={"ssm:Recursive": "false"})))
    assert len(client.get_parameters_by_path(Path="/tagged")["Parameters"]) == 2
    assert error(client.get_parameters_by_path, Path="/tagged", Recursive=True)["Code"] == "AccessDeniedException"


def test_a_shared_parameter_is_read_by_its_arn(server, ssm):
    put(ssm, "/shared/a", "v", Tier="Advanced")
    other = server.client("ssm", key="111111111111", secret="test")
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": f"{ARN}/shared/a",
        },
    }
    assert error(other.get_parameter, Name=f"{ARN}/shared/a")["Code"] == "AccessDeniedException"
    ssm.put_resource_policy(ResourceArn=f"{ARN}/shared/a", Policy=json.dumps(policy))
    assert value(other, f"{ARN}/shared/a") == "v"
    assert other.get_parameters(Names=[f"{ARN}/shared/a"])["Parameters"][0]["Name"] == "/shared/a"
    assert error(other.get_parameter, Name="/shared/a")["Code"] == "ParameterNotFound"


def test_a_parameter_expires(start):
    server = start()
    ssm = server.client("ssm")
    put(ssm, "now", "v")
    at = ssm.get_parameter(Name="now")["Parameter"]["LastModifiedDate"].astimezone(timezone.utc) + timedelta(days=3)
    text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    policies = [{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": text}}]
    put(ssm, "short", "v", Tier="Advanced", Policies=json.dumps(policies))
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["short"]}])["Parameters"][0]
    assert [policy["PolicyStatus"] for policy in described["Policies"]] == ["Pending"]
    server.advance(3 * DAY + 60)
    # Clients sign with their own time.
    server.reset_clock()
    assert error(ssm.get_parameter, Name="short")["Code"] == "ParameterNotFound"
    assert put(ssm, "short", "v")["Version"] == 1


def test_public_parameters(ssm):
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    assert re.fullmatch("ami-[0-9a-f]{17}", value(ssm, name))
    regions = ssm.get_paginator("get_parameters_by_path").paginate(Path="/aws/service/global-infrastructure/regions")
    assert "eu-west-1" in [parameter["Value"] for page in regions for parameter in page["Parameters"]]
    assert error(ssm.put_parameter, Name=name, Value="v", Type="String")["Message"] == f"No access to reserved parameter name: {name}."


def test_validation_by_the_model(ssm):
    refused = error(ssm.put_parameter, Name="x", Value="v", Type="Text")
    assert refused["Code"] == "ValidationException"
    assert "at 'type' failed to satisfy constraint: Member must satisfy enum value set: [" in refused["Message"]


def test_what_is_not_built_says_so(ssm):
    with pytest.raises(ClientError) as refused:
        ssm.describe_patch_baselines()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_kill_and_start_again(start, tmp_path):
    server = start("--data-dir", str(tmp_path))
    ssm = server.client("ssm")
    put(ssm, "/durable/secret", "hush-one", "SecureString")
    ssm.put_parameter(Name="/durable/secret", Value="two", Overwrite=True)
    ssm.label_parameter_version(Name="/durable/secret", ParameterVersion=1, Labels=["old"])
    put(ssm, "/durable/large", "x" * 8_000, "SecureString", Tier="Advanced")
    server.process.kill()
    server.process.wait()
    again = start("--data-dir", str(tmp_path)).client("ssm")
    assert value(again, "/durable/secret:old") == "hush-one"
    assert value(again, "/durable/secret") == "two"
    assert value(again, "/durable/large") == "x" * 8_000
    assert b"hush" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


# ---- aws-cli


def test_aws_cli(aws):
    name = f"/cli/v{aws.version}/password"
    put = ["ssm", "put-parameter", "--name", name, "--type", "SecureString"]
    assert aws.json(*put, "--value", "hush")["Version"] == 1
    assert aws.json(*put, "--value", "hush 2", "--overwrite") == {"Version": 2, "Tier": "Standard"}
    assert aws.json("ssm", "get-parameter", "--name", name)["Parameter"]["Value"] != "hush 2"
    assert aws.json("ssm", "get-parameter", "--name", f"{name}:1", "--with-decryption")["Parameter"]["Value"] == "hush"
    listed = aws.json("ssm", "get-parameters-by-path", "--path", f"/cli/v{aws.version}", "--with-decryption")["Parameters"]
    assert [parameter["Value"] for parameter in listed] == ["hush 2"]
    described = aws.json("ssm", "describe-parameters", "--parameter-filters", f"Key=Name,Option=BeginsWith,Values=/cli/v{aws.version}")
    assert [parameter["Name"] for parameter in described["Parameters"]] == [name]
    aws("ssm", "add-tags-to-resource", "--resource-type", "Parameter", "--resource-id", name, "--tags", "Key=a,Value=1")
    assert aws.json("ssm", "list-tags-for-resource", "--resource-type", "Parameter", "--resource-id", name)["TagList"] == [{"Key": "a", "Value": "1"}]
    aws("ssm", "delete-parameter", "--name", name)
    assert aws.json("ssm", "get-parameters", "--names", name)["InvalidParameters"] == [name]


def one_liner():
    """The one of the README."""
    return re.search(r"```sh\n(eval .*?)```", README.read_text(), re.DOTALL)[1]


def test_the_readme_turns_a_path_into_an_environment(aws, ssm, tmp_path):
    values = {"PLAIN": "a", "QUOTES": "it's \"quoted\" $HOME `ls` \\n", "LINES": "one\ntwo\n\nfour", "EMPTY_END": "x ", "UNICODE": "☃"}
    for name, text in values.items():
        ssm.put_parameter(Name=f"/myapp/{name}", Value=text, Type="SecureString", Overwrite=True)
    show = f"{sys.executable} -c 'import json, os; print(json.dumps({{name: os.environ[name] for name in {json.dumps(list(values))}}}))'"
    # Early versions of aws-cli take the address from an option alone.
    (tmp_path / "aws").write_text(f'#!/bin/sh\nexec "{aws.program}" --endpoint-url {aws.endpoint} "$@"\n')
    (tmp_path / "aws").chmod(0o755)
    environment = aws.environment | {"PATH": os.pathsep.join([str(tmp_path), aws.environment["PATH"]])}
    shown = subprocess.run(["bash", "-ec", f"{one_liner()}\n{show}"], env=environment, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout) == values

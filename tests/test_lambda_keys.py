"""Variables of functions under KMS keys: who may use the key, and what becomes of a function whose key is gone."""

import json

import pytest
from botocore.exceptions import ClientError
from lambdas import archive, call, make_role

CODE = "import os\n\ndef handler(event, context):\n    return os.environ.get('SECRET')\n"


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


# What it may: no more than to be assumed.
@pytest.fixture(scope="module")
def role(server):
    return make_role(server, policy=None)


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def make(lambda_, role, name, key, **more):
    settings = {"Handler": "index.handler", "Role": role, "Environment": {"Variables": {"SECRET": "told to nobody"}}, **more}
    return lambda_.create_function(FunctionName=name, Runtime="python3.12", Code={"ZipFile": archive(**{"index.py": CODE})}, KMSKeyArn=key, **settings)


def refused(what):
    with pytest.raises(ClientError) as error:
        what()
    return error.value.response["Error"]


def test_variables_are_encrypted_and_the_role_is_granted_their_key(lambda_, kms, role, key):
    made = make(lambda_, role, "sealed", key)
    assert (made["KMSKeyArn"], made["Environment"]) == (key, {"Variables": {"SECRET": "told to nobody"}})
    assert call(lambda_, "sealed")[0] == "told to nobody"
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    assert grant["GranteePrincipal"] == role and "Decrypt" in grant["Operations"]
    assert grant["Constraints"] == {"EncryptionContextEquals": {"aws:lambda:FunctionArn": made["FunctionArn"]}}
    lambda_.update_function_configuration(FunctionName="sealed", Environment={"Variables": {"SECRET": "another"}})
    assert call(lambda_, "sealed")[0] == "another"
    assert lambda_.publish_version(FunctionName="sealed")["Environment"] == {"Variables": {"SECRET": "another"}}
    assert call(lambda_, "sealed", Qualifier="1")[0] == "another"
    # Without a key they stay what they are.
    plain = lambda_.update_function_configuration(FunctionName="sealed", KMSKeyArn="")
    assert "KMSKeyArn" not in plain and plain["Environment"] == {"Variables": {"SECRET": "another"}}
    assert call(lambda_, "sealed")[0] == "another"


def test_who_may_not_use_the_key_does_not_see_the_variables(server, lambda_, role, key):
    make(lambda_, role, "hidden", key)
    iam = server.client("iam")
    iam.create_user(UserName="reader")
    allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}}
    iam.put_user_policy(UserName="reader", PolicyName="all", PolicyDocument=json.dumps(allowed))
    keys = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = server.client("lambda", keys["AccessKeyId"], keys["SecretAccessKey"])
    for shown in (reader.get_function_configuration(FunctionName="hidden"), reader.get_function(FunctionName="hidden")["Configuration"]):
        assert "Variables" not in shown["Environment"] and shown["Environment"]["Error"]["ErrorCode"] == "AccessDeniedException"
    changed = refused(lambda: reader.update_function_configuration(FunctionName="hidden", Environment={"Variables": {"SECRET": "mine"}}))
    assert "kms:CreateGrant" in changed["Message"]
    assert call(lambda_, "hidden")[0] == "told to nobody"


def test_a_key_that_cannot_be_used_is_told(lambda_, kms, role, key):
    absent = refused(lambda: make(lambda_, role, "absent", key[:-12] + "0" * 12))
    assert absent["Code"] == "InvalidParameterValueException" and "KMS Exception: NotFoundException" in absent["Message"]
    kms.create_alias(AliasName="alias/of-functions", TargetKeyId=key)
    alias = refused(lambda: make(lambda_, role, "alias", key.rsplit(":", 1)[0] + ":alias/of-functions"))
    assert "is invalid for CreateGrant" in alias["Message"]
    make(lambda_, role, "locked", key)

    def code(change):
        change()
        # A new environment has to decrypt the variables.
        lambda_.update_function_configuration(FunctionName="locked", Description=change.__name__)
        return refused(lambda: lambda_.invoke(FunctionName="locked"))["Code"]

    def disabled():
        kms.disable_key(KeyId=key)

    def revoked():
        kms.enable_key(KeyId=key)
        kms.revoke_grant(KeyId=key, GrantId=kms.list_grants(KeyId=key)["Grants"][0]["GrantId"])

    def deleted():
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    assert code(disabled) == "KMSDisabledException"
    assert code(revoked) == "KMSAccessDeniedException"
    # The role again: it is granted the key.
    lambda_.update_function_configuration(FunctionName="locked", Role=role)
    assert call(lambda_, "locked")[0] == "told to nobody"
    assert code(deleted) == "KMSInvalidStateException"


# ---- code under keys


def for_lambda(kms, *actions):
    """A key that the account may use as it likes, and Lambda as said."""
    account = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"}
    service = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": list(actions), "Resource": "*"}
    statements = [account, service] if actions else [account]
    return kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))["KeyMetadata"]["Arn"]


def make_under(lambda_, role, name, key):
    code = {"ZipFile": archive(**{"index.py": CODE}), "SourceKMSKeyArn": key}
    return lambda_.create_function(FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=role, Code=code)


def test_code_under_a_key_needs_the_key(server, lambda_, kms, role):
    key = for_lambda(kms, "kms:GenerateDataKey", "kms:Decrypt")
    make_under(lambda_, role, "locked-code", key)
    assert call(lambda_, "locked-code")[1] is None
    code = lambda_.get_function(FunctionName="locked-code")["Code"]
    assert code["SourceKMSKeyArn"] == key and "Location" in code and "Error" not in code
    iam = server.client("iam")
    iam.create_user(UserName="code-reader")
    allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}}
    iam.put_user_policy(UserName="code-reader", PolicyName="all", PolicyDocument=json.dumps(allowed))
    keys = iam.create_access_key(UserName="code-reader")["AccessKey"]
    reader = server.client("lambda", keys["AccessKeyId"], keys["SecretAccessKey"])
    code = reader.get_function(FunctionName="locked-code")["Code"]
    assert code["Error"]["ErrorCode"] == "AccessDeniedException" and "Location" not in code
    with_key = refused(lambda: reader.update_function_code(FunctionName="locked-code", ZipFile=archive(**{"index.py": CODE}), SourceKMSKeyArn=key))
    assert "kms:GenerateDataKey" in with_key["Message"]
    assert lambda_.publish_version(FunctionName="locked-code")["Version"] == "1"
    kms.disable_key(KeyId=key)
    assert refused(lambda: lambda_.invoke(FunctionName="locked-code", Qualifier="1"))["Code"] == "KMSDisabledException"
    # Code that comes without a key is under none.
    lambda_.update_function_code(FunctionName="locked-code", ZipFile=archive(**{"index.py": CODE}))
    assert "SourceKMSKeyArn" not in lambda_.get_function(FunctionName="locked-code")["Code"]
    assert call(lambda_, "locked-code")[1] is None


def test_lambda_itself_must_be_allowed_to_use_the_key_of_code(lambda_, kms, role):
    said = refused(lambda: make_under(lambda_, role, "not-for-lambda", for_lambda(kms)))
    assert said["Code"] == "InvalidParameterValueException" and "is invalid for Decrypt" in said["Message"]


def test_a_restart_keeps_the_key_of_code(start, tmp_path):
    server = start("--data-dir", str(tmp_path))
    lambda_, kms = server.client("lambda"), server.client("kms")
    key = for_lambda(kms, "kms:GenerateDataKey", "kms:Decrypt")
    make_under(lambda_, make_role(server), "kept", key)
    server.process.kill()
    server.process.wait()
    lambda_ = start("--data-dir", str(tmp_path)).client("lambda")
    assert lambda_.get_function(FunctionName="kept")["Code"]["SourceKMSKeyArn"] == key
    assert call(lambda_, "kept")[1] is None

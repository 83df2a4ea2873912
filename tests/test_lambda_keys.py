"""Variables of functions under KMS keys: who may use the key, and what becomes of a function whose key is gone."""

import json

import pytest
from botocore.exceptions import ClientError
from lambdas import archive, call, make_role

CODE = "import os\n\ndef handler(event, context):\n    return os.environ.get('SECRET')\n"


@pytest.fixture(scope="module")
def lambda_(server):
    return server.client("lambda")


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

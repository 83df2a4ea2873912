"""STS: who is calling, and whose key is this."""

import base64
import json
import pathlib

import pytest
import rsa
from botocore import UNSIGNED
from botocore.exceptions import ClientError


def test_root_credentials_are_the_root_of_the_default_account(sts):
    identity = sts.get_caller_identity()
    assert identity["Account"] == "000000000000"
    assert identity["Arn"] == "arn:aws:iam::000000000000:root"
    assert identity["UserId"] == "000000000000"


def test_a_twelve_digit_key_is_the_root_of_that_account(server):
    identity = server.client("sts", key="123456789012").get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"] == "arn:aws:iam::123456789012:root"


def test_the_partition_follows_the_region(server):
    identity = server.client("sts", key="123456789012", region="cn-north-1").get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"].startswith("arn:aws")


def test_a_key_tells_its_account(sts):
    assert sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE")["Account"] == "581039954779"


def test_an_answer_carries_its_request_id(sts):
    answer = sts.get_caller_identity()["ResponseMetadata"]
    assert len(answer["RequestId"]) == 36
    assert answer["HTTPHeaders"]["x-amzn-requestid"] == answer["RequestId"]


def test_operations_of_later_are_not_implemented_and_say_so(sts):
    with pytest.raises(ClientError) as refused:
        sts.get_delegated_access_token(TradeInToken="token")
    answer = refused.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 501
    assert answer["HTTPHeaders"]["x-cloudlet-not-implemented"] == "sts:GetDelegatedAccessToken"
    assert "GetDelegatedAccessToken" in str(refused.value)


def test_the_identity_is_told_over_a_presigned_url(server):
    url = server.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    answer = server.request("GET", url.removeprefix(server.url))
    assert answer.status == 200
    assert "<Arn>arn:aws:iam::000000000000:root</Arn>" in answer.text
    assert answer.headers["content-type"].startswith("text/xml")


def test_root_credentials_can_be_set(start):
    server = start("--account", "111122223333", "--root-access-key", "somebody", "--root-secret-key", "s3cret/+=")
    assert server.client("sts", key="somebody", secret="s3cret/+=").get_caller_identity()["Account"] == "111122223333"
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        server.client("sts", key="test", secret="test").get_caller_identity()


SAML = pathlib.Path(__file__).parent.parent / "crates/saml/src/tests"


def test_a_signed_saml_response_opens_the_role_that_trusts_its_provider(start):
    server = start()
    iam = server.client("iam", key="123456789012")
    metadata = (SAML / "metadata.xml").read_text()
    provider = iam.create_saml_provider(Name="idp", SAMLMetadataDocument=metadata)["SAMLProviderArn"]
    trust = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithSAML"}
    trust["Condition"] = {"StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml", "saml:sub": "alice"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    nobody = server.client("sts", signature_version=UNSIGNED)

    def assume(response):
        encoded = base64.b64encode(response.encode()).decode()
        return nobody.assume_role_with_saml(RoleArn=role, PrincipalArn=provider, SAMLAssertion=encoded)

    # signxml signed these, with the key of that metadata, for a morning in 2099.
    signed = (SAML / "response_sha512.xml").read_text()
    with pytest.raises(ClientError, match="not yet valid"):
        assume(signed)
    server.request("POST", "/_cloudlet/clock", json.dumps({"set": "2099-01-15T08:00:30Z"}))
    answer = assume(signed)
    assert (answer["Subject"], answer["SubjectType"]) == ("alice", "persistent")
    assert answer["Issuer"] == "https://idp.example.com/metadata"
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/r/alice@example.com"
    with pytest.raises(ClientError, match="InvalidIdentityToken.*Response signature invalid"):
        assume(signed.replace(">alice<", ">mallory<"))
    server.advance(300)
    with pytest.raises(ClientError, match="ExpiredTokenException.*Response has expired"):
        assume(signed)

    server.reset_clock()
    found = answer["Credentials"]
    session = server.client("sts", key=found["AccessKeyId"], secret=found["SecretAccessKey"], token=found["SessionToken"])
    assert session.get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]


def test_a_token_for_others_is_verified_by_the_published_keys(start):
    server = start()
    iam, sts = server.client("iam"), server.client("sts")
    asked = {"Audience": ["https://api.example.com"], "SigningAlgorithm": "RS256"}
    with pytest.raises(ClientError, match="OutboundWebIdentityFederationDisabled"):
        sts.get_web_identity_token(**asked)
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    token = sts.get_web_identity_token(**asked)["WebIdentityToken"]

    head, claims, signature = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    host = issuer.removeprefix("https://")
    about = json.loads(server.request("GET", f"/_sts/{host}/.well-known/openid-configuration").body)
    assert about["issuer"] == json.loads(claims)["iss"] == issuer
    keys = json.loads(server.request("GET", f"/_sts/{host}/.well-known/jwks.json").body)["keys"]
    key = next(key for key in keys if key["kid"] == json.loads(head)["kid"])
    n, e = (int.from_bytes(base64.urlsafe_b64decode(key[part] + "=="), "big") for part in ("n", "e"))
    assert rsa.verify(token.rpartition(".")[0].encode(), signature, rsa.PublicKey(n, e)) == "SHA-256"

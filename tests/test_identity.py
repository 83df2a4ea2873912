"""STS and IAM: callers, access keys, roles, providers, reports."""

import base64
import json
import pathlib
import subprocess

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


def test_an_access_key_has_its_account(sts):
    assert sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE")["Account"] == "581039954779"


def test_an_answer_has_its_request_id(sts):
    answer = sts.get_caller_identity()["ResponseMetadata"]
    assert len(answer["RequestId"]) == 36
    assert answer["HTTPHeaders"]["x-amzn-requestid"] == answer["RequestId"]


def test_operations_that_are_not_implemented_answer_501(server):
    with pytest.raises(ClientError) as refused:
        server.client("iam").get_role_template_version(TemplateArn="arn:aws:iam::aws:role-template/x")
    answer = refused.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 501
    assert answer["HTTPHeaders"]["x-cloudlet-not-implemented"] == "iam:GetRoleTemplateVersion"
    assert "GetRoleTemplateVersion" in str(refused.value)


def test_get_caller_identity_works_with_a_presigned_url(server):
    url = server.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    answer = server.request("GET", url.removeprefix(server.url))
    assert answer.status == 200
    assert "<Arn>arn:aws:iam::000000000000:root</Arn>" in answer.text
    assert answer.headers["content-type"].startswith("text/xml")


def test_root_credentials_can_be_set(start):
    server = start("--account", "111122223333", "--root-access-key", "admin", "--root-secret-key", "s3cret/+=")
    assert server.client("sts", key="admin", secret="s3cret/+=").get_caller_identity()["Account"] == "111122223333"
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        server.client("sts", key="test", secret="test").get_caller_identity()


SAML = pathlib.Path(__file__).parent.parent / "crates/saml/src/tests"


def test_a_saml_response_assumes_a_role_that_trusts_its_provider(start):
    server = start()
    iam = server.client("iam", key="123456789012")
    metadata = (SAML / "metadata.xml").read_text()
    provider = iam.create_saml_provider(Name="idp", SAMLMetadataDocument=metadata)["SAMLProviderArn"]
    trust = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithSAML"}
    trust["Condition"] = {"StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml", "saml:sub": "alice"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    anonymous = server.client("sts", signature_version=UNSIGNED)

    def assume(response):
        encoded = base64.b64encode(response.encode()).decode()
        return anonymous.assume_role_with_saml(RoleArn=role, PrincipalArn=provider, SAMLAssertion=encoded)

    # signxml signed these, with the key of that metadata, for a morning in 2099.
    signed = (SAML / "response_sha512.xml").read_text()
    with pytest.raises(ClientError, match="not yet valid"):
        assume(signed)
    that_morning = json.dumps({"set": "2099-01-15T08:00:30Z"})
    server.request("POST", "/_cloudlet/clock", that_morning)
    answer = assume(signed)
    assert (answer["Subject"], answer["SubjectType"]) == ("alice", "persistent")
    assert answer["Issuer"] == "https://idp.example.com/metadata"
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/r/alice@example.com"
    with pytest.raises(ClientError, match="InvalidIdentityToken.*Response signature invalid"):
        assume(signed.replace(">alice<", ">mallory<"))
    # The same, encrypted for a private key of the provider.
    encrypted = (SAML / "encrypted_gcm.xml").read_text()
    with pytest.raises(ClientError, match="InvalidIdentityToken.*encrypted"):
        assume(encrypted)
    key = (SAML / "private_key.pem").read_text()
    server.reset_clock()
    iam.update_saml_provider(SAMLProviderArn=provider, AddPrivateKey=key, AssertionEncryptionMode="Required")
    server.request("POST", "/_cloudlet/clock", that_morning)
    assert assume(encrypted)["Subject"] == "alice"
    with pytest.raises(ClientError, match="InvalidIdentityToken.*not encrypted"):
        assume(signed)
    server.advance(300)
    with pytest.raises(ClientError, match="ExpiredTokenException.*Response has expired"):
        assume(encrypted)

    server.reset_clock()
    found = answer["Credentials"]
    session = server.client("sts", key=found["AccessKeyId"], secret=found["SecretAccessKey"], token=found["SessionToken"])
    assert session.get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]


def test_a_web_identity_token_is_verified_by_the_published_keys(start):
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


ASSUME = """
set -euo pipefail
aws configure set aws_access_key_id "$user_key"
aws configure set aws_secret_access_key "$user_secret"
aws configure set aws_default_region "ap-northeast-1"

aws_sts_credentials="$(aws sts assume-role \\
  --role-arn "arn:aws:iam::000000000000:role/$role" \\
  --role-session-name "deploy" \\
  --external-id "$aws_iam_role_external_id" \\
  --duration-seconds "900" \\
  --query "Credentials" \\
  --output "json")"

cat << EOF > assumed_user.sh
export AWS_ACCESS_KEY_ID="$(echo "$aws_sts_credentials" | jq -r ".AccessKeyId")"
export AWS_SECRET_ACCESS_KEY="$(echo "$aws_sts_credentials" | jq -r ".SecretAccessKey")"
export AWS_SESSION_TOKEN="$(echo "$aws_sts_credentials" | jq -r ".SessionToken")"
EOF

aws configure --profile dev-repository << EOF > prompts.txt
$(echo "$aws_sts_credentials" | jq -r ".AccessKeyId")
$(echo "$aws_sts_credentials" | jq -r ".SecretAccessKey")
ap-northeast-1
json
EOF
echo aws_session_token = $(echo "$aws_sts_credentials" | jq -r ".SessionToken") >> ~/.aws/credentials
"""
JQ = "#!/usr/bin/env python3\nimport json, sys\nprint(json.load(sys.stdin)[sys.argv[2].removeprefix('.')])\n"


def test_a_role_with_an_external_id_is_assumed_from_the_shell(aws, start, tmp_path):
    server = start()
    iam = server.client("iam")
    user = iam.create_user(UserName="deployer")["User"]["Arn"]
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    allowed = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
    allowed["Condition"] = {"StringEquals": {"sts:ExternalId": "a-secret-between-us"}}
    iam.create_role(RoleName="lists", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    lists = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    iam.put_role_policy(RoleName="lists", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": lists}))
    server.client("s3").create_bucket(Bucket="tfstate")

    tools = tmp_path / "tools"
    tools.mkdir()
    # Not by AWS_ENDPOINT_URL alone, which aws-cli v2 knows since 2.13 only.
    (tools / "aws").write_text(f'#!/bin/sh\nexec "{pathlib.Path(aws.program).resolve()}" --endpoint-url {server.url} "$@"\n')
    (tools / "aws").chmod(0o755)
    (tools / "jq").write_text(JQ)
    (tools / "jq").chmod(0o755)
    environment = {name: value for name, value in aws.environment.items() if "_KEY" not in name}
    environment |= {"PATH": f"{tools}:{environment['PATH']}", "role": "lists"}
    environment |= {"user_key": key["AccessKeyId"], "user_secret": key["SecretAccessKey"], "aws_iam_role_external_id": "a-secret-between-us"}

    def shell(script, **more):
        return subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment | more, capture_output=True, text=True, timeout=110)

    refused = shell(ASSUME, aws_iam_role_external_id="a-guess")
    assert refused.returncode and "AccessDenied" in refused.stderr, refused
    done = shell(ASSUME)
    assert done.returncode == 0, done.stderr
    for listing in ("aws s3 ls --profile dev-repository", "source assumed_user.sh; aws s3 ls"):
        listed = shell(listing)
        assert listed.stdout.endswith(" tfstate\n"), listed
    beyond = shell("aws s3 ls s3://tfstate --profile dev-repository")
    assert "AccessDenied" in beyond.stderr and "assumed-role/lists/deploy is not authorized to perform: s3:ListBucket" in beyond.stderr
    # A presigned URL is valid for longer than the allowed clock skew, so only the session has expired.
    link = shell("aws s3 presign s3://tfstate/key --expires-in 3600 --profile dev-repository").stdout.strip().removeprefix(server.url)
    assert "AccessDenied" in server.request("GET", link).text
    server.advance(901)
    assert "ExpiredToken" in server.request("GET", link).text


def test_a_last_accessed_report_lists_the_used_services(start):
    server = start()
    iam = server.client("iam")
    arn = iam.create_user(UserName="reader")["User"]["Arn"]
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    granted = {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "sqs:*"], "Resource": "*"}
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": granted}))
    server.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).list_buckets()

    job = iam.generate_service_last_accessed_details(Arn=arn, Granularity="ACTION_LEVEL")["JobId"]
    report = iam.get_service_last_accessed_details(JobId=job)
    assert report["JobStatus"] == "COMPLETED"
    services = {service["ServiceNamespace"]: service for service in report["ServicesLastAccessed"]}
    assert list(services) == ["s3", "sqs"]
    assert services["s3"]["LastAuthenticatedEntity"] == arn
    assert [action["ActionName"] for action in services["s3"]["TrackedActionsLastAccessed"]] == ["ListAllMyBuckets"]
    assert services["sqs"]["TotalAuthenticatedEntities"] == 0 and "LastAuthenticated" not in services["sqs"]
    policies = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["s3"])["PoliciesGrantingServiceAccess"]
    assert policies[0]["Policies"][0]["PolicyName"] == "p"


def test_conditions_and_resource_control_policies_limit_calls_with_a_web_identity_token(start):
    """The keys of every call, the organization's resource control policies, and the explanation."""
    server = start()
    issuer = server.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
    token = server.client("sts").get_web_identity_token(Audience=["us"], SigningAlgorithm="RS256")["WebIdentityToken"]
    organizations = server.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(Email="member@example.com", AccountName="member")["CreateAccountStatus"]["Id"]
    member = organizations.describe_create_account_status(CreateAccountRequestId=made)["CreateAccountStatus"]["AccountId"]
    iam = server.client("iam", key=member)
    provider = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["us"])["OpenIDConnectProviderArn"]
    anonymous = server.client("sts", signature_version=UNSIGNED)

    def assume(role):
        arn = f"arn:aws:iam::{member}:role/{role}"
        return anonymous.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="s1", WebIdentityToken=token)

    for name, address in [("near", "127.0.0.0/8"), ("far", "10.0.0.0/8")]:
        trust = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
        trust["Condition"] = {"IpAddress": {"aws:SourceIp": address}}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    refused = "AccessDenied.*Not authorized to perform sts:AssumeRoleWithWebIdentity"
    assert assume("near")["Provider"] == provider
    with pytest.raises(ClientError, match=refused) as denied:
        assume("far")
    request = denied.value.response["ResponseMetadata"]["RequestId"]
    [decision] = server.request("GET", f"/_cloudlet/iam/decisions?request={request}").json
    assert (decision["principal"], decision["effect"]) == (provider, "denied")
    assert decision["context"]["aws:SourceIp"] == "127.0.0.1"

    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="RESOURCE_CONTROL_POLICY")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Resource": "*"}
    content = json.dumps({"Version": "2012-10-17", "Statement": statement})
    kind = "RESOURCE_CONTROL_POLICY"
    policy = organizations.create_policy(Name="no-tokens", Description="", Type=kind, Content=content)["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=member)
    with pytest.raises(ClientError, match=refused):
        assume("near")

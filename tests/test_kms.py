"""KMS, with boto3, and with `cryptography` as an independent judge of its signatures and ciphertexts."""

import base64
import json
import os
import subprocess

import aws_encryption_sdk
import pytest
from aws_encryption_sdk.identifiers import AlgorithmSuite
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


@pytest.fixture
def key(kms):
    """A new symmetric key's id."""
    return kms.create_key()["KeyMetadata"]["KeyId"]


def code(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


def new_key(kms, spec, usage):
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


def public_key(kms, key):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


HASHES = {"SHA_256": hashes.SHA256(), "SHA_384": hashes.SHA384(), "SHA_512": hashes.SHA512()}


def digested(message, algorithm):
    digest = hashes.Hash(algorithm)
    digest.update(message)
    return digest.finalize()


RSA = [f"RSASSA_{kind}_SHA_{bits}" for kind in ("PSS", "PKCS1_V1_5") for bits in (256, 384, 512)]


@pytest.mark.parametrize("algorithm", RSA)
@pytest.mark.parametrize("message_type", ["RAW", "DIGEST"])
def test_rsa_signatures_are_verified_by_another_library(kms, algorithm, message_type):
    key = new_key(kms, "RSA_2048", "SIGN_VERIFY")
    digest = HASHES[algorithm[-7:]]
    message = b"text" if message_type == "RAW" else digested(b"text", digest)
    signature = kms.sign(KeyId=key, Message=message, MessageType=message_type, SigningAlgorithm=algorithm)["Signature"]
    pad = padding.PSS(padding.MGF1(digest), digest.digest_size) if "PSS" in algorithm else padding.PKCS1v15()
    public = public_key(kms, key)
    public.verify(signature, b"text", pad, digest)
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"other", pad, digest)


CURVES = [
    ("ECC_NIST_P256", "ECDSA_SHA_256", ec.SECP256R1()),
    ("ECC_NIST_P384", "ECDSA_SHA_384", ec.SECP384R1()),
    ("ECC_NIST_P521", "ECDSA_SHA_512", ec.SECP521R1()),
    ("ECC_SECG_P256K1", "ECDSA_SHA_256", ec.SECP256K1()),
]


@pytest.mark.parametrize("spec, algorithm, curve", CURVES)
def test_ecdsa_signatures_are_verified_by_another_library(kms, spec, algorithm, curve):
    key = new_key(kms, spec, "SIGN_VERIFY")
    digest = HASHES[algorithm[-7:]]
    public = public_key(kms, key)
    assert public.curve.name == curve.name
    for kind, message in [("RAW", b"text"), ("DIGEST", digested(b"text", digest))]:
        signature = kms.sign(KeyId=key, Message=message, MessageType=kind, SigningAlgorithm=algorithm)["Signature"]
        public.verify(signature, b"text", ec.ECDSA(digest))


def test_ed25519_and_hmac_agree_with_another_library(kms):
    key = new_key(kms, "ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    signature = kms.sign(KeyId=key, Message=b"text", SigningAlgorithm="ED25519_SHA_512")["Signature"]
    public = public_key(kms, key)
    assert isinstance(public, ed25519.Ed25519PublicKey)
    public.verify(signature, b"text")


@pytest.mark.parametrize("spec, algorithm, curve", CURVES)
def test_signatures_of_an_imported_key_are_those_of_its_owner(kms, spec, algorithm, curve):
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY", Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    own = ec.generate_private_key(curve)
    material = own.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    import_material(kms, key, material, "RSAES_OAEP_SHA_256")
    digest = HASHES[algorithm[-7:]]
    signature = own.sign(b"text", ec.ECDSA(digest))
    assert kms.verify(KeyId=key, Message=b"text", Signature=signature, SigningAlgorithm=algorithm)["SignatureValid"]
    assert code(kms.verify, KeyId=key, Message=b"other", Signature=signature, SigningAlgorithm=algorithm) == "KMSInvalidSignatureException"


def import_material(kms, key, material, algorithm, **more):
    parameters = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_3072")
    public = serialization.load_der_public_key(parameters["PublicKey"])
    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    oaep = padding.OAEP(padding.MGF1(digest), digest, None)
    if algorithm.startswith("RSAES"):
        wrapped = public.encrypt(material, oaep)
    else:
        aes = os.urandom(32)
        wrapped = public.encrypt(aes, oaep) + keywrap.aes_key_wrap_with_padding(aes, material)
    more.setdefault("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    return kms.import_key_material(KeyId=key, ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=wrapped, **more)


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"])
def test_an_hmac_key_is_imported(kms, algorithm):
    key = kms.create_key(KeySpec="HMAC_384", KeyUsage="GENERATE_VERIFY_MAC", Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    material = os.urandom(48)
    import_material(kms, key, material, algorithm)
    own = hmac.HMAC(material, hashes.SHA384())
    own.update(b"text")
    assert kms.generate_mac(KeyId=key, Message=b"text", MacAlgorithm="HMAC_SHA_384")["Mac"] == own.finalize()


def test_a_key_that_openssl_made_is_imported(kms, tmp_path):
    path = tmp_path / "key.der"
    command = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    private = serialization.load_der_private_key(path.read_bytes(), None)
    material = private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT", Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    import_material(kms, key, material, "RSA_AES_KEY_WRAP_SHA_256")
    ciphertext = kms.encrypt(KeyId=key, Plaintext=b"text", EncryptionAlgorithm="RSAES_OAEP_SHA_256")["CiphertextBlob"]
    assert private.decrypt(ciphertext, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)) == b"text"


@pytest.mark.parametrize("algorithm, digest", [("RSAES_OAEP_SHA_1", hashes.SHA1()), ("RSAES_OAEP_SHA_256", hashes.SHA256())])
def test_what_another_library_encrypts_is_decrypted(kms, algorithm, digest):
    key = new_key(kms, "RSA_2048", "ENCRYPT_DECRYPT")
    ciphertext = public_key(kms, key).encrypt(b"text", padding.OAEP(padding.MGF1(digest), digest, None))
    assert kms.decrypt(KeyId=key, CiphertextBlob=ciphertext, EncryptionAlgorithm=algorithm)["Plaintext"] == b"text"
    assert code(kms.decrypt, KeyId=key, CiphertextBlob=ciphertext[:-1] + b"x", EncryptionAlgorithm=algorithm) == "InvalidCiphertextException"


@pytest.mark.parametrize("spec, algorithm, curve", CURVES[:3])
def test_a_shared_secret_is_that_of_another_library(kms, spec, algorithm, curve):
    key = new_key(kms, spec, "KEY_AGREEMENT")
    own = ec.generate_private_key(curve)
    public = own.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    derived = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)["SharedSecret"]
    assert derived == own.exchange(ec.ECDH(), public_key(kms, key))


def test_a_data_key_pair_is_read_by_another_library(kms, key):
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="RSA_2048")
    private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    assert isinstance(private, rsa.RSAPrivateKey)
    public = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert public == pair["PublicKey"]
    assert kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"] == pair["PrivateKeyPlaintext"]


def test_a_ciphertext_looks_like_awss_and_is_bound_to_its_context(kms, key):
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "1"})
    assert (len(made["CiphertextBlob"]), made["CiphertextBlob"][:5]) == (184, bytes([1, 2, 3, 0, 0x78]))
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "1"})
    assert opened["Plaintext"] == made["Plaintext"] and opened["KeyId"] == made["KeyId"]
    with pytest.raises(ClientError) as refused:
        kms.decrypt(CiphertextBlob=made["CiphertextBlob"])
    assert refused.value.response["Error"] == {"Code": "InvalidCiphertextException", "Message": ""}


def test_faults_are_written_as_aws_does(kms):
    with pytest.raises(kms.exceptions.NotFoundException) as refused:
        kms.describe_key(KeyId="134f2428-cec1-4b25-a1ae-9048164dba47")
    text = "Key 'arn:aws:kms:us-east-1:000000000000:key/134f2428-cec1-4b25-a1ae-9048164dba47' does not exist"
    assert refused.value.response["message"] == text
    with pytest.raises(ClientError) as refused:
        kms.encrypt(KeyId="x", Plaintext=b"x" * 4097)
    text = "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096"
    assert refused.value.response["Error"] == {"Code": "ValidationException", "Message": text}


def test_paginators_see_everything(kms, key):
    for number in range(5):
        kms.create_alias(AliasName=f"alias/page-{number}", TargetKeyId=key)
    pages = kms.get_paginator("list_aliases").paginate(KeyId=key, PaginationConfig={"PageSize": 2})
    names = [alias["AliasName"] for page in pages for alias in page["Aliases"]]
    assert names == [f"alias/page-{number}" for number in range(5)]
    listed = [one["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 3}) for one in page["Keys"]]
    assert key in listed and len(listed) == len(set(listed))


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, *actions):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*"}


@pytest.fixture(scope="module")
def bob(server):
    """A user who may do everything that identity policies can give, and his client."""
    iam = server.client("iam")
    arn = iam.create_user(UserName="kms-bob")["User"]["Arn"]
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}
    iam.put_user_policy(UserName="kms-bob", PolicyName="all", PolicyDocument=json.dumps(everything))
    made = iam.create_access_key(UserName="kms-bob")["AccessKey"]
    return arn, server.client("kms", made["AccessKeyId"], made["SecretAccessKey"])


def test_identity_policies_count_only_where_the_key_policy_names_the_account(kms, bob, key):
    arn, client = bob
    client.encrypt(KeyId=key, Plaintext=b"text")
    only_root = policy(
        {**allow("arn:aws:iam::000000000000:root", "kms:*"), "Condition": {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::000000000000:root"}}}
    )
    kms.put_key_policy(KeyId=key, Policy=only_root)
    assert code(client.encrypt, KeyId=key, Plaintext=b"text") == "AccessDeniedException"
    grant = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
    blob = client.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    assert code(client.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert code(client.encrypt, KeyId=key, Plaintext=b"text") == "AccessDeniedException"


def test_a_queue_fails_with_its_own_error_while_its_key_is_disabled(server, kms, sqs, key):
    queue = sqs.create_queue(QueueName="kms-queue", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="before")
    kms.disable_key(KeyId=key)
    assert code(sqs.send_message, QueueUrl=queue, MessageBody="x") == "KMS.DisabledException"
    assert code(sqs.receive_message, QueueUrl=queue) == "KMS.DisabledException"
    kms.enable_key(KeyId=key)
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "before"
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == "Decrypt"


def test_a_topic_fails_with_its_own_error_while_its_key_is_disabled(kms, sns, key):
    topic = sns.create_topic(Name="kms-topic", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    sns.publish(TopicArn=topic, Message="before")
    kms.disable_key(KeyId=key)
    assert code(sns.publish, TopicArn=topic, Message="x") == "KMSDisabled"
    kms.enable_key(KeyId=key)
    sns.publish(TopicArn=topic, Message="after")


def test_a_queue_with_the_aws_managed_key_works_and_makes_it(kms, sqs):
    queue = sqs.create_queue(QueueName="kms-managed", Attributes={"KmsMasterKeyId": "alias/aws/sqs"})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="text")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "text"
    metadata = kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    assert metadata["KeyManager"] == "AWS"
    assert code(kms.schedule_key_deletion, KeyId=metadata["KeyId"]) == "AccessDeniedException"


def test_time_deletes_and_rotates(start):
    server = start()
    kms = server.client("kms")
    doomed, rotated = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    old = kms.encrypt(KeyId=rotated, Plaintext=b"old")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
    kms.enable_key_rotation(KeyId=rotated, RotationPeriodInDays=90)
    server.advance(91 * DAY)
    server.request("POST", "/_cloudlet/settle")
    # What happened then stays so; and signatures are of this day again.
    server.reset_clock()
    listed = kms.list_keys()["Keys"]
    assert [key["KeyId"] for key in listed] == [rotated]
    assert [rotation["RotationType"] for rotation in kms.list_key_rotations(KeyId=rotated)["Rotations"]] == ["AUTOMATIC"]
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"


def test_what_was_encrypted_is_decrypted_after_a_kill(start, tmp_path):
    server = start("--data-dir", tmp_path / "data")
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    signing = new_key(kms, "ECC_NIST_P256", "SIGN_VERIFY")
    external = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    import_material(kms, external, os.urandom(32), "RSAES_OAEP_SHA_256")
    kms.create_alias(AliasName="alias/stays", TargetKeyId=key)
    blobs = [kms.encrypt(KeyId=one, Plaintext=b"text")["CiphertextBlob"] for one in (key, external)]
    kms.rotate_key_on_demand(KeyId=key)
    blobs.append(kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"])
    token = kms.create_grant(KeyId=key, GranteePrincipal="arn:aws:iam::000000000000:root", Operations=["Encrypt"])["GrantToken"]
    signature = kms.sign(KeyId=signing, Message=b"text", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    server.process.kill()
    server.process.wait()

    kms = start("--data-dir", tmp_path / "data").client("kms")
    assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in blobs] == [b"text"] * 3
    assert kms.verify(KeyId=signing, Message=b"text", Signature=signature, SigningAlgorithm="ECDSA_SHA_256")["SignatureValid"]
    assert kms.describe_key(KeyId="alias/stays")["KeyMetadata"]["KeyId"] == key
    assert len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 1
    kms.retire_grant(GrantToken=token)


def test_aws_cli(aws, tmp_path):
    key = aws.json("kms", "create-key", "--description", "of the cli")["KeyMetadata"]["KeyId"]
    aws("kms", "create-alias", "--alias-name", f"alias/{key}", "--target-key-id", key)
    made = aws.json("kms", "generate-data-key", "--key-id", f"alias/{key}", "--key-spec", "AES_256", "--encryption-context", "a=1")
    (tmp_path / "blob").write_bytes(base64.b64decode(made["CiphertextBlob"]))
    opened = aws.json("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path / 'blob'}", "--encryption-context", "a=1")
    assert opened["Plaintext"] == made["Plaintext"]


# ---- the AWS Encryption SDK


@pytest.mark.parametrize("suite", [None, AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY, AlgorithmSuite.AES_256_GCM_IV12_TAG16_HKDF_SHA256])
def test_the_encryption_sdk_encrypts_and_decrypts(server, kms, monkeypatch, suite):
    keys = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    policy = aws_encryption_sdk.CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    if suite is None or suite.is_committing():
        policy = aws_encryption_sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)
    plaintext, context = b"a secret" * 10_000, {"team": "red"}
    message, _ = client.encrypt(
        source=plaintext, key_provider=server.encryption_sdk_keys(monkeypatch, *keys), encryption_context=context, algorithm=suite,
    )
    # Each of the keys opens it alone.
    for key in keys:
        opened, header = client.decrypt(source=message, key_provider=server.encryption_sdk_keys(monkeypatch, key))
        assert opened == plaintext
        assert header.encryption_context.items() >= context.items()
    kms.disable_key(KeyId=keys[0])
    assert client.decrypt(source=message, key_provider=server.encryption_sdk_keys(monkeypatch, *keys))[0] == plaintext
    kms.disable_key(KeyId=keys[1])
    with pytest.raises(aws_encryption_sdk.exceptions.DecryptKeyError):
        client.decrypt(source=message, key_provider=server.encryption_sdk_keys(monkeypatch, *keys))


# ---- aws-cli


def test_aws_cli_encrypts_and_signs(aws, tmp_path):
    key = aws.json("kms", "create-key", "--description", "cli", "--tags", "TagKey=a,TagValue=1")["KeyMetadata"]["KeyId"]
    alias = f"alias/cli-v{aws.version}"
    aws("kms", "create-alias", "--alias-name", alias, "--target-key-id", key)
    (tmp_path / "plain").write_bytes(b"a secret")
    encrypted = aws.json("kms", "encrypt", "--key-id", alias, "--plaintext", f"fileb://{tmp_path / 'plain'}", "--encryption-context", "team=red")
    (tmp_path / "blob").write_bytes(base64.b64decode(encrypted["CiphertextBlob"]))
    decrypt = ["kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path / 'blob'}", "--encryption-context"]
    assert base64.b64decode(aws.json(*decrypt, "team=red")["Plaintext"]) == b"a secret"
    refused = aws.run(*decrypt, "team=blue")
    assert refused.returncode != 0 and "InvalidCiphertextException" in refused.stderr
    aws("kms", "enable-key-rotation", "--key-id", key)
    assert aws.json("kms", "get-key-rotation-status", "--key-id", key)["KeyRotationEnabled"]
    aws("kms", "disable-key", "--key-id", key)
    assert "DisabledException" in aws.run(*decrypt, "team=red").stderr
    signing = aws.json("kms", "create-key", "--key-spec", "ECC_NIST_P256", "--key-usage", "SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    message = ["--key-id", signing, "--message", f"fileb://{tmp_path / 'plain'}", "--signing-algorithm", "ECDSA_SHA_256"]
    (tmp_path / "signature").write_bytes(base64.b64decode(aws.json("kms", "sign", *message)["Signature"]))
    assert aws.json("kms", "verify", *message, "--signature", f"fileb://{tmp_path / 'signature'}")["SignatureValid"]
    assert alias in [entry["AliasName"] for entry in aws.json("kms", "list-aliases")["Aliases"]]
    aws("kms", "schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
    assert aws.json("kms", "describe-key", "--key-id", key)["KeyMetadata"]["KeyState"] == "PendingDeletion"

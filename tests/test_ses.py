"""SES with boto3 and aws-cli: both APIs, the sandbox, and the mailbox."""

import json
from email import message_from_string
from urllib.parse import quote, urlsplit

import pytest
from botocore.exceptions import ClientError

DAY = 24 * 60 * 60
FREE = ("--ses-sandbox", "off", "--ses-auto-verify", "all")


@pytest.fixture(scope="module")
def ses(server):
    return server.client("ses")


@pytest.fixture(scope="module")
def sesv2(server):
    return server.client("sesv2")


def error(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    found = refused.value.response["Error"]
    return found["Code"], found["Message"]


def mails(server, **selection):
    query = "&".join(f"{name}={value}" for name, value in selection.items())
    return server.admin(f"mailbox?{query}")["mail"]


def verify(server, ses, address):
    """Verifies an address as its owner does: by the link in the mail."""
    ses.verify_email_identity(EmailAddress=address)
    link = mails(server, to=address, service="ses", wait=5)[0]["links"][0]
    answer = server.request("GET", urlsplit(link).path)
    assert answer.status == 200
    assert address in answer.text


def send(ses, source, to, subject="hello", **more):
    message = {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>html</p>"}}}
    return ses.send_email(Source=source, Destination={"ToAddresses": to}, Message=message, **more)["MessageId"]


def test_an_address_is_verified_by_the_link_in_its_mail(server, ses, sesv2):
    ses.verify_email_identity(EmailAddress="link@example.com")
    attributes = ses.get_identity_verification_attributes(Identities=["link@example.com"])["VerificationAttributes"]
    assert attributes["link@example.com"]["VerificationStatus"] == "Pending"
    assert sesv2.get_email_identity(EmailIdentity="link@example.com")["VerifiedForSendingStatus"] is False
    verify(server, ses, "link@example.com")
    attributes = ses.get_identity_verification_attributes(Identities=["link@example.com"])["VerificationAttributes"]
    assert attributes["link@example.com"]["VerificationStatus"] == "Success"
    assert sesv2.get_email_identity(EmailIdentity="link@example.com")["VerificationStatus"] == "SUCCESS"
    assert server.request("GET", "/_cloudlet/mail-links/unknown").status == 404


def test_the_sandbox(start):
    # Without signatures, which are of the client's day.
    server = start("--auth", "off")
    ses, sesv2 = server.client("ses"), server.client("sesv2")
    verify(server, ses, "ann@example.com")
    unverified = error(send, ses=ses, source="ann@example.com", to=["bob@example.com"])
    names = "The following identities failed the check in region US-EAST-1: bob@example.com"
    assert unverified == ("MessageRejected", f"Email address is not verified. {names}")
    for _ in range(4):
        send(ses, "ann@example.com", ["ann@example.com"] * 50)
        server.advance(60)
    assert error(send, ses=ses, source="ann@example.com", to=["ann@example.com"]) == ("Throttling", "Daily message quota exceeded.")
    server.advance(DAY)
    send(ses, "ann@example.com", ["ann@example.com"])
    assert error(send, ses=ses, source="ann@example.com", to=["ann@example.com"]) == ("Throttling", "Maximum sending rate exceeded.")
    details = {"MailType": "TRANSACTIONAL", "WebsiteURL": "https://example.com", "ProductionAccessEnabled": True}
    sesv2.put_account_details(**details)
    assert sesv2.get_account()["Details"]["ReviewDetails"]["Status"] == "PENDING"
    assert error(sesv2.put_account_details, **details)[0] == "ConflictException"
    server.advance(DAY)
    assert sesv2.get_account()["ProductionAccessEnabled"] is True
    send(ses, "ann@example.com", ["bob@example.com"])


def test_a_mail_is_read_back(start):
    server = start("--ses-sandbox", "off", "--ses-auto-verify", "all")
    ses, sesv2 = server.client("ses"), server.client("sesv2")
    ses.verify_domain_identity(Domain="example.com")
    first = send(ses, "Ann <ann@example.com>", ["bob@other.com"], subject="Grüße", Tags=[{"Name": "kind", "Value": "test"}])
    found = mails(server, to="bob@other.com", search="gr%C3%BC")[0]
    assert (found["subject"], found["body"], found["html"]) == ("Grüße", "text", "<p>html</p>")
    shown = server.admin(f"mailbox/{found['number']}")
    assert [part["content_type"] for part in shown["parts"]] == ["multipart/alternative", "text/plain", "text/html"]
    message = message_from_string(server.request("GET", f"/_cloudlet/mailbox/{found['number']}/raw").text)
    assert message["Message-ID"] == f"<{first}@email.amazonses.com>"
    assert server.request("GET", f"/_cloudlet/mailbox/{found['number']}/parts/2").text == "<p>html</p>"

    raw = b"From: ann@example.com\r\nTo: carl@other.com\r\nBcc: dora@other.com\r\nX-SES-MESSAGE-TAGS: a=b\r\nSubject: raw\r\n\r\nbody\r\n"
    sesv2.send_email(Content={"Raw": {"Data": raw}})
    found = mails(server, to="dora@other.com")[0]
    assert found["to"] == ["carl@other.com", "dora@other.com"]
    text = server.request("GET", f"/_cloudlet/mailbox/{found['number']}/raw").text
    assert "Bcc" not in text and "X-SES" not in text

    sent = json.loads(server.request("GET", f"/_aws/ses?id={first}").body)["messages"]
    assert [(one["Subject"], one["Destination"]["ToAddresses"]) for one in sent] == [("Grüße", ["bob@other.com"])]
    # LocalStack shows what the sender had; what goes over the wire is signed.
    assert message.get("DKIM-Signature") and "DKIM-Signature" not in sent[0]["RawData"] and message.as_string().endswith(sent[0]["RawData"].split("\r\n\r\n", 1)[1][-40:].replace("\r\n", "\n"))
    assert server.request("DELETE", f"/_cloudlet/mailbox/{found['number']}").status == 200
    assert mails(server, to="dora@other.com") == []


def test_templates(start):
    server = start("--ses-sandbox", "off", "--ses-auto-verify", "all")
    ses, sesv2 = server.client("ses"), server.client("sesv2")
    ses.verify_email_identity(EmailAddress="ann@example.com")
    sesv2.create_email_template(TemplateName="t", TemplateContent={"Subject": "Hi {{name}}", "Text": "{{#each items}}{{this}}, {{/each}}"})
    assert ses.get_template(TemplateName="t")["Template"]["SubjectPart"] == "Hi {{name}}"
    missing = error(ses.test_render_template, TemplateName="t", TemplateData="{}")
    assert missing == ("MissingRenderingAttribute", "Attribute 'name' is not present in the rendering data.")
    rendered = sesv2.test_render_email_template(TemplateName="t", TemplateData='{"name": "Ann", "items": [1]}')["RenderedTemplate"]
    assert "Subject: Hi Ann" in rendered
    entries = [
        {"Destination": {"ToAddresses": ["a@b.com"]}, "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": '{"name": "A"}'}}},
        {"Destination": {"ToAddresses": ["wrong"]}},
    ]
    content = {"Template": {"TemplateName": "t", "TemplateData": '{"name": "you", "items": []}'}}
    answer = sesv2.send_bulk_email(FromEmailAddress="ann@example.com", DefaultContent=content, BulkEmailEntries=entries)
    assert [result["Status"] for result in answer["BulkEmailEntryResults"]] == ["SUCCESS", "INVALID_PARAMETER"]
    assert mails(server, to="a@b.com")[0]["subject"] == "Hi A"


def test_events_go_to_a_topic(start):
    server = start("--ses-sandbox", "off", "--ses-auto-verify", "all")
    ses, sns, sqs = server.client("ses"), server.client("sns"), server.client("sqs")
    ses.verify_email_identity(EmailAddress="ann@example.com")
    topic, url = sns.create_topic(Name="events")["TopicArn"], sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:events"
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    ses.create_configuration_set(ConfigurationSet={"Name": "set"})
    destination = {"Name": "d", "Enabled": True, "MatchingEventTypes": ["send", "renderingFailure"], "SNSDestination": {"TopicARN": topic}}
    ses.create_configuration_set_event_destination(ConfigurationSetName="set", EventDestination=destination)
    ses.create_template(Template={"TemplateName": "t", "SubjectPart": "{{x}}"})
    first = send(ses, "ann@example.com", ["bob@other.com"], ConfigurationSetName="set")
    to = {"ToAddresses": ["bob@other.com"]}
    second = ses.send_templated_email(Source="ann@example.com", Destination=to, Template="t", TemplateData="{}", ConfigurationSetName="set")
    bodies = []
    while len(bodies) < 3:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
        bodies += [json.loads(message["Body"])["Message"] for message in messages]
    # The topic is tried when the destination is created.
    bodies.remove("Successfully validated SNS topic for Amazon SES event publishing.")
    events = [json.loads(body) for body in bodies]
    told = {(event["eventType"], event["mail"]["messageId"]) for event in events}
    assert told == {("Send", first), ("Rendering Failure", second["MessageId"])}
    assert [mail for mail in mails(server, to="bob@other.com") if mail["subject"] == ""] == []


def test_what_is_not_built_says_so(sesv2):
    with pytest.raises(ClientError) as refused:
        sesv2.create_dedicated_ip_pool(PoolName="x")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_aws_cli(aws, server, ses):
    verify(server, ses, f"cli{aws.version}@example.com")
    address = f"cli{aws.version}@example.com"
    server.advance(60)
    sent = aws.json("ses", "send-email", "--from", address, "--to", address, "--subject", "cli", "--text", "hello")
    assert sent["MessageId"].startswith("0100")
    assert mails(server, to=address)[0]["subject"] == "cli"
    assert aws.json("sesv2", "get-email-identity", "--email-identity", address)["VerifiedForSendingStatus"] is True
    # Older clients ask for it elsewhere.
    assert address in [one["IdentityName"] for one in aws.json("sesv2", "list-email-identities")["EmailIdentities"]]


def test_older_clients_find_what_has_moved(server, sesv2):
    names = ["old1", "old2", "old3"]
    for name in names:
        sesv2.create_configuration_set(ConfigurationSetName=name)
    seen, query = [], "PageSize=2"
    for _ in range(9):
        page = server.signed("GET", f"/v2/email/configuration-sets?{query}", service="ses").json
        assert len(page["ConfigurationSets"]) <= 2
        seen += page["ConfigurationSets"]
        if "NextToken" not in page:
            break
        query = f"NextToken={quote(page['NextToken'], safe='')}&PageSize=2"
    assert seen == sesv2.list_configuration_sets()["ConfigurationSets"] and set(names) <= set(seen)
    for path in ("identities", "import-jobs"):
        assert server.signed("GET", f"/v2/email/{path}", service="ses").status == 200
    assert server.signed("GET", "/v2/email/contact-lists/none/contacts?PageSize=1", service="ses").status == 404
    body = b'{"SigningAttributesOrigin":"AWS_SES"}'
    moved = server.signed("PUT", "/v1/email/identities/none.com/dkim/signing", service="ses", body=body)
    assert (moved.status, moved.json["message"]) == (404, "Email identity none.com does not exist.")


def test_tenants_send_apart_from_each_other(start):
    server = start(*FREE)
    ses = server.client("sesv2")
    for tenant, address in (("one", "one@example.com"), ("two", "two@example.com")):
        ses.create_email_identity(EmailIdentity=address)
        arn = ses.create_tenant(TenantName=tenant, Tags=[{"Key": "k", "Value": "v"}])["TenantArn"]
        identity = f"arn:aws:ses:us-east-1:000000000000:identity/{address}"
        ses.create_tenant_resource_association(TenantName=tenant, ResourceArn=identity)
        assert ses.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]

    def send(tenant, sender):
        content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
        return ses.send_email(FromEmailAddress=sender, Destination={"ToAddresses": ["bob@other.com"]}, Content=content, TenantName=tenant)

    send("one", "one@example.com")
    with pytest.raises(ses.exceptions.BadRequestException):
        send("one", "two@example.com")
    reference = ses.get_tenant(TenantName="two")["Tenant"]["TenantArn"]
    ses.update_reputation_entity_customer_managed_status(
        ReputationEntityType="RESOURCE", ReputationEntityReference=reference, SendingStatus="DISABLED")
    with pytest.raises(ses.exceptions.SendingPausedException):
        send("two", "two@example.com")
    send("one", "one@example.com")
    assert [one["TenantName"] for one in ses.list_tenants(Filter={"SENDING_STATUS": "DISABLED"})["Tenants"]] == ["two"]


def test_an_import_job_reads_a_file_that_ses_may_read(start):
    server = start(*FREE)
    ses, s3 = server.client("sesv2"), server.client("s3")
    s3.create_bucket(Bucket="lists")
    s3.put_object(Bucket="lists", Key="list.csv", Body="".join(f"a{number}@example.com,BOUNCE\n" for number in range(5000)) + "nobody\n")

    def job():
        source = {"S3Url": "s3://lists/list.csv", "DataFormat": "CSV"}
        destination = {"SuppressionListDestination": {"SuppressionListImportAction": "PUT"}}
        job = ses.create_import_job(ImportDestination=destination, ImportDataSource=source)["JobId"]
        server.request("POST", "/_cloudlet/settle")
        return ses.get_import_job(JobId=job)

    denied = job()
    assert denied["JobStatus"] == "FAILED" and "ErrorMessage" in denied["FailureInfo"]
    # As AWS's guide says.
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::lists/list.csv",
        "Condition": {"StringEquals": {"aws:Referer": "000000000000"}},
    }
    s3.put_bucket_policy(Bucket="lists", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    done = job()
    assert (done["JobStatus"], done["ProcessedRecordsCount"], done["FailedRecordsCount"]) == ("COMPLETED", 5001, 1)
    failed = server.request("GET", urlsplit(done["FailureInfo"]["FailedRecordsS3Url"]).path)
    assert "nobody" in failed.text
    assert ses.get_suppressed_destination(EmailAddress="a4999@example.com")["SuppressedDestination"]["Reason"] == "BOUNCE"

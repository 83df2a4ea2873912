"""What both APIs of SES refuse, in AWS's words: one store and one set of rules, each API with its own codes."""

import json

import pytest
from botocore.exceptions import ClientError

UNKNOWN = "Configuration set <none> does not exist."


@pytest.fixture(scope="module")
def clients(start):
    server = start("--ses-sandbox", "off", "--ses-auto-verify", "all")
    ses, sesv2 = server.client("ses"), server.client("sesv2", parameter_validation=False)
    ses.verify_domain_identity(Domain="example.com")
    ses.verify_email_identity(EmailAddress="ann@example.com")
    sesv2.create_configuration_set(ConfigurationSetName="set")
    sesv2.create_contact_list(ContactListName="list", Topics=[topic("news")])
    sesv2.create_contact(ContactListName="list", EmailAddress="bob@other.com")
    ses.create_receipt_rule_set(RuleSetName="rules")
    ses.create_template(Template={"TemplateName": "t", "SubjectPart": "s"})
    sesv2.create_email_identity_policy(EmailIdentity="example.com", PolicyName="known", Policy=policy())
    return {"ses": ses, "sesv2": sesv2}


def topic(name, display="d"):
    return {"TopicName": name, "DisplayName": display, "DefaultSubscriptionStatus": "OPT_IN"}


def policy(identity="example.com"):
    arn = f"arn:aws:ses:us-east-1:000000000000:identity/{identity}"
    statement = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "ses:SendEmail", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def destination(**more):
    return {"ConfigurationSetName": "set", "EventDestinationName": "d", "EventDestination": {"MatchingEventTypes": ["SEND"]} | more}


def v1_destination(**more):
    return {"ConfigurationSetName": "set", "EventDestination": {"Name": "d", "MatchingEventTypes": ["send"]} | more}


def bouncing(sender, code="550"):
    action = {"BounceAction": {"SmtpReplyCode": code, "Message": "m", "Sender": sender}}
    return {"RuleSetName": "rules", "Rule": {"Name": "r", "Actions": [action]}}


def raw(fields):
    return {"RawMessage": {"Data": f"From: ann@example.com\r\nTo: bob@other.com\r\n{fields}\r\n\r\nbody\r\n".encode()}}


TWO = {
    "SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:000000000000:t"},
    "EventBridgeDestination": {"EventBusArn": "arn:aws:events:us-east-1:000000000000:event-bus/default"},
}
ONE_ONLY = (
    "Please provide only one destination with each request. Either a Firehose Destination or a Cloudwatch Destination or an SNS Destination "
    "or an EventBridge Destination."
)
VERIFICATION = {
    "TemplateName": "v",
    "FromEmailAddress": "ann@example.com",
    "TemplateSubject": "s",
    "TemplateContent": "c",
    "SuccessRedirectionURL": "https://example.com",
    "FailureRedirectionURL": "https://example.com",
}
LONG = "x" * 65
INVALID, BAD, MISSING = "InvalidParameterValue", "BadRequestException", "NotFoundException"


@pytest.mark.parametrize(
    "api, operation, arguments, code, message",
    [
        # DKIM
        ("ses", "set_identity_dkim_enabled", {"Identity": "no.com", "DkimEnabled": True}, INVALID, "Domain no.com is not verified for DKIM signing."),
        ("sesv2", "put_email_identity_dkim_attributes", {"EmailIdentity": "a@no.com"}, BAD, "Domain no.com is not verified for DKIM signing."),
        (
            "sesv2",
            "put_email_identity_dkim_signing_attributes",
            {"EmailIdentity": "ann@example.com", "SigningAttributesOrigin": "AWS_SES"},
            BAD,
            "The EmailIdentity value must be a valid domain.",
        ),
        # MAIL FROM
        ("ses", "set_identity_mail_from_domain", {"Identity": "no.com", "MailFromDomain": "m.no.com"}, INVALID, "Identity <no.com> does not exist."),
        ("sesv2", "put_email_identity_mail_from_attributes", {"EmailIdentity": "no.com"}, BAD, "Identity <no.com> does not exist."),
        (
            "sesv2",
            "put_email_identity_mail_from_attributes",
            {"EmailIdentity": "example.com", "BehaviorOnMxFailure": "NONE"},
            BAD,
            "1 validation error detected: Value at 'behaviorOnMxFailure' failed to satisfy constraint: Member must satisfy enum value set: "
            "[USE_DEFAULT_VALUE, REJECT_MESSAGE]",
        ),
        # feedback
        (
            "ses",
            "set_identity_feedback_forwarding_enabled",
            {"Identity": "no.com", "ForwardingEnabled": True},
            INVALID,
            "Identity no.com is invalid. Must be a verified email address or domain.",
        ),
        (
            "ses",
            "set_identity_headers_in_notifications_enabled",
            {"Identity": "no.com", "NotificationType": "Bounce", "Enabled": True},
            "MessageRejected",
            "Identity no.com is not verified or does not exist.",
        ),
        # policies
        (
            "ses",
            "put_identity_policy",
            {"Identity": "example.com", "PolicyName": "a b", "Policy": policy()},
            INVALID,
            "PolicyName is invalid. Policy names must only include alpha-numeric characters, dashes, and underscores.",
        ),
        ("sesv2", "get_email_identity_policies", {"EmailIdentity": "no.com"}, MISSING, "Email identity <no.com> does not exist."),
        (
            "sesv2",
            "create_email_identity_policy",
            {"EmailIdentity": "example.com", "PolicyName": "known", "Policy": policy()},
            "AlreadyExistsException",
            "Policy <known> already exists",
        ),
        (
            "sesv2",
            "update_email_identity_policy",
            {"EmailIdentity": "example.com", "PolicyName": "unknown", "Policy": policy()},
            MISSING,
            "Policy <unknown> does not exist",
        ),
        # identities
        ("sesv2", "put_email_identity_configuration_set_attributes", {"EmailIdentity": "no.com"}, MISSING, "Identity <no.com> does not exist."),
        ("sesv2", "create_email_identity", {"EmailIdentity": "new.com", "ConfigurationSetName": "none"}, MISSING, UNKNOWN),
        ("sesv2", "get_email_identity", {"EmailIdentity": "new.com"}, MISSING, "Email identity new.com does not exist."),
        # configuration sets
        ("ses", "create_configuration_set_tracking_options", {"ConfigurationSetName": "none", "TrackingOptions": {"CustomRedirectDomain": "t.no.com"}},
         "InvalidTrackingOptions", "Domain <t.no.com> is not verified under this account."),
        ("ses", "create_configuration_set_tracking_options", {"ConfigurationSetName": "set", "TrackingOptions": {"CustomRedirectDomain": ""}},
         "InvalidTrackingOptions", "At least one field of TrackingOptions must contain a value."),
        ("ses", "delete_configuration_set_tracking_options", {"ConfigurationSetName": "set"},
         "TrackingOptionsDoesNotExistException", "There are no tracking options for configuration set <set>"),
        ("sesv2", "put_configuration_set_tracking_options", {"ConfigurationSetName": "set", "HttpsPolicy": "REQUIRE"},
         BAD, "CustomRedirectDomain must be specified."),
        ("sesv2", "put_configuration_set_delivery_options", {"ConfigurationSetName": "set", "SendingPoolName": "p"},
         BAD, "SendingPool <p> doesn't exist"),
        ("sesv2", "put_configuration_set_delivery_options", {"ConfigurationSetName": "set", "MaxDeliverySeconds": 299},
         BAD, "1 validation error detected: Value at 'maxDeliverySeconds' failed to satisfy constraint: Member must have value greater than or equal to 300"),
        ("ses", "put_configuration_set_delivery_options", {"ConfigurationSetName": "set", "DeliveryOptions": {"TlsPolicy": "require"}},
         "ValidationError", "1 validation error detected: Value at 'deliveryOptions.tlsPolicy' failed to satisfy constraint: Member must satisfy enum "
         "value set: [Require, Optional]"),
        # their destinations
        ("sesv2", "create_configuration_set_event_destination", destination(), BAD, "Event destination is not provided."),
        ("ses", "create_configuration_set_event_destination", v1_destination(), INVALID, "Event destination is not provided."),
        ("sesv2", "create_configuration_set_event_destination", destination(**TWO), BAD, ONE_ONLY),
        ("sesv2", "create_configuration_set_event_destination", destination(MatchingEventTypes=[]), BAD, "At least one event type must be specified."),
        ("sesv2", "create_configuration_set_event_destination", destination(CloudWatchDestination={"DimensionConfigurations": []}),
         BAD, "CloudWatch metrics dimension configuration list cannot be empty."),
        ("sesv2", "create_configuration_set_event_destination", destination() | {"EventDestinationName": "a b"},
         BAD, "Invalid event destination name <a b>: only alphanumeric ASCII characters, '_', and '-' are allowed."),
        ("sesv2", "create_configuration_set_event_destination", destination() | {"EventDestinationName": LONG},
         BAD, "Event destination name cannot exceed 64 characters."),
        # contact lists
        ("sesv2", "create_contact_list", {"ContactListName": "second"}, BAD, "A maximum of 1 Lists allowed per account."),
        ("sesv2", "create_contact_list", {"ContactListName": " "}, BAD, "ContactListName can't be blank."),
        ("sesv2", "create_contact_list", {"ContactListName": "a b"}, BAD,
         "ContactListName can contain up to 64 characters. Only alphanumeric characters, underscores(_) and hyphens(-) are allowed."),
        ("sesv2", "update_contact_list", {"ContactListName": "list", "Topics": [topic("a"), topic("a")]}, BAD,
         "Duplicate topic names are not allowed within a List."),
        ("sesv2", "create_contact", {"ContactListName": "list", "EmailAddress": "bob@other.com"}, "AlreadyExistsException", "bob@other.com already exists in List."),
        ("sesv2", "get_contact", {"ContactListName": "list", "EmailAddress": "x@other.com"}, MISSING, "x@other.com doesn't exist in List."),
        ("sesv2", "create_contact", {"ContactListName": "list", "EmailAddress": "x"}, BAD, "EmailAddress <x> is invalid"),
        ("sesv2", "create_contact",
         {"ContactListName": "list", "EmailAddress": "x@y.z", "TopicPreferences": [{"TopicName": "no", "SubscriptionStatus": "OPT_IN"}]},
         BAD, "List: list doesn't contain Topic: no"),
        # mails for verification
        ("ses", "create_custom_verification_email_template", VERIFICATION | {"FromEmailAddress": "a@no.com"},
         "FromEmailAddressNotVerified", "The from email address <a@no.com> is not verified"),
        ("sesv2", "create_custom_verification_email_template", VERIFICATION | {"SuccessRedirectionURL": "nowhere"},
         BAD, "The success redirection URL is invalid"),
        ("ses", "get_custom_verification_email_template", {"TemplateName": "no"},
         "CustomVerificationEmailTemplateDoesNotExist", "Custom verification email template <no> does not exist"),
        ("sesv2", "delete_custom_verification_email_template", {"TemplateName": "no"}, MISSING, "Custom verification email template <no> does not exist"),
        # templates, tags, suppressed addresses
        ("sesv2", "delete_email_template", {"TemplateName": "no"}, MISSING, "Template no does not exist."),
        ("sesv2", "list_tags_for_resource", {"ResourceArn": "arn:aws:ses:us-east-1:000000000000:configuration-set/no"},
         MISSING, "No ConfigurationSet present with name: no"),
        ("sesv2", "get_suppressed_destination", {"EmailAddress": "Foo@EXAMPLE.com"},
         MISSING, "Email address Foo@example.com does not exist on your suppression list."),
        # rule sets
        ("ses", "create_receipt_rule_set", {"RuleSetName": "a b"}, "ValidationError",
         "1 validation error detected: Value at 'ruleSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: "
         "^[a-zA-Z0-9_.-]+$"),
        ("ses", "create_receipt_rule_set", {"RuleSetName": "_a"}, INVALID, "Not a valid ruleSetName: _a"),
        ("ses", "create_receipt_rule", bouncing("mailer-daemon@no.com"), INVALID, "Identity is not verified: mailer-daemon@no.com"),
        ("ses", "create_receipt_rule", bouncing("a@example.com", "200"), INVALID, "Invalid SMTP reply code: 200"),
        # raw messages
        ("ses", "send_raw_email", raw("Subject: a\r\nsubject: b"), INVALID, "Duplicate header 'Subject'."),
        ("ses", "send_raw_email", raw("Message-Id: a\r\nMessage-ID: b"), INVALID, "Duplicate header 'Message-ID'."),
        ("sesv2", "send_email", {"Content": {"Raw": {"Data": raw("MIME-Version: 1.0\r\nMIME-Version: 1.0")["RawMessage"]["Data"]}}},
         BAD, "Duplicate header 'MIME-Version'."),
    ],
)
def test_refusals(clients, api, operation, arguments, code, message):
    with pytest.raises(ClientError) as refused:
        getattr(clients[api], operation)(**arguments)
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == (code, message)


def test_fields_that_may_stand_there_again(clients):
    clients["ses"].send_raw_email(**raw("Cc: carl@other.com\r\nCc: dora@other.com\r\nReceived: a\r\nReceived: b\r\nX-Own: a\r\nX-Own: b"))


def test_lists_have_pages_whose_tokens_are_of_one_list(clients):
    ses, sesv2 = clients["ses"], clients["sesv2"]
    for number in range(5):
        ses.create_configuration_set(ConfigurationSet={"Name": f"page{number}"})
    seen, token = [], None
    while True:
        page = sesv2.list_configuration_sets(PageSize=2, **({"NextToken": token} if token else {}))
        seen += page["ConfigurationSets"]
        token = page.get("NextToken")
        if token is None:
            break
        with pytest.raises(sesv2.exceptions.InvalidNextTokenException):
            sesv2.list_email_identities(NextToken=token)
        with pytest.raises(ClientError) as refused:
            ses.list_configuration_sets(NextToken=token)
        assert refused.value.response["Error"]["Code"] == INVALID
    assert seen == ["page0", "page1", "page2", "page3", "page4", "set"]
    assert [one["Name"] for one in ses.list_configuration_sets()["ConfigurationSets"]] == seen


def test_an_identity_is_shown_as_aws_shows_it(clients):
    ses, sesv2 = clients["ses"], clients["sesv2"]
    created = sesv2.create_email_identity(EmailIdentity="someone@elsewhere.com")
    del created["ResponseMetadata"]
    assert created == {"IdentityType": "EMAIL_ADDRESS", "VerifiedForSendingStatus": True}
    found = sesv2.get_email_identity(EmailIdentity="someone@elsewhere.com")
    assert found["DkimAttributes"] == {
        "SigningEnabled": False,
        "Status": "NOT_STARTED",
        "SigningAttributesOrigin": "AWS_SES",
        "NextSigningKeyLength": "RSA_1024_BIT",
    }
    assert (found["MailFromAttributes"], found["VerificationInfo"]) == ({"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}, {})
    attributes = ses.get_identity_mail_from_domain_attributes(Identities=["someone@elsewhere.com"])["MailFromDomainAttributes"]
    assert attributes == {"someone@elsewhere.com": {"BehaviorOnMXFailure": "UseDefaultValue"}}
    attributes = ses.get_identity_notification_attributes(Identities=["someone@elsewhere.com"])["NotificationAttributes"]
    assert "BounceTopic" not in attributes["someone@elsewhere.com"]
    # An address has the DKIM of its domain, and policies are shown without blanks.
    sesv2.create_email_identity(EmailIdentity="signed.org")
    sesv2.create_email_identity(EmailIdentity="a@signed.org")
    tokens = [sesv2.get_email_identity(EmailIdentity=name)["DkimAttributes"]["Tokens"] for name in ("signed.org", "a@signed.org")]
    assert tokens[0] == tokens[1]
    shown = sesv2.get_email_identity_policies(EmailIdentity="example.com")["Policies"]["known"]
    assert json.loads(shown) == json.loads(policy()) and "\n" not in shown

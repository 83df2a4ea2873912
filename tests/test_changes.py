"""Change Manager from the runbook to the run, calendars, OpsItems and maintenance windows, with aws-cli and boto3."""

import itertools
import json
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
HOUR = 3600
numbers = itertools.count(1)

TAG_RUNBOOK = {
    "schemaVersion": "0.3",
    "parameters": {"Queue": {"type": "String"}, "Owner": {"type": "String"}},
    "mainSteps": [
        {
            "name": "tag",
            "action": "aws:executeAwsApi",
            "inputs": {"Service": "sqs", "Api": "TagQueue", "QueueUrl": "{{ Queue }}", "Tags": {"owner": "{{ Owner }}"}},
        }
    ],
}


def template(runbook, *levels, **more):
    """A template whose levels are asked one after the other."""
    steps = [
        {
            "name": f"Level{number}",
            "action": "aws:approve",
            "timeoutSeconds": HOUR,
            "inputs": {"Message": "Please approve", "EnhancedApprovals": level},
        }
        for number, level in enumerate(levels, 1)
    ]
    return {"schemaVersion": "0.3", "templateInformation": "### Why", "executableRunBooks": [{"name": runbook}], "mainSteps": steps, **more}


def approver(name, kind="IamUser", least=1):
    return {"approver": name, "type": kind, "minRequiredApprovals": least}


def calendar(kind, *events):
    lines = ["BEGIN:VCALENDAR", "PRODID:-//AWS//Change Calendar 1.0//EN", "VERSION:2.0", f"X-CALENDAR-TYPE:{kind}", *events, "END:VCALENDAR", ""]
    return "\r\n".join(lines)


def error(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def ssm(server):
    return server.client("ssm")


@pytest.fixture
def person(server):
    """A new user who may do everything but what a policy denies: its name and its client of Systems Manager."""
    iam = server.client("iam")

    def person(deny=None, group=None):
        name = f"person-{next(numbers)}"
        iam.create_user(UserName=name)
        statements = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        if deny:
            statements.append(deny)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        if group:
            iam.add_user_to_group(GroupName=group, UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return name, server.client("ssm", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    return person


def settle(server, seconds=0):
    """Does what is due after some time. Clients sign with their own time, so that the clock is set back."""
    if seconds:
        server.advance(seconds)
    server.request("POST", "/_cloudlet/settle")
    server.reset_clock()


def status(ssm, execution):
    return ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]["AutomationExecutionStatus"]


def until(server, ssm, execution, wanted, after=0):
    """Moves the clock until a change has a status."""
    for more in range(0, 400, 20):
        settle(server, after + more)
        if (found := status(ssm, execution)) == wanted:
            return
    raise AssertionError(f"{found}, not {wanted}: {ssm.get_automation_execution(AutomationExecutionId=execution)}")


def document(ssm, kind, content, format="JSON"):
    name = f"document-{next(numbers)}"
    text = content if isinstance(content, str) else json.dumps(content)
    ssm.create_document(Name=name, DocumentType=kind, DocumentFormat=format, Content=text)
    return name


def approve_template(ssm, name):
    ssm.update_document_metadata(Name=name, DocumentVersion="1", DocumentReviews={"Action": "Approve", "Comment": [{"Type": "Comment", "Content": "good"}]})


def setting(ssm, name, value):
    ssm.update_service_setting(SettingId=f"/cloudlet/ssm/change-manager/{name}", SettingValue=value)


def tags(server, queue):
    return server.client("sqs").list_queue_tags(QueueUrl=queue).get("Tags", {})


def test_a_change_from_the_runbook_to_the_run(server, aws, ssm, sns, topic, queue, person, tmp_path):
    """The six steps, by aws-cli: runbook, template, its review, request, approvals, the run at its time."""
    publish = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": publish})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    address = f"approver-{next(numbers)}@example.com"
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    link = server.admin(f"mailbox?to={address}")["mail"][0]["links"][0]
    assert server.request("GET", link.removeprefix(server.url)).status == 200
    first, first_client = person()
    second, second_client = person()
    runbook, name = f"runbook-{next(numbers)}", f"template-{next(numbers)}"
    (tmp_path / "runbook.json").write_text(json.dumps(TAG_RUNBOOK))
    levels = [{"NotificationArn": topic, "Approvers": [approver(first)]}, {"Approvers": [approver(second)]}]
    (tmp_path / "template.json").write_text(json.dumps(template(runbook, *levels)))
    aws("ssm", "create-document", "--name", runbook, "--document-type", "Automation", "--content", f"file://{tmp_path}/runbook.json")
    aws("ssm", "create-document", "--name", name, "--document-type", "Automation.ChangeTemplate", "--content", f"file://{tmp_path}/template.json")
    described = aws.json("ssm", "describe-document", "--name", name)["Document"]
    assert (described["ReviewStatus"], described["PendingReviewVersion"]) == ("PENDING", "1")

    at = datetime.now(timezone.utc) + timedelta(hours=10)
    request = ["ssm", "start-change-request-execution", "--document-name", name, "--change-request-name", "tag it",
               "--scheduled-time", at.strftime("%Y-%m-%dT%H:%M:%SZ"),
               "--runbooks", json.dumps([{"DocumentName": runbook, "Parameters": {"Queue": [queue], "Owner": ["ops"]}}])]
    refused = aws.run(*request)
    assert "(AutomationDefinitionNotApprovedException)" in refused.stderr
    aws("ssm", "update-document-metadata", "--name", name, "--document-version", "1",
        "--document-reviews", json.dumps({"Action": "Approve", "Comment": [{"Type": "Comment", "Content": "good"}]}))
    history = aws.json("ssm", "list-document-metadata-history", "--name", name, "--metadata", "DocumentReviews")
    assert [answer["ReviewStatus"] for answer in history["Metadata"]["ReviewerResponse"]] == ["APPROVED"]

    execution = aws.json(*request)["AutomationExecutionId"]
    settle(server)
    mail = server.admin(f"mailbox?to={address}")["mail"][0]
    assert mail["subject"] == "Change request for approval: tag it" and execution in mail["body"]
    shown = aws.json("ssm", "get-automation-execution", "--automation-execution-id", execution)["AutomationExecution"]
    assert (shown["AutomationExecutionStatus"], shown["AutomationSubtype"], shown["ChangeRequestName"]) == ("PendingApproval", "ChangeRequest", "tag it")
    filters = [{"Key": "ChangeRequestByApproverName", "Values": [first], "Operator": "Equal"}]
    found = aws.json("ssm", "describe-ops-items", "--ops-item-filters", json.dumps(filters))["OpsItemSummaries"]
    assert [(item["Status"], item["OpsItemType"], item["Title"]) for item in found] == [("PendingApproval", "/aws/changerequest", "tag it")]

    signal = {"AutomationExecutionId": execution, "SignalType": "Approve", "Payload": {"Comment": ["yes"]}}
    assert error(second_client.send_automation_signal, **signal) == "InvalidAutomationSignalException"
    first_client.send_automation_signal(**signal)
    second_client.send_automation_signal(**signal)
    assert status(ssm, execution) == "Scheduled"
    assert tags(server, queue) == {}
    until(server, ssm, execution, "CompletedWithSuccess", after=11 * HOUR)
    assert tags(server, queue) == {"owner": "ops"}
    shown = ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]
    item = ssm.get_ops_item(OpsItemId=shown["OpsItemId"])["OpsItem"]
    assert item["Status"] == "CompletedWithSuccess" and item["ActualStartTime"] <= item["ActualEndTime"]
    child = next(step for step in shown["StepExecutions"] if step["Action"] == "aws:executeAutomation")["Outputs"]["ExecutionId"][0]
    assert status(ssm, child) == "Success"


def change(ssm, runbook, name, **more):
    return ssm.start_change_request_execution(DocumentName=name, Runbooks=[{"DocumentName": runbook, "Parameters": more.pop("Parameters", {})}], **more)[
        "AutomationExecutionId"
    ]


def test_groups_rejections_and_failures(server, ssm, queue, person):
    iam = server.client("iam")
    group = f"group-{next(numbers)}"
    iam.create_group(GroupName=group)
    one, two = person(group=group)[1], person(group=group)[1]
    runbook = document(ssm, "Automation", TAG_RUNBOOK)
    name = document(ssm, "Automation.ChangeTemplate", template(runbook, {"Approvers": [approver(group, "IamGroup", 2)]}))
    approve_template(ssm, name)
    parameters = {"Queue": [queue], "Owner": ["group"]}
    execution = change(ssm, runbook, name, Parameters=parameters)
    for client in [one, one]:
        client.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve")
    assert status(ssm, execution) == "PendingApproval"
    two.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve")
    until(server, ssm, execution, "CompletedWithSuccess")
    assert tags(server, queue) == {"owner": "group"}

    rejected = change(ssm, runbook, name, Parameters=parameters)
    one.send_automation_signal(AutomationExecutionId=rejected, SignalType="Reject")
    assert status(ssm, rejected) == "Rejected"
    assert error(two.send_automation_signal, AutomationExecutionId=rejected, SignalType="Approve") == "InvalidAutomationSignalException"

    failing = change(ssm, runbook, name, Parameters={"Queue": [queue + "-missing"], "Owner": ["x"]})
    for client in [one, two]:
        client.send_automation_signal(AutomationExecutionId=failing, SignalType="Approve")
    until(server, ssm, failing, "CompletedWithFailure")
    listed = ssm.describe_automation_executions(Filters=[{"Key": "AutomationSubtype", "Values": ["ChangeRequest"]}])["AutomationExecutionMetadataList"]
    assert {execution, rejected, failing} <= {entry["AutomationExecutionId"] for entry in listed}


def test_automatic_approval_is_a_permission(server, ssm, queue, person):
    runbook = document(ssm, "Automation", TAG_RUNBOOK)
    name = document(ssm, "Automation.ChangeTemplate", template(runbook, {"Approvers": [approver("somebody")]}, autoApprovable=True))
    approve_template(ssm, name)
    deny = {
        "Effect": "Deny",
        "Action": "ssm:StartChangeRequestExecution",
        "Resource": "*",
        "Condition": {"Bool": {"ssm:AutoApprove": "true"}},
    }
    bound, free = person(deny=deny)[1], person()[1]
    parameters = {"Queue": [queue], "Owner": ["auto"]}
    assert error(change, ssm=bound, runbook=runbook, name=name, AutoApprove=True, Parameters=parameters) == "AccessDeniedException"
    assert status(ssm, change(bound, runbook, name, Parameters=parameters)) == "PendingApproval"
    execution = change(free, runbook, name, AutoApprove=True, Parameters=parameters)
    until(server, ssm, execution, "CompletedWithSuccess")
    assert tags(server, queue) == {"owner": "auto"}


def test_a_closed_calendar(server, ssm, queue, person):
    manager, manager_client = person()
    runbook = document(ssm, "Automation", TAG_RUNBOOK)
    name = document(ssm, "Automation.ChangeTemplate", template(runbook, {"Approvers": [approver("x")]}, autoApprovable=True))
    approve_template(ssm, name)
    closed = document(ssm, "ChangeCalendar", calendar("DEFAULT_CLOSED"), "TEXT")
    state = ssm.get_calendar_state(CalendarNames=[closed])
    assert state["State"] == "CLOSED" and "NextTransitionTime" not in state
    event = ["BEGIN:VEVENT", "UID:1", "DTSTART;TZID=America/New_York:20300107T090000", "DURATION:PT8H", "RRULE:FREQ=WEEKLY;BYDAY=MO", "END:VEVENT"]
    weekly = document(ssm, "ChangeCalendar", calendar("DEFAULT_OPEN", *event), "TEXT")
    at = ssm.get_calendar_state(CalendarNames=[weekly], AtTime="2030-07-01T13:30:00Z")
    assert (at["State"], at["NextTransitionTime"]) == ("CLOSED", "2030-07-01T21:00:00Z")
    assert error(ssm.get_calendar_state, CalendarNames=[runbook]) == "InvalidDocumentType"
    setting(ssm, "calendar", closed)
    setting(ssm, "calendar-approvers", manager)
    try:
        execution = change(ssm, runbook, name, AutoApprove=True, Parameters={"Queue": [queue], "Owner": ["calendar"]})
        settle(server)
        assert status(ssm, execution) == "PendingChangeCalendarOverride"
        manager_client.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve")
        until(server, ssm, execution, "CompletedWithSuccess")
    finally:
        ssm.reset_service_setting(SettingId="/cloudlet/ssm/change-manager/calendar")


def test_ops_items_by_aws_cli(aws, ssm):
    created = aws.json("ssm", "create-ops-item", "--title", "disk", "--description", "full", "--source", "EC2", "--priority", "1",
                       "--tags", "Key=team,Value=a")
    item = created["OpsItemId"]
    assert created["OpsItemArn"].endswith(f":opsitem/{item}")
    aws("ssm", "update-ops-item", "--ops-item-id", item, "--status", "Resolved")
    got = aws.json("ssm", "get-ops-item", "--ops-item-id", item)["OpsItem"]
    assert (got["Status"], got["Version"], got["Title"]) == ("Resolved", "2", "disk")
    listed = aws.json("ssm", "list-tags-for-resource", "--resource-type", "OpsItem", "--resource-id", item)["TagList"]
    assert listed == [{"Key": "team", "Value": "a"}]
    # Newer than some aws-cli.
    ssm.delete_ops_item(OpsItemId=item)
    assert "(OpsItemNotFoundException)" in aws.run("ssm", "get-ops-item", "--ops-item-id", item).stderr


def test_a_maintenance_window_runs_an_automation(server, aws, ssm, queue):
    runbook = document(ssm, "Automation", TAG_RUNBOOK)
    window = aws.json("ssm", "create-maintenance-window", "--name", "nightly", "--schedule", "rate(6 hours)", "--duration", "2", "--cutoff", "1",
                      "--allow-unassociated-targets")["WindowId"]
    parameters = {"Automation": {"Parameters": {"Queue": [queue], "Owner": ["{{WINDOW_ID}}"]}}}
    aws("ssm", "register-task-with-maintenance-window", "--window-id", window, "--task-arn", runbook, "--task-type", "AUTOMATION",
        "--task-invocation-parameters", json.dumps(parameters))
    assert aws.json("ssm", "get-maintenance-window", "--window-id", window)["NextExecutionTime"].endswith("Z")
    for more in range(20, 400, 20):
        settle(server, 6 * HOUR + more)
        executions = ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]
        if executions and executions[-1]["Status"] not in ["PENDING", "IN_PROGRESS"]:
            break
    assert executions[-1]["Status"] == "SUCCESS", executions
    assert tags(server, queue) == {"owner": window}
    aws("ssm", "delete-maintenance-window", "--window-id", window)
    missing = aws.run("ssm", "get-maintenance-window", "--window-id", window).stderr
    assert f"(DoesNotExistException) when calling the GetMaintenanceWindow operation: Maintenance window {window} does not exist" in missing


def test_an_approval_and_a_wait_outlive_a_restart(start, tmp_path):
    first = start("--data-dir", str(tmp_path))
    ssm = first.client("ssm")
    iam = first.client("iam")
    iam.create_user(UserName="approver")
    iam.put_user_policy(
        UserName="approver",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ssm:SendAutomationSignal", "Resource": "*"}}),
    )
    key = iam.create_access_key(UserName="approver")["AccessKey"]
    queue = first.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    runbook = document(ssm, "Automation", TAG_RUNBOOK)
    name = document(ssm, "Automation.ChangeTemplate", template(runbook, {"Approvers": [approver("approver")]}, {"Approvers": [approver("approver")]}))
    approve_template(ssm, name)
    at = datetime.now(timezone.utc) + timedelta(hours=2)
    execution = change(ssm, runbook, name, ScheduledTime=at, Parameters={"Queue": [queue], "Owner": ["later"]})
    approve = {"AutomationExecutionId": execution, "SignalType": "Approve"}
    first.client("ssm", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).send_automation_signal(**approve)
    first.process.kill()
    first.process.wait()
    second = start("--data-dir", str(tmp_path))
    ssm = second.client("ssm")
    assert status(ssm, execution) == "PendingApproval"
    second.client("ssm", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).send_automation_signal(**approve)
    assert status(ssm, execution) == "Scheduled"
    second.process.kill()
    second.process.wait()
    third = start("--data-dir", str(tmp_path))
    until(third, third.client("ssm"), execution, "CompletedWithSuccess", after=3 * HOUR)
    assert third.client("sqs").list_queue_tags(QueueUrl=queue)["Tags"] == {"owner": "later"}

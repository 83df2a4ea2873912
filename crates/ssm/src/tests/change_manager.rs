//! The six steps of a change on a stopped clock: a runbook, a template, its approval, a request, its approval, the run.

use crate::{Options, service};
use cloudlet_api_iam::{Group, ListGroupsForUser, ListGroupsForUserRequest, ListGroupsForUserResponse};
use cloudlet_api_sns::{Publish, PublishInput, PublishResponse};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Account, Caller, Fault, Timestamp};
use cloudlet_cloud::Mode;
use cloudlet_engine::{Cx, Handle, NoWorkers, Permission, Permissions, Service};
use cloudlet_testing::{Builder, TestCloud, user};
use parking_lot::Mutex;
use std::sync::Arc;

/// `approver` and `second` are in the group `ops`. Notices are remembered.
#[derive(Default)]
struct Others {
    notices: Mutex<Vec<String>>,
}

impl Handle<ListGroupsForUser> for Others {
    fn permissions(&self, _: &Cx, _: &ListGroupsForUserRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }
    async fn handle(&self, _: &Cx, input: ListGroupsForUserRequest) -> Result<ListGroupsForUserResponse, Fault> {
        let group = Group { group_name: "ops".into(), arn: "arn:aws:iam::000000000000:group/ops".into(), ..Default::default() };
        let groups = if ["approver", "second"].contains(&input.user_name.as_str()) { vec![group] } else { vec![] };
        Ok(ListGroupsForUserResponse { groups, ..Default::default() })
    }
}

impl Handle<Publish> for Others {
    fn permissions(&self, _: &Cx, _: &PublishInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }
    async fn handle(&self, _: &Cx, input: PublishInput) -> Result<PublishResponse, Fault> {
        self.notices.lock().push(input.subject.unwrap_or_default());
        Ok(PublishResponse::default())
    }
}

struct Fixture {
    cloud: TestCloud,
    others: Arc<Others>,
}

fn builder(others: &Arc<Others>) -> Builder {
    let (iam, sns) = (others.clone(), others.clone());
    TestCloud::builder()
        .service(|parts| service(&parts.journal, Arc::new(NoWorkers), Options::default()))
        .service(move |_| Service::of(&cloudlet_api_iam::SERVICE, iam.clone()).handles::<ListGroupsForUser>().build())
        .service(move |_| Service::of(&cloudlet_api_sns::SERVICE, sns.clone()).handles::<Publish>().build())
        .start(Timestamp::parse_any("2026-11-29T11:00:00Z").unwrap())
        .mode(Mode::Off)
        .journaled()
}

const RUNBOOK: &str = r#"{"schemaVersion":"0.3","mainSteps":[{"name":"wait","action":"aws:sleep","inputs":{"Duration":"PT1S"}}]}"#;

fn template(more: &str, steps: &str) -> String {
    format!(
        r#"{{"schemaVersion":"0.3","templateInformation":"why",{more}"executableRunBooks":[{{"name":"runbook","version":"$DEFAULT"}}],"mainSteps":[{steps}]}}"#
    )
}

fn step(name: &str, least: usize, approvers: &str) -> String {
    format!(
        r#"{{"name":"{name}","action":"aws:approve","timeoutSeconds":3600,"inputs":{{"Message":"please","MinRequiredApprovals":{least},
            "EnhancedApprovals":{{"NotificationArn":"arn:aws:sns:us-east-1:000000000000:{name}","Approvers":[{approvers}]}}}}}}"#
    )
}

const APPROVER: &str = r#"{"approver":"approver","type":"IamUser","minRequiredApprovals":1}"#;
const OPS: &str = r#"{"approver":"ops","type":"IamGroup","minRequiredApprovals":0}"#;

fn person(name: &str) -> Caller {
    user(Account::default(), name)
}

impl Fixture {
    fn new() -> Fixture {
        let others = Arc::new(Others::default());
        Fixture { cloud: builder(&others).build(), others }
    }

    async fn document(&self, name: &str, kind: &str, content: String) -> Result<(), Fault> {
        let format = if kind == "ChangeCalendar" { "TEXT" } else { "JSON" };
        let input = CreateDocumentRequest {
            name: name.into(),
            document_type: Some(kind.into()),
            document_format: Some(format.into()),
            content,
            ..Default::default()
        };
        self.cloud.call_as::<CreateDocument>(person("author"), input).await.map(drop)
    }

    async fn review(&self, action: &str) -> Result<(), Fault> {
        let reviews = DocumentReviews { action: action.into(), ..Default::default() };
        let input = UpdateDocumentMetadataRequest { name: "template".into(), document_version: None, document_reviews: reviews };
        self.cloud.call_as::<UpdateDocumentMetadata>(person("reviewer"), input).await.map(drop)
    }

    /// A runbook, and a template that was approved.
    async fn prepared(template: String) -> Fixture {
        let fixture = Fixture::new();
        fixture.document("runbook", "Automation", RUNBOOK.into()).await.unwrap();
        fixture.document("template", "Automation.ChangeTemplate", template).await.unwrap();
        fixture.review("Approve").await.unwrap();
        fixture
    }

    async fn set(&self, name: &str, value: &str) {
        let input = UpdateServiceSettingRequest { setting_id: format!("/cloudlet/ssm/change-manager/{name}"), setting_value: value.into() };
        self.cloud.ok::<UpdateServiceSetting>(input).await;
    }

    async fn start(&self, input: StartChangeRequestExecutionRequest) -> Result<String, Fault> {
        let started = self.cloud.call_as::<StartChangeRequestExecution>(person("requester"), input).await?;
        Ok(started.automation_execution_id.unwrap())
    }

    async fn signal(&self, id: &str, who: &str, signal: &str) -> Result<(), Fault> {
        let input = SendAutomationSignalRequest { automation_execution_id: id.into(), signal_type: signal.into(), payload: None };
        self.cloud.call_as::<SendAutomationSignal>(person(who), input).await.map(drop)
    }

    async fn status(&self, id: &str) -> String {
        let input = GetAutomationExecutionRequest { automation_execution_id: id.into() };
        let execution = self.cloud.ok::<GetAutomationExecution>(input).await.automation_execution.unwrap();
        let item = GetOpsItemRequest { ops_item_id: execution.ops_item_id.unwrap(), ..Default::default() };
        let item = self.cloud.ok::<GetOpsItem>(item).await.ops_item.unwrap();
        assert_eq!((item.ops_item_type.as_deref(), &item.status), (Some("/aws/changerequest"), &execution.automation_execution_status));
        execution.automation_execution_status.unwrap()
    }

    async fn count(&self, key: &str, value: &str) -> usize {
        let filter = OpsItemFilter { key: key.into(), operator: "Equal".into(), values: vec![value.into()] };
        let input = DescribeOpsItemsRequest { ops_item_filters: Some(vec![filter]), ..Default::default() };
        self.cloud.ok::<DescribeOpsItems>(input).await.ops_item_summaries.unwrap().len()
    }
}

fn request() -> StartChangeRequestExecutionRequest {
    StartChangeRequestExecutionRequest {
        document_name: "template".into(),
        change_request_name: Some("change".into()),
        runbooks: vec![Runbook { document_name: "runbook".into(), ..Default::default() }],
        ..Default::default()
    }
}

fn at(text: &str) -> Option<Timestamp> {
    Timestamp::parse_any(text)
}

#[tokio::test]
async fn levels_are_asked_one_after_the_other_and_the_change_waits_for_its_time() {
    let fixture = Fixture::prepared(template("", &[step("one", 0, APPROVER), step("two", 2, OPS)].join(","))).await;
    let id = fixture.start(StartChangeRequestExecutionRequest { scheduled_time: at("2026-11-29T15:00:00Z"), ..request() }).await.unwrap();
    fixture.cloud.settle().await;
    assert_eq!(fixture.status(&id).await, "PendingApproval");
    assert_eq!(*fixture.others.notices.lock(), ["Change request for approval: change"]);
    for (key, value, count) in [
        ("OpsItemType", "/aws/changerequest", 1),
        ("ChangeRequestByRequesterName", "requester", 1),
        ("ChangeRequestByRequesterArn", "arn:aws:iam::000000000000:user/approver", 0),
        ("ChangeRequestByApproverArn", "arn:aws:iam::000000000000:user/approver", 1),
        ("ChangeRequestByApproverName", "ops", 1),
        ("ChangeRequestByTemplate", "template", 1),
    ] {
        assert_eq!(fixture.count(key, value).await, count, "{key} {value}");
    }
    assert_eq!(fixture.signal(&id, "second", "Approve").await.unwrap_err().name(), "InvalidAutomationSignalException");
    fixture.signal(&id, "approver", "Approve").await.unwrap();
    assert_eq!(fixture.signal(&id, "author", "Approve").await.unwrap_err().name(), "InvalidAutomationSignalException");
    fixture.signal(&id, "approver", "Approve").await.unwrap();
    fixture.signal(&id, "approver", "Approve").await.unwrap();
    assert_eq!(fixture.status(&id).await, "PendingApproval", "one person approves once");
    fixture.signal(&id, "second", "Approve").await.unwrap();
    assert_eq!(fixture.status(&id).await, "Scheduled");
    let restarted = Fixture { cloud: fixture.cloud.restart(), others: fixture.others };
    restarted.cloud.pass(4 * 3_600 - 1).await;
    assert_eq!(restarted.status(&id).await, "Scheduled");
    restarted.cloud.pass(1).await;
    assert_eq!(restarted.status(&id).await, "RunbookInProgress");
    restarted.cloud.pass(1).await;
    assert_eq!(restarted.status(&id).await, "CompletedWithSuccess");
    let shown = GetAutomationExecutionRequest { automation_execution_id: id.clone() };
    let shown = restarted.cloud.ok::<GetAutomationExecution>(shown).await.automation_execution.unwrap();
    let steps = shown.step_executions.unwrap();
    let seen: Vec<_> = steps.iter().map(|step| (step.step_name.as_deref().unwrap(), step.step_status.as_deref().unwrap())).collect();
    assert_eq!(seen, [("one", "Success"), ("two", "Success"), ("runbook", "Success")]);
    let child = steps[2].outputs.as_ref().unwrap()["ExecutionId"][0].clone();
    let child = restarted.cloud.ok::<GetAutomationExecution>(GetAutomationExecutionRequest { automation_execution_id: child }).await;
    let child = child.automation_execution.unwrap();
    assert_eq!((child.automation_execution_status.as_deref(), child.parent_automation_execution_id), (Some("Success"), Some(id)));
}

#[tokio::test]
async fn one_rejection_ends_it_and_time_and_revocations_do_too() {
    let fixture = Fixture::prepared(template("", &[step("one", 0, APPROVER), step("two", 1, OPS)].join(","))).await;
    let id = fixture.start(request()).await.unwrap();
    fixture.signal(&id, "approver", "Approve").await.unwrap();
    fixture.signal(&id, "second", "Reject").await.unwrap();
    assert_eq!(fixture.status(&id).await, "Rejected");
    assert_eq!(fixture.signal(&id, "approver", "Approve").await.unwrap_err().name(), "InvalidAutomationSignalException");
    let late = fixture.start(request()).await.unwrap();
    fixture.cloud.pass(3_600).await;
    assert_eq!(fixture.status(&late).await, "TimedOut");
    let scheduled = StartChangeRequestExecutionRequest { scheduled_time: at("2026-12-01T00:00:00Z"), ..request() };
    let revoked = fixture.start(scheduled.clone()).await.unwrap();
    assert_eq!(fixture.signal(&revoked, "approver", "Revoke").await.unwrap_err().name(), "InvalidAutomationSignalException");
    fixture.signal(&revoked, "approver", "Approve").await.unwrap();
    fixture.signal(&revoked, "second", "Approve").await.unwrap();
    assert_eq!(fixture.status(&revoked).await, "Scheduled");
    fixture.signal(&revoked, "second", "Revoke").await.unwrap();
    assert_eq!(fixture.status(&revoked).await, "Revoked");
    let stopped = fixture.start(scheduled).await.unwrap();
    fixture.cloud.ok::<StopAutomationExecution>(StopAutomationExecutionRequest { automation_execution_id: stopped.clone(), r#type: None }).await;
    assert_eq!(fixture.status(&stopped).await, "Cancelled");
}

#[tokio::test]
async fn a_template_is_reviewed_before_it_is_used() {
    let fixture = Fixture::new();
    fixture.document("runbook", "Automation", RUNBOOK.into()).await.unwrap();
    fixture.set("template-notification-topic", "arn:aws:sns:us-east-1:000000000000:reviewers").await;
    fixture.set("template-reviewers", "reviewer, ops").await;
    fixture.document("template", "Automation.ChangeTemplate", template("", &step("one", 0, APPROVER))).await.unwrap();
    fixture.cloud.settle().await;
    assert_eq!(*fixture.others.notices.lock(), ["Change template template waits for your review"]);
    assert_eq!(fixture.start(request()).await.unwrap_err().name(), "AutomationDefinitionNotApprovedException");
    let answer = |who: &str| {
        let reviews = DocumentReviews { action: "Approve".into(), ..Default::default() };
        let input = UpdateDocumentMetadataRequest { name: "template".into(), document_version: Some("1".into()), document_reviews: reviews };
        fixture.cloud.call_as::<UpdateDocumentMetadata>(person(who), input)
    };
    assert_eq!(answer("author").await.unwrap_err().name(), "InvalidDocumentOperation");
    fixture.review("Reject").await.unwrap();
    assert_eq!(fixture.start(request()).await.unwrap_err().name(), "AutomationDefinitionNotApprovedException");
    fixture.review("SendForReview").await.unwrap();
    answer("second").await.unwrap();
    fixture.start(request()).await.unwrap();
    // Without the option, and for those who need not wait.
    let fixture = Fixture::new();
    fixture.document("runbook", "Automation", RUNBOOK.into()).await.unwrap();
    fixture.document("template", "Automation.ChangeTemplate", template("", &step("one", 0, APPROVER))).await.unwrap();
    fixture.set("require-template-approval", "false").await;
    fixture.start(request()).await.unwrap();
    fixture.set("require-template-approval", "true").await;
    fixture.set("template-approval-bypass", "author").await;
    fixture.document("other", "Automation.ChangeTemplate", template("", &step("one", 0, APPROVER))).await.unwrap();
    fixture.start(StartChangeRequestExecutionRequest { document_name: "other".into(), ..request() }).await.unwrap();
}

#[tokio::test]
async fn what_is_refused() {
    let fixture = Fixture::prepared(template("", &step("one", 0, APPROVER))).await;
    fixture.document("forbidden", "Automation", RUNBOOK.into()).await.unwrap();
    let runbook = |name: &str, version: Option<&str>| {
        vec![Runbook { document_name: name.into(), document_version: version.map(Into::into), ..Default::default() }]
    };
    let parameters = [("Nothing".to_owned(), vec!["x".to_owned()])].into_iter().collect();
    for (input, name) in [
        (StartChangeRequestExecutionRequest { document_name: "missing".into(), ..request() }, "AutomationDefinitionNotFoundException"),
        (StartChangeRequestExecutionRequest { document_version: Some("7".into()), ..request() }, "AutomationDefinitionVersionNotFoundException"),
        (StartChangeRequestExecutionRequest { document_name: "runbook".into(), ..request() }, "InvalidAutomationExecutionParametersException"),
        (StartChangeRequestExecutionRequest { runbooks: runbook("missing", None), ..request() }, "AutomationDefinitionNotFoundException"),
        (StartChangeRequestExecutionRequest { runbooks: runbook("runbook", Some("7")), ..request() }, "AutomationDefinitionVersionNotFoundException"),
        (StartChangeRequestExecutionRequest { runbooks: runbook("forbidden", None), ..request() }, "InvalidAutomationExecutionParametersException"),
        (StartChangeRequestExecutionRequest { parameters: Some(parameters), ..request() }, "InvalidAutomationExecutionParametersException"),
        (StartChangeRequestExecutionRequest { auto_approve: Some(true), ..request() }, "InvalidAutomationExecutionParametersException"),
        (
            StartChangeRequestExecutionRequest { scheduled_time: at("2026-11-29T10:00:00Z"), ..request() },
            "InvalidAutomationExecutionParametersException",
        ),
        (
            StartChangeRequestExecutionRequest {
                scheduled_time: at("2026-12-01T00:00:00Z"),
                scheduled_end_time: at("2026-11-30T00:00:00Z"),
                ..request()
            },
            "InvalidAutomationExecutionParametersException",
        ),
    ] {
        assert_eq!(fixture.start(input).await.unwrap_err().name(), name);
    }
    let token = StartChangeRequestExecutionRequest { client_token: Some("6ba7b810-9dad-11d1-80b4-00c04fd430c8".into()), ..request() };
    let id = fixture.start(token.clone()).await.unwrap();
    assert_eq!(fixture.start(token.clone()).await.unwrap(), id);
    let other = StartChangeRequestExecutionRequest { change_request_name: Some("other".into()), ..token };
    assert_eq!(fixture.start(other).await.unwrap_err().name(), "IdempotentParameterMismatch");
    for content in [
        r#"{"schemaVersion":"0.3"}"#.to_owned(),
        template("", r#"{"name":"a","action":"aws:sleep","inputs":{}}"#),
        template("", r#"{"name":"a","action":"aws:approve","inputs":{"Approvers":["x"]}}"#),
        template("", &step("a", 0, r#"{"approver":"x","type":"Other"}"#)),
        template("", &step("a", 0, &[APPROVER; 6].join(","))),
        template("", &["a", "b", "c", "d", "e", "f"].map(|name| step(name, 0, APPROVER)).join(",")),
        template(r#""emergencyChange":"perhaps","#, &step("a", 0, APPROVER)),
    ] {
        let refused = fixture.document("refused", "Automation.ChangeTemplate", content.clone()).await;
        assert_eq!(refused.unwrap_err().name(), "InvalidDocumentContent", "{content}");
    }
}

fn calendar(kind: &str, events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:{kind}\r\n{events}END:VCALENDAR\r\n")
}

const FREEZE: &str = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261129T100000Z\r\nDTEND:20261129T180000Z\r\nSUMMARY:Freeze\r\nEND:VEVENT\r\n";

#[tokio::test]
async fn a_closed_calendar_holds_a_change_back() {
    let fixture = Fixture::prepared(template(r#""autoApprovable":true,"#, &step("one", 0, APPROVER))).await;
    fixture.document("calendar", "ChangeCalendar", calendar("DEFAULT_OPEN", FREEZE)).await.unwrap();
    fixture.set("calendar", "calendar").await;
    fixture.set("calendar-approvers", "manager").await;
    fixture.set("calendar-notification-topic", "arn:aws:sns:us-east-1:000000000000:freeze").await;
    let automatic = || StartChangeRequestExecutionRequest { auto_approve: Some(true), ..request() };
    let ended = ["RunbookInProgress", "CompletedWithSuccess", "CompletedWithFailure"];
    let waits = fixture.start(automatic()).await.unwrap();
    let (overridden, refused) = (fixture.start(automatic()).await.unwrap(), fixture.start(automatic()).await.unwrap());
    fixture.cloud.settle().await;
    assert_eq!(fixture.status(&waits).await, "PendingChangeCalendarOverride");
    assert_eq!(fixture.others.notices.lock().len(), 3);
    assert_eq!(fixture.signal(&overridden, "approver", "Approve").await.unwrap_err().name(), "InvalidAutomationSignalException");
    fixture.signal(&overridden, "manager", "Approve").await.unwrap();
    fixture.signal(&refused, "manager", "Reject").await.unwrap();
    fixture.cloud.settle().await;
    assert!(ended.contains(&fixture.status(&overridden).await.as_str()));
    assert_eq!(fixture.status(&refused).await, "ChangeCalendarOverrideRejected");
    fixture.cloud.pass(7 * 3_600 - 1).await;
    assert_eq!(fixture.status(&waits).await, "PendingChangeCalendarOverride");
    fixture.cloud.pass(1).await;
    assert!(ended.contains(&fixture.status(&waits).await.as_str()), "the calendar is open");
    // An emergency does not ask.
    let fixture = Fixture::prepared(template(r#""autoApprovable":true,"emergencyChange":true,"#, &step("one", 0, APPROVER))).await;
    fixture.document("calendar", "ChangeCalendar", calendar("DEFAULT_CLOSED", "")).await.unwrap();
    fixture.set("calendar", "calendar").await;
    let id = fixture.start(automatic()).await.unwrap();
    fixture.cloud.settle().await;
    assert!(ended.contains(&fixture.status(&id).await.as_str()));
}

#[tokio::test]
async fn the_state_of_calendars() {
    let fixture = Fixture::new();
    fixture.document("open", "ChangeCalendar", calendar("DEFAULT_OPEN", FREEZE)).await.unwrap();
    fixture.document("closed", "ChangeCalendar", calendar("DEFAULT_CLOSED", "")).await.unwrap();
    fixture.document("runbook", "Automation", RUNBOOK.into()).await.unwrap();
    let state = |names: &[&str], at: Option<&str>| GetCalendarStateRequest {
        calendar_names: names.iter().map(|name| (*name).to_owned()).collect(),
        at_time: at.map(Into::into),
    };
    let now = fixture.cloud.ok::<GetCalendarState>(state(&["open"], None)).await;
    assert_eq!(
        (now.state.as_deref(), now.at_time.as_deref(), now.next_transition_time.as_deref()),
        (Some("CLOSED"), Some("2026-11-29T11:00:00Z"), Some("2026-11-29T18:00:00Z"))
    );
    let later = fixture.cloud.ok::<GetCalendarState>(state(&["open"], Some("2026-11-30T00:00:00Z"))).await;
    assert_eq!((later.state.as_deref(), later.next_transition_time), (Some("OPEN"), None));
    let both = fixture.cloud.ok::<GetCalendarState>(state(&["open", "closed"], Some("2026-11-30T00:00:00Z"))).await;
    assert_eq!(both.state.as_deref(), Some("CLOSED"));
    assert_eq!(fixture.cloud.expect_fault::<GetCalendarState>(state(&["missing"], None)).await.name(), "InvalidDocument");
    assert_eq!(fixture.cloud.expect_fault::<GetCalendarState>(state(&["runbook"], None)).await.name(), "InvalidDocumentType");
    let broken = fixture.document("broken", "ChangeCalendar", calendar("SOMETIMES", "")).await;
    assert_eq!(broken.unwrap_err().name(), "InvalidDocumentContent");
}

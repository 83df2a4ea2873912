//! Documents: versions, formats, sharing, reviews, and those of AWS.

use super::fixture::*;
use cloudlet_api_ssm::*;
use cloudlet_testing::other_account;

const COMMAND: &str = r#"{"schemaVersion":"2.2","description":"d","parameters":{"name":{"type":"String","default":"x"}},"mainSteps":[{"action":"aws:runShellScript","name":"run","inputs":{"runCommand":["echo {{ name }}"]}}]}"#;
const ARN: &str = "arn:aws:ssm:us-east-1:000000000000:document/doc";

fn create(name: &str) -> CreateDocumentRequest {
    CreateDocumentRequest { name: name.into(), content: COMMAND.into(), document_type: Some("Command".into()), ..Default::default() }
}

fn update(content: &str) -> UpdateDocumentRequest {
    UpdateDocumentRequest { name: "doc".into(), content: content.into(), document_version: Some("$LATEST".into()), ..Default::default() }
}

fn other(text: &str) -> String {
    COMMAND.replace("\"d\"", &format!("\"{text}\""))
}

fn get(name: &str) -> GetDocumentRequest {
    GetDocumentRequest { name: name.into(), ..Default::default() }
}

async fn names_of(cloud: &TestCloud, key: &str, value: &str) -> Vec<String> {
    let filter = DocumentKeyValuesFilter { key: Some(key.into()), values: Some(vec![value.into()]) };
    let input = ListDocumentsRequest { filters: Some(vec![filter]), ..Default::default() };
    cloud.ok::<ListDocuments>(input).await.document_identifiers.unwrap().into_iter().map(|document| document.name.unwrap()).collect()
}

#[tokio::test]
async fn versions_are_made_named_chosen_and_deleted() {
    let cloud = TestCloud::new();
    let made = cloud.ok::<CreateDocument>(create("doc")).await.document_description.unwrap();
    assert_eq!((made.status.as_deref(), made.document_version.as_deref()), (Some("Creating"), Some("1")));
    assert_eq!(made.platform_types.unwrap(), ["Linux", "MacOS"]);
    assert_eq!(made.parameters.unwrap()[0].default_value.as_deref(), Some("x"));
    assert_eq!(said(&cloud.expect_fault::<CreateDocument>(create("doc")).await).1, "Document with same name doc already exists");
    assert_eq!(cloud.expect_fault::<UpdateDocument>(update(COMMAND)).await.name(), "DuplicateDocumentContent");
    let named = UpdateDocumentRequest { version_name: Some("two".into()), ..update(&other("e")) };
    let updated = cloud.ok::<UpdateDocument>(named.clone()).await.document_description.unwrap();
    assert_eq!((updated.latest_version.as_deref(), updated.default_version.as_deref()), (Some("2"), Some("1")));
    let again = UpdateDocumentRequest { content: other("f"), ..named };
    assert_eq!(cloud.expect_fault::<UpdateDocument>(again).await.name(), "DuplicateDocumentVersionName");
    let stale = UpdateDocumentRequest { document_version: Some("1".into()), ..update(&other("f")) };
    assert_eq!(cloud.expect_fault::<UpdateDocument>(stale).await.name(), "InvalidDocumentVersion");

    let version = |version: &str| GetDocumentRequest { document_version: Some(version.into()), ..get("doc") };
    assert_eq!(cloud.ok::<GetDocument>(get("doc")).await.content.unwrap(), COMMAND);
    assert_eq!(cloud.ok::<GetDocument>(version("$LATEST")).await.content.unwrap(), other("e"));
    let by_name = GetDocumentRequest { version_name: Some("two".into()), ..get("doc") };
    assert_eq!(cloud.ok::<GetDocument>(by_name).await.document_version.as_deref(), Some("2"));
    assert_eq!(cloud.expect_fault::<GetDocument>(version("7")).await.name(), "InvalidDocumentVersion");

    let default = UpdateDocumentDefaultVersionRequest { name: "doc".into(), document_version: "2".into() };
    cloud.ok::<UpdateDocumentDefaultVersion>(default).await;
    let delete =
        |version: Option<&str>| DeleteDocumentRequest { name: "doc".into(), document_version: version.map(Into::into), ..Default::default() };
    assert_eq!(cloud.expect_fault::<DeleteDocument>(delete(Some("2"))).await.message(), "Default version of the document can't be deleted.");
    cloud.ok::<DeleteDocument>(delete(Some("1"))).await;
    let listed = cloud.ok::<ListDocumentVersions>(ListDocumentVersionsRequest { name: "doc".into(), ..Default::default() }).await;
    let listed = listed.document_versions.unwrap();
    assert_eq!((listed.len(), listed[0].is_default_version), (1, Some(true)));
    cloud.ok::<DeleteDocument>(delete(None)).await;
    assert_eq!(said(&cloud.expect_fault::<GetDocument>(get("doc")).await).1, "Document with name doc does not exist.");
}

#[tokio::test]
async fn a_document_is_written_in_the_other_format() {
    let cloud = TestCloud::new();
    let yaml = "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: run\n  inputs:\n    runCommand:\n    - ls\n";
    let input = CreateDocumentRequest { content: yaml.into(), document_format: Some("YAML".into()), ..create("doc") };
    cloud.ok::<CreateDocument>(input).await;
    let json = cloud.ok::<GetDocument>(get("doc")).await;
    assert_eq!(json.document_format.as_deref(), Some("JSON"));
    let value: serde_json::Value = serde_json::from_str(&json.content.unwrap()).unwrap();
    assert_eq!(value["mainSteps"][0]["name"], "run");
    let same = GetDocumentRequest { document_format: Some("YAML".into()), ..get("doc") };
    assert_eq!(cloud.ok::<GetDocument>(same).await.content.unwrap(), yaml);
    let calendar = CreateDocumentRequest {
        content: "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:DEFAULT_OPEN\r\nEND:VCALENDAR\r\n"
            .into(),
        document_type: Some("ChangeCalendar".into()),
        document_format: Some("TEXT".into()),
        ..create("calendar")
    };
    cloud.ok::<CreateDocument>(calendar).await;
    assert_eq!(
        said(&cloud.expect_fault::<GetDocument>(get("calendar")).await),
        ("ValidationException".into(), "Invalid document format JSON".into())
    );
}

#[tokio::test]
async fn content_is_refused_with_the_reason() {
    let cloud = TestCloud::new();
    let refused = async |content: &str, kind: &str| {
        let input = CreateDocumentRequest { content: content.into(), document_type: Some(kind.into()), ..create("doc") };
        said(&cloud.expect_fault::<CreateDocument>(input).await)
    };
    assert_eq!(refused("https://x", "Command").await.1, "JSON not well-formed. at Line: 1, Column: 1");
    assert_eq!(
        refused(r#"{"schemaVersion":"2.0"}"#, "Session").await,
        ("InvalidDocumentSchemaVersion".into(), "2.0 is not a valid schema version for Session document type".into())
    );
    assert_eq!(refused(&" ".repeat(70_000), "Command").await.0, "MaxDocumentSizeExceeded");
    assert_eq!(cloud.expect_fault::<CreateDocument>(create("aws-mine")).await.name(), "ValidationException");
}

#[tokio::test]
async fn a_document_is_shared_with_others_by_its_arn() {
    let cloud = TestCloud::new();
    cloud.ok::<CreateDocument>(create("doc")).await;
    cloud.ok::<UpdateDocument>(update(&other("e"))).await;
    assert_eq!(cloud.expect_fault_as::<GetDocument>(other_account(), get(ARN)).await.name(), "AccessDeniedException");
    let share = |add: &[&str], remove: &[&str]| ModifyDocumentPermissionRequest {
        name: "doc".into(),
        permission_type: "Share".into(),
        account_ids_to_add: Some(add.iter().map(|id| (*id).to_owned()).collect()),
        account_ids_to_remove: Some(remove.iter().map(|id| (*id).to_owned()).collect()),
        ..Default::default()
    };
    cloud.ok::<ModifyDocumentPermission>(share(&["All"], &[])).await;
    let seen = cloud.call_as::<GetDocument>(other_account(), get(ARN)).await.unwrap();
    assert_eq!((seen.name.as_deref(), seen.document_version.as_deref()), (Some(ARN), Some("1")));
    let latest = GetDocumentRequest { document_version: Some("2".into()), ..get(ARN) };
    assert_eq!(cloud.expect_fault_as::<GetDocument>(other_account(), latest).await.name(), "InvalidDocumentVersion");
    let described = DescribeDocumentPermissionRequest { name: "doc".into(), permission_type: "Share".into(), ..Default::default() };
    assert_eq!(cloud.ok::<DescribeDocumentPermission>(described).await.account_ids.unwrap(), ["all"]);
    let delete = DeleteDocumentRequest { name: "doc".into(), ..Default::default() };
    assert_eq!(cloud.expect_fault::<DeleteDocument>(delete.clone()).await.name(), "InvalidDocumentOperation");
    cloud.ok::<ModifyDocumentPermission>(share(&[], &["all"])).await;
    cloud.ok::<DeleteDocument>(delete).await;
}

#[tokio::test]
async fn documents_of_aws_are_there_and_found_by_filters() {
    let cloud = TestCloud::new();
    cloud.ok::<CreateDocument>(CreateDocumentRequest { tags: Some(vec![Tag { key: "a".into(), value: "b".into() }]), ..create("AAA-doc") }).await;
    let shell = cloud.ok::<GetDocument>(get("AWS-RunShellScript")).await;
    assert_eq!(shell.document_type.as_deref(), Some("Command"));
    assert!(shell.content.unwrap().contains("0.aws:runShellScript"));
    assert!(cloud.call::<GetDocument>(get("arn:aws:ssm:us-east-1::document/AWS-RunShellScript")).await.is_ok());
    let described = DescribeDocumentRequest { name: "AWS-StartPortForwardingSession".into(), ..Default::default() };
    let described = cloud.ok::<DescribeDocument>(described).await.document.unwrap();
    assert_eq!((described.owner.as_deref(), described.document_type.as_deref()), (Some("Amazon"), Some("Session")));
    assert_eq!(names_of(&cloud, "Owner", "Self").await, ["AAA-doc"]);
    assert_eq!(names_of(&cloud, "tag:a", "b").await, ["AAA-doc"]);
    assert!(names_of(&cloud, "DocumentType", "Session").await.contains(&"AWS-StartSSHSession".to_owned()));
    assert_eq!(names_of(&cloud, "Name", "AWS-HelloWorld").await, ["AWS-HelloWorld", "AWS-HelloWorldChangeTemplate"]);
    let delete = DeleteDocumentRequest { name: "AWS-RunShellScript".into(), ..Default::default() };
    assert_eq!(cloud.expect_fault::<DeleteDocument>(delete).await.name(), "InvalidDocument");
    let mut token = None;
    let mut all = 0;
    loop {
        let input = ListDocumentsRequest { max_results: Some(10), next_token: token, ..Default::default() };
        let page = cloud.ok::<ListDocuments>(input).await;
        all += page.document_identifiers.unwrap().len();
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(all, 23);
}

#[tokio::test]
async fn a_change_template_is_reviewed_and_all_survives_a_restart() {
    let cloud = TestCloud::journaled();
    let template = r#"{"schemaVersion":"0.3","description":"d","autoApprovable":true,"executableRunBooks":[{"name":"AWS-HelloWorld","version":"1"}],"mainSteps":[]}"#;
    let input = CreateDocumentRequest { content: template.into(), document_type: Some("Automation.ChangeTemplate".into()), ..create("template") };
    let made = cloud.ok::<CreateDocument>(input).await.document_description.unwrap();
    assert_eq!((made.review_status.as_deref(), made.pending_review_version.as_deref()), (Some("PENDING"), Some("1")));
    let review = |action: &str| UpdateDocumentMetadataRequest {
        name: "template".into(),
        document_version: None,
        document_reviews: DocumentReviews {
            action: action.into(),
            comment: Some(vec![DocumentReviewCommentSource { r#type: Some("Comment".into()), content: Some("fine".into()) }]),
        },
    };
    cloud.ok::<UpdateDocumentMetadata>(review("Approve")).await;
    assert_eq!(cloud.expect_fault::<UpdateDocumentMetadata>(review("Reject")).await.name(), "InvalidDocumentOperation");
    let add = AddTagsToResourceRequest {
        resource_type: "Document".into(),
        resource_id: "template".into(),
        tags: vec![Tag { key: "k".into(), value: "v".into() }],
    };
    cloud.ok::<AddTagsToResource>(add).await;

    let again = TestCloud { cloud: cloud.restart(), kms: cloud.kms.clone() };
    let described = DescribeDocumentRequest { name: "template".into(), ..Default::default() };
    let described = again.ok::<DescribeDocument>(described).await.document.unwrap();
    assert_eq!((described.review_status.as_deref(), described.approved_version.as_deref()), (Some("APPROVED"), Some("1")));
    assert_eq!(described.tags.unwrap()[0].value, "v");
    let history = ListDocumentMetadataHistoryRequest { name: "template".into(), metadata: "DocumentReviews".into(), ..Default::default() };
    let history = again.ok::<ListDocumentMetadataHistory>(history).await.metadata.unwrap().reviewer_response.unwrap();
    assert_eq!((history.len(), history[0].review_status.as_deref(), history[0].reviewer.as_deref()), (1, Some("APPROVED"), Some("root")));
    assert_eq!(format!("{:?}", again.state()), format!("{:?}", cloud.state()));
}

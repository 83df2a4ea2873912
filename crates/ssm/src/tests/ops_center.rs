use super::fixture::*;
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_shape::Map;

fn issue(title: &str) -> CreateOpsItemRequest {
    CreateOpsItemRequest { title: title.into(), description: "d".into(), source: "EC2".into(), ..Default::default() }
}

fn data(pairs: &[(&str, &str)]) -> Option<Map<OpsItemDataValue>> {
    let value = |value: &str| OpsItemDataValue { value: Some(value.into()), r#type: Some("SearchableString".into()) };
    Some(pairs.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect())
}

impl TestCloud {
    async fn create(&self, input: CreateOpsItemRequest) -> String {
        self.ok::<CreateOpsItem>(input).await.ops_item_id.unwrap()
    }

    async fn item(&self, id: &str) -> Result<OpsItem, Fault> {
        let input = GetOpsItemRequest { ops_item_id: id.into(), ..Default::default() };
        Ok(self.call::<GetOpsItem>(input).await?.ops_item.unwrap())
    }

    async fn found(&self, filters: &[(&str, &str, &[&str])]) -> Vec<String> {
        let filter = |(key, operator, values): &(&str, &str, &[&str])| OpsItemFilter {
            key: (*key).into(),
            operator: (*operator).into(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let input = DescribeOpsItemsRequest { ops_item_filters: Some(filters.iter().map(filter).collect()), ..Default::default() };
        let summaries = self.ok::<DescribeOpsItems>(input).await.ops_item_summaries.unwrap();
        summaries.into_iter().map(|summary| summary.title.unwrap()).collect()
    }
}

#[tokio::test]
async fn an_item_is_created_changed_found_and_deleted() {
    let cloud = TestCloud::new();
    let id = cloud
        .create(CreateOpsItemRequest {
            priority: Some(2),
            severity: Some("1".into()),
            operational_data: data(&[("log", "disk full")]),
            ..issue("first")
        })
        .await;
    cloud.pass(60).await;
    let other = cloud.create(CreateOpsItemRequest { category: Some("Cost".into()), ..issue("second") }).await;
    let item = cloud.item(&id).await.unwrap();
    assert_eq!((item.status.as_deref(), item.version.as_deref(), item.ops_item_type.as_deref()), (Some("Open"), Some("1"), Some("/aws/issue")));
    for (filters, titles) in [
        (vec![], vec!["second", "first"]),
        (vec![("Title", "Contains", ["FIR"].as_slice())], vec!["first"]),
        (vec![("Priority", "Equal", &["2"])], vec!["first"]),
        (vec![("OperationalData", "Equal", &[r#"{"key":"log","value":"disk full"}"#])], vec!["first"]),
        (vec![("OperationalDataValue", "Contains", &["disk"])], vec!["first"]),
        (vec![("Category", "Equal", &["Cost"]), ("Status", "Equal", &["Open", "Resolved"])], vec!["second"]),
        (vec![("CreatedTime", "LessThan", &["1999-01-01T00:00:00Z"])], vec![]),
        (vec![("OpsItemType", "Equal", &["/aws/changerequest"])], vec![]),
    ] {
        assert_eq!(cloud.found(&filters).await, titles, "{filters:?}");
    }
    cloud
        .ok::<UpdateOpsItem>(UpdateOpsItemRequest {
            ops_item_id: id.clone(),
            status: Some("Resolved".into()),
            operational_data_to_delete: Some(vec!["log".into()]),
            related_ops_items: Some(vec![RelatedOpsItem { ops_item_id: other.clone() }]),
            ..Default::default()
        })
        .await;
    let item = cloud.item(&id).await.unwrap();
    assert_eq!((item.status.as_deref(), item.version.as_deref(), item.operational_data.unwrap().len()), (Some("Resolved"), Some("2"), 0));
    let events = cloud.ok::<ListOpsItemEvents>(Default::default()).await.summaries.unwrap();
    let kinds: Vec<_> =
        events.iter().filter(|event| event.ops_item_id.as_ref() == Some(&id)).map(|event| event.detail_type.clone().unwrap()).collect();
    assert_eq!(kinds, ["OpsItem Create", "OpsItem Update"]);
    for _ in 0..2 {
        cloud.ok::<DeleteOpsItem>(DeleteOpsItemRequest { ops_item_id: id.clone() }).await;
    }
    assert_eq!(cloud.item(&id).await.unwrap_err().name(), "OpsItemNotFoundException");
    assert_eq!(cloud.found(&[]).await, ["second"]);
}

#[tokio::test]
async fn equal_items_are_created_once_while_one_is_open() {
    let cloud = TestCloud::new();
    let equal = || CreateOpsItemRequest { operational_data: data(&[("/aws/dedup", r#"{"dedupString":"disk"}"#)]), ..issue("a") };
    let id = cloud.create(equal()).await;
    let fault = cloud.expect_fault::<CreateOpsItem>(equal()).await;
    assert_eq!(fault.name(), "OpsItemAlreadyExistsException");
    cloud.create(CreateOpsItemRequest { source: "RDS".into(), ..equal() }).await;
    cloud.ok::<UpdateOpsItem>(UpdateOpsItemRequest { ops_item_id: id.clone(), status: Some("Resolved".into()), ..Default::default() }).await;
    cloud.create(equal()).await;
    let change =
        UpdateOpsItemRequest { ops_item_id: id, operational_data: data(&[("/aws/dedup", r#"{"dedupString":"other"}"#)]), ..Default::default() };
    assert_eq!(cloud.expect_fault::<UpdateOpsItem>(change).await.name(), "OpsItemInvalidParameterException");
}

#[tokio::test]
async fn what_is_refused() {
    let cloud = TestCloud::new();
    let long = "x".repeat(20_481);
    for (input, name) in [
        (CreateOpsItemRequest { source: "my-aws".into(), ..issue("a") }, "OpsItemInvalidParameterException"),
        (CreateOpsItemRequest { ops_item_type: Some("/aws/changerequest".into()), ..issue("a") }, "OpsItemInvalidParameterException"),
        (CreateOpsItemRequest { operational_data: data(&[("aws-x", "1")]), ..issue("a") }, "OpsItemInvalidParameterException"),
        (CreateOpsItemRequest { operational_data: data(&[("/aws/dedup", "1")]), ..issue("a") }, "OpsItemInvalidParameterException"),
        (CreateOpsItemRequest { operational_data: data(&[("/aws/resources", "{}")]), ..issue("a") }, "OpsItemInvalidParameterException"),
        (CreateOpsItemRequest { operational_data: data(&[("log", &long)]), ..issue("a") }, "OpsItemInvalidParameterException"),
        (CreateOpsItemRequest { severity: Some("5".into()), ..issue("a") }, "OpsItemInvalidParameterException"),
        (CreateOpsItemRequest { category: Some("Weather".into()), ..issue("a") }, "OpsItemInvalidParameterException"),
        (CreateOpsItemRequest { account_id: Some("111111111111".into()), ..issue("a") }, "OpsItemAccessDeniedException"),
        (
            CreateOpsItemRequest { related_ops_items: Some(vec![RelatedOpsItem { ops_item_id: "oi-000000000000".into() }]), ..issue("a") },
            "OpsItemNotFoundException",
        ),
    ] {
        assert_eq!(cloud.expect_fault::<CreateOpsItem>(input).await.name(), name);
    }
    let id = cloud.create(issue("a")).await;
    let update = || UpdateOpsItemRequest { ops_item_id: id.clone(), ..Default::default() };
    for update in [
        UpdateOpsItemRequest { status: Some("Approved".into()), ..update() },
        UpdateOpsItemRequest { severity: Some("high".into()), ..update() },
        UpdateOpsItemRequest { category: Some("cost".into()), ..update() },
    ] {
        assert_eq!(cloud.expect_fault::<UpdateOpsItem>(update).await.name(), "OpsItemInvalidParameterException");
    }
}

#[tokio::test]
async fn related_items_and_counts() {
    let cloud = TestCloud::new();
    let id = cloud.create(issue("a")).await;
    cloud.create(CreateOpsItemRequest { source: "RDS".into(), ..issue("b") }).await;
    cloud.create(issue("c")).await;
    let link = AssociateOpsItemRelatedItemRequest {
        ops_item_id: id.clone(),
        association_type: "RelatesTo".into(),
        resource_type: "AWS::SSM::Document".into(),
        resource_uri: "arn:aws:ssm:us-east-1:000000000000:document/d".into(),
    };
    let association = cloud.ok::<AssociateOpsItemRelatedItem>(link.clone()).await.association_id.unwrap();
    assert_eq!(cloud.expect_fault::<AssociateOpsItemRelatedItem>(link).await.name(), "OpsItemRelatedItemAlreadyExistsException");
    let listed = cloud.ok::<ListOpsItemRelatedItems>(ListOpsItemRelatedItemsRequest { ops_item_id: Some(id.clone()), ..Default::default() }).await;
    assert_eq!(listed.summaries.unwrap().len(), 1);
    let unlink = DisassociateOpsItemRelatedItemRequest { ops_item_id: id, association_id: association };
    cloud.ok::<DisassociateOpsItemRelatedItem>(unlink.clone()).await;
    assert_eq!(cloud.expect_fault::<DisassociateOpsItemRelatedItem>(unlink).await.name(), "OpsItemRelatedItemAssociationNotFoundException");
    let count = |attribute: &str, aggregators| OpsAggregator {
        aggregator_type: Some("count".into()),
        type_name: Some("AWS:OpsItem".into()),
        attribute_name: Some(attribute.into()),
        aggregators,
        ..Default::default()
    };
    let input = GetOpsSummaryRequest { aggregators: Some(vec![count("Status", Some(vec![count("Source", None)]))]), ..Default::default() };
    let entities = cloud.ok::<GetOpsSummary>(input).await.entities.unwrap();
    let content = entities[0].data.as_ref().unwrap()["AWS:OpsItem"].content.clone().unwrap();
    let counted: Vec<_> = content.iter().map(|row| (row["Status"].as_str(), row["Source"].as_str(), row["Count"].as_str())).collect();
    assert_eq!(counted, [("Open", "EC2", "2"), ("Open", "RDS", "1")]);
}

#[tokio::test]
async fn metadata_of_applications() {
    let cloud = TestCloud::new();
    let values =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), MetadataValue { value: Some((*value).into()) })).collect();
    let create = CreateOpsMetadataRequest { resource_id: "app".into(), metadata: Some(values(&[("a", "1")])), ..Default::default() };
    let arn = cloud.ok::<CreateOpsMetadata>(create.clone()).await.ops_metadata_arn.unwrap();
    assert_eq!(cloud.expect_fault::<CreateOpsMetadata>(create).await.name(), "OpsMetadataAlreadyExistsException");
    let update = |pairs| UpdateOpsMetadataRequest {
        ops_metadata_arn: arn.clone(),
        metadata_to_update: Some(values(pairs)),
        keys_to_delete: Some(vec!["a".into()]),
    };
    cloud.ok::<UpdateOpsMetadata>(update(&[("b", "2")])).await;
    let many = [("c", "1"), ("d", "1"), ("e", "1"), ("f", "1"), ("g", "1")];
    assert_eq!(cloud.expect_fault::<UpdateOpsMetadata>(update(&many)).await.name(), "OpsMetadataKeyLimitExceededException");
    let got = cloud.ok::<GetOpsMetadata>(GetOpsMetadataRequest { ops_metadata_arn: arn.clone(), ..Default::default() }).await;
    assert_eq!((got.resource_id.as_deref(), got.metadata.unwrap().into_keys().collect::<Vec<_>>()), (Some("app"), vec!["b".to_owned()]));
    assert_eq!(cloud.ok::<ListOpsMetadata>(Default::default()).await.ops_metadata_list.unwrap().len(), 1);
    cloud.ok::<DeleteOpsMetadata>(DeleteOpsMetadataRequest { ops_metadata_arn: arn.clone() }).await;
    assert_eq!(
        cloud.expect_fault::<DeleteOpsMetadata>(DeleteOpsMetadataRequest { ops_metadata_arn: arn }).await.name(),
        "OpsMetadataNotFoundException"
    );
}

#[tokio::test]
async fn items_survive_a_restart() {
    let cloud = TestCloud::journaled();
    let equal = || CreateOpsItemRequest { operational_data: data(&[("/aws/dedup", r#"{"dedupString":"disk"}"#)]), ..issue("a") };
    let id = cloud.create(equal()).await;
    let restarted = cloud.restart();
    assert_eq!(
        restarted.ok::<GetOpsItem>(GetOpsItemRequest { ops_item_id: id, ..Default::default() }).await.ops_item.unwrap().title.as_deref(),
        Some("a")
    );
    assert_eq!(restarted.expect_fault::<CreateOpsItem>(equal()).await.name(), "OpsItemAlreadyExistsException");
    assert_eq!(restarted.ok::<ListOpsItemEvents>(Default::default()).await.summaries.unwrap().len(), 1);
}

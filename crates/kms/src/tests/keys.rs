use super::fixture::{DAY, TestCloud, assert_fault, said};
use crate::faults;
use cloudlet_api_kms::*;

#[tokio::test]
async fn a_new_key_is_described_as_aws_does() {
    let cloud = TestCloud::new();
    let metadata = cloud.create(CreateKeyRequest::default()).await;
    assert_eq!(metadata.key_state.as_deref(), Some("Enabled"));
    assert_eq!((metadata.description.as_deref(), metadata.enabled, metadata.multi_region), (Some(""), Some(true), Some(false)));
    assert_eq!(metadata.encryption_algorithms.as_deref(), Some(&["SYMMETRIC_DEFAULT".to_owned()][..]));
    assert!(metadata.current_key_material_id.is_some() && metadata.signing_algorithms.is_none() && metadata.expiration_model.is_none());
    let rsa = cloud.of_spec("RSA_2048", "SIGN_VERIFY").await;
    let rsa = cloud.describe(&rsa).await;
    assert_eq!((rsa.signing_algorithms.unwrap().len(), rsa.encryption_algorithms, rsa.current_key_material_id), (6, None, None));
}

#[tokio::test]
async fn specs_and_usages_must_fit() {
    let cloud = TestCloud::new();
    let create =
        |spec: &str, usage: Option<&str>| CreateKeyRequest { key_spec: Some(spec.into()), key_usage: usage.map(Into::into), ..Default::default() };
    let missing = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
    assert_fault(cloud.call::<CreateKey>(create("HMAC_256", None)).await, &faults::VALIDATION, missing);
    let unfit = "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048";
    assert_fault(cloud.call::<CreateKey>(create("RSA_2048", Some("KEY_AGREEMENT"))).await, &faults::VALIDATION, unfit);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_told_from_an_id_that_is_none() {
    let cloud = TestCloud::new();
    let describe = |id: &str| cloud.expect_fault::<DescribeKey>(DescribeKeyRequest { key_id: id.into(), ..Default::default() });
    let uuid = "134f2428-cec1-4b25-a1ae-9048164dba47";
    let arn = format!("arn:aws:kms:us-east-1:000000000000:key/{uuid}");
    for (id, message) in [
        (uuid, format!("Key '{arn}' does not exist")),
        (&*arn, format!("Key '{arn}' does not exist")),
        ("fake-key-id", "Invalid keyId 'fake-key-id'".to_owned()),
        ("134f2428cec14b25a1ae9048164dba47", "Invalid keyId '134f2428cec14b25a1ae9048164dba47'".to_owned()),
        ("mrk-fake-key-id", "Invalid keyId 'mrk-fake-key-id'".to_owned()),
        ("alias/none", "Alias arn:aws:kms:us-east-1:000000000000:alias/none is not found.".to_owned()),
        (&*arn.replace("us-east-1", "eu-west-1"), "Invalid arn eu-west-1".to_owned()),
    ] {
        assert_eq!(said(&describe(id).await), ("NotFoundException".to_owned(), message), "{id}");
    }
    assert!(describe("arn:aws:sqs:us-east-1:000000000000:q").await.is(&faults::INVALID_ARN));
}

#[tokio::test]
async fn a_disabled_key_and_one_pending_deletion_cannot_be_used_and_come_back() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let blob = cloud.encrypt(&arn, "text").await;
    cloud.disable(&arn).await;
    assert_fault(cloud.decrypt(&blob).await, &faults::DISABLED, &format!("{arn} is disabled."));
    cloud.enable(&arn).await;
    let scheduled = cloud.delete(&arn, 7).await;
    assert_eq!((scheduled.key_state.as_deref(), scheduled.pending_window_in_days), (Some("PendingDeletion"), Some(7)));
    assert_fault(cloud.decrypt(&blob).await, &faults::KMS_INVALID_STATE, &format!("{arn} is pending deletion."));
    assert_eq!(cloud.describe(&arn).await.deletion_date, scheduled.deletion_date);
    cloud.ok::<CancelKeyDeletion>(CancelKeyDeletionRequest { key_id: arn.clone() }).await;
    assert_eq!(cloud.state_of(&arn).await, "Disabled");
    cloud.pass(8 * DAY).await;
    cloud.enable(&arn).await;
    assert_eq!(cloud.decrypt(&blob).await.unwrap(), "text");
}

#[tokio::test]
async fn a_key_is_gone_with_its_aliases_when_its_window_is_over() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    cloud.alias("alias/mine", &arn).await;
    let blob = cloud.encrypt("alias/mine", "text").await;
    cloud.delete(&arn, 7).await;
    cloud.advance(7 * DAY);
    assert!(cloud.expect_fault::<DescribeKey>(DescribeKeyRequest { key_id: arn.clone(), ..Default::default() }).await.is(&faults::NOT_FOUND));
    cloud.settle().await;
    assert!(cloud.decrypt(&blob).await.unwrap_err().is(&faults::ACCESS_DENIED));
    let aliases = cloud.ok::<ListAliases>(ListAliasesRequest::default()).await.aliases.unwrap();
    assert!(aliases.iter().all(|alias| alias.alias_name.as_deref() != Some("alias/mine")));
    assert_eq!(cloud.ok::<ListKeys>(ListKeysRequest::default()).await.keys.unwrap().len(), 0);
}

#[tokio::test]
async fn keys_are_listed_in_pages() {
    let cloud = TestCloud::new();
    let mut made = vec![];
    for _ in 0..5 {
        made.push(cloud.symmetric().await);
    }
    made.sort();
    let mut seen = vec![];
    let mut marker = None;
    loop {
        let page = cloud.ok::<ListKeys>(ListKeysRequest { limit: Some(2), marker, ..Default::default() }).await;
        seen.extend(page.keys.unwrap().into_iter().filter_map(|key| key.key_arn));
        assert_eq!(page.truncated, Some(page.next_marker.is_some()));
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let wrong = cloud.expect_fault::<ListKeys>(ListKeysRequest { marker: Some("x".into()), ..Default::default() }).await;
    assert!(wrong.is(&faults::INVALID_MARKER));
}

#[tokio::test]
async fn tags_have_awss_rules() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let tag = |key: &str| Tag { tag_key: key.into(), tag_value: "v".into() };
    let tags = |tags: Vec<Tag>| TagResourceRequest { key_id: arn.clone(), tags };
    assert_fault(cloud.call::<TagResource>(tags(vec![tag("a"), tag("a")])).await, &faults::TAG, "Duplicate tag keys");
    assert_fault(cloud.call::<TagResource>(tags(vec![tag("aws:a")])).await, &faults::TAG, "Tags beginning with aws: are reserved");
    let many = (0..51).map(|number| tag(&number.to_string())).collect();
    assert_fault(cloud.call::<TagResource>(tags(many)).await, &faults::TAG, "Too many tags");
    cloud.ok::<TagResource>(tags(vec![tag("b"), tag("a")])).await;
    cloud.ok::<UntagResource>(UntagResourceRequest { key_id: arn.clone(), tag_keys: vec!["b".into()] }).await;
    let listed = cloud.ok::<ListResourceTags>(ListResourceTagsRequest { key_id: arn.clone(), ..Default::default() }).await.tags.unwrap();
    assert_eq!(listed.into_iter().map(|tag| tag.tag_key).collect::<Vec<_>>(), ["a"]);
}

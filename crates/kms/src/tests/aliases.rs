use super::fixture::{TestCloud, assert_fault, key};
use crate::faults;
use cloudlet_api_kms::*;

#[tokio::test]
async fn an_alias_stands_for_its_key_and_moves_to_another() {
    let cloud = TestCloud::new();
    let (one, two) = (cloud.symmetric().await, cloud.symmetric().await);
    cloud.alias("alias/mine", &one).await;
    assert_eq!(cloud.describe("alias/mine").await.arn, Some(one.clone()));
    assert_eq!(cloud.describe("arn:aws:kms:us-east-1:000000000000:alias/mine").await.arn, Some(one.clone()));
    cloud.ok::<UpdateAlias>(UpdateAliasRequest { alias_name: "alias/mine".into(), target_key_id: two.clone() }).await;
    assert_eq!(cloud.describe("alias/mine").await.arn, Some(two.clone()));
    let of = |id: &str| cloud.call::<ListAliases>(ListAliasesRequest { key_id: Some(id.into()), ..Default::default() });
    assert_eq!(of(&one).await.unwrap().aliases.unwrap().len(), 0);
    assert_eq!(of(&two).await.unwrap().aliases.unwrap().len(), 1);
    cloud.ok::<DeleteAlias>(DeleteAliasRequest { alias_name: "alias/mine".into() }).await;
    assert_eq!(of(&two).await.unwrap().aliases.unwrap().len(), 0);
}

#[tokio::test]
async fn names_that_are_not_for_customers_are_refused() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    let create = |name: &str| cloud.call::<CreateAlias>(CreateAliasRequest { alias_name: name.into(), target_key_id: key(&arn) });
    let prefix = "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
    assert_fault(create("mine").await, &faults::VALIDATION, prefix);
    assert!(create("alias/aws/mine").await.is_err());
    create("alias/mine").await.unwrap();
    assert!(create("alias/mine").await.unwrap_err().is(&faults::ALREADY_EXISTS));
}

#[tokio::test]
async fn an_alias_cannot_move_to_a_key_of_another_kind() {
    let cloud = TestCloud::new();
    let arn = cloud.symmetric().await;
    cloud.alias("alias/mine", &arn).await;
    let other = cloud.of_spec("HMAC_256", "GENERATE_VERIFY_MAC").await;
    assert!(cloud.call::<UpdateAlias>(UpdateAliasRequest { alias_name: "alias/mine".into(), target_key_id: other }).await.is_err());
}

#[tokio::test]
async fn an_aws_managed_key_is_made_on_first_use_and_only_described() {
    let cloud = TestCloud::new();
    let aliases = cloud.ok::<ListAliases>(ListAliasesRequest { limit: Some(100), ..Default::default() }).await.aliases.unwrap();
    let sqs = aliases.iter().find(|alias| alias.alias_name.as_deref() == Some("alias/aws/sqs")).unwrap();
    assert_eq!(sqs.target_key_id, None);
    let metadata = cloud.describe("alias/aws/sqs").await;
    assert_eq!(metadata.key_manager.as_deref(), Some("AWS"));
    let aliases = cloud.ok::<ListAliases>(ListAliasesRequest { limit: Some(100), ..Default::default() }).await.aliases.unwrap();
    let sqs = aliases.iter().find(|alias| alias.alias_name.as_deref() == Some("alias/aws/sqs")).unwrap();
    assert_eq!(sqs.target_key_id, Some(metadata.key_id.clone()));
    assert_eq!(cloud.describe("alias/aws/sqs").await.key_id, metadata.key_id);
    for refused in [
        cloud.call::<DisableKey>(DisableKeyRequest { key_id: metadata.key_id.clone() }).await.map(drop),
        cloud.call::<ScheduleKeyDeletion>(ScheduleKeyDeletionRequest { key_id: metadata.key_id.clone(), ..Default::default() }).await.map(drop),
        cloud.try_encrypt(cloud.root(), "alias/aws/sqs", "text", None).await.map(drop),
    ] {
        assert!(refused.unwrap_err().is(&faults::ACCESS_DENIED));
    }
}

use super::fixture::*;
use cloudlet_api_iam::*;

const METADATA: &str = include_str!("../../../saml/src/tests/metadata.xml");
const KEY: &str = include_str!("../../../saml/src/tests/private_key.pem");
const ARN: &str = "arn:aws:iam::123456789012:saml-provider/idp";

fn create() -> CreateSAMLProviderRequest {
    CreateSAMLProviderRequest { name: "idp".into(), saml_metadata_document: METADATA.into(), ..Default::default() }
}

fn update() -> UpdateSAMLProviderRequest {
    UpdateSAMLProviderRequest { saml_provider_arn: ARN.into(), ..Default::default() }
}

async fn get(cloud: &TestCloud) -> GetSAMLProviderResponse {
    cloud.ok::<GetSAMLProvider>(GetSAMLProviderRequest { saml_provider_arn: ARN.into() }).await
}

#[tokio::test]
async fn invalid_metadata_is_refused() {
    let cloud = TestCloud::new();
    for document in ["<a/>".to_owned(), METADATA.replace("X509Certificate", "X509Data"), METADATA.replace("entityID", "id"), "x".repeat(1000)] {
        let input = CreateSAMLProviderRequest { saml_metadata_document: document, ..create() };
        assert_eq!(cloud.fails::<CreateSAMLProvider>(input).await, ("InvalidInput".into(), "Could not parse metadata".into()));
    }
    cloud.ok::<CreateSAMLProvider>(create()).await;
    assert_eq!(get(&cloud).await.saml_metadata_document.as_deref(), Some(METADATA));
    let dated = METADATA.replace("entityID=", "validUntil=\"2040-01-01T00:00:00Z\" entityID=");
    cloud.ok::<UpdateSAMLProvider>(UpdateSAMLProviderRequest { saml_metadata_document: Some(dated), ..update() }).await;
    let until = get(&cloud).await.valid_until.unwrap();
    assert_eq!(Some(until), cloudlet_aws::Timestamp::parse_any("2040-01-01T00:00:00Z"));
}

#[tokio::test]
async fn required_encryption_needs_a_private_key() {
    let cloud = TestCloud::new();
    let required = CreateSAMLProviderRequest { assertion_encryption_mode: Some("Required".into()), ..create() };
    let none = "Unable to set assertion encryption mode to Required because no private key is provided.";
    assert_eq!(cloud.fails::<CreateSAMLProvider>(required.clone()).await.1, none);
    let wrong = CreateSAMLProviderRequest { add_private_key: Some("no key".into()), ..create() };
    assert_eq!(cloud.fails::<CreateSAMLProvider>(wrong).await.1, "Invalid private key.");
    cloud.ok::<CreateSAMLProvider>(CreateSAMLProviderRequest { add_private_key: Some(KEY.into()), ..required }).await;

    let nothing = cloud.fails::<UpdateSAMLProvider>(update()).await.1;
    assert_eq!(nothing, "Unable to update identity provider. No updates are defined for metadata or encryption assertion.");
    let add_key = UpdateSAMLProviderRequest { add_private_key: Some(KEY.into()), ..update() };
    cloud.ok::<UpdateSAMLProvider>(add_key.clone()).await;
    assert_eq!(cloud.fails::<UpdateSAMLProvider>(add_key.clone()).await, ("LimitExceeded".into(), "Private key limit of 2 is reached.".into()));
    let both = UpdateSAMLProviderRequest { remove_private_key: Some("x".into()), ..add_key };
    assert!(cloud.fails::<UpdateSAMLProvider>(both).await.1.starts_with("Unable to add and remove private keys in the same request."));

    let keys: Vec<String> = get(&cloud).await.private_key_list.unwrap().into_iter().filter_map(|key| key.key_id).collect();
    let remove_key = |id: &str| UpdateSAMLProviderRequest { remove_private_key: Some(id.into()), ..update() };
    assert!(cloud.fails::<UpdateSAMLProvider>(remove_key("UNKNOWNKEYUNKNOWNKEY")).await.1.contains("does not match a private key"));
    cloud.ok::<UpdateSAMLProvider>(remove_key(&keys[0])).await;
    assert_eq!(cloud.fails::<UpdateSAMLProvider>(remove_key(&keys[1])).await.1, "Failed to remove private key.");
    let mode = Some("Allowed".to_owned());
    cloud.ok::<UpdateSAMLProvider>(UpdateSAMLProviderRequest { assertion_encryption_mode: mode, ..remove_key(&keys[1]) }).await;
    assert!(get(&cloud).await.private_key_list.is_none());
}

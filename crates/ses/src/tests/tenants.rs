use super::fixture::*;
use cloudlet_api_ses as v1;
use cloudlet_api_sesv2::*;

const FROM: &str = "ann@example.com";

async fn ready() -> TestCloud {
    let cloud = builder(FREE).journaled().build();
    for address in [FROM, "bob@example.com"] {
        cloud.ok::<v1::VerifyEmailIdentity>(v1::VerifyEmailIdentityRequest { email_address: address.into() }).await;
    }
    cloud.ok::<CreateTenant>(CreateTenantRequest { tenant_name: "shop".into(), ..Default::default() }).await;
    cloud
}

fn mail(from: &str, to: &str) -> SendEmailRequest {
    let content = |data: &str| Content { data: data.into(), charset: None };
    let body = Body { text: Some(content("hello")), html: None };
    SendEmailRequest {
        from_email_address: Some(from.into()),
        destination: Some(Destination { to_addresses: Some(vec![to.into()]), ..Default::default() }),
        content: EmailContent { simple: Some(Message { subject: content("news"), body, headers: None, attachments: None }), ..Default::default() },
        tenant_name: Some("shop".into()),
        ..Default::default()
    }
}

fn association(resource: &str) -> CreateTenantResourceAssociationRequest {
    CreateTenantResourceAssociationRequest { tenant_name: "shop".into(), resource_arn: format!("arn:aws:ses:us-east-1:000000000000:{resource}") }
}

async fn arn(cloud: &TestCloud) -> String {
    cloud.ok::<GetTenant>(GetTenantRequest { tenant_name: "shop".into() }).await.tenant.unwrap().tenant_arn.unwrap()
}

#[tokio::test]
async fn a_tenant_sends_with_what_belongs_to_it() {
    let cloud = ready().await;
    let refused = cloud.expect_fault::<SendEmail>(mail(FROM, "c@d.com")).await;
    assert_eq!(error(&refused), ("BadRequestException".into(), "Email identity ann@example.com is not associated with tenant shop.".into()));
    cloud.ok::<CreateTenantResourceAssociation>(association("identity/ann@example.com")).await;
    cloud.ok::<SendEmail>(mail(FROM, "c@d.com")).await;
    assert!(newest_mail(&cloud).fields.contains(&("Tenant".into(), "shop".into())));
    assert!(cloud.expect_fault::<SendEmail>(mail("bob@example.com", "c@d.com")).await.message().contains("bob@example.com"));
    cloud.ok::<CreateConfigurationSet>(CreateConfigurationSetRequest { configuration_set_name: "set".into(), ..Default::default() }).await;
    let with_set = SendEmailRequest { configuration_set_name: Some("set".into()), ..mail(FROM, "c@d.com") };
    let refused = cloud.expect_fault::<SendEmail>(with_set.clone()).await;
    assert_eq!(refused.message(), "Configuration set set is not associated with tenant shop.");
    cloud.ok::<CreateTenantResourceAssociation>(association("configuration-set/set")).await;
    cloud.ok::<SendEmail>(with_set).await;
    let missing = SendEmailRequest { tenant_name: Some("none".into()), ..mail(FROM, "c@d.com") };
    assert_eq!(cloud.expect_fault::<SendEmail>(missing).await.code(), "NotFoundException");
    // A raw message names its tenant in a field.
    let raw = b"From: bob@example.com\r\nTo: c@d.com\r\nX-SES-TENANT: shop\r\nSubject: s\r\n\r\nhello\r\n".to_vec();
    let raw = SendEmailRequest { content: EmailContent { raw: Some(RawMessage { data: raw.into() }), ..Default::default() }, ..Default::default() };
    assert!(cloud.expect_fault::<SendEmail>(raw).await.message().contains("not associated with tenant shop"));
}

#[tokio::test]
async fn associations_are_listed_from_both_sides_and_end_with_the_tenant() {
    let cloud = ready().await;
    cloud.ok::<CreateTenantResourceAssociation>(association("identity/ann@example.com")).await;
    assert_eq!(cloud.expect_fault::<CreateTenantResourceAssociation>(association("identity/ann@example.com")).await.code(), "AlreadyExistsException");
    assert_eq!(cloud.expect_fault::<CreateTenantResourceAssociation>(association("identity/none.com")).await.code(), "NotFoundException");
    assert_eq!(cloud.expect_fault::<CreateTenantResourceAssociation>(association("contact-list/x")).await.code(), "BadRequestException");
    let of_tenant = ListTenantResourcesRequest { tenant_name: "shop".into(), ..Default::default() };
    let listed = cloud.ok::<ListTenantResources>(of_tenant.clone()).await.tenant_resources.unwrap();
    assert_eq!(listed[0].resource_type.as_deref(), Some("EMAIL_IDENTITY"));
    let none = ListTenantResourcesRequest { filter: Some([("RESOURCE_TYPE".into(), "EMAIL_TEMPLATE".into())].into_iter().collect()), ..of_tenant };
    assert!(cloud.ok::<ListTenantResources>(none).await.tenant_resources.unwrap().is_empty());
    let of_resource = ListResourceTenantsRequest { resource_arn: association("identity/ann@example.com").resource_arn, ..Default::default() };
    assert_eq!(cloud.ok::<ListResourceTenants>(of_resource.clone()).await.resource_tenants.unwrap().len(), 1);
    let again = cloud.restart();
    again.ok::<DeleteTenant>(DeleteTenantRequest { tenant_name: "shop".into() }).await;
    assert!(again.ok::<ListResourceTenants>(of_resource).await.resource_tenants.unwrap().is_empty());
    assert!(again.ok::<ListTenants>(Default::default()).await.tenants.unwrap().is_empty());
}

#[tokio::test]
async fn an_account_stops_a_tenant() {
    let cloud = ready().await;
    cloud.ok::<CreateTenantResourceAssociation>(association("identity/ann@example.com")).await;
    let reference = arn(&cloud).await;
    let stop = UpdateReputationEntityCustomerManagedStatusRequest {
        reputation_entity_type: "RESOURCE".into(),
        reputation_entity_reference: reference.clone(),
        sending_status: "DISABLED".into(),
    };
    cloud.ok::<UpdateReputationEntityCustomerManagedStatus>(stop).await;
    assert_eq!(cloud.expect_fault::<SendEmail>(mail(FROM, "c@d.com")).await.code(), "SendingPausedException");
    let policy = |policy: &str| UpdateReputationEntityPolicyRequest {
        reputation_entity_type: "RESOURCE".into(),
        reputation_entity_reference: reference.clone(),
        reputation_entity_policy: format!("arn:aws:ses:us-east-1:aws:reputation-policy/{policy}"),
    };
    cloud.ok::<UpdateReputationEntityPolicy>(policy("strict")).await;
    assert_eq!(cloud.expect_fault::<UpdateReputationEntityPolicy>(policy("lax")).await.code(), "BadRequestException");
    let get = GetReputationEntityRequest { reputation_entity_type: "RESOURCE".into(), reputation_entity_reference: reference.clone() };
    let entity = cloud.restart().ok::<GetReputationEntity>(get).await.reputation_entity.unwrap();
    assert_eq!(entity.sending_status_aggregate.as_deref(), Some("DISABLED"));
    assert!(entity.reputation_management_policy.unwrap().ends_with("/strict"));
    let disabled = Some([("SENDING_STATUS".into(), "DISABLED".into())].into_iter().collect());
    let listed = cloud.ok::<ListReputationEntities>(ListReputationEntitiesRequest { filter: disabled, ..Default::default() }).await;
    assert_eq!(listed.reputation_entities.unwrap().len(), 1);
}

#[tokio::test]
async fn a_tenant_may_have_a_suppression_list_of_its_own() {
    let cloud = ready().await;
    cloud.ok::<CreateTenantResourceAssociation>(association("identity/ann@example.com")).await;
    let put = |tenant: Option<&str>, address: &str| PutSuppressedDestinationRequest {
        email_address: address.into(),
        reason: "BOUNCE".into(),
        tenant_name: tenant.map(str::to_owned),
    };
    cloud.ok::<PutSuppressedDestination>(put(None, "of-account@d.com")).await;
    cloud.ok::<PutSuppressedDestination>(put(Some("shop"), "of-tenant@d.com")).await;
    let reached = async |cloud: &TestCloud, address: &str| {
        cloud.ok::<SendEmail>(mail(FROM, address)).await;
        cloud.mail().iter().any(|mail| mail.to.contains(&address.to_owned()))
    };
    // Without a list of its own the account's counts.
    assert!(!reached(&cloud, "of-account@d.com").await);
    assert!(reached(&cloud, "of-tenant@d.com").await);
    let own = PutTenantSuppressionAttributesRequest {
        tenant_name: "shop".into(),
        suppressed_reasons: Some(vec!["BOUNCE".into()]),
        suppression_scope: Some("TENANT".into()),
    };
    cloud.ok::<PutTenantSuppressionAttributes>(own).await;
    let again = cloud.restart();
    assert!(reached(&again, "of-account@d.com").await);
    let before = again.mail().iter().filter(|mail| mail.to.contains(&"of-tenant@d.com".to_owned())).count();
    again.ok::<SendEmail>(mail(FROM, "of-tenant@d.com")).await;
    assert_eq!(again.mail().iter().filter(|mail| mail.to.contains(&"of-tenant@d.com".to_owned())).count(), before);
    let listed = ListSuppressedDestinationsRequest { tenant_name: Some("shop".into()), ..Default::default() };
    let listed = again.ok::<ListSuppressedDestinations>(listed).await.suppressed_destination_summaries.unwrap();
    assert_eq!(listed.iter().map(|one| one.email_address.as_str()).collect::<Vec<_>>(), ["of-tenant@d.com"]);
    let delete = DeleteSuppressedDestinationRequest { email_address: "of-tenant@D.COM".into(), tenant_name: Some("shop".into()) };
    again.ok::<DeleteSuppressedDestination>(delete.clone()).await;
    assert_eq!(again.expect_fault::<DeleteSuppressedDestination>(delete).await.code(), "NotFoundException");
}

#[tokio::test]
async fn an_endpoint_of_two_regions_is_ready_after_a_while() {
    let cloud = ready().await;
    let create = |region: &str| CreateMultiRegionEndpointRequest {
        endpoint_name: "both".into(),
        details: Details { routes_details: vec![RouteDetails { region: region.into() }] },
        tags: None,
    };
    assert_eq!(cloud.expect_fault::<CreateMultiRegionEndpoint>(create("us-east-1")).await.code(), "BadRequestException");
    let id = cloud.ok::<CreateMultiRegionEndpoint>(create("eu-west-1")).await.endpoint_id;
    let through = SendEmailRequest { endpoint_id: id, tenant_name: None, ..mail(FROM, "c@d.com") };
    assert_eq!(cloud.expect_fault::<SendEmail>(through.clone()).await.code(), "BadRequestException");
    let cloud = cloud.restart();
    cloud.pass(5).await;
    let get = GetMultiRegionEndpointRequest { endpoint_name: "both".into() };
    let shown = cloud.ok::<GetMultiRegionEndpoint>(get.clone()).await;
    assert_eq!((shown.status.as_deref(), shown.routes.unwrap().len()), (Some("READY"), 2));
    cloud.ok::<SendEmail>(through).await;
    cloud.ok::<DeleteMultiRegionEndpoint>(DeleteMultiRegionEndpointRequest { endpoint_name: "both".into() }).await;
    assert_eq!(cloud.ok::<ListMultiRegionEndpoints>(Default::default()).await.multi_region_endpoints.unwrap()[0].status.as_deref(), Some("DELETING"));
    cloud.pass(5).await;
    assert_eq!(cloud.expect_fault::<GetMultiRegionEndpoint>(get).await.code(), "NotFoundException");
}

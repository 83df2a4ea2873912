//! VPC endpoints: gateways are routes.

use super::{
    cloud,
    networks::{main_table, new_vpc},
};
use cloudlet_api_ec2::*;

#[tokio::test]
async fn a_gateway_endpoint_is_a_route_and_goes_with_it() {
    let cloud = cloud();
    let vpc = new_vpc(&cloud, "10.0.0.0/16").await;
    let table = main_table(&cloud, &vpc).await.route_table_id.unwrap();
    let create = |policy: Option<&str>| CreateVpcEndpointRequest {
        vpc_id: vpc.clone(),
        service_name: Some("com.amazonaws.us-east-1.s3".into()),
        route_table_ids: Some(vec![table.clone()]),
        policy_document: policy.map(Into::into),
        ..Default::default()
    };
    assert_eq!(cloud.expect_fault::<CreateVpcEndpoint>(create(Some("{}"))).await.code(), "InvalidPolicyDocument");
    let endpoint = cloud.ok::<CreateVpcEndpoint>(create(None)).await.vpc_endpoint.unwrap();
    let id = endpoint.vpc_endpoint_id.unwrap();
    assert_eq!(endpoint.state.as_deref(), Some("available"));
    let routes = main_table(&cloud, &vpc).await.routes.unwrap();
    assert_eq!((routes[1].destination_prefix_list_id.as_deref(), routes[1].gateway_id.as_ref()), (Some("pl-63a5400a"), Some(&id)));
    assert_eq!(cloud.expect_fault::<CreateVpcEndpoint>(create(None)).await.code(), "RouteAlreadyExists");
    cloud.ok::<DeleteVpcEndpoints>(DeleteVpcEndpointsRequest { vpc_endpoint_ids: vec![id.clone()], dry_run: None }).await;
    assert_eq!(main_table(&cloud, &vpc).await.routes.unwrap().len(), 1);
    let again = cloud.ok::<DeleteVpcEndpoints>(DeleteVpcEndpointsRequest { vpc_endpoint_ids: vec![id], dry_run: None }).await;
    assert_eq!(again.unsuccessful.unwrap()[0].error.as_ref().unwrap().code.as_deref(), Some("InvalidVpcEndpointId.NotFound"));
}
